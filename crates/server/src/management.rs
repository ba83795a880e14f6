//! The management API `/api/v2`, compatible with Auth0's: clients, resource servers, client grants,
//! Actions, logs, tenant settings and signing keys. Paths, statuses, bodies and error texts follow
//! what its own tools send and look for.

mod actions;
mod admitted;
mod body;
mod client_grants;
pub(crate) mod clients;
mod credentials;
mod fields;
mod keys;
mod log_streams;
pub(crate) mod logs;
mod query;
mod quota;
mod rate_limit;
mod resource_servers;
mod scopes;
mod tenants;
mod unserved;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri, header};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch, post, put};
use keyward_core::invalid::Invalid;
use keyward_store::{Conflict, StoreError};
use serde_json::{Value, json};

pub(crate) use admitted::{Admitted, Place};
pub(crate) use body::{LIST_BODY_BYTES_MAX, RawBody};
pub use rate_limit::{CALLS_MAX, WINDOW_S};
pub use scopes::ALL_SCOPES;
pub(crate) use scopes::{CreateActions, CreateClients, ReadActions, UpdateClientKeys};

use crate::failure::{Detail, Failure};
use crate::services::Services;
use crate::signing::RandomError;

/// Paths, by their end, whose bodies hold lists and may therefore be longer, in bytes. A listener
/// that serves this API needs them in its [`crate::listen::Limits::body_bytes_at`]: the API itself
/// then says whether it is the list or the body that is too long.
pub const LONG_BODIES: &[(&str, u64)] =
    &[("/allowlist", LIST_BODY_BYTES_MAX as u64), ("/api/v2/clients", LIST_BODY_BYTES_MAX as u64)];

/// A failure in Auth0's shape: `{"statusCode", "error", "message", "errorCode"}`.
#[derive(Debug)]
pub struct ManagementFailure(pub Failure);

