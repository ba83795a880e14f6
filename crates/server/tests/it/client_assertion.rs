//! `private_key_jwt` at the OAuth endpoints.

use aws_lc_rs::hmac;
use aws_lc_rs::rsa::KeySize;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use insta::assert_snapshot;
use keyward_core::client::State;
use keyward_core::client::credential::{
    AuthenticationMethod, ClientAuthentication, ClientCredential, Proof,
};
use keyward_core::client_assertion::ASSERTION_TYPE;
use keyward_core::time::{Clock as _, Timestamp};
use serde_json::{Value, json};

use crate::operator::Operator;
use crate::support::assertions::{ClientKey, ask_with, ask_with_more, claims};
use crate::support::{Customer, World, payload_of};

/// A customer who authenticates by this key, in a world in which two seconds have passed.
async fn keyed(world: &World, letter: char, key: &ClientKey, algorithm: &str) -> Customer {
    let operator = Operator::new(world).await;
    let customer = world.customer(letter).await;
    let path = format!("/api/v2/clients/{}", customer.id_text);
    let body = json!({ "credential_type": "public_key", "pem": key.pem(), "alg": algorithm });
    let made = operator.post(&format!("{path}/credentials"), body).await;
    let ids = json!([{ "id": made.text("id") }]);
    let body =
        json!({ "client_authentication_methods": { "private_key_jwt": { "credentials": ids } } });
    assert_eq!(operator.patch(&path, body).await.status, 200);
    customer
}

fn es256() -> Value {
    json!({ "alg": "ES256" })
}

async fn world() -> World {
    let world = World::new().await;
    world.pass_s(2).await;
    world
}

const GRANT: (&str, &str) = ("grant_type", "client_credentials");
const TYPE: (&str, &str) = ("client_assertion_type", ASSERTION_TYPE);
const REFUSED: &str = r#"401 {"error":"access_denied","error_description":"Unauthorized"}"#;

#[tokio::test]
async fn every_algorithm_gets_a_token_and_no_other_is_taken_with_its_key() {
    let world = world().await;
    let rsa = [(); 3].map(|()| ClientKey::rsa(KeySize::Rsa2048));
    let [first, second, third] = rsa;
    let keys = [
        ('a', first, "RS256"),
        ('b', second, "RS384"),
        ('c', third, "PS256"),
        ('d', ClientKey::p256(), "ES256"),
        ('e', ClientKey::ed25519(), "EdDSA"),
    ];
    for (letter, key, algorithm) in &keys {
        let customer = keyed(&world, *letter, key, algorithm).await;
        for (n, other) in keys.iter().map(|(_, _, other)| *other).enumerate() {
            let claims = claims(&customer.id_text, &n.to_string(), 2).to_string();
            let answer = ask_with(&world, &key.jwt(&json!({ "alg": other }), &claims)).await;
            let expected = if other == *algorithm { 200 } else { 401 };
            assert_eq!(answer.status, expected, "{algorithm} key, {other}: {answer}");
            if expected == 200 {
                let token = payload_of(&answer.text("access_token"));
                assert_eq!(token["azp"], json!(customer.id_text));
            }
        }
    }
}

#[tokio::test]
async fn honest_assertions_in_all_their_forms_are_taken() {
    let world = world().await;
    let key = ClientKey::p256();
    let customer = keyed(&world, 'a', &key, "ES256").await;
    let id = customer.id_text.as_str();
    let client = world.services.store.client(&customer.id).await.unwrap().unwrap();
    let Proof::PublicKey { kid, .. } = &client.credentials[0].proof else { panic!("{client:?}") };
    let es256 = es256();
    type Case<'a> = (Value, fn(&mut Value), &'a [(&'a str, &'a str)]);
    let cases: [Case<'_>; 7] = [
        (es256.clone(), |_| (), &[]),
        (es256.clone(), |_| (), &[("client_id", id)]),
        (json!({ "alg": "ES256", "kid": kid, "typ": "JWT" }), |_| (), &[]),
        (es256.clone(), |c| c["aud"] = json!("https://auth.example/oauth/token"), &[]),
        (es256.clone(), |c| c["aud"] = json!(["https://auth.example/"]), &[]),
        (es256.clone(), |c| c["nbf"] = c["iat"].clone(), &[]),
        (es256, |c| c["exp"] = json!(c["iat"].as_i64().unwrap() + 300), &[]),
    ];
    for (n, (header, edit, more)) in cases.iter().enumerate() {
        let mut claims = claims(id, &format!("case {n}"), 2);
        edit(&mut claims);
        let assertion = key.jwt(header, &claims.to_string());
        let answer = ask_with_more(&world, &assertion, more).await;
        assert_eq!(answer.status, 200, "case {n}: {answer}");
    }
}

