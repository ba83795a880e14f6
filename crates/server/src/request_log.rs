//! One line in the log for every request on the public listener, and the id that ties it to the
//! answer and to the audit log.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;
use keyward_core::id::ClientId;
use keyward_gate::RequestId;

use crate::logs::{ManagementCall, Origin, note_management};
use crate::services::Services;

/// Where whoever authenticates a request leaves whose it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequestClient(Arc<OnceLock<ClientId>>);

impl RequestClient {
    /// Notes an authentic client. The first one stays.
    pub(crate) fn note(&self, client: &ClientId) {
        let _ = self.0.set(client.clone());
    }

    /// Whose request it is, as far as that is known.
    pub(crate) fn get(&self) -> Option<&ClientId> {
        self.0.get()
    }
}

/// Gives the request an id of its own and the answer the same, and logs both together.
///
/// Security: neither body nor query nor header goes to the log, and of the path only the route:
/// whatever somebody put where it does not belong stays out.
pub(crate) async fn log_request(
    State(services): State<Arc<Services>>,
    mut request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let id = RequestId::random();
    let client = RequestClient::default();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let path = request.uri().path().to_owned();
    let origin = Origin::of(&services, request.headers(), request.extensions());
    request.extensions_mut().insert(id);
    request.extensions_mut().insert(client.clone());
    let mut response = next.run(request).await;
    tracing::info!(
        target: "keyward::request",
        method = %method,
        route = route.as_ref().map(MatchedPath::as_str),
        status = response.status().as_u16(),
        request.id = %id,
        client.id = client.get().map(tracing::field::display),
        client.ip = origin.ip.map(tracing::field::display),
        latency_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        "request"
    );
    if let (Some(route), Some(client)) = (&route, client.get()) {
        let (route, status) = (route.as_str(), response.status());
        let call = ManagementCall { method: &method, route, path: &path, status, client };
        note_management(&services, (id, &origin), services.now(), &call);
    }
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}
