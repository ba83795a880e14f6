//! DPoP proofs (RFC 9449): a JWT that a caller signs for one request, with the key that its token is
//! bound to.

mod target;

use aws_lc_rs::digest::{Context, SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Number, Value};

pub use target::Target;

use crate::jwk::{Algorithm, JwkError, VerifyingKey};
use crate::jws::json::StrictJson;
use crate::possession::{Thumbprint, thumbprint};
use crate::replay::{NotClaimed, ReplayCache};
use crate::time::Timestamp;

/// The longest proof looked at, in bytes.
pub const PROOF_BYTES_MAX: usize = 4 * 1024;
/// The longest `jti`, in characters.
pub const JTI_CHARS_MAX: usize = 128;
/// How far `iat` may be from now, in seconds, either way.
pub const WINDOW_S: i64 = 60;
/// What proofs may be signed with: nothing that a verifier could sign too (RFC 9449 §4.2).
pub const ALGORITHMS: [Algorithm; 4] =
    [Algorithm::Es256, Algorithm::Rs256, Algorithm::Ps256, Algorithm::EdDsa];

/// Why a proof is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DpopFault {
    /// More than one header, or one that is no text.
    #[error("there must be one DPoP header with one proof")]
    Several,
    /// Longer than [`PROOF_BYTES_MAX`].
    #[error("the proof is longer than {PROOF_BYTES_MAX} bytes")]
    TooLong,
    /// Not three parts of strict base64url, or not JSON objects with every member once.
    #[error("the proof is no signed JWT")]
    Malformed,
    /// `typ` is not `dpop+jwt`.
    #[error("the proof's `typ` must be dpop+jwt")]
    Type,
    /// `alg` is missing, `none`, symmetric or otherwise not one of [`ALGORITHMS`].
    #[error("the proof's `alg` is not taken")]
    Algorithm,
    /// The header has a `crit`, and no extension is known (RFC 7515 §4.1.11).
    #[error("the proof demands an extension")]
    Critical,
    /// `jwk` is missing, not a key that is taken, or not one for `alg`.
    #[error("the proof's `jwk` is not a public key for its `alg`")]
    Key,
    /// `jwk` holds a private or shared key, which is nobody's secret any more.
    #[error("the proof's `jwk` holds a private key: make a new one and send the public key only")]
    PrivateKey,
    /// The signature is not the key's.
    #[error("the proof's signature does not verify")]
    Signature,
    /// A claim is missing or not as it must be.
    #[error("the proof's claim `{0}` is missing or not as it must be")]
    Claim(&'static str),
    /// `htm` is another method.
    #[error("the proof's `htm` is not the method of the request")]
    Method,
    /// `htu` is another URL.
    #[error("the proof's `htu` is not the URL of the request")]
    Target,
    /// Where the request went is not told, so no proof can be for it.
    #[error("the gateway does not tell the method and URL of the request")]
    TargetUnknown,
    /// `iat` is too long ago.
    #[error("the proof is older than {WINDOW_S} seconds")]
    Old,
    /// `iat` lies in the future.
    #[error("the proof's `iat` lies more than {WINDOW_S} seconds in the future")]
    Future,
    /// `ath` is missing or of another token.
    #[error("the proof's `ath` is not that of the token")]
    TokenHash,
    /// It is not the key that the token is bound to.
    #[error("the proof is not of the key that the token is bound to")]
    OtherKey,
    /// The proof was used before, or it cannot be told that it was not.
    #[error("the proof was used before")]
    Replayed,
    /// More proofs are remembered than there is room for, so none can be told from a repeated one.
    #[error("too many proofs are remembered")]
    Full,
}

