//! Made-up lists like those of real providers, the same in every run.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use keyward_allowlist::Network;

/// `SplitMix64`: small, seeded, good enough for made-up data.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// Below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// Spreads a number over 64 bits; without repeats.
pub(crate) const fn mix(number: u64) -> u64 {
    let a = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let b = (a ^ (a >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    b ^ (b >> 31)
}

/// A made-up list: its networks as they would be written, in random order.
pub(crate) struct List {
    pub(crate) name: &'static str,
    pub(crate) networks: Vec<Network>,
}

/// What is measured per list; the same networks in the peers' types.
impl List {
    pub(crate) fn v4(&self) -> Vec<Ipv4Net> {
        self.networks.iter().filter_map(|network| v4_net(*network)).collect()
    }

    pub(crate) fn v6(&self) -> Vec<Ipv6Net> {
        self.networks.iter().filter_map(|network| v6_net(*network)).collect()
    }

    /// `2^power` addresses, half of them inside one of the networks, half anywhere.
    pub(crate) fn queries(&self, power: u32, seed: u64) -> Vec<IpAddr> {
        let mut random = Random::new(seed);
        let draw = |_| {
            let network = self.networks[random.below(self.networks.len() as u64) as usize];
            if random.below(2) == 0 {
                inside(network, random.next())
            } else {
                anywhere(network, random.next())
            }
        };
        (0..1_u32 << power).map(draw).collect()
    }
}

pub(crate) fn ip_net(network: Network) -> Option<IpNet> {
    v4_net(network).map(IpNet::V4).or_else(|| v6_net(network).map(IpNet::V6))
}

fn v4_net(network: Network) -> Option<Ipv4Net> {
    match network.address() {
        IpAddr::V4(address) => Ipv4Net::new(address, network.prefix_len()).ok(),
        IpAddr::V6(_) => None,
    }
}

fn v6_net(network: Network) -> Option<Ipv6Net> {
    match network.address() {
        IpAddr::V4(_) => None,
        IpAddr::V6(address) => Ipv6Net::new(address, network.prefix_len()).ok(),
    }
}

pub(crate) fn inside(network: Network, random: u64) -> IpAddr {
    match (network.first(), network.last()) {
        (IpAddr::V4(first), IpAddr::V4(last)) => {
            let span = u64::from(last.to_bits() - first.to_bits()) + 1;
            IpAddr::V4(Ipv4Addr::from_bits(first.to_bits() + (random % span) as u32))
        }
        (IpAddr::V6(first), IpAddr::V6(last)) => {
            let span = last.to_bits() - first.to_bits();
            let offset = u128::from(random) << 64 | u128::from(mix(random));
            IpAddr::V6(Ipv6Addr::from_bits(first.to_bits() + (offset & span)))
        }
        (first, _) => first,
    }
}

/// Any address of the family; in IPv6 of the space that is in use.
fn anywhere(network: Network, random: u64) -> IpAddr {
    if network.is_ipv4() {
        return IpAddr::V4(Ipv4Addr::from_bits(random as u32));
    }
    let used = [0x2001_u64, 0x2400, 0x2406, 0x2600, 0x2605, 0x2a00, 0x2a05];
    let high = used[(random % 7) as usize] << 48 | mix(random) >> 16;
    IpAddr::V6(Ipv6Addr::from_bits(u128::from(high) << 64 | u128::from(mix(high))))
}

pub(crate) fn v4(bits: u32, length: u8) -> Option<Network> {
    let address = bits & u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
    Network::new(IpAddr::V4(Ipv4Addr::from_bits(address)), length).ok()
}

fn v6(bits: u128, length: u8) -> Option<Network> {
    let address = bits & u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
    Network::new(IpAddr::V6(Ipv6Addr::from_bits(address)), length).ok()
}

/// Like Amazon's IPv4 ranges: about 7,900 prefixes that make about 930 ranges, because most stand
/// beside or inside others.
pub(crate) fn aws4() -> List {
    const BLOCKS: [u32; 32] = [
        3, 13, 15, 16, 18, 23, 34, 35, 43, 44, 46, 47, 50, 51, 52, 54, 56, 57, 63, 64, 65, 67, 75,
        76, 98, 99, 100, 108, 122, 150, 184, 205,
    ];
    let mut random = Random::new(4);
    let mut networks = Vec::new();
    for _ in 0..990 {
        // A block cut into neighbours, a few of them left out at its ends.
        let block_length = 16 + random.below(7) as u8;
        let cuts = 2 + random.below(3) as u8;
        let first = BLOCKS[random.below(32) as usize] << 24 | (random.next() as u32 & 0x00ff_ffff);
        let Some(block) = v4(first, block_length) else { continue };
        let IpAddr::V4(base) = block.first() else { continue };
        let pieces = 1_u32 << cuts;
        let length = block_length + cuts;
        let (skipped, kept) = (random.below(2) as u32, pieces - random.below(3) as u32);
        for piece in skipped..kept {
            networks.extend(v4(base.to_bits() + (piece << (32 - length)), length));
        }
        // Prefixes inside prefixes.
        if random.below(4) == 0 {
            networks.extend(v4(base.to_bits() + (1 << (31 - block_length)), length + 2));
        }
    }
    networks.truncate(7904);
    List { name: "aws4", networks: shuffled(networks, &mut random) }
}

/// Like Amazon's IPv6 ranges: about 3,100 prefixes that make about 1,900 ranges.
pub(crate) fn aws6() -> List {
    const BLOCKS: [u128; 6] =
        [0x2600_1f00, 0x2406_da00, 0x2a05_d000, 0x2605_9cc0, 0x2620_0107, 0x2400_6500];
    let mut random = Random::new(6);
    let mut networks = Vec::new();
    while networks.len() < 3108 {
        let block = BLOCKS[random.below(6) as usize] << 96;
        let length = [36, 40, 40, 44, 46, 48, 48, 56][random.below(8) as usize];
        let bits = block | u128::from(random.next()) << 40;
        networks.extend(v6(bits, length));
        // Often the neighbour too, or a part.
        match random.below(10) {
            0..3 => networks.extend(v6(bits ^ 1 << (128 - u32::from(length)), length)),
            3..6 => networks.extend(v6(bits, length + 4)),
            _ => {}
        }
    }
    List { name: "aws6", networks: shuffled(networks, &mut random) }
}

/// Like half the countries of a geolocation table: about 365,000 prefixes, about 94,000 ranges.
pub(crate) fn country4() -> List {
    let mut random = Random::new(44);
    let mut networks = Vec::new();
    let mut cursor = 1_u64 << 24;
    while networks.len() < 365_542 && cursor < 223 << 24 {
        // A gap, then one to seven neighbours of falling size, aligned as prefixes must be.
        cursor += 256 * (1 + random.below(150));
        let small = random.below(10) == 0;
        let mut bits = if small { 3 + random.below(5) } else { 8 + random.below(6) };
        cursor = cursor.next_multiple_of(1 << bits);
        for _ in 0..1 + random.below(7) {
            networks.extend(v4(cursor as u32, 32 - bits as u8));
            cursor += 1 << bits;
            bits -= random.below(2).min(bits);
        }
    }
    List { name: "country4", networks: shuffled(networks, &mut random) }
}

/// Random prefixes: hosts mostly.
pub(crate) fn random4(count: usize) -> List {
    let mut random = Random::new(1_000_000);
    let draw = |_| {
        let length = match random.below(15) {
            0..9 => 32,
            9..11 => 24,
            11..13 => 28,
            _ => 22,
        };
        v4(random.next() as u32, length)
    };
    List { name: "rand4-1m", networks: (0..count).filter_map(draw).collect() }
}

fn shuffled(mut networks: Vec<Network>, random: &mut Random) -> Vec<Network> {
    for place in (1..networks.len()).rev() {
        networks.swap(place, random.below(place as u64 + 1) as usize);
    }
    networks
}
