//! `Idempotency-Key`: a repeated request is answered as the first time, not done again.
//!
//! Answers are remembered in this process for 24 hours, at most 10,000 of them and 32 MiB, and not
//! over a restart. The request runs on when its caller goes away, so that the caller's second try finds
//! the answer. Answers with secrets are not remembered: a secret is shown once.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{Context, SHA256};
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use keyward_core::time::Timestamp;

use crate::failure::Failure;
use crate::services::Services;
use crate::v1::Problem;
use crate::v1::answer::Answer;

/// For how long an answer is remembered, in seconds.
const REMEMBERED_S: i64 = 86_400;
/// How many answers are remembered; the oldest is forgotten first.
const ANSWERS_MAX: usize = 10_000;
/// How many bytes of answers are remembered; the oldest is forgotten first, and one that is larger
/// by itself is not remembered at all.
const BYTES_MAX: usize = 32 * 1024 * 1024;
/// The most characters of a key.
const KEY_CHARS_MAX: usize = 255;

type Name = (String, String);

/// What is remembered.
#[derive(Debug, Default)]
pub(super) struct Table(Mutex<Records>);

#[derive(Debug, Default)]
struct Records {
    by_name: HashMap<Name, Record>,
    /// Oldest first.
    order: VecDeque<(Timestamp, Name)>,
    /// Of all answers together.
    bytes: usize,
}

#[derive(Debug)]
struct Record {
    digest: [u8; 32],
    state: State,
}

#[derive(Debug)]
enum State {
    Running,
    Done(Stored),
    /// It was done, and the answer is not kept.
    Shown,
}

/// An answer as it is remembered: as text, since a parsed one takes many times its size.
#[derive(Debug)]
struct Stored {
    status: StatusCode,
    version: Option<u64>,
    body: Option<Box<str>>,
}

impl Stored {
    fn of(answer: &Answer) -> Self {
        let body = answer.body.as_ref().map(|body| body.to_string().into());
        Self { status: answer.status, version: answer.version, body }
    }

    fn bytes(&self) -> usize {
        self.body.as_ref().map_or(0, |body| body.len())
    }

    fn answer(&self) -> Result<Answer, Failure> {
        let body = self.body.as_deref().map(serde_json::from_str).transpose();
        let body = body.map_err(Failure::internal)?;
        Ok(Answer { status: self.status, body, version: self.version })
    }
}

/// Whether an answer may be given a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replay {
    /// It may.
    Whole,
    /// It holds a secret.
    Never,
}

/// The header of a request, with what it is told apart by.
#[derive(Debug)]
pub(super) struct Key {
    key: Option<Result<String, Failure>>,
    path: String,
    table: Option<Arc<Table>>,
}

impl FromRequestParts<Arc<Services>> for Key {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &Arc<Services>,
    ) -> Result<Self, Self::Rejection> {
        let mut lines = parts.headers.get_all("idempotency-key").iter();
        let key = match (lines.next(), lines.next()) {
            (None, _) => None,
            (Some(line), None) => Some(line.to_str().ok().and_then(checked).ok_or_else(bad_key)),
            (Some(_), Some(_)) => Some(Err(bad_key())),
        };
        let path = format!("{} {}", parts.method, parts.uri.path());
        Ok(Self { key, path, table: parts.extensions.get().cloned() })
    }
}

fn checked(text: &str) -> Option<String> {
    let fits = (1..=KEY_CHARS_MAX).contains(&text.len());
    fits.then(|| text.to_owned())
}

fn bad_key() -> Failure {
    let message = format!("send one `Idempotency-Key` of 1 to {KEY_CHARS_MAX} ASCII characters");
    Failure::bad_request("invalid_idempotency_key", message)
}

impl Key {
    /// Runs a write once for each caller and key.
    pub(super) async fn once<F>(
        self,
        services: &Arc<Services>,
        caller: &str,
        body: &[u8],
        replay: Replay,
        write: F,
    ) -> Result<Response, Problem>
    where
        F: Future<Output = Result<Answer, Problem>> + Send + 'static,
    {
        let (Some(key), Some(table)) = (self.key, self.table) else {
            return write.await.map(IntoResponse::into_response);
        };
        let name = (caller.to_owned(), key?);
        let digest = digest(&self.path, body);
        if let Some(answer) = table.begin(&name, digest, services.now())? {
            let mut response = answer.into_response();
            let replayed = axum::http::HeaderValue::from_static("true");
            response.headers_mut().insert("idempotency-replayed", replayed);
            return Ok(response);
        }
        let task = tokio::spawn(async move {
            let unfinished = Unfinished { table, name: Some(name) };
            let answer = write.await?;
            unfinished.finish(&answer, replay);
            Ok(answer)
        });
        let interrupted = |error| Err(Problem(Failure::internal(error)));
        task.await.unwrap_or_else(interrupted).map(IntoResponse::into_response)
    }
}

/// Tells the same request from another one that has its key.
fn digest(path: &str, body: &[u8]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(path.as_bytes());
    context.update(b"\n");
    context.update(body);
    let mut digest = [0; 32];
    digest.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    digest
}

/// A write that has begun. When it fails, its key is free again.
struct Unfinished {
    table: Arc<Table>,
    name: Option<Name>,
}

impl Unfinished {
    fn finish(mut self, answer: &Answer, replay: Replay) {
        let Some(name) = self.name.take() else { return };
        let state = match replay {
            Replay::Whole => State::Done(Stored::of(answer)),
            Replay::Never => State::Shown,
        };
        let mut records = self.table.0.lock().unwrap_or_else(PoisonError::into_inner);
        records.end(&name, state);
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(name) = self.name.take() {
            let mut records = self.table.0.lock().unwrap_or_else(PoisonError::into_inner);
            records.remove(&name);
            records.order.retain(|(_, other)| *other != name);
        }
    }
}

