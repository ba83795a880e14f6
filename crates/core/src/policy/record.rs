//! The compiled records that decisions read.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use smallvec::SmallVec;

use super::authenticator::Authenticator;
use crate::allowlist::CompiledAllowlist;
use crate::api::{Account, Api};
use crate::client::{CLIENT_CREDENTIALS, Client, State};
use crate::id::{AccountId, ApiId, ClientId, ClientKey, SecretId};
use crate::jwk::Algorithm;
use crate::organization::{DefaultOrganization, GrantOrganizations};
use crate::possession::ProofOfPossession;
use crate::quota::TokenQuota;
use crate::secret::SecretHash;
use crate::time::Timestamp;
use crate::token::Dialect;

/// A secret as decisions need it.
#[derive(Debug, Clone)]
pub struct SecretRecord {
    /// Which.
    pub id: SecretId,
    /// What is kept of it.
    pub hash: SecretHash,
    /// From when on it is refused; the end of time for the current one.
    pub expires_at: Timestamp,
}

/// A client's grants. Most clients have one, which then lies where the client does.
pub(super) type Grants = SmallVec<[GrantRecord; 1]>;

/// A client as decisions need it.
#[derive(Debug, Clone)]
pub struct ClientRecord {
    foreign_id: Option<Arc<str>>,
    /// Whether it may be used.
    pub state: State,
    /// Whether it may use the grant type `client_credentials`.
    pub client_credentials: bool,
    /// Whether it can keep no secret.
    pub is_public: bool,
    /// Whether it gets bound tokens alone.
    pub require_proof_of_possession: bool,
    /// Its account; an empty cell is an account that is gone.
    pub account: Option<Arc<ArcSwapOption<AccountRecord>>>,
    /// Its secrets; none when it authenticates otherwise.
    pub secrets: SmallVec<[SecretRecord; 1]>,
    /// How it authenticates when not by a secret. Most clients have none, so this is one word.
    pub authenticator: Option<Arc<Authenticator>>,
    /// Its own list.
    pub allowlist: CompiledAllowlist,
    /// Its grants.
    pub grants: Grants,
    /// The scopes of all its grants but those for Keyward itself.
    pub all_scopes: Arc<ScopeSet>,
    /// Tokens issued at or before this moment are refused.
    pub tokens_not_before: Timestamp,
    /// What few clients have of their own.
    pub terms: Option<Box<ClientTerms>>,
}

/// What a client's tokens are subject to besides: most have nothing of it.
#[derive(Debug, Clone)]
pub struct ClientTerms {
    /// How many it gets.
    pub quota: Option<TokenQuota>,
    /// The account of requests that name none.
    pub default_organization: Option<AccountId>,
}

impl ClientTerms {
    fn compile(client: &Client) -> Option<Box<Self>> {
        let counts = |default: &&DefaultOrganization| {
            default.flows.iter().any(|flow| flow == CLIENT_CREDENTIALS)
        };
        let default = client.default_organization.as_ref().filter(counts);
        let default_organization = default.map(|default| default.account.clone());
        let quota = client.token_quota;
        let any = quota.is_some() || default_organization.is_some();
        any.then(|| Box::new(Self { quota, default_organization }))
    }
}

impl ClientRecord {
    pub(super) fn compile(
        client: &Client,
        account: Option<Arc<ArcSwapOption<AccountRecord>>>,
    ) -> Self {
        let secret = |secret: &crate::secret::ClientSecret| SecretRecord {
            id: secret.id,
            hash: secret.hash,
            expires_at: secret.expires_at.unwrap_or(Timestamp::from_millis(i64::MAX)),
        };
        Self {
            foreign_id: client.id.foreign_text().cloned(),
            state: client.state,
            client_credentials: client.grant_types.iter().any(|name| name == CLIENT_CREDENTIALS),
            is_public: client.is_public(),
            require_proof_of_possession: client.require_proof_of_possession.unwrap_or_default(),
            account,
            // Security: whatever is stored, who has a key is not let in by anything else.
            secrets: match client.authentication {
                Some(_) => SmallVec::new(),
                None => client.secrets.iter().map(secret).collect(),
            },
            authenticator: Authenticator::compile(client).map(Arc::new),
            allowlist: client.allowlist.compile(),
            grants: Grants::new(),
            all_scopes: Arc::default(),
            tokens_not_before: client.tokens_not_before.unwrap_or(Timestamp::from_millis(i64::MIN)),
            terms: ClientTerms::compile(client),
        }
    }

