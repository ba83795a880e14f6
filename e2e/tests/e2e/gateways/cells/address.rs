//! The client address is the true one, whatever the caller sends.

use crate::gateways::front::Front;
use crate::gateways::program::Program;
use crate::gateways::recipe::{BALANCER, Balancer, Listen, Setup};
use crate::node::{INSIDE, OUTSIDE};
use crate::processes::http_client;
use serde_json::json;

pub(super) async fn a_key_opens_from_its_own_network_only(program: Program) {
    let front = Front::start(program, Setup::PLAIN).await;
    for (form, credential) in front.node.every_form(&front.key).await {
        let request = |from| credential.show(http_client(from).get(front.url()));
        assert_eq!(front.status_of(request(INSIDE)).await, 200, "{form} from {INSIDE}");
        assert_eq!(front.address_told(), INSIDE, "{form}");
        assert_eq!(front.status_of(request(OUTSIDE)).await, 403, "{form} from {OUTSIDE}");
    }
    let nobody = http_client(INSIDE).get(front.url());
    assert_eq!(front.status_of(nobody).await, 401, "without a credential");
}

/// Headers by which some program or other takes an address.
const ADDRESS_HEADERS: [&str; 14] = [
    "X-Forwarded-For",
    "X-Real-IP",
    "Forwarded",
    "X-Client-IP",
    "X_Real_IP",
    "X_Forwarded_For",
    "True-Client-IP",
    "CF-Connecting-IP",
    "Fastly-Client-IP",
    "X-Envoy-External-Address",
    "X-Envoy-Original-Src",
    "X-Cluster-Client-IP",
    "X-Original-Forwarded-For",
    "Client-IP",
];

pub(super) async fn spoofed_headers_move_nothing(program: Program) {
    let front = Front::start(program, Setup::PLAIN).await;
    let value = |name: &str, address: &str| match name {
        "Forwarded" => format!("for={address}"),
        _ => address.to_owned(),
    };
    for name in ADDRESS_HEADERS {
        let spoofed = front.request(OUTSIDE).header(name, value(name, INSIDE));
        assert_eq!(front.status_of(spoofed).await, 403, "{name}: {INSIDE}");
        // And nobody is locked out by a header either.
        let spoofed = front.request(INSIDE).header(name, value(name, OUTSIDE));
        assert_eq!(front.status_of(spoofed).await, 200, "{name}: {OUTSIDE}");
        assert_eq!(front.address_told(), INSIDE, "{name}: {OUTSIDE}");
    }
    let all = |from, address: &str| {
        let add = |request: reqwest::RequestBuilder, name: &&str| {
            request.header(*name, value(name, address))
        };
        ADDRESS_HEADERS.iter().fold(front.request(from), add)
    };
    assert_eq!(front.status_of(all(OUTSIDE, INSIDE)).await, 403, "all at once");
    assert_eq!(front.status_of(all(INSIDE, OUTSIDE)).await, 200, "all at once");
    let named = front.request(OUTSIDE).header("Connection", "X-Real-IP, X-Forwarded-For");
    let status = front.status_of(named.header("X-Forwarded-For", INSIDE)).await;
    assert!(matches!(status, 400 | 403), "named in Connection: {status}");
}

pub(super) async fn two_forwarded_for_lines(program: Program) {
    let front = Front::start(program, Setup::PLAIN).await;
    let lines = |from, first, second| {
        front.request(from).header("X-Forwarded-For", first).header("X-Forwarded-For", second)
    };
    assert_eq!(front.status_of(lines(OUTSIDE, INSIDE, INSIDE)).await, 403);
    assert_eq!(front.status_of(lines(INSIDE, OUTSIDE, OUTSIDE)).await, 200);
    assert_eq!(front.address_told(), INSIDE);

    let front = Front::start(program, Setup::behind(Balancer::Http)).await;
    let lines = |from, first, second| {
        front.request(from).header("X-Forwarded-For", first).header("X-Forwarded-For", second)
    };
    // The last is the balancer's word, the first may be the caller's.
    assert_eq!(front.status_of(lines(BALANCER, INSIDE, OUTSIDE)).await, 403);
    assert_eq!(front.status_of(lines(BALANCER, OUTSIDE, INSIDE)).await, 200);
    assert_eq!(front.address_told(), INSIDE);
    let one_line =
        front.request(BALANCER).header("X-Forwarded-For", format!("{OUTSIDE}, {INSIDE}"));
    assert_eq!(front.status_of(one_line).await, 200);
    assert_eq!(front.address_told(), INSIDE);
    assert_eq!(front.status_of(front.request(BALANCER)).await, 403, "a balancer that says nothing");
    assert_eq!(front.status_of(lines(OUTSIDE, INSIDE, INSIDE)).await, 403, "past the balancer");
    let caller = front.request(OUTSIDE).header("X-Real-IP", INSIDE);
    assert_eq!(front.status_of(caller).await, 403, "past the balancer");
}

