//! `keyward account`.

use std::process::ExitCode;

use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};

use super::{all, escape, print};
use crate::manage::{Content, Management};
use crate::table::{pairs, table, text};

/// What to do with accounts.
#[derive(Debug, Subcommand)]
pub(crate) enum AccountCommand {
    /// Create an account
    Create {
        /// What people call it
        name: String,
    },
    /// List the accounts
    List,
    /// Show one
    Show {
        /// Its id
        id: String,
    },
    /// Refuse all its clients until it is resumed
    Suspend {
        /// Its id
        id: String,
    },
    /// Let a suspended account's clients work again
    Resume {
        /// Its id
        id: String,
    },
    /// Delete one that owns no clients any more
    Delete {
        /// Its id
        id: String,
    },
}

pub(crate) async fn run(
    management: &Management,
    command: AccountCommand,
) -> anyhow::Result<ExitCode> {
    match command {
        AccountCommand::Create { name } => {
            let body = Content::Json(json!({ "name": name }));
            let made = management.send(Method::POST, "/v1/accounts", Some(body)).await?;
            Ok(print(management, &made, words))
        }
        AccountCommand::List => {
            let accounts = all(management, "/v1/accounts").await?;
            let row = |account: &Value| {
                vec![text(account, "id"), text(account, "name"), text(account, "state")]
            };
            let head = ["id", "name", "state"];
            let rows = |all: &Value| table(&head, all.as_array().into_iter().flatten().map(row));
            Ok(print(management, &Value::Array(accounts), rows))
        }
        AccountCommand::Show { id } => {
            let account = management.get(&path_of(&id)).await?;
            Ok(print(management, &account, words))
        }
        AccountCommand::Suspend { id } => act(management, &id, "suspend").await,
        AccountCommand::Resume { id } => act(management, &id, "resume").await,
        AccountCommand::Delete { id } => {
            management.send(Method::DELETE, &path_of(&id), None).await?;
            let done = json!({ "deleted": id });
            Ok(print(management, &done, |_| format!("deleted {id}")))
        }
    }
}

fn path_of(id: &str) -> String {
    format!("/v1/accounts/{}", escape(id))
}

async fn act(management: &Management, id: &str, action: &str) -> anyhow::Result<ExitCode> {
    let path = format!("{}/{action}", path_of(id));
    let answer = management.send(Method::POST, &path, None).await?;
    Ok(print(management, &answer, words))
}

fn words(account: &Value) -> String {
    let list = account.get("allowlist").map(|list| text(list, "mode")).unwrap_or_default();
    pairs(&[
        ("id", text(account, "id")),
        ("name", text(account, "name")),
        ("state", text(account, "state")),
        ("list", list),
    ])
}
