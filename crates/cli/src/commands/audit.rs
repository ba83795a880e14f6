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
    let (id, address) = (text(row, "actor_id"), text(row, "actor_address"));
    if address.is_empty() { id } else { format!("{id} from {address}") }
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
                format!("{name}: {} → {}", short(old), short(value))
            });
            words.collect::<Vec<_>>().join("\n")
        }
        (Some(only), None) | (None, Some(only)) => {
            only.get("name").and_then(Value::as_str).unwrap_or_default().to_owned()
        }
        (None, None) => String::new(),
    }
}

fn short(value: &Value) -> String {
    const LENGTH_MAX: usize = 120;
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
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
