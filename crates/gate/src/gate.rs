//! The gate: what a check needs, and the check itself.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use keyward_allowlist::{Peer, Source};
use keyward_core::assertion::AssertionClaims;
use keyward_core::attempt::{Attempt, CredentialFault, Door, Evidence, Narrowing, Required};
use keyward_core::client::State;
use keyward_core::decide::decide;
use keyward_core::decision::{Decision, Denial, Permit, Reason};
use keyward_core::gateway::opening::Opening;
use keyward_core::gateway::{DEFAULT_GATEWAY, Disclosure};
use keyward_core::policy::{Claim, NotAdmitted, Policy, Standing};
use keyward_core::replay::ReplayCache;
use keyward_core::time::{Clock, Timestamp};
use metrics::Counter;

use crate::assertion::AssertionSigner;
use crate::events::{Alarm, AlarmKind, Events};
use crate::gateways::{Gateways, Registered};
use crate::possession::Shown;
use crate::probes::{Hold, Probes};
use crate::reply::{Identity, Refusal};
use crate::request::CheckRequest;
use crate::request_id::RequestId;
use crate::telling::{LOG_TARGET, Told};

/// A shared clock.
type SharedClock = Arc<dyn Clock + Send + Sync>;

/// How often a check is made anew because its gateway was changed meanwhile, before it is refused.
const ROUNDS_MAX: usize = 1_000;

/// Proofs of possession that are remembered at a time. With each good for two minutes at most, more
/// than 8,000 a second are refused.
const PROOFS_MAX: usize = 1_000_000;

/// Decides for gateways. One per process, shared by all gate listeners.
pub struct Gate {
    pub(crate) policy: Arc<Policy>,
    pub(crate) clock: SharedClock,
    pub(crate) events: Events,
    gateways: Gateways,
    probes: Arc<Probes>,
    proofs: ReplayCache,
    /// When it began to remember proofs.
    since: Timestamp,
    signer: Option<Arc<dyn AssertionSigner>>,
    disclosure: Disclosure,
    has_default_gateway: bool,
    unknown_gateways: Counter,
}

/// The answer to a check.
pub(crate) struct Answer {
    pub(crate) id: RequestId,
    pub(crate) reply: Reply,
    /// Whether it is held back, for a probe.
    pub(crate) hold: Option<Hold>,
}

/// What is answered, before it is written for one protocol.
pub(crate) enum Reply {
    /// It may pass, as this identity.
    Allow {
        identity: Identity,
        /// Whether the gateway shall keep the credential from the application.
        #[cfg_attr(not(feature = "grpc"), expect(dead_code, reason = "only gRPC can do that"))]
        hide_credential: bool,
    },
    /// It may not.
    Refuse(Refusal),
}

/// What was found out about a check.
pub(crate) enum Verdict {
    /// The credential was decided on.
    Decided(Decision),
    /// It needs none.
    Open(Opening),
}

impl Gate {
    /// A gate over a policy. Install the metrics recorder before: handles are made here.
    #[must_use]
    pub fn new(policy: Arc<Policy>, clock: SharedClock, events: Events) -> Self {
        let since = clock.now();
        Self {
            policy,
            clock,
            events,
            gateways: Gateways::default(),
            probes: Arc::default(),
            proofs: ReplayCache::new(PROOFS_MAX),
            since,
            signer: None,
            disclosure: Disclosure::Generic,
            has_default_gateway: true,
            unknown_gateways: metrics::counter!("keyward_gateway_unknown_total"),
        }
    }

    /// The same, with somebody who signs assertions. Without one, a gateway whose allowed requests
    /// shall carry one lets nobody in.
    #[must_use]
    pub fn with_signer(mut self, signer: Arc<dyn AssertionSigner>) -> Self {
        self.signer = Some(signer);
        self
    }

    /// The same, with another disclosure at gateways that name none.
    #[must_use]
    pub fn with_disclosure(mut self, disclosure: Disclosure) -> Self {
        self.disclosure = disclosure;
        self
    }

    /// The same, without the gateway `default`, whatever the policy says of it.
    #[must_use]
    pub fn without_default_gateway(mut self) -> Self {
        self.has_default_gateway = false;
        self
    }

    /// The same, with these probes.
    #[must_use]
    pub fn with_probes(mut self, probes: Arc<Probes>) -> Self {
        self.probes = probes;
        self
    }

