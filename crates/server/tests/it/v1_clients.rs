//! `/v1/clients`: suspension, secrets, tokens; and the audit log of it all.

use insta::assert_snapshot;
use serde_json::json;

use crate::operator::{Operator, tidy};
use crate::support::{API, World};

#[tokio::test]
async fn a_client_is_shown_suspended_and_resumed() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('c').await;
    let path = format!("/v1/clients/{}", customer.id_text);
    assert_snapshot!(operator.get(&path).await, @r#"200 {"account_id":null,"allowlist":{"entries":0,"mode":"off"},"app_type":null,"created_at":"2026-01-01T00:00:00.250Z","description":null,"environment":"live","grant_types":["client_credentials"],"id":"cccccccccccccccccccc","live_secrets":1,"metadata":{},"name":"customer c","state":"active","tokens_not_before":null,"updated_at":"2026-01-01T00:00:00.250Z","version":1}"#);
    let suspended = operator.post(&format!("{path}/suspend"), json!({})).await;
    assert_eq!(
        (suspended.text("state").as_str(), suspended.header("etag")),
        ("suspended", "\"2\"")
    );
    assert_eq!(world.ask_token(&customer).await.status, 401);
    operator.post(&format!("{path}/resume"), json!({})).await;
    assert_eq!(world.ask_token(&customer).await.status, 200);
    let found = operator.get("/v1/clients?q=CUSTOMER").await.json();
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    assert_eq!(operator.get("/v1/clients?account_id=acc_x").await.json()["items"], json!([]));
    assert_snapshot!(operator.get("/v1/clients?account_id=a%20b").await, @r#"400 {"code":"invalid_query","detail":"`account_id`: not a valid account identifier: 1 to 64 of A-Z a-z 0-9 _ -","status":400,"title":"Bad Request","type":"about:blank"}"#);
    assert_snapshot!(operator.get("/v1/clients/none").await, @r#"404 {"code":"not_found","detail":"there is no such client","status":404,"title":"Not Found","type":"about:blank"}"#);
}

#[tokio::test]
async fn a_client_that_comes_back_under_its_id_does_not_revive_its_tokens() {
    const SECRET: &str = "Zq3vT8mXwB1nK7rC5yH2pD9sF4jL6gA0";
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let mut customer = world.customer('c').await;
    let active = async |token: &str| {
        let call = world.call("POST", "/oauth/introspect").bearer(&operator.token);
        call.form(&[("token", token)]).await.json()["active"].as_bool().unwrap()
    };
    let token = world.token(&customer).await;
    assert!(active(&token).await);
    operator.delete(&format!("/api/v2/clients/{}", customer.id_text)).await;
    world.pass_s(5).await;
    let path = format!("/v1/clients/{}", customer.id_text);
    let back = json!({ "name": "back", "secret": SECRET });
    let made = operator.put(&path, back.clone()).await;
    assert_eq!(made.status, 201, "{made}");
    assert_eq!(operator.put(&path, back).await.status, 409);
    let api = world.api(API).await;
    world.grant(&customer.id, &api.id, &["read:things"]).await;
    assert!(!active(&token).await, "the old token counts again");
    world.pass_s(1).await;
    customer.secret = SECRET.to_owned();
    assert!(active(&world.token(&customer).await).await);
}

#[tokio::test]
async fn what_cannot_be_taken_over_is_refused() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    for (body, code) in [
        (json!({ "name": "a", "secret": "weak" }), "weak"),
        (json!({ "name": "a", "secret_sha256": "12" }), "form"),
        (json!({ "name": "a", "allowed_ips": ["203.0.113.5/24"] }), "invalid_allowlist"),
        (json!({ "name": "a", "allowlist_mode": "on" }), "mode"),
        (json!({ "name": "" }), "empty"),
    ] {
        let answer = operator.put("/v1/clients/acme", body).await;
        assert_eq!((answer.status.as_u16(), answer.text("code").as_str()), (422, code), "{answer}");
    }
    let makers = Operator::with_scopes(&world, 'm', &["create:clients"]).await;
    let secret = json!({ "name": "a", "secret": "Zq3vT8mXwB1nK7rC5yH2pD9sF4jL6gA0" });
    assert_eq!(makers.put("/v1/clients/acme", secret).await.status, 403);
    assert_eq!(makers.put("/v1/clients/acme", json!({ "name": "a" })).await.status, 201);
}

#[tokio::test]
async fn a_secret_is_rotated_with_overlap() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('c').await;
    let path = format!("/v1/clients/{}/secrets", customer.id_text);
    let made = operator.post(&path, json!({ "overlap_s": 60 })).await;
    assert_snapshot!(tidy(&made), @r#"201 {"api_key":"api_key, 67 characters","client_secret":"client_secret, 38 characters","created_at":"2026-01-01T00:00:00.251Z","expires_at":null,"id":"id, 15 characters","live":true}"#);
    let new = made.text("client_secret");
    assert!(made.text("api_key").ends_with(&new));
    let works = async |secret: &str| {
        world.ask_token_from("127.0.0.1", &customer, secret).await.status == 200
    };
    assert!(works(&customer.secret).await && works(&new).await);
    world.pass_s(60).await;
    assert!(!works(&customer.secret).await && works(&new).await);
    let listed = operator.get(&path).await;
    assert_snapshot!(tidy(&listed), @r#"200 {"items":[{"created_at":"2026-01-01T00:00:00.250Z","expires_at":"2026-01-01T00:01:00.251Z","id":"id, 15 characters","live":false},{"created_at":"2026-01-01T00:00:00.251Z","expires_at":null,"id":"id, 15 characters","live":true}]}"#);
    let id = listed.json()["items"][1]["id"].as_str().unwrap().to_owned();
    assert_eq!(operator.delete(&format!("{path}/{id}")).await.status, 204);
    assert!(!works(&new).await);
    assert_snapshot!(operator.delete(&format!("{path}/{id}")).await, @r#"404 {"code":"not_found","detail":"there is no such secret","status":404,"title":"Not Found","type":"about:blank"}"#);
    // Without a body the old secrets end at once.
    let call = world.call("POST", &path).bearer(&operator.token);
    let fresh = call.empty().await.text("client_secret");
    assert!(works(&fresh).await);
}

#[tokio::test]
async fn at_most_five_secrets_live_and_each_is_shown_once() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('c').await;
    let path = format!("/v1/clients/{}/secrets", customer.id_text);
    for _ in 0..4 {
        assert_eq!(operator.post(&path, json!({ "overlap_s": 600 })).await.status, 201);
    }
    assert_snapshot!(operator.post(&path, json!({ "overlap_s": 600 })).await, @r#"422 {"code":"too_many_secrets","detail":"secrets: there are 5 live secrets already; delete one of them first","errors":[{"code":"too_many_secrets","field":"secrets","message":"there are 5 live secrets already; delete one of them first"}],"status":422,"title":"Unprocessable Entity","type":"about:blank"}"#);
    assert_snapshot!(operator.post(&path, json!({ "overlap_s": 2_592_001 })).await, @r#"422 {"code":"too_long","detail":"overlap_s: is over 2592000 seconds (30 days)","errors":[{"code":"too_long","field":"overlap_s","message":"is over 2592000 seconds (30 days)"}],"status":422,"title":"Unprocessable Entity","type":"about:blank"}"#);
    assert_eq!(operator.once("k", &path, json!({ "overlap_s": 0 })).await.status, 201);
    assert_snapshot!(operator.once("k", &path, json!({ "overlap_s": 0 })).await, @r#"409 {"code":"already_done","detail":"the request with this `Idempotency-Key` was done; its answer held a secret and is not shown again","status":409,"title":"Conflict","type":"about:blank"}"#);
    let live = operator.get(&path).await.json();
    assert_eq!(live["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn tokens_of_a_client_are_revoked_together() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let other = Operator::with_scopes(&world, 'o', &["read:clients"]).await;
    let path = format!("/v1/clients/{}", "o".repeat(20));
    assert_eq!(other.get(&path).await.status, 200);
    let revoked = operator.post(&format!("{path}/revoke-tokens"), json!({})).await;
    assert!(revoked.json()["tokens_not_before"].is_string(), "{revoked}");
    assert_snapshot!(other.get(&path).await, @r#"401 {"code":"invalid_token","detail":"Invalid token","status":401,"title":"Unauthorized","type":"about:blank"}"#);
}

#[tokio::test]
async fn what_was_done_is_in_the_audit_log() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let made = operator.create_client("backend", &["127.0.0.2"]).await;
    let (id, secret) = (made.text("client_id"), made.text("client_secret"));
    operator.delete(&format!("/v1/clients/{id}/allowlist/entries/127.0.0.2")).await;
    let log = operator.get(&format!("/v1/audit?target_kind=client&target_id={id}")).await;
    let rows = log.json()["items"].as_array().unwrap().clone();
    let [removal, creation] = rows.as_slice() else { panic!("{log}") };
    assert_eq!(removal["action"], "client.update");
    assert_eq!(creation["actor"]["id"], world.admin.client_id);
    assert_eq!(creation["actor"]["address"], "127.0.0.1");
    assert!(!log.body.contains(&secret));
    assert!(removal["before"].to_string().contains("127.0.0.2"), "{removal}");
    assert!(!removal["after"].to_string().contains("127.0.0.2"), "{removal}");
    let by_me = operator.get(&format!("/v1/audit?limit=1&actor={}", world.admin.client_id)).await;
    assert!(by_me.json()["next_cursor"].is_string());
    assert_eq!(
        operator.get("/v1/audit?since=2100-01-01T00:00:00Z").await.json()["items"],
        json!([])
    );
    assert_snapshot!(operator.get("/v1/audit?limit=many").await, @r#"400 {"code":"invalid_query","detail":"`limit` must be a whole number from 0","status":400,"title":"Bad Request","type":"about:blank"}"#);
    assert_snapshot!(operator.get("/v1/audit?since=yesterday").await, @r#"400 {"code":"invalid_query","detail":"`since` must be a moment such as \"2030-01-31T12:00:00Z\" (RFC 3339)","status":400,"title":"Bad Request","type":"about:blank"}"#);
    let verdict = operator.get("/v1/audit/verify").await.json();
    assert_eq!((&verdict["ok"], &verdict["first_bad"]), (&json!(true), &json!(null)));
}

#[tokio::test]
async fn the_document_and_its_page_are_open() {
    let world = World::new().await;
    let document = world.call("GET", "/v1/openapi.json").empty().await;
    assert_eq!(document.json()["openapi"], "3.1.0");
    let page = world.call("GET", "/v1/docs").empty().await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    assert!(page.body.contains("replace_client_allowlist"));
    let style = world.call("GET", "/v1/docs/style.css").empty().await;
    assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
}
