//! How a verdict is answered: the only place where a reason becomes a status.
//!
//! Security: every refusal of one class has the same bytes, `X-Request-Id` aside. Programs in
//! front copy headers and bodies of refusals to the caller, so nothing of the reason, of the
//! client or of the list may stand there.

use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::ops::Range;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, VARY,
    WWW_AUTHENTICATE,
};
use http::{Response, StatusCode};
use http_body_util::Full;
use keyward_allowlist::ClientIp;
use keyward_core::attempt::CredentialFault;
use keyward_core::decision::{Permit, Reason};
use keyward_core::dpop::DpopFault;
use keyward_core::gateway::{DenyStyle, Disclosure};

use crate::probes::ProbeAnswer;
use crate::request_id::RequestId;

/// The body of an answer: whole, and mostly empty.
pub type CheckBody = Full<Bytes>;

/// The most bytes of all identity headers' values together, the assertion included. Programs in
/// front have 4 KiB for the whole head of an answer, and more is an error there.
const IDENTITY_BYTES_MAX: usize = 3072;
/// What stands for nothing. Headers are never left out: one that is missing would let the
/// caller's own of that name through to the application.
const VOID: HeaderValue = HeaderValue::from_static("-");

const X_CLIENT_ID: HeaderName = HeaderName::from_static("x-client-id");
const X_ACCOUNT_ID: HeaderName = HeaderName::from_static("x-account-id");
const X_CLIENT_SCOPE: HeaderName = HeaderName::from_static("x-client-scope");
const X_CLIENT_IP: HeaderName = HeaderName::from_static("x-client-ip");
const X_CLIENT_ASSERTION: HeaderName = HeaderName::from_static("x-client-assertion");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The status that a program which only knows 401 and 403 shall answer instead.
const X_AUTH_STATUS: HeaderName = HeaderName::from_static("x-auth-status");

/// One header for both schemes: some programs pass on the first challenge alone.
const CHALLENGE: HeaderValue =
    HeaderValue::from_static(r#"Basic realm="api", charset="UTF-8", Bearer"#);
const CHALLENGE_INVALID_TOKEN: HeaderValue =
    HeaderValue::from_static(r#"Basic realm="api", charset="UTF-8", Bearer error="invalid_token""#);
const CHALLENGE_INVALID_REQUEST: HeaderValue = HeaderValue::from_static(
    r#"Basic realm="api", charset="UTF-8", Bearer error="invalid_request""#,
);
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const VARY_BY_CREDENTIAL: HeaderValue = HeaderValue::from_static("Authorization, X-API-Key");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const ONE_SECOND: HeaderValue = HeaderValue::from_static("1");

/// What a caller learns of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// The request shows its credential in a wrong way.
    BadRequest,
    /// It shows none.
    Challenge,
    /// The credential is not good.
    Unauthorized,
    /// The credential is good, something else is not.
    Forbidden,
    /// Too much of it.
    TooMany,
    /// Nothing can be decided now.
    Unavailable,
}

fn class(reason: Reason, disclosure: Disclosure) -> Class {
    match reason {
        Reason::Credential(CredentialFault::Missing | CredentialFault::UnknownScheme) => {
            Class::Challenge
        }
        Reason::Credential(CredentialFault::Several | CredentialFault::MalformedBearer)
        | Reason::AmbiguousRequest => Class::BadRequest,
        // Assertions and certificates are no credentials at this door.
        Reason::Credential(
            CredentialFault::MalformedBasic
            | CredentialFault::Assertion(_)
            | CredentialFault::MalformedCertificate,
        )
        | Reason::Assertion(_)
        | Reason::ReplayedAssertion
        | Reason::WrongCertificate
        | Reason::ExpiredCredential
        | Reason::UnknownClient
        | Reason::MalformedKey
        | Reason::WrongSecret
        | Reason::ExpiredSecret
        | Reason::Token(_)
        | Reason::UnprovenToken
        | Reason::UnboundToken
        | Reason::Certificate(_)
        | Reason::RevokedToken
        | Reason::SuspendedClient
        | Reason::SuspendedAccount => Class::Unauthorized,
        Reason::Address(_) | Reason::NoClientAddress(_) => match disclosure {
            Disclosure::Generic => Class::Forbidden,
            Disclosure::Uniform => Class::Unauthorized,
        },
        Reason::MissingAudience
        | Reason::UnknownAudience
        | Reason::GrantType
        | Reason::NoGrant
        | Reason::Organization(_)
        | Reason::Scope
        | Reason::NothingToBind(_)
        | Reason::NotBinding => Class::Forbidden,
        Reason::RateLimit | Reason::Quota => Class::TooMany,
        Reason::Proof(DpopFault::Full) | Reason::Stale => Class::Unavailable,
        // One answer for all: whoever signs proofs can look at his own.
        Reason::Proof(_) => Class::Unauthorized,
    }
}

/// A refusal, before it is written for one protocol.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    challenge: Option<HeaderValue>,
    retry_after: Option<HeaderValue>,
    auth_status: Option<HeaderValue>,
    pub(crate) body: &'static str,
}

