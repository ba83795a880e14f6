//! Token requests with a trivial Action bound, and without Actions.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;

use super::load::{Load, Rounds, drive};
use super::server::Server;
use super::{Script, TRIVIAL};
use crate::arguments::Arguments;
use crate::load::Figures;
use crate::measure::{ROUNDS, wall_ns};
use crate::report::{Goal, Table, goal, ms, plain, us};

/// How token requests come, how many of them are a round, and how many in a quick run.
const LOADS: [(&str, Load, usize, usize); 3] = [
    ("one at a time", Load { at_once: 1, pause: Duration::ZERO }, 300, 100),
    ("one now and then", Load { at_once: 1, pause: Duration::from_millis(5) }, 100, 50),
    ("16 at once", Load { at_once: 16, pause: Duration::ZERO }, 800, 200),
];
/// The load of which the CPU time is taken.
const BUSY: Load = Load { at_once: 32, pause: Duration::ZERO };

pub(super) fn run(arguments: &Arguments, program: &Path) -> anyhow::Result<()> {
    let without = Server::start(program, &[])?;
    let with = Server::start(program, &[])?;
    with.deploy(TRIVIAL)?;
    with.bind(&[TRIVIAL])?;
    for (server, claim) in [(&without, None), (&with, Some("127.0.0.1"))] {
        let claims = server.claims()?;
        ensure!(claims["https://claims.example/ip"].as_str() == claim, "the token says {claims}");
    }
    let mut none = Contender::new(&without, None);
    let mut unbound = Contender::new(&with, Some(&[]));
    let mut bound = Contender::new(&with, Some(&[TRIVIAL]));
    for round in 0..=arguments.either(ROUNDS, 3) {
        for contender in [&mut none, &mut unbound, &mut bound] {
            contender.round(arguments)?;
            if round == 0 {
                contender.forget();
            }
        }
    }
    let mut table = Table::new("Token requests with a trivial Action bound");
    for (place, (load, ..)) in LOADS.into_iter().enumerate() {
        let [none, unbound, bound] = [&none, &unbound, &bound].map(|one| &one.times[place]);
        let target: Option<Goal> = if place == 0 { goal("added", 1.0) } else { None };
        let peer = |time| ("without Actions", time);
        table.compare(format!("{load}: p50"), bound.p50(), peer(none.p50()), None, ms);
        table.alone("  added by the Action", bound.p50() - none.p50(), target, ms);
        table.compare(format!("{load}: p99"), bound.p99(), peer(none.p99()), None, ms);
        table.alone("  added by the Action", bound.p99() - none.p99(), None, ms);
        let what = format!("{load}: p50, the Action not bound");
        table.compare(what, unbound.p50(), peer(none.p50()), None, ms);
    }
    let of_server = bound.of_server.cpu_us();
    let [none, unbound, bound] = [&none, &unbound, &bound].map(|one| &one.figures);
    let cpu = |figures: &Figures| ("without Actions", figures.cpu_us());
    table.compare("CPU of server and workers per token", bound.cpu_us(), cpu(none), None, us);
    table.alone("  of it the server", of_server, None, us);
    table.compare("  the Action not bound", unbound.cpu_us(), cpu(none), None, us);
    let peer = ("without Actions", 1e6 / none.cpu_us());
    table.compare("tokens per CPU second", 1e6 / bound.cpu_us(), peer, None, plain);
    let peer = ("without Actions", none.per_s());
    table.compare("tokens per second, best round", bound.per_s(), peer, None, plain);
    table.note(
        "`keyward serve` with its defaults and no log, ES256, one client with a list that is \
         enforced; server, workers and callers share all cores, and callers sleep until they are \
         answered; median of the rounds' p50 and p99; CPU and tokens per second with 32 requests at \
         once, the best of the rounds",
    );
    table
        .note("not bound: an Action exists, so that requests are kept for drafts to be tried with");
    table.print();
    Ok(())
}

/// A server and what is bound in its turn.
struct Contender<'a> {
    server: &'a Server,
    /// `None`: there never was an Action.
    binds: Option<&'a [Script]>,
    /// By the place in [`LOADS`].
    times: [Rounds; LOADS.len()],
    /// Of the server and its workers.
    figures: Figures,
    of_server: Figures,
}

impl<'a> Contender<'a> {
    fn new(server: &'a Server, binds: Option<&'a [Script]>) -> Self {
        let (figures, of_server) = (Figures::default(), Figures::default());
        Self { server, binds, times: Default::default(), figures, of_server }
    }

    fn forget(&mut self) {
        *self = Self::new(self.server, self.binds);
    }

    fn round(&mut self, arguments: &Arguments) -> anyhow::Result<()> {
        if let Some(scripts) = self.binds {
            self.server.bind(scripts)?;
        }
        let (address, requests) = (self.server.public, [self.server.token_request()]);
        // Every worker has seen the script then.
        drive(address, &requests, BUSY, 64)?;
        for ((_, load, full, quick), times) in LOADS.into_iter().zip(&mut self.times) {
            times.add(drive(address, &requests, load, arguments.either(full, quick))?);
        }
        let count = arguments.either(2000, 400);
        let ((server, all), start) = (self.server.cpu_ns()?, wall_ns());
        drive(address, &requests, BUSY, count)?;
        let wall = wall_ns() - start;
        let (server_after, all_after) = self.server.cpu_ns()?;
        self.of_server.add(count, server_after - server, wall);
        self.figures.add(count, all_after - all, wall);
        Ok(())
    }
}
