//! What goes wrong with a request, in two halves: what the caller may see, and what the log gets.
//!
//! The halves are separate fields, so that nothing internal can be shown by accident. Each surface
//! renders a failure in its own shape; all of them call [`Failure::log`] exactly once.

use std::borrow::Cow;
use std::error::Error;

use axum::http::StatusCode;
use keyward_allowlist::ParseErrors;
use keyward_store::{Conflict, StoreError};
use serde::Serialize;

/// One thing that is wrong with what was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// The line of a list, counted from 1 (for a JSON array: the item).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The field, as a path such as `scopes[0].value`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What was written there, cut to a readable length.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// A stable word for programs.
    pub code: Cow<'static, str>,
    /// What is wrong and what to do.
    pub message: String,
    /// What was probably meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

/// A request that failed.
#[derive(Debug)]
pub struct Failure {
    /// The HTTP status.
    pub status: StatusCode,
    /// A stable word for programs.
    pub code: &'static str,
    /// What the caller sees.
    pub message: Cow<'static, str>,
    /// What is wrong, thing by thing.
    pub details: Vec<Detail>,
    /// After how many seconds to try again.
    pub retry_after_s: Option<u32>,
    /// What the log gets and nobody else.
    pub internal: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// A failure with a status, a word and a sentence.
    #[must_use]
    pub fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            details: Vec::new(),
            retry_after_s: None,
            internal: None,
        }
    }

    /// 400: what was sent cannot be understood.
    #[must_use]
    pub fn bad_request(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 422: what was sent is understood, and wrong.
    #[must_use]
    pub fn unprocessable(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message)
    }

    /// 401: no usable management token.
    #[must_use]
    pub fn unauthorized(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_token", message)
    }

    /// 403: the token is good and does not suffice.
    #[must_use]
    pub fn forbidden(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    /// 404: no such thing.
    #[must_use]
    pub fn not_found(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// 409: the thing is in a state that does not allow this.
    #[must_use]
    pub fn conflict(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    /// 503: not now.
    #[must_use]
    pub fn unavailable(message: impl Into<Cow<'static, str>>) -> Self {
        let mut failure = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message);
        failure.retry_after_s = Some(1);
        failure
    }

    /// 500: our fault; the caller learns nothing of it but that.
    #[must_use]
    pub fn internal(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "something went wrong on our side; the server's log says what, by the request id",
        )
        .because(error)
    }

    /// 422 with every bad line of a list.
    #[must_use]
    pub fn bad_list(errors: &ParseErrors) -> Self {
        let details: Vec<_> = errors.iter().map(Detail::from).collect();
        let mut failure = Self::unprocessable("invalid_allowlist", errors.to_string());
        failure.details = details;
        failure
    }

    /// Adds what the log gets.
    #[must_use]
    pub fn because(mut self, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.internal = Some(error.into());
        self
    }

    /// Adds what is wrong, thing by thing.
    #[must_use]
    pub fn with_details(mut self, details: Vec<Detail>) -> Self {
        self.details = details;
        self
    }

    /// Writes the internal half to the log; renderers call it once.
    pub fn log(&self) {
        if let Some(error) = &self.internal {
            let error = error.as_ref();
            tracing::error!(status = self.status.as_u16(), code = self.code, %error, "failed");
        }
    }
}

impl From<&keyward_allowlist::ParseError> for Detail {
    fn from(error: &keyward_allowlist::ParseError) -> Self {
        Self {
            line: Some(error.line),
            field: None,
            entry: Some(error.text.clone()),
            code: Cow::Borrowed(error.kind.code()),
            message: error.to_string(),
            suggestion: error.kind.suggestion(),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Conflict { what: what @ Conflict::Gone { .. } } => {
                Self::not_found("not_found", what.to_string())
            }
            StoreError::Conflict { what } => Self::conflict("conflict", what.to_string()),
            StoreError::Cursor { .. } => Self::bad_request("invalid_cursor", error.to_string()),
            StoreError::Unstorable { .. } => {
                Self::unprocessable("invalid_value", error.to_string())
            }
            StoreError::Full => Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "store_full",
                "the store's disk is full, nothing was changed; free space and try again",
            )
            .because(error),
            // `StoreError` may grow; whatever else there is, the store cannot be used now.
            StoreError::Unavailable(_)
            | StoreError::Abandoned
            | StoreError::Locked { .. }
            | StoreError::Corrupt { .. }
            | StoreError::Newer { .. }
            | StoreError::Url { .. }
            | _ => Self::unavailable("the store cannot be used now, nothing was changed")
                .because(error),
        }
    }
}
