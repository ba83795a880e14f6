//! Access tokens: the claims Keyward puts into them and what it takes from them.
//!
//! Two dialects, chosen per API: Auth0's own profile and RFC 9068. Both are signed as
//! [`crate::jws`] says. Nothing here knows the time; [`VerifiedToken::check_time`] is told it.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use serde_json::{Map, Value};

use crate::id::{AccountId, ClientId};
use crate::jwk::KeySet;
use crate::jws::{JwsFault, Verified, verify_compact};
use crate::possession::Confirmation;
use crate::time::Timestamp;

mod claims;
mod custom;

pub use custom::is_custom_claim;

/// What follows the client id in `sub` in the Auth0 dialect.
const AUTH0_SUBJECT_SUFFIX: &str = "@clients";
/// The only grant there is, in Auth0's spelling.
const AUTH0_GRANT: &str = "client-credentials";

/// Claims that Keyward itself writes or reads. Nothing else may set them.
const RESERVED_CLAIMS: [&str; 17] = [
    "iss",
    "sub",
    "aud",
    "azp",
    "client_id",
    "iat",
    "nbf",
    "exp",
    "jti",
    "scope",
    "gty",
    "permissions",
    "org_id",
    "org_name",
    "cnf",
    "act",
    "may_act",
];

/// Which claims a token carries, and which `typ`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Auth0's access token profile: `typ` `JWT`, `azp`, `gty`, a subject `<client id>@clients`, and
    /// no `jti`.
    Auth0,
    /// RFC 9068: `typ` `at+jwt`, `client_id`, `jti`, the client id as subject.
    Rfc9068,
}

impl Dialect {
    /// The `typ` of tokens Keyward issues in this dialect.
    #[must_use]
    pub fn typ(self) -> &'static str {
        match self {
            Self::Auth0 => "JWT",
            Self::Rfc9068 => "at+jwt",
        }
    }

    /// The dialect a `typ` stands for. RFC 9068 §2.1 allows the long form of its media type; every
    /// other type (an ID token's, a proof's, none at all) is no access token (RFC 8725 §3.11).
    fn of_typ(typ: Option<&str>) -> Option<Self> {
        match typ {
            Some("JWT") => Some(Self::Auth0),
            Some("at+jwt" | "application/at+jwt") => Some(Self::Rfc9068),
            _ => None,
        }
    }
}

/// What goes into an access token.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenClaims {
    /// `iss`.
    pub issuer: Arc<str>,
    /// The client the token is for.
    pub client: ClientId,
    /// `aud`, the API's identifier.
    pub audience: String,
    /// Granted scopes, space separated; absent when there are none.
    pub scope: Option<String>,
    /// `iat`, in seconds since the Unix epoch.
    pub issued_at_s: i64,
    /// `exp`, in seconds since the Unix epoch.
    pub expires_at_s: i64,
    /// `jti`. The RFC 9068 dialect needs one, the Auth0 dialect never carries it.
    pub jti: Option<String>,
    /// `org_id` and `org_name`: the account.
    pub organization: Option<(String, String)>,
    /// `permissions`, where the API wants the scopes as a list as well.
    pub permissions: Option<Vec<String>>,
    /// `cnf`: the key or certificate the token is bound to (RFC 7800).
    pub cnf: Option<Value>,
    /// Further claims, for example an Action's. Reserved names are left out.
    pub extra: Map<String, Value>,
}

impl TokenClaims {
    /// Whether a claim is Keyward's own, so that nobody else may set it.
    #[must_use]
    pub fn is_reserved(name: &str) -> bool {
        RESERVED_CLAIMS.contains(&name)
    }

    /// The payload in a dialect, as JSON.
    #[must_use]
    pub fn to_json(&self, dialect: Dialect) -> String {
        claims::write(self, dialect)
    }
}

/// The identity of one token for revocation: 128 bits that do not depend on the signature's bytes.
///
/// Security: an ECDSA signature can be changed by anybody and stay valid, so a digest of the whole
/// token would let a revoked token come back under another name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(pub [u8; 16]);

impl TokenId {
    /// The identity of a token with a `jti`: of this client, because only within it is `jti` unique.
    #[must_use]
    pub fn of_jti(client: &ClientId, jti: &str) -> Self {
        // A client id has no colon, so the parts cannot run into each other.
        let mut hash = Context::new(&SHA256);
        hash.update(format!("jti:{client}:").as_bytes());
        hash.update(jti.as_bytes());
        Self::first_half(hash)
    }

