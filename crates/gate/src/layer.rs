//! A tower layer for Rust services: no request reaches the service that Keyward does not allow.
//!
//! Either the decision is made in this process ([`KeywardLayer::within`]), by a policy that somebody
//! keeps fresh, or a Keyward node is asked over HTTP ([`KeywardLayer::asking`]). Both strip what a
//! caller wrote into the identity headers, put Keyward's own there, and leave a [`Caller`] in the
//! request's extensions. Both fail closed: without an answer the caller gets 503.
//!
//! ```
//! use keyward_allowlist::{ClientAddressRule, Peer};
//! use keyward_gate::layer::{KeywardLayer, Node};
//!
//! # fn layer() -> Result<KeywardLayer, Box<dyn std::error::Error>> {
//! let node = Node::new("http://127.0.0.1:8081", "orders")?;
//! let layer = KeywardLayer::asking(node, ClientAddressRule::peer())
//!     // Whatever the server puts the peer's address into.
//!     .peer_from(|extensions| extensions.get::<std::net::SocketAddr>().map(|a| Peer::Ip(a.ip())))
//!     .require_scope("read:orders")?;
//! # Ok(layer)
//! # }
//! ```

mod caller;
mod check;
mod node;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use ::http::uri::Scheme;
use ::http::{Extensions, Request, Response};
use bytes::Bytes;
use http_body_util::{Either, Full};
use keyward_allowlist::{ClientAddressRule, Connection, Peer};
use tower_layer::Layer;
use tower_service::Service;

pub use caller::Caller;
pub use node::{Ask, AskError, Asking, Node, NodeError};

use crate::gate::{Answer, Gate, Reply};
use caller::{forget_identity, take_identity};
use check::{LayerCheck, Question, question};

/// How the layer finds the other end of a request's connection.
type PeerFrom = fn(&Extensions) -> Option<Peer>;
/// How the layer finds the client certificate of a request's connection, in DER.
pub type CertificateFrom = fn(&Extensions) -> Option<&[u8]>;

/// Guards a service. See the [module](self).
#[derive(Clone)]
pub struct KeywardLayer {
    guard: Arc<Guard>,
}

#[derive(Clone)]
struct Guard {
    way: Way,
    peer_from: PeerFrom,
    audiences: Vec<String>,
    scopes: Vec<String>,
    hide_credential: bool,
    origin: Option<Origin>,
    certificate_from: CertificateFrom,
}

#[derive(Clone)]
enum Way {
    Within { gate: Arc<Gate>, gateway: String },
    Asking { node: Arc<dyn Ask>, rule: ClientAddressRule },
}

impl KeywardLayer {
    /// Decides in this process, in the name of a registered gateway (of kind `tower`): its rule for
    /// the client address, its required audience and scopes.
    ///
    /// The gate's policy must be kept fresh by whoever made it; one that is not ends in 503.
    #[must_use]
    pub fn within(gate: Arc<Gate>, gateway: &str) -> Self {
        Self::new(Way::Within { gate, gateway: gateway.to_owned() })
    }

    /// Asks a node. The client address is found here, by `rule`, and told the node as `X-Real-IP`:
    /// register the gateway with that source.
    #[must_use]
    pub fn asking(node: impl Ask + 'static, rule: ClientAddressRule) -> Self {
        Self::new(Way::Asking { node: Arc::new(node), rule })
    }

    fn new(way: Way) -> Self {
        let guard = Guard {
            way,
            peer_from: |_| None,
            audiences: Vec::new(),
            scopes: Vec::new(),
            hide_credential: false,
            origin: None,
            certificate_from: |_| None,
        };
        Self { guard: Arc::new(guard) }
    }

    /// Where the peer of a request's connection is found when the extensions have no
    /// [`Connection`]. Without a peer there is no client address, and a client with a list is
    /// refused.
    #[must_use]
    pub fn peer_from(self, find: PeerFrom) -> Self {
        self.edit(|guard| guard.peer_from = find)
    }

    /// Requires a scope besides those of the gateway.
    ///
    /// # Errors
    /// [`NoRequirement`]: a requirement that got lost would let in whom it should keep out.
    pub fn require_scope(self, scope: &str) -> Result<Self, NoRequirement> {
        let scope = one_word(scope)?;
        Ok(self.edit(|guard| guard.scopes.push(scope)))
    }

    /// Requires that the credential is good for an API, besides what the gateway requires.
    ///
    /// # Errors
    /// [`NoRequirement`].
    pub fn require_audience(self, audience: &str) -> Result<Self, NoRequirement> {
        let audience = one_word(audience)?;
        Ok(self.edit(|guard| guard.audiences.push(audience)))
    }

    /// Takes the credential out of requests before the service sees them.
    #[must_use]
    pub fn hide_credential(self) -> Self {
        self.edit(|guard| guard.hide_credential = true)
    }

