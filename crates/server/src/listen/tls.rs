//! TLS from PEM files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use std::time::Duration;

use keyward_core::time::Timestamp;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{
    WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme,
};

/// What a file with a private key is called in messages.
const PRIVATE_KEY: &str = "private key";

/// Why a listener cannot offer TLS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file is missing or cannot be read.
    #[error("cannot read the {what} {}: {source}; check the path and the permissions", path.display())]
    Unreadable {
        /// Which of the two files.
        what: &'static str,
        /// Where it should be.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not PEM, or holds nothing of the kind.
    #[error("{} holds no usable {what} in PEM form ({reason})", path.display())]
    Malformed {
        /// What was looked for.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// What the parser said.
        reason: String,
    },
    /// Certificate and key do not belong together.
    #[error(
        "the private key {} does not belong to the certificate {}; give the key the certificate \
         was issued for",
        key.display(),
        certificate.display()
    )]
    Mismatch {
        /// The certificate file.
        certificate: PathBuf,
        /// The key file.
        key: PathBuf,
    },
    /// The certificate cannot be served.
    #[error("the certificate {} cannot be served: {source}", certificate.display())]
    Unusable {
        /// The certificate file.
        certificate: PathBuf,
        /// What the TLS library said.
        source: rustls::Error,
    },
    /// The authorities cannot vouch for anybody.
    #[error("the certificates in {} cannot vouch for clients: {reason}", authorities.display())]
    Authorities {
        /// The file.
        authorities: PathBuf,
        /// What the TLS library said.
        reason: String,
    },
}

impl TlsError {
    /// Whether it is the file with the private key that must be looked at.
    #[must_use]
    pub fn is_about_key(&self) -> bool {
        match self {
            Self::Unreadable { what, .. } | Self::Malformed { what, .. } => *what == PRIVATE_KEY,
            Self::Mismatch { .. } => true,
            Self::Unusable { .. } | Self::Authorities { .. } => false,
        }
    }
}

/// TLS 1.2 and 1.3 with the certificate chain and the key of two PEM files, offering HTTP/2 and
/// HTTP/1.1. Early data (0-RTT) stays off: it can be replayed, and its source is not proven.
///
/// # Errors
/// A file that is missing, unreadable or malformed, or a key of another certificate.
pub fn tls_config(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    make_config(certificate, key, WebPkiClientVerifier::no_client_auth())
}

/// The same, for clients that may show a certificate, which one of the authorities in a PEM file
/// must vouch for. Who shows none is let in, and is nobody.
///
/// # Errors
/// As [`tls_config`], and for the authorities.
pub fn tls_config_with_clients(
    certificate: &Path,
    key: &Path,
    authorities: &Path,
) -> Result<Arc<ServerConfig>, TlsError> {
    make_config(certificate, key, ClientAuthorities::read(authorities)?.0)
}

/// The same, for clients that may show any certificate at all, self-signed ones as well, of which
/// they prove to hold the key. What a certificate is worth is for whoever reads it to say
/// ([`crate::client_certificate`]): here it opens nothing.
///
/// # Errors
/// As [`tls_config`].
pub fn tls_config_asking_clients(
    certificate: &Path,
    key: &Path,
) -> Result<Arc<ServerConfig>, TlsError> {
    let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
    make_config(certificate, key, Arc::new(AnyHolder(algorithms)))
}

/// Who vouches for clients' certificates.
#[derive(Clone, Debug)]
pub struct ClientAuthorities(Arc<dyn ClientCertVerifier>);

impl ClientAuthorities {
    /// Reads the authorities from a PEM file.
    ///
    /// # Errors
    /// A file that is missing, unreadable or malformed, or certificates that are no authorities.
    pub fn read(file: &Path) -> Result<Self, TlsError> {
        let wrong =
            |reason: String| TlsError::Authorities { authorities: file.to_path_buf(), reason };
        let mut roots = RootCertStore::empty();
        for root in chain(file, "client authorities")? {
            roots.add(root).map_err(|error| wrong(error.to_string()))?;
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .allow_unauthenticated()
            .build()
            .map(Self)
            .map_err(|error| wrong(error.to_string()))
    }

    /// Whether one of them vouches at that moment for the first certificate of a chain, by way of
    /// the others (RFC 5280 §6), as that of a client.
    #[must_use]
    pub fn vouch_for(&self, chain: &[CertificateDer<'_>], now: Timestamp) -> bool {
        let Some((first, others)) = chain.split_first() else { return false };
        let Ok(seconds) = u64::try_from(now.seconds()) else { return false };
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        self.0.verify_client_cert(first, others, now).is_ok()
    }
}

/// Takes every certificate whose key its sender proves to hold.
#[derive(Debug)]
struct AnyHolder(WebPkiSupportedAlgorithms);

impl ClientCertVerifier for AnyHolder {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

fn make_config(
    certificate: &Path,
    key: &Path,
    clients: Arc<dyn ClientCertVerifier>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = chain(certificate, "certificate")?;
    let text = zeroize::Zeroizing::new(read(key, PRIVATE_KEY)?);
    let private_key = PrivateKeyDer::from_pem_slice(&text)
        .map_err(|error| malformed(PRIVATE_KEY, key, &error))?;

    let unusable = |source| TlsError::Unusable { certificate: certificate.to_path_buf(), source };
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(unusable)?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, private_key)
        .map_err(|source| {
            if matches!(source, rustls::Error::InconsistentKeys(_)) {
                let (certificate, key) = (certificate.to_path_buf(), key.to_path_buf());
                TlsError::Mismatch { certificate, key }
            } else {
                unusable(source)
            }
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.max_early_data_size = 0;
    Ok(Arc::new(config))
}

/// The certificates of a PEM file, at least one.
fn chain(path: &Path, what: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(path, what)?;
    let chain = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<Vec<_>, pem::Error>>()
        .map_err(|error| malformed("certificate", path, &error))?;
    if chain.is_empty() {
        return Err(malformed("certificate", path, &pem::Error::NoItemsFound));
    }
    Ok(chain)
}

fn read(path: &Path, what: &'static str) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Unreadable {
        what,
        path: path.to_path_buf(),
        source,
    })
}

fn malformed(what: &'static str, path: &Path, error: &pem::Error) -> TlsError {
    // The parser's message may repeat a line of the file, and one of the files is a key.
    let reason = if matches!(error, pem::Error::NoItemsFound) {
        "none found"
    } else if matches!(error, pem::Error::Base64Decode(_)) {
        "a section is not base64"
    } else {
        "a section is malformed"
    };
    TlsError::Malformed { what, path: path.to_path_buf(), reason: reason.to_owned() }
}
