//! A token request's way through the Actions that are bound, in order.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use keyward_core::token::is_custom_claim;
use serde_json::{Map, Value, json};

use crate::cache::Cache;
use crate::limits::Limits;
use crate::pool::Pool;
use crate::wire::{
    CLAIMS_BYTES_MAX, CONSOLE_LINE_CHARS_MAX, ConsoleLine, ERROR_CHARS_MAX, ERROR_NAME_CHARS_MAX,
    Failure, FailureKind, REASON_CHARS_MAX, RunReport, RunRequest,
};

/// Code under a name that no other code has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// Its name; the code of a name never changes.
    pub name: String,
    /// The code.
    pub code: Arc<str>,
}

impl Script {
    /// Code under a name.
    #[must_use]
    pub fn new(name: &str, code: &str) -> Self {
        Self { name: name.to_owned(), code: code.into() }
    }
}

/// One Action on the way.
#[derive(Clone)]
pub struct Step {
    /// What runs, or why nothing can.
    pub script: Result<Arc<Script>, Failure>,
    /// Its secrets.
    pub secrets: Arc<Map<String, Value>>,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step").field("script", &self.script).finish_non_exhaustive()
    }
}

/// What the Actions are asked about.
#[derive(Debug, Clone)]
pub struct Question {
    /// The event before the first of them.
    pub event: Map<String, Value>,
    /// The networks of `event.client.allowlist`, as a JSON array of texts.
    pub allowlist: String,
    /// The present moment, in milliseconds since the Unix epoch.
    pub now_ms: i64,
    /// What each of them may use.
    pub limits: Limits,
}

impl Question {
    /// Takes the networks out of an event, where they stand as they do for an Action: most never
    /// look at them, and there can be many.
    #[must_use]
    pub fn new(mut event: Map<String, Value>, now_ms: i64, limits: Limits) -> Self {
        let client = event.get_mut("client").and_then(Value::as_object_mut);
        let allowlist = client.and_then(|client| client.get_mut("allowlist")?.as_object_mut());
        let entries = allowlist.and_then(|allowlist| allowlist.remove("entries"));
        let entries = entries.filter(Value::is_array).unwrap_or_else(|| json!([]));
        Self { event, allowlist: entries.to_string(), now_ms, limits }
    }
}

/// What the Actions say together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// None of them objects.
    Granted {
        /// What they add to the token.
        claims: Map<String, Value>,
        /// The scopes that the token is to have as far as it may, when one of them said so.
        scopes: Option<Vec<String>>,
    },
    /// One of them refuses.
    Denied {
        /// The error code.
        code: String,
        /// Its reason.
        reason: String,
    },
    /// One of them failed.
    Failed(Failure),
}

/// What one Action did.
#[derive(Debug, Clone)]
pub struct StepReport {
    /// What it did; without its writes to the cache, which were applied.
    pub run: RunReport,
    /// How long it took by the clock, in microseconds.
    pub took_us: u64,
}

/// All of it.
#[derive(Debug, Clone)]
pub struct FlowReport {
    /// What they say together.
    pub answer: Answer,
    /// Those that ran, in order. The last one decided.
    pub steps: Vec<StepReport>,
}

/// How long all Actions of a request may take together (as Auth0's).
const FLOW_MAX: Duration = Duration::from_secs(20);
/// How deep a claim may be nested.
const CLAIM_DEPTH_MAX: usize = 32;

/// Asks the Actions, one after the other. The first refusal or failure ends it.
pub async fn ask(
    pool: &Arc<Pool>,
    cache: &Cache,
    steps: &[Step],
    question: Question,
) -> FlowReport {
    let mut flow = Flow { event: question.event, claims: Map::new(), scopes: None };
    let mut reports = Vec::with_capacity(steps.len());
    let all_began = Instant::now();
    for step in steps {
        let began = Instant::now();
        let in_time = match &step.script {
            Ok(_) if all_began.elapsed() > FLOW_MAX => {
                let message = "the Actions took longer than 20 seconds together";
                &Err(Failure::new(FailureKind::Clock, message))
            }
            script => script,
        };
        let mut run = match in_time {
            Ok(script) => {
                let request = RunRequest {
                    script: script.name.clone(),
                    event: flow.event(),
                    secrets: Value::Object((*step.secrets).clone()).to_string(),
                    allowlist: question.allowlist.clone(),
                    cache: cache.entries(question.now_ms),
                    now_ms: question.now_ms,
                    limits: question.limits,
                };
                pool.run(script, request).await
            }
            Err(failure) => RunReport { failure: Some(failure.clone()), ..RunReport::default() },
        };
        if run.failure.is_none() {
            cache.apply(&std::mem::take(&mut run.cache), question.now_ms);
            run.failure = flow.take(&run);
        }
        hide_secrets(&mut run, &step.secrets);
        let took_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let ends = run.failure.is_some() || run.denied.is_some();
        let answer = ends.then(|| flow.refusal(&run));
        reports.push(StepReport { run, took_us });
        if let Some(answer) = answer {
            return FlowReport { answer, steps: reports };
        }
    }
    let answer = Answer::Granted { claims: flow.claims, scopes: flow.scopes };
    FlowReport { answer, steps: reports }
}

