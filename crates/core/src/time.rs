//! Time as the core sees it: it is always given, never asked for.

use std::fmt;

/// A moment: milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// A moment from milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// A moment from seconds since the Unix epoch; saturates.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The moment `seconds` later; saturates.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

/// Where the time comes from. The core has no clock of its own.
pub trait Clock {
    /// The wall clock. Judges expiry of entries, secrets and tokens.
    fn now(&self) -> Timestamp;

    /// Milliseconds on a clock that never goes back and runs on in suspend (`CLOCK_BOOTTIME`).
    /// Judges the freshness of the policy.
    fn uptime_ms(&self) -> u64;
}

/// A clock that stands still at the moments given.
#[derive(Debug, Clone, Copy, Default)]
pub struct FixedClock {
    /// What [`Clock::now`] answers.
    pub now: Timestamp,
    /// What [`Clock::uptime_ms`] answers.
    pub uptime_ms: u64,
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn uptime_ms(&self) -> u64 {
        self.uptime_ms
    }
}
