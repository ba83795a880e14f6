//! A log stream as Auth0 writes it.
//!
//! Security: `httpAuthorization` and the values of headers go in and never come out. What stands in
//! their place says in an edit that they stay as they are, and is only believed while the endpoint
//! stays where it is: otherwise whoever may edit a stream could have its secrets sent to him.

use axum::http::{HeaderName, HeaderValue};
use keyward_core::time::Timestamp;
use keyward_store::LogStream;
use reqwest::Url;
use serde_json::{Map, Value, json};

use super::moment;
use crate::failure::Failure;
use crate::log_streams::egress::OwnNetworks;
use crate::log_streams::{
    ACTIVE, Format, PAUSED, SecretHeader, Secrets, Settings, StreamError, settings,
};
use crate::management::fields::{Fields, invalid_field, missing};

/// What stands in the place of a secret.
pub(super) const MASK: &str = "********";
/// The field of the secret that deliveries are signed with; a field of ours.
pub(super) const SIGNING_SECRET: &str = "signing_secret";

const NAME_CHARS_MAX: usize = 255;
const VALUE_BYTES_MAX: usize = 4_096;
const HEADERS_MAX: usize = 20;
const PII_BYTES_MAX: usize = 1_024;

/// Types of streams that Auth0 has and Keyward has not.
const OTHER_TYPES: &[&str] =
    &["eventbridge", "eventgrid", "datadog", "splunk", "sumo", "segment", "mixpanel"];

const FORMATS: [(&str, Format); 3] =
    [("JSONLINES", Format::Lines), ("JSONARRAY", Format::Array), ("JSONOBJECT", Format::Object)];

/// Categories that Auth0 knows.
const CATEGORIES: &[&str] = &[
    "auth.login.fail",
    "auth.login.notification",
    "auth.login.success",
    "auth.logout.fail",
    "auth.logout.success",
    "auth.signup.fail",
    "auth.signup.success",
    "auth.silent_auth.fail",
    "auth.silent_auth.success",
    "auth.token_exchange.fail",
    "auth.token_exchange.success",
    "management.fail",
    "management.success",
    "scim.event",
    "system.notification",
    "user.fail",
    "user.notification",
    "user.success",
    "actions",
    "other",
];

/// Headers that are ours to set.
const OUR_HEADERS: &[&str] = &[
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
];

/// A stream that somebody wants.
pub(super) struct NewStream {
    pub(super) name: Option<String>,
    pub(super) settings: Settings,
    /// Still without the secret that deliveries are signed with.
    pub(super) secrets: Secrets,
    pub(super) start_from: Option<Timestamp>,
}

/// A stream as it is to be.
pub(super) struct Edit {
    pub(super) name: String,
    pub(super) status: String,
    pub(super) settings: Settings,
    pub(super) secrets: Secrets,
    /// Whether it gets a new secret to sign with.
    pub(super) rotate: bool,
}

/// Reads a new stream.
pub(super) fn new_stream(mut fields: Fields, networks: &OwnNetworks) -> Result<NewStream, Failure> {
    let kind = fields.text("type")?.ok_or_else(|| missing("type"))?;
    if OTHER_TYPES.contains(&kind.as_str()) {
        let message = format!("Log streams of type {kind} are not supported; http is");
        return Err(invalid_field(&message, "type"));
    }
    if kind != "http" {
        return Err(invalid_field(&format!("No enum match for: {kind}"), "type"));
    }
    let name = name(&mut fields)?;
    let start = fields.text("startFrom")?;
    let wrong = || invalid_field("Object didn't pass validation for format date-time", "startFrom");
    let start_from = start.as_deref().map(|text| moment(text).ok_or_else(wrong)).transpose()?;
    let filters = filters(&mut fields)?.unwrap_or_default();
    let (is_priority, pii_config) = kept(&mut fields)?;
    let sink = fields.object("sink")?.ok_or_else(|| missing("sink"))?;
    fields.finish()?;
    let (sink, secrets) = sink_of(Fields(sink), None, networks)?;
    let settings = Settings {
        filters,
        is_priority: is_priority.flatten(),
        pii_config: pii_config.flatten(),
        start_from: start,
        ..sink
    };
    Ok(NewStream { name, settings, secrets, start_from })
}

