//! A handful of networks, compared all at once.
//!
//! A network that is not a single host has at least one host bit, and all of them are zero; so the
//! highest host bit is set as a marker and the prefix length needs no room of its own. For such a
//! `v`, `v ^ (v - 1)` is the mask of the host bits, and `ip` is inside exactly when
//! `ip ^ v <= v ^ (v - 1)`: no shift, no branch, and the compiler turns the loop into vector
//! instructions. Single hosts stand first and have the mask 0.

use super::ranges::Cidr;

/// How many IPv4 networks fit into the value itself.
pub(super) const INLINE_MAX: usize = 5;
/// How many IPv4 networks are compared at once beside it.
pub(super) const BESIDE_MAX: usize = 8;

/// Whether any of the encoded IPv4 networks, of which `hosts` are single hosts, holds `ip`.
#[inline]
pub(super) fn any_v4(entries: &[u32], hosts: u8, ip: u32) -> bool {
    let hosts = u32::from(hosts);
    let mut hit = false;
    for (position, entry) in (0_u32..).zip(entries) {
        let mask = if position < hosts { 0 } else { entry ^ entry.wrapping_sub(1) };
        hit |= (ip ^ entry) <= mask;
    }
    hit
}

/// Whether any of the encoded IPv6 networks, of which `hosts` are single hosts, holds `ip`.
#[inline]
pub(super) fn any_v6(entries: &[u32], hosts: u8, ip: u128) -> bool {
    let hosts = u32::from(hosts);
    let mut hit = false;
    let (entries, _) = entries.as_chunks::<4>();
    for (position, words) in (0_u32..).zip(entries) {
        let entry = words.iter().fold(0_u128, |bits, word| bits << 32 | u128::from(*word));
        let mask = if position < hosts { 0 } else { entry ^ entry.wrapping_sub(1) };
        hit |= (ip ^ entry) <= mask;
    }
    hit
}

/// The words of these networks, single hosts first, and how many of them are single hosts.
pub(super) fn encode_v4(networks: &[Cidr<u32>]) -> (Vec<u32>, u8) {
    let hosts = networks.iter().filter(|(_, length)| *length >= 32).map(|(bits, _)| *bits);
    let marked = networks.iter().filter(|(_, length)| *length < 32).map(|(bits, length)| {
        let marker = 0x8000_0000_u32.checked_shr(u32::from(*length)).unwrap_or(0);
        bits | marker
    });
    let count = u8::try_from(hosts.clone().count()).unwrap_or(u8::MAX);
    (hosts.chain(marked).collect(), count)
}

/// The words of these networks, four for each, and how many of them are single hosts.
pub(super) fn encode_v6(networks: &[Cidr<u128>]) -> (Vec<u32>, u8) {
    let hosts = networks.iter().filter(|(_, length)| *length >= 128).map(|(bits, _)| *bits);
    let marked = networks.iter().filter(|(_, length)| *length < 128).map(|(bits, length)| {
        let marker = (1_u128 << 127).checked_shr(u32::from(*length)).unwrap_or(0);
        bits | marker
    });
    let count = u8::try_from(hosts.clone().count()).unwrap_or(u8::MAX);
    (hosts.chain(marked).flat_map(words).collect(), count)
}

/// The four words of an address, the highest first.
fn words(bits: u128) -> [u32; 4] {
    let bytes = bits.to_be_bytes();
    let (chunks, _) = bytes.as_chunks::<4>();
    let mut words = [0; 4];
    for (word, chunk) in words.iter_mut().zip(chunks) {
        *word = u32::from_be_bytes(*chunk);
    }
    words
}

/// The words in a fixed number of places, the last one repeated, if there is one and all fit.
pub(super) fn padded<const N: usize>(words: &[u32]) -> Option<[u32; N]> {
    let last = *words.last()?;
    let mut entries = [last; N];
    entries.get_mut(..words.len())?.copy_from_slice(words);
    Some(entries)
}
