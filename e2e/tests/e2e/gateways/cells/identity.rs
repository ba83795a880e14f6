//! The identity is Keyward's word, and refusals say nothing.

use std::time::Duration;

use reqwest::Response;
use serde_json::{Value, json};

use crate::application::Application;
use crate::gateways::front::Front;
use crate::gateways::program::Program;
use crate::gateways::recipe::Setup;
use crate::node::{Credential, INSIDE};
use crate::processes::http_client;

const IDENTITY: [&str; 6] = [
    "x-client-id",
    "x-account-id",
    "x-client-scope",
    "x-client-ip",
    "x-client-assertion",
    "x-request-id",
];

/// All ways to write a name that some frameworks read alike: with `_` for one `-` or more.
fn spellings(name: &str) -> Vec<String> {
    let places: Vec<usize> = name.match_indices('-').map(|(place, _)| place).collect();
    let spelt = |choice: usize| {
        let is_chosen = |place| {
            places.iter().position(|one| *one == place).is_some_and(|nth| choice >> nth & 1 == 1)
        };
        let letters = name.char_indices().map(|(place, c)| if is_chosen(place) { '_' } else { c });
        letters.collect()
    };
    (0..1 << places.len()).map(spelt).collect()
}

pub(super) async fn a_forged_identity_never_arrives(program: Program) {
    let front = Front::start(program, Setup::PLAIN).await;
    let mut request = front.request(INSIDE);
    for name in IDENTITY {
        for spelling in spellings(name) {
            request = request.header(spelling.to_uppercase(), "forged");
        }
    }
    assert_eq!(front.status_of(request).await, 200);
    let seen = front.application.take_seen().remove(0);
    // As a framework sees it that reads both spellings alike.
    let alike = |name: &str| -> Vec<&str> {
        let lines = seen.headers.iter().filter(|(line, _)| line.replace('_', "-") == name);
        lines.map(|(_, value)| value.as_str()).collect()
    };
    assert_eq!(alike("x-client-id"), [front.key.id.as_str()]);
    assert_eq!(alike("x-account-id"), ["-"], "void, and still ours");
    assert_eq!(alike("x-client-scope"), ["read:orders"]);
    assert_eq!(alike("x-client-ip"), [INSIDE]);
    assert_eq!(alike("x-client-assertion"), ["-"], "void, and still ours");
    assert_eq!(alike("x-request-id").len(), 1);
    assert_ne!(alike("x-request-id"), ["forged"]);
}

pub(super) async fn connection_cannot_drop_the_identity(program: Program) {
    let front = Front::start(program, Setup::PLAIN).await;
    for named in ["X-Client-Id", "x-client-ip, x-client-id, keep-alive", "close, X-Client-Scope"] {
        let status = front.status_of(front.request(INSIDE).header("Connection", named)).await;
        match status {
            // It is a fault to name such headers there (RFC 9110 §7.6.1), and Envoy says so.
            400 => assert!(matches!(program, Program::EnvoyGrpc | Program::EnvoyHttp)),
            _ => {
                assert_eq!(status, 200, "{named}");
                let seen = front.application.take_seen().remove(0);
                assert_eq!(seen.header("x-client-id"), [front.key.id.as_str()], "{named}");
                assert_eq!(seen.header("x-client-ip"), [INSIDE], "{named}");
                assert_eq!(seen.header("x-client-scope"), ["read:orders"], "{named}");
                // What goes on must not tell the application to drop them either.
                let connection = seen.header("connection").join(",").to_lowercase();
                assert!(!connection.contains("x-client"), "{named}: {connection}");
            }
        }
    }
}

