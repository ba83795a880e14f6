//! The document of `/v1` and a page for people, written from it. No script, nothing from elsewhere.

use std::fmt::Write as _;
use std::sync::OnceLock;

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

const STYLE: &str = include_str!("docs/style.css");

#[derive(utoipa::OpenApi)]
#[openapi(info(
    title = "Keyward management API",
    description = "Accounts, allowlists, secrets, gateways and the audit log. Every call carries a \
                   management token: `Authorization: Bearer …`, from `/oauth/token` with the \
                   audience `<issuer>api/v2/`. Errors are RFC 9457 problems with a stable `code`; \
                   `errors` names every single fault. Lists go on at `next_cursor`. An `ETag` is \
                   a version: send it as `If-Match` to write only what was read. A POST with an \
                   `Idempotency-Key` is done once: the answer is remembered for 24 hours in this \
                   process, not over a restart. The Auth0-compatible API is at `/api/v2`.",
    license(name = "Apache-2.0", identifier = "Apache-2.0"),
))]
struct Frame;

/// The document before the operations are in it.
pub(super) fn frame() -> OpenApi {
    Frame::openapi()
}

/// The document, as it is served.
pub(super) async fn get_document() -> Response {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(|| {
        let text = super::openapi().to_pretty_json();
        text.unwrap_or_else(|error| {
            tracing::error!(%error, "the OpenAPI document cannot be written");
            String::new()
        })
    });
    typed("application/json", text.clone())
}

/// The page.
pub(super) async fn get_page() -> Response {
    static PAGE: OnceLock<String> = OnceLock::new();
    let page = PAGE.get_or_init(|| {
        let document = serde_json::to_value(super::openapi()).unwrap_or_default();
        page(&document)
    });
    typed("text/html; charset=utf-8", page.clone())
}

/// The page's style sheet.
pub(super) async fn get_style() -> Response {
    typed("text/css; charset=utf-8", STYLE.to_owned())
}

fn typed(content_type: &'static str, text: String) -> Response {
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(
        HeaderName::from_static("x-content-type-options"),
        HeaderValue::from_static("nosniff"),
    );
    response
}

/// Writes the page. Writing into a string cannot fail, hence the ignored results.
fn page(document: &Value) -> String {
    let info = at(document, "/info");
    let mut page = String::from("<!doctype html>\n<html lang=\"en\">\n<head>\n");
    let title = escaped(text(info, "/title"));
    let _ = write!(
        page,
        "<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}</title>\n<link rel=\"stylesheet\" href=\"/v1/docs/style.css\">\n</head>\n\
         <body>\n<h1>{title}</h1>\n<p>{}</p>\n\
         <p><a href=\"/v1/openapi.json\">OpenAPI document</a></p>\n",
        prose(text(info, "/description"))
    );
    let mut tag = String::new();
    for (path, method, operation) in operations(document) {
        let its_tag = text(operation, "/tags/0");
        if its_tag != tag {
            its_tag.clone_into(&mut tag);
            let _ = writeln!(page, "<h2>{}</h2>", escaped(&tag));
        }
        write_operation(&mut page, path, method, operation);
    }
    page.push_str("<h2>Objects</h2>\n");
    for (name, schema) in members(at(document, "/components/schemas")) {
        write_schema(&mut page, name, schema);
    }
    page.push_str("</body>\n</html>\n");
    page
}

/// Every operation, those of one tag together.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let mut all = Vec::new();
    for (path, item) in members(at(document, "/paths")) {
        for (method, operation) in members(item) {
            all.push((path.as_str(), method.as_str(), operation));
        }
    }
    all.sort_by_key(|(path, _, operation)| (text(operation, "/tags/0").to_owned(), path.len()));
    all
}

