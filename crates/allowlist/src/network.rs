//! One network in canonical form.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::error::ParseErrorKind;
use crate::parse::{EntryRules, parse_entry};

/// An address and a prefix length, always canonical.
///
/// Canonical means that the bits after the prefix are zero and that an IPv4-mapped network
/// (`::ffff:203.0.113.0/120`) is the IPv4 network it stands for (`203.0.113.0/24`). Two values are
/// equal exactly when they hold the same addresses. The order is IPv4 before IPv6, then by address,
/// then wider before narrower.
///
/// ```
/// use keyward_allowlist::Network;
///
/// let office: Network = "203.0.113.0/24".parse()?;
/// assert!(office.contains("203.0.113.9".parse().unwrap()));
/// assert!(office.contains("::ffff:203.0.113.9".parse().unwrap()));
/// assert_eq!("::ffff:cb00:7105".parse::<Network>()?.to_string(), "203.0.113.5/32");
/// # Ok::<(), keyward_allowlist::ParseErrorKind>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    // Invariant: canonical, see above. Derived `Ord` depends on the order of the fields.
    address: IpAddr,
    prefix_len: u8,
}

impl Network {
    /// The network of `addr` and `prefix_len`, made canonical.
    ///
    /// This checks form only; whether a network may stand in a list (`/0`, reserved space) is a
    /// matter of [`parse_entry`] and its [`EntryRules`].
    ///
    /// # Errors
    /// [`ParseErrorKind::Prefix`] when the length is over 32 or 128,
    /// [`ParseErrorKind::MappedPrefixTooShort`] for an IPv4-mapped address with a length under 96,
    /// and [`ParseErrorKind::HostBitsSet`] when a bit after the prefix is one: cutting it off
    /// silently would let in more addresses than were written.
    pub fn new(addr: IpAddr, prefix_len: u8) -> Result<Self, ParseErrorKind> {
        let network = Self::truncated(addr, prefix_len)?;
        let host = addr.to_canonical();
        if network.address == host {
            Ok(network)
        } else {
            Err(ParseErrorKind::HostBitsSet { network, host })
        }
    }

    /// The network that holds `addr` alone: a `/32` or a `/128`.
    #[must_use]
    pub const fn host(addr: IpAddr) -> Self {
        match addr.to_canonical() {
            address @ IpAddr::V4(_) => Self { address, prefix_len: 32 },
            address @ IpAddr::V6(_) => Self { address, prefix_len: 128 },
        }
    }

    /// The network of that length that `addr` lies in. For grouping addresses, never for lists:
    /// what somebody wrote into a list must be a network by itself ([`Network::new`]).
    ///
    /// # Errors
    /// As [`Network::new`], host bits aside.
    ///
    /// ```
    /// use keyward_allowlist::Network;
    ///
    /// let around = Network::around("203.0.113.9".parse().unwrap(), 24)?;
    /// assert_eq!(around.to_string(), "203.0.113.0/24");
    /// # Ok::<(), keyward_allowlist::ParseErrorKind>(())
    /// ```
    pub fn around(addr: IpAddr, prefix_len: u8) -> Result<Self, ParseErrorKind> {
        Self::truncated(addr, prefix_len)
    }

