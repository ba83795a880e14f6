//! The claims of access tokens: what is written in each dialect, and what is taken.
//!
//! (`cfg(test)` tells clippy that functions outside of tests are test code too.)

#![cfg(test)]

use std::sync::LazyLock;

use keyward_core::id::ClientId;
use keyward_core::jwk::{Algorithm, KeySet};
use keyward_core::jws::JwsFault;
use keyward_core::time::Timestamp;
use keyward_core::token::{Dialect, TokenClaims, TokenFault, TokenId, VerifiedToken, verify_token};
use serde_json::{Map, Value, json};

#[expect(dead_code, reason = "shared with the other tests of tokens, which use the rest")]
#[path = "jose/keys.rs"]
mod keys;

use keys::TestKey;

const ISSUER: &str = "https://auth.example/";
const CLIENT: &str = "abcdefghijklmnopqrst";

static KEY: LazyLock<TestKey> = LazyLock::new(|| TestKey::generate("k1", Algorithm::Es256));

fn keys() -> KeySet {
    KeySet::from_iter([KEY.public()])
}

fn claims() -> TokenClaims {
    TokenClaims {
        issuer: ISSUER.into(),
        client: ClientId::parse(CLIENT).unwrap(),
        audience: "https://api.example".to_owned(),
        scope: Some("read:a write:a".to_owned()),
        issued_at_s: 1_000,
        expires_at_s: 1_600,
        jti: Some("j1".to_owned()),
        organization: None,
        permissions: None,
        cnf: None,
        extra: Map::new(),
    }
}

fn payload(dialect: Dialect) -> Value {
    serde_json::from_str(&claims().to_json(dialect)).unwrap()
}

fn verify_text(typ: &str, payload: &str) -> Result<VerifiedToken, TokenFault> {
    let header = json!({"alg": "ES256", "kid": "k1", "typ": typ}).to_string();
    verify_token(&KEY.token(&header, payload), &keys(), ISSUER)
}

fn verify(dialect: Dialect, payload: &Value) -> Result<VerifiedToken, TokenFault> {
    verify_text(dialect.typ(), &payload.to_string())
}

/// What becomes of a token with one claim changed, or taken away.
fn with(dialect: Dialect, name: &str, value: Option<Value>) -> Result<VerifiedToken, TokenFault> {
    let mut payload = payload(dialect);
    match value {
        Some(value) => payload[name] = value,
        None => {
            payload.as_object_mut().unwrap().remove(name).unwrap();
        }
    }
    verify(dialect, &payload)
}

#[test]
fn the_auth0_dialect_is_written_claim_for_claim() {
    assert_eq!(
        claims().to_json(Dialect::Auth0),
        r#"{"iss":"https://auth.example/","sub":"abcdefghijklmnopqrst@clients","aud":"https://api.example","iat":1000,"exp":1600,"scope":"read:a write:a","gty":"client-credentials","azp":"abcdefghijklmnopqrst"}"#
    );
    let bare = TokenClaims { scope: None, ..claims() };
    assert!(!bare.to_json(Dialect::Auth0).contains("scope"));
}

#[test]
fn the_rfc_9068_dialect_is_written_claim_for_claim() {
    assert_eq!(
        claims().to_json(Dialect::Rfc9068),
        r#"{"iss":"https://auth.example/","sub":"abcdefghijklmnopqrst","aud":"https://api.example","iat":1000,"exp":1600,"scope":"read:a write:a","client_id":"abcdefghijklmnopqrst","jti":"j1"}"#
    );
}

#[test]
fn further_claims_never_replace_our_own() {
    let mut extra = Map::new();
    for name in ["iss", "sub", "aud", "exp", "scope", "azp", "client_id", "jti", "cnf", "gty"] {
        assert!(TokenClaims::is_reserved(name));
        extra.insert(name.to_owned(), json!("forged"));
    }
    extra.insert("https://example/plan".to_owned(), json!({"name": "a \"b\"\n"}));
    let claims = TokenClaims {
        organization: Some(("acc_1".to_owned(), "Acme".to_owned())),
        permissions: Some(vec!["read:a".to_owned()]),
        cnf: Some(json!({"jkt": "A"})),
        extra,
        ..claims()
    };
    for dialect in [Dialect::Auth0, Dialect::Rfc9068] {
        let text = claims.to_json(dialect);
        assert!(!text.contains("forged"), "{text}");
        let written: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(written["org_id"], "acc_1");
        assert_eq!(written["org_name"], "Acme");
        assert_eq!(written["permissions"], json!(["read:a"]));
        assert_eq!(written["cnf"], json!({"jkt": "A"}));
        assert_eq!(written["https://example/plan"]["name"], "a \"b\"\n");
        assert!(verify(dialect, &written).unwrap().confirmation.is_some());
    }
}

