//! What is told of each decision. The queue is bounded and never waited for.

use std::fmt;

use keyward_allowlist::{ClientIp, NoClientIp};
use keyward_core::decision::{Reason, Shown};
use keyward_core::id::{AccountId, ClientId, GatewayId};
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

/// The sending end of the queue. An event for which there is no room is dropped and counted.
pub struct Events {
    sender: Option<mpsc::Sender<DecisionEvent>>,
    dropped: Counter,
}

impl Events {
    /// A queue for `capacity` events (at least one), and its receiving end.
    ///
    /// Drops are counted as `keyward_decision_events_dropped_total`: install the metrics recorder
    /// before.
    #[must_use]
    pub fn channel(capacity: usize) -> (Self, mpsc::Receiver<DecisionEvent>) {
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        let dropped = metrics::counter!("keyward_decision_events_dropped_total");
        (Self { sender: Some(sender), dropped }, receiver)
    }

    /// For a process in which nobody listens: no event is made, none counts as dropped.
    #[must_use]
    pub fn unheard() -> Self {
        Self { sender: None, dropped: Counter::noop() }
    }

    /// Sends an event if anybody listens and there is room.
    pub(crate) fn send(&self, event: impl FnOnce() -> DecisionEvent) {
        let Some(sender) = &self.sender else { return };
        match sender.try_reserve() {
            Ok(place) => place.send(event()),
            Err(_full_or_closed) => self.dropped.increment(1),
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let free = self.sender.as_ref().map(mpsc::Sender::capacity);
        f.debug_struct("Events").field("free", &free).finish_non_exhaustive()
    }
}
