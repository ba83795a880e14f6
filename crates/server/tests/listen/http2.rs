//! HTTP/2: what is refused, and the floods that must end.

use axum::{Extension, Router};
use http::{Request, Version};
use keyward_allowlist::Connection;
use keyward_server::listen::{Limits, ListenOptions};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;

use crate::support::Server;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// `:method: GET`, `:scheme: http`, `:path: /`, `:authority: a` (RFC 7541, appendix A).
const GET: &[u8] = &[0x82, 0x86, 0x84, 0x01, 1, b'a'];
const POST: &[u8] = &[0x83, 0x86, 0x84, 0x01, 1, b'a'];
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PROTOCOL_ERROR: u32 = 1;
const REFUSED_STREAM: u32 = 7;

/// Frame types of RFC 9113, section 6.
mod kind {
    pub(crate) const DATA: u8 = 0;
    pub(crate) const HEADERS: u8 = 1;
    pub(crate) const RST_STREAM: u8 = 3;
    pub(crate) const SETTINGS: u8 = 4;
    pub(crate) const GOAWAY: u8 = 7;
    pub(crate) const CONTINUATION: u8 = 9;
}

struct Frame {
    kind: u8,
    stream: u32,
    payload: Vec<u8>,
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A header field as a literal without indexing, short enough for one byte of length each.
fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        bytes.push(u8::try_from(text.len()).unwrap());
        bytes.extend(text.as_bytes());
    }
    bytes
}

/// The next frame; None when the server has closed.
async fn read_frame(stream: &mut (impl AsyncReadExt + Unpin)) -> Option<Frame> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.ok()?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; usize::try_from(length).unwrap()];
    stream.read_exact(&mut payload).await.ok()?;
    let stream = u32::from_be_bytes(head[5..9].try_into().unwrap());
    Some(Frame { kind: head[3], stream, payload })
}

/// The code of the reset of `stream`, or of a GOAWAY.
async fn read_refusal(stream: &mut (impl AsyncReadExt + Unpin), id: u32) -> Option<(u8, u32)> {
    while let Some(frame) = read_frame(stream).await {
        let code = match frame.kind {
            kind::RST_STREAM if frame.stream == id => &frame.payload[..4],
            kind::GOAWAY => &frame.payload[4..8],
            _ => continue,
        };
        return Some((frame.kind, u32::from_be_bytes(code.try_into().unwrap())));
    }
    None
}

async fn start() -> Server {
    let router = Router::new().fallback(|| async { "" });
    Server::start(router, ListenOptions::new("test")).await
}

async fn open(server: &Server) -> TcpStream {
    let mut stream = server.send(PREFACE).await;
    stream.write_all(&frame(kind::SETTINGS, 0, 0, &[])).await.unwrap();
    stream
}

/// Opens a connection and sends frames without end, or until the server closes.
async fn flood(server: &Server, first: Vec<u8>, again: Vec<u8>) -> OwnedReadHalf {
    let (read, mut write) = open(server).await.into_split();
    tokio::spawn(async move {
        let again = again.repeat(64);
        if write.write_all(&first).await.is_ok() {
            while write.write_all(&again).await.is_ok() {}
        }
    });
    read
}

/// Reads until the server gives the connection up, and expects a GOAWAY before that.
async fn expect_goaway(mut read: OwnedReadHalf) {
    let mut told = false;
    while let Some(frame) = read_frame(&mut read).await {
        told |= frame.kind == kind::GOAWAY;
    }
    assert!(told, "the connection was closed without GOAWAY");
}

#[tokio::test]
async fn a_request_sees_its_connection() {
    let router =
        Router::new().fallback(|Extension(connection): Extension<Connection>| async move {
            format!("{connection:?}")
        });
    let server = Server::start(router, ListenOptions::new("test")).await;
    let (mut client, connection) = h2::client::handshake(server.connect().await).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("http://a/x_y").version(Version::HTTP_2).body(()).unwrap();
    let (response, _) = client.send_request(request, true).unwrap();
    let mut response = response.await.unwrap();
    assert_eq!(response.status(), 200);
    let body = response.body_mut().data().await.unwrap().unwrap();
    assert!(body.starts_with(b"Connection { peer: Ip(127.0.0.1)"), "{body:?}");
}

#[tokio::test]
async fn repeated_authorization_is_answered_400() {
    let server = start().await;
    let (mut client, connection) = h2::client::handshake(server.connect().await).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("http://a/")
        .version(Version::HTTP_2)
        .header("authorization", "Bearer a")
        .header("authorization", "Bearer b");
    let (response, _) = client.send_request(request.body(()).unwrap(), true).unwrap();
    assert_eq!(response.await.unwrap().status(), 400);
}