    pub(super) fn set_grants(
        &mut self,
        grants: Grants,
        mut intern: impl FnMut(&str) -> Arc<ScopeSet>,
    ) {
        self.grants = grants;
        let mut all: Vec<&str> = Vec::new();
        for grant in self.grants.iter().filter(|grant| !grant.is_for_keyward()) {
            for scope in grant.scopes.values() {
                if !all.contains(&scope) {
                    all.push(scope);
                }
            }
        }
        self.all_scopes = intern(&all.join(" "));
    }

    /// The client's identifier.
    #[must_use]
    pub fn id(&self, key: ClientKey) -> ClientId {
        key.to_id(self.foreign_id.as_ref())
    }

    /// The grant for an API.
    #[must_use]
    pub fn grant_for(&self, api: &ApiId) -> Option<&GrantRecord> {
        self.grants.iter().find(|grant| grant.api_id == *api)
    }
}

/// A grant as decisions need it.
#[derive(Debug, Clone)]
pub struct GrantRecord {
    /// For which API.
    pub api_id: ApiId,
    /// The API; an empty cell is one that is gone.
    pub api: Arc<ArcSwapOption<ApiRecord>>,
    /// Which scopes.
    pub scopes: Arc<ScopeSet>,
    /// For which accounts.
    pub organizations: GrantOrganizations,
}

impl GrantRecord {
    fn is_for_keyward(&self) -> bool {
        self.api.load().as_ref().is_some_and(|api| api.is_system)
    }
}

/// An API as decisions need it.
#[derive(Debug, Clone)]
pub struct ApiRecord {
    /// Which.
    pub id: ApiId,
    /// Its audience.
    pub identifier: String,
    /// Its list.
    pub allowlist: CompiledAllowlist,
    /// How its tokens are signed.
    pub signing_algorithm: Algorithm,
    /// How long its tokens live, in seconds.
    pub token_lifetime_s: u32,
    /// Which claims its tokens carry.
    pub dialect: Dialect,
    /// Whether they carry `permissions`.
    pub permissions_claim: bool,
    /// How they are bound.
    pub proof_of_possession: Option<ProofOfPossession>,
    /// Keyward's own API.
    pub is_system: bool,
}

impl ApiRecord {
    pub(super) fn compile(api: &Api) -> Self {
        Self {
            id: api.id.clone(),
            identifier: api.identifier.clone(),
            allowlist: api.allowlist.compile(),
            signing_algorithm: api.signing_algorithm,
            token_lifetime_s: api.token_lifetime_s,
            dialect: api.dialect,
            permissions_claim: api.permissions_claim,
            proof_of_possession: api.proof_of_possession,
            is_system: api.is_system,
        }
    }
}

/// An account as decisions need it.
#[derive(Debug, Clone)]
pub struct AccountRecord {
    /// Which.
    pub id: AccountId,
    /// What people call it.
    pub name: Arc<str>,
    /// How many tokens its clients get together.
    pub quota: Option<TokenQuota>,
    /// Whether its clients may be used.
    pub state: State,
    /// Its list.
    pub allowlist: CompiledAllowlist,
}

impl AccountRecord {
    pub(super) fn compile(account: &Account) -> Self {
        Self {
            id: account.id.clone(),
            name: Arc::from(account.name.as_str()),
            quota: account.token_quota,
            state: account.state,
            allowlist: account.allowlist.compile(),
        }
    }
}

/// A list of scopes (RFC 6749 §3.3), held as the text that goes on the wire.
#[derive(Debug)]
pub struct ScopeSet {
    text: Arc<str>,
}

impl ScopeSet {
    /// A set from space-separated scopes.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self { text: Arc::from(text) }
    }

    /// The space-separated text.
    #[must_use]
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// The scopes one by one.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.text.split(' ').filter(|scope| !scope.is_empty())
    }

    /// Whether a scope is in it.
    #[must_use]
    pub fn contains(&self, scope: &str) -> bool {
        self.values().any(|value| value == scope)
    }

    /// The scopes of `text` that are also in this set, in the order of `text`.
    #[must_use]
    pub fn narrow(&self, text: &str) -> Arc<str> {
        if *text == *self.text {
            return Arc::clone(&self.text);
        }
        let kept: Vec<_> = text.split(' ').filter(|scope| self.contains(scope)).collect();
        Arc::from(kept.join(" "))
    }
}

impl Default for ScopeSet {
    fn default() -> Self {
        Self::new("")
    }
}
