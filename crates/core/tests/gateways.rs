//! Who is believed to be a gateway.
#![cfg(test)]

use keyward_allowlist::{Connection, Peer};
use keyward_core::client::State;
use keyward_core::gateway::{CertificateName, Gateway, GatewayKind, Protocol};
use keyward_core::id::{GatewayId, SecretId};
use keyward_core::jwk::KeySet;
use keyward_core::policy::{
    Change, Claim, Freshness, NotAdmitted, Policy, Settings, gateway_token, hash_gateway_token,
};
use keyward_core::secret::{ClientSecret, PepperId, Peppers, PlainSecret};
use keyward_core::time::Timestamp;

const NOW: Timestamp = Timestamp::from_seconds(1_000);

fn peppers() -> Peppers {
    Peppers::new((PepperId(1), &[9; 32]), &[])
}

fn token() -> String {
    gateway_token(&PlainSecret::from_random("0123456789abcdefghijABCDEFGHIJKL"))
}

/// Whether a claim is believed of a gateway that is edited like this.
fn admit(
    edit: impl FnOnce(&mut Gateway),
    peer: &str,
    token: Option<&str>,
    certificate: &[CertificateName],
) -> Result<(), NotAdmitted> {
    let id = GatewayId::parse("edge").unwrap();
    let mut gateway = Gateway::new(id, GatewayKind::Nginx, NOW);
    edit(&mut gateway);
    let policy = Policy::new(Settings {
        issuer: "https://auth.example/".into(),
        keys: KeySet::default(),
        peppers: peppers(),
        default_audience: None,
        leeway_s: 5,
    });
    policy.apply(1, vec![Change::Gateway(Box::new(gateway))], Freshness::Authority);
    let peer = if peer == "unix" { Peer::Unix } else { Peer::Ip(peer.parse().unwrap()) };
    let connection = Connection { peer, proxied: None };
    let claim = Claim { connection: &connection, certificate, token, protocol: Protocol::Http };
    policy.gateway("edge").unwrap().admit(&claim, &peppers(), || NOW)
}

fn with_peers(gateway: &mut Gateway) {
    gateway.auth.peers = vec!["10.0.0.0/8".parse().unwrap()];
}

fn with_token(gateway: &mut Gateway) {
    let hash = hash_gateway_token(&peppers(), &gateway.id, &token());
    gateway.auth.token = true;
    gateway.auth.tokens =
        vec![ClientSecret { id: SecretId(1), hash, created_at: NOW, expires_at: None }];
}

#[test]
fn by_its_networks() {
    assert_eq!(admit(with_peers, "10.1.2.3", None, &[]), Ok(()));
    assert_eq!(admit(with_peers, "::ffff:10.1.2.3", None, &[]), Ok(()));
    assert_eq!(admit(with_peers, "192.0.2.1", None, &[]), Err(NotAdmitted::Peer));
    assert_eq!(admit(with_peers, "192.0.2.1", Some(&token()), &[]), Err(NotAdmitted::Peer));
    assert_eq!(admit(with_peers, "unix", None, &[]), Err(NotAdmitted::Peer));
    assert_eq!(admit(|gateway| gateway.auth.unix = true, "unix", None, &[]), Ok(()));
    // Nobody said who may speak for it: nobody may.
    assert_eq!(admit(|_| {}, "10.1.2.3", None, &[]), Err(NotAdmitted::Peer));
}

#[test]
fn by_its_token() {
    let shown = token();
    assert_eq!(admit(with_token, "192.0.2.1", Some(&shown), &[]), Ok(()));
    assert_eq!(admit(with_token, "unix", Some(&shown), &[]), Ok(()));
    let cut = shown.strip_suffix(char::is_alphanumeric).unwrap();
    for wrong in [None, Some(""), Some("kwg_"), Some(cut), Some("0123456789")] {
        assert_eq!(
            admit(with_token, "192.0.2.1", wrong, &[]),
            Err(NotAdmitted::Token),
            "{wrong:?}"
        );
    }
    let other_id = |gateway: &mut Gateway| {
        with_token(gateway);
        let other = GatewayId::parse("other").unwrap();
        gateway.auth.tokens[0].hash = hash_gateway_token(&peppers(), &other, &token());
    };
    assert_eq!(admit(other_id, "192.0.2.1", Some(&shown), &[]), Err(NotAdmitted::Token));
    let expired = |gateway: &mut Gateway| {
        with_token(gateway);
        gateway.auth.tokens[0].expires_at = Some(NOW);
    };
    assert_eq!(admit(expired, "192.0.2.1", Some(&shown), &[]), Err(NotAdmitted::Token));
    // All of what is asked for, not any of it.
    let both = |gateway: &mut Gateway| {
        with_token(gateway);
        with_peers(gateway);
    };
    assert_eq!(admit(both, "192.0.2.1", Some(&shown), &[]), Err(NotAdmitted::Peer));
    assert_eq!(admit(both, "10.0.0.1", None, &[]), Err(NotAdmitted::Token));
    assert_eq!(admit(both, "10.0.0.1", Some(&shown), &[]), Ok(()));
}

#[test]
fn by_its_certificate() {
    let name = |text| CertificateName::parse(text).unwrap();
    let with_certificate = |gateway: &mut Gateway| {
        gateway.auth.certificates = vec![name("dns:edge.internal"), name("uri:spiffe://edge")];
    };
    let admit = |shown: &[CertificateName]| admit(with_certificate, "192.0.2.1", None, shown);
    assert_eq!(admit(&[name("dns:edge.internal")]), Ok(()));
    assert_eq!(admit(&[name("dns:other"), name("uri:spiffe://edge")]), Ok(()));
    assert_eq!(admit(&[]), Err(NotAdmitted::Certificate));
    assert_eq!(admit(&[name("dns:edge.internal.evil")]), Err(NotAdmitted::Certificate));
}

#[test]
fn never_when_suspended_or_asked_in_another_way() {
    let suspended = |gateway: &mut Gateway| {
        with_token(gateway);
        gateway.state = State::Suspended;
    };
    assert_eq!(admit(suspended, "192.0.2.1", Some(&token()), &[]), Err(NotAdmitted::Unknown));
    let by_grpc = |gateway: &mut Gateway| {
        with_token(gateway);
        gateway.kind = GatewayKind::EnvoyGrpc;
    };
    assert_eq!(admit(by_grpc, "192.0.2.1", Some(&token()), &[]), Err(NotAdmitted::Protocol));
}
