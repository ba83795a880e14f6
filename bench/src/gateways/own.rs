//! The same lists in the gateways' own words: what one writes who asks nobody.

use std::fmt::Write as _;
use std::fs;

use anyhow::Context as _;

use super::data::{self, CLIENTS, ROVER};
use super::recipe::{Kind, Places, Recipe};

/// A way of a gateway's own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Own {
    /// nginx: a map from key to client, a geo from address to network, a map of pairs.
    GeoAndMaps,
    /// HAProxy: the same with two map files and an ACL file.
    MapsAndAcl,
    /// Envoy: one RBAC policy a key.
    PolicyPerKey,
    /// Envoy: RBAC with a tree: a map from key to a trie of networks.
    MatcherTree,
    /// Envoy: one RBAC policy for one key with all networks.
    OnePolicy,
    /// Caddy: one key with all networks in `remote_ip`.
    RemoteIp,
}

impl Own {
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::GeoAndMaps => Kind::Nginx,
            Self::MapsAndAcl => Kind::Haproxy,
            Self::PolicyPerKey | Self::MatcherTree | Self::OnePolicy => Kind::Envoy,
            Self::RemoteIp => Kind::Caddy,
        }
    }

    /// Whether it tells unknown keys from refused addresses.
    pub(super) fn has_401(self) -> bool {
        self.kind() != Kind::Envoy
    }

    /// Its main file. Whatever else it reads is written.
    pub(super) fn text(self, places: &Places<'_>) -> anyhow::Result<String> {
        match self {
            Self::GeoAndMaps => geo_and_maps(places),
            Self::MapsAndAcl => maps_and_acl(places),
            Self::PolicyPerKey => rbac(places, &policies(0..CLIENTS)?),
            Self::MatcherTree => rbac(places, &matcher_tree()?),
            Self::OnePolicy => rbac(places, &policies(ROVER..ROVER + 1)?),
            Self::RemoteIp => remote_ip(places),
        }
    }
}

/// Every client with every network of its list.
fn pairs() -> impl Iterator<Item = (u64, u64)> {
    let of = |client| data::list(client).into_iter().map(move |network| (client, network));
    (0..CLIENTS).flat_map(of)
}

fn geo_and_maps(places: &Places<'_>) -> anyhow::Result<String> {
    let mut text = String::from("geo $network {\n    default -;\n");
    for network in 0..CLIENTS {
        writeln!(text, "    {} {network};", data::written(network))?;
    }
    text += "}\nmap_hash_max_size 65536;\nmap_hash_bucket_size 128;\n";
    text += "map $http_x_api_key $client {\n    default \"\";\n";
    for client in 0..CLIENTS {
        writeln!(text, "    {} {client};", data::key(client))?;
    }
    text += "}\nmap $client:$network $is_listed {\n    default 0;\n";
    for (client, network) in pairs() {
        writeln!(text, "    {client}:{network} 1;")?;
    }
    text += "}\n";
    let recipe = Recipe::Nginx.text(places)?;
    let proxying = between(&recipe, "        proxy_set_header Host  ", "        error_page")?;
    let connection = between(&recipe, "map $http_upgrade", "")?;
    let server = between(&recipe, "server {\n", "    location / {")?;
    write!(
        text,
        "{server}    location / {{\n\
         if ($client = \"\") {{ return 401 '{{\"error\":\"unauthorized\"}}'; }}\n\
         if ($is_listed = 0) {{ return 403 '{{\"error\":\"access_denied\"}}'; }}\n\
         proxy_set_header X-Client-Id $client;\n{proxying}    }}\n}}\n{connection}"
    )?;
    Ok(text)
}

fn maps_and_acl(places: &Places<'_>) -> anyhow::Result<String> {
    let mut keys = String::new();
    let mut networks = String::new();
    for number in 0..CLIENTS {
        writeln!(keys, "{} {number}", data::key(number))?;
        writeln!(networks, "{} {number}", data::written(number))?;
    }
    let mut listed = String::new();
    for (client, network) in pairs() {
        writeln!(listed, "{client}:{network}")?;
    }
    let file = |name: &str| places.folder.join(name);
    fs::write(file("keys.map"), keys)?;
    fs::write(file("networks.map"), networks)?;
    fs::write(file("listed.acl"), listed)?;
    let recipe = Recipe::Haproxy.text(places)?;
    let before = between(&recipe, "", "    http-request lua.keyward")?;
    let before = before.lines().filter(|line| !line.contains("lua-load")).collect::<Vec<_>>();
    let after = between(&recipe, "    default_backend", "# HAProxy's way to Keyward")?;
    let folder = places.folder.display();
    Ok(format!(
        "{}\n    http-request set-var(txn.client) req.hdr(x-api-key),map_str({folder}/keys.map)\n    \
         http-request deny deny_status 401 unless {{ var(txn.client) -m found }}\n    \
         http-request set-var(txn.network) src,map_ip({folder}/networks.map)\n    \
         http-request deny deny_status 403 unless \
         {{ var(txn.client),concat(:,txn.network) -m str -f {folder}/listed.acl }}\n    \
         http-request set-header X-Client-Id %[var(txn.client)]\n{after}",
        before.join("\n")
    ))
}