pub(super) async fn two_credentials_are_none(program: Program) {
    let front = Front::start(program, Setup::PLAIN).await;
    let good = format!("Bearer {}", front.key.one_string());
    let key = front.key.one_string();
    let get = || http_client(INSIDE).get(front.url());
    for (what, request) in [
        ("the same twice", get().header("Authorization", &good).header("Authorization", &good)),
        ("good, bad", get().header("Authorization", &good).header("Authorization", "Bearer x")),
        ("bad, good", get().header("Authorization", "Bearer x").header("Authorization", &good)),
        ("two keys", get().header("X-API-Key", &key).header("X-API-Key", &key)),
        ("bad key, good", get().header("X-API-Key", "x").header("X-API-Key", &key)),
        ("both headers", get().header("Authorization", &good).header("X-API-Key", &key)),
        ("one line of two", get().header("Authorization", format!("{good}, {good}"))),
    ] {
        let status = front.status_of(request).await;
        assert!(
            matches!(status, 400 | 401),
            "{what}: {status}\n{}{}",
            front.gateway.output(),
            front.node.process.output()
        );
    }
    let in_query = http_client(INSIDE).get(format!("{}&access_token={key}", front.url()));
    assert_eq!(front.status_of(in_query).await, 401, "a credential in the query string");
}

pub(super) async fn a_200_of_somebody_else(program: Program) {
    let mut front = Front::start(program, Setup::PLAIN).await;
    assert_eq!(front.status_of(front.request(INSIDE)).await, 200);
    let impostor = Application::start().await;
    let mut recipe = front.recipe_for(&front.application);
    let gate = format!("127.0.0.1:{}", front.node.ports.gate);
    recipe.spoil(&[(&gate, &impostor.address.to_string())]);
    front.gateway.reload(&recipe);
    let mut again = tokio::time::interval(Duration::from_millis(50));
    while impostor.seen() == 0 {
        again.tick().await;
        front.request(INSIDE).send().await.ok();
    }
    assert_eq!(front.status_of(front.request(INSIDE)).await, 503, "{program:?}");
}

/// Headers that a refusal may not carry.
const TELLING: [&str; 7] = [
    "x-client-id",
    "x-account-id",
    "x-client-scope",
    "x-client-ip",
    "x-client-assertion",
    "x-auth-status",
    "set-cookie",
];

pub(super) async fn refusals_as_the_caller_sees_them(program: Program) {
    let front = Front::start(program, Setup::PLAIN).await;
    for status in [401, 403, 429, 503] {
        let probe = front.node.manage("POST", "/v1/probes", json!({ "status": status }), 201).await;
        let credential = Credential::Bearer(probe["credential"].as_str().unwrap().to_owned());
        let answer = credential.show(http_client(INSIDE).get(front.url())).send().await.unwrap();
        // Over HTTP Envoy takes a 503 for no answer, and gives its own without headers.
        let own_words = program == Program::EnvoyHttp && status == 503;
        assert_refused(answer, status, matches!(status, 429 | 503) && !own_words).await;
        let sightings = format!("/v1/probes/{}", probe["credential"].as_str().unwrap());
        let sightings = front.node.manage("GET", &sightings, Value::Null, 200).await;
        assert_eq!(sightings["items"][0]["client_ip"], INSIDE, "{sightings}");
        assert_eq!(front.application.seen(), 0, "{status}");
    }
    let answer = http_client(INSIDE).get(front.url()).send().await.unwrap();
    assert_refused(answer, 401, false).await;
}

async fn assert_refused(answer: Response, status: u16, has_retry_after: bool) {
    assert_eq!(answer.status(), status);
    let headers = answer.headers().clone();
    let body = answer.text().await.unwrap();
    let context = format!("{status}: {headers:?}\n{body}");
    let has = |name: &str| headers.contains_key(name);
    assert_eq!(has("www-authenticate"), status == 401, "{context}");
    assert_eq!(has("retry-after"), has_retry_after, "{context}");
    for name in TELLING {
        assert!(!has(name), "{name} in {context}");
    }
    if !body.is_empty() {
        let body: Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{context}"));
        assert!(body["error"].is_string(), "{context}");
        assert_eq!(body.as_object().unwrap().len(), 1, "{context}");
    }
}
