//! The certificate of whoever asks on the public listener: from the connection, or from a gateway.

use axum::http::Request;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyward_allowlist::{Connection, Peer};
use keyward_core::client::State;
use keyward_core::gateway::{CertificateName, Gateway, GatewayKind};
use keyward_core::id::GatewayId;
use keyward_core::secret::ClientSecret;
use keyward_core::time::{Clock as _, Timestamp};
use keyward_server::client_certificate::{CertificateFault, client_certificate};
use keyward_server::listen::{ClientAuthorities, ClientChain};

use crate::support::World;
use crate::support::certificates::{Authority, Issued, self_signed, self_signed_with, url_encoded};

/// A world that trusts an authority.
async fn trusting(authority: &Authority) -> World {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, &authority.pem).unwrap();
    let authorities = ClientAuthorities::read(&file).unwrap();
    World::with(|options| options.client_authorities = Some(authorities)).await
}

/// Registers a gateway that shows a token; gives the token.
async fn register(world: &World, name: &str, edit: impl FnOnce(&mut Gateway)) -> String {
    let id = GatewayId::parse(name).unwrap();
    let (token, hash) = world.services.new_gateway_token(&id).unwrap();
    let now = world.clock.now();
    let mut gateway = Gateway::new(id, GatewayKind::Nginx, now);
    gateway.auth.token = true;
    let id = world.services.new_secret_id().unwrap();
    gateway.auth.tokens = vec![ClientSecret { id, hash, created_at: now, expires_at: None }];
    edit(&mut gateway);
    let mut tx = world.begin().await;
    tx.insert_gateway(&gateway).await.unwrap();
    world.services.commit(tx).await.unwrap();
    token
}

fn request(peer: &str, chain: &[&Issued], headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder();
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(()).unwrap();
    let peer = Peer::Ip(peer.parse().unwrap());
    request.extensions_mut().insert(Connection { peer, proxied: None });
    if !chain.is_empty() {
        let chain = chain.iter().map(|one| one.der.clone()).collect();
        request.extensions_mut().insert(ClientChain(chain));
    }
    request.into_parts().0
}

/// Subject and whether the chain is good, of what is found.
fn found(world: &World, parts: &Parts) -> Result<Option<(String, bool)>, CertificateFault> {
    let found = client_certificate(&world.services, parts)?;
    Ok(found.map(|one| (one.subject().to_owned(), one.chain_verified())))
}

fn told(name: &str, verified: bool) -> Result<Option<(String, bool)>, CertificateFault> {
    Ok(Some((format!("CN={name},O=Acme\\, Inc."), verified)))
}

#[tokio::test]
async fn the_connections_own_certificate_is_read_whoever_made_it() {
    let authority = Authority::new();
    let world = trusting(&authority).await;
    let (known, other) = (authority.issue("known"), Authority::new().issue("other"));
    let own = self_signed("own");
    let expired = authority
        .issue_with("expired", |params| params.not_after = rcgen::date_time_ymd(2025, 6, 1));
    for (one, verified) in [(&known, true), (&other, false), (&own, false), (&expired, false)] {
        let parts = request("192.0.2.1", &[one], &[]);
        let certificate = client_certificate(&world.services, &parts).unwrap().unwrap();
        assert_eq!(certificate.chain_verified(), verified, "{certificate:?}");
        assert_eq!(certificate.der(), one.der.as_ref());
        assert_eq!(certificate.thumbprint_text().len(), 43);
    }
    assert_eq!(found(&world, &request("192.0.2.1", &[], &[])), Ok(None));
    // Without authorities nobody vouches for anybody.
    let alone = World::new().await;
    assert_eq!(found(&alone, &request("192.0.2.1", &[&known], &[])), told("known", false));
}

#[tokio::test]
async fn validity_includes_both_its_ends() {
    let world = World::new().await;
    let own = self_signed_with("own", |params| {
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2026, 1, 2);
    });
    let parts = request("192.0.2.1", &[&own], &[]);
    let certificate = client_certificate(&world.services, &parts).unwrap().unwrap();
    let (start, end) = (certificate.not_before(), certificate.not_after());
    assert_eq!(end, start.plus_seconds(86_400));
    let millis = |moment: Timestamp, more| Timestamp::from_millis(moment.millis() + more);
    for (moment, good) in [
        (millis(start, -1), false),
        (start, true),
        (end, true),
        (millis(end, 999), true),
        (millis(end, 1_000), false),
    ] {
        assert_eq!(certificate.is_current(moment), good, "{moment}");
    }
}