fn write_operation(page: &mut String, path: &str, method: &str, operation: &Value) {
    let id = escaped(text(operation, "/operationId"));
    let about = match text(operation, "/description") {
        "" => text(operation, "/summary"),
        longer => longer,
    };
    let _ = write!(
        page,
        "<section id=\"{id}\">\n<h3><code>{} {}</code></h3>\n<p>{}</p>\n",
        method.to_ascii_uppercase(),
        escaped(path),
        prose(about)
    );
    let scopes = at(operation, "/security/0/management_token").as_array();
    let scopes: Vec<_> = scopes.into_iter().flatten().filter_map(Value::as_str).collect();
    let _ = writeln!(page, "<p>Scope: <code>{}</code></p>", escaped(&scopes.join(" or ")));
    let body = members(at(operation, "/requestBody/content"));
    for (media_type, content) in body {
        let schema = kind(at(content, "/schema"));
        let _ = writeln!(page, "<p>Body, {}: {schema}</p>", escaped(media_type));
    }
    page.push_str("<table>\n");
    let parameters = at(operation, "/parameters").as_array();
    for parameter in parameters.into_iter().flatten() {
        let _ = writeln!(
            page,
            "<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
            escaped(text(parameter, "/name")),
            escaped(text(parameter, "/in")),
            prose(text(parameter, "/description"))
        );
    }
    for (status, response) in members(at(operation, "/responses")) {
        let content = members(at(response, "/content")).next();
        let schema = content.map(|(_, content)| kind(at(content, "/schema"))).unwrap_or_default();
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{schema}</td><td>{}</td></tr>",
            escaped(status),
            prose(text(response, "/description"))
        );
    }
    page.push_str("</table>\n</section>\n");
}

fn write_schema(page: &mut String, name: &str, schema: &Value) {
    let name = escaped(name);
    let _ = write!(
        page,
        "<section id=\"schema-{name}\">\n<h3>{name}</h3>\n<p>{}</p>\n<table>\n",
        prose(text(schema, "/description"))
    );
    for (field, property) in members(at(schema, "/properties")) {
        let _ = writeln!(
            page,
            "<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
            escaped(field),
            kind(property),
            prose(text(property, "/description"))
        );
    }
    page.push_str("</table>\n</section>\n");
}

/// The type of something, as HTML.
fn kind(schema: &Value) -> String {
    if let Some(name) = text(schema, "/$ref").strip_prefix("#/components/schemas/") {
        let name = escaped(name);
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    let parts = at(schema, "/oneOf").as_array().or_else(|| at(schema, "/allOf").as_array());
    if let Some(parts) = parts {
        let kinds: Vec<_> = parts.iter().map(kind).collect();
        return kinds.join(" or ");
    }
    let names = match at(schema, "/type") {
        Value::String(name) => name.clone(),
        Value::Array(names) => {
            let names: Vec<_> = names.iter().filter_map(Value::as_str).collect();
            names.join(" or ")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    };
    let items = at(schema, "/items");
    if items.is_null() {
        escaped(&names)
    } else {
        format!("{} of {}", escaped(&names), kind(items))
    }
}

fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    static NOTHING: Value = Value::Null;
    value.pointer(pointer).unwrap_or(&NOTHING)
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    at(value, pointer).as_str().unwrap_or_default()
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// Text whose backticks are code.
fn prose(text: &str) -> String {
    let mut html = String::new();
    for (place, part) in text.split('`').enumerate() {
        let part = escaped(part);
        if place.is_multiple_of(2) {
            html.push_str(&part);
        } else {
            let _ = write!(html, "<code>{part}</code>");
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(
            prose("a <b> `c <d>` \"e\""),
            "a &lt;b&gt; <code>c &lt;d&gt;</code> &quot;e&quot;"
        );
    }

    #[test]
    fn the_page_has_every_operation_and_no_script() {
        let document = serde_json::to_value(crate::v1::openapi()).unwrap();
        let page = page(&document);
        for (path, _, operation) in operations(&document) {
            let id = text(operation, "/operationId");
            assert!(!id.is_empty(), "{path} has no operation id");
            assert!(page.contains(&format!("<section id=\"{id}\">")), "{id} is missing");
        }
        assert!(!page.contains("<script") && !page.contains("style=") && !page.contains("http://"));
    }
}
