//! The ops listener: alive, ready, counting, and nothing else.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use keyward_core::policy::{Freshness, Policy, Settings};
use keyward_core::secret::{PepperId, Peppers};
use keyward_core::time::{FixedClock, Timestamp};
use keyward_server::ops;
use metrics_exporter_prometheus::PrometheusBuilder;
use tower::ServiceExt as _;

/// The listener of a process that has no policy yet, 1,000 ms after the machine's start.
fn before_the_first_policy() -> (Arc<Policy>, Router) {
    let policy = Arc::new(Policy::new(Settings {
        issuer: "https://keyward.example/".to_owned(),
        keys: std::iter::empty::<keyward_core::jwk::VerifyingKey>().collect(),
        peppers: Peppers::new((PepperId(1), &[1; 32]), &[]),
        default_audience: None,
        leeway_s: 5,
    }));
    let router = ops::router(ops::Ops {
        policy: Arc::clone(&policy),
        clock: Arc::new(FixedClock { now: Timestamp::from_seconds(0), uptime_ms: 1_000 }),
        metrics: PrometheusBuilder::new().build_recorder().handle(),
    });
    (policy, router)
}

async fn get(router: &Router, path: &str) -> (u16, String) {
    let request = Request::builder().uri(path).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn forward_auth_045_not_ready_before_the_first_policy() {
    let (policy, router) = before_the_first_policy();
    assert_eq!(get(&router, "/readyz").await.0, 503);
    // Alive all the same: a restart would not load it any faster.
    assert_eq!(get(&router, "/livez").await.0, 200);
    policy.apply(1, Vec::new(), Freshness::Until(1_001));
    assert_eq!(get(&router, "/readyz").await, (200, "ready\n".to_owned()));
    policy.apply(2, Vec::new(), Freshness::Until(1_000));
    assert_eq!(get(&router, "/readyz").await.0, 503, "and not any more once it is too old");
}

#[tokio::test]
async fn the_ops_listener_has_no_other_route() {
    let (_, router) = before_the_first_policy();
    for path in ["/", "/v1/check/default", "/oauth/token", "/api/v2/clients", "/v1/accounts"] {
        assert_eq!(get(&router, path).await.0, 404, "{path}");
    }
    assert_eq!(get(&router, "/metrics").await.0, 200);
}
