//! `keyward client`.

use std::process::ExitCode;

use anyhow::bail;
use clap::Subcommand;
use http::Method;
use keyward_core::secret::{API_KEY_PREFIX, Environment};
use serde_json::{Value, json};

use super::api::set;
use super::{escape, pages, print};
use crate::manage::{Content, Management};
use crate::table::{pairs, table, text};

/// What to do with clients.
#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// Create a client with its first secret, shown once
    Create {
        /// What people call it
        name: String,
        /// The account that owns it
        #[arg(long, value_name = "ID")]
        account: Option<String>,
        /// Networks that may use it; the list is enforced at once
        #[arg(long = "allow", value_name = "CIDR", num_args = 1.., value_delimiter = ',')]
        allow: Vec<String>,
        /// Mode of the list: off, report or enforce
        #[arg(long, value_name = "MODE")]
        mode: Option<String>,
        /// An API that it may get tokens for
        #[arg(long, value_name = "IDENTIFIER")]
        api: Option<String>,
        /// Scopes of that API (default: all of them)
        #[arg(long = "scope", value_name = "SCOPE", num_args = 1.., value_delimiter = ',', requires = "api")]
        scopes: Vec<String>,
    },
    /// List the clients
    List {
        /// Only those of an account
        #[arg(long, value_name = "ID")]
        account: Option<String>,
    },
    /// Show one with its list and grants
    Show {
        /// Its client id
        id: String,
    },
    /// Let a client get tokens for an API
    Grant {
        /// Its client id
        id: String,
        /// The API's identifier
        #[arg(long, value_name = "IDENTIFIER")]
        api: String,
        /// Scopes (default: all of the API)
        #[arg(long = "scope", value_name = "SCOPE", num_args = 1.., value_delimiter = ',')]
        scopes: Vec<String>,
    },
    /// Give it a new secret, shown once
    Rotate {
        /// Its client id
        id: String,
        /// How long the old secret stays good: 0, 90s, 15m, 1h, 2d
        #[arg(long, value_name = "TIME", default_value = "0", value_parser = seconds)]
        overlap: u64,
    },
    /// Refuse it everywhere until it is resumed
    Suspend {
        /// Its client id
        id: String,
    },
    /// Let a suspended client work again
    Resume {
        /// Its client id
        id: String,
    },
    /// Refuse all tokens that it has been given so far
    RevokeTokens {
        /// Its client id
        id: String,
    },
    /// Delete it for good, with its secrets, grants and tokens
    Delete {
        /// Its client id
        id: String,
    },
}

pub(crate) async fn run(
    management: &Management,
    command: ClientCommand,
) -> anyhow::Result<ExitCode> {
    match command {
        ClientCommand::Create { name, account, allow, mode, api, scopes } => {
            let mut body = json!({
                "name": name,
                "app_type": "non_interactive",
                "grant_types": ["client_credentials"],
            });
            set(&mut body, "account_id", account.map(Value::from));
            set(&mut body, "allowed_ips", (!allow.is_empty()).then(|| json!(allow)));
            set(&mut body, "allowlist_mode", mode.map(Value::from));
            create(management, body, api, scopes).await
        }
        ClientCommand::List { account } => list(management, account.as_deref()).await,
        ClientCommand::Show { id } => show(management, &id).await,
        ClientCommand::Grant { id, api, scopes } => {
            let made = grant(management, &id, &api, scopes).await?;
            Ok(print(management, &made, |grant| {
                format!("{id} may get tokens for {api} with {}", text(grant, "scope"))
            }))
        }
        ClientCommand::Rotate { id, overlap } => {
            let path = format!("/v1/clients/{}/secrets", escape(&id));
            let body = Content::Json(json!({ "overlap_s": overlap }));
            let made = management.send(Method::POST, &path, Some(body)).await?;
            Ok(print(management, &made, |made| secret_words(&id, made)))
        }
        ClientCommand::Suspend { id } => {
            management.spare_own(&id)?;
            act(management, &id, "suspend", "suspended").await
        }
        ClientCommand::Resume { id } => act(management, &id, "resume", "resumed").await,
        ClientCommand::RevokeTokens { id } => {
            act(management, &id, "revoke-tokens", "revoked all tokens of").await
        }
        ClientCommand::Delete { id } => {
            management.spare_own(&id)?;
            // Deleting is idempotent on the wire; a person who mistypes wants to know.
            management.get(&path_of(&id)).await?;
            management.send(Method::DELETE, &path_of(&id), None).await?;
            let done = json!({ "deleted": id });
            Ok(print(management, &done, |_| format!("deleted {id}")))
        }
    }
}

fn path_of(id: &str) -> String {
    format!("/api/v2/clients/{}", escape(id))
}

async fn create(
    management: &Management,
    body: Value,
    api: Option<String>,
    scopes: Vec<String>,
) -> anyhow::Result<ExitCode> {
    // Look first: a client without the grant that was asked for helps nobody.
    let scopes = match &api {
        Some(api) => granted_scopes(management, api, scopes).await?,
        None => scopes,
    };
    let path = "/api/v2/clients";
    let mut made = management.send(Method::POST, path, Some(Content::Json(body))).await?;
    let (id, secret) = (text(&made, "client_id"), text(&made, "client_secret"));
    // Auth0's shape has no room for it; a person wants it as after `rotate`.
    let api_key = format!("{API_KEY_PREFIX}{}_{id}_{secret}", Environment::default());
    set(&mut made, "api_key", Some(Value::from(api_key)));
    if let Some(api) = api {
        grant(management, &id, &api, scopes).await?;
    }
    Ok(print(management, &made, |made| secret_words(&id, made)))
}

