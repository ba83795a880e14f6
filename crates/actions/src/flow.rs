//! A token request's way through the Actions that are bound, in order.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use keyward_core::token::is_custom_claim;
use serde_json::{Map, Value, json};

use crate::cache::Cache;
use crate::limits::Limits;
use crate::pool::Pool;
use crate::wire::{CLAIMS_BYTES_MAX, ConsoleLine, Failure, FailureKind, RunReport, RunRequest};

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

/// Asks the Actions, one after the other. The first refusal or failure ends it.
pub async fn ask(
    pool: &Arc<Pool>,
    cache: &Cache,
    steps: &[Step],
    question: Question,
) -> FlowReport {
    let mut flow = Flow { event: question.event, claims: Map::new(), scopes: None };
    let mut reports = Vec::with_capacity(steps.len());
    for step in steps {
        let began = Instant::now();
        let mut run = match &step.script {
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
        // `Value` and not the map, whose text needs no escape of its own.
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
            if is_custom_claim(name)
                && let Ok(value) = serde_json::from_str(json)
            {
                self.claims.insert(name.clone(), value);
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

/// Secrets shorter than this are words like others.
const SECRET_CHARS_MIN: usize = 6;

/// Security: what an Action writes to the console, or throws, is kept and shown, and no secret is.
fn hide_secrets(run: &mut RunReport, secrets: &Map<String, Value>) {
    let hide = |text: &mut String| {
        for (name, value) in secrets {
            if let Some(value) = value.as_str().filter(|value| value.len() >= SECRET_CHARS_MIN)
                && text.contains(value)
            {
                *text = text.replace(value, &format!("[secret {name}]"));
            }
        }
    };
    for ConsoleLine { text, .. } in &mut run.console {
        hide(text);
    }
    if let Some(failure) = &mut run.failure {
        hide(&mut failure.message);
        hide(&mut failure.stack);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_in_what_is_kept() {
        let secrets = json!({ "KEY": "very secret", "SHORT": "a" }).as_object().unwrap().clone();
        let mut run = RunReport {
            failure: Some(Failure::new(FailureKind::Threw, "no very secret here")),
            console: vec![ConsoleLine {
                level: crate::Level::Log,
                text: "a very secret text".to_owned(),
            }],
            ..RunReport::default()
        };
        hide_secrets(&mut run, &secrets);
        assert_eq!(run.console[0].text, "a [secret KEY] text");
        assert_eq!(run.failure.unwrap().message, "no [secret KEY] here");
    }
}
