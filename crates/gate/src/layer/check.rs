//! A check about the very request that is guarded.

use ::http::header::{AUTHORIZATION, HOST, HeaderName, HeaderValue, ORIGIN};
use ::http::{Extensions, HeaderMap, Method, Request, Uri};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyward_allowlist::{ClientAddressRule, ClientIp, Connection, NoClientIp, client_address};
use keyward_core::attempt::{Credential, CredentialFault};
use keyward_core::gateway::GatewayKind;
use keyward_core::gateway::opening::Asked;
use keyward_core::possession::{CertificateFault, Thumbprint};

use super::{CertificateFrom, Origin};
use crate::certificate;
use crate::credential::{BasicBuffer, credential};
use crate::gate::{Answer, Gate};
use crate::headers::Headers;
use crate::lines::{Line, Lines};
use crate::possession::Place;
use crate::probes::Seen;
use crate::request::{Ambiguous, CheckRequest, Narrowed, has_preflight_headers};

/// Set by whoever ended TLS (RFC 8470 §5.1): the caller's address is not proven yet.
const EARLY_DATA: HeaderName = HeaderName::from_static("early-data");
/// What goes from the caller's request into a question over HTTP.
const PASSED_ON: [HeaderName; 5] = [
    AUTHORIZATION,
    HeaderName::from_static("dpop"),
    HeaderName::from_static("x-api-key"),
    ORIGIN,
    HeaderName::from_static("access-control-request-method"),
];

/// A request, as the decision in this process sees it.
pub(super) struct LayerCheck<'a> {
    method: &'a Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
    extensions: &'a Extensions,
    asking: Question<'a>,
}

/// What the layer says about a request besides what stands in it.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) connection: Option<Connection>,
    pub(super) audiences: &'a [String],
    pub(super) scopes: &'a [String],
    pub(super) origin: Option<&'a Origin>,
    pub(super) certificate_from: CertificateFrom,
}

impl<'a> LayerCheck<'a> {
    pub(super) fn new<B>(request: &'a Request<B>, asking: Question<'a>) -> Self {
        let (method, uri, headers) = (request.method(), request.uri(), request.headers());
        Self { method, uri, headers, extensions: request.extensions(), asking }
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
        address(self.check.headers, self.check.asking.connection, rule)
    }

    fn asked(&self, _kind: GatewayKind) -> Result<Asked<'_>, Ambiguous> {
        Ok(Asked {
            method: Some(self.check.method.as_str()),
            target: self.check.uri.path_and_query().map(::http::uri::PathAndQuery::as_str),
            has_preflight_headers: has_preflight_headers(self.check.headers),
        })
    }

    fn proof(&self) -> Line<'_> {
        Lines::of(self.check.headers).dpop
    }

    fn place(&self, _kind: GatewayKind) -> Option<Place<'_>> {
        let origin = self.check.asking.origin?;
        Place::told(&origin.scheme, &origin.authority)
    }

    fn certificate(&self, _kind: GatewayKind) -> Option<Result<Thumbprint, CertificateFault>> {
        let der = (self.check.asking.certificate_from)(self.check.extensions)?;
        Some(Ok(certificate::of_der(der)))
    }

    fn narrowing(&self) -> Result<Narrowed<'_>, Ambiguous> {
        Ok(Narrowed {
            audiences: self.check.asking.audiences.iter().map(String::as_str).collect(),
            scopes: self.check.asking.scopes.iter().map(String::as_str).collect(),
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
    asking: Question<'_>,
    rule: &ClientAddressRule,
) -> Request<()> {
    let Question { connection, audiences, scopes, origin, certificate_from } = asking;
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
    match origin {
        Some(Origin { scheme, authority }) => {
            set(headers, "x-original-proto", scheme);
            set(headers, "x-original-host", authority);
        }
        // Without a scheme it says nothing that a proof could be for.
        None => {
            if let Some(host) = request.headers().get(HOST) {
                headers.insert("x-original-host", host.clone());
            }
        }
    }
    if let Some(der) = certificate_from(request.extensions()) {
        set(headers, "client-cert", &format!(":{}:", STANDARD.encode(der)));
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
