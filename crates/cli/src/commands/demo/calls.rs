//! The show: what is made, which calls are tried, and what came back.

use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::{Context, bail};
use http::Method;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::{INSIDE, OUTSIDE, caller};
use crate::commands::escape;
use crate::manage::{Content, Management, Target};
use crate::running::Running;

const AUDIENCE: &str = "https://orders.example";
const SCOPE: &str = "read:orders";

/// What the show is about.
pub(super) struct Things {
    management: Management,
    account: String,
    client: String,
    secret: String,
}

impl Things {
    /// Makes an API, an account and a key that works from one address.
    pub(super) async fn make(issuer: &str, folder: &Path) -> anyhow::Result<Self> {
        let target =
            Target { data: folder.to_owned(), server: Some(issuer.to_owned()), json: false };
        let management = target.open().await?;
        let post = async |path: &str, body: Value| {
            management.send(Method::POST, path, Some(Content::Json(body))).await
        };
        let scopes = json!([{ "value": SCOPE, "description": "See orders" }]);
        let api = json!({ "identifier": AUDIENCE, "name": "Orders", "scopes": scopes });
        post("/api/v2/resource-servers", api).await?;
        let account = field(&post("/v1/accounts", json!({ "name": "Acme" })).await?, "id")?;
        let made = post(
            "/api/v2/clients",
            json!({
                "name": "Acme's robot",
                "app_type": "non_interactive",
                "grant_types": ["client_credentials"],
                "account_id": account,
                "allowed_ips": [format!("{INSIDE}/32")],
            }),
        )
        .await?;
        let client = field(&made, "client_id")?;
        let secret = field(&made, "client_secret")?;
        let grant = json!({ "client_id": client, "audience": AUDIENCE, "scope": [SCOPE] });
        post("/api/v2/client-grants", grant).await?;
        println!("Made through the management API:");
        println!("  API      {AUDIENCE} with the scope {SCOPE}");
        println!("  account  Acme ({account})");
        println!("  key      Acme's robot ({client}), allowed from {INSIDE} and nowhere else\n");
        Ok(Self { management, account, client, secret })
    }

    fn key(&self) -> String {
        format!("kw_live_{}_{}", self.client, self.secret)
    }
}

/// How a call shows the credential.
#[derive(Clone, Copy)]
enum Form {
    Key,
    Pair,
    Token,
}

/// The calls and where they go.
pub(super) struct Show {
    issuer: String,
    upstream: String,
    things: Things,
    token: String,
    inside: reqwest::Client,
    outside: reqwest::Client,
}

impl Show {
    pub(super) fn new(issuer: &str, upstream: &str, things: Things) -> anyhow::Result<Self> {
        Ok(Self {
            issuer: issuer.to_owned(),
            upstream: format!("{upstream}/orders"),
            things,
            token: String::new(),
            inside: caller(INSIDE)?,
            outside: caller(OUTSIDE)?,
        })
    }

    /// Performs the calls and prints them with their answers.
    ///
    /// # Errors
    /// When an answer is not what Keyward promises.
    pub(super) async fn perform(&mut self) -> anyhow::Result<()> {
        println!("Door 1: a token is issued only to the key's own network.");
        let issued = self.ask_token(INSIDE, StatusCode::OK).await?;
        self.token = field(&issued, "access_token")?;
        self.ask_token(OUTSIDE, StatusCode::FORBIDDEN).await?;

        println!("\nDoor 2: key, Basic pair and token work only from there, too.");
        for form in [Form::Key, Form::Pair, Form::Token] {
            self.call(INSIDE, form, StatusCode::OK).await?;
            self.call(OUTSIDE, form, StatusCode::FORBIDDEN).await?;
        }

        println!("\nNow the address is taken off the list. The token lives on for a day;");
        println!("it is refused at the very next call.");
        let entry = format!("{INSIDE}/32");
        let list = format!("/v1/clients/{}/allowlist", self.things.client);
        let path = format!("{list}/entries/{}", escape(&entry));
        self.things.management.send(Method::DELETE, &path, None).await?;
        println!("  keyward allow remove $ID {entry}");
        self.call(INSIDE, Form::Token, StatusCode::FORBIDDEN).await?;

        let again = json!({ "network": entry, "label": "put back by the demo" });
        let path = format!("{list}/entries");
        self.things.management.send(Method::POST, &path, Some(Content::Json(again))).await?;
        println!("  keyward allow add $ID {entry}");
        self.call(INSIDE, Form::Token, StatusCode::OK).await?;
        Ok(())
    }

