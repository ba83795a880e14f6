//! The one place where the server asks what time it is.

use std::time::{SystemTime, UNIX_EPOCH};

use keyward_core::time::{Clock, Timestamp};
use rustix::time::{ClockId, clock_gettime};

/// The machine's clocks: the wall clock, and `CLOCK_BOOTTIME`, which runs on in suspend.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "everybody else takes the time from here")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn uptime_ms(&self) -> u64 {
        let time = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
        let millis = u64::try_from(time.tv_nsec).unwrap_or_default() / 1_000_000;
        seconds.saturating_mul(1000).saturating_add(millis)
    }
}
