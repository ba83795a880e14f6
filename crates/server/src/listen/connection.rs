//! One connection, from the socket to its last request.

use std::io;
use std::pin::pin;
use std::sync::Arc;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use keyward_allowlist::{
    ClientAddressRule, Connection, PROXY_HEADER_BYTES_MAX, Peer, ProxyError, ProxyExpectation,
    ProxyHeader, ProxyStep, expect_proxy_header,
};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio_rustls::TlsAcceptor;

use super::Limits;
use super::certificate::names_of;
use super::guard::Guard;
use super::handler::{Accepted, ClientChain, Handler};
use super::head::HeadScanner;
use super::liveness::{Liveness, OpenConnection, Order};
use super::request::answer;
use super::stream::{Socket, Stream, Transport};

/// What every HTTP/2 connection starts with (RFC 9113, section 3.4).
const HTTP2_PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Bytes read at a time before the protocol is known.
const EARLY_BYTES: usize = 2048;

/// What all connections of a listener share.
pub(super) struct Listener<H> {
    pub(super) name: &'static str,
    pub(super) handler: H,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) proxy_protocol: Option<ClientAddressRule>,
    pub(super) limits: Limits,
    pub(super) http1: http1::Builder,
    pub(super) http2: http2::Builder<TokioExecutor>,
}

/// What all requests of a connection share.
pub(super) struct ConnectionContext<S> {
    pub(super) name: &'static str,
    pub(super) limits: Limits,
    pub(super) service: S,
    pub(super) liveness: Arc<Liveness>,
    pub(super) http2: bool,
}

/// A connection that is ready for its first request.
struct Ready {
    stream: Stream,
    /// Bytes of the stream that were read to tell the protocol.
    early: Vec<u8>,
    http2: bool,
    accepted: Accepted,
}

