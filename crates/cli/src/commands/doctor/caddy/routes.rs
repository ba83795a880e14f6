//! Which proxies stand behind a check.

use std::collections::BTreeSet;

use super::check::{Check, names, upstreams};
use super::codes;
use super::matching::{covers, is_matcher, matcher};
use super::tokens::Line;
use crate::commands::doctor::finding::Examined;
use crate::commands::doctor::identity::IDENTITY;

/// What stands in front of a handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guarded {
    ByKeyward,
    /// Another service is asked.
    ByOther,
    No,
}

/// A handler that passes requests on.
#[derive(Debug, Clone)]
pub(crate) struct Proxy<'a> {
    pub(crate) line: &'a Line,
    pub(crate) guarded: Guarded,
    /// Whether it stands where errors are handled, the check's among them.
    pub(crate) on_error: bool,
    /// Whether it is for some requests only.
    pub(crate) conditional: bool,
    /// Whether the caller's identity headers are all taken out before it.
    pub(crate) cleared: bool,
    /// Whether an `Upgrade` of the caller's is taken out before it, from some requests at least.
    pub(crate) keeps_protocol: bool,
    /// A check that is asked for some of its requests only, and for which.
    pub(crate) partly: Option<(&'a Line, &'a str)>,
}

impl<'a> Proxy<'a> {
    pub(crate) fn upstreams(&self) -> Vec<&'a str> {
        upstreams(self.line)
    }
}

/// A check, and the requests that it is asked for.
#[derive(Debug, Clone, Copy)]
struct Guard<'a> {
    by_keyward: bool,
    matcher: Option<&'a str>,
    /// The check, or the `route` that it stands in.
    from: &'a Line,
}

/// Where a line stands.
#[derive(Debug, Clone, Default)]
struct Context<'a> {
    guards: Vec<Guard<'a>>,
    removed: Vec<&'a str>,
    on_error: bool,
    conditional: bool,
}

/// The most checks that are asked one after the other; more are not counted.
const GUARDS_MAX: usize = 64;

impl<'a> Context<'a> {
    fn guard(&mut self, guards: impl IntoIterator<Item = Guard<'a>>) {
        let room = GUARDS_MAX.saturating_sub(self.guards.len());
        self.guards.extend(guards.into_iter().take(room));
    }
}

/// Goes through the handlers of a site.
#[derive(Debug)]
pub(crate) struct Walk<'a, 'o> {
    /// The lines of checks that ask another service.
    pub(crate) others: &'o BTreeSet<*const Line>,
    pub(crate) proxies: Vec<Proxy<'a>>,
    /// The checks that guard a proxy for all of its requests.
    pub(crate) used: BTreeSet<*const Line>,
    /// Answers that are always given where errors are handled.
    pub(crate) error_answers: Vec<&'a Line>,
    pub(crate) out: &'o mut Examined,
}

/// Whether a handler passes requests on.
pub(crate) fn is_proxy(line: &Line) -> bool {
    matches!(line.name.as_str(), "reverse_proxy" | "php_fastcgi") && Check::of(line).is_none()
}

/// Whether a line holds handlers of its own.
pub(crate) fn is_group(line: &Line) -> bool {
    matches!(line.name.as_str(), "handle" | "handle_path" | "route" | "handle_errors")
}

