//! Registered gateways: what each kind reads, how it shows who it is, what passes without a key.

use http::Method;
use keyward_allowlist::{Connection, Peer, ProxyHeader, Source};
use keyward_core::allowlist::Mode;
use keyward_core::client::State;
use keyward_core::gateway::{Gateway, GatewayKind, parse_source};
use keyward_core::id::{GatewayId, SecretId};
use keyward_core::policy::{gateway_token, hash_gateway_token};
use keyward_core::secret::{ClientSecret, PlainSecret};

use crate::fixture::{
    AUDIENCE, FOREIGN, Header, LISTED, LOCAL, World, allowlist, from, gateway, networks, request,
};

fn header(name: &'static str, value: &str) -> Header {
    (name, value.to_owned())
}

fn kind(name: &str) -> GatewayKind {
    GatewayKind::parse(name).unwrap()
}

/// A gateway that shows a token, and the token.
fn with_token(world: &World, name: &str, kind: GatewayKind) -> (Gateway, String) {
    let token = gateway_token(&PlainSecret::from_random(&"t".repeat(32)));
    let mut gateway = gateway(name, kind);
    let hash = hash_gateway_token(world.peppers(), &gateway.id, &token);
    gateway.auth.peers.clear();
    gateway.auth.token = true;
    gateway.auth.tokens = vec![ClientSecret {
        id: SecretId(1),
        hash,
        created_at: gateway.created_at,
        expires_at: None,
    }];
    (gateway, token)
}

#[tokio::test]
async fn a_token_travels_in_its_header_or_in_the_path() {
    let mut world = World::new();
    let key = world.key();
    let (gateway, token) = with_token(&world, "edge", kind("nginx"));
    world.register(gateway);
    let in_header = header("x-gateway-token", &token);
    let wrong = header("x-gateway-token", "kwg_wrong");
    let status = async |gateway: &str, headers: &[Header]| {
        let mut headers = headers.to_vec();
        headers.extend([from(LISTED), key.basic()]);
        world.ask(gateway, &headers).await.status.as_u16()
    };
    let in_path = format!("edge.{token}");
    assert_eq!(status("edge", std::slice::from_ref(&in_header)).await, 200);
    assert_eq!(status(&in_path, &[]).await, 200);
    // Only one of them is read: what a caller adds does not count.
    assert_eq!(status(&in_path, std::slice::from_ref(&wrong)).await, 200);
    assert_eq!(status("edge.kwg_wrong", std::slice::from_ref(&in_header)).await, 403);
    assert_eq!(status("edge", &[]).await, 403);
    assert_eq!(status("edge.", &[]).await, 403);
    assert_eq!(status("edge", &[wrong]).await, 403);
    assert_eq!(status("edge", &[in_header.clone(), in_header]).await, 403);
}

#[tokio::test]
async fn whoever_is_no_gateway_gets_one_answer_and_raises_an_alarm() {
    let mut world = World::new();
    let key = world.key();
    let (gateway, token) = with_token(&world, "edge", kind("nginx"));
    world.register(gateway);
    let mut suspended = crate::fixture::gateway("idle", kind("nginx"));
    suspended.state = State::Suspended;
    world.register(suspended);
    world.register(crate::fixture::gateway("by-grpc", kind("envoy-grpc")));
    let expected = world.ask("nobody", &[key.basic()]).await;
    assert_eq!(expected.status, 403);
    for (name, code, known) in [
        ("nobody", "gateway_unknown", false),
        ("idle", "gateway_unknown", true),
        ("edge", "gateway_token_wrong", true),
        ("edge.x", "gateway_token_wrong", true),
        ("far", "gateway_peer_refused", true),
        ("by-grpc", "gateway_protocol", true),
    ] {
        while world.alarms.try_recv().is_ok() {}
        assert_eq!(world.ask(name, &[from(LISTED), key.basic()]).await, expected, "{name}");
        let (gateway, alarm) = world.alarms.try_recv().unwrap();
        assert_eq!((alarm.what.code(), gateway.is_some()), (code, known), "{name}");
        assert_eq!(alarm.peer, Some(LOCAL.peer));
        assert!(!format!("{gateway:?} {alarm:?}").contains(&token));
    }
}

