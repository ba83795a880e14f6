//! The examples of `docs/guides/applications.md`, each in its own language and started as the guide
//! says: applications that ask Keyward about every request.

mod assertions;
mod guide;
mod runtimes;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};

use crate::documents::document;
use crate::node::{API, Credential, INSIDE, Key, Node, OUTSIDE};
use crate::processes::{Process, Signal, accepts, built, free_port, http_client};
use runtimes::{go, node_js, python};
pub(crate) use runtimes::{on_path, project};

const DENIED: &str = r#"{"error":"access_denied"}"#;

/// An application that runs, and guards `/orders`.
struct Guarded {
    url: String,
    /// None when it is the node's.
    _process: Option<Process>,
}

impl Guarded {
    /// Starts an application that asks `node` as the gateway `orders`.
    async fn start(node: &Node, token: &str, mut command: Command, port: u16) -> Guarded {
        let check = format!("http://127.0.0.1:{}/v1/check/orders", node.ports.gate);
        command.env("PORT", port.to_string()).env("KEYWARD_CHECK", check);
        command.env("KEYWARD_GATEWAY_TOKEN", token);
        let log = node.folder().join(format!("application-{port}.log"));
        let mut process = Process::start(&mut command, &log);
        process.wait_until("the application listens", || accepts(port)).await;
        Guarded { url: format!("http://127.0.0.1:{port}"), _process: Some(process) }
    }

    fn request(&self, from: &str, path: &str) -> RequestBuilder {
        http_client(from).get(format!("{}{path}", self.url))
    }

    async fn call(&self, from: &str, credential: &Credential) -> Response {
        credential.show(self.request(from, "/orders")).send().await.unwrap()
    }

    async fn status(&self, from: &str, credential: &Credential) -> u16 {
        self.call(from, credential).await.status().as_u16()
    }
}

/// The gateway of an application: `/health` is public there.
fn gateway(kind: &str) -> Value {
    json!({
        "id": "orders",
        "kind": kind,
        "auth": { "token": true },
        "required": { "audience": API },
        "public_paths": ["/health"],
    })
}

/// Everything that an application must hold, whatever it is written in.
async fn lets_in_whom_keyward_allows(app: &Guarded, node: &Node, key: &Key) {
    for (form, credential) in node.every_form(key).await {
        let inside = app.call(INSIDE, &credential).await;
        assert_eq!(inside.status(), 200, "{form} from {INSIDE}");
        is_identity_of(key, &inside.json().await.unwrap());
        let outside = app.call(OUTSIDE, &credential).await;
        assert_eq!(outside.status(), 403, "{form} from {OUTSIDE}");
        assert_eq!(outside.text().await.unwrap(), DENIED, "{form}");
    }
    let nobody = app.call(INSIDE, &Credential::None).await;
    assert_eq!(nobody.status(), 401);
    assert!(nobody.headers().contains_key("www-authenticate"));
    headers_change_nothing(app, key).await;
    two_credentials_are_none(app, key).await;
    the_request_that_is_asked_about_is_the_callers(app).await;
    an_edit_counts_at_the_next_call(app, node, key).await;
}

fn is_identity_of(key: &Key, body: &Value) {
    assert_eq!(body["client_id"], key.id.as_str(), "{body}");
    assert_eq!(body["client_ip"], INSIDE, "{body}");
    assert_eq!(body["scope"], "read:orders", "{body}");
    assert!(matches!(body["account_id"].as_str(), None | Some("-")), "{body}");
}

async fn headers_change_nothing(app: &Guarded, key: &Key) {
    let key_shown = Credential::Basic(key.clone());
    for (name, value) in [
        ("X-Real-IP", INSIDE),
        ("X-Forwarded-For", INSIDE),
        ("X-Forwarded-For", "127.0.0.2, 127.0.0.2"),
        ("Forwarded", "for=127.0.0.2"),
        ("X_Real_IP", INSIDE),
        ("X-Client-IP", INSIDE),
        ("X-Client-Id", "admin"),
        ("X-Gateway-Token", "kwg_forged"),
    ] {
        // Some servers believe X-Forwarded-For of callers on 127.0.0.1 unless they are told not to.
        for from in [OUTSIDE, "127.0.0.1"] {
            let request = app.request(from, "/orders").header(name, value);
            let response = key_shown.show(request).send().await.unwrap();
            assert_eq!(response.status(), 403, "{name}: {value} from {from}");
        }
    }
    let request = app
        .request(INSIDE, "/orders")
        .header("X-Real-IP", OUTSIDE)
        .header("X-Forwarded-For", OUTSIDE)
        .header("X-Client-Id", "admin")
        .header("X-Account-Id", "everyone")
        .header("X-Client-Scope", "everything")
        .header("X-Client-IP", "203.0.113.5")
        .header("Connection", "X-Real-IP, X-Client-Id");
    let response = key_shown.show(request).send().await.unwrap();
    assert_eq!(response.status(), 200);
    is_identity_of(key, &response.json().await.unwrap());
}

