//! Thousands of runs that fail in every way: what is left of them in the server.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;

use super::Script;
use super::load::{Load, drive};
use super::server::Server;
use crate::arguments::Arguments;
use crate::load::Prepared;
use crate::machine;
use crate::measure::{precise, wall_ns};
use crate::report::{Table, bytes, goal, seconds};

/// Fails as the request says.
const FAILING: Script = Script {
    name: "failing",
    code: "const ways = {
             throw() { throw new Error('no'); },
             loop() { for (;;) {} },
             memory() { const all = []; for (;;) all.push(new Array(10000).fill(0)); },
             deaf() { const all = []; all.length = 4294967295; all.indexOf(1); },
             recursion() { const down = () => down() + 1; down(); },
           };
           exports.onExecuteCredentialsExchange = async (event) => ways[event.request.body.way]?.();",
};
const WAYS: [&str; 5] = ["throw", "loop", "memory", "deaf", "recursion"];
const WARM_UP: usize = 500;
const LOAD: Load = Load { at_once: 4, pause: Duration::ZERO };
/// The server's memory is looked at so often.
const LOOKS: usize = 4;
/// What waits for the store is written by then.
const SETTLED: Duration = Duration::from_secs(3);
/// What the allocator and the store's caches may come to between two looks.
const NOISE_BYTES: f64 = 2e6;

pub(super) fn run(arguments: &Arguments, program: &Path) -> anyhow::Result<()> {
    let count = arguments.either(10_000, 1_000);
    let server = Server::start(program, &["--action-cpu-ms", "10", "--action-memory-mib", "4"])?;
    server.deploy(FAILING)?;
    server.bind(&[FAILING])?;
    let requests: Vec<Prepared> =
        WAYS.iter().map(|way| server.token_request_with(&format!("&way={way}"), 500)).collect();
    let resident = || {
        std::thread::sleep(SETTLED);
        anyhow::Ok(precise(machine::memory(server.pid())?.resident))
    };
    drive(server.public, &requests, LOAD, WARM_UP)?;
    let mut looks = vec![resident()?];
    let mut took = 0.0;
    for _ in 0..LOOKS {
        let start = wall_ns();
        drive(server.public, &requests, LOAD, count / LOOKS)?;
        took += precise(wall_ns() - start) / 1e9;
        looks.push(resident()?);
    }
    // What fails so often is still whole.
    drive(server.public, &[server.token_request()], LOAD, 20)?;
    let outcomes = server.outcomes()?;
    let failed: u64 = outcomes.iter().filter(|(how, _)| how != "completed").map(|(_, n)| n).sum();
    ensure!(failed == (WARM_UP + count) as u64, "not all of them failed: {outcomes:?}");

    let mut table = Table::new(format!("{count} runs of an Action that fails in every way"));
    let (first, last) = (looks[0], looks[LOOKS]);
    table.alone(format!("the server after {WARM_UP} of them, resident"), first, None, bytes);
    let target = goal("grown", NOISE_BYTES);
    table.alone(format!("grown by {count} more"), last - first, target, bytes);
    table.alone("  of it by the second half", last - looks[LOOKS / 2], None, bytes);
    table.alone("the time that they took", took, None, seconds);
    let sizes: Vec<String> = looks.iter().map(|look| bytes(*look)).collect();
    table.note(format!("resident after each {}: {}", count / LOOKS, sizes.join(", ")));
    let outcomes: Vec<String> =
        outcomes.iter().map(|(how, count)| format!("{how} {count}")).collect();
    table.note(format!("outcomes as the metrics have them: {}", outcomes.join(", ")));
    table.note(format!(
        "{} in turn, 4 requests at once; --action-cpu-ms 10, --action-memory-mib 4",
        WAYS.join(", ")
    ));
    table.print();
    Ok(())
}
