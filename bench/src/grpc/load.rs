//! Load over HTTP/2, as from an Envoy: few connections, many calls at a time on each.

use std::cell::Cell;
use std::net::SocketAddr;

use anyhow::{Context as _, ensure};
use h2::client::SendRequest;
use hyper::Request;
use hyper::body::Bytes;
use tokio::net::TcpStream;

use super::call::{Call, GATEWAY};
use crate::load::on_load_core;

pub(super) const CONNECTIONS: usize = 2;
/// Calls at a time on each connection.
pub(super) const STREAMS: usize = 16;
/// Envoy's windows.
const STREAM_WINDOW: u32 = 16 << 20;
const CONNECTION_WINDOW: u32 = 24 << 20;

/// Makes `count` of the calls, from the first on, over all connections.
pub(super) fn drive(address: SocketAddr, calls: &[Call], count: usize) -> anyhow::Result<()> {
    on_load_core(|| async {
        let next = Cell::new(0_usize);
        let mut senders = Vec::new();
        for _ in 0..CONNECTIONS {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let mut builder = h2::client::Builder::new();
            builder.initial_window_size(STREAM_WINDOW);
            builder.initial_connection_window_size(CONNECTION_WINDOW);
            let (sender, connection) = builder.handshake::<_, Bytes>(stream).await?;
            // Its end shows at the calls.
            tokio::task::spawn_local(connection);
            senders.extend(std::iter::repeat_n(sender, STREAMS));
        }
        let work = senders.into_iter().map(|sender| one_by_one(sender, calls, count, &next));
        futures_util::future::join_all(work).await.into_iter().collect()
    })
}

async fn one_by_one(
    mut sender: SendRequest<Bytes>,
    calls: &[Call],
    count: usize,
    next: &Cell<usize>,
) -> anyhow::Result<()> {
    let head = head()?;
    let mut answer = Vec::with_capacity(1024);
    loop {
        let place = next.get();
        if place >= count {
            return Ok(());
        }
        next.set(place + 1);
        let call = &calls[place % calls.len()];
        sender = sender.ready().await?;
        let (response, mut body) = sender.send_request(head.clone(), false)?;
        body.send_data(call.body.clone(), true)?;
        let (parts, mut body) = response.await?.into_parts();
        ensure!(parts.status == 200, "call {place}: HTTP status {}", parts.status);
        answer.clear();
        while let Some(piece) = body.data().await {
            let piece = piece?;
            body.flow_control().release_capacity(piece.len())?;
            answer.extend_from_slice(&piece);
        }
        let trailers = body.trailers().await?.unwrap_or(parts.headers);
        let status = trailers.get("grpc-status").context("no grpc-status")?;
        ensure!(status == "0", "call {place}: {trailers:?}");
        call.check(&answer).with_context(|| format!("call {place}"))?;
    }
}

/// The head of each call, the same for all of them.
fn head() -> anyhow::Result<Request<()>> {
    Ok(Request::post("http://keyward/envoy.service.auth.v3.Authorization/Check")
        .header("te", "trailers")
        .header("grpc-timeout", "500m")
        .header("content-type", "application/grpc")
        .header("x-gateway", GATEWAY)
        .header("x-envoy-internal", "true")
        .header("x-forwarded-for", "192.0.2.2")
        .header("x-envoy-expected-rq-timeout-ms", "500")
        .body(())?)
}