/// Reads an edit of a stream.
pub(super) fn edit(
    mut fields: Fields,
    stream: &LogStream,
    before: &(Settings, Secrets),
    networks: &OwnNetworks,
) -> Result<Edit, Failure> {
    let name = name(&mut fields)?.unwrap_or_else(|| stream.name.clone());
    let status = match fields.text("status")? {
        None => stream.status.clone(),
        // `suspended` may come back from somebody who read it.
        Some(status) if [ACTIVE, PAUSED, stream.status.as_str()].contains(&status.as_str()) => {
            status
        }
        Some(status) => {
            let message = format!("No enum match for: {status}; write active or paused");
            return Err(invalid_field(&message, "status"));
        }
    };
    let rotate = fields.flag("rotate_signing_secret")?;
    let filters = filters(&mut fields)?;
    let (is_priority, pii_config) = kept(&mut fields)?;
    let sink = fields.object("sink")?;
    fields.finish()?;
    let (settings, secrets) = match sink {
        Some(sink) => sink_of(Fields(sink), Some(before), networks)?,
        None => before.clone(),
    };
    let settings = Settings {
        filters: filters.unwrap_or_else(|| before.0.filters.clone()),
        is_priority: is_priority.unwrap_or(before.0.is_priority),
        pii_config: pii_config.unwrap_or_else(|| before.0.pii_config.clone()),
        start_from: before.0.start_from.clone(),
        ..settings
    };
    Ok(Edit { name, status, settings, secrets, rotate })
}

/// The stored form of settings.
pub(super) fn stored(settings: &Settings) -> Result<String, Failure> {
    serde_json::to_string(settings).map_err(Failure::internal)
}

/// Writes a stream, its secrets masked.
pub(super) fn stream(stream: &LogStream) -> Result<Map<String, Value>, StreamError> {
    let settings = settings(stream)?;
    let format = FORMATS.iter().find(|(_, format)| *format == settings.format);
    let mut sink = Map::new();
    let mut put = |name: &str, value: Value| sink.insert(name.to_owned(), value);
    put("httpEndpoint", settings.endpoint.into());
    put("httpContentType", settings.content_type.into());
    put("httpContentFormat", format.map(|(name, _)| *name).into());
    if settings.authorization {
        put("httpAuthorization", MASK.into());
    }
    if !settings.headers.is_empty() {
        let header = |name: &String| json!({ "header": name, "value": MASK });
        put("httpCustomHeaders", settings.headers.iter().map(header).collect());
    }
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    put("id", stream.id.clone().into());
    put("name", stream.name.clone().into());
    put("type", "http".into());
    put("status", stream.status.clone().into());
    put("sink", sink.into());
    let filter = |name: &String| json!({ "type": "category", "name": name });
    put("filters", settings.filters.iter().map(filter).collect());
    put("isPriority", settings.is_priority.unwrap_or(false).into());
    if let Some(pii_config) = settings.pii_config {
        put("pii_config", pii_config);
    }
    if let Some(start_from) = settings.start_from {
        put("startFrom", start_from.into());
    }
    Ok(shown)
}

fn name(fields: &mut Fields) -> Result<Option<String>, Failure> {
    let name = fields.text("name")?;
    let fits = |name: &String| {
        !name.trim().is_empty()
            && name.chars().count() <= NAME_CHARS_MAX
            && !name.chars().any(char::is_control)
    };
    match name {
        Some(name) if !fits(&name) => {
            Err(invalid_field(&format!("Write 1 to {NAME_CHARS_MAX} characters"), "name"))
        }
        name => Ok(name),
    }
}

