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

/// A key and certificate that a client shows whatever it is asked for, fitting or not.
#[derive(Debug)]
struct Shows(Arc<rustls::sign::CertifiedKey>);

impl rustls::client::ResolvesClientCert for Shows {
    fn resolve(
        &self,
        _: &[&[u8]],
        _: &[rustls::SignatureScheme],
    ) -> Option<Arc<rustls::sign::CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Shows a certificate (of `holder`) and signs with a key (of `signer`).
fn shows(holder: &Files, signer: &Files) -> Arc<dyn rustls::client::ResolvesClientCert> {
    let certificate = std::fs::read(&holder.certificate).unwrap();
    let certificate = rustls::pki_types::CertificateDer::from_pem_slice(&certificate).unwrap();
    let key = std::fs::read(&signer.key).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::from_pem_slice(&key).unwrap();
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).unwrap();
    Arc::new(Shows(Arc::new(rustls::sign::CertifiedKey::new(vec![certificate], key))))
}

/// One request of such a client; what came back.
async fn ask_as(
    server: &Server,
    files: &Files,
    version: &'static rustls::SupportedProtocolVersion,
    client: Option<Arc<dyn rustls::client::ResolvesClientCert>>,
) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    let bytes = std::fs::read(&files.certificate).unwrap();
    roots.add(rustls::pki_types::CertificateDer::from_pem_slice(&bytes).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots);
    let config = match client {
        Some(client) => config.with_client_cert_resolver(client),
        None => config.with_no_client_auth(),
    };
    let stream = TcpStream::connect(server.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await?;
    Ok(read_answer(&mut stream).await)
}

#[tokio::test]
async fn a_client_shows_any_certificate_or_none_and_proves_to_hold_its_key() {
    use keyward_server::listen::{ClientChain, tls_config_asking_clients};
    let (files, client, other) = (files(), files(), files());
    let tls = Some(tls_config_asking_clients(&files.certificate, &files.key).unwrap());
    let router = Router::new().fallback(|request: Request<axum::body::Body>| async move {
        let chain = request.extensions().get::<ClientChain>().cloned().unwrap_or_default();
        chain.0.first().map_or("none".to_owned(), |first| format!("{} bytes", first.len()))
    });
    let options = ListenOptions { tls, ..ListenOptions::new("test") };
    let server = Server::start(router, options).await;
    let pem = std::fs::read(&client.certificate).unwrap();
    let length = rustls::pki_types::CertificateDer::from_pem_slice(&pem).unwrap().len();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let none = ask_as(&server, &files, version, None).await.unwrap();
        assert_eq!(crate::support::body(&none), "none");
        let holder = ask_as(&server, &files, version, Some(shows(&client, &client))).await;
        assert_eq!(crate::support::body(&holder.unwrap()), format!("{length} bytes"));
        // Security: a certificate is public. Who does not hold its key gets no answer at all.
        let thief = ask_as(&server, &files, version, Some(shows(&client, &other))).await;
        assert_eq!(status(&thief.unwrap_or_default()), 0, "{version:?}");
    }
}
