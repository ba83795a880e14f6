//! Who signs `X-Client-Assertion`. The gate has no private key: it is handed somebody who has one.

use keyward_core::assertion::AssertionClaims;

/// Signs assertions.
pub trait AssertionSigner: Send + Sync {
    /// The signed JWT; `None` when it cannot be signed now, and then nobody is let in who should
    /// carry one.
    fn sign_assertion(&self, claims: &AssertionClaims<'_>) -> Option<String>;
}
