use proptest::prelude::*;

use super::field::{is_value_byte, target_run, token_run, value_run};
use super::{HeadLimits, HeadScanner, Violation};

/// Scans `bytes` in pieces that end at `cuts`; gives verdict, position and heads.
fn scan_in_pieces(bytes: &[u8], cuts: &[usize]) -> (Result<(), Violation>, u64, u64) {
    let mut scanner = HeadScanner::new(HeadLimits::default());
    let mut verdict = Ok(());
    let mut from = 0;
    for to in cuts.iter().copied().chain([bytes.len()]) {
        let to = to.clamp(from, bytes.len());
        verdict = scanner.scan(&bytes[from..to]);
        assert!(scanner.clear_to() <= scanner.position().max(scanner.message_start()));
        from = to;
    }
    (verdict, scanner.position(), scanner.heads())
}

#[track_caller]
fn check(bytes: &str, expected: Result<u64, Violation>) {
    let (verdict, _, heads) = scan_in_pieces(bytes.as_bytes(), &[]);
    assert_eq!(verdict.map(|()| heads), expected, "{bytes:?}");
    let every_byte: Vec<usize> = (0..bytes.len()).collect();
    let whole = scan_in_pieces(bytes.as_bytes(), &[]);
    assert_eq!(scan_in_pieces(bytes.as_bytes(), &every_byte), whole, "{bytes:?} byte by byte");
}

#[test]
fn accepts_what_is_clear() {
    for (bytes, heads) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 1),
        ("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 1),
        ("GET / HTTP/1.0\r\n\r\n", 1),
        ("GET / HTTP/1.1\r\nhOsT:a:80 \t\r\n\r\n", 1),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", 1),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 1),
        ("BREW /pot?milk=1 HTTP/1.1\r\nHost: [::1]:80\r\nX_A: \u{e9}\r\nX:\r\n\r\n", 1),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", 2),
        (
            "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n\nabcGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            2,
        ),
        (
            "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            2,
        ),
        (
            "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked \r\n\r\n0a;x=\"y\"\r\n0123456789\r\n000\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            2,
        ),
        // What follows the last request is not looked at.
        ("GET / HTTP/1.0\r\n\r\nnonsense\n", 1),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\nnonsense\n", 1),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n", 2),
    ] {
        check(bytes, Ok(heads));
    }
}

#[test]
fn refuses_what_is_ambiguous() {
    use Violation as V;
    for (rest, violation) in [
        ("Host: b", V::Repeated),
        ("Authorization: x\r\nAuthorization: x", V::Repeated),
        ("authorization: x\r\nAUTHORIZATION: y", V::Repeated),
        ("Content-Length: 1\r\nContent-Length: 1", V::Repeated),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", V::Repeated),
        ("Content-Length: 1\r\nTransfer-Encoding: chunked", V::TransferEncoding),
        ("Transfer-Encoding: gzip, chunked", V::TransferEncoding),
        ("Transfer-Encoding: chunked;q=1", V::TransferEncoding),
        ("Transfer-Encoding:", V::TransferEncoding),
        ("Content-Length:", V::ContentLength),
        ("Content-Length: +1", V::ContentLength),
        ("Content-Length: -1", V::ContentLength),
        ("Content-Length: 1 2", V::ContentLength),
        ("Content-Length: 1, 1", V::ContentLength),
        ("Content-Length: 0x1", V::ContentLength),
        ("Content-Length: 99999999999999999999", V::ContentLength),
        ("X : 1", V::HeaderName),
        ("X\u{e9}: 1", V::HeaderName),
        (": 1", V::HeaderName),
        ("X", V::LineEnd),
        (" X: 1", V::Fold),
        ("X: 1\r\n\t2", V::Fold),
        ("X: 1\r2", V::LineEnd),
        ("X: 1\n2", V::LineEnd),
        ("X: 1\0", V::HeaderValue),
        ("X: \x7f", V::HeaderValue),
    ] {
        check(&format!("PUT / HTTP/1.1\r\nHost: a\r\n{rest}\r\n\r\n"), Err(violation));
    }
    for (line, violation) in [
        ("GET / HTTP/1.1\n", V::LineEnd),
        ("GET /\r\n", V::LineEnd),
        ("GET  / HTTP/1.1\r\n", V::Target),
        ("GET /  HTTP/1.1\r\n", V::RequestLine),
        ("GET / HTTP/1.1 \r\n", V::RequestLine),
        ("GET / http/1.1\r\n", V::RequestLine),
        ("GET / HTTP/2.0\r\n", V::Version),
        ("GET / HTTP/1.2\r\n", V::Version),
        ("GET /\u{e9} HTTP/1.1\r\n", V::Target),
        ("GET /#a HTTP/1.1\r\n", V::Target),
        ("GET http://a/ HTTP/1.1\r\n", V::Target),
        ("GET * HTTP/1.1\r\n", V::Target),
        ("OPTIONS *a HTTP/1.1\r\n", V::Target),
        ("CONNECT a:80 HTTP/1.1\r\n", V::RequestLine),
        ("CONNECT / HTTP/1.1\r\n", V::RequestLine),
        ("G(T / HTTP/1.1\r\n", V::RequestLine),
        (" GET / HTTP/1.1\r\n", V::RequestLine),
        ("\n", V::LineEnd),
        ("\r\n\r\nGET / HTTP/1.1\r\n", V::LineEnd),
    ] {
        check(&format!("{line}Host: a\r\n\r\n"), Err(violation));
    }
    check("GET / HTTP/1.1\r\n\r\n", Err(V::HostMissing));
    check("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", Err(V::HeaderValue));
    check("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", Err(V::HeaderValue));
    check("PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", Err(V::TransferEncoding));
}

