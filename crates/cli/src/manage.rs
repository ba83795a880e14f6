//! How the commands reach the management API.
//!
//! A running server is asked over HTTP. Without one, the store is opened and the very same router
//! is driven in process: there is one API, one set of rules and one audit log, and a person at the
//! machine can break the glass when no token works any more.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use axum::Router;
use axum::body::Body;
use clap::Args;
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use keyward_core::actor::Actor;
use keyward_server::caller::LocalOperator;
use keyward_server::listen::DEV_AUTHORITY_FILE;
use keyward_server::services::{ADMIN_FILE, AdminFile, OpenError, Services, ServicesOptions};
use keyward_store::StoreError;
use serde_json::Value;
use tower::ServiceExt;

use crate::config::variable;

/// Answers are read up to this size.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Which Keyward a command speaks to.
#[derive(Debug, Clone, Args)]
pub(crate) struct Target {
    /// Data folder: its admin.json says where the server is; without a server it is opened itself
    #[arg(
        long,
        value_name = "DIR",
        env = "KEYWARD_DATA",
        default_value = "keyward-data",
        global = true
    )]
    pub(crate) data: PathBuf,
    /// Server to ask, with the credentials of KEYWARD_CLIENT_ID and KEYWARD_CLIENT_SECRET (or of
    /// admin.json)
    #[arg(long, value_name = "URL", env = "KEYWARD_SERVER", global = true)]
    pub(crate) server: Option<String>,
    /// Print JSON for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// The management API, and how answers are printed.
pub(crate) struct Management {
    way: Way,
    json: bool,
}

enum Way {
    /// A running server.
    Http { client: reqwest::Client, base: String, token: String, client_id: String },
    /// The store itself.
    InProcess { router: Router, actor: Actor },
}

impl Target {
    /// Finds the way to the management API.
    ///
    /// # Errors
    /// When neither a server nor a store is there; the text says what to do.
    pub(crate) async fn open(&self) -> anyhow::Result<Management> {
        Ok(Management { way: Way::find(self).await?, json: self.json })
    }
}

