//! What the token endpoint tells.

use keyward_core::id::ClientId;
use keyward_core::time::Timestamp;
use keyward_gate::RequestId;
use serde_json::json;

use super::event::{LogEvent, LogKind, Origin};
use crate::services::Services;

/// The reason of a request that was one too many from its source.
pub(crate) const TOO_MANY_FAILURES: &str = "too_many_failures";

/// How a token request ended.
#[derive(Debug)]
pub(crate) enum TokenOutcome<'a> {
    /// With a token.
    Issued { client: &'a ClientId, audience: &'a str, scope: Option<&'a str> },
    /// With a refusal, told as the caller saw it; `reason` is ours.
    Refused {
        client: Result<&'a ClientId, &'a str>,
        audience: Option<&'a str>,
        error: &'a str,
        description: &'a str,
        reason: &'static str,
    },
}

/// Tells how a token request ended.
pub(crate) fn note_token(
    services: &Services,
    (request, origin): (RequestId, &Origin),
    at: Timestamp,
    outcome: &TokenOutcome<'_>,
) {
    let event = match outcome {
        TokenOutcome::Issued { client, audience, scope } => LogEvent::new(LogKind::TokenIssued, at)
            .of_client(client)
            .described("Client Credentials for Access Token")
            .for_api(Some(audience), *scope)
            .with("actions", json!({ "executions": [] })),
        TokenOutcome::Refused { client, audience, error, description, reason } => {
            let kind = match *reason {
                TOO_MANY_FAILURES => LogKind::ApiLimit,
                _ => LogKind::TokenRefused,
            };
            let event = LogEvent::new(kind, at);
            let event = match client {
                Ok(client) => event.of_client(client),
                Err(text) => event.of_unproven_client(text),
            };
            event
                .described(description)
                .for_api(*audience, None)
                .because(reason)
                .with("error", json!({ "oauthError": error, "message": description }))
        }
    };
    services.logs.emit(event.from_origin(origin).with("request_id", request.to_string()));
}
