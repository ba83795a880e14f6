//! Rules for what stands behind a check, beside it, and where errors are handled.

use std::collections::BTreeSet;

use super::check::{header_up, written_by_caller};
use super::codes;
use super::failure::status;
use super::routes::{Guarded, Proxy};
use super::tokens::Line;
use crate::commands::doctor::finding::{Examined, listed, shown};
use crate::commands::doctor::identity::{IDENTITY, IDENTITY_OR_ASSERTION};

/// Looks at every proxy of a configuration.
pub(crate) fn examine(
    proxies: &[Proxy<'_>],
    used: &BTreeSet<*const Line>,
    guarded: &BTreeSet<&str>,
    out: &mut Examined,
) {
    for proxy in proxies {
        let leads_there = proxy.upstreams().iter().any(|name| guarded.contains(name));
        let name = shown(proxy.upstreams().first().copied().unwrap_or_default());
        let place = &proxy.line.place;
        match proxy.guarded {
            Guarded::ByKeyward => {
                identity(proxy.line, out);
                if !proxy.keeps_protocol {
                    let message = format!("a caller chooses the protocol that `{name}` takes up");
                    out.add(&codes::OTHER_PROTOCOL, place, message);
                }
            }
            Guarded::ByOther => {}
            Guarded::No if proxy.on_error => {
                if leads_there && !proxy.conditional {
                    let message = "when the check fails, the request is passed to the application";
                    out.add(&codes::FAILS_OPEN, place, message);
                } else {
                    let message = format!("on an error the request is passed to `{name}`");
                    out.add(&codes::FAILURE_GOES_ELSEWHERE, place, message);
                }
            }
            Guarded::No if leads_there && !proxy.cleared => {
                let message = format!("`{name}`, which is guarded elsewhere, is open here");
                out.add(&codes::UNGUARDED_ROUTE, place, message);
            }
            Guarded::No => {
                // Where no other proxy takes the requests that the check is for, this one does.
                let unused = |from: &Line| !used.contains(&std::ptr::from_ref(from));
                if let Some((_, some)) = proxy.partly.filter(|(from, _)| unused(from)) {
                    let message = format!(
                        "`{name}` gets every request, and the check is asked for `{}` alone",
                        shown(some)
                    );
                    out.add(&codes::UNGUARDED_ROUTE, place, message);
                }
            }
        }
    }
}

/// Looks at what is answered on errors.
pub(crate) fn error_answers(answers: &[&Line], out: &mut Examined) {
    for line in answers {
        if let Some(status) = status(line).filter(|status| status.starts_with('2')) {
            let message = format!("when the check fails, the caller is told {}", shown(status));
            out.add(&codes::FAILS_OPEN, &line.place, message);
        }
    }
}

fn identity(proxy: &Line, out: &mut Examined) {
    let missing: Vec<&str> =
        IDENTITY.into_iter().filter(|name| header_up(proxy, name).next().is_none()).collect();
    if !missing.is_empty() {
        let message = format!("a caller can have {} removed after the check", listed(&missing));
        out.add(&codes::IDENTITY_STRIPPABLE, &proxy.place, message);
    }
    for header in IDENTITY_OR_ASSERTION {
        for line in header_up(proxy, header) {
            let value = line.arg(1);
            let itself = ["header", "http.request.header"]
                .iter()
                .any(|place| value.eq_ignore_ascii_case(&format!("{{{place}.{header}}}")));
            if let Some(source) = written_by_caller(value).filter(|_| !itself) {
                let message = format!(
                    "`{header}` is set from `{{{}}}`, which holds what the caller wrote",
                    shown(source)
                );
                out.add(&codes::IDENTITY_FROM_CLIENT, &line.place, message);
            }
        }
    }
    for line in header_up(proxy, "X-Gateway-Token").filter(|line| line.args.len() > 1) {
        let message = "the application is sent this gateway's token";
        out.add(&codes::TOKEN_TO_APP, &line.place, message);
    }
}
