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

#[cfg(test)]
mod tests {
    use keyward_core::gateway::IDENTITY_HEADERS;

    use super::*;

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
