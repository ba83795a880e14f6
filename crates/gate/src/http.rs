//! The check over HTTP: takes out of the request what the decision needs, and nothing else.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{CONNECTION, HOST, HeaderValue};
use http::{Method, Request, Response, Uri, Version};
use http_body::Body;
use keyward_allowlist::{
    ClientAddressRule, ClientIp, Connection, NoClientIp, Source, client_address_from_proxy,
};
use keyward_core::attempt::{Credential, CredentialFault};
use keyward_core::gateway::opening::Asked;
use keyward_core::gateway::{
    CertificateName, GatewayKind, OriginalPlace, OriginalRequest, Protocol,
};
use keyward_core::policy::Claim;
use keyward_core::possession::{CertificateFault, Thumbprint};
use tower_service::Service;

use crate::certificate;
use crate::credential::{BasicBuffer, credential_in};
use crate::gate::{Answer, Gate, Reply};
use crate::lines::{Line, Lines};
use crate::possession;
use crate::probes::{Hold, Seen};
use crate::reply::CheckBody;
use crate::request::{Ambiguous, CheckRequest, Narrowed};

/// Where checks are asked for: this, the gateway's name, perhaps `.` and its token, and for some
/// kinds the caller's own path.
pub const CHECK_PATH: &str = "/v1/check/";

/// Checks over HTTP for one connection of a gateway.
///
/// The only path is `/v1/check/{gateway}`, exactly that, with any method; everything else gets the
/// one 403. Bodies are never read. There is no table of routes: a path that is normalised or
/// decoded on the way could reach something else, and a 200 of that would mean *allowed*.
#[derive(Clone)]
pub struct Checks {
    gate: Arc<Gate>,
    connection: Connection,
    certificate: Arc<[CertificateName]>,
}

impl Checks {
    /// Checks that come over this connection, from somebody who showed this client certificate.
    #[must_use]
    pub fn new(
        gate: Arc<Gate>,
        connection: Connection,
        certificate: Arc<[CertificateName]>,
    ) -> Self {
        Self { gate, connection, certificate }
    }

    fn answer<B: Body>(&self, request: &Request<B>) -> (Response<CheckBody>, Option<Hold>) {
        let place = Place::of(request.uri().path());
        let mut buffer = BasicBuffer::new();
        let lines = Lines::of(request.headers());
        let credential = credential_in(lines.authorization, lines.api_key, &mut buffer);
        let check = HttpCheck {
            connection: &self.connection,
            method: request.method(),
            uri: request.uri(),
            tail_from: place.as_ref().map(|place| place.tail_from),
            lines,
            credential,
        };
        let token = place.as_ref().and_then(|place| place.token);
        let claim = Claim {
            connection: &self.connection,
            certificate: &self.certificate,
            token: token.or_else(|| lines.gateway_token.once().ok().flatten()),
            protocol: Protocol::Http,
        };
        let name = place.as_ref().filter(|place| self.fits(place)).map(|place| place.name);
        let Answer { id, reply, hold } = self.gate.check(name, &claim, &check);
        let mut response = match reply {
            Reply::Allow { identity, .. } => identity.into_http(),
            Reply::Refuse(refusal) => refusal.into_http(id),
        };
        // The body was announced and is not waited for. What comes next on the connection would be
        // taken for it, so the connection cannot be kept (RFC 9112 §9.3).
        if request.version() <= Version::HTTP_11 && !request.body().is_end_stream() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        (response, hold)
    }

    /// Only kinds that pass the caller's path on may have one behind their name.
    fn fits(&self, place: &Place<'_>) -> bool {
        let takes_path = || {
            self.gate.policy().gateway(place.name).is_some_and(|record| {
                record.gateway.kind.original_request() == OriginalRequest::RequestLine
            })
        };
        !place.has_tail || takes_path()
    }
}

impl fmt::Debug for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checks").field("connection", &self.connection).finish_non_exhaustive()
    }
}

impl<B: Body> Service<Request<B>> for Checks {
    type Response = Response<CheckBody>;
    type Error = Infallible;
    type Future = Checking;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Checking {
        let (response, hold) = self.answer(&request);
        let hold: Option<Held> = hold.map(|hold| Box::pin(hold.over()) as Held);
        Checking { response: Some(response), hold }
    }
}

/// A check that is answered: at once, unless a probe has it held back.
pub struct Checking {
    response: Option<Response<CheckBody>>,
    hold: Option<Held>,
}

type Held = Pin<Box<dyn Future<Output = ()> + Send>>;

impl fmt::Debug for Checking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checking").field("response", &self.response).finish_non_exhaustive()
    }
}

impl Future for Checking {
    type Output = Result<Response<CheckBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(hold) = &mut self.hold
            && hold.as_mut().poll(cx).is_pending()
        {
            return Poll::Pending;
        }
        // Polled again after the end, which nobody may: then it never ends.
        self.response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response)))
    }
}

/// What the path of a check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place<'a> {
    name: &'a str,
    token: Option<&'a str>,
    has_tail: bool,
    /// Where the caller's own path begins.
    tail_from: usize,
}

impl<'a> Place<'a> {
    fn of(path: &'a str) -> Option<Self> {
        let rest = path.strip_prefix(CHECK_PATH)?;
        let (place, has_tail) = match rest.split_once('/') {
            Some((place, _)) => (place, true),
            None => (rest, false),
        };
        let (name, token) = match place.split_once('.') {
            Some((name, token)) => (name, Some(token)),
            None => (place, None),
        };
        Some(Self { name, token, has_tail, tail_from: CHECK_PATH.len() + place.len() })
    }
}

