//! Rules for the locations that a check guards, and for those that it should.

use super::codes;
use super::guards::{Guard, Guards};
use super::tokens::Directive;
use super::tree::{Kind, Matching, Pass, Tree};
use super::values::{only_variable, written_by_caller};
use crate::commands::doctor::finding::{Examined, Place, listed, shown};
use crate::commands::doctor::identity::{IDENTITY, IDENTITY_OR_ASSERTION};

/// Looks at every location but the checks themselves.
pub(crate) fn examine(tree: &Tree<'_>, guards: &Guards<'_>, out: &mut Examined) {
    let rules = Rules { tree, guards };
    for (scope, _) in tree.all().filter(|(scope, _)| !guards.is_check(*scope)) {
        let guard = guards.of(scope);
        if matches!(guard, Guard::Keyward) {
            rules.before_the_check(scope, out);
            rules.satisfy(scope, out);
            out.guarded += usize::from(rules.counts(scope));
        }
        if let Some(pass) = Pass::of(tree, scope) {
            match guard {
                Guard::Keyward | Guard::Lent(_) => {
                    rules.identity(scope, &pass, out);
                    rules.token(scope, &pass, out);
                    rules.upgrade(scope, &pass, out);
                }
                Guard::Off(_) | Guard::None => rules.open(scope, &pass, out),
                Guard::Other => {}
            }
        }
    }
}

struct Rules<'t, 'a> {
    tree: &'t Tree<'a>,
    guards: &'t Guards<'a>,
}

