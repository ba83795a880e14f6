//! Finding a client among very many, and asking its list.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use keyward_allowlist::ClientIp;
use keyward_core::attempt::{Attempt, Credential, Door, Evidence, Required};
use keyward_core::decide::decide;
use keyward_core::policy::{Change, Freshness, Policy};
use keyward_server::clock::SystemClock;

use crate::arguments::Arguments;
use crate::lists::mix;
use crate::measure::{Contender, ROUNDS, race};
use crate::report::{Table, bytes, goal, ns, plain, seconds};
use crate::{machine, memory, population};

const PAPAYA: &str = "papaya<u128,[u8;40]>";
const NAIVE: &str = "RwLock<HashMap<[u8;32],Arc<Key>>>";
/// Updates per second while reads go on.
const UPDATES_PER_S: u64 = 1000;

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let clients = arguments.clients();
    let looks = arguments.either(300_000, 100_000);
    let title = format!("The client table, {clients} clients, a random one each time");
    let mut table = Table::new(title);
    reads(&mut table, clients, looks)?;
    for count in [100_000.min(clients), clients] {
        sizes(&mut table, count)?;
        if count == clients {
            break;
        }
    }
    table.absent("G5l, limit of the memory", "not built: the table is papaya, two misses and more");
    table.absent("G5b, batch of 16", "not built: a decision is asked for alone");
    table.note(
        "Keyward's record holds the secret's HMAC, account, grants, scopes and a list of any \
         length; papaya's 40 bytes hold id, account, expiry and four networks; the naive one \
         strings and a Vec<ipnet::IpNet>, no secret",
    );
    table.print();
    Ok(())
}

/// Random clients, each choice depending on the answer before; half are asked for an address
/// that they allow.
fn walk(count: usize, clients: usize, round: u64, mut ask: impl FnMut(u64, u32) -> bool) -> u64 {
    let (mut state, mut hits) = (round << 40, 0_u64);
    for _ in 0..count {
        let random = mix(state);
        let number = ((u128::from(random) * clients as u128) >> 64) as u64;
        let hit = u64::from(ask(number, population::address(number, random & 1 == 0)));
        hits += hit;
        state += 1 + hit;
    }
    hits << 32 ^ state
}

/// A number that no client has.
const fn unknown(number: u64) -> u64 {
    number | 1 << 48
}

fn reads(table: &mut Table, clients: usize, looks: usize) -> anyhow::Result<()> {
    let policy = population::policy(clients);
    let papaya = population::papaya_table(clients);
    let naive = population::naive_table(clients);
    let ours = |number: u64, ip: u32| {
        let ip = ClientIp::from(population::ip(ip));
        let covers = |record: &keyward_core::policy::ClientRecord| {
            record.allowlist.covers(Some(ip), population::MADE_AT)
        };
        policy.read_client(&population::id(number), covers).unwrap_or(false)
    };
    let small = |number: u64, ip: u32| {
        let pinned = papaya.pin();
        let found = pinned.get(&population::key(number));
        found.is_some_and(|record| population::small_allows(record, ip))
    };
    let locked = |number: u64, ip: u32| {
        let digest = population::naive_digest(number);
        let key = naive.read().ok().and_then(|table| table.get(&digest).cloned());
        key.is_some_and(|key| key.allows(population::ip(ip)))
    };
    let times = race(
        "client table",
        looks,
        &mut [
            Contender::new("Policy", |round| walk(looks, clients, round, ours)),
            Contender::new(PAPAYA, |round| walk(looks, clients, round, small)),
            Contender::new(NAIVE, |round| walk(looks, clients, round, locked)),
        ],
    )?;
    table.compare("found, list asked", times[0], (PAPAYA, times[1]), goal("G5", 1.0), ns);
    table.compare("found, list asked", times[0], (NAIVE, times[2]), None, ns);
    let times = race(
        "unknown clients",
        looks,
        &mut [
            Contender::new("Policy", |round| {
                walk(looks, clients, round, |number, ip| ours(unknown(number), ip))
            }),
            Contender::new(PAPAYA, |round| {
                walk(looks, clients, round, |number, ip| small(unknown(number), ip))
            }),
            Contender::new(NAIVE, |round| {
                walk(looks, clients, round, |number, ip| locked(unknown(number), ip))
            }),
        ],
    )?;
    table.compare("unknown", times[0], (PAPAYA, times[1]), goal("G5u", 0.9), ns);
    table.compare("unknown", times[0], (NAIVE, times[2]), None, ns);
    if let Some(share) = machine::huge_page_share() {
        table.note(format!("{:.0} % of the memory in 2 MiB pages", share * 100.0));
    }
    drop((papaya, naive));
    beside_writes(table, &policy, clients, looks)
}

