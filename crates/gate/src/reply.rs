//! How a verdict is answered: the only place where a reason becomes a status.
//!
//! Security: every refusal of one class has the same bytes, `X-Request-Id` aside. Programs in
//! front copy headers and bodies of refusals to the caller, so nothing of the reason, of the
//! client or of the list may stand there.

use std::fmt::{self, Write as _};
use std::ops::Range;

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::StatusCode;
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
    VARY, WWW_AUTHENTICATE,
};
use keyward_core::attempt::CredentialFault;
use keyward_core::decision::{Permit, Reason};
use keyward_core::gateway::{DenyStyle, Disclosure, Gateway};

use crate::request_id::RequestId;

/// The most bytes of all identity headers' values together. Programs in front have 4 KiB for all
/// headers of an answer, and more is an error there.
const IDENTITY_BYTES_MAX: usize = 2048;
/// What stands for nothing. Headers are never left out: one that is missing would let the
/// caller's own of that name through to the application.
const VOID: &str = "-";

const X_CLIENT_ID: HeaderName = HeaderName::from_static("x-client-id");
const X_ACCOUNT_ID: HeaderName = HeaderName::from_static("x-account-id");
const X_CLIENT_SCOPE: HeaderName = HeaderName::from_static("x-client-scope");
const X_CLIENT_IP: HeaderName = HeaderName::from_static("x-client-ip");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

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
const ZERO: HeaderValue = HeaderValue::from_static("0");
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
        Reason::Credential(CredentialFault::Several | CredentialFault::MalformedBearer) => {
            Class::BadRequest
        }
        Reason::Credential(CredentialFault::MalformedBasic)
        | Reason::UnknownClient
        | Reason::MalformedKey
        | Reason::WrongSecret
        | Reason::ExpiredSecret
        | Reason::Token(_)
        | Reason::UnprovenToken
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
        | Reason::Scope => Class::Forbidden,
        Reason::RateLimit | Reason::Quota => Class::TooMany,
        Reason::Stale => Class::Unavailable,
    }
}

/// The bytes of a refusal.
struct Form {
    status: StatusCode,
    challenge: Option<HeaderValue>,
    retry_after: Option<HeaderValue>,
    body: &'static str,
}

impl Form {
    const fn new(status: StatusCode, body: &'static str) -> Self {
        Self { status, challenge: None, retry_after: None, body }
    }

    fn challenge(mut self, challenge: HeaderValue) -> Self {
        self.challenge = Some(challenge);
        self
    }

    fn retry(mut self) -> Self {
        self.retry_after = Some(ONE_SECOND);
        self
    }
}

/// Without bodies: nginx gives up the kept connection for each refusal that has one.
fn bare(class: Class) -> Form {
    match class {
        Class::BadRequest | Class::Challenge | Class::Unauthorized => {
            Form::new(StatusCode::UNAUTHORIZED, "").challenge(CHALLENGE)
        }
        Class::Forbidden => Form::new(StatusCode::FORBIDDEN, ""),
        Class::TooMany => Form::new(StatusCode::TOO_MANY_REQUESTS, "").retry(),
        Class::Unavailable => Form::new(StatusCode::SERVICE_UNAVAILABLE, "").retry(),
    }
}

