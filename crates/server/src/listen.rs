//! Listening: one accept loop for every listener, in front of one [`Handler`] each.
//!
//! The usual way to serve a router leaves connections open that never finish a request head, and
//! lets bare LF, repeated `Host` and `Authorization` lines and heads of any size reach a handler.
//! So every listener goes through here:
//!
//! 1. [`bind()`] opens the socket, [`serve`] accepts, up to [`Limits::connections_max`].
//! 2. A PROXY protocol header is required where one is expected, then TLS where it is configured.
//! 3. HTTP/1 passes a head guard ([`head::HeadScanner`]) before it is parsed; HTTP/2 is told apart by
//!    its preface and checked after parsing.
//! 4. The handler is told who is at the other end ([`Accepted`]): the peer, the PROXY header and the
//!    client certificate if there was one. No listener has another notion of the peer.
//!
//! What takes too long is ended: a head after [`Limits::header_timeout`], which also covers PROXY
//! header and TLS handshake; a body after [`Limits::body_timeout`]; silence between requests after
//! [`Limits::idle_timeout`]; a peer that takes no bytes after [`Limits::write_timeout`].
//!
//! | metric | labels | counts |
//! |---|---|---|
//! | `keyward_listener_connections_total` | `listener` | connections accepted |
//! | `keyward_listener_refusals_total` | `listener`, `cause` | connections and requests refused here |
//! | `keyward_listener_underscore_headers_total` | `listener` | headers removed for their name |

use std::sync::Arc;
use std::time::Duration;

use keyward_allowlist::ClientAddressRule;
use rustls::ServerConfig;

mod accept;
mod bind;
pub(crate) mod certificate;
mod connection;
mod dev_tls;
mod files;
mod guard;
mod handler;
pub mod head;
mod liveness;
mod request;
mod stream;
mod tls;

pub use self::accept::serve;
pub use self::bind::{Bound, ListenAddress, ListenError, SocketFile, bind};
pub use self::dev_tls::{DEV_AUTHORITY_FILE, DevTls, DevTlsError, dev_tls};
pub use self::files::raise_open_files_limit;
pub use self::handler::{
    Accepted, CheckHandler, ClientChain, GrpcHandler, Handler, WithConnection,
};
pub use self::request::{BodyFault, LimitedBody, RequestBody};
pub use self::tls::{
    ClientAuthorities, TlsError, tls_config, tls_config_asking_clients, tls_config_with_clients,
};

/// How one listener listens.
#[derive(Debug, Clone)]
pub struct ListenOptions {
    /// Its name in logs and metrics, such as `public` or `gate`.
    pub name: &'static str,
    /// TLS, when it is offered; see [`tls_config`].
    pub tls: Option<Arc<ServerConfig>>,
    /// The rule whose trusted peers must send a PROXY protocol header first, when its source is that
    /// protocol. Everybody else is turned away then: the header is never guessed. None: the handler
    /// knows ([`Handler::expect_proxy_header`]), and mostly takes none from anybody.
    pub proxy_protocol: Option<ClientAddressRule>,
    /// What connections and requests may take.
    pub limits: Limits,
}

impl ListenOptions {
    /// A listener in clear, without PROXY protocol, with the default limits.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self { name, tls: None, proxy_protocol: None, limits: Limits::default() }
    }
}

/// What the connections and requests of one listener may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Caps on a request head. HTTP/2 header lists share the cap on bytes.
    pub head: head::HeadLimits,
    /// From accepting the connection (later: from the first byte of a head) to a complete head.
    pub header_timeout: Duration,
    /// From first waiting for a body to its end; then 408.
    pub body_timeout: Duration,
    /// Between the end of one request and the start of the next.
    pub idle_timeout: Duration,
    /// How long a peer may take no bytes while some are waiting for it.
    pub write_timeout: Duration,
    /// How long shutdown waits for requests being answered.
    pub drain_timeout: Duration,
    /// Open connections, or a quarter of the files the process may have open if that is less; see
    /// [`raise_open_files_limit`]. At the cap the one idle longest is closed for a new one; when none is
    /// idle, accepting waits.
    pub connections_max: usize,
    /// Bytes of a request body; then 413.
    pub body_bytes: u64,
    /// Exceptions to `body_bytes`, by the end of the path: `(suffix, bytes)`.
    pub body_bytes_at: &'static [(&'static str, u64)],
    /// Requests at once on one HTTP/2 connection; further streams are refused.
    pub http2_streams: u32,
    /// Streams that may be reset on one HTTP/2 connection before it is ended: by the peer before
    /// they were looked at (CVE-2023-44487), or by us for an error of the peer.
    pub http2_resets: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: head::HeadLimits::default(),
            header_timeout: Duration::from_secs(10),
            // One second below the 15 s promised, so that the answer is there in time.
            body_timeout: Duration::from_secs(14),
            // Longer than the 60 s for which nginx keeps an idle upstream connection: the side
            // that may open a new one should be the side that closes.
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(10),
            connections_max: 8192,
            body_bytes: 2 * 1024 * 1024,
            body_bytes_at: &[],
            http2_streams: 100,
            http2_resets: 64,
        }
    }
}

/// Counts a connection or request that was refused.
fn count_refusal(listener: &'static str, cause: &'static str) {
    metrics::counter!("keyward_listener_refusals_total", "listener" => listener, "cause" => cause)
        .increment(1);
}
