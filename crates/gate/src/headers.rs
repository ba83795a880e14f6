//! The header lines of an HTTP request, as the client-address rules read them.

use http::HeaderMap;
use keyward_allowlist::HeaderLines;

/// A request's headers for [`keyward_allowlist::client_address`].
#[derive(Debug, Clone, Copy)]
pub struct Headers<'h>(pub &'h HeaderMap);

impl HeaderLines for Headers<'_> {
    fn lines<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.0.get_all(name).iter().map(http::HeaderValue::as_bytes)
    }
}
