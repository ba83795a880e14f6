//! The policy in memory: everything that a decision needs, ready to be asked without a lock.
//!
//! Tables are updated in place under a *generation*. A writer first poisons the generation that
//! readers hold, then changes the tables, then publishes the next one. A reader loads the
//! generation, evaluates, and believes its verdict only if that very generation is still good: so
//! nobody acts on half a transaction and no old verdict rides on a newer lease.

mod accounts;
mod authenticator;
mod change;
mod flow;
mod gateways;
mod generation;
mod record;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};
use quick_cache::sync::Cache;

pub use authenticator::{Authenticator, CredentialRecord, ProofRecord};
pub use change::Change;
pub use flow::{Flow, FlowStep};
pub use gateways::{Claim, GatewayRecord, NotAdmitted, gateway_token, hash_gateway_token};
pub use generation::{Freshness, Generation, Standing};
pub use record::{
    AccountRecord, ApiRecord, ClientRecord, ClientTerms, GrantRecord, ScopeSet, SecretRecord,
};

use crate::id::{AccountId, ApiId, ClientId, ClientKey};
use crate::jwk::KeySet;
use crate::secret::Peppers;
use crate::tenant::Tenant;
use crate::time::Timestamp;
use crate::token::{TokenFault, TokenId, VerifiedToken, verify_token};
use accounts::AccountTable;
use change::{gateways_of, tenant_of};
use flow::FlowTable;
use gateways::GatewayTable;
use generation::POISONED;

/// How long after its end a revoked token is remembered, in seconds: tokens are good for a moment
/// longer than they say, clocks differ, and one that was wrong is put right.
pub const REVOCATION_KEPT_S: i64 = 86_400;

/// Verified tokens that are remembered, by digest. A token is about 0.5 KiB of memory here.
const VERIFIED_TOKENS_MAX: usize = 20_000;

/// What is set rather than edited: issuer, keys and peppers.
#[derive(Debug)]
pub struct Settings {
    /// The issuer (`iss`) of our tokens, with its trailing slash (RFC 8414 §2).
    pub issuer: String,
    /// Public keys of our tokens: current, next and those not yet forgotten.
    pub keys: KeySet,
    /// What secrets are hashed under.
    pub peppers: Peppers,
    /// The API of token requests that name none, as long as the tenant has no other.
    pub default_audience: Option<String>,
    /// How much clocks may differ, in seconds, when a token's times are judged.
    pub leeway_s: u32,
}

/// How much of the tables a write makes anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Part,
    Whole,
}

type Cell<T> = ArcSwapOption<T>;

/// The policy of this process.
#[derive(Debug)]
pub struct Policy {
    generation: ArcSwap<Generation>,
    pub(crate) clients: papaya::HashMap<ClientKey, ClientRecord, BuildHasherDefault<KeyHasher>>,
    apis: papaya::HashMap<Box<str>, Arc<Cell<ApiRecord>>>,
    accounts: AccountTable,
    gateways: GatewayTable,
    flow: FlowTable,
    revoked: papaya::HashMap<TokenId, Timestamp>,
    verified: Cache<[u8; 32], (u64, Arc<VerifiedToken>)>,
    writer: Mutex<Writer>,
}

/// What only writers look at.
#[derive(Debug, Default)]
struct Writer {
    accounts: HashMap<AccountId, Arc<Cell<AccountRecord>>>,
    apis: HashMap<ApiId, Arc<Cell<ApiRecord>>>,
    scopes: HashMap<Box<str>, Arc<ScopeSet>>,
    actions: flow::Actions,
}

