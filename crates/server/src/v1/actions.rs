//! `/v1/actions`: what Actions did, what they write now, and what a draft would have done.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use keyward_core::id::ActionId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::broadcast::error::RecvError;
use utoipa::{IntoParams, ToSchema};

use crate::actions::{self, Change, Execution, Line, Replay, ResultBody, Streams, Told};
use crate::failure::Failure;
use crate::management::{Admitted, CreateActions, Place, RawBody, ReadActions};
use crate::services::Services;
use crate::v1::answer::{Answer, List};
use crate::v1::input::{Params, read_json_or_default};
use crate::v1::wire::Time;
use crate::v1::{Problem, not_found};

type Shared = State<Arc<Services>>;

/// The most executions of a list, and the most requests of a replay.
const COUNT_MAX: u32 = 1_000;
/// How many executions a list has that says no number.
const LIST_DEFAULT: u32 = 50;
/// How many requests a replay looks at that says no number.
const REPLAY_DEFAULT: u32 = 100;
/// How often somebody who watches learns that he still does.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);
/// How long one may watch before he has to ask again.
const WATCH_MAX: Duration = Duration::from_secs(3_600);

/// An execution: a token request that Actions had, or could have had, a say in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ExecutionView {
    /// Its id; log events of tokens name it.
    id: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    /// Whose token request.
    client_id: String,
    /// The id of the request.
    request_id: String,
    /// How it ended: `result` is `allowed` (with `claims` and `scopes` that Actions added), `denied`
    /// (with `error` and `description`) or `failed` (with the `kind` of failure).
    #[schema(value_type = Object)]
    answer: Told,
    /// What each Action did, in order; empty when none was bound.
    #[schema(value_type = Vec<Object>)]
    results: Vec<ResultBody>,
    /// The event that the first of them was given, without secrets.
    #[schema(value_type = Object)]
    event: Value,
    /// Whether parts of the event were left out because it was large.
    event_is_cut: bool,
}

impl From<Execution> for ExecutionView {
    fn from(execution: Execution) -> Self {
        let Execution { id, at, client, body } = execution;
        Self {
            id,
            at: at.into(),
            client_id: client,
            request_id: body.request_id,
            answer: body.answer,
            results: body.results,
            event: body.event.into(),
            event_is_cut: body.event_is_cut,
        }
    }
}

/// Which executions.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct ExecutionQuery {
    /// Of this client alone.
    client_id: Option<String>,
    /// How many, at most 1,000.
    limit: Option<u32>,
}

/// Lists executions, the newest first.
#[utoipa::path(
    get, path = "/v1/actions/executions", tag = "actions", params(ExecutionQuery),
    responses((status = 200, description = "The executions", body = List<ExecutionView>)),
    security(("management_token" = ["read:actions"]))
)]
pub(super) async fn list_executions(
    State(services): Shared,
    admitted: Admitted<ReadActions>,
    Params(query): Params<ExecutionQuery>,
) -> Result<Answer, Problem> {
    let count = count(query.limit, LIST_DEFAULT)?;
    let (store, client) = (&services.store, query.client_id.as_deref());
    let last = services.actions.executions.last(store, admitted.now, client, count).await?;
    let items = last.into_iter().map(ExecutionView::from).collect();
    Ok(Answer::ok(&List { items, next_cursor: None })?)
}

fn count(asked: Option<u32>, usual: u32) -> Result<u32, Failure> {
    match asked.unwrap_or(usual) {
        count @ 1..=COUNT_MAX => Ok(count),
        _ => Err(Failure::unprocessable("invalid_field", "the number must be from 1 to 1000")),
    }
}

/// Shows an execution.
#[utoipa::path(
    get, path = "/v1/actions/executions/{id}", tag = "actions",
    params(("id" = String, Path, description = "The execution's id")),
    responses(
        (status = 200, description = "The execution", body = ExecutionView),
        (status = 404, description = "There is no such execution (any more)"),
    ),
    security(("management_token" = ["read:actions"]))
)]
pub(super) async fn get_execution(
    State(services): Shared,
    _admitted: Admitted<ReadActions>,
    Place(id): Place<String>,
) -> Result<Answer, Problem> {
    let execution = services.actions.executions.get(&services.store, &id).await?;
    let execution = execution.ok_or_else(|| not_found("execution"))?;
    Ok(Answer::ok(&ExecutionView::from(execution))?)
}