impl Refusal {
    const fn new(status: StatusCode, body: &'static str) -> Self {
        Self { status, challenge: None, retry_after: None, auth_status: None, body }
    }

    fn challenge(mut self, challenge: HeaderValue) -> Self {
        self.challenge = Some(challenge);
        self
    }

    fn retry(mut self) -> Self {
        self.retry_after = Some(ONE_SECOND);
        self
    }

    /// 403 that the program in front turns into this status.
    fn instead_of(status: &'static str) -> Self {
        let mut refusal = Self::new(StatusCode::FORBIDDEN, "").retry();
        refusal.auth_status = Some(HeaderValue::from_static(status));
        refusal
    }

    /// The answer to a refused attempt.
    pub(crate) fn of(reason: Reason, disclosure: Disclosure, style: DenyStyle) -> Self {
        Self::in_style(class(reason, disclosure), style)
    }

    /// The answer to whoever is no gateway: like a refused address, whatever gateway it named.
    pub(crate) fn turned_away() -> Self {
        bare(Class::Forbidden)
    }

    /// The answer when not even the gateways are known, so neither is what they can pass on.
    pub(crate) fn unready() -> Self {
        full(Class::Unavailable)
    }

    /// The answer to a probe.
    pub(crate) fn ordered(answer: ProbeAnswer, style: DenyStyle) -> Self {
        let class = match answer {
            ProbeAnswer::Unauthorized => Class::Unauthorized,
            ProbeAnswer::Forbidden => Class::Forbidden,
            ProbeAnswer::TooMany => Class::TooMany,
            ProbeAnswer::Unavailable => Class::Unavailable,
        };
        Self::in_style(class, style)
    }

    fn in_style(class: Class, style: DenyStyle) -> Self {
        match style {
            DenyStyle::Bare => bare(class),
            DenyStyle::AuthStatus => auth_status(class),
            DenyStyle::Full => full(class),
        }
    }

    /// The headers, those of the framing aside.
    pub(crate) fn headers(&self, id: RequestId) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(8);
        for (name, value) in [
            (WWW_AUTHENTICATE, &self.challenge),
            (RETRY_AFTER, &self.retry_after),
            (X_AUTH_STATUS, &self.auth_status),
        ] {
            if let Some(value) = value {
                headers.insert(name, value.clone());
            }
        }
        headers.insert(CACHE_CONTROL, NO_STORE);
        if !self.body.is_empty() {
            headers.insert(CONTENT_TYPE, JSON);
        }
        if let Ok(id) = HeaderValue::from_bytes(&id.to_hex()) {
            headers.insert(X_REQUEST_ID, id);
        }
        headers
    }

    pub(crate) fn into_http(self, id: RequestId) -> Response<CheckBody> {
        let headers = self.headers(id);
        let mut response = Response::new(Full::new(Bytes::from_static(self.body.as_bytes())));
        *response.status_mut() = self.status;
        *response.headers_mut() = headers;
        response
    }
}

/// Without bodies: nginx gives up the kept connection for each refusal that has one.
fn bare(class: Class) -> Refusal {
    match class {
        Class::BadRequest | Class::Challenge | Class::Unauthorized => {
            Refusal::new(StatusCode::UNAUTHORIZED, "").challenge(CHALLENGE)
        }
        Class::Forbidden => Refusal::new(StatusCode::FORBIDDEN, ""),
        Class::TooMany => Refusal::new(StatusCode::TOO_MANY_REQUESTS, "").retry(),
        Class::Unavailable => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "").retry(),
    }
}

/// Nothing but 401 and 403: to nginx every other status is an error of its own, 500.
fn auth_status(class: Class) -> Refusal {
    match class {
        Class::TooMany => Refusal::instead_of("429"),
        Class::Unavailable => Refusal::instead_of("503"),
        Class::BadRequest | Class::Challenge | Class::Unauthorized | Class::Forbidden => {
            bare(class)
        }
    }
}

