//! A log event as Auth0 writes it.

use keyward_core::time::Timestamp;
use keyward_store::LogRow;
use serde_json::{Map, Value, json};

use crate::logs::{LogBody, LogId};
use crate::management::clients::tenant;

/// The public id of a stored event.
pub(crate) fn id_of(row: &LogRow) -> String {
    LogId { at: row.id_at, seq: row.seq }.to_string()
}

/// Writes an event. A text that it does not have is left out.
pub(crate) fn log(row: &LogRow, issuer: &str) -> Map<String, Value> {
    let event = &row.event;
    // What cannot be read is not shown; the rest of the event still is.
    let body: LogBody = serde_json::from_str(&event.body).unwrap_or_default();
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    put("date", date(event.at).into());
    put("type", event.kind.clone().into());
    let texts = [
        ("description", Some(&event.description)),
        ("client_id", Some(&event.client_id)),
        ("client_name", Some(&event.client_name)),
        ("ip", Some(&event.ip)),
        ("client_ip", body.client_ip.as_ref()),
        ("user_agent", body.user_agent.as_ref()),
        ("audience", body.audience.as_ref()),
        ("scope", body.scope.as_ref()),
    ];
    for (name, text) in texts {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            put(name, text.clone().into());
        }
    }
    put("details", body.details.into());
    put("hostname", host(issuer).into());
    put("tenant_name", tenant(issuer).into());
    put("isMobile", false.into());
    put("log_id", id_of(row).into());
    put("_id", id_of(row).into());
    put("$event_schema", json!({ "version": "1.0.0" }));
    shown
}

fn date(at: Timestamp) -> String {
    let time = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or_default();
    format!("{time:.3}")
}

fn host(issuer: &str) -> &str {
    let rest = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
    rest.split(['/', ':']).next().unwrap_or(rest)
}
