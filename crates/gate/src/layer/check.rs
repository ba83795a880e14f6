//! A check about the very request that is guarded.

use ::http::header::{AUTHORIZATION, HOST, HeaderName, HeaderValue, ORIGIN};
use ::http::{HeaderMap, Method, Request, Uri};
use keyward_allowlist::{ClientAddressRule, ClientIp, Connection, NoClientIp, client_address};
use keyward_core::attempt::{Credential, CredentialFault};
use keyward_core::gateway::GatewayKind;
use keyward_core::gateway::opening::Asked;

use crate::credential::{BasicBuffer, credential};
use crate::gate::{Answer, Gate};
use crate::headers::Headers;
use crate::probes::Seen;
use crate::request::{Ambiguous, CheckRequest, Narrowed, has_preflight_headers};

/// Set by whoever ended TLS (RFC 8470 §5.1): the caller's address is not proven yet.
const EARLY_DATA: HeaderName = HeaderName::from_static("early-data");
/// What goes from the caller's request into a question over HTTP.
const PASSED_ON: [HeaderName; 4] = [
    AUTHORIZATION,
    HeaderName::from_static("x-api-key"),
    ORIGIN,
    HeaderName::from_static("access-control-request-method"),
];

/// A request, as the decision in this process sees it.
pub(super) struct LayerCheck<'a> {
    method: &'a Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
    connection: Option<Connection>,
    audiences: &'a [String],
    scopes: &'a [String],
}

impl<'a> LayerCheck<'a> {
    pub(super) fn new<B>(
        request: &'a Request<B>,
        connection: Option<Connection>,
        audiences: &'a [String],
        scopes: &'a [String],
    ) -> Self {
        let (method, uri, headers) = (request.method(), request.uri(), request.headers());
        Self { method, uri, headers, connection, audiences, scopes }
    }

    pub(super) fn ask(&self, gate: &Gate, gateway: &str) -> Answer {
        let mut buffer = BasicBuffer::new();
        let credential = credential(self.headers, &mut buffer);
        gate.check_within(gateway, &WithCredential { check: self, credential })
    }
}

/// The same with its one credential.
struct WithCredential<'a> {
    check: &'a LayerCheck<'a>,
    credential: Result<Credential<'a>, CredentialFault>,
}

impl CheckRequest for WithCredential<'_> {
    fn credential(&self) -> Result<Credential<'_>, CredentialFault> {
        self.credential
    }

    /// By the gateway's rule, where the peer is the caller itself or a proxy in front.
    fn client_ip(&self, rule: &ClientAddressRule) -> Result<ClientIp, NoClientIp> {
        if self.check.headers.contains_key(EARLY_DATA) {
            return Err(NoClientIp::EarlyData);
        }
        address(self.check.headers, self.check.connection, rule)
    }

    fn asked(&self, _kind: GatewayKind) -> Result<Asked<'_>, Ambiguous> {
        Ok(Asked {
            method: Some(self.check.method.as_str()),
            target: self.check.uri.path_and_query().map(::http::uri::PathAndQuery::as_str),
            has_preflight_headers: has_preflight_headers(self.check.headers),
        })
    }

    fn narrowing(&self) -> Result<Narrowed<'_>, Ambiguous> {
        Ok(Narrowed {
            audiences: self.check.audiences.iter().map(String::as_str).collect(),
            scopes: self.check.scopes.iter().map(String::as_str).collect(),
        })
    }

    fn seen(&self, _kind: GatewayKind) -> Seen {
        let target = self.check.uri.path_and_query().map(::http::uri::PathAndQuery::as_str);
        Seen::of(self.check.headers).asking(Some(self.check.method.as_str()), target)
    }
}

fn address(
    headers: &HeaderMap,
    connection: Option<Connection>,
    rule: &ClientAddressRule,
) -> Result<ClientIp, NoClientIp> {
    let Connection { peer, proxied } = connection.ok_or(NoClientIp::NotResolved)?;
    client_address(peer, proxied.as_ref(), &Headers(headers), rule)
}

/// The question about a request for a node: a request without body, whose path the node completes.
pub(super) fn question<B>(
    request: &Request<B>,
    connection: Option<Connection>,
    rule: &ClientAddressRule,
    audiences: &[String],
    scopes: &[String],
) -> Request<()> {
    let mut question = Request::new(());
    let headers = question.headers_mut();
    for name in &PASSED_ON {
        for value in request.headers().get_all(name) {
            headers.append(name, value.clone());
        }
    }
    // No address, no header: the node then knows that there is none.
    let is_early = request.headers().contains_key(EARLY_DATA);
    if let Ok(address) = address(request.headers(), connection, rule)
        && !is_early
    {
        set(headers, "x-real-ip", &address.to_string());
    }
    set(headers, "x-original-method", request.method().as_str());
    let target = request.uri().path_and_query().map_or("", ::http::uri::PathAndQuery::as_str);
    set(headers, "x-original-uri", target);
    if let Some(host) = request.headers().get(HOST) {
        headers.insert("x-original-host", host.clone());
    }
    for (name, words) in [("x-require-audience", audiences), ("x-require-scope", scopes)] {
        if !words.is_empty() {
            set(headers, name, &words.join(" "));
        }
    }
    question
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
