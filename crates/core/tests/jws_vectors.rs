//! JWS and JWK against the vectors of the RFCs, and against hostile tokens of the kinds that have
//! broken other libraries (algorithm confusion, forged signatures, sloppy encodings).
//!
//! (`cfg(test)` tells clippy that functions outside of tests are test code too.)

#![cfg(test)]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use keyward_core::jwk::{Algorithm, JwkError, KeySet, VerifyingKey};
use keyward_core::jws::{
    JwsFault, TOKEN_BYTES_MAX, attach_signature, encode_header, signing_input, verify_compact,
};
use serde_json::{Value, json};

#[expect(dead_code, reason = "shared with the other tests of tokens, which use the rest")]
#[path = "jose/keys.rs"]
mod keys;

use keys::{TestKey, base64url};

static KEYS: LazyLock<[TestKey; 4]> = LazyLock::new(|| {
    [
        TestKey::generate("rsa", Algorithm::Rs256),
        TestKey::generate("ec", Algorithm::Es256),
        TestKey::generate("pss", Algorithm::Ps256),
        TestKey::generate("okp", Algorithm::EdDsa),
    ]
});

fn key(algorithm: Algorithm) -> &'static TestKey {
    KEYS.iter().find(|key| key.algorithm == algorithm).unwrap()
}

fn set() -> KeySet {
    KEYS.iter().map(TestKey::public).collect()
}

fn fault(token: &str) -> JwsFault {
    verify_compact(token, &set()).expect_err(token)
}

/// RFC 7515 §A.2.1, the public half.
fn rfc7515_rsa() -> Value {
    json!({"kty": "RSA", "e": "AQAB", "alg": "RS256", "n": concat!(
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0",
        "Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXnd",
        "S5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5Ihl",
        "JH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ")})
}

const RFC7515_PAYLOAD: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

/// Checks a vector, and that neither another message nor another signature passes.
fn check_vector(jwk: &Value, signing_input: &str, signature: &str) {
    let key = VerifyingKey::from_jwk(jwk).unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    assert!(key.verifies(signing_input.as_bytes(), &bytes));
    assert!(!key.verifies(format!("{signing_input}A").as_bytes(), &bytes));
    for place in [0, bytes.len() / 2, bytes.len() - 1] {
        let mut other = bytes.clone();
        other[place] ^= 1;
        assert!(!key.verifies(signing_input.as_bytes(), &other));
    }
    // The RFCs' headers have no `kid`. Keyward never guesses a key.
    let token = format!("{signing_input}.{signature}");
    assert_eq!(verify_compact(&token, &KeySet::from_iter([key])), Err(JwsFault::UnknownKey));
}

#[test]
fn rfc7515_a2_rs256() {
    check_vector(
        &rfc7515_rsa(),
        &format!("eyJhbGciOiJSUzI1NiJ9.{RFC7515_PAYLOAD}"),
        concat!(
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O",
            "8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARN",
            "PvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ",
            "1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
        ),
    );
}

