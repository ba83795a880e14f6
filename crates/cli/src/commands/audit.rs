//! `keyward audit`.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::Value;

use super::{NO, all, escape, print};
use crate::manage::Management;
use crate::table::{pairs, table, text};

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List what was changed, by whom and from where
    List {
        /// Only of one client, account, API or grant
        #[arg(long, value_name = "ID")]
        target: Option<String>,
        /// Only since then, such as 2030-01-31T12:00:00Z
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
    },
    /// Check that no row was changed, removed or added by hand
    Verify,
}

pub(crate) async fn run(
    management: &Management,
    command: AuditCommand,
) -> anyhow::Result<ExitCode> {
    match command {
        AuditCommand::List { target, since } => {
            let mut query = Vec::new();
            query.extend(target.map(|id| format!("target_id={}", escape(&id))));
            query.extend(since.map(|time| format!("since={}", escape(&time))));
            let mut path = "/v1/audit".to_owned();
            if !query.is_empty() {
                path = format!("{path}?{}", query.join("&"));
            }
            let rows = all(management, &path).await?;
            Ok(print(management, &Value::Array(rows), words))
        }
        AuditCommand::Verify => {
            let verdict = management.get("/v1/audit/verify").await?;
            print(management, &verdict, verdict_words);
            let good = verdict.get("first_bad").is_none_or(Value::is_null);
            Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(NO) })
        }
    }
}

fn words(rows: &Value) -> String {
    let row = |row: &Value| {
        vec![
            text(row, "at"),
            actor(row),
            text(row, "action"),
            format!("{} {}", text(row, "target_kind"), text(row, "target_id")),
            difference(row.get("before"), row.get("after")),
        ]
    };
    let head = ["when", "who", "did", "to", "what changed"];
    table(&head, rows.as_array().into_iter().flatten().map(row))
}

fn actor(row: &Value) -> String {
    let nobody = Value::Null;
    let actor = row.get("actor").unwrap_or(&nobody);
    let (id, address) = (text(actor, "id"), text(actor, "address"));
    let who = if id.is_empty() { text(actor, "kind") } else { id };
    if address.is_empty() { who } else { format!("{who} from {address}") }
}

/// The members that differ; of a new or a deleted thing its name.
fn difference(before: Option<&Value>, after: Option<&Value>) -> String {
    let object = |value: Option<&Value>| value.and_then(Value::as_object).cloned();
    match (object(before), object(after)) {
        (Some(before), Some(after)) => {
            let same = ["version", "updated_at"];
            let changed = after.iter().filter(|(name, value)| {
                before.get(*name) != Some(value) && !same.contains(&name.as_str())
            });
            let nothing = Value::Null;
            let words = changed.map(|(name, value)| {
                let old = before.get(name).unwrap_or(&nothing);
                match (old.as_array(), value.as_array()) {
                    (Some(old), Some(new)) => format!("{name}: {}", items(old, new)),
                    _ => format!("{name}: {} → {}", short(old), short(value)),
                }
            });
            words.collect::<Vec<_>>().join("\n")
        }
        (Some(only), None) | (None, Some(only)) => {
            only.get("name").and_then(Value::as_str).unwrap_or_default().to_owned()
        }
        (None, None) => String::new(),
    }
}

/// What came (`+`), went (`-`) and stayed with another meaning (`~`), by what people call it.
fn items(old: &[Value], new: &[Value]) -> String {
    let named = |items: &[Value], name: &str| items.iter().any(|item| item_name(item) == name);
    let gone = old.iter().filter(|item| !named(new, &item_name(item))).map(|item| ("-", item));
    let came = new.iter().filter(|item| !old.contains(item)).map(|item| {
        let sign = if named(old, &item_name(item)) { "~" } else { "+" };
        (sign, item)
    });
    let words: Vec<_> =
        gone.chain(came).map(|(sign, item)| sign.to_owned() + &item_name(item)).collect();
    if words.is_empty() { "another order".to_owned() } else { cut(words.join(" ")) }
}

/// A network of a list, a scope of an API, a secret by its id.
fn item_name(item: &Value) -> String {
    let name = ["network", "value", "id"].iter().find_map(|name| item.get(name)?.as_str());
    name.or(item.as_str()).map_or_else(|| item.to_string(), str::to_owned)
}

fn short(value: &Value) -> String {
    cut(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

fn cut(text: String) -> String {
    const LENGTH_MAX: usize = 120;
    if text.chars().count() <= LENGTH_MAX {
        return text;
    }
    text.chars().take(LENGTH_MAX).chain("…".chars()).collect()
}

fn verdict_words(verdict: &Value) -> String {
    let bad = verdict.get("first_bad").filter(|bad| !bad.is_null());
    let found = match bad {
        None => "every row is as it was written".to_owned(),
        Some(bad) => format!("damaged at row {}: {}", text(bad, "seq"), text(bad, "what")),
    };
    pairs(&[("rows", text(verdict, "rows")), ("found", found), ("head", text(verdict, "head"))])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_says_who_from_where() {
        let row = json!({"actor": {"kind": "client", "id": "c1", "address": "192.0.2.1"}});
        assert_eq!(actor(&row), "c1 from 192.0.2.1");
        assert_eq!(actor(&json!({"actor": {"kind": "system"}})), "system");
    }

    #[test]
    fn changes_of_a_list_are_told_by_network() {
        let entry = |network: &str, label: &str| json!({"network": network, "label": label});
        let before = json!({"state": "active", "list": [entry("a", "x"), entry("b", "x")]});
        let after = json!({"state": "suspended", "list": [entry("a", "y"), entry("c", "x")]});
        assert_eq!(
            difference(Some(&before), Some(&after)),
            "list: -b ~a +c\nstate: active → suspended"
        );
    }
}