pub(super) async fn a_port_in_forwarded_for(program: Program) {
    let front = Front::start(program, Setup::behind(Balancer::Http)).await;
    let entry = |text: String| front.request(BALANCER).header("X-Forwarded-For", text);
    assert_eq!(front.status_of(entry(format!("{OUTSIDE}:4711"))).await, 403);
    let status = front.status_of(entry(format!("{INSIDE}:4711"))).await;
    match program {
        // These do not read it, and stay with the balancer's own address.
        Program::Apache | Program::EnvoyGrpc | Program::EnvoyHttp => assert_eq!(status, 403),
        Program::Nginx | Program::Haproxy | Program::Caddy | Program::Traefik => {
            assert_eq!((status, front.address_told()), (200, INSIDE.to_owned()));
        }
    }
    for unreadable in ["unknown", "", "127.0.0.2.", "127.0.0.2, unknown", "127.0.0.2,"] {
        let status = front.status_of(entry(unreadable.to_owned())).await;
        let told = front.address_told();
        // An entry that says nothing may be passed over, as long as nobody is taken for another.
        let passed_over = status == 200 && told == INSIDE && unreadable.starts_with("127.0.0.2,");
        assert!(status == 403 || passed_over, "`{unreadable}`: {status}, told {told}");
    }
}

pub(super) async fn a_mapped_address(program: Program) {
    let front = Front::start(program, Setup::listening(Listen::Mapped)).await;
    assert_eq!(front.status_of(front.request(INSIDE)).await, 200);
    assert_eq!(front.address_told(), INSIDE);
    assert_eq!(front.status_of(front.request(OUTSIDE)).await, 403);

    let front = Front::start(program, Setup::behind(Balancer::Http)).await;
    let entry = |text: String| front.request(BALANCER).header("X-Forwarded-For", text);
    assert_eq!(front.status_of(entry(format!("::ffff:{INSIDE}"))).await, 200);
    assert_eq!(front.address_told(), INSIDE);
    assert_eq!(front.status_of(entry(format!("::ffff:{OUTSIDE}"))).await, 403);
}

pub(super) async fn an_ipv6_address(program: Program) {
    let front = Front::with_key_for(program, Setup::listening(Listen::V6), &["::1/128"]).await;
    assert_eq!(front.status_of(front.request("::1")).await, 200);
    assert_eq!(front.address_told(), "::1");
    let client = format!("/api/v2/clients/{}", front.key.id);
    let lists = json!({ "allowed_ips": ["2001:db8::/32", "127.0.0.0/8"] });
    front.node.manage("PATCH", &client, lists, 200).await;
    assert_eq!(front.status_of(front.request("::1")).await, 403);

    let front =
        Front::with_key_for(program, Setup::behind(Balancer::Http), &["2001:db8::/32"]).await;
    let entry = |text: &str| front.request(BALANCER).header("X-Forwarded-For", text);
    assert_eq!(front.status_of(entry("2001:DB8:0::0001")).await, 200);
    assert_eq!(front.address_told(), "2001:db8::1");
    assert_eq!(front.status_of(entry("2001:db9::1")).await, 403);
}

/// A PROXY header of version 2 for a connection from `source` (the PROXY protocol, §2.2).
fn proxy_v2(source: &str) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c".to_vec();
    let source: std::net::Ipv4Addr = source.parse().unwrap();
    header.extend(source.octets());
    header.extend([127, 0, 0, 1]);
    header.extend(4711_u16.to_be_bytes());
    header.extend(8000_u16.to_be_bytes());
    header
}

fn proxy_v1(source: &str) -> Vec<u8> {
    format!("PROXY TCP4 {source} 127.0.0.1 4711 8000\r\n").into_bytes()
}

pub(super) async fn a_proxy_header(program: Program) {
    // Nobody is expected to send one: whoever does is turned away or counted as himself.
    let front = Front::start(program, Setup::PLAIN).await;
    let request = |front: &Front| {
        format!("GET / HTTP/1.1\r\nHost: a\r\n{}Connection: close\r\n\r\n", front.key_line())
    };
    for header in [proxy_v1(INSIDE), proxy_v2(INSIDE)] {
        let bytes = [header.as_slice(), request(&front).as_bytes()].concat();
        let answer = front.send_raw(OUTSIDE, &bytes).await;
        assert!(!answer.contains(" 200"), "{answer}");
        assert_eq!(front.application.seen(), 0);
    }

    let front = Front::start(program, Setup::behind(Balancer::Proxy)).await;
    for header in [proxy_v1, proxy_v2] {
        let send = async |from, source| {
            let bytes = [header(source).as_slice(), request(&front).as_bytes()].concat();
            front.send_raw(from, &bytes).await
        };
        let answer = send(BALANCER, INSIDE).await;
        assert!(answer.contains(" 200"), "{answer}\n{}", front.gateway.output());
        assert_eq!(front.address_told(), INSIDE);
        let answer = send(BALANCER, OUTSIDE).await;
        assert!(answer.contains(" 403"), "{answer}");
        // The same from somebody who is not the balancer.
        let answer = send(OUTSIDE, INSIDE).await;
        assert!(!answer.contains(" 200"), "{answer}");
        assert_eq!(front.application.seen(), 0, "{answer}");
    }
}
