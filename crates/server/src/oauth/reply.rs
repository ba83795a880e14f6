//! How OAuth endpoints refuse, and the headers that all their answers carry.
//!
//! Invariant: [`refusal`] is the only place where a reason becomes an OAuth error. Everything that
//! must look like a wrong secret goes through [`OAuthError::unauthorized`], so it is the same bytes.

use std::borrow::Cow;

use axum::Json;
use axum::extract::Request;
use axum::http::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use keyward_core::attempt::CredentialFault;
use keyward_core::decision::Reason;
use keyward_core::dpop::DpopFault;
use keyward_core::gateway::Disclosure;
use keyward_core::organization::OrganizationFault;
use keyward_core::possession::{CertificateFault, Mechanism};
use keyward_store::StoreError;
use serde::Serialize;

/// What is said of every refusal by an allowlist, of whatever layer, with or without an address.
const NOT_ALLOWED: &str = "The request is not allowed";
/// What is said where a token must be bound, and cannot be.
const SEND_A_PROOF: &str = "Proof of possession is required: send a DPoP proof";
const USE_A_CERTIFICATE: &str = "Proof of possession is required: use a client certificate";
const BINDS_NONE: &str = "The client requires proof of possession, and the API does not support it";
/// The longest text of a request that an error repeats, in characters.
const ECHO_MAX: usize = 256;

/// An error in the form of RFC 6749 §5.2.
#[derive(Debug)]
pub(super) struct OAuthError {
    status: StatusCode,
    error: &'static str,
    description: Cow<'static, str>,
    uri: Option<&'static str>,
    retry_after_s: Option<u32>,
    /// Why, for the log events alone.
    reason: Option<&'static str>,
    /// Further headers, where a client reads them.
    headers: Option<Box<HeaderMap>>,
    /// The execution of Actions that it comes from, for the log events alone.
    execution: Option<Box<str>>,
}

#[derive(Serialize)]
struct Body<'a> {
    error: &'a str,
    error_description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_uri: Option<&'a str>,
}

impl OAuthError {
    fn new(
        status: StatusCode,
        error: &'static str,
        description: impl Into<Cow<'static, str>>,
    ) -> Self {
        let description = description.into();
        Self {
            status,
            error,
            description,
            uri: None,
            retry_after_s: None,
            reason: None,
            headers: None,
            execution: None,
        }
    }

    /// Says why, in a word that the caller does not get.
    pub(super) fn because(mut self, reason: &'static str) -> Self {
        self.reason = Some(reason);
        self
    }

    /// Why, in a word that the caller does not get.
    pub(super) fn reason(&self) -> &'static str {
        self.reason.unwrap_or(self.error)
    }

    /// Says which execution of Actions it comes from.
    pub(super) fn of_execution(self, id: String) -> Self {
        Self { execution: Some(id.into_boxed_str()), ..self }
    }

    /// The execution of Actions that it comes from.
    pub(super) fn execution(&self) -> Option<&str> {
        self.execution.as_deref()
    }

    /// What the caller gets: the word and the sentence.
    pub(super) fn told(&self) -> (&'static str, &str) {
        (self.error, &self.description)
    }

    /// 400: the request is not well formed.
    pub(super) fn invalid_request(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", description)
    }

    /// 400: a parameter that must be there is not.
    pub(super) fn missing(parameter: &str) -> Self {
        Self::invalid_request(format!("Missing required parameter: {parameter}"))
    }

    /// 413: the body is larger than any honest one.
    pub(super) fn body_too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request", "The body is too large")
    }

    /// 415: neither a form nor JSON.
    pub(super) fn content_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "invalid_request",
            "The content type must be application/x-www-form-urlencoded or application/json",
        )
    }

    /// 400: a grant that Keyward does not serve.
    pub(super) fn unsupported_grant_type() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "unsupported_grant_type", "Grant type not supported")
    }

    /// 400: revocation of something that is no token (RFC 7009 §2.2.1).
    pub(super) fn unsupported_token_type() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "unsupported_token_type",
            "API keys are not tokens: rotate the secret or suspend the client instead",
        )
    }

    /// 400: the API is not named as it must be (RFC 8707 §2).
    pub(super) fn invalid_target(description: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_target", description)
    }

    /// 429 with the headers that tell of the quota.
    pub(super) fn too_many_tokens(description: &'static str, headers: HeaderMap) -> Self {
        Self { headers: Some(Box::new(headers)), ..Self::too_many(description) }
    }

    /// 400: the authorization endpoint serves no response type.
    pub(super) fn unsupported_response_type() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "unsupported_response_type",
            "Only the client_credentials grant is supported",
        )
    }

    /// 429: too many failures from this source.
    pub(super) fn too_many_failures(retry_after_s: u32) -> Self {
        let error = Self::too_many("Too many failed attempts");
        Self { retry_after_s: Some(retry_after_s), ..error }
    }

    /// 503: not now, never a token instead.
    pub(super) fn unavailable() -> Self {
        let (status, error) = (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable");
        let error = Self::new(status, error, "The server cannot answer now, try again");
        Self { retry_after_s: Some(1), ..error }
    }

    /// 500: a bound Action did not come to a verdict. What went wrong in it is the operator's to know.
    pub(super) fn action_failed() -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(status, "server_error", "The token could not be issued").because("action_failed")
    }

    /// A bound Action refused the token, in its own words.
    pub(super) fn denied_by_action(code: &str, reason: &str) -> Self {
        // Compat(auth0): the statuses that its Hooks had; of Actions none is documented.
        let (status, error) = match code {
            "invalid_scope" => (StatusCode::BAD_REQUEST, "invalid_scope"),
            "invalid_request" => (StatusCode::BAD_REQUEST, "invalid_request"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "server_error"),
        };
        let reason = if reason.is_empty() { "The token was refused" } else { reason };
        Self::new(status, error, reason.to_owned()).because("action_denied")
    }

    /// Compat(auth0): `access_denied` where RFC 6749 has `invalid_client`. Unknown, wrong, expired
    /// and suspended are one answer.
    fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "access_denied", "Unauthorized")
    }

    fn invalid_client(description: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_client", description)
    }

    fn denied(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "access_denied", description)
    }

    fn too_many(description: &'static str) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", description)
    }

    /// Whether this says that the credential is not good, and therefore counts as a failure of its
    /// source. It goes by the answer, not by the reason: otherwise flooding would tell two reasons
    /// apart that look alike.
    pub(super) fn is_bad_credential(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
    }
}