    /// The probes; they can be ordered while the gate serves.
    #[must_use]
    pub fn probes(&self) -> &Arc<Probes> {
        &self.probes
    }

    /// The policy that is decided by.
    #[must_use]
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// Whether a PROXY header is taken from a peer: an active gateway has its client address from
    /// there and lists the peer among its trusted networks.
    #[must_use]
    pub fn takes_proxy_header(&self, peer: Peer) -> bool {
        self.policy.gateways().iter().any(|record| {
            record.gateway.state == State::Active
                && record.rule.source == Source::ProxyProtocol
                && record.rule.trusts(peer)
        })
    }

    /// Answers a check in the name of a gateway.
    pub(crate) fn check(
        &self,
        name: Option<&str>,
        claim: &Claim<'_>,
        request: &impl CheckRequest,
    ) -> Answer {
        self.check_as(name, request, |registered| {
            let generation = self.policy.generation();
            registered.record.admit(claim, &generation.settings.peppers, || self.clock.now())
        })
        .unwrap_or_else(|why| self.turn_away(why, name, claim))
    }

    /// The one gateway that asks over gRPC from this place and shows nothing else, if there is just
    /// one: some programs cannot say who they are.
    #[cfg(feature = "grpc")]
    pub(crate) fn only_gateway_at(&self, claim: &Claim<'_>) -> Option<String> {
        let generation = self.policy.generation();
        let now = || self.clock.now();
        let admitted = |record: &std::sync::Arc<keyward_core::policy::GatewayRecord>| {
            let auth = &record.gateway.auth;
            !auth.token && record.admit(claim, &generation.settings.peppers, now).is_ok()
        };
        let all = self.policy.gateways();
        let mut found = all.iter().filter(|record| admitted(record));
        let only = found.next().filter(|_| found.next().is_none())?;
        Some(only.gateway.id.as_str().to_owned())
    }

    /// Answers a check in the name of a gateway that lives in this process.
    #[cfg(feature = "layer")]
    pub(crate) fn check_within(&self, name: &str, request: &impl CheckRequest) -> Answer {
        let is_active = |registered: &Registered| {
            let active = registered.record.gateway.state == State::Active;
            if active { Ok(()) } else { Err(NotAdmitted::Unknown) }
        };
        self.check_as(Some(name), request, is_active)
            .unwrap_or_else(|_| self.refuse_unknown(RequestId::random()))
    }

    fn check_as(
        &self,
        name: Option<&str>,
        request: &impl CheckRequest,
        admit: impl Fn(&Registered) -> Result<(), NotAdmitted>,
    ) -> Result<Answer, NotAdmitted> {
        let name = name.filter(|name| self.has_default_gateway || *name != DEFAULT_GATEWAY);
        let name = name.ok_or(NotAdmitted::Unknown)?;
        // Only the log line tells how long it took.
        let started =
            tracing::enabled!(target: LOG_TARGET, tracing::Level::INFO).then(Instant::now);
        for _ in 0..ROUNDS_MAX {
            let table = self.gateways.with(&self.policy, name);
            let registered = table.get(name).ok_or(NotAdmitted::Unknown)?;
            let admitted = admit(registered);
            let answer = match admitted {
                Ok(()) => Round { gate: self, registered, request, started }.answer(),
                Err(_) => None,
            };
            match (answer, admitted) {
                (Some(answer), _) => return Ok(answer),
                (None, Err(why)) if !registered.record.has_ended() => {
                    registered.counters.count_refused(why);
                    return Err(why);
                }
                // The gateway was changed meanwhile.
                (None, _) => std::thread::yield_now(),
            }
        }
        Ok(self.refuse(Refusal::unready()))
    }

    fn refuse(&self, refusal: Refusal) -> Answer {
        Answer { id: RequestId::random(), reply: Reply::Refuse(refusal), hold: None }
    }

    /// Nobody is known before the first policy, so whoever asks then is told to come again.
    fn refuse_unknown(&self, id: RequestId) -> Answer {
        let standing = self.policy.generation().standing(self.clock.uptime_ms());
        let refusal = match standing {
            Standing::Good => Refusal::turned_away(),
            Standing::Poisoned | Standing::Expired => Refusal::unready(),
        };
        Answer { id, reply: Reply::Refuse(refusal), hold: None }
    }

