//! One private signing key, parsed once.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyward_core::assertion::{ASSERTION_TYP, AssertionClaims};
use keyward_core::jwk::{Algorithm, VerifyingKey};
use keyward_core::jws;
use keyward_core::time::Timestamp;
use keyward_core::token::{Dialect, TokenClaims};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Certificate, KeyRole, MasterKey, SEALED_KIND, SealedKey, SigningError};

/// A private key with its public half and its encoded token headers.
pub struct SigningKey {
    private: Private,
    public: Arc<VerifyingKey>,
    certificate: Option<Certificate>,
    header_auth0: String,
    header_rfc9068: String,
    header_assertion: String,
}

/// The parsed pairs. The library wipes them when they are dropped.
enum Private {
    Rsa(Box<RsaKeyPair>, &'static dyn RsaEncoding),
    P256(Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid())
            .field("algorithm", &self.algorithm())
            .finish_non_exhaustive()
    }
}

impl SigningKey {
    /// Makes a new key: RSA with 2048 bits, P-256 or Ed25519. Its id is its thumbprint (RFC 7638).
    ///
    /// # Errors
    /// [`SigningError::Generate`] when the library cannot.
    pub fn generate(algorithm: Algorithm) -> Result<Self, SigningError> {
        let fault = |_| SigningError::Generate(algorithm);
        let private = match algorithm {
            Algorithm::Rs256 | Algorithm::Ps256 => {
                rsa(RsaKeyPair::generate(KeySize::Rsa2048).map_err(fault)?, algorithm)
            }
            Algorithm::Es256 => Private::P256(Box::new(
                EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(fault)?,
            )),
            Algorithm::EdDsa => {
                Private::Ed25519(Box::new(Ed25519KeyPair::generate().map_err(fault)?))
            }
        };
        Self::new(private, algorithm)
    }

    /// Parses a PKCS#8 private key (RFC 5208) for an algorithm.
    ///
    /// # Errors
    /// [`SigningError::Rejected`] when it is no such key, [`SigningError::Public`] when its public
    /// half is none that Keyward takes.
    pub fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, SigningError> {
        let fault = |_| SigningError::Rejected(algorithm);
        let private = match algorithm {
            Algorithm::Rs256 | Algorithm::Ps256 => {
                rsa(RsaKeyPair::from_pkcs8(pkcs8).map_err(fault)?, algorithm)
            }
            Algorithm::Es256 => Private::P256(Box::new(
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map_err(fault)?,
            )),
            Algorithm::EdDsa => {
                Private::Ed25519(Box::new(Ed25519KeyPair::from_pkcs8(pkcs8).map_err(fault)?))
            }
        };
        Self::new(private, algorithm)
    }

    fn new(private: Private, algorithm: Algorithm) -> Result<Self, SigningError> {
        let public = Arc::new(VerifyingKey::from_jwk(&public_jwk(&private, algorithm)?)?);
        let header = |typ: &str| jws::encode_header(algorithm, typ, public.kid());
        let header_auth0 = header(Dialect::Auth0.typ());
        let header_rfc9068 = header(Dialect::Rfc9068.typ());
        let header_assertion = header(ASSERTION_TYP);
        let certificate = None;
        Ok(Self { private, public, certificate, header_auth0, header_rfc9068, header_assertion })
    }

    /// The key's id.
    #[must_use]
    pub fn kid(&self) -> &str {
        self.public.kid()
    }

    /// What it signs with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.public.algorithm()
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> Arc<VerifyingKey> {
        Arc::clone(&self.public)
    }

    /// Its certificate, when it has one.
    #[must_use]
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    /// Makes its certificate, in the name of the issuer's host.
    ///
    /// # Errors
    /// [`SigningError::Certificate`] when the library cannot.
    pub fn certify(&mut self, host: &str, now: Timestamp) -> Result<(), SigningError> {
        self.certificate = Some(Certificate::make(self, host, now)?);
        Ok(())
    }

    /// The public half as a certificate holds it: a point, a number pair, or 32 bytes.
    pub(super) fn public_bytes(&self) -> Vec<u8> {
        match &self.private {
            Private::Rsa(pair, _) => pair.public_key().as_ref().to_vec(),
            Private::P256(pair) => pair.public_key().as_ref().to_vec(),
            Private::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    /// Signs a certificate: PKCS#1 v1.5 also with a key for PSS, and ECDSA in ASN.1.
    pub(super) fn sign_certificate(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let fault = |_| SigningError::Certificate(self.algorithm());
        match &self.private {
            Private::Rsa(pair, _) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                    .map_err(fault)?;
                Ok(signature)
            }
            Private::P256(_) => {
                let pkcs8 = self.to_pkcs8()?;
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &pkcs8)
                    .map_err(|_| SigningError::Certificate(self.algorithm()))?;
                let signature = pair.sign(&SystemRandom::new(), message).map_err(fault)?;
                Ok(signature.as_ref().to_vec())
            }
            Private::Ed25519(_) => self.sign(message),
        }
    }

