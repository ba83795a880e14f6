//! The comparison of every answer with Auth0's description (`tests/auth0/`) is itself looked at: it
//! finds what is wrong, and each named difference is one.

use std::collections::BTreeSet;

use axum::Router;
use axum::routing::get;
use keyward_allowlist::NetworkSet;
use keyward_server::log_streams::egress::OwnNetworks;
use serde_json::{Value, json};

use crate::operator::Operator;
use crate::support::World;
use crate::support::assertions::ClientKey;
use crate::support::described::{Answered, DIFFERENCES, Description, assert_described};

const DOCUMENT: &str = include_str!("../../../../docs/reference/known-differences.md");
/// The part of it that names the differences.
const SECTION: &str = "## Beside Auth0's description";

#[test]
fn differences_are_documented_by_their_names() {
    let (_, section) = DOCUMENT.split_once(SECTION).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let documented: BTreeSet<_> = cells.filter(|cell| *cell != "name").collect();
    let named: BTreeSet<_> = DIFFERENCES.iter().map(|difference| difference.name).collect();
    assert_eq!(named.len(), DIFFERENCES.len(), "a name stands for two differences");
    assert_eq!(documented, named);
}

/// Each difference is taken away in turn; then an answer of the tour must be other than described.
#[tokio::test]
async fn every_difference_is_needed() {
    let here = NetworkSet::compile(&["127.0.0.0/8".parse().unwrap()]);
    let world = World::with(|options| options.log_stream_networks = OwnNetworks::new(here)).await;
    tour(&Operator::new(&world).await).await;
    let answered = world.answered.lock().unwrap();
    for difference in DIFFERENCES {
        let without = Description::without(difference.name);
        let described = answered.iter().filter(|answered| answered.is_described());
        let needed = described.map(|answered| without.check(answered)).any(|fits| fits.is_err());
        assert!(needed, "no answer of the tour needs the difference `{}`", difference.name);
    }
}

/// Requests whose answers are other than described.
async fn tour(operator: &Operator<'_>) {
    let client = json!({ "name": "bad", "allowed_ips": ["203.0.113.5/24"] });
    operator.post("/api/v2/clients", client).await;
    operator.raw("POST", "/api/v2/clients", "text/plain", "name".to_owned()).await;
    operator.get("/api/v2/client-grants?page=none").await;
    operator.get("/api/v2/clients?take=5").await;
    let client = operator.create_client("backend", &[]).await.text("client_id");
    let credentials = format!("/api/v2/clients/{client}/credentials");
    let key = json!({ "credential_type": "public_key", "pem": ClientKey::p256().pem() });
    let credential = operator.post(&credentials, key).await.text("id");
    let end = json!({ "expires_at": "2026-06-30T12:00:00Z" });
    operator.patch(&format!("{credentials}/{credential}"), end).await;
    let api = json!({ "identifier": "urn:tour", "signing_alg": "ES256" });
    operator.post("/api/v2/resource-servers", api).await;
    operator.patch("/api/v2/resource-servers/urn%3Atour", json!({ "name": "Tour" })).await;
    operator.patch("/api/v2/resource-servers/none", json!({})).await;
    let actions = "/api/v2/actions/actions";
    let action = json!({
        "name": "Tour",
        "code": "exports.onExecuteCredentialsExchange = async () => {};",
        "supported_triggers": [{ "id": "credentials-exchange" }],
    });
    let action_id = operator.post(actions, action.clone()).await.text("id");
    operator.post(actions, action).await;
    operator.post(&format!("{actions}/{action_id}/deploy"), json!({})).await;
    operator.post(&format!("{actions}/{action_id}/test"), json!({ "payload": {} })).await;
    let tried = json!({ "payload": { "event": {} } });
    operator.post(&format!("{actions}/{action_id}/test"), tried).await;
    operator.get("/api/v2/actions/executions/none").await;
    operator.get("/api/v2/actions/triggers/post-login/bindings").await;
    operator.get("/api/v2/actions/modules").await;
    let keys = operator.get("/api/v2/keys/signing").await.json();
    let is_current = |key: &&Value| key["current"] == true;
    let current = keys.as_array().unwrap().iter().find(is_current).unwrap();
    let revocation = format!("/api/v2/keys/signing/{}/revoke", current["kid"].as_str().unwrap());
    operator.put(&revocation, json!({})).await;
    operator.post("/api/v2/keys/signing/rotate?alg=HS256", json!({})).await;
    let sink = json!({ "httpEndpoint": "http://127.0.0.1:9/" });
    let stream = json!({ "name": "near", "type": "http", "sink": sink });
    operator.post("/api/v2/log-streams", stream).await;
}

