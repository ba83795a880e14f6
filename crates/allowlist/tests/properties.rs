//! What must hold for every input, tried on generated ones.

#[cfg(test)]
mod sets {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use keyward_allowlist::{EntryIndex, Network, NetworkSet};
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// Cuts the host bits off, so that every pair of numbers is a network.
    fn v4(bits: u32, length: u8) -> Network {
        let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
        Network::new(IpAddr::V4(Ipv4Addr::from_bits(bits & mask)), length).unwrap()
    }

    fn v6(bits: u128, length: u8) -> Network {
        let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
        let address = IpAddr::V6(Ipv6Addr::from_bits(bits & mask));
        // The mapped block is IPv4; shorter networks around it are none that can be written.
        Network::new(address, length).unwrap_or_else(|_| Network::host(address))
    }

    /// Addresses close together, so that networks overlap, touch and nest; and some anywhere.
    fn any_v4() -> impl Strategy<Value = Network> {
        prop_oneof![
            8 => (0_u32..0x0004_0000, 14_u8..=32).prop_map(|(bits, len)| v4(0x0a00_0000 | bits, len)),
            2 => (any::<u32>(), 0_u8..=32).prop_map(|(bits, len)| v4(bits, len)),
            1 => (any::<u32>(), 20_u8..=32).prop_map(|(bits, len)| v4(bits | 0xffff_ff00, len)),
        ]
    }

    fn any_v6() -> impl Strategy<Value = Network> {
        const SITE: u128 = 0x2001_0db8 << 96;
        prop_oneof![
            4 => (0_u128..1 << 20, 44_u8..=64).prop_map(|(bits, len)| v6(SITE | bits << 64, len)),
            4 => (0_u128..1 << 12, 116_u8..=128).prop_map(|(bits, len)| v6(SITE | bits, len)),
            2 => (any::<u128>(), 0_u8..=128).prop_map(|(bits, len)| v6(bits, len)),
            1 => (any::<u128>(), 1_u8..=64).prop_map(|(bits, len)| v6(bits | u128::MAX << 40, len)),
        ]
    }

    fn any_network() -> impl Strategy<Value = Network> {
        prop_oneof![any_v4(), any_v6()]
    }

