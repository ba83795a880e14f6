//! Keyward's control plane: OAuth, the management APIs and the listeners.
//!
//! A management write goes: handler → [`caller::Caller`] → domain patch → one store transaction →
//! [`services::Services::commit`], which applies it to the policy in memory → reply. A decision
//! never comes near the store.

pub mod actions;
pub mod address;
pub mod alarms;
pub mod caller;
pub mod client_certificate;
pub mod clock;
pub mod failure;
pub mod jobs;
pub mod listen;
pub mod log_streams;
pub mod logs;
pub mod management;
pub mod oauth;
pub mod ops;
mod possession;
mod request_log;
pub mod services;
pub mod signing;
pub mod v1;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{Method, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};

use crate::failure::Failure;
use crate::services::Services;
use crate::v1::Problem;

/// Everything on the public listener: OAuth, `/api/v2` and `/v1`.
pub fn public_router(services: &Arc<Services>) -> Router {
    Router::new()
        .merge(oauth::router())
        .merge(management::router())
        .merge(v1::router())
        .fallback(no_such_path)
        .layer(from_fn_with_state(Arc::clone(services), request_log::log_request))
        .with_state(Arc::clone(services))
}

/// 404 in the shape of the surface that was meant.
async fn no_such_path(state: State<Arc<Services>>, method: Method, uri: Uri) -> Response {
    if matches!(uri.path(), "/api/v2" | "/api/v2/") {
        return management::no_such_path(state, method, uri).await;
    }
    let message = "there is nothing here; see /v1/docs and /.well-known/openid-configuration";
    Problem(Failure::not_found("not_found", message)).into_response()
}
