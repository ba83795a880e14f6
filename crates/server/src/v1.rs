//! Keyward's own management API `/v1`: accounts, allowlists in their rich form, secrets, gateways,
//! probes, the audit log. Errors are RFC 9457 problems, lists have cursors, writes honour `If-Match`.

mod accounts;
mod actions;
mod allowlists;
mod answer;
mod audit;
mod clients;
mod docs;
mod explain;
mod gateways;
mod idempotency;
mod imports;
mod input;
mod probes;
mod secrets;
mod wire;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use keyward_core::invalid::Invalid;
use keyward_store::{Conflict, StoreError};
use serde_json::json;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use wire::Time;

use crate::failure::{Detail, Failure};
use crate::scopes;
use crate::services::Services;
use crate::signing::RandomError;

scopes! {
    /// To see accounts.
    pub(crate) ReadAccounts = "read:accounts";
    /// To make accounts.
    pub(crate) CreateAccounts = "create:accounts";
    /// To change, suspend and resume accounts.
    pub(crate) UpdateAccounts = "update:accounts";
    /// To delete accounts.
    pub(crate) DeleteAccounts = "delete:accounts";
    /// To see allowlists and what they decide.
    pub(crate) ReadAllowlists = "read:allowlists";
    /// To change allowlists.
    pub(crate) UpdateAllowlists = "update:allowlists";
    /// To see clients.
    pub(crate) ReadClients = "read:clients" | "read:client_keys";
    /// To suspend and resume clients.
    pub(crate) UpdateClients = "update:clients";
    /// To make all tokens of a client worthless.
    pub(crate) RevokeClientTokens = "revoke:client_tokens";
    /// To see what was done by whom.
    pub(crate) ReadAudit = "read:audit";
    /// To see gateways, and what was wrong at them.
    pub(crate) ReadGateways = "read:gateways";
    /// To register gateways.
    pub(crate) CreateGateways = "create:gateways";
    /// To change gateways and rotate their tokens.
    pub(crate) UpdateGateways = "update:gateways";
    /// To delete gateways.
    pub(crate) DeleteGateways = "delete:gateways";
    /// To look at gateways with marked requests.
    pub(crate) CreateProbes = "create:probes";
}

/// A failure as an RFC 9457 problem, with `code` for programs and every single fault in `errors`.
#[derive(Debug)]
pub struct Problem(pub Failure);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let failure = self.0;
        failure.log();
        let status = failure.status;
        let mut body = json!({
            "type": "about:blank",
            "title": status.canonical_reason().unwrap_or_default(),
            "status": status.as_u16(),
            "detail": failure.message,
            "code": failure.code,
        });
        if let (Some(members), false) = (body.as_object_mut(), failure.details.is_empty()) {
            members.insert("errors".to_owned(), json!(failure.details));
        }
        let mut response = (status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("application/problem+json"),
        );
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = failure.retry_after_s {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self(failure)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let text = error.to_string();
        Self(if let StoreError::Conflict { what: Conflict::Gone { kind, .. } } = &error {
            not_found(kind)
        } else if let StoreError::Conflict { what: Conflict::Changed { .. } } = &error {
            precondition_failed(text)
        } else if let StoreError::Cursor { .. } = &error {
            Failure::bad_request("invalid_cursor", text)
        } else if let StoreError::Unstorable { .. } = &error {
            Failure::unprocessable("invalid", text)
        } else {
            error.into()
        })
    }
}

impl From<RandomError> for Problem {
    fn from(error: RandomError) -> Self {
        Self(Failure::internal(error))
    }
}

impl From<Vec<Invalid>> for Problem {
    fn from(faults: Vec<Invalid>) -> Self {
        let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
        let code = match faults.as_slice() {
            [fault] => fault.code,
            _ => "invalid",
        };
        let details = faults.into_iter().map(Detail::from).collect();
        Self(Failure::unprocessable(code, told.join("\n")).with_details(details))
    }
}

/// 404.
fn not_found(kind: &str) -> Failure {
    let kind = if kind == "api" { "API" } else { kind };
    Failure::not_found("not_found", format!("there is no such {kind}"))
}

/// 412: somebody else was faster.
fn precondition_failed(message: String) -> Failure {
    Failure::new(StatusCode::PRECONDITION_FAILED, "version_changed", message)
}

fn operations() -> OpenApiRouter<Arc<Services>> {
    OpenApiRouter::with_openapi(docs::frame())
        .routes(routes!(accounts::list_accounts, accounts::create_account))
        .routes(routes!(accounts::get_account, accounts::update_account, accounts::delete_account))
        .routes(routes!(accounts::suspend_account))
        .routes(routes!(accounts::resume_account))
        .routes(routes!(clients::list_clients))
        .routes(routes!(clients::get_client, imports::import_client))
        .routes(routes!(clients::suspend_client))
        .routes(routes!(clients::resume_client))
        .routes(routes!(clients::revoke_client_tokens))
        .routes(routes!(secrets::list_client_secrets, secrets::create_client_secret))
        .routes(routes!(secrets::delete_client_secret))
        .routes(routes!(explain::explain_client))
        .merge(allowlists::operations())
        .routes(routes!(gateways::list_gateways, gateways::create_gateway))
        .routes(routes!(gateways::get_gateway, gateways::update_gateway, gateways::delete_gateway))
        .routes(routes!(gateways::suspend_gateway))
        .routes(routes!(gateways::resume_gateway))
        .routes(routes!(gateways::rotate_gateway_token))
        .routes(routes!(gateways::delete_gateway_token))
        .routes(routes!(gateways::list_alarms))
        .routes(routes!(probes::create_probe))
        .routes(routes!(probes::get_probe, probes::delete_probe))
        .routes(routes!(actions::list_executions))
        .routes(routes!(actions::get_execution))
        .routes(routes!(actions::watch_actions))
        .routes(routes!(actions::replay_action))
        .routes(routes!(audit::list_audit))
        .routes(routes!(audit::verify_audit))
}

/// The OpenAPI 3.1 document of `/v1`, as it is served at `/v1/openapi.json`.
#[must_use]
pub fn openapi() -> OpenApi {
    let mut document = operations().into_openapi();
    let scheme = SecurityScheme::Http(
        Http::builder()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some(
                "An access token from `/oauth/token` whose audience is the issuer followed by \
                 `api/v2/`.",
            ))
            .build(),
    );
    let components = document.components.get_or_insert_default();
    components.security_schemes.insert("management_token".to_owned(), scheme.into());
    document
}

/// The routes of `/v1`.
pub fn router() -> Router<Arc<Services>> {
    let (router, _) = operations().split_for_parts();
    router
        .route("/v1/openapi.json", get(docs::get_document))
        .route("/v1/docs", get(docs::get_page))
        .route("/v1/docs/style.css", get(docs::get_style))
        .route("/v1/{*rest}", any(no_such_path))
        .method_not_allowed_fallback(no_such_method)
        .layer(axum::Extension(idempotency::Table::shared()))
}

async fn no_such_path(uri: Uri) -> Problem {
    let message = format!("there is nothing at {}; see /v1/docs", uri.path());
    Problem(Failure::not_found("not_found", message))
}

async fn no_such_method() -> Problem {
    Problem(Failure::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this path does not take that method; see /v1/docs",
    ))
}
