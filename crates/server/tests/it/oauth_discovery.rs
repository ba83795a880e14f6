//! What clients and validators find without being told.

use axum::http::StatusCode;
use insta::assert_snapshot;
use keyward_core::jwk::Algorithm;
use serde_json::Value;

use crate::support::{World, header_of, payload_of};

#[tokio::test]
async fn oauth_token_041_the_issuer_is_exact_at_both_paths() {
    let world = World::new().await;
    let first = world.call("GET", "/.well-known/openid-configuration").empty().await;
    assert_snapshot!(first, @r#"200 {"issuer":"https://auth.example/","authorization_endpoint":"https://auth.example/authorize","token_endpoint":"https://auth.example/oauth/token","introspection_endpoint":"https://auth.example/oauth/introspect","revocation_endpoint":"https://auth.example/oauth/revoke","jwks_uri":"https://auth.example/.well-known/jwks.json","grant_types_supported":["client_credentials"],"response_types_supported":[],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["RS256","ES256","PS256","EdDSA"],"token_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post","private_key_jwt"],"token_endpoint_auth_signing_alg_values_supported":["RS256","RS384","PS256","ES256","EdDSA"],"introspection_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post","private_key_jwt"],"introspection_endpoint_auth_signing_alg_values_supported":["RS256","RS384","PS256","ES256","EdDSA"],"revocation_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post","private_key_jwt"],"revocation_endpoint_auth_signing_alg_values_supported":["RS256","RS384","PS256","ES256","EdDSA"],"dpop_signing_alg_values_supported":["ES256","RS256","PS256","EdDSA"],"tls_client_certificate_bound_access_tokens":true,"request_parameter_supported":false,"request_uri_parameter_supported":false}"#);
    let second = world.call("GET", "/.well-known/oauth-authorization-server").empty().await;
    assert_eq!(first, second);
    let customer = world.customer('a').await;
    assert_eq!(payload_of(&world.token(&customer).await)["iss"], first.json()["issuer"]);
}

#[tokio::test]
async fn the_key_set_has_the_current_and_the_next_key_of_each_algorithm() {
    let world = World::new().await;
    let answer = world.call("GET", "/.well-known/jwks.json").empty().await;
    assert_eq!(answer.header("cache-control"), "public, max-age=600");
    let keys = answer.json()["keys"].as_array().unwrap().clone();
    for algorithm in Algorithm::ALL {
        let of_it: Vec<&Value> = keys.iter().filter(|key| key["alg"] == algorithm.name()).collect();
        assert_eq!(of_it.len(), 2, "{algorithm:?}");
        assert!(of_it.iter().all(|key| key["use"] == "sig" && key["kid"].is_string()));
    }
    let private = ["d", "p", "q", "dp", "dq", "qi"];
    assert!(keys.iter().all(|key| private.iter().all(|name| key.get(name).is_none())));
    let customer = world.customer('a').await;
    let kid = &header_of(&world.token(&customer).await)["kid"];
    assert!(keys.iter().any(|key| key["kid"] == *kid));
}

#[tokio::test]
async fn the_authorization_endpoint_authorizes_nothing() {
    let world = World::new().await;
    let answer = world.call("GET", "/authorize?response_type=code&client_id=a").empty().await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.text("error"), "unsupported_response_type");
}
