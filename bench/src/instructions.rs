//! Instructions of one operation, counted by callgrind: the figure that no neighbour can change.

use std::net::IpAddr;
use std::process::Command;

use anyhow::{Context as _, bail};
use keyward_allowlist::{Network, NetworkSet};
use keyward_core::attempt::{Attempt, Credential, Door, Evidence, Required};
use keyward_core::decide::decide;
use keyward_core::jwk::{Algorithm, KeySet};
use keyward_core::secret::Environment;
use keyward_core::time::FixedClock;
use keyward_core::token::Dialect;
use keyward_server::signing::SigningKey;
use prefix_trie::PrefixSet;

use crate::arguments::Arguments;
use crate::lists::{self, List};
use crate::measure::{independent, precise};
use crate::population;
use crate::report::{Table, goal, plain};
use crate::sets::{host4, v4_of};

/// What was counted when these figures were last looked at, one `name count` a line.
const RECORDED: &str = include_str!("../instructions.txt");

/// What is counted, with how often at most.
const COUNTED: [(&str, usize); 7] = [
    ("key-list", 40_000),
    ("aws4", 40_000),
    ("country4", 40_000),
    ("aws6", 40_000),
    ("aws4-prefix-trie", 40_000),
    ("decide-key", 4_000),
    ("decide-token", 4_000),
];

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut table = Table::new("Instructions of one warm operation (callgrind)");
    let present = Command::new("valgrind").arg("--version").output();
    if !present.is_ok_and(|output| output.status.success()) {
        table.absent("G8", "valgrind is not installed here: not counted");
        table.print();
        return Ok(());
    }
    for (what, most) in COUNTED {
        if arguments.quick && what == "country4" {
            continue;
        }
        let (few, many) = (most / 4, most);
        let instructions = (precise(collected(what, many)?) - precise(collected(what, few)?))
            / (many - few) as f64;
        match recorded(what) {
            Some(before) if what != "aws4-prefix-trie" => {
                table.compare(what, instructions, ("recorded", before), goal("G8", 1.05), plain);
            }
            Some(_) | None => table.alone(what, instructions, None, plain),
        }
    }
    table.note("the difference of two runs; valgrind hides SHA-NI and AVX-512 from the libraries");
    table.print();
    Ok(())
}

fn recorded(what: &str) -> Option<f64> {
    let pair = RECORDED.lines().filter_map(|line| line.split_once(' '));
    let mut found = pair.filter(|(name, _)| *name == what);
    found.next().and_then(|(_, count)| count.trim().parse().ok())
}

/// All instructions of a run of this program that does something so often.
fn collected(what: &str, count: usize) -> anyhow::Result<u64> {
    let program = std::env::current_exe().context("where is this program?")?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["child", "repeat", what, &count.to_string()])
        .output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("valgrind failed on `{what}`:\n{text}");
    }
    let line = text.lines().find_map(|line| line.split_once("Collected : "));
    let (_, number) = line.context("valgrind printed no count")?;
    Ok(number.trim().parse()?)
}

/// Does one thing `count` times.
pub(crate) fn child(what: &str, count: usize) -> anyhow::Result<()> {
    let hits = match what {
        "key-list" => repeat_set(&list_of_five(), count),
        "aws4" => repeat_set(&lists::aws4(), count),
        "country4" => repeat_set(&lists::country4(), count),
        "aws6" => repeat_set(&lists::aws6(), count),
        "aws4-prefix-trie" => {
            let list = lists::aws4();
            let mut trie: PrefixSet<_> = list.v4().into_iter().collect();
            trie.aggregate();
            let queries = v4_of(&list.queries(12, 9));
            independent(&queries, count, 0, |ip| trie.is_covered(&host4(ip)))
        }
        "decide-key" => repeat_decide(count, false)?,
        "decide-token" => repeat_decide(count, true)?,
        _ => bail!("nothing to repeat under this name"),
    };
    println!("{hits}");
    Ok(())
}

fn list_of_five() -> List {
    let networks: Vec<Network> = population::network_list(5);
    List { name: "key-list", networks }
}

fn repeat_set(list: &List, count: usize) -> u64 {
    let set = NetworkSet::compile(&list.networks);
    let queries: Vec<IpAddr> = list.queries(12, 9);
    independent(&queries, count, 0, |ip| set.contains(ip))
}

fn repeat_decide(count: usize, by_token: bool) -> anyhow::Result<u64> {
    let key = SigningKey::generate(Algorithm::EdDsa)?;
    let keys: KeySet = [key.public()].into_iter().collect();
    let policy = population::policy_with(64, keys);
    let now = population::MADE_AT.plus_seconds(60);
    let clock = FixedClock { now, uptime_ms: 1 };
    let shown: Vec<(String, IpAddr)> = (0..64)
        .map(|n| {
            let ip = population::ip(population::address(n, true));
            if by_token {
                let claims = crate::decisions::claims(n, now.seconds());
                return Ok((key.token(Dialect::Rfc9068, &claims)?, ip));
            }
            let environment = Environment::default();
            Ok((population::secret(n).api_key(&environment, &population::id(n)), ip))
        })
        .collect::<anyhow::Result<_>>()?;
    let refs: Vec<(&str, IpAddr)> = shown.iter().map(|(text, ip)| (text.as_str(), *ip)).collect();
    let hits = independent(&refs, count, 0, |(text, ip)| {
        let credential = if by_token { Credential::Token(text) } else { Credential::ApiKey(text) };
        let attempt = Attempt {
            credential: Ok(credential),
            client_ip: Ok(ip.into()),
            evidence: Evidence::None,
            door: Door::Use(Required {
                audience: Some(population::AUDIENCE),
                ..Required::default()
            }),
        };
        decide(&policy, &attempt, &clock).is_allow()
    });
    anyhow::ensure!(hits == count as u64, "a good credential is refused");
    Ok(hits)
}
