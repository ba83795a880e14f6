//! Clients and their grants.

pub mod credential;
pub mod patch;
pub mod secrets;

use std::collections::BTreeMap;

use credential::{ClientAuthentication, ClientCredential};

use crate::allowlist::Allowlist;
use crate::id::{AccountId, ApiId, ClientId, GrantId};
use crate::organization::{DefaultOrganization, GrantOrganizations};
use crate::quota::TokenQuota;
use crate::secret::{ClientSecret, Environment};
use crate::time::Timestamp;

/// The OAuth 2.0 grant type that Keyward serves (RFC 6749 §4.4).
pub const CLIENT_CREDENTIALS: &str = "client_credentials";

/// Kinds of application that run in somebody else's hands and can keep no secret.
const PUBLIC_APP_TYPES: [&str; 2] = ["native", "spa"];

/// Whether a thing may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum State {
    /// It works.
    #[default]
    Active,
    /// It is refused everywhere, as if it did not exist, until it is resumed.
    Suspended,
}

impl State {
    /// The word used on the wire and in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "active" => Some(Self::Active),
            "suspended" => Some(Self::Suspended),
            _ => None,
        }
    }
}

/// One credential holder; "API key" on the customer's screens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its public identifier (OAuth `client_id`).
    pub id: ClientId,
    /// The account that owns it, if any.
    pub account: Option<AccountId>,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The tag in its API keys.
    pub environment: Environment,
    /// Whether it may be used.
    pub state: State,
    /// Its secrets, the current one last; at most [`crate::secret::SECRETS_MAX`].
    pub secrets: Vec<ClientSecret>,
    /// From where it may be used.
    pub allowlist: Allowlist,
    /// OAuth grant types that it may use.
    pub grant_types: Vec<String>,
    /// Auth0's kind of application, kept as given (`non_interactive` for machines).
    pub app_type: Option<String>,
    /// How it authenticates when not by a secret. Such a client has none.
    pub authentication: Option<ClientAuthentication>,
    /// Its keys and certificates; at most [`credential::CREDENTIALS_MAX`].
    pub credentials: Vec<ClientCredential>,
    /// How it authenticates at the token endpoint, kept as given (RFC 7591 §2).
    pub token_endpoint_auth_method: Option<String>,
    /// Whether it gets bound tokens alone; `None` when nobody said.
    pub require_proof_of_possession: Option<bool>,
    /// The integrator's own labels.
    pub metadata: BTreeMap<String, String>,
    /// Tokens issued at or before this moment are refused.
    pub tokens_not_before: Option<Timestamp>,
    /// How many tokens it gets.
    pub token_quota: Option<TokenQuota>,
    /// The account of its token requests that name none.
    pub default_organization: Option<DefaultOrganization>,
    /// A JSON object of fields that Auth0 knows and Keyward only keeps.
    pub kept_fields: String,
    /// Counts writes; for optimistic locking.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

impl Client {
    /// A new active client with nothing but a name: no secret, no list, no grant.
    #[must_use]
    pub fn new(id: ClientId, name: &str, now: Timestamp) -> Self {
        Self {
            id,
            account: None,
            name: name.to_owned(),
            description: None,
            environment: Environment::default(),
            state: State::Active,
            secrets: Vec::new(),
            allowlist: Allowlist::default(),
            grant_types: vec![CLIENT_CREDENTIALS.to_owned()],
            app_type: None,
            authentication: None,
            credentials: Vec::new(),
            token_endpoint_auth_method: None,
            require_proof_of_possession: None,
            metadata: BTreeMap::new(),
            tokens_not_before: None,
            token_quota: None,
            default_organization: None,
            kept_fields: "{}".to_owned(),
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// Whether it can keep no secret, as far as what was said about it goes.
    #[must_use]
    pub fn is_public(&self) -> bool {
        match self.token_endpoint_auth_method.as_deref() {
            _ if self.authentication.is_some() => false,
            Some(method) => method == "none",
            None => self.app_type.as_deref().is_some_and(|kind| PUBLIC_APP_TYPES.contains(&kind)),
        }
    }

    /// Makes all tokens worthless that were issued until now. That is never taken back, whatever
    /// the clock does: a moment before one that was written already changes nothing.
    pub fn revoke_tokens(&mut self, now: Timestamp) {
        self.tokens_not_before = self.tokens_not_before.max(Some(now));
        self.updated_at = now;
    }
}

/// Which API and scopes a client may get tokens for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientGrant {
    /// Its identifier.
    pub id: GrantId,
    /// Who.
    pub client: ClientId,
    /// For which API.
    pub api: ApiId,
    /// Which scopes, in the order written.
    pub scopes: Vec<String>,
    /// For which accounts.
    pub organizations: GrantOrganizations,
    /// A JSON object of fields that Auth0 knows and Keyward only keeps.
    pub kept_fields: String,
    /// Counts writes; for optimistic locking.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revocation_is_never_taken_back() {
        let at = Timestamp::from_seconds;
        let mut client = Client::new(ClientId::from_random([1; 16]), "a", at(0));
        for (now, end) in [(10, 10), (5, 10), (20, 20)] {
            client.revoke_tokens(at(now));
            assert_eq!(client.tokens_not_before, Some(at(end)));
        }
    }
}
