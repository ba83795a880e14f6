//! What handlers answer: status, JSON, and the version as an entity tag.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use keyward_store::PageOf;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::failure::Failure;

/// A successful answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Option<Value>,
    pub(super) version: Option<u64>,
}

impl Answer {
    /// 200 with a body.
    pub(super) fn ok(body: &impl Serialize) -> Result<Self, Failure> {
        let body = serde_json::to_value(body).map_err(Failure::internal)?;
        Ok(Self { status: StatusCode::OK, body: Some(body), version: None })
    }

    /// 201 with a body.
    pub(super) fn created(body: &impl Serialize) -> Result<Self, Failure> {
        Ok(Self { status: StatusCode::CREATED, ..Self::ok(body)? })
    }

    /// 204.
    pub(super) fn gone() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: None, version: None }
    }

    /// Adds the version, for `If-Match`.
    pub(super) fn at(self, version: u64) -> Self {
        Self { version: Some(version), ..self }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = match self.body {
            Some(body) => (self.status, axum::Json(body)).into_response(),
            None => self.status.into_response(),
        };
        let tag = self.version.map(|version| format!("\"{version}\""));
        if let Some(Ok(tag)) = tag.map(HeaderValue::try_from) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct List<T> {
    /// The things.
    pub(super) items: Vec<T>,
    /// Where the next part begins; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_cursor: Option<String>,
}

impl<T> List<T> {
    pub(super) fn from_page<D>(page: PageOf<D>, shown: impl FnMut(D) -> T) -> Self {
        Self { items: page.items.into_iter().map(shown).collect(), next_cursor: page.next }
    }
}
