//! Version 1: one line of text.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{ProxyError, ProxyHeader, ProxyParse};

/// How every line begins.
pub(super) const PREFIX: &[u8] = b"PROXY ";
/// The longest line, its CRLF included.
const LINE_BYTES_MAX: usize = 107;

pub(super) fn parse(bytes: &[u8]) -> Result<ProxyParse, ProxyError> {
    let window = bytes.get(..LINE_BYTES_MAX).unwrap_or(bytes);
    let Some(end) = window.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else {
        return if window.len() < LINE_BYTES_MAX {
            Ok(ProxyParse::Incomplete)
        } else {
            Err(ProxyError::TooLong)
        };
    };
    let (line, rest) = window.split_at_checked(end).ok_or(ProxyError::Line)?;
    match rest {
        [b'\r', b'\n', ..] => {
            let line = std::str::from_utf8(line).map_err(|_| ProxyError::Line)?;
            let header = header(line).ok_or(ProxyError::Line)?;
            Ok(ProxyParse::Complete { header, consumed: end.saturating_add(2) })
        }
        [b'\r'] if window.len() < LINE_BYTES_MAX => Ok(ProxyParse::Incomplete),
        [b'\r'] => Err(ProxyError::TooLong),
        _ => Err(ProxyError::Line),
    }
}

/// Reads the line without its end: fields with exactly one blank between them.
fn header(line: &str) -> Option<ProxyHeader> {
    let mut fields = line.split(' ');
    if fields.next()? != "PROXY" {
        return None;
    }
    let parse: fn(&str) -> Option<IpAddr> = match fields.next()? {
        // What follows UNKNOWN must be ignored, whatever it is.
        "UNKNOWN" => return Some(ProxyHeader::Unknown),
        "TCP4" => |text| text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        "TCP6" => |text| text.parse::<Ipv6Addr>().ok().map(|v6| IpAddr::V6(v6).to_canonical()),
        _ => return None,
    };
    let (source, destination) = (parse(fields.next()?)?, parse(fields.next()?)?);
    let (source_port, destination_port) = (port(fields.next()?)?, port(fields.next()?)?);
    if fields.next().is_some() {
        return None;
    }
    Some(ProxyHeader::Address {
        source: SocketAddr::new(source, source_port),
        destination: SocketAddr::new(destination, destination_port),
    })
}

/// A port: digits without a leading zero, at most 65535.
fn port(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let padded = text.len() > 1 && text.starts_with('0');
    if plain && !padded { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_only_in_the_exact_form() {
        let source = |line: &str| match parse(line.as_bytes()) {
            Ok(ProxyParse::Complete { header: ProxyHeader::Address { source, .. }, .. }) => {
                source.to_string()
            }
            other => format!("{other:?}"),
        };
        assert_eq!(source("PROXY TCP4 192.0.2.9 10.0.0.1 0 443\r\n"), "192.0.2.9:0");
        assert_eq!(source("PROXY TCP6 2001:db8::9 ::1 1 2\r\n"), "[2001:db8::9]:1");
        assert_eq!(source("PROXY TCP6 ::ffff:192.0.2.9 ::1 1 2\r\n"), "192.0.2.9:1");
        for bad in [
            "PROXY TCP4 192.0.2.9 10.0.0.1 1 2\n",
            "PROXY TCP4 192.0.2.9 10.0.0.1 1 2\r\r\n",
            "PROXY TCP4 192.0.2.9 10.0.0.1 1 2 \r\n",
            "PROXY TCP4 192.0.2.9 10.0.0.1 1 2 3\r\n",
            "PROXY TCP4 192.0.2.9 10.0.0.1 1\r\n",
            "PROXY TCP4 192.0.2.9 10.0.0.1 01 2\r\n",
            "PROXY TCP4 192.0.2.9 10.0.0.1 +1 2\r\n",
            "PROXY TCP4 192.0.2.9 10.0.0.1 65536 2\r\n",
            "PROXY TCP6 192.0.2.9 10.0.0.1 1 2\r\n",
            "PROXY tcp4 192.0.2.9 10.0.0.1 1 2\r\n",
            "PROXY UDP4 192.0.2.9 10.0.0.1 1 2\r\n",
            "PROXY UNKNOWNX\r\n",
            "PROXY \r\n",
        ] {
            assert_eq!(parse(bad.as_bytes()), Err(ProxyError::Line), "{bad:?}");
        }
    }

    #[test]
    fn a_line_ends_within_107_bytes() {
        let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LINE_BYTES_MAX - 16));
        assert_eq!(longest.len(), LINE_BYTES_MAX);
        assert!(matches!(
            parse(longest.as_bytes()),
            Ok(ProxyParse::Complete { header: ProxyHeader::Unknown, consumed: LINE_BYTES_MAX })
        ));
        for cut in 0..LINE_BYTES_MAX {
            assert_eq!(parse(&longest.as_bytes()[..cut]), Ok(ProxyParse::Incomplete), "{cut}");
        }
        let longer = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LINE_BYTES_MAX - 15));
        assert_eq!(parse(longer.as_bytes()), Err(ProxyError::TooLong));
    }
}
