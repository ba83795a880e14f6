//! Envoy: `ext_authz` in a bootstrap or a listener, and what stands around it.

mod check;
mod codes;
mod manager;
mod tree;
mod yaml;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use self::check::Check;
use self::manager::{Apart, Guarded, everybody};
use self::tree::{EXT_AUTHZ, Filter, Manager, Typed};
use self::yaml::Node;
use super::finding::common::{FILE_NOT_READ, OTHER_CHECK};
use super::finding::{Examined, Fault, Place, shown};
use super::reading::Budget;

#[cfg(test)]
pub(crate) use codes::ALL as CODES;

/// The file that all lines are of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At<'a>(&'a Arc<str>);

impl At<'_> {
    pub(crate) fn line(self, line: usize) -> Place {
        Place { file: Arc::clone(self.0), line }
    }
}

/// Whether a text looks like this program's.
pub(crate) fn looks_like_it(text: &str) -> bool {
    let words = ["static_resources", "dynamic_resources", "staticResources", "dynamicResources"];
    words.iter().any(|word| text.contains(word)) || text.contains("type.googleapis.com/envoy.")
}

/// Judges a file.
pub(crate) fn examine(path: &Path, text: &str, budget: &mut Budget) -> Result<Examined, Fault> {
    let file: Arc<str> = path.display().to_string().into();
    let at = At(&file);
    let root = yaml::parse(text, &file, budget)?;
    let mut out = Examined::default();
    let managers = Manager::all(&root);
    let others = sort_out(&root, at, &mut out);
    let is_keyward = |config: &Node| !others.contains(&std::ptr::from_ref(config));
    let guarded = guarded(&root, &managers, &is_keyward, at, &mut out);
    let clusters = clusters(&root);
    for check in checks(&root, at).filter(|check| is_keyward(check.config)) {
        check.examine(&mut out);
        http2(&check, &clusters, at, &mut out);
        out.checks += 1;
    }
    unguarded(&managers, &guarded, at, &mut out);
    for listener in root.all().filter(|node| node.get("listener_filters").is_some()) {
        proxy_protocol(listener, at, &mut out);
    }
    if let Some(dynamic) = root.entry("dynamic_resources") {
        let message = "`dynamic_resources` come from elsewhere";
        out.add(&FILE_NOT_READ, &at.line(dynamic.line), message);
    }
    Ok(out)
}

/// Looks at the connection managers with a check. The answer is the clusters that they lead to.
fn guarded<'a>(
    root: &'a Node,
    managers: &'a [Manager<'a>],
    is_keyward: &impl Fn(&Node) -> bool,
    at: At<'a>,
    out: &mut Examined,
) -> BTreeSet<&'a str> {
    let mut clusters: BTreeSet<&str> = BTreeSet::new();
    let apart = Apart::of(root, managers);
    // Routes turn filters off by name, so one look for each name is enough.
    let mut named: BTreeSet<&str> = BTreeSet::new();
    for manager in managers {
        let ours = |filter: &Filter<'_>| filter.typed.is_none_or(|typed| is_keyward(typed.config));
        for (position, filter) in manager.checks().filter(|(_, filter)| ours(filter)) {
            let check = filter.typed.map(|typed| Check::new(typed, at));
            if check.is_none() {
                let message = "the check's settings come from elsewhere";
                out.add(&FILE_NOT_READ, &at.line(filter.node.line), message);
                out.checks += 1;
            }
            let tells_address = check.is_some_and(|check| check.tells_address());
            let rules =
                Guarded { manager, apart: &apart, at, position, check: filter, tells_address };
            rules.examine(out);
            if manager.config.get("route_config").is_none() && named.insert(filter.name) {
                rules.routes_apart(out);
            }
            if let Some(routes) = manager.config.entry("rds") {
                let message = "the routes come from elsewhere (`rds`)";
                out.add(&FILE_NOT_READ, &at.line(routes.line), message);
            }
            clusters.extend(manager.clusters());
            out.guarded += 1;
        }
    }
    clusters
}

/// Every check, also those that stand in no list of filters.
fn checks<'a>(root: &'a Node, at: At<'a>) -> impl Iterator<Item = Check<'a>> {
    let typed = root.all().filter_map(Typed::of).filter(|typed| typed.is(EXT_AUTHZ));
    typed.map(move |typed| Check::new(typed, at))
}