#[test]
fn rfc7515_a3_es256() {
    check_vector(
        &json!({"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}),
        &format!("eyJhbGciOiJFUzI1NiJ9.{RFC7515_PAYLOAD}"),
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    );
}

#[test]
fn rfc8037_a4_eddsa() {
    let jwk = json!({"kty": "OKP", "crv": "Ed25519",
                     "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    check_vector(
        &jwk,
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
    );
    // RFC 8037 §A.3: the same key's thumbprint, which is its id when it has no other.
    let key = VerifyingKey::from_jwk(&jwk).unwrap();
    assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn rfc7638_thumbprint() {
    let jwk = json!({"kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29", "n": concat!(
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJ",
        "ECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW",
        "2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQ",
        "Fh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw")});
    let expected = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
    assert_eq!(VerifyingKey::thumbprint(&jwk).unwrap(), expected);
    assert_eq!(VerifyingKey::from_jwk(&jwk).unwrap().kid(), "2011-04-29");
}

#[test]
fn every_algorithm_verifies_what_it_signed() {
    for algorithm in Algorithm::ALL {
        let key = key(algorithm);
        let header = encode_header(algorithm, "at+jwt", key.kid);
        let input = signing_input(&header, b"payload");
        let token = attach_signature(input.clone(), &key.sign(&input));
        let verified = verify_compact(&token, &set()).unwrap();
        assert_eq!(&*verified.kid, key.kid);
        assert_eq!(verified.algorithm, algorithm);
        assert_eq!(verified.typ.as_deref(), Some("at+jwt"));
        assert_eq!(verified.payload, b"payload");
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, input.as_bytes());
        assert_eq!(verified.signing_input_digest, digest.as_ref());
        assert_eq!(Algorithm::parse(algorithm.name()), Some(algorithm));
    }
    // Headers are text like any other.
    let odd = encode_header(Algorithm::Es256, "a\"b\\\n", "ü");
    let read: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(odd).unwrap()).unwrap();
    assert_eq!(read, json!({"alg": "ES256", "typ": "a\"b\\\n", "kid": "ü"}));
}

#[test]
fn the_key_decides_the_algorithm() {
    // Every key under every other algorithm's name.
    for key in KEYS.iter() {
        for other in Algorithm::ALL.into_iter().filter(|other| *other != key.algorithm) {
            let header = format!(r#"{{"alg":"{other}","kid":"{}"}}"#, key.kid);
            assert_eq!(fault(&key.token(&header, "x")), JwsFault::AlgorithmMismatch);
        }
    }
    for name in ["none", "None", "NONE", "", "HS256", "RS1", "ES384", "es256", "ES256 ", "EdDSA\0"]
    {
        let header = json!({"alg": name, "kid": "ec"}).to_string();
        assert_eq!(
            fault(&key(Algorithm::Es256).token(&header, "x")),
            JwsFault::Algorithm,
            "{name}"
        );
    }
    assert_eq!(fault(&key(Algorithm::Es256).token(r#"{"kid":"ec"}"#, "x")), JwsFault::Algorithm);
    // The same RSA numbers with the other padding are another key.
    let mut pss = key(Algorithm::Rs256).jwk();
    pss["alg"] = json!("PS256");
    let pss = KeySet::from_iter([VerifyingKey::from_jwk(&pss).unwrap()]);
    let token = key(Algorithm::Rs256).token(r#"{"alg":"PS256","kid":"rsa"}"#, "x");
    assert_eq!(verify_compact(&token, &pss), Err(JwsFault::Signature));
}

#[test]
fn headers_that_are_not_as_they_must_be() {
    let key = key(Algorithm::Es256);
    let cases = [
        (r#"{"alg":"ES256"}"#, JwsFault::UnknownKey),
        (r#"{"alg":"ES256","kid":""}"#, JwsFault::UnknownKey),
        (r#"{"alg":"ES256","kid":"EC"}"#, JwsFault::UnknownKey),
        (r#"{"alg":"ES256","kid":"ec "}"#, JwsFault::UnknownKey),
        (r#"{"alg":"ES256","kid":"ec\u0000"}"#, JwsFault::UnknownKey),
        (r#"{"alg":"ES256","kid":null}"#, JwsFault::Header),
        (r#"{"alg":"ES256","kid":["ec"]}"#, JwsFault::Header),
        (r#"{"alg":["ES256"],"kid":"ec"}"#, JwsFault::Header),
        (r#"{"alg":null,"kid":"ec"}"#, JwsFault::Header),
        (r#"{"alg":"ES256","kid":"ec","typ":1}"#, JwsFault::Header),
        (r#"{"alg":"ES256","kid":"ec","crit":["exp"],"exp":1}"#, JwsFault::Critical),
        (r#"{"alg":"ES256","kid":"ec","crit":[]}"#, JwsFault::Critical),
        (r#"{"alg":"ES256","kid":"ec","crit":null}"#, JwsFault::Critical),
        (r#"{"alg":"ES256","kid":"ec","kid":"ec"}"#, JwsFault::DuplicateMember),
        (r#"{"alg":"ES256","kid":"ec","\u0061lg":"none"}"#, JwsFault::DuplicateMember),
        (r#"{"alg":"ES256","kid":"ec","jwk":{"a":1,"a":2}}"#, JwsFault::DuplicateMember),
        (r#"{"alg":"ES256","kid":"ec"}{}"#, JwsFault::Header),
        (r#"["ES256","ec"]"#, JwsFault::Header),
        (r#""ES256""#, JwsFault::Header),
        ("{", JwsFault::Header),
        ("", JwsFault::Malformed),
    ];
    for (header, expected) in cases {
        assert_eq!(fault(&key.token(header, "x")), expected, "{header}");
    }
    // Unknown members, and those that would bring a key along, are not looked at.
    let ignored =
        r#"{"alg":"ES256","kid":"ec","jku":"https://evil.example","x5c":[7],"b64":false}"#;
    assert!(verify_compact(&key.token(ignored, "x"), &set()).is_ok());
    let deep =
        format!(r#"{{"alg":"ES256","kid":"ec","x":{}1{}}}"#, "[".repeat(500), "]".repeat(500));
    assert_eq!(fault(&key.token(&deep, "x")), JwsFault::Header);
}

#[test]
fn signatures_that_are_not_the_keys() {
    for key in KEYS.iter() {
        let header = format!(r#"{{"alg":"{}","kid":"{}"}}"#, key.algorithm, key.kid);
        let input = keys::signing_input(&header, "payload");
        let good = key.sign(&input);
        let with = |signature: &[u8]| attach_signature(input.clone(), signature);
        assert!(verify_compact(&with(&good), &set()).is_ok());

        let refused = |signature: &[u8]| assert_eq!(fault(&with(signature)), JwsFault::Signature);
        refused(&[]);
        refused(&vec![0; good.len()]);
        refused(&vec![0xff; good.len()]);
        refused(&good[..good.len() - 1]);
        refused(&[&good[..], &[0]].concat());
        refused(&[&[0], &good[..]].concat());
        refused(&[&good[..], &good[..]].concat());
        let stranger = TestKey::generate("other", key.algorithm);
        refused(&stranger.sign(&input));
        refused(&key.sign(&format!("{input}x")));
        for bit in 0..8 {
            let mut flipped = good.clone();
            flipped[bit * 7] ^= 1 << bit;
            refused(&flipped);
        }
        // Another payload under the good signature.
        let moved = attach_signature(keys::signing_input(&header, "payloae"), &good);
        assert_eq!(fault(&moved), JwsFault::Signature);
    }
    let ec = key(Algorithm::Es256);
    let input = keys::signing_input(r#"{"alg":"ES256","kid":"ec"}"#, "payload");
    assert_eq!(fault(&attach_signature(input.clone(), &ec.sign_der(&input))), JwsFault::Signature);
}

#[test]
fn an_ecdsa_signature_can_be_changed_by_anybody_but_the_identity_stays() {
    // s and n - s are both valid (SEC 1 §4.1.4): why no identity is made of signature bytes.
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
        0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let key = key(Algorithm::Es256);
    let input = keys::signing_input(r#"{"alg":"ES256","kid":"ec"}"#, "payload");
    let signature = key.sign(&input);
    let mut twin = signature.clone();
    let mut borrow = 0;
    for place in (0..32).rev() {
        let difference = i16::from(ORDER[place]) - i16::from(signature[32 + place]) - borrow;
        borrow = i16::from(difference < 0);
        twin[32 + place] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    assert_ne!(twin, signature);
    let one = verify_compact(&attach_signature(input.clone(), &signature), &set()).unwrap();
    let other = verify_compact(&attach_signature(input, &twin), &set()).unwrap();
    assert_eq!(one, other);
}

#[test]
fn base64url_is_strict() {
    let key = key(Algorithm::Es256);
    let header = base64url(br#"{"alg":"ES256","kid":"ec"}"#);
    let sign = |input: &str| base64url(&key.sign(input));
    let good = |payload: &str| {
        let input = format!("{header}.{payload}");
        let signature = sign(&input);
        format!("{input}.{signature}")
    };
    assert!(verify_compact(&good("eA"), &set()).is_ok());
    assert!(verify_compact(&good(""), &set()).is_ok(), "an empty payload is a payload");
    // Padding, white space, bits that say nothing, an impossible length, foreign letters: each in the
    // payload, correctly signed.
    for payload in ["eA==", "eA\n", " eA", "eB", "e", "eA+_", "eA/_", "é", "eA\u{0}"] {
        assert_eq!(fault(&good(payload)), JwsFault::Malformed, "{payload:?}");
    }
    let input = format!("{header}.eA");
    let signature = key.sign(&input);
    let padded = format!("{input}.{}", URL_SAFE.encode(&signature));
    assert_eq!(fault(&padded), JwsFault::Signature);
    let ordinary = (0..1000).map(|_| STANDARD_NO_PAD.encode(key.sign(&input)));
    let ordinary = ordinary.into_iter().find(|text| text.contains(['+', '/'])).unwrap();
    assert_eq!(fault(&format!("{input}.{ordinary}")), JwsFault::Signature);
    // 64 bytes end in four bits that say nothing: all sixteen spellings but one are refused.
    let text = base64url(&signature);
    let (last, kept) = (text.chars().last().unwrap(), &text.as_bytes()[..text.len() - 1]);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for other in alphabet.chars().filter(|other| *other != last) {
        let kept = String::from_utf8(kept.to_vec()).unwrap();
        assert_eq!(fault(&format!("{input}.{kept}{other}")), JwsFault::Signature);
    }
}

#[test]
fn forms_that_are_no_compact_token() {
    let good = key(Algorithm::Es256).token(r#"{"alg":"ES256","kid":"ec"}"#, "x");
    for text in ["", ".", "..", "a", "a.b", "a.b.c.d", "a.b.c.d.e", ".a.b", "{\"payload\":\"x\"}"] {
        assert_eq!(fault(text), JwsFault::Malformed, "{text}");
    }
    assert_eq!(fault(&format!("{good}.")), JwsFault::Malformed);
    assert_eq!(fault(&format!(" {good}")), JwsFault::Malformed);
    assert_eq!(fault(&format!("{good}\n")), JwsFault::Signature);
    let without_signature = good.rsplit_once('.').unwrap().0;
    assert_eq!(fault(without_signature), JwsFault::Malformed);
    assert_eq!(fault(&format!("{without_signature}.")), JwsFault::Signature);
    assert_eq!(fault(&".".repeat(TOKEN_BYTES_MAX)), JwsFault::Malformed);
    assert_eq!(fault(&".".repeat(TOKEN_BYTES_MAX + 1)), JwsFault::TooLong);
    assert_eq!(fault(&"a".repeat(100_000)), JwsFault::TooLong);
}

#[test]
fn public_keys_that_are_not_taken() {
    let rsa = rfc7515_rsa();
    let ec = key(Algorithm::Es256).jwk();
    let okp = key(Algorithm::EdDsa).jwk();
    let refused = |jwk: &Value| VerifyingKey::from_jwk(jwk).unwrap_err();
    let with = |jwk: &Value, name: &str, value: Value| {
        let mut jwk = jwk.clone();
        jwk[name] = value;
        refused(&jwk)
    };
    let without = |jwk: &Value, name: &str| {
        let mut jwk = jwk.clone();
        jwk.as_object_mut().unwrap().remove(name);
        refused(&jwk)
    };
    assert_eq!(refused(&json!([])), JwkError::NotAnObject);
    assert_eq!(without(&rsa, "kty"), JwkError::Missing("kty"));
    assert_eq!(without(&rsa, "n"), JwkError::Missing("n"));
    assert_eq!(without(&rsa, "alg"), JwkError::Algorithm);
    assert_eq!(with(&rsa, "alg", json!("RS512")), JwkError::Algorithm);
    assert_eq!(with(&ec, "alg", json!("EdDSA")), JwkError::Algorithm);
    assert_eq!(with(&okp, "alg", json!("ES256")), JwkError::Algorithm);
    assert_eq!(with(&ec, "kty", json!("oct")), JwkError::Kind);
    assert_eq!(with(&ec, "crv", json!("P-384")), JwkError::Kind);
    assert_eq!(with(&okp, "crv", json!("X25519")), JwkError::Kind);
    assert_eq!(with(&ec, "x", json!(7)), JwkError::NotText("x"));
    assert_eq!(with(&ec, "x", json!("a=")), JwkError::Encoding("x"));
    assert_eq!(with(&ec, "x", json!("AA")), JwkError::Size);
    assert_eq!(with(&ec, "y", ec["x"].clone()), JwkError::Rejected);
    assert_eq!(with(&ec, "y", json!(base64url(&[0; 32]))), JwkError::Rejected);
    assert_eq!(with(&okp, "x", json!("AAAA")), JwkError::Size);
    assert_eq!(with(&ec, "use", json!("enc")), JwkError::Use);
    assert_eq!(with(&ec, "key_ops", json!(["sign"])), JwkError::Use);
    assert_eq!(with(&ec, "kid", json!("")), JwkError::KeyId);
    assert_eq!(with(&ec, "kid", json!("k".repeat(257))), JwkError::KeyId);
    assert_eq!(with(&ec, "d", json!("AA")), JwkError::Private("d"));
    assert_eq!(with(&ec, "k", json!("AA")), JwkError::Private("k"));

    let modulus = |bytes: &[u8]| with(&rsa, "n", json!(base64url(bytes)));
    assert_eq!(modulus(&[]), JwkError::Size);
    assert_eq!(modulus(&[0xff; 128]), JwkError::Size);
    assert_eq!(modulus(&[0xff; 513]), JwkError::Size);
    assert_eq!(modulus(&[&[0x7f][..], &[0xff; 255]].concat()), JwkError::Size);
    assert_eq!(modulus(&[&[0][..], &[0xff; 256]].concat()), JwkError::Size);
    assert_eq!(modulus(&[0xfe; 256]), JwkError::Rejected);
    for exponent in [&[][..], &[1], &[3], &[1, 0, 0], &[0, 1, 0, 1], &[0xff; 8], &[0xff; 9]] {
        assert_eq!(with(&rsa, "e", json!(base64url(exponent))), JwkError::Exponent);
    }
}

#[test]
fn a_key_set_lists_each_id_once_and_in_order() {
    let twin = TestKey::generate("ec", Algorithm::Es256);
    let public = KEYS.iter().map(TestKey::public).chain([twin.public()]);
    let set: KeySet = public.collect();
    assert_eq!(set.len(), 4);
    assert!(!set.is_empty() && KeySet::default().is_empty());
    let kids: Vec<&str> = set.iter().map(|key| key.kid()).collect();
    assert_eq!(kids, ["rsa", "ec", "pss", "okp"]);
    let header = r#"{"alg":"ES256","kid":"ec"}"#;
    assert_eq!(verify_compact(&twin.token(header, "x"), &set), Err(JwsFault::Signature));

    let document = set.jwks();
    assert_eq!(document["keys"][1]["x"], key(Algorithm::Es256).jwk()["x"]);
    assert_eq!(document["keys"][1]["use"], json!("sig"));
    for listed in document["keys"].as_array().unwrap() {
        // What is published reads back as the same key.
        assert_eq!(&VerifyingKey::from_jwk(listed).unwrap().jwk(), listed);
    }
    let shown = format!("{:?}", set.get("ec").unwrap());
    assert_eq!(shown, r#"VerifyingKey { kid: "ec", algorithm: Es256, .. }"#);
}
