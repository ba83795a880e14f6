//! Log events: who got a token, who was refused one, who changed what. They are for people and
//! their tools (`/api/v2/logs`, log streams); no decision hangs on them and none waits for them.
//!
//! Whoever has something to tell calls [`Logs::emit`], which puts it into a bounded queue. A job
//! writes the queue to the store every second, or sooner when much is waiting: a crash loses that
//! second. What finds no room, and what nobody could write, is counted as dropped.
//!
//! Security: an event holds no secret. Bodies and credentials are never put into one, and what a
//! caller wrote where an identifier belongs is left out when it looks like a secret.

mod event;
mod id;
mod management;
mod rollup;
pub mod search;
mod token;

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keyward_core::time::Timestamp;
use keyward_store::{Store, StoreError};
use tokio::sync::{Notify, watch};

pub(crate) use event::LogBody;
pub use event::{LogEvent, LogKind, Origin};
pub use id::LogId;
pub(crate) use management::{ManagementCall, note_management};
pub(crate) use token::{TOO_MANY_FAILURES, TokenOutcome, note_failed_action, note_token};

use rollup::Rollup;

/// How far one may page through the results of a search; what lies further is had by checkpoint.
pub const FIRST_PAGES: u64 = 1_000;
/// Events that wait to be written; further ones are dropped.
pub const WAITING_MAX: usize = 20_000;
/// So many are written at once, and are written without waiting for the second to end.
const BATCH: usize = 500;
/// How often the queue is written.
pub const WRITE_EVERY: Duration = Duration::from_secs(1);
/// How many events that are too old are deleted in one step.
const FORGOTTEN_AT_ONCE: u32 = 1_000;
const DAY_S: i64 = 86_400;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLimits {
    /// How many days an event is kept.
    pub retention_days: u32,
    /// How many events are kept at most; the oldest make room.
    pub rows_max: u64,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self { retention_days: 30, rows_max: 1_000_000 }
    }
}

/// The log events of this process on their way to the store.
#[derive(Debug)]
pub struct Logs {
    queue: Mutex<Queue>,
    much_waits: Notify,
    /// One writer at a time, so that events stay in order.
    writer: tokio::sync::Mutex<()>,
    last: watch::Sender<u64>,
    limits: LogLimits,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<LogEvent>,
    rollup: Rollup,
}

impl Logs {
    pub(crate) fn new(limits: LogLimits) -> Self {
        Self {
            queue: Mutex::default(),
            much_waits: Notify::new(),
            writer: tokio::sync::Mutex::default(),
            last: watch::Sender::new(0),
            limits,
        }
    }

    /// Takes an event. It never waits: refusals of one kind are counted when there are many in a
    /// minute, and without room the event is dropped.
    pub fn emit(&self, event: LogEvent) {
        let mut queue = self.lock();
        if let Some(event) = queue.rollup.admit(event)
            && queue.put(event) >= BATCH
        {
            drop(queue);
            self.much_waits.notify_one();
        }
    }

    /// Writes everything that waits, and what was counted in minutes that are over.
    ///
    /// # Errors
    /// What the store says. What was not written waits on.
    pub async fn write(&self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        self.write_after(store, |rollup| rollup.ended(now)).await
    }

    /// Writes everything, also what was counted in a minute that is not over. For the end.
    ///
    /// # Errors
    /// As [`Logs::write`].
    pub async fn write_all(&self, store: &Store) -> Result<(), StoreError> {
        self.write_after(store, Rollup::all).await
    }

    async fn write_after(
        &self,
        store: &Store,
        counted: impl FnOnce(&mut Rollup) -> Vec<LogEvent> + Send,
    ) -> Result<(), StoreError> {
        let _one = self.writer.lock().await;
        {
            let mut queue = self.lock();
            for event in counted(&mut queue.rollup) {
                queue.put(event);
            }
        }
        loop {
            let batch: Vec<LogEvent> = {
                let waiting = &mut self.lock().waiting;
                let count = waiting.len().min(BATCH);
                waiting.drain(..count).collect()
            };
            if batch.is_empty() {
                return Ok(());
            }
            match self.store_batch(store, &batch).await {
                Ok(last) => {
                    self.last.send_replace(last);
                }
                Err(error) => {
                    self.put_back(batch);
                    return Err(error);
                }
            }
        }
    }

    async fn store_batch(&self, store: &Store, batch: &[LogEvent]) -> Result<u64, StoreError> {
        let unnamed = batch.iter().filter(|event| event.client_name.is_none());
        let ids: BTreeSet<String> = unnamed.filter_map(|event| event.client_id.clone()).collect();
        let names = store.client_names(&ids.into_iter().collect::<Vec<_>>()).await?;
        let rows: Vec<_> = batch.iter().map(|event| event.stored(&names)).collect();
        store.append_logs(&rows, self.limits.rows_max).await
    }

    fn put_back(&self, batch: Vec<LogEvent>) {
        let mut queue = self.lock();
        for event in batch.into_iter().rev() {
            queue.waiting.push_front(event);
        }
        let over = queue.waiting.len().saturating_sub(WAITING_MAX);
        queue.waiting.truncate(WAITING_MAX);
        dropped(over);
    }

    /// Deletes a step of what is too old; `false` when nothing was left.
    ///
    /// # Errors
    /// What the store says.
    pub async fn forget(&self, store: &Store, now: Timestamp) -> Result<bool, StoreError> {
        let kept_s = i64::from(self.limits.retention_days).saturating_mul(DAY_S);
        let deleted = store.forget_logs(now.plus_seconds(-kept_s), FORGOTTEN_AT_ONCE).await?;
        Ok(deleted >= u64::from(FORGOTTEN_AT_ONCE))
    }

    /// Returns when much is waiting.
    pub async fn much_waits(&self) {
        self.much_waits.notified().await;
    }

    /// Tells the number of the last event written, whenever there is a new one.
    #[must_use]
    pub fn written(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Adds an event, if there is room, and tells how many wait.
    fn put(&mut self, event: LogEvent) -> usize {
        if self.waiting.len() < WAITING_MAX {
            metrics::counter!("keyward_log_events_total", "type" => event.kind.code()).increment(1);
            self.waiting.push_back(event);
        } else {
            dropped(1);
        }
        self.waiting.len()
    }
}

fn dropped(count: usize) {
    if count > 0 {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        metrics::counter!("keyward_log_events_dropped_total").increment(count);
    }
}
