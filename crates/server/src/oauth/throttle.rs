//! Slows down whoever shows wrong secrets, per client address, in constant memory.
//!
//! Only failures are counted and only failures are answered differently: the right secret always
//! passes, also from an address that has used up its failures. So nobody can lock a customer out,
//! not even from behind the same network address; and what keeps secrets from being guessed is
//! their 190 random bits, not this. What it bounds is the noise one source can make.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use keyward_allowlist::ClientIp;

/// Addresses are counted in this many slots (8 bytes each). Two that share one share its failures,
/// which harms neither.
const SLOTS: usize = 1 << 16;
/// Failures that a source may make at once.
const BURST: u64 = 30;
/// After how many milliseconds one more is granted.
const INTERVAL_MS: u64 = 1_000;

/// The failures of all sources, as a generic cell rate algorithm (ITU-T I.371): a slot holds the
/// moment up to which its source has spent its allowance.
pub(super) struct Throttle {
    slots: Box<[AtomicU64]>,
    hasher: RandomState,
}

impl Throttle {
    pub(super) fn new() -> Self {
        Self { slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(), hasher: RandomState::new() }
    }

    /// Counts a failure. `Err` with the seconds to wait when the source has made too many.
    pub(super) fn count_failure(
        &self,
        source: Option<ClientIp>,
        uptime_ms: u64,
    ) -> Result<(), u32> {
        // The hash is keyed: nobody can look for addresses that fall into another's slot.
        let place = self.hasher.hash_one(source.map(network_of)) % (SLOTS as u64);
        let slot = usize::try_from(place).ok().and_then(|place| self.slots.get(place));
        let Some(slot) = slot else { return Ok(()) };
        let limit = uptime_ms.saturating_add(BURST.saturating_mul(INTERVAL_MS));
        let spend = |spent: u64| {
            let next = spent.max(uptime_ms).saturating_add(INTERVAL_MS);
            (next <= limit).then_some(next)
        };
        match slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend) {
            Ok(_) => Ok(()),
            Err(spent) => {
                let wait_ms = spent.saturating_add(INTERVAL_MS).saturating_sub(limit);
                Err(u32::try_from(wait_ms.div_ceil(1_000)).unwrap_or(u32::MAX).max(1))
            }
        }
    }
}

/// A host with IPv6 commonly has a whole /64 to itself.
fn network_of(source: ClientIp) -> (bool, u64) {
    match source.get() {
        IpAddr::V4(ip) => (false, u64::from(ip.to_bits())),
        IpAddr::V6(ip) => (true, (ip.to_bits() >> 64) as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Option<ClientIp> {
        Some(ClientIp::from(text.parse::<IpAddr>().unwrap()))
    }

    #[test]
    fn a_source_has_a_burst_and_then_its_rate() {
        let throttle = Throttle::new();
        let now = 5_000_000;
        for _ in 0..BURST {
            assert_eq!(throttle.count_failure(ip("192.0.2.1"), now), Ok(()));
        }
        assert_eq!(throttle.count_failure(ip("192.0.2.1"), now), Err(1));
        assert_eq!(throttle.count_failure(ip("192.0.2.1"), now + INTERVAL_MS), Ok(()));
        assert_eq!(throttle.count_failure(ip("192.0.2.1"), now + INTERVAL_MS), Err(1));
        for _ in 0..BURST {
            let later = now + 1_000 * INTERVAL_MS;
            assert_eq!(throttle.count_failure(ip("192.0.2.1"), later), Ok(()));
        }
    }

    #[test]
    fn one_flood_leaves_the_others_alone() {
        let throttle = Throttle::new();
        for _ in 0..10_000 {
            let _ = throttle.count_failure(ip("192.0.2.1"), 1_000);
        }
        // One other address might share the slot; of these, hardly any does.
        let hindered = (0..100)
            .filter(|n| throttle.count_failure(ip(&format!("198.51.100.{n}")), 1_000).is_err())
            .count();
        assert!(hindered <= 2, "{hindered} of 100");
    }

    #[test]
    fn an_ipv6_host_cannot_spread_over_its_64() {
        let throttle = Throttle::new();
        for n in 0..BURST {
            assert_eq!(throttle.count_failure(ip(&format!("2001:db8::{n:x}")), 7_000), Ok(()));
        }
        assert_eq!(throttle.count_failure(ip("2001:db8::ffff"), 7_000), Err(1));
    }

    #[test]
    fn those_without_an_address_are_one_source() {
        let throttle = Throttle::new();
        for _ in 0..BURST {
            assert_eq!(throttle.count_failure(None, 7_000), Ok(()));
        }
        assert_eq!(throttle.count_failure(None, 7_000), Err(1));
    }
}
