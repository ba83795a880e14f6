//! Rules for the connection manager that a check stands in: who the client is, what comes before
//! the check, and which routes go without it.

use std::collections::BTreeSet;

use super::At;
use super::codes;
use super::tree::{Filter, Manager, Typed};
use super::yaml::Node;
use crate::commands::doctor::finding::{Examined, shown};
use crate::commands::doctor::identity::IDENTITY;
use crate::commands::doctor::networks::holds_everybody;

/// A connection manager with a check.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guarded<'a> {
    pub(crate) manager: &'a Manager<'a>,
    pub(crate) apart: &'a Apart<'a>,
    pub(crate) at: At<'a>,
    /// The place of the check in the list of filters.
    pub(crate) position: usize,
    pub(crate) check: &'a Filter<'a>,
    /// Whether the check tells the address that this manager finds.
    pub(crate) tells_address: bool,
}

impl Guarded<'_> {
    pub(crate) fn examine(&self, out: &mut Examined) {
        self.order(out);
        self.paths(out);
        self.upgrades(self.manager.config, out);
        if self.tells_address {
            self.address(out);
        }
        if let Some(routes) = self.manager.config.get("route_config") {
            self.routes(routes, out);
        }
        self.disabled(out);
    }

    /// Looks at routes that stand in no connection manager.
    pub(crate) fn routes_apart(&self, out: &mut Examined) {
        self.apart.routes.iter().for_each(|routes| self.routes(routes, out));
    }

    fn order(&self, out: &mut Examined) {
        let line = self.at.line(self.check.node.line);
        let before = self.manager.filters.iter().take(self.position);
        for filter in before {
            if filter.typed.is_some_and(|typed| typed.is(".router.v3.Router")) {
                let message = "the check comes after the router";
                out.add(&codes::CHECK_AFTER_ROUTER, &line, message);
            }
            if filter.typed.is_some_and(|typed| typed.is(".cache.v3.CacheConfig")) {
                let message = "the cache answers before the check is asked";
                out.add(&codes::CACHE_BEFORE_CHECK, &self.at.line(filter.node.line), message);
            }
        }
    }

    fn paths(&self, out: &mut Examined) {
        let config = self.manager.config;
        let line = self.at.line(config.line);
        if !config.is_true("normalize_path") || !config.is_true("merge_slashes") {
            let message = "paths reach Keyward and the application as the caller wrote them";
            out.add(&codes::PATH_NOT_NORMALIZED, &line, message);
        }
        let action =
            config.at(&["common_http_protocol_options", "headers_with_underscores_action"]);
        if !action.is_some_and(|action| ["REJECT_REQUEST", "DROP_HEADER"].contains(&action.text()))
        {
            let message = "header names with `_` reach the application";
            out.add(&codes::UNDERSCORES, &line, message);
        }
    }

    fn upgrades(&self, node: &Node, out: &mut Examined) {
        for upgrade in items(node, "upgrade_configs") {
            let protocol = upgrade.text_of("upgrade_type");
            let is_off = upgrade.get("enabled").is_some_and(|on| on.text() == "false");
            if !protocol.eq_ignore_ascii_case("websocket") && !is_off {
                let message = format!("a caller may have `{}` taken up", shown(protocol));
                out.add(&codes::OTHER_PROTOCOL, &self.at.line(upgrade.line), message);
            }
        }
    }

    fn address(&self, out: &mut Examined) {
        let config = self.manager.config;
        let line = self.at.line(config.line);
        let extensions = items(config, "original_ip_detection_extensions");
        if config.is_true("use_remote_address") {
            if let Some(hops) = config.entry("xff_num_trusted_hops")
                && !matches!(hops.node.text(), "" | "0")
            {
                let message = "hops of `x-forwarded-for` are counted, not known";
                out.add(&codes::TRUSTED_HOPS, &self.at.line(hops.line), message);
            }
            return;
        }
        if extensions.is_empty() {
            let message = "without `use_remote_address` the last entry of `x-forwarded-for` is \
                           the client, whoever sends it";
            out.add(&codes::ADDRESS_FROM_CLIENT, &line, message);
        }
        for extension in extensions {
            self.extension(extension, out);
        }
    }

    fn extension(&self, extension: &Node, out: &mut Examined) {
        let Some(typed) = extension.get("typed_config").and_then(Typed::of) else { return };
        let line = self.at.line(extension.line);
        if typed.is(".custom_header.v3.CustomHeaderConfig") {
            let header = shown(typed.config.text_of("header_name"));
            let message = format!("the address is what `{header}` says, whoever sends it");
            out.add(&codes::ADDRESS_FROM_HEADER, &line, message);
        }
        if !typed.is(".xff.v3.XffConfig") {
            return;
        }
        let Some(trusted) = typed.config.get("xff_trusted_cidrs") else {
            if matches!(typed.config.text_of("xff_num_trusted_hops"), "" | "0") {
                let message = "the last entry of `x-forwarded-for` is the client, whoever sends it";
                out.add(&codes::ADDRESS_FROM_CLIENT, &line, message);
            } else {
                let message = "hops of `x-forwarded-for` are counted, not known";
                out.add(&codes::TRUSTED_HOPS, &line, message);
            }
            return;
        };
        for range in items(trusted, "cidrs") {
            if let Some(network) = everybody(range) {
                let message = format!("every peer in `{network}` is believed about its address");
                out.add(&codes::TRUSTS_ANYONE, &self.at.line(range.line), message);
            }
        }
    }

    /// Goes through routes, virtual hosts and what is in them.
    fn routes(&self, routes: &Node, out: &mut Examined) {
        let cleared = self.opts_out(routes, false, "the whole of the routes", out);
        for host in items(routes, "virtual_hosts") {
            let name = format!("the virtual host `{}`", shown(host.text_of("name")));
            let cleared = self.opts_out(host, cleared, &name, out);
            for route in items(host, "routes") {
                // Nothing reaches the application there.
                if route.get("direct_response").is_some() || route.get("redirect").is_some() {
                    continue;
                }
                let name = format!("the route `{}`", shown(&route_name(route)));
                let cleared = self.opts_out(route, cleared, &name, out);
                if let Some(action) = route.get("route") {
                    self.upgrades(action, out);
                }
                let weighted = route.at(&["route", "weighted_clusters"]);
                for cluster in weighted.into_iter().flat_map(|clusters| items(clusters, "clusters"))
                {
                    self.opts_out(cluster, cleared, &name, out);
                }
            }
        }
    }

    /// Says that the check is off there, if it is. The answer is whether the caller's identity
    /// headers are taken out there or outside, which is how a route looks that is meant to be
    /// public.
    fn opts_out(&self, node: &Node, cleared: bool, what: &str, out: &mut Examined) -> bool {
        let cleared = cleared || clears(node);
        for (name, line, disabled) in overrides(node) {
            if disabled && !cleared && name == self.check.name {
                let message = format!("{what} turns the check off");
                out.add(&codes::ROUTE_OPTS_OUT, &self.at.line(line), message);
            }
        }
        cleared
    }

    fn disabled(&self, out: &mut Examined) {
        let Some(entry) = self.check.node.entry("disabled") else { return };
        if !self.check.node.is_true("disabled") {
            return;
        }
        let line = self.at.line(entry.line);
        if self.apart.turned_on.contains(self.check.name) {
            let message = "the check is off but for the routes that turn it on";
            out.add(&codes::CHECK_ON_SOME_ROUTES, &line, message);
        } else {
            out.add(&codes::CHECK_DISABLED, &line, "the check is off");
        }
    }
}

