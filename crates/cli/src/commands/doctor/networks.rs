//! Networks that configurations trust.

use keyward_allowlist::{EntryRules, Network, ParseErrorKind, parse_entry};

/// Whether a word is a network that is larger than anybody's own: more than an IPv4 /8, or than
/// `fc00::/7`. Bits after the prefix are cut off, as the programs do it. Words that are no network
/// are not.
pub(crate) fn holds_everybody(text: &str) -> bool {
    let rules = EntryRules { allow_any: true, ..EntryRules::default() };
    let network: Option<Network> = match parse_entry(text, &rules) {
        Ok(network) | Err(ParseErrorKind::HostBitsSet { network, .. }) => Some(network),
        Err(_) => None,
    };
    network.is_some_and(|network| network.prefix_len() < if network.is_ipv4() { 8 } else { 7 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_owns_half_the_internet() {
        for text in ["0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.1/1", "2000::/3", "::ffff:0:0/96"] {
            assert!(holds_everybody(text), "{text}");
        }
        for text in ["10.0.0.0/8", "fc00::/7", "fd00::/8", "192.0.2.1", "192.0.2.1/0x", "unix:", ""]
        {
            assert!(!holds_everybody(text), "{text}");
        }
    }
}
