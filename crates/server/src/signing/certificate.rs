//! Certificates of signing keys: X.509, signed by the key that they are for. Validators that take no
//! JSON Web Key take the public key from them (`x5c`), and Auth0's tools show them.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use keyward_core::jwk::Algorithm;
use keyward_core::time::Timestamp;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    PKCS_ED25519, PKCS_RSA_SHA256, PublicKeyData, SignatureAlgorithm,
};

use super::{SigningError, SigningKey};

/// How long a certificate says to be good: Auth0's 13 years, give or take. The key is used for far
/// less; what ends it is rotation, not this date.
const YEARS: i16 = 13;
/// The most characters of a common name (X.520).
const COMMON_NAME_CHARS_MAX: usize = 64;
/// Characters of a line of PEM (RFC 7468 §2).
const PEM_LINE: usize = 64;

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate(Vec<u8>);

impl Certificate {
    /// A certificate in DER.
    #[must_use]
    pub fn of_der(der: Vec<u8>) -> Self {
        Self(der)
    }

    /// Makes one for a key, in the name of the issuer's host. It begins with the day of `now`.
    ///
    /// # Errors
    /// [`SigningError::Certificate`] when it cannot be made or signed.
    pub(super) fn make(key: &SigningKey, host: &str, now: Timestamp) -> Result<Self, SigningError> {
        let fault = |_| SigningError::Certificate(key.algorithm());
        let mut names = DistinguishedName::new();
        let name: String = host.chars().take(COMMON_NAME_CHARS_MAX).collect();
        names.push(DnType::CommonName, name);
        let mut params = CertificateParams::new(Vec::new()).map_err(fault)?;
        let begin = jiff::Timestamp::from_second(now.seconds())
            .map_err(|_| SigningError::Certificate(key.algorithm()))?
            .to_zoned(jiff::tz::TimeZone::UTC)
            .date();
        let day = |years: i16| {
            let month = begin.month().unsigned_abs();
            // The 29th of February is not in every year.
            let day = begin.day().unsigned_abs().min(28);
            rcgen::date_time_ymd(i32::from(begin.year().saturating_add(years)), month, day)
        };
        (params.not_before, params.not_after) = (day(0), day(YEARS));
        params.distinguished_name = names;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let signer = Signer { key, public: key.public_bytes() };
        let made = params.self_signed(&signer).map_err(fault)?;
        Ok(Self(made.der().to_vec()))
    }

    /// The bytes, in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.0
    }

    /// PEM with the line ends that Auth0 writes.
    #[must_use]
    pub fn pem(&self) -> String {
        pem("CERTIFICATE", &self.0)
    }

    /// The certificate as the only content of a PKCS #7 message (RFC 2315 §9), in PEM.
    #[must_use]
    pub fn pkcs7(&self) -> String {
        const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
        const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
        let content = element(SEQUENCE, &element(OBJECT_IDENTIFIER, DATA));
        let parts = [
            element(INTEGER, &[1]),
            // Neither digest algorithms nor signers: it carries and does not say anything.
            element(SET, &[]),
            content,
            element(CONTEXT_0, &self.0),
            element(SET, &[]),
        ];
        let signed = element(CONTEXT_0, &element(SEQUENCE, &parts.concat()));
        let message = [element(OBJECT_IDENTIFIER, SIGNED_DATA), signed].concat();
        pem("PKCS7", &element(SEQUENCE, &message))
    }

    /// SHA-1 of the certificate in hexadecimal, a colon between bytes.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let bytes: Vec<String> = self.sha1().iter().map(|byte| format!("{byte:02X}")).collect();
        bytes.join(":")
    }

    /// SHA-1 of the certificate in hexadecimal.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        self.sha1().iter().map(|byte| format!("{byte:02X}")).collect()
    }

    /// `x5t` (RFC 7517 §4.8).
    #[must_use]
    pub fn x5t(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.sha1())
    }

    /// The one member of `x5c` (RFC 7517 §4.7).
    #[must_use]
    pub fn x5c(&self) -> String {
        STANDARD.encode(&self.0)
    }

    /// A name, no protection: nobody is kept out by it.
    fn sha1(&self) -> Vec<u8> {
        digest(&SHA1_FOR_LEGACY_USE_ONLY, &self.0).as_ref().to_vec()
    }
}

/// The key as the library sees it: it gets signatures, never the key.
struct Signer<'k> {
    key: &'k SigningKey,
    public: Vec<u8>,
}

impl PublicKeyData for Signer<'_> {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        match self.key.algorithm() {
            // A certificate for PSS alone is what old validators cannot read; the key is the same.
            Algorithm::Rs256 | Algorithm::Ps256 => &PKCS_RSA_SHA256,
            Algorithm::Es256 => &PKCS_ECDSA_P256_SHA256,
            Algorithm::EdDsa => &PKCS_ED25519,
        }
    }
}

impl rcgen::SigningKey for Signer<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.key.sign_certificate(message).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

const INTEGER: u8 = 0x02;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const CONTEXT_0: u8 = 0xa0;

/// A DER element (X.690 §8.1).
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut element = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => element.push(short),
        _ => {
            let length = content.len().to_be_bytes();
            let length: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
            element.push(0x80 | u8::try_from(length.len()).unwrap_or_default());
            element.extend(length);
        }
    }
    element.extend_from_slice(content);
    element
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\r\n");
    for line in text.as_bytes().chunks(PEM_LINE) {
        pem.extend(line.iter().map(|byte| char::from(*byte)));
        pem.push_str("\r\n");
    }
    pem.push_str(&format!("-----END {label}-----\r\n"));
    pem
}
