//! Actions and bindings of an export.

use std::collections::BTreeMap;

use http::Method;
use keyward_core::action::CREDENTIALS_EXCHANGE;
use serde_json::{Value, json};

use super::{Import, take_text};
use crate::commands::escape;
use crate::commands::import::addresses::in_code;
use crate::commands::import::export::Thing;
use crate::manage::Content;
use crate::table::text;

const PATH: &str = "/api/v2/actions/actions";
/// All Actions there can be fit on one page.
const ALL: &str = "/api/v2/actions/actions?per_page=100";
/// What can be written of an Action.
const WRITABLE: [&str; 6] =
    ["name", "code", "runtime", "dependencies", "secrets", "supported_triggers"];

impl Import<'_> {
    pub(super) async fn actions(&mut self, actions: Vec<Thing>) -> anyhow::Result<()> {
        if actions.is_empty() {
            return Ok(());
        }
        let listed = self.management.get(ALL).await?;
        let listed = listed.get("actions").and_then(Value::as_array).cloned().unwrap_or_default();
        let known = listed.into_iter().map(|one| (text(&one, "name"), one)).collect();
        for action in actions {
            self.action(action, &known).await;
        }
        Ok(())
    }

    async fn action(&mut self, mut action: Thing, known: &BTreeMap<String, Value>) {
        let name = action.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let what = format!("Action \"{name}\"");
        let trigger = trigger_of(&action);
        if trigger != CREDENTIALS_EXCHANGE {
            let note = format!("it is for {trigger}; Keyward runs {CREDENTIALS_EXCHANGE} alone");
            return self.report.left(&what, note);
        }
        let found = in_code(action.get("code").and_then(Value::as_str).unwrap_or_default());
        if !found.is_empty() {
            let note = format!(
                "its code names {}; as an allowlist of a client or an API (`keyward allow set`) \
                 they would count at every use and not at issue alone",
                found.join(", ")
            );
            self.report.offered(&what, note);
        }
        let is_deployed = action.get("deployed") == Some(&Value::Bool(true));
        action.retain(|field, _| WRITABLE.contains(&field.as_str()));
        // Which version of the trigger it was written for makes no difference here.
        action.insert("supported_triggers".to_owned(), json!([{ "id": CREDENTIALS_EXCHANGE }]));
        self.drop_unknown_secrets(&what, &mut action, known.get(&name));
        if self.dry_run {
            let note = if known.contains_key(&name) { "is there, would be updated" } else { "" };
            return self.report.taken(&what, note);
        }
        let (method, path) = match known.get(&name) {
            Some(here) => (Method::PATCH, format!("{PATH}/{}", escape(&text(here, "id")))),
            None => (Method::POST, PATH.to_owned()),
        };
        match self.write(&what, method, &path, action).await {
            Ok(made) => self.deploy(&what, &text(&made, "id"), is_deployed).await,
            Err(error) => self.report.failed(&what, &error),
        }
    }

    /// An export holds the names of secrets only; those that are here keep their values.
    fn drop_unknown_secrets(&mut self, what: &str, action: &mut Thing, here: Option<&Value>) {
        let secrets = here.and_then(|here| here.get("secrets")).and_then(Value::as_array);
        let kept: Vec<String> =
            secrets.into_iter().flatten().map(|secret| text(secret, "name")).collect();
        let Some(Value::Array(secrets)) = action.get_mut("secrets") else { return };
        let mut dropped = Vec::new();
        secrets.retain(|secret| {
            let has_value = secret.get("value").is_some_and(Value::is_string);
            let name = text(secret, "name");
            let stays = has_value || kept.contains(&name);
            if !stays {
                dropped.push(name);
            }
            stays
        });
        for name in dropped {
            let action = text(&Value::Object(action.clone()), "name");
            let note = format!(
                "the export holds no value, and the Action runs without it; set it by `keyward \
                 action update \"{action}\" --secret {name}=@FILE`, then `keyward action deploy \
                 \"{action}\"`"
            );
            self.report.left(&format!("{what}, secret {name}"), note);
        }
    }

    async fn deploy(&mut self, what: &str, id: &str, is_deployed: bool) {
        if !is_deployed {
            return self.report.taken(what, "as a draft, as it was there");
        }
        let path = format!("{PATH}/{}/deploy", escape(id));
        match self.management.send(Method::POST, &path, None).await {
            Ok(_) => self.report.taken(what, "deployed"),
            Err(error) => {
                self.report.taken(what, "as a draft");
                self.report.failed(&format!("{what}, deployment"), &error);
            }
        }
    }

    /// Binds; whether everything that was to be bound is.
    pub(super) async fn bindings(&mut self, triggers: BTreeMap<String, Vec<Thing>>) -> bool {
        let mut are_bound = true;
        for (trigger, places) in triggers {
            if places.is_empty() {
                continue;
            }
            let what = format!("bindings of {trigger}");
            if trigger != CREDENTIALS_EXCHANGE {
                let note = format!("Keyward runs {CREDENTIALS_EXCHANGE} alone");
                self.report.left(&what, note);
                continue;
            }
            let places: Vec<Value> = places.into_iter().map(binding).collect();
            let note = format!("{} in their order", places.len());
            if self.dry_run {
                self.report.taken(&what, note);
                continue;
            }
            let path = format!("/api/v2/actions/triggers/{CREDENTIALS_EXCHANGE}/bindings");
            let body = Content::Json(json!({ "bindings": places }));
            match self.management.send(Method::PATCH, &path, Some(body)).await {
                Ok(_) => self.report.taken(&what, note),
                Err(error) => {
                    self.report.failed(&what, &error);
                    are_bound = false;
                }
            }
        }
        are_bound
    }
}

fn trigger_of(action: &Thing) -> String {
    let triggers = action.get("supported_triggers").and_then(Value::as_array);
    let first = triggers.and_then(|triggers| triggers.first());
    first.map(|trigger| text(trigger, "id")).unwrap_or_default()
}

fn binding(mut place: Thing) -> Value {
    let action = take_text(&mut place, "action_name");
    let shown = take_text(&mut place, "display_name");
    let shown = if shown.is_empty() { action.clone() } else { shown };
    json!({ "ref": { "type": "action_name", "value": action }, "display_name": shown })
}
