//! Tokens that are bound to a key or a certificate: good with their proof, and worth nothing
//! without.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::Method;
use keyward_core::decision::Reason;
use keyward_core::dpop::DpopFault;
use keyward_core::gateway::GatewayKind;
use keyward_core::jwk::VerifyingKey;
use keyward_core::possession::{CertificateFault, Confirmation};
use keyward_core::time::Clock as _;
use serde_json::{Value, json};

use crate::fixture::{Header, Key, LISTED, World, from, gateway, request};

/// Who holds the key that tokens are bound to.
pub(crate) struct Holder(Ed25519KeyPair);

impl Holder {
    pub(crate) fn new() -> Self {
        Self(Ed25519KeyPair::generate().unwrap())
    }

    fn jwk(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.0.public_key());
        json!({"kty": "OKP", "crv": "Ed25519", "x": x})
    }

    /// What a token is bound to that is this holder's.
    pub(crate) fn confirmation(&self) -> Value {
        json!({"jkt": VerifyingKey::thumbprint(&self.jwk()).unwrap()})
    }

    /// A proof, with its claims edited before it is signed.
    fn proof_with(&self, claims: Value, edit: impl FnOnce(&mut Value)) -> String {
        let mut claims = claims;
        edit(&mut claims);
        let header = json!({"typ": "dpop+jwt", "alg": "EdDSA", "jwk": self.jwk()});
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let input = format!("{}.{}", part(&header), part(&claims));
        let signature = URL_SAFE_NO_PAD.encode(self.0.sign(input.as_bytes()));
        format!("{input}.{signature}")
    }

    /// A proof for `GET` of a URL with a token.
    pub(crate) fn proof(&self, world: &World, url: &str, token: &str, jti: &str) -> String {
        self.proof_with(claims(world, url, token, jti), |_| {})
    }
}

fn claims(world: &World, url: &str, token: &str, jti: &str) -> Value {
    json!({
        "jti": jti,
        "htm": "GET",
        "htu": url,
        "iat": world.clock.now().seconds(),
        "ath": URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes())),
    })
}

/// A token that is bound to something, as text.
pub(crate) fn bound(world: &World, key: &Key, cnf: Option<Value>) -> String {
    let mut claims = world.claims(key);
    claims.cnf = cnf;
    let (_, value) = world.sign(&claims);
    value.strip_prefix("Bearer ").unwrap().to_owned()
}

pub(crate) fn dpop(token: &str) -> Header {
    ("authorization", format!("DPoP {token}"))
}

fn bearer(token: &str) -> Header {
    ("authorization", format!("Bearer {token}"))
}

const URL: &str = "https://api.example/orders";

/// What nginx says of a request for [`URL`].
fn told() -> Vec<Header> {
    let header = |name, value: &str| (name, value.to_owned());
    vec![
        from(LISTED),
        header("x-original-method", "GET"),
        header("x-original-uri", "/orders?page=1"),
        header("x-original-host", "api.example"),
        header("x-original-proto", "https"),
    ]
}

