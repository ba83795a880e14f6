//! What every handler works with: the store, the policy, the keys and the clock.

mod first_start;
mod folder;
pub mod keys;
mod new_ids;
pub mod quotas;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use keyward_allowlist::ClientAddressRule;
use keyward_core::assertion::AssertionClaims;
use keyward_core::client::State;
use keyward_core::gateway::Disclosure;
use keyward_core::id::{ClientId, GatewayId};
use keyward_core::jwk::Algorithm;
use keyward_core::policy::{Freshness, Policy, Settings, gateway_token, hash_gateway_token};
use keyward_core::quota::{QuotaTable, day_number};
use keyward_core::replay::ReplayCache;
use keyward_core::secret::{PepperId, Peppers, PlainSecret, SecretHash};
use keyward_core::time::{Clock, Timestamp};
use keyward_core::token::{Dialect, TokenClaims};
use keyward_gate::probes::Probes;
use keyward_gate::{AssertionSigner, Events, Gate};
use keyward_store::{Committed, GrantFilter, Page, Store, StoreError, Tx};
use tokio::sync::Mutex;

pub use first_start::{ADMIN_FILE, AdminFile, SYSTEM_API_NAME};

use crate::actions::{Actions, ActionsOptions};
use crate::alarms::Alarms;
use crate::listen::ClientAuthorities;
use crate::log_streams::egress::OwnNetworks;
use crate::logs::{LogLimits, Logs};
use crate::signing::master::MASTER_KEY_FILE;
use crate::signing::{
    MasterKey, MasterKeyError, RandomError, SealError, SigningError, SigningKeys,
};

/// How many grants are looked at in one piece.
const GRANTS_AT_ONCE: u32 = 100;

/// The database, in the data folder.
pub const DATABASE_FILE: &str = "keyward.db";

/// How much clocks may differ when a token's times are judged, in seconds.
pub const LEEWAY_S: u32 = 5;

/// How many things that may be used once are remembered at a time: at most some 64 MiB. Each lives
/// about five minutes, so this is good for some 3,000 a second.
const REPLAYS_MAX: usize = 1_000_000;

/// How a server is opened.
#[derive(Clone)]
pub struct ServicesOptions {
    /// The folder that holds everything; made (0700) when it is missing.
    pub data_dir: PathBuf,
    /// The external URL, with its trailing slash: issuer and base of audiences. `None` keeps the
    /// one that the store is for.
    pub issuer: Option<String>,
    /// Whether the issuer is only made from an address, and gives way to one that was named.
    pub issuer_is_derived: bool,
    /// How the client address of requests on the public listener is found.
    pub public_address: ClientAddressRule,
    /// What callers of the token endpoint learn of a refused address.
    pub disclosure: Disclosure,
    /// The API of token requests that name none.
    pub default_audience: Option<String>,
    /// Past what age the policy is refused, in milliseconds, when the store cannot be asked.
    pub staleness_ms_max: u64,
    /// Who vouches for the certificates that clients show on the public listener. `None`: nobody.
    pub client_authorities: Option<ClientAuthorities>,
    /// Whether the public listener asks clients for a certificate itself.
    pub asks_client_certificates: bool,
    /// How many log events are kept.
    pub log_limits: LogLimits,
    /// Networks of one's own that log streams may lead to.
    pub log_stream_networks: OwnNetworks,
    /// How Actions are run.
    pub actions: ActionsOptions,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock + Send + Sync>,
}

impl ServicesOptions {
    /// The defaults: client address is the peer, generic disclosure, 30 s of staleness.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>, issuer: impl Into<String>) -> Self {
        Self {
            data_dir: data_dir.into(),
            issuer: Some(issuer.into()),
            issuer_is_derived: false,
            public_address: ClientAddressRule::peer(),
            disclosure: Disclosure::Generic,
            default_audience: None,
            staleness_ms_max: 30_000,
            log_limits: LogLimits::default(),
            log_stream_networks: OwnNetworks::default(),
            client_authorities: None,
            asks_client_certificates: false,
            actions: ActionsOptions::default(),
            clock: Arc::new(crate::clock::SystemClock),
        }
    }
}

impl std::fmt::Debug for ServicesOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServicesOptions")
            .field("data_dir", &self.data_dir)
            .field("issuer", &self.issuer)
            .field("public_address", &self.public_address)
            .finish_non_exhaustive()
    }
}

