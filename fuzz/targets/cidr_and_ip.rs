//! One entry and one address, against the standard library and a round trip.
#![no_main]

use std::net::IpAddr;

use keyward_allowlist::{EntryRules, Network, NetworkSet, parse_address, parse_entry};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let (entry, address) = text.split_once('|').unwrap_or((&text, &text));
    let rules = EntryRules { allow_any: true, ..EntryRules::default() };

    let ip = parse_address(address);
    // Strict: nothing that the standard library refuses, and the same value.
    assert_eq!(ip.ok(), address.parse::<IpAddr>().ok().map(|ip| ip.to_canonical()));
    if let Ok(ip) = ip {
        assert_eq!(parse_address(&ip.to_string()), Ok(ip));
    }

    match parse_entry(entry, &rules) {
        Ok(network) => {
            assert_eq!(parse_entry(&network.to_string(), &rules), Ok(network));
            assert_eq!(Network::new(network.address(), network.prefix_len()), Ok(network));
            assert!(network.contains(network.first()) && network.contains(network.last()));
            if let Ok(ip) = ip {
                assert_eq!(NetworkSet::compile(&[network]).contains(ip), network.contains(ip));
                assert_eq!(network.covers(&Network::host(ip)), network.contains(ip));
            }
        }
        Err(kind) => {
            assert!(!kind.code().is_empty());
            if let Some(suggestion) = kind.suggestion() {
                assert!(
                    parse_entry(&suggestion, &rules).is_ok(),
                    "{entry:?} suggests {suggestion}"
                );
            }
        }
    }
});
