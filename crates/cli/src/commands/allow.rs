//! `keyward allow`.

use std::io::Read;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::api::set;
use super::{escape, print};
use crate::manage::{Content, Management};
use crate::table::{table, text};

/// A list file is read up to this size; 10,000 entries with long labels are below it.
const LIST_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Whose list.
#[derive(Debug, Args)]
pub(crate) struct Whose {
    /// A client id; with --account an account's id, with --api an API's id or identifier
    id: String,
    /// The list of an account
    #[arg(long, conflicts_with = "api")]
    account: bool,
    /// The list of an API
    #[arg(long)]
    api: bool,
}

impl Whose {
    async fn path(&self, management: &Management) -> anyhow::Result<String> {
        let mut id = self.id.clone();
        let kind = match (self.account, self.api) {
            (true, _) => "accounts",
            (false, true) => {
                // People know APIs by their identifier.
                let path = format!("/api/v2/resource-servers/{}", escape(&id));
                id = text(&management.get(&path).await?, "id");
                "apis"
            }
            (false, false) => "clients",
        };
        Ok(format!("/v1/{kind}/{}/allowlist", escape(&id)))
    }
}

/// What to do with an allowlist.
#[derive(Debug, Subcommand)]
pub(crate) enum AllowCommand {
    /// Show the list
    List {
        #[command(flatten)]
        whose: Whose,
    },
    /// Add a network
    Add {
        #[command(flatten)]
        whose: Whose,
        /// An address or a CIDR
        network: String,
        /// What people call it
        #[arg(long)]
        label: Option<String>,
        /// When it ends by itself, such as 2030-01-31T12:00:00Z
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
    },
    /// Remove a network
    Remove {
        #[command(flatten)]
        whose: Whose,
        /// An address or a CIDR that is on the list
        network: String,
    },
    /// Replace the list by a file: one entry a line, `# label` after it
    Set {
        #[command(flatten)]
        whose: Whose,
        /// The file, or - for standard input
        file: String,
    },
    /// Set the mode: off, report or enforce
    Mode {
        #[command(flatten)]
        whose: Whose,
        /// The mode
        #[arg(value_parser = ["off", "report", "enforce"])]
        mode: String,
    },
}

pub(crate) async fn run(
    management: &Management,
    command: AllowCommand,
) -> anyhow::Result<ExitCode> {
    let list = match command {
        AllowCommand::List { whose } => management.get(&whose.path(management).await?).await?,
        AllowCommand::Add { whose, network, label, expires } => {
            let mut entry = json!({ "network": network });
            set(&mut entry, "label", label.map(Value::from));
            set(&mut entry, "expires_at", expires.map(Value::from));
            let list = whose.path(management).await?;
            let (path, content) = (format!("{list}/entries"), Content::Json(entry));
            management.send(Method::POST, &path, Some(content)).await?;
            management.get(&list).await?
        }
        AllowCommand::Remove { whose, network } => {
            let list = whose.path(management).await?;
            let path = format!("{list}/entries/{}", escape(&network));
            management.send(Method::DELETE, &path, None).await?;
            management.get(&list).await?
        }
        AllowCommand::Set { whose, file } => {
            let content = Content::List(read_list(&file)?);
            management.send(Method::PUT, &whose.path(management).await?, Some(content)).await?
        }
        AllowCommand::Mode { whose, mode } => {
            let content = Content::Json(json!({ "mode": mode }));
            management.send(Method::PATCH, &whose.path(management).await?, Some(content)).await?
        }
    };
    Ok(print(management, &list, words))
}

fn read_list(file: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    let wrong = || format!("cannot read the list from {file}");
    let read = if file == "-" {
        std::io::stdin().take(LIST_BYTES_MAX).read_to_string(&mut text)
    } else {
        let opened = std::fs::File::open(file).with_context(wrong)?;
        opened.take(LIST_BYTES_MAX).read_to_string(&mut text)
    };
    let bytes = read.with_context(wrong)?;
    anyhow::ensure!((bytes as u64) < LIST_BYTES_MAX, "{file} is larger than 4 MiB: no such list");
    // The API takes an empty list for one that is off. Here it is a pipe that broke.
    anyhow::ensure!(
        has_entries(&text),
        "{file} holds no entry, and without one the key could be used from anywhere; if that is \
         meant, run `keyward allow mode` with `off`"
    );
    Ok(text)
}

fn has_entries(text: &str) -> bool {
    text.lines().map(str::trim).any(|line| !line.is_empty() && !line.starts_with('#'))
}

fn words(list: &Value) -> String {
    let mode = text(list, "mode");
    let entries = list.get("entries").and_then(Value::as_array).cloned().unwrap_or_default();
    let meaning = match (mode.as_str(), entries.is_empty()) {
        ("off", _) => "off: usable from anywhere",
        ("report", _) => "report: nothing is refused, would-be refusals are recorded",
        (_, true) => "enforce, and no network is on the list: refused from everywhere",
        (_, false) => "enforce: usable from these networks and nowhere else",
    };
    if entries.is_empty() {
        return format!("mode  {meaning}");
    }
    let row = |entry: &Value| {
        vec![
            text(entry, "network"),
            text(entry, "label"),
            expiry(entry),
            text(entry, "created_at"),
            text(entry, "created_by"),
        ]
    };
    let head = ["network", "label", "expires", "added", "by"];
    format!("mode  {meaning}\n\n{}", table(&head, entries.iter().map(row)))
}

/// When an entry ends, and whether it has.
fn expiry(entry: &Value) -> String {
    let end = text(entry, "expires_at");
    let is_over = entry.get("expired").and_then(Value::as_bool) == Some(true);
    if is_over { format!("{end} (expired)") } else { end }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_whose_time_is_over_is_marked() {
        let list = json!({ "mode": "enforce", "entries": [
            { "network": "192.0.2.1/32", "expires_at": "2026-01-01T00:00:00Z", "expired": true },
            { "network": "192.0.2.2/32", "expires_at": "2030-01-01T00:00:00Z" },
        ]});
        let shown = words(&list);
        assert!(shown.contains("2026-01-01T00:00:00Z (expired)"), "{shown}");
        assert_eq!(shown.matches("(expired)").count(), 1, "{shown}");
    }

    #[test]
    fn a_list_without_an_entry_is_not_set() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("list");
        let file = file.to_str().unwrap();
        for empty in ["", "\n \n", "# nobody yet\n"] {
            std::fs::write(file, empty).unwrap();
            let error = read_list(file).unwrap_err().to_string();
            assert!(error.contains("holds no entry"), "{error}");
        }
        std::fs::write(file, "# office\n203.0.113.0/24 # Berlin\n").unwrap();
        assert!(read_list(file).is_ok());
    }
}