#[tokio::test]
async fn a_registered_gateway_tells_the_clients_certificate() {
    let world = World::new().await;
    let token = register(&world, "edge", |_| {}).await;
    let client = self_signed("client");
    let (pem, item) = (url_encoded(&client.pem), format!(":{}:", STANDARD.encode(&client.der)));
    let gateways_own = self_signed("gateway");
    for (name, value) in [("client-certificate", &pem), ("client-cert", &item)] {
        for (verified, good) in
            [("SUCCESS", true), ("success", false), ("FAILED:self signed", false), ("", false)]
        {
            let headers = [
                ("cname-api-key", &*token),
                (name, value),
                ("client-certificate-ca-verified", verified),
            ];
            // What the gateway shows for itself is never taken for the client's.
            for chain in [&[][..], &[&gateways_own][..]] {
                let parts = request("192.0.2.1", chain, &headers);
                assert_eq!(found(&world, &parts), told("client", good), "{name} {verified}");
            }
        }
    }
    let none = request("192.0.2.1", &[&gateways_own], &[("cname-api-key", &token)]);
    assert_eq!(found(&world, &none), Ok(None));
}

#[tokio::test]
async fn from_anybody_else_the_headers_do_nothing() {
    let world = World::new().await;
    let token = register(&world, "edge", |gateway| {
        gateway.auth.peers = vec!["192.0.2.0/24".parse().unwrap()];
    })
    .await;
    let suspended = register(&world, "idle", |gateway| gateway.state = State::Suspended).await;
    let with_certificate = register(&world, "strict", |gateway| {
        gateway.auth.certificates = vec![CertificateName::Dns("edge.internal".to_owned())];
    })
    .await;
    let other = World::new().await;
    let foreign = register(&other, "edge", |_| {}).await;
    let pem = url_encoded(&self_signed("victim").pem);
    let forged = |key: Option<&str>, peer: &str, chain: &[&Issued]| {
        let mut headers =
            vec![("client-certificate", &*pem), ("client-certificate-ca-verified", "SUCCESS")];
        headers.extend(key.map(|key| ("cname-api-key", key)));
        found(&world, &request(peer, chain, &headers))
    };
    let named = self_signed_with("gateway", |params| {
        let name = rcgen::string::Ia5String::try_from("edge.internal").unwrap();
        params.subject_alt_names = vec![rcgen::SanType::DnsName(name)];
    });
    assert_eq!(forged(Some(&token), "192.0.2.1", &[]), told("victim", true));
    for (key, peer) in [
        (None, "192.0.2.1"),
        (Some(""), "192.0.2.1"),
        (Some("kwg_"), "192.0.2.1"),
        (Some(&*foreign), "192.0.2.1"),
        (Some(&*token), "198.51.100.1"),
        (Some(&*suspended), "192.0.2.1"),
        (Some(&*with_certificate), "192.0.2.1"),
    ] {
        assert_eq!(forged(key, peer, &[]), Ok(None), "{key:?} {peer}");
        // Whoever shows a certificate of his own has that one and no other.
        assert_eq!(forged(key, peer, &[&named]), told("gateway", false), "{key:?} {peer}");
    }
    let twice =
        [("cname-api-key", &*token), ("cname-api-key", &token), ("client-certificate", &pem)];
    assert_eq!(found(&world, &request("192.0.2.1", &[], &twice)), Ok(None));
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_is_a_fault_and_not_none() {
    let world = World::new().await;
    let token = register(&world, "edge", |_| {}).await;
    let client = self_signed("client");
    let pem = url_encoded(&client.pem);
    let two = url_encoded(&format!("{}{}", client.pem, client.pem));
    let item = format!(":{}:", STANDARD.encode(&client.der));
    let long = "A".repeat(4_097);
    let cases: [(&[(&str, &str)], CertificateFault); 9] = [
        (&[("client-certificate", "x")], CertificateFault::Malformed),
        (
            &[("client-certificate", &client.key_pem.replace('\n', "%0A"))],
            CertificateFault::Malformed,
        ),
        (&[("client-certificate", &two)], CertificateFault::Several),
        (&[("client-certificate", &long)], CertificateFault::TooLong),
        (&[("client-certificate", &pem), ("client-certificate", &pem)], CertificateFault::Several),
        (&[("client-certificate", &pem), ("client-cert", &item)], CertificateFault::Several),
        (&[("client-cert", item.trim_start_matches(':'))], CertificateFault::Malformed),
        (&[("client-cert", "::")], CertificateFault::Malformed),
        (&[("client-cert", ":AAAA:")], CertificateFault::Malformed),
    ];
    for (headers, fault) in cases {
        let mut headers = headers.to_vec();
        headers.push(("cname-api-key", &token));
        assert_eq!(found(&world, &request("192.0.2.1", &[], &headers)), Err(fault), "{headers:?}");
    }
}