#[test]
fn what_is_written_is_read() {
    let token = verify(Dialect::Rfc9068, &payload(Dialect::Rfc9068)).unwrap();
    let client = ClientId::parse(CLIENT).unwrap();
    assert_eq!(token.token_id, TokenId::of_jti(&client, "j1"));
    assert_eq!(token.dialect, Dialect::Rfc9068);
    assert_eq!(&*token.kid, "k1");
    assert_eq!(&*token.issuer, ISSUER);
    assert_eq!(token.client, client);
    assert_eq!(token.audience, ["https://api.example"]);
    assert_eq!(token.scope, "read:a write:a");
    assert_eq!(token.issued_at, Timestamp::from_seconds(1_000));
    assert_eq!(token.expires_at, Timestamp::from_seconds(1_600));
    assert_eq!(
        (token.not_before, token.jti.as_deref(), token.confirmation),
        (None, Some("j1"), None)
    );

    let token = verify(Dialect::Auth0, &payload(Dialect::Auth0)).unwrap();
    assert_eq!((token.dialect, token.client, token.jti), (Dialect::Auth0, client, None));
}

#[test]
fn the_type_says_the_dialect_and_nothing_else_is_an_access_token() {
    let rfc = payload(Dialect::Rfc9068).to_string();
    assert!(verify_text("application/at+jwt", &rfc).is_ok());
    for typ in ["", "jwt", "AT+JWT", "dpop+jwt", "id_token+jwt", "application/jwt", "at+jwt "] {
        assert_eq!(verify_text(typ, &rfc), Err(TokenFault::Type), "{typ}");
    }
    let untyped = KEY.token(r#"{"alg":"ES256","kid":"k1"}"#, &rfc);
    assert_eq!(verify_token(&untyped, &keys(), ISSUER), Err(TokenFault::Type));
    // Each dialect's claims under the other's type.
    assert_eq!(verify_text("JWT", &rfc), Err(TokenFault::Claim("azp")));
    let auth0 = payload(Dialect::Auth0).to_string();
    assert_eq!(verify_text("at+jwt", &auth0), Err(TokenFault::Claim("client_id")));
}

#[test]
fn every_claim_must_be_there_and_of_its_type() {
    for dialect in [Dialect::Auth0, Dialect::Rfc9068] {
        assert_eq!(with(dialect, "iss", None), Err(TokenFault::Issuer));
        for issuer in
            ["", "https://auth.example", "https://AUTH.example/", "https://auth.example//"]
        {
            assert_eq!(with(dialect, "iss", Some(json!(issuer))), Err(TokenFault::Issuer));
        }
        assert_eq!(with(dialect, "iss", Some(json!([ISSUER]))), Err(TokenFault::Claim("iss")));
        for name in ["iat", "exp"] {
            assert_eq!(with(dialect, name, None), Err(TokenFault::Claim(name)));
        }
        for name in ["iat", "exp", "nbf"] {
            let values = [
                json!("1600"),
                json!("1e400"),
                json!(null),
                json!(true),
                json!([1600]),
                json!(-1),
                json!(-0.5),
                json!(1e300),
                json!(253_402_300_800_i64),
                json!(u64::MAX),
            ];
            for value in values {
                let got = with(dialect, name, Some(value.clone()));
                // A number that no 64 bits hold is no JSON number of ours at all.
                let expected = match value.as_u64() {
                    Some(u64::MAX) => TokenFault::Payload,
                    _ => TokenFault::Claim(name),
                };
                assert_eq!(got, Err(expected), "{name} {value}");
            }
        }
        assert_eq!(with(dialect, "scope", Some(json!(["a"]))), Err(TokenFault::Claim("scope")));
        assert_eq!(with(dialect, "scope", None).unwrap().scope, "");
        assert_eq!(with(dialect, "aud", None), Err(TokenFault::Audience));
        for audience in [json!(""), json!([]), json!([""]), json!(["a", 1]), json!({}), json!(null)]
        {
            assert_eq!(with(dialect, "aud", Some(audience)), Err(TokenFault::Audience));
        }
        assert_eq!(with(dialect, "sub", None), Err(TokenFault::Claim("sub")));
        assert_eq!(with(dialect, "jti", Some(json!(7))), Err(TokenFault::Claim("jti")));
        assert_eq!(with(dialect, "jti", Some(json!(""))), Err(TokenFault::Claim("jti")));
        // Even `null`: whoever writes `cnf` means something by it.
        assert!(with(dialect, "cnf", Some(json!(null))).unwrap().confirmation.is_some());
    }
    assert_eq!(with(Dialect::Rfc9068, "jti", None), Err(TokenFault::Claim("jti")));
    for gty in [json!("client_credentials"), json!("password"), json!("")] {
        assert_eq!(with(Dialect::Auth0, "gty", Some(gty)), Err(TokenFault::Claim("gty")));
    }
    assert_eq!(with(Dialect::Auth0, "gty", None), Err(TokenFault::Claim("gty")));
}

#[test]
fn subject_and_client_must_be_one() {
    let subject = Err(TokenFault::Subject);
    let (auth0, rfc) = (Dialect::Auth0, Dialect::Rfc9068);
    assert_eq!(with(rfc, "sub", Some(json!("somebody"))), subject);
    assert_eq!(with(rfc, "sub", Some(json!(format!("{CLIENT}@clients")))), subject);
    assert_eq!(with(rfc, "client_id", Some(json!("somebody"))), subject);
    assert_eq!(with(rfc, "azp", Some(json!("somebody"))), subject);
    assert!(with(rfc, "azp", Some(json!(CLIENT))).is_ok());
    assert_eq!(
        with(rfc, "client_id", Some(json!("no such id"))),
        Err(TokenFault::Claim("client_id"))
    );
    assert_eq!(with(auth0, "sub", Some(json!(CLIENT))), subject);
    assert_eq!(with(auth0, "sub", Some(json!("auth0|user"))), subject);
    assert_eq!(with(auth0, "azp", Some(json!("somebody"))), subject);
    assert_eq!(with(auth0, "client_id", Some(json!("somebody"))), subject);
}

#[test]
fn a_payload_is_one_object_with_every_member_once() {
    let good = payload(Dialect::Rfc9068).to_string();
    let inner = good.trim_start_matches('{');
    for text in [
        format!(r#"{{"iss":"x",{inner}"#),
        format!(r#"{{"\u0069ss":"x",{inner}"#),
        format!(r#"{{"other":{{"a":1,"a":1}},{inner}"#),
        format!(r#"{{"other":{}1{},{inner}"#, "[".repeat(40), "]".repeat(40)),
        format!(r#"{{"other":1e400,{inner}"#),
        format!("{good}{good}"),
        format!("[{good}]"),
        String::new(),
        "null".to_owned(),
    ] {
        assert_eq!(verify_text("at+jwt", &text), Err(TokenFault::Payload), "{text}");
    }
    let forged = TestKey::generate("k1", Algorithm::Es256);
    let token = forged.token(r#"{"alg":"ES256","kid":"k1","typ":"at+jwt"}"#, &good);
    let refused = verify_token(&token, &keys(), ISSUER);
    assert_eq!(refused, Err(TokenFault::Jws(JwsFault::Signature)));
}

#[test]
fn time_is_judged_to_the_millisecond_and_with_leeway() {
    let token = |name: &str, value: Value| with(Dialect::Rfc9068, name, Some(value)).unwrap();
    let at =
        |token: &VerifiedToken, ms, leeway| token.check_time(Timestamp::from_millis(ms), leeway);
    let (expired, early) = (Err(TokenFault::Expired), Err(TokenFault::NotYetValid));

    let plain = token("exp", json!(1600));
    assert_eq!(at(&plain, 1_599_999, 0), Ok(()));
    assert_eq!(at(&plain, 1_600_000, 0), expired);
    assert_eq!(at(&plain, 1_604_999, 5), Ok(()));
    assert_eq!(at(&plain, 1_605_000, 5), expired);
    assert_eq!(at(&plain, 999_999, 0), early, "before it was issued");
    assert_eq!(at(&plain, 995_000, 5), Ok(()));

    let fraction = token("exp", json!(1600.5));
    assert_eq!(fraction.expires_at, Timestamp::from_millis(1_600_500));
    assert_eq!(at(&fraction, 1_600_499, 0), Ok(()));
    assert_eq!(at(&fraction, 1_600_500, 0), expired);

    let later = token("nbf", json!(1200));
    assert_eq!(at(&later, 1_199_999, 0), early);
    assert_eq!(at(&later, 1_200_000, 0), Ok(()));
    assert_eq!(at(&later, 1_195_000, 5), Ok(()));
    let never = token("exp", json!(0));
    assert_eq!(at(&never, 0, 0), expired);
}

#[test]
fn audiences_are_compared_whole() {
    let audience = json!(["https://other.example", "https://api.example"]);
    let token = with(Dialect::Rfc9068, "aud", Some(audience)).unwrap();
    assert!(token.has_audience("https://api.example"));
    for other in ["https://api.example/", "https://api.exampl", "", "https://API.example"] {
        assert!(!token.has_audience(other), "{other}");
    }
}

#[test]
fn a_tokens_identity_is_its_own() {
    let (one, two) = (ClientId::parse(CLIENT).unwrap(), ClientId::parse("other").unwrap());
    assert_ne!(TokenId::of_jti(&one, "j"), TokenId::of_jti(&two, "j"));
    assert_ne!(TokenId::of_jti(&one, "j"), TokenId::of_jti(&one, "k"));
    assert_eq!(TokenId([0xab; 16]).to_string(), "ab".repeat(16));

    // Without `jti` it is what was signed, whatever the signature.
    let text = payload(Dialect::Auth0).to_string();
    let first = verify_text("JWT", &text).unwrap().token_id;
    assert_eq!(verify_text("JWT", &text).unwrap().token_id, first);
    let other = with(Dialect::Auth0, "iat", Some(json!(1_001))).unwrap().token_id;
    assert_ne!(other, first);
}
