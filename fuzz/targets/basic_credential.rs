//! Credentials in headers: total, at most one, and what is accepted reads the same when it is
//! written again.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use keyward_core::attempt::{Credential, CredentialFault};
use keyward_gate::credential::{
    BASIC_BYTES_MAX, BASIC_OAUTH_BYTES_MAX, BEARER_BYTES_MAX, BasicBuffer, basic_oauth, credential,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    any_header(data);
    any_oauth(data);
    for scheme in [&b"Basic "[..], b"bAsIC   ", b"Bearer ", b"BEARER kw_"] {
        any_header(&[scheme, data].concat());
    }
    any_oauth(&[b"Basic ", data].concat());
    let text = String::from_utf8_lossy(data);
    let (client, secret) = text.split_once('\0').unwrap_or((&text, "s"));
    written(client, secret);
});

fn headers(lines: &[(&'static str, &HeaderValue)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, (*value).clone());
    }
    headers
}

fn any_header(value: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(value) else { return };
    let one = headers(&[("authorization", &value)]);
    let mut buffer = BasicBuffer::new();
    match credential(&one, &mut buffer) {
        Ok(Credential::Pair { client, secret }) => {
            assert!(!client.is_empty() && !client.contains(':') && !secret.is_empty());
            written(client, secret);
        }
        Ok(Credential::Token(token)) => {
            assert!(!token.is_empty() && token.len() <= BEARER_BYTES_MAX);
            assert!(value.as_bytes().ends_with(token.as_bytes()) && token.is_ascii());
        }
        Ok(Credential::DpopToken(token)) => {
            assert!(!token.is_empty() && token.len() <= BEARER_BYTES_MAX);
        }
        Ok(Credential::ApiKey(key)) => {
            assert!(key.is_empty() || value.as_bytes().ends_with(key.as_bytes()));
        }
        Ok(Credential::Assertion(_) | Credential::Certificate(_)) => {
            panic!("no header holds such a credential")
        }
        Err(fault) => assert!(
            !matches!(fault, CredentialFault::Missing | CredentialFault::Several),
            "one line is one credential"
        ),
    }
    for two in [
        headers(&[("authorization", &value), ("authorization", &value)]),
        headers(&[("authorization", &value), ("x-api-key", &value)]),
        headers(&[("x-api-key", &value), ("x-api-key", &value)]),
    ] {
        let mut buffer = BasicBuffer::new();
        assert_eq!(credential(&two, &mut buffer).err(), Some(CredentialFault::Several));
    }
}

/// On an API a pair is taken exactly as it is, or not at all.
fn written(client: &str, secret: &str) {
    let pair = format!("{client}:{secret}");
    let value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(&pair)));
    let headers = HeaderMap::from_iter([(AUTHORIZATION, value.expect("base64 is a header value"))]);
    let mut buffer = BasicBuffer::new();
    let found = credential(&headers, &mut buffer);
    let sound = !client.is_empty()
        && !pair.chars().any(char::is_control)
        && pair.len() <= BASIC_BYTES_MAX
        && pair
            .split_once(':')
            .is_some_and(|(client, rest)| !client.is_empty() && !rest.is_empty());
    match found {
        Ok(Credential::Pair { client: c, secret: s }) => {
            assert!(sound);
            assert_eq!(format!("{c}:{s}"), pair);
        }
        Ok(_) => panic!("Basic is a pair"),
        Err(fault) => {
            assert_eq!(fault, CredentialFault::MalformedBasic);
            assert!(!sound, "{pair:?} was refused");
        }
    }
}

/// At the token endpoint a pair is form-encoded first.
fn any_oauth(value: &[u8]) {
    let Ok(pair) = basic_oauth(value) else { return };
    assert!(!pair.client.is_empty() && !pair.secret.is_empty());
    assert!(!format!("{pair:?}").contains(&format!("secret: {:?}", pair.secret.as_str())));
    let encoded = format!("{}:{}", form_encoded(&pair.client), form_encoded(&pair.secret));
    if encoded.len() > BASIC_OAUTH_BYTES_MAX {
        return;
    }
    let again = basic_oauth(format!("Basic {}", STANDARD.encode(&encoded)).as_bytes());
    let again = again.expect("what was accepted is accepted again");
    assert_eq!((again.client, again.secret), (pair.client, pair.secret));
}

fn form_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
