//! What was wrong at the gates, for operators: who sets up a gateway wrong, or plays one.
//!
//! Alarms of one kind, gateway and network are one entry with a count, so that a flood of them is
//! a number and not a flood. They are kept in memory: the counters in the metrics are what lasts.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use keyward_allowlist::{ClientIp, Network, Peer};
use keyward_core::id::GatewayId;
use keyward_core::time::Timestamp;
use keyward_gate::{Alarm, AlarmKind, GatewayAlarm};

/// The most entries that are kept; the one seen longest ago makes room.
pub const ALARMS_MAX: usize = 1_000;
/// How long an entry goes without being logged again, in seconds.
const LOGGED_EVERY_S: i64 = 60;
/// How much of an address tells who it was.
const NETWORK_V4: u8 = 24;
const NETWORK_V6: u8 = 56;

/// What entries are counted by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Kind {
    code: &'static str,
    gateway: Option<GatewayId>,
    network: Option<Network>,
}

/// One kind of alarm, with how often it was raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmEntry {
    /// What is wrong; see [`AlarmKind::code`].
    pub code: &'static str,
    /// Which gateway, if it exists.
    pub gateway: Option<GatewayId>,
    /// Where it came from: the network of the client address, or of whoever asked. `None` when it
    /// is not known, or a unix socket.
    pub network: Option<Network>,
    /// Why no client address was found, the last time; see [`keyward_allowlist::NoClientIp::code`].
    pub detail: Option<&'static str>,
    /// How often.
    pub count: u64,
    /// The first time.
    pub first_at: Timestamp,
    /// The last time.
    pub last_at: Timestamp,
    logged_at: Timestamp,
}

/// The alarms of this process.
#[derive(Debug, Default)]
pub struct Alarms(Mutex<HashMap<Kind, AlarmEntry>>);

impl Alarms {
    /// Counts an alarm, and logs it unless its like was logged a moment ago.
    pub fn note(&self, (gateway, alarm): GatewayAlarm) {
        let Alarm { at, what, peer } = alarm;
        let (address, detail) = match what {
            AlarmKind::ClientAddressMissing(why) => (None, Some(why.code())),
            AlarmKind::ClientAddressIsProxy(client_ip) => (Some(client_ip), None),
            AlarmKind::NotAdmitted(_) => (address_of(peer), None),
        };
        let network = address.and_then(network_of);
        let kind = Kind { code: what.code(), gateway, network };
        let mut entries = self.lock();
        if !entries.contains_key(&kind) && entries.len() >= ALARMS_MAX {
            let oldest = entries.iter().min_by_key(|(_, entry)| entry.last_at);
            if let Some(oldest) = oldest.map(|(kind, _)| kind.clone()) {
                entries.remove(&oldest);
            }
        }
        let entry = entries.entry(kind.clone()).or_insert_with(|| AlarmEntry {
            code: kind.code,
            gateway: kind.gateway,
            network,
            detail,
            count: 0,
            first_at: at,
            last_at: at,
            logged_at: Timestamp::from_millis(0),
        });
        entry.count = entry.count.saturating_add(1);
        (entry.last_at, entry.detail) = (at, detail);
        if at.seconds().saturating_sub(entry.logged_at.seconds()) >= LOGGED_EVERY_S {
            entry.logged_at = at;
            log(entry);
        }
    }

    /// What was wrong, the last first; of one gateway alone when one is named.
    #[must_use]
    pub fn list(&self, gateway: Option<&str>) -> Vec<AlarmEntry> {
        let entries = self.lock();
        let wanted = |entry: &&AlarmEntry| {
            gateway.is_none_or(|id| entry.gateway.as_ref().is_some_and(|g| g.as_str() == id))
        };
        let mut list: Vec<_> = entries.values().filter(wanted).cloned().collect();
        list.sort_by_key(|entry| std::cmp::Reverse((entry.last_at, entry.count)));
        list
    }

