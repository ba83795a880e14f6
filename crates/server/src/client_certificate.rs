//! The certificate of whoever asks on the public listener (RFC 8705 §2).
//!
//! It comes from one of two places:
//! - the TLS handshake of the connection, in which the client proved to hold the key;
//! - a registered gateway that ended the client's TLS itself and says what it saw there. It shows
//!   its token in `cname-api-key`, and must ask as it does at the gate: from its peers and, if it
//!   is to show a certificate, with that. It tells the certificate in `client-certificate`
//!   (URL-encoded PEM, Auth0's name) or `Client-Cert` (RFC 9440), and with
//!   `client-certificate-ca-verified: SUCCESS` that its chain was verified.
//!
//! Security: from anybody else these headers are as if they were not there.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use keyward_allowlist::Connection;
use keyward_core::gateway::GATEWAY_TOKEN_PREFIX;
use keyward_core::policy::Claim;
use keyward_core::secret::has_valid_checksum;
use keyward_core::time::Timestamp;
use percent_encoding::percent_decode_str;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::time::Time;

use crate::listen::ClientChain;
use crate::listen::certificate::names_of;
use crate::services::Services;

/// With what a gateway shows who it is.
const GATEWAY_TOKEN: &str = "cname-api-key";
/// Where it tells the certificate, as URL-encoded PEM.
const CERTIFICATE: &str = "client-certificate";
/// Where it tells the certificate, as RFC 9440 has it.
const CLIENT_CERT: &str = "client-cert";
/// Where it tells whether the chain was verified.
const VERIFIED: &str = "client-certificate-ca-verified";
/// The most bytes of a certificate in a header.
const HEADER_BYTES_MAX: usize = 4096;

/// A client's certificate. Whoever sent the request holds its key.
#[derive(Clone)]
pub struct ClientCertificate {
    der: Vec<u8>,
    thumbprint: [u8; 32],
    subject: String,
    public_key_der: Vec<u8>,
    not_before: Timestamp,
    not_after: Timestamp,
    chain_verified: bool,
}

/// Why a certificate cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// A gateway tells more than one, or one thing twice.
    #[error("more than one certificate is told")]
    Several,
    /// Longer than any that is taken.
    #[error("the certificate is longer than {HEADER_BYTES_MAX} bytes")]
    TooLong,
    /// It is no certificate (RFC 5280 §4.1).
    #[error("the certificate cannot be read")]
    Malformed,
}

impl ClientCertificate {
    /// Reads a certificate in DER (RFC 5280 §4.1).
    ///
    /// # Errors
    /// [`CertificateFault::Malformed`].
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateFault> {
        let malformed = |_| CertificateFault::Malformed;
        let read = Certificate::from_der(der).map_err(malformed)?;
        let certificate = &read.tbs_certificate;
        let mut thumbprint = [0; 32];
        thumbprint.iter_mut().zip(digest(&SHA256, der).as_ref()).for_each(|(to, from)| *to = *from);
        Ok(Self {
            der: der.to_vec(),
            thumbprint,
            subject: certificate.subject.to_string(),
            public_key_der: certificate.subject_public_key_info.to_der().map_err(malformed)?,
            not_before: moment(certificate.validity.not_before)?,
            not_after: moment(certificate.validity.not_after)?,
            chain_verified: false,
        })
    }

    /// Reads the one certificate of a PEM text (RFC 7468 §5).
    ///
    /// # Errors
    /// [`CertificateFault`].
    pub fn from_pem(text: &str) -> Result<Self, CertificateFault> {
        let mut certificates = CertificateDer::pem_slice_iter(text.as_bytes());
        let first = certificates.next().ok_or(CertificateFault::Malformed)?;
        if certificates.next().is_some() {
            return Err(CertificateFault::Several);
        }
        Self::from_der(&first.map_err(|_| CertificateFault::Malformed)?)
    }

    /// The certificate itself.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Its SHA-256.
    #[must_use]
    pub fn thumbprint(&self) -> &[u8; 32] {
        &self.thumbprint
    }

    /// The same in base64url: the value of `x5t#S256` (RFC 8705 §3.1).
    #[must_use]
    pub fn thumbprint_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.thumbprint)
    }

    /// Its subject's distinguished name as text (RFC 4514).
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Its public key (`SubjectPublicKeyInfo`, RFC 5280 §4.1.2.7) in DER.
    #[must_use]
    pub fn public_key_der(&self) -> &[u8] {
        &self.public_key_der
    }

    /// The first moment at which it is good.
    #[must_use]
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// The last moment at which it is good.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Whether it is good at that moment.
    #[must_use]
    pub fn is_current(&self, now: Timestamp) -> bool {
        // RFC 5280 §4.1.2.5: both ends are included, and they have no fractions.
        self.not_before <= now && now.seconds() <= self.not_after.seconds()
    }

    /// Whether an authority that is trusted here, or by the gateway, vouches for it.
    #[must_use]
    pub fn chain_verified(&self) -> bool {
        self.chain_verified
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate")
            .field("thumbprint", &self.thumbprint_text())
            .field("subject", &self.subject)
            .field("chain_verified", &self.chain_verified)
            .finish_non_exhaustive()
    }
}

