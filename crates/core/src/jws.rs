//! JSON Web Signatures in compact form (RFC 7515 §3.1, §7.1), verified strictly.
//!
//! The header is read for three things only: `kid` finds the key, `alg` must be that key's, `typ`
//! is handed on. Keys in or behind the header (`jwk`, `jku`, `x5c`, `x5u`) are never looked at.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::jwk::{Algorithm, KeySet};
use json::{JsonFault, StrictJson};

pub mod json;

/// Longest token looked at, in bytes. Ours have about 500 to 900.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// The parts of a protected header Keyward uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The algorithm, one of ours. It is compared with the key's, which is the one that counts.
    pub algorithm: Algorithm,
    /// The key id.
    pub kid: String,
    /// The media type of the whole token, when given (RFC 7515 §4.1.9).
    pub typ: Option<String>,
}

/// A token whose signature was found to be its key's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The id of the key that verified.
    pub kid: Arc<str>,
    /// That key's algorithm.
    pub algorithm: Algorithm,
    /// The header's `typ`, exactly as written.
    pub typ: Option<String>,
    /// The decoded payload.
    pub payload: Vec<u8>,
    /// SHA-256 of the signing input (`header.payload` as sent). Unlike the token's own digest it does
    /// not depend on the signature, which for ECDSA a third party can change and keep valid.
    pub signing_input_digest: [u8; 32],
}

/// Why a token is not one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum JwsFault {
    /// Not three parts of strict base64url.
    #[error("the token is not three parts of base64url")]
    Malformed,
    /// Longer than [`TOKEN_BYTES_MAX`].
    #[error("the token is longer than {TOKEN_BYTES_MAX} bytes")]
    TooLong,
    /// The header is not a JSON object, or a member is missing or of the wrong type.
    #[error("the token's header is not as it must be")]
    Header,
    /// A member is named twice.
    #[error("a member of the token's header is named twice")]
    DuplicateMember,
    /// `alg` is missing, `none`, symmetric or otherwise not one of ours.
    #[error("the token's algorithm is not taken")]
    Algorithm,
    /// No `kid`, or none of our keys has it.
    #[error("the token names no known key")]
    UnknownKey,
    /// `alg` is not the algorithm of the key that `kid` names.
    #[error("the token's algorithm is not its key's")]
    AlgorithmMismatch,
    /// The header has a `crit`, and Keyward knows no extension (RFC 7515 §4.1.11).
    #[error("the token demands an extension")]
    Critical,
    /// The signature is not the key's.
    #[error("the token's signature does not verify")]
    Signature,
}

impl JwsFault {
    /// One word for logs and metrics.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::TooLong => "too_long",
            Self::Header => "header",
            Self::DuplicateMember => "duplicate_header_member",
            Self::Algorithm => "algorithm",
            Self::UnknownKey => "unknown_key",
            Self::AlgorithmMismatch => "algorithm_mismatch",
            Self::Critical => "critical",
            Self::Signature => "signature",
        }
    }
}

/// Verifies a compact JWS with the key of `keys` that its header names.
///
/// # Errors
/// The first [`JwsFault`] found. Work is bounded by [`TOKEN_BYTES_MAX`] and one signature check.
pub fn verify_compact(token: &str, keys: &KeySet) -> Result<Verified, JwsFault> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(JwsFault::TooLong);
    }
    let (signing_input, signature) = token.rsplit_once('.').ok_or(JwsFault::Malformed)?;
    let (header, payload) = signing_input.split_once('.').ok_or(JwsFault::Malformed)?;
    if header.is_empty() || payload.contains('.') {
        return Err(JwsFault::Malformed);
    }
    let header = read_header(&decode(header)?)?;
    let key = keys.get(&header.kid).ok_or(JwsFault::UnknownKey)?;
    // Security: the key decides the algorithm; the header may only agree (RFC 8725 §3.1).
    if key.algorithm() != header.algorithm {
        return Err(JwsFault::AlgorithmMismatch);
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| JwsFault::Signature)?;
    let message_digest = digest(&SHA256, signing_input.as_bytes());
    if !key.verifies_digested(signing_input.as_bytes(), &message_digest, &signature) {
        return Err(JwsFault::Signature);
    }
    let mut signing_input_digest = [0; 32];
    signing_input_digest.copy_from_slice(message_digest.as_ref());
    Ok(Verified {
        kid: key.shared_kid(),
        algorithm: key.algorithm(),
        typ: header.typ,
        payload: decode(payload)?,
        signing_input_digest,
    })
}

/// A protected header in its encoded form, made once per key and kind of token.
#[must_use]
pub fn encode_header(algorithm: Algorithm, typ: &str, kid: &str) -> String {
    let alg = algorithm.name();
    let mut text = format!("{{\"alg\":\"{alg}\",\"typ\":");
    json::push_text(&mut text, typ);
    text.push_str(",\"kid\":");
    json::push_text(&mut text, kid);
    text.push('}');
    URL_SAFE_NO_PAD.encode(text)
}

/// What is signed: the encoded header, a dot, the encoded payload (RFC 7515 §5.1).
#[must_use]
pub fn signing_input(encoded_header: &str, payload: &[u8]) -> String {
    // Room for the payload at 4 characters per 3 bytes, and for an RSA signature of 4096 bits, so
    // that nothing is copied when the signature comes.
    let capacity = encoded_header
        .len()
        .saturating_add(payload.len().saturating_mul(4).div_euclid(3))
        .saturating_add(700);
    let mut input = String::with_capacity(capacity);
    input.push_str(encoded_header);
    input.push('.');
    URL_SAFE_NO_PAD.encode_string(payload, &mut input);
    input
}

/// Finishes a token: the signing input, a dot, the encoded signature.
#[must_use]
pub fn attach_signature(signing_input: String, signature: &[u8]) -> String {
    let mut token = signing_input;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    token
}

fn decode(part: &str) -> Result<Vec<u8>, JwsFault> {
    // Strict by the engine's own rules: no padding, no `+` and `/`, no bits left over.
    URL_SAFE_NO_PAD.decode(part).map_err(|_| JwsFault::Malformed)
}

fn read_header(bytes: &[u8]) -> Result<Header, JwsFault> {
    let header = StrictJson::parse(bytes).map_err(|fault| match fault {
        JsonFault::Duplicate => JwsFault::DuplicateMember,
        JsonFault::Malformed => JwsFault::Header,
    })?;
    if !header.is_object() {
        return Err(JwsFault::Header);
    }
    // RFC 7515 §4.1.11: an extension that is not understood refuses the token. None is, and an
    // empty `crit` is not allowed either.
    if header.get("crit").is_some() {
        return Err(JwsFault::Critical);
    }
    let algorithm = match header.get("alg") {
        Some(StrictJson::Text(name)) => Algorithm::parse(name).ok_or(JwsFault::Algorithm)?,
        Some(_) => return Err(JwsFault::Header),
        None => return Err(JwsFault::Algorithm),
    };
    let kid = match header.get("kid") {
        Some(StrictJson::Text(kid)) => kid.clone().into_owned(),
        Some(_) => return Err(JwsFault::Header),
        None => return Err(JwsFault::UnknownKey),
    };
    let typ = match header.get("typ") {
        Some(StrictJson::Text(typ)) => Some(typ.clone().into_owned()),
        Some(_) => return Err(JwsFault::Header),
        None => None,
    };
    Ok(Header { algorithm, kid, typ })
}
