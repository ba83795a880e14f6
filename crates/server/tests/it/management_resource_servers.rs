//! `/api/v2/resource-servers`.

use insta::assert_snapshot;
use serde_json::json;

use crate::operator::{Operator, tidy};
use crate::support::{API, World};

const PATH: &str = "/api/v2/resource-servers";

#[tokio::test]
async fn an_api_is_made_read_changed_and_deleted() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let body = json!({
        "identifier": "https://orders.example/v1",
        "name": "Orders",
        "scopes": [{ "value": "read:orders", "description": "see orders" }],
        "enforce_policies": false,
    });
    let made = operator.post(PATH, body).await;
    assert_snapshot!(tidy(&made), @r#"201 {"allow_offline_access":false,"enforce_policies":false,"id":"id, 24 characters","identifier":"https://orders.example/v1","name":"Orders","scopes":[{"description":"see orders","value":"read:orders"}],"signing_alg":"RS256","skip_consent_for_verifiable_first_party_clients":false,"token_dialect":"access_token","token_lifetime":86400,"token_lifetime_for_web":7200}"#);
    assert_eq!(made.text("id").len(), 24);
    // By id or by identifier.
    let by_name = format!("{PATH}/https%3A%2F%2Forders.example%2Fv1");
    let read = operator.get(&by_name).await;
    assert_eq!(read.text("id"), made.text("id"));
    assert_eq!(operator.get(&format!("{PATH}/{}", made.text("id"))).await.body, read.body);
    let patch = json!({
        "token_lifetime": 600,
        "signing_alg": "ES256",
        "token_dialect": "rfc9068_profile_authz",
        "scopes": [],
    });
    assert_snapshot!(tidy(&operator.patch(&by_name, patch).await), @r#"200 {"allow_offline_access":false,"enforce_policies":false,"id":"id, 24 characters","identifier":"https://orders.example/v1","name":"Orders","signing_alg":"ES256","skip_consent_for_verifiable_first_party_clients":false,"token_dialect":"rfc9068_profile_authz","token_lifetime":600,"token_lifetime_for_web":7200}"#);
    assert_eq!(operator.delete(&by_name).await.status, 204);
    assert_eq!(operator.delete(&by_name).await.status, 204);
    assert_snapshot!(operator.get(&by_name).await, @r#"404 {"error":"Not Found","errorCode":"inexistent_resource_server","message":"The resource server does not exist","statusCode":404}"#);
    assert_snapshot!(operator.patch(&by_name, json!({})).await, @r#"404 {"error":"Not Found","errorCode":"inexistent_resource_server","message":"The resource server does not exist","statusCode":404}"#);
}

#[tokio::test]
async fn a_name_is_not_needed() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let made = operator.post(PATH, json!({ "identifier": "urn:orders" })).await;
    assert_eq!((made.status.as_u16(), made.text("name").as_str()), (201, "urn:orders"));
}

#[tokio::test]
async fn bad_fields_are_named() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let with = async |name: &str, value: serde_json::Value| {
        let mut body = json!({ "identifier": "urn:x", "name": "x" });
        body[name] = value;
        operator.post(PATH, body).await.to_string()
    };
    assert_snapshot!(operator.post(PATH, json!({ "name": "x" })).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'Missing required property: identifier'.","statusCode":400}"#);
    assert_snapshot!(with("identifier", json!(API)).await, @r#"409 {"error":"Conflict","errorCode":"conflict","message":"A resource server with the same identifier already exists.","statusCode":409}"#);
    assert_snapshot!(with("identifier", json!("x".repeat(601))).await, @r#"400 {"details":[{"code":"too_long","field":"identifier","message":"has more than 600 characters"}],"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'has more than 600 characters' on property identifier.","statusCode":400}"#);
    assert_snapshot!(with("signing_alg", json!("HS256")).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'No enum match for: HS256; tokens are signed with RS256, PS256, ES256 or EdDSA' on property signing_alg.","statusCode":400}"#);
    assert_snapshot!(with("signing_alg", json!("RS512")).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'No enum match for: RS512; tokens are signed with RS256, PS256, ES256 or EdDSA' on property signing_alg.","statusCode":400}"#);
    assert_snapshot!(with("token_dialect", json!("other")).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'No enum match for: other' on property token_dialect.","statusCode":400}"#);
    assert_snapshot!(with("token_lifetime", json!(2_592_001)).await, @r#"400 {"details":[{"code":"range","field":"token_lifetime","message":"is over 2592000 seconds (30 days)"}],"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'is over 2592000 seconds (30 days)' on property token_lifetime.","statusCode":400}"#);
    for lifetime in [0, 10] {
        let answer = with("token_lifetime", json!(lifetime)).await;
        assert!(answer.starts_with("400") && answer.contains("is under 11 seconds"), "{answer}");
    }
    assert_snapshot!(with("token_lifetime", json!(-1)).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'Value -1 is out of range' on property token_lifetime.","statusCode":400}"#);
    assert_snapshot!(with("scopes", json!([{ "value": "x".repeat(281) }])).await, @r#"400 {"details":[{"code":"too_long","field":"scopes[0].value","message":"has more than 280 characters"}],"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'has more than 280 characters' on property scopes[0].value.","statusCode":400}"#);
    assert_snapshot!(with("scopes", json!([{ "value": "a" }, { "value": "a" }])).await, @r#"400 {"details":[{"code":"not_unique","field":"scopes","message":"holds \"a\" twice"}],"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'holds \"a\" twice' on property scopes.","statusCode":400}"#);
    assert_snapshot!(with("scopes", json!([{ "description": "a" }])).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'Missing required property: value' on property scopes[0].","statusCode":400}"#);
    assert_snapshot!(with("scopes", json!([{ "value": "a", "colour": 1 }])).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'Additional properties not allowed: colour'.","statusCode":400}"#);
    assert_snapshot!(with("colour", json!(1)).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'Additional properties not allowed: colour'.","statusCode":400}"#);
    let path = format!("{PATH}/{}", world.api(API).await.id);
    assert_snapshot!(operator.patch(&path, json!({ "identifier": "urn:y" })).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'Additional properties not allowed: identifier'.","statusCode":400}"#);
}

#[tokio::test]
async fn how_tokens_are_bound_is_written_and_read_as_auth0_has_it() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let path = format!("{PATH}/{}", world.api(API).await.id);
    let patch = async |value: serde_json::Value| {
        operator.patch(&path, json!({ "proof_of_possession": value })).await
    };
    for rule in [
        json!({ "mechanism": "dpop", "required": true }),
        json!({ "mechanism": "mtls", "required": false, "required_for": "public_clients" }),
        json!({ "mechanism": "mtls", "required": true, "required_for": "all_clients" }),
    ] {
        assert_eq!(patch(rule.clone()).await.json()["proof_of_possession"], rule);
        assert_eq!(operator.get(&path).await.json()["proof_of_possession"], rule);
        // Another change leaves it alone.
        let renamed = operator.patch(&path, json!({ "name": "x" })).await.json();
        assert_eq!(renamed["proof_of_possession"], rule);
    }
    assert_eq!(patch(json!(null)).await.json().get("proof_of_possession"), None);
    assert_snapshot!(patch(json!({ "required": true })).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'Missing required property: mechanism' on property proof_of_possession.","statusCode":400}"#);
    assert_snapshot!(patch(json!({ "mechanism": "dpop" })).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'Missing required property: required' on property proof_of_possession.","statusCode":400}"#);
    assert_snapshot!(patch(json!({ "mechanism": "none", "required": false })).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'No enum match for: none' on property proof_of_possession.mechanism.","statusCode":400}"#);
    assert_snapshot!(patch(json!({ "mechanism": "dpop", "required": true, "required_for": "x" })).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'No enum match for: x' on property proof_of_possession.required_for.","statusCode":400}"#);
    assert_snapshot!(patch(json!("dpop")).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'Expected type object but found type string' on property proof_of_possession.","statusCode":400}"#);
}

#[tokio::test]
async fn the_management_api_stays_as_it_is() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let system = world.api(&world.services.management_audience()).await;
    let path = format!("{PATH}/{}", system.id);
    let read = operator.get(&path).await.json();
    assert_eq!((&read["name"], &read["is_system"]), (&json!("Auth0 Management API"), &json!(true)));
    assert_eq!(read["identifier"], "https://auth.example/api/v2/");
    assert_snapshot!(operator.patch(&path, json!({ "name": "x" })).await, @r#"400 {"error":"Bad Request","errorCode":"operation_not_supported","message":"The Auth0 Management API is a system API and cannot be changed","statusCode":400}"#);
    assert_snapshot!(operator.delete(&path).await, @r#"400 {"error":"Bad Request","errorCode":"operation_not_supported","message":"The Auth0 Management API is a system API and cannot be deleted","statusCode":400}"#);
}

#[tokio::test]
async fn lists_are_paged_and_filtered() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    for name in ["urn:a", "urn:b"] {
        operator.post(PATH, json!({ "identifier": name })).await;
    }
    let list = async |query: &str| operator.get(&format!("{PATH}?fields=identifier&{query}")).await;
    let all = list("").await.json();
    let mut names: Vec<_> = all.as_array().unwrap().iter().map(|api| &api["identifier"]).collect();
    // The first two were made at the same moment: their order is by their random ids.
    names[..2].sort_by_key(|name| name.to_string());
    assert_snapshot!(json!(names), @r#"["https://api.example","https://auth.example/api/v2/","urn:a","urn:b"]"#);
    assert_snapshot!(list("page=1&per_page=3&include_totals=true").await, @r#"200 {"limit":3,"resource_servers":[{"identifier":"urn:b"}],"start":3,"total":4}"#);
    assert_snapshot!(list("page=9&per_page=3&include_totals=true").await, @r#"200 {"limit":3,"resource_servers":[],"start":27,"total":4}"#);
    assert_snapshot!(list("identifiers=urn%3Ab&identifiers=urn%3Aa").await, @r#"200 [{"identifier":"urn:a"},{"identifier":"urn:b"}]"#);
    assert_snapshot!(list("identifiers=urn%3Anone").await, @"200 []");
    assert_snapshot!(list("take=5").await, @r#"400 {"error":"Bad Request","errorCode":"invalid_query","message":"Query validation error: 'Additional properties not allowed: take'.","statusCode":400}"#);
}
