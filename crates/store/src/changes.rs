//! The change log: full states, so that applying a row twice does no harm.

use keyward_core::api::{Account, Api};
use keyward_core::client::{Client, ClientGrant};
use keyward_core::id::{AccountId, ApiId, ClientId, GrantId};
use keyward_core::policy::Change;
use keyward_core::time::Timestamp;
use keyward_core::token::TokenId;
use serde::{Deserialize, Serialize};
use sqlx::query;

use crate::cells::Cells;
use crate::dialect::Row;
use crate::encode::Body;
use crate::entity::{Entity, signed};
use crate::error::StoreError;
use crate::model::ChangeRow;
use crate::store::Store;

/// The word in the change log for a revoked token; the other kinds are [`Entity::KIND`].
pub(crate) const REVOKED_TOKEN: &str = "revoked_token";
const TABLE: &str = "change_log";

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
    /// [`StoreError::Corrupt`] when a row cannot be what was written, or one is missing.
    pub async fn changes_since(
        &self,
        revision: u64,
        limit: u32,
    ) -> Result<Vec<ChangeRow>, StoreError> {
        let sql = "SELECT seq, shard, txn_end, kind, entity, refers_to, body, at FROM change_log \
                   WHERE shard = 0 AND seq > $1 ORDER BY seq LIMIT $2";
        let mut reader = self.inner.reader().await?;
        let rows = query(sql)
            .bind(signed(revision))
            .bind(i64::from(limit))
            .fetch_all(&mut *reader)
            .await
            .map_err(|error| self.inner.fault(&error))?;
        let mut expected = revision;
        let mut changes = Vec::with_capacity(rows.len());
        for row in &rows {
            let change = change_row(row)?;
            expected = expected.saturating_add(1);
            if change.seq != expected {
                return Err(StoreError::corrupt(TABLE, "seq", expected.to_string(), "is missing"));
            }
            changes.push(change);
        }
        Ok(changes)
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
        REVOKED_TOKEN => Err(cells.corrupt("body", "is missing: a revocation has no end")),
        _ => Err(cells.corrupt("kind", "holds a word that is not known")),
    }
}