/// What was asked for, where an error repeats it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asked<'a> {
    /// The API.
    pub(super) audience: &'a str,
    /// The scopes that are not granted.
    pub(super) missing_scopes: &'a str,
}

/// How a denial is told to the caller. All reasons are named: a new one must be thought about.
pub(super) fn refusal(reason: Reason, disclosure: Disclosure, asked: Asked<'_>) -> OAuthError {
    match reason {
        Reason::Credential(CredentialFault::Missing) => {
            OAuthError::invalid_client("Missing client_id")
        }
        Reason::Credential(CredentialFault::Several) => {
            OAuthError::invalid_request("More than one client authentication")
        }
        Reason::AmbiguousRequest => {
            OAuthError::invalid_request("The request can be read in two ways")
        }
        Reason::Credential(CredentialFault::UnknownScheme) => {
            OAuthError::invalid_client("Client authentication method not supported")
        }
        // Security: whatever is wrong with a secret, an assertion or a certificate is one answer.
        Reason::Credential(
            CredentialFault::MalformedBasic
            | CredentialFault::MalformedBearer
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
        | Reason::Certificate(CertificateFault::Other)
        | Reason::RevokedToken
        | Reason::SuspendedClient
        | Reason::SuspendedAccount => OAuthError::unauthorized(),
        Reason::Address(_) | Reason::NoClientAddress(_) => match disclosure {
            Disclosure::Generic => OAuthError::denied(NOT_ALLOWED),
            Disclosure::Uniform => OAuthError::unauthorized(),
        },
        Reason::MissingAudience => {
            OAuthError::denied("Non-global clients are not allowed access to APIv1")
        }
        Reason::UnknownAudience => {
            OAuthError::denied(format!("Service not found: {}", echo(asked.audience)))
        }
        Reason::GrantType => grant_type_not_allowed(),
        Reason::NoGrant => OAuthError::denied(format!(
            "Client is not authorized to access \"{}\". You need to create a \"client-grant\" \
             associated to this API. See: \
             https://auth0.com/docs/api/v2#!/Client_Grants/post_client_grants",
            echo(asked.audience)
        )),
        Reason::Scope => OAuthError::denied(format!(
            "Client has not been granted scopes: {}",
            echo(asked.missing_scopes)
        )),
        Reason::Organization(fault) => organization_refused(fault),
        Reason::RateLimit => OAuthError::too_many("Global limit has been reached"),
        Reason::Quota => OAuthError::too_many("Client quota exceeded"),
        Reason::Proof(DpopFault::Full) | Reason::Stale => OAuthError::unavailable(),
        // RFC 9449 §5: what is wrong with it is no secret from whoever signed it.
        Reason::Proof(fault) => {
            OAuthError::new(StatusCode::BAD_REQUEST, "invalid_dpop_proof", fault.to_string())
        }
        Reason::Certificate(fault) => OAuthError::invalid_request(fault.to_string()),
        Reason::NothingToBind(Mechanism::Dpop) => OAuthError::invalid_request(SEND_A_PROOF),
        Reason::NothingToBind(Mechanism::Mtls) => OAuthError::invalid_request(USE_A_CERTIFICATE),
        Reason::NotBinding => OAuthError::invalid_request(BINDS_NONE),
    }
}

/// Compat(auth0): its words, as far as they are known. Whether there is such an account is not told.
fn organization_refused(fault: OrganizationFault) -> OAuthError {
    match fault {
        OrganizationFault::Denied => {
            OAuthError::invalid_request("parameter organization is not allowed for this client")
        }
        OrganizationFault::Missing => {
            OAuthError::invalid_request("parameter organization is required for this client")
        }
        OrganizationFault::Foreign => {
            OAuthError::denied("Client is not authorized to access the organization")
        }
    }
}

fn grant_type_not_allowed() -> OAuthError {
    let error = OAuthError::new(
        StatusCode::FORBIDDEN,
        "unauthorized_client",
        "Grant type 'client_credentials' not allowed for the client.",
    );
    OAuthError { uri: Some("https://auth0.com/docs/clients/client-grant-types"), ..error }
}

/// Text of the request as an error may repeat it: the characters of RFC 6749 §5.2, not too many.
fn echo(text: &str) -> String {
    let plain = |character: char| match character {
        ' ' | '!' | '#'..='[' | ']'..='~' => character,
        _ => '?',
    };
    text.chars().take(ECHO_MAX).map(plain).collect()
}

impl From<StoreError> for OAuthError {
    /// What was not stored is not claimed: 503, never 200.
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store could not be used");
        Self::unavailable()
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let body =
            Body { error: self.error, error_description: &self.description, error_uri: self.uri };
        let mut response = (self.status, Json(body)).into_response();
        if let Some(headers) = self.headers {
            response.headers_mut().extend(*headers);
        }
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// 405 with the one method there is.
pub(super) async fn method_not_allowed() -> Response {
    let error = OAuthError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "invalid_request",
        "The method must be POST",
    );
    ([(ALLOW, "POST")], error).into_response()
}

/// 405 where documents are read.
pub(super) async fn not_get() -> OAuthError {
    OAuthError::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request", "The method must be GET")
}

/// Adds what every answer carries: it is not to be kept (RFC 6749 §5.1), and a 401 to somebody who
/// used the `Authorization` header names a scheme (RFC 6749 §5.2). Others get no challenge, because
/// OAuth client libraries then report that instead of the error.
pub(super) async fn finish(request: Request, next: Next) -> Response {
    let challenge = request.headers().get(AUTHORIZATION).map(challenge);
    let mut response = next.run(request).await;
    let refused = response.status() == StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    if let Some(challenge) = challenge.filter(|_| refused) {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    response
}

fn challenge(authorization: &HeaderValue) -> &'static str {
    let scheme = authorization.as_bytes().get(..6).unwrap_or_default();
    if scheme.eq_ignore_ascii_case(b"bearer") {
        "Bearer realm=\"oauth\", error=\"invalid_token\""
    } else {
        "Basic realm=\"oauth\", charset=\"UTF-8\""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_is_short_and_plain() {
        assert_eq!(echo("https://api.example/?a=[1]"), "https://api.example/?a=[1]");
        assert_eq!(echo("a\"b\\c\nd\u{e9}"), "a?b?c?d?");
        assert_eq!(echo(&"x".repeat(1_000)).len(), ECHO_MAX);
    }

    #[test]
    fn an_address_denial_is_one_answer_for_all_layers() {
        use keyward_core::allowlist::Layer;
        let layers = [Layer::Api, Layer::Account, Layer::Client];
        let all = layers.into_iter().flat_map(|l| [Reason::Address(l), Reason::NoClientAddress(l)]);
        for (disclosure, like) in [
            (Disclosure::Generic, OAuthError::denied(NOT_ALLOWED)),
            (Disclosure::Uniform, OAuthError::unauthorized()),
        ] {
            for reason in all.clone() {
                let got = refusal(reason, disclosure, Asked::default());
                assert_eq!(format!("{got:?}"), format!("{like:?}"), "{reason:?}");
            }
        }
    }
}
