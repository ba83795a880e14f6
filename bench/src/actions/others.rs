//! What requests that run no Actions feel of hostile ones.

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::Script;
use super::load::{Rounds, beside, probe};
use super::server::Server;
use crate::arguments::Arguments;
use crate::child::Part;
use crate::load::Prepared;
use crate::measure::{ROUNDS, precise, wall_ns};
use crate::report::{Table, goal, ms};

/// Callers of the hostile Action.
const CALLERS: usize = 4;
/// Between two requests that are measured.
const QUIET: Duration = Duration::from_millis(2);
/// What goes on beside goes on before the first request is measured.
const SETTLED: Duration = Duration::from_millis(150);
/// The priority of workers.
const NICE: i32 = 5;

const LOOP: Script = Script {
    name: "loop",
    code: "exports.onExecuteCredentialsExchange = async () => { for (;;) {} };",
};
/// A built-in function that does not listen when it is told to stop.
const DEAF: Script = Script {
    name: "deaf",
    code: "exports.onExecuteCredentialsExchange = async () => {
             const a = []; a.length = 4294967295; a.indexOf(1);
           };",
};

/// What is measured.
const METRICS: [&str; 2] = ["check at the gate", "token for the management API"];

/// What goes on beside.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    Nothing,
    /// The callers have a wrong secret.
    Refused,
    /// As many programs as there are workers compute with their priority.
    Programs,
    /// The callers ask for tokens with this bound.
    Hostile(Script),
}

impl Beside {
    const ALL: [Self; 5] =
        [Self::Nothing, Self::Refused, Self::Programs, Self::Hostile(LOOP), Self::Hostile(DEAF)];

    fn name(self) -> &'static str {
        match self {
            Self::Nothing => "idle",
            Self::Refused => "4 callers refused",
            Self::Programs => "programs compute instead",
            Self::Hostile(LOOP) => "endless loop bound",
            Self::Hostile(_) => "deaf built-in bound",
        }
    }

    fn is_hostile(self) -> bool {
        matches!(self, Self::Hostile(_))
    }
}

pub(super) fn run(arguments: &Arguments, program: &Path) -> anyhow::Result<()> {
    let server = Server::start(program, &[])?;
    server.deploy(LOOP)?;
    server.deploy(DEAF)?;
    let mut all = Beside::ALL.map(Measured::new);
    for round in 0..=arguments.either(ROUNDS, 3) {
        for measured in &mut all {
            measured.round(arguments, &server)?;
            if round == 0 {
                *measured = Measured::new(measured.beside);
            }
        }
    }
    let [idle, busy @ ..] = &all;
    let mut table = Table::new("Other requests while hostile Actions are bound");
    for (place, metric) in METRICS.into_iter().enumerate() {
        for (quantile, of) in QUANTILES {
            let quiet = of(&idle.times[place]);
            for measured in busy {
                let target = goal("times idle", 1.25).filter(|_| measured.beside.is_hostile());
                let what = format!("{metric}, {quantile}: {}", measured.beside.name());
                table.compare(what, of(&measured.times[place]), ("idle", quiet), target, ms);
            }
        }
    }
    note_shares(&mut table, &all);
    let rates: Vec<String> = busy
        .iter()
        .filter(|one| one.beside != Beside::Programs)
        .map(|one| format!("{} {:.0}", one.beside.name(), one.answers as f64 / one.seconds))
        .collect();
    table.note(format!("answers per second to the {CALLERS} callers: {}", rates.join(", ")));
    table.note(format!(
        "`keyward serve` with its defaults: {} workers, niceness {NICE}; the programs that compute \
         are as many, with the same niceness; one measured request at a time, 2 ms apart; server, \
         workers and callers share all cores; median of the rounds' p50 and p99",
        workers()
    ));
    table.print();
    Ok(())
}

/// A quantile by its name.
type Quantile = (&'static str, fn(&Rounds) -> f64);

const QUANTILES: [Quantile; 2] = [("p50", Rounds::p50), ("p99", Rounds::p99)];

/// How much of what hostile Actions add is added by any program that computes.
fn note_shares(table: &mut Table, all: &[Measured]) {
    let find = |beside: Beside| all.iter().find(|one| one.beside == beside);
    let (Some(idle), Some(programs)) = (find(Beside::Nothing), find(Beside::Programs)) else {
        return;
    };
    for hostile in all.iter().filter(|one| one.beside.is_hostile()) {
        let mut shares = Vec::new();
        for (place, metric) in METRICS.into_iter().enumerate() {
            for (quantile, of) in QUANTILES {
                let [idle, programs, hostile] =
                    [idle, programs, hostile].map(|one| of(&one.times[place]));
                let share = share(programs - idle, hostile - idle, idle);
                shares.push(format!("{share} ({metric}, {quantile})"));
            }
        }
        table.note(format!(
            "{}: of what it adds, plain competition for the CPU is {}",
            hostile.beside.name(),
            shares.join(", ")
        ));
    }
}

/// What programs add, as a part of what is added.
fn share(programs: f64, added: f64, idle: f64) -> String {
    if added < idle / 20.0 {
        return "none of next to nothing".to_owned();
    }
    format!("{:.0} %", (100.0 * programs / added).clamp(0.0, 100.0))
}

fn workers() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).max(2)
}

/// What was measured beside something.
struct Measured {
    beside: Beside,
    /// By the place in [`METRICS`].
    times: [Rounds; METRICS.len()],
    /// Answers to the callers, and in which time.
    answers: usize,
    seconds: f64,
}

impl Measured {
    fn new(beside: Beside) -> Self {
        Self { beside, times: Default::default(), answers: 0, seconds: 0.0 }
    }

    fn round(&mut self, arguments: &Arguments, server: &Server) -> anyhow::Result<()> {
        let probes = [(server.gate, server.check()), (server.public, server.management_token())];
        let count = arguments.either(200, 60);
        let work = || {
            std::thread::sleep(SETTLED);
            probe(&probes, count, QUIET)
        };
        let start = wall_ns();
        let (times, answers) = match self.beside {
            Beside::Nothing => (unbound(server, work)?, 0),
            Beside::Refused => {
                server.bind(&[])?;
                callers(server.public, &server.refused_request(), work)?
            }
            Beside::Programs => {
                let programs: anyhow::Result<Vec<Part>> =
                    (0..workers()).map(|_| Part::start(&["compute"])).collect();
                let times = unbound(server, work)?;
                drop(programs?);
                (times, 0)
            }
            Beside::Hostile(script) => {
                server.bind(&[script])?;
                // The Action's failure is the server's.
                callers(server.public, &server.token_request_with("", 500), work)?
            }
        };
        self.seconds += precise(wall_ns() - start) / 1e9;
        self.answers += answers;
        for (rounds, times) in self.times.iter_mut().zip(times) {
            rounds.add(times);
        }
        Ok(())
    }
}

fn unbound<T>(server: &Server, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    server.bind(&[])?;
    work()
}

fn callers<T>(
    address: SocketAddr,
    request: &Prepared,
    work: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<(T, usize)> {
    beside(address, request, CALLERS, work)
}

/// Computes, with a worker's priority, until standard input is closed.
pub(crate) fn compute() -> anyhow::Result<()> {
    rustix::process::nice(NICE)?;
    let ended = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _ = std::io::stdin().read(&mut [0]);
            ended.store(true, Ordering::Relaxed);
        });
        let mut state = 1;
        while !ended.load(Ordering::Relaxed) {
            state = std::hint::black_box(crate::lists::mix(state));
        }
    });
    Ok(())
}
