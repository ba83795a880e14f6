//! `keyward api`.

use std::process::ExitCode;

use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};

use super::{escape, pages, print};
use crate::manage::{Content, Management};
use crate::table::{pairs, table, text};

/// What to do with APIs.
#[derive(Debug, Subcommand)]
pub(crate) enum ApiCommand {
    /// Register an API that tokens are for
    Create {
        /// Its audience, usually its URL
        identifier: String,
        /// What people call it (default: the identifier)
        #[arg(long)]
        name: Option<String>,
        /// A scope, perhaps with its meaning: read:orders or "read:orders=See orders"
        #[arg(long = "scope", value_name = "SCOPE[=MEANING]", num_args = 1..)]
        scopes: Vec<String>,
        /// How its tokens are signed: RS256, PS256, ES256 or EdDSA
        #[arg(long, value_name = "ALG", default_value = "RS256")]
        alg: String,
        /// How long its tokens live, in seconds
        #[arg(long, value_name = "SECONDS")]
        lifetime: Option<u32>,
        /// Claims of its tokens: access_token (Auth0's), rfc9068_profile, or either with _authz
        #[arg(long, value_name = "DIALECT")]
        dialect: Option<String>,
    },
    /// List the APIs
    List,
    /// Show one
    Show {
        /// Its id or identifier
        api: String,
    },
    /// Delete one, with all grants for it
    Delete {
        /// Its id or identifier
        api: String,
    },
}

pub(crate) async fn run(management: &Management, command: ApiCommand) -> anyhow::Result<ExitCode> {
    match command {
        ApiCommand::Create { identifier, name, scopes, alg, lifetime, dialect } => {
            let mut body = json!({
                "identifier": identifier,
                "name": name.unwrap_or_else(|| identifier.clone()),
                "scopes": scopes.iter().map(|scope| scope_of(scope)).collect::<Vec<_>>(),
                "signing_alg": alg,
            });
            set(&mut body, "token_lifetime", lifetime.map(Value::from));
            set(&mut body, "token_dialect", dialect.map(Value::from));
            let path = "/api/v2/resource-servers";
            let made = management.send(Method::POST, path, Some(Content::Json(body))).await?;
            Ok(print(management, &made, words))
        }
        ApiCommand::List => {
            let apis = pages(management, "/api/v2/resource-servers", "resource_servers").await?;
            let row = |api: &Value| {
                vec![text(api, "identifier"), text(api, "name"), scopes_cell(api), text(api, "id")]
            };
            let head = ["identifier", "name", "scopes", "id"];
            let rows = |all: &Value| table(&head, all.as_array().into_iter().flatten().map(row));
            Ok(print(management, &Value::Array(apis), rows))
        }
        ApiCommand::Show { api } => {
            let found = management.get(&path_of(&api)).await?;
            Ok(print(management, &found, words))
        }
        ApiCommand::Delete { api } => {
            management.send(Method::DELETE, &path_of(&api), None).await?;
            let done = json!({ "deleted": api });
            Ok(print(management, &done, |_| format!("deleted {api}")))
        }
    }
}

fn path_of(api: &str) -> String {
    format!("/api/v2/resource-servers/{}", escape(api))
}

fn scope_of(text: &str) -> Value {
    match text.split_once('=') {
        Some((value, meaning)) => json!({ "value": value, "description": meaning }),
        None => json!({ "value": text }),
    }
}

/// Sets a member when there is something to set.
pub(super) fn set(body: &mut Value, name: &str, value: Option<Value>) {
    if let (Some(members), Some(value)) = (body.as_object_mut(), value) {
        members.insert(name.to_owned(), value);
    }
}

fn scopes_of(api: &Value) -> String {
    let scopes = api.get("scopes").and_then(Value::as_array);
    scopes.into_iter().flatten().map(|scope| text(scope, "value")).collect::<Vec<_>>().join(" ")
}

/// The scopes, or how many they are when they would make the table wider than any screen.
fn scopes_cell(api: &Value) -> String {
    const WIDTH_MAX: usize = 60;
    let scopes = scopes_of(api);
    if scopes.len() <= WIDTH_MAX {
        return scopes;
    }
    format!("{} scopes, see `keyward api show`", scopes.split(' ').count())
}

fn words(api: &Value) -> String {
    pairs(&[
        ("identifier", text(api, "identifier")),
        ("name", text(api, "name")),
        ("id", text(api, "id")),
        ("scopes", scopes_of(api)),
        ("signing", text(api, "signing_alg")),
        ("lifetime", format!("{} s", text(api, "token_lifetime"))),
        ("dialect", text(api, "token_dialect")),
    ])
}
