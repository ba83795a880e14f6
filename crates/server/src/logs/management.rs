//! What the management APIs tell: each write, done or refused.

use axum::http::{Method, StatusCode};
use keyward_core::id::ClientId;
use keyward_core::time::Timestamp;
use keyward_gate::RequestId;
use serde_json::json;

use super::event::{LogEvent, LogKind, Origin, looks_secret};
use crate::services::Services;

/// Variables of routes whose values may be told. Whatever else a path holds, it is told by its
/// route: the credential of a probe is one.
const TOLD: &[&str] = &["id", "kid", "actionId", "triggerId", "network"];

/// Compat(auth0): its sentences for its operations, which alerts look for.
const DESCRIPTIONS: &[(&str, &str, &str)] = &[
    ("POST", "/api/v2/clients", "Create a client"),
    ("PATCH", "/api/v2/clients/{id}", "Update a client"),
    ("DELETE", "/api/v2/clients/{id}", "Delete a client"),
    ("POST", "/api/v2/clients/{id}/rotate-secret", "Rotate a client secret"),
    ("POST", "/api/v2/client-grants", "Create client grant"),
    ("PATCH", "/api/v2/client-grants/{id}", "Update client grant"),
    ("DELETE", "/api/v2/client-grants/{id}", "Delete client grant"),
    ("POST", "/api/v2/resource-servers", "Create a resource server"),
    ("PATCH", "/api/v2/resource-servers/{id}", "Update a resource server"),
    ("DELETE", "/api/v2/resource-servers/{id}", "Delete a resource server"),
    ("POST", "/api/v2/actions/actions", "Create an action"),
    ("PATCH", "/api/v2/actions/actions/{id}", "Update an action"),
    ("DELETE", "/api/v2/actions/actions/{id}", "Delete an action"),
    ("POST", "/api/v2/actions/actions/{id}/deploy", "Deploy an action"),
    ("PATCH", "/api/v2/tenants/settings", "Update tenant settings"),
    ("POST", "/api/v2/keys/signing/rotate", "Rotate the Application Signing Key"),
    ("PUT", "/api/v2/keys/signing/{kid}/revoke", "Revoke an Application Signing Key by its key id"),
    ("POST", "/api/v2/log-streams", "Create a log stream"),
    ("PATCH", "/api/v2/log-streams/{id}", "Update a log stream"),
    ("DELETE", "/api/v2/log-streams/{id}", "Delete a log stream"),
];

/// One request to a management API, as far as it may be told.
#[derive(Debug)]
pub(crate) struct ManagementCall<'a> {
    pub(crate) method: &'a Method,
    pub(crate) route: &'a str,
    pub(crate) path: &'a str,
    pub(crate) status: StatusCode,
    pub(crate) client: &'a ClientId,
}

/// Tells of a call by an authenticated client: a write, or one call too many.
pub(crate) fn note_management(
    services: &Services,
    (request, origin): (RequestId, &Origin),
    at: Timestamp,
    call: &ManagementCall<'_>,
) {
    let ManagementCall { method, route, path, status, client } = call;
    let managed = ["/api/v2/", "/v1/"].iter().any(|prefix| route.starts_with(prefix));
    let limited = *status == StatusCode::TOO_MANY_REQUESTS;
    if !managed || (method.is_safe() && !limited) {
        return;
    }
    let done = status.is_success();
    let kind = match (limited, done) {
        (true, _) => LogKind::ApiLimit,
        (false, true) => LogKind::ManagementWrite,
        (false, false) => LogKind::ManagementRefused,
    };
    // Security: what was not found, or was gone before it was deleted, may be anything.
    let told = done && names_nothing_secret(route) && !looks_secret(path);
    let place = if told { path } else { route };
    let known = DESCRIPTIONS.iter().find(|(m, r, _)| *m == method.as_str() && r == route);
    let description = match known {
        Some((.., text)) => (*text).to_owned(),
        None => format!("{method} {route}"),
    };
    let event = LogEvent::new(kind, at)
        .of_client(client)
        .described(&description)
        .from_origin(origin)
        .with(
            "request",
            json!({
                "method": method.as_str().to_ascii_lowercase(),
                "path": super::event::cut(place),
                "channel": "api",
                "auth": { "strategy": "jwt" },
            }),
        )
        .with("response", json!({ "statusCode": status.as_u16() }))
        .with("request_id", request.to_string());
    services.logs.emit(event);
}

fn names_nothing_secret(route: &str) -> bool {
    let mut variables = route.split('{').skip(1).map(|rest| rest.split('}').next());
    variables.all(|name| name.is_some_and(|name| TOLD.contains(&name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_a_variable_that_is_not_known_is_not_told() {
        for (route, told) in [
            ("/api/v2/clients", true),
            ("/api/v2/clients/{id}", true),
            ("/v1/probes/{credential}", false),
            ("/v1/clients/{id}/secrets/{secret}", false),
            ("/api/v2/{*rest}", false),
        ] {
            assert_eq!(names_nothing_secret(route), told, "{route}");
        }
    }
}