/// Envoy's recipe with RBAC in place of the question to Keyward.
fn rbac(places: &Places<'_>, rules: &str) -> anyhow::Result<String> {
    let recipe = Recipe::EnvoyHttp.text(places)?;
    let before = between(&recipe, "", "                  - name: envoy.filters.http.ext_authz")?;
    let after = between(&recipe, "                  - name: envoy.filters.http.router", "")?;
    Ok(format!(
        "{before}                  - name: envoy.filters.http.rbac\n                    \
         typed_config: {{ \"@type\": \
         type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC, {rules} }}\n{after}"
    ))
}

fn range(network: u64) -> String {
    let text = data::written(network);
    let (address, length) = text.split_once('/').unwrap_or_default();
    format!("{{ address_prefix: {address}, prefix_len: {length} }}")
}

fn policies(clients: std::ops::Range<u64>) -> anyhow::Result<String> {
    let mut text = String::from("rules: { action: ALLOW, policies: {\n");
    for client in clients {
        let networks: Vec<String> = data::list(client)
            .into_iter()
            .map(|network| format!("{{ remote_ip: {} }}", range(network)))
            .collect();
        writeln!(
            text,
            "\"{client:05}\": {{ permissions: [{{ any: true }}], principals: [{{ and_ids: {{ ids: [\
             {{ header: {{ name: x-api-key, string_match: {{ exact: {} }} }} }}, \
             {{ or_ids: {{ ids: [{}] }} }}] }} }}] }},",
            data::key(client),
            networks.join(", ")
        )?;
    }
    Ok(text + "} }")
}

fn matcher_tree() -> anyhow::Result<String> {
    let mut text = String::from(
        "matcher: { matcher_tree: { input: { name: key, typed_config: { \"@type\": \
         type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput, \
         header_name: x-api-key } }, exact_match_map: { map: {\n",
    );
    for client in 0..CLIENTS {
        let ranges: Vec<String> = data::list(client).into_iter().map(range).collect();
        writeln!(
            text,
            "{}: {{ matcher: {{ matcher_tree: {{ input: {{ name: address, typed_config: {{ \"@type\": \
             type.googleapis.com/envoy.extensions.matching.common_inputs.network.v3.SourceIPInput \
             }} }}, custom_match: {{ name: trie, typed_config: {{ \"@type\": \
             type.googleapis.com/xds.type.matcher.v3.IPMatcher, range_matchers: [{{ ranges: [{}], \
             on_match: {{ action: {{ name: allow, typed_config: {{ \"@type\": \
             type.googleapis.com/envoy.config.rbac.v3.Action, name: allow, action: ALLOW }} }} }} \
             }}] }} }} }} }} }},",
            data::key(client),
            ranges.join(", ")
        )?;
    }
    Ok(text + "} } } }")
}

fn remote_ip(places: &Places<'_>) -> anyhow::Result<String> {
    let recipe = Recipe::Caddy.text(places)?;
    let before = between(&recipe, "", "\tforward_auth")?;
    let networks: Vec<String> = (0..CLIENTS).map(data::written).collect();
    Ok(format!(
        "{before}\t@listed {{\n\t\theader X-API-Key {key}\n\t\tremote_ip {networks}\n\t}}\n\
         \t@known header X-API-Key {key}\n\
         \thandle @listed {{\n\t\treverse_proxy 127.0.0.1:{application} {{\n\
         \t\t\theader_up X-Client-Id {ROVER}\n\t\t}}\n\t}}\n\
         \thandle @known {{\n\t\trespond 403\n\t}}\n\thandle {{\n\t\trespond 401\n\t}}\n}}\n",
        key = data::key(ROVER),
        networks = networks.join(" "),
        application = places.application,
    ))
}

/// The part of a text from one thing to the next, or to the end.
fn between<'a>(text: &'a str, start: &str, end: &str) -> anyhow::Result<&'a str> {
    let from = text.find(start).with_context(|| format!("the recipe has no `{start}`"))?;
    let rest = text.get(from..).unwrap_or_default();
    if end.is_empty() {
        return Ok(rest);
    }
    let to = rest.find(end).with_context(|| format!("the recipe has no `{end}`"))?;
    Ok(rest.get(..to).unwrap_or_default())
}
