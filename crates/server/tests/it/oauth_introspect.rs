//! Introspection: who may ask about what, and what the answer is worth.

use axum::http::StatusCode;
use insta::assert_snapshot;
use keyward_core::client::State;
use keyward_core::token::Dialect;

use crate::support::{API, Answer, Customer, World};

const INACTIVE: &str = r#"200 {"active":false}"#;

async fn ask(world: &World, asker: &Customer, fields: &[(&str, &str)]) -> Answer {
    let call = world.call("POST", "/oauth/introspect").basic(&asker.id_text, &asker.secret);
    call.form(fields).await
}

#[tokio::test]
async fn a_client_learns_of_its_own_token() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let token = world.token(&customer).await;
    assert_snapshot!(
        ask(&world, &customer, &[("token", &token)]).await,
        @r#"200 {"active":true,"scope":"read:things write:things","client_id":"aaaaaaaaaaaaaaaaaaaa","token_type":"Bearer","exp":1767312000,"iat":1767225600,"sub":"aaaaaaaaaaaaaaaaaaaa@clients","aud":"https://api.example","iss":"https://auth.example/"}"#
    );
}

#[tokio::test]
async fn an_operator_learns_of_every_token_with_a_token_or_with_a_secret() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    world.edit_api(|api| api.dialect = Dialect::Rfc9068).await;
    let token = world.token(&customer).await;
    let operator = world.operator().await;
    let by_token = world.call("POST", "/oauth/introspect").bearer(&operator);
    let by_token = by_token.form(&[("token", &token)]).await;
    assert_eq!(by_token.json()["active"], true);
    assert_eq!(by_token.json()["sub"], customer.id_text);
    assert!(by_token.json()["jti"].is_string());
    let admin = (&world.admin.client_id, &world.admin.client_secret);
    let by_secret = world.call("POST", "/oauth/introspect").basic(admin.0, admin.1);
    assert_eq!(by_secret.form(&[("token", &token)]).await, by_token);
}

#[tokio::test]
async fn oauth_token_039_everything_else_is_inactive_and_nothing_more() {
    let world = World::new().await;
    let (customer, other) = (world.customer('a').await, world.customer('b').await);
    let token = world.token(&customer).await;
    let inactive = async |asker: &Customer, token: &str| {
        let answer = ask(&world, asker, &[("token", token)]).await;
        assert_eq!(answer.to_string(), INACTIVE);
        assert_eq!(answer.header("cache-control"), "no-store");
    };
    inactive(&other, &token).await;
    inactive(&customer, "unknown").await;
    inactive(&customer, &format!("{token}x")).await;
    inactive(&customer, &other.api_key).await;

    let call = world.call("POST", "/oauth/revoke").basic(&customer.id_text, &customer.secret);
    assert_eq!(call.form(&[("token", &token)]).await.status, StatusCode::OK);
    inactive(&customer, &token).await;

    world.pass_s(1).await;
    let expiring = world.token(&customer).await;
    assert_eq!(ask(&world, &customer, &[("token", &expiring)]).await.json()["active"], true);
    world.pass_s(86_400 + 6).await;
    inactive(&customer, &expiring).await;

    let suspended = world.token(&customer).await;
    world.edit_client(&customer.id, |client| client.state = State::Suspended).await;
    let operator = world.operator().await;
    let call = world.call("POST", "/oauth/introspect").bearer(&operator);
    assert_eq!(call.form(&[("token", &suspended)]).await.to_string(), INACTIVE);
}

