//! Who chooses what a value holds.

use super::tree::Tree;

/// Variables that hold what the caller wrote.
const WRITTEN_BY_CALLER: &[&str] = &[
    "args",
    "document_uri",
    "host",
    "proxy_add_x_forwarded_for",
    // Security: a PROXY header is taken from any peer; only `$remote_addr` asks who sent it.
    "proxy_protocol_addr",
    "query_string",
    "remote_user",
    "request",
    "request_body",
    "request_uri",
    "uri",
];
const WRITTEN_BY_CALLER_PREFIXES: &[&str] = &["http_", "arg_", "cookie_"];
/// How often a variable may be followed to others.
const STEPS_MAX: usize = 8;

/// The names of the variables in a value.
pub(crate) fn variables(value: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for rest in value.split('$').skip(1) {
        let name = match rest.strip_prefix('{') {
            Some(inner) => inner.split('}').next().unwrap_or(inner),
            None => {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                rest.get(..end.unwrap_or(rest.len())).unwrap_or(rest)
            }
        };
        if !name.is_empty() {
            names.push(name);
        }
    }
    names
}

/// The one variable that a value is, if it is one and nothing else.
pub(crate) fn only_variable(value: &str) -> Option<&str> {
    let names = variables(value);
    let &[name] = names.as_slice() else { return None };
    (value.len() == name.len() + 1 || value.len() == name.len() + 3).then_some(name)
}

/// The variable in a value that holds what the caller wrote, by itself or through `set` and `map`.
pub(crate) fn written_by_caller(tree: &Tree<'_>, scope: usize, value: &str) -> Option<String> {
    let mut left: Vec<(String, usize)> =
        variables(value).into_iter().map(|name| (name.to_owned(), 0)).collect();
    while let Some((name, steps)) = left.pop() {
        let lower = name.to_ascii_lowercase();
        let known = WRITTEN_BY_CALLER.contains(&lower.as_str())
            || WRITTEN_BY_CALLER_PREFIXES.iter().any(|prefix| lower.starts_with(prefix));
        if known {
            return Some(name);
        }
        if steps < STEPS_MAX {
            let made_of = definitions(tree, scope, &name);
            left.extend(made_of.into_iter().map(|name| (name, steps + 1)));
        }
    }
    None
}

/// The variables that a variable is made of.
fn definitions(tree: &Tree<'_>, scope: usize, name: &str) -> Vec<String> {
    let is_it = |word: &str| word.strip_prefix('$') == Some(name);
    let mut found: Vec<&str> = Vec::new();
    for at in tree.around(scope) {
        for set in tree.own(at, "set").filter(|set| is_it(set.arg(0))) {
            found.extend(variables(set.arg(1)));
        }
        for map in tree.own(at, "map").filter(|map| is_it(map.arg(1))) {
            let values: Vec<&str> = map.block.iter().flatten().map(|line| line.arg(0)).collect();
            let made_of = values.iter().flat_map(|value| variables(value));
            // What a regular expression takes out of the source is the source's.
            let captured = |name: &str| name.starts_with(|c: char| c.is_ascii_digit());
            let captures = map.block.iter().flatten().any(|line| line.name.contains("(?<"))
                || made_of.clone().any(captured);
            found.extend(made_of);
            if captures {
                found.extend(variables(map.arg(0)));
            }
        }
    }
    found.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found_in_values() {
        assert_eq!(variables("a$b-${c}d$e"), ["b", "c", "e"]);
        assert_eq!(variables("$"), [] as [&str; 0]);
        assert_eq!(variables("${unclosed"), ["unclosed"]);
        assert_eq!(only_variable("$a"), Some("a"));
        assert_eq!(only_variable("${a}"), Some("a"));
        assert_eq!(only_variable("x$a"), None);
        assert_eq!(only_variable("$a$b"), None);
        assert_eq!(only_variable("a"), None);
    }
}
