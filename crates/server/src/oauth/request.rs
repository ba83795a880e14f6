//! What comes in at an OAuth endpoint, taken apart: parameters, credential, client address.

use std::error::Error as _;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use http_body_util::LengthLimitError;
use keyward_allowlist::{ClientIp, NoClientIp};
use keyward_core::attempt::{Credential, CredentialFault, ShownAssertion, ShownCertificate};
use keyward_core::client_assertion::{ASSERTION_TYPE, AssertionFault, ClientAssertion};
use keyward_core::decision::Reason;
use keyward_core::id::ClientId;
use keyward_core::replay::NotClaimed;
use keyward_core::time::Timestamp;
use keyward_gate::RequestId;
use keyward_gate::credential::{BasicBuffer, BasicPair, basic_oauth, credential};

use super::parameters::{Parameters, decode};
use super::reply::OAuthError;
use crate::address::public_client_ip;
use crate::client_certificate::{CertificateFault, ClientCertificate, client_certificate};
use crate::logs::Origin;
use crate::request_log::RequestClient;
use crate::services::Services;

/// The largest body that is read, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// The longest time for which a request is held until its assertion's `iat` has come, in
/// milliseconds: by how much clocks may differ, and a hair.
const WAIT_MS_MAX: u64 = 11_000;

/// Must not be in the URI, where logs and histories keep it (RFC 6749 §2.3.1).
const NEVER_IN_URI: [&str; 6] =
    ["client_id", "client_secret", "client_assertion", "token", "access_token", "password"];

/// A request to an OAuth endpoint.
pub(super) struct OAuthRequest {
    /// Its parameters.
    pub(super) parameters: Parameters,
    /// From where it comes.
    pub(super) client_ip: Result<ClientIp, NoClientIp>,
    /// From where it comes, for the log events.
    pub(super) origin: Origin,
    /// Its id.
    pub(super) id: RequestId,
    client: RequestClient,
    /// Everything but the body.
    pub(super) parts: Parts,
    /// The client's certificate, if it showed one.
    certificate: Result<Option<ClientCertificate>, CertificateFault>,
    /// What came of using its assertion: when that was issued, if it says.
    used_assertion: OnceLock<Result<Option<Timestamp>, Reason>>,
}

impl FromRequest<Arc<Services>> for OAuthRequest {
    type Rejection = OAuthError;

    async fn from_request(request: Request, services: &Arc<Services>) -> Result<Self, OAuthError> {
        let (parts, body) = request.into_parts();
        refuse_uri_credentials(parts.uri.query())?;
        let read = match media_type(&parts.headers).as_deref() {
            Some("application/x-www-form-urlencoded") => Parameters::from_form,
            Some("application/json") => Parameters::from_json,
            Some(_) | None => return Err(OAuthError::content_type()),
        };
        let parameters = read(&bytes_of(body).await?)?;
        let client_ip = public_client_ip(services, &parts);
        let origin = Origin::of(services, &parts.headers, &parts.extensions);
        let id = parts.extensions.get().copied().unwrap_or_else(RequestId::random);
        let client = parts.extensions.get().cloned().unwrap_or_default();
        let certificate = client_certificate(services, &parts);
        Ok(Self {
            parameters,
            client_ip,
            origin,
            id,
            client,
            certificate,
            used_assertion: OnceLock::new(),
            parts,
        })
    }
}

fn refuse_uri_credentials(query: Option<&str>) -> Result<(), OAuthError> {
    for pair in query.unwrap_or_default().split('&') {
        let name = decode(pair.split('=').next().unwrap_or_default().as_bytes())?;
        if NEVER_IN_URI.contains(&name.as_str()) {
            return Err(OAuthError::invalid_request("Credentials must not be in the URI"));
        }
    }
    Ok(())
}

