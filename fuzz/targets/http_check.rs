//! Checks over HTTP from any path and headers: total, never 200 without a credential that exists,
//! and the same answer for the same request.
#![no_main]

use std::sync::{Arc, LazyLock};

use http::{HeaderName, HeaderValue, Request};
use http_body_util::Empty;
use keyward_allowlist::{Connection, Peer};
use keyward_core::gateway::{Gateway, GatewayKind};
use keyward_core::id::GatewayId;
use keyward_core::policy::{Change, Freshness, Policy, Settings};
use keyward_core::secret::{PepperId, Peppers};
use keyward_core::time::{Clock, Timestamp};
use keyward_gate::{Checks, Events, Gate};
use libfuzzer_sys::fuzz_target;
use tower_service::Service as _;

#[derive(Debug)]
struct At;

impl Clock for At {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000)
    }

    fn uptime_ms(&self) -> u64 {
        1
    }
}

/// A gateway of each kind that asks over HTTP.
static GATE: LazyLock<Arc<Gate>> = LazyLock::new(|| {
    let policy = Policy::new(Settings {
        issuer: "https://id.example/".to_owned(),
        keys: Default::default(),
        peppers: Peppers::new((PepperId(1), &[1; 32]), &[]),
        default_audience: None,
        leeway_s: 0,
    });
    let kinds = ["nginx", "caddy", "traefik", "envoy-http", "ingress-nginx", "application"];
    let gateways = kinds.into_iter().map(|name| {
        let kind = GatewayKind::parse(name).expect("a kind");
        let id = GatewayId::parse(name).expect("a name");
        let mut gateway = Gateway::new(id, kind, Timestamp::default());
        gateway.auth.peers = vec!["127.0.0.1".parse().expect("a network")];
        Change::Gateway(Box::new(gateway))
    });
    policy.apply(1, gateways.collect(), Freshness::Authority);
    Arc::new(Gate::new(Arc::new(policy), Arc::new(At), Events::unheard()))
});

fuzz_target!(|data: &[u8]| {
    let mut lines = data.split(|byte| *byte == b'\n');
    let Ok(uri) = http::Uri::try_from(lines.next().unwrap_or_default()) else { return };
    let mut request = Request::new(Empty::<bytes::Bytes>::new());
    *request.uri_mut() = uri;
    for line in lines {
        let Some(at) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = line.split_at(at);
        let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(&value[1..]))
        else {
            continue;
        };
        if request.headers().len() < 100 {
            request.headers_mut().append(name, value);
        }
    }
    let connection = Connection { peer: Peer::Ip([127, 0, 0, 1].into()), proxied: None };
    let mut checks = Checks::new(Arc::clone(&GATE), connection, Arc::from([]));
    let mut answer = || {
        let answer = futures_executor::block_on(checks.call(request.clone()));
        let answer = answer.expect("never fails");
        assert!(matches!(answer.status().as_u16(), 400 | 401 | 403 | 503), "{answer:?}");
        let mut headers = answer.headers().clone();
        headers.remove("x-request-id");
        assert!(!headers.keys().any(|name| name.as_str().starts_with("x-client")));
        (answer.status(), headers)
    };
    assert_eq!(answer(), answer());
});
