//! Tokens: never a panic, and nothing is authentic but what the keys signed.
//!
//! The first byte picks one of four: any text; a good token with bytes changed; any payload under a
//! good signature, which reaches the claims; any header and payload under a good signature.
#![no_main]

use std::sync::LazyLock;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyward_core::id::ClientId;
use keyward_core::jwk::{KeySet, VerifyingKey};
use keyward_core::jws::verify_compact;
use keyward_core::time::Timestamp;
use keyward_core::token::{TokenFault, VerifiedToken, verify_token};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

const ISSUER: &str = "https://keyward.example/";
const ED_HEADER: &str = r#"{"alg":"EdDSA","typ":"JWT","kid":"ed"}"#;
const ED_PAYLOAD: &str = r#"{"iss":"https://keyward.example/","sub":"c1@clients","aud":["urn:a"],"iat":1,"exp":2,"gty":"client-credentials","azp":"c1"}"#;

/// A good token whose private key nobody has kept.
const ES_TOKEN: &str = "\
     eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImVzIn0.eyJpc3MiOiJodHRwczovL2tleXdhcmQu\
     ZXhhbXBsZS8iLCJzdWIiOiIwMTIzNDU2Nzg5MDEyMzQ1Njc4OSIsImF1ZCI6InVybjphcGkiLCJpYXQiOjE3MDAw\
     MDAwMDAsImV4cCI6MTgwMDAwMDAwMCwiY2xpZW50X2lkIjoiMDEyMzQ1Njc4OTAxMjM0NTY3ODkiLCJqdGkiOiJq\
     MSIsInNjb3BlIjoiYSBiIn0.YdzfHVtvH0bI44LN8Rm7Z9f7S4efCGlAWByRpP-r3_y4hlKFWz5mbrfkyemFaKIe\
     ooGIDmDLzHFKQdWrbwSTWg";
const ES_X: &str = "jw8qv1pvinZZGKDgsvXg9g043Vp9ZB45b1w_iyZlGOY";
const ES_Y: &str = "9h4Nq3AGKPdCHF46jdpViacgiTJoB05RCDKAQ0IRzMU";

struct Keys {
    private: Ed25519KeyPair,
    public: KeySet,
    ed_token: String,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let private = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a seed is 32 bytes");
    let ed_x = URL_SAFE_NO_PAD.encode(private.public_key().as_ref());
    let public = [
        json!({"kty": "EC", "crv": "P-256", "x": ES_X, "y": ES_Y, "kid": "es", "alg": "ES256"}),
        json!({"kty": "OKP", "crv": "Ed25519", "x": ed_x, "kid": "ed", "alg": "EdDSA"}),
    ];
    let public =
        public.iter().map(|jwk| VerifyingKey::from_jwk(jwk).expect("a good key")).collect();
    let ed_token = sign(&private, ED_HEADER.as_bytes(), ED_PAYLOAD.as_bytes());
    let keys = Keys { private, public, ed_token };
    for good in [&keys.ed_token, ES_TOKEN] {
        verify_token(good, &keys.public, ISSUER).expect("a good token");
    }
    keys
});

fuzz_target!(|data: &[u8]| {
    let Some((mode, rest)) = data.split_first() else { return };
    match mode % 4 {
        0 => unsigned(&String::from_utf8_lossy(rest)),
        1 => changed(rest),
        2 => signed(ED_HEADER.as_bytes(), rest),
        _ => {
            let cut = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
            signed(&rest[..cut], rest.get(cut + 1..).unwrap_or_default());
        }
    }
});

fn sign(key: &Ed25519KeyPair, header: &[u8], payload: &[u8]) -> String {
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes()));
    format!("{input}.{signature}")
}

/// What nobody signed is refused, whatever it looks like.
fn unsigned(token: &str) {
    let jws = verify_compact(token, &KEYS.public);
    let whole = verify_token(token, &KEYS.public, ISSUER);
    match jws {
        Err(fault) => assert_eq!(whole, Err(TokenFault::Jws(fault))),
        Ok(_) if token == KEYS.ed_token => assert!(whole.is_ok()),
        Ok(_) => {
            // The one thing that can change in a token is an ECDSA signature's other form, and it
            // must not be another token to revocation.
            let input = |token: &str| token.rsplit_once('.').map(|(input, _)| input.to_owned());
            assert_eq!(input(token), input(ES_TOKEN), "accepted {token}");
            let original = verify_token(ES_TOKEN, &KEYS.public, ISSUER);
            assert_eq!(whole.map(|token| token.token_id), original.map(|token| token.token_id));
        }
    }
}

/// A good token with some bytes replaced, removed or put in: three bytes of input an edit.
fn changed(edits: &[u8]) {
    let Some((which, edits)) = edits.split_first() else { return };
    let good = if which % 2 == 0 { ES_TOKEN } else { &KEYS.ed_token };
    let mut bytes = good.as_bytes().to_vec();
    for edit in edits.chunks_exact(3).take(8) {
        let at = usize::from(u16::from_be_bytes([edit[0], edit[1]])) % (bytes.len() + 1);
        match edit[0] >> 6 {
            0 if at < bytes.len() => bytes[at] = edit[2],
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 => bytes.insert(at, edit[2]),
            _ => bytes.truncate(at),
        }
    }
    unsigned(&String::from_utf8_lossy(&bytes));
}

/// Signed by a key of ours, so that only header and claims are left to judge.
fn signed(header: &[u8], payload: &[u8]) {
    let token = sign(&KEYS.private, header, payload);
    let Ok(found) = verify_token(&token, &KEYS.public, ISSUER) else { return };
    let header: Value = serde_json::from_slice(header).expect("an accepted header is JSON");
    assert_eq!((&header["alg"], &header["kid"]), (&json!("EdDSA"), &json!("ed")));
    assert!(header.get("crit").is_none());
    let claims: Value = serde_json::from_slice(payload).expect("an accepted payload is JSON");
    assert_eq!(claims["iss"], ISSUER);
    let client = found.client.to_string();
    assert_eq!(ClientId::parse(&client).as_ref(), Ok(&found.client));
    let subject = claims["sub"].as_str().expect("a subject");
    assert!(subject == client || subject.strip_suffix("@clients") == Some(&client));
    assert!(!found.audience.is_empty() && found.audience.iter().all(|name| !name.is_empty()));
    assert_eq!(found.bound, claims.get("cnf").is_some());
    judged_at_any_time(&found);
}

fn judged_at_any_time(token: &VerifiedToken) {
    for now in [i64::MIN, -1, 0, 1_700_000_000_000, i64::MAX] {
        for leeway_s in [0, 5, u32::MAX] {
            let good = token.check_time(Timestamp::from_millis(now), leeway_s).is_ok();
            assert!(!good || leeway_s > 0 || token.expires_at > Timestamp::from_millis(now));
        }
    }
}
