//! Opening, closing and starting a write.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keyward_core::actor::Actor;
use keyward_core::time::Timestamp;
use sqlx::query;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::dialect::{self, Connection, Pool, PoolConnection, Target};
use crate::error::StoreError;
use crate::lock::ProcessLock;
use crate::tx::Tx;

/// How long a write waits for the writes before it.
const WRITER_TIMEOUT: Duration = Duration::from_secs(30);

/// The store. Clones are the same store.
///
/// There is one writer, so writes happen one after another; reads go on meanwhile and see the last
/// committed state. Nothing here is for the hot path: decisions are made by the policy in memory.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) target: Target,
    /// Empty after a transaction that did not end in order: its connection is thrown away, which
    /// rolls back whatever it did, in whatever state it is.
    writer: Arc<AsyncMutex<Option<Connection>>>,
    readers: Pool,
    lock: Mutex<Option<ProcessLock>>,
}

impl Store {
    /// Opens the store at a URL such as `sqlite:/data/keyward.db`, making it when it is not there.
    ///
    /// The file is for its owner only (0600). The store is locked for this process until it is
    /// closed or dropped. The schema is brought up to date. `?max_pages=N` at the end bounds the
    /// file to N pages of 4 KiB.
    ///
    /// # Errors
    /// [`StoreError::Url`], [`StoreError::Locked`], [`StoreError::Newer`], [`StoreError::Corrupt`]
    /// when the file cannot be read or is none of ours (see also [`Store::check`]), [`StoreError::Full`] and
    /// [`StoreError::Unavailable`].
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let target = Target::parse(url)?;
        let mut lock = ProcessLock::take(&target)?;
        lock.prepare_file(&target)?;
        let mut writer = target.connect_writer().await?;
        Box::pin(target.prepare(&mut writer, lock.had_store())).await?;
        lock.mark(&target)?;
        let readers = target.connect_readers().await?;
        let writer = Arc::new(AsyncMutex::new(Some(writer)));
        let lock = Mutex::new(Some(lock));
        Ok(Self { inner: Arc::new(Inner { target, writer, readers, lock }) })
    }

    /// Closes the store in order and frees it for another process. Waits for the write that is
    /// under way; every later call on a clone fails.
    pub async fn close(self) {
        self.inner.readers.close().await;
        let writer = self.inner.writer.lock().await.take();
        if let Some(writer) = writer {
            dialect::close(writer).await;
        }
        self.inner.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Begins a write in the name of `actor`. Waits for the writes before it.
    ///
    /// Dropping the transaction undoes it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when another write holds the store for 30 seconds or the
    /// database cannot be used.
    pub async fn begin(
        &self,
        actor: &Actor,
        request_id: &str,
        now: Timestamp,
    ) -> Result<Tx, StoreError> {
        let writer = self.inner.begin_write().await?;
        Ok(Tx::new(Arc::clone(&self.inner), writer, actor, request_id, now))
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("path", &self.inner.target.path).finish_non_exhaustive()
    }
}

/// The one connection that writes, in a transaction. `None` when it was given up.
pub(crate) type Writer = OwnedMutexGuard<Option<Connection>>;

impl Inner {
    pub(crate) fn fault(&self, error: &sqlx::Error) -> StoreError {
        self.target.fault(error)
    }

    pub(crate) async fn begin_write(&self) -> Result<Writer, StoreError> {
        let waiting = Arc::clone(&self.writer).lock_owned();
        let busy = |_| {
            let seconds = WRITER_TIMEOUT.as_secs();
            StoreError::Unavailable(format!(
                "another write has held it for {seconds} seconds; try again"
            ))
        };
        let mut writer = tokio::time::timeout(WRITER_TIMEOUT, waiting).await.map_err(busy)?;
        if self.readers.is_closed() {
            return Err(closed());
        }
        // Taken out while it is used: if this future is dropped half-way, so is the connection.
        let mut connection = match writer.take() {
            Some(connection) => connection,
            None => self.target.connect_writer().await?,
        };
        query(dialect::BEGIN_WRITE)
            .execute(&mut connection)
            .await
            .map_err(|error| self.fault(&error))?;
        *writer = Some(connection);
        Ok(writer)
    }

    /// A write of what is no policy: no actor, no audit row, no number of a change.
    pub(crate) async fn begin_plain_write(&self) -> Result<Writing<'_>, StoreError> {
        let mut writer = self.begin_write().await?;
        let connection = writer.take().ok_or(StoreError::Abandoned)?;
        Ok(Writing { inner: self, writer, connection })
    }

    /// A connection for one statement, which is one moment by itself.
    pub(crate) async fn reader(&self) -> Result<PoolConnection, StoreError> {
        if self.readers.is_closed() {
            return Err(closed());
        }
        self.readers.acquire().await.map_err(|error| self.fault(&error))
    }

    /// A connection whose statements all see one moment.
    pub(crate) async fn begin_read(&self) -> Result<Reading<'_>, StoreError> {
        let connection = self.reader().await?;
        let mut reading = Reading { inner: self, connection, ended: false };
        query(dialect::BEGIN_READ)
            .execute(&mut *reading.connection)
            .await
            .map_err(|error| self.fault(&error))?;
        Ok(reading)
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("it was closed".to_owned())
}

/// A write transaction without the policy's trimmings. Dropping it closes its connection, which
/// rolls back.
pub(crate) struct Writing<'s> {
    inner: &'s Inner,
    writer: Writer,
    pub(crate) connection: Connection,
}

impl Writing<'_> {
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        let Self { inner, mut writer, mut connection } = self;
        query(dialect::COMMIT)
            .execute(&mut connection)
            .await
            .map_err(|error| inner.fault(&error))?;
        *writer = Some(connection);
        Ok(())
    }
}

/// A read transaction.
pub(crate) struct Reading<'s> {
    inner: &'s Inner,
    pub(crate) connection: PoolConnection,
    ended: bool,
}

impl Reading<'_> {
    pub(crate) async fn end(mut self) -> Result<(), StoreError> {
        query(dialect::COMMIT)
            .execute(&mut *self.connection)
            .await
            .map_err(|error| self.inner.fault(&error))?;
        self.ended = true;
        Ok(())
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        // A reader that went back to the others with its transaction open would show them an old
        // moment for ever.
        if !self.ended {
            self.connection.close_on_drop();
        }
    }
}
