//! Client secrets: how they look, and how they are kept.
//!
//! A secret is 32 random base62 characters (190 bits) and 6 base62 characters of their CRC-32.
//! The checksum lets scanners tell a leaked secret from a look-alike without asking anybody; it
//! is no security. At rest there is only an HMAC-SHA-256 under a server pepper.

use std::fmt;

use aws_lc_rs::{constant_time, digest, hmac};
use zeroize::Zeroizing;

use crate::base62;
use crate::id::{ClientId, SecretId};
use crate::time::Timestamp;

/// Random characters in a secret.
pub const SECRET_RANDOM_LENGTH: usize = 32;
/// All characters of a secret, checksum included.
pub const SECRET_LENGTH: usize = SECRET_RANDOM_LENGTH + 6;
/// The most secrets that a client may have at one time.
pub const SECRETS_MAX: usize = 5;
/// What every one-string API key begins with.
pub const API_KEY_PREFIX: &str = "kw_";

/// A secret in clear. It exists only in the answer that creates it and in the request that shows
/// it; it is wiped from memory when dropped and never printed.
#[derive(Clone)]
pub struct PlainSecret(Zeroizing<String>);

impl PlainSecret {
    /// Completes 32 random base62 characters with their checksum.
    #[must_use]
    pub fn from_random(characters: &str) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(SECRET_LENGTH));
        text.push_str(characters);
        text.extend(checksum(characters).map(char::from));
        Self(text)
    }

    /// The secret itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The whole credential as one string: `kw_<environment>_<client id>_<secret>`.
    #[must_use]
    pub fn api_key(&self, environment: &Environment, client: &ClientId) -> String {
        format!("{API_KEY_PREFIX}{environment}_{client}_{}", self.reveal())
    }
}

impl fmt::Debug for PlainSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainSecret(redacted)")
    }
}

/// The tag in an API key that tells live keys from test keys: 1 to 16 of `[a-z0-9]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Environment(Box<str>);

impl Environment {
    /// Reads a tag. `None` when it is empty, too long or has another character.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::is_tag(text).then(|| Self(text.into()))
    }

    fn is_tag(text: &str) -> bool {
        let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        plain && (1..=16).contains(&text.len())
    }

    /// The tag as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Environment {
    fn default() -> Self {
        Self("live".into())
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An API key taken apart: `kw_<environment>_<client id>_<secret>`.
#[derive(Clone, Copy)]
pub struct ApiKeyParts<'a> {
    /// The client id in the key.
    pub client: &'a str,
    /// The secret in the key.
    pub secret: &'a str,
}

impl fmt::Debug for ApiKeyParts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeyParts").field("client", &self.client).finish_non_exhaustive()
    }
}

/// Takes an API key apart. `None` when the form or the checksum is wrong.
#[must_use]
pub fn parse_api_key(text: &str) -> Option<ApiKeyParts<'_>> {
    let (environment, rest) = text.strip_prefix(API_KEY_PREFIX)?.split_once('_')?;
    let (client, secret) = rest.rsplit_once('_')?;
    let fits = Environment::is_tag(environment) && has_valid_checksum(secret);
    fits.then_some(ApiKeyParts { client, secret })
}

/// Whether a text has the form of a secret and its checksum is right.
#[must_use]
pub fn has_valid_checksum(secret: &str) -> bool {
    secret.len() == SECRET_LENGTH
        && base62::is_base62(secret)
        && secret
            .split_at_checked(SECRET_RANDOM_LENGTH)
            .is_some_and(|(random, sum)| checksum(random) == sum.as_bytes())
}

fn checksum(random: &str) -> [u8; SECRET_LENGTH - SECRET_RANDOM_LENGTH] {
    base62::encode_fixed(u128::from(crc32fast::hash(random.as_bytes())))
}

/// The number of a pepper. Several are live while one replaces another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PepperId(pub u32);

impl PepperId {
    /// Set in the number where the secret itself was never seen, only its SHA-256 digest (imports):
    /// the code is then over that digest. Peppers themselves are numbered below it.
    const OF_DIGEST: u32 = 1 << 31;

    const fn of_digest(self) -> Self {
        Self(self.0 | Self::OF_DIGEST)
    }

    const fn is_of_digest(self) -> bool {
        self.0 & Self::OF_DIGEST != 0
    }
}

/// A secret at rest: HMAC-SHA-256 of client id and secret under the pepper named.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretHash {
    /// Which pepper.
    pub pepper: PepperId,
    /// The authentication code.
    pub mac: [u8; 32],
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretHash(pepper {})", self.pepper.0)
    }
}

/// One of a client's secrets, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSecret {
    /// Its public name.
    pub id: SecretId,
    /// What is kept of it.
    pub hash: SecretHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused; `None` while it is the current one.
    pub expires_at: Option<Timestamp>,
}

impl ClientSecret {
    /// Whether the secret is still good at that moment.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// The server peppers, newest last. Never empty.
#[derive(Clone)]
pub struct Peppers {
    keys: Vec<(PepperId, hmac::Key)>,
    current: (PepperId, hmac::Key),
}

impl Peppers {
    /// The peppers given as 32 random bytes each, the current one first.
    #[must_use]
    pub fn new(current: (PepperId, &[u8; 32]), older: &[(PepperId, [u8; 32])]) -> Self {
        let key = |bytes: &[u8; 32]| hmac::Key::new(hmac::HMAC_SHA256, bytes);
        let first = (current.0, key(current.1));
        let mut keys: Vec<_> = older.iter().map(|(id, bytes)| (*id, key(bytes))).collect();
        keys.push(first.clone());
        Self { keys, current: first }
    }

