//! Bound tokens: who gets which, and that they are good at the gate with their proof alone.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use insta::assert_snapshot;
use keyward_allowlist::{Connection, Peer};
use keyward_core::jwk::VerifyingKey;
use keyward_core::possession::{Mechanism, ProofOfPossession, RequiredFor};
use keyward_core::time::Clock as _;
use keyward_gate::{Checks, Events, Gate};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::operator::Operator;
use crate::support::certificates::{Issued, self_signed, url_encoded};
use crate::support::{API, Answer, Customer, NOW_S, World, payload_of};

const TOKEN_URL: &str = "https://auth.example/oauth/token";

/// Who holds the key that tokens are bound to.
struct Holder(Ed25519KeyPair);

impl Holder {
    fn new() -> Self {
        Self(Ed25519KeyPair::generate().unwrap())
    }

    fn jwk(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.0.public_key());
        json!({"kty": "OKP", "crv": "Ed25519", "x": x})
    }

    fn thumbprint(&self) -> String {
        VerifyingKey::thumbprint(&self.jwk()).unwrap()
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let input = format!("{}.{}", part(header), part(claims));
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(self.0.sign(input.as_bytes())))
    }

    fn header(&self) -> Value {
        json!({"typ": "dpop+jwt", "alg": "EdDSA", "jwk": self.jwk()})
    }

    /// A proof for a request, and for a token when there is one.
    fn proof(&self, method: &str, url: &str, token: Option<&str>, jti: &str) -> String {
        let mut claims = json!({"jti": jti, "htm": method, "htu": url, "iat": NOW_S});
        if let Some(token) = token {
            claims["ath"] = URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes())).into();
        }
        self.sign(&self.header(), &claims)
    }
}

const fn rule(mechanism: Mechanism, required: bool) -> Option<ProofOfPossession> {
    Some(ProofOfPossession { mechanism, required, required_for: None })
}

/// What is shown with a token request.
#[derive(Default)]
struct Shown<'a> {
    proofs: Vec<String>,
    certificate: Option<&'a Issued>,
}

async fn ask(world: &World, customer: &Customer, shown: &Shown<'_>) -> Answer {
    let mut call = world.call("POST", "/oauth/token");
    for proof in &shown.proofs {
        call = call.header("dpop", proof);
    }
    if let Some(certificate) = shown.certificate {
        call = call.certificate(&certificate.der);
    }
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", &*customer.id_text),
        ("client_secret", &*customer.secret),
    ];
    call.form(&fields).await
}

#[tokio::test]
async fn a_proof_binds_a_token_and_a_certificate_does() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let holder = Holder::new();
    world.edit_api(|api| api.proof_of_possession = rule(Mechanism::Dpop, false)).await;
    let shown =
        Shown { proofs: vec![holder.proof("POST", TOKEN_URL, None, "1")], ..Shown::default() };
    let bound = ask(&world, &customer, &shown).await;
    assert_eq!(bound.text("token_type"), "DPoP");
    let payload = payload_of(&bound.text("access_token"));
    assert_eq!(payload["cnf"], json!({ "jkt": holder.thumbprint() }));

    world.edit_api(|api| api.proof_of_possession = rule(Mechanism::Mtls, false)).await;
    let own = self_signed("own");
    let shown = Shown { certificate: Some(&own), ..Shown::default() };
    let bound = ask(&world, &customer, &shown).await;
    assert_eq!(bound.text("token_type"), "Bearer");
    let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, &own.der));
    let payload = payload_of(&bound.text("access_token"));
    assert_eq!(payload["cnf"], json!({ "x5t#S256": thumbprint }));
}

/// What becomes of a token request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Unbound,
    Bound,
    NotIssued,
}
use Outcome::{Bound, NotIssued, Unbound};

/// Auth0's table: whether the client requires proof, whether it shows one, and what comes of it at
/// an API that binds none, that can, and that must.
const TABLE: [(bool, bool, [Outcome; 3]); 4] = [
    (false, false, [Unbound, Unbound, NotIssued]),
    (false, true, [Unbound, Bound, Bound]),
    (true, false, [NotIssued, NotIssued, NotIssued]),
    (true, true, [NotIssued, Bound, Bound]),
];

