//! Load through a gateway: kept connections, each from an address of its own.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context as _, ensure};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};

use super::data::Visitor;
use crate::load::{Answer, answer, on_load_core};

/// Makes every request of all visitors once.
pub(super) fn drive(port: u16, visitors: &[Visitor]) -> anyhow::Result<()> {
    on_load_core(|| async {
        let mut streams = Vec::new();
        for visitor in visitors {
            streams.push(connect(visitor.from, port).await?);
        }
        let work = visitors.iter().zip(streams).map(|(one, stream)| visit(one, stream, port));
        futures_util::future::join_all(work).await.into_iter().collect()
    })
}

async fn connect(from: Ipv4Addr, port: u16) -> anyhow::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((from, 0)))?;
    let stream = socket.connect(SocketAddr::from(([127, 0, 0, 1], port))).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn visit(visitor: &Visitor, mut stream: TcpStream, port: u16) -> anyhow::Result<()> {
    let mut buffer = Vec::with_capacity(4096);
    for (place, request) in visitor.requests.iter().enumerate() {
        stream.write_all(&request.bytes).await?;
        let Answer { status, closes } = answer(&mut stream, &mut buffer).await?;
        ensure!(
            status == request.status,
            "from {}, request {place}: status {status}, expected {}:\n{}",
            visitor.from,
            request.status,
            String::from_utf8_lossy(&request.bytes),
        );
        if closes {
            stream = connect(visitor.from, port).await.context("connecting again")?;
        }
    }
    Ok(())
}
