//! `keyward import auth0`: the things of an export, one kind after the other, through the same API
//! that Auth0's own tools use.

mod actions;
mod clients;

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde_json::{Value, json};

use super::export::{Export, Thing};
use super::report::Report;
use super::{Auth0Args, ListMode};
use crate::commands::{escape, pages};
use crate::manage::{Content, Management};
use crate::table::text;

/// How many unknown fields of one thing are left out before it is given up.
const UNKNOWN_FIELDS_MAX: usize = 100;
/// What the API says of a field that it does not know.
const UNKNOWN_FIELD: &str = "Additional properties not allowed: ";
/// Algorithms that tokens can be signed with.
const ALGORITHMS: [&str; 4] = ["RS256", "PS256", "ES256", "EdDSA"];

/// An import under way.
pub(super) struct Import<'m> {
    management: &'m Management,
    dry_run: bool,
    take_addresses: Option<ListMode>,
    report: Report,
    /// Identifiers of APIs, with their ids; those of the export count as there in a dry run.
    apis: BTreeMap<String, String>,
    /// Ids of clients by name.
    clients_by_name: BTreeMap<String, Vec<String>>,
    client_ids: BTreeSet<String>,
    /// Ids that were made in this run.
    made: BTreeSet<String>,
    /// Clients that have a list here.
    listed: BTreeSet<String>,
}

pub(super) async fn run(management: &Management, args: &Auth0Args) -> anyhow::Result<Report> {
    let export = Export::read(&args.export)?;
    let mut import = Import {
        management,
        dry_run: args.dry_run,
        take_addresses: args.take_addresses,
        report: Report { dry_run: args.dry_run, ..Report::default() },
        apis: BTreeMap::new(),
        clients_by_name: BTreeMap::new(),
        client_ids: BTreeSet::new(),
        made: BTreeSet::new(),
        listed: BTreeSet::new(),
    };
    import.look_around().await?;
    for api in export.apis {
        import.api(api).await;
    }
    for client in export.clients {
        import.client(client).await;
    }
    // Before the grants: from a grant on there are tokens, and Actions may be there to refuse them.
    import.actions(export.actions).await?;
    let are_bound = import.bindings(export.triggers).await;
    for grant in export.grants {
        if are_bound {
            import.grant(grant).await;
        } else {
            let what = format!("grant of {}", text(&Value::Object(grant), "client_id"));
            let note = "its Actions could not be bound, and tokens would be issued without them; \
                        mend that and import again";
            import.report.left(&what, note);
        }
    }
    for name in export.others {
        import.report.left(&name, "Keyward has nothing of the kind");
    }
    Ok(import.report)
}

