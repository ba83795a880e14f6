//! The gate listeners: PROXY headers from listed peers, gRPC on the wire, client certificates.

use std::path::Path;
use std::sync::Arc;

use keyward_core::gateway::{CertificateName, DenyStyle, Gateway, GatewayKind, parse_source};
use keyward_core::id::GatewayId;
use keyward_core::jwk::KeySet;
use keyward_core::policy::{Change, Freshness, Policy, Settings};
use keyward_core::secret::{PepperId, Peppers};
use keyward_core::time::Timestamp;
use keyward_gate::{Events, Gate};
use keyward_server::clock::SystemClock;
use keyward_server::listen::{CheckHandler, GrpcHandler, ListenOptions, tls_config_with_clients};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    SanType,
};
use tokio::io::AsyncWriteExt as _;

use crate::support::{Server, read_answer, status};

/// A gate that knows no client and this gateway.
fn gate(edit: impl FnOnce(&mut Gateway)) -> Arc<Gate> {
    gate_of(vec![gateway("edge", edit)])
}

/// A gateway that lets `/open` pass without a credential.
fn gateway(name: &str, edit: impl FnOnce(&mut Gateway)) -> Gateway {
    let id = GatewayId::parse(name).unwrap();
    let mut gateway = Gateway::new(id, GatewayKind::Application, Timestamp::default());
    gateway.auth.peers = vec!["127.0.0.0/8".parse().unwrap()];
    gateway.public_paths = vec!["/open".to_owned()];
    edit(&mut gateway);
    gateway
}

fn gate_of(gateways: Vec<Gateway>) -> Arc<Gate> {
    let policy = Policy::new(Settings {
        issuer: "https://id.example/".to_owned(),
        keys: KeySet::default(),
        peppers: Peppers::new((PepperId(1), &[1; 32]), &[]),
        default_audience: None,
        leeway_s: 0,
    });
    let changes = gateways.into_iter().map(|gateway| Change::Gateway(Box::new(gateway)));
    policy.apply(1, changes.collect(), Freshness::Authority);
    Arc::new(Gate::new(Arc::new(policy), Arc::new(SystemClock), Events::unheard()))
}

/// A check that needs no credential, whose answer tells the client address.
const OPEN: &str = "GET /v1/check/edge HTTP/1.1\r\nHost: a\r\nX-Original-URI: /open\r\n\r\n";

fn client_ip(answer: &str) -> Option<&str> {
    answer.lines().find_map(|line| line.strip_prefix("x-client-ip: "))
}

/// Programs in front keep their connections only where they know that no body comes.
#[tokio::test]
async fn every_answer_says_how_long_it_is() {
    let bare = |gateway: &mut Gateway| gateway.deny_style = Some(DenyStyle::Bare);
    let server = Server::start(CheckHandler(gate(bare)), ListenOptions::new("gate")).await;
    let refused = "GET /v1/check/edge HTTP/1.1\r\nHost: a\r\n\r\n";
    let unknown = "GET /v1/check/other HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut stream = server.send(format!("{OPEN}{refused}{unknown}{OPEN}").as_bytes()).await;
    for expected in [200, 401, 403, 200] {
        let answer = read_answer(&mut stream).await;
        assert_eq!(status(&answer), expected, "{answer}");
        assert!(answer.to_lowercase().contains("\r\ncontent-length: 0\r\n"), "{answer}");
    }
}

/// A gate whose gateway tells the client address in a PROXY header, from 127.0.0.1 alone.
async fn proxied() -> Server {
    let gate = gate(|gateway| {
        gateway.client_address.source = parse_source("proxy-protocol").unwrap();
        gateway.client_address.trusted = vec!["127.0.0.1".parse().unwrap()];
    });
    Server::start(CheckHandler(gate), ListenOptions::new("gate")).await
}

