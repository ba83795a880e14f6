//! HTTP/1: what passes, what is refused, and what takes too long.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, OriginalUri};
use axum::routing::{any, post};
use http::HeaderMap;
use keyward_server::listen::{Limits, ListenOptions};
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;

use crate::support::{Server, body, read_answer, read_to_end, status, statuses};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const SHORT: Duration = Duration::from_millis(80);

fn router() -> Router {
    let read = |bytes: Bytes| async move { bytes.len().to_string() };
    let names = |headers: HeaderMap| async move {
        let mut names: Vec<&str> = headers.keys().map(|name| name.as_str()).collect();
        names.sort_unstable();
        names.join(",")
    };
    Router::new()
        .route("/read", post(read))
        .route("/read/large", post(read))
        .route("/names", any(names))
        .route("/panic", any(|| async { panic!("on purpose") as &str }))
        .fallback(|OriginalUri(uri): OriginalUri| async move { uri.to_string() })
        .layer(DefaultBodyLimit::disable())
}

async fn start(limits: Limits) -> Server {
    Server::start(router(), ListenOptions { limits, ..ListenOptions::new("test") }).await
}

#[tokio::test]
async fn http_006_underscored_headers_are_removed() {
    let server = start(Limits::default()).await;
    let request = "GET /names HTTP/1.1\r\nHost: a\r\nX_Forwarded_For: 1.1.1.1\r\nX-Real_IP: 1\r\n\
                   X-Kept: 1\r\nConnection: close\r\n\r\n";
    let answer = server.exchange(request.as_bytes()).await;
    assert_eq!((status(&answer), body(&answer)), (200, "connection,host,x-kept"));
}

#[tokio::test]
async fn http_010_length_and_chunked_together_are_refused() {
    let server = start(Limits::default()).await;
    let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\
                   \r\n0\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n";
    let answers = server.exchange(request.as_bytes()).await;
    assert_eq!(statuses(&answers), [400]);
    assert!(answers.contains("Connection: close\r\n"), "{answers}");
}

#[tokio::test]
async fn http_019_the_path_stays_as_it_was_sent() {
    let server = start(Limits::default()).await;
    let path = "//a/../b/%2e%2e/c%2Fd";
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(body(&server.exchange(request.as_bytes()).await), path);
}

#[tokio::test]
async fn http_022_a_long_head_is_refused() {
    let server = start(Limits::default()).await;
    let request = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "a".repeat(65536));
    assert_eq!(status(&server.exchange(request.as_bytes()).await), 431);
    let request = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: 1\r\n".repeat(100));
    assert_eq!(status(&server.exchange(request.as_bytes()).await), 431);
}

#[tokio::test]
async fn http_023_a_long_target_is_refused() {
    let server = start(Limits::default()).await;
    let request = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(9000));
    assert_eq!(status(&server.exchange(request.as_bytes()).await), 414);
}

#[tokio::test]
async fn http_024_a_slow_head_ends_the_connection() {
    let limits = Limits { header_timeout: SHORT, ..Limits::default() };
    let server = start(limits).await;
    // On a fresh connection, with and without a first byte, and after a request.
    assert_eq!(server.exchange(b"").await, "");
    assert_eq!(status(&server.exchange(b"GET / HTTP/1.1\r\nHos").await), 408);
    let answers = server.exchange(format!("{GET}GET").as_bytes()).await;
    assert_eq!(statuses(&answers), [200, 408]);
}

#[tokio::test]
async fn http_025_a_slow_body_is_answered_408() {
    let server = start(Limits { body_timeout: SHORT, ..Limits::default() }).await;
    let head = "POST /read HTTP/1.1\r\nHost: a\r\n";
    for request in [
        format!("{head}Content-Length: 5\r\n\r\nab"),
        format!("{head}Transfer-Encoding: chunked\r\n\r\n5\r\nab"),
    ] {
        let answer = server.exchange(request.as_bytes()).await;
        assert_eq!(statuses(&answer), [408], "{answer}");
    }
}

#[tokio::test]
async fn http_026_the_oldest_idle_connection_makes_room() {
    let server = start(Limits { connections_max: 3, ..Limits::default() }).await;
    let mut idle = Vec::new();
    for _ in 0..3 {
        let mut stream = server.send(GET.as_bytes()).await;
        assert_eq!(status(&read_answer(&mut stream).await), 200);
        idle.push(stream);
    }
    let mut newest = server.send(GET.as_bytes()).await;
    assert_eq!(status(&read_answer(&mut newest).await), 200);
    // One of them was closed for it, and the newest is still served.
    assert_eq!(read_to_end(&mut idle[0]).await, "");
    newest.write_all(GET.as_bytes()).await.unwrap();
    assert_eq!(status(&read_answer(&mut newest).await), 200);
}

#[tokio::test]
async fn http_026_a_busy_connection_is_not_closed_for_a_new_one() {
    let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handler = {
        let (entered, release) = (Arc::clone(&entered), Arc::clone(&release));
        move || async move {
            entered.notify_one();
            release.notified().await;
            "done"
        }
    };
    let limits = Limits { connections_max: 1, ..Limits::default() };
    let options = ListenOptions { limits, ..ListenOptions::new("test") };
    let server = Server::start(Router::new().fallback(handler), options).await;
    let mut busy = server.send(GET.as_bytes()).await;
    entered.notified().await;
    let mut waiting = server.send(GET.as_bytes()).await;
    release.notify_one();
    assert_eq!(body(&read_answer(&mut busy).await), "done");
    entered.notified().await;
    release.notify_one();
    assert_eq!(body(&read_answer(&mut waiting).await), "done");
    assert_eq!(read_to_end(&mut busy).await, "");
}

