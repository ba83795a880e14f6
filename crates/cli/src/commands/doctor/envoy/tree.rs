//! Where things are in Envoy's configuration.

use super::yaml::Node;

/// A value with a type, and that type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Typed<'a> {
    pub(crate) name: &'a str,
    pub(crate) config: &'a Node,
}

impl<'a> Typed<'a> {
    /// What a map with `@type` is; a `TypedStruct` is what it holds.
    pub(crate) fn of(node: &'a Node) -> Option<Self> {
        let name = node.get("@type")?.text();
        if name.ends_with(".TypedStruct") {
            return Some(Self { name: node.get("type_url")?.text(), config: node.get("value")? });
        }
        Some(Self { name, config: node })
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.ends_with(name)
    }
}

pub(crate) const EXT_AUTHZ: &str = ".ext_authz.v3.ExtAuthz";
const CONNECTION_MANAGER: &str = ".http_connection_manager.v3.HttpConnectionManager";

/// A filter in a connection manager's list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filter<'a> {
    pub(crate) node: &'a Node,
    pub(crate) name: &'a str,
    /// Nothing when it comes from somewhere else.
    pub(crate) typed: Option<Typed<'a>>,
}

/// A connection manager with its filters, in order.
#[derive(Debug)]
pub(crate) struct Manager<'a> {
    pub(crate) config: &'a Node,
    pub(crate) filters: Vec<Filter<'a>>,
}

impl<'a> Manager<'a> {
    /// All connection managers.
    pub(crate) fn all(root: &'a Node) -> Vec<Self> {
        let typed = root.all().filter_map(Typed::of);
        let managers = typed.filter(|typed| typed.is(CONNECTION_MANAGER));
        managers.map(|typed| Self::new(typed.config)).collect()
    }

    fn new(config: &'a Node) -> Self {
        let filters = config.get("http_filters").map_or(&[][..], Node::items);
        let filter = |node: &'a Node| Filter {
            node,
            name: node.text_of("name"),
            typed: node.get("typed_config").and_then(Typed::of),
        };
        Self { config, filters: filters.iter().map(filter).collect() }
    }

    /// The places of the filters that ask for authorization.
    pub(crate) fn checks(&self) -> impl Iterator<Item = (usize, &Filter<'a>)> {
        self.filters.iter().enumerate().filter(|(_, filter)| match filter.typed {
            Some(typed) => typed.is(EXT_AUTHZ),
            None => filter.name.contains("ext_authz"),
        })
    }

    /// The clusters that its own routes lead to.
    pub(crate) fn clusters(&self) -> impl Iterator<Item = &'a str> {
        let routes = self.config.get("route_config").into_iter().flat_map(Node::all);
        let actions = routes.filter_map(|node| node.get("route"));
        actions.flat_map(|action| {
            let weighted = action.at(&["weighted_clusters", "clusters"]);
            let weighted = weighted.into_iter().flat_map(Node::items).map(|c| c.text_of("name"));
            weighted.chain([action.text_of("cluster")]).filter(|name| !name.is_empty())
        })
    }
}

/// Whether a list of matchers takes a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    Yes,
    No,
    /// There is a regular expression among them.
    Perhaps,
}

/// Whether a `ListStringMatcher` takes a header. Names of headers are in lower case in Envoy.
pub(crate) fn takes(list: Option<&Node>, header: &str) -> Takes {
    let patterns = list.and_then(|list| list.get("patterns")).map_or(&[][..], Node::items);
    let mut found = Takes::No;
    for pattern in patterns {
        let caseless = pattern.is_true("ignore_case");
        for entry in pattern.entries() {
            let text = entry.node.text();
            let text = if caseless { text.to_lowercase() } else { text.to_owned() };
            let fits = match entry.key.as_str() {
                "exact" => header == text,
                "prefix" => header.starts_with(&text),
                "suffix" => header.ends_with(&text),
                "contains" => header.contains(&text),
                "safe_regex" | "safeRegex" => {
                    found = Takes::Perhaps;
                    false
                }
                _ => false,
            };
            if fits {
                return Takes::Yes;
            }
        }
    }
    found
}
