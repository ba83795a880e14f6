//! The accept loop.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioTimer};
use keyward_allowlist::Peer;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::bind::Bound;
use super::connection::{Listener, run};
use super::files::connections_affordable;
use super::handler::Handler;
use super::liveness::{Connections, Order, sweep_interval};
use super::stream::Socket;
use super::{Limits, ListenOptions};

/// The pause after a failed accept, so that a lack of file descriptors does not burn the CPU.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long connections told to end at once may take for it.
const KILL_WAIT: Duration = Duration::from_secs(1);
/// Bytes of request body that HTTP/2 peers may send ahead, per stream and per connection.
const HTTP2_WINDOW_BYTES: (u32, u32) = (256 * 1024, 1024 * 1024);
/// The most bytes the HTTP/1 library buffers of a connection.
const HTTP1_BUFFER_BYTES: usize = 64 * 1024;

/// Serves `handler` on `bound` until `shutdown` resolves; then stops accepting, lets requests being
/// answered finish for [`Limits::drain_timeout`], and returns.
///
/// Dropping the future ends all its connections at once.
pub async fn serve<H: Handler>(
    bound: Bound,
    handler: H,
    options: ListenOptions,
    shutdown: impl Future<Output = ()>,
) {
    let name = options.name;
    let mut options = options;
    let affordable = connections_affordable();
    options.limits.connections_max = options.limits.connections_max.clamp(1, affordable);
    let limits = options.limits;
    let connections = Arc::new(Connections::new());
    let mut tasks = JoinSet::new();
    tasks.spawn(sweep(Arc::clone(&connections), limits));
    let accepting = accept_all(&bound, listener(handler, options), &connections, &mut tasks);
    tokio::select! {
        () = accepting => {}
        () = shutdown => {}
    }
    // The file of a unix socket goes too: a successor may listen there while we drain.
    drop(bound);

    connections.order_all(Order::Close);
    if !drained(&connections, &mut tasks, limits.drain_timeout).await {
        tracing::warn!(
            listener = name,
            open = connections.count(),
            "requests were still being answered at the end of the shutdown time"
        );
        connections.order_all(Order::Kill);
        drained(&connections, &mut tasks, KILL_WAIT).await;
    }
}

/// Waits until no connection is open; false when that takes longer than `timeout`.
async fn drained(connections: &Connections, tasks: &mut JoinSet<()>, timeout: Duration) -> bool {
    let all_ended = async { while connections.count() > 0 && tasks.join_next().await.is_some() {} };
    tokio::time::timeout(timeout, all_ended).await.is_ok()
}

async fn sweep(connections: Arc<Connections>, limits: Limits) {
    let interval = sweep_interval(&limits);
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        connections.sweep(interval, &limits);
    }
}

fn listener<H: Handler>(handler: H, options: ListenOptions) -> Arc<Listener<H>> {
    let limits = options.limits;
    let mut http1 = hyper::server::conn::http1::Builder::new();
    http1
        // A client may close its sending side after the request and still wants the answer; and a
        // write must not be abandoned half way because its caller hung up.
        .half_close(true)
        // Answers are small: one piece costs the kernel less than a list of pieces.
        .writev(false)
        .keep_alive(true)
        .header_read_timeout(None)
        .max_headers(limits.head.header_count)
        .max_buf_size(HTTP1_BUFFER_BYTES);
    let mut http2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    http2
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.http2_streams)
        .max_header_list_size(u32::try_from(limits.head.head_bytes).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(limits.http2_resets)
        .max_local_error_reset_streams(limits.http2_resets)
        .initial_stream_window_size(HTTP2_WINDOW_BYTES.0)
        .initial_connection_window_size(HTTP2_WINDOW_BYTES.1);
    Arc::new(Listener {
        name: options.name,
        handler,
        tls: options.tls.map(tokio_rustls::TlsAcceptor::from),
        proxy_protocol: options.proxy_protocol,
        limits,
        http1,
        http2,
    })
}

/// Accepts connections for ever, each in a task of its own.
async fn accept_all<H: Handler>(
    bound: &Bound,
    listener: Arc<Listener<H>>,
    connections: &Arc<Connections>,
    tasks: &mut JoinSet<()>,
) {
    let accepted =
        metrics::counter!("keyward_listener_connections_total", "listener" => listener.name);
    loop {
        while tasks.try_join_next().is_some() {}
        let (socket, peer) = match accept(bound).await {
            Ok(accepted) => accepted,
            Err(error) if is_peers_fault(&error) => continue,
            Err(error) => {
                tracing::warn!(
                    listener = listener.name,
                    %error,
                    "cannot accept connections; raise the limit on open files if it is reached"
                );
                super::count_refusal(listener.name, "accept_error");
                connections.close_oldest_idle();
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        accepted.increment(1);
        make_room(listener.name, listener.limits.connections_max, connections).await;
        let open = connections.open();
        tasks.spawn(run(Arc::clone(&listener), socket, peer, open));
    }
}

/// Waits until there are fewer connections than the cap, closing those that are idle longest.
async fn make_room(name: &'static str, most: usize, connections: &Connections) {
    while connections.count() >= most {
        if connections.close_oldest_idle() {
            super::count_refusal(name, "evicted");
        }
        // A connection may become idle without closing, so look again now and then.
        let _ = tokio::time::timeout(ACCEPT_PAUSE, connections.one_closed()).await;
    }
}

async fn accept(bound: &Bound) -> io::Result<(Socket, Peer)> {
    match bound {
        Bound::Tcp(listener) => {
            let (socket, address) = listener.accept().await?;
            // Answers are small and complete: waiting to fill a segment only delays them.
            if let Err(error) = socket.set_nodelay(true) {
                tracing::debug!(%error, "cannot turn off delayed sending");
            }
            Ok((Socket::Tcp(socket), Peer::Ip(address.ip())))
        }
        Bound::Unix(listener, _) => {
            let (socket, _) = listener.accept().await?;
            Ok((Socket::Unix(socket), Peer::Unix))
        }
    }
}

/// Whether an accept failed for the one connection only, which its peer gave up.
fn is_peers_fault(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}
