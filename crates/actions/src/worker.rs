//! The process that runs Actions: it reads a request, answers it, and waits for the next.
//!
//! It must be started from the very beginning of a program, before there is any other thread.

use std::io::{BufReader, stdin, stdout};
use std::process::ExitCode;
use std::sync::Arc;

use crate::engine::Engine;
use crate::sandbox;
use crate::watchdog::Watchdog;
use crate::wire::{self, Failure, Reply, Request};

/// The word that makes the program a worker.
pub const WORKER_COMMAND: &str = "action-worker";

/// Runs Actions until the other end of the pipe is closed.
#[must_use]
pub fn run_worker() -> ExitCode {
    let held = match sandbox::enter_before_threads() {
        Ok(held) => held,
        Err(fault) => return refuse(&fault),
    };
    let watchdog = Arc::new(Watchdog::default());
    let mut engine = match Engine::new(watchdog.interrupt()) {
        Ok(engine) => engine,
        Err(failure) => return refuse(&failure.message),
    };
    engine.warm_up();
    if let Err(error) = watchdog.start() {
        return refuse(&format!("no watchdog can be started: {error}"));
    }
    let report = match sandbox::enter_for_good(held) {
        Ok(report) => report,
        Err(fault) => return refuse(&fault),
    };
    serve(&mut engine, &watchdog, &Reply::Ready(report)).unwrap_or(ExitCode::FAILURE)
}

/// Says why, to whoever started it, and ends.
fn refuse(fault: &str) -> ExitCode {
    let failure = Failure::new(wire::FailureKind::NoWorker, fault);
    let _gone = wire::write(&mut stdout().lock(), &Reply::Rejected(failure));
    ExitCode::FAILURE
}

fn serve(engine: &mut Engine, watchdog: &Watchdog, ready: &Reply) -> std::io::Result<ExitCode> {
    let mut requests = BufReader::new(stdin().lock());
    let mut replies = stdout().lock();
    wire::write(&mut replies, ready)?;
    loop {
        // While nobody waits for it.
        engine.prepare();
        let Some(request) = wire::read(&mut requests)? else { return Ok(ExitCode::SUCCESS) };
        let reply = match request {
            Request::Load { script, code } => {
                let _watched = watchdog.watch(COMPILE_CPU_MS);
                engine.load(script, &code).map_or_else(Reply::Rejected, |()| Reply::Loaded)
            }
            Request::Run(run) => {
                let watched = watchdog.watch(run.limits.cpu_ms);
                let mut report = engine.run(run);
                report.cpu_us = watched.cpu_us();
                Reply::Finished(Box::new(report))
            }
            Request::Probe(probe) => sandbox::attempt(probe),
        };
        wire::write(&mut replies, &reply)?;
    }
}

/// Processor time for compiling a script, in milliseconds.
const COMPILE_CPU_MS: u32 = 1_000;
