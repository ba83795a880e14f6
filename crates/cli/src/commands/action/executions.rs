//! What Actions were asked and answered, and what a draft would have answered.

use std::process::ExitCode;

use http::Method;
use serde_json::{Map, Value, json};

use super::{all_actions, find};
use crate::commands::{NO, escape, print};
use crate::manage::{Content, Management};
use crate::table::{table, text, visible};

/// What stands in a cell of an answer at most.
const ANSWER_CHARS_MAX: usize = 160;

pub(super) async fn list(
    management: &Management,
    client: Option<&str>,
    last: Option<u32>,
) -> anyhow::Result<ExitCode> {
    let client = client.map(|id| format!("client_id={}", escape(id)));
    let last = last.map(|last| format!("limit={last}"));
    let query: Vec<String> = client.into_iter().chain(last).collect();
    let path = format!("/v1/actions/executions?{}", query.join("&"));
    let answer = management.get(&path).await?;
    let items = answer.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    Ok(print(management, &Value::Array(items), list_words))
}

fn list_words(items: &Value) -> String {
    let items = items.as_array().map(Vec::as_slice).unwrap_or_default();
    if items.is_empty() {
        return NOTHING.to_owned();
    }
    let row = |item: &Value| {
        vec![
            text(item, "at"),
            text(item, "client_id"),
            address(item),
            answer_words(item.get("answer")),
            decided_by(item),
            text(item, "id"),
        ]
    };
    table(&["when", "client", "from", "answer", "decided by", "execution"], items.iter().map(row))
}

const NOTHING: &str = "no token request is recorded yet; they are from the moment on when there is \
                       an Action, bound or not";

