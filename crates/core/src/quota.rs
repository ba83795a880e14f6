//! Token quotas: how many tokens a client or an account gets per hour and per day (UTC).
//!
//! Counting is one step under one lock for the client and its account together: of two requests for
//! the last token one gets it, and neither counts at one holder and fails at the other. A token that
//! is not issued after all is given back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::id::{AccountId, ClientId};
use crate::invalid::Faults;
use crate::time::Timestamp;

/// The most tokens that a quota may name (as Auth0's).
pub const QUOTA_MAX: u32 = 2_147_483_647;

const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 86_400;
/// At what parts of a quota somebody is told, in percent; a bit each in [`Window::told`].
const THRESHOLDS: [(u64, u8); 3] = [(60, 1), (80, 2), (100, 4)];

/// How many tokens by client credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TokenQuota {
    /// How many in an hour of the clock.
    pub per_hour: Option<u32>,
    /// How many in a day, in UTC.
    pub per_day: Option<u32>,
    /// Whether more are refused. Otherwise they are counted and told of.
    pub enforce: bool,
}

impl TokenQuota {
    /// Notes what is not acceptable in it.
    pub fn check(&self, faults: &mut Faults, field: &str) {
        for (name, limit) in [("per_hour", self.per_hour), ("per_day", self.per_day)] {
            let fits = limit.is_none_or(|limit| (1..=QUOTA_MAX).contains(&limit));
            let field = format!("{field}.client_credentials.{name}");
            faults.require(fits, &field, "range", || {
                format!("is not a number from 1 to {QUOTA_MAX}; suspend what is to get no token")
            });
        }
    }

    fn limit(&self, bucket: Bucket) -> Option<u32> {
        match bucket {
            Bucket::Hour => self.per_hour,
            Bucket::Day => self.per_day,
        }
    }
}

/// Whose tokens are counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum QuotaHolder {
    /// A client's.
    Client(ClientId),
    /// Those of all clients of an account.
    Account(AccountId),
}

/// The quotas that a token counts for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TokenQuotas {
    /// The client's own, or the tenant's for clients.
    pub client: Option<TokenQuota>,
    /// That of the account which the token is for or which owns the client, or the tenant's for
    /// accounts.
    pub account: Option<(AccountId, TokenQuota)>,
}

impl TokenQuotas {
    /// Whether nothing is counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.client.is_none() && self.account.is_none()
    }
}

/// A stretch of time in which tokens are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bucket {
    /// An hour of the clock.
    Hour,
    /// A day, in UTC.
    Day,
}

impl Bucket {
    const ALL: [Self; 2] = [Self::Hour, Self::Day];

    /// The word in headers and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hour => "per_hour",
            Self::Day => "per_day",
        }
    }

    const fn seconds(self) -> i64 {
        match self {
            Self::Hour => HOUR_S,
            Self::Day => DAY_S,
        }
    }

    /// The number of the stretch that holds a moment.
    fn number(self, now: Timestamp) -> i64 {
        now.seconds().div_euclid(self.seconds())
    }

    /// The seconds until the next stretch begins; at least one.
    fn ends_in_s(self, now: Timestamp) -> u32 {
        let left = self.seconds().saturating_sub(now.seconds().rem_euclid(self.seconds()));
        u32::try_from(left).unwrap_or(1)
    }
}

/// How one limit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketStanding {
    /// Per hour or per day.
    pub bucket: Bucket,
    /// How many there are.
    pub quota: u32,
    /// How many are left.
    pub remaining: u32,
    /// After how many seconds they are all there again.
    pub resets_in_s: u32,
}

/// How the quotas of a client and its account stand; those that have none are empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QuotaStanding {
    /// The client's.
    pub client: Vec<BucketStanding>,
    /// The account's.
    pub account: Vec<BucketStanding>,
}

/// A refusal: whose quota is used up, and when it is not any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaExceeded {
    /// Whose.
    pub holder: QuotaHolder,
    /// The limit that is open again last.
    pub limit: BucketStanding,
    /// All limits.
    pub standing: QuotaStanding,
}

