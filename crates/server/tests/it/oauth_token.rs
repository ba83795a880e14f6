//! The token endpoint: what it issues, and how it refuses. Cases of the corpus by their ids.

use axum::http::StatusCode;
use insta::assert_snapshot;
use keyward_core::allowlist::Mode;
use keyward_core::client::State;
use keyward_core::gateway::Disclosure;
use keyward_core::jwk::Algorithm;
use keyward_core::secret::PlainSecret;
use keyward_core::time::Clock as _;
use keyward_core::token::Dialect;
use serde_json::json;

use crate::support::{API, Answer, Customer, World, header_of, payload_of};

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

async fn ask(world: &World, customer: &Customer, more: &[(&str, &str)]) -> Answer {
    let mut fields =
        vec![GRANT, ("client_id", &customer.id_text), ("client_secret", &customer.secret)];
    fields.extend_from_slice(more);
    world.call("POST", "/oauth/token").form(&fields).await
}

/// An answer without what differs from token to token.
fn without_token(answer: &Answer) -> String {
    let mut json = answer.json();
    json["access_token"] = json!("…");
    format!("{} {json}", answer.status.as_u16())
}

#[tokio::test]
async fn a_token_comes_in_the_form_auth0s_clients_read() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let answer = ask(&world, &customer, &[("audience", API)]).await;
    assert_snapshot!(
        without_token(&answer),
        @r#"200 {"access_token":"…","expires_in":86400,"scope":"read:things write:things","token_type":"Bearer"}"#
    );
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("pragma"), "no-cache");
}

#[tokio::test]
async fn the_auth0_dialect_has_its_claims_and_no_others() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let token = world.token(&customer).await;
    let header = header_of(&token);
    assert_eq!((&header["alg"], &header["typ"]), (&json!("RS256"), &json!("JWT")));
    assert!(header["kid"].is_string());
    assert_snapshot!(payload_of(&token), @r#"{"aud":"https://api.example","azp":"aaaaaaaaaaaaaaaaaaaa","exp":1767312000,"gty":"client-credentials","iat":1767225600,"iss":"https://auth.example/","scope":"read:things write:things","sub":"aaaaaaaaaaaaaaaaaaaa@clients"}"#);
}

#[tokio::test]
async fn the_rfc_9068_dialect_has_its_claims_and_no_others() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    world
        .edit_api(|api| {
            api.dialect = Dialect::Rfc9068;
            api.signing_algorithm = Algorithm::Es256;
            api.token_lifetime_s = 600;
            api.permissions_claim = true;
        })
        .await;
    let token = world.token(&customer).await;
    let header = header_of(&token);
    assert_eq!((&header["alg"], &header["typ"]), (&json!("ES256"), &json!("at+jwt")));
    let mut payload = payload_of(&token);
    assert_eq!(payload["jti"].as_str().unwrap().len(), 22);
    payload["jti"] = json!("…");
    assert_snapshot!(payload, @r#"{"aud":"https://api.example","client_id":"aaaaaaaaaaaaaaaaaaaa","exp":1767226200,"iat":1767225600,"iss":"https://auth.example/","jti":"…","permissions":["read:things","write:things"],"scope":"read:things write:things","sub":"aaaaaaaaaaaaaaaaaaaa"}"#);
}

#[tokio::test]
async fn every_algorithm_signs_what_the_gate_takes() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    for algorithm in Algorithm::ALL {
        world.edit_api(|api| api.signing_algorithm = algorithm).await;
        let token = world.token(&customer).await;
        assert_eq!(header_of(&token)["alg"], algorithm.name());
        let policy = &world.services.policy;
        let verified = policy.verify(&policy.generation(), &token).unwrap();
        assert_eq!(verified.client, customer.id);
    }
}

#[tokio::test]
async fn scopes_are_those_asked_for_and_none_that_are_not_granted() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let one = ask(&world, &customer, &[("scope", "write:things")]).await;
    assert_eq!(one.text("scope"), "write:things");
    let unknown = ask(&world, &customer, &[("scope", "read:things+listen:events+admin")]).await;
    assert_snapshot!(unknown, @r#"403 {"error":"access_denied","error_description":"Client has not been granted scopes: listen:events admin"}"#);
}

