//! `auth0-deploy-cli`: lists as code, in both directions.
//!
//! Each import takes it half a minute of computing before its first request, so there are few.

use std::fs;

use serde_json::json;

use super::answers::Answers;
use super::{installed, node_js};
use crate::documents::{blocks, document};
use crate::node::{Credential, INSIDE, Key, Node, OUTSIDE};
use crate::stack::Stack;
use crate::tour::{check, run_script, typed_lines};

const GUIDE: &str = "docs/guides/auth0.md";
const TENANT: &str = "examples/auth0-deploy/tenant.yaml";
const API: &str = "https://orders.example/";
/// An Action as Auth0's documents have it.
const CODE: &str = "exports.onExecuteCredentialsExchange = async (event, api) => {\n  \
    if (!event.client.metadata.customer) api.access.deny('invalid_request', 'no customer');\n};\n";

/// What the tool is told, as the guide has it.
fn environment(node: &Node) -> Vec<(&'static str, String)> {
    let administrator = node.administrator();
    let mut told = node.environment();
    told.extend([
        ("AUTH0_DOMAIN", format!("localhost:{}", node.ports.public)),
        ("AUTH0_CLIENT_ID", administrator.id),
        ("AUTH0_CLIENT_SECRET", administrator.secret),
        ("AUTH0_INCLUDED_ONLY", included()),
        ("NODE_EXTRA_CA_CERTS", node.authority().unwrap().display().to_string()),
        ("NO_COLOR", "1".to_owned()),
    ]);
    told
}

/// What the guide sets for the tool.
fn included() -> String {
    let guide = document(GUIDE);
    let set = guide.lines().find_map(|line| line.strip_prefix("export AUTH0_INCLUDED_ONLY='"));
    set.and_then(|rest| rest.strip_suffix('\'')).expect("the guide sets it").to_owned()
}

/// Runs commands of the tool.
async fn deploy(node: &Node, script: &str) -> String {
    let bin = installed("node").join("node_modules/.bin").canonicalize().unwrap();
    let script = format!("PATH=$PATH:{}\n{script}", bin.display());
    let answers = Answers::new(node.folder());
    let mut told = environment(node);
    told.extend(answers.environment());
    let output = run_script(&script, node.folder(), &told).await;
    assert!(answers.compare() > 0, "no answer was kept");
    output
}

/// Writes a file for the tool.
fn write(node: &Node, name: &str, text: &str) {
    fs::write(node.folder().join(name), text).unwrap();
}

/// What the server is, as the tool writes it. The ids of one server stand in none of it.
async fn exported(node: &Node) -> String {
    let output = deploy(node, "a0deploy export --format yaml --output_folder seen").await;
    assert!(output.contains("Export Successful"), "{output}");
    fs::read_to_string(node.folder().join("seen/tenant.yaml")).unwrap()
}

/// The key of a client of that name.
async fn key_of(node: &Node, name: &str) -> Key {
    let clients = node.manage("GET", "/api/v2/clients", json!(null), 200).await;
    let mut found = clients.as_array().unwrap().iter().filter(|client| client["name"] == name);
    let id = found.next().unwrap()["client_id"].as_str().unwrap().to_owned();
    let path = format!("/api/v2/clients/{id}/rotate-secret");
    let client = node.manage("POST", &path, json!({}), 200).await;
    Key { id, secret: client["client_secret"].as_str().unwrap().to_owned() }
}

#[test]
fn the_guide_shows_the_file_that_is_imported() {
    let blocks = blocks(&document(GUIDE));
    let shown = blocks.iter().find(|block| block.note == format!("recipe: {TENANT}"));
    assert_eq!(shown.expect("the guide shows the file").text, document(TENANT));
}

/// By the guide: an import, what both doors make of it, an export, and nothing left to change.
#[tokio::test]
async fn lists_are_code() {
    if node_js().is_none() {
        return;
    }
    let stack = Stack::start_with_tls().await;
    let node = &stack.node;
    write(node, "tenant.yaml", &document(TENANT));
    let typed = blocks(&document(GUIDE)).into_iter().filter(|block| block.note == "tour");
    let script: String = typed.map(|block| typed_lines(&block.text)).collect();
    let script = script
        .replace("localhost:8080", &format!("localhost:{}", node.ports.public))
        .replace("keyward-data", &node.data().display().to_string());
    let output = deploy(node, &script).await;
    assert!(check(&output) >= 3, "the guide shows at least three answers:\n{output}");

    let key = key_of(node, "Customer A").await;
    let token = Credential::Bearer(node.token(&key).await);
    assert_eq!(stack.call(INSIDE, &token).await.status(), 200);
    assert_eq!(stack.call(OUTSIDE, &token).await.status(), 403);
    assert_eq!(node.ask_token(OUTSIDE, &key, API).await.status(), 403);
}

