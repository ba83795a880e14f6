//! What may be used once: client assertions (RFC 7523 §3) and proofs of possession (RFC 9449 §11.1).
//!
//! Only digests are kept, each until what it stands for has ended by itself, so memory is bounded by
//! the capacity. When there is no more room nothing is forgotten early: the next one is refused.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::time::Timestamp;

/// Why something may not be used now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NotClaimed {
    /// It was used before, or it cannot be told any more that it was not.
    #[error("it was used before")]
    Seen,
    /// As many are remembered as may be. Nothing is let through unremembered.
    #[error("too many are remembered")]
    Full,
}

/// Remembers what was used until it ends. Shared by all threads.
pub struct ReplayCache {
    capacity: usize,
    inner: Mutex<Inner>,
}

struct Inner {
    seen: HashSet<[u8; 16]>,
    ends: BinaryHeap<Reverse<(Timestamp, [u8; 16])>>,
    /// The latest end that was forgotten. Should the clock go back, what ended until then cannot be
    /// told from something new.
    forgotten_until: Timestamp,
}

impl ReplayCache {
    /// A cache that remembers at most `capacity` things at a time, at about 64 bytes each.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let inner = Inner {
            seen: HashSet::new(),
            ends: BinaryHeap::new(),
            forgotten_until: Timestamp::from_millis(i64::MIN),
        };
        Self { capacity, inner: Mutex::new(inner) }
    }

    /// Uses something, named by the first half of a SHA-256 over all that makes it the one it is
    /// (holder and id, joined unambiguously). `expires_at` is the moment from which on it is
    /// refused for its age alone; until then it is remembered.
    ///
    /// Of two claims at once one succeeds.
    ///
    /// # Errors
    /// [`NotClaimed`]; it must be refused then.
    pub fn claim(
        &self,
        id: [u8; 16],
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), NotClaimed> {
        // A panic while it was held leaves at most one entry that ends by itself.
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.forget_ended(now);
        if expires_at <= inner.forgotten_until || inner.seen.contains(&id) {
            return Err(NotClaimed::Seen);
        }
        if inner.seen.len() >= self.capacity {
            return Err(NotClaimed::Full);
        }
        inner.seen.insert(id);
        inner.ends.push(Reverse((expires_at, id)));
        Ok(())
    }

    /// How many are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).seen.len()
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Inner {
    fn forget_ended(&mut self, now: Timestamp) {
        while let Some(Reverse((end, id))) = self.ends.peek().copied() {
            if end > now {
                return;
            }
            self.ends.pop();
            self.seen.remove(&id);
            self.forgotten_until = self.forgotten_until.max(end);
        }
    }
}

impl fmt::Debug for ReplayCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayCache")
            .field("capacity", &self.capacity)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn id(number: u8) -> [u8; 16] {
        [number; 16]
    }

    #[test]
    fn everything_is_good_once() {
        let cache = ReplayCache::new(10);
        assert_eq!(cache.claim(id(1), at(60), at(0)), Ok(()));
        assert_eq!(cache.claim(id(1), at(60), at(59)), Err(NotClaimed::Seen));
        assert_eq!(cache.claim(id(2), at(60), at(59)), Ok(()));
        // Another end does not make it another thing.
        assert_eq!(cache.claim(id(2), at(90), at(59)), Err(NotClaimed::Seen));
    }

    #[test]
    fn what_has_ended_makes_room_and_nothing_else_does() {
        let cache = ReplayCache::new(2);
        assert_eq!(cache.claim(id(1), at(10), at(0)), Ok(()));
        assert_eq!(cache.claim(id(2), at(20), at(0)), Ok(()));
        assert_eq!(cache.claim(id(3), at(30), at(9)), Err(NotClaimed::Full));
        assert_eq!(cache.claim(id(3), at(30), at(10)), Ok(()));
        assert_eq!(cache.len(), 2);
        assert_eq!(cache.claim(id(4), at(40), at(10)), Err(NotClaimed::Full));
        assert_eq!(cache.claim(id(2), at(20), at(19)), Err(NotClaimed::Seen));
    }

    #[test]
    fn a_clock_that_goes_back_brings_nothing_back() {
        let cache = ReplayCache::new(10);
        assert_eq!(cache.claim(id(1), at(10), at(0)), Ok(()));
        assert_eq!(cache.claim(id(2), at(200), at(100)), Ok(()));
        assert_eq!(cache.len(), 1);
        assert_eq!(cache.claim(id(1), at(10), at(5)), Err(NotClaimed::Seen));
        assert_eq!(cache.claim(id(3), at(11), at(5)), Ok(()));
    }

    #[test]
    fn of_many_at_once_one_succeeds() {
        let cache = ReplayCache::new(1_000);
        let won = std::thread::scope(|scope| {
            let claims: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        (0..100).filter(|n| cache.claim(id(*n), at(60), at(0)).is_ok()).count()
                    })
                })
                .collect();
            claims.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
        });
        assert_eq!(won, 100);
    }
}
