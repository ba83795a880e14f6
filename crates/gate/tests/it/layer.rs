//! The tower layer, deciding in this process and asking a node.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

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
