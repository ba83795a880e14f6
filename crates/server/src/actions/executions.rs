//! Executions: what Actions were asked, what each of them did, and how the token request ended.
//!
//! They wait in memory for the job that writes them, like log events do, and can be read meanwhile.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use keyward_actions::{Answer, FlowReport, StepReport};
use keyward_core::policy::{Flow, FlowStep};
use keyward_core::time::Timestamp;
use keyward_store::{Store, StoreError, StoredExecution};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::v1::Time;

/// Executions that wait to be written; further ones are dropped. Each has some 40 KiB at most.
const WAITING_MAX: usize = 2_000;
/// So many of one client are kept in a minute, so that no client pushes out what was kept of others.
const KEPT_IN_A_MINUTE: u32 = 1_000;
/// So many are written at once.
const BATCH: usize = 200;
/// How many that are too old are deleted in one step.
const FORGOTTEN_AT_ONCE: u32 = 1_000;
const DAY_S: i64 = 86_400;
/// How many characters of its console are kept of an Action (as Auth0's).
const CONSOLE_CHARS_MAX: usize = 256;
/// How many bytes of an event are kept; a list of networks, and what the request says, are left out
/// when it has more.
const EVENT_BYTES_MAX: usize = 16 * 1024;

/// How many bytes of claims are kept; of more only the names.
const CLAIMS_BYTES_MAX: usize = 8 * 1024;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecutionLimits {
    /// How many days (Auth0: 10).
    pub retention_days: u32,
    /// How many at most; the oldest make room.
    pub rows_max: u64,
}

impl Default for ExecutionLimits {
    fn default() -> Self {
        Self { retention_days: 10, rows_max: 100_000 }
    }
}

/// An execution.
#[derive(Debug, Clone)]
pub(crate) struct Execution {
    pub(crate) id: String,
    pub(crate) at: Timestamp,
    pub(crate) client: String,
    pub(crate) body: ExecutionBody,
}

/// What is kept of it beside its id, its time and its client.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ExecutionBody {
    /// The id of the token request.
    pub(crate) request_id: String,
    /// The event before the first Action, without secrets.
    pub(crate) event: Map<String, Value>,
    /// Whether parts of the event were left out because it was large.
    #[serde(default)]
    pub(crate) event_is_cut: bool,
    /// How it ended.
    pub(crate) answer: Told,
    /// What each Action did, in order.
    pub(crate) results: Vec<ResultBody>,
}

/// How a token request fared with the Actions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub(crate) enum Told {
    /// None of them objected.
    Allowed {
        /// The claims that they added.
        claims: Map<String, Value>,
        /// The scopes that the token was to have, when one of them said so.
        scopes: Option<Vec<String>>,
    },
    /// One of them refused.
    Denied {
        /// The error code.
        error: String,
        /// Its reason.
        description: String,
    },
    /// One of them failed.
    Failed {
        /// The kind of failure.
        kind: String,
    },
}

impl From<&Answer> for Told {
    fn from(answer: &Answer) -> Self {
        match answer {
            Answer::Granted { claims, scopes } => {
                Self::Allowed { claims: claims.clone(), scopes: scopes.clone() }
            }
            Answer::Denied { code, reason } => {
                Self::Denied { error: code.clone(), description: reason.clone() }
            }
            Answer::Failed(failure) => Self::Failed { kind: failure.kind.code().to_owned() },
        }
    }
}

/// What one Action did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ResultBody {
    pub(crate) action_id: String,
    pub(crate) action_name: String,
    pub(crate) version_id: Option<String>,
    pub(crate) binding_id: String,
    pub(crate) started_at: Time,
    pub(crate) ended_at: Time,
    pub(crate) cpu_us: u64,
    pub(crate) error: Option<ErrorBody>,
    pub(crate) console: Vec<String>,
    /// Whether more was written to the console than is kept.
    pub(crate) console_is_cut: bool,
}

/// Why an Action failed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ErrorBody {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) message: String,
    pub(crate) stack: String,
}

impl Execution {
    /// What came of a question.
    pub(crate) fn new(
        id: String,
        (at, client): (Timestamp, &str),
        request_id: String,
        event: Map<String, Value>,
        (flow, report): (&Flow, &FlowReport),
    ) -> Self {
        let (event, mut event_is_cut) = bounded(event);
        let mut started_at = at;
        let mut results = Vec::with_capacity(report.steps.len());
        for (step, done) in flow.iter().zip(&report.steps) {
            results.push(result(step, done, &mut started_at));
        }
        let mut answer = Told::from(&report.answer);
        if let Told::Allowed { claims, .. } = &mut answer
            && serde_json::to_string(claims).map_or(usize::MAX, |text| text.len())
                > CLAIMS_BYTES_MAX
        {
            claims.values_mut().for_each(|value| *value = "(left out)".into());
            event_is_cut = true;
        }
        let body = ExecutionBody { request_id, event, event_is_cut, answer, results };
        Self { id, at, client: client.to_owned(), body }
    }

    fn stored(&self) -> StoredExecution {
        StoredExecution {
            id: self.id.clone(),
            at: self.at,
            client: self.client.clone(),
            body: serde_json::to_string(&self.body).unwrap_or_default(),
        }
    }

    fn read(row: StoredExecution) -> Option<Self> {
        let StoredExecution { id, at, client, body } = row;
        Some(Self { id, at, client, body: serde_json::from_str(&body).ok()? })
    }
}

