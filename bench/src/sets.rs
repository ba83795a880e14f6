//! Large shared lists: is this address in any of these networks?

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use keyward_allowlist::NetworkSet;
use prefix_trie::PrefixSet;

use crate::arguments::Arguments;
use crate::lists::{self, List};
use crate::measure::{
    Contender, ROUNDS, dependent, independent, precise, race, step, thread_cpu_ns,
};
use crate::report::{Goal, Table, bytes, goal, ms, ns};

const TRIE: &str = "prefix-trie";
/// Networks of the large random list.
const RANDOM_NETWORKS: usize = 1_000_000;
/// Copies of a set are visited in turn until none of the caches holds any.
const COLD_BYTES: usize = 320 << 20;

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut table = Table::new("Large lists: NetworkSet beside prefix-trie (aggregated) and ipnet");
    let looks = arguments.either(2_000_000, 400_000);
    for (list, warm, cold) in [
        (lists::aws4(), goal("G2", 0.55), goal("G2c", 1.0)),
        (lists::country4(), goal("G2", 0.55), goal("G2c", 1.0)),
    ] {
        let set = NetworkSet::compile(&list.networks);
        let (raw, ranges) = (list.networks.len(), set.range_count());
        table.note(format!("{}: {raw} networks, {ranges} ranges", list.name));
        let trie = trie4(&list.v4());
        warm4(&mut table, &list, &set, &trie, looks, warm)?;
        cold4(&mut table, &list, &set, &trie, cold)?;
        memory_of(&mut table, list.name, &set, &trie, None);
        if list.name == "aws4" {
            scan(&mut table, &list, &set)?;
        }
    }
    ipv6(&mut table, looks)?;
    million(&mut table, arguments, looks)?;
    table.print();
    Ok(())
}

fn trie4(nets: &[Ipv4Net]) -> PrefixSet<Ipv4Net> {
    let mut trie: PrefixSet<Ipv4Net> = nets.iter().copied().collect();
    trie.aggregate();
    trie
}

pub(crate) fn host4(ip: Ipv4Addr) -> Ipv4Net {
    Ipv4Net::new_assert(ip, 32)
}

pub(crate) fn host6(ip: Ipv6Addr) -> Ipv6Net {
    Ipv6Net::new_assert(ip, 128)
}

pub(crate) fn v4_of(queries: &[IpAddr]) -> Vec<Ipv4Addr> {
    let v4 = |ip: &IpAddr| match ip {
        IpAddr::V4(v4) => Some(*v4),
        IpAddr::V6(_) => None,
    };
    queries.iter().filter_map(v4).collect()
}

pub(crate) fn v6_of(queries: &[IpAddr]) -> Vec<Ipv6Addr> {
    let v6 = |ip: &IpAddr| match ip {
        IpAddr::V4(_) => None,
        IpAddr::V6(v6) => Some(*v6),
    };
    queries.iter().filter_map(v6).collect()
}

fn warm4(
    table: &mut Table,
    list: &List,
    set: &NetworkSet,
    trie: &PrefixSet<Ipv4Net>,
    looks: usize,
    goal: Option<Goal>,
) -> anyhow::Result<()> {
    let queries = v4_of(&list.queries(12, 1));
    let ours = |ip: Ipv4Addr| set.contains(IpAddr::V4(ip));
    let theirs = |ip: Ipv4Addr| trie.is_covered(&host4(ip));
    let times = race(
        list.name,
        looks,
        &mut [
            Contender::new("NetworkSet", |round| dependent(&queries, looks, round, ours)),
            Contender::new(TRIE, |round| dependent(&queries, looks, round, theirs)),
        ],
    )?;
    let what = format!("{} warm, dependent", list.name);
    table.compare(what, times[0], (TRIE, times[1]), goal, ns);
    let times = race(
        list.name,
        looks,
        &mut [
            Contender::new("NetworkSet", |round| independent(&queries, looks, round, ours)),
            Contender::new(TRIE, |round| independent(&queries, looks, round, theirs)),
        ],
    )?;
    let what = format!("{} warm, independent", list.name);
    table.compare(what, times[0], (TRIE, times[1]), None, ns);
    Ok(())
}

/// One contender after another: both at once would not fit into memory on small machines.
fn cold4(
    table: &mut Table,
    list: &List,
    set: &NetworkSet,
    trie: &PrefixSet<Ipv4Net>,
    goal: Option<Goal>,
) -> anyhow::Result<()> {
    let queries = v4_of(&list.queries(18, 2));
    let (ours, our_sum) =
        cold(set, set.memory_bytes(), &queries, |set, ip| set.contains(IpAddr::V4(ip)));
    let (theirs, their_sum) =
        cold(trie, trie.clone().mem_size(), &queries, |trie, ip| trie.is_covered(&host4(ip)));
    anyhow::ensure!(our_sum == their_sum, "{} cold: the contenders disagree", list.name);
    table.compare(format!("{} cold, dependent", list.name), ours, (TRIE, theirs), goal, ns);
    Ok(())
}

