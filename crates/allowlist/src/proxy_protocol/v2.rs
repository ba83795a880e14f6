//! Version 2: binary.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{PROXY_HEADER_BYTES_MAX, ProxyError, ProxyHeader, ProxyParse};

/// How every header begins.
pub(super) const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The fixed part: signature, version and command, family and transport, length.
const HEAD_BYTES: usize = 16;

pub(super) fn parse(bytes: &[u8]) -> Result<ProxyParse, ProxyError> {
    let Some((head, rest)) = bytes.split_at_checked(HEAD_BYTES) else {
        return Ok(ProxyParse::Incomplete);
    };
    let [.., version_command, family, length_high, length_low] = head else {
        return Ok(ProxyParse::Incomplete);
    };
    if version_command >> 4 != 2 {
        return Err(ProxyError::Version);
    }
    let length = usize::from(u16::from_be_bytes([*length_high, *length_low]));
    let consumed = HEAD_BYTES.saturating_add(length);
    // Judged by what is announced, before waiting for bytes that may never come.
    if consumed > PROXY_HEADER_BYTES_MAX {
        return Err(ProxyError::TooLong);
    }
    let minimum = match version_command & 0x0f {
        // LOCAL: the proxy itself connected. The block is skipped, whatever family it claims.
        0 => 0,
        1 => address_bytes(*family)?,
        _ => return Err(ProxyError::Command),
    };
    if length < minimum {
        return Err(ProxyError::TooShort);
    }
    let Some(block) = rest.get(..length) else {
        return Ok(ProxyParse::Incomplete);
    };
    let header =
        if version_command & 0x0f == 0 { ProxyHeader::Unknown } else { addresses(*family, block)? };
    Ok(ProxyParse::Complete { header, consumed })
}

/// How many bytes the addresses of a family take. Other values must be refused.
const fn address_bytes(family: u8) -> Result<usize, ProxyError> {
    match family {
        0x00 => Ok(0),
        0x11 | 0x12 => Ok(12),
        0x21 | 0x22 => Ok(36),
        0x31 | 0x32 => Ok(216),
        _ => Err(ProxyError::Family),
    }
}

/// The addresses at the start of the block; the extensions behind them are not read.
fn addresses(family: u8, block: &[u8]) -> Result<ProxyHeader, ProxyError> {
    let short = ProxyError::TooShort;
    let (source, destination, ports) = match family {
        0x11 | 0x12 => {
            let (source, rest) = block.split_first_chunk::<4>().ok_or(short)?;
            let (destination, rest) = rest.split_first_chunk::<4>().ok_or(short)?;
            (Ipv4Addr::from(*source).into(), Ipv4Addr::from(*destination).into(), rest)
        }
        0x21 | 0x22 => {
            let (source, rest) = block.split_first_chunk::<16>().ok_or(short)?;
            let (destination, rest) = rest.split_first_chunk::<16>().ok_or(short)?;
            let canonical = |octets: [u8; 16]| IpAddr::V6(Ipv6Addr::from(octets)).to_canonical();
            (canonical(*source), canonical(*destination), rest)
        }
        _ => return Ok(ProxyHeader::Unknown),
    };
    let (source_port, rest) = ports.split_first_chunk::<2>().ok_or(short)?;
    let (destination_port, _) = rest.split_first_chunk::<2>().ok_or(short)?;
    Ok(ProxyHeader::Address {
        source: SocketAddr::new(source, u16::from_be_bytes(*source_port)),
        destination: SocketAddr::new(destination, u16::from_be_bytes(*destination_port)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(version_command: u8, family: u8, block: &[u8]) -> Vec<u8> {
        let length = u16::try_from(block.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[version_command, family], &length, block].concat()
    }

    const TCP4: [u8; 12] = [192, 0, 2, 9, 10, 0, 0, 1, 0xdc, 0x04, 0x01, 0xbb];

    #[test]
    fn every_prefix_of_a_header_is_incomplete() {
        let whole = bytes(0x21, 0x11, &[&TCP4[..], &[4, 0, 1, 0]].concat());
        for cut in 0..whole.len() {
            assert_eq!(parse(&whole[..cut]), Ok(ProxyParse::Incomplete), "{cut}");
        }
        let Ok(ProxyParse::Complete {
            header: ProxyHeader::Address { source, destination },
            consumed,
        }) = parse(&whole)
        else {
            panic!("not complete");
        };
        assert_eq!(
            (source.to_string(), destination.to_string(), consumed),
            ("192.0.2.9:56324".to_owned(), "10.0.0.1:443".to_owned(), whole.len())
        );
    }

    #[test]
    fn what_is_not_defined_is_refused() {
        for (version_command, family, expected) in [
            (0x11, 0x11, ProxyError::Version),
            (0x31, 0x11, ProxyError::Version),
            (0x22, 0x11, ProxyError::Command),
            (0x21, 0x10, ProxyError::Family),
            (0x21, 0x01, ProxyError::Family),
            (0x21, 0x13, ProxyError::Family),
            (0x21, 0x41, ProxyError::Family),
            (0x21, 0x21, ProxyError::TooShort),
        ] {
            assert_eq!(parse(&bytes(version_command, family, &TCP4)), Err(expected));
        }
        assert_eq!(parse(&bytes(0x21, 0x31, &[0; 215])), Err(ProxyError::TooShort));
    }

    #[test]
    fn a_header_without_a_client_is_unknown() {
        for (version_command, family, block) in
            [(0x20, 0x11, &TCP4[..]), (0x20, 0x00, &[]), (0x21, 0x00, &[]), (0x21, 0x31, &[0; 216])]
        {
            let header = bytes(version_command, family, block);
            let consumed = header.len();
            assert_eq!(
                parse(&header),
                Ok(ProxyParse::Complete { header: ProxyHeader::Unknown, consumed })
            );
        }
    }

    #[test]
    fn an_announced_length_is_bounded() {
        let mut head = bytes(0x21, 0x11, &[]);
        head[14..].copy_from_slice(&[0xff, 0xff]);
        assert_eq!(parse(&head), Err(ProxyError::TooLong));
        head[14..].copy_from_slice(&2033_u16.to_be_bytes());
        assert_eq!(parse(&head), Err(ProxyError::TooLong));
        head[14..].copy_from_slice(&2032_u16.to_be_bytes());
        assert_eq!(parse(&head), Ok(ProxyParse::Incomplete));
    }
}
