//! `keyward check`.

use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::{NO, escape, print};
use crate::manage::Management;
use crate::table::{table, text};

/// What to explain.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// A client id
    id: String,
    /// The address that uses it
    address: String,
    /// The API in question (default: all that the client has a grant for)
    #[arg(long, value_name = "IDENTIFIER")]
    audience: Option<String>,
}

pub(crate) async fn run(management: &Management, args: CheckArgs) -> anyhow::Result<ExitCode> {
    let mut path =
        format!("/v1/clients/{}/explain?address={}", escape(&args.id), escape(&args.address));
    if let Some(audience) = &args.audience {
        path.push_str("&audience=");
        path.push_str(&escape(audience));
    }
    let explained = management.get(&path).await?;
    print(management, &explained, |explained| words(&args, explained));
    let allowed = explained.get("allowed").and_then(Value::as_bool) == Some(true);
    Ok(if allowed { ExitCode::SUCCESS } else { ExitCode::from(NO) })
}

fn words(args: &CheckArgs, explained: &Value) -> String {
    let flag = |name: &str| explained.get(name).and_then(Value::as_bool) == Some(true);
    let verdict = match (flag("allowed"), flag("active")) {
        (true, _) => "allowed",
        (false, true) => "blocked",
        (false, false) => "blocked: the client or its account is suspended",
    };
    let layers = explained.get("layers").and_then(Value::as_array).cloned().unwrap_or_default();
    let row = |layer: &Value| {
        let allows = layer.get("allows").and_then(Value::as_bool) == Some(true);
        vec![
            text(layer, "layer"),
            text(layer, "name"),
            text(layer, "mode"),
            if allows { "passes" } else { "blocks" }.to_owned(),
            entry_words(layer),
        ]
    };
    let head = ["layer", "whose", "mode", "says", "because of"];
    let rows = table(&head, layers.iter().map(row));
    format!("{} from {}: {verdict}\n\n{rows}", args.id, args.address)
}

fn entry_words(layer: &Value) -> String {
    let Some(entry) = layer.get("entry").filter(|entry| !entry.is_null()) else {
        return match text(layer, "mode").as_str() {
            "off" => "the list is off".to_owned(),
            _ => "no live entry covers the address".to_owned(),
        };
    };
    match text(entry, "label") {
        label if label.is_empty() => text(entry, "network"),
        label => format!("{} ({label})", text(entry, "network")),
    }
}