#[tokio::test]
async fn without_any_scope_there_is_no_scope() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let api = world.create_api("https://plain.example", |_| {}).await;
    world.grant(&customer.id, &api.id, &[]).await;
    let answer = ask(&world, &customer, &[("audience", "https://plain.example")]).await;
    assert_snapshot!(without_token(&answer), @r#"200 {"access_token":"…","expires_in":86400,"token_type":"Bearer"}"#);
    assert!(payload_of(&answer.text("access_token")).get("scope").is_none());
}

#[tokio::test]
async fn an_organization_is_the_clients_account_by_id_or_name() {
    let world = World::new().await;
    let account = world.create_account("acme").await;
    let owner = account.clone();
    let customer = world.customer_with('a', |client| client.account = Some(owner)).await;
    for named in [account.as_str(), "acme"] {
        let answer = ask(&world, &customer, &[("organization", named)]).await;
        let payload = payload_of(&answer.text("access_token"));
        assert_eq!(payload["org_id"], account.as_str());
        assert_eq!(payload["org_name"], "acme");
    }
    let foreign = ask(&world, &customer, &[("organization", "other")]).await;
    assert_snapshot!(foreign, @r#"403 {"error":"access_denied","error_description":"Client is not authorized to access the organization"}"#);
    let stranger = world.customer('b').await;
    assert_eq!(ask(&world, &stranger, &[("organization", "acme")]).await, foreign);
}

#[tokio::test]
async fn what_is_asked_for_and_not_to_be_had_is_said_in_auth0s_words() {
    let world = World::with(|options| options.default_audience = None).await;
    let customer = world.customer('a').await;
    world.create_api("https://other.example", |_| {}).await;
    let no_grant_type =
        world.customer_with('b', |client| client.grant_types = vec!["password".to_owned()]).await;
    assert_snapshot!(
        ask(&world, &customer, &[]).await,
        @r#"403 {"error":"access_denied","error_description":"Non-global clients are not allowed access to APIv1"}"#
    );
    assert_snapshot!(
        ask(&world, &customer, &[("audience", "https://nowhere.example")]).await,
        @r#"403 {"error":"access_denied","error_description":"Service not found: https://nowhere.example"}"#
    );
    assert_snapshot!(
        ask(&world, &customer, &[("audience", "https://other.example")]).await,
        @r#"403 {"error":"access_denied","error_description":"Client is not authorized to access \"https://other.example\". You need to create a \"client-grant\" associated to this API. See: https://auth0.com/docs/api/v2#!/Client_Grants/post_client_grants"}"#
    );
    assert_snapshot!(
        ask(&world, &no_grant_type, &[("audience", API)]).await,
        @r#"403 {"error":"unauthorized_client","error_description":"Grant type 'client_credentials' not allowed for the client.","error_uri":"https://auth0.com/docs/clients/client-grant-types"}"#
    );
}

#[tokio::test]
async fn oauth_token_011_get_is_not_allowed() {
    let world = World::new().await;
    let path = "/oauth/token?grant_type=client_credentials";
    let answer = world.call("GET", path).basic("cid", "sec").empty().await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.header("allow"), "POST");
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn oauth_token_020_an_unknown_client_looks_like_a_wrong_secret() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let wrong = world.ask_token_from("127.0.0.1", &customer, "WRONG").await;
    assert_snapshot!(wrong, @r#"401 {"error":"access_denied","error_description":"Unauthorized"}"#);
    let nobody = Customer { id_text: "nobody".to_owned(), ..customer.clone() };
    assert_eq!(world.ask_token_from("127.0.0.1", &nobody, "WRONG").await, wrong);
    let native = Customer { id_text: "z".repeat(20), ..customer };
    assert_eq!(world.ask_token_from("127.0.0.1", &native, "WRONG").await, wrong);
}

#[tokio::test]
async fn oauth_token_022_a_refused_address_is_one_403_for_every_layer() {
    let world = World::new().await;
    let account = world.create_account("acme").await;
    let owner = account.clone();
    let own = world.enforce(&["192.0.2.1"]);
    let by_client = world.customer_with('a', |client| client.allowlist = own).await;
    let by_account = world.customer_with('b', |client| client.account = Some(owner)).await;
    let by_api = world.customer('c').await;
    let admitted = world.ask_token_from("192.0.2.1", &by_client, &by_client.secret).await;
    assert_eq!(admitted.status, StatusCode::OK);

    let refused = world.ask_token_from("192.0.2.2", &by_client, &by_client.secret).await;
    assert_snapshot!(refused, @r#"403 {"error":"access_denied","error_description":"The request is not allowed"}"#);
    world.edit_account(&account, |account| account.allowlist = world.enforce(&["192.0.2.1"])).await;
    assert_eq!(world.ask_token_from("192.0.2.2", &by_account, &by_account.secret).await, refused);
    world.edit_api(|api| api.allowlist = world.enforce(&["192.0.2.1"])).await;
    assert_eq!(world.ask_token_from("192.0.2.2", &by_api, &by_api.secret).await, refused);
    let fields = [GRANT, ("client_id", &*by_client.id_text), ("client_secret", &*by_client.secret)];
    let nowhere = world.call("POST", "/oauth/token").without_address().form(&fields).await;
    assert_eq!(nowhere, refused);
}

#[tokio::test]
async fn a_wrong_secret_is_the_same_from_an_allowed_and_from_a_refused_address() {
    let world = World::new().await;
    let own = world.enforce(&["192.0.2.1"]);
    let customer = world.customer_with('a', |client| client.allowlist = own).await;
    let inside = world.ask_token_from("192.0.2.1", &customer, "WRONG").await;
    assert_eq!(inside.status, StatusCode::UNAUTHORIZED);
    assert_eq!(world.ask_token_from("192.0.2.2", &customer, "WRONG").await, inside);
}

#[tokio::test]
async fn oauth_token_023_uniform_disclosure_makes_a_refused_address_a_wrong_secret() {
    let world = World::with(|options| options.disclosure = Disclosure::Uniform).await;
    let own = world.enforce(&["192.0.2.1"]);
    let customer = world.customer_with('a', |client| client.allowlist = own).await;
    let wrong = world.ask_token_from("192.0.2.2", &customer, "WRONG").await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    let refused = world.ask_token_from("192.0.2.2", &customer, &customer.secret).await;
    assert_eq!(refused, wrong);

    let basic = |secret: String| {
        let call = world.call("POST", "/oauth/token").from("192.0.2.2");
        let call = call.basic(&customer.id_text, &secret);
        async move { call.form(&[GRANT]).await }
    };
    let wrong = basic("WRONG".to_owned()).await;
    assert_eq!(basic(customer.secret.clone()).await, wrong);
    assert_eq!(wrong.header("www-authenticate"), "Basic realm=\"oauth\", charset=\"UTF-8\"");
}

#[tokio::test]
async fn report_only_shows_nothing() {
    let world = World::new().await;
    let mut list = world.enforce(&["192.0.2.1"]);
    list.mode = Mode::Report;
    let customer = world.customer_with('a', |client| client.allowlist = list).await;
    let inside = world.ask_token_from("192.0.2.1", &customer, &customer.secret).await;
    let outside = world.ask_token_from("192.0.2.2", &customer, &customer.secret).await;
    assert_eq!(without_token(&inside), without_token(&outside));
    assert_eq!(outside.status, StatusCode::OK);
    assert_eq!(inside.headers, outside.headers);
}

#[tokio::test]
async fn oauth_token_024_a_suspended_client_or_account_looks_like_a_wrong_secret() {
    let world = World::new().await;
    let account = world.create_account("acme").await;
    let owner = account.clone();
    let customer = world.customer('a').await;
    let owned = world.customer_with('b', |client| client.account = Some(owner)).await;
    let wrong = world.ask_token_from("127.0.0.1", &customer, "WRONG").await;
    world.edit_client(&customer.id, |client| client.state = State::Suspended).await;
    assert_eq!(world.ask_token(&customer).await, wrong);
    assert_eq!(world.ask_token(&owned).await.status, StatusCode::OK);
    world.edit_account(&account, |account| account.state = State::Suspended).await;
    assert_eq!(world.ask_token(&owned).await, wrong);
}

#[tokio::test]
async fn oauth_token_025_wrong_secrets_do_not_lock_the_customer_out() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    for _ in 0..5 {
        world.ask_token_from("198.51.100.9", &customer, "WRONG").await;
    }
    let other = world.ask_token_from("192.0.2.1", &customer, &customer.secret).await;
    assert_eq!(other.status, StatusCode::OK);
}

#[tokio::test]
async fn oauth_token_026_a_flood_of_wrong_secrets_is_slowed_down() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let mut statuses = Vec::new();
    for _ in 0..40 {
        let answer = world.ask_token_from("198.51.100.9", &customer, "WRONG").await;
        statuses.push(answer.status.as_u16());
    }
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 30);
    let slowed = world.ask_token_from("198.51.100.9", &customer, "WRONG").await;
    assert_snapshot!(slowed, @r#"429 {"error":"too_many_requests","error_description":"Too many failed attempts"}"#);
    assert_eq!(slowed.header("retry-after"), "1");
    assert_eq!(slowed.header("cache-control"), "no-store");
    // Unknown clients are slowed down alike, and the right secret passes even from there.
    let nobody = Customer { id_text: "nobody".to_owned(), ..customer.clone() };
    assert_eq!(world.ask_token_from("198.51.100.9", &nobody, "WRONG").await, slowed);
    let right = world.ask_token_from("198.51.100.9", &customer, &customer.secret).await;
    assert_eq!(right.status, StatusCode::OK);
    let elsewhere = world.ask_token_from("192.0.2.1", &customer, "WRONG").await;
    assert_eq!(elsewhere.status, StatusCode::UNAUTHORIZED);
    world.pass_s(2).await;
    let later = world.ask_token_from("198.51.100.9", &customer, "WRONG").await;
    assert_eq!(later.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn oauth_token_035_an_overlap_ends_on_time() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let fresh = PlainSecret::from_random(&"n".repeat(32));
    let now = world.clock.now();
    world
        .edit_client(&customer.id, |client| {
            client.secrets[0].expires_at = Some(now.plus_seconds(3_600));
            client.secrets.push(world.secret(&customer.id, &fresh));
        })
        .await;
    let status = async |secret: &str| {
        world.ask_token_from("127.0.0.1", &customer, secret).await.status.as_u16()
    };
    world.pass_s(59 * 60).await;
    assert_eq!((status(&customer.secret).await, status(fresh.reveal()).await), (200, 200));
    world.pass_s(2 * 60).await;
    assert_eq!((status(&customer.secret).await, status(fresh.reveal()).await), (401, 200));
}

#[tokio::test]
async fn a_stale_policy_is_503_and_never_a_token() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    world.clock.advance_ms(60_000);
    let answer = world.ask_token(&customer).await;
    assert_snapshot!(answer, @r#"503 {"error":"temporarily_unavailable","error_description":"The server cannot answer now, try again"}"#);
    assert_eq!(answer.header("retry-after"), "1");
    world.services.refresh().await.unwrap();
    assert_eq!(world.ask_token(&customer).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_changed_list_counts_for_the_next_token() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    assert_eq!(world.ask_token(&customer).await.status, StatusCode::OK);
    world.edit_client(&customer.id, |c| c.allowlist = world.enforce(&["192.0.2.1"])).await;
    assert_eq!(world.ask_token(&customer).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_token_of_the_second_of_a_revocation_waits_for_the_next() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let old = world.token(&customer).await;
    let now = world.clock.now();
    world.edit_client(&customer.id, |client| client.tokens_not_before = Some(now)).await;
    // Only here: the store's own time limits must not run out in no time.
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    let token = world.token(&customer).await;
    let waited_ms = begun.elapsed().as_millis();
    tokio::time::resume();
    assert!((750..=751).contains(&waited_ms), "until the next full second, not {waited_ms} ms");
    world.pass_ms(750).await;
    let iat = |token: &str| payload_of(token)["iat"].as_i64().unwrap();
    assert_eq!(iat(&token), iat(&old) + 1);
    let active = async |token: &str| {
        let call = world.call("POST", "/oauth/introspect");
        let call = call.basic(&customer.id_text, &customer.secret);
        call.form(&[("token", token)]).await.json()["active"].as_bool().unwrap()
    };
    assert!(!active(&old).await);
    assert!(active(&token).await);
}

#[tokio::test]
async fn a_revocation_far_ahead_of_the_clock_issues_nothing() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let ahead = world.clock.now().plus_seconds(60);
    world.edit_client(&customer.id, |client| client.tokens_not_before = Some(ahead)).await;
    assert_eq!(world.ask_token(&customer).await.status, StatusCode::SERVICE_UNAVAILABLE);
}
