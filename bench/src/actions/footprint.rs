//! Memory of a worker, and of the server beside it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::TRIVIAL;
use super::load::{Load, drive};
use super::server::Server;
use crate::machine;
use crate::measure::precise;
use crate::report::{Table, bytes};

/// A worker ends after 1,000 runs; this is its memory shortly before.
const RUNS: usize = 990;
/// Runs before the server's memory is looked at first.
const WARM_UP: usize = 50;
const ONE: Load = Load { at_once: 1, pause: Duration::ZERO };
/// What waits for the store is written by then.
const SETTLED: Duration = Duration::from_secs(3);

pub(super) fn run(program: &Path) -> anyhow::Result<()> {
    let with = Server::start(program, &["--action-workers", "1"])?;
    let without = Server::start(program, &["--action-workers", "1"])?;
    // The drafts' worker is not there before something is deployed.
    let worker = with.workers()?.first().copied().context("the server has no worker")?;
    let ready = machine::memory(worker)?;
    with.deploy(TRIVIAL)?;
    with.bind(&[TRIVIAL])?;
    let (mut grown, mut resident) = (Vec::new(), Vec::new());
    for server in [&with, &without] {
        let requests = [server.token_request()];
        drive(server.public, &requests, ONE, WARM_UP)?;
        std::thread::sleep(SETTLED);
        let before = precise(machine::memory(server.pid())?.resident);
        drive(server.public, &requests, ONE, RUNS - WARM_UP)?;
        std::thread::sleep(SETTLED);
        let after = precise(machine::memory(server.pid())?.resident);
        grown.push(after - before);
        resident.push(after);
    }
    ensure!(with.workers()?.contains(&worker), "the worker was replaced");
    let used = machine::memory(worker)?;
    let mut table = Table::new("Memory of a worker for Actions");
    for (when, memory) in [("ready", &ready), ("idle after its runs", &used)] {
        let what = format!("a worker, {when}: resident, without pages of files");
        table.alone(what, precise(memory.own), None, bytes);
        let what = format!("a worker, {when}: proportional share (Pss)");
        match memory.share {
            Some(share) => table.alone(what, precise(share), None, bytes),
            None => table.absent(what, "not readable: root alone may look into a worker"),
        }
    }
    let peer = ("without Actions", resident[1]);
    let what = format!("the server after {RUNS} tokens, resident");
    table.compare(what, resident[0], peer, None, bytes);
    let what = format!("  of it since the first {WARM_UP}");
    table.alone(what, grown[0], None, bytes);
    table.alone("  the same without Actions", grown[1], None, bytes);
    table.note(format!(
        "one worker, {RUNS} runs; pages of the program's file are shared by the server and all \
         workers, and Pss divides them among those that have them",
    ));
    table.print();
    Ok(())
}