impl Way {
    async fn find(target: &Target) -> anyhow::Result<Self> {
        if target.server.is_some() {
            return Self::over_http(target, None).await;
        }
        if !target.data.join("keyward.db").exists() {
            bail!(
                "there is no Keyward data in `{}`; start one with `keyward serve --data DIR`, or \
                 name its folder with --data or its URL with --server",
                target.data.display()
            );
        }
        let mut options = ServicesOptions::new(&target.data, "");
        options.issuer = None;
        match Services::open(options).await {
            Ok(services) => Ok(Self::InProcess {
                router: keyward_server::public_router(&services),
                actor: Actor::command_line(&user_name()),
            }),
            Err(OpenError::Store(StoreError::Locked { holder, .. })) => {
                let admin = read_admin(&target.data).with_context(|| {
                    let pid = holder.map_or_else(String::new, |pid| format!(" (process {pid})"));
                    format!("a server{pid} holds the store, so it must be asked over HTTP")
                })?;
                Self::over_http(target, Some(admin)).await
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn over_http(target: &Target, admin: Option<AdminFile>) -> anyhow::Result<Self> {
        // Only as variables: others can read command lines.
        let given = variable("KEYWARD_CLIENT_ID").zip(variable("KEYWARD_CLIENT_SECRET"));
        let admin = match (admin, &target.server, given) {
            (Some(admin), _, _) => admin,
            (None, Some(server), Some((client_id, client_secret))) => {
                let issuer = format!("{}/", server.trim_end_matches('/'));
                let audience = format!("{issuer}api/v2/");
                AdminFile { issuer, audience, client_id, client_secret }
            }
            (None, Some(server), None) => {
                let mut admin = read_admin(&target.data).context(
                    "--server needs KEYWARD_CLIENT_ID and KEYWARD_CLIENT_SECRET, or an admin.json",
                )?;
                admin.issuer = format!("{}/", server.trim_end_matches('/'));
                admin
            }
            (None, None, _) => bail!("name a server"),
        };
        if reqwest::Url::parse(&admin.issuer).is_err() {
            bail!("`{}` is no URL: give one such as http://127.0.0.1:8080", admin.issuer);
        }
        let client = http_client_of(&admin.issuer, &target.data)?;
        let token = ask_token(&client, &admin).await?;
        Ok(Self::Http { client, base: admin.issuer, token, client_id: admin.client_id })
    }
}

impl Management {
    /// Whether answers are printed as JSON.
    pub(crate) fn json(&self) -> bool {
        self.json
    }

    /// Whether the store is held by this very process, because no server runs.
    pub(crate) fn is_in_process(&self) -> bool {
        matches!(self.way, Way::InProcess { .. })
    }

    /// Refuses what would take the way from under the command's own feet.
    ///
    /// # Errors
    /// When `id` is the client that these commands ask the server with.
    pub(crate) fn spare_own(&self, id: &str) -> anyhow::Result<()> {
        match &self.way {
            Way::Http { client_id, .. } if client_id == id => bail!(
                "{id} is the client that this command itself uses; without it the server takes no \
                 command any more. If that is meant, stop the server and repeat the command at its \
                 data folder"
            ),
            Way::Http { .. } | Way::InProcess { .. } => Ok(()),
        }
    }

    /// GET.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send(Method::GET, path, None).await
    }

    /// Sends a request and reads the JSON answer (`null` when there is none).
    ///
    /// # Errors
    /// With what the server says is wrong, line by line.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Content>,
    ) -> anyhow::Result<Value> {
        let (status, bytes) = match &self.way {
            Way::Http { client, base, token, .. } => {
                over_the_wire(client, base, token, method, path, body).await?
            }
            Way::InProcess { router, actor } => {
                in_process(router.clone(), actor.clone(), method, path, body).await?
            }
        };
        let value: Value = match bytes.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&bytes)
                .with_context(|| format!("the answer to {path} ({status}) is not JSON"))?,
        };
        if status.is_success() { Ok(value) } else { Err(refusal(status, &value)) }
    }

    /// GET of what comes piece by piece, from a running server.
    ///
    /// # Errors
    /// With what the server says is wrong, or that there is none.
    pub(crate) async fn stream(&self, path: &str) -> anyhow::Result<reqwest::Response> {
        let Way::Http { client, base, token, .. } = &self.way else {
            bail!("no server is running here")
        };
        let url = format!("{base}{}", path.trim_start_matches('/'));
        let answer = client.get(&url).bearer_auth(token).timeout(STREAM).send().await;
        let answer = answer.with_context(|| format!("cannot reach {url}"))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let value: Value = answer.json().await.unwrap_or_default();
        Err(refusal(status, &value))
    }
}

/// How long an answer that comes piece by piece may go on.
const STREAM: Duration = Duration::from_secs(2 * 3_600);

/// What is sent.
pub(crate) enum Content {
    /// A JSON document.
    Json(Value),
    /// A list, one entry a line.
    List(String),
}

impl Content {
    fn parts(self) -> (&'static str, Vec<u8>) {
        match self {
            Self::Json(value) => ("application/json", value.to_string().into_bytes()),
            Self::List(text) => ("text/plain; charset=utf-8", text.into_bytes()),
        }
    }
}

async fn over_the_wire(
    client: &reqwest::Client,
    base: &str,
    token: &str,
    method: Method,
    path: &str,
    body: Option<Content>,
) -> anyhow::Result<(StatusCode, Vec<u8>)> {
    let url = format!("{base}{}", path.trim_start_matches('/'));
    let mut request = client.request(method, &url).bearer_auth(token);
    if let Some((kind, bytes)) = body.map(Content::parts) {
        request = request.header(header::CONTENT_TYPE, kind).body(bytes);
    }
    let answer = request.send().await.with_context(|| format!("cannot reach {url}"))?;
    Ok((answer.status(), answer.bytes().await?.to_vec()))
}