/// RFC 6750 §3.1: a request without a credential gets a challenge and no error code.
fn full(class: Class) -> Refusal {
    let new = Refusal::new;
    match class {
        Class::BadRequest => new(StatusCode::BAD_REQUEST, r#"{"error":"invalid_request"}"#)
            .challenge(CHALLENGE_INVALID_REQUEST),
        Class::Challenge => new(StatusCode::UNAUTHORIZED, "").challenge(CHALLENGE),
        Class::Unauthorized => new(StatusCode::UNAUTHORIZED, r#"{"error":"invalid_token"}"#)
            .challenge(CHALLENGE_INVALID_TOKEN),
        Class::Forbidden => new(StatusCode::FORBIDDEN, r#"{"error":"access_denied"}"#),
        Class::TooMany => {
            new(StatusCode::TOO_MANY_REQUESTS, r#"{"error":"too_many_requests"}"#).retry()
        }
        Class::Unavailable => {
            new(StatusCode::SERVICE_UNAVAILABLE, r#"{"error":"temporarily_unavailable"}"#).retry()
        }
    }
}

/// The identity headers of an allowed request, ready to be sent: always all of them.
#[derive(Debug)]
pub(crate) struct Identity(HeaderMap);

impl Identity {
    /// Writes the identity headers. `None` when they are too long: cut short they would say
    /// something else, and longer ones break the program in front, so the caller must refuse.
    pub(crate) fn of(permit: &Permit, id: RequestId, assertion: Option<&str>) -> Option<Self> {
        let mut values = Values(String::with_capacity(192));
        let client = values.add(|text| write!(text, "{}", permit.client));
        let account = values.add(|text| {
            permit.account.as_ref().map_or(Ok(()), |account| text.write_str(account.as_str()))
        });
        let scope = values.add(|text| write_scope(text, &permit.scope));
        let client_ip = values
            .add(|text| permit.client_ip.map_or(Ok(()), |address| write_address(text, address)));
        let assertion = values.add(|text| text.write_str(assertion.unwrap_or_default()));
        Self::from_values(values, id, [client, account, scope, client_ip, assertion])
    }

    /// The identity of nobody, for a request that needed no credential: every header is void.
    pub(crate) fn nobody(client_ip: Option<ClientIp>, id: RequestId) -> Option<Self> {
        let mut values = Values(String::with_capacity(64));
        let void = || Ok(());
        let client = values.add(|_| void());
        let account = values.add(|_| void());
        let scope = values.add(|_| void());
        let address =
            values.add(|text| client_ip.map_or(Ok(()), |address| write_address(text, address)));
        let assertion = values.add(|_| void());
        Self::from_values(values, id, [client, account, scope, address, assertion])
    }

    fn from_values(mut values: Values, id: RequestId, spans: [Range<usize>; 5]) -> Option<Self> {
        let request_id = values.add(|text| write_hex(text, id));
        if values.0.len() > IDENTITY_BYTES_MAX {
            return None;
        }
        let text = Bytes::from(values.0);
        let value = |span: Range<usize>| {
            if span.is_empty() {
                return Some(VOID);
            }
            HeaderValue::from_maybe_shared(text.slice(span)).ok()
        };
        let [client, account, scope, client_ip, assertion] = spans;
        let mut headers = HeaderMap::with_capacity(12);
        headers.insert(X_CLIENT_ID, value(client)?);
        headers.insert(X_ACCOUNT_ID, value(account)?);
        headers.insert(X_CLIENT_SCOPE, value(scope)?);
        headers.insert(X_CLIENT_IP, value(client_ip)?);
        headers.insert(X_CLIENT_ASSERTION, value(assertion)?);
        headers.insert(X_REQUEST_ID, value(request_id)?);
        Some(Self(headers))
    }

    /// The headers that go on to the application.
    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.0
    }

    /// Exactly 200 and no body: to some programs any other 2xx is a refusal, and to others it is
    /// not.
    pub(crate) fn into_http(self) -> Response<CheckBody> {
        let mut headers = self.0;
        headers.insert(CACHE_CONTROL, NO_STORE);
        headers.insert(VARY, VARY_BY_CREDENTIAL);
        let mut response = Response::new(Full::new(Bytes::new()));
        *response.headers_mut() = headers;
        response
    }
}

/// The values of several headers in one piece of memory.
struct Values(String);

impl Values {
    /// Adds a value; an empty one stands for [`VOID`].
    fn add(&mut self, write: impl FnOnce(&mut String) -> fmt::Result) -> Range<usize> {
        let start = self.0.len();
        if write(&mut self.0).is_err() {
            self.0.truncate(start);
        }
        start..self.0.len()
    }
}

/// IPv4 by hand: the standard library formats it five times slower, at every check.
fn write_address(text: &mut String, address: ClientIp) -> fmt::Result {
    let IpAddr::V4(address) = address.get() else { return write!(text, "{address}") };
    for (place, octet) in address.octets().into_iter().enumerate() {
        if place > 0 {
            text.push('.');
        }
        let digits = [octet / 100, octet / 10 % 10, octet % 10];
        let leading = digits.iter().take(2).take_while(|digit| **digit == 0).count();
        for digit in digits.into_iter().skip(leading) {
            text.push(char::from(b'0' + digit));
        }
    }
    Ok(())
}

fn write_hex(text: &mut String, id: RequestId) -> fmt::Result {
    text.push_str(std::str::from_utf8(&id.to_hex()).map_err(|_| fmt::Error)?);
    Ok(())
}

/// Scopes are visible ASCII (RFC 6749 §3.3). One that is not cannot stand in a header and is left
/// out: the application sees less than was granted, never something else.
fn write_scope(text: &mut String, scope: &str) -> fmt::Result {
    let fits = |scope: &&str| scope.bytes().all(|byte| byte.is_ascii_graphic());
    for (place, scope) in scope.split(' ').filter(|s| !s.is_empty()).filter(fits).enumerate() {
        if place > 0 {
            text.push(' ');
        }
        text.push_str(scope);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