/// Why a server cannot be opened. The text says what is wrong, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder or a file in it.
    #[error("cannot {what} {}: {source}", path.display())]
    Folder {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A folder of others: closing it to them would break something.
    #[error(
        "{} is not empty, holds no Keyward data and can be read by others; name another folder, or \
         an empty one",
        .0.display()
    )]
    NotOurs(PathBuf),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The master key.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// A signing key.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// A pepper.
    #[error(
        "cannot open the stored pepper `{id}`: {fault}; put back the master key that this store was \
         made with"
    )]
    Pepper {
        /// Which.
        id: String,
        /// What is wrong.
        fault: SealError,
    },
    /// The program that would run Actions.
    #[error("cannot tell which program this is, to start workers for Actions from it: {0}")]
    Program(std::io::Error),
    /// No random numbers.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// Something that the store should hold and does not.
    #[error("the store is incomplete: {0}; restore it from a backup")]
    Incomplete(&'static str),
}

/// Which certificates clients can show on the public listener.
#[derive(Debug, Clone, Copy)]
pub struct ClientCertificates {
    /// Any at all.
    pub any: bool,
    /// Such that somebody who is trusted vouches for them.
    pub verified: bool,
}

/// Everything a handler works with. Cheap to share, no globals.
pub struct Services {
    /// The store.
    pub store: Store,
    /// The policy in memory; what every decision is made by.
    pub policy: Arc<Policy>,
    /// The private keys.
    pub signing: ArcSwap<SigningKeys>,
    /// The clock.
    pub clock: Arc<dyn Clock + Send + Sync>,
    /// The issuer, with its trailing slash.
    pub issuer: String,
    /// How the client address of requests on the public listener is found.
    pub public_address: ClientAddressRule,
    /// What callers of the token endpoint learn of a refused address.
    pub disclosure: Disclosure,
    /// Who vouches for the certificates that clients show on the public listener.
    pub client_authorities: Option<ClientAuthorities>,
    /// What was used of things that may be used once.
    pub replays: ReplayCache,
    /// When this process began to serve. What may be used once and was made before is refused: it
    /// may have been used then.
    pub started_at: Timestamp,
    /// The probes that gateways are looked at with.
    pub probes: Arc<Probes>,
    /// What was wrong at the gates.
    pub alarms: Alarms,
    /// What happened, on its way to the store.
    pub logs: Logs,
    /// Networks of one's own that log streams may lead to.
    pub log_stream_networks: OwnNetworks,
    /// The Actions.
    pub actions: Actions,
    /// What secrets that must be read again are sealed under at rest.
    pub master: MasterKey,
    asks_client_certificates: bool,
    /// How many tokens those got who have a quota.
    pub quotas: Arc<QuotaTable>,
    peppers: Peppers,
    staleness_ms_max: u64,
    /// Set while the keys in memory may not be those of the store.
    keys_are_stale: AtomicBool,
    /// Order: commits reach the policy in the order in which the store took them.
    commits: Arc<Mutex<()>>,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Services").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl Services {
    /// Opens the data folder and loads the policy. The first time it makes keys, the management
    /// API and an administrator, whose credentials it writes to `admin.json`.
    ///
    /// # Errors
    /// [`OpenError`]; nothing is left half done.
    pub async fn open(options: ServicesOptions) -> Result<Arc<Self>, OpenError> {
        folder::make_private(&options.data_dir)?;
        let database = options.data_dir.join(DATABASE_FILE);
        let store = Store::open(&format!("sqlite:{}", database.display())).await?;
        let sealed = store.sealed_keys().await?;
        let master_path = options.data_dir.join(MASTER_KEY_FILE);
        let master = MasterKey::open_or_create(&master_path, !sealed.is_empty())?;
        if sealed.is_empty() {
            let missing = OpenError::Incomplete("it was never started");
            let issuer = options.issuer.as_deref().ok_or(missing)?;
            first_start::run(&store, &master, &options, issuer).await?;
        }
        let issuer = first_start::follow_issuer(&store, &options).await?;
        first_start::bring_up_to_date(&store, &options, &issuer).await?;
        let now = options.clock.now();
        first_start::certify(&store, &master, &issuer, now).await?;
        let keys = first_start::Keys::open(&store.sealed_keys().await?, &master)?;
        let counts = store.token_counts(day_number(now)).await?;
        let policy = Policy::new(Settings {
            issuer: issuer.clone(),
            keys: keys.signing.verifying_keys(now),
            peppers: keys.peppers.clone(),
            default_audience: options.default_audience.clone(),
            leeway_s: LEEWAY_S,
        });
        let services = Arc::new(Self {
            store,
            policy: Arc::new(policy),
            signing: ArcSwap::from_pointee(keys.signing),
            clock: options.clock,
            issuer,
            public_address: options.public_address,
            disclosure: options.disclosure,
            client_authorities: options.client_authorities,
            asks_client_certificates: options.asks_client_certificates,
            replays: ReplayCache::new(REPLAYS_MAX),
            started_at: now,
            probes: Arc::default(),
            alarms: Alarms::default(),
            logs: Logs::new(options.log_limits),
            log_stream_networks: options.log_stream_networks,
            actions: Actions::new(options.actions).map_err(OpenError::Program)?,
            master,
            quotas: Arc::new(QuotaTable::restored(counts)),
            peppers: keys.peppers,
            staleness_ms_max: options.staleness_ms_max,
            keys_are_stale: AtomicBool::new(false),
            commits: Arc::default(),
        });
        services.load_policy().await?;
        Ok(services)
    }

