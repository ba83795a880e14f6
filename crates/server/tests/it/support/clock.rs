//! A clock that stands still until it is moved.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use keyward_core::time::{Clock, Timestamp};

/// Where the clock of every world begins: 2026-01-01T00:00:00Z and 250 ms.
pub(crate) const NOW_S: i64 = 1_767_225_600;

/// The clock of a world.
#[derive(Debug)]
pub(crate) struct TestClock {
    wall_ms: AtomicI64,
    uptime_ms: AtomicU64,
}

impl TestClock {
    pub(crate) fn new() -> Self {
        Self { wall_ms: AtomicI64::new(NOW_S * 1000 + 250), uptime_ms: AtomicU64::new(1_000_000) }
    }

    /// Moves both clocks on.
    pub(crate) fn advance_ms(&self, ms: u32) {
        self.wall_ms.fetch_add(i64::from(ms), Ordering::SeqCst);
        self.uptime_ms.fetch_add(u64::from(ms), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.wall_ms.load(Ordering::SeqCst))
    }

    fn uptime_ms(&self) -> u64 {
        self.uptime_ms.load(Ordering::SeqCst)
    }
}
