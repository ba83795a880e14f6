//! Membership: is this address in any of these networks?

use std::fmt;
use std::mem::size_of;
use std::net::IpAddr;

use crate::network::Network;
use bitmap::Bitmap;
use ranges::{Cidr, cidrs, merged};
use rank::Rank;

mod bitmap;
mod few;
mod ranges;
pub(crate) mod rank;

/// A set of this many networks, after merging, is kept as a list of them.
const FEW_MAX: usize = 8;
/// From this many bounds of ranges on, IPv4 is kept as a bitmap; it takes 24 KiB at least.
const BITMAP_BOUNDS_MIN: usize = 512;

/// The addresses of any number of networks, compiled for one question: is this address among them?
///
/// Overlapping and adjacent networks are merged first, then one of three forms is chosen by size:
///
/// | after merging | form | look-up |
/// |---|---|---|
/// | up to 5 IPv4 networks | inside the value itself, nothing on the heap | compare all, no branch |
/// | up to 8 networks | 4 bytes for each IPv4 and 16 for each IPv6 network | compare all, no branch |
/// | more | sorted ranges; from 256 IPv4 ranges on a bitmap of `/16` blocks; an index for IPv6 | one short search |
///
/// A value takes 24 bytes beside its heap part, so that millions of them can be held. Nothing is
/// allocated by a look-up.
///
/// ```
/// use keyward_allowlist::NetworkSet;
///
/// let set = NetworkSet::compile(&["203.0.113.0/24".parse()?, "2001:db8::/32".parse()?]);
/// assert!(set.contains("203.0.113.9".parse().unwrap()));
/// assert!(set.contains("::ffff:203.0.113.9".parse().unwrap()));
/// assert!(!set.contains("203.0.114.1".parse().unwrap()));
/// assert!(!NetworkSet::default().contains("203.0.113.9".parse().unwrap()));
/// # Ok::<(), keyward_allowlist::ParseErrorKind>(())
/// ```
#[derive(Clone)]
pub struct NetworkSet(Shape);

#[derive(Clone)]
enum Shape {
    /// One to five IPv4 networks; unused places repeat the last one.
    Inline { hosts: u8, ranges: u8, entries: [u32; few::INLINE_MAX] },
    /// Six to eight IPv4 networks, in as many places whatever their number: a loop of known length
    /// is not mispredicted.
    Beside { hosts: u8, ranges: u8, entries: Box<[u32; few::BESIDE_MAX]> },
    /// Up to eight networks: the IPv4 ones, then four words for each IPv6 one.
    Few { v4: u8, v4_hosts: u8, v6_hosts: u8, ranges: u8, words: Box<[u32]> },
    /// Ranges, indexed by family.
    Many(Box<Many>),
}

#[derive(Clone)]
struct Many {
    v4: Ranges4,
    v6: Ranges6,
    ranges: usize,
}

/// The bounds of merged ranges: an address is inside when the number of bounds up to it is odd.
#[derive(Clone)]
enum Ranges4 {
    Sorted(Box<[u32]>),
    Bitmap(Bitmap),
}

#[derive(Clone)]
enum Ranges6 {
    /// Every bound is a multiple of 2^64, so that the upper half decides. The usual case.
    High(Rank<u64>),
    Full(Rank<u128>),
}

/// The empty set, which holds no address.
impl Default for NetworkSet {
    fn default() -> Self {
        Self(Shape::Few { v4: 0, v4_hosts: 0, v6_hosts: 0, ranges: 0, words: Box::default() })
    }
}

