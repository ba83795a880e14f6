//! What a request on the public listener shows for a token that is bound, or is to be bound, to a
//! key or a certificate.

use std::cell::OnceCell;
use std::fmt;

use axum::http::request::Parts;
use keyward_core::decision::{Denial, Permit};
use keyward_core::dpop::{DpopFault, Proof, Target, verify_proof};
use keyward_core::possession::{CertificateFault, Possession, Thumbprint};
use keyward_core::time::Timestamp;

use crate::client_certificate::{self, client_certificate};
use crate::services::Services;

const DPOP: &str = "dpop";

/// One request, looked at only when a token asks, and once.
pub(crate) struct Shown<'a> {
    services: &'a Services,
    parts: &'a Parts,
    proof: OnceCell<Option<Result<Proof, DpopFault>>>,
}

impl<'a> Shown<'a> {
    pub(crate) fn new(services: &'a Services, parts: &'a Parts) -> Self {
        Self { services, parts, proof: OnceCell::new() }
    }

    fn verify(&self, now: Timestamp) -> Option<Result<Proof, DpopFault>> {
        let mut lines = self.parts.headers.get_all(DPOP).iter();
        let line = lines.next()?;
        let text = line.to_str().ok().filter(|_| lines.next().is_none());
        let Some(proof) = text else { return Some(Err(DpopFault::Several)) };
        // The place is ours to know: what a request says about its host is the caller's.
        let Some((scheme, rest)) = self.services.issuer.split_once("://") else {
            return Some(Err(DpopFault::TargetUnknown));
        };
        let (authority, base) = rest.split_once('/').unwrap_or((rest, ""));
        let path = format!("/{base}{}", self.parts.uri.path().trim_start_matches('/'));
        let method = self.parts.method.as_str();
        Some(verify_proof(proof, &Target { method, scheme, authority, path: &path }, now))
    }
}

impl Possession for Shown<'_> {
    fn proof(&self, now: Timestamp) -> Option<Result<Proof, DpopFault>> {
        *self.proof.get_or_init(|| self.verify(now))
    }

    fn certificate(&self) -> Option<Result<Thumbprint, CertificateFault>> {
        let found = client_certificate(self.services, self.parts).map_err(|fault| match fault {
            client_certificate::CertificateFault::Several => CertificateFault::Several,
            client_certificate::CertificateFault::TooLong
            | client_certificate::CertificateFault::Malformed => CertificateFault::Malformed,
        });
        found.transpose().map(|found| found.map(|certificate| *certificate.thumbprint()))
    }
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown").finish_non_exhaustive()
    }
}

/// Uses up what counts once, just before a request is acted on.
pub(crate) fn claim(services: &Services, permit: &Permit) -> Result<(), Denial> {
    permit.claim(&services.replays, services.started_at, services.now())
}