#[tokio::test]
async fn oauth_token_040_nobody_asks_without_authentication() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let token = world.token(&customer).await;
    let call = || world.call("POST", "/oauth/introspect");
    assert_snapshot!(
        call().form(&[("token", &token)]).await,
        @r#"401 {"error":"invalid_client","error_description":"Missing client_id"}"#
    );
    let wrong = call().basic(&customer.id_text, "WRONG").form(&[("token", &token)]).await;
    assert_snapshot!(wrong, @r#"401 {"error":"access_denied","error_description":"Unauthorized"}"#);
    // A token for another API authenticates nobody here.
    let foreign = call().bearer(&token).form(&[("token", &token)]).await;
    assert_eq!(foreign.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        foreign.header("www-authenticate"),
        "Bearer realm=\"oauth\", error=\"invalid_token\""
    );
    assert_eq!(call().empty().await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let get = world.call("GET", "/oauth/introspect").empty().await;
    assert_eq!(get.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn with_client_ip_the_lists_are_asked_for_that_address() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let operator = world.operator().await;
    let token = world.token(&customer).await;
    world.edit_client(&customer.id, |c| c.allowlist = world.enforce(&["192.0.2.0/24"])).await;
    let active = async |shown: &str, client_ip: Option<&str>| {
        let call = world.call("POST", "/oauth/introspect").bearer(&operator);
        let mut fields = vec![("token", shown)];
        fields.extend(client_ip.map(|address| ("client_ip", address)));
        call.form(&fields).await.json()["active"].as_bool().unwrap()
    };
    for shown in [token.as_str(), customer.api_key.as_str()] {
        assert!(active(shown, Some("192.0.2.7")).await);
        assert!(active(shown, Some("::ffff:192.0.2.7")).await, "the same address");
        assert!(!active(shown, Some("198.51.100.1")).await);
        assert!(active(shown, None).await, "without an address the lists are not asked");
    }
    world.edit_api(|api| api.allowlist = world.enforce(&["198.51.100.0/24"])).await;
    assert!(!active(&token, Some("192.0.2.7")).await, "every layer must agree");
}

#[tokio::test]
async fn client_ip_is_one_strict_address() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let token = world.token(&customer).await;
    let ports_and_lists = ["192.0.2.7:80", "192.0.2.07", "192.0.2.0/24", "192.0.2.7,192.0.2.8"];
    // Empty is wrong, too: read as absent it would be the answer that asks no list.
    for wrong in ports_and_lists.into_iter().chain(["localhost", "", " "]) {
        let answer = ask(&world, &customer, &[("token", &token), ("client_ip", wrong)]).await;
        assert_eq!(
            answer.to_string(),
            r#"400 {"error":"invalid_request","error_description":"client_ip must be one IP address"}"#
        );
    }
    assert_snapshot!(
        ask(&world, &customer, &[]).await,
        @r#"400 {"error":"invalid_request","error_description":"Missing required parameter: token"}"#
    );
}

#[tokio::test]
async fn without_client_ip_a_token_still_needs_its_grant() {
    let world = World::new().await;
    let operator = world.operator().await;
    let list = world.enforce(&["127.0.0.1"]);
    let customer = world.customer_with('a', |client| client.allowlist = list).await;
    let token = world.token(&customer).await;
    let call = || world.call("POST", "/oauth/introspect").bearer(&operator);
    assert_eq!(call().form(&[("token", &token)]).await.json()["active"], true);
    let api = world.api(API).await;
    let mut tx = world.begin().await;
    tx.delete_api(&api.id).await.unwrap();
    world.services.commit(tx).await.unwrap();
    assert_eq!(call().form(&[("token", &token)]).await.to_string(), INACTIVE);
}

#[tokio::test]
async fn an_api_key_is_introspected_like_a_token() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    assert_snapshot!(
        ask(&world, &customer, &[("token", &customer.api_key)]).await,
        @r#"200 {"active":true,"scope":"read:things write:things","client_id":"aaaaaaaaaaaaaaaaaaaa","token_type":"api_key","sub":"aaaaaaaaaaaaaaaaaaaa","iss":"https://auth.example/"}"#
    );
    let mut wrong = customer.api_key.clone();
    wrong.pop();
    assert_eq!(ask(&world, &customer, &[("token", &wrong)]).await.to_string(), INACTIVE);
}

#[tokio::test]
async fn a_stale_policy_answers_neither_active_nor_inactive() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let token = world.token(&customer).await;
    world.clock.advance_ms(60_000);
    let answer = ask(&world, &customer, &[("token", &token)]).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}
