//! Request bodies: bounded, one JSON object, no member twice, no list that is too long.

use std::fmt;
use std::sync::Arc;

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use axum::response::Response;
use http_body_util::LengthLimitError;
use keyward_core::allowlist::ENTRIES_MAX;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::management::admitted::refused;
use crate::services::Services;

/// The most bytes of a body.
pub(crate) const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// The most bytes of a body that may hold a list. It is read so far only to tell a list that is
/// too long from a body that is: what a list may hold is bounded by its entries.
pub(crate) const LIST_BODY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// A body as it came, of at most `MAX` bytes.
#[derive(Debug)]
pub(crate) struct RawBody<const MAX: usize = BODY_BYTES_MAX> {
    pub(crate) bytes: Bytes,
    content_type: Option<String>,
}

impl<const MAX: usize> FromRequest<Arc<Services>> for RawBody<MAX> {
    type Rejection = Response;

    async fn from_request(request: Request, _: &Arc<Services>) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let announced = header(header::CONTENT_LENGTH).and_then(|text| text.parse().ok());
        if announced.is_some_and(|length: usize| length > MAX) {
            return Err(refused(&parts, too_large()));
        }
        let content_type = header(header::CONTENT_TYPE).map(str::to_ascii_lowercase);
        let error = match to_bytes(body, MAX).await {
            Ok(bytes) => return Ok(Self { bytes, content_type }),
            Err(error) => error.into_inner(),
        };
        if error.is::<LengthLimitError>() {
            return Err(refused(&parts, too_large()));
        }
        let message = "the body ended before it was complete";
        Err(refused(&parts, Failure::bad_request("invalid_body", message)))
    }
}

impl<const MAX: usize> RawBody<MAX> {
    /// Whether the body says that it is of that media type.
    pub(crate) fn is(&self, media_type: &str) -> bool {
        let essence = self.content_type.as_deref().and_then(|text| text.split(';').next());
        essence.is_some_and(|essence| essence.trim() == media_type)
    }

    /// Whether the body may be JSON, for all that it says.
    pub(crate) fn check_json_type(&self) -> Result<(), Failure> {
        let json = self.content_type.as_deref().is_none_or(|text| text.contains("json"));
        if json {
            return Ok(());
        }
        let message = "send the body as JSON, with `content-type: application/json`";
        Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message))
    }

    /// Reads the body as one JSON object.
    ///
    /// # Errors
    /// 400 in Auth0's words; 413 when the body is over the plain limit without a good reason.
    pub(super) fn object(&self) -> Result<Map<String, Value>, Failure> {
        self.check_json_type()?;
        let mut reader = serde_json::Deserializer::from_slice(&self.bytes);
        let mut long_list = None;
        let seed = Object { long_list: &mut long_list };
        let read = seed.deserialize(&mut reader).and_then(|map| reader.end().map(|()| map));
        match (read, long_list) {
            (Ok(_), Some(field)) => Err(too_many_entries(&field)),
            (_, None) if self.bytes.len() > BODY_BYTES_MAX => Err(too_large()),
            (Ok(map), None) => Ok(map),
            (Err(error), _) if error.is_data() => {
                let message = format!("Payload validation error: '{}'.", reason(&error));
                Err(Failure::bad_request("invalid_body", message))
            }
            (Err(_), _) => {
                Err(Failure::bad_request("invalid_body", "Invalid request payload JSON format"))
            }
        }
    }
}

/// serde's message without its place in the text, which means nothing to the sender of an object.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(reason, _)| reason.to_owned())
}

pub(crate) fn too_large() -> Failure {
    Failure::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "payload_too_large",
        format!("the body has more than {BODY_BYTES_MAX} bytes"),
    )
}

fn too_many_entries(field: &str) -> Failure {
    let message = format!(
        "Payload validation error: 'Too many entries, a list holds at most {ENTRIES_MAX}' on \
         property {field}."
    );
    Failure::bad_request("too_many_entries", message)
}

/// An object whose members are any JSON, but for lists of networks: those are cut short.
struct Object<'a> {
    long_list: &'a mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = Map<String, Value>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = if name == "allowed_ips" {
                let value = members.next_value_seed(BoundedList)?;
                if value.is_none() {
                    *self.long_list = Some(name.clone());
                }
                value.unwrap_or_default()
            } else {
                members.next_value()?
            };
            if map.contains_key(&name) {
                // Security: two readers of such an object may see two different things.
                return Err(A::Error::custom(format!("Duplicate property: {name}")));
            }
            map.insert(name, value);
        }
        Ok(map)
    }
}

/// A value; `None` for an array with more items than a list may have, which is never held whole.
struct BoundedList;

impl<'de> DeserializeSeed<'de> for BoundedList {
    type Value = Option<Value>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for BoundedList {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of networks")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Value>()? {
            list.push(item);
            if list.len() > ENTRIES_MAX {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(None);
            }
        }
        Ok(Some(Value::Array(list)))
    }

    // Whatever else it is, the check of the field's type will say so.
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Some(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Some(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Some(value.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Some(Value::Object(Map::new())))
    }
}