async fn two_credentials_are_none(app: &Guarded, key: &Key) {
    let bearer = format!("Bearer {}", key.one_string());
    let key_twice = [("x-api-key", key.one_string()), ("x-api-key", key.one_string())];
    let first = [("authorization", bearer.clone()), ("authorization", "Bearer a".to_owned())];
    let last = [("authorization", "Bearer a".to_owned()), ("authorization", bearer.clone())];
    let empty = [("authorization", bearer.clone()), ("authorization", String::new())];
    let both = [("authorization", bearer.clone()), ("x-api-key", key.one_string())];
    let same = [("authorization", bearer.clone()), ("authorization", bearer)];
    for lines in [same, first, last, empty, key_twice, both] {
        let request =
            lines.iter().fold(app.request(INSIDE, "/orders"), |request, (name, value)| {
                request.header(*name, value)
            });
        let status = request.send().await.unwrap().status();
        assert!(matches!(status.as_u16(), 400 | 401), "{status} with {lines:?}");
    }
    let pair = Credential::Basic(key.clone());
    let request = pair.show(pair.show(app.request(INSIDE, "/orders")));
    let status = request.send().await.unwrap().status();
    assert!(matches!(status.as_u16(), 400 | 401), "{status} with two pairs");
}

/// `/health` is public, and no example has it: who passes finds nothing there.
async fn the_request_that_is_asked_about_is_the_callers(app: &Guarded) {
    for (path, status) in [("/health", 404), ("/health?a=b", 404), ("/health/", 401), ("/a", 401)] {
        let response = app.request(INSIDE, path).send().await.unwrap();
        assert_eq!(response.status(), status, "{path}");
    }
    let request = app.request(INSIDE, "/orders").header("X-Original-URI", "/health");
    assert_eq!(request.send().await.unwrap().status(), 401, "a forged X-Original-URI");
}

async fn an_edit_counts_at_the_next_call(app: &Guarded, node: &Node, key: &Key) {
    let key_shown = Credential::Basic(key.clone());
    let path = format!("/api/v2/clients/{}", key.id);
    for (listed, status) in [(OUTSIDE, 403), (INSIDE, 200)] {
        node.manage("PATCH", &path, json!({ "allowed_ips": [listed] }), 200).await;
        assert_eq!(app.status(INSIDE, &key_shown).await, status, "{listed} is on the list");
    }
}

/// Hanging, gone, there again.
async fn without_keyward_nobody_comes_in(app: &Guarded, node: &mut Node, key: &Key) {
    let key_shown = Credential::Basic(key.clone());
    node.process.signal(Signal::STOP);
    assert_eq!(app.status(INSIDE, &key_shown).await, 503, "Keyward hangs");
    node.process.kill();
    let response = app.call(INSIDE, &key_shown).await;
    assert_eq!(response.status(), 503, "Keyward is gone");
    assert!(response.headers().contains_key("retry-after"));
    node.restart().await;
    assert_eq!(app.status(INSIDE, &key_shown).await, 200, "Keyward is there again");
}

/// All of it for an application that asks a node. `start` gets the port to listen on.
async fn is_guarded(kind: &str, start: impl FnOnce(&Node, u16) -> Option<Command>) {
    let mut node = Node::start().await;
    let port = free_port();
    let Some(command) = start(&node, port) else { return };
    let key = node.key_for_inside().await;
    let token = node.gateway(gateway(kind)).await;
    let app = Guarded::start(&node, &token, command, port).await;
    lets_in_whom_keyward_allows(&app, &node, &key).await;
    without_keyward_nobody_comes_in(&app, &mut node, &key).await;
}

#[tokio::test]
async fn express_lets_in_whom_keyward_allows() {
    is_guarded("application", |node, _| express(node.folder(), source("express/app.js"))).await;
}

#[tokio::test]
async fn fastapi_lets_in_whom_keyward_allows() {
    is_guarded("application", |node, _| fastapi(node.folder(), source("fastapi/app.py"))).await;
}

