//! Writing: one transaction holds the change, its audit rows and its number, or none of them.

mod entities;
mod log_streams;
mod others;

use std::fmt;
use std::mem;
use std::sync::Arc;

use keyward_core::actor::Actor;
use keyward_core::policy::Change;
use keyward_core::time::Timestamp;
use sqlx::query;

use crate::cells::Cells;
use crate::dialect::{self, Connection};
use crate::entity::signed;
use crate::error::StoreError;
use crate::model::{AuditRow, Committed};
use crate::store::{Inner, Writer};

/// A write under way. Nothing of it is seen before [`Tx::commit`]; dropping it undoes it.
///
/// A call that ends in [`StoreError::Conflict`] or [`StoreError::Unstorable`] changed nothing and
/// the transaction goes on. After any other error, and after a call whose future was dropped, the
/// transaction can only be dropped: half a step must not be committed.
///
/// The transaction holds the only writer: be quick, and never wait for a client with one open.
pub struct Tx {
    inner: Arc<Inner>,
    writer: Writer,
    actor: Actor,
    request_id: String,
    now: Timestamp,
    changes: Vec<Pending>,
    audit: Vec<AuditRow>,
    /// Whether a step has begun and not ended well.
    in_step: bool,
    ended: bool,
}

/// A change that waits for its number.
struct Pending {
    change: Change,
    kind: &'static str,
    entity: String,
    refers_to: Option<String>,
    body: Option<String>,
    /// Writes the number into the entity's row; a deleted one has none.
    set_row_seq: Option<&'static str>,
}

/// What a step did, for the audit log.
struct Done {
    action: String,
    target_kind: &'static str,
    target_id: String,
    before: Option<String>,
    after: Option<String>,
}

impl Tx {
    pub(crate) fn new(
        inner: Arc<Inner>,
        writer: Writer,
        actor: &Actor,
        request_id: &str,
        now: Timestamp,
    ) -> Self {
        Self {
            inner,
            writer,
            actor: actor.clone(),
            request_id: request_id.to_owned(),
            now,
            changes: Vec::new(),
            audit: Vec::new(),
            in_step: false,
            ended: false,
        }
    }

