//! A list text: total, bounded, read again from its canonical form, and compiled without a change
//! of meaning.
#![no_main]

use keyward_allowlist::{EntryIndex, EntryRules, Network, NetworkSet, parse_list};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let rules = EntryRules { allow_any: true, max_entries: 200 };
    match parse_list(&text, &rules) {
        Ok(list) => {
            let networks: Vec<Network> = list.iter().map(|entry| entry.network).collect();
            assert!(networks.len() <= rules.max_entries);
            let canonical: Vec<String> = networks.iter().map(Network::to_string).collect();
            let again = parse_list(&canonical.join("\n"), &rules).expect("canonical text is read");
            assert!(again.iter().map(|entry| entry.network).eq(networks.iter().copied()));
            agrees_with_a_scan(&networks);
        }
        Err(errors) => {
            assert!(errors.total() > 0 && errors.iter().count() <= 100);
            assert!(errors.to_string().len() < 100 * 1024);
        }
    }
});

/// Both compiled forms, at the ends of every network.
fn agrees_with_a_scan(networks: &[Network]) {
    let set = NetworkSet::compile(networks);
    let index = EntryIndex::compile(networks);
    for ip in networks.iter().flat_map(|network| [network.first(), network.last()]) {
        let longest = networks.iter().filter(|n| n.contains(ip)).map(Network::prefix_len).max();
        assert!(set.contains(ip) == longest.is_some(), "{ip}");
        let found = index.find(ip).map(|entry| networks[entry].prefix_len());
        assert_eq!(found, longest, "{ip}");
    }
    for ip in [[0, 0, 0, 0], [10, 0, 0, 1], [255, 255, 255, 255]].map(std::net::IpAddr::from) {
        assert_eq!(set.contains(ip), networks.iter().any(|network| network.contains(ip)), "{ip}");
    }
}