impl NetworkSet {
    /// Compiles `networks`, in any order, overlapping or not.
    #[must_use]
    pub fn compile(networks: &[Network]) -> Self {
        let mut v4 = Vec::new();
        let mut v6 = Vec::new();
        for network in networks {
            match (network.first(), network.last()) {
                (IpAddr::V4(first), IpAddr::V4(last)) => v4.push((first.to_bits(), last.to_bits())),
                (IpAddr::V6(first), IpAddr::V6(last)) => v6.push((first.to_bits(), last.to_bits())),
                // A network has one family.
                (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {}
            }
        }
        let (v4, v6) = (merged(v4), merged(v6));
        let ranges = v4.len().saturating_add(v6.len());
        if let Some(v4_few) = cidrs(&v4, FEW_MAX)
            && let Some(v6_few) = cidrs(&v6, FEW_MAX.saturating_sub(v4_few.len()))
        {
            return Self(few_shape(&v4_few, &v6_few, u8::try_from(ranges).unwrap_or(u8::MAX)));
        }
        let (v4, v6) = (ranges::bounds(&v4), ranges::bounds(&v6));
        let v4 = if v4.len() < BITMAP_BOUNDS_MIN {
            Ranges4::Sorted(v4.into_boxed_slice())
        } else {
            Ranges4::Bitmap(Bitmap::new(&v4))
        };
        let high: Option<Vec<u64>> = v6.iter().map(|bound| upper_half_only(*bound)).collect();
        let v6 = match high {
            Some(high) => Ranges6::High(Rank::new(high)),
            None => Ranges6::Full(Rank::new(v6)),
        };
        Self(Shape::Many(Box::new(Many { v4, v6, ranges })))
    }

    /// Whether `ip` lies in any of the networks.
    ///
    /// An IPv4-mapped `ip` counts as the IPv4 address it is.
    #[inline]
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        match ip.to_canonical() {
            IpAddr::V4(ip) => self.contains_v4(ip.to_bits()),
            IpAddr::V6(ip) => self.contains_v6(ip.to_bits()),
        }
    }

    #[inline]
    fn contains_v4(&self, ip: u32) -> bool {
        match &self.0 {
            Shape::Inline { hosts, entries, .. } => few::any_v4(entries, *hosts, ip),
            Shape::Beside { hosts, entries, .. } => few::any_v4(entries.as_slice(), *hosts, ip),
            Shape::Few { v4, v4_hosts, words, .. } => words
                .get(..usize::from(*v4))
                .is_some_and(|entries| few::any_v4(entries, *v4_hosts, ip)),
            Shape::Many(many) => match &many.v4 {
                Ranges4::Sorted(bounds) => is_odd(rank::count_up_to(bounds, ip)),
                Ranges4::Bitmap(bitmap) => bitmap.contains(ip),
            },
        }
    }

    #[inline]
    fn contains_v6(&self, ip: u128) -> bool {
        match &self.0 {
            Shape::Inline { .. } | Shape::Beside { .. } => false,
            Shape::Few { v4, v6_hosts, words, .. } => words
                .get(usize::from(*v4)..)
                .is_some_and(|entries| few::any_v6(entries, *v6_hosts, ip)),
            Shape::Many(many) => is_odd(match &many.v6 {
                Ranges6::High(bounds) => bounds.rank(upper_half(ip)),
                Ranges6::Full(bounds) => bounds.rank(ip),
            }),
        }
    }

    /// Whether the set holds no address at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.range_count() == 0
    }

    /// How many separate ranges of addresses are left after merging.
    #[must_use]
    pub fn range_count(&self) -> usize {
        match &self.0 {
            Shape::Inline { ranges, .. }
            | Shape::Beside { ranges, .. }
            | Shape::Few { ranges, .. } => usize::from(*ranges),
            Shape::Many(many) => many.ranges,
        }
    }

    /// How many bytes the set takes on the heap, beside the 24 of the value itself.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        match &self.0 {
            Shape::Inline { .. } => 0,
            Shape::Beside { entries, .. } => size_of_val::<[u32]>(entries.as_slice()),
            Shape::Few { words, .. } => size_of_val::<[u32]>(words),
            Shape::Many(many) => {
                let v4 = match &many.v4 {
                    Ranges4::Sorted(bounds) => size_of_val::<[u32]>(bounds),
                    Ranges4::Bitmap(bitmap) => bitmap.memory_bytes(),
                };
                let v6 = match &many.v6 {
                    Ranges6::High(bounds) => bounds.memory_bytes(),
                    Ranges6::Full(bounds) => bounds.memory_bytes(),
                };
                size_of::<Many>().saturating_add(v4).saturating_add(v6)
            }
        }
    }
}

