//! Discovery documents (RFC 8414, `OpenID` Connect Discovery) and the key set (RFC 7517).
//!
//! They name what exists and nothing else.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use keyward_core::client::CLIENT_CREDENTIALS;
use keyward_core::client::credential::{AssertionAlgorithm, AuthenticationMethod};
use keyward_core::dpop::ALGORITHMS;
use keyward_core::jwk::{Algorithm, KeySet};
use serde::Serialize;

use super::reply::OAuthError;
use crate::services::{ClientCertificates, Services};

/// Validators keep keys for ten minutes by themselves. The next key is published before it signs,
/// so none is met unprepared.
const KEYS_CACHED: &str = "public, max-age=600";
const METADATA_CACHED: &str = "public, max-age=3600";
/// Ways in which a client shows who it is, wherever it asks.
const AUTH_METHODS: [&str; 3] = ["client_secret_basic", "client_secret_post", "private_key_jwt"];

/// The metadata document.
#[derive(Serialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    introspection_endpoint: String,
    revocation_endpoint: String,
    jwks_uri: String,
    grant_types_supported: [&'static str; 1],
    response_types_supported: [&'static str; 0],
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: Vec<&'static str>,
    token_endpoint_auth_methods_supported: Vec<&'static str>,
    token_endpoint_auth_signing_alg_values_supported: [&'static str; 5],
    introspection_endpoint_auth_methods_supported: Vec<&'static str>,
    introspection_endpoint_auth_signing_alg_values_supported: [&'static str; 5],
    revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    revocation_endpoint_auth_signing_alg_values_supported: [&'static str; 5],
    #[serde(skip_serializing_if = "Option::is_none")]
    mtls_endpoint_aliases: Option<Aliases>,
    dpop_signing_alg_values_supported: [&'static str; 4],
    tls_client_certificate_bound_access_tokens: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
}

/// Where clients with a certificate ask (RFC 8705 §5): where all others do. It is said because some
/// libraries insist.
#[derive(Serialize)]
struct Aliases {
    token_endpoint: String,
    introspection_endpoint: String,
    revocation_endpoint: String,
}

/// The metadata, at both well-known paths.
pub(super) async fn get_metadata(State(services): State<Arc<Services>>) -> impl IntoResponse {
    let at = |path: &str| format!("{}{path}", services.issuer);
    let certificates = services.takes_client_certificates();
    let methods = auth_methods(certificates);
    let algorithms_of_clients = AssertionAlgorithm::ALL.map(AssertionAlgorithm::name);
    let metadata = Metadata {
        issuer: services.issuer.clone(),
        // `OpenID` Connect Discovery §3 requires one and client libraries insist; it refuses.
        authorization_endpoint: at("authorize"),
        token_endpoint: at("oauth/token"),
        introspection_endpoint: at("oauth/introspect"),
        revocation_endpoint: at("oauth/revoke"),
        jwks_uri: at(".well-known/jwks.json"),
        grant_types_supported: [CLIENT_CREDENTIALS],
        response_types_supported: [],
        subject_types_supported: ["public"],
        // Compat(auth0): its validators take the algorithms of access tokens from here.
        id_token_signing_alg_values_supported: algorithms(
            &services.policy.generation().settings.keys,
        ),
        token_endpoint_auth_methods_supported: methods.clone(),
        token_endpoint_auth_signing_alg_values_supported: algorithms_of_clients,
        introspection_endpoint_auth_methods_supported: methods.clone(),
        introspection_endpoint_auth_signing_alg_values_supported: algorithms_of_clients,
        revocation_endpoint_auth_methods_supported: methods,
        revocation_endpoint_auth_signing_alg_values_supported: algorithms_of_clients,
        mtls_endpoint_aliases: certificates.any.then(|| Aliases {
            token_endpoint: at("oauth/token"),
            introspection_endpoint: at("oauth/introspect"),
            revocation_endpoint: at("oauth/revoke"),
        }),
        dpop_signing_alg_values_supported: ALGORITHMS.map(Algorithm::name),
        tls_client_certificate_bound_access_tokens: true,
        request_parameter_supported: false,
        request_uri_parameter_supported: false,
    };
    ([(CACHE_CONTROL, METADATA_CACHED)], Json(metadata))
}

fn auth_methods(certificates: ClientCertificates) -> Vec<&'static str> {
    let by_chain = certificates.verified.then_some(AuthenticationMethod::TlsClientAuth);
    let by_itself = certificates.any.then_some(AuthenticationMethod::SelfSignedTlsClientAuth);
    let by_certificate = by_chain.into_iter().chain(by_itself).map(AuthenticationMethod::name);
    AUTH_METHODS.into_iter().chain(by_certificate).collect()
}

fn algorithms(keys: &KeySet) -> Vec<&'static str> {
    let signs = |algorithm: &Algorithm| keys.iter().any(|key| key.algorithm() == *algorithm);
    Algorithm::ALL.into_iter().filter(signs).map(Algorithm::name).collect()
}

/// The public keys: current, next, and previous ones whose tokens may still live.
pub(super) async fn get_keys(State(services): State<Arc<Services>>) -> impl IntoResponse {
    let keys = services.signing.load().jwks(services.now());
    ([(CACHE_CONTROL, KEYS_CACHED)], Json(keys))
}

/// There is nothing to authorize: machines use their own credentials.
pub(super) async fn refuse_authorization() -> impl IntoResponse {
    OAuthError::unsupported_response_type()
}