/// Readers while a writer applies changes, against the same readers alone; bare look-ups and whole
/// decisions, which look at the generation too.
fn beside_writes(
    table: &mut Table,
    policy: &Policy,
    clients: usize,
    looks: usize,
) -> anyhow::Result<()> {
    let (writing, done) = (AtomicBool::new(false), AtomicBool::new(false));
    let written = AtomicU64::new(0);
    let look = |number: u64, ip: u32| {
        let ip = ClientIp::from(population::ip(ip));
        let covers = |record: &keyward_core::policy::ClientRecord| {
            record.allowlist.covers(Some(ip), population::MADE_AT)
        };
        policy.read_client(&population::id(number), covers).unwrap_or(false)
    };
    let (few, sample) = (looks / 5, clients.min(50_000));
    let keys: Vec<String> = (0..sample as u64).map(api_key).collect();
    let required = Required { audience: Some(population::AUDIENCE), ..Required::default() };
    let whole = |number: u64, ip: u32| {
        let credential = Ok(Credential::ApiKey(&keys[number as usize]));
        let (client_ip, door) = (Ok(population::ip(ip).into()), Door::Use(required));
        let attempt = Attempt { credential, client_ip, evidence: Evidence::None, door };
        decide(policy, &attempt, &SystemClock).is_allow()
    };
    let switched = |on: bool, work: &dyn Fn() -> u64| {
        writing.store(on, Ordering::SeqCst);
        let sum = work();
        writing.store(false, Ordering::SeqCst);
        sum
    };
    std::thread::scope(|scope| {
        scope.spawn(|| write(policy, clients, &writing, &done, &written));
        let measured = (|| -> anyhow::Result<()> {
            let times = race(
                "reads beside writes",
                looks,
                &mut [
                    Contender::new("idle", |round| {
                        switched(false, &|| walk(looks, clients, round, look))
                    }),
                    Contender::new("with updates", |round| {
                        switched(true, &|| walk(looks, clients, round, look))
                    }),
                ],
            )?;
            let itself = ("itself idle", times[0]);
            let what = format!("found, beside {UPDATES_PER_S} updates/s");
            table.compare(what, times[1], itself, goal("G5w", 1.1), ns);
            let times = race(
                "decisions beside writes",
                few,
                &mut [
                    Contender::new("idle", |round| {
                        switched(false, &|| walk(few, sample, round, whole))
                    }),
                    Contender::new("with updates", |round| {
                        switched(true, &|| walk(few, sample, round, whole))
                    }),
                ],
            )?;
            table.alone("whole decision by key (50,000 of them asked for)", times[0], None, ns);
            let itself = ("itself idle", times[0]);
            let what = format!("whole decision, beside {UPDATES_PER_S} updates/s");
            table.compare(what, times[1], itself, goal("G5w", 1.1), ns);
            Ok(())
        })();
        done.store(true, Ordering::SeqCst);
        measured
    })?;
    let rounds = 2 * (ROUNDS + 1);
    let each = written.load(Ordering::SeqCst) / rounds as u64;
    table.note(format!("updates really made: {each} in a timed turn, on average"));
    Ok(())
}

fn api_key(number: u64) -> String {
    let id = population::id(number);
    population::secret(number).api_key(&keyward_core::secret::Environment::default(), &id)
}

fn write(
    policy: &Policy,
    clients: usize,
    writing: &AtomicBool,
    done: &AtomicBool,
    written: &AtomicU64,
) {
    let peppers = population::peppers();
    let mut number = 0_u64;
    while !done.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_micros(1_000_000 / UPDATES_PER_S));
        if writing.load(Ordering::SeqCst) {
            number += 1;
            let client = population::client(mix(number) % clients as u64, &peppers);
            let changes = vec![Change::Client(Box::new(client))];
            policy.apply(policy.revision() + 1, changes, Freshness::Authority);
            written.fetch_add(1, Ordering::SeqCst);
        }
    }
}

fn sizes(table: &mut Table, count: usize) -> anyhow::Result<()> {
    let ours = memory::of("clients-keyward", count)?;
    let papaya = memory::of("clients-papaya", count)?;
    let naive = memory::of("clients-naive", count)?;
    let last = count == 1_000_000;
    let (beside_papaya, beside_naive) =
        if last { (goal("G5m", 0.62), goal("G5m", 0.18)) } else { (None, None) };
    let what = format!("memory per client at {}", plain(count as f64));
    table.compare(
        what.as_str(),
        ours.bytes_each,
        (PAPAYA, papaya.bytes_each),
        beside_papaya,
        bytes,
    );
    table.compare(what, ours.bytes_each, (NAIVE, naive.bytes_each), beside_naive, bytes);
    let what = format!("applying {} clients, CPU", plain(count as f64));
    table.alone(what, ours.build_s, None, seconds);
    Ok(())
}
