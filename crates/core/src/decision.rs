//! What was decided. A denial is a value, never an error.

use std::sync::Arc;

use keyward_allowlist::ClientIp;

use crate::allowlist::Layer;
use crate::attempt::CredentialFault;
use crate::client_assertion::AssertionFault;
use crate::dpop::{DpopFault, Once};
use crate::id::{AccountId, ClientId, CredentialId, SecretId};
use crate::organization::{Organization, OrganizationFault};
use crate::policy::{ApiRecord, Flow};
use crate::possession::{CertificateFault, Confirmation, Mechanism};
use crate::quota::TokenQuotas;
use crate::replay::ReplayCache;
use crate::time::Timestamp;
use crate::token::TokenFault;

/// The verdict on an attempt.
#[derive(Debug, Clone)]
pub enum Decision {
    /// It may pass.
    Allow(Permit),
    /// It may not.
    Deny(Denial),
}

impl Decision {
    /// Whether it may pass.
    #[must_use]
    pub fn is_allow(&self) -> bool {
        matches!(self, Self::Allow(_))
    }

    /// The reason of a denial.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Allow(_) => None,
            Self::Deny(denial) => Some(denial.reason),
        }
    }
}

/// Proof that an attempt was allowed, with what the door hands on.
#[derive(Debug, Clone)]
pub struct Permit {
    /// Who.
    pub client: ClientId,
    /// Whose.
    pub account: Option<AccountId>,
    /// The scopes that count, space separated, in a stable order.
    pub scope: Arc<str>,
    /// From where, when an address was found.
    pub client_ip: Option<ClientIp>,
    /// The API, where the door names one.
    pub api: Option<Arc<ApiRecord>>,
    /// What was shown.
    pub shown: Shown,
    /// The Actions that the request must run through before a token is issued; only at the token
    /// endpoint.
    pub flow: Option<Arc<Flow>>,
    /// What a token that is asked for must be bound to.
    pub confirmation: Option<Box<Confirmation>>,
    /// What must be used up before anybody acts on this: see [`Permit::claim`].
    pub once: Option<Box<Once>>,
    /// What enforcing the report-only lists would have said.
    pub would_deny: Option<Reason>,
    /// What the token is to be, where one was asked for.
    pub token: Option<Box<TokenTerms>>,
    /// The policy revision that it was decided on.
    pub revision: u64,
}

impl Permit {
    /// Uses up what counts once. `since` is when the cache began to remember. Each door does it after the decision and just before it acts, so
    /// that a refused attempt uses nothing up and a decision can be taken again.
    ///
    /// # Errors
    /// The denial that this is instead.
    pub fn claim(
        &self,
        cache: &ReplayCache,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<(), Denial> {
        let Some(once) = &self.once else { return Ok(()) };
        once.claim(cache, since, now).map_err(|fault| Denial {
            reason: Reason::Proof(fault),
            client: Some(self.client.clone()),
            revision: self.revision,
        })
    }
}

/// What a permit for a token says besides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TokenTerms {
    /// The account that it is for.
    pub organization: Option<Organization>,
    /// What it counts for.
    pub quotas: TokenQuotas,
}

/// What kind of credential was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// Id and secret, in either form; which of the secrets.
    Secret(SecretId),
    /// A key or certificate in place of a secret.
    Credential(CredentialId),
    /// An access token.
    Token {
        /// When it ends, in seconds since the Unix epoch.
        expires_at_s: i64,
    },
}

/// A refusal with what its owner may learn of it. The caller learns the class alone.
#[derive(Debug, Clone)]
pub struct Denial {
    /// Why.
    pub reason: Reason,
    /// The client, once it is authentic.
    pub client: Option<ClientId>,
    /// The policy revision that it was decided on.
    pub revision: u64,
}

