//! The corpus scenarios of the area `client_ip` that are decided by bytes, each by its id.

#[cfg(test)]
mod client_ip {
    use keyward_allowlist::*;

    fn rule() -> ClientAddressRule {
        let trusted = ["10.0.0.0/8", "2001:db8:ffff::/48"].map(|text| text.parse().unwrap());
        ClientAddressRule::new(Source::ProxyProtocol, NetworkSet::compile(&trusted))
    }

    fn balancer() -> Peer {
        Peer::Ip("10.0.0.1".parse().unwrap())
    }

    const NO_HEADERS: &[(&str, &str)] = &[];

    #[test]
    fn client_ip_108_a_second_proxy_line_is_left_to_http() {
        let bytes: &[u8] =
            b"PROXY TCP4 192.0.2.9 10.0.0.1 1 443\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n\
            PROXY TCP4 203.0.113.5 10.0.0.1 1 443\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let step = expect_proxy_header(balancer(), &rule()).next(bytes).unwrap();
        let ProxyStep::Serve { proxied, consumed } = step else { panic!("{step:?}") };
        let client = client_address(balancer(), proxied.as_ref(), NO_HEADERS, &rule()).unwrap();
        assert_eq!(client.to_string(), "192.0.2.9");
        // Only the first line is taken away, so the second one stands where HTTP wants a request
        // line, and it is not one.
        let request: &[u8] = &bytes[consumed..];
        assert!(request.starts_with(b"GET / HTTP/1.1\r\n"));
        assert!(request.ends_with(&bytes[bytes.len() - 10..]));
        assert_eq!(request.windows(6).filter(|window| window == b"PROXY ").count(), 1);
    }

    #[test]
    fn client_ip_113_local_without_a_block_has_no_client() {
        let bytes = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00";
        let step = expect_proxy_header(balancer(), &rule()).next(bytes).unwrap();
        let proxied = Some(ProxyHeader::Unknown);
        assert_eq!(step, ProxyStep::Serve { proxied, consumed: 16 });
        let got = client_address(balancer(), proxied.as_ref(), NO_HEADERS, &rule());
        assert_eq!(got, Err(NoClientIp::ProxyUnknown));
    }

    #[test]
    fn strangers_are_served_without_a_header_and_closed_with_one() {
        let stranger = Peer::Ip("192.0.2.66".parse().unwrap());
        let expectation = expect_proxy_header(stranger, &rule());
        assert_eq!(expectation, ProxyExpectation::Forbidden);
        let serve = Ok(ProxyStep::Serve { proxied: None, consumed: 0 });
        assert_eq!(expectation.next(b"GET / HTTP/1.1\r\n"), serve);
        assert_eq!(expectation.next(b"PROPFIND / HTTP/1.1\r\n"), serve);
        assert_eq!(expectation.next(b"\r\nGET / HTTP/1.1\r\n"), serve);
        assert_eq!(expectation.next(b"PRO"), Ok(ProxyStep::Read));
        assert_eq!(expectation.next(b"\r\n\r\n"), Ok(ProxyStep::Read));
        assert_eq!(expectation.next(b"PROXY nonsense"), Err(ProxyError::Untrusted));
        assert_eq!(expectation.next(b"\r\n\r\n\0\r\nQUIT\n"), Err(ProxyError::Untrusted));
        // A stranger's address is its own, also if a header came along some other way.
        let source = "203.0.113.5:1".parse().unwrap();
        let header = ProxyHeader::Address { source, destination: source };
        let got = client_address(stranger, Some(&header), NO_HEADERS, &rule()).unwrap();
        assert_eq!(got.to_string(), "192.0.2.66");
    }

    #[test]
    fn a_listed_peer_without_a_header_is_closed() {
        let expectation = expect_proxy_header(balancer(), &rule());
        assert_eq!(expectation, ProxyExpectation::Required);
        assert_eq!(expectation.next(b"GET / HTTP/1.1\r\n"), Err(ProxyError::NotProxy));
        assert_eq!(expectation.next(b""), Ok(ProxyStep::Read));
        let got = client_address(balancer(), None, NO_HEADERS, &rule());
        assert_eq!(got, Err(NoClientIp::MissingHeader));
        let other = ClientAddressRule::new(Source::XForwardedFor, rule().trusted);
        assert_eq!(expect_proxy_header(balancer(), &other), ProxyExpectation::NotRead);
    }
}

/// What the corpus leaves to the rules of a gateway.
#[cfg(test)]
mod rules {
    use keyward_allowlist::*;

    fn proxies() -> NetworkSet {
        NetworkSet::compile(&["10.0.0.0/8".parse().unwrap()])
    }

