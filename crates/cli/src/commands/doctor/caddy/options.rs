//! Rules for the global options that say who the client is.

use super::check::trusts;
use super::codes;
use super::tokens::Line;
use crate::commands::doctor::finding::{Examined, shown};
use crate::commands::doctor::networks::holds_everybody;

/// Looks at the `servers` of the global options.
pub(crate) fn examine(options: &Line, out: &mut Examined) {
    for servers in options.all("servers") {
        trusted_proxies(servers, out);
        for wrappers in servers.all("listener_wrappers") {
            for proxy_protocol in wrappers.all("proxy_protocol") {
                proxy_protocol_rules(proxy_protocol, out);
            }
        }
    }
}

fn trusted_proxies(servers: &Line, out: &mut Examined) {
    let strict = servers.all("trusted_proxies_strict").next().is_some();
    let mut trusted = servers.all("trusted_proxies").peekable();
    if trusted.peek().is_none() {
        for line in servers.all("client_ip_headers") {
            let message = "`client_ip_headers` without `trusted_proxies` believes nobody";
            out.add(&codes::CLIENT_IP_HEADERS_UNUSED, &line.place, message);
        }
    }
    for line in trusted {
        trusts(line, line.args.get(1..).unwrap_or_default(), out);
        if !strict {
            let message = "the leftmost entry of `X-Forwarded-For` is taken for the client";
            out.add(&codes::TRUSTED_NOT_STRICT, &line.place, message);
        }
    }
}

fn proxy_protocol_rules(line: &Line, out: &mut Examined) {
    let policy = line.all("fallback_policy").last();
    if let Some(policy) = policy
        && ["USE", "REQUIRE"].iter().any(|word| policy.arg(0).eq_ignore_ascii_case(word))
    {
        let message = "a PROXY header is taken from peers that `allow` does not name";
        out.add(&codes::PROXY_PROTOCOL_FROM_ANYONE, &policy.place, message);
        return;
    }
    let mut allowed = line.all("allow").flat_map(|allow| &allow.args).peekable();
    if allowed.peek().is_none() {
        let message = "`proxy_protocol` without `allow` believes nobody";
        out.add(&codes::PROXY_PROTOCOL_IGNORED, &line.place, message);
    }
    for word in allowed.filter(|word| holds_everybody(word)) {
        let message = format!("a PROXY header is taken from every peer in `{}`", shown(word));
        out.add(&codes::PROXY_PROTOCOL_FROM_ANYONE, &line.place, message);
    }
}