fn address(item: &Value) -> String {
    item.pointer("/event/request/ip").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The Action whose word an answer other than yes is.
fn decided_by(item: &Value) -> String {
    let result = item.pointer("/answer/result").and_then(Value::as_str);
    let results = item.get("results").and_then(Value::as_array);
    match (result, results.and_then(|results| results.last())) {
        (Some("allowed") | None, _) | (_, None) => String::new(),
        (_, Some(last)) => text(last, "action_name"),
    }
}

/// An answer of Actions in words.
fn answer_words(answer: Option<&Value>) -> String {
    let nothing = Value::Null;
    let answer = answer.unwrap_or(&nothing);
    let words = match text(answer, "result").as_str() {
        "allowed" => {
            let claims = answer.get("claims").and_then(Value::as_object);
            let claims = claims.filter(|claims| !claims.is_empty());
            let claims = claims.map(|claims| format!("claims {}", Value::from(claims.clone())));
            let scopes = answer.get("scopes").and_then(Value::as_array).map(|scopes| {
                let scopes: Vec<_> = scopes.iter().filter_map(Value::as_str).collect();
                let scopes = if scopes.is_empty() { "none".to_owned() } else { scopes.join(" ") };
                format!("scopes {scopes}")
            });
            let parts = ["allowed".to_owned()].into_iter().chain(claims).chain(scopes);
            parts.collect::<Vec<_>>().join(", ")
        }
        "denied" => match text(answer, "description") {
            reason if reason.is_empty() => format!("denied: {}", text(answer, "error")),
            reason => format!("denied: {} ({reason})", text(answer, "error")),
        },
        "failed" => format!("failed: {}", text(answer, "kind")),
        other => other.to_owned(),
    };
    cut(&visible(&words))
}

fn cut(text: &str) -> String {
    if text.chars().count() <= ANSWER_CHARS_MAX {
        return text.to_owned();
    }
    text.chars().take(ANSWER_CHARS_MAX).chain("…".chars()).collect()
}

pub(super) async fn replay(
    management: &Management,
    wanted: &str,
    last: Option<u32>,
) -> anyhow::Result<ExitCode> {
    let actions = all_actions(management).await?;
    let id = text(find(&actions, wanted)?, "id");
    let path = format!("/v1/actions/{}/replays", escape(&id));
    let mut order = Map::new();
    if let Some(last) = last {
        order.insert("last".to_owned(), json!(last));
    }
    let order = Content::Json(order.into());
    let found = management.send(Method::POST, &path, Some(order)).await?;
    print(management, &found, replay_words);
    Ok(if number(&found, "changed") > 0 { ExitCode::from(NO) } else { ExitCode::SUCCESS })
}

fn number(found: &Value, name: &str) -> u64 {
    found.get(name).and_then(Value::as_u64).unwrap_or_default()
}

fn replay_words(found: &Value) -> String {
    let of = |name: &str| number(found, name);
    let (examined, changed) = (of("examined"), of("changed"));
    let mut lines = vec![match (examined, changed) {
        (0, _) if of("unreadable") == 0 && of("left") == 0 => NOTHING.to_owned(),
        (_, 0) => format!("{examined} token requests looked at: all would get the same answer"),
        _ => format!("{examined} token requests looked at: {changed} would get another answer"),
    }];
    for (name, why) in [
        ("unreadable", "could not be looked at: of their events too little was kept"),
        ("left", "were not looked at: there was no time; name a smaller number with --last"),
    ] {
        if of(name) > 0 {
            lines.push(format!("{} {why}", of(name)));
        }
    }
    let changes = found.get("changes").and_then(Value::as_array).cloned().unwrap_or_default();
    if !changes.is_empty() {
        let row = |change: &Value| {
            vec![
                text(change, "at"),
                text(change, "client_id"),
                text(change, "ip"),
                answer_words(change.get("before")),
                answer_words(change.get("after")),
            ]
        };
        let head = ["when", "client", "from", "then", "with the draft"];
        lines.push(format!("\n{}", table(&head, changes.iter().map(row))));
        let shown = u64::try_from(changes.len()).unwrap_or(u64::MAX);
        if changed > shown {
            lines.push(format!("\n({} more, which are not shown)", changed.saturating_sub(shown)));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_told_in_one_line() {
        for (answer, words) in [
            (json!({ "result": "allowed", "claims": {}, "scopes": null }), "allowed"),
            (
                json!({ "result": "allowed", "claims": { "tier": 1 }, "scopes": ["a", "b"] }),
                "allowed, claims {\"tier\":1}, scopes a b",
            ),
            (json!({ "result": "allowed", "claims": {}, "scopes": [] }), "allowed, scopes none"),
            (
                json!({ "result": "denied", "error": "invalid_scope", "description": "no\u{7}" }),
                "denied: invalid_scope (no\\u{7})",
            ),
            (
                json!({ "result": "denied", "error": "server_error", "description": "" }),
                "denied: server_error",
            ),
            (json!({ "result": "failed", "kind": "cpu" }), "failed: cpu"),
        ] {
            assert_eq!(answer_words(Some(&answer)), words);
        }
        let long = json!({ "result": "denied", "error": "x", "description": "y".repeat(500) });
        assert_eq!(answer_words(Some(&long)).chars().count(), ANSWER_CHARS_MAX + 1);
    }

    #[test]
    fn a_replay_says_how_many_and_which() {
        let none = json!({ "examined": 0, "changed": 0, "unreadable": 0, "left": 0 });
        assert_eq!(replay_words(&none), NOTHING);
        let same = json!({ "examined": 7, "changed": 0, "unreadable": 2, "left": 0 });
        assert_eq!(
            replay_words(&same),
            "7 token requests looked at: all would get the same answer\n2 could not be looked at: \
             of their events too little was kept"
        );
        let change = json!({
            "at": "2030-01-01T00:00:00Z", "client_id": "c1", "ip": "192.0.2.1",
            "before": { "result": "allowed" }, "after": { "result": "failed", "kind": "threw" },
        });
        let some = json!({ "examined": 9, "changed": 3, "left": 4, "changes": [change] });
        let words = replay_words(&some);
        assert!(words.starts_with("9 token requests looked at: 3 would get another"), "{words}");
        assert!(words.contains("4 were not looked at"), "{words}");
        assert!(words.contains("192.0.2.1"), "{words}");
        assert!(words.contains("failed: threw"), "{words}");
        assert!(words.ends_with("(2 more, which are not shown)"), "{words}");
    }

    #[test]
    fn who_refused_is_told_of_refusals_alone() {
        let item = |result: &str| {
            json!({
                "answer": { "result": result },
                "results": [{ "action_name": "one" }, { "action_name": "two" }],
            })
        };
        assert_eq!(decided_by(&item("denied")), "two");
        assert_eq!(decided_by(&item("failed")), "two");
        assert_eq!(decided_by(&item("allowed")), "");
    }
}
