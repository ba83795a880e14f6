//! Log streams: no policy, but audited as settings are.

use serde_json::{Value, json};
use sqlx::query;

use super::{Done, Tx};
use crate::entity::signed;
use crate::error::{Conflict, StoreError};
use crate::log_streams::LogStream;

const KIND: &str = "log_stream";

impl Tx {
    /// Reads a log stream as it stands in this transaction.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`], [`StoreError::Abandoned`].
    pub async fn log_stream(&mut self, id: &str) -> Result<Option<LogStream>, StoreError> {
        self.begin_step()?;
        let result = Box::pin(self.load_log_stream(id)).await;
        self.end_step(result)
    }

    /// Stores a log stream that is new. It delivers what comes after the event numbered `after`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the id is taken, [`StoreError::Full`],
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`], [`StoreError::Abandoned`].
    pub async fn insert_log_stream(
        &mut self,
        stream: &LogStream,
        after: u64,
    ) -> Result<(), StoreError> {
        self.begin_step()?;
        let result = Box::pin(self.write_log_stream(stream, Some(after))).await;
        self.end_step(result)
    }

    /// Replaces a log stream and counts its version up. What it has delivered stays as it is; that
    /// it failed is forgotten.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it is gone or was changed meanwhile, and as for a new one.
    pub async fn update_log_stream(&mut self, stream: &LogStream) -> Result<(), StoreError> {
        self.begin_step()?;
        let result = Box::pin(self.write_log_stream(stream, None)).await;
        self.end_step(result)
    }

    /// Deletes a log stream. `false` when there is none.
    ///
    /// # Errors
    /// As [`Tx::update_log_stream`].
    pub async fn delete_log_stream(&mut self, id: &str) -> Result<bool, StoreError> {
        self.begin_step()?;
        let result = Box::pin(self.remove_log_stream(id)).await;
        self.end_step(result)
    }

    async fn load_log_stream(&mut self, id: &str) -> Result<Option<LogStream>, StoreError> {
        let (inner, connection) = self.parts()?;
        inner.log_stream(connection, id).await
    }

    async fn write_log_stream(
        &mut self,
        stream: &LogStream,
        after: Option<u64>,
    ) -> Result<(), StoreError> {
        let before = self.load_log_stream(&stream.id).await?;
        let (kind, id) = (KIND, stream.id.clone());
        match (&before, after) {
            (Some(_), Some(_)) => {
                return Err(Conflict::Taken { kind, field: "id", value: id }.into());
            }
            (None, None) => return Err(Conflict::Gone { kind, id }.into()),
            (Some(before), None) if before.version != stream.version => {
                return Err(Conflict::Changed { kind, id, version: before.version }.into());
            }
            (Some(_), None) | (None, Some(_)) => {}
        }
        let (now, version) = (self.now, before.as_ref().map_or(1, |before| before.version + 1));
        let created_at = before.as_ref().map_or(now, |before| before.created_at);
        let upsert = "INSERT INTO log_streams \
                      (id, name, status, settings, sealed, version, created_at, updated_at, shard) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0) \
                      ON CONFLICT (id) DO UPDATE SET name = excluded.name, \
                      status = excluded.status, settings = excluded.settings, \
                      sealed = excluded.sealed, version = excluded.version, \
                      updated_at = excluded.updated_at";
        let (inner, connection) = self.parts()?;
        query(upsert)
            .bind(&stream.id)
            .bind(&stream.name)
            .bind(&stream.status)
            .bind(&stream.settings)
            .bind(&stream.sealed)
            .bind(signed(version))
            .bind(created_at.millis())
            .bind(now.millis())
            .execute(&mut *connection)
            .await
            .map_err(|error| inner.fault(&error))?;
        let progress = match after {
            Some(after) => query(
                "INSERT INTO log_stream_progress (stream_id, seq, failing_since, failures) \
                 VALUES ($1, $2, NULL, 0)",
            )
            .bind(&stream.id)
            .bind(signed(after)),
            None => query(
                "UPDATE log_stream_progress SET failing_since = NULL, failures = 0 \
                 WHERE stream_id = $1",
            )
            .bind(&stream.id),
        };
        progress.execute(connection).await.map_err(|error| inner.fault(&error))?;
        let verb = if after.is_some() { "create" } else { "update" };
        self.audited(Done {
            action: format!("{KIND}.{verb}"),
            target_kind: KIND,
            target_id: stream.id.clone(),
            before: before.as_ref().map(public),
            after: Some(public(stream)),
        });
        Ok(())
    }

    async fn remove_log_stream(&mut self, id: &str) -> Result<bool, StoreError> {
        let Some(before) = self.load_log_stream(id).await? else { return Ok(false) };
        let (inner, connection) = self.parts()?;
        for sql in [
            "DELETE FROM log_streams WHERE id = $1",
            "DELETE FROM log_stream_progress WHERE stream_id = $1",
        ] {
            let done = query(sql).bind(id).execute(&mut *connection).await;
            done.map_err(|error| inner.fault(&error))?;
        }
        self.audited(Done {
            action: format!("{KIND}.delete"),
            target_kind: KIND,
            target_id: id.to_owned(),
            before: Some(public(&before)),
            after: None,
        });
        Ok(true)
    }
}

/// What the audit log tells of a stream: everything but its secrets.
fn public(stream: &LogStream) -> String {
    let settings = serde_json::from_str::<Value>(&stream.settings).unwrap_or_default();
    json!({ "name": stream.name, "status": stream.status, "settings": settings }).to_string()
}
