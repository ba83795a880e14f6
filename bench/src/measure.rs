//! Timing: thread CPU time, contenders in turn, the minimum over the rounds.

use std::hint::black_box;

use anyhow::bail;
use rustix::time::{ClockId, clock_gettime};

use crate::lists;

/// How often each contender has its turn.
pub(crate) const ROUNDS: usize = 9;

/// CPU time of this thread in nanoseconds. Neighbours on the machine do not count.
pub(crate) fn thread_cpu_ns() -> u64 {
    nanoseconds(ClockId::ThreadCPUTime)
}

/// CPU time of this process in nanoseconds.
pub(crate) fn process_cpu_ns() -> u64 {
    nanoseconds(ClockId::ProcessCPUTime)
}

/// Wall time in nanoseconds since some moment.
pub(crate) fn wall_ns() -> u64 {
    nanoseconds(ClockId::Monotonic)
}

fn nanoseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    let part = |number: i64| u64::try_from(number).unwrap_or_default();
    part(time.tv_sec) * 1_000_000_000 + part(time.tv_nsec)
}

/// One way to do the work. `run` is told the number of the round, does all operations of a round
/// and returns a checksum of the answers.
pub(crate) struct Contender<'a> {
    pub(crate) name: &'static str,
    run: Box<dyn FnMut(u64) -> u64 + 'a>,
}

impl<'a> Contender<'a> {
    pub(crate) fn new(name: &'static str, run: impl FnMut(u64) -> u64 + 'a) -> Self {
        Self { name, run: Box::new(run) }
    }
}

/// Nanoseconds of CPU time per operation, the least over [`ROUNDS`] rounds in which the contenders
/// take turns. Refuses to report contenders that do not agree.
pub(crate) fn race(
    what: &str,
    operations: usize,
    contenders: &mut [Contender<'_>],
) -> anyhow::Result<Vec<f64>> {
    let mut best = vec![f64::INFINITY; contenders.len()];
    for round in 0..=ROUNDS as u64 {
        let mut first = None;
        for (contender, best) in contenders.iter_mut().zip(&mut best) {
            let start = thread_cpu_ns();
            let sum = black_box((contender.run)(black_box(round)));
            let spent = thread_cpu_ns() - start;
            // Round 0 only warms up.
            if round > 0 {
                *best = best.min(precise(spent) / operations as f64);
            }
            let (name, expected) = *first.get_or_insert((contender.name, sum));
            if expected != sum {
                let other = contender.name;
                bail!("{what}: {name} and {other} disagree ({expected:x}, {sum:x})");
            }
        }
    }
    Ok(best)
}

/// The next place to ask: a linear congruential step, because a short fixed round of queries is
/// learnt by the branch predictor and flatters whoever branches.
pub(crate) const fn step(state: u64, last: u64) -> u64 {
    state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1 + 2 * last)
}

fn start(round: u64) -> u64 {
    lists::mix(round + 1)
}

/// Answers where each query depends on the answer before: what a lone request waits for.
pub(crate) fn dependent<Q: Copy>(
    queries: &[Q],
    count: usize,
    round: u64,
    mut ask: impl FnMut(Q) -> bool,
) -> u64 {
    let mask = queries.len() - 1;
    let (mut state, mut hits) = (start(round), 0);
    for _ in 0..count {
        let hit = u64::from(ask(queries[(state >> 40) as usize & mask]));
        hits += hit;
        state = step(state, hit);
    }
    hits << 32 ^ state
}

/// Answers to queries that do not wait for each other: what a batch takes.
pub(crate) fn independent<Q: Copy>(
    queries: &[Q],
    count: usize,
    round: u64,
    mut ask: impl FnMut(Q) -> bool,
) -> u64 {
    let mask = queries.len() - 1;
    let (mut state, mut hits) = (start(round), 0);
    for _ in 0..count {
        hits += u64::from(ask(queries[(state >> 40) as usize & mask]));
        state = step(state, 0);
    }
    hits
}

pub(crate) fn precise(number: u64) -> f64 {
    number as f64
}
