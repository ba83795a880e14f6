//! `forwarded` lines of any content: no panic, a stranger's lines change nothing, and what stands left
//! of the hop that the proxy wrote never becomes the client.
#![no_main]

use std::net::IpAddr;

use keyward_allowlist::{ClientAddressRule, NetworkSet, NoClientIp, Peer, Source, client_address};
use libfuzzer_sys::fuzz_target;

const NAME: &str = "forwarded";

fuzz_target!(|data: &[u8]| {
    let proxies = NetworkSet::compile(&["10.0.0.0/8".parse().expect("a network")]);
    let rule = ClientAddressRule::new(Source::Forwarded, proxies);
    let proxy = Peer::Ip(IpAddr::from([10, 0, 0, 1]));
    let stranger = IpAddr::from([198, 51, 100, 7]);

    // A zero byte separates lines; no header value holds one.
    let lines: Vec<(&str, Vec<u8>)> =
        data.split(|byte| *byte == 0).map(|line| (NAME, line.to_vec())).collect();
    let got = client_address(Peer::Ip(stranger), None, &lines[..], &rule);
    assert_eq!(got.map(|client| client.get()), Ok(stranger));

    if let Ok(client) = client_address(proxy, None, &lines[..], &rule) {
        assert_eq!(client.get(), client.get().to_canonical());
        // The walk passes proxies over, so that none of them can be the answer.
        assert!(!rule.is_proxy(client));
    }

    for (own, expected) in
        [("for=192.0.2.9", "192.0.2.9"), ("for=\"[2001:db8::9]:443\";proto=https", "2001:db8::9")]
    {
        let mut appended = lines.clone();
        if let Some((_, last)) = appended.last_mut() {
            last.extend_from_slice(b", ");
            last.extend_from_slice(own.as_bytes());
        }
        let mut separate = lines.clone();
        separate.push((NAME, own.as_bytes().to_vec()));
        for headers in [appended, separate] {
            match client_address(proxy, None, &headers[..], &rule) {
                Ok(client) => assert_eq!(client.to_string(), expected),
                Err(reason) => assert!(matches!(
                    reason,
                    NoClientIp::TooManyHops | NoClientIp::TooLong | NoClientIp::Malformed
                )),
            }
        }
    }
});
