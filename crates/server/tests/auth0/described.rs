//! Whether an answer of `/api/v2` is as Auth0's own description says, but for the named differences.
//!
//! Nothing here names a crate of ours, so that the end-to-end tests can include it as well.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

#[path = "differences.rs"]
mod differences;

pub(crate) use differences::DIFFERENCES;

/// Where the described paths begin.
const BASE: &str = "/api/v2";

/// Where [`Description`] keeps the shape of failures, of which the document says nothing.
const FAILURE: &str = "Failure";

/// An answer, and the request it belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) method: String,
    /// With or without a query.
    pub(crate) path: String,
    pub(crate) status: u16,
    /// The value of `Content-Type`, or nothing.
    pub(crate) content_type: String,
    pub(crate) body: String,
}

impl Answered {
    /// Whether the description may have a word on it.
    pub(crate) fn is_described(&self) -> bool {
        self.path.starts_with("/api/v2/")
    }
}

/// One thing that is other than described.
pub(crate) struct Difference {
    /// As `docs/reference/known-differences.md` calls it.
    pub(crate) name: &'static str,
    /// Makes the description say it.
    pub(crate) edit: fn(&mut Document),
}

/// The document, for [`Difference::edit`]. What is to be changed must be there, and must not be as
/// wanted already.
pub(crate) struct Document(Value);

impl Document {
    fn new() -> Self {
        let mut document: Value = serde_json::from_str(include_str!("openapi.json")).unwrap();
        // What Auth0 answers, as its tools read it and as recordings of real traffic show it.
        document["components"]["schemas"][FAILURE] = json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["statusCode", "error", "message"],
            "properties": {
                "statusCode": { "type": "integer" },
                "error": { "type": "string", "minLength": 1 },
                "message": { "type": "string", "minLength": 1 },
                "errorCode": { "type": "string", "pattern": "^[a-z][a-z_]+$" },
                "attributes": { "type": "object" },
            },
        });
        Self(document)
    }

    fn statuses(&mut self, method: &str, path: &str) -> &mut Map<String, Value> {
        let statuses = self.0["paths"][path][method].as_object_mut();
        statuses.unwrap_or_else(|| panic!("{method} {path} is not described"))
    }

    /// This operation also answers `status`, with the body of the described one.
    pub(crate) fn answers_like(&mut self, method: &str, path: &str, status: u16, described: u16) {
        let statuses = self.statuses(method, path);
        let body = statuses.get(&described.to_string()).cloned();
        let body = body.unwrap_or_else(|| panic!("{method} {path}: no {described}"));
        let before = statuses.insert(status.to_string(), body);
        assert_eq!(before, None, "{method} {path}: {status} is described");
    }

    /// This operation also fails with `status`.
    pub(crate) fn fails(&mut self, method: &str, path: &str, status: u16) {
        let before = self.statuses(method, path).insert(status.to_string(), Value::Null);
        assert_eq!(before, None, "{method} {path}: {status} is described");
    }

    /// A schema by its name.
    fn schema(&mut self, name: &str) -> &mut Value {
        let schema = self.0["components"]["schemas"].get_mut(name);
        schema.unwrap_or_else(|| panic!("there is no schema {name}"))
    }

    /// A list that may have several forms must have at least one of them, not exactly one.
    pub(crate) fn fits_any_form(&mut self, method: &str, path: &str, status: u16) {
        let mut form = &mut self.statuses(method, path)[&status.to_string()];
        if let Some(name) = form["$ref"].as_str().and_then(|place| place.rsplit('/').next()) {
            let name = name.to_owned();
            form = self.schema(&name);
        }
        let forms = form.as_object_mut().unwrap();
        let choice = forms.remove("oneOf").unwrap_or_else(|| panic!("{method} {path}: one form"));
        forms.insert("anyOf".to_owned(), choice);
    }

    /// Operations that take a body.
    pub(crate) fn operations_with_a_body(&self) -> Vec<(String, String)> {
        let paths = self.0["paths"].as_object().unwrap();
        let all = paths.iter().flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(|method| (method.clone(), path.clone()))
        });
        all.filter(|(method, _)| matches!(method.as_str(), "POST" | "PATCH" | "PUT")).collect()
    }

    /// These schemas have one more member.
    pub(crate) fn has_member(&mut self, schemas: &[&str], name: &str, member: &Value) {
        for schema in schemas {
            let members = self.schema(schema)["properties"].as_object_mut().unwrap();
            let before = members.insert(name.to_owned(), member.clone());
            assert_eq!(before, None, "{schema} has {name}");
        }
    }

    /// A member of a schema has another pattern.
    pub(crate) fn has_pattern(&mut self, schema: &str, member: &str, pattern: &str) {
        let known = &mut self.schema(schema)["properties"][member]["pattern"];
        assert!(known.is_string() && known != pattern, "{schema}: {known}");
        *known = json!(pattern);
    }

    /// An enumeration has more words.
    pub(crate) fn has_words(&mut self, schema: &str, words: &[&str]) {
        let known = self.schema(schema)["enum"].as_array_mut().unwrap();
        for word in words {
            assert!(!known.contains(&json!(word)), "{schema} has {word}");
            known.push(json!(word));
        }
    }
}

