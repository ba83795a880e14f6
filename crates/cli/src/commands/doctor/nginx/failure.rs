//! What happens when the check refuses or fails: `error_page`.
//!
//! nginx makes 500 of every failed check, so in a guarded location only 500, 401 and 403 can come
//! from it; 502 and 504 there are the application's, after the check. In the check's own location
//! they are the gate's.

use super::codes;
use super::guards::{Guard, Guards};
use super::tokens::Directive;
use super::tree::{Kind, Pass, Tree};
use crate::commands::doctor::finding::{Examined, shown};

/// Looks at what becomes of refusals and failures, in guarded locations and in checks.
pub(crate) fn examine(tree: &Tree<'_>, guards: &Guards<'_>, out: &mut Examined) {
    for (scope, _) in tree.all() {
        let of_location =
            matches!(tree.kind(scope), Some(Kind::Location | Kind::Within | Kind::Root));
        if of_location && !guards.is_check(scope) && matches!(guards.of(scope), Guard::Keyward) {
            for line in tree.effective(scope, "error_page") {
                let page = ErrorPage::of(line);
                page.guarded(tree, guards, scope, out);
            }
        }
    }
    for check in guards.checks(tree) {
        for line in tree.effective(check.scope, "error_page") {
            ErrorPage::of(line).in_check(tree, guards, check.scope, out);
        }
    }
}

/// `error_page code … [=[response]] target`.
struct ErrorPage<'a> {
    line: &'a Directive,
    codes: Vec<&'a str>,
    /// The status that is answered: none for the failure's own, empty for the target's.
    response: Option<&'a str>,
    target: &'a str,
}

/// What a target does.
enum Target<'a> {
    /// It passes to an upstream and asks nobody.
    Passes(&'a str),
    Succeeds,
    /// It refuses, redirects or asks Keyward itself.
    Safe,
}

impl<'a> ErrorPage<'a> {
    fn of(line: &'a Directive) -> Self {
        let mut words: Vec<&str> = line.args.iter().map(String::as_str).collect();
        let target = words.pop().unwrap_or_default();
        let response = words.iter().find_map(|word| word.strip_prefix('='));
        words.retain(|word| !word.starts_with('='));
        Self { line, codes: words, response, target }
    }

    fn has(&self, codes: &[&str]) -> bool {
        self.codes.iter().any(|code| codes.contains(code))
    }

    /// Whether the caller (or `auth_request`) sees a success when the target does something.
    fn succeeds(&self, target: &Target<'_>) -> bool {
        match (self.response, target) {
            (Some(status), _) if status.starts_with('2') => true,
            (Some(""), Target::Passes(_) | Target::Succeeds) => true,
            (Some(_) | None, _) => false,
        }
    }

    fn target(&self, tree: &Tree<'a>, guards: &Guards<'a>, scope: usize) -> Target<'a> {
        if !self.target.starts_with(['/', '@']) || self.target.contains('$') {
            return Target::Safe;
        }
        let Some(found) = tree.resolve(tree.server(scope), self.target) else {
            return if self.target.starts_with('@') { Target::Safe } else { Target::Succeeds };
        };
        if matches!(guards.of(found), Guard::Keyward) || guards.is_check(found) {
            return Target::Safe;
        }
        if let Some(pass) = Pass::of(tree, found) {
            return Target::Passes(pass.upstream());
        }
        let answer = tree.own(found, "return").next().map(|line| line.arg(0));
        match answer {
            Some(status) if !status.starts_with('2') => Target::Safe,
            Some(_) | None => Target::Succeeds,
        }
    }

    fn guarded(&self, tree: &Tree<'a>, guards: &Guards<'a>, scope: usize, out: &mut Examined) {
        let failed = self.has(&["500"]);
        if !failed && !self.has(&["401", "403"]) {
            return;
        }
        let target = self.target(tree, guards, scope);
        let what = if failed { "fails" } else { "refuses" };
        let (place, name) = (&self.line.place, shown(self.target));
        match &target {
            Target::Passes(upstream) if guards.guards_upstream(upstream) => {
                let message = format!(
                    "when the check {what}, `{name}` passes the request to the application all the \
                     same"
                );
                out.add(&codes::FAILS_OPEN, place, message);
            }
            Target::Passes(upstream) if failed => {
                let message = format!(
                    "when the check fails, `{name}` passes the request to `{}`",
                    shown(upstream)
                );
                out.add(&codes::FAILURE_GOES_ELSEWHERE, place, message);
            }
            // A page to log in at, which is another program's.
            Target::Passes(_) | Target::Safe => {}
            Target::Succeeds if self.succeeds(&target) => {
                let message = format!("when the check {what}, `{name}` answers with success");
                out.add(&codes::FAILS_OPEN, place, message);
            }
            Target::Succeeds => {}
        }
    }

    /// In a check's location a success means that the caller is let in.
    fn in_check(&self, tree: &Tree<'a>, guards: &Guards<'a>, scope: usize, out: &mut Examined) {
        let intercepts = tree.value(scope, "proxy_intercept_errors") == Some("on");
        let concerned = self.has(&["502", "504"])
            || (intercepts && self.has(&["400", "401", "403", "404", "429", "500", "503"]));
        if !concerned {
            return;
        }
        let target = self.target(tree, guards, scope);
        let name = shown(self.target);
        if self.succeeds(&target) {
            let message = format!(
                "when Keyward refuses or is away, `{name}` makes a success of the check, and the \
                 caller is let in"
            );
            out.add(&codes::FAILS_OPEN, &self.line.place, message);
        } else if matches!(target, Target::Passes(upstream) if guards.guards_upstream(upstream)) {
            let message = format!("when the check fails, `{name}` asks the application instead");
            out.add(&codes::FAILS_OPEN, &self.line.place, message);
        }
    }
}