/// What the Actions so far have said.
struct Flow {
    event: Map<String, Value>,
    claims: Map<String, Value>,
    scopes: Option<Vec<String>>,
}

impl Flow {
    /// The event of the next one: as it was, but for what those before it have decided.
    fn event(&mut self) -> String {
        if let Some(Value::Object(token)) = self.event.get_mut("accessToken") {
            token.insert("customClaims".to_owned(), self.claims.clone().into());
        }
        if let (Some(Value::Object(transaction)), Some(scopes)) =
            (self.event.get_mut("transaction"), &self.scopes)
        {
            transaction.insert("target_scopes".to_owned(), json!(scopes));
        }
        // A value for a moment: a map has no text of its own.
        let event = Value::Object(std::mem::take(&mut self.event));
        let text = event.to_string();
        if let Value::Object(event) = event {
            self.event = event;
        }
        text
    }

    fn take(&mut self, run: &RunReport) -> Option<Failure> {
        for (name, json) in &run.claims {
            // Compat(auth0): a reserved name is passed over in silence.
            if !is_custom_claim(name) {
                continue;
            }
            // Security: a claim may be what narrows a token, so none is left out because of its
            // value.
            match serde_json::from_str(json) {
                Ok(value) if depth(&value) <= CLAIM_DEPTH_MAX => {
                    self.claims.insert(name.clone(), value);
                }
                Ok(_) | Err(_) => {
                    let message =
                        format!("the claim {name} holds half a character, or is nested too deeply");
                    return Some(Failure::new(FailureKind::TooLarge, message));
                }
            }
        }
        if run.scopes.is_some() {
            self.scopes.clone_from(&run.scopes);
        }
        // Each Action stays below the limit; so do all of them together.
        let bytes = serde_json::to_string(&self.claims).map_or(usize::MAX, |text| text.len());
        (bytes > CLAIMS_BYTES_MAX).then(|| {
            let message = format!("the Actions' claims have more than {CLAIMS_BYTES_MAX} bytes");
            Failure::new(FailureKind::TooLarge, message)
        })
    }

    fn refusal(&self, run: &RunReport) -> Answer {
        match (&run.failure, &run.denied) {
            (None, Some((code, reason))) => {
                Answer::Denied { code: code.clone(), reason: reason.clone() }
            }
            (failure, _) => Answer::Failed(failure.clone().unwrap_or_else(|| {
                Failure::new(FailureKind::Malformed, "the Action came to no result")
            })),
        }
    }
}

fn depth(value: &Value) -> usize {
    let below = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(members) => members.values().map(depth).max(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    };
    below.map_or(0, |below| below.saturating_add(1))
}

/// Secrets shorter than this are words like others.
const SECRET_CHARS_MIN: usize = 6;
/// Lines of a secret that are shorter say nothing.
const SECRET_LINE_CHARS_MIN: usize = 16;

