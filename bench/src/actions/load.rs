//! Callers that sleep until they are answered, as those on other machines do: the server and its
//! workers have all cores.

use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::ensure;
use futures_util::future::try_join_all;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

use crate::load::{Answer, Prepared, answer};
use crate::measure::{precise, wall_ns};

/// How requests come.
#[derive(Clone, Copy)]
pub(super) struct Load {
    /// On so many connections.
    pub(super) at_once: usize,
    /// How long each of them is quiet after an answer.
    pub(super) pause: Duration,
}

/// The times of answers, in milliseconds, round by round.
#[derive(Default)]
pub(super) struct Rounds {
    p50: Vec<f64>,
    p99: Vec<f64>,
}

impl Rounds {
    pub(super) fn add(&mut self, mut times: Vec<f64>) {
        times.sort_by(f64::total_cmp);
        self.p50.push(quantile(&times, 0.5));
        self.p99.push(quantile(&times, 0.99));
    }

    /// The median of the rounds' medians.
    pub(super) fn p50(&self) -> f64 {
        median(&self.p50)
    }

    /// The median of what 99 of 100 answers of a round took at most.
    pub(super) fn p99(&self) -> f64 {
        median(&self.p99)
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    quantile(&sorted, 0.5)
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = (sorted.len() as f64 * share) as usize;
    sorted.get(place).or(sorted.last()).copied().unwrap_or(f64::NAN)
}

/// Makes `count` of the requests, in turn. How long each answer took, in milliseconds.
pub(super) fn drive(
    address: SocketAddr,
    requests: &[Prepared],
    load: Load,
    count: usize,
) -> anyhow::Result<Vec<f64>> {
    runtime()?.block_on(async {
        let next = Cell::new(0);
        // Connections are opened before the first request.
        let callers = try_join_all((0..load.at_once).map(|_| Caller::connect(address))).await?;
        let next = &next;
        let work = callers.into_iter().map(async |mut caller| {
            let mut times = Vec::new();
            while next.get() < count {
                let place = next.replace(next.get() + 1);
                times.push(caller.ask(&requests[place % requests.len()]).await?);
                pause(load.pause).await;
            }
            anyhow::Ok(times)
        });
        Ok(try_join_all(work).await?.concat())
    })
}

/// Makes each of the requests `count` times, one at a time. How long their answers took, in
/// milliseconds.
pub(super) fn probe(
    probes: &[(SocketAddr, Prepared)],
    count: usize,
    quiet: Duration,
) -> anyhow::Result<Vec<Vec<f64>>> {
    runtime()?.block_on(async {
        let callers = try_join_all(probes.iter().map(|(to, _)| Caller::connect(*to))).await?;
        let mut all: Vec<(Caller, Vec<f64>)> =
            callers.into_iter().map(|caller| (caller, Vec::new())).collect();
        for _ in 0..count {
            for ((_, request), (caller, times)) in probes.iter().zip(&mut all) {
                times.push(caller.ask(request).await?);
                pause(quiet).await;
            }
        }
        Ok(all.into_iter().map(|(_, times)| times).collect())
    })
}

/// Does the work while so many callers ask all the time. Also how many answers they got.
pub(super) fn beside<T>(
    address: SocketAddr,
    request: &Prepared,
    callers: usize,
    work: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<(T, usize)> {
    let done = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asking = scope.spawn(move || {
            runtime()?.block_on(async {
                let asking = (0..callers).map(async |_| {
                    let mut caller = Caller::connect(address).await?;
                    let mut answers = 0_usize;
                    while !done.load(Ordering::Relaxed) {
                        caller.ask(request).await?;
                        answers += 1;
                    }
                    anyhow::Ok(answers)
                });
                anyhow::Ok(try_join_all(asking).await?.into_iter().sum())
            })
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        let answers = asking.join().map_err(|_| anyhow::anyhow!("the callers ended badly"))??;
        Ok((result?, answers))
    })
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

async fn pause(pause: Duration) {
    if !pause.is_zero() {
        tokio::time::sleep(pause).await;
    }
}

/// Somebody with a kept connection.
struct Caller {
    address: SocketAddr,
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Caller {
    async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { address, stream, buffer: Vec::with_capacity(4096) })
    }

    /// How long the answer took, in milliseconds.
    async fn ask(&mut self, request: &Prepared) -> anyhow::Result<f64> {
        let start = wall_ns();
        self.stream.write_all(&request.bytes).await?;
        let Answer { status, closes } = answer(&mut self.stream, &mut self.buffer).await?;
        let took_ms = precise(wall_ns() - start) / 1e6;
        ensure!(
            request.status == 0 || request.status == status,
            "status {status}, expected {}: {}",
            request.status,
            String::from_utf8_lossy(&self.buffer)
        );
        if closes {
            *self = Self::connect(self.address).await?;
        }
        Ok(took_ms)
    }
}