fn bounded(mut event: Map<String, Value>) -> (Map<String, Value>, bool) {
    let length = |event: &Map<String, Value>| {
        serde_json::to_string(event).map_or(usize::MAX, |text| text.len())
    };
    if length(&event) <= EVENT_BYTES_MAX {
        return (event, false);
    }
    for pointer in [["client", "allowlist"], ["request", "body"], ["client", "metadata"]] {
        let [outer, inner] = pointer;
        if let Some(members) = event.get_mut(outer).and_then(Value::as_object_mut) {
            members.remove(inner);
        }
        if length(&event) <= EVENT_BYTES_MAX {
            break;
        }
    }
    (event, true)
}

fn result(step: &FlowStep, done: &StepReport, started_at: &mut Timestamp) -> ResultBody {
    let took_ms = i64::try_from(done.took_us / 1_000).unwrap_or(i64::MAX);
    let ended_at = Timestamp::from_millis(started_at.millis().saturating_add(took_ms));
    let mut room = CONSOLE_CHARS_MAX;
    let mut console = Vec::new();
    let mut console_is_cut = done.run.console_dropped > 0;
    for line in &done.run.console {
        let kept: String = line.text.chars().take(room).collect();
        console_is_cut |= kept.len() < line.text.len();
        room = room.saturating_sub(kept.chars().count());
        if !kept.is_empty() {
            console.push(kept);
        }
    }
    let error = done.run.failure.as_ref().map(|failure| ErrorBody {
        kind: failure.kind.code().to_owned(),
        name: failure.name.clone(),
        message: failure.message.clone(),
        stack: failure.stack.clone(),
    });
    ResultBody {
        action_id: step.action.to_string(),
        action_name: step.name.clone(),
        version_id: step.version.as_ref().map(ToString::to_string),
        binding_id: step.binding.to_string(),
        started_at: Time(std::mem::replace(started_at, ended_at)),
        ended_at: Time(ended_at),
        cpu_us: done.run.cpu_us,
        error,
        console,
        console_is_cut,
    }
}

/// The executions of this process on their way to the store.
#[derive(Debug)]
pub struct Executions {
    waiting: Mutex<VecDeque<Execution>>,
    minute: Mutex<Minute>,
    /// One writer at a time, so that they stay in order.
    writer: tokio::sync::Mutex<()>,
    limits: ExecutionLimits,
}

/// How many were kept of each client in the present minute.
#[derive(Debug, Default)]
struct Minute {
    number: i64,
    counts: HashMap<String, u32>,
}

impl Minute {
    fn has_room(&mut self, at: Timestamp, client: &str) -> bool {
        let number = at.seconds().div_euclid(60);
        if self.number != number {
            *self = Self { number, counts: HashMap::new() };
        }
        let count = self.counts.entry(client.to_owned()).or_default();
        *count = count.saturating_add(1);
        *count <= KEPT_IN_A_MINUTE
    }
}

impl Executions {
    pub(crate) fn new(limits: ExecutionLimits) -> Self {
        let (waiting, minute) = (Mutex::default(), Mutex::default());
        Self { waiting, minute, writer: tokio::sync::Mutex::default(), limits }
    }

    /// Takes one; whether it is kept. It never waits; without room it is dropped.
    pub(crate) fn put(&self, execution: Execution) -> bool {
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        let is_in_part = minute.has_room(execution.at, &execution.client);
        drop(minute);
        let mut waiting = self.lock();
        let has_room = is_in_part && waiting.len() < WAITING_MAX;
        if has_room {
            waiting.push_back(execution);
        } else {
            metrics::counter!("keyward_executions_dropped_total").increment(1);
        }
        has_room
    }

    /// The one with that id.
    pub(crate) async fn get(
        &self,
        store: &Store,
        id: &str,
    ) -> Result<Option<Execution>, StoreError> {
        // Those that are being written stay in the queue until they are.
        let waiting = self.lock().iter().find(|one| one.id == id).cloned();
        if waiting.is_some() {
            return Ok(waiting);
        }
        Ok(store.execution(id).await?.and_then(Execution::read))
    }

    /// The last ones, the newest first.
    pub(crate) async fn last(
        &self,
        store: &Store,
        now: Timestamp,
        client: Option<&str>,
        count: u32,
    ) -> Result<Vec<Execution>, StoreError> {
        self.write(store, now).await?;
        let rows = store.last_executions(client, count).await?;
        Ok(rows.into_iter().filter_map(Execution::read).collect())
    }

    /// Writes all that wait, and deletes a step of what is too old.
    ///
    /// # Errors
    /// What the store says. What was not written waits on.
    pub async fn write(&self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        let _one = self.writer.lock().await;
        loop {
            let rows: Vec<StoredExecution> =
                self.lock().iter().take(BATCH).map(Execution::stored).collect();
            if rows.is_empty() {
                break;
            }
            store.append_executions(&rows, self.limits.rows_max).await?;
            let mut waiting = self.lock();
            let written = rows.len().min(waiting.len());
            waiting.drain(..written);
        }
        let kept_s = i64::from(self.limits.retention_days).saturating_mul(DAY_S);
        store.forget_executions(now.plus_seconds(-kept_s), FORGOTTEN_AT_ONCE).await?;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Execution>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_its_part_of_a_minute_and_no_more() {
        let mut minute = Minute::default();
        let now = Timestamp::from_seconds(120);
        let kept = (0..2_000).filter(|_| minute.has_room(now, "a")).count();
        assert_eq!(kept, 1_000);
        assert!(minute.has_room(now, "b"));
        assert!(minute.has_room(Timestamp::from_seconds(180), "a"), "the next minute");
    }
}
