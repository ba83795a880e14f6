//! Project Wycheproof's vectors for JSON Web Signatures and Keys, see `jose/README.md`.
//!
//! What is invalid must be refused, always. What is valid must be accepted, but for signatures that
//! Keyward refuses on purpose: those of [`refused_on_purpose`].

#![cfg(test)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyward_core::jwk::{JwkError, KeySet, VerifyingKey};
use keyward_core::jws::{JwsFault, verify_compact};
use serde_json::Value;

/// One group of vectors: keys and the tests that use them.
struct Group(Value);

impl Group {
    fn all() -> Vec<Self> {
        let lines = include_str!("jose/wycheproof.jsonl").lines();
        lines.map(|line| Self(serde_json::from_str(line).unwrap())).collect()
    }

    fn is_of(&self, file: &str) -> bool {
        self.0["file"] == file
    }

    /// Every key as it was read, by itself.
    fn keys(&self) -> Vec<Result<VerifyingKey, JwkError>> {
        self.0["keys"].as_array().unwrap().iter().map(VerifyingKey::from_jwk).collect()
    }

    fn tests(&self) -> &[Value] {
        self.0["tests"].as_array().unwrap()
    }
}

/// The reason for which a signature is refused that others may find valid, by the `alg` of its
/// header and of the group's keys (some headers cannot be read).
fn refused_on_purpose(group: &Group, jws: &str) -> Option<&'static str> {
    let header = URL_SAFE_NO_PAD.decode(jws.split('.').next()?).ok();
    let header = header.and_then(|header| serde_json::from_slice::<Value>(&header).ok());
    let keys = group.0["keys"].as_array()?.iter();
    let mut names = header.iter().chain(keys).filter_map(|object| object["alg"].as_str());
    names.find_map(|name| match name {
        // A shared secret is no signature: who verifies could sign as well.
        "HS256" | "HS384" | "HS512" => Some("symmetric"),
        // One hash and one curve are enough, and each algorithm is one more to get wrong.
        "RS384" | "RS512" | "PS384" | "PS512" | "ES384" | "ES512" => Some("not offered"),
        _ => None,
    })
}

/// How the vectors of a file end.
#[derive(Debug, Default, PartialEq, Eq)]
struct Ends {
    accepted: usize,
    /// Invalid, because the signature is not the key's.
    refused_by_signature: usize,
    /// Invalid for any other reason.
    refused: usize,
    symmetric: usize,
    not_offered: usize,
}

/// Counts them. Those that end wrongly are told, all of them.
fn run(file: &str) -> Ends {
    let mut ends = Ends::default();
    let mut wrong = Vec::new();
    for group in Group::all().iter().filter(|group| group.is_of(file)) {
        let keys: KeySet = group.keys().into_iter().filter_map(Result::ok).collect();
        for test in group.tests() {
            let jws = test["jws"].as_str().unwrap();
            let verified = verify_compact(jws, &keys);
            let purpose = refused_on_purpose(group, jws);
            match (test["result"].as_str().unwrap(), &verified, purpose) {
                ("valid", Ok(_), _) => ends.accepted += 1,
                ("valid", Err(_), Some("symmetric")) => ends.symmetric += 1,
                ("valid", Err(_), Some("not offered")) => ends.not_offered += 1,
                ("invalid", Err(JwsFault::Signature), _) => ends.refused_by_signature += 1,
                ("invalid", Err(_), _) => ends.refused += 1,
                _ => wrong.push(format!("{}: {} {verified:?}", test["tcId"], test["comment"])),
            }
        }
    }
    assert!(wrong.is_empty(), "{file}:\n{}", wrong.join("\n"));
    ends
}

#[test]
fn signatures() {
    let ends = run("json_web_signature_test");
    let refused = ends.refused_by_signature + ends.refused;
    assert_eq!((ends.accepted, refused, ends.symmetric, ends.not_offered), (16, 355, 10, 20));
    // Most are refused for the signature, and not because no key was found for them.
    assert!(ends.refused_by_signature > 250, "{ends:?}");
}

#[test]
fn keys() {
    let ends = run("json_web_key_test");
    let refused = ends.refused_by_signature + ends.refused;
    assert_eq!((ends.accepted, refused, ends.symmetric, ends.not_offered), (1, 21, 4, 0));
}

/// Vectors of an algorithm of ours are refused for what is wrong with them, not because the key was
/// not read.
#[test]
fn good_keys_of_our_algorithms_are_read() {
    let mut read = 0;
    for group in Group::all().iter().filter(|group| group.is_of("json_web_signature_test")) {
        for (key, jwk) in group.keys().into_iter().zip(group.0["keys"].as_array().unwrap()) {
            let is_ours = matches!(jwk["alg"].as_str(), Some("RS256" | "ES256" | "PS256"));
            assert_eq!(key.is_ok(), is_ours, "{jwk}: {key:?}");
            read += usize::from(is_ours);
        }
    }
    assert_eq!(read, 9);
}

/// Why each key is refused that must be, by the group's name in the file.
#[test]
fn bad_keys_are_refused_for_what_is_wrong_with_them() {
    let faults: Vec<_> = Group::all()
        .iter()
        .filter(|group| group.is_of("json_web_key_test"))
        .flat_map(|group| {
            let name = group.0["group"].as_str().unwrap().to_owned();
            group.keys().into_iter().map(move |key| (name.clone(), key.err()))
        })
        .filter(|(name, _)| !name.starts_with("HS"))
        .collect();
    let private = Some(JwkError::Private("k"));
    let expected = [
        ("jws_mixedSymmetryKeyset", private),
        // The other key of that set, which alone would be good.
        ("jws_mixedSymmetryKeyset", None),
        ("jws_keyset", private),
        ("jws_keyset", private),
        ("jws_duplicate_kid", private),
        ("jws_duplicate_kid", private),
        ("rs256", None),
        ("rs256", Some(JwkError::Use)),
        ("jws_rsa_roca_key", Some(JwkError::Weak)),
        ("keysize_too_small", Some(JwkError::Size)),
        ("exponentOne", Some(JwkError::Exponent)),
        ("wrong_algorithm", Some(JwkError::Algorithm)),
        ("invalid_algorithm", Some(JwkError::Algorithm)),
        ("invalid_use", Some(JwkError::Use)),
        ("invalid_point", Some(JwkError::Rejected)),
        ("wrong_curve", Some(JwkError::Kind)),
        ("wrong_kty", Some(JwkError::Algorithm)),
        ("invalid_aes_gcm_key", private),
        ("invalid_aes_kw_key", private),
    ];
    let faults: Vec<_> = faults.iter().map(|(name, fault)| (name.as_str(), *fault)).collect();
    assert_eq!(faults, expected);
}