    /// The identity of a token without `jti`: of everything that is signed. Two tokens with the same
    /// claims of the same second are one.
    #[must_use]
    pub fn of_signing_input(signing_input_digest: &[u8; 32]) -> Self {
        let mut hash = Context::new(&SHA256);
        hash.update(b"jws:");
        hash.update(signing_input_digest);
        Self::first_half(hash)
    }

    fn first_half(hash: Context) -> Self {
        let hash = hash.finish();
        let mut id = [0; 16];
        id.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
        Self(id)
    }
}

impl fmt::Display for TokenId {
    /// 32 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenId({self})")
    }
}

/// An access token that Keyward issued: authentic and well-formed, but perhaps expired, revoked, for
/// another API, or bound to a key that was not shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedToken {
    /// What revocation knows it by.
    pub token_id: TokenId,
    /// Its dialect.
    pub dialect: Dialect,
    /// The key that signed it.
    pub kid: Arc<str>,
    /// `iss`.
    pub issuer: Arc<str>,
    /// Whose it is.
    pub client: ClientId,
    /// `aud`, one or more.
    pub audience: Vec<String>,
    /// `scope`, empty when there is none.
    pub scope: String,
    /// `iat`.
    pub issued_at: Timestamp,
    /// `exp`.
    pub expires_at: Timestamp,
    /// `nbf`, when given.
    pub not_before: Option<Timestamp>,
    /// `jti`, when given.
    pub jti: Option<String>,
    /// `org_id`: the account that it is for.
    pub organization: Option<AccountId>,
    /// The key or certificate that it is bound to (`cnf`). It is no bearer token then: it is worth
    /// nothing without the proof (RFC 9449 §7.2, RFC 8705 §3).
    pub confirmation: Option<Box<Confirmation>>,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TokenFault {
    /// Not a signature of ours.
    #[error(transparent)]
    Jws(#[from] JwsFault),
    /// Not an access token by its `typ`.
    #[error("the token's `typ` is not an access token's")]
    Type,
    /// Of another issuer.
    #[error("the token is of another issuer")]
    Issuer,
    /// `aud` is missing, empty, of the wrong type or not the API's.
    #[error("the token is not for this API")]
    Audience,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` or `iat` lies in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// The payload is not a JSON object with every member once.
    #[error("the token's payload is not a JSON object with every member once")]
    Payload,
    /// A claim is missing or of the wrong type.
    #[error("the token's claim `{0}` is missing or not as it must be")]
    Claim(&'static str),
    /// The subject is not the client.
    #[error("the token's subject is not its client")]
    Subject,
}

impl TokenFault {
    /// One word for logs and metrics.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Jws(fault) => fault.reason(),
            Self::Type => "type",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Payload => "payload",
            Self::Claim(_) => "claim",
            Self::Subject => "subject",
        }
    }
}

/// Verifies an access token of `issuer`: signature, type, and every claim that both dialects have.
///
/// The time, the audience, revocation and `cnf` are the caller's to judge, because they change
/// while the answer here does not: it may be remembered for as long as the keys stay.
///
/// # Errors
/// The first [`TokenFault`] found.
pub fn verify_token(token: &str, keys: &KeySet, issuer: &str) -> Result<VerifiedToken, TokenFault> {
    let jws: Verified = verify_compact(token, keys)?;
    let dialect = Dialect::of_typ(jws.typ.as_deref()).ok_or(TokenFault::Type)?;
    claims::read(&jws, dialect, issuer)
}

impl VerifiedToken {
    /// Whether the token is good at `now`, give or take `leeway_s` seconds between two clocks.
    ///
    /// It is good before `exp` and not at it (RFC 7519 §4.1.4), from `nbf` on, and from `iat` on: a
    /// token of the future was not issued by a server whose clock is right.
    ///
    /// # Errors
    /// [`TokenFault::Expired`] or [`TokenFault::NotYetValid`].
    pub fn check_time(&self, now: Timestamp, leeway_s: u32) -> Result<(), TokenFault> {
        let leeway_s = i64::from(leeway_s);
        if now >= self.expires_at.plus_seconds(leeway_s) {
            return Err(TokenFault::Expired);
        }
        let valid_from =
            self.not_before.map_or(self.issued_at, |moment| moment.max(self.issued_at));
        if now.plus_seconds(leeway_s) < valid_from {
            return Err(TokenFault::NotYetValid);
        }
        Ok(())
    }

    /// Whether the token is for the API with exactly this identifier.
    #[must_use]
    pub fn has_audience(&self, audience: &str) -> bool {
        self.audience.iter().any(|one| one == audience)
    }
}