fn moment(time: Time) -> Result<Timestamp, CertificateFault> {
    let seconds = i64::try_from(time.to_unix_duration().as_secs());
    seconds.map(Timestamp::from_seconds).map_err(|_| CertificateFault::Malformed)
}

/// The certificate of whoever sent a request that came in on the public listener; `None` when
/// none was shown. Every certificate is given, whoever made it: what it is worth depends on what it
/// is compared with.
///
/// # Errors
/// [`CertificateFault`]: one was shown and cannot be read. Whatever depends on a certificate must
/// be refused then.
pub fn client_certificate(
    services: &Services,
    parts: &Parts,
) -> Result<Option<ClientCertificate>, CertificateFault> {
    let chain = parts.extensions.get::<ClientChain>();
    let chain = chain.map_or(&[][..], |chain| &chain.0);
    let now = services.now();
    let authorities = services.client_authorities.as_ref();
    let verified = || authorities.is_some_and(|known| known.vouch_for(chain, now));
    if let Some(connection) = parts.extensions.get::<Connection>()
        && is_gateway(services, connection, &parts.headers, chain, verified)
    {
        // The connection's own certificate is the gateway's.
        return forwarded(&parts.headers);
    }
    let Some(own) = chain.first() else { return Ok(None) };
    let mut certificate = ClientCertificate::from_der(own)?;
    certificate.chain_verified = verified();
    Ok(Some(certificate))
}

/// Whether a registered gateway asks, and shows it by its token at least.
fn is_gateway(
    services: &Services,
    connection: &Connection,
    headers: &HeaderMap,
    chain: &[CertificateDer<'_>],
    verified: impl FnOnce() -> bool,
) -> bool {
    let Ok(Some(token)) = once(headers, GATEWAY_TOKEN) else { return false };
    // Looking for whose it is costs a hash for each gateway, so it must look like one.
    if !token.strip_prefix(GATEWAY_TOKEN_PREFIX).is_some_and(has_valid_checksum) {
        return false;
    }
    // Names in a certificate that nobody vouches for are anybody's.
    let certificate = if verified() { names_of(chain.first()) } else { Default::default() };
    let generation = services.policy.generation();
    let peppers = &generation.settings.peppers;
    services.policy.gateways().iter().any(|record| {
        let protocol = record.gateway.kind.protocol();
        let claim = Claim { connection, certificate: &certificate, token: Some(token), protocol };
        let admitted = || record.admit(&claim, peppers, || services.now()).is_ok();
        record.gateway.auth.token && admitted() && !record.has_ended()
    })
}

/// The certificate that a gateway tells.
fn forwarded(headers: &HeaderMap) -> Result<Option<ClientCertificate>, CertificateFault> {
    let (pem, item) = (once(headers, CERTIFICATE)?, once(headers, CLIENT_CERT)?);
    let mut certificate = match (pem, item) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(CertificateFault::Several),
        (Some(pem), None) => {
            let text = percent_decode_str(pem).decode_utf8();
            ClientCertificate::from_pem(&text.map_err(|_| CertificateFault::Malformed)?)?
        }
        (None, Some(item)) => {
            // RFC 9440 §2.1: one byte sequence (RFC 8941 §3.3.5), base64 between colons.
            let inner = item.trim().strip_prefix(':').and_then(|rest| rest.strip_suffix(':'));
            let der = inner.and_then(|inner| STANDARD.decode(inner).ok());
            ClientCertificate::from_der(&der.ok_or(CertificateFault::Malformed)?)?
        }
    };
    certificate.chain_verified = once(headers, VERIFIED)? == Some("SUCCESS");
    Ok(Some(certificate))
}

/// A header that may stand there once; empty is absent, which is how some programs say "none".
fn once<'a>(
    headers: &'a HeaderMap,
    name: &'static str,
) -> Result<Option<&'a str>, CertificateFault> {
    let mut lines = headers.get_all(name).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err(CertificateFault::Several);
    }
    if line.len() > HEADER_BYTES_MAX {
        return Err(CertificateFault::TooLong);
    }
    let text = line.to_str().map_err(|_| CertificateFault::Malformed)?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}
