//! One Keyward node on a folder of its own, and what an operator does with it.

use std::path::{Path, PathBuf};
use std::process::Command;

use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::processes::{Process, free_port, http_client, http_client_trusting, is_ok, keyward};

/// On the key's list.
pub(crate) const INSIDE: &str = "127.0.0.2";
/// Not on it.
pub(crate) const OUTSIDE: &str = "127.0.0.3";
/// The API that the key is for.
pub(crate) const API: &str = "https://orders.example/";

/// A running node.
pub(crate) struct Node {
    /// The process.
    pub(crate) process: Process,
    /// Where it listens.
    pub(crate) ports: Ports,
    /// What `keyward serve` is told besides its data folder and ports.
    flags: &'static [&'static str],
    admin: Value,
    folder: TempDir,
}

/// A node's ports, all on 127.0.0.1.
#[derive(Debug, Clone)]
pub(crate) struct Ports {
    pub(crate) public: u16,
    pub(crate) gate: u16,
    pub(crate) grpc: u16,
    pub(crate) ops: u16,
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

impl Ports {
    fn free() -> Ports {
        let [public, gate, grpc, ops] = std::array::from_fn(|_| free_port());
        Ports { public, gate, grpc, ops }
    }

    /// The options of `keyward serve` that say so.
    pub(crate) fn options(&self) -> String {
        let Ports { public, gate, grpc, ops } = self;
        format!(
            "--public 127.0.0.1:{public} --gate 127.0.0.1:{gate} --grpc 127.0.0.1:{grpc} \
             --ops 127.0.0.1:{ops}"
        )
    }

    /// A document's text with these ports in place of those that Keyward has by default, which
    /// are likely taken on the machine of a developer.
    pub(crate) fn put_into(&self, text: &str) -> String {
        let mut text = text.replace("keyward serve", &format!("keyward serve {}", self.options()));
        for (default, port) in
            [(8080, self.public), (8081, self.gate), (8082, self.grpc), (9090, self.ops)]
        {
            text = text.replace(&format!("127.0.0.1:{default}"), &format!("127.0.0.1:{port}"));
        }
        text
    }
}

impl Node {
    /// Starts `keyward serve` on a new folder.
    pub(crate) async fn start() -> Node {
        Node::start_with(&[]).await
    }

    /// The same with TLS on the public listener, by an authority of the node's own.
    pub(crate) async fn start_with_tls() -> Node {
        Node::start_with(&["--dev-tls"]).await
    }

    /// The same, told more.
    pub(crate) async fn start_with(flags: &'static [&'static str]) -> Node {
        let folder = TempDir::new().unwrap();
        let ports = Ports::free();
        let process = start_keyward(folder.path().join("data"), &ports, flags).await;
        Node { process, ports, flags, admin: admin_in(&folder), folder }
    }

    /// Starts a program that is a node without gates: it is told its data folder and ports, and has
    /// the public listener.
    pub(crate) async fn embedded(command: impl FnOnce(&Path, &Ports) -> Command) -> Node {
        let folder = TempDir::new().unwrap();
        let ports = Ports::free();
        let mut command = command(&folder.path().join("data"), &ports);
        let mut process = Process::start(&mut command, &folder.path().join("embedded.log"));
        let keys = format!("http://127.0.0.1:{}/.well-known/jwks.json", ports.public);
        process.wait_until("the program is ready", || is_ok(&keys)).await;
        Node { process, ports, flags: &[], admin: admin_in(&folder), folder }
    }