/// An Action that is deployed and bound.
async fn bind_action(node: &Node, name: &str) {
    let action = json!({
        "name": name,
        "supported_triggers": [{ "id": "credentials-exchange", "version": "v2" }],
        "code": CODE,
    });
    let action = node.manage("POST", "/api/v2/actions/actions", action, 201).await;
    let path = format!("/api/v2/actions/actions/{}/deploy", action["id"].as_str().unwrap());
    node.manage("POST", &path, json!(null), 200).await;
    let reference = json!({ "type": "action_name", "value": name });
    let bindings = json!({ "bindings": [{ "ref": reference, "display_name": name }] });
    let path = "/api/v2/actions/triggers/credentials-exchange/bindings";
    node.manage("PATCH", path, bindings, 200).await;
}

/// An Action with its secret and its place as code: deployed, and changed.
#[tokio::test]
async fn actions_are_code() {
    if node_js().is_none() {
        return;
    }
    let node = Node::start_with_tls().await;
    let tenant = |address: &str| {
        format!(
            "resourceServers:\n  - {{ name: Orders, identifier: {API}, signing_alg: RS256 }}\n\
             clients:\n  - name: Guarded\n    app_type: non_interactive\n    \
             grant_types: [client_credentials]\n\
             clientGrants:\n  - {{ client_id: Guarded, audience: {API}, scope: [] }}\n\
             actions:\n  - name: Allow list\n    code: ./code.js\n    runtime: node22\n    \
             deployed: true\n    dependencies: []\n    \
             secrets:\n      - {{ name: ADDRESSES, value: {address} }}\n    \
             supported_triggers:\n      - {{ id: credentials-exchange, version: v2 }}\n\
             triggers:\n  credentials-exchange:\n    \
             - {{ action_name: Allow list, display_name: Allow list }}\n"
        )
    };
    let code = "exports.onExecuteCredentialsExchange = async (event, api) => {\n  \
        const addresses = event.secrets.ADDRESSES?.split(',');\n  \
        if (!addresses) return api.access.deny('server_error', 'no addresses');\n  \
        if (!addresses.includes(event.request.ip)) {\n    \
        return api.access.deny('invalid_request', 'not from there');\n  }\n};\n";
    write(&node, "code.js", code);
    let mut key = None;
    for (address, other) in [(INSIDE, OUTSIDE), (OUTSIDE, INSIDE)] {
        write(&node, "tenant.yaml", &tenant(address));
        let output = deploy(&node, "a0deploy import --input_file tenant.yaml").await;
        assert!(output.contains("Import Successful"), "{output}");
        if key.is_none() {
            key = Some(key_of(&node, "Guarded").await);
        }
        let key = key.as_ref().unwrap();
        assert_eq!(node.ask_token(address, key, API).await.status(), 200);
        let refused = node.ask_token(other, key, API).await;
        assert_eq!(refused.status(), 400);
        let words = r#"{"error":"invalid_request","error_description":"not from there"}"#;
        assert_eq!(refused.text().await.unwrap(), words);
    }
}

/// What one server exports, another takes and exports again, to the letter.
#[tokio::test]
async fn the_export_of_an_import_is_equal_to_it() {
    if node_js().is_none() {
        return;
    }
    let (from, to) = (Node::start_with_tls().await, Node::start_with_tls().await);
    from.key_for(&["2001:db8::/32", "203.0.113.0/24", "198.51.100.7/32"]).await;
    for (mode, ips) in [("off", json!(["192.0.2.1/32"])), ("report", json!([]))] {
        let client = json!({
            "name": format!("In {mode}"),
            "app_type": "non_interactive",
            "grant_types": ["client_credentials"],
            "client_metadata": { "customer": mode },
            "token_quota": { "client_credentials": { "enforce": true, "per_day": 50 } },
            "allowlist_mode": mode,
            "allowed_ips": ips,
        });
        from.manage("POST", "/api/v2/clients", client, 201).await;
    }
    bind_action(&from, "Only customers").await;
    let first = exported(&from).await;
    for text in [
        "In report",
        "allowlist_mode: report",
        "198.51.100.7/32",
        "per_day: 50",
        "action_name: Only customers",
    ] {
        assert!(first.contains(text), "{text} is not in\n{first}");
    }
    let file = from.folder().join("seen/tenant.yaml").display().to_string();
    let output = deploy(&to, &format!("a0deploy import --input_file {file}")).await;
    assert!(output.contains("Import Successful"), "{output}");
    assert_eq!(exported(&to).await, first);
    let code = "seen/actions/Only customers/code.js";
    assert_eq!(fs::read_to_string(to.folder().join(code)).unwrap(), CODE);
}