impl DpopFault {
    /// A stable word for logs and metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Several => "dpop_several",
            Self::TooLong => "dpop_too_long",
            Self::Malformed => "dpop_malformed",
            Self::Type => "dpop_type",
            Self::Algorithm => "dpop_algorithm",
            Self::Critical => "dpop_critical",
            Self::Key => "dpop_key",
            Self::PrivateKey => "dpop_private_key",
            Self::Signature => "dpop_signature",
            Self::Claim(_) => "dpop_claim",
            Self::Method => "dpop_method",
            Self::Target => "dpop_url",
            Self::TargetUnknown => "dpop_url_unknown",
            Self::Old => "dpop_old",
            Self::Future => "dpop_future",
            Self::TokenHash => "dpop_token_hash",
            Self::OtherKey => "dpop_other_key",
            Self::Replayed => "dpop_replayed",
            Self::Full => "dpop_full",
        }
    }
}

/// A proof for the request that it came with. Whether it is the first use, and for the right token,
/// is the decision's and its door's to judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// The RFC 7638 thumbprint of its key.
    pub key: Thumbprint,
    /// `ath`: the SHA-256 of the token that it is for.
    pub token_hash: Option<Thumbprint>,
    /// What must be used once.
    pub once: Once,
}

/// Something that counts once: [`Once::claim`] it after everything else was found good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Once {
    id: [u8; 16],
    made_at_s: i64,
}

impl Once {
    /// Uses it up. `since` is when the cache began to remember: what was made before may have been
    /// used before.
    ///
    /// # Errors
    /// [`DpopFault::Replayed`] and [`DpopFault::Full`]; nothing may be let in then.
    pub fn claim(
        &self,
        cache: &ReplayCache,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<(), DpopFault> {
        // Whole seconds, because `iat` has no fractions.
        if self.made_at_s < since.seconds() {
            return Err(DpopFault::Replayed);
        }
        // From then on it is refused as too old.
        let end_s = self.made_at_s.saturating_add(WINDOW_S).saturating_add(1);
        cache.claim(self.id, Timestamp::from_seconds(end_s), now).map_err(|not| match not {
            NotClaimed::Seen => DpopFault::Replayed,
            NotClaimed::Full => DpopFault::Full,
        })
    }
}

/// The SHA-256 of a token, as `ath` has it.
#[must_use]
pub fn token_hash(token: &str) -> Thumbprint {
    half::<32>(digest(&SHA256, token.as_bytes()).as_ref())
}

/// Verifies a proof for a request (RFC 9449 §4.3, steps 2 to 11 but for `ath` and `jti`).
///
/// # Errors
/// The first [`DpopFault`] found. Work is bounded by [`PROOF_BYTES_MAX`] and one signature check.
pub fn verify_proof(proof: &str, target: &Target<'_>, now: Timestamp) -> Result<Proof, DpopFault> {
    if proof.len() > PROOF_BYTES_MAX {
        return Err(DpopFault::TooLong);
    }
    let (signing_input, signature) = proof.rsplit_once('.').ok_or(DpopFault::Malformed)?;
    let (header, payload) = signing_input.split_once('.').ok_or(DpopFault::Malformed)?;
    if payload.contains('.') {
        return Err(DpopFault::Malformed);
    }
    let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);
    let (key, jkt) = read_key(&header)?;
    if !key.verifies(signing_input.as_bytes(), &signature) {
        return Err(DpopFault::Signature);
    }
    let claims = object(&payload)?;
    let jti = claim(&claims, "jti")?;
    if jti.is_empty() || jti.chars().count() > JTI_CHARS_MAX {
        return Err(DpopFault::Claim("jti"));
    }
    if claim(&claims, "htm")? != target.method {
        return Err(DpopFault::Method);
    }
    if !target.is(claim(&claims, "htu")?) {
        return Err(DpopFault::Target);
    }
    let issued_at_s = issued_at(&claims)?;
    let age_s = now.seconds().saturating_sub(issued_at_s);
    if age_s > WINDOW_S {
        return Err(DpopFault::Old);
    }
    if age_s < -WINDOW_S {
        return Err(DpopFault::Future);
    }
    let token_hash = match claims.get("ath") {
        None => None,
        Some(ath) => Some(ath.as_text().and_then(thumbprint).ok_or(DpopFault::Claim("ath"))?),
    };
    let once = Once { id: id(&jkt, jti), made_at_s: issued_at_s };
    Ok(Proof { key: jkt, token_hash, once })
}