fn filters(fields: &mut Fields) -> Result<Option<Vec<String>>, Failure> {
    let Some(items) = fields.objects("filters")? else { return Ok(None) };
    let mut names: Vec<String> = Vec::new();
    for (place, mut item) in items.into_iter().enumerate() {
        let at = |field: &str| format!("filters[{place}].{field}");
        let kind = item.text("type")?;
        if let Some(kind) = kind.filter(|kind| kind != "category") {
            return Err(invalid_field(&format!("No enum match for: {kind}"), &at("type")));
        }
        let name = item.text("name")?.ok_or_else(|| missing("name"))?;
        if !CATEGORIES.contains(&name.as_str()) {
            return Err(invalid_field(&format!("No enum match for: {name}"), &at("name")));
        }
        item.finish()?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(Some(names))
}

type Kept = (Option<Option<bool>>, Option<Option<Value>>);

/// Fields that Auth0 knows, and that change nothing here: no stream is slower than another, and no
/// event has a person in it.
fn kept(fields: &mut Fields) -> Result<Kept, Failure> {
    let is_priority = fields.nullable_flag("isPriority")?;
    let pii_config = fields.object("pii_config")?.map(Value::Object);
    if pii_config.as_ref().is_some_and(|config| config.to_string().len() > PII_BYTES_MAX) {
        return Err(invalid_field(&format!("More than {PII_BYTES_MAX} bytes"), "pii_config"));
    }
    Ok((is_priority, pii_config.map(Some)))
}

/// Reads a sink, which replaces the one before as a whole.
fn sink_of(
    mut sink: Fields,
    before: Option<&(Settings, Secrets)>,
    networks: &OwnNetworks,
) -> Result<(Settings, Secrets), Failure> {
    let endpoint = sink.text("httpEndpoint")?.ok_or_else(|| missing("httpEndpoint"))?;
    let url = networks
        .check(&endpoint)
        .map_err(|what| invalid_field(&format!("The URL {what}"), "sink.httpEndpoint"))?;
    // Secrets stay only with the place that they were given for.
    let old = before.filter(|(settings, _)| same_origin(&settings.endpoint, &url));
    let old = old.map(|(_, secrets)| secrets);
    let authorization = match sink.text("httpAuthorization")? {
        Some(value) if value == MASK => {
            let kept = old.and_then(|secrets| secrets.authorization.clone());
            Some(kept.ok_or_else(|| masked("sink.httpAuthorization"))?)
        }
        Some(value) if value.is_empty() => None,
        value => value.map(|value| header_value(value, "sink.httpAuthorization")).transpose()?,
    };
    let headers = headers(&mut sink, old)?;
    let format = match sink.text("httpContentFormat")? {
        None => Format::Lines,
        Some(name) => {
            let known = FORMATS.iter().find(|(known, _)| *known == name).map(|(_, format)| *format);
            let wrong =
                || invalid_field(&format!("No enum match for: {name}"), "sink.httpContentFormat");
            known.ok_or_else(wrong)?
        }
    };
    let content_type = sink.text("httpContentType")?.filter(|text| !text.is_empty());
    let content_type = content_type.unwrap_or_else(|| "application/json".to_owned());
    let content_type = header_value(content_type, "sink.httpContentType")?;
    sink.finish()?;
    let settings = Settings {
        endpoint,
        format,
        content_type,
        authorization: authorization.is_some(),
        headers: headers.iter().map(|header| header.name.clone()).collect(),
        filters: Vec::new(),
        is_priority: None,
        pii_config: None,
        start_from: None,
    };
    let signing = before.map(|(_, secrets)| secrets.signing.clone()).unwrap_or_default();
    Ok((settings, Secrets { authorization, headers, signing }))
}

fn headers(sink: &mut Fields, old: Option<&Secrets>) -> Result<Vec<SecretHeader>, Failure> {
    const FIELD: &str = "sink.httpCustomHeaders";
    let items = sink.objects("httpCustomHeaders")?.unwrap_or_default();
    if items.len() > HEADERS_MAX {
        return Err(invalid_field(&format!("More than {HEADERS_MAX} headers"), FIELD));
    }
    let mut headers: Vec<SecretHeader> = Vec::new();
    for mut item in items {
        let name = item.text("header")?.ok_or_else(|| missing("header"))?;
        let value = item.text("value")?.ok_or_else(|| missing("value"))?;
        item.finish()?;
        let known = HeaderName::try_from(&name).ok();
        if known.is_none_or(|known| OUR_HEADERS.contains(&known.as_str())) {
            return Err(invalid_field("A name that cannot be set as a header", FIELD));
        }
        if headers.iter().any(|header| header.name.eq_ignore_ascii_case(&name)) {
            return Err(invalid_field(&format!("The header {name} is there twice"), FIELD));
        }
        let value = if value == MASK {
            let all = old.map(|secrets| secrets.headers.as_slice()).unwrap_or_default();
            let kept = all.iter().find(|header| header.name.eq_ignore_ascii_case(&name));
            kept.map(|header| header.value.clone()).ok_or_else(|| masked(FIELD))?
        } else {
            header_value(value, FIELD)?
        };
        headers.push(SecretHeader { name, value });
    }
    Ok(headers)
}

/// A value that a header can have. The message does not repeat it.
fn header_value(value: String, field: &str) -> Result<String, Failure> {
    if value.len() <= VALUE_BYTES_MAX && HeaderValue::from_str(&value).is_ok() {
        return Ok(value);
    }
    let message = format!("Write at most {VALUE_BYTES_MAX} bytes that a header can have");
    Err(invalid_field(&message, field))
}

fn masked(field: &str) -> Failure {
    let message =
        format!("{MASK} keeps a value, and there is none for this endpoint; write it anew");
    invalid_field(&message, field)
}

fn same_origin(old: &str, new: &Url) -> bool {
    old.parse::<Url>().is_ok_and(|old| old.origin() == new.origin())
}
