//! `/v1/accounts`, preconditions, cursors and repeated requests.

use insta::assert_snapshot;
use serde_json::json;

use crate::operator::{Operator, tidy};
use crate::support::World;

#[tokio::test]
async fn an_account_is_made_read_changed_and_deleted() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let made = operator.post("/v1/accounts", json!({ "name": "Acme" })).await;
    assert_snapshot!(tidy(&made), @r#"201 {"allowlist":{"entries":0,"mode":"off"},"created_at":"2026-01-01T00:00:00.251Z","id":"id, 20 characters","metadata":{},"name":"Acme","state":"active","updated_at":"2026-01-01T00:00:00.251Z","version":1}"#);
    assert_eq!(made.header("etag"), "\"1\"");
    let path = format!("/v1/accounts/{}", made.text("id"));
    assert_eq!(operator.get(&path).await.body, made.body);
    let changed = operator.patch(&path, json!({ "metadata": { "plan": "gold" } })).await;
    assert_eq!((changed.header("etag"), changed.text("name").as_str()), ("\"2\"", "Acme"));
    assert_eq!(operator.delete(&path).await.status, 204);
    assert_snapshot!(operator.get(&path).await, @r#"404 {"code":"not_found","detail":"there is no such account","status":404,"title":"Not Found","type":"about:blank"}"#);
    assert_eq!(operator.delete(&path).await.status, 404);
}

#[tokio::test]
async fn bad_bodies_are_named() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let post = async |body: &str| {
        let body = body.to_owned();
        operator.raw("POST", "/v1/accounts", "application/json", body).await.to_string()
    };
    assert_snapshot!(post("{\"name\":\"a\",\"colour\":1}").await, @r#"422 {"code":"invalid_field","detail":"`colour` is not known here; known are: name, token_quota, metadata","errors":[{"code":"invalid_field","field":"colour","message":"`colour` is not known here; known are: name, token_quota, metadata"}],"status":422,"title":"Unprocessable Entity","type":"about:blank"}"#);
    assert_snapshot!(post("{}").await, @r#"422 {"code":"invalid_field","detail":"`name` is missing","errors":[{"code":"invalid_field","field":"name","message":"`name` is missing"}],"status":422,"title":"Unprocessable Entity","type":"about:blank"}"#);
    assert_snapshot!(post("{\"name\":7}").await, @r#"422 {"code":"invalid_field","detail":"`name` must be a text","errors":[{"code":"invalid_field","field":"name","message":"`name` must be a text"}],"status":422,"title":"Unprocessable Entity","type":"about:blank"}"#);
    assert_snapshot!(post("{\"name\":\"<\",\"metadata\":{\"é\":\"\"}}").await, @r#"422 {"code":"invalid","detail":"name: holds `<`, `>` or a control character\nmetadata: has the key \"é\"; write letters, digits and \":,-+=_*?\\\"/\\\\()<>@\\t \"","errors":[{"code":"characters","field":"name","message":"holds `<`, `>` or a control character"},{"code":"key","field":"metadata","message":"has the key \"é\"; write letters, digits and \":,-+=_*?\\\"/\\\\()<>@\\t \""}],"status":422,"title":"Unprocessable Entity","type":"about:blank"}"#);
    assert_snapshot!(post("{\"name\":").await, @r#"400 {"code":"invalid_json","detail":"the body is no JSON: EOF while parsing a value at line 1 column 8","status":400,"title":"Bad Request","type":"about:blank"}"#);
    assert_snapshot!(post("{\"name\":\"a\"}x").await, @r#"400 {"code":"invalid_json","detail":"the body goes on: trailing characters at line 1 column 13","status":400,"title":"Bad Request","type":"about:blank"}"#);
    let large = format!("{{\"name\":\"{}\"}}", "a".repeat(2 * 1024 * 1024));
    assert_snapshot!(post(&large).await, @r#"413 {"code":"payload_too_large","detail":"the body has more than 2097152 bytes","status":413,"title":"Payload Too Large","type":"about:blank"}"#);
    assert_snapshot!(operator.get("/v1/accounts?limit=101").await, @r#"400 {"code":"invalid_query","detail":"`limit` is 101; write a number from 1 to 100","status":400,"title":"Bad Request","type":"about:blank"}"#);
    assert_snapshot!(operator.get("/v1/accounts?colour=red").await, @r#"400 {"code":"invalid_query","detail":"`colour` is not known here; known are: cursor, limit","status":400,"title":"Bad Request","type":"about:blank"}"#);
    assert_snapshot!(operator.get("/v1/accounts?cursor=nonsense").await, @r#"400 {"code":"invalid_cursor","detail":"`nonsense` is not a cursor of this list, start again without one","status":400,"title":"Bad Request","type":"about:blank"}"#);
    assert_snapshot!(operator.get("/v1/nothing").await, @r#"404 {"code":"not_found","detail":"there is nothing at /v1/nothing; see /v1/docs","status":404,"title":"Not Found","type":"about:blank"}"#);
    assert_snapshot!(operator.put("/v1/accounts", json!({})).await, @r#"405 {"code":"method_not_allowed","detail":"this path does not take that method; see /v1/docs","status":405,"title":"Method Not Allowed","type":"about:blank"}"#);
    assert_eq!(
        operator.get("/v1/nothing").await.header("content-type"),
        "application/problem+json"
    );
}

#[tokio::test]
async fn http_033_json_nested_200_000_deep_is_refused() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    for before in ["", "{\"metadata\":", "{\"name\":", "{\"entries\":", "{\"allowed_ips\":["] {
        for (method, path) in [
            ("POST", "/v1/accounts"),
            ("PUT", "/v1/apis/none/allowlist"),
            ("POST", "/api/v2/clients"),
            ("POST", "/api/v2/resource-servers"),
        ] {
            let body = format!("{before}{}", "[".repeat(200_000));
            let answer = operator.raw(method, path, "application/json", body).await;
            assert_eq!(answer.status, 400, "{method} {path}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_suspended_account_closes_its_clients_at_once() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let account = operator.post("/v1/accounts", json!({ "name": "Acme" })).await.text("id");
    let customer = world.customer('c').await;
    let body = json!({ "account_id": account });
    let owned = operator.patch(&format!("/api/v2/clients/{}", customer.id_text), body).await;
    assert_eq!(owned.text("account_id"), account);
    assert_eq!(world.ask_token(&customer).await.status, 200);
    let path = format!("/v1/accounts/{account}");
    let suspended = operator.post(&format!("{path}/suspend"), json!({})).await;
    assert_eq!(suspended.text("state"), "suspended");
    assert_eq!(world.ask_token(&customer).await.status, 401);
    assert_snapshot!(tidy(&operator.delete(&path).await).replace(&account, "ACCOUNT"), @r#"409 {"code":"conflict","detail":"the account ACCOUNT still has 1 clients; delete or move them first","status":409,"title":"Conflict","type":"about:blank"}"#);
    operator.post(&format!("{path}/resume"), json!({})).await;
    assert_eq!(world.ask_token(&customer).await.status, 200);
}

#[tokio::test]
async fn a_write_meant_for_another_version_is_refused() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let made = operator.post("/v1/accounts", json!({ "name": "Acme" })).await;
    let path = format!("/v1/accounts/{}", made.text("id"));
    let tag = made.header("etag");
    let first = operator.when(tag, "PATCH", &path, json!({ "name": "First" })).await;
    assert_eq!(first.status, 200);
    let second = operator.when(tag, "PATCH", &path, json!({ "name": "Second" })).await;
    assert_snapshot!(second, @r#"412 {"code":"version_changed","detail":"it has version 2 by now; read it again and repeat the edit","status":412,"title":"Precondition Failed","type":"about:blank"}"#);
    assert_eq!(operator.when(tag, "DELETE", &path, json!({})).await.status, 412);
    assert_eq!(operator.when("W/\"2\"", "PATCH", &path, json!({})).await.status, 412);
    assert_eq!(operator.when("\"9\", \"2\"", "PATCH", &path, json!({})).await.status, 200);
    assert_eq!(operator.when("*", "PATCH", &path, json!({})).await.status, 200);
    assert_eq!(operator.get(&path).await.text("name"), "First");
}

#[tokio::test]
async fn of_two_writers_at_once_one_wins() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let made = operator.post("/v1/accounts", json!({ "name": "Acme" })).await;
    let path = format!("/v1/accounts/{}", made.text("id"));
    let (one, other) = tokio::join!(
        operator.when("\"1\"", "PATCH", &path, json!({ "name": "one" })),
        operator.when("\"1\"", "PATCH", &path, json!({ "name": "other" })),
    );
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
}

#[tokio::test]
async fn a_repeated_request_is_answered_and_not_done_again() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let body = json!({ "name": "Acme" });
    let first = operator.once("k1", "/v1/accounts", body.clone()).await;
    let again = operator.once("k1", "/v1/accounts", body.clone()).await;
    assert_eq!((first.status, &first.body), (again.status, &again.body));
    assert_eq!((first.header("etag"), again.header("etag")), ("\"1\"", "\"1\""));
    assert_eq!(
        (first.header("idempotency-replayed"), again.header("idempotency-replayed")),
        ("", "true")
    );
    assert_snapshot!(operator.once("k1", "/v1/accounts", json!({ "name": "Else" })).await, @r#"422 {"code":"idempotency_key_reused","detail":"this `Idempotency-Key` was used for another request; take a new one","status":422,"title":"Unprocessable Entity","type":"about:blank"}"#);
    assert_snapshot!(operator.once(&"k".repeat(256), "/v1/accounts", body).await, @r#"400 {"code":"invalid_idempotency_key","detail":"send one `Idempotency-Key` of 1 to 255 ASCII characters","status":400,"title":"Bad Request","type":"about:blank"}"#);
    // A request that failed may be repeated with its key.
    assert_eq!(operator.once("k2", "/v1/accounts", json!({ "name": "" })).await.status, 422);
    assert_eq!(operator.once("k2", "/v1/accounts", json!({ "name": "Two" })).await.status, 201);
    let all = operator.get("/v1/accounts").await.json();
    assert_eq!(all["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn lists_go_on_at_their_cursor() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    for name in ["a", "b", "c"] {
        operator.post("/v1/accounts", json!({ "name": name })).await;
    }
    let first = operator.get("/v1/accounts?limit=2").await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = operator.get(&format!("/v1/accounts?limit=2&cursor={cursor}")).await.json();
    let mut names: Vec<_> = [&first, &rest]
        .iter()
        .flat_map(|part| part["items"].as_array().unwrap())
        .map(|item| item["name"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!((names, rest.get("next_cursor")), (vec!["a", "b", "c"], None));
}
