//! Who answers the requests of a listener.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body as AxumBody;
use http::{Request, Response};
use hyper::body::{Body, Bytes};
use keyward_allowlist::{Connection, Peer, ProxyExpectation};
use keyward_core::gateway::CertificateName;
use keyward_gate::grpc::{GrpcBody, GrpcChecks};
use keyward_gate::{CheckBody, Checks, Gate};
use rustls::pki_types::CertificateDer;
use tower::Service;

use super::request::RequestBody;

/// What is known of a connection when its first request comes.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// The peer, and its PROXY header if there was one.
    pub connection: Connection,
    /// What its verified client certificate says; nothing without one.
    pub certificate: Arc<[CertificateName]>,
    /// The certificates that it showed, its own first.
    pub chain: ClientChain,
}

/// The certificates that a client showed in the TLS handshake, its own first; empty without any. It
/// holds the key of the first one. Whether anybody vouches for it is another question.
#[derive(Debug, Clone, Default)]
pub struct ClientChain(pub Arc<[CertificateDer<'static>]>);

/// Answers the requests of a listener.
pub trait Handler: Send + Sync + 'static {
    /// Answers the requests of one connection.
    type Service: Service<
            Request<RequestBody>,
            Response = Response<Self::Body>,
            Error = Infallible,
            Future: Future<Output = Result<Response<Self::Body>, Infallible>> + Send,
        > + Clone
        + Send
        + Sync
        + 'static;
    /// The bodies of its answers.
    type Body: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>
        + Unpin
        + Send
        + 'static;

    /// Who answers on a connection.
    fn accept(&self, accepted: &Accepted) -> Self::Service;

    /// Whether a PROXY header is taken from `peer`, on a listener without a rule of its own for
    /// that ([`super::ListenOptions::proxy_protocol`]).
    fn expect_proxy_header(&self, _peer: Peer) -> ProxyExpectation {
        ProxyExpectation::NotRead
    }
}

/// A router finds the [`Connection`] in each request's extensions, and the [`ClientChain`] of whoever
/// showed one.
impl Handler for Router {
    type Service = WithConnection;
    type Body = AxumBody;

    fn accept(&self, accepted: &Accepted) -> WithConnection {
        let chain = Some(accepted.chain.clone()).filter(|chain| !chain.0.is_empty());
        WithConnection { router: self.clone(), connection: accepted.connection, chain }
    }
}

/// A router, for the requests of one connection.
#[derive(Debug, Clone)]
pub struct WithConnection {
    router: Router,
    connection: Connection,
    chain: Option<ClientChain>,
}

impl Service<Request<RequestBody>> for WithConnection {
    type Response = Response<AxumBody>;
    type Error = Infallible;
    type Future = <Router as Service<Request<AxumBody>>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        <Router as Service<Request<AxumBody>>>::poll_ready(&mut self.router, cx)
    }

    fn call(&mut self, mut request: Request<RequestBody>) -> Self::Future {
        request.extensions_mut().insert(self.connection);
        if let Some(chain) = &self.chain {
            request.extensions_mut().insert(chain.clone());
        }
        self.router.call(request.map(|body| match body {
            RequestBody::Empty => AxumBody::empty(),
            RequestBody::Limited(body) => AxumBody::new(body),
        }))
    }
}

/// Checks over HTTP.
#[derive(Debug, Clone)]
pub struct CheckHandler(pub Arc<Gate>);

impl Handler for CheckHandler {
    type Service = Checks;
    type Body = CheckBody;

    fn accept(&self, accepted: &Accepted) -> Checks {
        let certificate = Arc::clone(&accepted.certificate);
        Checks::new(Arc::clone(&self.0), accepted.connection, certificate)
    }

    fn expect_proxy_header(&self, peer: Peer) -> ProxyExpectation {
        // One listener serves many gateways, so a header is taken from those listed and asked of
        // nobody: without one, a gateway that tells the address in it tells none.
        if self.0.takes_proxy_header(peer) {
            ProxyExpectation::Allowed
        } else {
            ProxyExpectation::NotRead
        }
    }
}

/// Checks over gRPC.
#[derive(Debug, Clone)]
pub struct GrpcHandler(pub Arc<Gate>);

impl Handler for GrpcHandler {
    type Service = GrpcChecks;
    type Body = GrpcBody;

    fn accept(&self, accepted: &Accepted) -> GrpcChecks {
        let certificate = Arc::clone(&accepted.certificate);
        GrpcChecks::new(Arc::clone(&self.0), accepted.connection, certificate)
    }
}
