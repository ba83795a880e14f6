//! The audit log: one row for each thing done, each holding the hash of the row before.
//!
//! Whoever changes, removes or inserts a row breaks the chain there. Whoever rewrites everything
//! from there on does not; against that, the head hash can be noted elsewhere.

use aws_lc_rs::digest::{Context, SHA256};
use futures_util::TryStreamExt;
use keyward_core::time::Timestamp;
use sqlx::{query, query_scalar};

use crate::cells::Cells;
use crate::dialect::{Connection, Row};
use crate::entity::signed;
use crate::error::StoreError;
use crate::model::{AuditRow, AuditVerdict, BadAuditRow};
use crate::page::{AuditFilter, Page, PageOf};
use crate::read::Builder;
use crate::store::{Inner, Store};

const TABLE: &str = "audit_log";
/// Of how many bytes of states a part of the log is full, however few rows it has.
const PAGE_BYTES: usize = 4 * 1024 * 1024;
/// The one shard there is. Its number is hashed too.
const SHARD: i64 = 0;
/// Keeps these hashes apart from any other use of SHA-256, and tells the form hashed.
const DOMAIN: &[u8] = b"keyward audit row 1";
/// The hash of the row that every log begins with; the first migration writes it.
const GENESIS: &str = "23b443af814067d3a7937029fefc50181f04c0a12eff16ae82f2b89f383f024c";
/// What the first row has in place of the hash of a row before.
const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

macro_rules! columns {
    () => {
        "seq, shard, at, actor_kind, actor_id, actor_address, request_id, action, target_kind, \
         target_id, before_state, after_state, revision, previous_hash, hash"
    };
}

const SELECT: &str = concat!("SELECT ", columns!(), " FROM audit_log");
const SELECT_IN_ORDER: &str = concat!("SELECT ", columns!(), " FROM audit_log ORDER BY seq");
const INSERT: &str = concat!(
    "INSERT INTO audit_log (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
);

impl Store {
    /// Rows of the audit log, the newest first. After a cursor there may be fewer than asked for
    /// although more follow, when they are large.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`] and [`StoreError::Cursor`].
    pub async fn audit(
        &self,
        filter: &AuditFilter,
        page: &Page,
    ) -> Result<PageOf<AuditRow>, StoreError> {
        // The fixed first row tells nobody anything.
        let start = |head: &str| {
            let mut sql = Builder::new(head);
            sql.push(" WHERE shard = 0 AND seq > 0");
            push_conditions(&mut sql, filter);
            sql
        };
        let mut sql = start(SELECT);
        match page {
            Page::Offset { offset, limit } => {
                sql.push(" ORDER BY seq DESC LIMIT ").push_bind(i64::from(*limit));
                sql.push(" OFFSET ").push_bind(signed(*offset));
                let mut reading = self.inner.begin_read().await?;
                let total = start("SELECT COUNT(*) FROM audit_log")
                    .build_query_scalar::<i64>()
                    .fetch_one(&mut *reading.connection)
                    .await
                    .map_err(|error| self.inner.fault(&error))?;
                let items = self.inner.audit_rows(&mut reading.connection, &mut sql).await?;
                reading.end().await?;
                let total = Some(u64::try_from(total).unwrap_or_default());
                Ok(PageOf { items, total, next: None })
            }
            Page::After { cursor, limit } => {
                if let Some(cursor) = cursor {
                    let seq: i64 = cursor
                        .parse()
                        .map_err(|_| StoreError::Cursor { cursor: cursor.clone() })?;
                    sql.push(" AND seq < ").push_bind(seq);
                }
                sql.push(" ORDER BY seq DESC LIMIT ").push_bind(i64::from(*limit) + 1);
                let mut reader = self.inner.reader().await?;
                self.inner.audit_part(&mut reader, &mut sql, *limit).await
            }
        }
    }

    /// Reads the whole audit log and checks that it is what was written: every row, their order,
    /// their end, and that the policy's last change has its row.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it cannot be read at all. What is wrong with the log is in
    /// the verdict.
    pub async fn verify_audit(&self) -> Result<AuditVerdict, StoreError> {
        let mut reading = self.inner.begin_read().await?;
        let verdict = self.inner.verify_audit(&mut reading.connection).await?;
        reading.end().await?;
        Ok(verdict)
    }
}

fn push_conditions(sql: &mut Builder, filter: &AuditFilter) {
    if let Some(kind) = &filter.target_kind {
        sql.push(" AND target_kind = ").push_bind(kind.clone());
    }
    if let Some(id) = &filter.target_id {
        sql.push(" AND target_id = ").push_bind(id.clone());
    }
    if let Some(actor) = &filter.actor {
        sql.push(" AND actor_id = ").push_bind(actor.clone());
    }
    if let Some(since) = filter.since {
        sql.push(" AND at >= ").push_bind(since.millis());
    }
}

