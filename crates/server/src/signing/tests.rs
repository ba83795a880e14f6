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
    Algorithm::ALL.into_iter().flat_map(pair).collect()
}

fn pair(algorithm: Algorithm) -> [SealedKey; 2] {
    generate_pair(algorithm, ("auth.example", NOW), &master()).unwrap()
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
    let [mut first, mut second] = pair(Algorithm::Es256);
    let keys = SigningKeys::unseal(&master(), [first.clone(), second.clone()]).unwrap();
    let token = keys.issue(Algorithm::Es256, Dialect::Rfc9068, &claims()).unwrap();
    let until = NOW.plus_seconds(60);
    first.role = KeyRole::Previous { until };
    second.role = KeyRole::Current;
    let [third, _] = pair(Algorithm::Es256);
    let third = SealedKey { role: KeyRole::Next, ..third };
    let kids = [&second, &third, &first].map(|key| key.kid.clone());
    let keys = SigningKeys::unseal(&master(), [first, second, third]).unwrap();

    let listed = |set: &KeySet| set.iter().map(|key| key.kid().to_owned()).collect::<Vec<_>>();
    let before = keys.verifying_keys(NOW);
    assert_eq!(listed(&before), kids);
    assert!(verify_token(&token, &before, ISSUER).is_ok());
    let after = keys.verifying_keys(until);
    assert_eq!(after.len(), 2);
    assert_eq!(keys.jwks(until)["keys"].as_array().unwrap().len(), 2);
    assert!(matches!(verify_token(&token, &after, ISSUER), Err(TokenFault::Jws(_))));

    let fresh = keys.issue(Algorithm::Es256, Dialect::Rfc9068, &claims()).unwrap();
    assert_eq!(*verify_token(&fresh, &after, ISSUER).unwrap().kid, *kids[0]);
}

#[test]
fn the_key_set_document_shows_public_members_only() {
    let document = SigningKeys::unseal(&master(), all_keys()).unwrap().jwks(NOW);
    let listed = document["keys"].as_array().unwrap();
    assert_eq!(listed.len(), 8);
    assert_eq!(listed.iter().map(|key| &key["kid"]).collect::<HashSet<_>>().len(), 8);
    for key in listed {
        let mut names: Vec<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        let expected: &[&str] = match key["kty"].as_str().unwrap() {
            "RSA" => &["alg", "e", "kid", "kty", "n", "use", "x5c", "x5t"],
            "EC" => &["alg", "crv", "kid", "kty", "use", "x", "x5c", "x5t", "y"],
            "OKP" => &["alg", "crv", "kid", "kty", "use", "x", "x5c", "x5t"],
            other => panic!("unexpected kind {other}"),
        };
        assert_eq!(names, expected);
        assert_eq!(key["use"], json!("sig"));
    }
}

#[test]
fn a_certificate_holds_the_key_and_is_signed_by_it() {
    for algorithm in Algorithm::ALL {
        let [stored, _] = pair(algorithm);
        let key = SigningKey::unseal(&stored, &master()).unwrap();
        let certificate = key.certificate().unwrap();
        let der = rustls::pki_types::CertificateDer::from(certificate.der());
        let anchor = webpki::anchor_from_trusted_cert(&der).unwrap();
        let public = key.public_bytes();
        let info = anchor.subject_public_key_info.as_ref();
        assert!(info.windows(public.len()).any(|part| part == public), "{algorithm}");
        // Signed by itself, it can be checked with itself.
        let parsed = webpki::EndEntityCert::try_from(&der).unwrap();
        let day = std::time::Duration::from_secs(86_400);
        let anchors = [anchor];
        let verified = parsed.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &anchors,
            &[],
            rustls::pki_types::UnixTime::since_unix_epoch(day),
            webpki::KeyUsage::client_auth(),
            None,
            None,
        );
        assert!(verified.is_ok(), "{algorithm}: {:?}", verified.err());
        assert_eq!(certificate.thumbprint(), certificate.fingerprint().replace(':', ""));
        assert_eq!(certificate.thumbprint().len(), 40);
        assert!(certificate.pem().starts_with("-----BEGIN CERTIFICATE-----\r\nMII"));
        assert!(certificate.pkcs7().ends_with("\r\n-----END PKCS7-----\r\n"));
    }
}

#[test]
fn a_stored_key_opens_only_as_what_it_was_stored_as() {
    let [current, _] = pair(Algorithm::Rs256);
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
    let keys = SigningKeys::unseal(&master(), pair(Algorithm::Es256)).unwrap();
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