impl Table {
    pub(super) fn shared() -> Arc<Self> {
        Arc::default()
    }

    /// The answer to a request that was done before; nothing for a new one, which is noted.
    fn begin(
        &self,
        name: &Name,
        digest: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<Answer>, Failure> {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        records.forget(now);
        match records.by_name.get(name) {
            None => {
                records.by_name.insert(name.clone(), Record { digest, state: State::Running });
                records.order.push_back((now, name.clone()));
                Ok(None)
            }
            Some(record) if record.digest != digest => Err(Failure::unprocessable(
                "idempotency_key_reused",
                "this `Idempotency-Key` was used for another request; take a new one",
            )),
            Some(Record { state: State::Running, .. }) => Err(Failure::conflict(
                "idempotency_key_in_use",
                "the request with this `Idempotency-Key` is still running; try again later",
            )),
            Some(Record { state: State::Shown, .. }) => Err(Failure::conflict(
                "already_done",
                "the request with this `Idempotency-Key` was done; its answer held a secret and \
                 is not shown again",
            )),
            Some(Record { state: State::Done(stored), .. }) => stored.answer().map(Some),
        }
    }
}

impl Records {
    fn end(&mut self, name: &Name, state: State) {
        let Some(record) = self.by_name.get_mut(name) else { return };
        if let State::Done(stored) = &state {
            self.bytes = self.bytes.saturating_add(stored.bytes());
        }
        record.state = state;
        while self.bytes > BYTES_MAX && self.forget_oldest() {}
    }

    fn remove(&mut self, name: &Name) {
        if let Some(Record { state: State::Done(stored), .. }) = self.by_name.remove(name) {
            self.bytes = self.bytes.saturating_sub(stored.bytes());
        }
    }

    fn forget_oldest(&mut self) -> bool {
        let Some((_, name)) = self.order.pop_front() else { return false };
        self.remove(&name);
        true
    }

    fn forget(&mut self, now: Timestamp) {
        while let Some((since, _)) = self.order.front() {
            let is_old = since.plus_seconds(REMEMBERED_S) <= now;
            if !is_old && self.order.len() < ANSWERS_MAX {
                return;
            }
            self.forget_oldest();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(key: &str) -> Name {
        ("caller".to_owned(), key.to_owned())
    }

    fn done(table: &Arc<Table>, key: &str, replay: Replay) {
        let unfinished = Unfinished { table: Arc::clone(table), name: Some(name(key)) };
        unfinished.finish(&Answer::gone(), replay);
    }

    #[test]
    fn a_request_is_answered_again_for_a_day() {
        let table = Table::shared();
        let now = Timestamp::from_seconds(1);
        assert_eq!(table.begin(&name("a"), [1; 32], now).unwrap(), None);
        let code = |result: Result<_, Failure>| result.unwrap_err().code;
        assert_eq!(code(table.begin(&name("a"), [1; 32], now)), "idempotency_key_in_use");
        done(&table, "a", Replay::Whole);
        assert_eq!(table.begin(&name("a"), [1; 32], now).unwrap(), Some(Answer::gone()));
        assert_eq!(code(table.begin(&name("a"), [2; 32], now)), "idempotency_key_reused");
        let tomorrow = now.plus_seconds(REMEMBERED_S);
        assert_eq!(table.begin(&name("a"), [2; 32], tomorrow).unwrap(), None);
    }

    #[test]
    fn secrets_are_not_kept_and_failures_free_the_key() {
        let table = Table::shared();
        let now = Timestamp::from_seconds(1);
        assert_eq!(table.begin(&name("a"), [1; 32], now).unwrap(), None);
        done(&table, "a", Replay::Never);
        assert_eq!(table.begin(&name("a"), [1; 32], now).unwrap_err().code, "already_done");
        assert_eq!(table.begin(&name("b"), [1; 32], now).unwrap(), None);
        drop(Unfinished { table: Arc::clone(&table), name: Some(name("b")) });
        assert_eq!(table.begin(&name("b"), [1; 32], now).unwrap(), None);
    }

    #[test]
    fn large_answers_are_bounded_together() {
        let table = Table::shared();
        let now = Timestamp::from_seconds(1);
        let large = Answer::ok(&"x".repeat(BYTES_MAX / 3 * 2)).unwrap();
        for key in ["a", "b"] {
            assert_eq!(table.begin(&name(key), [1; 32], now).unwrap(), None);
            let unfinished = Unfinished { table: Arc::clone(&table), name: Some(name(key)) };
            unfinished.finish(&large, Replay::Whole);
        }
        assert!(table.0.lock().unwrap().bytes <= BYTES_MAX);
        assert_eq!(table.begin(&name("b"), [1; 32], now).unwrap(), Some(large));
        assert_eq!(table.begin(&name("a"), [1; 32], now).unwrap(), None, "forgotten");
    }

    #[test]
    fn memory_is_bounded() {
        let table = Table::shared();
        for number in 0..ANSWERS_MAX + 10 {
            let now = Timestamp::from_seconds(1);
            assert!(table.begin(&name(&number.to_string()), [1; 32], now).unwrap().is_none());
        }
        let records = table.0.lock().unwrap();
        assert_eq!((records.by_name.len(), records.order.len()), (ANSWERS_MAX, ANSWERS_MAX));
    }
}
