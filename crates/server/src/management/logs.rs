//! `/api/v2/logs`: the log events.

pub(crate) mod wire;

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use keyward_store::{LogCondition, LogOrder, LogSearch, PageOf};

use crate::failure::Failure;
use crate::logs::search::{Plain, parse};
use crate::logs::{FIRST_PAGES, LogId};
use crate::management::query::{Paging, Query, invalid_parameter};
use crate::management::scopes::ReadLogs;
use crate::management::{Admitted, ManagementFailure, Place, not_found, reply};
use crate::services::Services;

type Shared = State<Arc<Services>>;

const PARAMETERS: &[&str] = &[
    "page",
    "per_page",
    "include_totals",
    "sort",
    "fields",
    "include_fields",
    "q",
    "search",
    "from",
    "take",
];

pub(super) async fn list_logs(
    State(services): Shared,
    _admitted: Admitted<ReadLogs>,
    uri: Uri,
) -> Result<Response, ManagementFailure> {
    let query = Query::read(&uri, PARAMETERS)?;
    let shown = |rows: Vec<keyward_store::LogRow>| -> Vec<_> {
        rows.iter().map(|row| wire::log(row, &services.issuer)).collect()
    };
    if let Paging::Checkpoint { from: Some(from), take } = query.paging()? {
        // Compat(auth0): beside a checkpoint every other parameter is without effect.
        let wrong = || invalid_parameter("from", "Not the id of a log event");
        let seq = LogId::seq_of(&from).ok_or_else(wrong)?;
        let after = services.store.logs_after(seq, None, take).await?;
        let items = shown(after.rows).into_iter().map(serde_json::Value::Object);
        return Ok(reply(StatusCode::OK, serde_json::Value::Array(items.collect())));
    }
    let paging = query.pages()?;
    let (offset, limit) = paging.bounds();
    if offset.saturating_add(u64::from(limit)) > FIRST_PAGES {
        return Err(too_far().into());
    }
    let projection = query.projection()?;
    let search = LogSearch {
        condition: condition(&query)?,
        order: order(&query)?,
        offset,
        limit,
        count: paging.has_totals(),
    };
    let found = services.store.logs(&search).await?;
    let items = shown(found.rows).into_iter().map(|log| projection.apply(log)).collect();
    let part = PageOf { items, total: found.total, next: None };
    Ok(reply(StatusCode::OK, paging.wrap("logs", part)))
}

pub(super) async fn get_log(
    State(services): Shared,
    _admitted: Admitted<ReadLogs>,
    Place(id): Place<String>,
) -> Result<Response, ManagementFailure> {
    let none = || not_found("log");
    let seq = LogId::seq_of(&id).ok_or_else(none)?;
    let search = LogSearch {
        condition: Some(LogCondition::Seq(seq)),
        order: LogOrder::OldestFirst,
        offset: 0,
        limit: 1,
        count: false,
    };
    let found = services.store.logs(&search).await?.rows;
    let row = found.first().filter(|row| wire::id_of(row) == id).ok_or_else(none)?;
    Ok(reply(StatusCode::OK, wire::log(row, &services.issuer)))
}

fn condition(query: &Query) -> Result<Option<LogCondition>, Failure> {
    let mut all = Vec::new();
    for (name, plain) in [("q", Plain::Whole), ("search", Plain::Beginning)] {
        let Some(text) = query.one(name)? else { continue };
        all.extend(parse(text, plain).map_err(|message| invalid_parameter(name, &message))?);
    }
    Ok(Some(LogCondition::All(all)).filter(|all| *all != LogCondition::All(Vec::new())))
}

fn order(query: &Query) -> Result<LogOrder, Failure> {
    match query.one("sort")? {
        None | Some("" | "date:-1") => Ok(LogOrder::NewestFirst),
        Some("date:1") => Ok(LogOrder::OldestFirst),
        Some(_) => Err(invalid_parameter("sort", "Only date:-1 and date:1 are supported")),
    }
}

/// Compat(auth0): its words, which tell people the way out.
fn too_far() -> Failure {
    Failure::bad_request(
        "invalid_paging",
        "You can only page through the first 1000 records. See \
         https://auth0.com/docs/logs/retrieve-log-events-using-mgmt-api#limitations",
    )
}
