//! The private side of tokens: the keys that sign them, and the key that keeps those at rest.
//!
//! Each algorithm has a *current* key that signs, a *next* one that is already published so that no
//! validator meets it unprepared, and *previous* ones that still verify what they signed. At rest
//! they are sealed under the [`MasterKey`], which is the one secret that lives in a file.

use std::collections::BTreeMap;
use std::fmt;

use keyward_core::assertion::AssertionClaims;
use keyward_core::jwk::{Algorithm, JwkError, KeySet};
use keyward_core::time::Timestamp;
use keyward_core::token::{Dialect, TokenClaims};
use serde_json::{Value, json};

pub mod certificate;
pub mod key;
pub mod master;
pub mod random;

pub use certificate::Certificate;
pub use key::SigningKey;
pub use master::{MasterKey, MasterKeyError, SealError};
pub use random::{RandomError, random_base62, random_bytes};

/// The kind under which signing keys are sealed.
const SEALED_KIND: &str = "signing-key";

/// Why a signing key could not be made, read or used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// The cryptographic library could not make a key.
    #[error("cannot generate a key for {0}")]
    Generate(Algorithm),
    /// The private key's bytes are no key for the algorithm.
    #[error("the private key is not a key for {0}")]
    Rejected(Algorithm),
    /// What is inside a stored key is not what its record says.
    #[error("the stored signing key `{kid}` is not the {algorithm} key that its record speaks of")]
    Mislabelled {
        /// The key's id.
        kid: String,
        /// What it should sign with.
        algorithm: Algorithm,
    },
    /// The public half is not a key Keyward takes.
    #[error("the public half of a signing key is not taken: {0}")]
    Public(#[from] JwkError),
    /// The stored key cannot be opened with this master key.
    #[error("cannot open the stored signing key `{kid}`: {fault}")]
    Sealed {
        /// The key's id.
        kid: String,
        /// What is wrong.
        fault: SealError,
    },
    /// The library could not make a certificate.
    #[error("cannot make a certificate for a key for {0}")]
    Certificate(Algorithm),
    /// No current key signs with the algorithm.
    #[error("there is no current signing key for {0}")]
    NoKey(Algorithm),
    /// Two keys claim to be the current one.
    #[error("there are two current signing keys for {0}")]
    TwoCurrent(Algorithm),
    /// A token in the RFC 9068 dialect needs a `jti`.
    #[error("a token in the RFC 9068 dialect needs a `jti`")]
    NoJti,
    /// The cryptographic library could not sign.
    #[error("signing with {0} failed")]
    Sign(Algorithm),
}

/// What a key is for at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRole {
    /// It signs.
    Current,
    /// It is published and will sign after the next rotation.
    Next,
    /// It signs no more; it verifies, and is published, until then.
    Previous {
        /// When the last token it signed has expired.
        until: Timestamp,
    },
}

/// A signing key as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedKey {
    /// Its id, the RFC 7638 thumbprint of its public half.
    pub kid: String,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// What it is for.
    pub role: KeyRole,
    /// The PKCS#8 private key, sealed under the master key.
    pub sealed: Vec<u8>,
    /// Its certificate (X.509, DER).
    pub certificate: Option<Vec<u8>>,
}

impl fmt::Debug for SealedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// Makes a key with its certificate in the name of the issuer's host. It must be stored before a
/// token is signed with it, or nobody could verify that after a restart.
///
/// # Errors
/// When the library cannot make, certify or seal a key.
pub fn generate(
    algorithm: Algorithm,
    role: KeyRole,
    (host, now): (&str, Timestamp),
    master: &MasterKey,
) -> Result<SealedKey, SigningError> {
    let mut key = SigningKey::generate(algorithm)?;
    key.certify(host, now)?;
    key.seal(role, master)
}