#[tokio::test]
async fn addresses_that_cannot_be_right_raise_an_alarm() {
    let mut world = World::new();
    let key = world.key();
    let alarm = async |world: &mut World, headers: &[Header]| {
        while world.alarms.try_recv().is_ok() {}
        world.ask("full", headers).await;
        world.alarms.try_recv().ok().map(|(gateway, alarm)| (gateway.unwrap(), alarm.what.code()))
    };
    let full = GatewayId::parse("full").unwrap();
    assert_eq!(alarm(&mut world, &[from(LISTED), key.basic()]).await, None);
    let missing = alarm(&mut world, &[key.basic()]).await;
    assert_eq!(missing, Some((full.clone(), "client_address_missing")));
    let proxy = alarm(&mut world, &[from("127.0.0.9"), key.basic()]).await;
    assert_eq!(proxy, Some((full, "client_address_is_proxy")));
}

/// Every kind finds the address where its program writes it, and nowhere else.
#[tokio::test]
async fn every_kind_over_http_reads_its_own_source() {
    let mut world = World::new();
    let key = world.listed_key();
    for kind in GatewayKind::all() {
        let mut gateway = gateway("edge", kind);
        if kind.protocol() == keyward_core::gateway::Protocol::Grpc {
            world.register(gateway);
            let answer = world.ask("edge", &[from(LISTED), key.basic()]).await;
            assert_eq!(answer.status, 403, "{kind:?} does not ask like this");
            continue;
        }
        gateway.client_address.trusted = networks(&["10.0.0.0/8"]);
        let walks = kind.usual_source() == Source::XForwardedFor;
        world.register(gateway);
        let (right, wrong) = match walks {
            true => {
                (header("x-forwarded-for", &format!("192.0.2.1, {LISTED}, 10.0.0.1")), from(LISTED))
            }
            false => (from(LISTED), header("x-forwarded-for", LISTED)),
        };
        let answer = world.ask("edge", &[right, key.basic()]).await;
        assert_eq!(answer.status, 200, "{kind:?}");
        assert_eq!(answer.header("x-client-ip"), Some(LISTED), "{kind:?}");
        let spoofed = world.ask("edge", &[wrong, key.basic()]).await;
        assert_eq!(spoofed.status, 403, "{kind:?}");
    }
}

#[tokio::test]
async fn a_gateway_that_is_admitted_is_believed_from_wherever_it_asks() {
    let mut world = World::new();
    let key = world.listed_key();
    let (gateway, token) = with_token(&world, "edge", kind("caddy"));
    world.register(gateway);
    let far = Connection { peer: Peer::Ip([192, 0, 2, 7].into()), proxied: None };
    for (address, status) in [(LISTED, 200), (FOREIGN, 403)] {
        let headers = [from(address), key.basic(), header("x-gateway-token", &token)];
        let request = request(Method::GET, "/v1/check/edge", &headers);
        assert_eq!(world.send_over(far, request).await.status, status);
    }
}

#[tokio::test]
async fn the_proxy_protocol_names_the_client_of_its_connection() {
    let mut world = World::new();
    let key = world.listed_key();
    let mut gateway = gateway("edge", kind("haproxy"));
    gateway.client_address.source = parse_source("proxy-protocol").unwrap();
    gateway.client_address.trusted = networks(&["127.0.0.0/8"]);
    world.register(gateway);
    let address = |text: &str| ProxyHeader::Address {
        source: format!("{text}:4711").parse().unwrap(),
        destination: "192.0.2.1:443".parse().unwrap(),
    };
    for (proxied, status) in [
        (Some(address(LISTED)), 200),
        (Some(address(FOREIGN)), 403),
        (Some(ProxyHeader::Unknown), 403),
        (None, 403),
    ] {
        let connection = Connection { proxied, ..LOCAL };
        let headers = [from(LISTED), header("x-forwarded-for", LISTED), key.basic()];
        let request = request(Method::GET, "/v1/check/edge", &headers);
        let answer = world.send_over(connection, request).await;
        assert_eq!(answer.status, status, "{proxied:?}");
    }
}

#[tokio::test]
async fn a_path_behind_the_name_is_for_kinds_that_send_one() {
    let mut world = World::new();
    let key = world.key();
    world.register(gateway("envoy", kind("envoy-http")));
    world.register(gateway("nginx", kind("nginx")));
    for (path, status) in [
        ("envoy", 200),
        ("envoy/", 200),
        ("envoy/api/x?a=1%2F2", 200),
        ("envoy/a/../b/%2e%2e/c//d%2Fe", 200),
        ("envoy/../nginx", 200),
        ("nginx/", 403),
        ("nginx/api/x", 403),
        ("nobody/api/x", 403),
    ] {
        let answer = world.ask(path, &[from(LISTED), key.basic()]).await;
        assert_eq!(answer.status, status, "{path}");
    }
}