/// The status of a check at an nginx, and why it was refused.
async fn ask(world: &mut World, shown: &[Header]) -> (u16, Option<Reason>) {
    let headers: Vec<Header> = told().into_iter().chain(shown.iter().cloned()).collect();
    let answer = world.ask("full", &headers).await;
    let reason = world.events.try_recv().unwrap().denied;
    if answer.status == 401 {
        // One answer for all that is wrong with a credential.
        assert_eq!(answer.body, r#"{"error":"invalid_token"}"#);
        let challenge = r#"Basic realm="api", charset="UTF-8", Bearer error="invalid_token""#;
        assert_eq!(answer.header("www-authenticate"), Some(challenge));
    }
    (answer.status.as_u16(), reason)
}

const ALLOWED: (u16, Option<Reason>) = (200, None);

fn refused(reason: Reason) -> (u16, Option<Reason>) {
    (401, Some(reason))
}

#[tokio::test]
async fn a_key_bound_token_needs_its_proof_each_time_anew() {
    let mut world = World::new();
    let (key, holder) = (world.listed_key(), Holder::new());
    let token = bound(&world, &key, Some(holder.confirmation()));
    let proof = |world: &World, jti| ("dpop", holder.proof(world, URL, &token, jti));
    let (one, two) = (proof(&world, "1"), proof(&world, "2"));
    assert_eq!(ask(&mut world, &[dpop(&token), one.clone()]).await, ALLOWED);
    let replayed = refused(Reason::Proof(DpopFault::Replayed));
    assert_eq!(ask(&mut world, &[dpop(&token), one]).await, replayed);
    assert_eq!(ask(&mut world, &[dpop(&token), two]).await, ALLOWED);
    // The scheme's name has no case.
    let three = proof(&world, "3");
    let lower = ("authorization", format!("dpop {token}"));
    assert_eq!(ask(&mut world, &[lower, three]).await, ALLOWED);
    assert_eq!(ask(&mut world, &[dpop(&token)]).await, refused(Reason::UnprovenToken));
}

#[tokio::test]
async fn no_token_is_used_as_the_other_kind() {
    let mut world = World::new();
    let (key, holder) = (world.listed_key(), Holder::new());
    let token = bound(&world, &key, Some(holder.confirmation()));
    let proof = ("dpop", holder.proof(&world, URL, &token, "1"));
    let unproven = refused(Reason::UnprovenToken);
    assert_eq!(ask(&mut world, &[bearer(&token)]).await, unproven);
    assert_eq!(ask(&mut world, &[bearer(&token), proof.clone()]).await, unproven);
    let plain = bound(&world, &key, None);
    let proof = ("dpop", holder.proof(&world, URL, &plain, "1"));
    assert_eq!(
        ask(&mut world, &[dpop(&plain), proof.clone()]).await,
        refused(Reason::UnboundToken)
    );
    // A proof beside a bearer token says nothing.
    assert_eq!(ask(&mut world, &[bearer(&plain), proof]).await, ALLOWED);
    let by_certificate = bound(&world, &key, Some(json!({"x5t#S256": thumbprint(&DER)})));
    let proof = ("dpop", holder.proof(&world, URL, &by_certificate, "2"));
    let unbound = refused(Reason::UnboundToken);
    assert_eq!(ask(&mut world, &[dpop(&by_certificate), proof]).await, unbound);
    for unknown in [json!({}), json!({"jkt": "A"}), json!({"kid": "x"}), json!(1)] {
        let token = bound(&world, &key, Some(unknown));
        assert_eq!(ask(&mut world, &[bearer(&token)]).await, unproven);
    }
}

#[tokio::test]
async fn hostile_proofs_are_refused_and_use_nothing_up() {
    let mut world = World::new();
    let (key, holder) = (world.listed_key(), Holder::new());
    let token = bound(&world, &key, Some(holder.confirmation()));
    let other_key = world.key();
    let other = bound(&world, &other_key, Some(holder.confirmation()));
    let now_s = world.clock.now().seconds();
    let good = claims(&world, URL, &token, "1");
    let edits: [(&str, Value, DpopFault); 8] = [
        ("htm", json!("POST"), DpopFault::Method),
        ("htu", json!("https://api.example/other"), DpopFault::Target),
        ("htu", json!("https://evil.example/orders"), DpopFault::Target),
        ("htu", json!("http://api.example/orders"), DpopFault::Target),
        ("iat", json!(now_s - 61), DpopFault::Old),
        ("iat", json!(now_s + 61), DpopFault::Future),
        ("ath", json!(URL_SAFE_NO_PAD.encode([0; 32])), DpopFault::TokenHash),
        ("jti", json!("x".repeat(129)), DpopFault::Claim("jti")),
    ];
    for (claim, value, fault) in edits {
        let proof = holder.proof_with(good.clone(), |claims| claims[claim] = value);
        let found = ask(&mut world, &[dpop(&token), ("dpop", proof)]).await;
        assert_eq!(found, refused(Reason::Proof(fault)), "{claim}");
    }
    let of_other_token = holder.proof(&world, URL, &other, "1");
    let without_token = holder.proof_with(good.clone(), |claims| {
        claims.as_object_mut().unwrap().remove("ath");
    });
    let of_other_key = Holder::new().proof(&world, URL, &token, "1");
    let proof = holder.proof(&world, URL, &token, "1");
    for (proofs, fault) in [
        (vec![of_other_token], DpopFault::TokenHash),
        (vec![without_token], DpopFault::TokenHash),
        (vec![of_other_key], DpopFault::OtherKey),
        (vec![proof.clone(), proof.clone()], DpopFault::Several),
        (vec![format!("{proof},{proof}")], DpopFault::Malformed),
        (vec!["x".repeat(4097)], DpopFault::TooLong),
        (vec![String::new()], DpopFault::Malformed),
    ] {
        let mut shown = vec![dpop(&token)];
        shown.extend(proofs.into_iter().map(|proof| ("dpop", proof)));
        assert_eq!(ask(&mut world, &shown).await, refused(Reason::Proof(fault)), "{fault:?}");
    }
    // All the same `jti`, and it is still good.
    assert_eq!(ask(&mut world, &[dpop(&token), ("dpop", proof)]).await, ALLOWED);
}

#[tokio::test]
async fn a_refused_address_uses_no_proof_up() {
    let mut world = World::new();
    let (key, holder) = (world.listed_key(), Holder::new());
    let token = bound(&world, &key, Some(holder.confirmation()));
    let proof = ("dpop", holder.proof(&world, URL, &token, "1"));
    let mut headers = told();
    headers[0] = from("198.51.100.7");
    headers.extend([dpop(&token), proof.clone()]);
    assert_eq!(world.ask("full", &headers).await.status, 403);
    world.events.try_recv().unwrap();
    assert_eq!(ask(&mut world, &[dpop(&token), proof]).await, ALLOWED);
}

/// What a gateway of this kind says of a request for [`URL`], and where it asks.
fn told_by(kind: GatewayKind) -> Option<(&'static str, Vec<Header>)> {
    let header = |name, value: &str| (name, value.to_owned());
    let path = "/v1/check/edge";
    let told = match kind {
        GatewayKind::Nginx
        | GatewayKind::Haproxy
        | GatewayKind::Apache
        | GatewayKind::Tower
        | GatewayKind::Application => vec![
            header("x-original-method", "GET"),
            header("x-original-uri", "/orders"),
            header("x-original-host", "api.example:443"),
            header("x-original-proto", "https"),
        ],
        GatewayKind::IngressNginx => vec![
            header("x-original-method", "GET"),
            header("x-original-url", "https://api.example/orders?a=b"),
        ],
        GatewayKind::Caddy | GatewayKind::Traefik | GatewayKind::Apisix | GatewayKind::Kong => {
            vec![
                header("x-forwarded-method", "GET"),
                header("x-forwarded-uri", "/orders"),
                header("x-forwarded-host", "api.example"),
                header("x-forwarded-proto", "wss"),
            ]
        }
        GatewayKind::EnvoyHttp => {
            let told = vec![header("host", "api.example"), header("x-forwarded-proto", "https")];
            return Some(("/v1/check/edge/orders?a=b", told));
        }
        GatewayKind::GatewayApi => {
            let told = vec![header("host", "api.example"), header("x-forwarded-proto", "https")];
            return Some(("/v1/check/edge/orders", told));
        }
        GatewayKind::EnvoyGrpc | GatewayKind::Istio | GatewayKind::GatewayApiGrpc => return None,
    };
    Some((path, told))
}

#[tokio::test]
async fn each_kind_says_in_its_own_words_where_the_request_went() {
    for kind in GatewayKind::all() {
        let Some((path, told)) = told_by(kind) else { continue };
        let mut world = World::new();
        let (key, holder) = (world.key(), Holder::new());
        world.register(gateway("edge", kind));
        let token = bound(&world, &key, Some(holder.confirmation()));
        let mut ask = async |jti: &str, left_out: Option<&str>| {
            let mut headers: Vec<Header> =
                told.iter().filter(|(name, _)| Some(*name) != left_out).cloned().collect();
            headers.push(dpop(&token));
            headers.push(("dpop", holder.proof(&world, URL, &token, jti)));
            let answer = world.send(request(Method::GET, path, &headers)).await;
            (answer.status.as_u16(), world.events.try_recv().unwrap().denied)
        };
        let unknown = refused(Reason::Proof(DpopFault::TargetUnknown));
        if kind == GatewayKind::GatewayApi {
            // It says nothing of the scheme that a caller could not have written.
            assert_eq!(ask("1", None).await, unknown);
            continue;
        }
        assert_eq!(ask("1", None).await, ALLOWED, "{kind:?}");
        // Whatever is not told, nothing is good without it.
        for (place, (name, _)) in told.iter().enumerate() {
            let found = ask(&format!("without {place}"), Some(name)).await;
            assert_eq!(found, unknown, "{kind:?} without {name}");
        }
    }
}

/// What stands in for a certificate: nothing but its bytes is looked at.
const DER: [u8; 5] = [0x30, 0x03, 0x02, 0x01, 0xfb];
const OTHER_DER: [u8; 5] = [0x30, 0x03, 0x02, 0x01, 0xfc];

fn thumbprint(der: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, der))
}

