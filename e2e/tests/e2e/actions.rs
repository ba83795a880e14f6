//! Actions in the built program: what they cost a server that has hostile ones bound.

use std::fs;
use std::path::{Path, PathBuf};

use reqwest::Client;
use serde_json::{Value, json};

use crate::node::{API, INSIDE, Key, Node, OUTSIDE};
use crate::processes::http_client;

/// Token requests that end in a failure of the Action.
const FAILURES: usize = 10_000;
/// Of these, before memory is looked at for the first time.
const WARM_UP: usize = 1_000;
/// By how much a server may be larger after them, in KiB: what its queues and buffers hold.
const GROWTH_KIB_MAX: u64 = 16 * 1_024;

/// One Action for all kinds of failure: the request says which.
const HOSTILE: &str = "exports.onExecuteCredentialsExchange = async (event, api) => {
  const kinds = {
    throw: () => { throw new Error('no'); },
    recursion: () => { const f = () => f() + 1; f(); },
    memory: () => 'x'.repeat(2 ** 28).toUpperCase(),
    pending: () => new Promise(() => {}),
    rejection: () => { Promise.reject(new Error('nobody waits')); },
    claims: () => api.accessToken.setCustomClaim('a', 'x'.repeat(200000)),
    console: () => { for (let i = 0; i < 500; i++) console.log('x'.repeat(5000)); throw null; },
    loop: () => { for (;;); },
    builtin: () => { const a = []; a.length = 4294967295; a.indexOf(1); },
    denied: () => api.access.deny('invalid_request', 'x'.repeat(5000)),
  };
  await kinds[event.request.body.kind]();
};";

/// One after the other. Those that use up their time, or their worker, come seldom, so that this
/// takes no hour.
fn kind_of(number: usize) -> &'static str {
    const QUICK: [&str; 5] = ["throw", "recursion", "pending", "rejection", "denied"];
    match number % 50 {
        5 => "memory",
        10 => "loop",
        15 => "claims",
        25 => "console",
        30 => "builtin",
        _ => QUICK[number % QUICK.len()],
    }
}

async fn bind(node: &Node, code: &str) {
    let action = json!({
        "name": "Hostile",
        "code": code,
        "deploy": true,
        "supported_triggers": [{ "id": "credentials-exchange", "version": "v2" }],
    });
    node.manage("POST", "/api/v2/actions/actions", action, 201).await;
    let reference = json!({ "type": "action_name", "value": "Hostile" });
    let bindings = json!({ "bindings": [{ "ref": reference }] });
    let path = "/api/v2/actions/triggers/credentials-exchange/bindings";
    node.manage("PATCH", path, bindings, 200).await;
}

/// The resident memory of the server itself, in KiB, without what it maps of files.
fn memory_kib(node: &Node) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", node.process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// The processes that the server started.
fn children(node: &Node) -> Vec<PathBuf> {
    let server = node.process.id().to_string();
    let is_child = |folder: &Path| {
        let stat = fs::read_to_string(folder.join("stat")).unwrap_or_default();
        stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)) == Some(&server)
    };
    let folders = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    folders.filter(|folder| is_child(folder)).collect()
}

async fn fail(client: &Client, node: &Node, key: &Key, kind: &str) -> (u16, Value) {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &key.id),
        ("client_secret", &key.secret),
        ("audience", API),
        ("kind", kind),
    ];
    let answer = client.post(format!("{}/oauth/token", node.public())).form(&form).send();
    let answer = answer.await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn ten_thousand_failures_leave_the_server_as_it_was() {
    let node = Node::start_with(&["--action-cpu-ms", "20"]).await;
    let key = node.key_for_inside().await;
    bind(&node, HOSTILE).await;
    let client = http_client(INSIDE);
    let mut before = 0;
    for number in 0..FAILURES {
        if number == WARM_UP {
            before = memory_kib(&node);
        }
        let kind = kind_of(number);
        let (status, body) = fail(&client, &node, &key, kind).await;
        if kind == "denied" {
            assert_eq!((status, &body["error"]), (400, &json!("invalid_request")), "{body}");
        } else {
            let fixed = json!({
                "error": "server_error", "error_description": "The token could not be issued",
            });
            assert_eq!((status, body), (500, fixed), "{kind}");
        }
    }
    let after = memory_kib(&node);
    println!("{before} KiB after {WARM_UP} failures, {after} KiB after {FAILURES}");
    assert!(after < before + GROWTH_KIB_MAX, "{before} KiB, then {after} KiB");
    let workers = children(&node).len();
    assert!(workers <= 8, "{workers} processes are left");
}

#[tokio::test]
async fn workers_die_with_the_server_and_come_back_with_it() {
    let mut node = Node::start().await;
    let key = node.key_for_inside().await;
    bind(&node, "exports.onExecuteCredentialsExchange = async () => {};").await;
    assert_eq!(node.ask_token(INSIDE, &key, API).await.status(), 200);
    let workers = children(&node);
    assert!(!workers.is_empty());
    // The server alone is killed: nobody tells its workers.
    let server = rustix::process::Pid::from_raw(i32::try_from(node.process.id()).unwrap()).unwrap();
    rustix::process::kill_process(server, rustix::process::Signal::KILL).unwrap();
    for worker in &workers {
        let ended = || {
            let stat = fs::read_to_string(worker.join("stat")).unwrap_or_default();
            stat.is_empty() || stat.contains(") Z ")
        };
        while !ended() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
    node.restart().await;
    assert_eq!(node.ask_token(INSIDE, &key, API).await.status(), 200);
    assert_eq!(node.ask_token(OUTSIDE, &key, API).await.status(), 403);
}