/// What is found once and looked up for each connection manager.
#[derive(Debug)]
pub(crate) struct Apart<'a> {
    /// Routes that stand in no connection manager, which may be any one's.
    routes: Vec<&'a Node>,
    /// The filters that some route turns on.
    turned_on: BTreeSet<&'a str>,
}

impl<'a> Apart<'a> {
    pub(crate) fn of(root: &'a Node, managers: &[Manager<'a>]) -> Self {
        let own = managers.iter().filter_map(|manager| manager.config.get("route_config"));
        let own: BTreeSet<*const Node> = own.map(std::ptr::from_ref).collect();
        let routes = root.all().filter(|node| node.get("virtual_hosts").is_some());
        let on = root.all().flat_map(overrides).filter(|(_, _, disabled)| !disabled);
        Self {
            routes: routes.filter(|node| !own.contains(&std::ptr::from_ref(*node))).collect(),
            turned_on: on.map(|(name, ..)| name).collect(),
        }
    }
}

/// What a route says about filters: each one's name, the line, and whether it is turned off.
fn overrides(node: &Node) -> impl Iterator<Item = (&str, usize, bool)> {
    let settings = node.get("typed_per_filter_config").into_iter().flat_map(Node::entries);
    settings.map(|entry| {
        let inner = entry.node.get("config").is_some_and(|config| config.is_true("disabled"));
        (entry.key.as_str(), entry.line, inner || entry.node.is_true("disabled"))
    })
}

fn items<'a>(node: &'a Node, name: &str) -> &'a [Node] {
    node.get(name).map_or(&[][..], Node::items)
}

/// Whether the caller's identity headers are taken out there.
fn clears(node: &Node) -> bool {
    let removed = items(node, "request_headers_to_remove");
    let is_removed = |header: &str| removed.iter().any(|r| r.text().eq_ignore_ascii_case(header));
    IDENTITY.iter().all(|header| is_removed(header))
}

fn route_name(route: &Node) -> String {
    let name = route.text_of("name");
    if !name.is_empty() {
        return name.to_owned();
    }
    let Some(matching) = route.get("match") else { return String::new() };
    let texts = ["prefix", "path", "path_separated_prefix"].map(|kind| matching.text_of(kind));
    let regex = matching.get("safe_regex").map_or("", |regex| regex.text_of("regex"));
    texts.into_iter().chain([regex]).find(|text| !text.is_empty()).unwrap_or_default().to_owned()
}

/// The text of a `CidrRange`, if it is larger than anybody's network.
pub(crate) fn everybody(range: &Node) -> Option<String> {
    let length = match range.text_of("prefix_len") {
        "" => "0",
        length => length,
    };
    let network = format!("{}/{length}", range.text_of("address_prefix"));
    holds_everybody(&network).then(|| shown(&network))
}