/// Makes assertions that are wrong in one way, all with the same id.
struct Forger<'a> {
    key: &'a ClientKey,
    /// Another client's.
    other: &'a ClientKey,
    client: &'a str,
}

impl Forger<'_> {
    fn good(&self) -> Value {
        claims(self.client, "1", 2)
    }

    /// Rightly signed, with something else about the claims.
    fn signed(&self, edit: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.good();
        edit(&mut claims);
        self.with(&claims.to_string())
    }

    fn with(&self, claims: &str) -> String {
        self.key.jwt(&json!({ "alg": "RS256" }), claims)
    }

    fn unsigned(&self, alg: &str) -> String {
        let header = URL_SAFE_NO_PAD.encode(json!({ "alg": alg }).to_string());
        format!("{header}.{}.", URL_SAFE_NO_PAD.encode(self.good().to_string()))
    }

    /// The public key as a shared secret: the classic confusion (CVE-2015-9235).
    fn confused(&self) -> String {
        let unsigned = self.unsigned("HS256");
        let input = unsigned.trim_end_matches('.');
        let mac = hmac::Key::new(hmac::HMAC_SHA256, self.key.pem().as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(hmac::sign(&mac, input.as_bytes())))
    }

    fn by_header(&self) -> Vec<(&'static str, String)> {
        let good = self.good().to_string();
        let jwk = json!({ "alg": "RS256", "jwk": { "kty": "RSA" }, "x5u": "https://evil.example" });
        let crit = json!({ "alg": "RS256", "crit": ["b64"], "b64": false });
        vec![
            ("alg none", self.unsigned("none")),
            ("no signature", self.unsigned("RS256")),
            ("HS256 with the public key", self.confused()),
            ("another client's key", self.other.jwt(&json!({ "alg": "RS256" }), &good)),
            ("a key in the header", self.other.jwt(&jwk, &good)),
            ("an unknown kid", self.key.jwt(&json!({ "alg": "RS256", "kid": "unknown" }), &good)),
            ("crit", self.key.jwt(&crit, &good)),
        ]
    }

    fn by_claims(&self, now: i64) -> Vec<(&'static str, String)> {
        let set = |name: &str, value: Value| self.signed(|claims| claims[name] = value);
        let without = |name: &str| {
            self.signed(|claims| {
                claims.as_object_mut().unwrap().remove(name);
            })
        };
        let twice = |more: &str| self.with(&self.good().to_string().replacen('{', more, 1));
        let both = ["https://auth.example/", "https://b.example/"];
        vec![
            ("wrong aud", set("aud", json!("https://evil.example/"))),
            ("aud without slash", set("aud", json!("https://auth.example"))),
            ("aud with more", set("aud", json!("https://auth.example/oauth/token/x"))),
            ("aud of the API", set("aud", json!(crate::support::API))),
            ("two auds", set("aud", json!(both))),
            ("no exp", without("exp")),
            ("exp as text", set("exp", json!("9999999999"))),
            ("expired", set("exp", json!(now))),
            ("exp too far", set("exp", json!(now + 311))),
            ("lives too long", set("exp", json!(now + 301))),
            ("from the future", set("iat", json!(now + 11))),
            ("not yet", set("nbf", json!(now + 11))),
            ("no jti", without("jti")),
            ("long jti", set("jti", json!("x".repeat(65)))),
            ("nested duplicates", twice(r#"{"x":{"a":1,"a":2},"#)),
            ("a member twice", twice(r#"{"exp":9999999999,"#)),
            ("no JSON", self.with("exp")),
            ("too long", set("x", json!("x".repeat(2_048)))),
        ]
    }

    /// Of these clients, and not of its own.
    fn by_client(&self, clients: &[&str]) -> Vec<(&'static str, String)> {
        let mut all = Vec::new();
        for client in clients {
            let of_it = |names: &[&str]| {
                self.signed(|claims| names.iter().for_each(|name| claims[*name] = json!(client)))
            };
            all.push(("sub of another", of_it(&["sub"])));
            all.push(("iss of another", of_it(&["iss"])));
            all.push(("of another", of_it(&["iss", "sub"])));
        }
        all
    }
}

#[tokio::test]
async fn hostile_assertions_get_one_answer() {
    let world = world().await;
    let (key, other) = (ClientKey::rsa(KeySize::Rsa2048), ClientKey::rsa(KeySize::Rsa2048));
    let customer = keyed(&world, 'a', &key, "RS256").await;
    let another = keyed(&world, 'b', &other, "RS256").await;
    let by_secret = world.customer('c').await;
    let forger = Forger { key: &key, other: &other, client: &customer.id_text };
    let mut cases = forger.by_header();
    cases.extend(forger.by_claims(world.clock.now().seconds()));
    cases.extend(forger.by_client(&[&another.id_text, &by_secret.id_text, "nobody", "a b"]));
    cases.push(("no JWT", "assertion".to_owned()));
    cases.push(("an access token", world.token(&by_secret).await));
    let like = world.ask_token_from("127.0.0.1", &by_secret, "wrong").await;
    assert_eq!(like.to_string(), REFUSED);
    for (n, (what, assertion)) in cases.iter().enumerate() {
        let call = world.call("POST", "/oauth/token").from(&format!("192.0.2.{n}"));
        let fields = [GRANT, TYPE, ("client_assertion", assertion)];
        assert_eq!(call.form(&fields).await, like, "{what}");
    }
    // None of them used up the id that they all have.
    assert_eq!(ask_with(&world, &forger.signed(|_| ())).await.status, 200);
}

#[tokio::test]
async fn the_type_is_exact_and_the_named_client_is_the_signer() {
    let world = world().await;
    let key = ClientKey::p256();
    let customer = keyed(&world, 'a', &key, "ES256").await;
    let assertion = key.jwt(&es256(), &claims(&customer.id_text, "1", 2).to_string());
    let shown = ("client_assertion", assertion.as_str());
    for fields in [
        &[GRANT, shown][..],
        &[GRANT, shown, ("client_assertion_type", "jwt-bearer")],
        &[GRANT, shown, TYPE, ("client_id", "bbbbbbbbbbbbbbbbbbbb")],
        // The id alone is nothing.
        &[GRANT, TYPE, ("client_id", &customer.id_text)],
    ] {
        let answer = world.call("POST", "/oauth/token").form(fields).await;
        assert_eq!(answer.to_string(), REFUSED, "{fields:?}");
    }
    let json = json!({
        "grant_type": "client_credentials",
        "client_assertion_type": TYPE.1,
        "client_assertion": key.jwt(&es256(), &claims(&customer.id_text, "2", 2).to_string()),
    });
    assert_eq!(world.call("POST", "/oauth/token").json(&json).await.status, 200);
}

#[tokio::test]
async fn two_ways_to_authenticate_are_one_too_many() {
    let world = world().await;
    let key = ClientKey::p256();
    let customer = keyed(&world, 'a', &key, "ES256").await;
    let assertion = key.jwt(&es256(), &claims(&customer.id_text, "1", 2).to_string());
    let secret = ask_with_more(&world, &assertion, &[("client_secret", "x")]).await;
    assert_snapshot!(secret, @r#"400 {"error":"invalid_request","error_description":"More than one client authentication"}"#);
    let fields = [GRANT, TYPE, ("client_assertion", &assertion)];
    let basic = world.call("POST", "/oauth/token").basic(&customer.id_text, "x").form(&fields);
    assert_eq!(basic.await, secret);
    let bearer = world.call("POST", "/oauth/introspect").bearer("x").form(&fields).await;
    assert_eq!(bearer.status, 400, "{bearer}");
    // In the URI it is in logs and histories.
    let uri = format!("/oauth/token?client_assertion={assertion}");
    assert_eq!(world.call("POST", &uri).form(&[GRANT]).await.status, 400);
}

#[tokio::test]
async fn an_assertion_is_used_once_whatever_came_of_it() {
    let world = world().await;
    let key = ClientKey::p256();
    let customer = keyed(&world, 'a', &key, "ES256").await;
    let other = ClientKey::p256();
    let neighbour = keyed(&world, 'b', &other, "ES256").await;
    let first = key.jwt(&es256(), &claims(&customer.id_text, "1", 2).to_string());
    assert_eq!(ask_with(&world, &first).await.status, 200);
    assert_eq!(ask_with(&world, &first).await.to_string(), REFUSED);
    // The id makes it the one it is, not its signature or other claims.
    let mut again = claims(&customer.id_text, "1", 2);
    again["exp"] = json!(again["exp"].as_i64().unwrap() + 60);
    assert_eq!(ask_with(&world, &key.jwt(&es256(), &again.to_string())).await.to_string(), REFUSED);
    // Others may use the same id.
    let same = other.jwt(&es256(), &claims(&neighbour.id_text, "1", 2).to_string());
    assert_eq!(ask_with(&world, &same).await.status, 200);
    // A refusal uses it up as well: whoever saw it cannot try it for something else.
    let refused = key.jwt(&es256(), &claims(&customer.id_text, "2", 2).to_string());
    let answer = ask_with_more(&world, &refused, &[("scope", "delete:things")]).await;
    assert_eq!(answer.status, 403, "{answer}");
    assert_eq!(ask_with(&world, &refused).await.to_string(), REFUSED);
    // One endpoint's is used at all.
    let elsewhere = key.jwt(&es256(), &claims(&customer.id_text, "3", 2).to_string());
    assert_eq!(ask_with(&world, &elsewhere).await.status, 200);
    let fields = [TYPE, ("client_assertion", &elsewhere), ("token", "x")];
    for path in ["/oauth/introspect", "/oauth/revoke"] {
        assert_eq!(world.call("POST", path).form(&fields).await.to_string(), REFUSED, "{path}");
    }
}

#[tokio::test]
async fn an_assertion_from_before_a_restart_is_refused_after_it() {
    let world = world().await;
    let key = ClientKey::p256();
    let customer = keyed(&world, 'a', &key, "ES256").await;
    let jwt =
        |jti: &str, at_s: i64| key.jwt(&es256(), &claims(&customer.id_text, jti, at_s).to_string());
    let used = jwt("1", 2);
    assert_eq!(ask_with(&world, &used).await.status, 200);
    world.pass_s(1).await;
    let world = world.restarted().await;
    assert_eq!(ask_with(&world, &used).await.to_string(), REFUSED);
    // Nobody knows any more whether this one was used.
    assert_eq!(ask_with(&world, &jwt("2", 2)).await.to_string(), REFUSED);
    world.pass_s(1).await;
    assert_eq!(ask_with(&world, &jwt("3", 4)).await.status, 200);
    // One that does not say when it was made could have been used until 310 s before its end.
    let timeless = |jti: &str, exp_s: i64| {
        let mut claims = claims(&customer.id_text, jti, exp_s - 120);
        claims.as_object_mut().unwrap().remove("iat");
        key.jwt(&es256(), &claims.to_string())
    };
    assert_eq!(ask_with(&world, &timeless("4", 300)).await.to_string(), REFUSED);
    world.pass_s(20).await;
    assert_eq!(ask_with(&world, &timeless("5", 314)).await.status, 200);
}

#[tokio::test]
async fn a_clock_that_is_ahead_waits_and_gains_nothing_by_a_restart() {
    let world = world().await;
    let key = ClientKey::p256();
    let customer = keyed(&world, 'a', &key, "ES256").await;
    let ahead = |jti: &str| key.jwt(&es256(), &claims(&customer.id_text, jti, 10).to_string());
    for (jti, more, status) in [("1", &[][..], 200), ("2", &[("scope", "delete:things")], 403)] {
        // Only here: the store's own time limits must not run out in no time.
        tokio::time::pause();
        let begun = tokio::time::Instant::now();
        let answer = ask_with_more(&world, &ahead(jti), more).await;
        let waited_ms = begun.elapsed().as_millis();
        tokio::time::resume();
        assert_eq!(answer.status, status, "{answer}");
        assert!((7_000..=8_000).contains(&waited_ms), "until it was issued, not {waited_ms} ms");
    }
    // So no process that serves it can have begun before it was issued.
    world.pass_s(8).await;
    let world = world.restarted().await;
    for jti in ["1", "2"] {
        assert_eq!(ask_with(&world, &ahead(jti)).await.to_string(), REFUSED, "{jti}");
    }
}

#[tokio::test]
async fn a_credential_ends_when_it_says() {
    let world = world().await;
    let key = ClientKey::p256();
    let customer = keyed(&world, 'a', &key, "ES256").await;
    let end = world.clock.now().plus_seconds(60);
    let set =
        |client: &mut keyward_core::client::Client| client.credentials[0].expires_at = Some(end);
    world.edit_client(&customer.id, set).await;
    let ask = async |jti: &str, at_s: i64| {
        let claims = claims(&customer.id_text, jti, at_s).to_string();
        ask_with(&world, &key.jwt(&es256(), &claims)).await.to_string()
    };
    assert!(ask("1", 2).await.starts_with("200"));
    world.pass_s(60).await;
    assert_eq!(ask("2", 62).await, REFUSED);
}

#[tokio::test]
async fn either_of_two_keys_signs_while_one_replaces_the_other() {
    let world = world().await;
    let (old, new) = (ClientKey::p256(), ClientKey::p256());
    let customer = keyed(&world, 'a', &old, "ES256").await;
    let operator = Operator::new(&world).await;
    let path = format!("/api/v2/clients/{}", customer.id_text);
    let body = json!({ "credential_type": "public_key", "pem": new.pem() });
    let added = operator.post(&format!("{path}/credentials"), body.clone()).await.text("id");
    let third = operator.post(&format!("{path}/credentials"), body).await;
    assert_eq!(third.status, 400, "{third}");
    let all = operator.get(&format!("{path}/credentials")).await.json();
    let ids = json!([{ "id": all[0]["id"] }, { "id": added }]);
    let body =
        json!({ "client_authentication_methods": { "private_key_jwt": { "credentials": ids } } });
    assert_eq!(operator.patch(&path, body).await.status, 200);
    for (n, key) in [&old, &new].into_iter().enumerate() {
        let claims = claims(&customer.id_text, &n.to_string(), 2).to_string();
        assert_eq!(ask_with(&world, &key.jwt(&es256(), &claims)).await.status, 200, "{n}");
    }
}

#[tokio::test]
async fn the_list_and_the_state_count_as_for_every_other_way() {
    let world = world().await;
    let key = ClientKey::p256();
    let customer = keyed(&world, 'a', &key, "ES256").await;
    let list = world.enforce(&["192.0.2.1"]);
    world.edit_client(&customer.id, |client| client.allowlist = list).await;
    let ask = async |from: &str, jti: &str| {
        let assertion = key.jwt(&es256(), &claims(&customer.id_text, jti, 2).to_string());
        let fields = [GRANT, TYPE, ("client_assertion", &assertion)];
        world.call("POST", "/oauth/token").from(from).form(&fields).await
    };
    assert_eq!(ask("192.0.2.1", "1").await.status, 200);
    let refused = ask("192.0.2.2", "2").await;
    assert_snapshot!(refused, @r#"403 {"error":"access_denied","error_description":"The request is not allowed"}"#);
    world.edit_client(&customer.id, |client| client.state = State::Suspended).await;
    assert_eq!(ask("192.0.2.1", "3").await.to_string(), REFUSED);
}

#[tokio::test]
async fn tokens_are_introspected_and_revoked_by_assertion() {
    let world = world().await;
    let key = ClientKey::p256();
    let customer = keyed(&world, 'a', &key, "ES256").await;
    let next = |jti: &str| key.jwt(&es256(), &claims(&customer.id_text, jti, 2).to_string());
    let token = ask_with(&world, &next("1")).await.text("access_token");
    let ask = async |path: &str, jti: &str| {
        let assertion = next(jti);
        let fields = [TYPE, ("client_assertion", assertion.as_str()), ("token", &token)];
        world.call("POST", path).form(&fields).await
    };
    assert_eq!(ask("/oauth/introspect", "2").await.json()["active"], true);
    assert_eq!(ask("/oauth/revoke", "3").await.status, 200);
    assert_eq!(ask("/oauth/introspect", "4").await.json()["active"], false);
    assert_eq!(ask("/oauth/introspect", "4").await.to_string(), REFUSED);
}

#[tokio::test]
async fn a_client_with_a_key_is_let_in_by_no_stored_secret() {
    let world = world().await;
    let key = ClientKey::p256();
    // As no version of this program stores it.
    let customer = world
        .customer_with('a', |client| {
            client.credentials.push(ClientCredential {
                id: world.services.new_credential_id().unwrap(),
                name: String::new(),
                proof: Proof::Certificate { thumbprint: [0; 32], subject: String::new() },
                expires_at: None,
                created_at: Timestamp::from_seconds(0),
                updated_at: Timestamp::from_seconds(0),
            });
            client.authentication = Some(ClientAuthentication {
                method: AuthenticationMethod::PrivateKeyJwt,
                credentials: client.credentials.iter().map(|one| one.id.clone()).collect(),
            });
        })
        .await;
    assert_eq!(world.ask_token(&customer).await.to_string(), REFUSED);
    let fields = [("token", customer.api_key.as_str())];
    let operator = Operator::new(&world).await;
    let inspected = world.call("POST", "/oauth/introspect").bearer(&operator.token).form(&fields);
    assert_eq!(inspected.await.json(), json!({ "active": false }));
    // A certificate is no key, whatever names it.
    let assertion = key.jwt(&es256(), &claims(&customer.id_text, "1", 2).to_string());
    assert_eq!(ask_with(&world, &assertion).await.to_string(), REFUSED);
}
