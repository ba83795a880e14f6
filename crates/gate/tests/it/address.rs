//! Where the client address comes from, and from where gateways may ask.

use std::net::IpAddr;

use http::Method;
use keyward_allowlist::{Connection, Peer};
use keyward_core::id::GatewayId;
use keyward_core::policy::Change;

use crate::fixture::{Answer, Header, LISTED, World, from, request};

fn header(name: &'static str, value: &str) -> Header {
    (name, value.to_owned())
}

#[tokio::test]
async fn x_real_ip_is_one_address_or_none() {
    let mut world = World::new();
    let key = world.listed_key();
    for (value, status) in [
        (LISTED, 200),
        ("203.0.113.5:4711", 200),
        ("::ffff:203.0.113.5", 200),
        ("[::ffff:203.0.113.5]:4711", 200),
        ("203.0.113.6", 403),
        ("203.0.113.5, 203.0.113.5", 403),
        ("203.0.113.005", 403),
        ("unknown", 403),
        ("", 403),
    ] {
        let answer = world.ask("default", &[from(value), key.basic()]).await;
        assert_eq!(answer.status, status, "{value}");
    }
    let missing = world.ask("default", &[key.basic()]).await;
    assert_eq!(missing.status, 403);
    let doubled = world.ask("default", &[from(LISTED), from(LISTED), key.basic()]).await;
    assert_eq!(doubled.status, 403);
}

#[tokio::test]
async fn no_address_is_no_entry_only_where_there_is_a_list() {
    let mut world = World::new();
    let key = world.key();
    let answer = world.ask("default", &[key.basic()]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-client-ip"), Some("-"));
}

#[tokio::test]
async fn other_headers_move_nothing() {
    let mut world = World::new();
    let key = world.listed_key();
    let spoofs = [
        header("x-forwarded-for", LISTED),
        header("forwarded", "for=203.0.113.5"),
        header("x-client-ip", LISTED),
        header("true-client-ip", LISTED),
        header("cf-connecting-ip", LISTED),
        header("x_real_ip", LISTED),
    ];
    let mut headers = vec![from("203.0.113.6"), key.basic()];
    headers.extend(spoofs.clone());
    assert_eq!(world.ask("default", &headers).await.status, 403);
    let mut headers = vec![from(LISTED), key.basic(), header("x-forwarded-for", "192.0.2.1")];
    assert_eq!(world.ask("default", &headers).await.status, 200);
    headers = vec![key.basic()];
    headers.extend(spoofs);
    assert_eq!(world.ask("default", &headers).await.status, 403);
}

async fn ask_from(world: &World, peer: Peer, gateway: &str, headers: &[Header]) -> Answer {
    let request = request(Method::GET, &format!("/v1/check/{gateway}"), headers);
    world.send_over(Connection { peer, proxied: None }, request).await
}

#[tokio::test]
async fn only_listed_peers_may_ask() {
    let mut world = World::new();
    let key = world.key();
    let ip = |octets: [u8; 4]| Peer::Ip(IpAddr::from(octets));
    let mapped = |last| Peer::Ip(IpAddr::from([0, 0, 0, 0, 0, 0xffff, 0x7f00, last]));
    for (peer, gateway, status) in [
        (ip([127, 0, 0, 1]), "default", 200),
        (ip([127, 9, 9, 9]), "default", 200),
        (mapped(1), "default", 200),
        (Peer::Unix, "default", 200),
        (ip([10, 0, 0, 1]), "default", 403),
        (ip([0, 0, 0, 0]), "default", 403),
        (ip([10, 0, 0, 1]), "far", 200),
        (ip([127, 0, 0, 1]), "far", 403),
        (Peer::Unix, "far", 403),
    ] {
        let headers = [from(LISTED), header("x-forwarded-for", LISTED), key.basic()];
        let answer = ask_from(&world, peer, gateway, &headers).await;
        assert_eq!(answer.status, status, "{peer:?} at {gateway}");
    }
}

#[tokio::test]
async fn a_unix_peer_names_the_client_as_well() {
    let mut world = World::new();
    let key = world.listed_key();
    for (address, status) in [(LISTED, 200), ("203.0.113.6", 403)] {
        let headers = [from(address), key.basic()];
        let answer = ask_from(&world, Peer::Unix, "default", &headers).await;
        assert_eq!(answer.status, status);
    }
}

#[tokio::test]
async fn a_removed_gateway_is_refused_at_once() {
    let mut world = World::new();
    let key = world.key();
    assert_eq!(world.ask("default", &[key.basic()]).await.status, 200);
    world.apply(vec![Change::GatewayDeleted(GatewayId::parse("default").unwrap())]);
    assert_eq!(world.ask("default", &[key.basic()]).await.status, 403);
}

#[tokio::test]
async fn forward_auth_025_a_direct_attacker_moves_nothing_with_headers() {
    let mut world = World::new();
    let key = world.listed_key();
    let spoofs = [header("x-forwarded-uri", "/public"), header("x-forwarded-for", LISTED)];
    assert_eq!(world.ask("default", &spoofs).await.status, 401);
    // From elsewhere, everything is refused before a credential is looked at.
    let attacker = Peer::Ip(IpAddr::from([192, 0, 2, 66]));
    let headers = [from(LISTED), spoofs[0].clone(), spoofs[1].clone(), key.basic()];
    let answer = ask_from(&world, attacker, "default", &headers).await;
    assert_eq!(answer.status, 403);
    // And a gateway takes nobody's word for a peer that it does not trust.
    let through_far = ask_from(&world, attacker, "far", &headers).await;
    assert_eq!(through_far.status, 403);
}

#[tokio::test]
async fn forward_auth_028_a_doubled_gateway_header_is_never_picked_from() {
    let mut world = World::new();
    let key = world.listed_key();
    let doubled = [from(LISTED), from("203.0.113.6"), key.basic()];
    assert_eq!(world.ask("default", &doubled).await.status, 403);
    // A header that is not the gateway's source is not read, however often it comes.
    let uri = header("x-forwarded-uri", "/public");
    let others = [from("203.0.113.6"), uri.clone(), uri.clone(), key.basic()];
    assert_eq!(world.ask("default", &others).await.status, 403);
    assert_eq!(world.ask("default", &[uri.clone(), uri]).await.status, 401);
}
