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
