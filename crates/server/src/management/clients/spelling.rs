//! How a client's list was written, so that whoever reads it back gets what he wrote.
//!
//! `203.0.113.7` and `203.0.113.7/32` are one network, and so are the many ways to write an IPv6
//! one. Tools that compare a list to the file it came from would see a difference that is none. What
//! counts is the network alone; the spelling is kept beside the fields that are only kept.

use keyward_allowlist::{Network, parse_entry};
use keyward_core::allowlist::Allowlist;
use serde_json::{Map, Value, json};

/// Where the spelling is kept. No field of Auth0's is called so.
pub(super) const SPELLING: &str = "allowed_ips_as_written";
/// Spellings beyond this many are not kept; these entries come back in their usual form.
const ODD_MAX: usize = 500;

/// How networks were written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Spelling {
    /// Whether single addresses stand without a prefix length.
    bare_hosts: bool,
    /// What is written otherwise, by its usual form.
    odd: Map<String, Value>,
}

impl Spelling {
    /// Reads it off a list that was found to be good.
    pub(super) fn of(texts: &[String]) -> Self {
        let networks: Vec<(Network, &String)> = texts
            .iter()
            .filter_map(|text| Some((parse_entry(text, &Allowlist::entry_rules()).ok()?, text)))
            .collect();
        let hosts = networks.iter().filter_map(|(network, text)| {
            let bare = host(*network)?;
            Some(bare == **text)
        });
        let (bare, prefixed): (Vec<bool>, Vec<bool>) = hosts.partition(|is_bare| *is_bare);
        let mut spelling = Self { bare_hosts: bare.len() > prefixed.len(), odd: Map::new() };
        for (network, text) in networks {
            if spelling.write(network) != *text && spelling.odd.len() < ODD_MAX {
                spelling.odd.insert(network.to_string(), json!(text));
            }
        }
        spelling
    }

    /// Takes it out of the fields that are only kept.
    pub(super) fn take(kept: &mut Map<String, Value>) -> Self {
        let Some(Value::Object(mut members)) = kept.remove(SPELLING) else {
            return Self::default();
        };
        let bare_hosts = members.get("bare_hosts") == Some(&Value::Bool(true));
        let odd = match members.remove("odd") {
            Some(Value::Object(odd)) => odd,
            _ => Map::new(),
        };
        Self { bare_hosts, odd }
    }

    /// Puts it to the fields that are only kept.
    pub(super) fn put(self, kept: &mut Map<String, Value>) {
        kept.remove(SPELLING);
        if self != Self::default() {
            let value = json!({ "bare_hosts": self.bare_hosts, "odd": self.odd });
            kept.insert(SPELLING.to_owned(), value);
        }
    }

    /// Writes a network.
    pub(super) fn write(&self, network: Network) -> String {
        let usual = network.to_string();
        match self.odd.get(&usual) {
            Some(Value::String(text)) => text.clone(),
            _ if self.bare_hosts => host(network).unwrap_or(usual),
            _ => usual,
        }
    }
}

/// A single address without its prefix length.
fn host(network: Network) -> Option<String> {
    let full = if network.is_ipv4() { 32 } else { 128 };
    let text = network.to_string();
    let (address, _) = text.split_once('/')?;
    (network.prefix_len() == full).then(|| address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_comes_back_as_it_was_written() {
        for list in [
            &["203.0.113.7", "198.51.100.0/24", "2001:db8::1"][..],
            &["203.0.113.7/32"],
            &["203.0.113.7/32", "203.0.113.8", "203.0.113.9"],
            &["2001:DB8:0::1", "::ffff:203.0.113.9"],
            &[],
        ] {
            let texts: Vec<String> = list.iter().map(|text| (*text).to_owned()).collect();
            let mut kept = Map::new();
            Spelling::of(&texts).put(&mut kept);
            let spelling = Spelling::take(&mut kept);
            assert!(kept.is_empty());
            let back = texts.iter().map(|text| {
                let network = parse_entry(text, &Allowlist::entry_rules()).unwrap();
                spelling.write(network)
            });
            assert_eq!(back.collect::<Vec<_>>(), texts);
        }
    }

    #[test]
    fn a_long_list_costs_little() {
        let texts: Vec<String> =
            (0..10_000).map(|n| format!("10.0.{}.{}", n / 256, n % 256)).collect();
        let mut kept = Map::new();
        Spelling::of(&texts).put(&mut kept);
        assert!(Value::Object(kept).to_string().len() < 100);
    }
}
