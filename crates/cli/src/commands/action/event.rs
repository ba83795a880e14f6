//! The event that an Action is tried with.

use std::path::Path;

use anyhow::anyhow;
use serde_json::{Map, Value, json};

use super::read_text;

/// An event is read up to this size.
const EVENT_BYTES_MAX: usize = 2 * 1024 * 1024;

/// The event of a file.
///
/// # Errors
/// What is wrong with it, with line and column.
pub(super) fn read(file: &Path) -> anyhow::Result<Map<String, Value>> {
    let text = read_text(file, EVENT_BYTES_MAX, "an event")?;
    let shown = file.display();
    parse(&text).map_err(|fault| anyhow!("{shown}, {fault}"))
}

fn parse(text: &str) -> Result<Map<String, Value>, String> {
    let kind = match serde_json::from_str(text) {
        Ok(Value::Object(event)) => return Ok(event),
        Ok(Value::Null) => "null",
        Ok(Value::Bool(_)) => "a truth value",
        Ok(Value::Number(_)) => "a number",
        Ok(Value::String(_)) => "a text",
        Ok(Value::Array(_)) => "a list",
        Err(error) => {
            let words = error.to_string();
            let words = words.rsplit_once(" at line ").map_or(words.as_str(), |(words, _)| words);
            let (line, column) = (error.line(), error.column());
            return Err(format!("line {line}, column {column}: no JSON: {words}"));
        }
    };
    let before = text.split(|c: char| !c.is_ascii_whitespace()).next().unwrap_or_default();
    let line = before.matches('\n').count().saturating_add(1);
    let column = before.rsplit('\n').next().unwrap_or_default().len().saturating_add(1);
    Err(format!("line {line}, column {column}: an event is a JSON object, and this is {kind}"))
}

/// A token request as any other, for those who bring no event.
pub(super) fn usual() -> Map<String, Value> {
    let scopes = json!(["read:things", "write:things"]);
    let event = json!({
        "accessToken": { "customClaims": {}, "scope": scopes },
        "client": {
            "client_id": "Uwh3yN3bB0NZs5xCq2y1",
            "name": "Batch",
            "metadata": {},
            "allowlist": { "mode": "enforce", "entries": ["203.0.113.0/24"] },
        },
        "request": {
            "ip": "203.0.113.7",
            "method": "POST",
            "geoip": {},
            "hostname": "auth.example",
            "language": "en",
            "user_agent": "curl/8",
            "body": {
                "grant_type": "client_credentials",
                "client_id": "Uwh3yN3bB0NZs5xCq2y1",
                "audience": "https://api.example/",
            },
        },
        "resource_server": { "identifier": "https://api.example/" },
        "tenant": { "id": "auth" },
        "transaction": { "requested_scopes": scopes, "target_scopes": scopes },
    });
    event.as_object().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_event_is_told_with_its_place() {
        assert_eq!(parse("{\"a\": 1}").unwrap().len(), 1);
        for (text, fault) in [
            ("{\n  \"a\": ,\n}", "line 2, column 8: no JSON: expected value"),
            ("", "line 1, column 0: no JSON: EOF while parsing a value"),
            ("{\"a\": 1", "line 1, column 7: no JSON: EOF while parsing an object"),
            ("[1]", "line 1, column 1: an event is a JSON object, and this is a list"),
            ("\n\n  \"x\"", "line 3, column 3: an event is a JSON object, and this is a text"),
            ("null", "line 1, column 1: an event is a JSON object, and this is null"),
        ] {
            assert_eq!(parse(text).unwrap_err(), fault, "{text:?}");
        }
    }

    #[test]
    fn the_usual_event_has_what_an_action_reads() {
        let event = Value::Object(usual());
        for pointer in
            ["/client/client_id", "/request/ip", "/resource_server/identifier", "/tenant/id"]
        {
            assert!(event.pointer(pointer).is_some_and(Value::is_string), "{pointer}");
        }
    }
}