impl Inner {
    /// Rows up to a number, or up to a size: a row holds a thing twice, and a list may be long.
    async fn audit_part(
        &self,
        connection: &mut Connection,
        sql: &mut Builder,
        limit: u32,
    ) -> Result<PageOf<AuditRow>, StoreError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut rows = sql.build().fetch(connection);
        let mut items: Vec<AuditRow> = Vec::new();
        let (mut bytes, mut next) = (0_usize, None);
        while let Some(row) = rows.try_next().await.map_err(|error| self.fault(&error))? {
            if items.len() >= limit || bytes >= PAGE_BYTES {
                next = items.last().map(|last| last.seq.to_string());
                break;
            }
            let (_, row) = audit_row(&row)?;
            let states = [&row.before, &row.after].into_iter().flatten();
            bytes = states.map(String::len).fold(bytes, usize::saturating_add);
            items.push(row);
        }
        Ok(PageOf { items, total: None, next })
    }

    async fn audit_rows(
        &self,
        connection: &mut Connection,
        sql: &mut Builder,
    ) -> Result<Vec<AuditRow>, StoreError> {
        let rows = sql.build().fetch_all(connection).await.map_err(|error| self.fault(&error))?;
        rows.iter().map(|row| audit_row(row).map(|(_, row)| row)).collect()
    }

    /// Appends rows to the chain, inside a transaction that holds the counter's lock.
    pub(crate) async fn append_audit(
        &self,
        connection: &mut Connection,
        rows: Vec<AuditRow>,
    ) -> Result<(), StoreError> {
        let (mut seq, mut hash) = self.audit_head(connection).await?;
        for mut row in rows {
            seq = seq.saturating_add(1);
            row.seq = seq;
            row.previous_hash = hash;
            row.hash = hash_of(SHARD, &row);
            hash = row.hash.clone();
            let done = query(INSERT)
                .bind(signed(row.seq))
                .bind(SHARD)
                .bind(row.at.millis())
                .bind(row.actor_kind)
                .bind(row.actor_id)
                .bind(row.actor_address)
                .bind(row.request_id)
                .bind(row.action)
                .bind(row.target_kind)
                .bind(row.target_id)
                .bind(row.before)
                .bind(row.after)
                .bind(signed(row.revision))
                .bind(row.previous_hash)
                .bind(row.hash)
                .execute(&mut *connection)
                .await;
            done.map_err(|error| self.fault(&error))?;
        }
        let sql = "UPDATE audit_head SET seq = $1, hash = $2 WHERE shard = 0";
        let done = query(sql).bind(signed(seq)).bind(hash).execute(connection).await;
        done.map(|_| ()).map_err(|error| self.fault(&error))
    }

    async fn audit_head(&self, connection: &mut Connection) -> Result<(u64, String), StoreError> {
        let sql = "SELECT seq, hash FROM audit_head WHERE shard = 0";
        let row =
            query(sql).fetch_optional(connection).await.map_err(|error| self.fault(&error))?;
        let Some(row) = row else {
            return Err(StoreError::corrupt("audit_head", "shard", "0", "is missing"));
        };
        let mut cells = Cells::new("audit_head", &row);
        Ok((cells.number("seq")?, cells.text("hash")?))
    }

    async fn verify_audit(&self, connection: &mut Connection) -> Result<AuditVerdict, StoreError> {
        let mut chain = Chain::default();
        {
            let mut rows = query(SELECT_IN_ORDER).fetch(&mut *connection);
            while let Some(row) = rows.try_next().await.map_err(|error| self.fault(&error))? {
                if let Err(first_bad) = chain.next(&row) {
                    return Ok(chain.verdict(Some(first_bad)));
                }
            }
        }
        let bad = |seq, what: &str| Some(BadAuditRow { seq, what: what.to_owned() });
        let end = match self.audit_head(connection).await {
            Ok(end) => end,
            Err(StoreError::Corrupt { place, what }) => {
                let first_bad = bad(chain.next_seq, &format!("cannot be told: {place} {what}"));
                return Ok(chain.verdict(first_bad));
            }
            Err(error) => return Err(error),
        };
        let first_bad = if end.0 >= chain.next_seq {
            bad(chain.next_seq, "is missing: rows were cut off the end")
        } else if end != (chain.next_seq.saturating_sub(1), chain.hash.clone()) {
            bad(chain.next_seq.saturating_sub(1), "is not the row that was written last")
        } else {
            let sql = "SELECT seq FROM change_head WHERE shard = 0";
            let head = query_scalar::<_, i64>(sql).fetch_one(connection).await;
            let head = head.map_err(|error| self.fault(&error))?;
            let text = "is missing: the policy has changes that no row tells of";
            if head == signed(chain.revision) { None } else { bad(chain.next_seq, text) }
        };
        Ok(chain.verdict(first_bad))
    }
}