/// The checks that ask another service. Where none asks Keyward, that is the mistake.
fn sort_out(root: &Node, at: At<'_>, out: &mut Examined) -> BTreeSet<*const Node> {
    let asked = checks(root, at).filter(Check::asks_keyward);
    let keyward: BTreeSet<&str> = asked.map(|check| check.cluster()).collect();
    let mut others = BTreeSet::new();
    for check in checks(root, at).filter(|check| !check.asks_keyward()) {
        if keyward.is_empty() || keyward.contains(check.cluster()) {
            check.not_keyward(out);
        } else {
            let message = "this check asks another service than Keyward";
            out.add(&OTHER_CHECK, &at.line(check.line()), message);
            others.insert(std::ptr::from_ref(check.config));
        }
    }
    others
}

/// The clusters that are here, by name: where, and whether they speak HTTP/2.
fn clusters(root: &Node) -> HashMap<&str, (usize, bool)> {
    let lists = root.all().filter_map(|node| node.get("clusters"));
    // A cluster has endpoints or a type; what routes call by the name has not.
    let is_one = |cluster: &&Node| {
        let members = ["load_assignment", "type", "cluster_type", "connect_timeout"];
        members.iter().any(|member| cluster.get(member).is_some())
    };
    let found = lists.flat_map(Node::items).filter(is_one);
    found
        .map(|cluster| {
            let http2 = cluster.all().any(|node| node.get("http2_protocol_options").is_some());
            (cluster.text_of("name"), (cluster.line, http2))
        })
        .collect()
}

/// Whether the cluster that is asked over gRPC speaks HTTP/2, where the cluster is here.
fn http2(
    check: &Check<'_>,
    clusters: &HashMap<&str, (usize, bool)>,
    at: At<'_>,
    out: &mut Examined,
) {
    let name = check.cluster_over_grpc().unwrap_or_default();
    if let Some((line, false)) = clusters.get(name) {
        let message = format!("the cluster `{}` speaks HTTP/1", shown(name));
        out.add(&codes::CLUSTER_NOT_HTTP2, &at.line(*line), message);
    }
}

/// Connection managers that lead to what others guard.
fn unguarded(managers: &[Manager<'_>], guarded: &BTreeSet<&str>, at: At<'_>, out: &mut Examined) {
    for manager in managers.iter().filter(|manager| manager.checks().next().is_none()) {
        if let Some(cluster) = manager.clusters().find(|cluster| guarded.contains(cluster)) {
            let message = format!(
                "the cluster `{}`, which is guarded elsewhere, is open here",
                shown(cluster)
            );
            out.add(&codes::UNGUARDED_LISTENER, &at.line(manager.config.line), message);
        }
    }
}

/// Who may say by a PROXY header who the client is.
fn proxy_protocol(listener: &Node, at: At<'_>, out: &mut Examined) {
    let filters = listener.get("listener_filters").map_or(&[][..], Node::items);
    for filter in filters {
        let Some(typed) = filter.get("typed_config").and_then(Typed::of) else { continue };
        if !typed.is(".proxy_protocol.v3.ProxyProtocol") {
            continue;
        }
        if let Some(entry) = typed.config.entry("allow_requests_without_proxy_protocol")
            && typed.config.is_true("allow_requests_without_proxy_protocol")
        {
            let message = "connections without a PROXY header are taken too";
            out.add(&codes::PROXY_PROTOCOL_OPTIONAL, &at.line(entry.line), message);
        }
        let chains = listener.get("filter_chains").map_or(&[][..], Node::items).iter();
        for chain in chains.chain(listener.get("default_filter_chain")) {
            let path = ["filter_chain_match", "direct_source_prefix_ranges"];
            let ranges = chain.at(&path).map_or(&[][..], Node::items);
            if ranges.is_empty() || ranges.iter().any(|range| everybody(range).is_some()) {
                let message = "a PROXY header is taken from every peer";
                out.add(&codes::PROXY_PROTOCOL_FROM_ANYONE, &at.line(filter.line), message);
            }
        }
    }
}

#[cfg(test)]
mod tests;