/// A certificate as a gateway of this kind tells it.
fn certificate(kind: GatewayKind, der: &[u8]) -> Option<Header> {
    let base64 = STANDARD.encode(der);
    let lines = base64.replace('=', "%3D");
    let pem = format!("-----BEGIN%20CERTIFICATE-----%0A{lines}%0A-----END%20CERTIFICATE-----%0A");
    let (name, _) = kind.client_certificate()?;
    let value = match kind {
        GatewayKind::Nginx => pem,
        GatewayKind::Traefik => lines,
        GatewayKind::EnvoyHttp => format!("Hash=00;Cert=\"{pem}\""),
        GatewayKind::Haproxy
        | GatewayKind::Apache
        | GatewayKind::Caddy
        | GatewayKind::Tower
        | GatewayKind::Application => format!(":{base64}:"),
        GatewayKind::IngressNginx
        | GatewayKind::Apisix
        | GatewayKind::Kong
        | GatewayKind::GatewayApi
        | GatewayKind::EnvoyGrpc
        | GatewayKind::Istio
        | GatewayKind::GatewayApiGrpc => return None,
    };
    Some((name, value))
}

#[tokio::test]
async fn a_certificate_bound_token_needs_its_certificate() {
    for kind in GatewayKind::all() {
        let Some((path, told)) = told_by(kind) else { continue };
        let mut world = World::new();
        let key = world.key();
        world.register(gateway("edge", kind));
        let token = bound(&world, &key, Some(json!({"x5t#S256": thumbprint(&DER)})));
        let mut ask = async |shown: &[Header]| {
            let headers: Vec<Header> =
                told.iter().chain(shown).cloned().chain([bearer(&token)]).collect();
            let answer = world.send(request(Method::GET, path, &headers)).await;
            (answer.status.as_u16(), world.events.try_recv().unwrap().denied)
        };
        assert_eq!(ask(&[]).await, refused(Reason::UnprovenToken), "{kind:?}");
        let Some(own) = certificate(kind, &DER) else {
            // What such a gateway does not tell is the caller's to write.
            let forged = ("client-cert", format!(":{}:", STANDARD.encode(DER)));
            assert_eq!(ask(&[forged]).await, refused(Reason::UnprovenToken), "{kind:?}");
            continue;
        };
        assert_eq!(ask(std::slice::from_ref(&own)).await, ALLOWED, "{kind:?}");
        let other = certificate(kind, &OTHER_DER).unwrap();
        let fault = |fault| refused(Reason::Certificate(fault));
        assert_eq!(
            ask(std::slice::from_ref(&other)).await,
            fault(CertificateFault::Other),
            "{kind:?}"
        );
        assert_eq!(ask(&[own.clone(), other]).await, fault(CertificateFault::Several), "{kind:?}");
        let broken = (own.0, "%%".to_owned());
        let found = ask(&[broken]).await;
        assert!(found.0 == 401, "{kind:?} {found:?}");
        assert_eq!(ask(&[(own.0, String::new())]).await, refused(Reason::UnprovenToken));
    }
}

