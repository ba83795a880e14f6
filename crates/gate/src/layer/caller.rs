//! Who called, for the service.

use ::http::HeaderMap;
use ::http::header::{AUTHORIZATION, HeaderName};
use keyward_core::gateway::IDENTITY_HEADERS;

/// The headers that say who called. A caller's own are never passed on.
const IDENTITY: [HeaderName; 6] = {
    let [client, account, scope, ip, assertion, request] = IDENTITY_HEADERS;
    [
        HeaderName::from_static(client),
        HeaderName::from_static(account),
        HeaderName::from_static(scope),
        HeaderName::from_static(ip),
        HeaderName::from_static(assertion),
        HeaderName::from_static(request),
    ]
};
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// What stands for nothing.
const VOID: &str = "-";

/// Who called, as Keyward found it. It is in the extensions of every request that passed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Caller {
    /// The client; `None` where no credential was needed (a preflight request, a public path).
    pub client_id: Option<String>,
    /// Its account, if it has one.
    pub account_id: Option<String>,
    /// The scopes that count.
    pub scopes: Vec<String>,
    /// From where, in canonical form.
    pub client_ip: Option<String>,
    /// The id of the decision, as in Keyward's log.
    pub request_id: Option<String>,
}

impl Caller {
    /// Whether the caller has a scope.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|have| have == scope)
    }
}

/// Takes out what the caller wrote, also where an application behind this one might read `_` as `-`.
pub(super) fn forget_identity(headers: &mut HeaderMap, hide_credential: bool) {
    for name in &IDENTITY {
        headers.remove(name);
    }
    let is_alike = |name: &&HeaderName| {
        name.as_str().contains('_')
            && IDENTITY_HEADERS.contains(&name.as_str().replace('_', "-").as_str())
    };
    let alike: Vec<HeaderName> = headers.keys().filter(is_alike).cloned().collect();
    for name in alike {
        headers.remove(name);
    }
    if hide_credential {
        headers.remove(AUTHORIZATION);
        headers.remove(X_API_KEY);
    }
}

/// Puts Keyward's identity headers in, and reads them.
pub(super) fn take_identity(headers: &mut HeaderMap, mut identity: HeaderMap) -> Caller {
    let [client, account, scope, client_ip, _, request] = IDENTITY.map(|name| {
        let value = identity.remove(&name)?;
        let text = value.to_str().ok().filter(|text| *text != VOID).map(str::to_owned);
        headers.insert(name, value);
        text
    });
    let scopes = scope.unwrap_or_default();
    Caller {
        client_id: client,
        account_id: account,
        scopes: scopes.split(' ').filter(|s| !s.is_empty()).map(str::to_owned).collect(),
        client_ip,
        request_id: request,
    }
}

/// Whether an answer says who called. One that does not was not Keyward's.
pub(super) fn has_identity(headers: &HeaderMap) -> bool {
    IDENTITY.iter().all(|name| headers.contains_key(name))
}

#[cfg(test)]
mod tests {
    use ::http::HeaderValue;

    use super::*;

    #[test]
    fn a_callers_identity_is_forgotten_in_every_spelling() {
        let mut headers = HeaderMap::new();
        for name in ["x-client-id", "x_client_id", "x-client_id", "x_client-ip", "x-client-idea"] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("forged"));
        }
        forget_identity(&mut headers, false);
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["x-client-idea"]);
    }
}
