//! Keyward, nginx and the application together, and a client with a list.

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::application::Application;
use crate::documents::readme_snippet;
use crate::processes::{Process, free_port, keyward, start_nginx};

/// On the key's list.
pub(crate) const INSIDE: &str = "127.0.0.2";
/// Not on it.
pub(crate) const OUTSIDE: &str = "127.0.0.3";
/// The API that the key is for.
pub(crate) const API: &str = "https://orders.example/";

/// One whole installation in a folder of its own.
pub(crate) struct Stack {
    /// The application behind nginx.
    pub(crate) application: Application,
    /// Keyward itself.
    pub(crate) keyward: Process,
    /// `http://…` of the guarded API, through nginx.
    pub(crate) guarded: String,
    public: String,
    admin: Value,
    ports: Ports,
    folder: TempDir,
    _nginx: Process,
}

struct Ports {
    public: u16,
    gate: u16,
    ops: u16,
}

/// A credential as the management API gives it.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    /// The client id.
    pub(crate) id: String,
    /// The secret.
    pub(crate) secret: String,
}

impl Key {
    /// The same as one string.
    pub(crate) fn one_string(&self) -> String {
        format!("kw_live_{}_{}", self.id, self.secret)
    }
}

/// How a request shows who it is.
#[derive(Debug, Clone)]
pub(crate) enum Credential {
    None,
    Basic(Key),
    Bearer(String),
    ApiKey(String),
}

impl Credential {
    /// Adds it to a request.
    pub(crate) fn show(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Credential::None => request,
            Credential::Basic(key) => request.basic_auth(&key.id, Some(&key.secret)),
            Credential::Bearer(text) => request.bearer_auth(text),
            Credential::ApiKey(text) => request.header("x-api-key", text),
        }
    }
}

impl Stack {
    /// Starts everything: `keyward serve` on a new folder, the application, and nginx with the
    /// README's snippet between them.
    pub(crate) async fn start() -> Stack {
        let folder = TempDir::new().unwrap();
        let ports = Ports { public: free_port(), gate: free_port(), ops: free_port() };
        let keyward = start_keyward(folder.path().join("data"), &ports).await;
        let admin = std::fs::read_to_string(folder.path().join("data/admin.json")).unwrap();
        let application = Application::start().await;
        let front = free_port();
        let snippet = readme_snippet()
            .replace("127.0.0.1:8081", &format!("127.0.0.1:{}", ports.gate))
            .replace("127.0.0.1:3000", &application.address.to_string())
            .replace("listen 8000", &format!("listen 127.0.0.1:{front}"));
        let mut nginx = start_nginx(folder.path(), &snippet);
        nginx.wait_until("nginx accepts connections", || accepts(front)).await;
        Stack {
            application,
            keyward,
            guarded: format!("http://127.0.0.1:{front}"),
            public: format!("http://127.0.0.1:{}", ports.public),
            admin: serde_json::from_str(&admin).unwrap(),
            ports,
            folder,
            _nginx: nginx,
        }
    }

    /// Starts Keyward again on the same folder and ports.
    pub(crate) async fn restart_keyward(&mut self) {
        self.keyward.kill();
        self.keyward = start_keyward(self.folder.path().join("data"), &self.ports).await;
    }

    /// A request to the guarded API from one address.
    pub(crate) async fn call(&self, from: &str, credential: &Credential) -> Response {
        let request = http_client(from).get(format!("{}/orders?page=1", self.guarded));
        credential.show(request).send().await.unwrap()
    }

    /// Asks for a token from one address.
    pub(crate) async fn ask_token(&self, from: &str, key: &Key, audience: &str) -> Response {
        let body = json!({
            "grant_type": "client_credentials",
            "client_id": key.id,
            "client_secret": key.secret,
            "audience": audience,
        });
        let url = format!("{}/oauth/token", self.public);
        http_client(from).post(url).json(&body).send().await.unwrap()
    }

