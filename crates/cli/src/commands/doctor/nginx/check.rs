//! Rules for the location that asks Keyward.

use super::codes;
use super::tokens::Directive;
use super::tree::{Pass, Tree};
use super::values::{only_variable, variables, written_by_caller};
use crate::commands::doctor::finding::{Examined, Place, listed, shown};

/// The location of a check, and what it passes to.
#[derive(Clone, Copy)]
pub(crate) struct Check<'t, 'a> {
    pub(crate) tree: &'t Tree<'a>,
    pub(crate) scope: usize,
    pub(crate) pass: Pass<'a>,
}

/// What a check asks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    Keyward,
    /// A path of Keyward's gate and something of the caller's in it.
    KeywardWith(String),
    /// It cannot be told: all of it is a variable.
    Unknown,
    Other,
}

/// What a `proxy_pass` of a check asks.
pub(crate) fn asks(target: &str) -> Asks {
    let Some((_, rest)) = target.split_once("://") else {
        return if target.starts_with('$') { Asks::Unknown } else { Asks::Other };
    };
    let path = match rest.strip_prefix("unix:") {
        Some(socket) => socket.split_once(':').map_or("", |(_, path)| path),
        None => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default(),
    };
    let Some(name) = path.strip_prefix("/v1/check/").filter(|name| !name.is_empty()) else {
        let whole = only_variable(rest).is_some();
        return if whole { Asks::Unknown } else { Asks::Other };
    };
    let written = |name: &&str| {
        let fixed = ["request_uri", "uri", "document_uri", "args", "query_string", "is_args"];
        fixed.contains(name) || ["http_", "arg_", "cookie_"].iter().any(|p| name.starts_with(p))
    };
    match variables(name).into_iter().find(written) {
        Some(variable) => Asks::KeywardWith(variable.to_owned()),
        None => Asks::Keyward,
    }
}