impl<'a> Walk<'a, '_> {
    pub(crate) fn site(&mut self, lines: &'a [Line]) {
        self.sorted(lines, Context::default());
    }

    /// A block in which Caddy puts directives into its own order: checks come before proxies.
    fn sorted(&mut self, lines: &'a [Line], mut context: Context<'a>) {
        for line in lines {
            context.guard(self.guard(line));
            context.removed.extend(taken_out(line));
            context.guard(self.lent(line));
        }
        for line in lines {
            self.line(line, &context);
        }
    }

    /// A `route`, in which the order is that of the lines.
    fn in_order(&mut self, lines: &'a [Line], mut context: Context<'a>) {
        let asks = |line| self.guard(line).is_some_and(|guard| guard.by_keyward);
        let last = lines.iter().rposition(asks).unwrap_or(0);
        for (index, line) in lines.iter().enumerate() {
            let later = index < last;
            if later && is_proxy(line) && guarded(line, &context) == Guarded::No {
                let message = "this passes requests on before the check below is asked";
                self.out.add(&codes::CHECK_AFTER_PROXY, &line.place, message);
                continue;
            }
            context.guard(self.guard(line));
            context.removed.extend(taken_out(line));
            self.line(line, &context);
            context.guard(self.lent(line));
        }
    }

    /// What a `route` refuses does not go on to what comes after it, which is all proxies where
    /// Caddy puts things in order.
    fn lent(&self, line: &'a Line) -> Vec<Guard<'a>> {
        if line.name != "route" {
            return Vec::new();
        }
        let inner = line.inner().iter().filter_map(|inner| self.guard(inner));
        let all = inner.filter(|guard| guard.matcher.is_none());
        all.map(|guard| Guard { matcher: matcher(line), from: line, ..guard }).collect()
    }

    fn line(&mut self, line: &'a Line, context: &Context<'a>) {
        let by = guarded(line, context);
        if is_group(line) {
            self.group(line, context);
        } else if is_proxy(line) {
            self.proxy(line, context);
        } else if line.name == "respond" && context.on_error {
            if !context.conditional && matcher(line).is_none() {
                self.error_answers.push(line);
            }
        } else if line.name == "request_header" && by == Guarded::ByKeyward {
            let words = line.args.iter().skip_while(|word| is_matcher(word));
            let words: Vec<&String> = words.collect();
            if let [name, _, ..] = words.as_slice()
                && names(name, "X-Gateway-Token")
            {
                let message = "the application is sent this gateway's token";
                self.out.add(&codes::TOKEN_TO_APP, &line.place, message);
            }
        }
        let handles = matches!(line.name.as_str(), "reverse_proxy" | "php_fastcgi" | "file_server");
        if handles && by == Guarded::ByKeyward && Check::of(line).is_none() {
            self.out.guarded += 1;
        }
    }

    fn proxy(&mut self, line: &'a Line, context: &Context<'a>) {
        let removes = line.all("header_up").filter_map(|line| line.args.first());
        let taken_out = removes.filter(|word| word.starts_with('-')).map(String::as_str);
        let removed: Vec<&str> = taken_out.chain(context.removed.iter().copied()).collect();
        let cleared = IDENTITY.iter().all(|header| removed.iter().any(|word| names(word, header)));
        self.proxies.push(Proxy {
            line,
            guarded: guarded(line, context),
            on_error: context.on_error,
            conditional: context.conditional || matcher(line).is_some(),
            cleared,
            keeps_protocol: removed.iter().any(|word| names(word, "Upgrade")),
            partly: partly(line, context),
        });
        let covering = context.guards.iter().filter(|g| covers(g.matcher, matcher(line)));
        self.used.extend(covering.map(|guard| std::ptr::from_ref(guard.from)));
    }

    fn group(&mut self, line: &'a Line, context: &Context<'a>) {
        let mut inner = context.clone();
        let for_these = matcher(line);
        // Inside the `route` of a check the order counts.
        inner.guards.retain(|guard| !std::ptr::eq(guard.from, line));
        for guard in &mut inner.guards {
            if covers(guard.matcher, for_these) {
                guard.matcher = None;
            }
        }
        inner.conditional |= for_these.is_some();
        if line.name == "handle_errors" {
            // An error ends the handlers before it, so no check has let this request in.
            let codes = line.args.iter().filter(|word| !is_matcher(word));
            let mut codes = codes.peekable();
            if codes.peek().is_some() && !codes.any(|code| code.starts_with('5')) {
                return;
            }
            inner = Context { on_error: true, ..Context::default() };
        }
        if line.name == "route" {
            self.in_order(line.inner(), inner);
        } else {
            self.sorted(line.inner(), inner);
        }
    }

    fn guard(&self, line: &'a Line) -> Option<Guard<'a>> {
        Check::of(line)?;
        let by_keyward = !self.others.contains(&std::ptr::from_ref(line));
        Some(Guard { by_keyward, matcher: matcher(line), from: line })
    }
}

fn guarded(line: &Line, context: &Context<'_>) -> Guarded {
    let mut covering =
        context.guards.iter().filter(|guard| covers(guard.matcher, matcher(line))).peekable();
    if covering.peek().is_none() {
        Guarded::No
    } else if covering.any(|guard| guard.by_keyward) {
        Guarded::ByKeyward
    } else {
        Guarded::ByOther
    }
}

fn partly<'a>(line: &'a Line, context: &Context<'a>) -> Option<(&'a Line, &'a str)> {
    let asked = |guard: &&Guard<'_>| guard.by_keyward && guard.from.name != "route";
    context.guards.iter().filter(asked).find_map(|guard| {
        let some = guard.matcher.filter(|some| covers(matcher(line), Some(some)))?;
        Some((guard.from, some))
    })
}

/// The headers that a line takes out of what comes after it.
fn taken_out(line: &Line) -> Vec<&str> {
    let within = line.inner().iter().filter(|_| line.name == "route" && matcher(line).is_none());
    removed(line).into_iter().chain(within.filter_map(removed)).collect()
}

/// The header that a `request_header` removes, as it names it. What is removed from some requests
/// only does not count, but for `Upgrade`: some requests need it.
fn removed(line: &Line) -> Option<&str> {
    let name = line.args.iter().find(|word| word.starts_with('-'));
    let name = name.filter(|_| line.name == "request_header")?;
    let for_all = line.args.first() == Some(name);
    (for_all || names(name, "Upgrade")).then_some(name.as_str())
}