/// Why an attempt is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// No usable credential.
    Credential(CredentialFault),
    /// No such client.
    UnknownClient,
    /// An API key with a wrong form or checksum.
    MalformedKey,
    /// The secret does not fit.
    WrongSecret,
    /// The secret fits, and has expired.
    ExpiredSecret,
    /// The client's assertion is not good.
    Assertion(AssertionFault),
    /// The assertion was used before, or may have been.
    ReplayedAssertion,
    /// The client has no such certificate, or it is not good now.
    WrongCertificate,
    /// The key or certificate fits, and its credential has expired.
    ExpiredCredential,
    /// The token is not good.
    Token(TokenFault),
    /// The token is bound to a key or certificate that was not shown (RFC 9449, RFC 8705).
    UnprovenToken,
    /// The proof of possession is not good (RFC 9449).
    Proof(DpopFault),
    /// The client certificate is not good, or another than the token's (RFC 8705).
    Certificate(CertificateFault),
    /// The token is shown as one that is bound to a key, and is not.
    UnboundToken,
    /// The token, or all tokens of its client of that time, were revoked.
    RevokedToken,
    /// The client is suspended.
    SuspendedClient,
    /// The client's account is suspended.
    SuspendedAccount,
    /// A list does not have the address.
    Address(Layer),
    /// A list enforces, and there is no client address to look up.
    NoClientAddress(Layer),
    /// The token request names no API and there is no default.
    MissingAudience,
    /// The token request names an API that does not exist.
    UnknownAudience,
    /// The client may not use the grant type `client_credentials`.
    GrantType,
    /// The client has no grant for the API.
    NoGrant,
    /// A scope is missing from the grant or the token.
    Scope,
    /// The API or the client wants bound tokens alone, and the request shows nothing that one could
    /// be bound to.
    NothingToBind(Mechanism),
    /// The client wants bound tokens alone, and the API binds none.
    NotBinding,
    /// The account that a token request names, or its lack.
    Organization(OrganizationFault),
    /// Too many calls.
    RateLimit,
    /// The quota is used up.
    Quota,
    /// The gateway's own words about the request can be read in two ways.
    AmbiguousRequest,
    /// The policy is too old to decide by.
    Stale,
}

impl Reason {
    /// A stable word for logs, metrics and the owner's screens.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Credential(CredentialFault::Missing) => "credential_missing",
            Self::Credential(CredentialFault::Several) => "credential_several",
            Self::Credential(CredentialFault::MalformedBearer) => "bearer_malformed",
            Self::Credential(CredentialFault::MalformedBasic) => "basic_malformed",
            Self::Credential(CredentialFault::UnknownScheme) => "scheme_unknown",
            Self::UnknownClient => "client_unknown",
            Self::MalformedKey => "key_malformed",
            Self::WrongSecret => "secret_wrong",
            Self::ExpiredSecret => "secret_expired",
            Self::Credential(CredentialFault::Assertion(_)) | Self::Assertion(_) => {
                "assertion_invalid"
            }
            Self::Credential(CredentialFault::MalformedCertificate) | Self::WrongCertificate => {
                "certificate_wrong"
            }
            Self::ReplayedAssertion => "assertion_replayed",
            Self::ExpiredCredential => "credential_expired",
            Self::Token(_) => "token_invalid",
            Self::UnprovenToken => "token_unproven",
            Self::Proof(fault) => fault.code(),
            Self::Certificate(fault) => fault.code(),
            Self::UnboundToken => "token_unbound",
            Self::RevokedToken => "token_revoked",
            Self::SuspendedClient => "client_suspended",
            Self::SuspendedAccount => "account_suspended",
            Self::Address(Layer::Api) => "address_not_allowed_by_api",
            Self::Address(Layer::Account) => "address_not_allowed_by_account",
            Self::Address(Layer::Client) => "address_not_allowed_by_client",
            Self::NoClientAddress(_) => "client_address_missing",
            Self::MissingAudience => "audience_missing",
            Self::UnknownAudience => "audience_unknown",
            Self::GrantType => "grant_type_not_allowed",
            Self::NoGrant => "grant_missing",
            Self::Scope => "scope_missing",
            Self::NothingToBind(Mechanism::Dpop) => "dpop_missing",
            Self::NothingToBind(Mechanism::Mtls) => "certificate_missing",
            Self::NotBinding => "api_binds_no_tokens",
            Self::Organization(OrganizationFault::Denied) => "organization_not_allowed",
            Self::Organization(OrganizationFault::Missing) => "organization_missing",
            Self::Organization(OrganizationFault::Foreign) => "organization_foreign",
            Self::RateLimit => "rate_limited",
            Self::Quota => "quota_exceeded",
            Self::AmbiguousRequest => "request_ambiguous",
            Self::Stale => "policy_stale",
        }
    }
}
