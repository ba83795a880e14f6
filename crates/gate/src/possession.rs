//! What a request shows for a token that is bound to a key or a certificate, read from where its
//! gateway writes it, and only when a bound token asks.

use std::cell::OnceCell;
use std::fmt;

use keyward_core::dpop::{DpopFault, Proof, Target, verify_proof};
use keyward_core::gateway::GatewayKind;
use keyward_core::possession::{CertificateFault, Possession, Thumbprint};
use keyward_core::time::Timestamp;

use crate::lines::Line;
use crate::request::CheckRequest;

/// Scheme and authority of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    pub(crate) scheme: &'a str,
    pub(crate) authority: &'a str,
}

impl<'a> Place<'a> {
    /// A place that is told; empty is not told.
    pub(crate) fn told(scheme: &'a str, authority: &'a str) -> Option<Self> {
        // Some programs say of a WebSocket's request what it is to become.
        let scheme = match scheme {
            "ws" => "http",
            "wss" => "https",
            other => other,
        };
        (!scheme.is_empty() && !authority.is_empty()).then_some(Self { scheme, authority })
    }

    /// That of a whole URL.
    pub(crate) fn of_url(url: &'a str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        Self::told(scheme, rest.split(['/', '?', '#']).next().unwrap_or_default())
    }
}

/// What one check shows. A proof is verified once, however often the check is decided.
pub(crate) struct Shown<'a, R> {
    request: &'a R,
    kind: GatewayKind,
    proof: OnceCell<Option<Result<Proof, DpopFault>>>,
}

impl<'a, R: CheckRequest> Shown<'a, R> {
    pub(crate) fn new(request: &'a R, kind: GatewayKind) -> Self {
        Self { request, kind, proof: OnceCell::new() }
    }

    fn verify(&self, now: Timestamp) -> Option<Result<Proof, DpopFault>> {
        let line = match self.request.proof() {
            Line::None => return None,
            Line::Several => return Some(Err(DpopFault::Several)),
            Line::One(line) => line,
        };
        let Ok(proof) = line.to_str() else { return Some(Err(DpopFault::Several)) };
        let asked = self.request.asked(self.kind).ok();
        let asked = asked.and_then(|asked| asked.method.zip(asked.target));
        let told = asked.zip(self.request.place(self.kind));
        let Some(((method, path), Place { scheme, authority })) = told else {
            return Some(Err(DpopFault::TargetUnknown));
        };
        Some(verify_proof(proof, &Target { method, scheme, authority, path }, now))
    }
}

impl<R: CheckRequest> Possession for Shown<'_, R> {
    fn proof(&self, now: Timestamp) -> Option<Result<Proof, DpopFault>> {
        *self.proof.get_or_init(|| self.verify(now))
    }

    fn certificate(&self) -> Option<Result<Thumbprint, CertificateFault>> {
        self.request.certificate(self.kind)
    }
}

impl<R> fmt::Debug for Shown<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown").field("kind", &self.kind).finish_non_exhaustive()
    }
}
