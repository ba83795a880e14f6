//! Certificates of clients.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::pki_types::CertificateDer;

/// Somebody who makes certificates for others.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate.
    pub(crate) pem: String,
}

/// A certificate and its key.
#[derive(Debug, Clone)]
pub(crate) struct Issued {
    pub(crate) der: CertificateDer<'static>,
    pub(crate) pem: String,
    /// PKCS#8, PEM.
    pub(crate) key_pem: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = params("Test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for a client of that common name.
    pub(crate) fn issue(&self, name: &str) -> Issued {
        self.issue_with(name, |_| {})
    }

    /// The same, with something else about it.
    pub(crate) fn issue_with(
        &self,
        name: &str,
        edit: impl FnOnce(&mut CertificateParams),
    ) -> Issued {
        let mut params = params(name);
        edit(&mut params);
        let key = KeyPair::generate().unwrap();
        let made = params.signed_by(&key, &self.issuer).unwrap();
        issued(&made, &key)
    }
}

/// A certificate that nobody vouches for.
pub(crate) fn self_signed(name: &str) -> Issued {
    self_signed_with(name, |_| {})
}

/// The same, with something else about it.
pub(crate) fn self_signed_with(name: &str, edit: impl FnOnce(&mut CertificateParams)) -> Issued {
    let mut params = params(name);
    edit(&mut params);
    let key = KeyPair::generate().unwrap();
    issued(&params.self_signed(&key).unwrap(), &key)
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Acme, Inc.");
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2025, 1, 1);
    params.not_after = date_time_ymd(2035, 1, 1);
    params
}

fn issued(made: &rcgen::Certificate, key: &KeyPair) -> Issued {
    Issued { der: made.der().clone(), pem: made.pem(), key_pem: key.serialize_pem() }
}

/// Text as a header has it that holds URL-encoded PEM.
pub(crate) fn url_encoded(pem: &str) -> String {
    percent_encoding::utf8_percent_encode(pem, percent_encoding::NON_ALPHANUMERIC).to_string()
}