#[tokio::test]
async fn forward_auth_012_to_024_public_paths_need_no_key() {
    let mut world = World::new();
    let key = world.listed_key();
    for (name, method, target) in [
        ("nginx", "x-original-method", "x-original-uri"),
        ("caddy", "x-forwarded-method", "x-forwarded-uri"),
        ("traefik", "x-forwarded-method", "x-forwarded-uri"),
        ("tower", "x-original-method", "x-original-uri"),
    ] {
        let mut gateway = gateway("edge", kind(name));
        gateway.public_paths = vec!["/public".to_owned()];
        world.register(gateway);
        let ask = async |path: &str, more: &[Header]| {
            let mut headers = vec![header(method, "GET"), header(target, path)];
            headers.extend_from_slice(more);
            world.ask("edge", &headers).await
        };
        let open = ask("/public", &[from(FOREIGN)]).await;
        assert_eq!(open.status, 200, "{name}");
        assert_eq!(open.header("x-client-id"), Some("-"), "{name}: nobody, and said so");
        assert_eq!(ask("/public?x=/../admin", &[]).await.status, 200, "{name}");
        for path in [
            "/public/../admin",
            "/public/%2e%2e/admin",
            "/public%2f..%2fadmin",
            "//admin",
            "/admin;x=1",
            "/ADMIN",
            "/admin/.",
            "/admin%00",
            "/adm%69n",
            "/public#/../admin",
            "/public\\..\\admin",
        ] {
            assert_eq!(ask(path, &[]).await.status, 401, "{name} {path}");
        }
        // Whoever shows a key is decided on, here as elsewhere.
        let listed =
            [key.basic(), header("x-real-ip", FOREIGN), header("x-forwarded-for", FOREIGN)];
        assert_eq!(ask("/public", &listed).await.status, 403, "{name}");
    }
}