/// What answers are compared with.
pub(crate) struct Description {
    document: Value,
    /// By path, method and status; made when one is needed.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// The description with all differences.
static OURS: LazyLock<Description> = LazyLock::new(|| Description::without(""));

/// Panics when an answer is other than described.
pub(crate) fn assert_described(answered: &Answered) {
    if answered.is_described()
        && let Err(why) = OURS.check(answered)
    {
        panic!(
            "not as Auth0 describes it: {why}\n{answered:#?}\n\
             Either the server is wrong, or tests/auth0/differences.rs and \
             docs/reference/known-differences.md need one more name."
        );
    }
}

impl Description {
    /// With all differences but the one of that name.
    pub(crate) fn without(name: &str) -> Self {
        let mut document = Document::new();
        for difference in DIFFERENCES.iter().filter(|one| one.name != name) {
            (difference.edit)(&mut document);
        }
        Self { document: document.0, validators: Mutex::default() }
    }

    /// Says what is other than described.
    pub(crate) fn check(&self, answered: &Answered) -> Result<(), String> {
        let path = answered.path.split('?').next().unwrap_or_default();
        let path = path.strip_prefix(BASE).ok_or("the path is not described")?;
        let status = answered.status.to_string();
        let Some((template, operations)) = self.operations(path) else {
            return self.check_failure(answered, &[401, 403, 404]);
        };
        let Some(statuses) = operations.get(&answered.method) else {
            return self.check_failure(answered, &[404, 405]);
        };
        let place = format!("{} {template}", answered.method);
        let schema = statuses.get(&status).ok_or(format!("{place} does not answer {status}"))?;
        if !schema.is_null() {
            self.check_body(answered, &format!("{place} {status}"), schema)
        } else if answered.status >= 400 {
            self.check_failure(answered, &[answered.status])
        } else if answered.body.is_empty() {
            Ok(())
        } else {
            Err(format!("{place} answers {status} without a body"))
        }
    }

    /// The operations of a path, by method. Words win over variables.
    fn operations(&self, path: &str) -> Option<(&String, &Map<String, Value>)> {
        let fits = |template: &str| {
            let (mut wanted, mut given) = (template.split('/'), path.split('/'));
            loop {
                match (wanted.next(), given.next()) {
                    (None, None) => return true,
                    (Some(word), Some(got))
                        if word == got || word.starts_with('{') && !got.is_empty() => {}
                    _ => return false,
                }
            }
        };
        let paths = self.document["paths"].as_object().unwrap();
        let fitting = paths.iter().filter(|(template, _)| fits(template));
        let (template, item) = fitting.min_by_key(|(template, _)| template.matches('{').count())?;
        Some((template, item.as_object().unwrap()))
    }

    fn check_failure(&self, answered: &Answered, statuses: &[u16]) -> Result<(), String> {
        if !statuses.contains(&answered.status) {
            return Err(format!("no operation is described, so it should fail with {statuses:?}"));
        }
        self.check_body(answered, FAILURE, &self.document["components"]["schemas"][FAILURE])?;
        let body: Value = serde_json::from_str(&answered.body).unwrap();
        if body["statusCode"] != answered.status {
            return Err(format!("the body says {}", body["statusCode"]));
        }
        Ok(())
    }

    fn check_body(&self, answered: &Answered, name: &str, schema: &Value) -> Result<(), String> {
        if answered.content_type != "application/json" {
            return Err(format!("the content type is `{}`", answered.content_type));
        }
        let body = serde_json::from_str(&answered.body).map_err(|error| error.to_string())?;
        let validator = self.validator(name, schema);
        let faults: Vec<_> = validator
            .iter_errors(&body)
            .map(|fault| format!("{name} at `{}`: {fault}", fault.instance_path()))
            .collect();
        if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
    }

    fn validator(&self, name: &str, schema: &Value) -> Arc<Validator> {
        let mut validators = self.validators.lock().unwrap();
        let make = || {
            let mut root = schema.clone();
            root["components"] = self.document["components"].clone();
            // OpenAPI 3.1 has the schemas of this draft. Formats are looked at, where they are known.
            let options = jsonschema::options().with_draft(Draft::Draft202012);
            Arc::new(options.should_validate_formats(true).build(&root).unwrap())
        };
        Arc::clone(validators.entry(name.to_owned()).or_insert_with(make))
    }
}