impl<'a> Check<'_, 'a> {
    /// Looks at everything that stands in the location, or is inherited by it.
    pub(crate) fn examine(&self, out: &mut Examined) {
        self.target(out);
        self.address(out);
        self.forwarded(out);
        self.original_request(out);
        self.certificate(out);
        self.credential(out);
        self.body(out);
        self.reach(out);
        self.cache(out);
        self.early_data(out);
    }

    /// Where the location stands.
    fn place(&self) -> &'a Place {
        self.tree.opened_by(self.scope).map_or(&self.pass.directive.place, |opener| &opener.place)
    }

    fn value(&self, name: &'static str) -> Option<&'a str> {
        self.tree.value(self.scope, name)
    }

    fn sent(&self, header: &str) -> Vec<(&'a Directive, &'a str)> {
        self.pass.sent(self.tree, self.scope, header)
    }

    /// Whether a header of the caller's reaches Keyward as it is.
    fn keeps(&self, header: &str) -> bool {
        self.sent(header).is_empty() && self.pass.passes_headers(self.tree, self.scope)
    }

    fn target(&self, out: &mut Examined) {
        if let Asks::KeywardWith(variable) = asks(self.pass.directive.arg(0)) {
            let message = format!("`${variable}` is a part of the path at which the check asks");
            out.add(&codes::CHECK_APPENDS_URI, &self.pass.directive.place, message);
        }
    }

    fn address(&self, out: &mut Examined) {
        let sent = self.sent("X-Real-IP");
        if sent.is_empty() {
            let message = if self.keeps("X-Real-IP") {
                "the check does not set `X-Real-IP`: the caller's own reaches Keyward, and the \
                 caller chooses its address"
            } else {
                "the check does not set `X-Real-IP`, so Keyward learns no address"
            };
            out.add(&codes::CHECK_KEEPS_ADDRESS, self.place(), message);
        }
        if let [_, (second, _), ..] = sent.as_slice() {
            let message = "the check sets `X-Real-IP` a second time, so Keyward gets two";
            out.add(&codes::CHECK_ADDRESS_TWICE, &second.place, message);
        }
        for (line, value) in sent {
            if let Some(variable) = written_by_caller(self.tree, self.scope, value) {
                let message = format!(
                    "`X-Real-IP` is set from `{}`: `${variable}` holds what the caller wrote, so \
                     the caller chooses its address",
                    shown(value)
                );
                out.add(&codes::CHECK_ADDRESS_FROM_CLIENT, &line.place, message);
            } else if only_variable(value) != Some("remote_addr") {
                let message =
                    format!("`X-Real-IP` is set from `{}`, not from `$remote_addr`", shown(value));
                out.add(&codes::CHECK_ADDRESS_UNKNOWN, &line.place, message);
            }
        }
    }

    fn forwarded(&self, out: &mut Examined) {
        let headers = ["X-Forwarded-For", "Forwarded"];
        let kept: Vec<&str> = headers.into_iter().filter(|header| self.keeps(header)).collect();
        if !kept.is_empty() {
            let message = format!("Keyward gets the caller's own {}", listed(&kept));
            out.add(&codes::CHECK_KEEPS_FORWARDED, self.place(), message);
        }
        for header in headers {
            for (line, value) in self.sent(header) {
                if written_by_caller(self.tree, self.scope, value).is_some() {
                    let value = shown(value);
                    let message = format!(
                        "`{header}` is sent to Keyward as `{value}`, which holds what the caller \
                         wrote"
                    );
                    out.add(&codes::CHECK_KEEPS_FORWARDED, &line.place, message);
                }
            }
        }
    }

    fn original_request(&self, out: &mut Examined) {
        let kept: Vec<&str> = ["X-Original-URI", "X-Original-Method"]
            .into_iter()
            .filter(|header| self.keeps(header))
            .collect();
        if !kept.is_empty() {
            let message = format!("Keyward gets the caller's own {}", listed(&kept));
            out.add(&codes::CHECK_KEEPS_ORIGINAL, self.place(), message);
        }
        for (header, variable) in [
            ("X-Original-URI", "http_x_original_uri"),
            ("X-Original-Method", "http_x_original_method"),
        ] {
            for (line, value) in self.sent(header) {
                if variables(value).contains(&variable) {
                    let message = format!("`{header}` is set from the caller's own");
                    out.add(&codes::CHECK_KEEPS_ORIGINAL, &line.place, message);
                }
            }
        }
    }

    fn certificate(&self, out: &mut Examined) {
        const HEADER: &str = "X-SSL-Client-Cert";
        if self.keeps(HEADER) {
            let message = format!("Keyward gets the caller's own `{HEADER}`");
            out.add(&codes::CHECK_KEEPS_CERTIFICATE, self.place(), message);
        }
        for (line, value) in self.sent(HEADER) {
            if written_by_caller(self.tree, self.scope, value).is_some() {
                let value = shown(value);
                let message =
                    format!("`{HEADER}` is set from `{value}`, which holds what the caller wrote");
                out.add(&codes::CHECK_KEEPS_CERTIFICATE, &line.place, message);
            }
        }
    }

    fn credential(&self, out: &mut Examined) {
        let arrives = |header: &str| {
            self.keeps(header) || self.sent(header).iter().any(|(_, value)| !value.is_empty())
        };
        if !arrives("Authorization") && !arrives("X-API-Key") {
            let message = "neither `Authorization` nor `X-API-Key` reaches Keyward";
            out.add(&codes::CHECK_DROPS_CREDENTIAL, self.place(), message);
        }
    }

    fn body(&self, out: &mut Examined) {
        let mut missing = Vec::new();
        if self.value("proxy_pass_request_body") != Some("off") {
            missing.push("proxy_pass_request_body off");
        }
        let empties = |header| self.sent(header).iter().any(|(_, value)| value.is_empty());
        if !empties("Content-Length") && self.pass.passes_headers(self.tree, self.scope) {
            missing.push("proxy_set_header Content-Length \"\"");
        }
        if !missing.is_empty() {
            let message =
                format!("the check keeps the caller's body: it lacks {}", listed(&missing));
            out.add(&codes::CHECK_KEEPS_BODY, self.place(), message);
        }
    }

    fn reach(&self, out: &mut Examined) {
        if self.tree.own(self.scope, "internal").next().is_none() {
            let message = "the check's location is not `internal`: callers can ask it themselves";
            out.add(&codes::CHECK_NOT_INTERNAL, self.place(), message);
        }
        let missing: Vec<&str> = ["proxy_connect_timeout", "proxy_read_timeout"]
            .into_iter()
            .filter(|name| self.value(name).is_none())
            .collect();
        if !missing.is_empty() {
            let message = format!("the check lacks {}", listed(&missing));
            out.add(&codes::CHECK_NO_TIMEOUT, self.place(), message);
        }
    }

    fn cache(&self, out: &mut Examined) {
        let Some(cache) = self.tree.effective(self.scope, "proxy_cache").pop() else { return };
        if cache.arg(0) == "off" {
            return;
        }
        let key = self.tree.effective(self.scope, "proxy_cache_key").pop();
        let in_key = variables(key.map_or("", |key| key.arg(0)));
        let mut missing = Vec::new();
        for (header, variable) in
            [("Authorization", "http_authorization"), ("X-API-Key", "http_x_api_key")]
        {
            if self.keeps(header) && !in_key.contains(&variable) {
                missing.push(format!("${variable}"));
            }
        }
        if !in_key.contains(&"remote_addr") && !in_key.contains(&"binary_remote_addr") {
            missing.push("$remote_addr".to_owned());
        }
        if !missing.is_empty() {
            let place = key.map_or(&cache.place, |key| &key.place);
            let message = format!("the key of the check's cache lacks {}", listed(&missing));
            out.add(&codes::CHECK_CACHE_KEY, place, message);
        }
        for line in self.tree.effective(self.scope, "proxy_ignore_headers") {
            if line.args.iter().any(|name| name.eq_ignore_ascii_case("Cache-Control")) {
                let message = "the check's answers are kept although Keyward says `no-store`";
                out.add(&codes::CHECK_IGNORES_NO_STORE, &line.place, message);
            }
        }
    }

    fn early_data(&self, out: &mut Examined) {
        let server = self.tree.server(self.scope);
        let Some(on) = self.tree.effective(server, "ssl_early_data").pop() else { return };
        let told = self.sent("Early-Data");
        if on.arg(0) == "on" && !told.iter().any(|(_, value)| value.contains("ssl_early_data")) {
            let message = "TLS early data is on and the check does not tell Keyward of it";
            out.add(&codes::EARLY_DATA, &on.place, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyward_is_known_by_its_path() {
        assert_eq!(asks("http://keyward/v1/check/default"), Asks::Keyward);
        assert_eq!(asks("http://unix:/run/keyward.sock:/v1/check/edge"), Asks::Keyward);
        assert_eq!(asks("http://127.0.0.1:8081/v1/check/${edge}"), Asks::Keyward);
        assert_eq!(
            asks("http://keyward/v1/check/default$request_uri"),
            Asks::KeywardWith("request_uri".to_owned())
        );
        assert_eq!(asks("http://keyward"), Asks::Other);
        assert_eq!(asks("http://keyward/"), Asks::Other);
        assert_eq!(asks("http://keyward/v1/check/"), Asks::Other);
        assert_eq!(asks("http://oauth2/verify"), Asks::Other);
        assert_eq!(asks("$target"), Asks::Unknown);
        assert_eq!(asks("http://$target"), Asks::Unknown);
    }
}
