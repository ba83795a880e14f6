//! Clients of an export.

use anyhow::bail;
use http::Method;
use serde_json::{Value, json};

use super::{Import, take_text};
use crate::commands::escape;
use crate::commands::import::addresses::whole_list;
use crate::commands::import::export::Thing;
use crate::manage::Content;
use crate::table::text;

/// What Auth0 answers of a client and nobody can write.
const ANSWERED: [&str; 5] =
    ["tenant", "global", "signing_keys", "callback_url_template", "resource_server_identifier"];

impl Import<'_> {
    pub(super) async fn client(&mut self, mut client: Thing) {
        let name = client.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let what = format!("client \"{name}\"");
        if client.get("global") == Some(&Value::Bool(true)) {
            return self.report.left(&what, "Keyward has no global client");
        }
        for field in ANSWERED {
            client.remove(field);
        }
        self.strip_secret_encoding(&mut client);
        if client.remove("client_authentication_methods").is_some_and(|value| !value.is_null()) {
            let note = "the export holds no keys; register the client's public key or certificate \
                        again (client_authentication_methods)";
            self.report.left(&format!("{what}, its keys"), note);
        }
        let id = take_text(&mut client, "client_id");
        let known = match self.known_id(&id, &name) {
            Ok(known) => known,
            Err(error) => return self.report.failed(&what, &error),
        };
        let has_list = known.as_ref().is_some_and(|known| self.listed.contains(known));
        self.addresses(&what, &mut client, has_list);
        let secret = client.remove("client_secret").filter(|secret| !secret.is_null());
        if self.dry_run {
            let note = if known.is_some() { "is there, would be updated" } else { "" };
            if known.is_none() {
                self.knows_client(&name, if id.is_empty() { &name } else { &id });
            }
            return self.report.taken(&what, note);
        }
        let written = match known {
            Some(known) => self.update(&what, &known, client).await.map(|()| "updated".to_owned()),
            None if id.is_empty() => self.make(&what, &name, client).await,
            None => self.take_over(&what, &id, &name, secret, client).await,
        };
        match written {
            Ok(note) => self.report.taken(&what, note),
            Err(error) => self.report.failed(&what, &error),
        }
    }

    /// The client here that is meant: by its id, or without one by its name, if only one has it.
    fn known_id(&self, id: &str, name: &str) -> anyhow::Result<Option<String>> {
        if !id.is_empty() {
            return Ok(self.client_ids.contains(id).then(|| id.to_owned()));
        }
        match self.clients_by_name.get(name).map(Vec::as_slice) {
            None | Some([]) => Ok(None),
            Some([one]) if !self.made.contains(one) => Ok(Some(one.clone())),
            Some(_) => bail!(
                "several clients have that name, so it cannot be told which is meant; export with \
                 AUTH0_EXPORT_IDENTIFIERS=true"
            ),
        }
    }

    /// Auth0 shows it and takes it back from nobody.
    fn strip_secret_encoding(&self, client: &mut Thing) {
        if let Some(Value::Object(jwt)) = client.get_mut("jwt_configuration") {
            jwt.remove("secret_encoded");
        }
    }

    /// Shows, or takes, addresses that stand in the labels of a client.
    fn addresses(&mut self, what: &str, client: &mut Thing, has_list: bool) {
        if client.contains_key("allowed_ips") {
            return;
        }
        let labels = client.get("client_metadata").and_then(Value::as_object).cloned();
        let mut found: Vec<String> = Vec::new();
        let mut fields = Vec::new();
        for (key, value) in labels.unwrap_or_default() {
            let Some(list) = value.as_str().and_then(whole_list) else { continue };
            fields.push(format!("client_metadata.{key}"));
            found.extend(
                list.into_iter().filter(|network| !found.contains(network)).collect::<Vec<_>>(),
            );
        }
        if found.is_empty() {
            return;
        }
        let (from, networks) = (fields.join(", "), found.join(", "));
        // A list that somebody has made here since is never replaced, let alone made weaker.
        if has_list && self.take_addresses.is_some() {
            let note = format!("{from} holds {networks}; the client has a list here, which stays");
            return self.report.offered(what, note);
        }
        if let Some(mode) = self.take_addresses {
            client.insert("allowed_ips".to_owned(), json!(found));
            client.insert("allowlist_mode".to_owned(), mode.name().into());
            let note = format!("has an allowlist now (mode {}) of {from}: {networks}", mode.name());
            self.report.changed(what, note);
        } else {
            let note = format!(
                "{from} holds {networks}; --take-addresses report makes an allowlist of them that \
                 refuses nothing yet"
            );
            self.report.offered(what, note);
        }
    }

    async fn update(&mut self, what: &str, id: &str, client: Thing) -> anyhow::Result<()> {
        let path = format!("/api/v2/clients/{}", escape(id));
        self.write(what, Method::PATCH, &path, client).await.map(|_| ())
    }

    /// A client without an id gets one, and a secret that nobody has seen.
    async fn make(&mut self, what: &str, name: &str, client: Thing) -> anyhow::Result<String> {
        let made = self.write(what, Method::POST, "/api/v2/clients", client).await?;
        let id = text(&made, "client_id");
        self.knows_client(name, &id);
        self.made.insert(id.clone());
        Ok(format!(
            "has the new id {id}, because the export holds none (export it with \
             AUTH0_EXPORT_IDENTIFIERS=true to keep ids); `keyward client rotate {id}` shows a secret"
        ))
    }

    /// A client with an id keeps it, and its secret when the export has it.
    async fn take_over(
        &mut self,
        what: &str,
        id: &str,
        name: &str,
        secret: Option<Value>,
        mut client: Thing,
    ) -> anyhow::Result<String> {
        let path = format!("/v1/clients/{}", escape(id));
        let mut first = json!({ "name": name });
        // The list comes with the client itself: there must be no moment without it.
        for field in ["allowed_ips", "allowlist_mode", "account_id"] {
            if let (Some(members), Some(value)) = (first.as_object_mut(), client.remove(field)) {
                members.insert(field.to_owned(), value);
            }
        }
        let has_secret = secret.is_some();
        if let (Some(members), Some(secret)) = (first.as_object_mut(), secret) {
            members.insert("secret".to_owned(), secret);
        }
        self.management.send(Method::PUT, &path, Some(Content::Json(first))).await?;
        self.knows_client(name, id);
        self.update(what, id, client).await?;
        Ok(if has_secret {
            "with its id and secret".to_owned()
        } else {
            format!(
                "with its id; the export holds no secret, so none works yet: `keyward client rotate \
                 {id}` makes one, or send the one its users have as `client_secret` by PATCH \
                 /api/v2/clients/{id}"
            )
        })
    }
}
