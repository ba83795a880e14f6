//! What comes in at an OAuth endpoint, taken apart: parameters, credential, client address.

use std::error::Error as _;
use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use http_body_util::LengthLimitError;
use keyward_allowlist::{ClientIp, NoClientIp};
use keyward_core::attempt::{Credential, CredentialFault};
use keyward_core::id::ClientId;
use keyward_gate::RequestId;
use keyward_gate::credential::{BasicBuffer, BasicPair, basic_oauth, credential};

use super::parameters::{Parameters, decode};
use super::reply::OAuthError;
use crate::address::public_client_ip;
use crate::request_log::RequestClient;
use crate::services::Services;

/// The largest body that is read, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// Must not be in the URI, where logs and histories keep it (RFC 6749 §2.3.1).
const NEVER_IN_URI: [&str; 6] =
    ["client_id", "client_secret", "client_assertion", "token", "access_token", "password"];

/// A request to an OAuth endpoint.
pub(super) struct OAuthRequest {
    /// Its parameters.
    pub(super) parameters: Parameters,
    /// From where it comes.
    pub(super) client_ip: Result<ClientIp, NoClientIp>,
    /// Its id.
    pub(super) id: RequestId,
    client: RequestClient,
    headers: HeaderMap,
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
        let id = parts.extensions.get().copied().unwrap_or_else(RequestId::random);
        let client = parts.extensions.get().cloned().unwrap_or_default();
        Ok(Self { parameters, client_ip, id, client, headers: parts.headers })
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

/// A client's id and secret as they were shown. There is no `Debug`.
pub(super) enum Pair<'a> {
    /// In the `Authorization` header.
    Header(BasicPair),
    /// In the body.
    Body { client: &'a str, secret: &'a str },
}

impl Pair<'_> {
    /// For a decision.
    pub(super) fn credential(&self) -> Credential<'_> {
        match self {
            Self::Header(pair) => Credential::Pair { client: &pair.client, secret: &pair.secret },
            Self::Body { client, secret } => Credential::Pair { client, secret },
        }
    }
}

impl OAuthRequest {
    /// Notes whose request it is, for the log.
    pub(super) fn is_of(&self, client: &ClientId) {
        self.client.note(client);
    }

    /// The client's id and secret, by one method of RFC 6749 §2.3.1: Basic or the body.
    pub(super) fn pair(&self) -> Result<Pair<'_>, CredentialFault> {
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
            return if agrees { Ok(Pair::Header(pair)) } else { Err(CredentialFault::Several) };
        }
        match (id, secret, assertion) {
            (_, Some(_), Some(_)) => Err(CredentialFault::Several),
            (_, None, Some(_)) => Err(CredentialFault::UnknownScheme),
            (None, _, None) => Err(CredentialFault::Missing),
            // Without a secret this is a wrong secret, and takes as long as one.
            (Some(client), secret, None) => {
                Ok(Pair::Body { client, secret: secret.unwrap_or_default() })
            }
        }
    }

    /// Whether somebody shows a Bearer credential instead of a client's id and secret.
    pub(super) fn has_bearer(&self) -> bool {
        let scheme = self.headers.get(AUTHORIZATION).and_then(|line| line.as_bytes().get(..6));
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer"))
    }

    /// That Bearer credential.
    pub(super) fn bearer<'a>(
        &'a self,
        buffer: &'a mut BasicBuffer,
    ) -> Result<Credential<'a>, CredentialFault> {
        let also_in_body = ["client_secret", "client_assertion"]
            .iter()
            .any(|name| self.parameters.text(name).is_some());
        if also_in_body { Err(CredentialFault::Several) } else { credential(&self.headers, buffer) }
    }

    fn authorization(&self) -> Result<Option<&HeaderValue>, CredentialFault> {
        let mut lines = self.headers.get_all(AUTHORIZATION).iter();
        let first = lines.next();
        if lines.next().is_some() { Err(CredentialFault::Several) } else { Ok(first) }
    }
}