    /// The network around `addr`, its host bits cut off.
    pub(crate) fn truncated(addr: IpAddr, prefix_len: u8) -> Result<Self, ParseErrorKind> {
        match addr {
            IpAddr::V4(v4) => {
                let host_bits = 32_u8.checked_sub(prefix_len).ok_or(ParseErrorKind::Prefix)?;
                let address = IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & !low_v4(host_bits)));
                Ok(Self { address, prefix_len })
            }
            IpAddr::V6(v6) => {
                let host_bits = 128_u8.checked_sub(prefix_len).ok_or(ParseErrorKind::Prefix)?;
                if let Some(v4) = v6.to_ipv4_mapped() {
                    return match prefix_len.checked_sub(96) {
                        Some(length) => Self::truncated(IpAddr::V4(v4), length),
                        None => Err(ParseErrorKind::MappedPrefixTooShort {
                            suggestion: Self::truncated(IpAddr::V4(v4), prefix_len).ok(),
                        }),
                    };
                }
                let address = IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !low_v6(host_bits)));
                Ok(Self { address, prefix_len })
            }
        }
    }

    /// The lowest address, which is also the one written in front of the slash.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// The number of leading bits that all addresses share: 0 to 32, or 0 to 128.
    #[must_use]
    pub const fn prefix_len(&self) -> u8 {
        self.prefix_len
    }

    /// Whether this is an IPv4 network.
    #[must_use]
    pub const fn is_ipv4(&self) -> bool {
        self.address.is_ipv4()
    }

    /// Whether `ip` lies in this network.
    ///
    /// An IPv4-mapped `ip` counts as the IPv4 address it is. The families never cover each other:
    /// `::/0` holds no IPv4 address.
    #[inline]
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.address, ip.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(ip)) => {
                (net.to_bits() ^ ip.to_bits()) <= low_v4(32_u8.saturating_sub(self.prefix_len))
            }
            (IpAddr::V6(net), IpAddr::V6(ip)) => {
                (net.to_bits() ^ ip.to_bits()) <= low_v6(128_u8.saturating_sub(self.prefix_len))
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }

    /// The lowest address.
    #[must_use]
    pub const fn first(&self) -> IpAddr {
        self.address
    }

    /// The highest address.
    #[must_use]
    pub fn last(&self) -> IpAddr {
        match self.address {
            IpAddr::V4(v4) => {
                let host = low_v4(32_u8.saturating_sub(self.prefix_len));
                IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() | host))
            }
            IpAddr::V6(v6) => {
                let host = low_v6(128_u8.saturating_sub(self.prefix_len));
                IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() | host))
            }
        }
    }

    /// Whether every address of `other` lies in this network.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.prefix_len <= other.prefix_len && self.contains(other.address)
    }
}

/// An IPv4 mask of the lowest `bits` bits.
fn low_v4(bits: u8) -> u32 {
    u32::MAX.checked_shr(32_u32.saturating_sub(u32::from(bits))).unwrap_or(0)
}

/// An IPv6 mask of the lowest `bits` bits.
fn low_v6(bits: u8) -> u128 {
    u128::MAX.checked_shr(128_u32.saturating_sub(u32::from(bits))).unwrap_or(0)
}

/// Writes the canonical form, always with its length: `203.0.113.5/32`, `2001:db8::/32`.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_len)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Network({self})")
    }
}

/// The same as [`parse_entry`] with the default rules.
impl FromStr for Network {
    type Err = ParseErrorKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_entry(text, &EntryRules::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn any_network_holds_its_family_only() {
        let any4 = Network::new(ip("0.0.0.0"), 0).unwrap();
        let any6 = Network::new(ip("::"), 0).unwrap();
        assert!(any4.contains(ip("255.255.255.255")) && !any4.contains(ip("::1")));
        assert!(any6.contains(ip("ffff::")) && !any6.contains(ip("::ffff:1.2.3.4")));
        assert_eq!(any4.last(), ip("255.255.255.255"));
        assert_eq!(any6.last(), ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
    }

    #[test]
    fn mapped_networks_are_ipv4_networks() {
        let network = Network::new(ip("::ffff:10.0.0.0"), 104).unwrap();
        assert_eq!(network.to_string(), "10.0.0.0/8");
        assert!(network.is_ipv4());
        assert!(matches!(
            Network::new(ip("::ffff:10.0.0.0"), 95),
            Err(ParseErrorKind::MappedPrefixTooShort { suggestion: None })
        ));
    }

    #[test]
    fn host_bits_are_refused_and_lengths_bounded() {
        assert!(matches!(
            Network::new(ip("203.0.113.5"), 24),
            Err(ParseErrorKind::HostBitsSet { .. })
        ));
        assert_eq!(Network::new(ip("203.0.113.5"), 33), Err(ParseErrorKind::Prefix));
        assert_eq!(Network::new(ip("2001:db8::"), 129), Err(ParseErrorKind::Prefix));
        assert_eq!(Network::new(ip("::ffff:1.2.3.4"), 129), Err(ParseErrorKind::Prefix));
    }

    #[test]
    fn covers_is_containment_of_ranges() {
        let wide: Network = "10.0.0.0/8".parse().unwrap();
        let narrow: Network = "10.1.0.0/16".parse().unwrap();
        assert!(wide.covers(&narrow) && wide.covers(&wide) && !narrow.covers(&wide));
        assert!(wide < narrow, "the order puts the wider of two nested networks first");
    }
}
