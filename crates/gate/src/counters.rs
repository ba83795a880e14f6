//! What is counted. Handles are made once, so that no request formats a label.

use std::fmt;

use keyward_core::allowlist::Layer;
use keyward_core::attempt::CredentialFault;
use keyward_core::decision::{Decision, Reason};
use keyward_core::dpop::DpopFault;
use keyward_core::gateway::opening::Opening;
use keyward_core::policy::NotAdmitted;
use keyward_core::possession::CertificateFault;
use keyward_core::token::TokenFault;
use metrics::Counter;

/// One reason of each [`Reason::code`]. One that is missing here is counted all the same, slower.
const REASONS: &[Reason] = &[
    Reason::UnknownClient,
    Reason::WrongSecret,
    Reason::Address(Layer::Client),
    Reason::Address(Layer::Account),
    Reason::Address(Layer::Api),
    Reason::NoClientAddress(Layer::Client),
    Reason::Credential(CredentialFault::Missing),
    Reason::Credential(CredentialFault::Several),
    Reason::Credential(CredentialFault::MalformedBearer),
    Reason::Credential(CredentialFault::MalformedBasic),
    Reason::Credential(CredentialFault::UnknownScheme),
    Reason::MalformedKey,
    Reason::ExpiredSecret,
    Reason::Token(TokenFault::Expired),
    Reason::UnprovenToken,
    Reason::UnboundToken,
    Reason::Proof(DpopFault::Target),
    Reason::Proof(DpopFault::Old),
    Reason::Proof(DpopFault::Replayed),
    Reason::Certificate(CertificateFault::Other),
    Reason::RevokedToken,
    Reason::SuspendedClient,
    Reason::SuspendedAccount,
    Reason::MissingAudience,
    Reason::UnknownAudience,
    Reason::GrantType,
    Reason::NoGrant,
    Reason::Scope,
    Reason::RateLimit,
    Reason::Quota,
    Reason::AmbiguousRequest,
    Reason::Stale,
];

/// The metric of all verdicts, by gateway, outcome (`allow`, `would_deny`, `deny`, `open`) and
/// reason.
const DECISIONS: &str = "keyward_decisions_total";

/// What is counted of one gateway.
pub(crate) struct GatewayCounters {
    gateway: String,
    allowed: Counter,
    would_deny: Vec<(&'static str, Counter)>,
    denied: Vec<(&'static str, Counter)>,
    preflight: Counter,
    public_path: Counter,
    /// Requests in which no client address was found.
    pub(crate) address_missing: Counter,
    /// Client addresses inside the gateway's own trusted networks: a hop is not set up right.
    pub(crate) address_is_proxy: Counter,
    refused: Vec<(NotAdmitted, Counter)>,
}

/// What is counted of those who are not believed to be a gateway, besides the unknown ones.
const REFUSED: [(NotAdmitted, &str); 4] = [
    (NotAdmitted::Peer, "keyward_gateway_peer_refused_total"),
    (NotAdmitted::Token, "keyward_gateway_token_wrong_total"),
    (NotAdmitted::Certificate, "keyward_gateway_certificate_refused_total"),
    (NotAdmitted::Protocol, "keyward_gateway_protocol_wrong_total"),
];

impl GatewayCounters {
    pub(crate) fn new(gateway: &str) -> Self {
        let name = || gateway.to_owned();
        let each = |outcome| {
            let counter =
                |reason: &Reason| (reason.code(), decisions(gateway, outcome, reason.code()));
            REASONS.iter().map(counter).collect()
        };
        Self {
            gateway: name(),
            allowed: decisions(gateway, "allow", "none"),
            would_deny: each("would_deny"),
            denied: each("deny"),
            address_missing: metrics::counter!(
                "keyward_client_address_missing_total", "gateway" => name()
            ),
            address_is_proxy: metrics::counter!(
                "keyward_client_address_is_proxy_total", "gateway" => name()
            ),
            preflight: decisions(gateway, "open", Opening::Preflight.code()),
            public_path: decisions(gateway, "open", Opening::PublicPath.code()),
            refused: REFUSED
                .into_iter()
                .map(|(why, metric)| (why, metrics::counter!(metric, "gateway" => name())))
                .collect(),
        }
    }

    /// Counts somebody who is not believed to be this gateway.
    pub(crate) fn count_refused(&self, why: NotAdmitted) {
        if let Some((_, counter)) = self.refused.iter().find(|(known, _)| *known == why) {
            counter.increment(1);
        }
    }

    /// Counts a request that needed no credential.
    pub(crate) fn count_open(&self, opening: Opening) {
        match opening {
            Opening::Preflight => self.preflight.increment(1),
            Opening::PublicPath => self.public_path.increment(1),
        }
    }

    pub(crate) fn count(&self, decision: &Decision) {
        let (outcome, counters, reason) = match decision {
            Decision::Deny(denial) => ("deny", &self.denied, denial.reason),
            Decision::Allow(permit) => match permit.would_deny {
                None => return self.allowed.increment(1),
                Some(reason) => ("would_deny", &self.would_deny, reason),
            },
        };
        let code = reason.code();
        match counters.iter().find(|(known, _)| *known == code) {
            Some((_, counter)) => counter.increment(1),
            None => decisions(&self.gateway, outcome, code).increment(1),
        }
    }
}

impl fmt::Debug for GatewayCounters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayCounters").field("gateway", &self.gateway).finish_non_exhaustive()
    }
}

fn decisions(gateway: &str, outcome: &'static str, reason: &'static str) -> Counter {
    metrics::counter!(
        DECISIONS, "gateway" => gateway.to_owned(), "outcome" => outcome, "reason" => reason
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_code_is_listed_once() {
        let codes: HashSet<&str> = REASONS.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), REASONS.len());
    }
}