    /// The present moment on the wall clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The audience of management tokens.
    #[must_use]
    pub fn management_audience(&self) -> String {
        management_audience(&self.issuer)
    }

    /// A gate that decides by this policy, signs with these keys and knows these probes. Install the
    /// metrics recorder before.
    #[must_use]
    pub fn gate(self: &Arc<Self>, events: Events) -> Gate {
        Gate::new(Arc::clone(&self.policy), Arc::clone(&self.clock), events)
            .with_signer(Arc::clone(self) as Arc<dyn AssertionSigner>)
            .with_disclosure(self.disclosure)
            .with_probes(Arc::clone(&self.probes))
    }

    /// Signs an access token.
    ///
    /// # Errors
    /// When there is no key for the algorithm or the library cannot sign.
    pub fn issue_token(
        &self,
        algorithm: Algorithm,
        dialect: Dialect,
        claims: &TokenClaims,
    ) -> Result<String, SigningError> {
        self.signing.load().issue(algorithm, dialect, claims)
    }

    /// Commits a write and applies it to the local policy. When this returns, no later decision
    /// of this process is made without it. A caller that goes away does not stop it half way.
    ///
    /// # Errors
    /// What the store says; nothing was changed then.
    pub async fn commit(self: &Arc<Self>, tx: Tx) -> Result<Committed, StoreError> {
        let services = Arc::clone(self);
        let task = tokio::spawn(async move {
            let _order = Arc::clone(&services.commits).lock_owned().await;
            match tx.commit().await {
                Ok(committed) => {
                    services.apply(&committed).await;
                    Ok(committed)
                }
                Err(error) => {
                    // Whether the store took it is not known for sure: believe the store alone.
                    if let Err(error) = services.follow_store().await {
                        tracing::error!(%error, "a commit failed and the store cannot be read: refusing");
                        services.policy.renew(services.policy.revision(), Freshness::Until(1));
                    }
                    Err(error)
                }
            }
        });
        task.await.unwrap_or(Err(StoreError::Unavailable("the write was interrupted".into())))
    }

