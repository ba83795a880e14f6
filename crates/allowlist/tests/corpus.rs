//! The corpus areas that are pure text or bytes. See `corpus/README.md`.

#[cfg(test)]
#[path = "../../../corpus/loader.rs"]
mod loader;

#[cfg(test)]
mod areas {
    use std::net::{IpAddr, SocketAddr};

    use keyward_allowlist::*;
    use serde_json::Value;

    use super::loader::{Case, run};

    #[test]
    fn ip_parse() {
        run("ip_parse", |case| {
            let got = parse_address(string(&case.input, "text")?);
            let expected = &case.expect;
            let passed = match &got {
                Ok(ip) => {
                    let family = if ip.is_ipv4() { 4 } else { 6 };
                    expected["ok"] == true
                        && expected["canonical"] == ip.to_string()
                        && expected["family"] == family
                }
                Err(_) => expected["ok"] == false,
            };
            verdict(passed, &got)
        });
    }

    #[test]
    fn cidr_parse() {
        run("cidr_parse", |case| {
            let config = case.input.get("config");
            let allow_any = config.and_then(|c| c["allow_any"].as_bool()).unwrap_or(false);
            let rules = EntryRules { allow_any, ..EntryRules::default() };
            let got = parse_entry(string(&case.input, "text")?, &rules);
            let expected = &case.expect;
            let passed = match &got {
                Ok(network) => {
                    expected["ok"] == true && expected["canonical"] == network.to_string()
                }
                Err(kind) => {
                    expected["ok"] == false
                        && expected["code"] == kind.code()
                        && expected
                            .get("suggest")
                            .is_none_or(|suggest| suggest.as_str() == kind.suggestion().as_deref())
                }
            };
            let shown = got.map_err(|kind| (kind.code(), kind.suggestion()));
            verdict(passed, &shown)
        });
    }

    #[test]
    fn matching() {
        run("match", |case| {
            let entries = case.input["entries"].as_array().ok_or("no entries")?;
            // A stored entry that cannot be read never matches; it does not spoil the others. The
            // list has passed its own rules when it was written, so /0 is let through here.
            let rules = EntryRules { allow_any: true, ..EntryRules::default() };
            let networks: Vec<Network> = entries
                .iter()
                .filter_map(|entry| parse_entry(entry.as_str()?, &rules).ok())
                .collect();
            let inside = parse_address(string(&case.input, "client_ip")?).is_ok_and(|ip| {
                let inside = NetworkSet::compile(&networks).contains(ip);
                let entry = EntryIndex::compile(&networks).find(ip);
                assert_eq!(inside, entry.is_some(), "{}: the two forms disagree", case.id);
                inside
            });
            let got = match (string(&case.input, "mode")?, inside) {
                ("off", _) | (_, true) => "allow",
                ("report", false) => "allow_would_deny",
                ("enforce", false) => "deny",
                (mode, false) => return Err(format!("unknown mode {mode}")),
            };
            verdict(case.expect["verdict"] == got, &got)
        });
    }

    #[test]
    fn client_ip() {
        run("client_ip", |case| {
            let rule = rule(&case.input["config"])?;
            let peer = match string(&case.input, "peer")? {
                "unix:" => Peer::Unix,
                peer => Peer::Ip(peer.parse::<SocketAddr>().map_err(|e| e.to_string())?.ip()),
            };
            let got = resolve(case, peer, &rule)?;
            let expected = &case.expect;
            let passed = match &got {
                Outcome::Client(ip) => expected["client_ip"] == ip.to_string(),
                Outcome::NoClient(reason) => {
                    let named = expected["error"].as_str();
                    expected["allowlisted_key"] == "deny"
                        && (named.is_some_and(|name| name == reason.code())
                            || named == Some("no_client_ip")
                            || expected["client"] == "none")
                }
                Outcome::Close => expected["connection"] == "close",
            };
            verdict(passed, &got)
        });
    }

    #[derive(Debug)]
    enum Outcome {
        Client(IpAddr),
        NoClient(NoClientIp),
        Close,
    }

    fn resolve(case: &Case, peer: Peer, rule: &ClientAddressRule) -> Result<Outcome, String> {
        let headers = headers(&case.input)?;
        let mut proxied = None;
        if rule.source == Source::ProxyProtocol {
            // No more bytes will come: a header that is still incomplete runs into the time limit.
            match expect_proxy_header(peer, rule).next(&bytes(&case.input)?) {
                Ok(ProxyStep::Serve { proxied: header, .. }) => proxied = header,
                Ok(ProxyStep::Read) | Err(_) => return Ok(Outcome::Close),
            }
        }
        Ok(match client_address(peer, proxied.as_ref(), &headers[..], rule) {
            Ok(client) => Outcome::Client(client.get()),
            Err(reason) => Outcome::NoClient(reason),
        })
    }

    fn rule(config: &Value) -> Result<ClientAddressRule, String> {
        let trusted = match config["trusted"].as_array() {
            Some(entries) => {
                parse_entries(entries.iter().filter_map(Value::as_str), &EntryRules::default())
                    .map_err(|errors| errors.to_string())?
            }
            None => Vec::new(),
        };
        let header = config["header"].as_str().unwrap_or("x-forwarded-for");
        let source = match (config["proxy_protocol"].as_str(), config["mode"].as_str()) {
            (Some("required_from_trusted"), _) => Source::ProxyProtocol,
            (Some(other), _) => return Err(format!("unknown proxy_protocol {other}")),
            (None, Some("none")) => Source::Peer,
            (None, Some("trusted_cidrs" | "hops")) => match header.to_ascii_lowercase().as_str() {
                "x-forwarded-for" => Source::XForwardedFor,
                "forwarded" => Source::Forwarded,
                single => Source::SingleHeader(single.to_owned()),
            },
            (None, other) => return Err(format!("unknown mode {other:?}")),
        };
        let mut rule = ClientAddressRule::new(source, NetworkSet::compile(&trusted));
        if config["mode"] == "hops" {
            let hops = config["hops"].as_u64().and_then(|hops| u8::try_from(hops).ok());
            rule = rule.with_hops(hops.ok_or("no hops")?);
        }
        if config["all_trusted"] == "leftmost" {
            rule = rule.with_all_trusted(AllTrusted::Leftmost);
        }
        if config["trust_unix"] == true {
            rule = rule.with_trusted_unix();
        }
        Ok(rule)
    }

    fn headers(input: &Value) -> Result<Vec<(String, String)>, String> {
        let lines = input["headers"].as_array().cloned().unwrap_or_default();
        lines
            .iter()
            .map(|line| match (line[0].as_str(), line[1].as_str()) {
                (Some(name), Some(value)) => Ok((name.to_owned(), value.to_owned())),
                _ => Err(format!("odd header {line}")),
            })
            .collect()
    }

    fn bytes(input: &Value) -> Result<Vec<u8>, String> {
        if let Some(text) = input["bytes_text"].as_str() {
            return Ok(text.as_bytes().to_vec());
        }
        let hex = input["bytes_hex"].as_str().unwrap_or("");
        (0..hex.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(hex.get(i..i + 2)?, 16).ok())
            .collect::<Option<_>>()
            .ok_or_else(|| format!("odd bytes_hex {hex}"))
    }

    fn string<'a>(value: &'a Value, name: &str) -> Result<&'a str, String> {
        value[name].as_str().ok_or_else(|| format!("no string `{name}`"))
    }

    fn verdict(passed: bool, got: &impl std::fmt::Debug) -> Result<(), String> {
        if passed { Ok(()) } else { Err(format!("{got:?}")) }
    }
}
