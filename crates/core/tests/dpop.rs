//! DPoP proofs: what a good one is, and every way in which one is not (RFC 9449 §4.3).
#![cfg(test)]

use keyward_core::dpop::{
    DpopFault, PROOF_BYTES_MAX, Proof, Target, WINDOW_S, token_hash, verify_proof,
};
use keyward_core::jwk::{Algorithm, VerifyingKey};
use keyward_core::replay::ReplayCache;
use keyward_core::time::Timestamp;
use serde_json::{Value, json};

#[expect(dead_code, reason = "shared with the other tests of tokens, which use the rest")]
#[path = "jose/keys.rs"]
mod keys;

use keys::{TestKey, base64url};

const NOW_S: i64 = 1_800_000_000;
const TOKEN: &str = "a.b.c";
const TARGET: Target<'static> =
    Target { method: "GET", scheme: "https", authority: "api.example", path: "/orders?page=1" };

/// A key without the name and algorithm that proofs mostly leave out.
fn jwk(key: &TestKey) -> Value {
    let mut jwk = key.jwk();
    let members = jwk.as_object_mut().unwrap();
    members.remove("kid");
    members.remove("alg");
    jwk
}

fn header(key: &TestKey) -> Value {
    json!({"typ": "dpop+jwt", "alg": key.algorithm.name(), "jwk": jwk(key)})
}

fn claims() -> Value {
    json!({
        "jti": "one",
        "htm": "GET",
        "htu": "https://api.example/orders",
        "iat": NOW_S,
        "ath": base64url(&token_hash(TOKEN)),
    })
}

fn verify(proof: &str) -> Result<Proof, DpopFault> {
    verify_proof(proof, &TARGET, Timestamp::from_seconds(NOW_S))
}

fn signed(key: &TestKey, header: &Value, claims: &Value) -> Result<Proof, DpopFault> {
    verify(&key.token(&header.to_string(), &claims.to_string()))
}

#[test]
fn every_algorithm_proves_its_key() {
    for algorithm in Algorithm::ALL {
        let key = TestKey::generate("k", algorithm);
        let proof = signed(&key, &header(&key), &claims()).unwrap();
        let thumbprint = VerifyingKey::thumbprint(&jwk(&key)).unwrap();
        assert_eq!(base64url(&proof.key), thumbprint, "{algorithm}");
        assert_eq!(proof.token_hash, Some(token_hash(TOKEN)));
    }
}

#[test]
fn a_name_in_the_key_and_a_missing_ath_are_no_fault() {
    let key = TestKey::generate("k", Algorithm::Es256);
    let mut named = header(&key);
    named["jwk"] = key.jwk();
    let proof = signed(&key, &named, &claims()).unwrap();
    assert_eq!(proof.key, signed(&key, &header(&key), &claims()).unwrap().key);
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove("ath");
    assert_eq!(signed(&key, &header(&key), &claims).unwrap().token_hash, None);
}

/// The fault of a proof with one member of its header changed, or taken away.
fn with_header(name: &str, value: Option<Value>) -> Option<DpopFault> {
    let key = TestKey::generate("k", Algorithm::Es256);
    let mut header = header(&key);
    let members = header.as_object_mut().unwrap();
    match value {
        Some(value) => members.insert(name.to_owned(), value),
        None => members.remove(name),
    };
    signed(&key, &header, &claims()).err()
}

