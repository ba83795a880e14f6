//! What the token endpoint tells.

use keyward_actions::Failure;
use keyward_core::id::ClientId;
use keyward_core::policy::FlowStep;
use keyward_core::time::Timestamp;
use keyward_gate::RequestId;
use serde_json::json;

use super::event::{LogEvent, LogKind, Origin, looks_secret};
use crate::services::Services;

/// The reason of a request that was one too many from its source.
pub(crate) const TOO_MANY_FAILURES: &str = "too_many_failures";

/// How a token request ended.
#[derive(Debug)]
pub(crate) enum TokenOutcome<'a> {
    /// With a token.
    Issued {
        client: &'a ClientId,
        audience: &'a str,
        scope: Option<&'a str>,
        execution: Option<&'a str>,
    },
    /// With a refusal, told as the caller saw it; `reason` is ours.
    Refused {
        client: Result<&'a ClientId, &'a str>,
        audience: Option<&'a str>,
        error: &'a str,
        description: &'a str,
        reason: &'static str,
        execution: Option<&'a str>,
    },
}

/// How much is told of what an Action threw; its execution has the rest.
const FAILURE_CHARS_MAX: usize = 1_000;

/// In place of a description that repeats something secret.
const HIDDEN: &str = "(left out: it repeats something that looks like a secret)";
/// Ids that nobody here has are told up to this length. Longer texts that could be an id are rather
/// secrets that were made elsewhere.
const UNKNOWN_ID_CHARS_MAX: usize = 36;

fn of_unproven_client(services: &Services, event: LogEvent, text: &str) -> LogEvent {
    let known =
        ClientId::parse(text).is_ok_and(|id| services.policy.read_client(&id, |_| ()).is_some());
    let told = known || text.len() <= UNKNOWN_ID_CHARS_MAX;
    if told { event.of_unproven_client(text) } else { event }
}

fn may_be_told(services: &Services, audience: &str) -> bool {
    services.policy.api(audience).is_some() || !looks_secret(audience)
}

/// Tells that a bound Action failed and so kept a token from being issued.
pub(crate) fn note_failed_action(
    services: &Services,
    (request, origin): (RequestId, &Origin),
    client: &ClientId,
    (step, failure, execution): (&FlowStep, &Failure, Option<&str>),
) {
    // Shorter than what an event may hold, beside which nothing would be told of it at all.
    let first = |text: &str| text.chars().take(FAILURE_CHARS_MAX).collect::<String>();
    let described = format!("The Action {} failed: {}", step.name, failure.message);
    let event = LogEvent::new(LogKind::ActionFailed, services.now())
        .of_client(client)
        .described(&described)
        .because(failure.kind.code())
        .with("action", json!({ "id": step.action.as_str(), "name": step.name }))
        .with(
            "error",
            json!({
                "kind": failure.kind.code(),
                "name": failure.name,
                "message": first(&failure.message),
                "stack": first(&failure.stack),
            }),
        )
        .with("actions", json!({ "executions": execution.iter().collect::<Vec<_>>() }))
        .with("request_id", request.to_string());
    services.logs.emit(event.from_origin(origin));
}

/// Tells how a token request ended.
pub(crate) fn note_token(
    services: &Services,
    (request, origin): (RequestId, &Origin),
    at: Timestamp,
    outcome: &TokenOutcome<'_>,
) {
    let event = match outcome {
        TokenOutcome::Issued { client, audience, scope, execution } => {
            let executions: Vec<_> = execution.iter().collect();
            LogEvent::new(LogKind::TokenIssued, at)
                .of_client(client)
                .described("Client Credentials for Access Token")
                .for_api(Some(audience), *scope)
                .with("actions", json!({ "executions": executions }))
        }
        TokenOutcome::Refused { client, audience, error, description, reason, execution } => {
            let kind = match *reason {
                TOO_MANY_FAILURES => LogKind::ApiLimit,
                _ => LogKind::TokenRefused,
            };
            let event = LogEvent::new(kind, at);
            let event = match client {
                Ok(client) => event.of_client(client),
                Err(text) => of_unproven_client(services, event, text),
            };
            // Security: what somebody wrote where the API's name belongs may be his secret, and an
            // error repeats it.
            let audience = (*audience).filter(|text| may_be_told(services, text));
            let description = if looks_secret(description) { HIDDEN } else { *description };
            let event = event
                .described(description)
                .for_api(audience, None)
                .because(reason)
                .with("error", json!({ "oauthError": error, "message": description }));
            match execution {
                Some(execution) => event.with("actions", json!({ "executions": [execution] })),
                None => event,
            }
        }
    };
    services.logs.emit(event.from_origin(origin).with("request_id", request.to_string()));
}