#[tokio::test]
async fn a_listed_peer_names_the_client_in_a_proxy_header() {
    let server = proxied().await;
    let v1 = "PROXY TCP4 203.0.113.5 127.0.0.1 4711 80\r\n";
    let mut stream = server.send(format!("{v1}{OPEN}{OPEN}").as_bytes()).await;
    for _ in 0..2 {
        let answer = read_answer(&mut stream).await;
        assert_eq!((status(&answer), client_ip(&answer)), (200, Some("203.0.113.5")));
    }
    let mut v2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    v2.extend([203, 0, 113, 6, 127, 0, 0, 1, 0x12, 0x34, 0, 80]);
    v2.extend(OPEN.as_bytes());
    let mut stream = server.connect().await;
    // Byte by byte: the signature is told only when it is whole.
    for byte in v2 {
        stream.write_all(&[byte]).await.unwrap();
    }
    assert_eq!(client_ip(&read_answer(&mut stream).await), Some("203.0.113.6"));
}

/// The header is taken for the sake of one gateway, and counts for no other.
#[tokio::test]
async fn a_proxy_header_counts_where_its_sender_is_listed() {
    let listing = |networks: &'static str| {
        move |gateway: &mut Gateway| {
            gateway.client_address.source = parse_source("proxy-protocol").unwrap();
            gateway.client_address.trusted = vec![networks.parse().unwrap()];
        }
    };
    let gate =
        gate_of(vec![gateway("edge", listing("10.9.9.9")), gateway("other", listing("127.0.0.1"))]);
    let server = Server::start(CheckHandler(gate), ListenOptions::new("gate")).await;
    let header = "PROXY TCP4 203.0.113.5 127.0.0.1 4711 80\r\n";
    let other = OPEN.replace("/edge", "/other");
    let mut stream = server.send(format!("{header}{OPEN}{other}").as_bytes()).await;
    assert_eq!(client_ip(&read_answer(&mut stream).await), Some("-"));
    assert_eq!(client_ip(&read_answer(&mut stream).await), Some("203.0.113.5"));
}

#[tokio::test]
async fn without_a_proxy_header_a_listed_peer_names_nobody() {
    let server = proxied().await;
    let mut stream = server.send(OPEN.as_bytes()).await;
    let answer = read_answer(&mut stream).await;
    assert_eq!((status(&answer), client_ip(&answer)), (200, Some("-")));
    let broken = server.exchange(format!("PROXY TCP4 203.0.113.5\r\n{OPEN}").as_bytes()).await;
    assert_eq!(broken, "", "closed without an answer");
    let second = "PROXY TCP4 203.0.113.5 127.0.0.1 4711 80\r\n";
    let twice = server.exchange(format!("{second}{OPEN}{second}{OPEN}").as_bytes()).await;
    assert_eq!(crate::support::statuses(&twice), [200, 400], "{twice}");
}

#[tokio::test]
async fn a_proxy_header_of_anybody_else_is_no_request() {
    let server = proxied().await;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.4:0".parse().unwrap()).unwrap();
    let mut stream = socket.connect(server.address).await.unwrap();
    let forged = format!("PROXY TCP4 203.0.113.5 127.0.0.1 4711 80\r\n{OPEN}");
    stream.write_all(forged.as_bytes()).await.unwrap();
    let answer = crate::support::read_to_end(&mut stream).await;
    assert_eq!(status(&answer), 400, "{answer}");
    // Nor is one taken where no gateway reads it.
    let plain = Server::start(CheckHandler(gate(|_| {})), ListenOptions::new("gate")).await;
    assert_eq!(status(&plain.exchange(forged.as_bytes()).await), 400);
}