#[test]
fn refuses_lenient_chunks() {
    let long_extension = format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(129));
    for body in [
        "\r\n",
        "g\r\n",
        "1 \r\na\r\n0\r\n\r\n",
        "1\na\r\n0\r\n\r\n",
        "1\r\nab\r\n0\r\n\r\n",
        "1\r\na\n0\r\n\r\n",
        "1;a=\n\r\na\r\n0\r\n\r\n",
        "123456789\r\n",
        "+1\r\na\r\n0\r\n\r\n",
        "0x1\r\na\r\n0\r\n\r\n",
        "0\r\nTrailer: 1\r\n\r\n",
        "0\r\n\n",
        &long_extension,
    ] {
        let head = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        check(&format!("{head}{body}"), Err(Violation::Chunk));
    }
}

#[test]
fn keeps_the_caps_exactly() {
    let limits = HeadLimits::default();
    let target = |bytes: usize| {
        format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(bytes.saturating_sub(1)))
    };
    check(&target(limits.target_bytes), Ok(1));
    check(&target(limits.target_bytes + 1), Err(Violation::TargetTooLong));

    let head = |bytes: usize| {
        let rest = "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n";
        rest.replace("X: ", &format!("X: {}", "a".repeat(bytes - rest.len())))
    };
    assert_eq!(head(limits.head_bytes).len(), limits.head_bytes);
    check(&head(limits.head_bytes), Ok(1));
    check(&head(limits.head_bytes + 1), Err(Violation::HeadTooLong));

    let lines =
        |count: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: 1\r\n".repeat(count - 1));
    check(&lines(limits.header_count), Ok(1));
    check(&lines(limits.header_count + 1), Err(Violation::TooManyHeaders));
}

#[test]
fn clears_only_complete_heads() {
    let mut scanner = HeadScanner::new(HeadLimits::default());
    let first = b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";
    scanner.scan(&first[..20]).unwrap();
    assert_eq!((scanner.clear_to(), scanner.in_partial_head()), (0, true));
    scanner.scan(&first[20..]).unwrap();
    assert_eq!((scanner.clear_to(), scanner.in_partial_head()), (first.len() as u64, false));
    assert!(!scanner.between_messages());
    scanner.scan(b"abcG").unwrap();
    assert_eq!(scanner.clear_to(), first.len() as u64 + 3);
    assert_eq!(scanner.message_start(), first.len() as u64 + 3);
    assert!(scanner.in_partial_head());
}

/// Pieces of requests, right and wrong, from which a stream is put together.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just("GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned()),
        2 => Just("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc".to_owned()),
        2 => Just("PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned()),
        2 => Just("3;e\r\nabc\r\n".to_owned()),
        2 => Just("0\r\n\r\n".to_owned()),
        1 => Just("OPTIONS * HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".to_owned()),
        1 => "(Host|Content-Length|Transfer-Encoding|Authorization|Connection|X): ?[ -~]{0,12}\r\n",
        1 => "(\r|\n|\r\n|:| |\0)",
        1 => "[ -~\r\n\t]{0,20}",
    ]
}

proptest! {
    #[test]
    fn the_split_does_not_matter(
        pieces in prop::collection::vec(piece(), 1..8),
        mut cuts in prop::collection::vec(0_usize..400, 0..12),
    ) {
        let bytes = pieces.concat();
        cuts.sort_unstable();
        let whole = scan_in_pieces(bytes.as_bytes(), &[]);
        prop_assert_eq!(scan_in_pieces(bytes.as_bytes(), &cuts), whole);
        let every_byte: Vec<usize> = (0..bytes.len()).collect();
        prop_assert_eq!(scan_in_pieces(bytes.as_bytes(), &every_byte), whole);
    }

    #[test]
    fn runs_of_words_are_runs_of_bytes(
        bytes in prop::collection::vec(prop_oneof![8 => b'!'..=b'~', 1 => any::<u8>()], 0..60),
    ) {
        let run = |allowed: fn(u8) -> bool| {
            bytes.iter().position(|&byte| !allowed(byte)).unwrap_or(bytes.len())
        };
        prop_assert_eq!(value_run(&bytes), run(is_value_byte));
        prop_assert_eq!(target_run(&bytes), run(|b| b.is_ascii_graphic() && b != b'#'));
        let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        prop_assert_eq!(token_run(&bytes), run(is_token));
    }

    #[test]
    fn any_bytes_are_survived(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        cut in 0_usize..300,
    ) {
        let whole = scan_in_pieces(&bytes, &[]);
        prop_assert_eq!(scan_in_pieces(&bytes, &[cut]), whole);
    }
}