/// The least time of a query over several rounds, each query to the next of many copies, and a
/// checksum of the answers.
fn cold<T: Clone, Q: Copy>(
    set: &T,
    bytes: usize,
    queries: &[Q],
    ask: impl Fn(&T, Q) -> bool,
) -> (f64, u64) {
    let copies = vec![set.clone(); COLD_BYTES / bytes.max(1)];
    let mut best = f64::INFINITY;
    let mut sum = 0_u64;
    let mut copy = 0;
    let looks = queries.len();
    for round in 0..ROUNDS as u64 {
        let (mut state, mut hits) = (lists::mix(round), 0_u64);
        let start = thread_cpu_ns();
        for _ in 0..looks {
            copy = if copy + 1 == copies.len() { 0 } else { copy + 1 };
            let query = queries[(state >> 40) as usize & (looks - 1)];
            let hit = u64::from(ask(&copies[copy], query));
            hits += hit;
            state = step(state, hit);
        }
        best = best.min(precise(thread_cpu_ns() - start) / looks as f64);
        sum = sum.wrapping_mul(31).wrapping_add(hits);
    }
    (best, sum)
}

fn scan(table: &mut Table, list: &List, set: &NetworkSet) -> anyhow::Result<()> {
    let queries = v4_of(&list.queries(12, 3));
    let nets: Vec<IpNet> = trie4(&list.v4()).iter().map(IpNet::V4).collect();
    let looks = 10_000;
    let times = race(
        "scan",
        looks,
        &mut [
            Contender::new("NetworkSet", |round| {
                dependent(&queries, looks, round, |ip| set.contains(IpAddr::V4(ip)))
            }),
            Contender::new("ipnet", |round| {
                dependent(&queries, looks, round, |ip| {
                    let ip = IpAddr::V4(ip);
                    nets.iter().any(|net| net.contains(&ip))
                })
            }),
        ],
    )?;
    let what = format!("{} warm, dependent", list.name);
    table.compare(what, times[0], ("ipnet scan", times[1]), goal("G2x", 0.005), ns);
    Ok(())
}

fn ipv6(table: &mut Table, looks: usize) -> anyhow::Result<()> {
    let list = lists::aws6();
    let set = NetworkSet::compile(&list.networks);
    table.note(format!("aws6: {} networks, {} ranges", list.networks.len(), set.range_count()));
    let mut trie: PrefixSet<Ipv6Net> = list.v6().into_iter().collect();
    trie.aggregate();
    let queries = v6_of(&list.queries(12, 5));
    let ours = |ip: Ipv6Addr| set.contains(IpAddr::V6(ip));
    let theirs = |ip: Ipv6Addr| trie.is_covered(&host6(ip));
    let times = race(
        "aws6",
        looks,
        &mut [
            Contender::new("NetworkSet", |round| dependent(&queries, looks, round, ours)),
            Contender::new(TRIE, |round| dependent(&queries, looks, round, theirs)),
        ],
    )?;
    table.compare("aws6 warm, dependent", times[0], (TRIE, times[1]), goal("G3", 0.5), ns);
    let times = race(
        "aws6",
        looks,
        &mut [
            Contender::new("NetworkSet", |round| independent(&queries, looks, round, ours)),
            Contender::new(TRIE, |round| independent(&queries, looks, round, theirs)),
        ],
    )?;
    table.compare("aws6 warm, independent", times[0], (TRIE, times[1]), None, ns);
    let queries = v6_of(&list.queries(18, 6));
    let (ours, our_sum) =
        cold(&set, set.memory_bytes(), &queries, |set, ip| set.contains(IpAddr::V6(ip)));
    let (theirs, their_sum) =
        cold(&trie, trie.clone().mem_size(), &queries, |trie, ip| trie.is_covered(&host6(ip)));
    anyhow::ensure!(our_sum == their_sum, "aws6 cold: the contenders disagree");
    table.compare("aws6 cold, dependent", ours, (TRIE, theirs), None, ns);
    memory_of(table, "aws6", &set, &trie, None);
    Ok(())
}

/// A million random networks: memory, and the time of a rebuild from the networks as given.
fn million(table: &mut Table, arguments: &Arguments, looks: usize) -> anyhow::Result<()> {
    let list = lists::random4(RANDOM_NETWORKS);
    let set = NetworkSet::compile(&list.networks);
    let nets = list.v4();
    let trie = trie4(&nets);
    table.note(format!(
        "{}: {} networks, {} ranges",
        list.name,
        list.networks.len(),
        set.range_count()
    ));
    warm4(table, &list, &set, &trie, looks, None)?;
    memory_of(table, list.name, &set, &trie, goal("G2m", 0.15));
    drop(trie);
    let rounds = arguments.either(9, 3);
    let (mut ours, mut theirs) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..rounds {
        let start = thread_cpu_ns();
        let built = std::hint::black_box(NetworkSet::compile(&list.networks));
        ours = ours.min(precise(thread_cpu_ns() - start));
        drop(built);
        let start = thread_cpu_ns();
        let built: PrefixSet<Ipv4Net> = std::hint::black_box(nets.iter().copied().collect());
        theirs = theirs.min(precise(thread_cpu_ns() - start));
        drop(built);
    }
    let what = format!("{} rebuild", list.name);
    table.compare(what, ours / 1e6, (TRIE, theirs / 1e6), goal("G2m", 0.6), ms);
    Ok(())
}

fn memory_of<P: prefix_trie::Prefix + Clone>(
    table: &mut Table,
    list: &str,
    set: &NetworkSet,
    trie: &PrefixSet<P>,
    goal: Option<Goal>,
) {
    let ours = (size_of::<NetworkSet>() + set.memory_bytes()) as f64;
    // A copy has less room to grow than what was built step by step.
    let peer = (TRIE, trie.clone().mem_size().min(trie.mem_size()) as f64);
    table.compare(format!("{list} memory"), ours, peer, goal, bytes);
}