#[test]
fn every_route_is_described() {
    for (method, path) in keyward_server::management::ROUTES {
        let failure = json!({ "statusCode": 401, "error": "Unauthorized", "message": "no token" });
        let answered = answer(method, &path.replace(['{', '}'], ""), 401, &failure.to_string());
        assert_eq!(Description::without("").check(&answered), Ok(()), "{method} {path}");
    }
}

fn answer(method: &str, path: &str, status: u16, body: &str) -> Answered {
    Answered {
        method: method.to_owned(),
        path: path.to_owned(),
        status,
        content_type: "application/json".to_owned(),
        body: body.to_owned(),
    }
}

#[test]
fn broken_answers_are_found() {
    let description = Description::without("");
    let check = |method: &str, path: &str, status: u16, body: &str, expected: &str| {
        let found = description.check(&answer(method, path, status, body));
        let found = found.map_or_else(|why| why, |()| "as described".to_owned());
        assert!(found.contains(expected), "{method} {path} {status} {body}: {found}");
    };
    let failure = |status: u16| json!({ "statusCode": status, "error": "Error", "message": "why", "errorCode": "code" });
    let client = "/api/v2/clients/abc?fields=name";
    check("GET", client, 200, r#"{"name":"x","allowed_ips":[]}"#, "as described");
    check("GET", client, 200, r#"{"name":7}"#, "at `/name`");
    check("GET", client, 200, r#"{"callbacks":[7]}"#, "at `/callbacks/0`");
    check("GET", client, 200, r#"{"jwt_configuration":{"alg":"none"}}"#, "/jwt_configuration/alg");
    check("GET", client, 200, "[]", "not of type");
    check("GET", client, 200, "{", "EOF");
    check("GET", client, 200, "", "EOF");
    check("GET", client, 201, "{}", "does not answer 201");
    check("GET", client, 500, &failure(500).to_string(), "does not answer 500");
    check("DELETE", client, 204, "", "as described");
    check("DELETE", client, 204, "{}", "without a body");
    check("GET", "/api/v2/clients", 200, r#"{"clients":[{}],"pages":1}"#, "anyOf");
    check("GET", "/api/v2/clients", 200, r#"[{"name":7}]"#, "anyOf");
    let server = "/api/v2/resource-servers/abc";
    check("GET", server, 200, r#"{"allowed_ips":[]}"#, "allowed_ips");
    check("GET", server, 200, r#"{"signing_alg":"RS1"}"#, "at `/signing_alg`");
    let key = json!({ "kid": "k", "cert": "c", "fingerprint": "f", "thumbprint": "t" });
    check("GET", "/api/v2/keys/signing", 200, &json!([key]).to_string(), "as described");
    check("GET", "/api/v2/keys/signing", 200, r#"[{"kid":"k"}]"#, "required");
    // A word of a path wins over a variable: this is no key called `rotate`.
    check("POST", "/api/v2/keys/signing/rotate", 201, "{}", "required");
    let dated = |date: &str| json!({ "created_at": date }).to_string();
    let action = "/api/v2/actions/actions/abc";
    check("GET", action, 200, &dated("2026-05-29T10:45:58.888947671Z"), "as described");
    check("GET", action, 200, &dated("yesterday"), "at `/created_at`");

    check("GET", client, 404, &failure(404).to_string(), "as described");
    check("GET", client, 404, &failure(403).to_string(), "the body says 403");
    check("GET", client, 404, "", "EOF");
    let with = |name: &str, value: Value| {
        let mut body = failure(400);
        body[name] = value;
        body.to_string()
    };
    check("GET", client, 400, &with("message", json!("")), "at `/message`");
    check("GET", client, 400, &with("message", Value::Null), "at `/message`");
    check("GET", client, 400, &with("errorCode", json!("Bad Request")), "at `/errorCode`");
    check("GET", client, 400, &with("detail", json!("x")), "detail");
    check("GET", client, 400, &with("details", json!([{ "code": "c" }])), "at `/details/0`");
    check("GET", "/api/v2/none", 404, &failure(404).to_string(), "as described");
    check("GET", "/api/v2/none", 200, "{}", "should fail");
    check("PUT", "/api/v2/clients", 405, &failure(405).to_string(), "as described");
    check("PUT", "/api/v2/clients", 200, "{}", "should fail");

    let mut page = answer("GET", client, 200, "{}");
    page.content_type = "text/html".to_owned();
    assert_eq!(description.check(&page), Err("the content type is `text/html`".to_owned()));
}

#[test]
#[should_panic(expected = "not as Auth0 describes it")]
fn a_broken_answer_ends_the_test() {
    assert_described(&answer("GET", "/api/v2/clients", 200, "{}x"));
}

#[tokio::test]
#[should_panic(expected = "not as Auth0 describes it")]
async fn every_call_is_looked_at() {
    let mut world = World::new().await;
    world.router = Router::new().route("/api/v2/clients", get(async || axum::Json(json!(7))));
    world.call("GET", "/api/v2/clients").empty().await;
}
