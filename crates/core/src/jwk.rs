//! Public keys: JSON Web Keys (RFC 7517, RFC 7518 §6, RFC 8037 §2) parsed once into verifying keys.
//!
//! A key knows its one algorithm, and that algorithm alone decides how a signature is checked: what
//! a token's header says is compared with it, never obeyed (RFC 8725 §3.1).

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{Digest, SHA256, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PSS_2048_8192_SHA256, RsaParameters, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::client::credential::AssertionAlgorithm;

mod roca;

/// Longest key id taken, in bytes. Thumbprints have 43.
pub const KEY_ID_BYTES_MAX: usize = 256;

/// Bytes of a P-256 coordinate, and of an Ed25519 public key.
const COORDINATE_BYTES: usize = 32;
/// Bytes of an ES256 (R ‖ S, RFC 7518 §3.4) or an `EdDSA` signature.
const SHORT_SIGNATURE_BYTES: usize = 64;
/// RSA moduli taken, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;
/// Smallest RSA exponent taken. Smaller ones only ever helped attackers.
const RSA_EXPONENT_MIN: u64 = 65_537;
/// Largest RSA exponent the library computes with.
const RSA_EXPONENT_MAX: u64 = (1 << 33) - 1;
/// Members that only private and symmetric keys have (RFC 7518 §6.2.2, §6.3.2, §6.4).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A signature algorithm Keyward signs and verifies with (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256: the widest support, the cheapest to verify.
    Rs256,
    /// ECDSA on P-256 with SHA-256: cheap to issue, small tokens.
    Es256,
    /// RSASSA-PSS with SHA-256 and a salt of 32 bytes.
    Ps256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// Every algorithm, in the order documents list them.
    pub const ALL: [Self; 4] = [Self::Rs256, Self::Es256, Self::Ps256, Self::EdDsa];

    /// The name in `alg` members: `RS256`, `ES256`, `PS256`, `EdDSA`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::Ps256 => "PS256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Reads a name exactly as [`Algorithm::name`] writes it; names are case-sensitive (RFC 7515
    /// §4.1.1), so `none`, `es256` and every other spelling is nothing.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a JSON Web Key was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwkError {
    /// The value is not a JSON object.
    #[error("a JSON Web Key is a JSON object")]
    NotAnObject,
    /// A member that must be there is not.
    #[error("the key has no `{0}`")]
    Missing(&'static str),
    /// A member that must be a string is something else.
    #[error("the key's `{0}` must be a string")]
    NotText(&'static str),
    /// `kty` (or `crv`) names a kind of key Keyward does not take.
    #[error("only RSA, EC with P-256 and OKP with Ed25519 keys are taken")]
    Kind,
    /// `alg` is missing where it is needed, unknown, or of another kind of key.
    #[error("`alg` must be RS256 or PS256 for RSA, ES256 for P-256, EdDSA for Ed25519")]
    Algorithm,
    /// A member is not strict base64url.
    #[error("the key's `{0}` is not base64url without padding")]
    Encoding(&'static str),
    /// An RSA modulus outside 2048 to 4096 bits, or a coordinate of another length than 32 bytes.
    #[error("the key's size is not taken: RSA needs 2048 to 4096 bits, P-256 and Ed25519 32 bytes")]
    Size,
    /// An RSA exponent that is even, below 65537 or above 2^33.
    #[error("the RSA exponent must be odd and at least 65537")]
    Exponent,
    /// The numbers are no key, for example a point that is not on the curve.
    #[error("the numbers in the key are not a public key")]
    Rejected,
    /// An RSA modulus whose factors can be found (ROCA, CVE-2017-15361).
    #[error("the RSA key was made by a broken library and can be factored (ROCA): make a new one")]
    Weak,
    /// `kid` is empty or too long.
    #[error("`kid` must have 1 to {KEY_ID_BYTES_MAX} bytes")]
    KeyId,
    /// `use` or `key_ops` say that the key is not for signatures.
    #[error("the key is not meant for verifying signatures")]
    Use,
    /// The key carries private or symmetric material.
    #[error("the key has the private member `{0}`: send the public key only")]
    Private(&'static str),
}

/// A public key, parsed and ready to verify with one algorithm.
pub struct VerifyingKey {
    kid: Arc<str>,
    algorithm: Algorithm,
    parsed: ParsedPublicKey,
    signature_bytes: usize,
    jwk: Value,
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl VerifyingKey {
    /// Parses a public JSON Web Key. An RSA key must say its `alg`; the other kinds have one. A key
    /// without `kid` is named by its thumbprint. Members Keyward does not use are dropped.
    ///
    /// # Errors
    /// The first thing wrong with the key, see [`JwkError`].
    pub fn from_jwk(jwk: &Value) -> Result<Self, JwkError> {
        let members = jwk.as_object().ok_or(JwkError::NotAnObject)?;
        if let Some(private) = PRIVATE_MEMBERS.into_iter().find(|name| members.contains_key(*name))
        {
            return Err(JwkError::Private(private));
        }
        check_use(members)?;
        let alg = optional_text(members, "alg")?;
        let (algorithm, parsed, signature_bytes) = match text(members, "kty")? {
            "RSA" => parse_rsa(members, alg)?,
            "EC" => parse_p256(members, alg)?,
            "OKP" => parse_ed25519(members, alg)?,
            _ => return Err(JwkError::Kind),
        };
        let kid: Arc<str> = match optional_text(members, "kid")? {
            Some(kid) if kid.is_empty() || kid.len() > KEY_ID_BYTES_MAX => {
                return Err(JwkError::KeyId);
            }
            Some(kid) => Arc::from(kid),
            None => Arc::from(Self::thumbprint(jwk)?),
        };
        let mut public = required_members(members)?;
        public.insert("alg".to_owned(), json!(algorithm.name()));
        public.insert("use".to_owned(), json!("sig"));
        public.insert("kid".to_owned(), json!(&*kid));
        Ok(Self { kid, algorithm, parsed, signature_bytes, jwk: Value::Object(public) })
    }

    /// The key id, compared exactly with a token's `kid`.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The key id, shared.
    pub(crate) fn shared_kid(&self) -> Arc<str> {
        Arc::clone(&self.kid)
    }

    /// The only algorithm this key verifies with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public JSON Web Key with `kty`, its numbers, `alg`, `use` and `kid`, as a JWKS lists it.
    #[must_use]
    pub fn jwk(&self) -> Value {
        self.jwk.clone()
    }

    /// The RFC 7638 thumbprint of a public JSON Web Key: base64url of SHA-256, 43 characters.
    ///
    /// # Errors
    /// [`JwkError`] when a member the thumbprint is made of is missing or not a string.
    pub fn thumbprint(jwk: &Value) -> Result<String, JwkError> {
        let members = required_members(jwk.as_object().ok_or(JwkError::NotAnObject)?)?;
        // RFC 7638 §3: the required members only, in lexicographic order, without white space.
        let mut names: Vec<&String> = members.keys().collect();
        names.sort_unstable();
        let mut canonical = String::from("{");
        for (index, name) in names.into_iter().enumerate() {
            if index > 0 {
                canonical.push(',');
            }
            let value = members.get(name).unwrap_or(&Value::Null);
            canonical.push_str(&format!("\"{name}\":{value}"));
        }
        canonical.push('}');
        Ok(URL_SAFE_NO_PAD.encode(digest(&SHA256, canonical.as_bytes())))
    }

    /// Whether `signature` is this key's over `message`. For what is not a token of ours, such as a
    /// client's assertion; tokens go through [`crate::jws::verify_compact`].
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verifies_digested(message, &digest(&SHA256, message), signature)
    }

    /// Whether `signature` is this key's over `message`, whose SHA-256 is `message_digest` (given,
    /// because the caller needs it too and hashing twice would cost more than looking up a token).
    pub(crate) fn verifies_digested(
        &self,
        message: &[u8],
        message_digest: &Digest,
        signature: &[u8],
    ) -> bool {
        // Security: a signature has one length per key. ECDSA in DER, leading zeros and trailing
        // bytes end here.
        if signature.len() != self.signature_bytes {
            return false;
        }
        match self.algorithm {
            Algorithm::Rs256 | Algorithm::Es256 | Algorithm::Ps256 => {
                self.parsed.verify_digest_sig(message_digest, signature).is_ok()
            }
            // Ed25519 hashes the message itself, with another function.
            Algorithm::EdDsa => self.parsed.verify_sig(message, signature).is_ok(),
        }
    }
}

/// The verifying keys of one issuer (or of one client), looked up by their exact key id.
#[derive(Debug, Clone, Default)]
pub struct KeySet {
    ordered: Vec<Arc<VerifyingKey>>,
    by_kid: HashMap<Arc<str>, Arc<VerifyingKey>>,
}

impl KeySet {
    /// The key with exactly this id.
    #[must_use]
    pub fn get(&self, kid: &str) -> Option<&Arc<VerifyingKey>> {
        self.by_kid.get(kid)
    }

    /// The keys in the order they were given.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<VerifyingKey>> {
        self.ordered.iter()
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ordered.len()
    }

    /// Whether there is no key, so that nothing verifies.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ordered.is_empty()
    }

    /// The JWK Set document of RFC 7517 §5: `{"keys":[…]}`, in the order given.
    #[must_use]
    pub fn jwks(&self) -> Value {
        json!({ "keys": self.ordered.iter().map(|key| key.jwk()).collect::<Vec<_>>() })
    }
}

impl FromIterator<Arc<VerifyingKey>> for KeySet {
    /// Collects keys. Of two keys with one id the first stays: an id never means two keys.
    fn from_iter<I: IntoIterator<Item = Arc<VerifyingKey>>>(keys: I) -> Self {
        let mut set = Self::default();
        for key in keys {
            if !set.by_kid.contains_key(key.kid()) {
                set.by_kid.insert(key.shared_kid(), Arc::clone(&key));
                set.ordered.push(key);
            }
        }
        set
    }
}

impl FromIterator<VerifyingKey> for KeySet {
    /// As for shared keys.
    fn from_iter<I: IntoIterator<Item = VerifyingKey>>(keys: I) -> Self {
        keys.into_iter().map(Arc::new).collect()
    }
}

type Parsed = (Algorithm, ParsedPublicKey, usize);

fn parse_rsa(members: &Map<String, Value>, alg: Option<&str>) -> Result<Parsed, JwkError> {
    let (algorithm, parameters) = match alg {
        Some("RS256") => (Algorithm::Rs256, &RSA_PKCS1_2048_8192_SHA256),
        Some("PS256") => (Algorithm::Ps256, &RSA_PSS_2048_8192_SHA256),
        _ => return Err(JwkError::Algorithm),
    };
    let (parsed, signature_bytes) = parse_rsa_for(members, parameters)?;
    Ok((algorithm, parsed, signature_bytes))
}

/// An RSA key for one algorithm, and the length of its signatures.
fn parse_rsa_for(
    members: &Map<String, Value>,
    parameters: &'static RsaParameters,
) -> Result<(ParsedPublicKey, usize), JwkError> {
    let n = bytes(members, "n")?;
    let e = bytes(members, "e")?;
    let Some((&first, _)) = n.split_first() else { return Err(JwkError::Size) };
    let bits = n.len().saturating_mul(8).saturating_sub(first.leading_zeros() as usize);
    if first == 0 || !RSA_BITS.contains(&bits) {
        return Err(JwkError::Size);
    }
    if n.last().is_none_or(|last| last % 2 == 0) {
        return Err(JwkError::Rejected);
    }
    if roca::is_vulnerable(&n) {
        return Err(JwkError::Weak);
    }
    if e.len() > 8 || e.first() == Some(&0) {
        return Err(JwkError::Exponent);
    }
    let exponent = e.iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    if exponent % 2 == 0 || !(RSA_EXPONENT_MIN..=RSA_EXPONENT_MAX).contains(&exponent) {
        return Err(JwkError::Exponent);
    }
    let signature_bytes = n.len();
    let parsed = RsaPublicKeyComponents { n, e }
        .to_parsed_public_key(parameters)
        .map_err(|_| JwkError::Rejected)?;
    Ok((parsed, signature_bytes))
}

/// A public key for the assertions of a client, which may also be signed in ways that tokens are
/// not; and the length of its signatures. What the key itself says of `alg`, `use` and `kid` does
/// not count.
pub(crate) fn parse_for(
    jwk: &Value,
    algorithm: AssertionAlgorithm,
) -> Result<(ParsedPublicKey, usize), JwkError> {
    let members = jwk.as_object().ok_or(JwkError::NotAnObject)?;
    let kind = text(members, "kty")?;
    let parsed = match (kind, algorithm) {
        ("RSA", AssertionAlgorithm::Rs256) => {
            return parse_rsa_for(members, &RSA_PKCS1_2048_8192_SHA256);
        }
        ("RSA", AssertionAlgorithm::Rs384) => {
            return parse_rsa_for(members, &RSA_PKCS1_2048_8192_SHA384);
        }
        ("RSA", AssertionAlgorithm::Ps256) => {
            return parse_rsa_for(members, &RSA_PSS_2048_8192_SHA256);
        }
        ("EC", AssertionAlgorithm::Es256) => parse_p256(members, None),
        ("OKP", AssertionAlgorithm::EdDsa) => parse_ed25519(members, None),
        _ => return Err(JwkError::Algorithm),
    };
    parsed.map(|(_, parsed, signature_bytes)| (parsed, signature_bytes))
}

/// The members that make up a public key.
pub(crate) fn public_members(jwk: &Value) -> Result<Map<String, Value>, JwkError> {
    required_members(jwk.as_object().ok_or(JwkError::NotAnObject)?)
}

fn parse_p256(members: &Map<String, Value>, alg: Option<&str>) -> Result<Parsed, JwkError> {
    if text(members, "crv")? != "P-256" {
        return Err(JwkError::Kind);
    }
    if alg.is_some_and(|alg| alg != "ES256") {
        return Err(JwkError::Algorithm);
    }
    // SEC 1 §2.3.3, the uncompressed form: 4, x, y.
    let mut point = vec![4_u8];
    for name in ["x", "y"] {
        let coordinate = bytes(members, name)?;
        if coordinate.len() != COORDINATE_BYTES {
            return Err(JwkError::Size);
        }
        point.extend_from_slice(&coordinate);
    }
    let parsed =
        ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point).map_err(|_| JwkError::Rejected)?;
    Ok((Algorithm::Es256, parsed, SHORT_SIGNATURE_BYTES))
}

fn parse_ed25519(members: &Map<String, Value>, alg: Option<&str>) -> Result<Parsed, JwkError> {
    if text(members, "crv")? != "Ed25519" {
        return Err(JwkError::Kind);
    }
    if alg.is_some_and(|alg| alg != "EdDSA") {
        return Err(JwkError::Algorithm);
    }
    let x = bytes(members, "x")?;
    if x.len() != COORDINATE_BYTES {
        return Err(JwkError::Size);
    }
    let parsed = ParsedPublicKey::new(&ED25519, &x).map_err(|_| JwkError::Rejected)?;
    Ok((Algorithm::EdDsa, parsed, SHORT_SIGNATURE_BYTES))
}

/// `use` and `key_ops`, where given, must allow verifying (RFC 7517 §4.2, §4.3).
fn check_use(members: &Map<String, Value>) -> Result<(), JwkError> {
    if optional_text(members, "use")?.is_some_and(|purpose| purpose != "sig") {
        return Err(JwkError::Use);
    }
    match members.get("key_ops") {
        None => Ok(()),
        Some(Value::Array(operations)) if operations.iter().any(|one| one == "verify") => Ok(()),
        Some(_) => Err(JwkError::Use),
    }
}

/// The members a key of this kind is made of (RFC 7638 §3.2, RFC 8037 §2), and no others.
fn required_members(members: &Map<String, Value>) -> Result<Map<String, Value>, JwkError> {
    let names: &[&'static str] = match text(members, "kty")? {
        "RSA" => &["e", "kty", "n"],
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        _ => return Err(JwkError::Kind),
    };
    names.iter().map(|name| Ok(((*name).to_owned(), json!(text(members, name)?)))).collect()
}

fn optional_text<'a>(
    members: &'a Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'a str>, JwkError> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(JwkError::NotText(name)),
    }
}

fn text<'a>(members: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, JwkError> {
    optional_text(members, name)?.ok_or(JwkError::Missing(name))
}

fn bytes(members: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, JwkError> {
    URL_SAFE_NO_PAD.decode(text(members, name)?).map_err(|_| JwkError::Encoding(name))
}