/// The one media type without its parameters, in lower case.
fn media_type(headers: &HeaderMap) -> Option<String> {
    let mut lines = headers.get_all(CONTENT_TYPE).iter();
    let only = lines.next().filter(|_| lines.next().is_none())?.to_str().ok()?;
    Some(only.split(';').next()?.trim().to_ascii_lowercase())
}

async fn bytes_of(body: Body) -> Result<Bytes, OAuthError> {
    to_bytes(body, BODY_BYTES_MAX).await.map_err(|error| {
        let too_large = error.source().is_some_and(|source| source.is::<LengthLimitError>());
        if too_large {
            OAuthError::body_too_large()
        } else {
            OAuthError::invalid_request("The body could not be read")
        }
    })
}

/// By what a client shows who it is. There is no `Debug`.
pub(super) enum ClientProof<'a> {
    /// Id and secret in the `Authorization` header.
    Header(BasicPair),
    /// Id and secret in the body.
    Body { client: &'a str, secret: &'a str },
    /// A signed assertion in the body (RFC 7523 §2.2), beside an id perhaps.
    Assertion { client: Option<&'a str>, assertion: ClientAssertion<'a> },
    /// An id in the body, and a certificate (RFC 8705 §2).
    Certificate { client: &'a str, certificate: &'a ClientCertificate, is_current: bool },
}

impl ClientProof<'_> {
    /// For a decision.
    pub(super) fn credential(&self) -> Credential<'_> {
        match self {
            Self::Header(pair) => Credential::Pair { client: &pair.client, secret: &pair.secret },
            Self::Body { client, secret } => Credential::Pair { client, secret },
            Self::Assertion { client, assertion } => {
                Credential::Assertion(ShownAssertion { client: *client, assertion })
            }
            Self::Certificate { client, certificate, is_current } => {
                Credential::Certificate(ShownCertificate {
                    client,
                    thumbprint: certificate.thumbprint(),
                    subject: certificate.subject(),
                    chain_verified: certificate.chain_verified(),
                    is_current: *is_current,
                })
            }
        }
    }
}

impl OAuthRequest {
    /// Notes whose request it is, for the log.
    pub(super) fn is_of(&self, client: &ClientId) {
        self.client.note(client);
    }

