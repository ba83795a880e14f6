//! The PROXY line: the same answer however the bytes arrive, bounded, and written again.
#![no_main]

use keyward_allowlist::{ProxyHeader, ProxyParse, parse_proxy_header};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    check(data);
    check(&[b"PROXY ", data].concat());
});

fn check(bytes: &[u8]) {
    let whole = parse_proxy_header(bytes);
    for cut in 0..bytes.len().min(300) {
        let early = parse_proxy_header(&bytes[..cut]);
        assert!(early == Ok(ProxyParse::Incomplete) || early == whole, "after {cut} bytes");
    }
    let Ok(ProxyParse::Complete { header, consumed }) = whole else {
        return;
    };
    if bytes.starts_with(b"PROXY ") {
        assert!(consumed <= 107 && bytes[..consumed].ends_with(b"\r\n"));
    }
    if let ProxyHeader::Address { source, destination } = header {
        if source.is_ipv4() != destination.is_ipv4() {
            // One of the two was IPv4-mapped; the line has one family for both.
            return;
        }
        let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
        let line = format!(
            "PROXY {family} {} {} {} {}\r\n",
            source.ip(),
            destination.ip(),
            source.port(),
            destination.port()
        );
        let again = parse_proxy_header(line.as_bytes());
        assert_eq!(again, Ok(ProxyParse::Complete { header, consumed: line.len() }));
    }
}