/// RFC 6750 §3.1: a request without a credential gets a challenge and no error code.
fn full(class: Class) -> Form {
    match class {
        Class::BadRequest => Form::new(StatusCode::BAD_REQUEST, r#"{"error":"invalid_request"}"#)
            .challenge(CHALLENGE_INVALID_REQUEST),
        Class::Challenge => Form::new(StatusCode::UNAUTHORIZED, "").challenge(CHALLENGE),
        Class::Unauthorized => Form::new(StatusCode::UNAUTHORIZED, r#"{"error":"invalid_token"}"#)
            .challenge(CHALLENGE_INVALID_TOKEN),
        Class::Forbidden => Form::new(StatusCode::FORBIDDEN, r#"{"error":"access_denied"}"#),
        Class::TooMany => {
            Form::new(StatusCode::TOO_MANY_REQUESTS, r#"{"error":"too_many_requests"}"#).retry()
        }
        Class::Unavailable => {
            Form::new(StatusCode::SERVICE_UNAVAILABLE, r#"{"error":"temporarily_unavailable"}"#)
                .retry()
        }
    }
}

/// The answer to a refused attempt.
pub(crate) fn deny(reason: Reason, gateway: &Gateway, id: RequestId) -> Response {
    let class = class(reason, gateway.disclosure);
    write_refusal(
        match gateway.deny_style {
            DenyStyle::Bare => bare(class),
            DenyStyle::Full => full(class),
        },
        id,
    )
}

/// The answer to whoever is no gateway: like a refused address, whatever gateway it named.
pub(crate) fn turn_away(id: RequestId) -> Response {
    write_refusal(bare(Class::Forbidden), id)
}

fn write_refusal(form: Form, id: RequestId) -> Response {
    let mut headers = HeaderMap::with_capacity(8);
    if let Some(challenge) = form.challenge {
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
    if let Some(seconds) = form.retry_after {
        headers.insert(RETRY_AFTER, seconds);
    }
    headers.insert(CACHE_CONTROL, NO_STORE);
    let body = if form.body.is_empty() {
        headers.insert(CONTENT_LENGTH, ZERO);
        Body::empty()
    } else {
        headers.insert(CONTENT_TYPE, JSON);
        headers.insert(CONTENT_LENGTH, HeaderValue::from(form.body.len()));
        Body::from(form.body)
    };
    if let Ok(id) = HeaderValue::from_bytes(&id.to_hex()) {
        headers.insert(X_REQUEST_ID, id);
    }
    let mut response = Response::new(body);
    *response.status_mut() = form.status;
    *response.headers_mut() = headers;
    response
}

/// The identity headers of an allowed request, ready to be sent: always all of them.
#[derive(Debug)]
pub(crate) struct Identity(HeaderMap);

impl Identity {
    /// Writes the identity headers. `None` when they are too long: cut short they would say
    /// something else, and longer ones break the program in front, so the caller must refuse.
    pub(crate) fn of(permit: &Permit, id: RequestId) -> Option<Self> {
        let mut values = Values(String::with_capacity(192));
        let client = values.add(|text| write!(text, "{}", permit.client));
        let account = values.add(|text| {
            permit.account.as_ref().map_or(Ok(()), |account| text.write_str(account.as_str()))
        });
        let scope = values.add(|text| write_scope(text, &permit.scope));
        let client_ip =
            values.add(|text| permit.client_ip.map_or(Ok(()), |address| write!(text, "{address}")));
        let request_id = values.add(|text| write!(text, "{id}"));
        if values.0.len() > IDENTITY_BYTES_MAX {
            return None;
        }
        let text = Bytes::from(values.0);
        let value = |span: Range<usize>| HeaderValue::from_maybe_shared(text.slice(span)).ok();
        let mut headers = HeaderMap::with_capacity(12);
        headers.insert(X_CLIENT_ID, value(client)?);
        headers.insert(X_ACCOUNT_ID, value(account)?);
        headers.insert(X_CLIENT_SCOPE, value(scope)?);
        headers.insert(X_CLIENT_IP, value(client_ip)?);
        headers.insert(X_REQUEST_ID, value(request_id)?);
        Some(Self(headers))
    }
}

/// The values of several headers in one piece of memory.
struct Values(String);

impl Values {
    /// Adds a value, [`VOID`] when nothing is written.
    fn add(&mut self, write: impl FnOnce(&mut String) -> fmt::Result) -> Range<usize> {
        let start = self.0.len();
        if write(&mut self.0).is_err() || self.0.len() == start {
            self.0.push_str(VOID);
        }
        start..self.0.len()
    }
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

/// Exactly 200 and no body: to some programs any other 2xx is a refusal, and to others it is not.
pub(crate) fn allow(identity: Identity) -> Response {
    let mut headers = identity.0;
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(VARY, VARY_BY_CREDENTIAL);
    headers.insert(CONTENT_LENGTH, ZERO);
    let mut response = Response::new(Body::empty());
    *response.headers_mut() = headers;
    response
}

#[cfg(test)]
mod tests;
