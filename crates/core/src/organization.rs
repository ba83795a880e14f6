//! Accounts at the token endpoint, where Auth0 calls them organizations.

use std::sync::Arc;

use crate::id::AccountId;

/// Whether tokens by a client grant may or must be for an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrganizationUsage {
    /// They are for none.
    Deny,
    /// They may be.
    Allow,
    /// They are always.
    Require,
}

impl OrganizationUsage {
    /// The word used on the wire and in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Allow => "allow",
            Self::Require => "require",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Deny, Self::Allow, Self::Require].into_iter().find(|word| word.name() == text)
    }
}

/// What a client grant says of accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct GrantOrganizations {
    /// Whether tokens may or must be for an account. Without a word they may be for the account
    /// that owns the client.
    pub usage: Option<OrganizationUsage>,
    /// Whether any account will do. Otherwise it is the one that owns the client: that is how an
    /// account is assigned here.
    pub any: bool,
}

/// The account of token requests of a client that name none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultOrganization {
    /// Which.
    pub account: AccountId,
    /// For which grant types: [`crate::client::CLIENT_CREDENTIALS`] is the one that counts here.
    pub flows: Vec<String>,
}

/// The account that a token is for: `org_id` and `org_name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Which.
    pub id: AccountId,
    /// What people call it.
    pub name: Arc<str>,
}

/// Why a token request's account is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrganizationFault {
    /// The grant is for no account, and the request names one.
    Denied,
    /// The grant asks for an account, and the request names none.
    Missing,
    /// It is not the client's, does not exist, or is one of several of that name.
    Foreign,
}
