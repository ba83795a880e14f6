//! APIs (OAuth resource servers) and accounts.

pub mod patch;

use std::collections::BTreeMap;

use crate::allowlist::Allowlist;
use crate::client::State;
use crate::id::{AccountId, ApiId};
use crate::jwk::Algorithm;
use crate::possession::ProofOfPossession;
use crate::quota::TokenQuota;
use crate::time::Timestamp;
use crate::token::Dialect;

/// The longest token lifetime, in seconds (30 days, as Auth0's).
pub const TOKEN_LIFETIME_MAX_S: u32 = 2_592_000;
/// The shortest token lifetime, in seconds: clients get a new token ten seconds before the end of
/// the old one, and would do so at every request.
pub const TOKEN_LIFETIME_MIN_S: u32 = 11;
/// The token lifetime of an API that names none, in seconds.
pub const TOKEN_LIFETIME_DEFAULT_S: u32 = 86_400;

/// A permission of an API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The word in tokens (RFC 6749 §3.3).
    pub value: String,
    /// What it permits.
    pub description: Option<String>,
}

/// An API that is guarded: what tokens are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api {
    /// Its identifier in the management API.
    pub id: ApiId,
    /// Its audience: what stands in `aud` (RFC 8707 calls it the resource).
    pub identifier: String,
    /// What people call it.
    pub name: String,
    /// Its scopes.
    pub scopes: Vec<Scope>,
    /// How its tokens are signed.
    pub signing_algorithm: Algorithm,
    /// How long its tokens live, in seconds.
    pub token_lifetime_s: u32,
    /// Which claims its tokens carry.
    pub dialect: Dialect,
    /// Whether its tokens carry the scopes a second time as `permissions` (Auth0's `*_authz`).
    pub permissions_claim: bool,
    /// How its tokens are bound, if they can be.
    pub proof_of_possession: Option<ProofOfPossession>,
    /// From where it may be used at all.
    pub allowlist: Allowlist,
    /// Keyward's own management API: cannot be deleted and opens no gateway.
    pub is_system: bool,
    /// A JSON object of fields that Auth0 knows and Keyward only keeps.
    pub kept_fields: String,
    /// Counts writes; for optimistic locking.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

impl Api {
    /// A new API with the defaults: RS256, one day, Auth0's dialect, no list.
    #[must_use]
    pub fn new(id: ApiId, identifier: &str, name: &str, now: Timestamp) -> Self {
        Self {
            id,
            identifier: identifier.to_owned(),
            name: name.to_owned(),
            scopes: Vec::new(),
            signing_algorithm: Algorithm::Rs256,
            token_lifetime_s: TOKEN_LIFETIME_DEFAULT_S,
            dialect: Dialect::Auth0,
            permissions_claim: false,
            proof_of_possession: None,
            allowlist: Allowlist::default(),
            is_system: false,
            kept_fields: "{}".to_owned(),
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }
}

/// An end customer of the company; owns clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its identifier.
    pub id: AccountId,
    /// What people call it.
    pub name: String,
    /// Whether its clients may be used.
    pub state: State,
    /// From where any of its clients may be used.
    pub allowlist: Allowlist,
    /// How many tokens its clients get together.
    pub token_quota: Option<TokenQuota>,
    /// The integrator's own labels.
    pub metadata: BTreeMap<String, String>,
    /// Counts writes; for optimistic locking.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

impl Account {
    /// A new active account without a list.
    #[must_use]
    pub fn new(id: AccountId, name: &str, now: Timestamp) -> Self {
        Self {
            id,
            name: name.to_owned(),
            state: State::Active,
            allowlist: Allowlist::default(),
            token_quota: None,
            metadata: BTreeMap::new(),
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }
}
