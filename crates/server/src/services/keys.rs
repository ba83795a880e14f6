//! The signing keys over time: rotation, revocation, and what a node does when it hears of them.
//!
//! A rotation is one transaction: the keys' new states and the change that tells every node to read
//! them. Whoever applies that change reads the keys from the store first, this process as well, so
//! that what is in memory is what was committed, whatever happened in between.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use keyward_core::api::TOKEN_LIFETIME_MAX_S;
use keyward_core::jwk::{Algorithm, KeySet};
use keyward_core::policy::{Change, Freshness, Settings};
use keyward_core::time::Timestamp;
use keyward_store::{Committed, KeyStatus, SealedKey as StoredKey, SealedKeyKind, StoreError, Tx};

use super::first_start::{Keys, stored_key};
use super::{LEEWAY_S, Services};
use crate::signing::{KeyRole, SigningError, generate};

/// The most previous keys of one algorithm that count at once; a bound for the key set.
pub const PREVIOUS_KEYS_MAX: usize = 20;

/// Why a key cannot be rotated or revoked.
#[derive(Debug, thiserror::Error)]
pub enum KeyChangeError {
    /// There is no such key.
    #[error("there is no signing key with that id")]
    Unknown,
    /// The key still signs, or is the one that will.
    #[error(
        "the key is the {0} one; rotate first (POST /api/v2/keys/signing/rotate, or `keyward keys \
         rotate`), then revoke it"
    )]
    InUse(&'static str),
    /// Too many keys of the past count.
    #[error(
        "there are {PREVIOUS_KEYS_MAX} previous {0} keys whose tokens may still live; revoke some \
         before another rotation"
    )]
    TooMany(Algorithm),
    /// Something that the store should hold and does not.
    #[error("the store has no {0} key to sign with")]
    NoKey(Algorithm),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The cryptographic library.
    #[error(transparent)]
    Signing(#[from] SigningError),
}

impl Services {
    /// New keys, one for each algorithm, to be the next ones. An RSA key takes a moment, so they
    /// are made beside the requests and before a transaction holds the store.
    ///
    /// # Errors
    /// When the library cannot make one.
    pub async fn new_signing_keys(
        self: &Arc<Self>,
        algorithms: Vec<Algorithm>,
    ) -> Result<Vec<StoredKey>, KeyChangeError> {
        let services = Arc::clone(self);
        let make = move || {
            let (now, host) = (services.now(), host_of(&services.issuer).to_owned());
            let one = |algorithm| {
                let key = generate(algorithm, KeyRole::Next, (&host, now), &services.master)?;
                Ok(stored_key(&key, now))
            };
            algorithms.into_iter().map(one).collect::<Result<Vec<_>, SigningError>>()
        };
        let made = tokio::task::spawn_blocking(make).await;
        let broken = |_| StoreError::Unavailable("the making of keys was interrupted".to_owned());
        Ok(made.map_err(broken)??)
    }

    /// Makes this process decide by what was committed. For whoever holds `commits`.
    pub(super) async fn apply(&self, committed: &Committed) {
        let mut freshness = self.freshness();
        if changes_keys(&committed.changes)
            && let Err(error) = self.reload_keys(freshness).await
        {
            // Security: a key that was revoked must not verify for want of an answer.
            tracing::error!(%error, "the signing keys cannot be read anew: refusing");
            freshness = Freshness::Until(1);
        }
        self.policy.apply(committed.revision, committed.changes.clone(), freshness);
    }

