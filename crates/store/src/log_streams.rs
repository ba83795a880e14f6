//! Log streams: where log events go, and how far they have come. Their definitions are written in a
//! [`crate::Tx`], with an audit row; their progress is not.

use std::fmt;

use keyward_core::time::Timestamp;
use sqlx::query;

use crate::cells::Cells;
use crate::dialect::{Connection, Row};
use crate::entity::signed;
use crate::error::StoreError;
use crate::store::{Inner, Store};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, status, settings, sealed, version, created_at, updated_at \
             FROM log_streams",
            $rest
        )
    };
}

/// A log stream.
#[derive(Clone, PartialEq, Eq)]
pub struct LogStream {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `active`, `paused` or `suspended`.
    pub status: String,
    /// Where events go, how, and which: a JSON object without secrets.
    pub settings: String,
    /// Its secrets, encrypted under the master key.
    pub sealed: Vec<u8>,
    /// Counted up with each edit.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed.
    pub updated_at: Timestamp,
}

impl fmt::Debug for LogStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogStream")
            .field("id", &self.id)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// How far a log stream has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogStreamProgress {
    /// Up to which number all events were delivered.
    pub seq: u64,
    /// Since when deliveries fail; `None`: the last one was taken.
    pub failing_since: Option<Timestamp>,
    /// How many failed in a row.
    pub failures: u32,
}

impl Store {
    /// All log streams, the oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] and [`StoreError::Corrupt`], as all reads.
    pub async fn log_streams(&self) -> Result<Vec<LogStream>, StoreError> {
        let mut reader = self.inner.reader().await?;
        let rows = query(select!(" ORDER BY created_at, id")).fetch_all(&mut *reader).await;
        rows.map_err(|error| self.inner.fault(&error))?.iter().map(log_stream).collect()
    }

    /// A log stream.
    ///
    /// # Errors
    /// As [`Store::log_streams`].
    pub async fn log_stream(&self, id: &str) -> Result<Option<LogStream>, StoreError> {
        let mut reader = self.inner.reader().await?;
        self.inner.log_stream(&mut reader, id).await
    }

    /// How far a log stream has come; `None` when there is no such stream.
    ///
    /// # Errors
    /// As [`Store::log_streams`].
    pub async fn log_stream_progress(
        &self,
        id: &str,
    ) -> Result<Option<LogStreamProgress>, StoreError> {
        let sql = "SELECT stream_id, seq, failing_since, failures \
                   FROM log_stream_progress WHERE stream_id = $1";
        let mut reader = self.inner.reader().await?;
        let row = query(sql).bind(id).fetch_optional(&mut *reader).await;
        let Some(row) = row.map_err(|error| self.inner.fault(&error))? else { return Ok(None) };
        let mut cells = Cells::new("log_stream_progress", &row);
        cells.text("stream_id")?;
        let progress = LogStreamProgress {
            seq: cells.number("seq")?,
            failing_since: cells.optional_integer("failing_since")?.map(Timestamp::from_millis),
            failures: cells.number("failures")?,
        };
        Ok(Some(progress))
    }

    /// Notes how far a log stream has come. One that is gone stays gone.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::Unavailable`].
    pub async fn set_log_stream_progress(
        &self,
        id: &str,
        progress: LogStreamProgress,
    ) -> Result<(), StoreError> {
        let mut writing = self.inner.begin_plain_write().await?;
        let sql = "UPDATE log_stream_progress SET seq = $2, failing_since = $3, failures = $4 \
                   WHERE stream_id = $1";
        query(sql)
            .bind(id)
            .bind(signed(progress.seq))
            .bind(progress.failing_since.map(Timestamp::millis))
            .bind(i64::from(progress.failures))
            .execute(&mut writing.connection)
            .await
            .map_err(|error| self.inner.fault(&error))?;
        writing.commit().await
    }
}

impl Inner {
    pub(crate) async fn log_stream(
        &self,
        connection: &mut Connection,
        id: &str,
    ) -> Result<Option<LogStream>, StoreError> {
        let row = query(select!(" WHERE id = $1")).bind(id).fetch_optional(connection).await;
        row.map_err(|error| self.fault(&error))?.map(|row| log_stream(&row)).transpose()
    }
}

fn log_stream(row: &Row) -> Result<LogStream, StoreError> {
    let mut cells = Cells::new("log_streams", row);
    Ok(LogStream {
        id: cells.text("id")?,
        name: cells.text("name")?,
        status: cells.text("status")?,
        settings: cells.text("settings")?,
        sealed: cells.bytes("sealed")?,
        version: cells.number("version")?,
        created_at: Timestamp::from_millis(cells.integer("created_at")?),
        updated_at: Timestamp::from_millis(cells.integer("updated_at")?),
    })
}
