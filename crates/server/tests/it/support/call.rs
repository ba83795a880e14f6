//! One request and its answer.

use std::fmt;
use std::net::IpAddr;

use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyward_allowlist::{Connection, Peer};
use keyward_server::listen::ClientChain;
use rustls::pki_types::CertificateDer;
use serde_json::Value;
use tower::ServiceExt as _;

use super::World;
use super::described::{Answered, assert_described};

/// A request being written. It comes from 127.0.0.1 unless said otherwise.
pub(crate) struct Call<'w> {
    world: &'w World,
    method: String,
    path: String,
    request: axum::http::request::Builder,
    peer: Option<IpAddr>,
    certificate: Option<CertificateDer<'static>>,
}

impl<'w> Call<'w> {
    pub(crate) fn new(world: &'w World, method: &str, path: &str) -> Self {
        let request = Request::builder().method(method).uri(path);
        let peer = Some(IpAddr::from([127, 0, 0, 1]));
        let (method, path) = (method.to_owned(), path.to_owned());
        Self { world, method, path, request, peer, certificate: None }
    }

    /// Comes from this address.
    pub(crate) fn from(mut self, peer: &str) -> Self {
        self.peer = Some(peer.parse().unwrap());
        self
    }

    /// Comes from nowhere that could be told: there is no client address.
    pub(crate) fn without_address(mut self) -> Self {
        self.peer = None;
        self
    }

    /// Shows this certificate in the TLS handshake.
    pub(crate) fn certificate(mut self, certificate: &CertificateDer<'static>) -> Self {
        self.certificate = Some(certificate.clone());
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header(AUTHORIZATION.as_str(), &format!("Bearer {token}"))
    }

    pub(crate) fn basic(self, id: &str, secret: &str) -> Self {
        let pair = STANDARD.encode(format!("{id}:{secret}"));
        self.header(AUTHORIZATION.as_str(), &format!("Basic {pair}"))
    }

    /// Sends a form. Values must not need encoding but for `:` and `/`, which need none.
    pub(crate) async fn form(self, fields: &[(&str, &str)]) -> Answer {
        let pairs: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.raw("application/x-www-form-urlencoded", pairs.join("&")).await
    }

    /// Sends JSON.
    pub(crate) async fn json(self, body: &Value) -> Answer {
        self.raw("application/json", body.to_string()).await
    }

    /// Sends a body of another kind.
    pub(crate) async fn raw(self, content_type: &str, body: impl Into<Body>) -> Answer {
        self.header(CONTENT_TYPE.as_str(), content_type).send(body.into()).await
    }

    /// Sends it without a body.
    pub(crate) async fn empty(self) -> Answer {
        self.send(Body::empty()).await
    }

    /// Sends it as it is. An answer of `/api/v2` must be as Auth0 describes it.
    pub(crate) async fn send(self, body: Body) -> Answer {
        let mut request = self.request.body(body).unwrap();
        if let Some(peer) = self.peer {
            let connection = Connection { peer: Peer::Ip(peer), proxied: None };
            request.extensions_mut().insert(connection);
        }
        if let Some(certificate) = self.certificate {
            request.extensions_mut().insert(ClientChain([certificate].into()));
        }
        let response = self.world.router.clone().oneshot(request).await.unwrap();
        let (mut parts, body) = response.into_parts();
        let request_id = parts.headers.remove("x-request-id");
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            request_id,
            body: String::from_utf8(body.to_vec()).unwrap(),
        };
        let answered = Answered {
            method: self.method,
            path: self.path,
            status: answer.status.as_u16(),
            content_type: answer.header(CONTENT_TYPE.as_str()).to_owned(),
            body: answer.body.clone(),
        };
        assert_described(&answered);
        self.world.answered.lock().unwrap().push(answered);
        answer
    }
}

/// What came back. It displays as status and body, for snapshots. Answers are equal when everything
/// but the id of the request is.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    request_id: Option<HeaderValue>,
}

impl PartialEq for Answer {
    fn eq(&self, other: &Self) -> bool {
        (self.status, &self.headers, &self.body) == (other.status, &other.headers, &other.body)
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e} in {}", self.body))
    }

    /// A string member of the body.
    pub(crate) fn text(&self, name: &str) -> String {
        let json = self.json();
        json[name].as_str().unwrap_or_else(|| panic!("no `{name}` in {self}")).to_owned()
    }

    /// A header's value, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        let id = self.request_id.as_ref().filter(|_| name == "x-request-id");
        self.headers.get(name).or(id).map_or("", |value| value.to_str().unwrap())
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status.as_u16(), self.body)
    }
}
