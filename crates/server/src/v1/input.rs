//! Reading requests: bodies, query strings and preconditions.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query};
use axum::http::header::IF_MATCH;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use keyward_store::Page;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::failure::{Detail, Failure};
use crate::management::RawBody;
use crate::services::Services;
use crate::v1::words::{Wrong, in_words};
use crate::v1::{Problem, precondition_failed};

const LIMIT_DEFAULT: u32 = 50;
const LIMIT_MAX: u32 = 100;
/// How deep JSON may be nested. What we read is four deep.
const DEPTH_MAX: usize = 64;

/// Reads a JSON body, every member known.
///
/// # Errors
/// 400 for what is no JSON, 422 with the path of what is not as it should be.
pub(super) fn read_json<T: DeserializeOwned, const MAX: usize>(
    body: &RawBody<MAX>,
) -> Result<T, Failure> {
    body.check_json_type()?;
    if is_deeper_than(&body.bytes, DEPTH_MAX) {
        let message = format!("the body is nested more than {DEPTH_MAX} deep");
        return Err(Failure::bad_request("invalid_json", message));
    }
    let mut reader = serde_json::Deserializer::from_slice(&body.bytes);
    let read = serde_path_to_error::deserialize(&mut reader);
    let value = read.map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        if !inner.is_data() {
            return Failure::bad_request("invalid_json", format!("the body is no JSON: {inner}"));
        }
        let message = inner.to_string();
        let reason = message.rsplit_once(" at line ").map_or(&*message, |(reason, _)| reason);
        let Wrong { field, message } = in_words(&path, reason, "the body");
        let detail = Detail {
            line: None,
            field,
            entry: None,
            code: "invalid_field".into(),
            message: message.clone(),
            suggestion: None,
        };
        Failure::unprocessable("invalid_field", message).with_details(vec![detail])
    })?;
    let end = |error| Failure::bad_request("invalid_json", format!("the body goes on: {error}"));
    reader.end().map_err(end)?;
    Ok(value)
}

/// Whether brackets of JSON are nested deeper than that. The reader has a bound of its own, but
/// complains of a wrong type first where there is one.
fn is_deeper_than(json: &[u8], most: usize) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_text,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'[' | b'{' => depth = depth.saturating_add(1),
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > most {
            return true;
        }
    }
    false
}

/// A body that may be absent: then it is the default.
pub(super) fn read_json_or_default<T: DeserializeOwned + Default, const MAX: usize>(
    body: &RawBody<MAX>,
) -> Result<T, Failure> {
    if body.bytes.is_empty() { Ok(T::default()) } else { read_json(body) }
}

/// The query string, every name known.
#[derive(Debug)]
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Arc<Services>> for Params<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Services>) -> Result<Self, Response> {
        Query::<T>::try_from_uri(&parts.uri).map(|Query(params)| Self(params)).map_err(|error| {
            let failure = Failure::bad_request("invalid_query", query_message(&error));
            Problem(failure).into_response()
        })
    }
}

fn query_message(error: &QueryRejection) -> String {
    let text = error.body_text();
    let text = text.split_once("query string: ").map_or(&*text, |(_, text)| text);
    let has_no_path = ["missing field ", "duplicate field ", "unknown field ", "invalid "];
    let (path, reason) = match text.split_once(": ") {
        Some(parts) if !has_no_path.iter().any(|start| text.starts_with(start)) => parts,
        _ => (".", text),
    };
    in_words(path, reason, "the query string").message
}

/// Tells a field that is `null` from one that is absent.
pub(super) fn present<'de, D, T>(reader: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(reader).map(Some)
}

/// Which part of a list.
///
/// # Errors
/// When `limit` is not 1 to 100.
pub(super) fn page(cursor: Option<String>, limit: Option<u32>) -> Result<Page, Failure> {
    let limit = limit.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        let message = format!("`limit` is {limit}; write a number from 1 to {LIMIT_MAX}");
        return Err(Failure::bad_request("invalid_query", message));
    }
    Ok(Page::After { cursor, limit })
}

/// The versions that a write is meant for (RFC 9110 §13.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum IfMatch {
    /// Whatever there is.
    Any,
    /// One of these entity tags.
    Tags(Vec<String>),
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let lines: Vec<_> = parts.headers.get_all(IF_MATCH).iter().collect();
        if lines.is_empty() {
            return Ok(Self::Any);
        }
        // A value that cannot be read matches nothing: the write is then refused, not done blindly.
        let text = lines.iter().map(|line| line.to_str().unwrap_or_default());
        let tags: Vec<_> =
            text.flat_map(|line| line.split(',')).map(|tag| tag.trim().to_owned()).collect();
        Ok(if tags.iter().any(|tag| tag == "*") { Self::Any } else { Self::Tags(tags) })
    }
}

impl IfMatch {
    /// Whether the write is meant for that version.
    ///
    /// # Errors
    /// 412 when it is not.
    pub(super) fn check(&self, version: u64) -> Result<(), Failure> {
        let tag = format!("\"{version}\"");
        match self {
            Self::Tags(tags) if !tags.contains(&tag) => Err(precondition_failed(format!(
                "it has version {version} by now; read it again and repeat the edit"
            ))),
            Self::Tags(_) | Self::Any => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_brackets_outside_of_text_nest() {
        assert!(!is_deeper_than(br#"{"a":["[[[[",{"b\"[[[":[]}]}"#, 4));
        assert!(is_deeper_than(br#"{"a":["[[[[",{"b\"[[[":[]}]}"#, 3));
        assert!(!is_deeper_than(b"[][][][][]", 1));
    }
}
