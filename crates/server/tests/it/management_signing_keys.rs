//! `/api/v2/keys/signing`: rotation and revocation, and what both doors make of them.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use keyward_core::jwk::Algorithm;
use keyward_server::services::keys::{PREVIOUS_KEYS_MAX, rotate};
use serde_json::Value;

use crate::operator::Operator;
use crate::support::{World, header_of};

const KEYS: &str = "/api/v2/keys/signing";

async fn keys(operator: &Operator<'_>) -> Vec<Value> {
    let answer = operator.get(KEYS).await;
    assert_eq!(answer.status, 200, "{answer}");
    answer.json().as_array().unwrap().clone()
}

/// How many keys of an algorithm have which state.
fn states(keys: &[Value], algorithm: &str) -> BTreeMap<&'static str, usize> {
    let mut states = BTreeMap::new();
    for name in ["current", "next", "previous", "revoked"] {
        let is = |key: &&Value| key["alg"] == algorithm && key[name] == true;
        states.insert(name, keys.iter().filter(is).count());
    }
    states
}

fn kid(keys: &[Value], algorithm: &str, state: &str) -> String {
    let found = keys.iter().find(|key| key["alg"] == algorithm && key[state] == true);
    found.unwrap()["kid"].as_str().unwrap().to_owned()
}

async fn post(operator: &Operator<'_>, path: &str) -> crate::support::Answer {
    operator.world.call("POST", path).bearer(&operator.token).empty().await
}

async fn revoke(operator: &Operator<'_>, kid: &str) -> crate::support::Answer {
    let path = format!("{KEYS}/{kid}/revoke");
    operator.world.call("PUT", &path).bearer(&operator.token).empty().await
}

async fn jwks(world: &World) -> Vec<String> {
    let answer = world.call("GET", "/.well-known/jwks.json").empty().await.json();
    let kid = |key: &Value| key["kid"].as_str().unwrap().to_owned();
    answer["keys"].as_array().unwrap().iter().map(kid).collect()
}

/// What the gate says of a token.
async fn check(world: &World, token: &str) -> u16 {
    let bearer = format!("Bearer {token}");
    world.check("default", &[("authorization", &bearer), ("x-real-ip", "192.0.2.1")]).await.0
}

#[tokio::test]
async fn keys_are_listed_with_their_certificates() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let keys = keys(&operator).await;
    assert_eq!(keys.len(), 8);
    let published = world.call("GET", "/.well-known/jwks.json").empty().await.json();
    for algorithm in Algorithm::ALL {
        let expected = [("current", 1), ("next", 1), ("previous", 0), ("revoked", 0)];
        assert_eq!(states(&keys, algorithm.name()), BTreeMap::from(expected));
    }
    for key in &keys {
        let kid = key["kid"].as_str().unwrap();
        assert!(key["cert"].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE-----\r\n"));
        assert!(key["pkcs7"].as_str().unwrap().starts_with("-----BEGIN PKCS7-----\r\n"));
        assert_eq!(key["fingerprint"].as_str().unwrap().len(), 59);
        let jwk = published["keys"].as_array().unwrap().iter().find(|jwk| jwk["kid"] == kid);
        let x5c = jwk.unwrap()["x5c"][0].as_str().unwrap();
        let pem = key["cert"].as_str().unwrap().replace("\r\n", "");
        assert!(pem.contains(x5c), "{kid}");
        assert_eq!(key["current"] == true, key.get("current_since").is_some());
        let one = operator.get(&format!("{KEYS}/{kid}")).await;
        assert_eq!(one.json(), *key);
    }
    assert_snapshot!(operator.get(&format!("{KEYS}/none")).await, @r#"404 {"error":"Not Found","errorCode":"inexistent_signing_key","message":"The signing key does not exist","statusCode":404}"#);
}

#[tokio::test]
async fn after_a_rotation_old_tokens_work_and_new_ones_have_the_next_key() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('a').await;
    let before = keys(&operator).await;
    let old = world.token(&customer).await;
    assert_eq!(header_of(&old)["kid"], kid(&before, "RS256", "current"));
    let made = post(&operator, &format!("{KEYS}/rotate")).await;
    assert_eq!(made.status, 201, "{made}");
    assert!(made.json()["next"] == true && made.json()["cert"].is_string());
    let after = keys(&operator).await;
    assert_eq!(after.len(), 12);
    for algorithm in Algorithm::ALL.map(Algorithm::name) {
        assert_eq!(kid(&after, algorithm, "current"), kid(&before, algorithm, "next"));
        assert_eq!(kid(&after, algorithm, "previous"), kid(&before, algorithm, "current"));
    }
    assert_eq!(made.json()["kid"], kid(&after, "RS256", "next"));
    let previous = after.iter().find(|key| key["previous"] == true).unwrap();
    assert!(previous["current_until"].is_string() && previous["current_since"].is_string());
    let new = world.token(&customer).await;
    assert_eq!(header_of(&new)["kid"], kid(&after, "RS256", "current"));
    assert_eq!((check(&world, &old).await, check(&world, &new).await), (200, 200));
    assert_eq!(jwks(&world).await.len(), 12);
    // The same after a restart, and once the last old token has ended the old key is gone.
    let world = world.restarted().await;
    assert_eq!((check(&world, &old).await, check(&world, &new).await), (200, 200));
    assert_eq!(jwks(&world).await.len(), 12);
    world.pass_s(2_592_000 + 5).await;
    assert_eq!(jwks(&world).await.len(), 8);
    assert_eq!(world.services.policy.generation().settings.keys.len(), 8);
}

