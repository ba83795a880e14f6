//! What happens when the check refuses or fails.

use std::collections::BTreeSet;

use super::check::{Check, upstreams};
use super::codes;
use super::matching::{is_matcher, matcher};
use super::routes::{is_group, is_proxy};
use super::tokens::Line;
use crate::commands::doctor::finding::{Examined, shown};

/// Looks at what a check does with refusals: `handle_response` and `replace_status`.
pub(crate) fn in_check(check: &Check<'_>, guarded: &BTreeSet<&str>, out: &mut Examined) {
    for line in check.line.all("replace_status").filter(|line| is_for_refusals(check, line)) {
        let status = line.args.last().map_or("", String::as_str);
        if status.starts_with('2') {
            let message = format!("a refusal is told as {}", shown(status));
            out.add(&codes::FAILS_OPEN, &line.place, message);
        }
    }
    for line in check.line.all("handle_response").filter(|line| is_for_refusals(check, line)) {
        if !answers(line.inner()) {
            let message = "this answers nothing, so a refused request goes on to the application";
            out.add(&codes::FAILS_OPEN, &line.place, message);
        }
        refusals(line.inner(), guarded, out);
    }
}

/// Whether a line is for other answers than 2xx, by its matcher.
fn is_for_refusals(check: &Check<'_>, line: &Line) -> bool {
    let Some(name) = line.args.first().filter(|word| word.starts_with('@')) else { return true };
    let mut statuses = Vec::new();
    for named in check.line.all(name) {
        let inside = named.all("status").flat_map(|status| &status.args);
        let outside = named.args.iter().skip(1).filter(|_| named.arg(0) == "status");
        statuses.extend(inside.chain(outside));
    }
    statuses.is_empty() || statuses.iter().any(|status| !status.starts_with('2'))
}

/// Whether handlers answer every request that comes to them.
fn answers(lines: &[Line]) -> bool {
    const ANSWERS: [&str; 7] =
        ["respond", "redir", "error", "abort", "copy_response", "file_server", "reverse_proxy"];
    lines.iter().filter(|line| matcher(line).is_none()).any(|line| {
        ANSWERS.contains(&line.name.as_str()) || (is_group(line) && answers(line.inner()))
    })
}

fn refusals(lines: &[Line], guarded: &BTreeSet<&str>, out: &mut Examined) {
    for line in lines {
        let status = status(line);
        if is_group(line) {
            refusals(line.inner(), guarded, out);
        } else if is_proxy(line) && upstreams(line).iter().any(|name| guarded.contains(name)) {
            let message = "a refused request is passed to the application all the same";
            out.add(&codes::FAILS_OPEN, &line.place, message);
        } else if line.name == "respond" && status.is_none_or(|status| status.starts_with('2')) {
            // `respond` says 200 unless it is told otherwise.
            let message = format!("a refusal is told as {}", shown(status.unwrap_or("200")));
            out.add(&codes::FAILS_OPEN, &line.place, message);
        } else if line.name == "copy_response" && status.is_some_and(|s| s.starts_with('2')) {
            let message = format!("a refusal is told as {}", shown(status.unwrap_or_default()));
            out.add(&codes::FAILS_OPEN, &line.place, message);
        }
    }
}

/// The status that `respond` or `copy_response` names: a number, or a placeholder.
pub(crate) fn status(line: &Line) -> Option<&str> {
    let words = line.args.iter().skip_while(|word| is_matcher(word)).map(String::as_str);
    let is_number = |word: &&str| word.len() == 3 && word.bytes().all(|b| b.is_ascii_digit());
    let is_placeholder = |word: &&str| word.starts_with('{') && word.ends_with('}');
    let inner = line.all("status").map(|status| status.arg(0));
    words.chain(inner).find(|word| is_number(word) || is_placeholder(word))
}
