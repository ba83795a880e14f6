//! Which entry decided, and reading lists and addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use keyward_allowlist::{EntryIndex, EntryRules, Network, parse_address, parse_entries};
use prefix_trie::PrefixMap;

use crate::arguments::Arguments;
use crate::lists::{self, List};
use crate::measure::{Contender, dependent, race};
use crate::report::{Table, goal, ns};
use crate::sets::{host4, host6, v4_of, v6_of};

const LPM: &str = "prefix-trie get_lpm";

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let looks = arguments.either(2_000_000, 400_000);
    let mut table = Table::new("Which entry decided, and parsing");
    for list in [lists::aws4(), lists::country4()] {
        which4(&mut table, &list, looks)?;
    }
    which6(&mut table, &lists::aws6(), looks)?;
    parsing(&mut table, arguments)?;
    table.print();
    Ok(())
}

/// Equal networks: the first one counts, for both.
fn positions<P: prefix_trie::Prefix + Copy>(nets: &[P]) -> PrefixMap<P, u32> {
    let mut map = PrefixMap::new();
    for (position, net) in (0_u32..).zip(nets) {
        if map.get(net).is_none() {
            map.insert(*net, position);
        }
    }
    map
}

fn which4(table: &mut Table, list: &List, looks: usize) -> anyhow::Result<()> {
    let index = EntryIndex::compile(&list.networks);
    let map: PrefixMap<Ipv4Net, u32> = positions(&list.v4());
    let queries = v4_of(&list.queries(12, 7));
    let times = race(
        list.name,
        looks,
        &mut [
            Contender::new("EntryIndex", |round| {
                let mut sum = 0_u64;
                let walked = dependent(&queries, looks, round, |ip: Ipv4Addr| {
                    let found = index.find(IpAddr::V4(ip));
                    sum = sum.wrapping_add(found.map_or(0, |position| position as u64 + 1));
                    found.is_some()
                });
                walked ^ sum
            }),
            Contender::new(LPM, |round| {
                let mut sum = 0_u64;
                let walked = dependent(&queries, looks, round, |ip: Ipv4Addr| {
                    let found = map.get_lpm(&host4(ip)).map(|(_, position)| *position);
                    sum = sum.wrapping_add(found.map_or(0, |position| u64::from(position) + 1));
                    found.is_some()
                });
                walked ^ sum
            }),
        ],
    )?;
    let what = format!("which entry, {} ({})", list.name, list.networks.len());
    table.compare(what, times[0], (LPM, times[1]), goal("G4", 1.1), ns);
    Ok(())
}

fn which6(table: &mut Table, list: &List, looks: usize) -> anyhow::Result<()> {
    let index = EntryIndex::compile(&list.networks);
    let map: PrefixMap<Ipv6Net, u32> = positions(&list.v6());
    let queries = v6_of(&list.queries(12, 8));
    let times = race(
        list.name,
        looks,
        &mut [
            Contender::new("EntryIndex", |round| {
                let mut sum = 0_u64;
                let walked = dependent(&queries, looks, round, |ip: Ipv6Addr| {
                    let found = index.find(IpAddr::V6(ip));
                    sum = sum.wrapping_add(found.map_or(0, |position| position as u64 + 1));
                    found.is_some()
                });
                walked ^ sum
            }),
            Contender::new(LPM, |round| {
                let mut sum = 0_u64;
                let walked = dependent(&queries, looks, round, |ip: Ipv6Addr| {
                    let found = map.get_lpm(&host6(ip)).map(|(_, position)| *position);
                    sum = sum.wrapping_add(found.map_or(0, |position| u64::from(position) + 1));
                    found.is_some()
                });
                walked ^ sum
            }),
        ],
    )?;
    let what = format!("which entry, {} ({})", list.name, list.networks.len());
    table.compare(what, times[0], (LPM, times[1]), goal("G4", 1.1), ns);
    Ok(())
}

fn parsing(table: &mut Table, arguments: &Arguments) -> anyhow::Result<()> {
    let rounds = arguments.either(50, 10);
    for list in [lists::aws4(), lists::aws6()] {
        // Each network once: a repeated one is an error to our parser, as it should be.
        let mut networks: Vec<Network> = list.networks.clone();
        networks.sort_unstable();
        networks.dedup();
        let lines: Vec<String> = networks.iter().map(ToString::to_string).collect();
        let hosts: Vec<String> = networks.iter().map(|n| n.last().to_string()).collect();
        let entries = lines.len();
        let rules = EntryRules::default();
        let times = race(
            "list parsing",
            entries * rounds,
            &mut [
                Contender::new("parse_entries", |_| {
                    let parse = || parse_entries(lines.iter().map(String::as_str), &rules);
                    (0..rounds).map(|_| parse().map_or(0, |list| list.len() as u64)).sum()
                }),
                Contender::new("ipnet", |_| {
                    let parse = || lines.iter().map(|line| line.parse::<IpNet>());
                    let all =
                        || parse().collect::<Result<Vec<_>, _>>().map_or(0, |list| list.len());
                    (0..rounds).map(|_| all() as u64).sum()
                }),
            ],
        )?;
        let what = format!("list of {entries}, per entry ({})", list.name);
        table.compare(what, times[0], ("ipnet (lax, no check for repeats)", times[1]), None, ns);
        let times = race(
            "address parsing",
            entries * rounds,
            &mut [
                Contender::new("parse_address", |_| {
                    let good = |text: &&String| parse_address(text).is_ok();
                    (0..rounds).map(|_| hosts.iter().filter(good).count() as u64).sum()
                }),
                Contender::new("std", |_| {
                    let good = |text: &&String| text.parse::<IpAddr>().is_ok();
                    (0..rounds).map(|_| hosts.iter().filter(good).count() as u64).sum()
                }),
            ],
        )?;
        // G6 (a parser of our own for IPv6) is not built: ours stands on the standard library's.
        let what = format!("client address text ({})", list.name);
        table.compare(what, times[0], ("std", times[1]), None, ns);
    }
    table
        .note("G6, IPv6 text at 0.35 of std: not built; ours is strict and stands on std's parser");
    Ok(())
}
