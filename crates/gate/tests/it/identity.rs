//! What an allowed request hands on.

use keyward_core::client::ClientGrant;
use keyward_core::id::GrantId;
use keyward_core::policy::Change;

use crate::fixture::{LISTED, World, api_id, from};

const IDENTITY: [&str; 5] =
    ["x-client-id", "x-account-id", "x-client-scope", "x-client-ip", "x-client-assertion"];

#[tokio::test]
async fn an_allowed_request_is_exactly_this() {
    let mut world = World::new();
    let key = world.key();
    let answer = world.ask("default", &[from("::ffff:203.0.113.5"), key.basic()]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, "");
    let mut names = answer.header_names();
    names.sort_unstable();
    let mut expected = [&IDENTITY[..], &["cache-control", "vary"]].concat();
    expected.sort_unstable();
    assert_eq!(names, expected, "and x-request-id");
    let values = IDENTITY.map(|name| answer.header(name).unwrap());
    assert_eq!(values, [key.id().as_str(), "-", "read write", "203.0.113.5", "-"]);
}

#[tokio::test]
async fn a_token_hands_on_its_own_scopes() {
    let mut world = World::new();
    let key = world.key();
    let answer = world.ask("default", &[from(LISTED), world.token(&key)]).await;
    assert_eq!(answer.header("x-client-scope"), Some("read"));
}

#[tokio::test]
async fn scopes_that_fit_into_no_header_are_a_refusal() {
    let mut world = World::new();
    let key = world.key();
    let grant = |count: usize| {
        Change::Grant(Box::new(ClientGrant {
            id: GrantId::parse("cgr_1").unwrap(),
            client: key.client.id.clone(),
            api: api_id(),
            scopes: (0..count).map(|number| format!("scope:{number:05}")).collect(),
            organizations: Default::default(),
            kept_fields: "{}".to_owned(),
            version: 2,
            created_at: key.client.created_at,
            updated_at: key.client.created_at,
        }))
    };
    world.apply(vec![grant(100)]);
    assert_eq!(world.ask("default", &[from(LISTED), key.basic()]).await.status, 200);
    world.apply(vec![grant(1_000)]);
    while world.events.try_recv().is_ok() {}
    assert_eq!(world.ask("default", &[from(LISTED), key.basic()]).await.status, 403);
    assert_eq!(world.events.try_recv().unwrap().denied.unwrap().code(), "scope_missing");
}

#[tokio::test]
async fn forward_auth_029_identity_headers_of_the_client_never_survive() {
    let mut world = World::new();
    let key = world.key();
    let mut headers = vec![key.basic()];
    for name in IDENTITY {
        headers.push((name, "admin".to_owned()));
    }
    headers.push(("x-request-id", "0".repeat(32)));
    let answer = world.ask("default", &headers).await;
    // Always all of them, so that the program in front overwrites each one.
    let values = IDENTITY.map(|name| answer.header(name).unwrap());
    assert_eq!(values, [key.id().as_str(), "-", "read write", "-", "-"]);
}

#[tokio::test]
async fn forward_auth_030_hop_by_hop_names_change_nothing() {
    let mut world = World::new();
    let key = world.listed_key();
    let connection = ("connection", "X-Client-Id, X-Real-IP, Authorization".to_owned());
    let answer = world.ask("default", &[connection, from(LISTED), key.basic()]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-client-id"), Some(key.id().as_str()));
    assert!(answer.header("connection").is_none());
}

#[tokio::test]
async fn forward_auth_035_an_answer_is_not_to_be_kept() {
    let mut world = World::new();
    let key = world.key();
    let allowed = world.ask("default", &[from(LISTED), key.basic()]).await;
    assert_eq!(allowed.header("cache-control"), Some("no-store"));
    assert_eq!(allowed.header("vary"), Some("Authorization, X-API-Key"));
    for gateway in ["default", "full", "nobody"] {
        let refused = world.ask(gateway, &[from(LISTED)]).await;
        assert_eq!(refused.header("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn forward_auth_036_no_verdict_is_shared() {
    let mut world = World::new();
    let (key, other) = (world.listed_key(), world.key());
    let token = world.token(&key);
    for _ in 0..2 {
        assert_eq!(world.ask("default", &[from(LISTED), token.clone()]).await.status, 200);
        let elsewhere = world.ask("default", &[from("203.0.113.6"), token.clone()]).await;
        assert_eq!(elsewhere.status, 403);
        let answer = world.ask("default", &[from("203.0.113.6"), other.basic()]).await;
        assert_eq!(answer.header("x-client-id"), Some(other.id().as_str()));
    }
}
