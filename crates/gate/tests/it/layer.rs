//! The tower layer, deciding in this process and asking a node.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use keyward_allowlist::{ClientAddressRule, NetworkSet, Peer, Source};
use keyward_core::gateway::GatewayKind;
use keyward_gate::Checks;
use keyward_gate::layer::{Caller, KeywardLayer, Node, NodeError};
use tokio::net::{TcpListener, UnixListener};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::fixture::{AUDIENCE, FOREIGN, Header, LISTED, LOCAL, World, gateway, networks};
use crate::possession::{Holder, bound, dpop};

/// What the guarded service saw: caller and header values, in its answer.
async fn service(request: Request<Empty<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
    let caller = request.extensions().get::<Caller>().expect("a caller, always");
    let told = |name: &str| {
        let lines = request.headers().get_all(name).iter();
        lines.map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>().join("|")
    };
    let text = format!(
        "{} {} {} auth={}",
        caller.client_id.as_deref().unwrap_or("nobody"),
        told("x-client-id"),
        told("x-client-ip"),
        told("authorization").len(),
    );
    Ok(Response::new(Full::new(Bytes::from(text))))
}

/// Calls the guarded service from an address.
async fn call(
    layer: &KeywardLayer,
    from: Option<&str>,
    headers: &[Header],
) -> (StatusCode, String) {
    let mut request = Request::builder().uri("/orders?page=1");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let mut request = request.body(Empty::new()).unwrap();
    if let Some(from) = from {
        let address: IpAddr = from.parse().unwrap();
        request.extensions_mut().insert(address);
    }
    let layer = layer
        .clone()
        .peer_from(|extensions| extensions.get::<IpAddr>().map(|address| Peer::Ip(*address)));
    let response = layer.layer(service_fn(service)).oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status, String::from_utf8(body.to_vec()).unwrap())
}

fn within(world: &World) -> KeywardLayer {
    let mut app = gateway("app", GatewayKind::Tower);
    app.client_address.source = Source::Peer;
    world.register(app);
    KeywardLayer::within(Arc::clone(&world.gate), "app")
}

/// Serves checks on a port for as long as the test runs.
async fn node(world: &World) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let gate = Arc::clone(&world.gate);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            serve(TokioIo::new(stream), Checks::new(Arc::clone(&gate), LOCAL, Arc::default()));
        }
    });
    world.register(gateway("app", GatewayKind::Tower));
    format!("http://{address}")
}

fn serve<I>(stream: I, checks: Checks)
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    let service = TowerToHyperService::new(checks);
    tokio::spawn(async move { builder.serve_connection(stream, service).await });
}

