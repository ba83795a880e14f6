//! Keyward's control plane: OAuth, the management APIs and the listeners.
//!
//! A management write goes: handler → [`caller::Caller`] → domain patch → one store transaction →
//! [`services::Services::commit`], which applies it to the policy in memory → reply. A decision
//! never comes near the store.

pub mod address;
pub mod caller;
pub mod clock;
pub mod failure;
pub mod jobs;
pub mod listen;
pub mod management;
pub mod oauth;
pub mod ops;
pub mod services;
pub mod signing;
pub mod v1;

use std::sync::Arc;

use axum::Router;

use crate::services::Services;

/// Everything on the public listener: OAuth, `/api/v2` and `/v1`.
pub fn public_router(services: &Arc<Services>) -> Router {
    Router::new()
        .merge(oauth::router())
        .merge(management::router())
        .merge(v1::router())
        .with_state(Arc::clone(services))
}