#[tokio::test]
async fn go_lets_in_whom_keyward_allows() {
    is_guarded("application", |node, _| go_app(node.folder(), source("go/main.go"))).await;
}

#[tokio::test]
async fn axum_lets_in_whom_keyward_allows() {
    is_guarded("tower", |node, port| Some(axum_app(node, port))).await;
}

/// The decision in the application's own process, on the peer of its own connections.
#[tokio::test]
async fn axum_with_keyward_inside_lets_in_whom_it_allows() {
    let port = free_port();
    let node = Node::embedded(|data, ports| {
        let mut command = Command::new(built("keyward-example-axum-app"));
        command.args(["--listen", &format!("127.0.0.1:{port}"), "--embedded", "--data"]);
        command.arg(data).args(["--public", &format!("127.0.0.1:{}", ports.public)]);
        command
    })
    .await;
    let app = Guarded { url: format!("http://127.0.0.1:{port}"), _process: None };
    let key = node.key_for_inside().await;
    let unknown = app.call(INSIDE, &Credential::Basic(key.clone())).await;
    assert_eq!(unknown.status(), 403, "the gateway is not registered yet");
    let mut gateway = gateway("tower");
    gateway["client_address"] = json!({ "source": "peer" });
    gateway["auth"] = json!({ "unix": true });
    node.gateway(gateway).await;
    lets_in_whom_keyward_allows(&app, &node, &key).await;
}

/// Started in another way than the guide's, uvicorn takes the address from a header when the caller
/// is on 127.0.0.1. The application notices.
#[tokio::test]
async fn fastapi_takes_no_address_that_uvicorn_was_told() {
    let node = Node::start().await;
    let Some(mut command) = fastapi(node.folder(), source("fastapi/app.py")) else { return };
    let port = free_port();
    let program = command.get_program().to_owned();
    let folder = command.get_current_dir().unwrap().to_owned();
    command = Command::new(program);
    command.args(["-B", "-m", "uvicorn", "app:app", "--port", &port.to_string()]);
    command.current_dir(folder);
    let key = node.key_for_inside().await;
    let token = node.gateway(gateway("application")).await;
    let app = Guarded::start(&node, &token, command, port).await;
    let key_shown = Credential::Basic(key);
    assert_eq!(app.status(INSIDE, &key_shown).await, 200);
    let request = app.request("127.0.0.1", "/orders").header("X-Forwarded-For", INSIDE);
    assert_eq!(key_shown.show(request).send().await.unwrap().status(), 403);
}

/// The source of an example.
fn source(file: &str) -> String {
    document(&format!("examples/{file}"))
}

/// How an Express application of this source is started in a folder.
fn express(folder: &Path, source: String) -> Option<Command> {
    let (node, libraries) = node_js("express")?;
    let folder = folder.join("express");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("app.js"), source).unwrap();
    fs::copy(project("examples/express/package.json"), folder.join("package.json")).unwrap();
    symlink(libraries, folder.join("node_modules")).unwrap();
    let mut command = Command::new(node);
    command.arg("app.js").current_dir(folder);
    Some(command)
}

fn fastapi(folder: &Path, source: String) -> Option<Command> {
    let python = python("fastapi")?;
    let folder = folder.join("fastapi");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("app.py"), source).unwrap();
    let mut command = Command::new(python);
    command.args(["-B", "app.py"]).current_dir(folder);
    Some(command)
}

fn go_app(folder: &Path, source: String) -> Option<Command> {
    let go = go("go")?;
    let folder = folder.join("go");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("main.go"), source).unwrap();
    fs::copy(project("examples/go/go.mod"), folder.join("go.mod")).unwrap();
    let mut build = Command::new(go);
    // What is installed is enough: nothing is fetched.
    build.args(["build", "-o", "app", "."]).current_dir(&folder).env("GOTOOLCHAIN", "local");
    let output = build.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(Command::new(folder.join("app")))
}

/// Listens for IPv6 too where there is any, so that the peers' addresses are mapped ones.
fn axum_app(node: &Node, port: u16) -> Command {
    let all = if TcpListener::bind("[::]:0").is_ok() { "[::]" } else { "127.0.0.1" };
    let mut command = Command::new(built("keyward-example-axum-app"));
    command.args(["--listen", &format!("{all}:{port}")]);
    command.args(["--node", &format!("http://127.0.0.1:{}", node.ports.gate)]);
    command
}