    /// A token, from the address that is on the list.
    pub(crate) async fn token(&self, key: &Key) -> String {
        token_in(self.ask_token(INSIDE, key, API).await).await
    }

    /// A management call with a fresh management token; fails unless the status is as expected.
    pub(crate) async fn manage(&self, method: &str, path: &str, body: Value, status: u16) -> Value {
        let text = |name: &str| self.admin[name].as_str().unwrap().to_owned();
        let admin = Key { id: text("client_id"), secret: text("client_secret") };
        let audience = text("audience");
        let token = token_in(self.ask_token("127.0.0.1", &admin, &audience).await).await;
        let method = method.parse().unwrap();
        let request = http_client("127.0.0.1").request(method, format!("{}{path}", self.public));
        let request = request.bearer_auth(token);
        let request = if body.is_null() { request } else { request.json(&body) };
        let response = request.send().await.unwrap();
        let (got, text) = (response.status().as_u16(), response.text().await.unwrap());
        assert_eq!(got, status, "{path}: {text}\n{}", self.keyward.output());
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
    }

    /// An API, and a client whose key is for it and for one address only.
    pub(crate) async fn key_for_inside(&self) -> Key {
        let api = json!({
            "name": "Orders",
            "identifier": API,
            "scopes": [{ "value": "read:orders", "description": "Read orders" }],
        });
        self.manage("POST", "/api/v2/resource-servers", api, 201).await;
        let client = json!({
            "name": "robot",
            "app_type": "non_interactive",
            "grant_types": ["client_credentials"],
            "allowed_ips": [format!("{INSIDE}/32")],
        });
        let client = self.manage("POST", "/api/v2/clients", client, 201).await;
        let text = |name: &str| client[name].as_str().unwrap().to_owned();
        let key = Key { id: text("client_id"), secret: text("client_secret") };
        let grant = json!({ "client_id": key.id, "audience": API, "scope": ["read:orders"] });
        self.manage("POST", "/api/v2/client-grants", grant, 201).await;
        key
    }

    /// Every form in which one key may be shown, with a name for messages.
    pub(crate) async fn every_form(&self, key: &Key) -> Vec<(&'static str, Credential)> {
        vec![
            ("Basic pair", Credential::Basic(key.clone())),
            ("key as Bearer", Credential::Bearer(key.one_string())),
            ("key as X-API-Key", Credential::ApiKey(key.one_string())),
            ("token", Credential::Bearer(self.token(key).await)),
        ]
    }
}

/// A client of HTTP whose connections come from one loopback address.
pub(crate) fn http_client(from: &str) -> Client {
    let from: IpAddr = from.parse().unwrap();
    let builder = Client::builder().local_address(from).no_proxy();
    builder.timeout(Duration::from_secs(20)).build().unwrap()
}

async fn token_in(response: Response) -> String {
    let (status, text) = (response.status().as_u16(), response.text().await.unwrap());
    assert_eq!(status, 200, "the token endpoint answered {text}");
    let body: Value = serde_json::from_str(&text).unwrap();
    body["access_token"].as_str().unwrap().to_owned()
}

async fn start_keyward(data: PathBuf, ports: &Ports) -> Process {
    let log = data.with_extension("log");
    let mut command = Command::new(keyward());
    command.arg("serve").arg("--data").arg(&data);
    for (flag, port) in [("--public", ports.public), ("--gate", ports.gate), ("--ops", ports.ops)] {
        command.arg(flag).arg(format!("127.0.0.1:{port}"));
    }
    let mut process = Process::start(&mut command, &log);
    let url = format!("http://127.0.0.1:{}/readyz", ports.ops);
    process.wait_until("keyward is ready", || is_ok(&url)).await;
    process
}

/// Whether a URL answers 200.
pub(crate) async fn is_ok(url: &str) -> bool {
    let answer = http_client("127.0.0.1").get(url).send().await;
    answer.is_ok_and(|response| response.status() == 200)
}

/// Whether a loopback port accepts connections.
pub(crate) async fn accepts(port: u16) -> bool {
    tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()
}