    /// Hashes a secret under the current pepper, for storing.
    #[must_use]
    pub fn hash(&self, client: &str, secret: &str) -> SecretHash {
        SecretHash { pepper: self.current.0, mac: mac(&self.current.1, client, secret) }
    }

    /// Hashes a secret of which only the SHA-256 digest is known, for storing.
    #[must_use]
    pub fn hash_digest(&self, client: &str, digest: &[u8; 32]) -> SecretHash {
        let mac = mac(&self.current.1, client, &digest_text(digest));
        SecretHash { pepper: self.current.0.of_digest(), mac }
    }

    /// Checks a shown secret against the stored ones. The work depends on the number of live
    /// peppers and stored hashes, never on where a difference is, and it is done as well when
    /// `stored` is empty (an unknown client).
    ///
    /// Returns the place of the hash that fits.
    #[must_use]
    pub fn find<'a>(
        &self,
        client: &str,
        secret: &str,
        stored: &(impl Iterator<Item = &'a SecretHash> + Clone),
    ) -> Option<usize> {
        // Only clients that were imported by digest cost this, and only they show it.
        let digest = stored.clone().any(|hash| hash.pepper.is_of_digest()).then(|| {
            let hash = digest::digest(&digest::SHA256, secret.as_bytes());
            digest_text(hash.as_ref())
        });
        let mut found = None;
        for (id, key) in &self.keys {
            let by_secret = Some((*id, mac(key, client, secret)));
            let by_digest = digest.as_ref().map(|text| (id.of_digest(), mac(key, client, text)));
            for (id, shown) in by_secret.into_iter().chain(by_digest) {
                for (place, hash) in stored.clone().enumerate() {
                    let equal = constant_time::verify_slices_are_equal(&shown, &hash.mac).is_ok();
                    if equal && hash.pepper == id {
                        found = Some(place);
                    }
                }
            }
        }
        found
    }
}

impl fmt::Debug for Peppers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|(id, _)| id)).finish()
    }
}

/// What stands for a secret of which only the digest is known. Security: nobody can show this text as
/// a secret and pass, because the mark in the pepper's number keeps the two apart.
fn digest_text(digest: &[u8]) -> String {
    digest.iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// The client id is part of the message, so that a stored hash is worth nothing in another row.
/// Ids hold no `:`, hence the joint is unambiguous.
fn mac(key: &hmac::Key, client: &str, secret: &str) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    context.update(client.as_bytes());
    context.update(b":");
    context.update(secret.as_bytes());
    let tag = context.sign();
    let mut out = [0; 32];
    out.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> PlainSecret {
        PlainSecret::from_random("0123456789abcdefghijABCDEFGHIJKL")
    }

    #[test]
    fn a_secret_carries_its_checksum() {
        let plain = secret();
        assert_eq!(plain.reveal().len(), SECRET_LENGTH);
        assert!(has_valid_checksum(plain.reveal()));
        let wrong = plain.reveal().replace('a', "b");
        assert!(!has_valid_checksum(&wrong));
    }

    #[test]
    fn an_api_key_comes_apart_into_what_it_was_made_of() {
        for id in ["01234567890123456789", "foreign_id-with.marks~"] {
            let id = ClientId::parse(id).unwrap();
            let key = secret().api_key(&Environment::default(), &id);
            let parts = parse_api_key(&key).unwrap();
            assert_eq!(parts.client, id.to_string());
            assert_eq!(parts.secret, secret().reveal());
        }
    }

    #[test]
    fn malformed_api_keys_are_refused() {
        let id = ClientId::parse("01234567890123456789").unwrap();
        let key = secret().api_key(&Environment::default(), &id);
        for bad in ["", "kw_", "kw_live_", &key.replace("kw_", "kx_"), &key.replace("live", "LIVE")]
        {
            assert!(parse_api_key(bad).is_none(), "{bad}");
        }
        let mut cut = key.clone();
        cut.pop();
        assert!(parse_api_key(&cut).is_none());
    }

    #[test]
    fn only_the_right_secret_of_the_right_client_fits() {
        let peppers = Peppers::new((PepperId(2), &[2; 32]), &[(PepperId(1), [1; 32])]);
        let old = Peppers::new((PepperId(1), &[1; 32]), &[]);
        let stored = [old.hash("c1", "old"), peppers.hash("c1", "new")];
        assert_eq!(peppers.find("c1", "old", &stored.iter()), Some(0));
        assert_eq!(peppers.find("c1", "new", &stored.iter()), Some(1));
        assert_eq!(peppers.find("c2", "new", &stored.iter()), None);
        assert_eq!(peppers.find("c1", "newer", &stored.iter()), None);
        assert_eq!(peppers.find("c1", "new", &[].iter()), None);
    }

    #[test]
    fn a_secret_known_by_its_digest_fits_and_the_digest_itself_does_not() {
        let peppers = Peppers::new((PepperId(2), &[2; 32]), &[]);
        let hash = digest::digest(&digest::SHA256, b"imported");
        let mut bytes = [0; 32];
        bytes.copy_from_slice(hash.as_ref());
        let stored = [peppers.hash("c1", "own"), peppers.hash_digest("c1", &bytes)];
        assert_eq!(peppers.find("c1", "imported", &stored.iter()), Some(1));
        assert_eq!(peppers.find("c1", "own", &stored.iter()), Some(0));
        assert_eq!(peppers.find("c2", "imported", &stored.iter()), None);
        for shown in [digest_text(&bytes), digest_text(&bytes).replace("sha256:", "")] {
            assert_eq!(peppers.find("c1", &shown, &stored.iter()), None, "{shown}");
        }
    }

    #[test]
    fn debug_output_has_no_secret() {
        assert!(!format!("{:?}", secret()).contains("0123456789abcdef"));
    }
}