/// The secret is on the screen once; everything that can be made of it is, too.
fn secret_words(id: &str, made: &Value) -> String {
    let secret = text(made, "client_secret");
    let words = pairs(&[
        ("client id", id.to_owned()),
        ("client secret", secret),
        ("API key", text(made, "api_key")),
        ("name", text(made, "name")),
        ("list", list_words(made)),
    ]);
    format!("{words}\n\nThe secret is shown this once. Keep it now.")
}

fn list_words(client: &Value) -> String {
    match (text(client, "allowlist_mode").as_str(), text(client, "allowed_ips")) {
        ("", _) => String::new(),
        ("off", _) => "off: usable from anywhere".to_owned(),
        (mode, networks) if networks.is_empty() => format!("{mode}: no network"),
        (mode, networks) => format!("{mode}: {networks}"),
    }
}

async fn granted_scopes(
    management: &Management,
    api: &str,
    scopes: Vec<String>,
) -> anyhow::Result<Vec<String>> {
    let found = management.get(&format!("/api/v2/resource-servers/{}", escape(api))).await?;
    let known = found.get("scopes").and_then(Value::as_array);
    let known: Vec<_> = known.into_iter().flatten().map(|scope| text(scope, "value")).collect();
    if let Some(unknown) = scopes.iter().find(|scope| !known.contains(scope)) {
        bail!("the API {api} has no scope `{unknown}`; it has: {}", known.join(", "));
    }
    Ok(if scopes.is_empty() { known } else { scopes })
}

async fn grant(
    management: &Management,
    id: &str,
    api: &str,
    scopes: Vec<String>,
) -> anyhow::Result<Value> {
    let scopes = granted_scopes(management, api, scopes).await?;
    let body = json!({ "client_id": id, "audience": api, "scope": scopes });
    management.send(Method::POST, "/api/v2/client-grants", Some(Content::Json(body))).await
}

async fn list(management: &Management, account: Option<&str>) -> anyhow::Result<ExitCode> {
    let clients = pages(management, "/api/v2/clients", "clients").await?;
    let of_account = |client: &Value| account.is_none_or(|id| text(client, "account_id") == id);
    let clients: Vec<_> = clients.into_iter().filter(of_account).collect();
    let row = |client: &Value| {
        vec![
            text(client, "client_id"),
            text(client, "name"),
            text(client, "account_id"),
            list_words(client),
        ]
    };
    let head = ["client id", "name", "account", "list"];
    let rows = |all: &Value| table(&head, all.as_array().into_iter().flatten().map(row));
    Ok(print(management, &Value::Array(clients), rows))
}

async fn show(management: &Management, id: &str) -> anyhow::Result<ExitCode> {
    let mut client = management.get(&path_of(id)).await?;
    let path = format!("/api/v2/client-grants?client_id={}", escape(id));
    let grants = pages(management, &path, "client_grants").await?;
    let ours = management.get(&format!("/v1/clients/{}", escape(id))).await?;
    let granted = |grant: &Value| format!("{} ({})", text(grant, "audience"), text(grant, "scope"));
    let grants_words = grants.iter().map(granted).collect::<Vec<_>>().join("; ");
    set(&mut client, "state", ours.get("state").cloned());
    set(&mut client, "grants", Some(Value::Array(grants)));
    Ok(print(management, &client, |client| {
        pairs(&[
            ("client id", text(client, "client_id")),
            ("name", text(client, "name")),
            ("description", text(client, "description")),
            ("account", text(client, "account_id")),
            ("state", text(client, "state")),
            ("list", list_words(client)),
            ("grants", grants_words),
        ])
    }))
}

async fn act(
    management: &Management,
    id: &str,
    action: &str,
    done: &str,
) -> anyhow::Result<ExitCode> {
    let path = format!("/v1/clients/{}/{action}", escape(id));
    let answer = management.send(Method::POST, &path, None).await?;
    Ok(print(management, &answer, |_| format!("{done} {id}")))
}

/// A length of time in seconds: `90`, `90s`, `15m`, `1h`, `2d`.
pub(super) fn seconds(text: &str) -> Result<u64, String> {
    let units = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];
    let (number, unit) = units
        .iter()
        .find_map(|(letter, unit)| Some((text.strip_suffix(*letter)?, *unit)))
        .unwrap_or((text, 1));
    let wrong = || format!("`{text}` is no length of time; write 0, 90s, 15m, 1h or 2d");
    number.parse::<u64>().ok().and_then(|n| n.checked_mul(unit)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read() {
        assert_eq!(seconds("0"), Ok(0));
        assert_eq!(seconds("15m"), Ok(900));
        assert_eq!(seconds("2d"), Ok(172_800));
        for bad in ["", "h", "-1", "1.5h", "99999999999999999999d"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