async fn both(world: &World) -> [(&'static str, KeywardLayer); 2] {
    let address = node(world).await;
    let asking = Node::new(&address, "app").unwrap();
    let asking = KeywardLayer::asking(asking, ClientAddressRule::peer());
    // Both ways ask the same gateway; only the one in this process uses its source.
    let mut app = gateway("within", GatewayKind::Tower);
    app.client_address.source = Source::Peer;
    world.register(app);
    [("within", KeywardLayer::within(Arc::clone(&world.gate), "within")), ("asking", asking)]
}

#[tokio::test]
async fn only_what_keyward_allows_reaches_the_service() {
    let mut world = World::new();
    let key = world.listed_key();
    for (way, layer) in both(&world).await {
        let (status, body) = call(&layer, Some(LISTED), &[key.basic()]).await;
        assert_eq!(status, 200, "{way}");
        let id = key.id();
        assert!(body.starts_with(&format!("{id} {id} {LISTED} auth=")), "{way}: {body}");
        let refused = call(&layer, Some(FOREIGN), &[key.basic()]).await;
        assert_eq!(
            refused,
            (StatusCode::FORBIDDEN, r#"{"error":"access_denied"}"#.to_owned()),
            "{way}"
        );
        assert_eq!(call(&layer, None, &[key.basic()]).await.0, 403, "{way}: no address");
        // RFC 6750 §3.1: whoever shows nothing is told of no error.
        let nothing = call(&layer, Some(LISTED), &[]).await;
        assert_eq!(nothing, (StatusCode::UNAUTHORIZED, String::new()), "{way}");
        let wrong = call(&layer, Some(LISTED), &[("x-api-key", "kw_live_a".to_owned())]).await;
        let text = r#"{"error":"invalid_token"}"#.to_owned();
        assert_eq!(wrong, (StatusCode::UNAUTHORIZED, text), "{way}");
        let twice = [key.bearer(), key.bearer()];
        assert_eq!(call(&layer, Some(LISTED), &twice).await.0, 400, "{way}");
    }
}

#[tokio::test]
async fn a_callers_own_identity_headers_are_taken_out() {
    let mut world = World::new();
    let key = world.key();
    for (way, layer) in both(&world).await {
        let forged = |name| (name, "admin".to_owned());
        let headers = [
            key.basic(),
            forged("x-client-id"),
            forged("x-client-id"),
            forged("x-client-ip"),
            forged("x-forwarded-for"),
            forged("x-real-ip"),
        ];
        let (_, body) = call(&layer.hide_credential(), Some(LISTED), &headers).await;
        let id = key.id();
        assert_eq!(body, format!("{id} {id} {LISTED} auth=0"), "{way}");
    }
}

#[tokio::test]
async fn a_route_adds_what_it_requires() {
    let mut world = World::new();
    let key = world.key();
    for (way, layer) in both(&world).await {
        let status = async |layer: KeywardLayer| call(&layer, Some(LISTED), &[key.basic()]).await.0;
        assert_eq!(status(layer.clone().require_scope("read").unwrap()).await, 200, "{way}");
        assert_eq!(status(layer.clone().require_scope("admin").unwrap()).await, 403, "{way}");
        assert_eq!(status(layer.clone().require_audience(AUDIENCE).unwrap()).await, 200, "{way}");
        assert_eq!(
            status(layer.clone().require_audience("https://other/").unwrap()).await,
            403,
            "{way}"
        );
    }
}

#[tokio::test]
async fn a_requirement_that_could_get_lost_is_refused() {
    let world = World::new();
    for (way, layer) in both(&world).await {
        for word in ["", " ", "read admin", "read\n", "\u{e9}"] {
            assert!(layer.clone().require_scope(word).is_err(), "{way}: {word:?}");
            assert!(layer.clone().require_audience(word).is_err(), "{way}: {word:?}");
        }
        let error = layer.require_scope("a\nb").unwrap_err().to_string();
        assert!(error.starts_with(r"`a\nb` is no scope or audience"), "{error}");
    }
}

#[tokio::test]
async fn early_data_proves_no_address() {
    let mut world = World::new();
    let (listed, plain) = (world.listed_key(), world.key());
    for (way, layer) in both(&world).await {
        let early = ("early-data", "1".to_owned());
        let status = async |key: Header| call(&layer, Some(LISTED), &[key, early.clone()]).await.0;
        assert_eq!(status(listed.basic()).await, 403, "{way}");
        assert_eq!(status(plain.basic()).await, 200, "{way}: no list, no address needed");
    }
}

#[tokio::test]
async fn a_gateway_that_hides_the_credential_hides_it_here_too() {
    let mut world = World::new();
    let key = world.key();
    let mut app = gateway("app", GatewayKind::Tower);
    app.client_address.source = Source::Peer;
    app.hide_credential = true;
    world.register(app);
    let layer = KeywardLayer::within(Arc::clone(&world.gate), "app");
    let (status, body) = call(&layer, Some(LISTED), &[key.basic()]).await;
    assert_eq!(status, 200);
    assert!(body.ends_with(" auth=0"), "{body}");
}

#[tokio::test]
async fn behind_a_proxy_only_its_word_counts() {
    let mut world = World::new();
    let key = world.listed_key();
    let rule = ClientAddressRule::new(
        Source::XForwardedFor,
        NetworkSet::compile(&networks(&["10.0.0.0/8"])),
    );
    let mut app = gateway("within", GatewayKind::Tower);
    app.client_address.source = Source::XForwardedFor;
    app.client_address.trusted = networks(&["10.0.0.0/8"]);
    let address = node(&world).await;
    world.register(app);
    let asking = KeywardLayer::asking(Node::new(&address, "app").unwrap(), rule);
    let within = KeywardLayer::within(Arc::clone(&world.gate), "within");
    for layer in [asking, within] {
        let headers = [key.basic(), ("x-forwarded-for", LISTED.to_owned())];
        assert_eq!(call(&layer, Some("10.0.0.1"), &headers).await.0, 200);
        assert_eq!(call(&layer, Some(FOREIGN), &headers).await.0, 403);
    }
}

#[tokio::test]
async fn without_an_answer_nothing_passes() {
    let mut world = World::new();
    let key = world.key();
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for (address, gateway, status) in [
        (format!("http://{unused}"), "app", 503),
        ("unix:/nowhere/at/all".to_owned(), "app", 503),
        (node(&world).await, "nobody", 403),
    ] {
        let node = Node::new(&address, gateway).unwrap();
        let layer = KeywardLayer::asking(node, ClientAddressRule::peer());
        assert_eq!(call(&layer, Some(LISTED), &[key.basic()]).await.0, status, "{address}");
    }
    let nobody = KeywardLayer::within(Arc::clone(&world.gate), "nobody");
    assert_eq!(call(&nobody, Some(LISTED), &[key.basic()]).await.0, 403);
    let app = within(&world);
    assert_eq!(call(&app, Some(LISTED), &[key.basic()]).await.0, 200);
    let stale = World::before_the_first_policy(1);
    let stale = KeywardLayer::within(Arc::clone(&stale.gate), "app");
    assert_eq!(call(&stale, Some(LISTED), &[key.basic()]).await.0, 503);
}

/// Something that is not Keyward answers 200 to everything.
#[tokio::test]
async fn an_answer_that_is_not_keywards_is_none() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = hyper::service::service_fn(async |_| {
                Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
            });
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
        }
    });
    let node = Node::new(&format!("http://{address}"), "app").unwrap();
    let layer = KeywardLayer::asking(node, ClientAddressRule::peer());
    let shown = ("authorization", "Bearer a".to_owned());
    assert_eq!(call(&layer, Some(LISTED), &[shown]).await.0, 503);
}

