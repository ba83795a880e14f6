//! The header lines that a check reads, found in one pass.
//!
//! A look-up in a header map hashes its name. A check looks for a dozen, most of which are not
//! there, so going through those that are is several times faster.

use http::HeaderMap;
use http::header::HeaderValue;
use keyward_allowlist::HeaderLines;

use crate::request::Ambiguous;

/// What is there under one name.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Line<'a> {
    #[default]
    None,
    One(&'a HeaderValue),
    Several,
}

impl<'a> Line<'a> {
    fn add(&mut self, value: &'a HeaderValue) {
        *self = match self {
            Self::None => Self::One(value),
            Self::One(_) | Self::Several => Self::Several,
        };
    }

    /// The value of a header that may stand there once.
    pub(crate) fn once(self) -> Result<Option<&'a str>, Ambiguous> {
        match self {
            Self::None => Ok(None),
            Self::One(value) => value.to_str().map(Some).map_err(|_| Ambiguous),
            Self::Several => Err(Ambiguous),
        }
    }
}

/// The headers of a check.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lines<'a> {
    pub(crate) all: &'a HeaderMap,
    pub(crate) authorization: Line<'a>,
    pub(crate) api_key: Line<'a>,
    pub(crate) dpop: Line<'a>,
    pub(crate) gateway_token: Line<'a>,
    real_ip: Line<'a>,
    original_method: Line<'a>,
    original_uri: Line<'a>,
    original_url: Line<'a>,
    forwarded_method: Line<'a>,
    forwarded_uri: Line<'a>,
    origin: bool,
    preflight_method: bool,
    /// Whether the route asks for more than its gateway.
    pub(crate) narrows: bool,
    /// Whether the request came as TLS early data (RFC 8470 §5.1), as the gateway says.
    pub(crate) is_early: bool,
}

impl<'a> Lines<'a> {
    pub(crate) fn of(all: &'a HeaderMap) -> Self {
        let mut lines = Self {
            all,
            authorization: Line::None,
            api_key: Line::None,
            dpop: Line::None,
            gateway_token: Line::None,
            real_ip: Line::None,
            original_method: Line::None,
            original_uri: Line::None,
            original_url: Line::None,
            forwarded_method: Line::None,
            forwarded_uri: Line::None,
            origin: false,
            preflight_method: false,
            narrows: false,
            is_early: false,
        };
        for (name, value) in all {
            lines.add(name.as_str(), value);
        }
        lines
    }

    fn add(&mut self, name: &str, value: &'a HeaderValue) {
        match name {
            "authorization" => self.authorization.add(value),
            "x-api-key" => self.api_key.add(value),
            "dpop" => self.dpop.add(value),
            "x-gateway-token" => self.gateway_token.add(value),
            "x-real-ip" => self.real_ip.add(value),
            "x-original-method" => self.original_method.add(value),
            "x-original-uri" => self.original_uri.add(value),
            "x-original-url" => self.original_url.add(value),
            "x-forwarded-method" => self.forwarded_method.add(value),
            "x-forwarded-uri" => self.forwarded_uri.add(value),
            "origin" => self.origin = true,
            "access-control-request-method" => self.preflight_method = true,
            "x-require-audience" | "x-require-scope" => self.narrows = true,
            // A line that is not a single `1` counts as one (RFC 8470 §5.1).
            "early-data" => self.is_early = true,
            _ => {}
        }
    }

    /// A header that a gateway writes: once or not at all.
    pub(crate) fn once(&self, name: &'static str) -> Result<Option<&'a str>, Ambiguous> {
        match name {
            "x-original-method" => self.original_method.once(),
            "x-original-uri" => self.original_uri.once(),
            "x-original-url" => self.original_url.once(),
            "x-forwarded-method" => self.forwarded_method.once(),
            "x-forwarded-uri" => self.forwarded_uri.once(),
            _ => {
                let mut line = Line::None;
                self.all.get_all(name).iter().for_each(|value| line.add(value));
                line.once()
            }
        }
    }

    /// Whether both headers of a preflight are there.
    pub(crate) fn has_preflight_headers(&self) -> bool {
        self.origin && self.preflight_method
    }
}

impl HeaderLines for Lines<'_> {
    fn lines<'b>(&'b self, name: &str) -> impl Iterator<Item = &'b [u8]> {
        let found = match (name, self.real_ip) {
            ("x-real-ip", Line::None) => Some(None),
            ("x-real-ip", Line::One(value)) => Some(Some(value)),
            _ => None,
        };
        let looked_up = found.is_none().then(|| self.all.get_all(name).iter());
        let values = found.flatten().into_iter().chain(looked_up.into_iter().flatten());
        values.map(HeaderValue::as_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn one_line_is_read_and_two_are_ambiguous() {
        let all = headers(&[
            ("x-original-uri", "/a"),
            ("x-forwarded-uri", "/a"),
            ("x-forwarded-uri", "/a"),
            ("x-other", "1"),
        ]);
        let lines = Lines::of(&all);
        assert_eq!(lines.once("x-original-uri"), Ok(Some("/a")));
        assert_eq!(lines.once("x-forwarded-uri"), Err(Ambiguous));
        assert_eq!(lines.once("x-original-method"), Ok(None));
        assert_eq!(lines.once("x-other"), Ok(Some("1")));
    }

    #[test]
    fn all_lines_of_a_name_are_given_in_order() {
        for name in ["x-real-ip", "x-forwarded-for"] {
            for count in 0..3 {
                let some = [(name, "192.0.2.1"), (name, "192.0.2.2")];
                let all = headers(&some[..count]);
                let lines = Lines::of(&all);
                let expected: Vec<&[u8]> =
                    some[..count].iter().map(|(_, v)| v.as_bytes()).collect();
                assert_eq!(lines.lines(name).collect::<Vec<_>>(), expected, "{name}");
            }
        }
    }

    #[test]
    fn flags_are_raised_by_any_line() {
        let all = headers(&[
            ("early-data", "1"),
            ("origin", "https://a"),
            ("access-control-request-method", "PUT"),
            ("x-require-scope", "a"),
        ]);
        let lines = Lines::of(&all);
        assert!(lines.is_early && lines.has_preflight_headers() && lines.narrows);
        let all = headers(&[("early-data", "0")]);
        assert!(Lines::of(&all).is_early, "what is invalid counts as 1");
        let all = headers(&[("origin", "https://a")]);
        let lines = Lines::of(&all);
        assert!(!lines.is_early && !lines.has_preflight_headers() && !lines.narrows);
    }
}
