//! Refusals of one kind in one minute: the first few in full, the rest as a number. A flood of them
//! is then a few rows and not a full disk.

use std::collections::HashMap;
use std::net::IpAddr;

use keyward_allowlist::{ClientIp, Network};
use keyward_core::time::Timestamp;

use super::event::{LogEvent, LogKind, Origin, cut};

/// So many of one kind are told in full in a minute.
const IN_FULL: u32 = 20;
/// And so many failures of Actions, each of which somebody will want to look at.
const FAILURES_IN_FULL: u32 = 600;
/// So many kinds are told apart in a minute; further ones are one kind.
const KINDS_MAX: usize = 4_096;
/// The length of a window, in seconds.
const WINDOW_S: i64 = 60;
/// How much of an address tells who it was.
const NETWORK_V4: u8 = 24;
const NETWORK_V6: u8 = 56;

/// What refusals are counted by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    kind: LogKind,
    client: Option<String>,
    reason: Option<&'static str>,
    network: Option<Network>,
    /// Whether it stands for all that found no place of their own.
    others: bool,
}

#[derive(Debug)]
struct Count {
    seen: u32,
    /// Those that were not told in full.
    more: u64,
    first: Timestamp,
    last: Timestamp,
}

/// The refusals of the present minute.
#[derive(Debug, Default)]
pub(super) struct Rollup {
    window: i64,
    counts: HashMap<Key, Count>,
    ended: Vec<LogEvent>,
}

impl Rollup {
    /// Gives the event back when it is to be told in full.
    pub(super) fn admit(&mut self, event: LogEvent) -> Option<LogEvent> {
        let counted = matches!(
            event.kind,
            LogKind::TokenRefused
                | LogKind::ManagementRefused
                | LogKind::ApiLimit
                | LogKind::ActionFailed
        );
        if !counted {
            return Some(event);
        }
        self.turn(event.at);
        let mut key = Key {
            kind: event.kind,
            client: event.client_id.clone(),
            reason: event.reason,
            network: event.origin.ip.and_then(network_of),
            others: false,
        };
        if !self.counts.contains_key(&key) && self.counts.len() >= KINDS_MAX {
            key = Key { client: None, reason: None, network: None, others: true, ..key };
        }
        let at = event.at;
        let count =
            self.counts.entry(key).or_insert(Count { seen: 0, more: 0, first: at, last: at });
        count.seen = count.seen.saturating_add(1);
        count.last = at;
        let is_failure = event.kind == LogKind::ActionFailed;
        let in_full = if is_failure { FAILURES_IN_FULL } else { IN_FULL };
        if count.seen <= in_full {
            count.first = at;
            return Some(event);
        }
        count.more = count.more.saturating_add(1);
        None
    }

    /// What was only counted, if the minute is over.
    pub(super) fn ended(&mut self, now: Timestamp) -> Vec<LogEvent> {
        self.turn(now);
        std::mem::take(&mut self.ended)
    }

    /// What was only counted, up to now.
    pub(super) fn all(&mut self) -> Vec<LogEvent> {
        self.end();
        std::mem::take(&mut self.ended)
    }

    fn turn(&mut self, now: Timestamp) {
        let window = now.seconds().div_euclid(WINDOW_S);
        if window != self.window {
            self.end();
            self.window = window;
        }
    }

    fn end(&mut self) {
        let counts = self.counts.drain().filter(|(_, count)| count.more > 0);
        self.ended.extend(counts.map(|(key, count)| told(key, &count)));
        // Nobody writes: the newest count as much as what waits to be written.
        self.ended.truncate(super::WAITING_MAX);
    }
}

/// The one event that stands for many.
fn told(key: Key, count: &Count) -> LogEvent {
    let mut event = LogEvent::new(key.kind, count.last)
        .described(&format!("{} more within a minute, not listed one by one", count.more));
    event.client_id = key.client;
    event.origin = Origin::default();
    if let Some(reason) = key.reason {
        event = event.because(reason);
    }
    let network = key.network.map(|network| network.to_string());
    event.with("count", count.more).with("network", network.as_deref().map(cut))
}

fn network_of(address: ClientIp) -> Option<Network> {
    let length = match address.get() {
        IpAddr::V4(_) => NETWORK_V4,
        IpAddr::V6(_) => NETWORK_V6,
    };
    Network::around(address.get(), length).ok()
}

#[cfg(test)]
mod tests {
    use keyward_allowlist::parse_address;

    use super::*;

    fn refusal(client: &str, ip: &str, at_s: i64) -> LogEvent {
        let ip = Some(ClientIp::from(parse_address(ip).unwrap()));
        LogEvent::new(LogKind::TokenRefused, Timestamp::from_seconds(at_s))
            .of_unproven_client(client)
            .because("wrong_secret")
            .from_origin(&Origin { ip, ..Origin::default() })
    }

    #[test]
    fn the_first_of_a_kind_are_told_and_the_rest_counted() {
        let mut rollup = Rollup::default();
        let told = (0..100).filter_map(|_| rollup.admit(refusal("a", "192.0.2.1", 60))).count();
        let other = (0..5).filter_map(|_| rollup.admit(refusal("b", "192.0.2.1", 61))).count();
        assert_eq!((told, other), (20, 5));
        assert!(rollup.ended(Timestamp::from_seconds(119)).is_empty(), "the minute goes on");
        let ended = rollup.ended(Timestamp::from_seconds(120));
        let [one] = ended.as_slice() else { panic!("{ended:?}") };
        assert_eq!(one.client_id.as_deref(), Some("a"));
        assert_eq!(one.details["count"], 80);
        assert_eq!(one.details["network"], "192.0.2.0/24");
        assert_eq!(one.details["reason"], "wrong_secret");
        assert!(rollup.admit(refusal("a", "192.0.2.1", 121)).is_some(), "a new minute");
    }

    #[test]
    fn a_flood_from_everywhere_is_bounded() {
        let mut rollup = Rollup::default();
        let mut told = 0;
        for number in 0..100_000_u32 {
            let client = format!("client-{number}");
            told += usize::from(rollup.admit(refusal(&client, "192.0.2.1", 60)).is_some());
        }
        assert_eq!(told, KINDS_MAX + IN_FULL as usize);
        let all = rollup.all();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].details["count"], 100_000 - told);
    }

    #[test]
    fn what_is_no_refusal_is_never_counted() {
        let mut rollup = Rollup::default();
        let issued = LogEvent::new(LogKind::TokenIssued, Timestamp::from_seconds(1));
        assert!((0..1_000).all(|_| rollup.admit(issued.clone()).is_some()));
    }
}
