//! Blocks as nginx sees them: who lies in whom, and what is inherited.

use std::collections::HashMap;

use super::tokens::Directive;

/// The longest prefix of a location that is found.
const LOCATION_BYTES_MAX: usize = 1_000;

/// What a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The file itself, which may stand for any block that includes it.
    Root,
    Http,
    Server,
    Location,
    /// `if`, `limit_except`: they inherit from the location around them as if they were it.
    Within,
}

/// One block that can hold directives of HTTP.
#[derive(Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) kind: Kind,
    /// The directive that opens it; none for the root.
    pub(crate) opened_by: Option<&'a Directive>,
    directives: &'a [Directive],
    parent: Option<usize>,
    /// The server that it lies in; the root for a part of one.
    server: usize,
}

/// How a location is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Matching<'a> {
    Exact(&'a str),
    Prefix(&'a str),
    Named(&'a str),
    Regex,
}

/// All blocks of a configuration. The root is number 0.
#[derive(Debug)]
pub(crate) struct Tree<'a> {
    scopes: Vec<Scope<'a>>,
    /// The directives of each block, by name.
    named: HashMap<(usize, &'a str), Vec<&'a Directive>>,
    /// The locations of each server.
    locations: HashMap<(usize, Matching<'a>), usize>,
}

impl<'a> Tree<'a> {
    pub(crate) fn new(directives: &'a [Directive]) -> Self {
        let root = Scope { kind: Kind::Root, opened_by: None, directives, parent: None, server: 0 };
        let mut tree =
            Self { scopes: vec![root], named: HashMap::new(), locations: HashMap::new() };
        let mut next = 0;
        while let Some(scope) = tree.scopes.get(next) {
            let (directives, outer, server) = (scope.directives, scope.kind, scope.server);
            for directive in directives {
                tree.named.entry((next, &directive.name)).or_default().push(directive);
                if let (Some(kind), Some(block)) = (kind(directive, outer), &directive.block) {
                    let number = tree.scopes.len();
                    tree.scopes.push(Scope {
                        kind,
                        opened_by: Some(directive),
                        directives: block,
                        parent: Some(next),
                        server: if kind == Kind::Server { number } else { server },
                    });
                }
            }
            next += 1;
        }
        for (scope, found) in tree.scopes.iter().enumerate() {
            if let Some(matching) = tree.matching(scope) {
                tree.locations.entry((found.server, matching)).or_insert(scope);
            }
        }
        tree
    }

    /// All blocks, outer ones before inner ones.
    pub(crate) fn all(&self) -> impl Iterator<Item = (usize, &Scope<'a>)> {
        self.scopes.iter().enumerate()
    }

    pub(crate) fn kind(&self, scope: usize) -> Option<Kind> {
        self.scopes.get(scope).map(|scope| scope.kind)
    }

    pub(crate) fn opened_by(&self, scope: usize) -> Option<&'a Directive> {
        self.scopes.get(scope).and_then(|scope| scope.opened_by)
    }

    /// The block and all around it, inner ones first.
    pub(crate) fn around(&self, scope: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(scope), |at| self.scopes.get(*at).and_then(|s| s.parent))
    }

    /// The directives of that name in the block itself.
    pub(crate) fn own(
        &self,
        scope: usize,
        name: &'static str,
    ) -> impl Iterator<Item = &'a Directive> {
        self.named.get(&(scope, name)).into_iter().flatten().copied()
    }

    /// The directives of that name that are in force: those of the innermost block that has any.
    /// nginx inherits all of them or none.
    pub(crate) fn effective(&self, scope: usize, name: &'static str) -> Vec<&'a Directive> {
        let mut levels = self.around(scope).filter_map(|at| self.named.get(&(at, name)));
        levels.next().cloned().unwrap_or_default()
    }

    /// The first word of such a directive.
    pub(crate) fn value(&self, scope: usize, name: &'static str) -> Option<&'a str> {
        self.effective(scope, name).last().map(|directive| directive.arg(0))
    }

    /// The server that a block lies in; the root for a part of one.
    pub(crate) fn server(&self, scope: usize) -> usize {
        self.scopes.get(scope).map_or(0, |scope| scope.server)
    }

    /// The servers for which a block's directives hold: the one around it, or all within it.
    pub(crate) fn servers(&self, scope: usize) -> Vec<usize> {
        let around = self.server(scope);
        if self.kind(around) == Some(Kind::Server) {
            return vec![around];
        }
        let within = |at: &usize| {
            self.kind(*at) == Some(Kind::Server) && self.around(*at).any(|outer| outer == scope)
        };
        let found: Vec<usize> = (0..self.scopes.len()).filter(within).collect();
        if found.is_empty() { vec![around] } else { found }
    }

    /// Whether there is a location in the server, however deep.
    pub(crate) fn has_locations(&self, server: usize) -> bool {
        self.locations.keys().any(|(of, _)| *of == server)
    }

    /// How a location is chosen.
    pub(crate) fn matching(&self, scope: usize) -> Option<Matching<'a>> {
        if self.kind(scope) != Some(Kind::Location) {
            return None;
        }
        let directive = self.opened_by(scope)?;
        let first = directive.arg(0);
        Some(match (first, directive.args.get(1).map(String::as_str)) {
            ("=", Some(uri)) => Matching::Exact(uri),
            ("^~", Some(uri)) => Matching::Prefix(uri),
            (_, Some(_)) => Matching::Regex,
            (word, None) => match word.strip_prefix('=') {
                Some(uri) => Matching::Exact(uri),
                None if word.starts_with('@') => Matching::Named(word),
                None if word.starts_with('~') => Matching::Regex,
                None => Matching::Prefix(word.strip_prefix("^~").unwrap_or(word)),
            },
        })
    }

    /// The location that a URI or an `@name` leads to: the exact one, else the longest prefix.
    /// Regular expressions are not tried.
    pub(crate) fn resolve(&self, server: usize, target: &str) -> Option<usize> {
        let path = target.split(['?', '#']).next().unwrap_or(target);
        let find = |matching| self.locations.get(&(server, matching)).copied();
        let prefixes = (1..=path.len().min(LOCATION_BYTES_MAX)).rev();
        find(Matching::Exact(path)).or_else(|| find(Matching::Named(target))).or_else(|| {
            prefixes.filter_map(|end| path.get(..end)).find_map(|uri| find(Matching::Prefix(uri)))
        })
    }
}

fn kind(directive: &Directive, outer: Kind) -> Option<Kind> {
    Some(match directive.name.as_str() {
        "http" if outer == Kind::Root => Kind::Http,
        // A server inside `upstream` has no block, one inside `stream` is never come to.
        "server" if matches!(outer, Kind::Root | Kind::Http) => Kind::Server,
        "location" => Kind::Location,
        "if" | "limit_except" => Kind::Within,
        _ => return None,
    })
}

/// Where a block passes requests to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pass<'a> {
    pub(crate) directive: &'a Directive,
    /// The directive that sets what is sent along.
    pub(crate) sets: &'static str,
    /// Whether that sets parameters, in which headers are called `HTTP_X_CLIENT_ID`.
    pub(crate) is_parameter: bool,
}

