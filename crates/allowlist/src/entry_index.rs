//! Explanation: which of the entries holds this address?

use std::fmt;
use std::net::IpAddr;

use crate::network::Network;
use crate::set::rank::{Key, Rank};

/// Marks a stretch of addresses that no entry holds.
const NOBODY: u32 = u32::MAX;

/// Answers which entry of a list holds an address: the most specific one.
///
/// This is for explanations and reports; [`NetworkSet`](crate::NetworkSet) is smaller and faster
/// when the answer is only needed as yes or no.
///
/// ```
/// use keyward_allowlist::{EntryIndex, Network};
///
/// let entries = ["10.0.0.0/8".parse()?, "10.1.0.0/16".parse()?];
/// let index = EntryIndex::compile(&entries);
/// assert_eq!(index.find("10.1.2.3".parse().unwrap()), Some(1));
/// assert_eq!(index.find("10.2.0.1".parse().unwrap()), Some(0));
/// assert_eq!(index.find("192.0.2.1".parse().unwrap()), None);
/// # Ok::<(), keyward_allowlist::ParseErrorKind>(())
/// ```
#[derive(Clone)]
pub struct EntryIndex {
    v4: Stretches<u32>,
    v6: Stretches<u128>,
}

/// Neighbouring stretches of addresses, each with the entry that decides there.
#[derive(Clone)]
struct Stretches<K> {
    starts: Rank<K>,
    entries: Box<[u32]>,
}

/// An entry as a range: first address, prefix length, position in the list, last address.
type Range<K> = (K, u8, u32, K);

impl EntryIndex {
    /// Compiles `networks`, in any order. Of equal ones the first is the one that is found.
    ///
    /// Entries beyond the four-billionth are not found.
    #[must_use]
    pub fn compile(networks: &[Network]) -> Self {
        let mut v4 = Vec::new();
        let mut v6 = Vec::new();
        for (entry, network) in (0..NOBODY).zip(networks) {
            let length = network.prefix_len();
            match (network.first(), network.last()) {
                (IpAddr::V4(first), IpAddr::V4(last)) => {
                    v4.push((first.to_bits(), length, entry, last.to_bits()));
                }
                (IpAddr::V6(first), IpAddr::V6(last)) => {
                    v6.push((first.to_bits(), length, entry, last.to_bits()));
                }
                // A network has one family.
                (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {}
            }
        }
        Self {
            v4: Stretches::new(v4, |last| last.checked_add(1)),
            v6: Stretches::new(v6, |last| last.checked_add(1)),
        }
    }

    /// The position, in what was compiled, of the most specific network that holds `ip`.
    ///
    /// An IPv4-mapped `ip` counts as the IPv4 address it is. Nothing is allocated.
    #[must_use]
    pub fn find(&self, ip: IpAddr) -> Option<usize> {
        let entry = match ip.to_canonical() {
            IpAddr::V4(ip) => self.v4.find(ip.to_bits()),
            IpAddr::V6(ip) => self.v6.find(ip.to_bits()),
        };
        entry.and_then(|entry| usize::try_from(entry).ok())
    }

    /// How many bytes the index takes on the heap.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.v4.memory_bytes().saturating_add(self.v6.memory_bytes())
    }
}

impl Default for EntryIndex {
    fn default() -> Self {
        Self::compile(&[])
    }
}

impl fmt::Debug for EntryIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntryIndex").field("memory_bytes", &self.memory_bytes()).finish()
    }
}

impl<K: Key> Stretches<K> {
    /// Cuts nested ranges into stretches. Networks are nested or disjoint, never crossing, so a
    /// stack of the ranges that are open is enough.
    fn new(mut ranges: Vec<Range<K>>, next: fn(K) -> Option<K>) -> Self {
        ranges.sort_unstable_by_key(|(first, length, entry, _)| (*first, *length, *entry));
        // Equal networks: the first in the list stays.
        ranges.dedup_by_key(|(first, length, ..)| (*first, *length));
        let mut cut = Cut { starts: Vec::new(), entries: Vec::new() };
        let mut open: Vec<(K, u32)> = Vec::new();
        for (first, _, entry, last) in ranges {
            while let Some((end, _)) = open.pop_if(|(end, _)| *end < first) {
                cut.close(&open, next(end));
            }
            cut.begin(first, entry);
            open.push((last, entry));
        }
        while let Some((end, _)) = open.pop() {
            cut.close(&open, next(end));
        }
        Self { starts: Rank::new(cut.starts), entries: cut.entries.into_boxed_slice() }
    }

    fn find(&self, key: K) -> Option<u32> {
        let stretch = self.starts.rank(key).checked_sub(1)?;
        self.entries.get(stretch).copied().filter(|entry| *entry != NOBODY)
    }

    fn memory_bytes(&self) -> usize {
        self.starts.memory_bytes().saturating_add(size_of_val::<[u32]>(&self.entries))
    }
}

/// Stretches in the making.
struct Cut<K> {
    starts: Vec<K>,
    entries: Vec<u32>,
}

impl<K: Key> Cut<K> {
    /// A range has ended: behind it the one around it decides, or nobody.
    fn close(&mut self, open: &[(K, u32)], behind: Option<K>) {
        if let Some(behind) = behind {
            self.begin(behind, open.last().map_or(NOBODY, |(_, entry)| *entry));
        }
    }

    /// From `start` on `entry` decides; it replaces what began at the same address.
    fn begin(&mut self, start: K, entry: u32) {
        if self.starts.last() == Some(&start) {
            self.starts.pop();
            self.entries.pop();
        }
        if self.entries.last() != Some(&entry) {
            self.starts.push(start);
            self.entries.push(entry);
        }
    }
}
