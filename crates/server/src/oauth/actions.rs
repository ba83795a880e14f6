//! Bound Actions at the token endpoint: asked after everything of ours was decided, and before the
//! token is made.

use std::sync::Arc;

use axum::http::header::{ACCEPT_LANGUAGE, HOST, HeaderName, USER_AGENT};
use keyward_actions::{Answer, FailureKind, FlowReport, Question};
use keyward_core::decision::Permit;
use keyward_core::policy::{ApiRecord, Flow};
use serde_json::{Map, Value};

use super::reply::OAuthError;
use super::request::OAuthRequest;
use crate::actions::{Asked, Execution, ask, decisive, event};
use crate::logs::note_failed_action;
use crate::services::Services;

/// What Actions said of a token request that none of them refused.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// What they add to the token.
    pub(super) claims: Map<String, Value>,
    /// The scopes that the token is to have, as far as the grant has them.
    pub(super) scopes: Option<Vec<String>>,
    /// Where it is kept.
    pub(super) execution: Option<String>,
}

/// Asks the Actions that were bound when the request was decided.
///
/// Tokens for Keyward's own API are issued without them, so that whoever bound an Action that
/// refuses everything can also unbind it.
pub(super) async fn ask_actions(
    services: &Arc<Services>,
    request: &OAuthRequest,
    permit: &Permit,
    api: &ApiRecord,
) -> Result<Said, OAuthError> {
    let none = Arc::default();
    let flow = permit.flow.as_ref().unwrap_or(&none);
    // Without a bound Action the request is only kept, for drafts to be tried with.
    if api.is_system || (flow.is_empty() && !services.policy.has_actions()) {
        return Ok(Said::default());
    }
    let now = services.now();
    let event = event(services, permit, api, asked(request), now).await.map_err(|error| {
        tracing::error!(%error, client.id = %permit.client, "no event can be made for Actions");
        OAuthError::unavailable()
    })?;
    let id = services.new_execution_id().map_err(|error| {
        tracing::error!(%error, "no id of an execution could be drawn");
        OAuthError::unavailable()
    })?;
    let question = Question::new(event.clone(), now.millis(), services.actions.limits());
    let report = ask(services, &permit.client, flow, question).await;
    services.actions.show(now, &id, (flow, &report));
    let (client, request_id) = (permit.client.to_string(), request.id.to_string());
    let origin = (now, client.as_str());
    let execution = Execution::new(id.clone(), origin, request_id, event, (flow, &report));
    // Where nothing ran there is nothing to keep; and what is not kept is not named.
    let ran = !matches!(&report.answer, Answer::Failed(one) if one.kind == FailureKind::NoWorker);
    let kept = (ran && services.actions.executions.put(execution)).then_some(id);
    let error = match report.answer {
        Answer::Granted { claims, scopes } => {
            return Ok(Said { claims, scopes, execution: kept.filter(|_| !flow.is_empty()) });
        }
        Answer::Denied { ref code, ref reason } => OAuthError::denied_by_action(code, reason),
        Answer::Failed(_) => {
            note_failure(services, request, permit, (flow, &report), kept.as_deref());
            OAuthError::action_failed()
        }
    };
    Err(kept.into_iter().fold(error, OAuthError::of_execution))
}

fn note_failure(
    services: &Services,
    request: &OAuthRequest,
    permit: &Permit,
    (flow, report): (&Flow, &FlowReport),
    execution: Option<&str>,
) {
    let (Some(step), Answer::Failed(failure)) = (decisive(flow, report), &report.answer) else {
        return;
    };
    tracing::error!(
        action.id = %step.action,
        action.name = step.name,
        client.id = %permit.client,
        execution,
        failure = failure.kind.code(),
        "no token: a bound Action failed"
    );
    let origin = (request.id, &request.origin);
    note_failed_action(services, origin, &permit.client, (step, failure, execution));
}

/// What the request says of itself.
fn asked(request: &OAuthRequest) -> Asked<'_> {
    let header = |name: HeaderName| {
        let value = request.parts.headers.get(name)?.to_str().ok()?;
        Some(value.chars().take(512).collect::<String>())
    };
    let authority = request.parts.uri.host().map(str::to_owned);
    let hostname = authority.or_else(|| header(HOST));
    Asked {
        body: request.parameters.for_actions(),
        scope: request.parameters.text("scope"),
        hostname: hostname.map(|host| without_port(&host).to_owned()),
        language: header(ACCEPT_LANGUAGE),
        user_agent: header(USER_AGENT),
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}