fn read_key(header: &[u8]) -> Result<(VerifyingKey, Thumbprint), DpopFault> {
    let header = object(header)?;
    if header.get("typ").and_then(StrictJson::as_text) != Some("dpop+jwt") {
        return Err(DpopFault::Type);
    }
    if header.get("crit").is_some() {
        return Err(DpopFault::Critical);
    }
    let alg = header.get("alg").and_then(StrictJson::as_text).and_then(Algorithm::parse);
    let alg = alg.filter(|alg| ALGORITHMS.contains(alg)).ok_or(DpopFault::Algorithm)?;
    let mut jwk = value(header.get("jwk").ok_or(DpopFault::Key)?);
    let members = jwk.as_object_mut().ok_or(DpopFault::Key)?;
    // An RSA key does not say which of two algorithms it is for; the header does.
    members.entry("alg").or_insert_with(|| alg.name().into());
    // Names are not part of the key.
    members.remove("kid");
    let key = VerifyingKey::from_jwk(&jwk).map_err(|error| match error {
        JwkError::Private(_) => DpopFault::PrivateKey,
        JwkError::NotAnObject
        | JwkError::Missing(_)
        | JwkError::NotText(_)
        | JwkError::Kind
        | JwkError::Algorithm
        | JwkError::Encoding(_)
        | JwkError::Size
        | JwkError::Exponent
        | JwkError::Rejected
        | JwkError::KeyId
        | JwkError::Use
        | JwkError::Weak => DpopFault::Key,
    })?;
    if key.algorithm() != alg {
        return Err(DpopFault::Key);
    }
    let jkt = VerifyingKey::thumbprint(&jwk).ok().as_deref().and_then(thumbprint);
    Ok((key, jkt.ok_or(DpopFault::Key)?))
}

fn decode(part: &str) -> Result<Vec<u8>, DpopFault> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| DpopFault::Malformed)
}

fn object(bytes: &[u8]) -> Result<StrictJson<'_>, DpopFault> {
    let read = StrictJson::parse(bytes).map_err(|_| DpopFault::Malformed)?;
    if read.is_object() { Ok(read) } else { Err(DpopFault::Malformed) }
}

fn claim<'a>(claims: &'a StrictJson<'_>, name: &'static str) -> Result<&'a str, DpopFault> {
    claims.get(name).and_then(StrictJson::as_text).ok_or(DpopFault::Claim(name))
}

#[expect(clippy::cast_possible_truncation, reason = "the range is checked, the fraction is to go")]
fn issued_at(claims: &StrictJson<'_>) -> Result<i64, DpopFault> {
    match claims.get("iat") {
        Some(StrictJson::Integer(seconds)) => Ok(*seconds),
        Some(StrictJson::Real(seconds)) if seconds.abs() < 1e12 => Ok(seconds.floor() as i64),
        _ => Err(DpopFault::Claim("iat")),
    }
}

/// Of this key alone: nobody else can use a `jti` up.
fn id(key: &Thumbprint, jti: &str) -> [u8; 16] {
    let mut hash = Context::new(&SHA256);
    hash.update(b"dpop:");
    hash.update(key);
    hash.update(jti.as_bytes());
    half::<16>(hash.finish().as_ref())
}

fn half<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut start = [0; N];
    start.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    start
}

/// The same value as the key reader takes it.
fn value(json: &StrictJson<'_>) -> Value {
    match json {
        StrictJson::Null => Value::Null,
        StrictJson::Bool(truth) => Value::Bool(*truth),
        StrictJson::Integer(number) => Value::from(*number),
        StrictJson::Real(number) => Number::from_f64(*number).map_or(Value::Null, Value::Number),
        StrictJson::Text(text) => Value::from(text.as_ref()),
        StrictJson::List(items) => items.iter().map(value).collect(),
        StrictJson::Object(members) => {
            let member = |(name, held): &(_, StrictJson<'_>)| {
                let name: &std::borrow::Cow<'_, str> = name;
                (name.clone().into_owned(), value(held))
            };
            Value::Object(members.iter().map(member).collect::<Map<_, _>>())
        }
    }
}
