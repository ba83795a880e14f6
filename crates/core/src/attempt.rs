//! What was tried: a credential, an address and a door.

use std::fmt;

use keyward_allowlist::{ClientIp, NoClientIp};

use crate::client_assertion::{AssertionFault, ClientAssertion};
pub use crate::possession::Evidence;

/// A credential as it was shown, not yet believed.
#[derive(Clone, Copy)]
pub enum Credential<'a> {
    /// Client id and secret apart: HTTP Basic (RFC 7617) or the token endpoint.
    Pair {
        /// The client id.
        client: &'a str,
        /// The secret.
        secret: &'a str,
    },
    /// One string `kw_<environment>_<client id>_<secret>`.
    ApiKey(&'a str),
    /// An access token (RFC 6750).
    Token(&'a str),
    /// An access token with the scheme of those that are bound to a key (RFC 9449 §7.1).
    DpopToken(&'a str),
    /// A client's signed assertion (RFC 7523).
    Assertion(ShownAssertion<'a>),
    /// A client's certificate (RFC 8705), beside its id.
    Certificate(ShownCertificate<'a>),
}

/// An assertion that was shown.
#[derive(Debug, Clone, Copy)]
pub struct ShownAssertion<'a> {
    /// The client that the request names beside it, if any.
    pub client: Option<&'a str>,
    /// The assertion.
    pub assertion: &'a ClientAssertion<'a>,
}

/// A certificate whose key somebody holds who says to be a client.
#[derive(Debug, Clone, Copy)]
pub struct ShownCertificate<'a> {
    /// Who.
    pub client: &'a str,
    /// SHA-256 of the certificate.
    pub thumbprint: &'a [u8; 32],
    /// Its subject (RFC 4514).
    pub subject: &'a str,
    /// Whether an authority that is trusted vouches for it.
    pub chain_verified: bool,
    /// Whether it is within its own time.
    pub is_current: bool,
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pair { .. } => "Pair(redacted)",
            Self::ApiKey(_) => "ApiKey(redacted)",
            Self::Token(_) => "Token(redacted)",
            Self::Assertion(_) => "Assertion(redacted)",
            Self::Certificate(_) => "Certificate(redacted)",
            Self::DpopToken(_) => "DpopToken(redacted)",
        })
    }
}

/// Why a request shows no usable credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CredentialFault {
    /// There is none.
    #[error("no credential")]
    Missing,
    /// More than one: two header lines or two methods (RFC 6750 §2).
    #[error("more than one credential")]
    Several,
    /// A Bearer or DPoP credential that is no `b64token` or is too long (RFC 6750 §2.1).
    #[error("malformed bearer credential")]
    MalformedBearer,
    /// A Basic credential that cannot be decoded (RFC 7617 §2).
    #[error("malformed basic credential")]
    MalformedBasic,
    /// A client assertion (RFC 7523) that cannot be read.
    #[error("malformed client assertion: {0}")]
    Assertion(AssertionFault),
    /// A client certificate that cannot be read.
    #[error("malformed client certificate")]
    MalformedCertificate,
    /// A scheme that is not known here.
    #[error("unknown authentication scheme")]
    UnknownScheme,
}

/// What a door asks beyond an authentic credential.
#[derive(Debug, Clone, Copy)]
pub enum Door<'a> {
    /// The credential is used on an API, behind a gateway.
    Use(Required<'a>),
    /// A token is asked for.
    Token(TokenRequest<'a>),
}

/// What a gateway requires of a credential.
#[derive(Debug, Clone, Copy, Default)]
pub struct Required<'a> {
    /// The API that the gateway guards. Without one a key must satisfy the lists of every API it
    /// has a grant for.
    pub audience: Option<&'a str>,
    /// Scopes that the credential must have, all of them.
    pub scopes: &'a [String],
    /// Whether a client only shows this server who it is: no API is used, so none may want a bound
    /// token. Lists are asked all the same.
    pub is_authentication: bool,
    /// What the route asks for on top.
    pub narrowing: Narrowing<'a>,
}

/// What a single route asks for beyond what its gateway requires. It can only take away: every list
/// that is asked without it is asked with it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Narrowing<'a> {
    /// APIs that the credential must be good for, all of them.
    pub audiences: &'a [&'a str],
    /// Scopes that it must have besides.
    pub scopes: &'a [&'a str],
}

/// What a token request asks for.
#[derive(Debug, Clone, Copy, Default)]
pub struct TokenRequest<'a> {
    /// The API's identifier; `None` when neither the request nor the tenant names one.
    pub audience: Option<&'a str>,
    /// The scopes asked for, space separated; `None` for all that are granted.
    pub scope: Option<&'a str>,
    /// The account, by id or name.
    pub organization: Option<&'a str>,
}

/// Something tried at a door.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// The one credential, or why there is none.
    pub credential: Result<Credential<'a>, CredentialFault>,
    /// The client address, or why there is none.
    pub client_ip: Result<ClientIp, NoClientIp>,
    /// What is shown for a bound token, or to have one bound.
    pub evidence: Evidence<'a>,
    /// Where.
    pub door: Door<'a>,
}