    /// Commits. When this returns `Ok`, the write is on the disk and survives a power cut.
    ///
    /// Run this and whatever must follow (telling the policy in memory) in a task of its own: if
    /// the future is dropped while the database commits, the write may have happened or not.
    ///
    /// # Errors
    /// [`StoreError::Abandoned`] after a failed step, [`StoreError::Full`],
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`]. On an error nothing was changed.
    pub async fn commit(mut self) -> Result<Committed, StoreError> {
        if self.in_step {
            return Err(StoreError::Abandoned);
        }
        // Taken out: on an error, or when this future is dropped, the connection goes with it.
        let mut connection = self.writer.take().ok_or(StoreError::Abandoned)?;
        let committed = self.number(&mut connection).await?;
        query(dialect::COMMIT)
            .execute(&mut connection)
            .await
            .map_err(|error| self.inner.fault(&error))?;
        *self.writer = Some(connection);
        self.ended = true;
        Ok(committed)
    }

    /// Undoes everything. The same as dropping, but keeps the connection.
    pub async fn rollback(mut self) {
        let Some(mut connection) = self.writer.take() else { return };
        if query(dialect::ROLLBACK).execute(&mut connection).await.is_ok() {
            *self.writer = Some(connection);
            self.ended = true;
        }
    }

    /// Takes the numbers, as late as possible, and writes what depends on them.
    ///
    /// The counter's row is what concurrent writers wait for. Whoever has it also owns the ends of
    /// the change log and of the audit chain, hence these come after it and not before.
    async fn number(&mut self, connection: &mut Connection) -> Result<Committed, StoreError> {
        let changes = mem::take(&mut self.changes);
        let mut rows = mem::take(&mut self.audit);
        let sql = "UPDATE change_head SET seq = seq + $1 WHERE shard = 0 RETURNING seq";
        let count = u64::try_from(changes.len()).unwrap_or(u64::MAX);
        let head = query(sql).bind(signed(count)).fetch_optional(&mut *connection).await;
        let Some(head) = head.map_err(|error| self.inner.fault(&error))? else {
            return Err(StoreError::corrupt("change_head", "shard", "0", "is missing"));
        };
        let revision: u64 = Cells::new("change_head", &head).number("seq")?;
        if !rows.is_empty() {
            rows.iter_mut().for_each(|row| row.revision = revision);
            self.inner.append_audit(connection, rows).await?;
        }
        let mut committed = Committed { revision, changes: Vec::with_capacity(changes.len()) };
        let before = revision.saturating_sub(count);
        let mut seq = before;
        for pending in changes {
            seq = seq.saturating_add(1);
            committed.changes.push(self.log(connection, seq, seq == revision, pending).await?);
        }
        self.inner.forget_changes(connection, before, revision).await?;
        Ok(committed)
    }

    async fn log(
        &self,
        connection: &mut Connection,
        seq: u64,
        txn_end: bool,
        pending: Pending,
    ) -> Result<Change, StoreError> {
        let sql = "INSERT INTO change_log (shard, seq, txn_end, kind, entity, refers_to, body, at) \
                   VALUES (0, $1, $2, $3, $4, $5, $6, $7)";
        query(sql)
            .bind(signed(seq))
            .bind(i64::from(txn_end))
            .bind(pending.kind)
            .bind(&pending.entity)
            .bind(pending.refers_to)
            .bind(pending.body)
            .bind(self.now.millis())
            .execute(&mut *connection)
            .await
            .map_err(|error| self.inner.fault(&error))?;
        if let Some(sql) = pending.set_row_seq {
            let done = query(sql).bind(signed(seq)).bind(&pending.entity).execute(connection).await;
            done.map_err(|error| self.inner.fault(&error))?;
        }
        Ok(pending.change)
    }

    /// Begins a step; see [`Tx::end_step`].
    fn begin_step(&mut self) -> Result<(), StoreError> {
        if mem::replace(&mut self.in_step, true) { Err(StoreError::Abandoned) } else { Ok(()) }
    }

    /// Ends a step. The transaction goes on when the step did all of its work or nothing.
    ///
    /// Other errors give the connection up at once: the database may have rolled back by itself
    /// already, and a later statement would then be a transaction of its own.
    fn end_step<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        let clean = match &result {
            Ok(_) => true,
            Err(error) => {
                matches!(error, StoreError::Conflict { .. } | StoreError::Unstorable { .. })
            }
        };
        if clean {
            self.in_step = false;
        } else {
            self.writer.take();
        }
        result
    }

    fn parts(&mut self) -> Result<(&Inner, &mut Connection), StoreError> {
        let connection = self.writer.as_mut().ok_or(StoreError::Abandoned)?;
        Ok((&self.inner, connection))
    }

    fn audited(&mut self, done: Done) {
        self.audit.push(AuditRow {
            // Number, revision and hashes are known at the commit.
            seq: 0,
            at: self.now,
            actor_kind: self.actor.kind().name().to_owned(),
            actor_id: self.actor.id().to_owned(),
            actor_address: self.actor.address().map(|address| address.to_string()),
            request_id: self.request_id.clone(),
            action: done.action,
            target_kind: done.target_kind.to_owned(),
            target_id: done.target_id,
            before: done.before,
            after: done.after,
            revision: 0,
            hash: String::new(),
            previous_hash: String::new(),
        });
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if !self.ended {
            // Closing the connection rolls back, also when nobody can wait for it.
            self.writer.take();
        }
    }
}

impl fmt::Debug for Tx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx")
            .field("actor", &self.actor)
            .field("request_id", &self.request_id)
            .field("changes", &self.changes.len())
            .finish_non_exhaustive()
    }
}