    /// Where callers reach this service: `https://HOST` or `https://HOST:PORT`. DPoP proofs must be
    /// for there; without it a token that is bound to a key is refused, because what a request says
    /// about its host is the caller's.
    ///
    /// # Errors
    /// [`NoOrigin`].
    pub fn served_at(self, origin: &str) -> Result<Self, NoOrigin> {
        let origin = Origin::parse(origin)?;
        Ok(self.edit(|guard| guard.origin = Some(origin)))
    }

    /// Where the client certificate of a request's connection is found, in DER, when this service
    /// ends TLS itself. Without one a token that is bound to a certificate is refused.
    #[must_use]
    pub fn certificate_from(self, find: CertificateFrom) -> Self {
        self.edit(|guard| guard.certificate_from = find)
    }

    fn edit(mut self, edit: impl FnOnce(&mut Guard)) -> Self {
        edit(Arc::make_mut(&mut self.guard));
        self
    }
}

/// A scope or an audience that no credential can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no scope or audience: write visible ASCII characters without blanks")]
pub struct NoRequirement(String);

fn one_word(text: &str) -> Result<String, NoRequirement> {
    let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(text.to_owned()) } else { Err(NoRequirement(text.escape_debug().to_string())) }
}

/// Where a service is reached.
#[derive(Debug, Clone)]
struct Origin {
    scheme: String,
    authority: String,
}

impl Origin {
    fn parse(text: &str) -> Result<Self, NoOrigin> {
        let uri: Option<::http::Uri> = text.parse().ok();
        let parts = uri.map(::http::Uri::into_parts);
        let place = parts.and_then(|parts| {
            let path = parts.path_and_query.as_ref().map_or("/", |path| path.as_str());
            parts.scheme.zip(parts.authority).filter(|_| path == "/")
        });
        let web = |scheme: &Scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme);
        match place {
            Some((scheme, authority)) if web(&scheme) && !authority.as_str().contains('@') => {
                Ok(Self { scheme: scheme.to_string(), authority: authority.to_string() })
            }
            _ => Err(NoOrigin(text.to_owned())),
        }
    }
}

/// Something that is not where a service is reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no origin: write https://HOST or https://HOST:PORT")]
pub struct NoOrigin(String);

impl fmt::Debug for KeywardLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match self.guard.way {
            Way::Within { .. } => "within",
            Way::Asking { .. } => "asking",
        };
        f.debug_struct("KeywardLayer").field("way", &way).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for KeywardLayer {
    type Service = KeywardService<S>;

    fn layer(&self, inner: S) -> KeywardService<S> {
        KeywardService { inner, guard: Arc::clone(&self.guard) }
    }
}

/// A service that is guarded.
#[derive(Clone)]
pub struct KeywardService<S> {
    inner: S,
    guard: Arc<Guard>,
}

impl<S: fmt::Debug> fmt::Debug for KeywardService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeywardService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// The body of an answer: a refusal's, or the service's.
pub type GuardedBody<B> = Either<Full<Bytes>, B>;

impl<S, B, R> Service<Request<B>> for KeywardService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response<GuardedBody<R>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let guard = Arc::clone(&self.guard);
        // The one that is ready, not its copy.
        let waiting = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, waiting);
        Box::pin(async move {
            match guard.decide(&mut request).await {
                Ok(()) => Ok(inner.call(request).await?.map(Either::Right)),
                Err(refusal) => Ok(refusal.map(Either::Left)),
            }
        })
    }
}

impl Guard {
    /// Lets a request pass with its identity, or gives the answer to be sent instead.
    async fn decide<B>(&self, request: &mut Request<B>) -> Result<(), Response<Full<Bytes>>> {
        let connection = self.connection(request.extensions());
        let asking = Question {
            connection,
            audiences: &self.audiences,
            scopes: &self.scopes,
            origin: self.origin.as_ref(),
            certificate_from: self.certificate_from,
        };
        let identity = match &self.way {
            Way::Within { gate, gateway } => {
                let check = LayerCheck::new(request, asking);
                let Answer { id, reply, hold } = check.ask(gate, gateway);
                if let Some(hold) = hold {
                    hold.over().await;
                }
                match reply {
                    Reply::Allow { identity, hide_credential } => {
                        (identity.headers().clone(), hide_credential)
                    }
                    Reply::Refuse(refusal) => return Err(refusal.into_http(id)),
                }
            }
            Way::Asking { node, rule } => {
                let question = question(request, asking, rule);
                (node::ask(&**node, question).await?, false)
            }
        };
        let (identity, gateway_hides) = identity;
        forget_identity(request.headers_mut(), self.hide_credential || gateway_hides);
        let caller = take_identity(request.headers_mut(), identity);
        request.extensions_mut().insert(caller);
        Ok(())
    }

    fn connection(&self, extensions: &Extensions) -> Option<Connection> {
        let known = extensions.get::<Connection>().copied();
        let found = || (self.peer_from)(extensions).map(|peer| Connection { peer, proxied: None });
        known.or_else(found)
    }
}
