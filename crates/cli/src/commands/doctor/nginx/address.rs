//! Rules for what changes `$remote_addr`, and for what is passed on by its name.

use super::codes;
use super::guards::{Guard, Guards};
use super::tree::{Kind, Tree};
use crate::commands::doctor::finding::{Examined, shown};
use crate::commands::doctor::networks::holds_everybody;

/// Looks at every block, whether a check is near or not: the address is wrong for all alike.
pub(crate) fn examine(tree: &Tree<'_>, guards: &Guards<'_>, out: &mut Examined) {
    for (scope, block) in tree.all() {
        for line in tree.own(scope, "set_real_ip_from") {
            if holds_everybody(line.arg(0)) {
                let message =
                    format!("every peer in `{}` is believed about its address", shown(line.arg(0)));
                out.add(&codes::REAL_IP_FROM_ANYONE, &line.place, message);
            }
        }
        for line in tree.own(scope, "underscores_in_headers").filter(|line| line.arg(0) == "on") {
            let message = "header names with `_` reach the application";
            out.add(&codes::UNDERSCORES, &line.place, message);
        }
        for line in tree.own(scope, "ignore_invalid_headers").filter(|line| line.arg(0) == "off") {
            let message = "invalid header names, those with `_` too, reach the application";
            out.add(&codes::UNDERSCORES, &line.place, message);
        }
        real_ip_header(tree, scope, out);
        if block.kind == Kind::Server && is_guarded(tree, guards, scope) {
            proxy_protocol(tree, scope, out);
        }
    }
}

fn real_ip_header(tree: &Tree<'_>, scope: usize, out: &mut Examined) {
    for line in tree.own(scope, "real_ip_header") {
        if tree.effective(scope, "set_real_ip_from").is_empty()
            && !below(tree, scope, "set_real_ip_from")
        {
            let message = "`real_ip_header` without `set_real_ip_from` believes nobody";
            out.add(&codes::REAL_IP_WITHOUT_TRUST, &line.place, message);
        } else if line.arg(0).eq_ignore_ascii_case("X-Forwarded-For")
            && tree.value(scope, "real_ip_recursive") != Some("on")
            && !below(tree, scope, "real_ip_recursive")
        {
            let message = "only the last entry of `X-Forwarded-For` is read";
            out.add(&codes::REAL_IP_NOT_RECURSIVE, &line.place, message);
        }
    }
}

fn below(tree: &Tree<'_>, scope: usize, name: &'static str) -> bool {
    tree.all().any(|(at, _)| {
        tree.own(at, name).next().is_some() && tree.around(at).any(|outer| outer == scope)
    })
}

fn is_guarded(tree: &Tree<'_>, guards: &Guards<'_>, server: usize) -> bool {
    tree.all().any(|(at, _)| matches!(guards.of(at), Guard::Keyward) && tree.server(at) == server)
}

fn proxy_protocol(tree: &Tree<'_>, server: usize, out: &mut Examined) {
    if tree.value(server, "real_ip_header").is_some() {
        return;
    }
    for line in tree.own(server, "listen") {
        if line.args.iter().any(|word| word == "proxy_protocol") {
            let message = "the listener takes the PROXY protocol, and no `real_ip_header` uses it";
            out.add(&codes::PROXY_PROTOCOL_IGNORED, &line.place, message);
        }
    }
}
