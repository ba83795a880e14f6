//! What is told of checks. The queues are bounded and never waited for.

use std::fmt;

use keyward_allowlist::{ClientIp, NoClientIp, Peer};
use keyward_core::decision::{Reason, Shown};
use keyward_core::id::{AccountId, ClientId, GatewayId};
use keyward_core::policy::NotAdmitted;
use keyward_core::time::Timestamp;
use metrics::Counter;
use tokio::sync::mpsc;

use crate::request_id::RequestId;

/// One decision at a gateway, for counters, memory of traffic and alarms. It holds no credential.
#[derive(Debug, Clone)]
pub struct DecisionEvent {
    /// When.
    pub at: Timestamp,
    /// The id in the answer's `X-Request-Id`.
    pub request_id: RequestId,
    /// Which gateway asked.
    pub gateway: GatewayId,
    /// Who, once authentic.
    pub client: Option<ClientId>,
    /// Whose, when allowed.
    pub account: Option<AccountId>,
    /// From where, or why that is not known; see [`NoClientIp::code`].
    pub client_ip: Result<ClientIp, NoClientIp>,
    /// Whether the client address lies in the gateway's own trusted networks.
    pub client_ip_is_proxy: bool,
    /// Why it was refused; `None` when it was allowed. See [`Reason::code`].
    pub denied: Option<Reason>,
    /// What enforcing the report-only lists would have said.
    pub would_deny: Option<Reason>,
    /// What was shown, when allowed: which secret, or a token.
    pub shown: Option<Shown>,
    /// The policy revision that decided.
    pub revision: u64,
}

/// A sign that a gateway is set up wrong, or that somebody plays one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alarm {
    /// When.
    pub at: Timestamp,
    /// What is wrong.
    pub what: AlarmKind,
    /// Who asked. For unknown gateways this is all that is known: names that somebody tries may
    /// hold anything, a token included, and are not repeated.
    pub peer: Option<Peer>,
}

/// What an alarm is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmKind {
    /// No client address was found.
    ClientAddressMissing(NoClientIp),
    /// The client address is one of the gateway's own proxies: a hop is not set up right.
    ClientAddressIsProxy(ClientIp),
    /// Somebody is not believed to be a gateway.
    NotAdmitted(NotAdmitted),
}

impl AlarmKind {
    /// A stable word for logs and metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::ClientAddressMissing(_) => "client_address_missing",
            Self::ClientAddressIsProxy(_) => "client_address_is_proxy",
            Self::NotAdmitted(why) => why.code(),
        }
    }
}

/// An alarm and the gateway that it is about, if that exists.
pub type GatewayAlarm = (Option<GatewayId>, Alarm);

/// The sending ends of the queues. What finds no room is dropped and counted.
pub struct Events {
    decisions: Option<mpsc::Sender<DecisionEvent>>,
    alarms: Option<mpsc::Sender<GatewayAlarm>>,
    decisions_dropped: Counter,
    alarms_dropped: Counter,
}

impl Events {
    /// For a process in which nobody listens: nothing is told, nothing counts as dropped.
    #[must_use]
    pub fn unheard() -> Self {
        let noop = Counter::noop;
        Self { decisions: None, alarms: None, decisions_dropped: noop(), alarms_dropped: noop() }
    }

    /// With a queue for `capacity` decisions (at least one), and its receiving end.
    ///
    /// Drops are counted as `keyward_decision_events_dropped_total`: install the metrics recorder
    /// before.
    #[must_use]
    pub fn with_decisions(mut self, capacity: usize) -> (Self, mpsc::Receiver<DecisionEvent>) {
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        self.decisions = Some(sender);
        self.decisions_dropped = metrics::counter!("keyward_decision_events_dropped_total");
        (self, receiver)
    }

    /// With a queue for `capacity` alarms (at least one), and its receiving end. Drops are counted
    /// as `keyward_alarms_dropped_total`.
    #[must_use]
    pub fn with_alarms(mut self, capacity: usize) -> (Self, mpsc::Receiver<GatewayAlarm>) {
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        self.alarms = Some(sender);
        self.alarms_dropped = metrics::counter!("keyward_alarms_dropped_total");
        (self, receiver)
    }

    /// Tells of a decision if anybody listens and there is room.
    pub(crate) fn decided(&self, event: impl FnOnce() -> DecisionEvent) {
        send(self.decisions.as_ref(), &self.decisions_dropped, event);
    }

    /// Raises an alarm if anybody listens and there is room.
    pub(crate) fn alarm(&self, alarm: impl FnOnce() -> GatewayAlarm) {
        send(self.alarms.as_ref(), &self.alarms_dropped, alarm);
    }
}

fn send<T>(sender: Option<&mpsc::Sender<T>>, dropped: &Counter, event: impl FnOnce() -> T) {
    let Some(sender) = sender else { return };
    match sender.try_reserve() {
        Ok(place) => place.send(event()),
        Err(_full_or_closed) => dropped.increment(1),
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let free = self.decisions.as_ref().map(mpsc::Sender::capacity);
        f.debug_struct("Events").field("free", &free).finish_non_exhaustive()
    }
}
