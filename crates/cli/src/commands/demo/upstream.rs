//! The API that the demo guards, with its gateway: it asks the gate before it answers, just as
//! nginx does with `auth_request`.

use std::sync::Arc;

use anyhow::Context;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use keyward_allowlist::{Connection, Peer};
use serde_json::json;

/// What goes from the caller's request into the question.
const CREDENTIALS: [HeaderName; 2] = [header::AUTHORIZATION, HeaderName::from_static("x-api-key")];

struct Upstream {
    client: reqwest::Client,
    check: String,
}

/// The guarded API; `gate` is the gate's base URL.
pub(super) fn router(gate: &str) -> anyhow::Result<Router> {
    let upstream = Upstream {
        client: crate::manage::http_client()?,
        check: format!("{gate}/v1/check/default"),
    };
    Ok(Router::new().fallback(guarded).with_state(Arc::new(upstream)))
}

async fn guarded(State(upstream): State<Arc<Upstream>>, request: Request) -> Response {
    let (parts, _body) = request.into_parts();
    match ask(&upstream, &parts).await {
        Ok((StatusCode::OK, identity)) => orders(&identity).into_response(),
        Ok((status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN), answer)) => {
            let challenge = answer.get(header::WWW_AUTHENTICATE).cloned();
            let error =
                if status == StatusCode::FORBIDDEN { "access_denied" } else { "unauthorized" };
            let mut response = (status, Json(json!({ "error": error }))).into_response();
            if let Some(challenge) = challenge {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            }
            response
        }
        // Closed, whatever else the gate says or whether it answers at all.
        Ok(_) | Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn ask(upstream: &Upstream, request: &Parts) -> anyhow::Result<(StatusCode, HeaderMap)> {
    let connection = request.extensions.get::<Connection>().context("no connection")?;
    let Peer::Ip(peer) = connection.peer else { anyhow::bail!("no address") };
    let mut question = upstream.client.get(&upstream.check).header("x-real-ip", peer.to_string());
    for name in &CREDENTIALS {
        for value in request.headers.get_all(name) {
            question = question.header(name, value);
        }
    }
    let answer = question.send().await?;
    Ok((answer.status(), answer.headers().clone()))
}

fn orders(identity: &HeaderMap) -> Json<serde_json::Value> {
    let told = |name: &str| identity.get(name).and_then(|value| value.to_str().ok());
    Json(json!({
        "orders": 3,
        "client": told("x-client-id"),
        "account": told("x-account-id"),
        "scope": told("x-client-scope"),
        "from": told("x-client-ip"),
    }))
}
