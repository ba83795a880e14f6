//! A key's own list: one to eight entries, in a million keys.

use std::hint::black_box;
use std::net::IpAddr;

use ipnet::IpNet;
use keyward_allowlist::{Network, NetworkSet};

use crate::arguments::Arguments;
use crate::lists::{Random, inside, ip_net, v4};
use crate::measure::{Contender, dependent, independent, race};
use crate::memory;
use crate::report::{Table, bytes, goal, ns};

/// Keys whose lists stay in the cache.
const FEW: usize = 256;

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let many = arguments.either(1_000_000, 200_000);
    let mut table = Table::new("A key's own list (1 to 8 networks, mean 4.5), per look-up");
    let looks = arguments.either(400_000, 200_000);
    for (name, keys, power, mixed) in [
        ("warm, IPv4", FEW, 10, false),
        ("warm, one in five IPv6", FEW, 10, true),
        ("cold, IPv4", many, 18, false),
    ] {
        let lists: Vec<Vec<Network>> = (0..keys).map(|key| networks(key, mixed)).collect();
        let ours: Vec<NetworkSet> = lists.iter().map(|list| NetworkSet::compile(list)).collect();
        let peer: Vec<Vec<IpNet>> = lists.iter().map(|list| nets(list)).collect();
        let queries = queries(&lists, power);
        drop(lists);
        let set = |(key, ip): (u32, IpAddr)| ours[key as usize].contains(ip);
        let scan = |(key, ip): (u32, IpAddr)| peer[key as usize].iter().any(|n| n.contains(&ip));
        let times = race(
            name,
            looks,
            &mut [
                Contender::new("NetworkSet", |round| dependent(&queries, looks, round, set)),
                Contender::new("Vec<IpNet>", |round| dependent(&queries, looks, round, scan)),
            ],
        )?;
        let g1 = if keys == FEW && !mixed { goal("G1", 0.45) } else { None };
        let what = format!("{name}, dependent");
        table.compare(what, times[0], ("Vec<ipnet::IpNet>", times[1]), g1, ns);
        let times = race(
            name,
            looks,
            &mut [
                Contender::new("NetworkSet", |round| independent(&queries, looks, round, set)),
                Contender::new("Vec<IpNet>", |round| independent(&queries, looks, round, scan)),
            ],
        )?;
        let what = format!("{name}, independent");
        table.compare(what, times[0], ("Vec<ipnet::IpNet>", times[1]), None, ns);
    }
    let ours = memory::of("key-lists-keyward", many)?.bytes_each;
    let peer = memory::of("key-lists-ipnet", many)?.bytes_each;
    let name = "Vec<ipnet::IpNet>";
    table.compare("memory per key", ours, (name, peer), goal("G1m", 0.35), bytes);
    table.note("IPv4 lists of up to 5 networks lie inside the key's record, without heap memory");
    table.print();
    Ok(())
}

/// The list of a key: hosts, offices and the odd larger network.
pub(crate) fn networks(key: usize, mixed: bool) -> Vec<Network> {
    let mut random = Random::new(key as u64);
    let count = 1 + random.below(8);
    let draw = |_| {
        let bits = random.next();
        if mixed && random.below(5) == 0 {
            let address = 0x2001_0db8_u128 << 96 | u128::from(bits) << 16;
            let length = [48, 56, 64, 128][random.below(4) as usize];
            let kept = address >> (128 - u32::from(length)) << (128 - u32::from(length));
            let ip = std::net::Ipv6Addr::from_bits(kept);
            return Network::new(ip.into(), length).ok();
        }
        v4(bits as u32, [32, 32, 32, 24, 28, 29, 22, 16][random.below(8) as usize])
    };
    (0..count).filter_map(draw).collect()
}

pub(crate) fn nets(list: &[Network]) -> Vec<IpNet> {
    let mut nets: Vec<IpNet> = list.iter().filter_map(|network| ip_net(*network)).collect();
    nets.shrink_to_fit();
    nets
}

/// Which key, from which address; half of them allowed.
fn queries(lists: &[Vec<Network>], power: u32) -> Vec<(u32, IpAddr)> {
    let mut random = Random::new(11);
    let draw = |_| {
        let key = random.below(lists.len() as u64) as usize;
        // A miss is an address that fits another key's list.
        let whose = if random.below(2) == 0 { key } else { (key + 1) % lists.len() };
        let list = &lists[whose];
        let network = list[random.below(list.len() as u64) as usize];
        (key as u32, inside(network, random.next()))
    };
    black_box((0..1_u32 << power).map(draw).collect())
}
