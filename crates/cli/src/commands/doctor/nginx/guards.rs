//! Which locations a check guards, and which locations are checks.

use std::collections::{BTreeMap, BTreeSet};

use super::check::{Asks, Check, asks};
use super::codes;
use super::tokens::Directive;
use super::tree::{Kind, Matching, Pass, Tree};
use crate::commands::doctor::finding::common::OTHER_CHECK;
use crate::commands::doctor::finding::{Examined, shown};

/// What stands in front of a block.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Guard<'a> {
    /// Keyward is asked.
    Keyward,
    /// Nobody is asked here, and one comes here only from a guarded location.
    Lent(usize),
    /// Another service is asked.
    Other,
    /// Nobody is asked here although somebody is outside.
    Off(&'a Directive),
    /// Nobody is asked.
    None,
}

/// The checks of a configuration and what they guard.
#[derive(Debug, Default)]
pub(crate) struct Guards<'a> {
    /// Locations that are checks, and what they pass to.
    checks: BTreeMap<usize, Pass<'a>>,
    /// Locations that ask another service, where Keyward is asked too.
    others: BTreeSet<usize>,
    /// What stands in front of each block.
    guards: Vec<Guard<'a>>,
    /// What guarded locations pass to.
    upstreams: BTreeSet<&'a str>,
}

/// Where an `auth_request` leads in a server.
#[derive(Debug, Clone, Copy)]
struct Link<'a> {
    directive: &'a Directive,
    server: usize,
    location: Option<usize>,
}

impl<'a> Guards<'a> {
    /// Finds the checks and says which are none.
    pub(crate) fn find(tree: &Tree<'a>, out: &mut Examined) -> Self {
        let mut guards = Self::default();
        let mut strangers: BTreeMap<usize, Option<Pass<'a>>> = BTreeMap::new();
        let links = links(tree);
        for link in &links {
            let Some(location) = link.location.filter(|at| !falls_through(tree, link, *at)) else {
                missing(tree, link, out);
                continue;
            };
            let pass = Pass::of(tree, location);
            match pass.filter(|pass| pass.directive.name == "proxy_pass") {
                Some(pass) if asks(pass.directive.arg(0)) != Asks::Other => {
                    guards.checks.insert(location, pass);
                }
                _ => {
                    strangers.insert(location, pass);
                }
            }
        }
        guards.sort_out(tree, strangers, out);
        if links.is_empty() {
            unused(tree, out);
        }
        let mut by_line: BTreeMap<*const Directive, Vec<Link<'a>>> = BTreeMap::new();
        for link in links {
            by_line.entry(std::ptr::from_ref(link.directive)).or_default().push(link);
        }
        guards.guards = tree.all().map(|(scope, _)| guards.guard(tree, &by_line, scope)).collect();
        guards.lend(tree);
        let asked = |scope: &usize| matches!(guards.of(*scope), Guard::Keyward | Guard::Lent(_));
        let scopes = tree.all().map(|(scope, _)| scope);
        let passes = scopes.filter(asked).filter_map(|scope| Pass::of(tree, scope));
        guards.upstreams = passes.map(|pass| pass.upstream()).collect();
        guards
    }