const PASSES: [(&str, &str, bool); 5] = [
    ("proxy_pass", "proxy_set_header", false),
    ("grpc_pass", "grpc_set_header", false),
    ("fastcgi_pass", "fastcgi_param", true),
    ("uwsgi_pass", "uwsgi_param", true),
    ("scgi_pass", "scgi_param", true),
];

impl<'a> Pass<'a> {
    /// The pass that stands in the block itself.
    pub(crate) fn of(tree: &Tree<'a>, scope: usize) -> Option<Self> {
        PASSES.iter().find_map(|&(name, sets, is_parameter)| {
            let directive = tree.own(scope, name).next()?;
            Some(Self { directive, sets, is_parameter })
        })
    }

    /// The upstream's name, or its host and port.
    pub(crate) fn upstream(&self) -> &'a str {
        let target = self.directive.arg(0);
        let target = target.split_once("://").map_or(target, |(_, rest)| rest);
        match target.strip_prefix("unix:") {
            Some(socket) => socket.split(':').next().unwrap_or(socket),
            None => target.split('/').next().unwrap_or(target),
        }
    }

    /// What is set of a header that is sent: each line's directive and value.
    pub(crate) fn sent(
        &self,
        tree: &Tree<'a>,
        scope: usize,
        header: &str,
    ) -> Vec<(&'a Directive, &'a str)> {
        let lines = tree.effective(scope, self.sets).into_iter();
        let of_header = lines.filter(|line| self.is_for(line, header));
        of_header.map(|line| (line, line.arg(1))).collect()
    }

    /// Whether a line sets that header.
    pub(crate) fn is_for(&self, line: &Directive, header: &str) -> bool {
        let name = line.arg(0);
        if self.is_parameter {
            let wanted = header.bytes().map(|b| if b == b'-' { b'_' } else { b });
            name.strip_prefix("HTTP_").is_some_and(|name| {
                name.len() == header.len()
                    && name.bytes().eq(wanted.map(|b| b.to_ascii_uppercase()))
            })
        } else {
            name.eq_ignore_ascii_case(header)
        }
    }

    /// Whether the caller's own headers are sent along at all.
    pub(crate) fn passes_headers(&self, tree: &Tree<'a>, scope: usize) -> bool {
        let name = match self.sets {
            "proxy_set_header" => "proxy_pass_request_headers",
            "fastcgi_param" => "fastcgi_pass_request_headers",
            "uwsgi_param" => "uwsgi_pass_request_headers",
            "scgi_param" => "scgi_pass_request_headers",
            _ => return true,
        };
        tree.value(scope, name) != Some("off")
    }
}