/// A part of a quota that was used for the first time in its hour or day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaWarning {
    /// Whose.
    pub holder: QuotaHolder,
    /// Per hour or per day.
    pub bucket: Bucket,
    /// How many there are.
    pub quota: u32,
    /// How many were used.
    pub used: u32,
    /// 60, 80 or 100.
    pub percent: u8,
}

/// What was counted in one hour or day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// Which hour or day, counted from 1970.
    pub number: i64,
    /// How many tokens.
    pub used: u32,
    /// Which thresholds were told: bits 1, 2 and 4 for 60, 80 and 100 %.
    pub told: u8,
}

/// What is kept of a holder's tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaCount {
    /// Whose.
    pub holder: QuotaHolder,
    /// The hour of its last token.
    pub hour: Window,
    /// The day of its last token.
    pub day: Window,
}

#[derive(Debug, Default)]
struct Counter {
    hour: Window,
    day: Window,
    unsaved: bool,
}

impl Counter {
    fn window(&mut self, bucket: Bucket) -> &mut Window {
        match bucket {
            Bucket::Hour => &mut self.hour,
            Bucket::Day => &mut self.day,
        }
    }

    /// Begins new windows where it is time. A clock that was set back opens none anew.
    fn roll(&mut self, now: Timestamp) {
        for bucket in Bucket::ALL {
            let number = bucket.number(now);
            let window = self.window(bucket);
            if number > window.number {
                *window = Window { number, used: 0, told: 0 };
            }
        }
    }

    fn standing(&mut self, quota: TokenQuota, now: Timestamp) -> Vec<BucketStanding> {
        let limits = Bucket::ALL.into_iter().filter_map(|b| Some((b, quota.limit(b)?)));
        limits
            .map(|(bucket, quota)| BucketStanding {
                bucket,
                quota,
                remaining: quota.saturating_sub(self.window(bucket).used),
                resets_in_s: bucket.ends_in_s(now),
            })
            .collect()
    }
}

/// The counts of everybody who has a quota and got a token today.
#[derive(Debug, Default)]
pub struct QuotaTable(Mutex<HashMap<QuotaHolder, Counter>>);

impl QuotaTable {
    /// A table that goes on from what was kept.
    #[must_use]
    pub fn restored(counts: Vec<QuotaCount>) -> Self {
        let counter = |count: QuotaCount| {
            let QuotaCount { holder, hour, day } = count;
            (holder, Counter { hour, day, unsaved: false })
        };
        Self(Mutex::new(counts.into_iter().map(counter).collect()))
    }

    /// Counts one token for the client and the account, or for neither. What is not settled is
    /// given back when it is dropped.
    ///
    /// # Errors
    /// When an enforced quota is used up: [`crate::decision::Reason::Quota`].
    pub fn take(
        self: &Arc<Self>,
        client: &ClientId,
        quotas: &TokenQuotas,
        now: Timestamp,
    ) -> Result<QuotaToken, Box<QuotaExceeded>> {
        let own = quotas.client.map(|quota| (QuotaHolder::Client(client.clone()), quota));
        let account = quotas.account.as_ref();
        let account = account.map(|(id, quota)| (QuotaHolder::Account(id.clone()), *quota));
        let mut standing = QuotaStanding::default();
        let mut held = Vec::new();
        let mut exceeded: Option<(QuotaHolder, BucketStanding)> = None;
        let mut counters = self.lock();
        for (part, holder) in [(&mut standing.client, own), (&mut standing.account, account)] {
            let Some((holder, quota)) = holder else { continue };
            let counter = counters.entry(holder.clone()).or_default();
            counter.roll(now);
            *part = counter.standing(quota, now);
            let used_up = part.iter().filter(|limit| quota.enforce && limit.remaining == 0);
            if let Some(limit) = used_up.max_by_key(|limit| limit.resets_in_s) {
                exceeded.get_or_insert((holder.clone(), *limit));
            }
            let (hour, day) = (counter.hour.number, counter.day.number);
            held.push(Held { holder, quota, hour, day });
        }
        if let Some((holder, limit)) = exceeded {
            return Err(Box::new(QuotaExceeded { holder, limit, standing }));
        }
        for one in &held {
            if let Some(counter) = counters.get_mut(&one.holder) {
                counter.hour.used = counter.hour.used.saturating_add(1);
                counter.day.used = counter.day.used.saturating_add(1);
                counter.unsaved = true;
            }
        }
        drop(counters);
        let limits = standing.client.iter_mut().chain(&mut standing.account);
        limits.for_each(|limit| limit.remaining = limit.remaining.saturating_sub(1));
        Ok(QuotaToken { table: Arc::clone(self), held, standing })
    }

