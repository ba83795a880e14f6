//! Caddy: `forward_auth` in a Caddyfile, and what stands around it.

mod behind;
mod check;
mod codes;
mod failure;
mod import;
mod matching;
mod options;
mod routes;
mod tokens;

use std::collections::BTreeSet;
use std::path::Path;

use self::check::Check;
use self::import::Importer;
use self::routes::{Guarded, Walk};
use self::tokens::Line;
use super::finding::common::OTHER_CHECK;
use super::finding::{Examined, Fault};
use super::reading::Budget;

#[cfg(test)]
pub(crate) use codes::ALL as CODES;

/// Directives by which a part of a site is told from a site.
const DIRECTIVES: [&str; 24] = [
    "basic_auth",
    "encode",
    "error",
    "file_server",
    "forward_auth",
    "handle",
    "handle_errors",
    "handle_path",
    "header",
    "intercept",
    "log",
    "php_fastcgi",
    "redir",
    "request_body",
    "request_header",
    "respond",
    "reverse_proxy",
    "rewrite",
    "root",
    "route",
    "tls",
    "try_files",
    "uri",
    "vars",
];

/// Whether a text looks like this program's.
pub(crate) fn looks_like_it(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim);
    let known = ["forward_auth ", "reverse_proxy ", "trusted_proxies "];
    lines.any(|line| known.iter().any(|word| line.starts_with(word)) && !line.ends_with(';'))
}

/// Judges a file and what it imports.
pub(crate) fn examine(path: &Path, text: &str, budget: &mut Budget) -> Result<Examined, Fault> {
    if text.trim_start().starts_with('{') && serde_json::from_str::<serde_json::Value>(text).is_ok()
    {
        let message = "is Caddy's JSON; give the Caddyfile that it is made from".to_owned();
        return Err(Fault { place: path.display().to_string(), message });
    }
    let mut out = Examined::default();
    let lines = Importer::new(budget, &mut out).read(path, text)?;
    for options in lines.iter().filter(|line| line.name.is_empty()) {
        options::examine(options, &mut out);
    }
    let checks = checks(&lines);
    let others = sort_out(&checks, &mut out);
    let mut walk = Walk {
        others: &others,
        proxies: Vec::new(),
        used: BTreeSet::new(),
        error_answers: Vec::new(),
        out: &mut out,
    };
    for site in sites(&lines) {
        walk.site(site);
    }
    let Walk { proxies, used, error_answers, .. } = walk;
    let asked = proxies.iter().filter(|proxy| proxy.guarded == Guarded::ByKeyward);
    let guarded: BTreeSet<&str> = asked.flat_map(routes::Proxy::upstreams).collect();
    behind::examine(&proxies, &used, &guarded, &mut out);
    behind::error_answers(&error_answers, &mut out);
    for check in checks.iter().filter(|check| !others.contains(&std::ptr::from_ref(check.line))) {
        check.examine(&mut out);
        failure::in_check(check, &guarded, &mut out);
        out.checks += 1;
    }
    Ok(out)
}

/// Every check, in whatever block.
fn checks(lines: &[Line]) -> Vec<Check<'_>> {
    let mut found = Vec::new();
    let mut left: Vec<&Line> = lines.iter().rev().collect();
    while let Some(line) = left.pop() {
        found.extend(Check::of(line));
        left.extend(line.inner().iter().rev());
    }
    found
}

/// The checks that ask another service. Where none asks Keyward, that is the mistake.
fn sort_out(checks: &[Check<'_>], out: &mut Examined) -> BTreeSet<*const Line> {
    let asked = checks.iter().filter(|check| check.asks_keyward());
    let keyward: BTreeSet<&str> = asked.flat_map(Check::upstreams).collect();
    let mut others = BTreeSet::new();
    for check in checks.iter().filter(|check| !check.asks_keyward()) {
        let elsewhere = !check.upstreams().iter().any(|name| keyward.contains(name));
        if elsewhere && !keyward.is_empty() {
            let message = "this check asks another service than Keyward";
            out.add(&OTHER_CHECK, &check.line.place, message);
            others.insert(std::ptr::from_ref(check.line));
        } else {
            check.not_keyward(out);
        }
    }
    others
}

/// What stands in each site. A file may also be a part of a site, or one site without braces.
fn sites(lines: &[Line]) -> Vec<&[Line]> {
    let is_site = |line: &&Line| {
        let named = !line.name.is_empty() && !line.name.starts_with('@');
        named && line.block.is_some() && !DIRECTIVES.contains(&line.name.as_str())
    };
    let sites: Vec<&[Line]> = lines.iter().filter(is_site).map(Line::inner).collect();
    if sites.is_empty() { vec![lines] } else { sites }
}

#[cfg(test)]
mod tests;
