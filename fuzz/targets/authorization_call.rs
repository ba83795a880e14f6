//! Envoy's authorization calls from any bytes: whatever stands in one, nobody is let in without a
//! credential that exists, every answer says so explicitly, and a call made of any parts reads the
//! same address and path that were put in.
#![no_main]

use std::sync::{Arc, LazyLock};

use envoy_types::pb::envoy::service::auth::v3::CheckResponse;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use http_body_util::{BodyExt as _, Full};
use keyward_allowlist::{Connection, Peer};
use keyward_core::gateway::{Gateway, GatewayKind};
use keyward_core::id::GatewayId;
use keyward_core::policy::{Change, Freshness, Policy, Settings};
use keyward_core::secret::{PepperId, Peppers};
use keyward_core::time::{Clock, Timestamp};
use keyward_gate::grpc::GrpcChecks;
use keyward_gate::{Events, Gate};
use libfuzzer_sys::fuzz_target;
use prost::Message as _;
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

static GATE: LazyLock<Arc<Gate>> = LazyLock::new(|| {
    let id = GatewayId::parse("edge").expect("a name");
    let mut gateway = Gateway::new(id, GatewayKind::EnvoyGrpc, Timestamp::default());
    gateway.auth.peers = vec!["127.0.0.1".parse().expect("a network")];
    gateway.public_paths = vec!["/open".to_owned()];
    let policy = Policy::new(Settings {
        issuer: "https://id.example/".to_owned(),
        keys: Default::default(),
        peppers: Peppers::new((PepperId(1), &[1; 32]), &[]),
        default_audience: None,
        leeway_s: 0,
    });
    policy.apply(1, vec![Change::Gateway(Box::new(gateway))], Freshness::Authority);
    Arc::new(Gate::new(Arc::new(policy), Arc::new(At), Events::unheard()))
});

fuzz_target!(|data: &[u8]| {
    let Ok(length) = u32::try_from(data.len()) else { return };
    let frame = [&[0][..], &length.to_be_bytes(), data].concat();
    let request = http::Request::post("/envoy.service.auth.v3.Authorization/Check")
        .header("content-type", "application/grpc")
        .header("x-gateway", "edge")
        .body(Full::new(bytes::Bytes::from(frame)))
        .expect("a request");
    let connection = Connection { peer: Peer::Ip([127, 0, 0, 1].into()), proxied: None };
    let mut checks = GrpcChecks::new(Arc::clone(&GATE), connection, Arc::from([]));
    let answer = futures_executor::block_on(async {
        let answer = checks.call(request).await.expect("never fails");
        let status = answer.headers().get("grpc-status").cloned();
        let body = answer.into_body().collect().await.expect("a whole body");
        let trailers = body.trailers().cloned().unwrap_or_default();
        (status.or_else(|| trailers.get("grpc-status").cloned()), body.to_bytes())
    });
    match answer {
        // Bytes that are no call are an error of the protocol, which Envoy takes for a refusal.
        (Some(status), body) if status != "0" => assert!(body.is_empty()),
        (_, body) => {
            let answer = CheckResponse::decode(&body[5..]).expect("an answer");
            let code = answer.status.expect("a status, always").code;
            match answer.http_response.expect("words for the caller, always") {
                HttpResponse::DeniedResponse(denied) => {
                    assert_ne!(code, 0);
                    assert!(denied.status.is_some_and(|status| status.code >= 400));
                }
                // The one public path needs no credential, and gives nobody's identity.
                HttpResponse::OkResponse(ok) => {
                    assert_eq!(code, 0);
                    let header = |name: &str| {
                        let of = ok.headers.iter().filter_map(|option| option.header.as_ref());
                        of.filter(|header| header.key == name).map(|h| h.value.clone()).collect::<Vec<_>>()
                    };
                    assert_eq!(header("x-client-id"), ["-"]);
                    assert!(data.windows(5).any(|bytes| bytes == b"/open"));
                }
                HttpResponse::ErrorResponse(_) => panic!("no answer of ours"),
            }
        }
    }
});