/// The connection's first bytes of HTTP/2, and one call of a gRPC method with an empty message.
async fn call(server: &Server, path: &str) -> (u16, Option<String>) {
    let stream = server.connect().await;
    let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
    let running = tokio::spawn(connection);
    let request = http::Request::post(format!("http://gate{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .unwrap();
    let (response, mut body) = client.send_request(request, false).unwrap();
    body.send_data(bytes::Bytes::from_static(&[0; 5]), true).unwrap();
    let response = response.await.unwrap();
    let (head, mut body) = response.into_parts();
    let code = |headers: &http::HeaderMap| {
        headers.get("grpc-status").map(|value| value.to_str().unwrap().to_owned())
    };
    let mut grpc_status = code(&head.headers);
    while let Some(data) = body.data().await {
        let length = data.unwrap().len();
        body.flow_control().release_capacity(length).unwrap();
    }
    if let Some(trailers) = body.trailers().await.unwrap() {
        grpc_status = grpc_status.or(code(&trailers));
    }
    running.abort();
    (head.status.as_u16(), grpc_status)
}

#[tokio::test]
async fn authorization_and_health_are_served_and_nothing_else() {
    let gate = gate(|gateway| gateway.kind = GatewayKind::EnvoyGrpc);
    let server = Server::start(GrpcHandler(gate), ListenOptions::new("grpc")).await;
    let ok = (200, Some("0".to_owned()));
    assert_eq!(call(&server, "/envoy.service.auth.v3.Authorization/Check").await, ok);
    assert_eq!(call(&server, "/grpc.health.v1.Health/Check").await, ok);
    let unknown = (200, Some("12".to_owned()));
    for path in ["/envoy.service.auth.v3.Authorization/Other", "/", "/v1/check/edge"] {
        assert_eq!(call(&server, path).await, unknown, "{path}");
    }
}

/// An authority, and certificates that it vouches for.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Certificate and key as PEM.
    fn issue(&self, names: &[&str], purpose: ExtendedKeyUsagePurpose) -> (String, String) {
        let mut params = CertificateParams::default();
        let dns = |name: &&str| SanType::DnsName((*name).try_into().unwrap());
        params.subject_alt_names = names.iter().map(dns).collect();
        params.extended_key_usages = vec![purpose];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

/// A check over TLS, perhaps with a client certificate.
async fn check_over_tls(
    server: &Server,
    authority: &Authority,
    identity: Option<(String, String)>,
) -> Option<u16> {
    let root = reqwest::Certificate::from_pem(authority.0.pem().as_bytes()).unwrap();
    let mut client = reqwest::Client::builder()
        .tls_certs_only([root])
        .no_proxy()
        .resolve("gate.internal", server.address);
    if let Some((certificate, key)) = identity {
        let pem = format!("{certificate}{key}");
        client = client.identity(reqwest::Identity::from_pem(pem.as_bytes()).unwrap());
    }
    let url = format!("https://gate.internal:{}/v1/check/edge", server.address.port());
    let request = client.build().unwrap().get(url).header("x-original-uri", "/open");
    request.send().await.ok().map(|response| response.status().as_u16())
}

#[tokio::test]
async fn a_gateway_may_show_a_client_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let (certificate, key) =
        authority.issue(&["gate.internal"], ExtendedKeyUsagePurpose::ServerAuth);
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (certificate, key) = (write("gate.pem", &certificate), write("gate.key", &key));
    let authorities = write("ca.pem", &authority.0.pem());
    let gate = gate(|gateway| {
        gateway.auth.peers.clear();
        gateway.auth.certificates = vec![CertificateName::parse("dns:edge.internal").unwrap()];
    });
    let mut options = ListenOptions::new("gate");
    options.tls = Some(tls_config_with_clients(&certificate, &key, &authorities).unwrap());
    let server = Server::start(CheckHandler(gate), options).await;

    let client = ExtendedKeyUsagePurpose::ClientAuth;
    let edge = authority.issue(&["edge.internal", "other"], client.clone());
    let stranger = authority.issue(&["stranger.internal"], client.clone());
    let foreign = Authority::new().issue(&["edge.internal"], client);
    assert_eq!(check_over_tls(&server, &authority, Some(edge)).await, Some(200));
    assert_eq!(check_over_tls(&server, &authority, Some(stranger)).await, Some(403));
    assert_eq!(check_over_tls(&server, &authority, None).await, Some(403));
    assert_eq!(check_over_tls(&server, &authority, Some(foreign)).await, None, "no handshake");
}

#[test]
fn authorities_that_are_none_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let (certificate, key) = authority.issue(&["a"], ExtendedKeyUsagePurpose::ServerAuth);
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (certificate, key) = (write("a.pem", &certificate), write("a.key", &key));
    let empty = write("empty.pem", "");
    let told = |authorities: &Path| {
        tls_config_with_clients(&certificate, &key, authorities).unwrap_err().to_string()
    };
    assert!(told(&empty).contains("empty.pem holds no usable certificate"), "{}", told(&empty));
    let missing = folder.path().join("missing.pem");
    assert!(told(&missing).contains("cannot read the client authorities"), "{}", told(&missing));
}
