//! One hop of a forwarding header.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longer than any address with brackets and a port.
const HOP_BYTES_MAX: usize = 64;

/// Reads `192.0.2.9`, `192.0.2.9:5555`, `2001:db8::9`, `[2001:db8::9]` or `[2001:db8::9]:443`,
/// with blanks and tabs around it, into a canonical address.
pub(super) fn plain(hop: &[u8]) -> Option<IpAddr> {
    let text = ascii(trimmed(hop))?;
    if text.bytes().filter(|byte| *byte == b':').count() > 1 && !text.starts_with('[') {
        return text.parse::<Ipv6Addr>().ok().map(|v6| IpAddr::V6(v6).to_canonical());
    }
    with_port(text, is_port)
}

/// Reads an address with an optional port, IPv6 in brackets only, into a canonical address.
pub(super) fn with_port(text: &str, is_port: fn(&str) -> bool) -> Option<IpAddr> {
    if let Some(rest) = text.strip_prefix('[') {
        let (inner, after) = rest.split_once(']')?;
        if !after.is_empty() && !is_port(after.strip_prefix(':')?) {
            return None;
        }
        return inner.parse::<Ipv6Addr>().ok().map(|v6| IpAddr::V6(v6).to_canonical());
    }
    let address = match text.split_once(':') {
        Some((address, port)) if is_port(port) => address,
        Some(_) => return None,
        None => text,
    };
    address.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
}

/// Whether this is a port number: one to five digits, at most 65535.
pub(super) fn is_port(text: &str) -> bool {
    // The digits are checked because the integer parser takes a sign.
    matches!(text.len(), 1..=5)
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && text.parse::<u16>().is_ok()
}

/// The bytes as text, if they are short enough and ASCII.
pub(super) fn ascii(bytes: &[u8]) -> Option<&str> {
    if bytes.len() > HOP_BYTES_MAX || !bytes.is_ascii() {
        return None;
    }
    std::str::from_utf8(bytes).ok()
}

/// The bytes without the optional white space (RFC 9110 §5.6.3) around them.
pub(super) fn trimmed(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_port_and_one_pair_of_brackets_are_removed() {
        for (text, expected) in [
            ("192.0.2.9", Some("192.0.2.9")),
            (" \t192.0.2.9 ", Some("192.0.2.9")),
            ("192.0.2.9:65535", Some("192.0.2.9")),
            ("2001:db8::9", Some("2001:db8::9")),
            ("[2001:db8::9]", Some("2001:db8::9")),
            ("[::ffff:192.0.2.9]:1", Some("192.0.2.9")),
            ("::ffff:c000:209", Some("192.0.2.9")),
            ("192.0.2.9:", None),
            ("192.0.2.9:65536", None),
            ("192.0.2.9:+80", None),
            ("192.0.2.9:000080", None),
            ("[192.0.2.9]:80", None),
            ("[2001:db8::9", None),
            ("[2001:db8::9]80", None),
            ("[2001:db8::9]:", None),
            ("[[2001:db8::9]]", None),
            ("2001:db8::9]:80", None),
            ("fe80::1%eth0", None),
            ("192.0.2.9, 192.0.2.8", None),
            ("", None),
        ] {
            let got = plain(text.as_bytes()).map(|ip| ip.to_string());
            assert_eq!(got.as_deref(), expected, "{text:?}");
        }
    }
}