#[tokio::test]
async fn a_slow_body_is_answered_408() {
    let limits = Limits { body_timeout: Duration::from_millis(80), ..Limits::default() };
    let router = Router::new().fallback(|body: axum::body::Bytes| async move { body });
    let server =
        Server::start(router, ListenOptions { limits, ..ListenOptions::new("test") }).await;
    let (mut client, connection) = h2::client::handshake(server.connect().await).await.unwrap();
    tokio::spawn(connection);
    let request = Request::post("http://a/").version(Version::HTTP_2).body(()).unwrap();
    let (response, mut body) = client.send_request(request, false).unwrap();
    body.send_data("a".into(), false).unwrap();
    assert_eq!(response.await.unwrap().status(), 408);
}

#[tokio::test]
async fn http_027_rapid_resets_end_the_connection() {
    let server = start().await;
    let (read, mut write) = open(&server).await.into_split();
    let burst: Vec<u8> = (0..10_000_u32)
        .flat_map(|number| {
            let id = 2 * number + 1;
            let mut bytes = frame(kind::HEADERS, END_STREAM | END_HEADERS, id, GET);
            bytes.extend(frame(kind::RST_STREAM, 0, id, &8_u32.to_be_bytes()));
            bytes
        })
        .collect();
    let sender = tokio::spawn(async move {
        let _ = write.write_all(&burst).await;
        write
    });
    expect_goaway(read).await;
    drop(sender.await.unwrap());
}

#[tokio::test]
async fn http_028_endless_continuation_ends_the_connection() {
    let server = start().await;
    let first = frame(kind::HEADERS, END_STREAM, 1, GET);
    let again = frame(kind::CONTINUATION, 0, 1, &literal("x", &"y".repeat(100)));
    expect_goaway(flood(&server, first, again).await).await;
}

#[tokio::test]
async fn http_029_endless_empty_data_ends_the_connection() {
    let server = start().await;
    let first = frame(kind::HEADERS, END_HEADERS, 1, POST);
    let again = frame(kind::DATA, 0, 1, &[]);
    expect_goaway(flood(&server, first, again).await).await;
}

#[tokio::test]
async fn http_030_malformed_requests_are_reset() {
    let server = start().await;
    // What no header list may hold ends the connection, the rest ends its stream.
    for (name, value, expected) in [
        ("x", "a\rb", kind::GOAWAY),
        ("x", "a\nb", kind::GOAWAY),
        ("x", "a\0b", kind::GOAWAY),
        ("X-Upper", "a", kind::GOAWAY),
        ("connection", "close", kind::RST_STREAM),
        ("transfer-encoding", "chunked", kind::RST_STREAM),
        ("host", "b", kind::RST_STREAM),
    ] {
        let mut stream = open(&server).await;
        let block = [GET, &literal(name, value)].concat();
        let bytes = frame(kind::HEADERS, END_STREAM | END_HEADERS, 1, &block);
        stream.write_all(&bytes).await.unwrap();
        let refusal = read_refusal(&mut stream, 1).await;
        assert_eq!(refusal, Some((expected, PROTOCOL_ERROR)), "{name}: {value:?}");
    }
}

#[tokio::test]
async fn http_031_streams_above_the_cap_are_refused() {
    let router = Router::new().fallback(std::future::pending::<&str>);
    let server = Server::start(router, ListenOptions::new("test")).await;
    let mut stream = open(&server).await;
    // The cap binds a client that has acknowledged it.
    let settings = read_frame(&mut stream).await.unwrap();
    assert_eq!(settings.kind, kind::SETTINGS);
    assert!(settings.payload.chunks(6).any(|setting| setting == [0, 3, 0, 0, 0, 100]));
    stream.write_all(&frame(kind::SETTINGS, 1, 0, &[])).await.unwrap();
    for number in 0..=100_u32 {
        let bytes = frame(kind::HEADERS, END_STREAM | END_HEADERS, 2 * number + 1, GET);
        stream.write_all(&bytes).await.unwrap();
    }
    let refusal = read_refusal(&mut stream, 201).await;
    assert_eq!(refusal, Some((kind::RST_STREAM, REFUSED_STREAM)));
}

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let limits = Limits {
        header_timeout: Duration::from_millis(80),
        idle_timeout: Duration::from_millis(80),
        ..Limits::default()
    };
    let router = Router::new().fallback(|| async { "" });
    let server =
        Server::start(router, ListenOptions { limits, ..ListenOptions::new("test") }).await;
    let mut silent = open(&server).await;
    while read_frame(&mut silent).await.is_some() {}

    let mut idle = open(&server).await;
    let bytes = frame(kind::HEADERS, END_STREAM | END_HEADERS, 1, GET);
    idle.write_all(&bytes).await.unwrap();
    while read_frame(&mut idle).await.is_some() {}
}
