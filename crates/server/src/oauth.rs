//! OAuth 2.0 on the public listener: the token endpoint, introspection, revocation, discovery and
//! the key set.
//!
//! The handlers extract, ask [`keyward_core::decide`] and answer. Wherever a request is refused,
//! `reply.rs` alone says how: it holds the one place where a reason becomes an OAuth error.

mod actions;
mod client;
mod discovery;
mod introspect;
mod parameters;
mod quota;
mod reply;
mod request;
mod revoke;
mod throttle;
mod token;

use std::sync::Arc;

use axum::routing::{get, post};
use axum::{Extension, Router, middleware};

pub use introspect::INTROSPECT_SCOPE;

use crate::services::Services;
use throttle::Throttle;

/// The routes of this module.
pub fn router() -> Router<Arc<Services>> {
    let endpoints = Router::new()
        .route("/oauth/token", post(token::issue_token).fallback(reply::method_not_allowed))
        .route(
            "/oauth/introspect",
            post(introspect::introspect).fallback(reply::method_not_allowed),
        )
        .route("/oauth/revoke", post(revoke::revoke).fallback(reply::method_not_allowed))
        .layer(middleware::from_fn(reply::finish))
        .layer(Extension(Arc::new(Throttle::new())));
    let documents = Router::new()
        .route("/.well-known/openid-configuration", get(discovery::get_metadata))
        .route("/.well-known/oauth-authorization-server", get(discovery::get_metadata))
        .route("/.well-known/jwks.json", get(discovery::get_keys))
        .route("/authorize", get(discovery::refuse_authorization))
        .method_not_allowed_fallback(reply::not_get);
    endpoints.merge(documents)
}
