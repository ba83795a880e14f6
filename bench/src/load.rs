//! Load over HTTP/1.1: kept connections, prepared requests, every answer looked at.

use std::cell::Cell;
use std::net::SocketAddr;

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use crate::child::Part;
use crate::machine;
use crate::measure::{precise, wall_ns};

/// Connections of a load.
pub(crate) const CONNECTIONS: usize = 32;
/// The core that servers are kept on, and the one of the load.
pub(crate) const SERVER_CORE: usize = 0;
const LOAD_CORE: usize = 1;

/// A request as bytes, and the status that its answer must have; 0 for any.
pub(crate) struct Prepared {
    pub(crate) bytes: Vec<u8>,
    pub(crate) status: u16,
}

/// What was measured of a server, round by round.
#[derive(Default)]
pub(crate) struct Figures {
    cpu_us: Vec<f64>,
    per_s: Vec<f64>,
}

impl Figures {
    /// Keeps a round of so many requests, in nanoseconds of CPU and of wall time.
    pub(crate) fn add(&mut self, count: usize, cpu_ns: u64, wall_ns: u64) {
        self.cpu_us.push(precise(cpu_ns) / 1e3 / count as f64);
        self.per_s.push(count as f64 * 1e9 / precise(wall_ns));
    }

    /// The least CPU time per request of any round, in microseconds.
    pub(crate) fn cpu_us(&self) -> f64 {
        self.cpu_us.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The most requests per second of any round.
    pub(crate) fn per_s(&self) -> f64 {
        self.per_s.iter().copied().fold(0.0, f64::max)
    }
}

/// A server in a process of its own, with the figures taken of it.
pub(crate) struct Served {
    part: Part,
    address: SocketAddr,
    figures: Figures,
}

impl Served {
    /// Waits for the port that the started server writes.
    pub(crate) fn new(mut part: Part) -> anyhow::Result<Self> {
        let port: u16 = part.line()?.parse().context("the server wrote no port")?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        Ok(Self { part, address, figures: Figures::default() })
    }

    /// One round: `count` of the requests, from the first on, over all connections.
    pub(crate) fn round(&mut self, requests: &[Prepared], count: usize) -> anyhow::Result<()> {
        self.round_of(count, |address| drive(address, requests, count))
    }

    /// One round of so many requests, which `drive` makes to the server's address.
    pub(crate) fn round_of(
        &mut self,
        count: usize,
        drive: impl FnOnce(SocketAddr) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let before = machine::process_cpu_ns(self.part.pid())?;
        let start = wall_ns();
        drive(self.address)?;
        let wall = wall_ns() - start;
        let cpu = machine::process_cpu_ns(self.part.pid())? - before;
        self.figures.add(count, cpu, wall);
        Ok(())
    }

    /// Forgets the rounds so far.
    pub(crate) fn forget(&mut self) {
        self.figures = Figures::default();
    }

    /// The least CPU time per request of any round, in microseconds.
    pub(crate) fn cpu_us(&self) -> f64 {
        self.figures.cpu_us()
    }

    /// The most requests per second of any round.
    pub(crate) fn per_s(&self) -> f64 {
        self.figures.per_s()
    }
}

/// Does the load's work on its core.
///
/// A load that sleeps must be woken, which costs the server more the slower it is: so this one
/// never does, and all servers write to a process that is awake.
pub(crate) fn on_load_core<W>(work: impl FnOnce() -> W + Send) -> anyhow::Result<()>
where
    W: Future<Output = anyhow::Result<()>>,
{
    let awake = async {
        loop {
            tokio::task::yield_now().await;
        }
    };
    std::thread::scope(|scope| {
        let load = scope.spawn(move || {
            machine::pin_to_core(LOAD_CORE);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let work = work();
            runtime.block_on(LocalSet::new().run_until(async {
                tokio::select! {
                    result = work => result,
                    () = awake => Ok(()),
                }
            }))
        });
        load.join().map_err(|_| anyhow::anyhow!("the load ended badly"))?
    })
}

/// Sends `count` of the requests, from the first on, over all connections.
pub(crate) fn drive(
    address: SocketAddr,
    requests: &[Prepared],
    count: usize,
) -> anyhow::Result<()> {
    on_load_core(|| async {
        let next = Cell::new(0_usize);
        // Connections are opened before the first request, so that their cost is spread evenly.
        let mut streams = Vec::new();
        for _ in 0..CONNECTIONS {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            streams.push(stream);
        }
        let work = streams.into_iter().map(|stream| connection(stream, requests, count, &next));
        futures_util::future::join_all(work).await.into_iter().collect()
    })
}

/// The body of the answer to one request.
pub(crate) fn ask(address: SocketAddr, request: &Prepared) -> anyhow::Result<Vec<u8>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(&request.bytes).await?;
        let mut buffer = Vec::new();
        let Answer { status, .. } = answer(&mut stream, &mut buffer).await?;
        let text = String::from_utf8_lossy(&buffer);
        ensure!(status == request.status, "expected {}: {text}", request.status);
        let (_, body) = text.split_once("\r\n\r\n").context("an answer without an end of head")?;
        Ok(body.as_bytes().to_vec())
    })
}

async fn connection(
    mut stream: TcpStream,
    requests: &[Prepared],
    count: usize,
    next: &Cell<usize>,
) -> anyhow::Result<()> {
    let mut buffer = Vec::with_capacity(4096);
    loop {
        let place = next.get();
        if place >= count {
            return Ok(());
        }
        next.set(place + 1);
        let request = &requests[place % requests.len()];
        stream.write_all(&request.bytes).await?;
        let Answer { status, .. } = answer(&mut stream, &mut buffer).await?;
        let fits = request.status == 0 || request.status == status;
        ensure!(fits, "request {place}: status {status}, expected {}", request.status);
    }
}

/// What is looked at of an answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Whether nothing more may be asked on this connection.
    pub(crate) closes: bool,
}

/// Reads one whole answer.
pub(crate) async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<Answer> {
    buffer.clear();
    loop {
        if stream.read_buf(buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = std::str::from_utf8(&buffer[..end])?;
        let status = head.get(9..12).context("no status")?.parse()?;
        let field = |wanted: &str| {
            head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case(wanted).then(|| value.trim())
            })
        };
        let closes = field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let body: usize = field("content-length").map_or(Ok(0), str::parse)?;
        while buffer.len() < end + 4 + body {
            ensure!(stream.read_buf(buffer).await? > 0, "the answer was cut off");
        }
        return Ok(Answer { status, closes });
    }
}