    fn turn_away(&self, why: NotAdmitted, name: Option<&str>, claim: &Claim<'_>) -> Answer {
        // Only the name of a gateway that exists: others may hold anything, a token included.
        let known = name.and_then(|name| self.policy.gateway(name));
        let known = known.map(|record| record.gateway.id.clone());
        let peer = claim.connection.peer;
        if why == NotAdmitted::Unknown {
            self.unknown_gateways.increment(1);
        }
        let id = RequestId::random();
        tracing::info!(
            target: LOG_TARGET,
            gateway = known.as_ref().map(tracing::field::display),
            peer = ?peer,
            outcome = "deny",
            request.id = %id,
            reason = why.code(),
            "check",
        );
        let what = AlarmKind::NotAdmitted(why);
        self.events.alarm(|| (known, Alarm { at: self.clock.now(), what, peer: Some(peer) }));
        match why {
            NotAdmitted::Unknown => self.refuse_unknown(id),
            NotAdmitted::Protocol
            | NotAdmitted::Peer
            | NotAdmitted::Certificate
            | NotAdmitted::Token => {
                let reply = Reply::Refuse(Refusal::turned_away());
                Answer { id, reply, hold: None }
            }
        }
    }
}

/// One evaluation of a check under one state of its gateway.
struct Round<'a, R> {
    gate: &'a Gate,
    registered: &'a Registered,
    request: &'a R,
    started: Option<Instant>,
}

