//! One delivery of a log stream: what comes next, sent, and how far that brought it.

use std::time::Duration;

use keyward_core::time::Timestamp;
use keyward_store::{LogStream, LogStreamProgress, StoreError};

use super::egress::Egress;
use super::payload::{Payload, payload};
use super::{ACTIVE, Secrets, Settings, StreamError, open, settings, sign};
use crate::services::Services;
use crate::signing::random_bytes;

/// The most events of one delivery.
pub const EVENTS_MAX: u32 = 100;
/// After how long without a delivery that was taken a stream is given up, in seconds.
pub const GIVEN_UP_AFTER_S: i64 = 24 * 3_600;
/// The first wait after a failure; each further one doubles it.
const WAIT_FIRST: Duration = Duration::from_secs(1);
const WAIT_MOST: Duration = Duration::from_secs(300);
/// How long an endpoint may ask us to wait.
const RETRY_AFTER_MOST: Duration = Duration::from_secs(3_600);
/// How much of an answer is read, so that the connection can be used again.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// How far events that a filter leaves out are passed over before that is stored.
const PASSED_OVER_MAX: u64 = 1_000;

/// What a delivery came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// There was nothing to deliver.
    Idle,
    /// So many events were taken.
    Delivered(usize),
    /// They were not taken; try again after a while.
    Failed {
        /// How long to wait.
        wait: Duration,
    },
    /// They were not taken, and the stream should be given up.
    GiveUp {
        /// Why, for people.
        why: String,
    },
    /// There is no such stream, or it is not active.
    Stopped,
}

/// Why events were not taken.
struct Refusal {
    what: String,
    retry_after: Option<Duration>,
    gone: bool,
}

impl Refusal {
    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), retry_after: None, gone: false }
    }
}

/// Delivers what comes next in a stream, once.
///
/// # Errors
/// When the store does not answer; nothing is lost, the delivery is repeated.
pub async fn deliver(services: &Services, egress: &Egress, id: &str) -> Result<Step, StoreError> {
    let Some(stream) = services.store.log_stream(id).await? else { return Ok(Step::Stopped) };
    let Some(progress) = services.store.log_stream_progress(id).await? else {
        return Ok(Step::Stopped);
    };
    if stream.status != ACTIVE {
        return Ok(Step::Stopped);
    }
    let (settings, secrets) = match definition(services, &stream) {
        Ok(definition) => definition,
        Err(error) => return Ok(Step::GiveUp { why: error.to_string() }),
    };
    let kinds = settings.kinds();
    let after = services.store.logs_after(progress.seq, kinds.as_deref(), EVENTS_MAX).await?;
    let Some(payload) = payload(&after.rows, settings.format, &services.issuer) else {
        if after.seen_to.saturating_sub(progress.seq) >= PASSED_OVER_MAX {
            let passed = LogStreamProgress { seq: after.seen_to, ..progress };
            services.store.set_log_stream_progress(id, passed).await?;
        }
        return Ok(Step::Idle);
    };
    let now = services.now();
    let (seq, count) = (payload.last, payload.count);
    match send(egress, &stream, (&settings, &secrets), payload, now).await {
        Ok(()) => {
            counted(id, "delivered");
            let taken = LogStreamProgress { seq, failing_since: None, failures: 0 };
            services.store.set_log_stream_progress(id, taken).await?;
            Ok(Step::Delivered(count))
        }
        Err(refusal) => {
            counted(id, "failed");
            failed(services, id, progress, refusal, now).await
        }
    }
}

fn definition(services: &Services, stream: &LogStream) -> Result<(Settings, Secrets), StreamError> {
    Ok((settings(stream)?, open(&services.master, stream)?))
}

