//! Asking a Keyward node over HTTP.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use ::http::header::{HOST, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use ::http::uri::{Authority, PathAndQuery, Scheme};
use ::http::{HeaderMap, Request, Response, StatusCode, Uri};
use bytes::Bytes;
use http_body_util::{Empty, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use keyward_core::attempt::CredentialFault;
use keyward_core::decision::Reason;
use keyward_core::gateway::{DenyStyle, Disclosure};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tower_service::Service;

use super::caller::has_identity;
use crate::http::CHECK_PATH;
use crate::reply::Refusal;
use crate::request_id::RequestId;

/// How long a check may take, connecting included.
const TIMEOUT: Duration = Duration::from_secs(2);
const CONNECT_TIMEOUT: Duration = Duration::from_millis(250);
/// Connections that are kept open while nothing is asked.
const IDLE_MAX: usize = 32;
/// For how long. The node gives up after 75 s, and a question must not meet it doing so: the side
/// that can open a new connection should be the one that closes.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

const X_GATEWAY_TOKEN: HeaderName = HeaderName::from_static("x-gateway-token");
const X_AUTH_STATUS: &str = "x-auth-status";

/// What went wrong with asking.
pub type AskError = Box<dyn Error + Send + Sync>;

/// An answer that is on its way: its status and headers.
pub type Asking<'a> =
    Pin<Box<dyn Future<Output = Result<(StatusCode, HeaderMap), AskError>> + Send + 'a>>;

/// Somebody who asks a node. [`Node`] does over plain HTTP and unix sockets; another client, with
/// TLS for example, can be put in its place.
pub trait Ask: Send + Sync {
    /// Asks, and gives status and headers of the answer. The question has headers and no path: it
    /// belongs to `/v1/check/{gateway}`.
    fn ask(&self, question: Request<()>) -> Asking<'_>;
}

/// Why a node cannot be asked at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// The address of the node.
    #[error("`{0}` is no node; write http://HOST:PORT or unix:/absolute/path")]
    Address(String),
    /// The name of the gateway.
    #[error("`{0}` is no gateway; write 1 to 64 of A-Z a-z 0-9 _ -")]
    Gateway(String),
    /// The token.
    #[error("the gateway token cannot stand in a header")]
    Token,
}

/// A Keyward node, asked in the name of one gateway.
#[derive(Clone)]
pub struct Node {
    uri: Uri,
    token: Option<HeaderValue>,
    timeout: Duration,
    client: Client<Connector, Empty<Bytes>>,
}

impl Node {
    /// A node's gate at `http://HOST:PORT` or `unix:/path`, asked as `gateway`.
    ///
    /// # Errors
    /// [`NodeError`].
    pub fn new(address: &str, gateway: &str) -> Result<Self, NodeError> {
        let bad = || NodeError::Address(address.to_owned());
        let gateway = keyward_core::id::GatewayId::parse(gateway)
            .map_err(|_| NodeError::Gateway(gateway.to_owned()))?;
        let (authority, connector) = if let Some(path) = address.strip_prefix("unix:") {
            let path = Path::new(path);
            if !path.is_absolute() {
                return Err(bad());
            }
            (Authority::from_static("localhost"), Connector::Unix(path.to_owned()))
        } else {
            let uri: Uri = address.parse().map_err(|_| bad())?;
            let plain = uri.scheme() == Some(&Scheme::HTTP) && matches!(uri.path(), "" | "/");
            let authority = uri.into_parts().authority.filter(|_| plain).ok_or_else(bad)?;
            let mut tcp = HttpConnector::new();
            tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
            tcp.set_nodelay(true);
            (authority, Connector::Tcp(tcp))
        };
        let path = PathAndQuery::from_maybe_shared(format!("{CHECK_PATH}{gateway}"));
        let uri = Uri::builder().scheme(Scheme::HTTP).authority(authority);
        let uri = uri.path_and_query(path.map_err(|_| bad())?).build().map_err(|_| bad())?;
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(IDLE_MAX)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build(connector);
        Ok(Self { uri, token: None, timeout: TIMEOUT, client })
    }

    /// Shows the gateway's token.
    ///
    /// # Errors
    /// [`NodeError::Token`].
    pub fn with_token(mut self, token: &str) -> Result<Self, NodeError> {
        let mut token = HeaderValue::from_str(token).map_err(|_| NodeError::Token)?;
        token.set_sensitive(true);
        self.token = Some(token);
        Ok(self)
    }

