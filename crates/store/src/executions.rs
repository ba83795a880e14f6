//! Executions of Actions: what they ran with and what they did, for the people who write them.
//! Nothing is decided by them, so they are written past the policy: no audit row, no number of a
//! change.

use std::fmt;

use keyward_core::time::Timestamp;
use sqlx::{query, query_scalar};

use crate::cells::Cells;
use crate::dialect::{Connection, Row};
use crate::entity::signed;
use crate::error::StoreError;
use crate::read::Builder;
use crate::store::{Inner, Store};

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT id, at_ms, client_id, body FROM action_executions", $rest)
    };
}

const INSERT: &str = "INSERT INTO action_executions (seq, id, at_ms, client_id, body) ";
/// Rows of one statement: a statement each would cost more than the rows.
const ROWS_AT_ONCE: usize = 50;
/// How much more is deleted than was written, so that a bound that was lowered is reached.
const DELETED_PER_WRITTEN: u64 = 2;

/// An execution of Actions: one token request, and all Actions that ran for it.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredExecution {
    /// Its public id, given by the server.
    pub id: String,
    /// When it happened, to the millisecond.
    pub at: Timestamp,
    /// The id of the client that asked for a token.
    pub client: String,
    /// The event that the Actions ran with, what each did, and how the token request ended: a JSON
    /// object that only the server reads.
    pub body: String,
}

/// Without the body, which holds what a client sent.
impl fmt::Debug for StoredExecution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredExecution")
            .field("id", &self.id)
            .field("at", &self.at)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Appends executions in this order. Keeps no more than the newest `rows_max`; where many more
    /// are stored, because the bound was lowered, each call comes nearer to it.
    ///
    /// One whose id is stored already is passed over, and what is stored stays as it is: whoever
    /// does not know whether a write arrived may repeat it.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::Unavailable`]. Nothing was stored then.
    pub async fn append_executions(
        &self,
        rows: &[StoredExecution],
        rows_max: u64,
    ) -> Result<(), StoreError> {
        let mut writing = self.inner.begin_plain_write().await?;
        self.inner.append_executions(&mut writing.connection, rows).await?;
        let written = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let at_most = written.saturating_mul(DELETED_PER_WRITTEN);
        // From the last number that is stored: those passed over must not push others out.
        let sql = "DELETE FROM action_executions WHERE seq IN (SELECT seq FROM action_executions \
                   WHERE seq <= (SELECT MAX(seq) FROM action_executions) - $1 \
                   ORDER BY seq LIMIT $2)";
        query(sql)
            .bind(signed(rows_max))
            .bind(signed(at_most))
            .execute(&mut writing.connection)
            .await
            .map_err(|error| self.inner.fault(&error))?;
        writing.commit().await
    }

    /// An execution.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] and [`StoreError::Corrupt`], as all reads.
    pub async fn execution(&self, id: &str) -> Result<Option<StoredExecution>, StoreError> {
        let mut reader = self.inner.reader().await?;
        let row = query(select!(" WHERE id = $1")).bind(id).fetch_optional(&mut *reader).await;
        row.map_err(|error| self.inner.fault(&error))?.map(|row| execution(&row)).transpose()
    }

    /// The last executions, the newest first, at most `limit`; of this client alone when one is
    /// named.
    ///
    /// # Errors
    /// As [`Store::execution`].
    pub async fn last_executions(
        &self,
        client: Option<&str>,
        limit: u32,
    ) -> Result<Vec<StoredExecution>, StoreError> {
        let statement = match client {
            None => query(select!(" ORDER BY at_ms DESC, seq DESC LIMIT $1")),
            Some(client) => {
                query(select!(" WHERE client_id = $1 ORDER BY at_ms DESC, seq DESC LIMIT $2"))
                    .bind(client)
            }
        };
        let mut reader = self.inner.reader().await?;
        let rows = statement.bind(i64::from(limit)).fetch_all(&mut *reader).await;
        rows.map_err(|error| self.inner.fault(&error))?.iter().map(execution).collect()
    }

    /// Deletes at most `limit` executions from before a moment, the oldest first, and returns how
    /// many. In small steps, so that no write waits long.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::Unavailable`]. Nothing was deleted then.
    pub async fn forget_executions(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let mut writing = self.inner.begin_plain_write().await?;
        let sql = "DELETE FROM action_executions WHERE seq IN (SELECT seq FROM action_executions \
                   WHERE at_ms < $1 ORDER BY at_ms, seq LIMIT $2)";
        let done = query(sql)
            .bind(before.millis())
            .bind(i64::from(limit))
            .execute(&mut writing.connection)
            .await
            .map_err(|error| self.inner.fault(&error))?;
        writing.commit().await?;
        Ok(done.rows_affected())
    }
}

impl Inner {
    async fn append_executions(
        &self,
        connection: &mut Connection,
        rows: &[StoredExecution],
    ) -> Result<(), StoreError> {
        let last = query_scalar::<_, Option<i64>>("SELECT MAX(seq) FROM action_executions")
            .fetch_one(&mut *connection)
            .await
            .map_err(|error| self.fault(&error))?;
        let mut seq = last.unwrap_or_default();
        for part in rows.chunks(ROWS_AT_ONCE) {
            let mut sql = Builder::new(INSERT);
            sql.push_values(part, |mut row, execution| {
                seq = seq.saturating_add(1);
                row.push_bind(seq)
                    .push_bind(execution.id.clone())
                    .push_bind(execution.at.millis())
                    .push_bind(execution.client.clone())
                    .push_bind(execution.body.clone());
            });
            sql.push(" ON CONFLICT (id) DO NOTHING");
            // Only the full statement comes again and again.
            let statement = sql.build().persistent(part.len() == ROWS_AT_ONCE);
            let done = statement.execute(&mut *connection).await;
            done.map_err(|error| self.fault(&error))?;
        }
        Ok(())
    }
}

fn execution(row: &Row) -> Result<StoredExecution, StoreError> {
    let mut cells = Cells::new("action_executions", row);
    Ok(StoredExecution {
        id: cells.text("id")?,
        at: Timestamp::from_millis(cells.integer("at_ms")?),
        client: cells.text("client_id")?,
        body: cells.text("body")?,
    })
}
