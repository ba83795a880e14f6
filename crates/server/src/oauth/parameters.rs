//! The parameters of a request to an OAuth endpoint, from a form or from JSON.
//!
//! Each parameter has one meaning or the request is refused: a repeated parameter (RFC 6749 §3.2),
//! a JSON member named twice and a value of another type are all 400. Empty and `null` are absent,
//! but for `client_ip`: who forwards an address that came out empty must not get the answer that
//! asks no list.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use keyward_core::jws::json::{JsonFault, StrictJson};

use super::reply::OAuthError;

/// The most parameters of one request.
const PARAMETERS_MAX: usize = 64;

/// Parameters that are text wherever they occur. Others are free: they are legal and reach Actions.
const TEXT_PARAMETERS: [&str; 12] = [
    "grant_type",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "audience",
    "resource",
    "scope",
    "organization",
    "token",
    "token_type_hint",
    "client_ip",
];

/// Parameters that no Action sees.
const SECRETS: [&str; 3] = ["client_secret", "client_assertion", "token"];

/// The parameter that is never absent when it is named: its absence grants more than any value.
const NEVER_EMPTY: &str = "client_ip";

/// The parameter that RFC 8707 §2 allows several times: a token of ours is for one API.
const RESOURCE: &str = "resource";
const ONE_RESOURCE: &str = "Only one resource can be asked for: ask for a token for each";

/// What a parameter holds. There is no `Debug`: one of them is a secret.
#[derive(Clone, PartialEq)]
enum Value {
    Text(String),
    Flag(bool),
    /// A number, list or object under a name that Keyward does not know.
    Other(serde_json::Value),
}

/// The parameters of one request.
pub(super) struct Parameters(BTreeMap<String, Value>);

impl Parameters {
    /// Reads `application/x-www-form-urlencoded` (RFC 6749 appendix B).
    pub(super) fn from_form(body: &[u8]) -> Result<Self, OAuthError> {
        let mut seen = BTreeMap::new();
        for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            if seen.len() >= PARAMETERS_MAX {
                return Err(OAuthError::invalid_request("Too many parameters"));
            }
            match seen.entry(name) {
                Entry::Vacant(free) => free.insert(Value::Text(value)),
                Entry::Occupied(known) if known.key() == RESOURCE => {
                    return Err(OAuthError::invalid_target(ONE_RESOURCE));
                }
                Entry::Occupied(_) => {
                    return Err(OAuthError::invalid_request("A parameter is given twice"));
                }
            };
        }
        Ok(Self::of(seen))
    }

    /// Reads a JSON object.
    pub(super) fn from_json(body: &[u8]) -> Result<Self, OAuthError> {
        let json = StrictJson::parse(body).map_err(|fault| {
            OAuthError::invalid_request(match fault {
                JsonFault::Malformed => "The body is not valid JSON",
                JsonFault::Duplicate => "A member is given twice",
            })
        })?;
        let StrictJson::Object(members) = json else {
            return Err(OAuthError::invalid_request("The body is not a JSON object"));
        };
        if members.len() > PARAMETERS_MAX {
            return Err(OAuthError::invalid_request("Too many parameters"));
        }
        let mut values = BTreeMap::new();
        for (name, member) in members {
            let value = match member {
                StrictJson::Null if name != NEVER_EMPTY => continue,
                StrictJson::Text(text) => Value::Text(text.into_owned()),
                StrictJson::Bool(flag) => Value::Flag(flag),
                other @ (StrictJson::Null
                | StrictJson::Integer(_)
                | StrictJson::Real(_)
                | StrictJson::List(_)
                | StrictJson::Object(_)) => Value::Other(plain(other)),
            };
            if name == RESOURCE && matches!(value, Value::Other(_)) {
                return Err(OAuthError::invalid_target(ONE_RESOURCE));
            }
            if !matches!(value, Value::Text(_)) && TEXT_PARAMETERS.contains(&name.as_ref()) {
                return Err(OAuthError::invalid_request(format!("{name} must be a string")));
            }
            values.insert(name.into_owned(), value);
        }
        Ok(Self::of(values))
    }

    fn of(mut values: BTreeMap<String, Value>) -> Self {
        values.retain(|name, value| {
            name == NEVER_EMPTY || !matches!(value, Value::Text(text) if text.is_empty())
        });
        Self(values)
    }

    /// A parameter that is text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name) {
            Some(Value::Text(text)) => Some(text),
            Some(Value::Flag(_) | Value::Other(_)) | None => None,
        }
    }

    /// A parameter that is `true` or `false`; absent is false.
    pub(super) fn flag(&self, name: &'static str) -> Result<bool, OAuthError> {
        match self.0.get(name) {
            None => Ok(false),
            Some(Value::Flag(flag)) => Ok(*flag),
            Some(Value::Text(text)) if text == "true" => Ok(true),
            Some(Value::Text(text)) if text == "false" => Ok(false),
            Some(Value::Text(_) | Value::Other(_)) => {
                Err(OAuthError::invalid_request(format!("{name} must be true or false")))
            }
        }
    }

    /// All of them but the secret ones, as Actions see them.
    pub(super) fn for_actions(&self) -> serde_json::Map<String, serde_json::Value> {
        let shown = self.0.iter().filter(|(name, _)| !SECRETS.contains(&name.as_str()));
        let value = |value: &Value| match value {
            Value::Text(text) => text.clone().into(),
            Value::Flag(flag) => (*flag).into(),
            Value::Other(other) => other.clone(),
        };
        shown.map(|(name, given)| (name.clone(), value(given))).collect()
    }
}