    /// Asks the store whether the policy is still its newest state, and extends the time for
    /// which the policy may be decided by. Call it every [`Services::refresh_interval`].
    ///
    /// # Errors
    /// When the store does not answer; the policy then runs out after the staleness bound.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let _order = self.commits.lock().await;
        self.follow_store().await
    }

    /// How often to call [`Services::refresh`]: each second, or often enough that a few that are
    /// late do not let the policy run out.
    #[must_use]
    pub fn refresh_interval(&self) -> Duration {
        Duration::from_millis((self.staleness_ms_max / 4).clamp(10, 1_000))
    }

    /// Brings the policy to the store's newest state. For whoever holds `commits`.
    async fn follow_store(&self) -> Result<(), StoreError> {
        let freshness = self.freshness();
        let ours = self.policy.revision();
        if self.keys_are_stale.load(Ordering::SeqCst) {
            self.reload_keys(Freshness::Until(1)).await?;
        }
        match self.store.changes_since(ours, 1).await {
            Ok(changes) if changes.is_empty() => {
                self.policy.renew(ours, freshness);
                self.drop_ended_keys(freshness);
                return Ok(());
            }
            Ok(_) | Err(StoreError::BelowFloor { .. }) => {}
            Err(error) => return Err(error),
        }
        tracing::warn!(ours, "the store is ahead of the policy, loading it");
        let snapshot = self.store.snapshot().await?;
        self.reload_keys(freshness).await?;
        self.policy.replace(snapshot.revision, snapshot.changes, freshness);
        Ok(())
    }

    /// Which certificates clients can show: to the listener itself, or to a gateway that ends TLS
    /// before it and shows a token.
    #[must_use]
    pub fn takes_client_certificates(&self) -> ClientCertificates {
        let by_gateway = self
            .policy
            .gateways()
            .iter()
            .any(|record| record.gateway.auth.token && record.gateway.state == State::Active);
        let own = self.asks_client_certificates;
        ClientCertificates {
            any: own || by_gateway,
            verified: own && self.client_authorities.is_some() || by_gateway,
        }
    }

    /// Whether anybody can manage this server over HTTP: an active client with a live secret, key or
    /// certificate and a grant for the management API.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn has_operator(&self) -> Result<bool, StoreError> {
        let Some(api) = self.policy.api(&self.management_audience()) else { return Ok(false) };
        let filter = GrantFilter { api: Some(api.id.clone()), ..GrantFilter::default() };
        let mut cursor = None;
        loop {
            let page = Page::After { cursor, limit: GRANTS_AT_ONCE };
            let found = self.store.grants(&filter, &page).await?;
            for grant in &found.items {
                let usable = self.policy.read_client(&grant.client, |client| {
                    let now = self.now();
                    let keys = client.authenticator.as_deref();
                    let keys = keys.map_or(&[][..], |authenticator| &authenticator.credentials);
                    let live = client.secrets.iter().any(|secret| now < secret.expires_at)
                        || keys.iter().any(|credential| now < credential.expires_at);
                    live && client.state == State::Active
                });
                if usable == Some(true) {
                    return Ok(true);
                }
            }
            cursor = found.next;
            if cursor.is_none() {
                return Ok(false);
            }
        }
    }

    async fn load_policy(&self) -> Result<(), StoreError> {
        let freshness = self.freshness();
        let snapshot = self.store.snapshot().await?;
        self.policy.apply(snapshot.revision, snapshot.changes, freshness);
        Ok(())
    }

    /// Freshness counts from the moment the store was *asked*.
    fn freshness(&self) -> Freshness {
        Freshness::Until(self.clock.uptime_ms().saturating_add(self.staleness_ms_max))
    }

    /// Hashes a secret for the store.
    #[must_use]
    pub fn hash_secret(&self, client: &ClientId, secret: &PlainSecret) -> SecretHash {
        self.peppers.hash(&client.to_string(), secret.reveal())
    }

    /// Hashes a secret that was made elsewhere.
    #[must_use]
    pub fn hash_foreign_secret(&self, client: &ClientId, secret: &str) -> SecretHash {
        self.peppers.hash(&client.to_string(), secret)
    }

    /// Hashes a secret of which only the SHA-256 digest is known.
    #[must_use]
    pub fn hash_secret_digest(&self, client: &ClientId, digest: &[u8; 32]) -> SecretHash {
        self.peppers.hash_digest(&client.to_string(), digest)
    }

    /// A new gateway token: in clear, and what is kept of it.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new_gateway_token(&self, id: &GatewayId) -> Result<(String, SecretHash), RandomError> {
        let token = gateway_token(&self.new_secret()?);
        let hash = hash_gateway_token(&self.peppers, id, &token);
        Ok((token, hash))
    }
}

impl AssertionSigner for Services {
    fn sign_assertion(&self, claims: &AssertionClaims<'_>) -> Option<String> {
        let signed = self.signing.load().assert(claims);
        signed.inspect_err(|error| tracing::error!(%error, "an assertion cannot be signed")).ok()
    }
}

fn management_audience(issuer: &str) -> String {
    format!("{issuer}api/v2/")
}

fn pepper_of(id: PepperId, bytes: &[u8; 32]) -> Peppers {
    Peppers::new((id, bytes), &[])
}

#[cfg(test)]
mod tests;
