//! The identity headers of an allowed request: what Keyward says about the caller.

/// Those that Keyward always answers with, so that a gateway can always set them.
///
/// `X-Client-Assertion` is not among them: it is there only where a gateway asks for it, and it is
/// signed, so an application that verifies it cannot be deceived by a forged one.
pub(crate) const IDENTITY: [&str; 5] =
    ["X-Client-Id", "X-Account-Id", "X-Client-Scope", "X-Client-IP", "X-Request-Id"];

/// All that a caller must not be able to write.
pub(crate) const IDENTITY_OR_ASSERTION: [&str; 6] = [
    "X-Client-Id",
    "X-Account-Id",
    "X-Client-Scope",
    "X-Client-IP",
    "X-Request-Id",
    "X-Client-Assertion",
];

/// All ways to write a name that some applications read alike: with `_` for one `-` or more.
pub(crate) fn spellings(name: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    for character in name.chars() {
        let also: Vec<String> = match character {
            '-' => all.iter().map(|start| format!("{start}_")).collect(),
            _ => Vec::new(),
        };
        all.iter_mut().for_each(|start| start.push(character));
        all.extend(also);
    }
    all
}

#[cfg(test)]
mod tests {
    use keyward_core::gateway::IDENTITY_HEADERS;

    use super::*;

    #[test]
    fn a_name_is_spelt_in_every_way() {
        assert_eq!(spellings("X-A-B"), ["X-A-B", "X_A-B", "X-A_B", "X_A_B"]);
        assert_eq!(spellings("Via"), ["Via"]);
    }

    #[test]
    fn they_are_those_that_keyward_writes() {
        let mut all = IDENTITY_OR_ASSERTION.map(str::to_ascii_lowercase);
        all.sort();
        let mut written = IDENTITY_HEADERS;
        written.sort_unstable();
        assert_eq!(all, written);
        assert!(IDENTITY.iter().all(|name| IDENTITY_OR_ASSERTION.contains(name)));
    }
}
