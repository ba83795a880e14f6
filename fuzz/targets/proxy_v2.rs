//! The binary PROXY header: the same answer however the bytes arrive, bounded, and never believed
//! for LOCAL.
#![no_main]

use keyward_allowlist::{PROXY_HEADER_BYTES_MAX, ProxyHeader, ProxyParse, parse_proxy_header};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    check(&[b"\r\n\r\n\0\r\nQUIT\n", data].concat());
    check(&[b"\r\n\r\n\0\r\nQUIT\n\x21\x11", data].concat());
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
    let announced = usize::from(u16::from_be_bytes([bytes[14], bytes[15]]));
    assert_eq!(consumed, 16 + announced);
    assert!(consumed <= PROXY_HEADER_BYTES_MAX && consumed <= bytes.len());
    assert_eq!(bytes[12] >> 4, 2);
    match header {
        ProxyHeader::Address { source, destination } => {
            assert_eq!(bytes[12] & 0x0f, 1, "only the PROXY command carries a client");
            for address in [source.ip(), destination.ip()] {
                assert_eq!(address, address.to_canonical());
            }
        }
        ProxyHeader::Unknown => {
            assert!(bytes[12] & 0x0f == 0 || matches!(bytes[13] >> 4, 0 | 3));
        }
    }
}