/// The same value as others write it.
fn plain(json: StrictJson<'_>) -> serde_json::Value {
    match json {
        StrictJson::Null => serde_json::Value::Null,
        StrictJson::Bool(flag) => flag.into(),
        StrictJson::Integer(number) => number.into(),
        StrictJson::Real(number) => number.into(),
        StrictJson::Text(text) => text.into_owned().into(),
        StrictJson::List(items) => items.into_iter().map(plain).collect(),
        StrictJson::Object(members) => {
            let members =
                members.into_iter().map(|(name, value)| (name.into_owned(), plain(value)));
            serde_json::Value::Object(members.collect())
        }
    }
}

/// Undoes form encoding. Escapes that are none, bytes that are no UTF-8 and control characters are
/// refused, not mended: a mended value is one that somebody else reads otherwise.
pub(super) fn decode(encoded: &[u8]) -> Result<String, OAuthError> {
    let malformed = || OAuthError::invalid_request("The form is not correctly encoded");
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || rest.next().and_then(|d| char::from(*d).to_digit(16));
                let (high, low) = digit().zip(digit()).ok_or_else(malformed)?;
                u8::try_from(high * 16 + low).map_err(|_| malformed())?
            }
            plain => *plain,
        });
    }
    let text = String::from_utf8(bytes).map_err(|_| malformed())?;
    if text.chars().any(|character| character == '\0') {
        return Err(malformed());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Option<Parameters> {
        Parameters::from_form(text.as_bytes()).ok()
    }

    fn json(text: &str) -> Option<Parameters> {
        Parameters::from_json(text.as_bytes()).ok()
    }

    #[test]
    fn a_form_is_decoded() {
        let form = form("a=1+2&b=%C3%A9%2B&&c&d==x=").unwrap();
        assert_eq!(form.text("a"), Some("1 2"));
        assert_eq!(form.text("b"), Some("é+"));
        assert_eq!(form.text("c"), None, "empty is absent");
        assert_eq!(form.text("d"), Some("=x="));
    }

    #[test]
    fn a_form_that_can_be_read_in_two_ways_is_refused() {
        for text in ["a=1&a=1", "a=&a=1", "a=%", "a=%4", "a=%zz", "a=%FF", "a=%00", "%61=1&a=2"] {
            assert!(form(text).is_none(), "{text}");
        }
        let many: Vec<_> = (0..=PARAMETERS_MAX).map(|n| format!("p{n}=1")).collect();
        assert!(form(&many.join("&")).is_none());
    }

    #[test]
    fn null_and_empty_members_are_absent_and_unknown_ones_are_free() {
        let json = json(r#"{"organization":null,"scope":"","x":[1],"client_id":"c"}"#).unwrap();
        assert_eq!(json.text("organization"), None);
        assert_eq!(json.text("scope"), None);
        assert_eq!(json.text("x"), None);
        assert_eq!(json.text("client_id"), Some("c"));
    }

    #[test]
    fn json_that_can_be_read_in_two_ways_is_refused() {
        for text in [
            r#"{"a":"1","a":"1"}"#,
            r#"{"client_id":["c"]}"#,
            r#"{"client_secret":{"$ne":""}}"#,
            r#"{"scope":1}"#,
            r#"{"audience":true}"#,
            "[]",
            "\"text\"",
            "{",
            "",
        ] {
            assert!(json(text).is_none(), "{text}");
        }
    }

    #[test]
    fn actions_see_all_but_secrets() {
        let body = r#"{"client_id":"c","client_secret":"s","x":{"a":[1,2.5,null]},"f":true}"#;
        let seen = serde_json::Value::Object(json(body).unwrap().for_actions());
        let expected =
            serde_json::json!({ "client_id": "c", "x": { "a": [1, 2.5, null] }, "f": true });
        assert_eq!(seen, expected);
        let form = form("client_assertion=a.b.c&x-integration-user=u%31").unwrap().for_actions();
        assert_eq!(serde_json::Value::Object(form), serde_json::json!({"x-integration-user":"u1"}));
    }

    #[test]
    fn a_flag_is_true_or_false_in_both_forms() {
        let flag = |parameters: Parameters| parameters.flag("f").ok();
        assert_eq!(flag(form("f=true").unwrap()), Some(true));
        assert_eq!(flag(json(r#"{"f":true}"#).unwrap()), Some(true));
        assert_eq!(flag(json(r#"{"f":"false"}"#).unwrap()), Some(false));
        assert_eq!(flag(form("").unwrap()), Some(false));
        assert_eq!(flag(form("f=1").unwrap()), None);
    }
}
