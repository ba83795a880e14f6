//! The check over HTTP: takes out of the request what the decision needs, and nothing else.

use std::sync::Arc;

use axum::Router;
use axum::body::HttpBody as _;
use axum::extract::{Request, State};
use axum::response::Response;
use http::header::{CONNECTION, HeaderValue};
use http::{Uri, Version};
use keyward_allowlist::{Connection, client_address};

use crate::credential::{BasicBuffer, credential};
use crate::gate::{Gate, Question};
use crate::headers::Headers;
use crate::reply;
use crate::request_id::RequestId;

const CHECK_PATH: &str = "/v1/check/";

/// The only route of a gate listener: `/v1/check/{gateway}`, exactly that, with any method.
///
/// Everything else gets the one 403. The listener must put a [`Connection`] into each request's
/// extensions; without it every request is refused. Bodies are never read, so the listener should
/// not limit them either: a 413 for an announced body is an error to the program in front.
///
/// There is no table of routes behind it: a path that is normalised or decoded on the way could
/// reach something else, and a 200 of that would mean *allowed*.
pub fn router(gate: Arc<Gate>) -> Router {
    Router::new().fallback(check).with_state(gate)
}

async fn check(State(gate): State<Arc<Gate>>, request: Request) -> Response {
    let connection = request.extensions().get::<Connection>();
    let admitted = gate.admit(gateway_name(request.uri()), connection).zip(connection);
    let mut response = match admitted {
        None => reply::turn_away(RequestId::random()),
        Some((registered, Connection { peer, proxied })) => {
            let headers = Headers(request.headers());
            let rule = &registered.gateway.client_address;
            let mut buffer = BasicBuffer::new();
            let question = Question {
                client_ip: client_address(*peer, proxied.as_ref(), &headers, rule),
                credential: credential(request.headers(), &mut buffer),
            };
            gate.answer(&registered, &question)
        }
    };
    // The body was announced and is not waited for. What comes next on the connection would be
    // taken for it, so the connection cannot be kept (RFC 9112 §9.3).
    if request.version() <= Version::HTTP_11 && !request.body().is_end_stream() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn gateway_name(uri: &Uri) -> Option<&str> {
    uri.path().strip_prefix(CHECK_PATH)
}
