//! A state of the policy between two writes, and how long it may be decided by.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Settings;
use crate::tenant::Tenant;

/// How long a policy may be decided by, on the clock of [`crate::time::Clock::uptime_ms`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// This process holds the store itself: its policy is never stale.
    Authority,
    /// Until that moment (exclusive), in milliseconds.
    Until(u64),
}

impl Freshness {
    pub(super) fn end(self) -> u64 {
        match self {
            Self::Authority => FOREVER,
            // Zero would read as poisoned.
            Self::Until(end) => end.max(1),
        }
    }
}

/// A state of the whole policy between two writes.
#[derive(Debug)]
pub struct Generation {
    /// The number of the last change that is in it.
    pub revision: u64,
    /// What was set.
    pub settings: Arc<Settings>,
    /// What was set of the whole installation; `None` as long as nobody did.
    pub tenant: Option<Arc<Tenant>>,
    /// Counts settings: remembered tokens were verified under one of them.
    pub(super) settings_number: u64,
    pub(super) fresh_until: AtomicU64,
}

pub(super) const POISONED: u64 = 0;
const FOREVER: u64 = u64::MAX;

/// Whether a verdict reached under a generation may be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Yes.
    Good,
    /// A writer has begun to change the tables: evaluate again.
    Poisoned,
    /// The policy is too old.
    Expired,
}

impl Generation {
    /// The API of token requests that name none: the tenant's, else the server's option.
    #[must_use]
    pub fn default_audience(&self) -> Option<&str> {
        let tenant = self.tenant.as_ref().and_then(|tenant| tenant.default_audience.as_deref());
        tenant.or(self.settings.default_audience.as_deref())
    }

    /// Judges the generation; call it after evaluating, with the clock read after evaluating.
    #[must_use]
    pub fn standing(&self, uptime_ms: u64) -> Standing {
        match self.fresh_until.load(Ordering::SeqCst) {
            POISONED => Standing::Poisoned,
            end if uptime_ms < end => Standing::Good,
            _ => Standing::Expired,
        }
    }

    pub(super) fn is_poisoned(&self) -> bool {
        self.fresh_until.load(Ordering::SeqCst) == POISONED
    }
}
