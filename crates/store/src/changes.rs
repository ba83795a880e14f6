//! The change log: full states, so that applying a row twice does no harm.

use keyward_core::action::{Action, ActionVersion, Bindings};
use keyward_core::api::{Account, Api};
use keyward_core::client::{Client, ClientGrant};
use keyward_core::gateway::Gateway;
use keyward_core::id::{AccountId, ActionId, ActionVersionId, ApiId, ClientId, GatewayId, GrantId};
use keyward_core::policy::Change;
use keyward_core::tenant::Tenant;
use keyward_core::time::Timestamp;
use keyward_core::token::TokenId;
use serde::{Deserialize, Serialize};
use sqlx::query;

use crate::cells::Cells;
use crate::dialect::{Connection, Row};
use crate::encode::Body;
use crate::entity::{Entity, signed};
use crate::error::StoreError;
use crate::model::ChangeRow;
use crate::store::{Inner, Store};

/// The word in the change log for a revoked token; the other kinds are [`Entity::KIND`].
pub(crate) const REVOKED_TOKEN: &str = "revoked_token";
/// The word for keys that were rotated or revoked. The keys are not in the log: who is told reads
/// their table.
pub(crate) const SIGNING_KEYS: &str = "signing_keys";
const TABLE: &str = "change_log";
/// How many changes are kept at least. The one node there is has applied a change when its write
/// ends; one that fell behind further than this loads everything anew.
const CHANGES_KEPT: u64 = 1_000;
/// How many are forgotten together, so that few writes pay for it.
const FORGOTTEN_AT_ONCE: u64 = 256;

/// What the change log keeps of a revoked token.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RevocationBody {
    pub(crate) client_id: String,
    pub(crate) expires_at: i64,
}

impl Store {
    /// The changes after `revision`, at most `limit`, without a gap. The last one may stand in the
    /// middle of a transaction: see [`ChangeRow::txn_end`].
    ///
    /// # Errors
    /// [`StoreError::BelowFloor`] when changes after `revision` were forgotten already: take a
    /// [`Store::snapshot`]. [`StoreError::Corrupt`] when a row cannot be what was written, or one
    /// is missing.
    pub async fn changes_since(
        &self,
        revision: u64,
        limit: u32,
    ) -> Result<Vec<ChangeRow>, StoreError> {
        let sql = "SELECT seq, shard, txn_end, kind, entity, refers_to, body, at FROM change_log \
                   WHERE shard = 0 AND seq > $1 ORDER BY seq LIMIT $2";
        let mut reading = self.inner.begin_read().await?;
        let (head, floor) = self.inner.change_head(&mut reading.connection).await?;
        if revision < floor {
            return Err(StoreError::BelowFloor { revision, floor });
        }
        let rows = query(sql)
            .bind(signed(revision))
            .bind(i64::from(limit))
            .fetch_all(&mut *reading.connection)
            .await
            .map_err(|error| self.inner.fault(&error))?;
        reading.end().await?;
        let missing = |seq: u64| StoreError::corrupt(TABLE, "seq", seq.to_string(), "is missing");
        if rows.is_empty() && revision < head && limit > 0 {
            return Err(missing(revision.saturating_add(1)));
        }
        let mut expected = revision;
        let mut changes = Vec::with_capacity(rows.len());
        for row in &rows {
            let change = change_row(row)?;
            expected = expected.saturating_add(1);
            if change.seq != expected {
                return Err(missing(expected));
            }
            changes.push(change);
        }
        Ok(changes)
    }
}

impl Inner {
    /// The number of the last change, and that of the last one that was forgotten.
    async fn change_head(&self, connection: &mut Connection) -> Result<(u64, u64), StoreError> {
        let sql = "SELECT seq, floor FROM change_head WHERE shard = 0";
        let row =
            query(sql).fetch_optional(connection).await.map_err(|error| self.fault(&error))?;
        let Some(row) = row else {
            return Err(StoreError::corrupt("change_head", "shard", "0", "is missing"));
        };
        let mut cells = Cells::new("change_head", &row);
        Ok((cells.number("seq")?, cells.number("floor")?))
    }

    /// Forgets changes that no node needs any more: the newest [`CHANGES_KEPT`] stay, all older
    /// ones are deleted, some at a time. Called in the transaction that appends, between the
    /// revision before it and the one after it.
    pub(crate) async fn forget_changes(
        &self,
        connection: &mut Connection,
        before: u64,
        after: u64,
    ) -> Result<(), StoreError> {
        let floor = after.saturating_sub(CHANGES_KEPT);
        if floor == 0 || before / FORGOTTEN_AT_ONCE == after / FORGOTTEN_AT_ONCE {
            return Ok(());
        }
        let statements = [
            "DELETE FROM change_log WHERE shard = 0 AND seq <= $1",
            "UPDATE change_head SET floor = $1 WHERE shard = 0 AND floor < $1",
        ];
        for sql in statements {
            let done = query(sql).bind(signed(floor)).execute(&mut *connection).await;
            done.map_err(|error| self.fault(&error))?;
        }
        Ok(())
    }
}

