//! PROXY protocol, unix sockets and addresses that cannot be listened on.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use axum::{Extension, Router};
use keyward_allowlist::{ClientAddressRule, Connection, NetworkSet, Source};
use keyward_server::listen::{Limits, ListenAddress, ListenError, ListenOptions, bind, serve};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

use crate::support::{Server, body, read_answer, read_to_end, status, statuses};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// Answers with the connection as the listener saw it.
fn router() -> Router {
    Router::new().fallback(|Extension(connection): Extension<Connection>| async move {
        format!("{connection:?}")
    })
}

fn behind_proxies(networks: &str) -> ListenOptions {
    let network = networks.parse().unwrap();
    let rule = ClientAddressRule::new(Source::ProxyProtocol, NetworkSet::compile(&[network]));
    ListenOptions { proxy_protocol: Some(rule), ..ListenOptions::new("test") }
}

#[tokio::test]
async fn client_ip_108_a_second_proxy_line_is_a_malformed_request() {
    let server = Server::start(router(), behind_proxies("127.0.0.0/8")).await;
    let bytes = format!(
        "PROXY TCP4 192.0.2.9 10.0.0.1 1 443\r\n{GET}PROXY TCP4 203.0.113.5 10.0.0.1 1 443\r\n{GET}"
    );
    let answers = server.exchange(bytes.as_bytes()).await;
    assert_eq!(statuses(&answers), [200, 400]);
    assert!(answers.contains("192.0.2.9:1") && !answers.contains("203.0.113.5"), "{answers}");
}

#[tokio::test]
async fn a_proxy_header_may_come_in_pieces() {
    let server = Server::start(router(), behind_proxies("127.0.0.0/8")).await;
    let mut stream = server.connect().await;
    stream.set_nodelay(true).unwrap();
    for byte in format!("PROXY TCP4 192.0.2.9 10.0.0.1 1 443\r\n{GET}").as_bytes() {
        stream.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let answer = read_answer(&mut stream).await;
    assert!(body(&answer).contains("192.0.2.9:1"), "{answer}");
}

#[tokio::test]
async fn a_listed_peer_without_proxy_header_is_turned_away() {
    let server = Server::start(router(), behind_proxies("127.0.0.0/8")).await;
    assert_eq!(server.exchange(GET.as_bytes()).await, "");
}

#[tokio::test]
async fn an_unlisted_peer_is_turned_away() {
    let server = Server::start(router(), behind_proxies("10.0.0.0/8")).await;
    let forged = format!("PROXY TCP4 192.0.2.9 10.0.0.1 1 443\r\n{GET}");
    assert_eq!(server.exchange(forged.as_bytes()).await, "");
    assert_eq!(server.exchange(GET.as_bytes()).await, "");
}

#[tokio::test]
async fn a_half_proxy_header_ends_with_the_header_timeout() {
    let mut options = behind_proxies("127.0.0.0/8");
    let header_timeout = std::time::Duration::from_millis(80);
    options.limits = Limits { header_timeout, ..Limits::default() };
    let server = Server::start(router(), options).await;
    assert_eq!(server.exchange(b"PROXY TCP4 192.0").await, "");
}

#[tokio::test]
async fn a_proxy_line_on_a_plain_listener_is_a_malformed_request() {
    let server = Server::start(router(), ListenOptions::new("test")).await;
    let bytes = format!("PROXY TCP4 192.0.2.9 10.0.0.1 1 443\r\n{GET}");
    assert_eq!(statuses(&server.exchange(bytes.as_bytes()).await), [400]);
}

#[tokio::test]
async fn a_unix_socket_serves_its_owner_and_group() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.sock");
    // A socket whose process is gone.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let address = unix(&path);
    let bound = bind(&address).await.unwrap();
    assert_eq!(bound.address().unwrap(), address);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    assert!(matches!(bind(&address).await, Err(ListenError::InUse { .. })));

    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let task = tokio::spawn(serve(bound, router(), ListenOptions::new("gate"), async {
        let _ = stopped.await;
    }));
    let mut stream = UnixStream::connect(&path).await.unwrap();
    stream.write_all(GET.as_bytes()).await.unwrap();
    let answer = read_answer(&mut stream).await;
    assert_eq!(status(&answer), 200);
    assert!(body(&answer).contains("Unix"), "{answer}");
    stop.send(()).unwrap();
    assert_eq!(read_to_end(&mut stream).await, "");
    task.await.unwrap();
    assert!(!path.exists());
}

fn unix(path: &Path) -> ListenAddress {
    format!("unix:{}", path.display()).parse().unwrap()
}

#[tokio::test]
async fn messages_name_the_address_and_what_to_do() {
    let taken = bind(&"127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = taken.address().unwrap();
    let message = bind(&address).await.unwrap_err().to_string();
    let expected = format!(
        "{address} is in use; stop the process that listens there or choose another address"
    );
    assert_eq!(message, expected);

    let message = bind(&"192.0.2.1:1".parse().unwrap()).await.unwrap_err().to_string();
    assert!(message.starts_with("cannot listen on 192.0.2.1:1: "), "{message}");
    assert!(message.ends_with("choose an address of this machine"), "{message}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let message = bind(&unix(&file)).await.unwrap_err().to_string();
    assert!(message.ends_with("is not a socket; remove the file or choose another path"));

    for text in ["", "8080", "localhost:80", "unix:relative", "unix:", "127.0.0.1"] {
        assert!(matches!(text.parse::<ListenAddress>(), Err(ListenError::Malformed { .. })));
    }
}