impl Import<'_> {
    /// Learns what is here already.
    async fn look_around(&mut self) -> anyhow::Result<()> {
        let apis = "/api/v2/resource-servers";
        for api in pages(self.management, apis, "resource_servers").await? {
            self.apis.insert(text(&api, "identifier"), text(&api, "id"));
        }
        for client in pages(self.management, "/api/v2/clients", "clients").await? {
            let id = text(&client, "client_id");
            self.knows_client(&text(&client, "name"), &id);
            let has_entries = client.get("allowed_ips").is_some_and(|list| *list != json!([]));
            if has_entries || text(&client, "allowlist_mode") != "off" {
                self.listed.insert(id);
            }
        }
        Ok(())
    }

    fn knows_client(&mut self, name: &str, id: &str) {
        self.client_ids.insert(id.to_owned());
        self.clients_by_name.entry(name.to_owned()).or_default().push(id.to_owned());
    }

    async fn api(&mut self, mut api: Thing) {
        let identifier = take_text(&mut api, "identifier");
        let what = format!("API {identifier}");
        if is_management_api(&identifier) || api.get("is_system") == Some(&Value::Bool(true)) {
            return self.report.left(&what, "Keyward has a management API of its own");
        }
        for name in ["id", "is_system", "client_id", "client"] {
            api.remove(name);
        }
        let algorithm = api.get("signing_alg").and_then(Value::as_str).map(str::to_owned);
        if let Some(name) = algorithm.filter(|name| !ALGORITHMS.contains(&name.as_str())) {
            api.insert("signing_alg".to_owned(), "RS256".into());
            api.remove("signing_secret");
            let note = format!(
                "its tokens are signed with RS256, not {name}: whoever verifies them \
                                takes the keys from Keyward's key set"
            );
            self.report.changed(&what, note);
        }
        let known = self.apis.get(&identifier).cloned();
        if self.dry_run {
            self.apis.entry(identifier).or_default();
            return self
                .report
                .taken(&what, if known.is_some() { "is there, would be updated" } else { "" });
        }
        let (method, path) = match &known {
            Some(id) => (Method::PATCH, format!("/api/v2/resource-servers/{}", escape(id))),
            None => {
                api.insert("identifier".to_owned(), identifier.clone().into());
                (Method::POST, "/api/v2/resource-servers".to_owned())
            }
        };
        match self.write(&what, method, &path, api).await {
            Ok(made) => {
                self.apis.insert(identifier, text(&made, "id"));
                self.report.taken(&what, if known.is_some() { "updated" } else { "" });
            }
            Err(error) => self.report.failed(&what, &error),
        }
    }

    async fn grant(&mut self, mut grant: Thing) {
        let (client, audience) =
            (take_text(&mut grant, "client_id"), take_text(&mut grant, "audience"));
        let what = format!("grant of {client} for {audience}");
        if is_management_api(&audience) {
            let note = "it is for Auth0's own management API; grant the scopes of Keyward's if they \
                        are needed";
            return self.report.left(&what, note);
        }
        if grant.get("subject_type").and_then(Value::as_str).is_some_and(|kind| kind != "client") {
            return self.report.left(&what, "it is for users, whom Keyward does not know");
        }
        let id = match self.client_called(&client) {
            Ok(id) => id,
            Err(note) => return self.report.left(&what, note),
        };
        if !self.apis.contains_key(&audience) {
            return self.report.left(&what, "there is no such API here or in the export");
        }
        if self.dry_run {
            return self.report.taken(&what, "");
        }
        if let Err(error) = self.write_grant(&what, &id, &audience, grant).await {
            self.report.failed(&what, &error);
        }
    }

    async fn write_grant(
        &mut self,
        what: &str,
        client: &str,
        audience: &str,
        mut grant: Thing,
    ) -> anyhow::Result<()> {
        grant.remove("id");
        let query = format!("client_id={}&audience={}", escape(client), escape(audience));
        let path = "/api/v2/client-grants";
        let found = pages(self.management, &format!("{path}?{query}"), "client_grants").await?;
        let note = if let Some(known) = found.first() {
            // What it is for cannot be changed and need not be.
            for name in ["subject_type", "default_for"] {
                grant.remove(name);
            }
            let path = format!("{path}/{}", escape(&text(known, "id")));
            self.write(what, Method::PATCH, &path, grant).await?;
            "updated"
        } else {
            grant.insert("client_id".to_owned(), client.into());
            grant.insert("audience".to_owned(), audience.into());
            self.write(what, Method::POST, path, grant).await?;
            ""
        };
        self.report.taken(what, note);
        Ok(())
    }

    /// The id of the client that a text of the export means: the tool writes names for ids.
    fn client_called(&self, text: &str) -> Result<String, &'static str> {
        if self.client_ids.contains(text) {
            return Ok(text.to_owned());
        }
        match self.clients_by_name.get(text).map(Vec::as_slice) {
            Some([id]) => Ok(id.clone()),
            Some(_) => Err("several clients have that name; grant it by client id"),
            None => Err("there is no such client here or in the export"),
        }
    }

    /// Writes a thing. Fields that the API does not know are left out, and that is told.
    async fn write(
        &mut self,
        what: &str,
        method: Method,
        path: &str,
        mut thing: Thing,
    ) -> anyhow::Result<Value> {
        for _ in 0..UNKNOWN_FIELDS_MAX {
            let body = Content::Json(Value::Object(thing.clone()));
            let error = match self.management.send(method.clone(), path, Some(body)).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let Some(name) = unknown_field(&error.to_string()) else { return Err(error) };
            let Some(value) = thing.remove(&name) else { return Err(error) };
            if value != Value::Null && value != json!([]) && value != json!({}) {
                self.report.left(&format!("{what}, field {name}"), "Keyward has no such field");
            }
        }
        anyhow::bail!("it has too many fields that Keyward does not know")
    }
}

/// The field that a refusal names as unknown.
fn unknown_field(message: &str) -> Option<String> {
    let (_, rest) = message.split_once(UNKNOWN_FIELD)?;
    let name = rest.split(['\'', ' ', '\n', '(']).next()?.trim_end_matches('.');
    (!name.is_empty()).then(|| name.to_owned())
}

/// Whether an audience is that of Auth0's management API, also with the tool's placeholders in it.
fn is_management_api(identifier: &str) -> bool {
    let rest = identifier.strip_prefix("https://").unwrap_or(identifier);
    rest.ends_with("/api/v2/") && rest.matches('/').count() == 3
}

fn take_text(thing: &mut Thing, name: &str) -> String {
    match thing.remove(name) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_management_api_is_told_by_its_audience() {
        for text in ["https://acme.eu.auth0.com/api/v2/", "https://##ENV##.auth0.com/api/v2/"] {
            assert!(is_management_api(text), "{text}");
        }
        for text in ["https://api.example/", "https://api.example/x/api/v2/", "urn:x", ""] {
            assert!(!is_management_api(text), "{text}");
        }
    }

    #[test]
    fn an_unknown_field_is_read_off_the_refusal() {
        let text = "Payload validation error: 'Additional properties not allowed: colour'. (400)";
        assert_eq!(unknown_field(text).as_deref(), Some("colour"));
        assert_eq!(unknown_field("something else"), None);
    }
}