#[tokio::test]
async fn one_algorithm_can_be_rotated_alone() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let made = post(&operator, &format!("{KEYS}/rotate?alg=ES256")).await;
    assert_eq!((made.status.as_u16(), &made.json()["alg"]), (201, &Value::from("ES256")));
    let after = keys(&operator).await;
    assert_eq!(states(&after, "ES256")["previous"], 1);
    assert_eq!(states(&after, "RS256")["previous"], 0);
    assert_snapshot!(post(&operator, &format!("{KEYS}/rotate?alg=HS256")).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_query","message":"Query validation error: 'No enum match for: HS256; RS256, ES256, PS256 or EdDSA'.","statusCode":400}"#);
}

#[tokio::test]
async fn a_revoked_keys_tokens_are_refused_at_once_and_for_good() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('a').await;
    let old = world.token(&customer).await;
    assert_eq!(check(&world, &old).await, 200);
    let current = kid(&keys(&operator).await, "RS256", "current");
    assert_snapshot!(revoke(&operator, &current).await.text("message"), @"the key is the current one; rotate first (POST /api/v2/keys/signing/rotate, or `keyward keys rotate`), then revoke it");
    assert_eq!(revoke(&operator, "none").await.status, 404);
    post(&operator, &format!("{KEYS}/rotate")).await;
    assert_eq!(check(&world, &old).await, 200);
    // The operator's own token is one of that key's: refused with the rest.
    let fresh = Operator::new(&world).await;
    let answer = revoke(&fresh, &current).await;
    assert_eq!(answer.status, 200, "{answer}");
    assert!(answer.json()["revoked"] == true && answer.json()["revoked_at"].is_string());
    assert_eq!(check(&world, &old).await, 401);
    assert_eq!(operator.get(KEYS).await.status, 401);
    assert!(!jwks(&world).await.contains(&current));
    assert_eq!(revoke(&fresh, &current).await.json(), answer.json(), "again changes nothing");
    let world = world.restarted().await;
    assert_eq!(check(&world, &old).await, 401);
    assert!(!jwks(&world).await.contains(&current));
    let operator = Operator::new(&world).await;
    let listed = keys(&operator).await;
    assert_eq!(kid(&listed, "RS256", "revoked"), current);
}