impl Policy {
    /// A policy that knows nothing and refuses everybody as stale until the first
    /// [`Policy::apply`].
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            generation: ArcSwap::from_pointee(Generation {
                revision: 0,
                settings: Arc::new(settings),
                tenant: None,
                settings_number: 0,
                // Not poisoned: there is no writer to wait for. Expired since the beginning.
                fresh_until: AtomicU64::new(1),
            }),
            clients: papaya::HashMap::default(),
            apis: papaya::HashMap::new(),
            accounts: AccountTable::default(),
            gateways: GatewayTable::default(),
            flow: FlowTable::default(),
            revoked: papaya::HashMap::new(),
            verified: Cache::new(VERIFIED_TOKENS_MAX),
            writer: Mutex::default(),
        }
    }

    /// The generation that counts now.
    #[must_use]
    pub fn generation(&self) -> arc_swap::Guard<Arc<Generation>> {
        self.generation.load()
    }

    /// The number of the last change that decisions are made by.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.generation.load().revision
    }

    /// How many clients there are.
    #[must_use]
    pub fn client_count(&self) -> usize {
        self.clients.len()
    }

    /// Applies whole transactions. When this returns, every later decision is made by them.
    pub fn apply(&self, revision: u64, changes: Vec<Change>, freshness: Freshness) {
        let tenant = tenant_of(&changes);
        let head = |old: &Generation| Head {
            revision,
            tenant: tenant.or_else(|| old.tenant.clone()),
            ..Head::of(old)
        };
        self.next(Reach::Part, freshness, head, {
            |writer| changes.into_iter().for_each(|change| self.apply_one(writer, change))
        });
    }

    /// Replaces everything with the state given. For when what is here cannot be trusted any more.
    pub fn replace(&self, revision: u64, changes: Vec<Change>, freshness: Freshness) {
        let tenant = tenant_of(&changes);
        let head = |old: &Generation| Head { revision, tenant, ..Head::of(old) };
        self.next(Reach::Whole, freshness, head, {
            |writer| {
                *writer = Writer::default();
                self.clients.pin().clear();
                self.apis.pin().clear();
                self.accounts.clear();
                self.revoked.pin().clear();
                // Gateways that stay must never be missing: that would be a refusal, not a retry.
                self.gateways.retain(&gateways_of(&changes));
                changes.into_iter().for_each(|change| self.apply_one(writer, change));
            }
        });
    }

    /// Extends (or ends) the time for which this state may be decided by, if it still is the one
    /// at `revision`.
    pub fn renew(&self, revision: u64, freshness: Freshness) {
        let _alone = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = self.generation.load();
        if generation.revision == revision && !generation.is_poisoned() {
            generation.fresh_until.store(freshness.end(), Ordering::SeqCst);
        }
    }

    /// Replaces the settings. Remembered tokens are verified anew.
    pub fn set(&self, settings: Settings, freshness: Freshness) {
        let settings = Arc::new(settings);
        let number = |old: &Generation| old.settings_number.wrapping_add(1);
        let head =
            |old: &Generation| Head { settings, settings_number: number(old), ..Head::of(old) };
        self.next(Reach::Part, freshness, head, |_| {});
    }

    /// Forgets revoked tokens that ended by themselves more than [`REVOCATION_KEPT_S`] ago.
    pub fn forget_ended_tokens(&self, now: Timestamp) {
        self.revoked.pin().retain(|_, end| now <= end.plus_seconds(REVOCATION_KEPT_S));
    }

    /// The API with that identifier.
    #[must_use]
    pub fn api(&self, identifier: &str) -> Option<Arc<ApiRecord>> {
        self.apis.pin().get(identifier)?.load_full()
    }

    /// The account with that id.
    #[must_use]
    pub fn account(&self, id: &AccountId) -> Option<Arc<AccountRecord>> {
        self.accounts.by_id(id.as_str())
    }

    /// The account with that id, or the only one with that name.
    #[must_use]
    pub fn account_named(&self, text: &str) -> Option<Arc<AccountRecord>> {
        self.accounts.by_id(text).or_else(|| self.accounts.by_name(text))
    }

    /// The gateway of that name.
    #[must_use]
    pub fn gateway(&self, name: &str) -> Option<Arc<GatewayRecord>> {
        self.gateways.get(name)
    }

    /// All gateways, in no order.
    #[must_use]
    pub fn gateways(&self) -> Vec<Arc<GatewayRecord>> {
        self.gateways.all()
    }

    /// The Actions that are bound, in order.
    #[must_use]
    pub fn flow(&self) -> Arc<Flow> {
        self.flow.get()
    }

    /// Whether there is an Action at all, bound or not: whether somebody may want to know which
    /// token requests there were.
    #[must_use]
    pub fn has_actions(&self) -> bool {
        self.flow.has_actions()
    }

    /// Reads something off a client's record; `None` when there is no such client. For what a
    /// decision leaves open, never instead of one.
    pub fn read_client<T>(
        &self,
        id: &ClientId,
        read: impl FnOnce(&ClientRecord) -> T,
    ) -> Option<T> {
        self.clients.pin().get(&id.key()).map(read)
    }

    /// Whether that token was revoked.
    #[must_use]
    pub fn is_revoked(&self, token: &TokenId) -> bool {
        self.revoked.pin().contains_key(token)
    }

    /// Verifies an access token's signature and claims, not its times; remembers good ones.
    ///
    /// # Errors
    /// What is wrong with the token.
    pub fn verify(
        &self,
        generation: &Generation,
        token: &str,
    ) -> Result<Arc<VerifiedToken>, TokenFault> {
        let mut key = [0; 32];
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes());
        key.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
        if let Some((number, verified)) = self.verified.get(&key)
            && number == generation.settings_number
        {
            return Ok(verified);
        }
        let settings = &generation.settings;
        let verified = Arc::new(verify_token(token, &settings.keys, &settings.issuer)?);
        self.verified.insert(key, (generation.settings_number, Arc::clone(&verified)));
        Ok(verified)
    }

    /// Poison, change, publish. The order is what makes half a transaction invisible.
    ///
    /// When a writer before died half way, nothing vouches for the tables until they are replaced
    /// whole: the generation stays poisoned, at the revision that it had before.
    fn next(
        &self,
        reach: Reach,
        freshness: Freshness,
        head: impl FnOnce(&Generation) -> Head,
        change: impl FnOnce(&mut Writer),
    ) {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.generation.load_full();
        let Head { revision, settings, tenant, settings_number } = head(&old);
        let is_torn = reach == Reach::Part && old.is_poisoned();
        old.fresh_until.store(POISONED, Ordering::SeqCst);
        change(&mut writer);
        self.generation.store(Arc::new(Generation {
            revision: if is_torn { old.revision } else { revision },
            settings,
            tenant,
            settings_number,
            fresh_until: AtomicU64::new(if is_torn { POISONED } else { freshness.end() }),
        }));
    }

    fn apply_one(&self, writer: &mut Writer, change: Change) {
        match change {
            Change::Client(client) => {
                let clients = self.clients.pin();
                let key = client.id.key();
                let grants = clients.get(&key).map(|old| old.grants.clone()).unwrap_or_default();
                let account = client.account.as_ref().map(|id| writer.account(id));
                let mut record = ClientRecord::compile(&client, account);
                record.set_grants(grants, |text| writer.scope_set(text));
                clients.insert(key, record);
            }
            Change::ClientDeleted(id) => {
                self.clients.pin().remove(&id.key());
            }
            Change::Account(account) => {
                let record = Arc::new(AccountRecord::compile(&account));
                self.accounts.put(&account.id, Some(&record));
                writer.account(&account.id).store(Some(record));
            }
            Change::AccountDeleted(id) => {
                self.accounts.put(&id, None);
                writer.account(&id).store(None);
            }
            // The tenant is part of the generation, the keys are part of its settings.
            Change::Tenant(_) | Change::SigningKeys => {}
            Change::Api(api) => {
                let cell = writer.api(&api.id);
                let before = cell.swap(Some(Arc::new(ApiRecord::compile(&api))));
                // Tokens for the name that it had are for nothing any more.
                if let Some(before) = before.filter(|old| old.identifier != api.identifier) {
                    self.apis.pin().remove(before.identifier.as_str());
                }
                self.apis.pin().insert(api.identifier.into(), cell);
            }
            Change::ApiDeleted(id) => {
                if let Some(gone) = writer.api(&id).swap(None) {
                    self.apis.pin().remove(gone.identifier.as_str());
                }
                writer.apis.remove(&id);
            }
            Change::Grant(grant) => {
                let api = writer.api(&grant.api);
                let scopes = writer.scope_set(&grant.scopes.join(" "));
                let (api_id, organizations) = (grant.api.clone(), grant.organizations);
                let record = GrantRecord { api_id, api, scopes, organizations };
                self.edit_grants(writer, &grant.client, &grant.api, Some(record));
            }
            Change::GrantDeleted { id: _, client, api } => {
                self.edit_grants(writer, &client, &api, None);
            }
            Change::Gateway(gateway) => {
                let name = gateway.id.clone();
                self.gateways.put(name.as_str(), Some(GatewayRecord::compile(*gateway)));
            }
            Change::GatewayDeleted(id) => self.gateways.put(id.as_str(), None),
            Change::Action(action) => self.flow.put_action(&mut writer.actions, &action),
            Change::ActionDeleted(id) => self.flow.remove_action(&mut writer.actions, &id),
            // A version never changes and runs only once its Action names it.
            Change::ActionVersion(_) | Change::ActionVersionDeleted(_) => {}
            Change::Bindings(bindings) => self.flow.bind(&mut writer.actions, *bindings),
            Change::TokenRevoked { token, expires_at } => {
                self.revoked.pin().insert(token, expires_at);
            }
        }
    }

    fn edit_grants(
        &self,
        writer: &mut Writer,
        client: &ClientId,
        api: &ApiId,
        with: Option<GrantRecord>,
    ) {
        let clients = self.clients.pin();
        let Some(old) = clients.get(&client.key()) else { return };
        let kept = old.grants.iter().filter(|grant| grant.api_id != *api).cloned();
        let grants = kept.chain(with).collect();
        let mut record = old.clone();
        record.set_grants(grants, |text| writer.scope_set(text));
        clients.insert(client.key(), record);
    }
}

