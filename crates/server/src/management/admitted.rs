//! What comes with every management request: the caller, the request's id, the moment.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use keyward_core::actor::Actor;
use keyward_core::time::Timestamp;
use keyward_gate::RequestId;
use keyward_store::{StoreError, Tx};
use serde::de::DeserializeOwned;

use crate::caller::{Caller, Scope};
use crate::failure::Failure;
use crate::management::rate_limit::{self, RateLimiter};
use crate::management::{ManagementFailure, not_found};
use crate::services::Services;
use crate::v1::Problem;

/// A caller that has the scope `S` and has not called too often.
#[derive(Debug)]
pub(crate) struct Admitted<S: Scope> {
    pub(crate) caller: Caller<S>,
    pub(crate) now: Timestamp,
    request_id: RequestId,
}

impl<S: Scope> Admitted<S> {
    /// Who writes.
    pub(crate) fn actor(&self) -> &Actor {
        self.caller.actor()
    }

    /// Begins a write in the caller's name.
    pub(crate) async fn begin(&self, services: &Services) -> Result<Tx, StoreError> {
        services.store.begin(self.actor(), &self.request_id.to_string(), self.now).await
    }
}

impl<S: Scope> FromRequestParts<Arc<Services>> for Admitted<S> {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        services: &Arc<Services>,
    ) -> Result<Self, Response> {
        let now = services.now();
        rate_limit::note_idle(parts, now);
        let caller = Caller::<S>::from_request_parts(parts, services)
            .await
            .map_err(IntoResponse::into_response)?;
        if let (Some(limiter), Some(client)) =
            (parts.extensions.get::<Arc<RateLimiter>>(), caller.client())
        {
            let charged = limiter.charge(client.key(), now);
            rate_limit::note(parts, charged);
            if charged.is_over {
                return Err(refused(parts, rate_limit::failure(charged, now)));
            }
        }
        let known = parts.extensions.get::<RequestId>().copied();
        Ok(Self { caller, now, request_id: known.unwrap_or_else(RequestId::random) })
    }
}

/// The variable parts of the path.
#[derive(Debug)]
pub(crate) struct Place<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<Services>> for Place<T> {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        services: &Arc<Services>,
    ) -> Result<Self, Response> {
        match Path::<T>::from_request_parts(parts, services).await {
            Ok(Path(place)) => Ok(Self(place)),
            // A path that cannot be decoded names nothing.
            Err(_) => Err(refused(parts, not_found(""))),
        }
    }
}

/// A refusal in the shape of the surface that was called.
pub(crate) fn refused(parts: &Parts, failure: Failure) -> Response {
    if parts.uri.path().starts_with("/api/v2") {
        ManagementFailure(failure).into_response()
    } else {
        Problem(failure).into_response()
    }
}
