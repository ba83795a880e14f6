use http::header::HeaderValue;

use super::*;

/// What a request with these header lines shows, in words.
#[track_caller]
fn check(lines: &[(&'static str, &[u8])], expected: &str) {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_bytes(value).unwrap());
    }
    let mut buffer = BasicBuffer::new();
    let got = match credential(&headers, &mut buffer) {
        Ok(Credential::Pair { client, secret }) => format!("pair {client} {secret}"),
        Ok(Credential::ApiKey(key)) => format!("key {key}"),
        Ok(Credential::Token(token)) => format!("token {token}"),
        Ok(Credential::DpopToken(token)) => format!("dpop {token}"),
        Ok(Credential::Assertion(_) | Credential::Certificate(_)) => "not of this door".to_owned(),
        Err(fault) => format!("{fault:?}"),
    };
    assert_eq!(got, expected, "{lines:?}");
}

#[test]
fn each_form_is_found() {
    check(&[("authorization", b"Basic aWQ6cw==")], "pair id s");
    check(&[("authorization", b"bAsIc   aWQ6czpz")], "pair id s:s");
    check(&[("authorization", b"Bearer a.b-c_d~e+f/g==")], "token a.b-c_d~e+f/g==");
    check(&[("authorization", b"Bearer kw_live_a_b")], "key kw_live_a_b");
    check(&[("x-api-key", b"kw_live_a_b")], "key kw_live_a_b");
}

#[test]
fn two_credentials_are_none() {
    check(&[("authorization", b"Basic aWQ6cw=="), ("authorization", b"Basic aWQ6cw==")], "Several");
    check(&[("x-api-key", b"a"), ("x-api-key", b"a")], "Several");
    check(&[("authorization", b"Digest x"), ("x-api-key", b"a")], "Several");
    check(&[("authorization", b"Bearer a,Bearer b")], "MalformedBearer");
    check(&[("authorization", b"Basic aWQ6cw==,aWQ6cw==")], "MalformedBasic");
}

#[test]
fn other_places_are_not_read() {
    check(&[("cookie", b"authorization=Bearer a")], "Missing");
    check(&[("proxy-authorization", b"Bearer a")], "Missing");
    check(&[("x_api_key", b"a")], "Missing");
}

#[test]
fn bounds_are_kept() {
    let long = [b"Bearer ".as_slice(), &[b'a'; BEARER_BYTES_MAX]].concat();
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_bytes(&long).unwrap());
    assert!(credential(&headers, &mut BasicBuffer::new()).is_ok());
    check(&[("authorization", &[&long, b"a".as_slice()].concat())], "MalformedBearer");

    let pair = format!("id:{}", "s".repeat(BASIC_BYTES_MAX - 3));
    let value = format!("Basic {}", STANDARD.encode(&pair));
    check(&[("authorization", value.as_bytes())], &pair.replacen("id:", "pair id ", 1));
    let value = format!("Basic {}", STANDARD.encode(format!("{pair}s")));
    check(&[("authorization", value.as_bytes())], "MalformedBasic");
    check(&[("x-api-key", &[b'k'; 300])], "key ");
    check(&[("x-api-key", b"k\xe9")], "key ");
}

#[test]
fn malformed_ones_are_told_apart() {
    check(&[("authorization", b"Bearer =")], "MalformedBearer");
    check(&[("authorization", b"Bearer a=b")], "MalformedBearer");
    check(&[("authorization", b"Bearer\ta")], "UnknownScheme");
    check(&[("authorization", b"")], "UnknownScheme");
    check(&[("authorization", "Basic aWQ6cw==\u{a0}".as_bytes())], "MalformedBasic");
}

#[test]
fn the_token_endpoint_decodes_forms_strictly() {
    let read = |pair: &str| {
        let value = format!("Basic {}", STANDARD.encode(pair));
        basic_oauth(value.as_bytes()).map(|pair| (pair.client.clone(), pair.secret.to_string()))
    };
    assert_eq!(read("a+b:c%3Ad"), Ok(("a b".to_owned(), "c:d".to_owned())));
    for bad in ["a:%", "a:%4", "a:%zz", "a:%+1", "a:%00", "a:%0A", "a:%ff", ":s", "a:", "a"] {
        assert_eq!(read(bad), Err(CredentialFault::MalformedBasic), "{bad}");
    }
    assert!(matches!(basic_oauth(b"Bearer a"), Err(CredentialFault::UnknownScheme)));
}

#[test]
fn debug_output_has_no_secret() {
    let pair = basic_oauth(b"Basic aWQ6c2VjcmV0").unwrap();
    assert!(!format!("{pair:?}").contains("secret\""));
    assert!(!format!("{pair:?}").contains(": \"secret"));
    assert_eq!(format!("{:?}", BasicBuffer::new()), "BasicBuffer(redacted)");
}