/// What a replay looks at.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ReplayOrder {
    /// How many of the last recorded token requests; 100 when it says nothing, at most 1,000.
    last: Option<u32>,
}

/// What a replay found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReplayView {
    /// Requests that were looked at.
    examined: usize,
    /// Requests that would get another answer.
    changed: usize,
    /// Requests of which too little was kept.
    unreadable: usize,
    /// Requests for which there was no time: a replay takes 30 seconds at most.
    left: usize,
    /// Of the changed ones the first 100, the newest first.
    changes: Vec<ChangeView>,
}

/// A request that would get another answer.
#[derive(Debug, Serialize, ToSchema)]
struct ChangeView {
    /// The execution that it was recorded by.
    execution_id: String,
    /// When it was.
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    /// Whose.
    client_id: String,
    /// From where.
    ip: String,
    /// The answer of that time.
    #[schema(value_type = Object)]
    before: Told,
    /// The answer that it would get.
    #[schema(value_type = Object)]
    after: Told,
}

impl From<Change> for ChangeView {
    fn from(change: Change) -> Self {
        Self {
            execution_id: change.execution,
            at: change.at.into(),
            client_id: change.client,
            ip: change.ip,
            before: change.before,
            after: change.after,
        }
    }
}

/// Lets the last token requests go through a draft, and tells which would get another answer.
/// Nothing changes by it.
#[utoipa::path(
    post, path = "/v1/actions/{id}/replays", tag = "actions", request_body = ReplayOrder,
    params(("id" = String, Path, description = "The Action's id")),
    responses(
        (status = 200, description = "What would change", body = ReplayView),
        (status = 404, description = "There is no such Action"),
        (status = 422, description = "Not acceptable"),
    ),
    security(("management_token" = ["create:actions"]))
)]
pub(super) async fn replay_action(
    State(services): Shared,
    _admitted: Admitted<CreateActions>,
    Place(id): Place<String>,
    body: RawBody,
) -> Result<Answer, Problem> {
    let order: ReplayOrder = read_json_or_default(&body)?;
    let count = count(order.last, REPLAY_DEFAULT)?;
    let id = ActionId::parse(&id).map_err(|_| not_found("action"))?;
    let action = services.store.action(&id).await?.ok_or_else(|| not_found("action"))?;
    let Replay { examined, changed, unreadable, left, changes } =
        actions::replay(&services, &action, count).await?;
    let changes = changes.into_iter().map(ChangeView::from).collect();
    Ok(Answer::ok(&ReplayView { examined, changed, unreadable, left, changes })?)
}

/// Streams what Actions write to the console, and why they fail, as server-sent events: each is a
/// line in JSON. An event `lost` says how many lines came faster than they were read. The stream
/// ends after an hour.
#[utoipa::path(
    get, path = "/v1/actions/live", tag = "actions",
    responses(
        (status = 200, description = "The lines", body = Line, content_type = "text/event-stream"),
        (status = 409, description = "Too many watch already"),
    ),
    security(("management_token" = ["read:actions"]))
)]
pub(super) async fn watch_actions(
    State(services): Shared,
    _admitted: Admitted<ReadActions>,
) -> Result<Response, Problem> {
    let streams = services.actions.live();
    let streams = streams.ok_or_else(|| {
        Failure::conflict("too_many_watchers", "16 watch the Actions already; end one of them")
    })?;
    let until = tokio::time::Instant::now() + WATCH_MAX;
    let events = futures_util::stream::unfold(streams, move |mut streams| async move {
        next(&mut streams, until).await.map(|event| (Ok::<_, Infallible>(event), streams))
    });
    let alive = KeepAlive::new().interval(SIGN_OF_LIFE);
    Ok(Sse::new(events).keep_alive(alive).into_response())
}

/// The next line; nothing when the time is up, or the server ends.
async fn next(streams: &mut Streams, until: tokio::time::Instant) -> Option<Event> {
    tokio::select! {
        line = streams.lines.recv() => match line {
            Ok(line) => Event::default().json_data(&*line).ok(),
            Err(RecvError::Lagged(lines)) => {
                Some(Event::default().event("lost").data(lines.to_string()))
            }
            Err(RecvError::Closed) => None,
        },
        _ = streams.closed.wait_for(|closed| *closed) => None,
        () = tokio::time::sleep_until(until) => None,
    }
}
