//! `/api/v2/client-grants`.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::operator::{Operator, tidy};
use crate::support::{API, World};

const PATH: &str = "/api/v2/client-grants";

#[tokio::test]
async fn a_grant_is_made_read_changed_and_deleted() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let client = operator.create_client("backend", &[]).await.text("client_id");
    let body = json!({
        "client_id": client,
        "audience": API,
        "scope": ["read:things"],
        "subject_type": "client",
        "organization_usage": "allow",
    });
    let made = operator.post(PATH, body.clone()).await;
    assert_snapshot!(tidy(&made), @r#"201 {"allow_any_organization":false,"audience":"https://api.example","client_id":"client_id, 20 characters","id":"id, 20 characters","organization_usage":"allow","scope":["read:things"],"subject_type":"client"}"#);
    assert!(made.text("id").starts_with("cgr_") && made.text("id").len() == 20);
    assert_snapshot!(operator.post(PATH, body).await, @r#"409 {"error":"Conflict","errorCode":"conflict","message":"A client grant for the same client and audience already exists.","statusCode":409}"#);
    let path = format!("{PATH}/{}", made.text("id"));
    assert_eq!(operator.get(&path).await.body, made.body);
    let changed = operator.patch(&path, json!({ "scope": [] })).await;
    assert_snapshot!(tidy(&changed), @r#"200 {"allow_any_organization":false,"audience":"https://api.example","client_id":"client_id, 20 characters","id":"id, 20 characters","organization_usage":"allow","scope":[],"subject_type":"client"}"#);
    assert_eq!(operator.delete(&path).await.status, 204);
    assert_eq!(operator.delete(&path).await.status, 204);
    assert_snapshot!(operator.get(&path).await, @r#"404 {"error":"Not Found","errorCode":"inexistent_client_grant","message":"The grant does not exist.","statusCode":404}"#);
    assert_snapshot!(operator.patch(&path, json!({ "scope": [] })).await, @r#"404 {"error":"Not Found","errorCode":"inexistent_client_grant","message":"The grant does not exist.","statusCode":404}"#);
}

#[tokio::test]
async fn a_client_takes_its_grants_with_it() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let client = operator.create_client("backend", &[]).await.text("client_id");
    let grant = json!({ "client_id": client, "audience": API, "scope": [] });
    let path = format!("{PATH}/{}", operator.post(PATH, grant).await.text("id"));
    operator.delete(&format!("/api/v2/clients/{client}")).await;
    assert_eq!(operator.get(&path).await.status, 404);
    assert_eq!(operator.delete(&path).await.status, 204);
}

#[tokio::test]
async fn bad_fields_are_named() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let client = operator.create_client("backend", &[]).await.text("client_id");
    let with = async |name: &str, value: Value| {
        let mut body = json!({ "client_id": client, "audience": API, "scope": [] });
        body[name] = value;
        operator.post(PATH, body).await.to_string()
    };
    assert_snapshot!(with("client_id", json!("nobody")).await, @r#"404 {"error":"Not Found","errorCode":"inexistent_client","message":"The client does not exist","statusCode":404}"#);
    assert_snapshot!(with("audience", json!("urn:none")).await, @r#"404 {"error":"Not Found","errorCode":"inexistent_resource_server","message":"The resource server does not exist","statusCode":404}"#);
    assert_snapshot!(with("scope", json!("read:things")).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'Expected type array but found type string' on property scope.","statusCode":400}"#);
    assert_snapshot!(with("scope", json!(["a b"])).await, @r#"400 {"details":[{"code":"scope","field":"scope[0]","message":"is no scope: write visible ASCII characters without blanks, quotes and backslashes"}],"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'is no scope: write visible ASCII characters without blanks, quotes and backslashes' on property scope[0].","statusCode":400}"#);
    assert_snapshot!(with("scope", json!(["a", "a"])).await, @r#"400 {"details":[{"code":"not_unique","field":"scope","message":"holds \"a\" twice"}],"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'holds \"a\" twice' on property scope.","statusCode":400}"#);
    assert_snapshot!(with("subject_type", json!("user")).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'Only grants for `client` are supported' on property subject_type.","statusCode":400}"#);
    assert_snapshot!(with("default_for", json!("third_party_clients")).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'Grants for groups of clients are not supported' on property default_for.","statusCode":400}"#);
    assert_snapshot!(with("allow_all_scopes", json!(true)).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'Not supported; list the scopes in `scope`' on property allow_all_scopes.","statusCode":400}"#);
    assert_snapshot!(with("colour", json!(1)).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'Additional properties not allowed: colour'.","statusCode":400}"#);
    assert_snapshot!(operator.post(PATH, json!({ "audience": API })).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'Missing required property: client_id'.","statusCode":400}"#);
}

#[tokio::test]
async fn lists_come_in_all_three_forms_and_a_checkpoint_wins() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let mut clients = Vec::new();
    for name in ["a", "b", "c"] {
        let client = operator.create_client(name, &[]).await.text("client_id");
        operator.post(PATH, json!({ "client_id": client, "audience": API, "scope": [name] })).await;
        clients.push(client);
    }
    let list = async |query: &str| operator.get(&format!("{PATH}?{query}")).await;
    let count = |items: &Value| items.as_array().unwrap().len();
    assert_eq!(count(&list("").await.json()), 4);
    let totals = list("include_totals=true&per_page=2&page=1").await.json();
    assert_eq!(
        (&totals["total"], &totals["start"], &totals["limit"], count(&totals["client_grants"])),
        (&json!(4), &json!(2), &json!(2), 2)
    );
    let both = list("include_totals=true&take=50").await.json();
    assert_eq!((both.get("total"), both.get("next")), (None, None));
    assert_eq!(count(&both["client_grants"]), 4);
    let first = list("take=3").await.json();
    let rest = list(&format!("take=3&from={}", first["next"].as_str().unwrap())).await.json();
    assert_eq!((count(&first["client_grants"]), count(&rest["client_grants"])), (3, 1));
    let of_one = list(&format!("client_id={}&audience={API}", clients[1])).await;
    assert_snapshot!(tidy(&of_one), @r#"200 [{"audience":"https://api.example","client_id":"client_id, 20 characters","id":"id, 20 characters","scope":["b"],"subject_type":"client"}]"#);
    for nothing in ["audience=urn:none", "client_id=no%20id", "subject_type=user"] {
        assert_eq!(list(nothing).await.body, "[]", "{nothing}");
    }
}
