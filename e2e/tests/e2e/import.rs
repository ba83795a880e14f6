//! `keyward import`, on a running node and as an operator types it.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::node::{API, INSIDE, Key, Node, OUTSIDE};
use crate::processes::keyward;

const SECRET: &str = "Zq3vT8mXwB1nK7rC5yH2pD9sF4jL6gA0";
/// The SHA-256 digest of [`SECRET`].
const SECRET_SHA256: &str = "f99ab67192782106f5183814167ead629d72eaeafa441ad1b0365507b1426438";

/// An export as the deploy tool writes it, with ids.
fn write_export(folder: &Path) {
    let files = [
        (
            "resource-servers/orders.json",
            json!({
                "name": "Orders", "identifier": API, "signing_alg": "HS256", "signing_secret": "x",
                "scopes": [{ "value": "read:orders", "description": "Read orders" }],
                "token_lifetime": 3600,
            }),
        ),
        (
            "resource-servers/Auth0 Management API.json",
            json!({
                "name": "Auth0 Management API", "identifier": "https://acme.eu.auth0.com/api/v2/",
                "is_system": true,
            }),
        ),
        (
            "clients/billing.json",
            json!({
                "client_id": "AaBbCcDdEeFfGgHhIiJjKkLlMmNnOoPp", "name": "billing",
                "app_type": "non_interactive", "grant_types": ["client_credentials"],
                "client_metadata": { "allowed": "127.0.0.2, 203.0.113.0/24", "tier": "gold" },
                "jwt_configuration": { "alg": "RS256", "secret_encoded": false },
                "a_field_of_tomorrow": true,
            }),
        ),
        ("clients/All Applications.json", json!({ "name": "All Applications", "global": true })),
        (
            "grants/billing.json",
            json!({
                "client_id": "billing", "audience": API, "scope": ["read:orders"],
            }),
        ),
        (
            "grants/management.json",
            json!({
                "client_id": "billing", "audience": "https://acme.eu.auth0.com/api/v2/", "scope": [],
            }),
        ),
        (
            "actions/ip check.json",
            json!({
                "name": "ip check", "code": "./actions/ip check/code.js", "runtime": "node22",
                "deployed": true, "status": "built", "dependencies": [],
                "secrets": [{ "name": "LIST" }],
                "supported_triggers": [{ "id": "credentials-exchange", "version": "v2" }],
            }),
        ),
        (
            "actions/welcome.json",
            json!({
                "name": "welcome", "code": "1", "supported_triggers": [{ "id": "post-login" }],
            }),
        ),
        (
            "triggers/triggers.json",
            json!({
                "post-login": [{ "action_name": "welcome" }],
                "credentials-exchange": [{ "action_name": "ip check", "display_name": "ip check" }],
            }),
        ),
        ("tenant.json", json!({ "friendly_name": "Acme" })),
    ];
    for (name, content) in files {
        write(folder, name, &content.to_string());
    }
    write(folder, "actions/ip check/code.js", IP_CHECK);
}

const IP_CHECK: &str = "const list = ['198.51.100.7'];
exports.onExecuteCredentialsExchange = async (event, api) => {
  if (list.includes(event.request.ip)) return api.access.deny('invalid_request', 'Not from there');
  api.accessToken.setCustomClaim('list', event.secrets.LIST ?? 'unset');
};
";

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Runs an import; its report, and whether nothing failed.
fn import(node: &Node, arguments: &[&str]) -> (Value, bool) {
    let mut command = Command::new(keyward());
    command.arg("import").args(arguments).arg("--json").envs(node.environment());
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let report = serde_json::from_str(&text).unwrap_or_else(|error| {
        panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr))
    });
    (report, output.status.success())
}

fn told(report: &Value, part: &str) -> Vec<String> {
    let notes = report[part].as_array().unwrap();
    let line =
        |note: &Value| format!("{}: {}", note["what"], note["note"]).replace(['"', '\\'], "");
    notes.iter().map(line).collect()
}

fn holds(lines: &[String], part: &str) -> bool {
    lines.iter().any(|line| line.contains(part))
}

/// What the Action of the export writes into a token.
async fn claim(node: &Node, key: &Key) -> Value {
    let token = node.token(key).await;
    let payload = token.split('.').nth(1).unwrap();
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap();
    serde_json::from_slice::<Value>(&payload).unwrap()["list"].clone()
}