#[tokio::test]
async fn rotating_needs_both_scopes() {
    let world = World::new().await;
    for (letter, scope) in [('p', "create:signing_keys"), ('q', "update:signing_keys")] {
        let operator = Operator::with_scopes(&world, letter, &[scope]).await;
        let answer = post(&operator, &format!("{KEYS}/rotate")).await;
        assert_eq!(answer.text("errorCode"), "insufficient_scope", "{scope}");
    }
}

#[tokio::test]
async fn tokens_are_issued_and_taken_while_keys_rotate() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('a').await;
    world.edit_api(|api| api.signing_algorithm = Algorithm::Es256).await;
    let rotations = async {
        for _ in 0..5 {
            let made = post(&operator, &format!("{KEYS}/rotate?alg=ES256")).await;
            assert_eq!(made.status, 201, "{made}");
        }
    };
    let issuing = async {
        let mut tokens = Vec::new();
        for _ in 0..50 {
            let token = world.token(&customer).await;
            assert_eq!(check(&world, &token).await, 200);
            tokens.push(token);
            tokio::task::yield_now().await;
        }
        tokens
    };
    let ((), tokens) = tokio::join!(rotations, issuing);
    for token in &tokens {
        assert_eq!(check(&world, token).await, 200);
    }
    assert_eq!(states(&keys(&operator).await, "ES256")["previous"], 5);
}

#[tokio::test]
async fn a_rotation_is_whole_or_never_was() {
    let world = World::new().await;
    let before = keys(&Operator::new(&world).await).await;
    let made = world.services.new_signing_keys(Algorithm::ALL.to_vec()).await.unwrap();
    let mut tx = world.begin().await;
    rotate(&mut tx, &made, world.services.now()).await.unwrap();
    // The process ends before the commit.
    drop(tx);
    let world = world.restarted().await;
    assert_eq!(keys(&Operator::new(&world).await).await, before);
    // The process ends right after it, before anything in memory knows.
    let mut tx = world.begin().await;
    rotate(&mut tx, &made, world.services.now()).await.unwrap();
    tx.commit().await.unwrap();
    let world = world.restarted().await;
    let after = keys(&Operator::new(&world).await).await;
    let customer = world.customer('a').await;
    let token = world.token(&customer).await;
    assert_eq!(header_of(&token)["kid"], kid(&after, "RS256", "current"));
    assert_eq!(kid(&after, "RS256", "current"), kid(&before, "RS256", "next"));
}

#[tokio::test]
async fn who_follows_the_store_hears_of_keys() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let old = world.token(&customer).await;
    let operator = Operator::new(&world).await;
    let current = kid(&keys(&operator).await, "RS256", "current");
    let made = world.services.new_signing_keys(vec![Algorithm::Rs256]).await.unwrap();
    // Written by somebody else than this process.
    let mut tx = world.begin().await;
    rotate(&mut tx, &made, world.services.now()).await.unwrap();
    tx.commit().await.unwrap();
    world.services.refresh().await.unwrap();
    assert_ne!(header_of(&world.token(&customer).await)["kid"], current);
    assert_eq!(check(&world, &old).await, 200);
    let mut tx = world.begin().await;
    keyward_server::services::keys::revoke(&mut tx, &current, world.services.now()).await.unwrap();
    tx.commit().await.unwrap();
    world.services.refresh().await.unwrap();
    assert_eq!(check(&world, &old).await, 401);
}

#[tokio::test]
async fn previous_keys_are_bounded() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let path = format!("{KEYS}/rotate?alg=EdDSA");
    for _ in 0..PREVIOUS_KEYS_MAX {
        assert_eq!(post(&operator, &path).await.status, 201);
    }
    assert_snapshot!(post(&operator, &path).await, @r#"409 {"error":"Conflict","errorCode":"too_many_keys","message":"there are 20 previous EdDSA keys whose tokens may still live; revoke some before another rotation","statusCode":409}"#);
    let oldest = kid(&keys(&operator).await, "EdDSA", "previous");
    assert_eq!(revoke(&operator, &oldest).await.status, 200);
    assert_eq!(post(&operator, &path).await.status, 201);
}