/// The counts only: a list may be long, and whose it is need not be in a log.
impl fmt::Debug for NetworkSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetworkSet")
            .field("range_count", &self.range_count())
            .field("memory_bytes", &self.memory_bytes())
            .finish()
    }
}

impl FromIterator<Network> for NetworkSet {
    fn from_iter<I: IntoIterator<Item = Network>>(networks: I) -> Self {
        Self::compile(&networks.into_iter().collect::<Vec<_>>())
    }
}

/// The smallest form that holds these few networks.
fn few_shape(v4: &[Cidr<u32>], v6: &[Cidr<u128>], ranges: u8) -> Shape {
    let (mut words, v4_hosts) = few::encode_v4(v4);
    if v6.is_empty() {
        // Hosts come first; when there is nothing else, the padding repeats a host.
        let hosts = if usize::from(v4_hosts) == words.len() { u8::MAX } else { v4_hosts };
        if let Some(entries) = few::padded(&words) {
            return Shape::Inline { hosts, ranges, entries };
        }
        if let Some(entries) = few::padded(&words).map(Box::new) {
            return Shape::Beside { hosts, ranges, entries };
        }
    }
    let v4 = u8::try_from(words.len()).unwrap_or(u8::MAX);
    let (v6_words, v6_hosts) = few::encode_v6(v6);
    words.extend(v6_words);
    Shape::Few { v4, v4_hosts, v6_hosts, ranges, words: words.into_boxed_slice() }
}

const fn is_odd(count: usize) -> bool {
    count & 1 == 1
}

const fn upper_half(bits: u128) -> u64 {
    (bits >> 64) as u64
}

/// The upper half, if the lower one is zero.
fn upper_half_only(bits: u128) -> Option<u64> {
    let high = upper_half(bits);
    (u128::from(high) << 64 == bits).then_some(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(networks: &[&str]) -> NetworkSet {
        networks.iter().map(|text| text.parse::<Network>().unwrap()).collect()
    }

    #[test]
    fn a_value_is_small() {
        assert_eq!(size_of::<NetworkSet>(), 24);
        assert_eq!(set(&["10.0.0.0/8", "192.0.2.1", "192.0.2.7"]).memory_bytes(), 0);
        assert_eq!(set(&["2001:db8::/32"]).memory_bytes(), 16);
    }

    #[test]
    fn networks_are_merged_first() {
        let merged = set(&["10.0.0.0/9", "10.128.0.0/9", "10.1.2.3", "11.0.0.0/8"]);
        assert_eq!(merged.range_count(), 1);
        assert!(matches!(merged.0, Shape::Inline { .. }));
        assert!(merged.contains("11.255.255.255".parse().unwrap()));
        assert!(!merged.contains("12.0.0.0".parse().unwrap()));
        let hosts: NetworkSet =
            (0..=255).map(|last| Network::host(IpAddr::from([192, 0, 2, last]))).collect();
        assert_eq!((hosts.range_count(), hosts.memory_bytes()), (1, 0));
    }

    #[test]
    fn the_empty_set_holds_nothing() {
        let empty = NetworkSet::compile(&[]);
        assert!(empty.is_empty() && empty.memory_bytes() == 0);
        assert!(!empty.contains("0.0.0.0".parse().unwrap()));
        assert!(!empty.contains("::".parse().unwrap()));
    }

    #[test]
    fn edges_of_the_address_space_are_exact() {
        let any = |text: &str| Network::new(text.parse().unwrap(), 0).unwrap();
        let everything = NetworkSet::compile(&[any("0.0.0.0"), any("::")]);
        for ip in ["0.0.0.0", "255.255.255.255", "::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"] {
            assert!(everything.contains(ip.parse().unwrap()), "{ip}");
        }
        assert!(!NetworkSet::compile(&[any("::")]).contains("192.0.2.1".parse().unwrap()));
        let last = set(&["255.255.255.255"]);
        assert!(last.contains("255.255.255.255".parse().unwrap()));
        assert!(!last.contains("255.255.255.254".parse().unwrap()));
    }
}
