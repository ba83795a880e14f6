//! `keyward keys`.

use std::process::ExitCode;

use clap::Subcommand;
use http::Method;
use serde_json::Value;

use super::{escape, print};
use crate::manage::Management;
use crate::table::{pairs, table, text};

/// What to do with signing keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// List the keys that sign tokens, will sign, or have signed
    List,
    /// Let the next keys sign and make new next ones; tokens that are out stay good
    Rotate {
        /// Only the keys of this algorithm: RS256, ES256, PS256 or EdDSA
        #[arg(long, value_name = "NAME")]
        alg: Option<String>,
    },
    /// Refuse all tokens that a previous key signed, at once and for good
    Revoke {
        /// Its id
        kid: String,
    },
}

const KEYS: &str = "/api/v2/keys/signing";

pub(crate) async fn run(management: &Management, command: KeysCommand) -> anyhow::Result<ExitCode> {
    match command {
        KeysCommand::List => {
            let keys = management.get(KEYS).await?;
            Ok(print(management, &keys, listed))
        }
        KeysCommand::Rotate { alg } => {
            let query = alg.map(|alg| format!("?alg={}", escape(&alg))).unwrap_or_default();
            management.send(Method::POST, &format!("{KEYS}/rotate{query}"), None).await?;
            let keys = management.get(KEYS).await?;
            Ok(print(management, &keys, listed))
        }
        KeysCommand::Revoke { kid } => {
            let path = format!("{KEYS}/{}/revoke", escape(&kid));
            let key = management.send(Method::PUT, &path, None).await?;
            Ok(print(management, &key, words))
        }
    }
}

fn listed(keys: &Value) -> String {
    let keys = keys.as_array().map(Vec::as_slice).unwrap_or_default();
    let row = |key: &Value| {
        let until = text(key, "current_until");
        vec![text(key, "alg"), state(key).to_owned(), text(key, "kid"), since(key), until]
    };
    table(&["alg", "state", "kid", "signs since", "until"], keys.iter().map(row))
}

fn words(key: &Value) -> String {
    pairs(&[
        ("kid", text(key, "kid")),
        ("alg", text(key, "alg")),
        ("state", state(key).to_owned()),
        ("revoked", text(key, "revoked_at")),
    ])
}

fn since(key: &Value) -> String {
    text(key, "current_since")
}

fn state(key: &Value) -> &'static str {
    let is = |name: &str| key.get(name).and_then(Value::as_bool) == Some(true);
    ["current", "next", "previous", "revoked"].into_iter().find(|name| is(name)).unwrap_or("")
}
