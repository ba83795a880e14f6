//! Rules for the handler that asks Keyward.

use super::codes;
use super::matching::is_matcher;
use super::tokens::Line;
use crate::commands::doctor::finding::{Examined, Place, listed, shown};
use crate::commands::doctor::identity::IDENTITY;
use crate::commands::doctor::networks::holds_everybody;

/// A `forward_auth`, or the `reverse_proxy` that it stands for when it is written out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Check<'a> {
    pub(crate) line: &'a Line,
    /// The path that it asks at.
    uri: &'a str,
    place: &'a Place,
}

impl<'a> Check<'a> {
    /// The check that a line is, if it is one.
    pub(crate) fn of(line: &'a Line) -> Option<Self> {
        match line.name.as_str() {
            "forward_auth" => {
                let uri = line.all("uri").last();
                let place = uri.map_or(&line.place, |uri| &uri.place);
                Some(Self { line, uri: uri.map_or("", |uri| uri.arg(0)), place })
            }
            "reverse_proxy" => {
                let rewrite = line.all("rewrite").find(|line| line.arg(0).starts_with(CHECKS))?;
                Some(Self { line, uri: rewrite.arg(0), place: &rewrite.place })
            }
            _ => None,
        }
    }

    pub(crate) fn asks_keyward(&self) -> bool {
        self.uri.strip_prefix(CHECKS).is_some_and(|name| !name.is_empty() && !name.starts_with('?'))
    }

    /// Who is asked.
    pub(crate) fn upstreams(&self) -> Vec<&'a str> {
        upstreams(self.line)
    }

    /// Says that it asks nobody that is known.
    pub(crate) fn not_keyward(&self, out: &mut Examined) {
        let message = match self.uri {
            "" => "the check asks at the caller's own path".to_owned(),
            uri => format!("the check asks at `{}`", shown(uri)),
        };
        out.add(&codes::CHECK_NOT_KEYWARD, self.place, message);
    }

    /// Looks at everything in its block but what it does with refusals.
    pub(crate) fn examine(&self, out: &mut Examined) {
        self.address(out);
        self.certificate(out);
        self.credential(out);
        self.timeouts(out);
        if !self.uri.is_empty() && !self.uri.contains('?') {
            let message = format!("the caller's query follows `{}`", shown(self.uri));
            out.add(&codes::CHECK_PASSES_QUERY, self.place, message);
        }
        if self.line.name == "forward_auth" {
            self.copies(out);
        }
        for trusted in self.line.all("trusted_proxies") {
            trusts(trusted, &trusted.args, out);
        }
    }

    fn address(&self, out: &mut Examined) {
        let set: Vec<&Line> = header_up(self.line, "X-Real-IP").collect();
        if !set.iter().any(|line| line.args.len() > 1) {
            let message = if set.is_empty() {
                "the check does not set `X-Real-IP`: the caller's own reaches Keyward, and the \
                 caller chooses its address"
            } else {
                "the check removes `X-Real-IP`, so Keyward learns no address"
            };
            out.add(&codes::CHECK_KEEPS_ADDRESS, &self.line.place, message);
        }
        for line in set.into_iter().filter(|line| line.args.len() > 1) {
            let value = line.arg(1);
            let shown = shown(value);
            let added = line.arg(0).starts_with(['+', '?']) || line.args.len() > 2;
            if added || written_by_caller(value).is_some() {
                let message = format!(
                    "`{} {shown}` leaves what the caller wrote, so the caller chooses its address",
                    line.arg(0)
                );
                out.add(&codes::CHECK_ADDRESS_FROM_CLIENT, &line.place, message);
            } else if !ADDRESSES.contains(&value) {
                let message =
                    format!("`X-Real-IP` is set from `{shown}`, not from `{{client_ip}}`");
                out.add(&codes::CHECK_ADDRESS_UNKNOWN, &line.place, message);
            }
        }
    }

    fn certificate(&self, out: &mut Examined) {
        let told: Vec<&Line> = header_up(self.line, "Client-Cert").collect();
        let is_ours = |line: &&Line| {
            let added = line.arg(0).starts_with(['+', '?']) || line.args.len() > 2;
            line.args.len() == 1 || (!added && written_by_caller(line.arg(1)).is_none())
        };
        if !told.is_empty() && told.iter().all(is_ours) {
            return;
        }
        let place = told.first().map_or(&self.line.place, |line| &line.place);
        let message = "Keyward gets the caller's own `Client-Cert`";
        out.add(&codes::CHECK_KEEPS_CERTIFICATE, place, message);
    }

    fn credential(&self, out: &mut Examined) {
        let removed = |header| header_up(self.line, header).any(|line| line.args.len() == 1);
        if removed("Authorization") && removed("X-API-Key") {
            let message = "neither `Authorization` nor `X-API-Key` reaches Keyward";
            out.add(&codes::CHECK_DROPS_CREDENTIAL, &self.line.place, message);
        }
    }

    fn timeouts(&self, out: &mut Examined) {
        let transports: Vec<&Line> = self.line.all("transport").collect();
        let has = |name| transports.iter().any(|transport| transport.all(name).next().is_some());
        let missing: Vec<&str> =
            ["dial_timeout", "response_header_timeout"].into_iter().filter(|n| !has(n)).collect();
        if !missing.is_empty() {
            let message = format!("the check lacks {}", listed(&missing));
            out.add(&codes::CHECK_NO_TIMEOUT, &self.line.place, message);
        }
    }

    fn copies(&self, out: &mut Examined) {
        let mut copied: Vec<&str> = Vec::new();
        for line in self.line.all("copy_headers") {
            copied.extend(line.args.iter().map(String::as_str));
            copied.extend(line.inner().iter().map(|line| line.name.as_str()));
        }
        // `From>To` leaves the caller's own `From` as it is.
        let is_copied = |header: &str| {
            let to = copied.iter().map(|name| name.rsplit('>').next().unwrap_or(name));
            to.into_iter().any(|name| name.eq_ignore_ascii_case(header))
        };
        let missing: Vec<&str> = IDENTITY.into_iter().filter(|name| !is_copied(name)).collect();
        if !missing.is_empty() {
            let line = self.line.all("copy_headers").next().unwrap_or(self.line);
            let message = format!("the application gets the caller's own {}", listed(&missing));
            out.add(&codes::IDENTITY_NOT_COPIED, &line.place, message);
        }
    }
}

