//! What is told of a check besides its answer: counters, one log line, events, alarms.

use std::time::Instant;

use keyward_allowlist::{ClientIp, NoClientIp};
use keyward_core::decision::{Decision, Permit, Reason};
use keyward_core::gateway::opening::Opening;
use keyward_core::id::{AccountId, ClientId};

use crate::events::{Alarm, AlarmKind, DecisionEvent};
use crate::gate::{Gate, Verdict};
use crate::gateways::Registered;
use crate::probes::{Seen, Sighting};
use crate::request_id::RequestId;

/// What is known of a check before its verdict.
pub(crate) struct Told<'a> {
    pub(crate) id: RequestId,
    /// `None` when nobody asks.
    pub(crate) started: Option<Instant>,
    pub(crate) registered: &'a Registered,
    pub(crate) client_ip: Result<ClientIp, NoClientIp>,
}

/// The target of the one log line of each check.
pub(crate) const LOG_TARGET: &str = "keyward::request";

impl Told<'_> {
    fn is_proxy(&self) -> bool {
        self.client_ip.is_ok_and(|client_ip| self.registered.record.is_proxy(client_ip))
    }
}

impl Gate {
    pub(crate) fn tell(&self, told: &Told<'_>, verdict: &Verdict) {
        let Told { id, started, registered, client_ip } = *told;
        let Registered { record, counters } = registered;
        match verdict {
            Verdict::Decided(decision) => counters.count(decision),
            Verdict::Open(opening) => counters.count_open(*opening),
        }
        let is_proxy = told.is_proxy();
        match client_ip {
            Err(why) => {
                counters.address_missing.increment(1);
                self.raise(told, AlarmKind::ClientAddressMissing(why));
            }
            Ok(client_ip) if is_proxy => {
                counters.address_is_proxy.increment(1);
                self.raise(told, AlarmKind::ClientAddressIsProxy(client_ip));
            }
            Ok(_) => {}
        }
        let facts = Facts::of(verdict);
        tracing::info!(
            target: LOG_TARGET,
            gateway = %record.gateway.id,
            outcome = facts.outcome,
            request.id = %id,
            reason = facts.denied.map(Reason::code),
            would_deny = facts.would_deny.map(Reason::code),
            opening = facts.opening.map(Opening::code),
            client.id = facts.client.map(tracing::field::display),
            client.ip = client_ip.ok().map(tracing::field::display),
            client.ip.missing = client_ip.err().map(NoClientIp::code),
            revision = facts.revision,
            latency_us = started.map(|started| started.elapsed().as_micros()),
            "check",
        );
        self.events.decided(|| DecisionEvent {
            at: self.clock.now(),
            request_id: id,
            gateway: record.gateway.id.clone(),
            client: facts.client.cloned(),
            account: facts.account.cloned(),
            client_ip,
            client_ip_is_proxy: is_proxy,
            denied: facts.denied,
            would_deny: facts.would_deny,
            shown: facts.permit.map(|permit| permit.shown.clone()),
            revision: facts.revision.unwrap_or_else(|| self.policy.revision()),
        });
    }

    fn raise(&self, told: &Told<'_>, what: AlarmKind) {
        self.events.alarm(|| {
            let gateway = Some(told.registered.record.gateway.id.clone());
            (gateway, Alarm { at: self.clock.now(), what, peer: None })
        });
    }

    pub(crate) fn sighting(&self, told: &Told<'_>, status: u16, seen: Seen) -> Sighting {
        Sighting {
            at: self.clock.now(),
            request_id: told.id,
            gateway: told.registered.record.gateway.id.clone(),
            client_ip: told.client_ip,
            client_ip_is_proxy: told.is_proxy(),
            status,
            seen,
        }
    }
}

/// A verdict as log line and event tell it.
struct Facts<'a> {
    outcome: &'static str,
    permit: Option<&'a Permit>,
    client: Option<&'a ClientId>,
    account: Option<&'a AccountId>,
    denied: Option<Reason>,
    would_deny: Option<Reason>,
    opening: Option<Opening>,
    revision: Option<u64>,
}

impl<'a> Facts<'a> {
    fn of(verdict: &'a Verdict) -> Self {
        let nothing = Self {
            outcome: "open",
            permit: None,
            client: None,
            account: None,
            denied: None,
            would_deny: None,
            opening: None,
            revision: None,
        };
        match verdict {
            Verdict::Open(opening) => Self { opening: Some(*opening), ..nothing },
            Verdict::Decided(Decision::Allow(permit)) => Self {
                outcome: "allow",
                permit: Some(permit),
                client: Some(&permit.client),
                account: permit.account.as_ref(),
                would_deny: permit.would_deny,
                revision: Some(permit.revision),
                ..nothing
            },
            Verdict::Decided(Decision::Deny(denial)) => Self {
                outcome: "deny",
                client: denial.client.as_ref(),
                denied: Some(denial.reason),
                revision: Some(denial.revision),
                ..nothing
            },
        }
    }
}
