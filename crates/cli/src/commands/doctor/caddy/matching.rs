//! Which requests a line is for.

use super::tokens::Line;

/// Whether a word is a matcher: a path, a named one, or `*` for all.
pub(crate) fn is_matcher(word: &str) -> bool {
    word == "*" || word.starts_with(['/', '@'])
}

/// The matcher of a line; nothing stands for every request.
pub(crate) fn matcher(line: &Line) -> Option<&str> {
    line.args.first().map(String::as_str).filter(|word| *word != "*" && is_matcher(word))
}

/// Whether all requests of the second matcher are requests of the first.
pub(crate) fn covers(outer: Option<&str>, inner: Option<&str>) -> bool {
    match (outer, inner) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(outer), Some(inner)) => {
            let start = outer.strip_suffix('*').filter(|start| start.starts_with('/'));
            outer == inner || start.is_some_and(|start| inner.starts_with(start))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wider_matcher_covers_a_narrower_one() {
        assert!(covers(None, Some("/api/*")));
        assert!(covers(Some("/api/*"), Some("/api/v1/*")));
        assert!(covers(Some("@api"), Some("@api")));
        assert!(!covers(Some("/api/*"), None));
        assert!(!covers(Some("/api/v1/*"), Some("/api/*")));
        assert!(!covers(Some("@api"), Some("/api/*")));
        assert!(!covers(Some("@a*"), Some("@ab")));
    }
}
