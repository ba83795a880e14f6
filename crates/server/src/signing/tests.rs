use std::collections::HashSet;

use keyward_core::id::ClientId;
use keyward_core::token::{TokenFault, verify_token};
use serde_json::{Map, json};

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_000);
const ISSUER: &str = "https://auth.example/";

fn master() -> MasterKey {
    MasterKey::from_bytes(&[7; 32]).unwrap()
}

fn claims() -> TokenClaims {
    TokenClaims {
        issuer: ISSUER.into(),
        client: ClientId::parse("abcdefghijklmnopqrst").unwrap(),
        audience: "https://api.example".to_owned(),
        scope: Some("read:things write:things".to_owned()),
        issued_at_s: 1_000,
        expires_at_s: 1_600,
        jti: Some("j1".to_owned()),
        organization: None,
        permissions: None,
        cnf: None,
        extra: Map::new(),
    }
}

fn all_keys() -> Vec<SealedKey> {
    Algorithm::ALL.into_iter().flat_map(|one| generate_pair(one, &master()).unwrap()).collect()
}

#[test]
fn a_token_of_every_algorithm_and_dialect_verifies_after_a_restart() {
    let stored = all_keys();
    let keys = SigningKeys::unseal(&master(), stored.clone()).unwrap();
    let restarted = SigningKeys::unseal(&master(), stored).unwrap().verifying_keys(NOW);
    for algorithm in Algorithm::ALL {
        assert!(keys.signs(algorithm));
        for dialect in [Dialect::Auth0, Dialect::Rfc9068] {
            let token = keys.issue(algorithm, dialect, &claims()).unwrap();
            let verified = verify_token(&token, &restarted, ISSUER).unwrap();
            assert_eq!(verified.client, claims().client);
            assert_eq!(verified.dialect, dialect);
            assert_eq!(verified.scope, "read:things write:things");
            assert_eq!(restarted.get(&verified.kid).unwrap().algorithm(), algorithm);
            assert_eq!(verified.check_time(NOW, 0), Ok(()));
        }
    }
}

#[test]
fn current_and_next_are_published_and_previous_until_they_expire() {
    let pair = generate_pair(Algorithm::Es256, &master()).unwrap();
    let token = SigningKeys::unseal(&master(), pair.clone())
        .unwrap()
        .issue(Algorithm::Es256, Dialect::Rfc9068, &claims())
        .unwrap();
    let until = NOW.plus_seconds(60);
    let rotated = rotate(pair.to_vec(), Algorithm::Es256, until, &master()).unwrap();
    let keys = SigningKeys::unseal(&master(), rotated.clone()).unwrap();

    let kids = |set: &KeySet| set.iter().map(|key| key.kid().to_owned()).collect::<Vec<_>>();
    let before = keys.verifying_keys(NOW);
    assert_eq!(kids(&before), [&pair[1].kid, &rotated[2].kid, &pair[0].kid].map(String::as_str));
    assert!(verify_token(&token, &before, ISSUER).is_ok());
    let after = keys.verifying_keys(until);
    assert_eq!(after.len(), 2);
    assert!(matches!(verify_token(&token, &after, ISSUER), Err(TokenFault::Jws(_))));

    let fresh = keys.issue(Algorithm::Es256, Dialect::Rfc9068, &claims()).unwrap();
    assert_eq!(&*verify_token(&fresh, &after, ISSUER).unwrap().kid, pair[1].kid);
    let other = rotate(pair.to_vec(), Algorithm::EdDsa, until, &master());
    assert_eq!(other.unwrap_err(), SigningError::NoKey(Algorithm::EdDsa));
}

#[test]
fn the_key_set_document_shows_public_members_only() {
    let keys = SigningKeys::unseal(&master(), all_keys()).unwrap().verifying_keys(NOW);
    let document = keys.jwks();
    let listed = document["keys"].as_array().unwrap();
    assert_eq!(listed.len(), 8);
    assert_eq!(listed.iter().map(|key| &key["kid"]).collect::<HashSet<_>>().len(), 8);
    for key in listed {
        let mut names: Vec<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        let expected: &[&str] = match key["kty"].as_str().unwrap() {
            "RSA" => &["alg", "e", "kid", "kty", "n", "use"],
            "EC" => &["alg", "crv", "kid", "kty", "use", "x", "y"],
            "OKP" => &["alg", "crv", "kid", "kty", "use", "x"],
            other => panic!("unexpected kind {other}"),
        };
        assert_eq!(names, expected);
        assert_eq!(key["use"], json!("sig"));
    }
}

#[test]
fn a_stored_key_opens_only_as_what_it_was_stored_as() {
    let [current, _] = generate_pair(Algorithm::Rs256, &master()).unwrap();
    let other_master = MasterKey::from_bytes(&[8; 32]).unwrap();
    let refused = SigningError::Sealed { kid: current.kid.clone(), fault: SealError::Refused };
    assert_eq!(SigningKey::unseal(&current, &other_master).unwrap_err(), refused);

    let mut renamed = current.clone();
    renamed.kid = "another".to_owned();
    assert!(matches!(SigningKey::unseal(&renamed, &master()), Err(SigningError::Sealed { .. })));

    let mut relabelled = current.clone();
    relabelled.algorithm = Algorithm::EdDsa;
    let rejected = SigningKey::unseal(&relabelled, &master()).unwrap_err();
    assert!(matches!(rejected, SigningError::Mislabelled { .. }));
    assert!(rejected.to_string().contains(&current.kid));

    let twice = SigningKeys::unseal(&master(), [current.clone(), current]);
    assert_eq!(twice.unwrap_err(), SigningError::TwoCurrent(Algorithm::Rs256));
}

#[test]
fn what_cannot_be_issued_says_why() {
    let keys = SigningKeys::unseal(&master(), generate_pair(Algorithm::Es256, &master()).unwrap())
        .unwrap();
    let missing = keys.issue(Algorithm::Rs256, Dialect::Auth0, &claims());
    assert_eq!(missing.unwrap_err(), SigningError::NoKey(Algorithm::Rs256));
    for jti in [None, Some(String::new())] {
        let claims = TokenClaims { jti, ..claims() };
        let unnamed = keys.issue(Algorithm::Es256, Dialect::Rfc9068, &claims);
        assert_eq!(unnamed.unwrap_err(), SigningError::NoJti);
        assert!(keys.issue(Algorithm::Es256, Dialect::Auth0, &claims).is_ok());
    }
}

#[test]
fn debug_shows_no_key() {
    let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let stored = key.seal(KeyRole::Current, &master()).unwrap();
    let shown = format!("{key:?} {stored:?} {:?}", master());
    assert_eq!(
        shown,
        format!(
            "SigningKey {{ kid: {0:?}, algorithm: EdDsa, .. }} SealedKey {{ kid: {0:?}, \
             algorithm: EdDsa, role: Current, .. }} MasterKey(redacted)",
            key.kid()
        )
    );
}