#[tokio::test]
async fn http_032_a_large_body_is_refused() {
    const LARGE: &[(&str, u64)] = &[("/large", 4 * 1024 * 1024)];
    let server = start(Limits { body_bytes_at: LARGE, ..Limits::default() }).await;
    let max = 2 * 1024 * 1024;
    for (path, bytes, expected) in [
        ("/read", max, 200),
        ("/read", max + 1, 413),
        ("/read/large", max + 1, 200),
        ("/read/large", 2 * max + 1, 413),
    ] {
        let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n");
        let content = "a".repeat(bytes);
        let sized = format!("{head}Content-Length: {bytes}\r\n\r\n{content}");
        assert_eq!(status(&server.exchange(sized.as_bytes()).await), expected, "{path} {bytes}");
        let chunked =
            format!("{head}Transfer-Encoding: chunked\r\n\r\n{bytes:x}\r\n{content}\r\n0\r\n\r\n");
        assert_eq!(status(&server.exchange(chunked.as_bytes()).await), expected, "{path} {bytes}");
    }
}

#[tokio::test]
async fn a_refusal_comes_after_the_answers_to_earlier_requests() {
    let server = start(Limits::default()).await;
    let bytes = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n\
                 GET /3 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\nGET /4 HTTP/1.1\r\nHost: a\r\n\r\n";
    let answers = server.exchange(bytes.as_bytes()).await;
    assert_eq!(statuses(&answers), [200, 200, 400]);
    assert!(answers.contains("/1") && answers.contains("/2") && !answers.contains("/3"));
}

#[tokio::test]
async fn requests_arrive_whole_however_they_are_cut() {
    let server = start(Limits::default()).await;
    let bytes = "POST /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                 3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n\r\nPOST /read HTTP/1.1\r\nHost: a\r\n\
                 Content-Length: 4\r\n\r\nabcdGET /last HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut stream = server.connect().await;
    stream.set_nodelay(true).unwrap();
    for byte in bytes.as_bytes() {
        stream.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    for expected in ["5", "4", "/last"] {
        assert_eq!(body(&read_answer(&mut stream).await), expected);
    }
}

#[tokio::test]
async fn a_malformed_chunk_in_mid_body_is_answered_400() {
    let server = start(Limits::default()).await;
    let head = "POST /read HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
    let mut stream = server.send(head.as_bytes()).await;
    // The head is with the handler by the time it asks for the body.
    assert_eq!(status(&read_answer(&mut stream).await), 100);
    stream.write_all(b"3\r\nabcd\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert_eq!(statuses(&read_to_end(&mut stream).await), [400]);
}

#[tokio::test]
async fn a_body_that_nobody_reads_is_not_waited_for() {
    let server = start(Limits::default()).await;
    let answer =
        server.exchange(b"GET /check HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n").await;
    assert_eq!(status(&answer), 413);
    let limits = Limits { body_bytes: u64::MAX, ..Limits::default() };
    let server = start(limits).await;
    let answer =
        server.exchange(b"GET /check HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n").await;
    assert_eq!((status(&answer), body(&answer)), (200, "/check"));
}

#[tokio::test]
async fn a_client_that_closed_its_sending_side_is_answered() {
    let server = start(Limits::default()).await;
    let mut stream = server.send(GET.as_bytes()).await;
    stream.shutdown().await.unwrap();
    assert_eq!(statuses(&read_to_end(&mut stream).await), [200]);
}

#[tokio::test]
async fn silence_between_requests_ends_the_connection() {
    let server = start(Limits { idle_timeout: SHORT, ..Limits::default() }).await;
    assert_eq!(statuses(&server.exchange(GET.as_bytes()).await), [200]);
}

#[tokio::test]
async fn a_panic_ends_its_request_only() {
    let server = start(Limits::default()).await;
    let answer = server.exchange(b"GET /panic HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(status(&answer), 500);
    let mut stream = server.send(GET.as_bytes()).await;
    assert_eq!(status(&read_answer(&mut stream).await), 200);
}

#[tokio::test]
async fn shutdown_finishes_what_is_being_answered() {
    let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handler = {
        let (entered, release) = (Arc::clone(&entered), Arc::clone(&release));
        move || async move {
            entered.notify_one();
            release.notified().await;
            "done"
        }
    };
    let router = Router::new().route("/slow", any(handler)).fallback(|| async { "" });
    let server = Server::start(router, ListenOptions::new("test")).await;
    let mut idle = server.send(GET.as_bytes()).await;
    assert_eq!(status(&read_answer(&mut idle).await), 200);
    let mut busy = server.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
    entered.notified().await;

    server.stop.send(()).unwrap();
    assert_eq!(read_to_end(&mut idle).await, "");
    tokio::net::TcpStream::connect(server.address).await.unwrap_err();
    release.notify_one();
    assert_eq!(body(&read_to_end(&mut busy).await), "done");
    server.task.await.unwrap();
}

#[tokio::test]
async fn shutdown_does_not_wait_for_ever() {
    let entered = Arc::new(Notify::new());
    let handler = {
        let entered = Arc::clone(&entered);
        move || async move {
            entered.notify_one();
            std::future::pending::<&str>().await
        }
    };
    let limits = Limits { drain_timeout: SHORT, ..Limits::default() };
    let options = ListenOptions { limits, ..ListenOptions::new("test") };
    let server = Server::start(Router::new().fallback(handler), options).await;
    let mut stuck = server.send(GET.as_bytes()).await;
    entered.notified().await;
    server.stop.send(()).unwrap();
    server.task.await.unwrap();
    assert_eq!(read_to_end(&mut stuck).await, "");
}