fn keyward_action(node: &Node, arguments: &[&str]) {
    let mut command = Command::new(keyward());
    command.arg("action").args(arguments).envs(node.environment());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn an_export_of_the_deploy_tool_is_taken_over() {
    let node = Node::start().await;
    let export = node.folder().join("export");
    write_export(&export);
    let export = export.to_str().unwrap();
    let (report, _) = import(&node, &["auth0", export, "--dry-run"]);
    assert_eq!(told(&report, "taken").len(), 5, "{report:#}");
    let clients = node.manage("GET", "/api/v2/clients", Value::Null, 200).await;
    assert_eq!(clients.as_array().unwrap().len(), 1, "a rehearsal writes nothing");

    let (report, good) = import(&node, &["auth0", export]);
    assert!(good, "{report:#}");
    let (changed, left) = (told(&report, "changed"), told(&report, "left"));
    assert!(holds(&changed, "RS256, not HS256"), "{changed:?}");
    assert_eq!(changed.len(), 1, "Actions run here as there: {changed:?}");
    for part in [
        "All Applications",
        "Auth0 Management API",
        "API https://acme.eu.auth0.com/api/v2/",
        "field a_field_of_tomorrow",
        "Action welcome: it is for post-login",
        "bindings of post-login",
        "secret LIST",
        "tenant.json",
    ] {
        let is_api = part == "Auth0 Management API";
        assert!(is_api || holds(&left, part), "{part}: {left:?}");
    }
    let offered = told(&report, "offered");
    assert!(holds(&offered, "127.0.0.2, 203.0.113.0/24"), "{offered:?}");
    assert!(holds(&offered, "198.51.100.7"), "{offered:?}");

    let id = "AaBbCcDdEeFfGgHhIiJjKkLlMmNnOoPp";
    let path = format!("/api/v2/clients/{id}");
    let client = node.manage("GET", &path, Value::Null, 200).await;
    assert_eq!((&client["allowed_ips"], &client["allowlist_mode"]), (&json!([]), &json!("off")));
    assert_eq!(client["client_metadata"]["tier"], "gold");
    // The secret that its users have.
    let secret = json!({ "client_secret": SECRET });
    node.manage("PATCH", &path, secret, 200).await;
    let key = Key { id: id.to_owned(), secret: SECRET.to_owned() };
    // The Action that was bound runs, and its secret is set as the report says.
    assert_eq!(claim(&node, &key).await, "unset");
    let file = node.folder().join("list");
    std::fs::write(&file, "from a file\n").unwrap();
    let secret = format!("LIST=@{}", file.display());
    keyward_action(&node, &["update", "ip check", "--secret", &secret]);
    keyward_action(&node, &["deploy", "ip check"]);
    assert_eq!(claim(&node, &key).await, "from a file");

    // Again, with the list this time: nothing is there twice. One that somebody made here stays.
    let (report, good) = import(&node, &["auth0", export, "--take-addresses", "enforce"]);
    assert!(good, "{report:#}");
    assert!(
        told(&report, "taken")
            .iter()
            .all(|line| ["updated", "deployed", "in their order"].iter().any(|w| line.contains(w))),
        "{report:#}"
    );
    let clients = node.manage("GET", "/api/v2/clients", Value::Null, 200).await;
    assert_eq!(clients.as_array().unwrap().len(), 2);
    assert_eq!(node.ask_token(OUTSIDE, &key, API).await.status(), 403);
    assert_eq!(node.ask_token(INSIDE, &key, API).await.status(), 200);
    assert_eq!(claim(&node, &key).await, "from a file", "a secret that is here keeps its value");
    let (report, _) = import(&node, &["auth0", export, "--take-addresses", "report"]);
    assert!(holds(&told(&report, "offered"), "has a list here, which stays"), "{report:#}");
    let client = node.manage("GET", &path, Value::Null, 200).await;
    assert_eq!(client["allowlist_mode"], "enforce");
}

#[tokio::test]
async fn keys_of_a_table_work_from_their_networks() {
    let node = Node::start().await;
    node.key_for_inside().await;
    let table = node.folder().join("keys.csv");
    let text = format!(
        "client_id,name,secret,secret_sha256,allowed_ips,api\n\
         acme,Acme,{SECRET},,{INSIDE},{API}\n\
         globex,Globex,,{SECRET_SHA256},{INSIDE} 2001:db8::/48,{API}\n"
    );
    std::fs::write(&table, &text).unwrap();
    let (report, good) = import(&node, &["csv", table.to_str().unwrap()]);
    assert!(good, "{report:#}");
    assert!(!report.to_string().contains(SECRET));
    for id in ["acme", "globex"] {
        let key = Key { id: id.to_owned(), secret: SECRET.to_owned() };
        assert_eq!(node.ask_token(INSIDE, &key, API).await.status(), 200, "{id}");
        assert_eq!(node.ask_token(OUTSIDE, &key, API).await.status(), 403, "{id}");
        let wrong = Key { id: id.to_owned(), secret: SECRET_SHA256.to_owned() };
        assert_eq!(node.ask_token(INSIDE, &wrong, API).await.status(), 401, "{id}");
    }
    let (report, good) = import(&node, &["csv", table.to_str().unwrap()]);
    assert!(good && told(&report, "taken").is_empty(), "{report:#}");
    assert!(holds(&told(&report, "left"), "line 2, client acme"), "{report:#}");
}