fn change_row(row: &Row) -> Result<ChangeRow, StoreError> {
    let mut cells = Cells::new(TABLE, row);
    let (seq, shard) = (cells.number("seq")?, cells.number("shard")?);
    let txn_end = cells.truth("txn_end")?;
    let (kind, entity) = (cells.text("kind")?, cells.text("entity")?);
    let refers_to = cells.optional_text("refers_to")?;
    let body = cells.optional_text("body")?;
    let at = Timestamp::from_millis(cells.integer("at")?);
    let change = match body {
        Some(body) => state(&cells, &kind, &entity, &body)?,
        None => end(&cells, &kind, &entity, refers_to.as_deref())?,
    };
    Ok(ChangeRow { shard, seq, txn_end, change, at })
}

fn state(cells: &Cells<'_>, kind: &str, entity: &str, body: &str) -> Result<Change, StoreError> {
    match kind {
        Client::KIND => full::<Client>(cells, entity, body),
        Account::KIND => full::<Account>(cells, entity, body),
        Api::KIND => full::<Api>(cells, entity, body),
        ClientGrant::KIND => full::<ClientGrant>(cells, entity, body),
        Gateway::KIND => full::<Gateway>(cells, entity, body),
        Action::KIND => full::<Action>(cells, entity, body),
        ActionVersion::KIND => full::<ActionVersion>(cells, entity, body),
        Bindings::KIND => full::<Bindings>(cells, entity, body),
        Tenant::KIND => full::<Tenant>(cells, entity, body),
        SIGNING_KEYS => Ok(Change::SigningKeys),
        REVOKED_TOKEN => {
            let body: RevocationBody =
                serde_json::from_str(body).map_err(|error| cells.not_json("body", &error))?;
            let token = crate::hex::decode(entity).map(TokenId);
            let token = token.ok_or_else(|| cells.corrupt("entity", "is no token id"))?;
            let expires_at = Timestamp::from_millis(body.expires_at);
            Ok(Change::TokenRevoked { token, expires_at })
        }
        _ => Err(cells.corrupt("kind", "holds a word that is not known")),
    }
}

fn full<E: Entity>(cells: &Cells<'_>, entity: &str, body: &str) -> Result<Change, StoreError> {
    let body: E::Body =
        serde_json::from_str(body).map_err(|error| cells.not_json("body", &error))?;
    let read = body.read().map_err(|fault| {
        cells.corrupt("body", &format!("has a field `{}` that {}", fault.field, fault.what))
    })?;
    if read.id_text() == entity {
        Ok(read.change())
    } else {
        Err(cells.corrupt("entity", "differs from the id in the body"))
    }
}

fn end(
    cells: &Cells<'_>,
    kind: &str,
    entity: &str,
    refers_to: Option<&str>,
) -> Result<Change, StoreError> {
    let bad = |column: &'static str| move |_| cells.corrupt(column, "holds no identifier");
    match kind {
        Client::KIND => Ok(Change::ClientDeleted(ClientId::parse(entity).map_err(bad("entity"))?)),
        Account::KIND => {
            Ok(Change::AccountDeleted(AccountId::parse(entity).map_err(bad("entity"))?))
        }
        Api::KIND => Ok(Change::ApiDeleted(ApiId::parse(entity).map_err(bad("entity"))?)),
        Gateway::KIND => {
            Ok(Change::GatewayDeleted(GatewayId::parse(entity).map_err(bad("entity"))?))
        }
        Action::KIND => Ok(Change::ActionDeleted(ActionId::parse(entity).map_err(bad("entity"))?)),
        ActionVersion::KIND => {
            Ok(Change::ActionVersionDeleted(ActionVersionId::parse(entity).map_err(bad("entity"))?))
        }
        ClientGrant::KIND => {
            let (client, api) = refers_to
                .and_then(|text| text.split_once(' '))
                .ok_or_else(|| cells.corrupt("refers_to", "names no client and API"))?;
            Ok(Change::GrantDeleted {
                id: GrantId::parse(entity).map_err(bad("entity"))?,
                client: ClientId::parse(client).map_err(bad("refers_to"))?,
                api: ApiId::parse(api).map_err(bad("refers_to"))?,
            })
        }
        REVOKED_TOKEN | SIGNING_KEYS | Tenant::KIND => {
            Err(cells.corrupt("body", "is missing: a thing of this kind has no end"))
        }
        _ => Err(cells.corrupt("kind", "holds a word that is not known")),
    }
}