async fn in_process(
    router: Router,
    actor: Actor,
    method: Method,
    path: &str,
    body: Option<Content>,
) -> anyhow::Result<(StatusCode, Vec<u8>)> {
    let mut request = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
    let body = match body.map(Content::parts) {
        Some((kind, bytes)) => {
            request = request.header(header::CONTENT_TYPE, kind);
            Body::from(bytes)
        }
        None => Body::empty(),
    };
    let mut request = request.body(body)?;
    request.extensions_mut().insert(LocalOperator(actor));
    let answer = router.oneshot(request).await?;
    let status = answer.status();
    let bytes = http_body_util::Limited::new(answer.into_body(), ANSWER_BYTES_MAX);
    let bytes = bytes.collect().await.map_err(|error| anyhow!("{error}"))?.to_bytes();
    Ok((status, bytes.to_vec()))
}

/// A client with short patience and no redirects: a management server never redirects.
pub(crate) fn http_client() -> anyhow::Result<reqwest::Client> {
    Ok(http_client_builder().build()?)
}

fn http_client_builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(60))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
}

/// The same for one server. One on this machine may have made its certificate itself (`--dev-tls`);
/// its authority in the data folder is then trusted too. That can vouch for this machine alone.
fn http_client_of(issuer: &str, data: &Path) -> anyhow::Result<reqwest::Client> {
    let path = data.join(DEV_AUTHORITY_FILE);
    let builder = http_client_builder();
    let url = reqwest::Url::parse(issuer)?;
    let is_here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if url.scheme() != "https" || !is_here || !path.exists() {
        return Ok(builder.build()?);
    }
    let wrong = || format!("{} is damaged; start the server again", path.display());
    let text = std::fs::read(&path).with_context(wrong)?;
    let authority = reqwest::Certificate::from_pem(&text).with_context(wrong)?;
    Ok(builder.tls_certs_merge([authority]).build()?)
}

async fn ask_token(client: &reqwest::Client, admin: &AdminFile) -> anyhow::Result<String> {
    let url = format!("{}oauth/token", admin.issuer);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &admin.client_id),
        ("client_secret", &admin.client_secret),
        ("audience", &admin.audience),
    ];
    let answer = client.post(&url).form(&form).send().await;
    let answer = answer.with_context(|| format!("cannot reach the server at {}", admin.issuer))?;
    let status = answer.status();
    let value: Value = answer.json().await.with_context(|| {
        format!(
            "{url} answered {status} without JSON; is that Keyward's public port (8080 by \
             default), and not the gate's?"
        )
    })?;
    if !status.is_success() {
        let who = &admin.client_id;
        return Err(refusal(status, &value).context(format!(
            "{} gave the client {who} no management token; if that client or its secret is gone, \
             stop the server and use the same command at its data folder, which needs none",
            admin.issuer
        )));
    }
    let token = value.get("access_token").and_then(Value::as_str);
    token.map(str::to_owned).with_context(|| format!("{url} gave no token"))
}

fn read_admin(folder: &Path) -> anyhow::Result<AdminFile> {
    let path = folder.join(ADMIN_FILE);
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged", path.display()))
}

/// What the server says is wrong, in its own words, thing by thing.
fn refusal(status: StatusCode, value: &Value) -> anyhow::Error {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let what = text("detail").or(text("message")).or(text("error_description")).or(text("title"));
    let mut lines = vec![what.unwrap_or("the server refused").to_owned()];
    let errors = value.get("errors").or(value.get("details")).and_then(Value::as_array);
    for error in errors.into_iter().flatten() {
        let Some(message) = error.get("message").and_then(Value::as_str) else { continue };
        if !lines.iter().any(|line| line.contains(message)) {
            lines.push(format!("  - {message}"));
        }
    }
    anyhow!("{} ({})", lines.join("\n"), status.as_u16())
}

fn user_name() -> String {
    variable("SUDO_USER").or_else(|| variable("USER")).unwrap_or_else(|| "somebody".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_does_not_take_away_its_own_client() {
        let way = Way::Http {
            client: http_client().unwrap(),
            base: "http://localhost/".to_owned(),
            token: String::new(),
            client_id: "own".to_owned(),
        };
        let management = Management { way, json: false };
        assert!(management.spare_own("other").is_ok());
        let error = management.spare_own("own").unwrap_err().to_string();
        assert!(error.contains("stop the server"), "{error}");
    }
}
