//! Why a text that is not an address or an entry is none. Only runs when parsing has failed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{ADDRESS_BYTES_MAX, ENTRY_BYTES_MAX, acceptable, literal};
use crate::error::ParseErrorKind;
use crate::network::Network;

/// What is wrong with `entry`, which is not empty and has no blanks around it.
pub(super) fn entry(entry: &str) -> ParseErrorKind {
    let head = entry.as_bytes().get(..ENTRY_BYTES_MAX).unwrap_or(entry.as_bytes());
    if !head.is_ascii() {
        return ParseErrorKind::NonAscii;
    }
    if holds_several(head) {
        return ParseErrorKind::MultipleEntries;
    }
    if entry.len() > ENTRY_BYTES_MAX {
        return ParseErrorKind::TooLong;
    }
    let Some((address, length)) = entry.split_once('/') else {
        return self::address(entry);
    };
    let Some(network) = literal(address) else {
        let blank = address.is_empty() || address.contains([' ', '\t', '\r']);
        return if blank { ParseErrorKind::Address } else { self::address(address) };
    };
    if is_mask(length) {
        return ParseErrorKind::Netmask { suggestion: from_mask(network, length) };
    }
    ParseErrorKind::Prefix
}

/// Whether there is a separator of entries, or a second address after a blank.
fn holds_several(text: &[u8]) -> bool {
    // What follows a `#` is a comment, which an entry may not have, but it is not an entry either.
    let text = text.split(|byte| *byte == b'#').next().unwrap_or(text);
    let looks_like_address = |word: &&[u8]| {
        word.first().is_some_and(u8::is_ascii_hexdigit)
            && word.iter().any(|byte| matches!(byte, b'.' | b':'))
    };
    text.iter().any(|byte| matches!(byte, b',' | b';' | b'\n'))
        || text.split(u8::is_ascii_whitespace).filter(looks_like_address).count() > 1
}

/// Whether what stands after the slash is a mask rather than a wrong length.
fn is_mask(length: &str) -> bool {
    let dotted = length.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && length.bytes().filter(|byte| *byte == b'.').count() > 1;
    dotted || length.parse::<Ipv6Addr>().is_ok()
}

/// The network that an address with a netmask or a wildcard mask stands for.
fn from_mask(address: IpAddr, mask: &str) -> Option<Network> {
    let (mask, width) = match (address, literal(mask)?) {
        (IpAddr::V4(_), IpAddr::V4(mask)) => {
            // Shifted to the top, so that both families count from the same end.
            (u128::from(mask.to_bits()).checked_shl(96)?, 32_u32)
        }
        (IpAddr::V6(_), IpAddr::V6(mask)) => (mask.to_bits(), 128),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return None,
    };
    let used = u128::MAX.checked_shl(128_u32.checked_sub(width)?)?;
    // A wildcard mask is a netmask with every bit turned round. All zeros could be either.
    let ones = if mask.leading_zeros() == 0 { mask } else { !mask & used };
    let length = ones.leading_ones();
    let whole = ones.count_ones() == length && mask != 0;
    let length = u8::try_from(length).ok().filter(|_| whole)?;
    Network::truncated(address, length).ok().and_then(acceptable)
}

/// What is wrong with `text` as an address.
pub(super) fn address(text: &str) -> ParseErrorKind {
    if text.is_empty() {
        return ParseErrorKind::Empty;
    }
    let head = text.as_bytes().get(..ENTRY_BYTES_MAX).unwrap_or(text.as_bytes());
    if !head.is_ascii() {
        return ParseErrorKind::NonAscii;
    }
    if text.contains('[') || text.contains(']') {
        return bracketed(text);
    }
    if text.contains('%') {
        return ParseErrorKind::Zone;
    }
    if text.len() > ADDRESS_BYTES_MAX {
        return ParseErrorKind::TooLong;
    }
    if text.contains(':') { v6(text) } else { v4(text) }
}

fn bracketed(text: &str) -> ParseErrorKind {
    match text.rsplit_once("]:") {
        Some((inner, port)) if is_port(port) => ParseErrorKind::Port {
            suggestion: literal(inner.strip_prefix('[').unwrap_or(inner)).and_then(host),
        },
        Some(_) | None => ParseErrorKind::Brackets,
    }
}

/// The address in canonical form, if it could be written in a list.
fn host(address: IpAddr) -> Option<IpAddr> {
    acceptable(Network::host(address)).map(|network| network.address())
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn v4(text: &str) -> ParseErrorKind {
    let mut parts = 0_usize;
    let mut padded = false;
    for part in text.split('.') {
        parts = parts.saturating_add(1);
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let zero_first = part.len() > 1 && part.starts_with('0');
        if !digits || (part.len() > 3 && !zero_first) {
            return ParseErrorKind::Syntax;
        }
        padded |= zero_first;
    }
    if padded {
        ParseErrorKind::LeadingZero
    } else if parts == 4 {
        ParseErrorKind::Address
    } else {
        ParseErrorKind::PartCount
    }
}

fn v6(text: &str) -> ParseErrorKind {
    let Some((front, last)) = text.rsplit_once(':') else {
        return ParseErrorKind::Syntax;
    };
    if let Ok(v4) = front.parse::<Ipv4Addr>() {
        return ParseErrorKind::Port { suggestion: host(IpAddr::V4(v4)) };
    }
    if !text.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')) {
        return ParseErrorKind::Syntax;
    }
    if last.contains('.') && last.parse::<Ipv4Addr>().is_err() {
        return v4(last);
    }
    let ill_formed = text.contains(":::")
        || text.split(':').any(|group| group.len() > 4 && group != last)
        || (last.len() > 4 && !last.contains('.'))
        || front.contains('.')
        || text.match_indices("::").count() > 1
        || (text.starts_with(':') && !text.starts_with("::"))
        || (text.ends_with(':') && !text.ends_with("::"));
    if ill_formed { ParseErrorKind::Syntax } else { ParseErrorKind::PartCount }
}