/// One check, as it stands in an HTTP request.
struct HttpCheck<'a> {
    connection: &'a Connection,
    method: &'a Method,
    uri: &'a Uri,
    tail_from: Option<usize>,
    lines: Lines<'a>,
    credential: Result<Credential<'a>, CredentialFault>,
}

impl CheckRequest for HttpCheck<'_> {
    fn credential(&self) -> Result<Credential<'_>, CredentialFault> {
        self.credential
    }

    fn client_ip(&self, rule: &ClientAddressRule) -> Result<ClientIp, NoClientIp> {
        if self.lines.is_early {
            return Err(NoClientIp::EarlyData);
        }
        let Connection { peer, proxied } = self.connection;
        // The header was taken for the sake of some gateway that listed this peer then.
        if rule.source == Source::ProxyProtocol && !rule.trusts(*peer) {
            return Err(NoClientIp::MissingHeader);
        }
        // The gateway has authenticated itself, so its word counts from wherever it asks.
        client_address_from_proxy(*peer, proxied.as_ref(), &self.lines, rule)
    }

    fn asked(&self, kind: GatewayKind) -> Result<Asked<'_>, Ambiguous> {
        let has_preflight_headers = self.lines.has_preflight_headers();
        match kind.original_request() {
            OriginalRequest::Headers { method, target, is_url } => {
                let (method, target) = (self.lines.once(method)?, self.lines.once(target)?);
                let target = target.map(|target| if is_url { path_of(target) } else { target });
                Ok(Asked { method, target, has_preflight_headers })
            }
            OriginalRequest::RequestLine => {
                let target = self.uri.path_and_query().map(http::uri::PathAndQuery::as_str);
                let tail = target.zip(self.tail_from);
                let target = tail.and_then(|(target, from)| target.get(from..));
                Ok(Asked { method: Some(self.method.as_str()), target, has_preflight_headers })
            }
        }
    }

    fn proof(&self) -> Line<'_> {
        self.lines.dpop
    }

    fn place(&self, kind: GatewayKind) -> Option<possession::Place<'_>> {
        let once = |name| self.lines.once(name).ok().flatten();
        match kind.original_place() {
            OriginalPlace::Headers { scheme, host } => {
                possession::Place::told(once(scheme)?, once(host)?)
            }
            OriginalPlace::Url => match kind.original_request() {
                OriginalRequest::Headers { target, .. } => possession::Place::of_url(once(target)?),
                OriginalRequest::RequestLine => None,
            },
            OriginalPlace::OwnHost { scheme } => {
                let host = match self.uri.authority() {
                    Some(authority) => authority.as_str(),
                    None => once(HOST.as_str())?,
                };
                possession::Place::told(once(scheme)?, host)
            }
            OriginalPlace::Nowhere => None,
        }
    }

    fn certificate(&self, kind: GatewayKind) -> Option<Result<Thumbprint, CertificateFault>> {
        let (name, form) = kind.client_certificate()?;
        let mut lines = self.lines.all.get_all(name).iter();
        let told = lines.next()?;
        match lines.next() {
            None => certificate::thumbprint(form, told.as_bytes()),
            Some(_) => Some(Err(CertificateFault::Several)),
        }
    }

    fn narrowing(&self) -> Result<Narrowed<'_>, Ambiguous> {
        // Nothing to read, mostly.
        if self.lines.narrows {
            Narrowed::from_headers(self.lines.all)
        } else {
            Ok(Narrowed::default())
        }
    }

    fn seen(&self, kind: GatewayKind) -> Seen {
        let asked = self.asked(kind).ok();
        let (method, target) = asked.map_or((None, None), |asked| (asked.method, asked.target));
        Seen::of(self.lines.all).asking(method, target)
    }
}

/// The path and query of a URL.
fn path_of(url: &str) -> &str {
    let after_scheme = url.find("://").and_then(|at| url.get(at + 3..)).unwrap_or(url);
    after_scheme.find('/').and_then(|at| after_scheme.get(at..)).unwrap_or("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Option<(&str, Option<&str>, &str)>) {
        let place = Place::of(path);
        let found = place.map(|place| (place.name, place.token, path.split_at(place.tail_from).1));
        assert_eq!(found, expected, "{path}");
    }

    #[test]
    fn a_path_names_a_gateway_perhaps_its_token_and_the_callers_path() {
        check("/v1/check/edge", Some(("edge", None, "")));
        check("/v1/check/edge.kwg_a", Some(("edge", Some("kwg_a"), "")));
        check("/v1/check/edge/a/b%2Fc", Some(("edge", None, "/a/b%2Fc")));
        check("/v1/check/edge.kwg_a/", Some(("edge", Some("kwg_a"), "/")));
        check("/v1/check/edge.a.b", Some(("edge", Some("a.b"), "")));
        check("/v1/check/", Some(("", None, "")));
        check("/v1/check", None);
        check("/v1//check/edge", None);
        check("", None);
    }

    #[test]
    fn a_url_gives_its_path() {
        for (url, path) in [
            ("https://api.example/a/b?c", "/a/b?c"),
            ("https://api.example", "/"),
            ("/a", "/a"),
            ("https://api.example/a?u=http://x/y", "/a?u=http://x/y"),
        ] {
            assert_eq!(path_of(url), path, "{url}");
        }
    }
}
