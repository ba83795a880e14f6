//! Trying a draft, and what was kept of executions.

use std::time::Instant;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use keyward_actions::{Answer, FlowReport};
use keyward_core::action::CREDENTIALS_EXCHANGE;
use serde_json::{Map, Value, json};

use super::{Shared, action_id};
use crate::actions::{Execution, try_draft};
use crate::management::fields::{Fields, invalid_field, missing};
use crate::management::query::Query;
use crate::management::scopes::{CreateActions, ReadActions};
use crate::management::{Admitted, ManagementFailure, Place, RawBody, not_found, reply};
use crate::v1::Time;

/// Runs a draft against an event: `{"payload": {"event": {…}}}`.
pub(in crate::management) async fn test_action(
    State(services): Shared,
    _admitted: Admitted<CreateActions>,
    Place(id): Place<String>,
    body: RawBody,
) -> Result<Response, ManagementFailure> {
    let mut fields = Fields(body.object()?);
    let payload = fields.object("payload")?.ok_or_else(|| missing("payload"))?;
    fields.finish()?;
    let event = match payload.get("event") {
        Some(Value::Object(event)) => event.clone(),
        _ => return Err(invalid_field("Expected an object", "payload.event").into()),
    };
    let action = services.store.action(&action_id(&id)?).await?;
    let action = action.ok_or_else(|| not_found("action"))?;
    let began = Instant::now();
    let report = try_draft(&services, &action, event).await;
    let took_ms = began.elapsed().as_secs_f64() * 1_000.0;
    Ok(reply(StatusCode::OK, json!({ "payload": tried(&report, took_ms) })))
}

/// What came of it. Auth0 documents what stands here of a failure and of times; the rest is ours.
fn tried(report: &FlowReport, took_ms: f64) -> Map<String, Value> {
    let mut payload = Map::new();
    let mut put = |name: &str, value: Value| payload.insert(name.to_owned(), value);
    match &report.answer {
        Answer::Granted { claims, scopes } => {
            put("result", "allowed".into());
            put("claims", claims.clone().into());
            put("scopes", json!(scopes));
        }
        Answer::Denied { code, reason } => {
            put("result", "denied".into());
            put("denied", json!({ "code": code, "reason": reason }));
        }
        Answer::Failed(failure) => {
            put("result", "failed".into());
            put(
                "error",
                json!({
                    "name": failure.name,
                    "message": failure.message,
                    "stack": failure.stack,
                    "kind": failure.kind.code(),
                }),
            );
        }
    }
    let step = report.steps.first();
    let line = |line: &keyward_actions::ConsoleLine| json!({ "level": line.level.name(), "text": line.text });
    let lines: Vec<Value> = step.iter().flat_map(|step| &step.run.console).map(line).collect();
    put("console", lines.into());
    let cpu_us = step.map_or(0, |step| step.run.cpu_us);
    put(
        "stats",
        json!({
            "total_request_duration_ms": took_ms,
            "total_runtime_execution_duration_ms": took_ms,
            "runtime_processing_duration_ms": took_ms,
            "action_duration_ms": micros(cpu_us),
            "runtime_external_call_duration_ms": 0,
            "boot_duration_ms": 0,
            "network_duration_ms": 0,
        }),
    );
    payload
}

/// Microseconds as milliseconds.
fn micros(us: u64) -> f64 {
    std::time::Duration::from_micros(us).as_secs_f64() * 1_000.0
}

pub(in crate::management) async fn get_execution(
    State(services): Shared,
    _admitted: Admitted<ReadActions>,
    Place(id): Place<String>,
    uri: Uri,
) -> Result<Response, ManagementFailure> {
    Query::read(&uri, &[])?;
    let execution = services.actions.executions.get(&services.store, &id).await?;
    let execution = execution.ok_or_else(|| not_found("execution"))?;
    Ok(reply(StatusCode::OK, shown(&execution)))
}

fn shown(execution: &Execution) -> Value {
    let result = |result: &crate::actions::ResultBody| {
        let mut shown = json!({
            "action_name": result.action_name,
            "started_at": result.started_at,
            "ended_at": result.ended_at,
        });
        if let (Some(members), Some(error)) = (shown.as_object_mut(), &result.error) {
            let message = format!("{}: {}", error.name, error.message);
            members.insert("error".to_owned(), json!({ "id": error.kind, "msg": message }));
        }
        shown
    };
    let results: Vec<Value> = execution.body.results.iter().map(result).collect();
    let ended_at = execution.body.results.last().map_or(Time(execution.at), |last| last.ended_at);
    json!({
        "id": execution.id,
        "trigger_id": CREDENTIALS_EXCHANGE,
        "status": "final",
        "results": results,
        "created_at": Time(execution.at),
        "updated_at": ended_at,
    })
}