impl<R: CheckRequest> Round<'_, R> {
    /// The answer; `None` when the gateway was changed meanwhile, so that all must be asked again.
    fn answer(&self) -> Option<Answer> {
        let record = &*self.registered.record;
        let gateway = &record.gateway;
        let id = RequestId::random();
        let client_ip = self.request.client_ip(&record.rule);
        let told = Told { id, started: self.started, registered: self.registered, client_ip };
        if let Some(answer) = self.probe(&told) {
            return Some(answer);
        }
        let verdict = self.verdict(&told);
        // Order: after deciding. What was admitted by an old state must not pass by a new policy.
        if record.has_ended() {
            return None;
        }
        let disclosure = gateway.disclosure.unwrap_or(self.gate.disclosure);
        let refuse = |reason| Refusal::of(reason, disclosure, record.deny_style);
        let (verdict, reply) = match verdict {
            Verdict::Open(opening) => match Identity::nobody(told.client_ip.ok(), id) {
                Some(identity) => (Verdict::Open(opening), self.allow(identity)),
                None => {
                    let reply = Reply::Refuse(refuse(Reason::Stale));
                    (Verdict::Decided(self.denied(Reason::Stale)), reply)
                }
            },
            Verdict::Decided(Decision::Deny(denial)) => {
                let reply = Reply::Refuse(refuse(denial.reason));
                (Verdict::Decided(Decision::Deny(denial)), reply)
            }
            Verdict::Decided(Decision::Allow(permit)) => match self.identity(&permit, id) {
                Ok(identity) => (Verdict::Decided(Decision::Allow(permit)), self.allow(identity)),
                Err(denial) => {
                    let reply = Reply::Refuse(refuse(denial.reason));
                    (Verdict::Decided(Decision::Deny(denial)), reply)
                }
            },
        };
        self.gate.tell(&told, &verdict);
        self.watch(&told, &verdict, &reply);
        Some(Answer { id, reply, hold: None })
    }

    fn allow(&self, identity: Identity) -> Reply {
        let hide_credential = self.registered.record.gateway.hide_credential;
        Reply::Allow { identity, hide_credential }
    }

    fn denied(&self, reason: Reason) -> Decision {
        Decision::Deny(Denial { reason, client: None, revision: self.gate.policy.revision() })
    }

    fn verdict(&self, told: &Told<'_>) -> Verdict {
        let gateway = &self.registered.record.gateway;
        let denied = |reason| Verdict::Decided(self.denied(reason));
        let Ok(asked) = self.request.asked(gateway.kind) else {
            return denied(Reason::AmbiguousRequest);
        };
        let Ok(narrowed) = self.request.narrowing() else {
            return denied(Reason::AmbiguousRequest);
        };
        let credential = self.request.credential();
        if matches!(credential, Err(CredentialFault::Missing))
            && let Some(opening) = gateway.opening(&asked)
        {
            let standing = self.gate.policy.generation().standing(self.gate.clock.uptime_ms());
            return match standing {
                Standing::Good => Verdict::Open(opening),
                Standing::Poisoned | Standing::Expired => denied(Reason::Stale),
            };
        }
        let required = Required {
            is_authentication: false,
            audience: gateway.required_audience.as_deref(),
            scopes: &gateway.required_scopes,
            narrowing: Narrowing { audiences: &narrowed.audiences, scopes: &narrowed.scopes },
        };
        let client_ip = told.client_ip;
        let shown = Shown::new(self.request, gateway.kind);
        let evidence = Evidence::Shown(&shown);
        let attempt = Attempt { credential, client_ip, evidence, door: Door::Use(required) };
        Verdict::Decided(decide(&self.gate.policy, &attempt, &*self.gate.clock))
    }

    fn identity(&self, permit: &Permit, id: RequestId) -> Result<Identity, Denial> {
        let gateway = &self.registered.record.gateway;
        let denial = |reason| {
            let (client, revision) = (Some(permit.client.clone()), permit.revision);
            Denial { reason, client, revision }
        };
        let assertion = if gateway.assertion {
            let signed = self.sign(permit, id);
            Some(signed.ok_or_else(|| {
                tracing::error!(
                    gateway = %gateway.id,
                    "no assertion can be signed, so nobody is let in by this gateway",
                );
                denial(Reason::Stale)
            })?)
        } else {
            None
        };
        let identity = Identity::of(permit, id, assertion.as_deref()).ok_or_else(|| {
            tracing::error!(
                client.id = %permit.client,
                scope_bytes = permit.scope.len(),
                "the scopes of this client do not fit into headers, its requests are refused; \
                 grant fewer scopes or name an API at the gateway",
            );
            denial(Reason::Scope)
        })?;
        // Last of all: a request that is refused, or decided once more, uses no proof up.
        if permit.once.is_some() {
            permit.claim(&self.gate.proofs, self.gate.since, self.gate.clock.now())?;
        }
        Ok(identity)
    }

    fn sign(&self, permit: &Permit, id: RequestId) -> Option<String> {
        let gateway = &self.registered.record.gateway;
        let generation = self.gate.policy.generation();
        let audience = permit.api.as_ref().map(|api| api.identifier.as_str());
        self.gate.signer.as_ref()?.sign_assertion(&AssertionClaims {
            issuer: &generation.settings.issuer,
            client: &permit.client,
            account: permit.account.as_ref(),
            scope: &permit.scope,
            client_ip: permit.client_ip,
            audience: audience.or(gateway.required_audience.as_deref()),
            gateway: &gateway.id,
            request_id: &id.to_string(),
            issued_at_s: self.gate.clock.now().seconds(),
        })
    }

    /// Answers a request that shows a probe's credential.
    fn probe(&self, told: &Told<'_>) -> Option<Answer> {
        if self.gate.probes.is_idle() {
            return None;
        }
        let credential = self.request.credential().ok()?;
        let ordered = self.gate.probes.ordered(&credential, self.gate.clock.now())?;
        let refusal = Refusal::ordered(ordered.answer, self.registered.record.deny_style);
        let seen = self.request.seen(self.registered.record.gateway.kind);
        let sighting = self.gate.sighting(told, ordered.answer.status(), seen);
        tracing::info!(
            target: LOG_TARGET,
            gateway = %told.registered.record.gateway.id,
            outcome = "probe",
            request.id = %told.id,
            client.ip = told.client_ip.ok().map(tracing::field::display),
            "check",
        );
        self.gate.probes.saw(&credential, sighting);
        Some(Answer { id: told.id, reply: Reply::Refuse(refusal), hold: ordered.hold })
    }

    /// Shows a probe the request of a client that it watches.
    fn watch(&self, told: &Told<'_>, verdict: &Verdict, reply: &Reply) {
        if self.gate.probes.is_idle() {
            return;
        }
        let client = match verdict {
            Verdict::Decided(Decision::Allow(permit)) => Some(&permit.client),
            Verdict::Decided(Decision::Deny(denial)) => denial.client.as_ref(),
            Verdict::Open(_) => None,
        };
        let status = match reply {
            Reply::Allow { .. } => 200,
            Reply::Refuse(refusal) => refusal.status.as_u16(),
        };
        if let Some(client) = client {
            self.gate.probes.saw_client(client, || {
                let seen = self.request.seen(self.registered.record.gateway.kind);
                self.gate.sighting(told, status, seen)
            });
        }
    }
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
