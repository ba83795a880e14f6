//! TLS: what is negotiated, and which files are refused.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::{Request, Version};
use keyward_server::listen::{Limits, ListenOptions, TlsError, tls_config};
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::{Server, read_answer, status};

/// A certificate for `localhost` and its key, in files.
struct Files {
    _folder: TempDir,
    certificate: PathBuf,
    key: PathBuf,
}

fn files() -> Files {
    let folder = tempfile::tempdir().unwrap();
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let certificate = write("cert.pem", issued.cert.pem());
    let key = write("key.pem", issued.signing_key.serialize_pem());
    Files { certificate, key, _folder: folder }
}

async fn start(files: &Files, limits: Limits) -> Server {
    let tls = Some(tls_config(&files.certificate, &files.key).unwrap());
    let router = Router::new().fallback(|| async { "" });
    Server::start(router, ListenOptions { tls, limits, ..ListenOptions::new("test") }).await
}

async fn connect(address: SocketAddr, certificate: &Path, alpn: &[u8]) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    let bytes = std::fs::read(certificate).unwrap();
    roots.add(rustls::pki_types::CertificateDer::from_pem_slice(&bytes).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    if !alpn.is_empty() {
        config.alpn_protocols = vec![alpn.to_vec()];
    }
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

#[tokio::test]
async fn http1_is_served_with_and_without_negotiation() {
    let files = files();
    let server = start(&files, Limits::default()).await;
    for alpn in [&b"http/1.1"[..], b""] {
        let mut stream = connect(server.address, &files.certificate, alpn).await;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        assert_eq!(status(&read_answer(&mut stream).await), 200);
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").await.unwrap();
        assert_eq!(status(&read_answer(&mut stream).await), 400);
    }
}

#[tokio::test]
async fn http2_is_served_when_negotiated() {
    let files = files();
    let server = start(&files, Limits::default()).await;
    let stream = connect(server.address, &files.certificate, b"h2").await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("https://localhost/").version(Version::HTTP_2).body(()).unwrap();
    let (response, _) = client.send_request(request, true).unwrap();
    assert_eq!(response.await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_slow_handshake_ends_the_connection() {
    let files = files();
    let header_timeout = Duration::from_millis(80);
    let server = start(&files, Limits { header_timeout, ..Limits::default() }).await;
    // The start of a TLS record that never ends.
    assert_eq!(server.exchange(&[22, 3, 1, 2, 0]).await, "");
}

#[test]
fn unusable_files_are_named() {
    let (good, other) = (files(), files());
    let missing = good.certificate.with_file_name("none.pem");
    let error = tls_config(&missing, &good.key).unwrap_err();
    assert!(matches!(error, TlsError::Unreadable { .. }));
    assert!(error.to_string().contains("none.pem"), "{error}");

    let error = tls_config(&good.key, &good.key).unwrap_err();
    assert!(matches!(error, TlsError::Malformed { what: "certificate", .. }), "{error}");
    let error = tls_config(&good.certificate, &good.certificate).unwrap_err();
    assert!(matches!(error, TlsError::Malformed { what: "private key", .. }), "{error}");

    let error = tls_config(&good.certificate, &other.key).unwrap_err();
    assert!(matches!(error, TlsError::Mismatch { .. }), "{error}");
}
