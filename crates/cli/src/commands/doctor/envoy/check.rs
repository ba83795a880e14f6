//! Rules for the filter that asks Keyward.

use super::At;
use super::codes;
use super::tree::{Takes, Typed, takes};
use super::yaml::{Entry, Node};
use crate::commands::doctor::finding::{Examined, listed, shown};
use crate::commands::doctor::identity::{IDENTITY, IDENTITY_OR_ASSERTION};

/// The settings of an `ext_authz` filter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Check<'a> {
    pub(crate) config: &'a Node,
    pub(crate) at: At<'a>,
}

impl<'a> Check<'a> {
    pub(crate) fn new(typed: Typed<'a>, at: At<'a>) -> Self {
        Self { config: typed.config, at }
    }

    fn http(&self) -> Option<&'a Entry> {
        self.config.entry("http_service")
    }

    fn grpc(&self) -> Option<&'a Entry> {
        self.config.entry("grpc_service")
    }

    /// The path that it asks below; nothing for gRPC, which has none.
    fn path(&self) -> Option<&'a str> {
        let http = &self.http()?.node;
        let mut paths = ["path_override", "path_prefix"].into_iter().map(|name| http.text_of(name));
        Some(paths.find(|path| !path.is_empty()).unwrap_or_default())
    }

    /// Whether it asks Keyward, as far as can be told: over gRPC there is no path to know it by.
    pub(crate) fn asks_keyward(&self) -> bool {
        let named = |path: &str| path.strip_prefix("/v1/check/").is_some_and(|n| !n.is_empty());
        self.path().is_none_or(named)
    }

    /// Whom it asks.
    pub(crate) fn cluster(&self) -> &'a str {
        let http = self.config.at(&["http_service", "server_uri"]);
        let grpc = self.config.at(&["grpc_service", "envoy_grpc"]);
        http.map_or_else(
            || grpc.map_or("", |grpc| grpc.text_of("cluster_name")),
            |http| http.text_of("cluster"),
        )
    }

    /// The cluster that it asks over gRPC.
    pub(crate) fn cluster_over_grpc(&self) -> Option<&'a str> {
        Some(self.config.at(&["grpc_service", "envoy_grpc"])?.text_of("cluster_name"))
    }

    pub(crate) fn line(&self) -> usize {
        self.config.line
    }

    /// Says that it asks nobody that is known.
    pub(crate) fn not_keyward(&self, out: &mut Examined) {
        let Some(http) = self.http() else { return };
        let entry = ["path_override", "path_prefix"].iter().find_map(|name| http.node.entry(name));
        let line = entry.map_or(http.line, |entry| entry.line);
        let message = match self.path().unwrap_or_default() {
            "" => "the check asks at the caller's own path".to_owned(),
            path => format!("the check asks below `{}`", shown(path)),
        };
        out.add(&codes::CHECK_NOT_KEYWARD, &self.at.line(line), message);
    }

    pub(crate) fn examine(&self, out: &mut Examined) {
        self.failure(out);
        self.scope(out);
        if let Some(http) = self.http() {
            self.http_address(http, out);
            self.http_headers(&http.node, out);
            self.identity(http, out);
        }
        if let Some(grpc) = self.grpc() {
            self.grpc_service(grpc, out);
        }
        self.timeout(out);
    }

    fn failure(&self, out: &mut Examined) {
        let config = self.config;
        if let Some(entry) = config.entry("failure_mode_allow")
            && config.is_true("failure_mode_allow")
        {
            let message = "every request passes when Keyward cannot be asked";
            out.add(&codes::FAILS_OPEN, &self.at.line(entry.line), message);
        }
        if config.get("status_on_error").is_none() {
            let message = "when Keyward cannot be asked, callers get 403";
            out.add(&codes::NO_STATUS_ON_ERROR, &self.at.line(self.line()), message);
        }
    }

    /// For which requests it is asked, and what it makes of them.
    fn scope(&self, out: &mut Examined) {
        let config = self.config;
        if let Some(enabled) = config.entry("filter_enabled") {
            let denies = config.at(&["deny_at_disable", "default_value"]);
            let denies = denies.is_some_and(|value| value.text().eq_ignore_ascii_case("true"));
            if !denies && is_a_part(&enabled.node) {
                let message = "only a share of the requests is checked";
                out.add(&codes::CHECK_SOME_REQUESTS, &self.at.line(enabled.line), message);
            }
        }
        let presences = [
            (
                "filter_enabled_metadata",
                &codes::CHECK_CONDITIONAL,
                "requests are checked only when their metadata says so",
            ),
            ("with_request_body", &codes::CHECK_SENDS_BODY, "bodies are sent to Keyward"),
        ];
        for (name, code, message) in presences {
            if let Some(entry) = config.entry(name) {
                out.add(code, &self.at.line(entry.line), message);
            }
        }
        if let Some(entry) = config.entry("clear_route_cache")
            && config.is_true("clear_route_cache")
        {
            let message = "the route is chosen once more after the check";
            out.add(&codes::CLEARS_ROUTE_CACHE, &self.at.line(entry.line), message);
        }
    }

    fn http_address(&self, http: &Entry, out: &mut Examined) {
        let added = http.node.at(&["authorization_request", "headers_to_add"]);
        let mut set = self.values(added, "x-real-ip").peekable();
        if set.peek().is_none() {
            let kept = self.allowed(&http.node, "x-real-ip") == Takes::Yes;
            let message = if kept {
                "the check passes the caller's own `x-real-ip` on, and the caller chooses its \
                 address"
            } else {
                "the check does not set `x-real-ip`, so Keyward learns no address"
            };
            out.add(&codes::CHECK_KEEPS_ADDRESS, &self.at.line(http.line), message);
        }
        set.for_each(|(value, line)| self.address(value, line, out));
    }

    /// The values that a list of `{key, value}` gives a name, each with its line.
    fn values(
        &self,
        list: Option<&'a Node>,
        name: &'static str,
    ) -> impl Iterator<Item = (&'a str, usize)> {
        let items = list.map_or(&[][..], Node::items).iter();
        items.filter(move |item| item.text_of("key").eq_ignore_ascii_case(name)).map(|item| {
            let line = item.entry("value").map_or(item.line, |entry| entry.line);
            (item.text_of("value"), line)
        })
    }

    fn address(&self, value: &str, line: usize, out: &mut Examined) {
        const GOOD: [&str; 4] = [
            "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
            "%DOWNSTREAM_REMOTE_ADDRESS%",
            "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%",
            "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%",
        ];
        let written =
            ["%REQ(", "%REQ_WITHOUT_QUERY(", "%REQUEST_HEADER", "%COOKIE(", "%QUERY_PARAM("];
        let place = self.at.line(line);
        if written.iter().any(|name| value.contains(name)) {
            let message =
                format!("the address is taken from `{}`, which the caller writes", shown(value));
            out.add(&codes::CHECK_ADDRESS_FROM_CLIENT, &place, message);
        } else if !GOOD.contains(&value) {
            let message = format!("the address is taken from `{}`", shown(value));
            out.add(&codes::CHECK_ADDRESS_UNKNOWN, &place, message);
        }
    }

    /// Whether it tells an address that follows the connection manager's rules.
    pub(crate) fn tells_address(&self) -> bool {
        let http = self.config.at(&["http_service", "authorization_request", "headers_to_add"]);
        let grpc = self.config.at(&["grpc_service", "initial_metadata"]);
        let told = self.values(http, "x-real-ip").chain(self.values(grpc, "x-client-ip"));
        told.into_iter().any(|(value, _)| value.starts_with("%DOWNSTREAM_REMOTE_ADDRESS"))
    }

    /// Whether a header of the caller's goes along; the older place for the list counts too.
    fn allowed(&self, http: &Node, header: &str) -> Takes {
        let lists = [
            self.config.get("allowed_headers"),
            http.at(&["authorization_request", "allowed_headers"]),
        ];
        match lists.map(|list| takes(list, header)) {
            [Takes::No, other] | [other, Takes::No] => other,
            [Takes::Yes, _] | [_, Takes::Yes] => Takes::Yes,
            [Takes::Perhaps, Takes::Perhaps] => Takes::Perhaps,
        }
    }

    fn http_headers(&self, http: &Node, out: &mut Examined) {
        let kept: Vec<&str> = ["x-forwarded-for", "forwarded"]
            .into_iter()
            .filter(|header| self.allowed(http, header) == Takes::Yes)
            .collect();
        if !kept.is_empty() {
            let list = self.config.entry("allowed_headers");
            let older = http.get("authorization_request").and_then(|r| r.entry("allowed_headers"));
            let line = list.or(older).map_or(http.line, |entry| entry.line);
            let message = format!("Keyward gets the caller's own {}", listed(&kept));
            out.add(&codes::CHECK_KEEPS_FORWARDED, &self.at.line(line), message);
        }
    }

    fn identity(&self, http: &Entry, out: &mut Examined) {
        let response = http.node.get("authorization_response");
        let list = |name| response.and_then(|response| response.entry(name));
        let upstream = list("allowed_upstream_headers");
        let is_set = |header: &str| takes(upstream.map(|e| &e.node), &header.to_lowercase());
        let missing: Vec<&str> =
            IDENTITY.into_iter().filter(|header| is_set(header) == Takes::No).collect();
        if !missing.is_empty() {
            let line = upstream.map_or(http.line, |entry| entry.line);
            let message = format!("the application gets the caller's own {}", listed(&missing));
            out.add(&codes::IDENTITY_NOT_SET, &self.at.line(line), message);
        }
        let others = [
            (
                "allowed_upstream_headers_to_append",
                &codes::IDENTITY_APPENDED,
                "are appended to the caller's own",
            ),
            (
                "allowed_client_headers_on_success",
                &codes::IDENTITY_TO_CALLER,
                "are sent back to the caller",
            ),
        ];
        for (name, code, what) in others {
            let Some(entry) = list(name) else { continue };
            let taken: Vec<&str> = IDENTITY_OR_ASSERTION
                .into_iter()
                .filter(|header| takes(Some(&entry.node), &header.to_lowercase()) == Takes::Yes)
                .collect();
            if !taken.is_empty() {
                let message = format!("{} {what}", listed(&taken));
                out.add(code, &self.at.line(entry.line), message);
            }
        }
    }

    fn grpc_service(&self, grpc: &'a Entry, out: &mut Examined) {
        let version = self.config.text_of("transport_api_version");
        if version != "V3" {
            let message = "`transport_api_version` is not `V3`";
            out.add(&codes::NO_API_VERSION, &self.at.line(grpc.line), message);
        }
        for (value, line) in self.values(grpc.node.get("initial_metadata"), "x-client-ip") {
            self.address(value, line, out);
        }
        let arrives = |header| {
            let allowed = self.config.get("allowed_headers");
            let disallowed = self.config.get("disallowed_headers");
            (allowed.is_none() || takes(allowed, header) != Takes::No)
                && takes(disallowed, header) != Takes::Yes
        };
        if !arrives("authorization") && !arrives("x-api-key") {
            let lists = ["allowed_headers", "disallowed_headers"];
            let entry = lists.iter().find_map(|name| self.config.entry(name));
            let line = entry.map_or(grpc.line, |entry| entry.line);
            let message = "neither `authorization` nor `x-api-key` reaches Keyward";
            out.add(&codes::CHECK_DROPS_CREDENTIAL, &self.at.line(line), message);
        }
    }

    fn timeout(&self, out: &mut Examined) {
        let grpc = self.grpc().map(|grpc| (grpc.line, grpc.node.entry("timeout")));
        let http =
            self.config.at(&["http_service", "server_uri"]).and_then(|uri| uri.entry("timeout"));
        let (line, message) = match (grpc, http) {
            (Some((line, None)), _) => (line, "the check has 200 ms, unless it is said otherwise"),
            (Some((_, Some(entry))), _) | (None, Some(entry)) if is_zero(entry.node.text()) => {
                (entry.line, "the check waits forever")
            }
            _ => return,
        };
        out.add(&codes::CHECK_TIMEOUT, &self.at.line(line), message);
    }
}

/// Whether a duration is none.
fn is_zero(text: &str) -> bool {
    let digits = text.trim_end_matches('s');
    !digits.is_empty() && digits.bytes().all(|b| matches!(b, b'0' | b'.'))
}

/// Whether a share of requests is less than all.
fn is_a_part(enabled: &Node) -> bool {
    let Some(value) = enabled.get("default_value") else { return false };
    let numerator: u64 = value.text_of("numerator").parse().unwrap_or(0);
    numerator
        < match value.text_of("denominator") {
            "TEN_THOUSAND" => 10_000,
            "MILLION" => 1_000_000,
            _ => 100,
        }
}