async fn send(
    egress: &Egress,
    stream: &LogStream,
    (settings, secrets): (&Settings, &Secrets),
    payload: Payload,
    now: Timestamp,
) -> Result<(), Refusal> {
    // The same events have the same id, however often they are sent.
    let id = format!("msg_{}_{}_{}", stream.id, payload.first, payload.last);
    let signature = sign(&secrets.signing, &id, now.seconds(), &payload.body)
        .ok_or_else(|| Refusal::new("its signing secret cannot be used"))?;
    let mut request = egress
        .post(&settings.endpoint)
        .map_err(|what| Refusal::new(format!("its endpoint {what}")))?
        .header("content-type", &settings.content_type)
        .header("webhook-id", id)
        .header("webhook-timestamp", now.seconds())
        .header("webhook-signature", signature);
    if let Some(authorization) = &secrets.authorization {
        request = request.header("authorization", authorization);
    }
    for header in &secrets.headers {
        request = request.header(&header.name, &header.value);
    }
    let answer = request.body(payload.body).send().await.map_err(|error| unsent(&error))?;
    let status = answer.status();
    let retry_after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
    let retry_after = retry_after.and_then(|text| text.trim().parse().ok());
    let retry_after = retry_after.map(|s| Duration::from_secs(s).min(RETRY_AFTER_MOST));
    read_rest(answer).await;
    if status.is_success() {
        return Ok(());
    }
    let what = format!("its endpoint answered {}", status.as_u16());
    Err(Refusal { what, retry_after, gone: status == reqwest::StatusCode::GONE })
}

/// What went wrong, without the URL: its query may hold a secret.
fn unsent(error: &reqwest::Error) -> Refusal {
    let what = if error.is_timeout() {
        "its endpoint did not answer in time"
    } else if error.is_connect() {
        "its endpoint cannot be reached"
    } else {
        "its endpoint broke the connection off"
    };
    Refusal::new(what)
}

async fn read_rest(mut answer: reqwest::Response) {
    let mut read = 0_usize;
    while let Ok(Some(chunk)) = answer.chunk().await {
        read = read.saturating_add(chunk.len());
        if read > ANSWER_BYTES_MAX {
            return;
        }
    }
}

async fn failed(
    services: &Services,
    id: &str,
    before: LogStreamProgress,
    refusal: Refusal,
    now: Timestamp,
) -> Result<Step, StoreError> {
    let since = before.failing_since.unwrap_or(now);
    let failures = before.failures.saturating_add(1);
    let progress = LogStreamProgress { seq: before.seq, failing_since: Some(since), failures };
    services.store.set_log_stream_progress(id, progress).await?;
    let failing_s = now.seconds().saturating_sub(since.seconds());
    tracing::warn!(stream = id, failures, failing_s, what = refusal.what, "a log stream fails");
    if refusal.gone || failing_s >= GIVEN_UP_AFTER_S {
        return Ok(Step::GiveUp { why: refusal.what });
    }
    Ok(Step::Failed { wait: backoff(failures).max(refusal.retry_after.unwrap_or_default()) })
}

/// Between half of the wait and all of it, so that streams that failed together do not come back
/// together.
fn backoff(failures: u32) -> Duration {
    let doubled = failures.saturating_sub(1).min(16);
    let wait = WAIT_FIRST.saturating_mul(1 << doubled).min(WAIT_MOST);
    let half = wait / 2;
    let [byte] = random_bytes::<1>().unwrap_or([255]);
    half.saturating_add(half.saturating_mul(u32::from(byte)) / 255)
}

fn counted(id: &str, outcome: &'static str) {
    let stream = id.to_owned();
    metrics::counter!("keyward_log_stream_deliveries_total", "stream" => stream, "outcome" => outcome)
        .increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_their_bound() {
        for (failures, most_s) in [(1, 1), (2, 2), (5, 16), (9, 256), (10, 300), (u32::MAX, 300)] {
            let (wait, most) = (backoff(failures), Duration::from_secs(most_s));
            assert!(wait <= most && wait >= most / 2, "{failures}: {wait:?}");
        }
    }
}
