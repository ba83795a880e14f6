//! Public keys as people send them: PEM of several kinds, turned into JSON Web Keys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyward_core::client::credential::AssertionAlgorithm;
use serde_json::{Value, json};
use x509_cert::der::asn1::{AnyRef, ObjectIdentifier, UintRef};
use x509_cert::der::{Decode as _, Document, Encode as _};
use x509_cert::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

use crate::client_certificate::ClientCertificate;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// What a PEM text holds.
#[derive(Debug)]
pub(super) enum Pem {
    /// A certificate (RFC 7468 §5).
    Certificate(ClientCertificate),
    /// A public key (`SubjectPublicKeyInfo`, RFC 7468 §13) in DER.
    PublicKey(Vec<u8>),
}

/// Why a PEM text is of no use. It repeats nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum PemError {
    #[error(
        "Not one PEM section with a public key or certificate (BEGIN PUBLIC KEY, BEGIN RSA PUBLIC \
         KEY or BEGIN CERTIFICATE)"
    )]
    Malformed,
    #[error("A private key; send the public key or the certificate, and replace that key")]
    Private,
    #[error("The certificate cannot be read")]
    Certificate,
    #[error("The key is none of RSA, EC with P-256 and Ed25519, or cannot be read")]
    Key,
}

/// Reads the one section of a PEM text.
pub(super) fn read_pem(text: &str) -> Result<Pem, PemError> {
    let (label, document) = Document::from_pem(text.trim()).map_err(|_| {
        let private = text.contains("PRIVATE KEY-----");
        if private { PemError::Private } else { PemError::Malformed }
    })?;
    match label {
        "CERTIFICATE" => {
            let certificate = ClientCertificate::from_der(document.as_bytes());
            certificate.map(Pem::Certificate).map_err(|_| PemError::Certificate)
        }
        "PUBLIC KEY" => Ok(Pem::PublicKey(document.into_vec())),
        "RSA PUBLIC KEY" => wrap_rsa(document.as_bytes()).map(Pem::PublicKey),
        label if label.ends_with("PRIVATE KEY") => Err(PemError::Private),
        _ => Err(PemError::Malformed),
    }
}

/// A PKCS#1 key (RFC 8017 appendix A.1.1) as `SubjectPublicKeyInfo` (RFC 3279 §2.3.1).
fn wrap_rsa(pkcs1: &[u8]) -> Result<Vec<u8>, PemError> {
    let bits = x509_cert::der::asn1::BitStringRef::from_bytes(pkcs1).map_err(|_| PemError::Key)?;
    let algorithm = AlgorithmIdentifierRef { oid: RSA, parameters: Some(AnyRef::NULL) };
    let wrapped = SubjectPublicKeyInfoRef { algorithm, subject_public_key: bits };
    wrapped.to_der().map_err(|_| PemError::Key)
}

/// The JSON Web Key of a public key (RFC 7518 §6, RFC 8037 §2), and the algorithm that such keys
/// mostly sign with.
pub(super) fn to_jwk(spki: &[u8]) -> Result<(Value, AssertionAlgorithm), PemError> {
    let spki = SubjectPublicKeyInfoRef::from_der(spki).map_err(|_| PemError::Key)?;
    let key = spki.subject_public_key.as_bytes().ok_or(PemError::Key)?;
    let algorithm = spki.algorithm;
    if algorithm.oid == RSA {
        let (n, e) = rsa_numbers(key).map_err(|_| PemError::Key)?;
        return Ok((json!({ "kty": "RSA", "n": n, "e": e }), AssertionAlgorithm::Rs256));
    }
    if algorithm.oid == ED25519 {
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(key) });
        return Ok((jwk, AssertionAlgorithm::EdDsa));
    }
    if algorithm.oid == EC && algorithm.parameters_oid() == Ok(P256) {
        // SEC 1 §2.3.3: the uncompressed form.
        let point = key.strip_prefix(&[4]).filter(|point| point.len() == 64);
        let (x, y) = point.and_then(|point| point.split_at_checked(32)).ok_or(PemError::Key)?;
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let jwk = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y });
        return Ok((jwk, AssertionAlgorithm::Es256));
    }
    Err(PemError::Key)
}

/// Modulus and exponent (RFC 8017 appendix A.1.1), in base64url.
fn rsa_numbers(key: &[u8]) -> x509_cert::der::Result<(String, String)> {
    AnyRef::from_der(key)?.sequence(|reader| {
        let modulus = UintRef::decode(reader)?;
        let exponent = UintRef::decode(reader)?;
        let text = |number: UintRef<'_>| URL_SAFE_NO_PAD.encode(number.as_bytes());
        Ok((text(modulus), text(exponent)))
    })
}