#[tokio::test]
async fn a_token_bound_to_both_needs_both() {
    let mut world = World::new();
    let (key, holder) = (world.listed_key(), Holder::new());
    let mut cnf = holder.confirmation();
    cnf["x5t#S256"] = json!(thumbprint(&DER));
    let token = bound(&world, &key, Some(cnf));
    let certificate = certificate(GatewayKind::Nginx, &DER).unwrap();
    let proof = ("dpop", holder.proof(&world, URL, &token, "1"));
    let unproven = refused(Reason::UnprovenToken);
    assert_eq!(ask(&mut world, &[dpop(&token), proof.clone()]).await, unproven);
    assert_eq!(ask(&mut world, &[dpop(&token), certificate.clone()]).await, unproven);
    assert_eq!(ask(&mut world, &[bearer(&token), certificate.clone()]).await, unproven);
    assert_eq!(ask(&mut world, &[dpop(&token), proof, certificate]).await, ALLOWED);
}

#[tokio::test]
async fn other_credentials_are_good_whatever_proof_comes_with_them() {
    let mut world = World::new();
    let key = world.listed_key();
    for credential in [key.basic(), key.bearer(), key.x_api_key()] {
        for proof in ["", "x", "a.b.c"] {
            let shown = [credential.clone(), ("dpop", proof.to_owned())];
            assert_eq!(ask(&mut world, &shown).await, ALLOWED);
        }
    }
    let as_dpop = dpop(&key.api_key());
    assert_eq!(ask(&mut world, &[as_dpop]).await.0, 401);
    assert_eq!(ask(&mut world, &[("authorization", "DPoP".to_owned())]).await.0, 400);
}

#[test]
fn what_is_bound_reads_as_it_is_written() {
    let holder = Holder::new();
    let cnf = holder.confirmation();
    let jkt = URL_SAFE_NO_PAD.decode(cnf["jkt"].as_str().unwrap()).unwrap();
    let bound = Confirmation { key: Some(jkt.try_into().unwrap()), ..Confirmation::default() };
    assert_eq!(bound.to_json(), cnf);
}