    fn from(&self, from: Ipv4Addr) -> &reqwest::Client {
        if from == INSIDE { &self.inside } else { &self.outside }
    }

    async fn ask_token(&self, from: Ipv4Addr, expected: StatusCode) -> anyhow::Result<Value> {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &self.things.client),
            ("client_secret", &self.things.secret),
            ("audience", AUDIENCE),
        ];
        let url = format!("{}oauth/token", self.issuer);
        println!(
            "  curl --interface {from} -d grant_type=client_credentials -d client_id=$ID \
             -d client_secret=$SECRET -d audience={AUDIENCE} {url}"
        );
        answer(self.from(from).post(&url).form(&form), expected).await
    }

    async fn call(
        &self,
        from: Ipv4Addr,
        form: Form,
        expected: StatusCode,
    ) -> anyhow::Result<Value> {
        let request = self.from(from).get(&self.upstream);
        let (request, shown) = match form {
            Form::Key => (request.header("x-api-key", self.things.key()), "-H \"X-API-Key: $KEY\""),
            Form::Pair => {
                let (id, secret) = (&self.things.client, &self.things.secret);
                (request.basic_auth(id, Some(secret)), "-u \"$ID:$SECRET\"")
            }
            Form::Token => {
                (request.bearer_auth(&self.token), "-H \"Authorization: Bearer $TOKEN\"")
            }
        };
        println!("  curl --interface {from} {shown} {}", self.upstream);
        answer(request, expected).await
    }

    /// What to try next, ready to be copied.
    pub(super) fn next_steps(&self, running: &Running, folder: &Path) {
        let program = std::env::current_exe().map_or("keyward".into(), |p| p.display().to_string());
        println!("\nNext, in another terminal:\n");
        println!("  export ID={} SECRET={}", self.things.client, self.things.secret);
        println!("  export KEY={} TOKEN={}", self.things.key(), self.token);
        println!("  export KEYWARD_DATA={}", folder.display());
        println!("  alias keyward={program}\n");
        println!("  curl --interface {INSIDE} -H \"X-API-Key: $KEY\" {}", self.upstream);
        println!("  curl --interface {OUTSIDE} -H \"X-API-Key: $KEY\" {}", self.upstream);
        println!("  keyward check $ID {OUTSIDE}      # which layer and entry decide");
        println!("  keyward allow add $ID {OUTSIDE} --label \"second office\"");
        println!("  keyward allow list $ID");
        println!("  keyward audit list               # who changed what, from what to what");
        println!("  keyward account show {}", self.things.account);
        println!("\n  management API   {}v1/docs", self.issuer);
        println!(
            "  gate             http://{}/v1/check/default (for nginx: README.md)",
            running.gate
        );
        println!("  ops              http://{}/metrics", running.ops);
    }
}

/// Sends, prints the answer and looks that it is the one promised.
async fn answer(request: RequestBuilder, expected: StatusCode) -> anyhow::Result<Value> {
    let answer = request.send().await?;
    let status = answer.status();
    let value: Value = answer.json().await.context("the answer is not JSON")?;
    println!("    {} {}", status.as_u16(), shortened(&value));
    if status != expected {
        bail!("this should have been {expected}: please report it");
    }
    Ok(value)
}

/// A token is long and says nothing to the eye.
fn shortened(value: &Value) -> String {
    let mut value = value.clone();
    if let Some(Value::String(token)) = value.get_mut("access_token") {
        *token = token.chars().take(12).chain("…".chars()).collect();
    }
    value.to_string()
}

fn field(value: &Value, name: &str) -> anyhow::Result<String> {
    let text = value.get(name).and_then(Value::as_str);
    text.map(str::to_owned).with_context(|| format!("the answer has no `{name}`"))
}
