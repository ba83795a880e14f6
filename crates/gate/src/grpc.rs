//! Envoy's external authorization over gRPC: `envoy.service.auth.v3.Authorization/Check`, and the
//! health service.
//!
//! An empty `CheckResponse` means *allowed*, so an answer is a `Verdict`, which cannot be
//! made without saying what it is; the codec takes nothing else.

mod check;
mod health;
mod verdict;

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use ::http::{HeaderMap, Request, Response};
use http_body::Body;
use keyward_allowlist::Connection;
use keyward_core::gateway::{CertificateName, Protocol};
use keyward_core::policy::Claim;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic_health::pb::health_server::HealthServer;
use tower_service::Service;

use crate::credential::{BasicBuffer, credential};
use crate::gate::{Answer, Gate};
use check::{GrpcCheck, headers_read};
use health::Serving;
use verdict::{CheckCodec, Verdict};

/// The body of an answer.
pub type GrpcBody = tonic::body::Body;

/// The largest request that is read. Envoy sends the head of the caller's request, and of its body
/// what it is told to.
const REQUEST_BYTES_MAX: usize = 1024 * 1024;
/// An answer has a handful of short headers.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";
const HEALTH: &str = "/grpc.health.v1.Health/";

/// Checks over gRPC for one connection of a gateway.
#[derive(Clone)]
pub struct GrpcChecks {
    gate: Arc<Gate>,
    connection: Connection,
    certificate: Arc<[CertificateName]>,
}

impl GrpcChecks {
    /// Checks that come over this connection, from somebody who showed this client certificate.
    #[must_use]
    pub fn new(
        gate: Arc<Gate>,
        connection: Connection,
        certificate: Arc<[CertificateName]>,
    ) -> Self {
        Self { gate, connection, certificate }
    }

    fn answer(&self, metadata: &HeaderMap, request: &check::CheckRequest) -> Answer {
        let headers = headers_read(request);
        let mut buffer = BasicBuffer::new();
        let credential = credential(&headers, &mut buffer);
        let check = GrpcCheck::new(metadata, request, &headers, credential);
        let claim = Claim {
            connection: &self.connection,
            certificate: &self.certificate,
            token: check.gateway_token(),
            protocol: Protocol::Grpc,
        };
        let named = check.gateway_name();
        let by_place = match named {
            Ok(None) => self.gate.only_gateway_at(&claim),
            Ok(Some(_)) | Err(_) => None,
        };
        let name = match named {
            Ok(name) => name.or(by_place.as_deref()),
            Err(_) => None,
        };
        self.gate.check(name, &claim, &check)
    }
}

impl fmt::Debug for GrpcChecks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcChecks").field("connection", &self.connection).finish_non_exhaustive()
    }
}

type Answering =
    Pin<Box<dyn Future<Output = Result<Response<tonic::body::Body>, Infallible>> + Send>>;

impl<B> Service<Request<B>> for GrpcChecks
where
    B: Body + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
{
    type Response = Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Answering {
        let path = request.uri().path();
        if path == CHECK {
            let service = OneCheck(self.clone());
            return Box::pin(async move {
                let sizes = (Some(REQUEST_BYTES_MAX), Some(ANSWER_BYTES_MAX));
                let mut grpc =
                    Grpc::new(CheckCodec).apply_max_message_size_config(sizes.0, sizes.1);
                Ok(grpc.unary(service, request).await)
            });
        }
        if path.starts_with(HEALTH) {
            return HealthServer::new(Serving(Arc::clone(&self.gate))).call(request);
        }
        Box::pin(async { Ok(tonic::Status::unimplemented("there is no such method").into_http()) })
    }
}

/// One call of `Check`.
struct OneCheck(GrpcChecks);

impl UnaryService<check::CheckRequest> for OneCheck {
    type Response = Verdict;
    type Future =
        Pin<Box<dyn Future<Output = Result<tonic::Response<Verdict>, tonic::Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<check::CheckRequest>) -> Self::Future {
        let metadata = request.metadata().as_ref();
        let Answer { id, reply, hold } = self.0.answer(metadata, request.get_ref());
        let verdict = Verdict::of(reply, id);
        Box::pin(async move {
            if let Some(hold) = hold {
                hold.over().await;
            }
            Ok(tonic::Response::new(verdict))
        })
    }
}

impl NamedService for GrpcChecks {
    const NAME: &'static str = "envoy.service.auth.v3.Authorization";
}