    /// The addresses where an error would show: both ends of each network, and the ones beside them.
    fn edges(network: &Network) -> Vec<IpAddr> {
        let step = |ip: IpAddr, by: i8| match ip {
            IpAddr::V4(v4) => {
                IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits().wrapping_add_signed(i32::from(by))))
            }
            IpAddr::V6(v6) => {
                IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits().wrapping_add_signed(i128::from(by))))
            }
        };
        let (first, last) = (network.first(), network.last());
        vec![step(first, -1), first, step(first, 1), step(last, -1), last, step(last, 1)]
    }

    /// Compares both compiled forms with a scan, at the edges of some networks and elsewhere.
    fn agrees(networks: &[Network], probed: usize, others: &[IpAddr]) -> Result<(), TestCaseError> {
        let set = NetworkSet::compile(networks);
        let index = EntryIndex::compile(networks);
        let stride = (networks.len() / probed.max(1)).max(1);
        let edges = networks.iter().step_by(stride).flat_map(edges);
        for ip in edges.chain(others.iter().copied()) {
            let best = networks
                .iter()
                .enumerate()
                .filter(|(_, network)| network.contains(ip))
                .max_by_key(|(position, network)| (network.prefix_len(), usize::MAX - position))
                .map(|(position, _)| position);
            prop_assert_eq!(set.contains(ip), best.is_some(), "{} in {:?}", ip, set);
            prop_assert_eq!(index.find(ip), best, "entry for {}", ip);
        }
        prop_assert_eq!(set.is_empty(), networks.is_empty());
        Ok(())
    }

    fn any_ip() -> impl Strategy<Value = IpAddr> {
        prop_oneof![
            any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
            any::<u32>().prop_map(|bits| IpAddr::V6(Ipv4Addr::from_bits(bits).to_ipv6_mapped())),
            any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
        ]
    }

    /// Single addresses with gaps between them: as many ranges as networks, whatever is generated.
    fn spread_v4(count: u32, seed: u32) -> impl Iterator<Item = Network> {
        (0..count).map(move |i| v4(seed.wrapping_add(i.wrapping_mul(0x0003_0007)), 32))
    }

    fn spread_v6(count: u32, seed: u32, shift: u32) -> impl Iterator<Item = Network> {
        let length = if shift == 0 { 128 } else { 64 };
        (0..count).map(move |i| {
            let spread = u128::from(seed.wrapping_add(i.wrapping_mul(3)));
            v6(0x2001_0db8 << 96 | (spread << shift), length)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn few_agree_with_a_scan(
            networks in vec(any_network(), 0..14),
            others in vec(any_ip(), 0..20),
        ) {
            agrees(&networks, usize::MAX, &others)?;
        }

        #[test]
        fn few_v4_agree_with_a_scan(networks in vec(any_v4(), 0..9)) {
            agrees(&networks, usize::MAX, &[])?;
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn hundreds_agree_with_a_scan(
            networks in vec(any_network(), 60..500),
            others in vec(any_ip(), 0..50),
        ) {
            agrees(&networks, 60, &others)?;
        }

        #[test]
        fn bitmaps_agree_with_a_scan(
            networks in vec(any_network(), 0..300),
            seed in any::<u32>(),
            count in 600_u32..2000,
            others in vec(any_ip(), 0..50),
        ) {
            let spread: Vec<_> = spread_v4(count, seed).collect();
            prop_assert!(NetworkSet::compile(&spread).memory_bytes() > 24 * 1024);
            agrees(&[spread, networks].concat(), 60, &others)?;
        }

        #[test]
        fn indexed_v6_agrees_with_a_scan(
            networks in vec(any_v6(), 0..300),
            seed in any::<u32>(),
            count in 600_u32..2000,
            shift in prop_oneof![Just(0_u32), Just(64)],
        ) {
            let spread = spread_v6(count, seed, shift);
            agrees(&spread.chain(networks).collect::<Vec<_>>(), 60, &[])?;
        }
    }

    #[test]
    fn one_full_block_agrees_with_a_scan() {
        // Every second address of one /16: 65,536 bounds in one block of the bitmap.
        let networks: Vec<_> = (0..0x8000).map(|i| v4(0x0a0b_0000 | i << 1, 32)).collect();
        let set = NetworkSet::compile(&networks);
        let index = EntryIndex::compile(&networks);
        for low in 0..=0xffff_u32 {
            let ip = IpAddr::V4(Ipv4Addr::from_bits(0x0a0b_0000 | low));
            assert_eq!(set.contains(ip), low % 2 == 0, "{ip}");
            let entry = (low % 2 == 0).then_some((low / 2) as usize);
            assert_eq!(index.find(ip), entry, "{ip}");
        }
    }
}

#[cfg(test)]
mod text {
    use std::net::IpAddr;

    use keyward_allowlist::{
        EntryRules, Network, ParseError, parse_address, parse_entry, parse_list,
    };
    use proptest::prelude::*;

    const ANY: EntryRules = EntryRules { allow_any: true, max_entries: 50 };

    /// Text that is nearly right more often than random characters are.
    fn nearly() -> impl Strategy<Value = String> {
        prop_oneof![
            "[0-9]{1,3}(\\.[0-9]{1,3}){2,4}(/[+0-9]{0,3})?",
            "[0-9a-f:]{2,30}(\\.[0-9]{1,3}){0,3}(/[0-9]{0,4})?",
            "[0-9a-fA-F.:/%#,;x*\\[\\] \\t\\r\\n-]{0,60}",
            "::ffff:[0-9]{1,3}\\.[0-9]\\.0\\.0/(9[5-9]|1[0-2][0-9])",
            any::<String>(),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn an_accepted_address_is_what_the_standard_library_reads(text in nearly()) {
            if let Ok(ip) = parse_address(&text) {
                prop_assert_eq!(text.parse::<IpAddr>().map(|ip| ip.to_canonical()), Ok(ip));
                prop_assert_eq!(parse_address(&ip.to_string()), Ok(ip));
            }
        }

        #[test]
        fn an_accepted_entry_is_written_and_read_again(text in nearly()) {
            match parse_entry(&text, &ANY) {
                Ok(network) => {
                    prop_assert_eq!(parse_entry(&network.to_string(), &ANY), Ok(network));
                    prop_assert_eq!(Network::new(network.address(), network.prefix_len()), Ok(network));
                    prop_assert!(network.contains(network.first()) && network.contains(network.last()));
                }
                Err(kind) => {
                    prop_assert!(!kind.to_string().is_empty());
                    // A suggestion must not lead to the next error.
                    if let Some(suggestion) = kind.suggestion() {
                        let read = parse_entry(&suggestion, &ANY);
                        prop_assert!(read.is_ok(), "{} suggests {}: {:?}", text, suggestion, read);
                    }
                }
            }
        }

        #[test]
        fn lists_are_read_line_by_line(lines in proptest::collection::vec(nearly(), 0..12)) {
            let text = lines.join("\n");
            match parse_list(&text, &ANY) {
                Ok(list) => {
                    for entry in &list {
                        let line = text.split('\n').nth(entry.line - 1).unwrap_or_default();
                        let written = line.split('#').next().unwrap_or_default();
                        prop_assert_eq!(parse_entry(written, &ANY), Ok(entry.network));
                    }
                    let canonical: Vec<_> = list.iter().map(|e| e.network.to_string()).collect();
                    let again = parse_list(&canonical.join("\r\n"), &ANY).unwrap();
                    prop_assert!(again.iter().map(|e| e.network).eq(list.iter().map(|e| e.network)));
                }
                Err(errors) => {
                    prop_assert!(errors.total() > 0);
                    let one_line = |error: &ParseError| !error.text.contains(['\n', '\u{1b}', '`']);
                    prop_assert!(errors.iter().all(one_line));
                }
            }
        }
    }
}

#[cfg(test)]
mod client {
    use std::net::IpAddr;

    use keyward_allowlist::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn sources() -> impl Strategy<Value = Source> {
        prop_oneof![
            Just(Source::Peer),
            Just(Source::SingleHeader("x-real-ip".to_owned())),
            Just(Source::XForwardedFor),
            Just(Source::Forwarded),
            Just(Source::ProxyProtocol),
        ]
    }

    fn names() -> impl Strategy<Value = &'static str> {
        prop_oneof![
            Just("X-Forwarded-For"),
            Just("Forwarded"),
            Just("X-Real-IP"),
            Just("X_Forwarded_For"),
        ]
    }

    fn values() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            vec(any::<u8>(), 0..80),
            "[0-9a-f.:,\\[\\] ]{0,60}".prop_map(String::into_bytes),
            "(for=\"?[0-9a-f.:\\\\\\[\\]]{0,20}\"?[,;] ?){0,4}".prop_map(String::into_bytes),
        ]
    }

    fn proxies() -> NetworkSet {
        NetworkSet::compile(&["10.0.0.0/8".parse().unwrap()])
    }

    fn trusted() -> Peer {
        Peer::Ip(IpAddr::from([10, 0, 0, 1]))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        #[test]
        fn headers_of_an_untrusted_peer_change_nothing(
            source in sources(),
            headers in vec((names(), values()), 0..5),
            hops in proptest::option::of(any::<u8>()),
        ) {
            let mut rule = ClientAddressRule::new(source, proxies());
            rule.hops = hops;
            let ip = IpAddr::from([192, 0, 2, 9]);
            let got = client_address(Peer::Ip(ip), None, &headers[..], &rule);
            prop_assert_eq!(got, Ok(ClientIp::from(ip)));
        }

        #[test]
        fn any_header_of_a_trusted_peer_gets_an_answer(
            source in sources(),
            headers in vec((names(), values()), 0..5),
            hops in proptest::option::of(0_u8..5),
        ) {
            let mut rule = ClientAddressRule::new(source, proxies());
            rule.hops = hops;
            if let Ok(client) = client_address(trusted(), None, &headers[..], &rule) {
                prop_assert_eq!(client.get(), client.get().to_canonical());
            }
        }

        #[test]
        fn what_stands_left_of_the_proxys_own_hop_never_becomes_the_client(
            forged in vec(values(), 0..4),
            same_line in any::<bool>(),
        ) {
            for (source, name, own) in [
                (Source::XForwardedFor, "x-forwarded-for", &b"192.0.2.9"[..]),
                (Source::Forwarded, "forwarded", b"for=192.0.2.9"),
                (Source::Forwarded, "forwarded", b"for=\"192.0.2.9:80\";by=\"10.0.0.1\""),
            ] {
                let rule = ClientAddressRule::new(source, proxies());
                let mut lines: Vec<(&str, Vec<u8>)> =
                    forged.iter().map(|value| (name, value.clone())).collect();
                match lines.last_mut() {
                    Some((_, last)) if same_line => {
                        last.extend_from_slice(b", ");
                        last.extend_from_slice(own);
                    }
                    _ => lines.push((name, own.to_vec())),
                }
                match client_address(trusted(), None, &lines[..], &rule) {
                    Ok(client) => prop_assert_eq!(client.to_string(), "192.0.2.9"),
                    Err(reason) => prop_assert!(
                        matches!(
                            reason,
                            NoClientIp::TooManyHops | NoClientIp::TooLong | NoClientIp::Malformed
                        ),
                        "{}", reason
                    ),
                }
            }
        }

        #[test]
        fn a_proxy_header_is_the_same_however_it_arrives(
            start in prop_oneof![
                Just(b"PROXY ".to_vec()),
                Just(b"PROXY TCP4 192.0.2.9 10.0.0.1 1 2\r\n".to_vec()),
                Just(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec()),
                Just(b"\r\n\r\n\0\r\nQUIT\n".to_vec()),
                Just(Vec::new()),
            ],
            rest in vec(any::<u8>(), 0..300),
        ) {
            let bytes = [start, rest].concat();
            let whole = parse_proxy_header(&bytes);
            for cut in 0..bytes.len() {
                match parse_proxy_header(&bytes[..cut]) {
                    Ok(ProxyParse::Incomplete) => {}
                    decided => prop_assert_eq!(decided, whole, "after {} bytes", cut),
                }
            }
            if let Ok(ProxyParse::Complete { consumed, .. }) = whole {
                prop_assert!(consumed <= bytes.len() && consumed <= PROXY_HEADER_BYTES_MAX);
            }
        }
    }
}
