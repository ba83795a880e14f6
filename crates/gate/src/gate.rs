//! The gate: what a check needs, and the check itself once credential and address are found.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use axum::response::Response;
use keyward_allowlist::{ClientIp, Connection, NoClientIp};
use keyward_core::attempt::{Attempt, Credential, CredentialFault, Door, Required};
use keyward_core::decide::decide;
use keyward_core::decision::{Decision, Denial, Permit, Reason};
use keyward_core::id::{AccountId, ClientId};
use keyward_core::policy::Policy;
use keyward_core::time::Clock;
use metrics::Counter;

use crate::events::{DecisionEvent, Events};
use crate::gateways::{Gateways, Registered};
use crate::reply::{self, Identity};
use crate::request_id::RequestId;

/// A shared clock.
type SharedClock = Arc<dyn Clock + Send + Sync>;

/// Decides for gateways. One per process, shared by all gate listeners.
pub struct Gate {
    policy: Arc<Policy>,
    clock: SharedClock,
    gateways: Gateways,
    events: Events,
    unknown_gateways: Counter,
}

/// What one check asks, as taken from the request.
pub(crate) struct Question<'a> {
    pub(crate) credential: Result<Credential<'a>, CredentialFault>,
    pub(crate) client_ip: Result<ClientIp, NoClientIp>,
}

/// What is told of one check besides its answer.
struct Told<'a> {
    id: RequestId,
    started: Instant,
    registered: &'a Registered,
    client_ip: Result<ClientIp, NoClientIp>,
}

impl Gate {
    /// A gate over a policy. Install the metrics recorder before: handles are made here.
    #[must_use]
    pub fn new(
        policy: Arc<Policy>,
        clock: SharedClock,
        gateways: Gateways,
        events: Events,
    ) -> Self {
        let unknown_gateways = metrics::counter!("keyward_gateway_unknown_total");
        Self { policy, clock, gateways, events, unknown_gateways }
    }

    /// The gateways that may ask; they can be changed while the gate serves.
    #[must_use]
    pub fn gateways(&self) -> &Gateways {
        &self.gateways
    }

    /// The policy that is decided by.
    #[must_use]
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// The gateway of that name, if the connection may speak for it.
    pub(crate) fn admit(
        &self,
        name: Option<&str>,
        connection: Option<&Connection>,
    ) -> Option<Arc<Registered>> {
        let Some(registered) = name.and_then(|name| self.gateways.find(name)) else {
            self.unknown_gateways.increment(1);
            tracing::info!(
                target: "keyward::request",
                outcome = "deny",
                reason = "gateway_unknown",
                "check",
            );
            return None;
        };
        // A listener that does not say who is at the other end is set up wrong: nobody is.
        let admitted = connection.is_some_and(|known| registered.gateway.admits(known.peer));
        if !admitted {
            registered.counters.peer_refused.increment(1);
            tracing::info!(
                target: "keyward::request",
                gateway = %registered.gateway.id,
                peer = ?connection.map(|known| known.peer),
                outcome = "deny",
                reason = "gateway_peer_refused",
                "check",
            );
            return None;
        }
        Some(registered)
    }

    /// Decides and answers.
    pub(crate) fn answer(&self, registered: &Registered, question: &Question<'_>) -> Response {
        let Question { credential, client_ip } = *question;
        let started = Instant::now();
        let id = RequestId::random();
        let gateway = &registered.gateway;
        let required = Required {
            audience: gateway.required_audience.as_deref(),
            scopes: &gateway.required_scopes,
        };
        let attempt = Attempt { credential, client_ip, door: Door::Use(required) };
        let decision = decide(&self.policy, &attempt, &*self.clock);
        let (decision, response) = match decision {
            Decision::Deny(denial) => {
                let response = reply::deny(denial.reason, gateway, id);
                (Decision::Deny(denial), response)
            }
            Decision::Allow(permit) => match Identity::of(&permit, id) {
                Some(identity) => (Decision::Allow(permit), reply::allow(identity)),
                None => {
                    let denial = unwritable(permit);
                    let response = reply::deny(denial.reason, gateway, id);
                    (Decision::Deny(denial), response)
                }
            },
        };
        self.tell(&Told { id, started, registered, client_ip }, &decision);
        response
    }

    fn tell(&self, told: &Told<'_>, decision: &Decision) {
        let Told { id, started, registered, client_ip } = *told;
        let Registered { gateway, counters } = registered;
        counters.count(decision);
        let is_proxy = match client_ip {
            Ok(client_ip) => gateway.client_address.is_proxy(client_ip),
            Err(_) => {
                counters.address_missing.increment(1);
                false
            }
        };
        if is_proxy {
            counters.address_is_proxy.increment(1);
        }
        let facts = Facts::of(decision);
        tracing::info!(
            target: "keyward::request",
            gateway = %gateway.id,
            outcome = facts.outcome,
            request.id = %id,
            reason = facts.denied.map(Reason::code),
            would_deny = facts.would_deny.map(Reason::code),
            client.id = facts.client.map(tracing::field::display),
            client.ip = client_ip.ok().map(tracing::field::display),
            client.ip.missing = client_ip.err().map(NoClientIp::code),
            revision = facts.revision,
            latency_us = started.elapsed().as_micros(),
            "check",
        );
        self.events.send(|| DecisionEvent {
            at: self.clock.now(),
            request_id: id,
            gateway: gateway.id.clone(),
            client: facts.client.cloned(),
            account: facts.account.cloned(),
            client_ip,
            client_ip_is_proxy: is_proxy,
            denied: facts.denied,
            would_deny: facts.would_deny,
            shown: facts.permit.map(|permit| permit.shown.clone()),
            revision: facts.revision,
        });
    }
}

/// A decision as log line and event tell it.
struct Facts<'a> {
    outcome: &'static str,
    permit: Option<&'a Permit>,
    client: Option<&'a ClientId>,
    account: Option<&'a AccountId>,
    denied: Option<Reason>,
    would_deny: Option<Reason>,
    revision: u64,
}

impl<'a> Facts<'a> {
    fn of(decision: &'a Decision) -> Self {
        match decision {
            Decision::Allow(permit) => Self {
                outcome: "allow",
                permit: Some(permit),
                client: Some(&permit.client),
                account: permit.account.as_ref(),
                denied: None,
                would_deny: permit.would_deny,
                revision: permit.revision,
            },
            Decision::Deny(denial) => Self {
                outcome: "deny",
                permit: None,
                client: denial.client.as_ref(),
                account: None,
                denied: Some(denial.reason),
                would_deny: None,
                revision: denial.revision,
            },
        }
    }
}

/// What becomes of a permit whose identity headers are too long to be sent.
fn unwritable(permit: Permit) -> Denial {
    tracing::error!(
        client.id = %permit.client,
        scope_bytes = permit.scope.len(),
        "the scopes of this client do not fit into headers, its requests are refused; \
         grant fewer scopes or name an API at the gateway",
    );
    Denial { reason: Reason::Scope, client: Some(permit.client), revision: permit.revision }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("revision", &self.policy.revision())
            .field("gateways", &self.gateways)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}