/// Why a connection ended before its first request.
#[derive(Debug, thiserror::Error)]
enum NotReady {
    #[error("the peer is not one that may send a PROXY header")]
    UnlistedPeer,
    #[error(transparent)]
    ProxyHeader(#[from] ProxyError),
    #[error("the TLS handshake failed: {0}")]
    Handshake(io::Error),
    #[error("the connection was closed: {0}")]
    Closed(#[from] io::Error),
}

impl NotReady {
    fn cause(&self) -> &'static str {
        match self {
            Self::UnlistedPeer => "proxy_peer",
            Self::ProxyHeader(_) => "proxy_header",
            Self::Handshake(_) => "tls_handshake",
            Self::Closed(_) => "closed_early",
        }
    }
}

/// Runs a connection to its end.
pub(super) async fn run<H: Handler>(
    listener: Arc<Listener<H>>,
    socket: Socket,
    peer: Peer,
    open: OpenConnection,
) {
    let liveness = Arc::clone(&open.liveness);
    let ready = tokio::select! {
        ready = prepare(&listener, socket, peer) => ready,
        _ = liveness.ordered() => {
            super::count_refusal(listener.name, "head_timeout");
            return;
        }
    };
    match ready {
        Ok(ready) if ready.http2 => run_http2(listener, ready, liveness).await,
        Ok(ready) => run_http1(listener, ready, liveness).await,
        Err(error) => {
            tracing::debug!(listener = listener.name, ?peer, %error, "connection refused");
            super::count_refusal(listener.name, error.cause());
        }
    }
    drop(open);
}

async fn run_http1<H: Handler>(listener: Arc<Listener<H>>, ready: Ready, liveness: Arc<Liveness>) {
    let scanner = HeadScanner::new(listener.limits.head);
    let guard =
        Guard::http1(ready.stream, &ready.early, scanner, Arc::clone(&liveness), listener.name);
    let context = Arc::new(listener.context(&ready.accepted, &liveness, false));
    let service = service_fn(move |request| answer(Arc::clone(&context), request));
    let mut connection = pin!(listener.http1.serve_connection(TokioIo::new(guard), service));
    loop {
        tokio::select! {
            biased;
            result = connection.as_mut() => return log_end(listener.name, result),
            order = liveness.ordered() => match order {
                // The guard learns of it by itself when the connection is polled again.
                Order::None | Order::HeadTimeout => {}
                Order::Close => connection.as_mut().graceful_shutdown(),
                Order::Kill => return,
            }
        }
    }
}

async fn run_http2<H: Handler>(listener: Arc<Listener<H>>, ready: Ready, liveness: Arc<Liveness>) {
    let guard = Guard::http2(ready.stream, ready.early, Arc::clone(&liveness), listener.name);
    let context = Arc::new(listener.context(&ready.accepted, &liveness, true));
    let service = service_fn(move |request| answer(Arc::clone(&context), request));
    let mut connection = pin!(listener.http2.serve_connection(TokioIo::new(guard), service));
    loop {
        tokio::select! {
            biased;
            result = connection.as_mut() => return log_end(listener.name, result),
            order = liveness.ordered() => match order {
                Order::None => {}
                Order::Close => connection.as_mut().graceful_shutdown(),
                // Without a first request in time there is nobody to take leave of.
                Order::HeadTimeout | Order::Kill => return,
            }
        }
    }
}

impl<H: Handler> Listener<H> {
    fn context(
        &self,
        accepted: &Accepted,
        liveness: &Arc<Liveness>,
        http2: bool,
    ) -> ConnectionContext<H::Service> {
        ConnectionContext {
            name: self.name,
            limits: self.limits,
            service: self.handler.accept(accepted),
            liveness: Arc::clone(liveness),
            http2,
        }
    }
}

fn log_end(listener: &'static str, result: hyper::Result<()>) {
    if let Err(error) = result {
        tracing::debug!(listener, %error, "connection ended with an error");
    }
}

/// Reads what comes before the first request: PROXY header, TLS handshake, protocol.
async fn prepare<H: Handler>(
    listener: &Listener<H>,
    mut socket: Socket,
    peer: Peer,
) -> Result<Ready, NotReady> {
    let expectation = match &listener.proxy_protocol {
        Some(rule) => expect_proxy_header(peer, rule),
        None => listener.handler.expect_proxy_header(peer),
    };
    let (proxied, early) = read_proxy_header(&mut socket, expectation).await?;
    let connection = Connection { peer, proxied };
    let mut certificate = Arc::default();
    let mut chain = ClientChain::default();
    let transport = Transport::new(socket, early);
    let (mut stream, negotiated) = match &listener.tls {
        None => (Stream::Plain(transport), None),
        Some(acceptor) => {
            let stream = acceptor.accept(transport).await.map_err(NotReady::Handshake)?;
            let session = stream.get_ref().1;
            let negotiated = session.alpn_protocol().map(|protocol| protocol == b"h2");
            let shown = session.peer_certificates().unwrap_or_default();
            certificate = names_of(shown.first());
            chain = ClientChain(shown.iter().map(|one| one.clone().into_owned()).collect());
            (Stream::Tls(Box::new(stream)), negotiated)
        }
    };
    let (http2, early) = match negotiated {
        Some(http2) => (http2, Vec::new()),
        None => tell_protocol(&mut stream).await?,
    };
    Ok(Ready { stream, early, http2, accepted: Accepted { connection, certificate, chain } })
}

/// Reads the PROXY header, if one is due, and gives it with the bytes that follow it.
async fn read_proxy_header(
    socket: &mut Socket,
    expectation: ProxyExpectation,
) -> Result<(Option<ProxyHeader>, Vec<u8>), NotReady> {
    match expectation {
        ProxyExpectation::NotRead => return Ok((None, Vec::new())),
        // Security: whoever can go round the proxies is turned away, header or not.
        ProxyExpectation::Forbidden => return Err(NotReady::UnlistedPeer),
        ProxyExpectation::Required | ProxyExpectation::Allowed => {}
    }
    let mut bytes = Vec::with_capacity(PROXY_HEADER_BYTES_MAX);
    loop {
        if socket.read_more(&mut bytes).await? == 0 {
            return Err(NotReady::Closed(io::ErrorKind::UnexpectedEof.into()));
        }
        if let ProxyStep::Serve { proxied, consumed } = expectation.next(&bytes)? {
            bytes.drain(..consumed);
            return Ok((proxied, bytes));
        }
    }
}

/// Reads until the bytes are, or cannot become, the preface of HTTP/2.
async fn tell_protocol(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<(bool, Vec<u8>)> {
    let mut early = Vec::with_capacity(EARLY_BYTES);
    loop {
        let read = stream.read_buf(&mut early).await?;
        if early.starts_with(HTTP2_PREFACE) {
            return Ok((true, early));
        }
        if read == 0 || !HTTP2_PREFACE.starts_with(&early) {
            return Ok((false, early));
        }
    }
}