impl IntoResponse for ManagementFailure {
    fn into_response(self) -> Response {
        let failure = self.0;
        failure.log();
        let status = failure.status;
        let mut body = json!({
            "statusCode": status.as_u16(),
            "error": status.canonical_reason().unwrap_or_default(),
            "message": failure.message,
        });
        if let Some(members) = body.as_object_mut() {
            if status == StatusCode::UNAUTHORIZED {
                members.insert("attributes".to_owned(), json!({ "error": failure.message }));
            } else if !failure.code.is_empty() {
                members.insert("errorCode".to_owned(), json!(failure.code));
            }
            if !failure.details.is_empty() {
                members.insert("details".to_owned(), json!(failure.details));
            }
        }
        let mut response = (status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            // RFC 9110 §11.6.1 asks for it; RFC 6750 §3 says what it looks like.
            headers.insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = failure.retry_after_s {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl From<Failure> for ManagementFailure {
    fn from(failure: Failure) -> Self {
        Self(failure)
    }
}

impl From<StoreError> for ManagementFailure {
    fn from(error: StoreError) -> Self {
        let text = error.to_string();
        Self(if let StoreError::Conflict { what } = &error {
            conflict(what)
        } else if let StoreError::Cursor { .. } = &error {
            query::invalid_query(&text)
        } else if let StoreError::Unstorable { .. } = &error {
            Failure::bad_request("invalid_body", text)
        } else {
            error.into()
        })
    }
}

impl From<RandomError> for ManagementFailure {
    fn from(error: RandomError) -> Self {
        Self(Failure::internal(error))
    }
}

impl From<Vec<Invalid>> for ManagementFailure {
    fn from(faults: Vec<Invalid>) -> Self {
        let first = faults.first().map(|fault| match fault.code {
            // Compat(auth0): tools quote this sentence, it stands alone.
            "public_client" => fault.message.clone(),
            _ => fields::payload_message(&fault.message, &fault.field),
        });
        let details = faults.into_iter().map(Detail::from).collect();
        Self(Failure::bad_request("invalid_body", first.unwrap_or_default()).with_details(details))
    }
}

impl From<Invalid> for Detail {
    fn from(fault: Invalid) -> Self {
        Self {
            line: None,
            field: Some(fault.field),
            entry: None,
            code: fault.code.into(),
            message: fault.message,
            suggestion: None,
        }
    }
}

/// What stands in the way of a write, in Auth0's words where they are known.
fn conflict(what: &Conflict) -> Failure {
    if let Conflict::Gone { kind, .. } | Conflict::Missing { kind: kind @ ("api" | "client"), .. } =
        what
    {
        return not_found(kind);
    }
    if let Conflict::Missing { kind: "account", id } = what {
        return fields::invalid_field(&format!("there is no account {id}"), "account_id");
    }
    if let Conflict::Missing { kind: "organization", id } = what {
        let field = "default_organization.organization_id";
        return fields::invalid_field(&format!("there is no account {id}"), field);
    }
    let text = if let Conflict::Taken { kind: "api", .. } = what {
        "A resource server with the same identifier already exists.".to_owned()
    } else if let Conflict::Taken { kind: "action", .. } = what {
        "An action with the same name already exists.".to_owned()
    } else if let Conflict::Taken { kind: "grant", .. } = what {
        "A client grant for the same client and audience already exists.".to_owned()
    } else {
        what.to_string()
    };
    Failure::conflict("conflict", text)
}

/// 404 in Auth0's words.
fn not_found(kind: &str) -> Failure {
    let (code, message) = match kind {
        "client" => ("inexistent_client", "The client does not exist"),
        "api" => ("inexistent_resource_server", "The resource server does not exist"),
        "grant" => ("inexistent_client_grant", "The grant does not exist."),
        "credential" => ("inexistent_client_credential", "The credential does not exist"),
        "log_stream" => ("inexistent_log_stream", "The log stream does not exist."),
        "log" => ("inexistent_log", "Log not found."),
        // Compat(auth0): these have no code.
        "action" => ("", "That action does not exist."),
        "action_version" => ("", "That action version does not exist."),
        "trigger" => ("", "That trigger does not exist."),
        "execution" => ("", "That execution does not exist."),
        _ => ("not_found", "Not Found"),
    };
    Failure::not_found(code, message)
}

/// A successful answer.
fn reply(status: StatusCode, body: impl Into<Value>) -> Response {
    (status, axum::Json(body.into())).into_response()
}

macro_rules! routes {
    ($($method:ident $name:literal $path:literal => $handler:path;)+) => {
        /// Every route of this API as method and path; tests compare their cases to it.
        pub const ROUTES: &[(&str, &str)] = &[$(($name, $path)),+];

        fn handlers() -> Router<Arc<Services>> {
            Router::new()$(.route($path, $method($handler)))+
        }
    };
}

routes! {
    get "GET" "/api/v2/clients" => clients::list_clients;
    post "POST" "/api/v2/clients" => clients::create_client;
    get "GET" "/api/v2/clients/{id}" => clients::get_client;
    patch "PATCH" "/api/v2/clients/{id}" => clients::update_client;
    delete "DELETE" "/api/v2/clients/{id}" => clients::delete_client;
    post "POST" "/api/v2/clients/{id}/rotate-secret" => clients::rotate_client_secret;
    get "GET" "/api/v2/clients/{id}/credentials" => credentials::list_client_credentials;
    post "POST" "/api/v2/clients/{id}/credentials" => credentials::create_client_credential;
    get "GET" "/api/v2/clients/{id}/credentials/{credential}" => credentials::get_client_credential;
    patch "PATCH" "/api/v2/clients/{id}/credentials/{credential}" => credentials::update_client_credential;
    delete "DELETE" "/api/v2/clients/{id}/credentials/{credential}" => credentials::delete_client_credential;
    get "GET" "/api/v2/resource-servers" => resource_servers::list_resource_servers;
    post "POST" "/api/v2/resource-servers" => resource_servers::create_resource_server;
    get "GET" "/api/v2/resource-servers/{id}" => resource_servers::get_resource_server;
    patch "PATCH" "/api/v2/resource-servers/{id}" => resource_servers::update_resource_server;
    delete "DELETE" "/api/v2/resource-servers/{id}" => resource_servers::delete_resource_server;
    get "GET" "/api/v2/client-grants" => client_grants::list_client_grants;
    post "POST" "/api/v2/client-grants" => client_grants::create_client_grant;
    get "GET" "/api/v2/client-grants/{id}" => client_grants::get_client_grant;
    patch "PATCH" "/api/v2/client-grants/{id}" => client_grants::update_client_grant;
    delete "DELETE" "/api/v2/client-grants/{id}" => client_grants::delete_client_grant;
    get "GET" "/api/v2/logs" => logs::list_logs;
    get "GET" "/api/v2/logs/{id}" => logs::get_log;
    get "GET" "/api/v2/actions/actions" => actions::list_actions;
    post "POST" "/api/v2/actions/actions" => actions::create_action;
    get "GET" "/api/v2/actions/actions/{id}" => actions::get_action;
    patch "PATCH" "/api/v2/actions/actions/{id}" => actions::update_action;
    delete "DELETE" "/api/v2/actions/actions/{id}" => actions::delete_action;
    post "POST" "/api/v2/actions/actions/{id}/deploy" => actions::deploy_action;
    post "POST" "/api/v2/actions/actions/{id}/test" => actions::test_action;
    get "GET" "/api/v2/actions/actions/{id}/versions" => actions::list_action_versions;
    get "GET" "/api/v2/actions/actions/{id}/versions/{version}" => actions::get_action_version;
    post "POST" "/api/v2/actions/actions/{id}/versions/{version}/deploy" => actions::deploy_action_version;
    get "GET" "/api/v2/actions/triggers" => actions::list_triggers;
    get "GET" "/api/v2/actions/triggers/{id}/bindings" => actions::list_bindings;
    patch "PATCH" "/api/v2/actions/triggers/{id}/bindings" => actions::update_bindings;
    get "GET" "/api/v2/actions/executions/{id}" => actions::get_execution;
    get "GET" "/api/v2/log-streams" => log_streams::list_log_streams;
    post "POST" "/api/v2/log-streams" => log_streams::create_log_stream;
    get "GET" "/api/v2/log-streams/{id}" => log_streams::get_log_stream;
    patch "PATCH" "/api/v2/log-streams/{id}" => log_streams::update_log_stream;
    delete "DELETE" "/api/v2/log-streams/{id}" => log_streams::delete_log_stream;
    get "GET" "/api/v2/tenants/settings" => tenants::get_tenant_settings;
    patch "PATCH" "/api/v2/tenants/settings" => tenants::update_tenant_settings;
    get "GET" "/api/v2/keys/signing" => keys::list_signing_keys;
    post "POST" "/api/v2/keys/signing/rotate" => keys::rotate_signing_keys;
    get "GET" "/api/v2/keys/signing/{kid}" => keys::get_signing_key;
    put "PUT" "/api/v2/keys/signing/{kid}/revoke" => keys::revoke_signing_key;
}

/// The routes of `/api/v2`.
pub fn router() -> Router<Arc<Services>> {
    let limiter = rate_limit::RateLimiter::shared();
    handlers()
        .route("/api/v2/{*rest}", axum::routing::any(no_such_path))
        .method_not_allowed_fallback(no_such_method)
        .layer(from_fn(rate_limit::with_headers))
        .layer(axum::Extension(limiter))
}

/// 404 for what is no path of this API; 403 for reading what only Auth0 has.
pub(crate) async fn no_such_path(
    State(services): State<Arc<Services>>,
    method: Method,
    uri: Uri,
) -> Response {
    let scope = unserved::scope_to_read(uri.path()).filter(|_| method == Method::GET);
    let failure = scope.map_or_else(
        || not_found(""),
        |scope| {
            let message = format!("Insufficient scope, expected any of: {scope}");
            Failure::new(StatusCode::FORBIDDEN, "insufficient_scope", message)
        },
    );
    let mut response = ManagementFailure(failure).into_response();
    tracing::debug!(path = uri.path(), "no such management path");
    rate_limit::write_idle(response.headers_mut(), services.now());
    response
}

async fn no_such_method(
    State(services): State<Arc<Services>>,
    method: Method,
    uri: Uri,
) -> Response {
    tracing::debug!(%method, path = uri.path(), "no such management method");
    let failure =
        Failure::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method Not Allowed");
    let mut response = ManagementFailure(failure).into_response();
    rate_limit::write_idle(response.headers_mut(), services.now());
    response
}