/// Makes the first two keys of an algorithm, current and next.
///
/// # Errors
/// As [`generate`].
pub fn generate_pair(
    algorithm: Algorithm,
    (host, now): (&str, Timestamp),
    master: &MasterKey,
) -> Result<[SealedKey; 2], SigningError> {
    Ok([
        generate(algorithm, KeyRole::Current, (host, now), master)?,
        generate(algorithm, KeyRole::Next, (host, now), master)?,
    ])
}

/// All signing keys of the server, opened and parsed. Immutable: a rotation makes a new one.
#[derive(Debug, Default)]
pub struct SigningKeys {
    current: BTreeMap<Algorithm, SigningKey>,
    next: Vec<SigningKey>,
    previous: Vec<(SigningKey, Timestamp)>,
}

impl SigningKeys {
    /// Opens and parses stored keys, once.
    ///
    /// # Errors
    /// The first key that cannot be opened or parsed, or a second current key of one algorithm.
    pub fn unseal(
        master: &MasterKey,
        keys: impl IntoIterator<Item = SealedKey>,
    ) -> Result<Self, SigningError> {
        let mut opened = Self::default();
        for sealed in keys {
            let key = SigningKey::unseal(&sealed, master)?;
            match sealed.role {
                KeyRole::Current => {
                    if opened.current.insert(sealed.algorithm, key).is_some() {
                        return Err(SigningError::TwoCurrent(sealed.algorithm));
                    }
                }
                KeyRole::Next => opened.next.push(key),
                KeyRole::Previous { until } => opened.previous.push((key, until)),
            }
        }
        Ok(opened)
    }

    /// Whether there is a key to sign with.
    #[must_use]
    pub fn signs(&self, algorithm: Algorithm) -> bool {
        self.current.contains_key(&algorithm)
    }

    /// Signs an access token.
    ///
    /// # Errors
    /// When there is no current key for the algorithm, when the dialect needs a `jti` and there is
    /// none, or when the library cannot sign.
    pub fn issue(
        &self,
        algorithm: Algorithm,
        dialect: Dialect,
        claims: &TokenClaims,
    ) -> Result<String, SigningError> {
        if dialect == Dialect::Rfc9068 && claims.jti.as_deref().is_none_or(str::is_empty) {
            return Err(SigningError::NoJti);
        }
        let key = self.current.get(&algorithm).ok_or(SigningError::NoKey(algorithm))?;
        key.token(dialect, claims)
    }

    /// Signs an assertion with ES256, which every JWT library knows and which costs little.
    ///
    /// # Errors
    /// When there is no current key for it, or the library cannot sign.
    pub fn assert(&self, claims: &AssertionClaims<'_>) -> Result<String, SigningError> {
        let key = self.current.get(&Algorithm::Es256);
        key.ok_or(SigningError::NoKey(Algorithm::Es256))?.assertion(claims)
    }

    /// The public keys that count at `now`: current, next, and the previous ones whose tokens may
    /// still live. This is what tokens are verified with.
    #[must_use]
    pub fn verifying_keys(&self, now: Timestamp) -> KeySet {
        self.live(now).map(SigningKey::public).collect()
    }

    /// The same keys as the JWK Set document of RFC 7517 §5, with their certificates.
    #[must_use]
    pub fn jwks(&self, now: Timestamp) -> Value {
        let listed = self.live(now).map(|key| {
            let mut jwk = key.public().jwk();
            if let (Some(members), Some(certificate)) = (jwk.as_object_mut(), key.certificate()) {
                members.insert("x5t".to_owned(), certificate.x5t().into());
                members.insert("x5c".to_owned(), json!([certificate.x5c()]));
            }
            jwk
        });
        json!({ "keys": listed.collect::<Vec<_>>() })
    }

    fn live(&self, now: Timestamp) -> impl Iterator<Item = &SigningKey> {
        let previous = self.previous.iter().filter(move |(_, until)| now < *until);
        self.current.values().chain(&self.next).chain(previous.map(|(key, _)| key))
    }
}

#[cfg(test)]
mod tests;