    pub(crate) fn of(&self, scope: usize) -> Guard<'a> {
        self.guards.get(scope).copied().unwrap_or(Guard::None)
    }

    pub(crate) fn is_check(&self, scope: usize) -> bool {
        self.checks.contains_key(&scope) || self.others.contains(&scope)
    }

    pub(crate) fn checks<'t>(&'t self, tree: &'t Tree<'a>) -> impl Iterator<Item = Check<'t, 'a>> {
        self.checks.iter().map(|(&scope, &pass)| Check { tree, scope, pass })
    }

    /// Whether that is what guarded locations pass to.
    pub(crate) fn guards_upstream(&self, upstream: &str) -> bool {
        self.upstreams.contains(upstream)
    }

    /// The lines that keep parts of the check's answer for a block.
    pub(crate) fn answers(&self, tree: &Tree<'a>, scope: usize) -> Vec<&'a Directive> {
        let mut sets = tree.effective(scope, "auth_request_set");
        if let Guard::Lent(by) = self.of(scope) {
            sets.extend(tree.effective(by, "auth_request_set"));
        }
        sets
    }

    /// Locations that do not ask Keyward: other services' where Keyward is asked too, else mistakes.
    fn sort_out(
        &mut self,
        tree: &Tree<'a>,
        strangers: BTreeMap<usize, Option<Pass<'a>>>,
        out: &mut Examined,
    ) {
        let keyward: BTreeSet<&str> = self.checks.values().map(Pass::upstream).collect();
        for (location, pass) in strangers {
            let place = match (pass, tree.opened_by(location)) {
                (Some(pass), _) => &pass.directive.place,
                (None, Some(opener)) => &opener.place,
                (None, None) => continue,
            };
            let elsewhere = pass.is_some_and(|pass| !keyward.contains(pass.upstream()));
            if elsewhere && !keyward.is_empty() {
                out.add(&OTHER_CHECK, place, "this check asks another service than Keyward");
                self.others.insert(location);
                continue;
            }
            let message = match pass {
                Some(pass) => {
                    format!("the check asks `{}`", shown(pass.directive.arg(0)))
                }
                None => "the check's location asks nobody".to_owned(),
            };
            out.add(&codes::CHECK_NOT_KEYWARD, place, message);
            match pass {
                Some(pass) => {
                    self.checks.insert(location, pass);
                }
                None => {
                    self.others.insert(location);
                    out.checks += 1;
                }
            }
        }
    }

    fn guard(
        &self,
        tree: &Tree<'a>,
        links: &BTreeMap<*const Directive, Vec<Link<'a>>>,
        scope: usize,
    ) -> Guard<'a> {
        let Some(directive) = tree.effective(scope, "auth_request").pop() else {
            return Guard::None;
        };
        if directive.arg(0) == "off" {
            let is_on = |at| tree.own(at, "auth_request").any(|line| line.arg(0) != "off");
            let outside = tree.around(scope).any(is_on);
            return if outside { Guard::Off(directive) } else { Guard::None };
        }
        let servers = tree.servers(scope);
        let links = links.get(&std::ptr::from_ref(directive)).into_iter().flatten();
        let mut here = links.filter(|link| servers.contains(&link.server));
        let other = |at: usize| self.others.contains(&at) && !self.checks.contains_key(&at);
        let is_other = here.any(|link| link.location.is_some_and(other));
        if is_other { Guard::Other } else { Guard::Keyward }
    }

    /// A named location that asks nobody and that a guarded one falls back to is guarded by it: the
    /// check comes before `try_files`, and its variables stay.
    fn lend(&mut self, tree: &Tree<'a>) {
        for (scope, _) in tree.all() {
            if !matches!(self.of(scope), Guard::Keyward) {
                continue;
            }
            for line in tree.own(scope, "try_files") {
                let Some(last) = line.args.last().filter(|last| last.starts_with('@')) else {
                    continue;
                };
                let found = tree.resolve(tree.server(scope), last);
                if let Some(guard) = found.and_then(|at| self.guards.get_mut(at))
                    && matches!(guard, Guard::None)
                {
                    *guard = Guard::Lent(scope);
                }
            }
        }
    }
}

fn links<'a>(tree: &Tree<'a>) -> Vec<Link<'a>> {
    let mut links = Vec::new();
    let mut resolved: BTreeMap<(usize, &str), Option<usize>> = BTreeMap::new();
    for (scope, _) in tree.all() {
        for directive in tree.own(scope, "auth_request").filter(|line| line.arg(0) != "off") {
            for server in tree.servers(scope) {
                let target = directive.arg(0);
                let location = *resolved
                    .entry((server, target))
                    .or_insert_with(|| tree.resolve(server, target));
                links.push(Link { directive, server, location });
            }
        }
    }
    links
}

/// Whether the question goes to a location that is itself guarded by it: the application's.
fn falls_through(tree: &Tree<'_>, link: &Link<'_>, location: usize) -> bool {
    let guard = tree.effective(location, "auth_request").pop();
    let same = guard.is_some_and(|guard| std::ptr::eq(guard, link.directive));
    let asks_keyward =
        Pass::of(tree, location).is_some_and(|pass| asks(pass.directive.arg(0)) != Asks::Other);
    let by_prefix = matches!(tree.matching(location), Some(Matching::Prefix(_)));
    by_prefix && same && !asks_keyward
}

/// A whole server whose check's location nobody names. A part of one may be named elsewhere.
fn unused(tree: &Tree<'_>, out: &mut Examined) {
    for (scope, _) in tree.all() {
        if tree.kind(tree.server(scope)) != Some(Kind::Server) {
            continue;
        }
        if let Some(pass) = Pass::of(tree, scope)
            && asks(pass.directive.arg(0)) != Asks::Other
        {
            let message =
                format!("nothing asks whether `{}` lets in", shown(pass.directive.arg(0)));
            out.add(&codes::CHECK_UNUSED, &pass.directive.place, message);
            out.checks += 1;
        }
    }
}

fn missing(tree: &Tree<'_>, link: &Link<'_>, out: &mut Examined) {
    let name = shown(link.directive.arg(0));
    let known = out.findings.len();
    if tree.kind(link.server) == Some(Kind::Server) {
        let message = format!("no location is called `{name}`");
        out.add(&codes::CHECK_LOCATION_MISSING, &link.directive.place, message);
    } else {
        let message = format!("the location `{name}` is not in what was read");
        out.add(&codes::CHECK_LOCATION_NOT_SEEN, &link.directive.place, message);
    }
    // It is asked, even where the answer is not seen.
    out.checks += out.findings.len() - known;
}