    /// Reads the keys from the store and signs and verifies with them from now on.
    ///
    /// # Errors
    /// When the store does not answer or a key cannot be opened. The keys are stale then.
    pub(super) async fn reload_keys(&self, freshness: Freshness) -> Result<(), StoreError> {
        self.keys_are_stale.store(true, Ordering::SeqCst);
        let stored = self.store.sealed_keys().await?;
        let keys = Keys::open(&stored, &self.master)
            .map_err(|error| StoreError::Unavailable(format!("a key cannot be opened: {error}")))?;
        let verifying = keys.signing.verifying_keys(self.now());
        // The order is safe either way round: what signs next was published before.
        self.policy.set(self.settings_with(verifying), freshness);
        self.signing.store(Arc::new(keys.signing));
        self.keys_are_stale.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// Verifies no more with previous keys whose last token has ended.
    pub(super) fn drop_ended_keys(&self, freshness: Freshness) {
        let live = self.signing.load().verifying_keys(self.now());
        if live.len() != self.policy.generation().settings.keys.len() {
            self.policy.set(self.settings_with(live), freshness);
        }
    }

    fn settings_with(&self, keys: KeySet) -> Settings {
        let settings = Arc::clone(&self.policy.generation().settings);
        Settings {
            issuer: settings.issuer.clone(),
            keys,
            peppers: settings.peppers.clone(),
            default_audience: settings.default_audience.clone(),
            leeway_s: settings.leeway_s,
        }
    }
}

/// Whether keys changed.
fn changes_keys(changes: &[Change]) -> bool {
    changes.iter().any(|change| matches!(change, Change::SigningKeys))
}

/// Moves every algorithm on by one key: next signs, current becomes previous until the last token
/// that it signed has ended, and the fresh one is next. Commit it through [`Services::commit`].
///
/// # Errors
/// [`KeyChangeError`]; the transaction is to be dropped then.
pub async fn rotate(
    tx: &mut Tx,
    fresh: &[StoredKey],
    now: Timestamp,
) -> Result<(), KeyChangeError> {
    let until = now.plus_seconds(i64::from(TOKEN_LIFETIME_MAX_S) + i64::from(LEEWAY_S));
    let stored = tx.sealed_keys().await?;
    for next in fresh {
        let Some(algorithm) = algorithm_of(next) else { continue };
        let of_algorithm = || stored.iter().filter(|key| algorithm_of(key) == Some(algorithm));
        let with = |status| of_algorithm().find(|key| key.status == status).cloned();
        let live = of_algorithm()
            .filter(|key| key.status == KeyStatus::Previous && now < key.status_since);
        if live.count() >= PREVIOUS_KEYS_MAX {
            return Err(KeyChangeError::TooMany(algorithm));
        }
        let mut signing = with(KeyStatus::Next).ok_or(KeyChangeError::NoKey(algorithm))?;
        signing.status = KeyStatus::Current;
        (signing.status_since, signing.current_since) = (now, Some(now));
        if let Some(mut previous) = with(KeyStatus::Current) {
            previous.status = KeyStatus::Previous;
            (previous.status_since, previous.current_until) = (until, Some(now));
            tx.put_sealed_key(&previous).await?;
        }
        tx.put_sealed_key(&signing).await?;
        tx.put_sealed_key(next).await?;
    }
    tx.signing_keys_changed();
    Ok(())
}

/// Revokes a previous key: once committed through [`Services::commit`], what it signed is refused.
/// The private key is destroyed. Revoking it again changes nothing.
///
/// # Errors
/// [`KeyChangeError`]; the transaction is to be dropped then.
pub async fn revoke(tx: &mut Tx, kid: &str, now: Timestamp) -> Result<StoredKey, KeyChangeError> {
    let stored = tx.sealed_keys().await?;
    let is_it = |key: &StoredKey| key.kind == SealedKeyKind::Signing && key.id == kid;
    let mut key = stored.into_iter().find(is_it).ok_or(KeyChangeError::Unknown)?;
    match key.status {
        KeyStatus::Current => return Err(KeyChangeError::InUse("current")),
        KeyStatus::Next => return Err(KeyChangeError::InUse("next")),
        KeyStatus::Revoked => return Ok(key),
        KeyStatus::Previous => {}
    }
    key.status = KeyStatus::Revoked;
    (key.status_since, key.revoked_at) = (now, Some(now));
    key.sealed.clear();
    tx.put_sealed_key(&key).await?;
    tx.signing_keys_changed();
    Ok(key)
}

/// What a signing key signs with.
#[must_use]
pub fn algorithm_of(key: &StoredKey) -> Option<Algorithm> {
    let name = key.algorithm.as_deref().filter(|_| key.kind == SealedKeyKind::Signing)?;
    Algorithm::parse(name)
}

/// The host of the issuer, for certificates.
pub(super) fn host_of(issuer: &str) -> &str {
    let host = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
    host.split(['/', ':']).next().unwrap_or(host)
}