#[test]
fn hostile_headers_are_refused() {
    let private = json!({"kty": "EC", "crv": "P-256", "x": "A", "y": "A", "d": "A"});
    let shared = json!({"kty": "oct", "k": "c2VjcmV0"});
    let other = jwk(&TestKey::generate("o", Algorithm::Es256));
    let ed25519 = jwk(&TestKey::generate("o", Algorithm::EdDsa));
    for (name, value, fault) in [
        ("typ", None, DpopFault::Type),
        ("typ", Some(json!("JWT")), DpopFault::Type),
        ("typ", Some(json!("at+jwt")), DpopFault::Type),
        ("typ", Some(json!("application/dpop+jwt")), DpopFault::Type),
        ("alg", None, DpopFault::Algorithm),
        ("alg", Some(json!("none")), DpopFault::Algorithm),
        ("alg", Some(json!("HS256")), DpopFault::Algorithm),
        ("alg", Some(json!("es256")), DpopFault::Algorithm),
        ("alg", Some(json!("EdDSA")), DpopFault::Key),
        ("crit", Some(json!(["b64"])), DpopFault::Critical),
        ("jwk", None, DpopFault::Key),
        ("jwk", Some(json!("x")), DpopFault::Key),
        ("jwk", Some(json!({})), DpopFault::Key),
        ("jwk", Some(private), DpopFault::PrivateKey),
        ("jwk", Some(shared), DpopFault::PrivateKey),
        ("jwk", Some(ed25519), DpopFault::Key),
        ("jwk", Some(other), DpopFault::Signature),
    ] {
        assert_eq!(with_header(name, value.clone()), Some(fault), "{name} {value:?}");
    }
}

/// The fault of a proof with one claim changed, or taken away.
fn with_claim(name: &str, value: Option<Value>) -> Option<DpopFault> {
    let key = TestKey::generate("k", Algorithm::EdDsa);
    let mut claims = claims();
    let members = claims.as_object_mut().unwrap();
    match value {
        Some(value) => members.insert(name.to_owned(), value),
        None => members.remove(name),
    };
    signed(&key, &header(&key), &claims).err()
}

#[test]
fn jwt_071_a_proof_for_another_method_is_refused() {
    for method in ["POST", "get", ""] {
        assert_eq!(with_claim("htm", Some(json!(method))), Some(DpopFault::Method));
    }
}

#[test]
fn hostile_claims_are_refused() {
    for (name, value, fault) in [
        ("jti", None, DpopFault::Claim("jti")),
        ("jti", Some(json!("")), DpopFault::Claim("jti")),
        ("jti", Some(json!(1)), DpopFault::Claim("jti")),
        ("jti", Some(json!("x".repeat(129))), DpopFault::Claim("jti")),
        ("htm", None, DpopFault::Claim("htm")),
        ("htu", None, DpopFault::Claim("htu")),
        ("htu", Some(json!("https://api.example/other")), DpopFault::Target),
        ("htu", Some(json!("https://evil.example/orders")), DpopFault::Target),
        ("htu", Some(json!("http://api.example/orders")), DpopFault::Target),
        ("htu", Some(json!("/orders")), DpopFault::Target),
        ("iat", None, DpopFault::Claim("iat")),
        ("iat", Some(json!("1800000000")), DpopFault::Claim("iat")),
        ("iat", Some(json!(NOW_S - WINDOW_S - 1)), DpopFault::Old),
        ("iat", Some(json!(0)), DpopFault::Old),
        ("iat", Some(json!(NOW_S + WINDOW_S + 1)), DpopFault::Future),
        ("iat", Some(json!(i64::MAX)), DpopFault::Future),
        ("iat", Some(json!(1e300)), DpopFault::Claim("iat")),
        ("ath", Some(json!("")), DpopFault::Claim("ath")),
        ("ath", Some(json!(1)), DpopFault::Claim("ath")),
    ] {
        assert_eq!(with_claim(name, value.clone()), Some(fault), "{name} {value:?}");
    }
    for (name, value) in [
        ("jti", json!("x".repeat(128))),
        ("htu", json!("HTTPS://API.example:443/orders?other#fragment")),
        ("iat", json!(NOW_S - WINDOW_S)),
        ("iat", json!(NOW_S + WINDOW_S)),
        ("iat", json!(1_799_999_999.5)),
        ("nonce", json!("unknown")),
    ] {
        assert_eq!(with_claim(name, Some(value.clone())), None, "{name} {value}");
    }
}