#[tokio::test]
async fn who_gets_which_token_is_as_auth0_has_it() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let (holder, own) = (Holder::new(), self_signed("own"));
    let mut jti = 0;
    for mechanism in [Mechanism::Dpop, Mechanism::Mtls] {
        for (requires, shows, outcomes) in TABLE {
            let rules = [None, rule(mechanism, false), rule(mechanism, true)];
            for (rule, expected) in rules.into_iter().zip(outcomes) {
                world
                    .edit_client(&customer.id, |client| {
                        client.require_proof_of_possession = Some(requires);
                    })
                    .await;
                world.edit_api(|api| api.proof_of_possession = rule).await;
                jti += 1;
                let proof = holder.proof("POST", TOKEN_URL, None, &jti.to_string());
                let is_dpop = mechanism == Mechanism::Dpop;
                let shown = Shown {
                    proofs: if shows && is_dpop { vec![proof] } else { Vec::new() },
                    certificate: (shows && !is_dpop).then_some(&own),
                };
                let answer = ask(&world, &customer, &shown).await;
                let outcome = match answer.status {
                    StatusCode::OK => {
                        let payload = payload_of(&answer.text("access_token"));
                        if payload.get("cnf").is_some() { Bound } else { Unbound }
                    }
                    StatusCode::BAD_REQUEST if answer.text("error") == "invalid_request" => {
                        NotIssued
                    }
                    _ => panic!("{answer}"),
                };
                let case = format!("{mechanism:?} {rule:?}, client {requires}, shown {shows}");
                assert_eq!(outcome, expected, "{case}: {answer}");
                let is_bound_to_key = outcome == Bound && is_dpop;
                let expected = if is_bound_to_key { "DPoP" } else { "Bearer" };
                if outcome != NotIssued {
                    assert_eq!(answer.text("token_type"), expected, "{case}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_requirement_for_public_clients_leaves_others_alone() {
    let world = World::new().await;
    let (confidential, public) = (
        world.customer('a').await,
        world
            .customer_with('b', |client| {
                client.token_endpoint_auth_method = Some("none".to_owned());
                client.grant_types.push("authorization_code".to_owned());
            })
            .await,
    );
    let required = |whom| {
        let (mechanism, required_for) = (Mechanism::Dpop, Some(whom));
        Some(ProofOfPossession { mechanism, required: true, required_for })
    };
    for (whom, of_confidential) in
        [(RequiredFor::PublicClients, 200), (RequiredFor::AllClients, 400)]
    {
        world.edit_api(|api| api.proof_of_possession = required(whom)).await;
        let nothing = Shown::default();
        assert_eq!(ask(&world, &confidential, &nothing).await.status, of_confidential, "{whom:?}");
        assert_ne!(ask(&world, &public, &nothing).await.status, 200, "{whom:?}");
    }
}

#[tokio::test]
async fn the_other_mechanism_is_no_proof() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let (holder, own) = (Holder::new(), self_signed("own"));
    let by_key =
        Shown { proofs: vec![holder.proof("POST", TOKEN_URL, None, "1")], ..Shown::default() };
    let by_certificate = Shown { certificate: Some(&own), ..Shown::default() };
    world.edit_api(|api| api.proof_of_possession = rule(Mechanism::Mtls, true)).await;
    assert_snapshot!(ask(&world, &customer, &by_key).await, @r#"400 {"error":"invalid_request","error_description":"Proof of possession is required: use a client certificate"}"#);
    world.edit_api(|api| api.proof_of_possession = rule(Mechanism::Dpop, true)).await;
    assert_snapshot!(ask(&world, &customer, &by_certificate).await, @r#"400 {"error":"invalid_request","error_description":"Proof of possession is required: send a DPoP proof"}"#);
    world.edit_api(|api| api.proof_of_possession = None).await;
    world.edit_client(&customer.id, |client| client.require_proof_of_possession = Some(true)).await;
    assert_snapshot!(ask(&world, &customer, &by_key).await, @r#"400 {"error":"invalid_request","error_description":"The client requires proof of possession, and the API does not support it"}"#);
}

#[tokio::test]
async fn a_proof_that_is_not_good_gets_no_token() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let holder = Holder::new();
    let good = |jti: &str| holder.proof("POST", TOKEN_URL, None, jti);
    let mut private = holder.header();
    private["jwk"]["d"] = json!("AAAA");
    let mut symmetric = holder.header();
    symmetric["alg"] = json!("HS256");
    let mut unsigned = holder.header();
    unsigned["alg"] = json!("none");
    let mut typ = holder.header();
    typ["typ"] = json!("JWT");
    let claims = json!({"jti": "x", "htm": "POST", "htu": TOKEN_URL, "iat": NOW_S});
    let aged = |seconds: i64| {
        let mut claims = claims.clone();
        claims["iat"] = json!(NOW_S + seconds);
        holder.sign(&holder.header(), &claims)
    };
    for rule in [None, rule(Mechanism::Dpop, false), rule(Mechanism::Mtls, false)] {
        world.edit_api(|api| api.proof_of_possession = rule).await;
        for (proofs, what) in [
            (vec![holder.proof("GET", TOKEN_URL, None, "x")], "`htm`"),
            (vec![holder.proof("POST", "https://auth.example/oauth/revoke", None, "x")], "`htu`"),
            (vec![holder.proof("POST", "http://auth.example/oauth/token", None, "x")], "`htu`"),
            (vec![aged(-61)], "older"),
            (vec![aged(61)], "future"),
            (vec![good("x"), good("y")], "one DPoP header"),
            (vec![holder.sign(&private, &claims)], "private key"),
            (vec![holder.sign(&symmetric, &claims)], "`alg`"),
            (vec![holder.sign(&unsigned, &claims)], "`alg`"),
            (vec![holder.sign(&typ, &claims)], "`typ`"),
            (vec!["x".repeat(4097)], "4096 bytes"),
            (vec!["x".to_owned()], "no signed JWT"),
        ] {
            let answer = ask(&world, &customer, &Shown { proofs, ..Shown::default() }).await;
            assert_eq!(answer.status, 400, "{what}: {answer}");
            assert_eq!(answer.text("error"), "invalid_dpop_proof");
            assert!(answer.text("error_description").contains(what), "{what}: {answer}");
        }
    }
    // Nothing of this is told to whoever has no good secret.
    let mut stranger = customer.clone();
    stranger.secret = "x".repeat(38);
    let shown = Shown { proofs: vec!["x".to_owned()], ..Shown::default() };
    assert_eq!(ask(&world, &stranger, &shown).await.status, 401);
}

#[tokio::test]
async fn a_proof_gets_one_token() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    world.edit_api(|api| api.proof_of_possession = rule(Mechanism::Dpop, true)).await;
    let holder = Holder::new();
    let shown =
        Shown { proofs: vec![holder.proof("POST", TOKEN_URL, None, "1")], ..Shown::default() };
    // A refused request uses nothing up.
    world.edit_client(&customer.id, |client| client.grant_types.clear()).await;
    assert_eq!(ask(&world, &customer, &shown).await.status, 403);
    let grant = "client_credentials".to_owned();
    world.edit_client(&customer.id, |client| client.grant_types = vec![grant]).await;
    assert_eq!(ask(&world, &customer, &shown).await.status, 200);
    assert_snapshot!(ask(&world, &customer, &shown).await, @r#"400 {"error":"invalid_dpop_proof","error_description":"the proof was used before"}"#);
}

/// Asks the gate of this server, as a program on this machine does for a request for a URL.
async fn check(world: &World, gate: &Arc<Gate>, headers: &[(&str, &str)]) -> StatusCode {
    let mut request = Request::builder()
        .uri("/v1/check/default")
        .header("x-real-ip", "192.0.2.1")
        .header("x-original-method", "GET")
        .header("x-original-uri", "/things?page=1")
        .header("x-original-host", "api.example")
        .header("x-original-proto", "https");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let peer = Peer::Ip("127.0.0.1".parse().unwrap());
    let connection = Connection { peer, proxied: None };
    let checks = Checks::new(Arc::clone(gate), connection, Arc::default());
    assert!(world.services.policy.gateway("default").is_some());
    checks.oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
}

fn gate(world: &World) -> Arc<Gate> {
    let policy = Arc::clone(&world.services.policy);
    Arc::new(Gate::new(policy, Arc::clone(&world.clock) as _, Events::unheard()))
}

#[tokio::test]
async fn a_key_bound_token_is_issued_and_used() {
    let world = World::new().await;
    let (operator, gate) = (Operator::new(&world).await, gate(&world));
    let customer = world.customer('a').await;
    // Through the API, as tools do it.
    let path = format!("/api/v2/resource-servers/{}", world.api(API).await.id);
    let body = json!({ "proof_of_possession": { "mechanism": "dpop", "required": true } });
    assert_eq!(operator.patch(&path, body).await.status, 200);
    let holder = Holder::new();
    assert_eq!(ask(&world, &customer, &Shown::default()).await.status, 400);
    let shown =
        Shown { proofs: vec![holder.proof("POST", TOKEN_URL, None, "1")], ..Shown::default() };
    let token = ask(&world, &customer, &shown).await.text("access_token");

    let url = "https://api.example/things";
    let (dpop, bearer) = (format!("DPoP {token}"), format!("Bearer {token}"));
    let proof = holder.proof("GET", url, Some(&token), "2");
    let good = [("authorization", &*dpop), ("dpop", &*proof)];
    assert_eq!(check(&world, &gate, &good).await, 200);
    assert_eq!(check(&world, &gate, &good).await, 401, "once more");
    assert_eq!(check(&world, &gate, &good[..1]).await, 401, "without proof");
    let proof = holder.proof("GET", url, Some(&token), "3");
    let downgraded = [("authorization", &*bearer), ("dpop", &*proof)];
    assert_eq!(check(&world, &gate, &downgraded).await, 401, "as bearer token");
    let stolen = Holder::new().proof("GET", url, Some(&token), "4");
    let stolen = [("authorization", &*dpop), ("dpop", &*stolen)];
    assert_eq!(check(&world, &gate, &stolen).await, 401, "another's proof");
    // The list holds all the same.
    world.edit_client(&customer.id, |c| c.allowlist = world.enforce(&["203.0.113.0/24"])).await;
    let outside = [("authorization", &*dpop), ("dpop", &*proof)];
    assert_eq!(check(&world, &gate, &outside).await, 403);
    world.edit_client(&customer.id, |c| c.allowlist = world.enforce(&["192.0.2.0/24"])).await;
    assert_eq!(check(&world, &gate, &outside).await, 200, "a refusal uses nothing up");
}

#[tokio::test]
async fn a_certificate_bound_token_is_issued_and_used() {
    let world = World::new().await;
    let gate = gate(&world);
    let customer = world.customer('a').await;
    world.edit_api(|api| api.proof_of_possession = rule(Mechanism::Mtls, true)).await;
    let (own, other) = (self_signed("own"), self_signed("other"));
    let shown = Shown { certificate: Some(&own), ..Shown::default() };
    let token = ask(&world, &customer, &shown).await.text("access_token");
    let bearer = format!("Bearer {token}");
    let told = |certificate: &Issued| url_encoded(&certificate.pem);
    let (own, other) = (told(&own), told(&other));
    let authorization = ("authorization", &*bearer);
    assert_eq!(check(&world, &gate, &[authorization]).await, 401);
    assert_eq!(check(&world, &gate, &[authorization, ("x-ssl-client-cert", &other)]).await, 401);
    assert_eq!(check(&world, &gate, &[authorization, ("x-ssl-client-cert", &own)]).await, 200);
}

#[tokio::test]
async fn introspection_tells_what_a_token_is_bound_to() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    world.edit_api(|api| api.proof_of_possession = rule(Mechanism::Dpop, false)).await;
    let holder = Holder::new();
    let shown =
        Shown { proofs: vec![holder.proof("POST", TOKEN_URL, None, "1")], ..Shown::default() };
    let token = ask(&world, &customer, &shown).await.text("access_token");
    let call = world.call("POST", "/oauth/introspect");
    let call = call.basic(&customer.id_text, &customer.secret);
    let told = call.form(&[("token", &token)]).await.json();
    assert_eq!((&told["active"], &told["token_type"]), (&json!(true), &json!("DPoP")));
    assert_eq!(told["cnf"], json!({ "jkt": holder.thumbprint() }));
}

#[tokio::test]
async fn the_management_api_takes_a_bound_token_with_its_proof() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let audience = world.services.management_audience();
    let mut system = world.api(&audience).await;
    system.proof_of_possession = rule(Mechanism::Dpop, false);
    let mut tx = world.begin().await;
    tx.update_api(&system).await.unwrap();
    world.services.commit(tx).await.unwrap();
    let holder = Holder::new();
    let call = world.call("POST", "/oauth/token");
    let call = call.header("dpop", &holder.proof("POST", TOKEN_URL, None, "1"));
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", &*world.admin.client_id),
        ("client_secret", &*world.admin.client_secret),
        ("audience", &*audience),
    ];
    let token = call.form(&fields).await.text("access_token");
    let list = async |scheme: &str, proof: Option<&str>| {
        let mut call = world.call("GET", "/api/v2/clients?page=0");
        call = call.header("authorization", &format!("{scheme} {token}"));
        if let Some(proof) = proof {
            call = call.header("dpop", proof);
        }
        call.empty().await.status
    };
    let url = "https://auth.example/api/v2/clients";
    let proof = holder.proof("GET", url, Some(&token), "2");
    assert_eq!(list("Bearer", Some(&proof)).await, 401);
    assert_eq!(list("DPoP", None).await, 401);
    assert_eq!(list("DPoP", Some(&proof)).await, 200);
    assert_eq!(list("DPoP", Some(&proof)).await, 401);
    // Tokens that are not bound are good as before.
    assert_eq!(operator.get("/api/v2/clients").await.status, 200);
    assert!(world.clock.now().seconds() >= NOW_S);
}