#[tokio::test]
async fn a_node_may_be_asked_over_a_unix_socket() {
    let mut world = World::new();
    let key = world.listed_key();
    let mut app = gateway("app", GatewayKind::Tower);
    app.auth.unix = true;
    world.register(app);
    let folder = std::env::temp_dir().join(format!("keyward-layer-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("gate.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let gate = Arc::clone(&world.gate);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let connection = keyward_allowlist::Connection { peer: Peer::Unix, proxied: None };
            serve(TokioIo::new(stream), Checks::new(Arc::clone(&gate), connection, Arc::default()));
        }
    });
    let node = Node::new(&format!("unix:{}", path.display()), "app").unwrap();
    let layer = KeywardLayer::asking(node, ClientAddressRule::peer());
    assert_eq!(call(&layer, Some(LISTED), &[key.basic()]).await.0, 200);
    assert_eq!(call(&layer, Some(FOREIGN), &[key.basic()]).await.0, 403);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_node_has_an_address() {
    for bad in ["", "localhost:8081", "https://localhost", "http://h/path", "unix:gate.sock"] {
        assert!(matches!(Node::new(bad, "app"), Err(NodeError::Address(_))), "{bad}");
    }
    assert!(matches!(Node::new("http://h:1", "a/b"), Err(NodeError::Gateway(_))));
    assert!(Node::new("http://h:1/", "app").unwrap().with_token("a\nb").is_err());
}

/// What stands in for the certificate of a connection.
#[derive(Clone)]
struct PeerCertificate(Vec<u8>);

#[tokio::test]
async fn a_bound_token_needs_its_proof_for_where_the_service_is() {
    let mut world = World::new();
    let (key, holder) = (world.listed_key(), Holder::new());
    let token = bound(&world, &key, Some(holder.confirmation()));
    for (way, layer) in both(&world).await {
        let status = async |layer: &KeywardLayer, url: &str, jti: &str| {
            let proof = ("dpop", holder.proof(&world, url, &token, &format!("{way}{jti}")));
            call(layer, Some(LISTED), &[dpop(&token), proof]).await.0
        };
        let url = "https://api.example/orders";
        assert_eq!(status(&layer, url, "1").await, 401, "{way}: nobody said where it is");
        let layer = layer.served_at("https://api.example").unwrap();
        assert_eq!(status(&layer, url, "2").await, 200, "{way}");
        assert_eq!(status(&layer, url, "2").await, 401, "{way}: once more");
        assert_eq!(status(&layer, "https://evil.example/orders", "3").await, 401, "{way}");
        let bearer = ("authorization", format!("Bearer {token}"));
        assert_eq!(call(&layer, Some(LISTED), &[bearer]).await.0, 401, "{way}");
    }
}

#[tokio::test]
async fn a_certificate_is_what_the_service_saw() {
    let mut world = World::new();
    let key = world.listed_key();
    let der = vec![0x30, 0x03, 0x02, 0x01, 0xfb];
    let thumbprint = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der);
    let cnf = serde_json::json!({ "x5t#S256": URL_SAFE_NO_PAD.encode(thumbprint) });
    let token = bound(&world, &key, Some(cnf));
    for (way, layer) in both(&world).await {
        let layer = layer.certificate_from(|extensions| {
            extensions.get::<PeerCertificate>().map(|certificate| certificate.0.as_slice())
        });
        for (shown, expected) in [(None, 401), (Some(der.clone()), 200), (Some(vec![0x30]), 401)] {
            let mut request = Request::builder()
                .uri("/orders")
                .header("authorization", format!("Bearer {token}"))
                // What the caller writes of it is not read.
                .header("client-cert", format!(":{}:", STANDARD.encode(&der)))
                .body(Empty::<Bytes>::new())
                .unwrap();
            request.extensions_mut().insert(LISTED.parse::<IpAddr>().unwrap());
            if let Some(der) = &shown {
                request.extensions_mut().insert(PeerCertificate(der.clone()));
            }
            let layer = layer
                .clone()
                .peer_from(|extensions| extensions.get::<IpAddr>().map(|ip| Peer::Ip(*ip)));
            let response = layer.layer(service_fn(service)).oneshot(request).await.unwrap();
            assert_eq!(response.status(), expected, "{way} {shown:?}");
        }
    }
}

#[test]
fn a_place_is_an_origin_and_nothing_more() {
    let layer = |origin: &str| {
        let node = Node::new("http://127.0.0.1:8081", "app").unwrap();
        KeywardLayer::asking(node, ClientAddressRule::peer()).served_at(origin).map(|_| ())
    };
    for good in ["https://api.example", "http://127.0.0.1:8080", "https://[::1]:8443/"] {
        assert!(layer(good).is_ok(), "{good}");
    }
    for bad in ["", "api.example", "/", "ftp://api.example", "https://a/b", "https://me@a"] {
        assert!(layer(bad).is_err(), "{bad}");
    }
}