#[test]
fn what_is_no_signed_jwt_is_refused() {
    let key = TestKey::generate("k", Algorithm::Es256);
    let good = key.token(&header(&key).to_string(), &claims().to_string());
    verify(&good).unwrap();
    let (input, signature) = good.rsplit_once('.').unwrap();
    let twice =
        format!(r#"{{"typ":"dpop+jwt","typ":"dpop+jwt","alg":"ES256","jwk":{}}}"#, jwk(&key));
    for (proof, fault) in [
        (String::new(), DpopFault::Malformed),
        ("a.b".to_owned(), DpopFault::Malformed),
        (format!("{good}.x"), DpopFault::Malformed),
        (format!("{good},{good}"), DpopFault::Malformed),
        (format!("{good}="), DpopFault::Malformed),
        (format!("{input}."), DpopFault::Signature),
        (format!("{input}.{}", base64url(&key.sign_der(input))), DpopFault::Signature),
        (
            format!("{input}.{}", signature.get(..signature.len() - 2).unwrap()),
            DpopFault::Signature,
        ),
        (key.token(&twice, &claims().to_string()), DpopFault::Malformed),
        (key.token(&header(&key).to_string(), "[]"), DpopFault::Malformed),
        (key.token("[]", &claims().to_string()), DpopFault::Malformed),
        ("x".repeat(PROOF_BYTES_MAX + 1), DpopFault::TooLong),
    ] {
        assert_eq!(verify(&proof), Err(fault), "{proof}");
    }
}

#[test]
fn jwt_072_a_proof_counts_once_and_only_for_its_key() {
    let (one, other) =
        (TestKey::generate("k", Algorithm::EdDsa), TestKey::generate("k", Algorithm::EdDsa));
    let cache = ReplayCache::new(2);
    let now = Timestamp::from_seconds(NOW_S);
    let since = Timestamp::from_seconds(NOW_S - 10);
    let once = |key: &TestKey, jti: &str, iat: i64| {
        let mut claims = claims();
        (claims["jti"], claims["iat"]) = (json!(jti), json!(iat));
        signed(key, &header(key), &claims).unwrap().once.claim(&cache, since, now)
    };
    assert_eq!(once(&one, "a", NOW_S), Ok(()));
    assert_eq!(once(&one, "a", NOW_S), Err(DpopFault::Replayed));
    assert_eq!(once(&one, "a", NOW_S + 1), Err(DpopFault::Replayed));
    // Nobody uses up what another key signed.
    assert_eq!(once(&other, "a", NOW_S), Ok(()));
    assert_eq!(once(&other, "b", NOW_S), Err(DpopFault::Full));
    // What was made before anything was remembered may have been used.
    assert_eq!(once(&other, "c", NOW_S - 11), Err(DpopFault::Replayed));
}

#[test]
fn faults_have_words_of_their_own() {
    let all = [
        DpopFault::Several,
        DpopFault::TooLong,
        DpopFault::Malformed,
        DpopFault::Type,
        DpopFault::Algorithm,
        DpopFault::Critical,
        DpopFault::Key,
        DpopFault::PrivateKey,
        DpopFault::Signature,
        DpopFault::Claim("jti"),
        DpopFault::Method,
        DpopFault::Target,
        DpopFault::TargetUnknown,
        DpopFault::Old,
        DpopFault::Future,
        DpopFault::TokenHash,
        DpopFault::OtherKey,
        DpopFault::Replayed,
        DpopFault::Full,
    ];
    let codes: std::collections::BTreeSet<_> = all.iter().map(|fault| fault.code()).collect();
    assert_eq!(codes.len(), all.len());
    // They stand in an OAuth error, which takes no quotes and backslashes (RFC 6749 §5.2).
    assert!(all.iter().all(|fault| !fault.to_string().contains(['"', '\\'])));
}