/// Security: what an Action writes to the console, throws, or gives as its reason is kept and shown,
/// and no secret is. A secret that was changed, or hidden in a claim, is the Action's own doing.
fn hide_secrets(run: &mut RunReport, secrets: &Map<String, Value>) {
    let mut hidden: Vec<(String, String)> = Vec::new();
    for (name, value) in secrets {
        let Some(value) = value.as_str().filter(|value| value.len() >= SECRET_CHARS_MIN) else {
            continue;
        };
        let shown = format!("[secret {name}]");
        // As it is, as JSON has it, and line by line: keys have several.
        let json = Value::from(value).to_string();
        hidden.push((json.trim_matches('"').to_owned(), shown.clone()));
        let lines = value.lines().filter(|line| line.len() >= SECRET_LINE_CHARS_MIN);
        hidden.extend(lines.map(|line| (line.to_owned(), shown.clone())));
        hidden.push((value.to_owned(), shown));
    }
    // One secret may be a part of another.
    hidden.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
    let hide = |text: &mut String, chars_max: usize| {
        let is_cut = text.chars().count() >= chars_max;
        for (secret, shown) in &hidden {
            if text.contains(secret.as_str()) {
                *text = text.replace(secret.as_str(), shown);
            }
            if is_cut {
                hide_tail(text, secret, shown);
            }
        }
    };
    for ConsoleLine { text, .. } in &mut run.console {
        hide(text, CONSOLE_LINE_CHARS_MAX);
    }
    if let Some(failure) = &mut run.failure {
        hide(&mut failure.name, ERROR_NAME_CHARS_MAX);
        hide(&mut failure.message, ERROR_CHARS_MAX);
        hide(&mut failure.stack, ERROR_CHARS_MAX);
    }
    if let Some((_, reason)) = &mut run.denied {
        hide(reason, REASON_CHARS_MAX);
    }
}

/// A text that was cut may end in the beginning of a secret.
fn hide_tail(text: &mut String, secret: &str, shown: &str) {
    let starts: Vec<_> = secret.char_indices().skip(SECRET_CHARS_MIN).collect();
    let mut longest_first = starts.iter().rev();
    let longest = longest_first.find_map(|(at, _)| text.strip_suffix(secret.get(..*at)?));
    if let Some(kept) = longest {
        *text = format!("{kept}{shown}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_in_what_is_kept() {
        let pem = "-----BEGIN-----\nMIIEvQIBADANBgkq\n-----END-----";
        let secrets = json!({
            "KEY": "very secret", "LONGER": "very secret indeed", "SHORT": "a", "PEM": pem,
        });
        let secrets = secrets.as_object().unwrap().clone();
        let hidden = |text: &str| {
            let line = ConsoleLine { level: crate::Level::Log, text: text.to_owned() };
            let mut run = RunReport {
                failure: Some(Failure {
                    name: text.to_owned(),
                    ..Failure::new(FailureKind::Threw, text)
                }),
                console: vec![line],
                denied: Some(("invalid_request".to_owned(), text.to_owned())),
                ..RunReport::default()
            };
            hide_secrets(&mut run, &secrets);
            let failure = run.failure.unwrap();
            let denied = run.denied.unwrap().1;
            let texts = [run.console.remove(0).text, failure.name, failure.message, denied];
            assert!(texts.iter().all(|other| *other == texts[0]), "{texts:?}");
            texts[0].clone()
        };
        assert_eq!(hidden("a very secret text"), "a [secret KEY] text");
        assert_eq!(hidden("a very secret indeed"), "a [secret LONGER]");
        assert_eq!(hidden(&json!({ "k": pem }).to_string()), r#"{"k":"[secret PEM]"}"#);
        assert_eq!(hidden("line MIIEvQIBADANBgkq of it"), "line [secret PEM] of it");
        // What only begins like a secret is none: a list of addresses begins with an address.
        assert_eq!(hidden("it ends in very sec"), "it ends in very sec");
        let mut cut = "x".repeat(CONSOLE_LINE_CHARS_MAX - 8) + "very sec";
        hide_tail(&mut cut, "very secret", "[secret KEY]");
        assert!(cut.ends_with("x[secret KEY]"), "{cut}");
        let line = "x".repeat(CONSOLE_LINE_CHARS_MAX - 8) + "very sec";
        let mut run = RunReport {
            console: vec![ConsoleLine { level: crate::Level::Log, text: line }],
            ..RunReport::default()
        };
        hide_secrets(&mut run, &secrets);
        assert!(run.console[0].text.ends_with("x[secret LONGER]"));
    }

    #[test]
    fn a_claim_is_taken_whole_or_fails_the_run() {
        let take = |json: String| {
            let mut flow = Flow { event: Map::new(), claims: Map::new(), scopes: None };
            let claims = vec![("https://x/a".to_owned(), json)];
            let failure = flow.take(&RunReport { claims, ..RunReport::default() });
            (failure.map(|failure| failure.kind), flow.claims.len())
        };
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(take(nested(CLAIM_DEPTH_MAX)), (None, 1));
        for bad in [nested(CLAIM_DEPTH_MAX + 1), nested(200), r#""\ud800""#.to_owned()] {
            assert_eq!(take(bad), (Some(FailureKind::TooLarge), 0));
        }
    }
}
