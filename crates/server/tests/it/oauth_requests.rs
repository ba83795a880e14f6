//! How requests to the OAuth endpoints are read: one meaning or none.

use axum::http::StatusCode;
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{API, World};

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

#[tokio::test]
async fn json_with_null_organization_and_unknown_members_is_taken() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let body = json!({
        "client_id": customer.id_text, "client_secret": customer.secret, "audience": API,
        "grant_type": "client_credentials", "organization": null, "x-integration": {"user": [1]},
    });
    assert_eq!(world.call("POST", "/oauth/token").json(&body).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_form_with_charset_and_basic_without_client_id_is_taken() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let call = world.call("POST", "/oauth/token").basic(&customer.id_text, &customer.secret);
    let body =
        "audience=https%3A%2F%2Fapi.example&scope=read%3Athings&grant_type=client_credentials";
    let answer = call.raw("application/x-www-form-urlencoded;charset=UTF-8", body).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.text("scope"), "read:things");
}

#[tokio::test]
async fn resource_is_another_name_of_audience() {
    let world = World::with(|options| options.default_audience = None).await;
    let customer = world.customer('a').await;
    let ask = async |more: &[(&str, &str)]| {
        let call = world.call("POST", "/oauth/token").basic(&customer.id_text, &customer.secret);
        call.form(&[&[GRANT], more].concat()).await.status.as_u16()
    };
    assert_eq!(ask(&[("resource", API)]).await, 200);
    assert_eq!(ask(&[("resource", API), ("audience", API)]).await, 200);
    assert_eq!(ask(&[("resource", API), ("audience", "https://other")]).await, 400);
}

#[tokio::test]
async fn a_client_authenticates_once() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let (id, secret) = (customer.id_text.as_str(), customer.secret.as_str());
    let ask = async |fields: &[(&str, &str)]| {
        let call = world.call("POST", "/oauth/token").basic(id, secret);
        call.form(&[&[GRANT], fields].concat()).await
    };
    assert_eq!(ask(&[("client_id", id)]).await.status, StatusCode::OK);
    let several = ask(&[("client_id", id), ("client_secret", secret)]).await;
    assert_snapshot!(several, @r#"400 {"error":"invalid_request","error_description":"More than one client authentication"}"#);
    assert_eq!(ask(&[("client_id", "other")]).await, several);
    assert_eq!(ask(&[("client_assertion", "x")]).await, several);
    let twice = world.call("POST", "/oauth/token").basic(id, secret).basic(id, secret);
    assert_eq!(twice.form(&[GRANT]).await, several);
}

#[tokio::test]
async fn missing_and_unsupported_authentication_is_said() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let ask = async |fields: &[(&str, &str)]| {
        world.call("POST", "/oauth/token").form(&[&[GRANT], fields].concat()).await
    };
    assert_snapshot!(ask(&[]).await, @r#"401 {"error":"invalid_client","error_description":"Missing client_id"}"#);
    assert_snapshot!(
        ask(&[("client_id", &customer.id_text)]).await,
        @r#"401 {"error":"access_denied","error_description":"Unauthorized"}"#
    );
    assert_snapshot!(
        ask(&[("client_assertion", "x")]).await,
        @r#"401 {"error":"access_denied","error_description":"Unauthorized"}"#
    );
    let bearer = world.call("POST", "/oauth/token").bearer("x").form(&[GRANT]).await;
    assert_snapshot!(bearer, @r#"401 {"error":"invalid_client","error_description":"Client authentication method not supported"}"#);
}

#[tokio::test]
async fn a_failed_basic_authentication_is_challenged_and_a_body_is_not() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let basic = world.call("POST", "/oauth/token").basic(&customer.id_text, "WRONG");
    let basic = basic.form(&[GRANT]).await;
    assert_eq!(basic.status, StatusCode::UNAUTHORIZED);
    assert_eq!(basic.header("www-authenticate"), "Basic realm=\"oauth\", charset=\"UTF-8\"");
    let body = world.ask_token_from("127.0.0.1", &customer, "WRONG").await;
    assert_eq!(body.header("www-authenticate"), "");
    assert_eq!(body.body, basic.body);
    let malformed = world.call("POST", "/oauth/token").header("authorization", "Basic %%%");
    assert_eq!(malformed.form(&[GRANT]).await, basic);
}

#[tokio::test]
async fn bodies_that_are_not_understood_are_refused() {
    let world = World::new().await;
    let send = async |content_type: &str, body: String| {
        world.call("POST", "/oauth/token").raw(content_type, body).await
    };
    let form = "application/x-www-form-urlencoded";
    assert_snapshot!(
        send("text/plain", "grant_type=client_credentials".to_owned()).await,
        @r#"415 {"error":"invalid_request","error_description":"The content type must be application/x-www-form-urlencoded or application/json"}"#
    );
    assert_snapshot!(
        send(form, "a=1&a=2".to_owned()).await,
        @r#"400 {"error":"invalid_request","error_description":"A parameter is given twice"}"#
    );
    assert_snapshot!(
        send("application/json", r#"{"client_id":"a","client_id":"b"}"#.to_owned()).await,
        @r#"400 {"error":"invalid_request","error_description":"A member is given twice"}"#
    );
    assert_snapshot!(
        send("application/json", r#"{"client_id":["a"]}"#.to_owned()).await,
        @r#"400 {"error":"invalid_request","error_description":"client_id must be a string"}"#
    );
    assert_snapshot!(
        send("application/json", "[".repeat(10_000)).await,
        @r#"400 {"error":"invalid_request","error_description":"The body is not valid JSON"}"#
    );
    assert_snapshot!(
        send(form, format!("a={}", "x".repeat(64 * 1024))).await,
        @r#"413 {"error":"invalid_request","error_description":"The body is too large"}"#
    );
    assert_snapshot!(
        send(form, String::new()).await,
        @r#"400 {"error":"invalid_request","error_description":"Missing required parameter: grant_type"}"#
    );
    let none = world.call("POST", "/oauth/token").empty().await;
    assert_eq!(none.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn credentials_in_the_uri_are_refused_at_every_endpoint() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    for endpoint in ["token", "introspect", "revoke"] {
        for query in ["client_id=a", "x=1&client%5Fsecret=b", "token=c", "access_token"] {
            let path = format!("/oauth/{endpoint}?{query}");
            let call = world.call("POST", &path).basic(&customer.id_text, &customer.secret);
            let answer = call.form(&[GRANT]).await;
            assert_eq!(
                answer.to_string(),
                r#"400 {"error":"invalid_request","error_description":"Credentials must not be in the URI"}"#
            );
        }
    }
}