/// The chain as far as it was checked.
struct Chain {
    next_seq: u64,
    hash: String,
    revision: u64,
}

impl Default for Chain {
    fn default() -> Self {
        Self { next_seq: 0, hash: NOTHING.to_owned(), revision: 0 }
    }
}

impl Chain {
    fn next(&mut self, row: &Row) -> Result<(), BadAuditRow> {
        let seq = self.next_seq;
        let bad = |what: String| Err(BadAuditRow { seq, what });
        let (shard, row) = match audit_row(row) {
            Ok(row) => row,
            Err(error) => return bad(format!("cannot be read: {error}")),
        };
        if row.seq != seq {
            return bad(format!("is missing: the next row has number {}", row.seq));
        }
        if row.previous_hash != self.hash {
            return bad("does not follow the row before it".to_owned());
        }
        if row.hash != hash_of(shard, &row) || (seq == 0 && row.hash != GENESIS) {
            return bad("was changed after it was written".to_owned());
        }
        self.next_seq = seq.saturating_add(1);
        self.hash = row.hash;
        self.revision = row.revision;
        Ok(())
    }

    fn verdict(self, first_bad: Option<BadAuditRow>) -> AuditVerdict {
        let first_bad = match (first_bad, self.next_seq) {
            (None, 0) => {
                Some(BadAuditRow { seq: 0, what: "is missing: the log is empty".to_owned() })
            }
            (first_bad, _) => first_bad,
        };
        AuditVerdict { rows: self.next_seq.saturating_sub(1), first_bad, head: self.hash }
    }
}

fn audit_row(row: &Row) -> Result<(i64, AuditRow), StoreError> {
    let mut cells = Cells::new(TABLE, row);
    let (seq, shard) = (cells.number("seq")?, cells.integer("shard")?);
    let row = AuditRow {
        seq,
        at: Timestamp::from_millis(cells.integer("at")?),
        actor_kind: cells.text("actor_kind")?,
        actor_id: cells.text("actor_id")?,
        actor_address: cells.optional_text("actor_address")?,
        request_id: cells.text("request_id")?,
        action: cells.text("action")?,
        target_kind: cells.text("target_kind")?,
        target_id: cells.text("target_id")?,
        before: cells.optional_text("before_state")?,
        after: cells.optional_text("after_state")?,
        revision: cells.number("revision")?,
        previous_hash: cells.text("previous_hash")?,
        hash: cells.text("hash")?,
    };
    Ok((shard, row))
}

/// SHA-256 over the row. Every field is preceded by its length, so that no two rows read alike.
fn hash_of(shard: i64, row: &AuditRow) -> String {
    let mut context = Context::new(&SHA256);
    context.update(DOMAIN);
    let mut field = |value: Option<&[u8]>| match value {
        None => context.update(&[0]),
        Some(bytes) => {
            context.update(&[1]);
            context.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(bytes);
        }
    };
    field(Some(row.previous_hash.as_bytes()));
    field(Some(&shard.to_be_bytes()));
    field(Some(&row.seq.to_be_bytes()));
    field(Some(&row.at.millis().to_be_bytes()));
    field(Some(row.actor_kind.as_bytes()));
    field(Some(row.actor_id.as_bytes()));
    field(row.actor_address.as_deref().map(str::as_bytes));
    field(Some(row.request_id.as_bytes()));
    field(Some(row.action.as_bytes()));
    field(Some(row.target_kind.as_bytes()));
    field(Some(row.target_id.as_bytes()));
    field(row.before.as_deref().map(str::as_bytes));
    field(row.after.as_deref().map(str::as_bytes));
    field(Some(&row.revision.to_be_bytes()));
    crate::hex::encode(context.finish().as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_row_is_the_one_that_the_migration_writes() {
        let text = |text: &str| text.to_owned();
        let first = AuditRow {
            seq: 0,
            at: Timestamp::from_millis(0),
            actor_kind: text("system"),
            actor_id: text("keyward"),
            actor_address: None,
            request_id: String::new(),
            action: text("audit.begin"),
            target_kind: text("audit"),
            target_id: text("0"),
            before: None,
            after: None,
            revision: 0,
            hash: String::new(),
            previous_hash: text(NOTHING),
        };
        assert_eq!(hash_of(SHARD, &first), GENESIS);
        assert!(include_str!("../migrations/sqlite/0001_init.sql").contains(GENESIS));
    }
}