    /// The private key as PKCS#8, wiped when dropped.
    ///
    /// # Errors
    /// [`SigningError::Generate`] when the library cannot write it.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, SigningError> {
        let fault = |_| SigningError::Generate(self.algorithm());
        Ok(Zeroizing::new(match &self.private {
            Private::Rsa(pair, _) => {
                let der: Pkcs8V1Der<'_> = pair.as_der().map_err(fault)?;
                der.as_ref().to_vec()
            }
            Private::P256(pair) => pair.to_pkcs8v1().map_err(fault)?.as_ref().to_vec(),
            Private::Ed25519(pair) => pair.to_pkcs8v1().map_err(fault)?.as_ref().to_vec(),
        }))
    }

    /// Seals the key for the store.
    ///
    /// # Errors
    /// When the key cannot be written or sealed.
    pub fn seal(&self, role: KeyRole, master: &MasterKey) -> Result<SealedKey, SigningError> {
        let kid = self.kid().to_owned();
        let sealed = master
            .seal(SEALED_KIND, &kid, &self.to_pkcs8()?)
            .map_err(|fault| SigningError::Sealed { kid: kid.clone(), fault })?;
        let certificate = self.certificate.as_ref().map(|known| known.der().to_vec());
        Ok(SealedKey { kid, algorithm: self.algorithm(), role, sealed, certificate })
    }

    /// Opens and parses a stored key.
    ///
    /// # Errors
    /// [`SigningError::Sealed`] when the master key does not fit or the bytes were changed,
    /// [`SigningError::Mislabelled`] when what is inside is not the key the record speaks of.
    pub fn unseal(stored: &SealedKey, master: &MasterKey) -> Result<Self, SigningError> {
        let kid = || stored.kid.clone();
        let pkcs8 = master
            .open(SEALED_KIND, &stored.kid, &stored.sealed)
            .map_err(|fault| SigningError::Sealed { kid: kid(), fault })?;
        let algorithm = stored.algorithm;
        let mislabelled = || SigningError::Mislabelled { kid: kid(), algorithm };
        let mut key = Self::from_pkcs8(algorithm, &pkcs8).map_err(|_| mislabelled())?;
        key.certificate = stored.certificate.clone().map(Certificate::of_der);
        if key.kid() == stored.kid { Ok(key) } else { Err(mislabelled()) }
    }

    /// Signs a message: PKCS#1 v1.5 or PSS for RSA, R ‖ S for ECDSA (RFC 7518 §3.4), Ed25519.
    ///
    /// # Errors
    /// [`SigningError::Sign`] when the library cannot.
    pub fn sign(&self, signing_input: &[u8]) -> Result<Vec<u8>, SigningError> {
        let fault = |_| SigningError::Sign(self.algorithm());
        match &self.private {
            Private::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &SystemRandom::new(), signing_input, &mut signature)
                    .map_err(fault)?;
                Ok(signature)
            }
            Private::P256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), signing_input).map_err(fault)?;
                Ok(signature.as_ref().to_vec())
            }
            Private::Ed25519(pair) => {
                Ok(pair.try_sign(signing_input).map_err(fault)?.as_ref().to_vec())
            }
        }
    }

    /// A signed access token.
    ///
    /// # Errors
    /// As for [`SigningKey::sign`].
    pub fn token(&self, dialect: Dialect, claims: &TokenClaims) -> Result<String, SigningError> {
        let header = match dialect {
            Dialect::Auth0 => &self.header_auth0,
            Dialect::Rfc9068 => &self.header_rfc9068,
        };
        self.compact(header, &claims.to_json(dialect))
    }

    /// A signed assertion about an allowed request.
    ///
    /// # Errors
    /// As for [`SigningKey::sign`].
    pub fn assertion(&self, claims: &AssertionClaims<'_>) -> Result<String, SigningError> {
        self.compact(&self.header_assertion, &claims.to_json())
    }

    fn compact(&self, header: &str, payload: &str) -> Result<String, SigningError> {
        let input = jws::signing_input(header, payload.as_bytes());
        let signature = self.sign(input.as_bytes())?;
        Ok(jws::attach_signature(input, &signature))
    }
}

fn rsa(pair: RsaKeyPair, algorithm: Algorithm) -> Private {
    let encoding: &'static dyn RsaEncoding =
        if algorithm == Algorithm::Ps256 { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
    Private::Rsa(Box::new(pair), encoding)
}

fn public_jwk(private: &Private, algorithm: Algorithm) -> Result<Value, SigningError> {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let rejected = || SigningError::Rejected(algorithm);
    Ok(match private {
        Private::Rsa(pair, _) => {
            let (n, e) = rsa_numbers(pair.public_key().as_ref()).ok_or_else(rejected)?;
            json!({ "kty": "RSA", "n": encode(n), "e": encode(e), "alg": algorithm.name() })
        }
        Private::P256(pair) => {
            // SEC 1 §2.3.3: 4, x, y.
            let point = pair.public_key().as_ref();
            let (x, y) = point
                .strip_prefix(&[4])
                .and_then(|xy| xy.split_at_checked(32))
                .ok_or_else(rejected)?;
            json!({ "kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y) })
        }
        Private::Ed25519(pair) => {
            json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref()) })
        }
    })
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017 §A.1.1), without leading zeros.
fn rsa_numbers(der: &[u8]) -> Option<(&[u8], &[u8])> {
    const SEQUENCE: u8 = 0x30;
    const INTEGER: u8 = 0x02;
    let (numbers, after) = der_element(der, SEQUENCE)?;
    let (n, rest) = der_element(numbers, INTEGER)?;
    let (e, end) = der_element(rest, INTEGER)?;
    let unsigned = |number: &'_ [u8]| -> usize { number.iter().take_while(|b| **b == 0).count() };
    (after.is_empty() && end.is_empty()).then_some(())?;
    Some((n.get(unsigned(n)..)?, e.get(unsigned(e)..)?))
}

/// The content of a DER element with this tag, and what follows it (X.690 §8.1).
fn der_element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = bytes.strip_prefix(&[tag])?.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        let length = length
            .iter()
            .try_fold(0_usize, |sum, byte| sum.checked_mul(256)?.checked_add(usize::from(*byte)))?;
        (length, rest)
    };
    rest.split_at_checked(length)
}