/// An edited list reaches the tokens that are out; what the file no longer has is deleted.
#[tokio::test]
async fn an_import_edits_and_deletes() {
    if node_js().is_none() {
        return;
    }
    let stack = Stack::start_with_tls().await;
    let node = &stack.node;
    let key = node.key_for_inside().await;
    let token = Credential::Bearer(node.token(&key).await);
    let other = json!({ "name": "Old customer", "app_type": "non_interactive" });
    let other = node.manage("POST", "/api/v2/clients", other, 201).await;
    let grant = json!({ "client_id": other["client_id"], "audience": API, "scope": [] });
    node.manage("POST", "/api/v2/client-grants", grant, 201).await;
    assert_eq!(stack.call(INSIDE, &token).await.status(), 200);

    let text = exported(node).await;
    let (before, rest) = text.split_once("  - name: Old customer").unwrap();
    let (_, after) = rest.split_once("  - name: robot").unwrap();
    let edited = format!("{before}  - name: robot{after}").replace(INSIDE, OUTSIDE);
    let (before, rest) = edited.split_once("  - client_id: Old customer").unwrap();
    let (_, after) = rest.split_once("  - client_id: robot").unwrap();
    let edited = format!("{before}  - client_id: robot{after}");
    write(node, "tenant.yaml", &edited);
    let output =
        deploy(node, "AUTH0_ALLOW_DELETE=true a0deploy import --input_file tenant.yaml").await;
    assert!(output.contains("Import Successful"), "{output}");
    assert_eq!(exported(node).await, edited);
    assert_eq!(stack.call(INSIDE, &token).await.status(), 403);
    assert_eq!(stack.call(OUTSIDE, &token).await.status(), 200);
}

/// A list that is refused: the tool fails, and names every entry at fault.
#[tokio::test]
async fn an_import_names_the_entries_at_fault() {
    if node_js().is_none() {
        return;
    }
    let node = Node::start_with_tls().await;
    let spoiled = document(TENANT).replace("- 127.0.0.2\n", "- 10.0.0.1/8\n      - office\n");
    write(&node, "tenant.yaml", &spoiled);
    let script = "a0deploy import --input_file tenant.yaml || echo failed";
    let output = deploy(&node, script).await;
    for text in ["failed", "Customer A", "10.0.0.1/8", "10.0.0.0/8", "office"] {
        assert!(output.contains(text), "{text} is not in\n{output}");
    }
}

/// The tool looks for the words of a refusal, and goes on without what it may not read.
#[tokio::test]
async fn an_export_passes_over_what_it_may_not_read() {
    if node_js().is_none() {
        return;
    }
    let node = Node::start_with_tls().await;
    node.key_for_inside().await;
    let client = json!({ "name": "Reader", "app_type": "non_interactive" });
    let reader = node.manage("POST", "/api/v2/clients", client, 201).await;
    let grant = json!({
        "client_id": reader["client_id"],
        "audience": format!("{}api/v2/", node.issuer()),
        "scope": ["read:clients"],
    });
    node.manage("POST", "/api/v2/client-grants", grant, 201).await;
    let script = format!(
        "export AUTH0_CLIENT_ID={} AUTH0_CLIENT_SECRET={}\n\
         a0deploy export --format yaml --output_folder seen && cat seen/tenant.yaml",
        reader["client_id"], reader["client_secret"]
    );
    let output = deploy(&node, &script).await;
    for scope in ["read:client_grants", "read:resource_servers"] {
        assert!(output.contains(&format!("missing scopes: {scope}")), "{output}");
    }
    assert!(output.contains(&format!("{INSIDE}/32")), "{output}");
}