    /// Whose request it is: the authentic client, or else whoever it says it is.
    pub(super) fn client_shown(&self) -> Result<ClientId, String> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let pair = self.authorization().ok().flatten().map(|line| basic_oauth(line.as_bytes()));
        Err(match pair {
            Some(Ok(pair)) => pair.client,
            Some(Err(_)) | None => self.parameters.text("client_id").unwrap_or_default().to_owned(),
        })
    }

    /// By what the client shows who it is, by one method: Basic, a secret in the body
    /// (RFC 6749 §2.3.1), an assertion (RFC 7523 §2.2) or a certificate (RFC 8705 §2).
    pub(super) fn proof(&self, now: Timestamp) -> Result<ClientProof<'_>, CredentialFault> {
        let id = self.parameters.text("client_id");
        let secret = self.parameters.text("client_secret");
        let assertion = self.parameters.text("client_assertion");
        if let Some(authorization) = self.authorization()? {
            if secret.is_some() || assertion.is_some() {
                return Err(CredentialFault::Several);
            }
            let pair = basic_oauth(authorization.as_bytes())?;
            // The id may stand in the body as well, if it is the same (RFC 6749 §3.2.1).
            let agrees = id.is_none_or(|id| id == pair.client);
            return if agrees {
                Ok(ClientProof::Header(pair))
            } else {
                Err(CredentialFault::Several)
            };
        }
        match (id, secret, assertion) {
            (_, Some(_), Some(_)) => Err(CredentialFault::Several),
            (client, None, Some(text)) => self.assertion(client, text),
            (None, _, None) => Err(CredentialFault::Missing),
            (Some(client), Some(secret), None) => Ok(ClientProof::Body { client, secret }),
            (Some(client), None, None) => match &self.certificate {
                Ok(Some(certificate)) => {
                    let is_current = certificate.is_current(now);
                    Ok(ClientProof::Certificate { client, certificate, is_current })
                }
                // Without anything this is a wrong secret, and takes as long as one.
                Ok(None) => Ok(ClientProof::Body { client, secret: "" }),
                Err(_) => Err(CredentialFault::MalformedCertificate),
            },
        }
    }

    fn assertion<'a>(
        &'a self,
        client: Option<&'a str>,
        text: &'a str,
    ) -> Result<ClientProof<'a>, CredentialFault> {
        if self.parameters.text("client_assertion_type") != Some(ASSERTION_TYPE) {
            return Err(CredentialFault::Assertion(AssertionFault::Type));
        }
        let assertion = ClientAssertion::parse(text).map_err(CredentialFault::Assertion)?;
        Ok(ClientProof::Assertion { client, assertion })
    }

    /// Uses an assertion that is authentic, which can be done once. For this request it stays used,
    /// however often that is asked.
    pub(super) fn use_assertion(
        &self,
        services: &Services,
        assertion: &ClientAssertion<'_>,
    ) -> Result<(), Reason> {
        let used = self.used_assertion.get_or_init(|| {
            // What was remembered is gone with the process that remembered it.
            if assertion.may_have_been_used_by(services.started_at) {
                return Err(Reason::ReplayedAssertion);
            }
            let id = assertion.replay_id();
            let claimed = services.replays.claim(id, assertion.expires_at, services.now());
            claimed.map(|()| assertion.issued_at).map_err(|why| match why {
                NotClaimed::Seen => Reason::ReplayedAssertion,
                NotClaimed::Full => Reason::RateLimit,
            })
        });
        used.map(|_| ())
    }

    /// Waits until the assertion that was used is not from the future any more; whether that took
    /// time. Refusals wait as well, for they use one up. It is ten seconds at most, and nothing for clients whose clock is not ahead.
    ///
    /// Security: so every assertion that counted was issued before the moment at which it did, and
    /// after a restart those from before it are told from new ones ([`Self::use_assertion`]).
    pub(super) async fn wait_until_issued(&self, services: &Services) -> bool {
        let Some(Ok(Some(issued_at))) = self.used_assertion.get() else { return false };
        let wait_ms = issued_at.millis().saturating_sub(services.now().millis());
        match u64::try_from(wait_ms) {
            Ok(0) | Err(_) => false,
            Ok(wait_ms) => {
                // Longer only when the clock was set back meanwhile.
                let wait_ms = wait_ms.min(WAIT_MS_MAX);
                tokio::time::sleep(Duration::from_millis(wait_ms)).await;
                true
            }
        }
    }

    /// Whether somebody shows a token or an API key instead of a client's id and secret.
    pub(super) fn has_token(&self) -> bool {
        let line = self.parts.headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
        let scheme = line.and_then(|line| line.split(|byte| *byte == b' ').next());
        scheme.is_some_and(|scheme| {
            scheme.eq_ignore_ascii_case(b"bearer") || scheme.eq_ignore_ascii_case(b"dpop")
        })
    }

    /// That credential.
    pub(super) fn bearer<'a>(
        &'a self,
        buffer: &'a mut BasicBuffer,
    ) -> Result<Credential<'a>, CredentialFault> {
        let also_in_body = ["client_secret", "client_assertion"]
            .iter()
            .any(|name| self.parameters.text(name).is_some());
        if also_in_body {
            Err(CredentialFault::Several)
        } else {
            credential(&self.parts.headers, buffer)
        }
    }

    fn authorization(&self) -> Result<Option<&HeaderValue>, CredentialFault> {
        let mut lines = self.parts.headers.get_all(AUTHORIZATION).iter();
        let first = lines.next();
        if lines.next().is_some() { Err(CredentialFault::Several) } else { Ok(first) }
    }
}
