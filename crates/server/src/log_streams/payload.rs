//! The body of one delivery.

use keyward_store::LogRow;
use serde_json::json;

use super::Format;
use crate::management::logs::wire;

/// The most bytes of a body; one event alone may have more.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// What is sent at once.
pub(super) struct Payload {
    pub(super) body: Vec<u8>,
    /// The first and the last event in it.
    pub(super) first: u64,
    pub(super) last: u64,
    /// How many events.
    pub(super) count: usize,
}

/// Takes as many events as fit. Compat(auth0): each is `{"log_id", "data"}`.
pub(super) fn payload(rows: &[LogRow], format: Format, issuer: &str) -> Option<Payload> {
    let most = if format == Format::Object { 1 } else { rows.len() };
    let mut taken: Vec<String> = Vec::new();
    let mut bytes = 0_usize;
    for row in rows.iter().take(most) {
        let event = json!({ "log_id": wire::id_of(row), "data": wire::log(row, issuer) });
        let text = event.to_string();
        bytes = bytes.saturating_add(text.len()).saturating_add(1);
        if !taken.is_empty() && bytes > BODY_BYTES_MAX {
            break;
        }
        taken.push(text);
    }
    let count = taken.len();
    let (first, last) = (rows.first()?.seq, rows.get(count.checked_sub(1)?)?.seq);
    let body = match format {
        Format::Lines => taken.into_iter().map(|line| line + "\n").collect::<String>(),
        Format::Array => format!("[{}]", taken.join(",")),
        Format::Object => taken.concat(),
    };
    Some(Payload { body: body.into_bytes(), first, last, count })
}