    /// The folder that everything of this test is kept in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What an operator's shell has set, beside the path to the binary.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        vec![("KEYWARD_DATA", self.data().display().to_string())]
    }

    /// Kills it, and starts it again on the same folder and ports.
    pub(crate) async fn restart(&mut self) {
        self.process.kill();
        self.process = start_keyward(self.data(), &self.ports, self.flags).await;
    }

    /// The issuer: the URL of the public listener.
    pub(crate) fn issuer(&self) -> String {
        self.admin["issuer"].as_str().unwrap().to_owned()
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What clients must trust, when the node has TLS.
    pub(crate) fn authority(&self) -> Option<PathBuf> {
        Some(self.data().join("dev-ca.pem")).filter(|file| file.is_file())
    }

    /// The first administrator.
    pub(crate) fn administrator(&self) -> Key {
        let text = |name: &str| self.admin[name].as_str().unwrap().to_owned();
        Key { id: text("client_id"), secret: text("client_secret") }
    }

    /// `http://…` or `https://…` of the public listener.
    pub(crate) fn public(&self) -> String {
        match self.authority() {
            Some(_) => format!("https://localhost:{}", self.ports.public),
            None => format!("http://127.0.0.1:{}", self.ports.public),
        }
    }

    /// A client of the public listener.
    fn client(&self, from: &str) -> Client {
        match self.authority() {
            Some(authority) => http_client_trusting(from, &authority),
            None => http_client(from),
        }
    }

    /// Asks for a token from one address.
    pub(crate) async fn ask_token(&self, from: &str, key: &Key, audience: &str) -> Response {
        let body = json!({
            "grant_type": "client_credentials",
            "client_id": key.id,
            "client_secret": key.secret,
            "audience": audience,
        });
        let url = format!("{}/oauth/token", self.public());
        self.client(from).post(url).json(&body).send().await.unwrap()
    }

    /// A token, from the address that is on the list.
    pub(crate) async fn token(&self, key: &Key) -> String {
        token_in(self.ask_token(INSIDE, key, API).await).await
    }

    /// A management call with a fresh management token; fails unless the status is as expected.
    pub(crate) async fn manage(&self, method: &str, path: &str, body: Value, status: u16) -> Value {
        let audience = self.admin["audience"].as_str().unwrap();
        let admin = self.administrator();
        let token = token_in(self.ask_token("127.0.0.1", &admin, audience).await).await;
        let method = method.parse().unwrap();
        let request = self.client("127.0.0.1").request(method, format!("{}{path}", self.public()));
        let request = request.bearer_auth(token);
        let request = if body.is_null() { request } else { request.json(&body) };
        let response = request.send().await.unwrap();
        let (got, text) = (response.status().as_u16(), response.text().await.unwrap());
        assert_eq!(got, status, "{path}: {text}");
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
    }

    /// An API, and a client whose key is for it and for these networks only.
    pub(crate) async fn key_for(&self, networks: &[&str]) -> Key {
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
            "allowed_ips": networks,
        });
        let client = self.manage("POST", "/api/v2/clients", client, 201).await;
        let text = |name: &str| client[name].as_str().unwrap().to_owned();
        let key = Key { id: text("client_id"), secret: text("client_secret") };
        let grant = json!({ "client_id": key.id, "audience": API, "scope": ["read:orders"] });
        self.manage("POST", "/api/v2/client-grants", grant, 201).await;
        key
    }

    /// A key for [`INSIDE`] and no other address.
    pub(crate) async fn key_for_inside(&self) -> Key {
        self.key_for(&[&format!("{INSIDE}/32")]).await
    }

    /// Registers a gateway, and gives its token.
    pub(crate) async fn gateway(&self, gateway: Value) -> String {
        let made = self.manage("POST", "/v1/gateways", gateway, 201).await;
        made["token"].as_str().unwrap_or_default().to_owned()
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

fn admin_in(folder: &TempDir) -> Value {
    let admin = std::fs::read_to_string(folder.path().join("data/admin.json")).unwrap();
    serde_json::from_str(&admin).unwrap()
}

async fn token_in(response: Response) -> String {
    let (status, text) = (response.status().as_u16(), response.text().await.unwrap());
    assert_eq!(status, 200, "the token endpoint answered {text}");
    let body: Value = serde_json::from_str(&text).unwrap();
    body["access_token"].as_str().unwrap().to_owned()
}

async fn start_keyward(data: PathBuf, ports: &Ports, flags: &[&str]) -> Process {
    let log = data.with_extension("log");
    let mut command = Command::new(keyward());
    command.arg("serve").arg("--data").arg(&data).args(ports.options().split_whitespace());
    command.args(flags);
    let mut process = Process::start(&mut command, &log);
    let url = format!("http://127.0.0.1:{}/readyz", ports.ops);
    process.wait_until("keyward is ready", || is_ok(&url)).await;
    process
}
