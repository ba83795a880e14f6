//! A bound on how often one client may call the management API, and the headers that tell it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use keyward_core::id::ClientKey;
use keyward_core::time::Timestamp;

use crate::failure::Failure;

/// The length of a window, in seconds. A short one: Auth0's SDKs wait for its end before they repeat
/// a call that failed for any reason, for Python's also a conflict.
pub const WINDOW_S: i64 = 1;
/// How many calls one client may make in a window.
pub const CALLS_MAX: u32 = 2_000;
/// How many clients are counted apart in one window; further ones are not admitted in it.
const CLIENTS_MAX: usize = 100_000;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Calls of authenticated clients in the current window. Others cost no memory.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    calls_max: u32,
    window: Mutex<Window>,
}

#[derive(Debug, Default)]
struct Window {
    number: i64,
    calls: HashMap<ClientKey, u32>,
}

/// What a call left over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Charged {
    limit: u32,
    remaining: u32,
    /// When the window ends, in seconds since the Unix epoch.
    reset_s: i64,
    /// Whether the call was one too many.
    pub(crate) is_over: bool,
}

impl RateLimiter {
    pub(crate) fn shared() -> Arc<Self> {
        Arc::new(Self::new(CALLS_MAX))
    }

    fn new(calls_max: u32) -> Self {
        Self { calls_max, window: Mutex::default() }
    }

    /// Counts a call.
    pub(crate) fn charge(&self, client: ClientKey, now: Timestamp) -> Charged {
        let number = now.seconds().div_euclid(WINDOW_S);
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if window.number != number {
            *window = Window { number, calls: HashMap::new() };
        }
        let is_full = window.calls.len() >= CLIENTS_MAX && !window.calls.contains_key(&client);
        let calls = if is_full {
            u32::MAX
        } else {
            let calls = window.calls.entry(client).or_default();
            *calls = calls.saturating_add(1);
            *calls
        };
        Charged {
            limit: self.calls_max,
            remaining: self.calls_max.saturating_sub(calls),
            reset_s: reset_s(now),
            is_over: calls > self.calls_max,
        }
    }
}

fn reset_s(now: Timestamp) -> i64 {
    now.seconds().div_euclid(WINDOW_S).saturating_add(1).saturating_mul(WINDOW_S)
}

/// Where the extractor leaves what the middleware writes.
#[derive(Debug, Clone, Default)]
struct Slot(Arc<Mutex<Option<Charged>>>);

/// Writes the headers of every answer.
pub(super) async fn with_headers(mut request: Request, next: Next) -> Response {
    let slot = Slot::default();
    request.extensions_mut().insert(slot.clone());
    let mut response = next.run(request).await;
    let charged = *slot.0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(charged) = charged {
        write(response.headers_mut(), charged);
    }
    response
}

/// Notes what a call left over.
pub(super) fn note(parts: &Parts, charged: Charged) {
    if let Some(Slot(slot)) = parts.extensions.get() {
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(charged);
    }
}

/// Notes that nothing was counted (yet): the caller is not known.
pub(super) fn note_idle(parts: &Parts, now: Timestamp) {
    note(parts, idle(now));
}

/// Writes the headers of an answer for which nothing was counted.
pub(super) fn write_idle(headers: &mut HeaderMap, now: Timestamp) {
    write(headers, idle(now));
}

fn idle(now: Timestamp) -> Charged {
    Charged { limit: CALLS_MAX, remaining: CALLS_MAX, reset_s: reset_s(now), is_over: false }
}

fn write(headers: &mut HeaderMap, charged: Charged) {
    headers.insert(LIMIT, charged.limit.into());
    headers.insert(REMAINING, charged.remaining.into());
    headers.insert(RESET, charged.reset_s.into());
}

/// 429 in Auth0's words.
pub(super) fn failure(charged: Charged, now: Timestamp) -> Failure {
    let mut failure = Failure::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_requests",
        "Global limit has been reached",
    );
    let wait = charged.reset_s.saturating_sub(now.seconds());
    failure.retry_after_s = u32::try_from(wait).ok();
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_has_its_own_calls_and_they_come_back() {
        let limiter = RateLimiter::new(2);
        let at = Timestamp::from_seconds;
        let (a, b) = (ClientKey(1), ClientKey(2));
        let first = limiter.charge(a, at(1001));
        assert_eq!(first, Charged { limit: 2, remaining: 1, reset_s: 1002, is_over: false });
        assert!(!limiter.charge(a, at(1001)).is_over);
        assert!(limiter.charge(a, at(1001)).is_over);
        assert!(!limiter.charge(b, at(1001)).is_over);
        assert!(!limiter.charge(a, at(1002)).is_over);
    }
}