const CHECKS: &str = "/v1/check/";

/// What is the client's address, or the peer's.
const ADDRESSES: [&str; 5] = [
    "{client_ip}",
    "{http.vars.client_ip}",
    "{vars.client_ip}",
    "{remote_host}",
    "{http.request.remote.host}",
];

/// Upstreams of a proxy, without their scheme.
pub(crate) fn upstreams(line: &Line) -> Vec<&str> {
    let from = usize::from(line.args.first().is_some_and(|word| is_matcher(word)));
    let named = line.args.iter().skip(from);
    let more = line.all("to").flat_map(|to| &to.args);
    named.chain(more).map(|name| name.split_once("://").map_or(&**name, |(_, rest)| rest)).collect()
}

/// The lines of a proxy that set or remove a header of the request: `-X-*` removes many.
pub(crate) fn header_up<'a>(proxy: &'a Line, header: &str) -> impl Iterator<Item = &'a Line> {
    proxy.all("header_up").filter(move |line| names(line.arg(0), header))
}

/// Whether the first word of a `header_up` or `request_header` is about that header.
pub(crate) fn names(word: &str, header: &str) -> bool {
    let name = word.strip_prefix(['+', '-', '?', '>']).unwrap_or(word).to_ascii_lowercase();
    let header = header.to_ascii_lowercase();
    match (name.strip_suffix('*'), name.strip_prefix('*')) {
        (Some(start), _) if word.starts_with('-') => header.starts_with(start),
        (_, Some(end)) if word.starts_with('-') => header.ends_with(end),
        _ => name == header,
    }
}

/// The placeholder in a value that holds what the caller wrote.
pub(crate) fn written_by_caller(value: &str) -> Option<&str> {
    let prefixes = [
        "header.",
        "http.request.header.",
        "query",
        "http.request.uri",
        "cookie.",
        "http.request.cookie.",
        "uri",
        "path",
        "http.request.host",
        "host",
    ];
    value
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
        .find(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)))
}

/// Says which networks are trusted too much.
pub(crate) fn trusts(line: &Line, words: &[String], out: &mut Examined) {
    for word in words {
        if holds_everybody(word) {
            let message = format!("every peer in `{}` is believed about its address", shown(word));
            out.add(&codes::TRUSTS_ANYONE, &line.place, message);
        } else if word == "private_ranges" {
            let message = "every machine in a private network is believed about its address";
            out.add(&codes::TRUSTS_PRIVATE, &line.place, message);
        }
    }
}