    /// Waits this long for an answer instead of two seconds.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("uri", &self.uri).finish_non_exhaustive()
    }
}

impl Ask for Node {
    fn ask(&self, question: Request<()>) -> Asking<'_> {
        let mut question = question.map(|()| Empty::new());
        *question.uri_mut() = self.uri.clone();
        if let Some(token) = &self.token {
            question.headers_mut().insert(X_GATEWAY_TOKEN, token.clone());
        }
        if let Some(host) = self.uri.host().and_then(|host| HeaderValue::from_str(host).ok()) {
            question.headers_mut().entry(HOST).or_insert(host);
        }
        Box::pin(async move {
            let asked = self.client.request(question);
            let answer = tokio::time::timeout(self.timeout, asked).await??;
            let (head, _body) = answer.into_parts();
            Ok((head.status, head.headers))
        })
    }
}

/// Asks a node: the identity of an allowed request, or the answer to be sent instead.
pub(super) async fn ask(
    node: &dyn Ask,
    question: Request<()>,
) -> Result<HeaderMap, Response<Full<Bytes>>> {
    let (status, headers) = match node.ask(question).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::warn!(%error, "the Keyward node does not answer, the request is refused");
            return Err(written(Refusal::unready(), None));
        }
    };
    // Any other 2xx, and one without an identity, is not Keyward's.
    if status == StatusCode::OK && has_identity(&headers) {
        return Ok(headers);
    }
    let meant = headers.get(X_AUTH_STATUS).and_then(|value| value.to_str().ok()?.parse().ok());
    // A node whose gateway is set to know 401 and 403 alone says what it means in a header.
    let reason = match (status.as_u16(), meant) {
        (400, _) => Reason::AmbiguousRequest,
        (401, _) if names_no_error(&headers) => Reason::Credential(CredentialFault::Missing),
        (401, _) => Reason::UnknownClient,
        (403, None) => Reason::Scope,
        (403, Some(429)) | (429, _) => Reason::RateLimit,
        _ => Reason::Stale,
    };
    let refusal = Refusal::of(reason, Disclosure::Generic, DenyStyle::Full);
    Err(written(refusal, Some(&headers)))
}

/// Whether the challenge says no more than that a credential is wanted (RFC 6750 §3.1).
fn names_no_error(headers: &HeaderMap) -> bool {
    let challenge = headers.get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
    challenge.is_some_and(|challenge| !challenge.contains("error="))
}

/// A refusal in our own words, with what the node says besides.
fn written(refusal: Refusal, headers: Option<&HeaderMap>) -> Response<Full<Bytes>> {
    let mut response = refusal.into_http(RequestId::random());
    for name in [WWW_AUTHENTICATE, RETRY_AFTER, HeaderName::from_static("x-request-id")] {
        if let Some(value) = headers.and_then(|headers| headers.get(&name)) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

/// Connects to the one node.
#[derive(Clone)]
enum Connector {
    Tcp(HttpConnector),
    Unix(PathBuf),
}

type Connecting = Pin<Box<dyn Future<Output = Result<TokioIo<Stream>, AskError>> + Send>>;

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = AskError;
    type Future = Connecting;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), AskError>> {
        match self {
            Self::Tcp(tcp) => tcp.poll_ready(cx).map_err(Into::into),
            Self::Unix(_) => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, uri: Uri) -> Connecting {
        match self {
            Self::Tcp(tcp) => {
                let connecting = tcp.call(uri);
                Box::pin(async { Ok(TokioIo::new(Stream::Tcp(connecting.await?.into_inner()))) })
            }
            Self::Unix(path) => {
                let path = path.clone();
                Box::pin(async move {
                    let connecting = UnixStream::connect(path);
                    let stream = tokio::time::timeout(CONNECT_TIMEOUT, connecting).await??;
                    Ok(TokioIo::new(Stream::Unix(stream)))
                })
            }
        }
    }
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

/// Calls a poll function on whichever stream it is.
macro_rules! on_stream {
    ($self:expr, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Stream::Tcp($stream) => {
                let $stream = Pin::new($stream);
                $call
            }
            Stream::Unix($stream) => {
                let $stream = Pin::new($stream);
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        on_stream!(self, stream => stream.poll_read(cx, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        on_stream!(self, stream => stream.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => stream.poll_shutdown(cx))
    }
}