    /// Forgets everything, or what concerns one gateway, once it was set right.
    pub fn clear(&self, gateway: Option<&str>) {
        self.lock().retain(|kind, _| {
            gateway.is_some_and(|id| kind.gateway.as_ref().is_none_or(|g| g.as_str() != id))
        });
    }

    /// Forgets what was wrong with the addresses that a gateway told: its rule is another now.
    pub fn clear_addresses(&self, gateway: &str) {
        self.lock().retain(|kind, _| {
            let of_it = kind.gateway.as_ref().is_some_and(|id| id.as_str() == gateway);
            !(of_it && kind.code.starts_with("client_address_"))
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Kind, AlarmEntry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn address_of(peer: Option<Peer>) -> Option<ClientIp> {
    match peer? {
        Peer::Ip(ip) => Some(ip.into()),
        Peer::Unix => None,
    }
}

fn network_of(address: ClientIp) -> Option<Network> {
    let length = match address.get() {
        IpAddr::V4(_) => NETWORK_V4,
        IpAddr::V6(_) => NETWORK_V6,
    };
    Network::around(address.get(), length).ok()
}

fn log(entry: &AlarmEntry) {
    tracing::warn!(
        code = entry.code,
        gateway = entry.gateway.as_ref().map(tracing::field::display),
        network = entry.network.as_ref().map(tracing::field::display),
        detail = entry.detail,
        count = entry.count,
        "a gateway is set up wrong, or somebody plays one; `keyward gateway alarms` tells more",
    );
}

#[cfg(test)]
mod tests {
    use keyward_allowlist::{NoClientIp, parse_address};
    use keyward_core::policy::NotAdmitted;

    use super::*;

    fn missing(gateway: &str, at_s: i64) -> GatewayAlarm {
        let what = AlarmKind::ClientAddressMissing(NoClientIp::MissingHeader);
        let at = Timestamp::from_seconds(at_s);
        (GatewayId::parse(gateway).ok(), Alarm { at, what, peer: None })
    }

    fn stranger(address: &str, at_s: i64) -> GatewayAlarm {
        let what = AlarmKind::NotAdmitted(NotAdmitted::Unknown);
        let peer = Some(Peer::Ip(parse_address(address).unwrap()));
        (None, Alarm { at: Timestamp::from_seconds(at_s), what, peer })
    }

    #[test]
    fn alarms_of_one_kind_and_place_are_one_entry() {
        let alarms = Alarms::default();
        for (address, at) in [("192.0.2.1", 10), ("192.0.2.200", 20), ("198.51.100.1", 30)] {
            alarms.note(stranger(address, at));
        }
        alarms.note(missing("edge", 5));
        let told: Vec<_> = alarms
            .list(None)
            .into_iter()
            .map(|entry| {
                (entry.network.map(|n| n.to_string()), entry.count, entry.last_at.seconds())
            })
            .collect();
        assert_eq!(
            told,
            [
                (Some("198.51.100.0/24".to_owned()), 1, 30),
                (Some("192.0.2.0/24".to_owned()), 2, 20),
                (None, 1, 5),
            ]
        );
        assert_eq!(alarms.list(Some("edge")).len(), 1);
        alarms.clear(Some("edge"));
        assert_eq!((alarms.list(Some("edge")).len(), alarms.list(None).len()), (0, 2));
        alarms.clear(None);
        assert!(alarms.list(None).is_empty());
    }

    #[test]
    fn a_flood_from_everywhere_is_bounded() {
        let alarms = Alarms::default();
        for number in 0..2 * ALARMS_MAX {
            let address = format!("10.{}.{}.1", number / 256, number % 256);
            alarms.note(stranger(&address, i64::try_from(number).unwrap()));
        }
        let kept = alarms.list(None);
        assert_eq!(kept.len(), ALARMS_MAX);
        assert!(kept.iter().all(|entry| entry.last_at.seconds() >= ALARMS_MAX as i64));
    }
}