    /// What has changed since it was last asked for, to be kept. Counts of days that are over are
    /// forgotten.
    #[must_use]
    pub fn unsaved(&self, now: Timestamp) -> Vec<QuotaCount> {
        let today = Bucket::Day.number(now);
        let mut counters = self.lock();
        counters.retain(|_, counter| counter.day.number >= today);
        let changed = counters.iter_mut().filter(|(_, counter)| counter.unsaved);
        changed
            .map(|(holder, counter)| {
                counter.unsaved = false;
                QuotaCount { holder: holder.clone(), hour: counter.hour, day: counter.day }
            })
            .collect()
    }

    /// Says that these could not be kept.
    pub fn not_saved(&self, counts: &[QuotaCount]) {
        let mut counters = self.lock();
        for count in counts {
            if let Some(counter) = counters.get_mut(&count.holder) {
                counter.unsaved = true;
            }
        }
    }

    /// How many holders are counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether nobody is counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<QuotaHolder, Counter>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number of the day of a moment, as counts are kept under.
#[must_use]
pub fn day_number(now: Timestamp) -> i64 {
    Bucket::Day.number(now)
}

#[derive(Debug)]
struct Held {
    holder: QuotaHolder,
    quota: TokenQuota,
    hour: i64,
    day: i64,
}

/// One token that was counted. Dropped unsettled it is given back: a token that an Action refused,
/// that could not be signed or whose caller went away counts for nothing.
#[derive(Debug)]
#[must_use = "a token that is not settled is given back"]
pub struct QuotaToken {
    table: Arc<QuotaTable>,
    held: Vec<Held>,
    standing: QuotaStanding,
}

impl QuotaToken {
    /// How the quotas stand with this token.
    #[must_use]
    pub fn standing(&self) -> &QuotaStanding {
        &self.standing
    }

    /// Says that the token was issued, and tells which thresholds it reached first. Of several of
    /// one limit at once only the highest is told.
    #[must_use]
    pub fn settle(mut self) -> Vec<QuotaWarning> {
        let held = std::mem::take(&mut self.held);
        let mut counters = self.table.lock();
        let mut warnings = Vec::new();
        for Held { holder, quota, .. } in held {
            let Some(counter) = counters.get_mut(&holder) else { continue };
            for bucket in Bucket::ALL {
                let Some(limit) = quota.limit(bucket) else { continue };
                let window = counter.window(bucket);
                let Some(percent) = reached(window, limit) else { continue };
                let (holder, used) = (holder.clone(), window.used);
                warnings.push(QuotaWarning { holder, bucket, quota: limit, used, percent });
                counter.unsaved = true;
            }
        }
        warnings
    }
}

/// The highest threshold that was not told yet; all up to it are told then.
fn reached(window: &mut Window, limit: u32) -> Option<u8> {
    let used = u64::from(window.used).saturating_mul(100);
    let mut highest = None;
    for (percent, bit) in THRESHOLDS {
        if used >= u64::from(limit).saturating_mul(percent) && window.told & bit == 0 {
            window.told |= bit;
            highest = u8::try_from(percent).ok();
        }
    }
    highest
}

impl Drop for QuotaToken {
    fn drop(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let mut counters = self.table.lock();
        for one in &self.held {
            let Some(counter) = counters.get_mut(&one.holder) else { continue };
            // What was counted in a window that is over is gone with it.
            for (window, number) in [(&mut counter.hour, one.hour), (&mut counter.day, one.day)] {
                if window.number == number {
                    window.used = window.used.saturating_sub(1);
                }
            }
            counter.unsaved = true;
        }
    }
}

#[cfg(test)]
mod tests;
