//! What a client certificate says of whoever showed it.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use keyward_core::gateway::CertificateName;
use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

/// The names of a certificate that TLS has verified: its fingerprint, and the DNS names and URIs
/// among its subject alternative names (RFC 5280 §4.2.1.6). The common name is none of them: it was
/// never checked by whoever issued it in any one way.
pub(crate) fn names_of(certificate: Option<&CertificateDer<'_>>) -> Arc<[CertificateName]> {
    let Some(certificate) = certificate else { return Arc::default() };
    let mut fingerprint = [0; 32];
    let hash = digest(&SHA256, certificate);
    fingerprint.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    let mut names = vec![CertificateName::Sha256(fingerprint)];
    if let Ok(parsed) = EndEntityCert::try_from(certificate) {
        let dns = parsed.valid_dns_names().map(|name| format!("dns:{name}"));
        let uris = parsed.valid_uri_names().map(|uri| format!("uri:{uri}"));
        names.extend(dns.chain(uris).filter_map(|name| CertificateName::parse(&name)));
    }
    names.into()
}