/// What a write decides of the next generation.
struct Head {
    revision: u64,
    settings: Arc<Settings>,
    tenant: Option<Arc<Tenant>>,
    settings_number: u64,
}

impl Head {
    fn of(old: &Generation) -> Self {
        Self {
            revision: old.revision,
            settings: Arc::clone(&old.settings),
            tenant: old.tenant.clone(),
            settings_number: old.settings_number,
        }
    }
}

impl Writer {
    fn account(&mut self, id: &AccountId) -> Arc<Cell<AccountRecord>> {
        Arc::clone(self.accounts.entry(id.clone()).or_default())
    }

    fn api(&mut self, id: &ApiId) -> Arc<Cell<ApiRecord>> {
        Arc::clone(self.apis.entry(id.clone()).or_default())
    }

    /// Equal lists of scopes are held once: a million clients mostly share a handful.
    fn scope_set(&mut self, text: &str) -> Arc<ScopeSet> {
        if let Some(known) = self.scopes.get(text) {
            return Arc::clone(known);
        }
        if self.scopes.len().is_power_of_two() {
            self.scopes.retain(|_, set| Arc::strong_count(set) > 1);
        }
        let set = Arc::new(ScopeSet::new(text));
        self.scopes.insert(text.into(), Arc::clone(&set));
        set
    }
}

/// Client keys are random numbers or digests already: folding them is hash enough.
#[derive(Debug, Default, Clone, Copy)]
pub struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
    fn write_u128(&mut self, number: u128) {
        let folded = (number as u64) ^ ((number >> 64) as u64).rotate_left(32);
        self.0 = folded.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

#[cfg(test)]
mod tests;
