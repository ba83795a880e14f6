//! One call of `Check`: what it says of the caller's request, and what the gateway says of itself.

use std::net::IpAddr;

use ::http::HeaderMap;
use ::http::header::{HeaderName, HeaderValue};
use envoy_types::pb::envoy::config::core::v3::address::Address;
use envoy_types::pb::envoy::service::auth::v3::AttributeContext;
pub(super) use envoy_types::pb::envoy::service::auth::v3::CheckRequest;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::HttpRequest;
use keyward_allowlist::{
    ClientAddressRule, ClientIp, NoClientIp, Peer, Source, client_address, client_address_from_text,
};
use keyward_core::attempt::{Credential, CredentialFault};
use keyward_core::gateway::opening::Asked;
use keyward_core::gateway::{CertificateForm, GatewayKind};
use keyward_core::possession::{CertificateFault, Thumbprint};

use crate::certificate;
use crate::headers::Headers;
use crate::lines::{Line, Lines};
use crate::possession::Place;
use crate::probes::{LINES_MAX, Seen, shown};
use crate::request::{Ambiguous, CheckRequest as Ask, Narrowed, has_preflight_headers};

/// The caller's headers that decide something.
const READ: [&str; 7] = [
    "authorization",
    "x-api-key",
    "dpop",
    "x-forwarded-for",
    "origin",
    "access-control-request-method",
    "early-data",
];

/// What a route's settings and the call's metadata are called.
const GATEWAY: &str = "gateway";
const X_GATEWAY: &str = "x-gateway";
const X_GATEWAY_TOKEN: &str = "x-gateway-token";
const X_CLIENT_IP: &str = "x-client-ip";

/// A call taken apart.
pub(super) struct GrpcCheck<'a> {
    metadata: &'a HeaderMap,
    attributes: Option<&'a AttributeContext>,
    headers: &'a HeaderMap,
    credential: Result<Credential<'a>, CredentialFault>,
}

impl<'a> GrpcCheck<'a> {
    pub(super) fn new(
        metadata: &'a HeaderMap,
        request: &'a CheckRequest,
        headers: &'a HeaderMap,
        credential: Result<Credential<'a>, CredentialFault>,
    ) -> Self {
        Self { metadata, attributes: request.attributes.as_ref(), headers, credential }
    }

    /// The gateway that the route's settings or the call's metadata name, if they name one.
    ///
    /// Callers can set neither; two different names are none.
    pub(super) fn gateway_name(&self) -> Result<Option<&'a str>, Ambiguous> {
        let by_route = self.extension(GATEWAY);
        let by_call = self.metadata_once(X_GATEWAY)?;
        match (by_route, by_call) {
            (Some(one), Some(other)) if one != other => Err(Ambiguous),
            (one, other) => Ok(one.or(other)),
        }
    }

    pub(super) fn gateway_token(&self) -> Option<&'a str> {
        self.metadata_once(X_GATEWAY_TOKEN).ok().flatten()
    }

    fn extension(&self, name: &str) -> Option<&'a str> {
        let extensions = &self.attributes?.context_extensions;
        extensions.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn metadata_once(&self, name: &str) -> Result<Option<&'a str>, Ambiguous> {
        let mut lines = self.metadata.get_all(name).iter();
        match (lines.next(), lines.next()) {
            (None, _) => Ok(None),
            (Some(line), None) => line.to_str().map(Some).map_err(|_| Ambiguous),
            (Some(_), Some(_)) => Err(Ambiguous),
        }
    }

    fn http(&self) -> Option<&'a HttpRequest> {
        self.attributes?.request.as_ref()?.http.as_ref()
    }

    /// The peer of the caller's connection to the gateway.
    fn source_address(&self) -> Result<ClientIp, NoClientIp> {
        let source = self.attributes.and_then(|attributes| attributes.source.as_ref());
        let address = source.and_then(|source| source.address.as_ref()?.address.as_ref());
        match address {
            Some(Address::SocketAddress(socket)) => {
                client_address_from_text([socket.address.as_bytes()])
            }
            Some(Address::Pipe(_)) => Err(NoClientIp::UnixPeer),
            Some(Address::EnvoyInternalAddress(_)) | None => Err(NoClientIp::MissingHeader),
        }
    }
}