    fn xff(rule: &ClientAddressRule, peer: Peer, value: &str) -> Result<String, NoClientIp> {
        let headers = [("x-forwarded-for", value)];
        client_address(peer, None, &headers[..], rule).map(|client| client.to_string())
    }

    fn proxy() -> Peer {
        Peer::Ip("10.0.0.1".parse().unwrap())
    }

    #[test]
    fn an_empty_trusted_list_trusts_nobody() {
        let rule = ClientAddressRule::new(Source::XForwardedFor, NetworkSet::default());
        assert_eq!(xff(&rule, proxy(), "203.0.113.5"), Ok("10.0.0.1".to_owned()));
    }

    #[test]
    fn a_chain_of_proxies_only_is_refused_unless_told_otherwise() {
        let strict = ClientAddressRule::new(Source::XForwardedFor, proxies());
        assert_eq!(xff(&strict, proxy(), "10.9.9.9, 10.0.0.2"), Err(NoClientIp::AllTrusted));
        let leftmost = strict.with_all_trusted(AllTrusted::Leftmost);
        assert_eq!(xff(&leftmost, proxy(), "10.9.9.9, 10.0.0.2"), Ok("10.9.9.9".to_owned()));
        assert_eq!(xff(&leftmost, proxy(), "x, 10.0.0.2"), Err(NoClientIp::Malformed));
        let client = ClientIp::from("::ffff:10.9.9.9".parse::<std::net::IpAddr>().unwrap());
        assert!(leftmost.is_proxy(client));
    }

    #[test]
    fn hops_and_bytes_are_bounded() {
        let rule = ClientAddressRule::new(Source::XForwardedFor, proxies());
        let hops = |count: usize| vec!["192.0.2.9"; count].join(",");
        assert_eq!(xff(&rule, proxy(), &hops(HOPS_MAX)), Ok("192.0.2.9".to_owned()));
        assert_eq!(xff(&rule, proxy(), &hops(HOPS_MAX + 1)), Err(NoClientIp::TooManyHops));
        let padded = |bytes: usize| format!("{}192.0.2.9", " ".repeat(bytes - 9));
        assert_eq!(xff(&rule, proxy(), &padded(HEADER_BYTES_MAX)), Ok("192.0.2.9".to_owned()));
        assert_eq!(xff(&rule, proxy(), &padded(HEADER_BYTES_MAX + 1)), Err(NoClientIp::TooLong));
        let lines = vec![("x-forwarded-for", "192.0.2.9"); HOPS_MAX + 1];
        let got = client_address(proxy(), None, &lines[..], &rule);
        assert_eq!(got, Err(NoClientIp::TooManyHops));
    }

    #[test]
    fn a_unix_peer_needs_trust() {
        let rule = ClientAddressRule::new(Source::XForwardedFor, proxies());
        assert_eq!(xff(&rule, Peer::Unix, "192.0.2.9"), Err(NoClientIp::UnixPeer));
        let rule = rule.with_trusted_unix();
        assert_eq!(xff(&rule, Peer::Unix, "192.0.2.9"), Ok("192.0.2.9".to_owned()));
        let peer = ClientAddressRule::peer().with_trusted_unix();
        assert_eq!(xff(&peer, Peer::Unix, "192.0.2.9"), Err(NoClientIp::UnixPeer));
    }

    #[test]
    fn a_fixed_hop_is_counted_from_the_right() {
        let rule = |hops| ClientAddressRule::new(Source::XForwardedFor, proxies()).with_hops(hops);
        let chain = "junk, 192.0.2.1, 192.0.2.2";
        assert_eq!(xff(&rule(0), proxy(), chain), Ok("10.0.0.1".to_owned()));
        assert_eq!(xff(&rule(2), proxy(), chain), Ok("192.0.2.1".to_owned()));
        assert_eq!(xff(&rule(3), proxy(), chain), Err(NoClientIp::Malformed));
        assert_eq!(xff(&rule(4), proxy(), "192.0.2.1"), Err(NoClientIp::TooFewHops));
    }

    #[test]
    fn sources_of_other_doors_are_not_found_in_a_request() {
        for source in [Source::SourceAddress, Source::Metadata("x-client-ip".to_owned())] {
            let rule = ClientAddressRule::new(source, proxies());
            assert_eq!(xff(&rule, proxy(), "192.0.2.9"), Err(NoClientIp::NotResolved));
        }
        assert_eq!(client_address_from_text([]), Err(NoClientIp::MissingHeader));
        let twice = [&b"192.0.2.9"[..], b"192.0.2.9"];
        assert_eq!(client_address_from_text(twice), Err(NoClientIp::DuplicateHeader));
    }
}
