//! What Actions remember from one run to the next: `api.cache`.
//!
//! There is one cache for the trigger, in the memory of this process. It is a convenience: what
//! finds no room is not kept, and a restart forgets all of it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::wire::CacheWrite;

/// The most entries (as Auth0's).
pub const ENTRIES_MAX: usize = 20;
/// The most bytes of a key (as Auth0's).
pub const KEY_BYTES_MAX: usize = 64;
/// The most bytes of a value (as Auth0's).
pub const VALUE_BYTES_MAX: usize = 4 * 1024;
/// The most bytes of all keys and values together (as Auth0's).
pub const TOTAL_BYTES_MAX: usize = 8 * 1024;
/// How long an entry lives at most, in milliseconds (as Auth0's).
pub const LIFE_MS_MAX: i64 = 24 * 60 * 60 * 1_000;
/// How long an entry lives that says nothing, in milliseconds (as Auth0's).
pub const LIFE_MS_DEFAULT: i64 = 15 * 60 * 1_000;

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CacheEntry {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// When it ends, in milliseconds since the Unix epoch.
    pub expires_at: i64,
}

impl CacheEntry {
    fn bytes(&self) -> usize {
        self.key.len().saturating_add(self.value.len())
    }
}

/// Why a write is refused (as Auth0's).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheFault {
    /// The key is too long.
    CacheKeySizeExceeded,
    /// The value is too long.
    CacheValueSizeExceeded,
    /// There is no room.
    CacheSizeExceeded,
    /// It would have ended already.
    ItemAlreadyExpired,
    /// There is no such key.
    CacheKeyDoesNotExist,
    /// The script wrote too often.
    MaxSideEffectsExceeded,
}

impl CacheFault {
    /// As scripts see it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::CacheKeySizeExceeded => "CacheKeySizeExceeded",
            Self::CacheValueSizeExceeded => "CacheValueSizeExceeded",
            Self::CacheSizeExceeded => "CacheSizeExceeded",
            Self::ItemAlreadyExpired => "ItemAlreadyExpired",
            Self::CacheKeyDoesNotExist => "CacheKeyDoesNotExist",
            Self::MaxSideEffectsExceeded => "MaxSideEffectsExceeded",
        }
    }
}

/// The entries, as a run sees them and as they are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entries(Vec<CacheEntry>);

impl Entries {
    /// Those of a list that live.
    #[must_use]
    pub fn live(list: Vec<CacheEntry>, now_ms: i64) -> Self {
        Self(list.into_iter().filter(|entry| entry.expires_at > now_ms).collect())
    }

    /// The entry of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&CacheEntry> {
        self.0.iter().find(|entry| entry.key == key)
    }

    /// Keeps an entry, in place of one with the same key.
    ///
    /// # Errors
    /// When it, or all of them, would be too large, or it would live no more.
    pub fn set(&mut self, entry: CacheEntry, now_ms: i64) -> Result<(), CacheFault> {
        if entry.key.len() > KEY_BYTES_MAX {
            return Err(CacheFault::CacheKeySizeExceeded);
        }
        if entry.value.len() > VALUE_BYTES_MAX {
            return Err(CacheFault::CacheValueSizeExceeded);
        }
        if entry.expires_at <= now_ms {
            return Err(CacheFault::ItemAlreadyExpired);
        }
        self.0.retain(|old| old.expires_at > now_ms);
        let others = || self.0.iter().filter(|old| old.key != entry.key);
        let bytes = others().map(CacheEntry::bytes).fold(entry.bytes(), usize::saturating_add);
        if others().count() >= ENTRIES_MAX || bytes > TOTAL_BYTES_MAX {
            return Err(CacheFault::CacheSizeExceeded);
        }
        let entry = CacheEntry {
            expires_at: entry.expires_at.min(now_ms.saturating_add(LIFE_MS_MAX)),
            ..entry
        };
        self.0.retain(|old| old.key != entry.key);
        self.0.push(entry);
        Ok(())
    }

    /// Forgets a key.
    ///
    /// # Errors
    /// When there is none.
    pub fn delete(&mut self, key: &str) -> Result<(), CacheFault> {
        let before = self.0.len();
        self.0.retain(|entry| entry.key != key);
        if self.0.len() == before { Err(CacheFault::CacheKeyDoesNotExist) } else { Ok(()) }
    }
}

/// The cache of a trigger.
#[derive(Debug, Default)]
pub struct Cache(Mutex<Entries>);

impl Cache {
    /// What lives in it now.
    #[must_use]
    pub fn entries(&self, now_ms: i64) -> Vec<CacheEntry> {
        Entries::live(self.lock().0.clone(), now_ms).0
    }

    /// Applies what a run wrote. What finds no room any more, because another run wrote meanwhile,
    /// is not kept.
    pub fn apply(&self, writes: &[CacheWrite], now_ms: i64) {
        let mut entries = self.lock();
        for write in writes {
            let _no_room = match write {
                CacheWrite::Set(entry) => entries.set(entry.clone(), now_ms),
                CacheWrite::Delete(key) => entries.delete(key),
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str, value: &str, expires_at: i64) -> CacheEntry {
        CacheEntry { key: key.to_owned(), value: value.to_owned(), expires_at }
    }

    #[test]
    fn every_limit_holds() {
        let mut entries = Entries::default();
        let long = "k".repeat(KEY_BYTES_MAX + 1);
        assert_eq!(entries.set(entry(&long, "", 9), 1), Err(CacheFault::CacheKeySizeExceeded));
        let long = "v".repeat(VALUE_BYTES_MAX + 1);
        assert_eq!(entries.set(entry("a", &long, 9), 1), Err(CacheFault::CacheValueSizeExceeded));
        assert_eq!(entries.set(entry("a", "", 1), 1), Err(CacheFault::ItemAlreadyExpired));
        let half = "v".repeat(VALUE_BYTES_MAX - 1);
        assert_eq!(entries.set(entry("a", &half, 9), 1), Ok(()));
        assert_eq!(entries.set(entry("b", &half, 9), 1), Ok(()));
        assert_eq!(entries.set(entry("c", "x", 9), 1), Err(CacheFault::CacheSizeExceeded));
        assert_eq!(entries.set(entry("b", "x", 9), 1), Ok(()), "in place of the old one");
        for number in 0..ENTRIES_MAX - 2 {
            assert_eq!(entries.set(entry(&number.to_string(), "", 9), 1), Ok(()));
        }
        assert_eq!(entries.set(entry("more", "", 9), 1), Err(CacheFault::CacheSizeExceeded));
        assert_eq!(entries.delete("a"), Ok(()));
        assert_eq!(entries.delete("a"), Err(CacheFault::CacheKeyDoesNotExist));
        assert_eq!(entries.set(entry("more", "", 9), 1), Ok(()));
    }

    #[test]
    fn an_entry_ends() {
        let cache = Cache::default();
        let far = i64::MAX;
        cache.apply(
            &[CacheWrite::Set(entry("a", "1", 5)), CacheWrite::Set(entry("b", "2", far))],
            1,
        );
        assert_eq!(cache.entries(4).len(), 2);
        let left = cache.entries(5);
        assert_eq!(left, [entry("b", "2", 1 + LIFE_MS_MAX)], "and lives no longer than it may");
        cache.apply(&[CacheWrite::Delete("b".to_owned())], 5);
        assert!(cache.entries(5).is_empty());
    }
}