impl Ask for GrpcCheck<'_> {
    fn credential(&self) -> Result<Credential<'_>, CredentialFault> {
        self.credential
    }

    fn client_ip(&self, rule: &ClientAddressRule) -> Result<ClientIp, NoClientIp> {
        if Lines::of(self.headers).is_early {
            return Err(NoClientIp::EarlyData);
        }
        match &rule.source {
            Source::SourceAddress => self.source_address(),
            Source::Metadata(name) => {
                let lines = self.metadata.get_all(name).iter();
                client_address_from_text(lines.map(HeaderValue::as_bytes))
            }
            // The walk begins at the peer of the caller's connection: only a trusted one is
            // believed what it wrote.
            Source::XForwardedFor => {
                let source: IpAddr = self.source_address()?.get();
                client_address(Peer::Ip(source), None, &Headers(self.headers), rule)
            }
            // Security: the caller's own words, or the gateway's address.
            Source::Peer | Source::SingleHeader(_) | Source::Forwarded | Source::ProxyProtocol => {
                Err(NoClientIp::NotResolved)
            }
        }
    }

    fn asked(&self, _kind: GatewayKind) -> Result<Asked<'_>, Ambiguous> {
        let http = self.http();
        let text = |text: &'_ str| !text.is_empty();
        Ok(Asked {
            method: http.map(|http| http.method.as_str()).filter(|method| text(method)),
            target: http.map(|http| http.path.as_str()).filter(|path| text(path)),
            has_preflight_headers: has_preflight_headers(self.headers),
        })
    }

    fn proof(&self) -> Line<'_> {
        Lines::of(self.headers).dpop
    }

    fn place(&self, _kind: GatewayKind) -> Option<Place<'_>> {
        let http = self.http()?;
        Place::told(&http.scheme, &http.host)
    }

    /// That of the caller's connection, which Envoy tells when it is to (`include_peer_certificate`).
    fn certificate(&self, _kind: GatewayKind) -> Option<Result<Thumbprint, CertificateFault>> {
        let source = self.attributes?.source.as_ref()?;
        certificate::thumbprint(CertificateForm::EscapedPem, source.certificate.as_bytes())
    }

    fn narrowing(&self) -> Result<Narrowed<'_>, Ambiguous> {
        let mut narrowed = Narrowed::from_headers(self.metadata)?;
        let extension = |name| self.extension(name).unwrap_or_default();
        narrowed.add(extension("require_audience"), extension("require_scope"))?;
        Ok(narrowed)
    }

    fn seen(&self, kind: GatewayKind) -> Seen {
        let asked = self.asked(kind).ok();
        let (method, target) = asked.map_or((None, None), |asked| (asked.method, asked.target));
        let mut headers = Vec::new();
        if let Some(http) = self.http() {
            for_each_header(http, |name, value| {
                let name = std::str::from_utf8(name).unwrap_or_default();
                headers.extend(shown(std::iter::once((name, value))));
            });
            headers.truncate(LINES_MAX);
        }
        if let Ok(source) = self.source_address() {
            headers.push(("(source.address)".to_owned(), source.to_string()));
        }
        if let Ok(Some(told)) = self.metadata_once(X_CLIENT_IP) {
            headers.push(("(metadata x-client-ip)".to_owned(), told.chars().take(64).collect()));
        }
        Seen { method: None, target: None, headers }.asking(method, target)
    }
}

/// The caller's headers that decide something, out of whichever of the two forms the gateway uses:
/// a map, where repeated ones are joined, or raw lines.
pub(super) fn headers_read(request: &CheckRequest) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(READ.len() * 2);
    let http = request.attributes.as_ref().and_then(|a| a.request.as_ref()?.http.as_ref());
    let Some(http) = http else { return headers };
    for_each_header(http, |name, value| {
        let known = READ.iter().find(|known| known.as_bytes().eq_ignore_ascii_case(name));
        if let Some(known) = known {
            // What cannot stand in a header is there all the same, and nothing that is good.
            let value = HeaderValue::from_bytes(value);
            let value = value.unwrap_or_else(|_| HeaderValue::from_static("?"));
            headers.append(HeaderName::from_static(known), value);
        }
    });
    headers
}

fn for_each_header(http: &HttpRequest, mut each: impl FnMut(&[u8], &[u8])) {
    for (name, value) in &http.headers {
        each(name.as_bytes(), value.as_bytes());
    }
    for line in http.header_map.iter().flat_map(|map| &map.headers) {
        let value = match line.raw_value.is_empty() {
            true => line.value.as_bytes(),
            false => &line.raw_value,
        };
        each(line.key.as_bytes(), value);
    }
}