impl<'a> Rules<'_, 'a> {
    /// Whether a guarded block counts as a guarded location.
    fn counts(&self, scope: usize) -> bool {
        match self.tree.matching(scope) {
            Some(Matching::Named(_)) => Pass::of(self.tree, scope).is_some(),
            Some(_) => true,
            // A part that is included in a location.
            None => {
                self.tree.kind(scope) == Some(Kind::Root)
                    && self.tree.own(scope, "auth_request").next().is_some()
                    && !self.tree.has_locations(scope)
            }
        }
    }

    /// What happens in the rewrite phase, which comes before the check.
    fn before_the_check(&self, scope: usize, out: &mut Examined) {
        let server = self.tree.server(scope);
        let outer = self.tree.own(server, "return").filter(|_| server != scope);
        for answer in self.tree.own(scope, "return").chain(outer) {
            if answer.arg(0).starts_with('2') {
                let status = shown(answer.arg(0));
                let message = format!("`return {status}` answers before the check is asked");
                out.add(&codes::RETURN_BEFORE_CHECK, &answer.place, message);
            }
        }
        // Under a condition it is a nicety, such as the way to https.
        let always = self.tree.kind(scope) != Some(Kind::Within);
        for answer in self.tree.own(scope, "return").filter(|_| always) {
            if answer.arg(0).starts_with(['3', 'h', '/', '$']) {
                let target = shown(&answer.args.join(" "));
                let message = format!("`return {target}` redirects before the check is asked");
                out.add(&codes::REDIRECT_BEFORE_CHECK, &answer.place, message);
            }
        }
        for rewrite in self.tree.own(scope, "rewrite") {
            self.rewrite(scope, rewrite, out);
        }
    }

    fn rewrite(&self, scope: usize, rewrite: &Directive, out: &mut Examined) {
        let target = rewrite.arg(1);
        let fixed = target.split('$').next().unwrap_or(target);
        if !matches!(rewrite.arg(2), "" | "last") || !fixed.starts_with('/') {
            return;
        }
        let Some(found) = self.tree.resolve(self.tree.server(scope), fixed) else { return };
        let is_open = matches!(self.guards.of(found), Guard::None | Guard::Off(_));
        if is_open && !self.guards.is_check(found) && Pass::of(self.tree, found).is_some() {
            let line = self.tree.opened_by(found).map_or(0, |opener| opener.place.line);
            let message = format!(
                "`rewrite` goes on to the location of line {line}, which has no check, before the \
                 one here is asked"
            );
            out.add(&codes::REWRITE_SKIPS_CHECK, &rewrite.place, message);
        }
    }

    fn satisfy(&self, scope: usize, out: &mut Examined) {
        if let Some(line) = self.tree.effective(scope, "satisfy").pop()
            && line.arg(0) == "any"
        {
            let message = "`satisfy any` lets requests in that Keyward refuses";
            out.add(&codes::SATISFY_ANY, &line.place, message);
        }
    }

    /// Whether everything that names the caller comes from the check's answer.
    fn identity(&self, scope: usize, pass: &Pass<'a>, out: &mut Examined) {
        if !pass.passes_headers(self.tree, scope) {
            return;
        }
        let missing: Vec<&str> = IDENTITY
            .into_iter()
            .filter(|header| pass.sent(self.tree, scope, header).is_empty())
            .collect();
        if !missing.is_empty() {
            let mut message = format!("the application gets the caller's own {}", listed(&missing));
            if let Some((dropper, dropped)) = self.dropped(scope, pass, &missing) {
                message.push_str(&format!(
                    ": the `{}` of line {} drops what line {} sets",
                    pass.sets, dropper.line, dropped.line
                ));
            }
            out.add(&codes::IDENTITY_NOT_SET, &pass.directive.place, message);
        }
        for header in IDENTITY_OR_ASSERTION {
            for (line, value) in pass.sent(self.tree, scope, header) {
                self.identity_value(scope, header, (line, value), out);
            }
        }
    }

    /// The line that drops, and one outside that would have set a missing header.
    fn dropped(
        &self,
        scope: usize,
        pass: &Pass<'a>,
        missing: &[&str],
    ) -> Option<(&'a Place, &'a Place)> {
        let dropper = self.tree.effective(scope, pass.sets).first().copied()?;
        let mut outside = self.tree.around(scope).flat_map(|level| self.tree.own(level, pass.sets));
        let dropped = outside.find(|line| missing.iter().any(|name| pass.is_for(line, name)))?;
        Some((&dropper.place, &dropped.place))
    }

    fn identity_value(
        &self,
        scope: usize,
        header: &str,
        (line, value): (&Directive, &str),
        out: &mut Examined,
    ) {
        if let Some(variable) = written_by_caller(self.tree, scope, value) {
            let message =
                format!("`{header}` is set from `${variable}`, which holds what the caller wrote");
            out.add(&codes::IDENTITY_FROM_CLIENT, &line.place, message);
            return;
        }
        let Some(variable) = only_variable(value) else { return };
        let is_it = |set: &&&Directive| set.arg(0).strip_prefix('$') == Some(variable);
        let sets = self.guards.answers(self.tree, scope);
        let message = match sets.iter().find(is_it).map(|set| set.arg(1)) {
            Some(source) => {
                let wanted = format!("$upstream_http_{}", header.to_lowercase().replace('-', "_"));
                if source.eq_ignore_ascii_case(&wanted) {
                    return;
                }
                if let Some(from) = written_by_caller(self.tree, scope, source) {
                    let message = format!(
                        "`{header}` is set from `${variable}`, and that from `${from}`, which holds \
                         what the caller wrote"
                    );
                    out.add(&codes::IDENTITY_FROM_CLIENT, &line.place, message);
                    return;
                }
                format!("`{header}` is set from `{}`, which is something else", shown(source))
            }
            None if variable.starts_with("upstream_") => format!(
                "`{header}` is set from `${variable}`, which is the application's answer, not the \
                 check's"
            ),
            None => {
                let mut all = self.tree.all();
                let set = all.find_map(|(at, _)| {
                    self.tree.own(at, "auth_request_set").find(|set| is_it(&set))
                });
                let Some(set) = set else { return };
                format!(
                    "`{header}` is set from `${variable}`, but the `auth_request_set` of line {} is \
                     not in force here",
                    set.place.line
                )
            }
        };
        out.add(&codes::IDENTITY_NOT_FROM_CHECK, &line.place, message);
    }

    fn token(&self, scope: usize, pass: &Pass<'a>, out: &mut Examined) {
        for (line, value) in pass.sent(self.tree, scope, "X-Gateway-Token") {
            if !value.is_empty() {
                let message = "the application is sent this gateway's token";
                out.add(&codes::TOKEN_TO_APP, &line.place, message);
            }
        }
    }

    /// Whether another protocol than WebSocket can be taken up.
    fn upgrade(&self, scope: usize, pass: &Pass<'a>, out: &mut Examined) {
        for (line, value) in pass.sent(self.tree, scope, "Upgrade") {
            if let Some(variable) = written_by_caller(self.tree, scope, value) {
                let message = format!(
                    "`Upgrade` is set from `${variable}`, so the caller chooses the protocol"
                );
                out.add(&codes::OTHER_PROTOCOL, &line.place, message);
            }
        }
    }

    /// A location that passes requests on without a check.
    fn open(&self, scope: usize, pass: &Pass<'a>, out: &mut Examined) {
        let named = matches!(self.tree.matching(scope), Some(Matching::Named(_)));
        let internal = self.tree.own(scope, "internal").next().is_some();
        if named || internal || self.is_cleared(scope, pass) {
            return;
        }
        let upstream = shown(pass.upstream());
        if let Guard::Off(off) = self.guards.of(scope) {
            let message = format!("`auth_request off` opens the way to `{upstream}`");
            out.add(&codes::LOCATION_OPTS_OUT, &off.place, message);
        } else if self.guards.guards_upstream(pass.upstream()) {
            let message = format!("`{upstream}`, which is guarded elsewhere, is open here");
            out.add(&codes::UNGUARDED_ROUTE, &pass.directive.place, message);
        }
    }

    /// Whether the caller can write none of the identity headers, which is how a location looks
    /// that is meant to be public.
    fn is_cleared(&self, scope: usize, pass: &Pass<'a>) -> bool {
        let safe = |header: &&'static str| {
            let lines = pass.sent(self.tree, scope, header);
            let safe = |value| written_by_caller(self.tree, scope, value).is_none();
            !lines.is_empty() && lines.iter().all(|(_, value)| safe(value))
        };
        !pass.passes_headers(self.tree, scope) || IDENTITY.iter().all(safe)
    }
}