#[tokio::test]
async fn an_envoy_tells_the_path_in_its_own() {
    let world = World::new();
    let mut gateway = gateway("edge", kind("envoy-http"));
    gateway.public_paths = vec!["/public".to_owned(), "/".to_owned()];
    world.register(gateway);
    for (path, status) in [
        ("edge/public", 200),
        ("edge/public?x=/../admin", 200),
        ("edge/", 200),
        ("edge", 401),
        ("edge/public/../admin", 401),
        ("edge/%70ublic", 401),
        ("edge//public", 401),
    ] {
        assert_eq!(world.ask(path, &[]).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn forward_auth_026_027_only_the_header_that_the_gateway_sets_names_the_path() {
    let world = World::new();
    let mut traefik = gateway("traefik", kind("traefik"));
    traefik.public_paths = vec!["/public".to_owned()];
    world.register(traefik);
    let uri = |value| header("x-forwarded-uri", value);
    // The gateway has overwritten the caller's header.
    assert_eq!(world.ask("traefik", &[uri("/admin")]).await.status, 401);
    assert_eq!(
        world.ask("traefik", &[uri("/admin"), header("x_forwarded_uri", "/public")]).await.status,
        401
    );
    assert_eq!(
        world.ask("traefik", &[uri("/admin"), header("x-original-uri", "/public")]).await.status,
        401
    );
    assert_eq!(world.ask("traefik", &[header("x_forwarded_uri", "/public")]).await.status, 401);
    let mut nginx = gateway("nginx", kind("nginx"));
    nginx.public_paths = vec!["/public".to_owned()];
    world.register(nginx);
    assert_eq!(world.ask("nginx", &[uri("/public")]).await.status, 401);
    assert_eq!(world.ask("nginx", &[header("x-original-uri", "/public")]).await.status, 200);
}

#[tokio::test]
async fn forward_auth_028_a_doubled_gateway_header_is_a_bad_request() {
    let mut world = World::new();
    let key = world.key();
    world.register(gateway("traefik", kind("traefik")));
    world.register(gateway("nginx", kind("nginx")));
    for (name, doubled, status) in [
        ("traefik", "x-forwarded-uri", 400),
        ("traefik", "x-forwarded-method", 400),
        ("nginx", "x-original-uri", 401),
        ("nginx", "x-original-method", 401),
        ("nginx", "x-forwarded-uri", 200),
    ] {
        let one = header(doubled, "/public");
        let headers = [one.clone(), one, from(LISTED), key.basic()];
        assert_eq!(world.ask(name, &headers).await.status, status, "{name} {doubled}");
    }
}

#[tokio::test]
async fn a_preflight_passes_only_where_it_may() {
    let world = World::new();
    let preflight = [
        header("x-original-method", "OPTIONS"),
        header("x-original-uri", "/orders"),
        header("origin", "https://shop.example"),
        header("access-control-request-method", "POST"),
    ];
    let mut edge = gateway("edge", kind("nginx"));
    world.register(edge.clone());
    assert_eq!(world.ask("edge", &preflight).await.status, 401);
    edge.allow_preflight = true;
    world.register(edge);
    assert_eq!(world.ask("edge", &preflight).await.status, 200);
    for left_out in 0..4 {
        let mut headers = preflight.to_vec();
        headers.remove(left_out);
        let status = world.ask("edge", &headers).await.status;
        // The path plays no part in it.
        assert_eq!(status, if left_out == 1 { 200 } else { 401 }, "{left_out}");
    }
    let mut post = preflight.to_vec();
    post[0] = header("x-original-method", "POST");
    assert_eq!(world.ask("edge", &post).await.status, 401);
}

#[tokio::test]
async fn a_route_narrows_and_never_widens() {
    let mut world = World::new();
    let key = world.key();
    let ask = async |more: &[Header]| {
        let mut headers = vec![from(LISTED), key.basic()];
        headers.extend_from_slice(more);
        let answer = world.ask("full", &headers).await;
        (answer.status.as_u16(), answer.header("x-client-scope").unwrap_or_default().to_owned())
    };
    let scope = |value: &str| header("x-require-scope", value);
    let audience = |value: &str| header("x-require-audience", value);
    assert_eq!(ask(&[scope("read")]).await, (200, "read write".to_owned()));
    assert_eq!(ask(&[scope("read write"), audience(AUDIENCE)]).await.0, 200);
    assert_eq!(ask(&[scope("read"), scope("admin")]).await.0, 403);
    assert_eq!(ask(&[scope("admin")]).await.0, 403);
    assert_eq!(ask(&[audience("https://other.example/")]).await.0, 403);
    assert_eq!(ask(&[audience(AUDIENCE), audience("https://other.example/")]).await.0, 403);
    assert_eq!(ask(&[scope("")]).await.0, 200);
    assert_eq!(ask(&[scope(&"a ".repeat(65))]).await.0, 400);
    assert_eq!(ask(&[scope("\u{e9}")]).await.0, 400);
}

#[tokio::test]
async fn forward_auth_042_early_data_proves_no_address() {
    let mut world = World::new();
    let (listed, plain) = (world.listed_key(), world.key());
    let early = header("early-data", "1");
    let ask = async |key: Header, early: Option<&Header>| {
        let mut headers = vec![from(LISTED), key];
        headers.extend(early.cloned());
        world.ask("full", &headers).await.status
    };
    assert_eq!(ask(listed.basic(), None).await, 200);
    assert_eq!(ask(listed.basic(), Some(&early)).await, 403);
    assert_eq!(ask(plain.basic(), Some(&early)).await, 200);
    // RFC 8470 §5.1: what is invalid counts as 1.
    assert_eq!(ask(listed.basic(), Some(&header("early-data", "0"))).await, 403);
    assert_eq!(ask(listed.basic(), None).await, 200);
}

#[tokio::test]
async fn an_edit_of_a_gateway_counts_from_the_next_check_on() {
    let mut world = World::new();
    let key = world.key_with(|client| client.allowlist = allowlist(Mode::Enforce, &[LISTED]));
    let mut edge = gateway("edge", kind("nginx"));
    world.register(edge.clone());
    let headers = [from(LISTED), key.basic()];
    assert_eq!(world.ask("edge", &headers).await.status, 200);
    edge.client_address.source = Source::XForwardedFor;
    world.register(edge.clone());
    assert_eq!(world.ask("edge", &headers).await.status, 403);
    edge.client_address.source = parse_source("x-real-ip").unwrap();
    edge.required_scopes = vec!["admin".to_owned()];
    world.register(edge.clone());
    assert_eq!(world.ask("edge", &headers).await.status, 403);
    edge.required_scopes.clear();
    edge.state = State::Suspended;
    world.register(edge.clone());
    assert_eq!(world.ask("edge", &headers).await.status, 403);
    edge.state = State::Active;
    world.register(edge);
    assert_eq!(world.ask("edge", &headers).await.status, 200);
}
