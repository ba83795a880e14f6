//! Addresses in texts that were not written as allowlists: labels of a client, code of an Action.

use keyward_allowlist::{EntryRules, parse_entry};

/// The most networks that are shown of one text.
const FOUND_MAX: usize = 1_000;
const SEPARATORS: [char; 7] = [',', ';', ' ', '\t', '\n', '\r', '|'];

/// The networks of a text that is nothing but a list of them, in whatever way it is separated.
/// `None` when a single word of it is something else: half a list would be a wrong one.
pub(super) fn whole_list(text: &str) -> Option<Vec<String>> {
    let words = text.split(SEPARATORS).map(bare).filter(|word| !word.is_empty());
    let networks: Option<Vec<String>> = words.map(network).collect();
    networks.filter(|found| !found.is_empty() && found.len() <= FOUND_MAX)
}

/// The networks that stand as texts in code: each quoted text that is a list of networks.
pub(super) fn in_code(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some((start, quote)) =
        rest.char_indices().find(|(_, c)| matches!(c, '\'' | '"' | '`'))
    {
        let Some(inside) = rest.get(start.saturating_add(1)..) else { break };
        let Some((text, after)) = inside.split_once(quote) else { break };
        for network in whole_list(text).into_iter().flatten() {
            if !found.contains(&network) && found.len() < FOUND_MAX {
                found.push(network);
            }
        }
        rest = after;
    }
    found
}

/// A word of a list without what JSON and code put around it.
fn bare(word: &str) -> &str {
    word.trim_matches(['[', ']', '"', '\''])
}

/// A network as it is written there, if it is one.
fn network(word: &str) -> Option<String> {
    parse_entry(word, &EntryRules::default()).ok().map(|_| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_a_list_or_it_is_none() {
        for (text, list) in [
            ("203.0.113.5", Some(vec!["203.0.113.5"])),
            ("203.0.113.0/24, 2001:db8::/32", Some(vec!["203.0.113.0/24", "2001:db8::/32"])),
            ("[\"203.0.113.5\",\"203.0.113.6\"]", Some(vec!["203.0.113.5", "203.0.113.6"])),
            ("203.0.113.5\n203.0.113.6;", Some(vec!["203.0.113.5", "203.0.113.6"])),
            ("203.0.113.5 office", None),
            ("1.2.3", None),
            ("0.0.0.0/0", None),
            ("", None),
            ("42", None),
        ] {
            let list = list.map(|list| list.into_iter().map(str::to_owned).collect());
            assert_eq!(whole_list(text), list, "{text}");
        }
    }

    #[test]
    fn quoted_addresses_of_code_are_found_once() {
        let code = r#"
            const allowed = ['203.0.113.5', "203.0.113.0/24", `198.51.100.7`, '203.0.113.5'];
            if (!allowed.includes(event.request.ip)) { api.access.deny('invalid_request', "1.2"); }
        "#;
        assert_eq!(in_code(code), ["203.0.113.5", "203.0.113.0/24", "198.51.100.7"]);
        assert_eq!(in_code("it's 203.0.113.5"), [""; 0]);
        assert_eq!(in_code("'é', '203.0.113.5,203.0.113.6'"), ["203.0.113.5", "203.0.113.6"]);
    }
}
