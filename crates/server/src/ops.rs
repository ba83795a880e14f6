//! The ops listener: is the process alive, can it decide, what does it count.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use keyward_core::policy::{Policy, Standing};
use keyward_core::time::Clock;
use metrics_exporter_prometheus::PrometheusHandle;

/// What the ops listener looks at.
#[derive(Clone)]
pub struct Ops {
    /// The policy that decisions are made by.
    pub policy: Arc<Policy>,
    /// The clock that its freshness is judged by.
    pub clock: Arc<dyn Clock + Send + Sync>,
    /// The counters.
    pub metrics: PrometheusHandle,
}

impl std::fmt::Debug for Ops {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ops").finish_non_exhaustive()
    }
}

/// `/livez`, `/readyz` and `/metrics`, and nothing else.
pub fn router(ops: Ops) -> Router {
    Router::new()
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(ops)
}

/// 200 when this process can decide, else 503 with what is missing.
async fn readyz(State(ops): State<Ops>) -> impl IntoResponse {
    match ops.policy.generation().standing(ops.clock.uptime_ms()) {
        // A poisoned generation is replaced within the moment.
        Standing::Good | Standing::Poisoned => (StatusCode::OK, "ready\n"),
        Standing::Expired => {
            (StatusCode::SERVICE_UNAVAILABLE, "the policy is not loaded or too old\n")
        }
    }
}

async fn metrics(State(ops): State<Ops>) -> impl IntoResponse {
    metrics::gauge!("keyward_policy_revision").set(precise(ops.policy.revision()));
    metrics::gauge!("keyward_clients").set(precise(ops.policy.client_count() as u64));
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], ops.metrics.render())
}

/// Prometheus counts in floating point: exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "beyond 2^53 changes nobody minds")]
fn precise(number: u64) -> f64 {
    number as f64
}
