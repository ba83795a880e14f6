//! Which claims somebody else than Keyward may add to a token.

use super::TokenClaims;

/// Names that Auth0 keeps for standards and for itself, beside those that Keyward writes.
/// Source: its documentation on custom claims.
const RESTRICTED: [&str; 54] = [
    "acr",
    "active",
    "amr",
    "at_hash",
    "ath",
    "attest",
    "auth_time",
    "authorization_details",
    "c_hash",
    "cty",
    "dest",
    "entitlements",
    "events",
    "groups",
    "htm",
    "htu",
    "internalService",
    "jcard",
    "jku",
    "jwe",
    "jwk",
    "kid",
    "mky",
    "nonce",
    "object_id",
    "orig",
    "origid",
    "roles",
    "rph",
    "s_hash",
    "sid",
    "sip_callid",
    "sip_cseq_num",
    "sip_date",
    "sip_from_tag",
    "sip_via_branch",
    "sub_jwk",
    "toe",
    "txn",
    "typ",
    "uuid",
    "vot",
    "vtm",
    "x5t#S256",
    // Members of a token's header, of introspection (RFC 7662) and of JSON itself.
    "alg",
    "crit",
    "enc",
    "token_type",
    "username",
    "x5c",
    "x5t",
    "x5u",
    "__proto__",
    "zip",
];
/// Hosts whose namespaces are not for customers, with all hosts below them.
const FOREIGN_HOSTS: [&str; 3] = ["auth0.com", "webtask.io", "webtask.run"];
/// The most bytes of a claim's name.
const NAME_BYTES_MAX: usize = 1_024;

/// Whether a claim of this name may be added to a token: it is none that a standard, Keyward or
/// Auth0 gives a meaning, and stands in no namespace of Auth0's.
#[must_use]
pub fn is_custom_claim(name: &str) -> bool {
    let length = 1..=NAME_BYTES_MAX;
    length.contains(&name.len())
        && !TokenClaims::is_reserved(name)
        && !RESTRICTED.contains(&name)
        && !stands_in_foreign_namespace(name)
}

fn stands_in_foreign_namespace(name: &str) -> bool {
    let name = name.trim_start().to_ascii_lowercase();
    if name.starts_with("urn:auth0") {
        return true;
    }
    let Some((_, rest)) = name.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default().trim_end_matches('.');
    FOREIGN_HOSTS.iter().any(|foreign| {
        host.strip_suffix(foreign).is_some_and(|above| above.is_empty() || above.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_meaning_are_not_custom() {
        for name in [
            "",
            "iss",
            "sub",
            "scope",
            "cnf",
            "roles",
            "groups",
            "x5t#S256",
            "__proto__",
            "https://auth0.com/claim",
            "HTTPS://Login.Auth0.com:443/claim",
            "http://user@webtask.io",
            "https://x.webtask.run?a",
            "urn:auth0:claim",
        ] {
            assert!(!is_custom_claim(name), "{name}");
        }
        assert!(!is_custom_claim(&"x".repeat(NAME_BYTES_MAX + 1)));
        for name in [
            "tier",
            "m2m.org_id",
            "https://example.com/roles",
            "https://notauth0.com/claim",
            "https://auth0.com.example/claim",
            "urn:example:auth0",
            "email",
        ] {
            assert!(is_custom_claim(name), "{name}");
        }
    }
}
