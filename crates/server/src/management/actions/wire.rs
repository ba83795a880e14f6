//! An Action as Auth0 writes it.

use keyward_core::action::{
    Action, ActionSecret, ActionVersion, CREDENTIALS_EXCHANGE, Dependency, RUNTIMES,
    SECRET_VALUE_BYTES_MAX, Script, TRIGGER_VERSION,
};
use keyward_core::id::ActionId;
use keyward_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::moment;
use crate::actions::{SEALED_KIND, sealed_record};
use crate::failure::Failure;
use crate::management::fields::{Fields, invalid_field, missing};
use crate::services::Services;

/// A request to make an Action.
#[derive(Debug)]
pub(super) struct NewAction {
    pub(super) name: String,
    pub(super) draft: Script,
    pub(super) deploy: bool,
}

/// Reads a request to make an Action.
pub(super) fn creation(
    mut fields: Fields,
    services: &Services,
    id: &ActionId,
    now: Timestamp,
) -> Result<NewAction, Failure> {
    let name = fields.text("name")?.ok_or_else(|| missing("name"))?;
    if !check_trigger(&mut fields)? {
        return Err(missing("supported_triggers"));
    }
    let deploy = fields.flag("deploy")?;
    let mut draft = Script::default();
    read_script(&mut fields, services, id, &mut draft, now)?;
    fields.finish()?;
    Ok(NewAction { name, draft, deploy })
}

/// Reads a request to change an Action into it.
pub(super) fn update(
    mut fields: Fields,
    services: &Services,
    action: &mut Action,
    now: Timestamp,
) -> Result<(), Failure> {
    check_trigger(&mut fields)?;
    if let Some(name) = fields.text("name")?
        && name != action.name
    {
        action.name = name;
        action.updated_at = now;
    }
    let mut draft = action.draft.clone();
    read_script(&mut fields, services, &action.id, &mut draft, now)?;
    fields.finish()?;
    action.write_draft(draft, now);
    Ok(())
}

/// Exactly one trigger, and the one there is; whether the request names it at all.
fn check_trigger(fields: &mut Fields) -> Result<bool, Failure> {
    const FIELD: &str = "supported_triggers";
    let Some(triggers) = fields.objects(FIELD)? else { return Ok(false) };
    let [trigger] = triggers.as_slice() else {
        return Err(invalid_field("Exactly one trigger is expected", FIELD));
    };
    // Its tools send back what they were told of a trigger; the rest of it says nothing new.
    let text = |name: &str| trigger.0.get(name).and_then(Value::as_str);
    match (text("id"), text("version")) {
        (Some(CREDENTIALS_EXCHANGE), None | Some(TRIGGER_VERSION)) => Ok(true),
        (None, _) => Err(invalid_field("Missing required property: id", "supported_triggers[0]")),
        (Some(id), version) => {
            let version = version.map(|version| format!(" {version}")).unwrap_or_default();
            let message =
                format!("Keyward runs {CREDENTIALS_EXCHANGE} {TRIGGER_VERSION}, not {id}{version}");
            Err(invalid_field(&message, "supported_triggers[0]"))
        }
    }
}

fn read_script(
    fields: &mut Fields,
    services: &Services,
    id: &ActionId,
    script: &mut Script,
    now: Timestamp,
) -> Result<(), Failure> {
    if let Some(code) = fields.text("code")? {
        script.code = code;
    }
    if let Some(runtime) = fields.nullable_text("runtime")? {
        script.runtime = runtime.unwrap_or_else(|| default_runtime().to_owned());
    }
    if let Some(items) = fields.objects("dependencies")? {
        let read = |(place, item)| dependency(place, item);
        script.dependencies = items.into_iter().enumerate().map(read).collect::<Result<_, _>>()?;
    }
    if let Some(items) = fields.objects("secrets")? {
        let before = std::mem::take(&mut script.secrets);
        let read = |(place, item)| secret(place, item, services, id, &before, now);
        script.secrets = items.into_iter().enumerate().map(read).collect::<Result<_, _>>()?;
    }
    if fields.objects("modules")?.is_some_and(|modules| !modules.is_empty()) {
        let message = "There are no shared modules; put the code into the Action";
        return Err(invalid_field(message, "modules"));
    }
    Ok(())
}

fn default_runtime() -> &'static str {
    RUNTIMES.first().copied().unwrap_or_default()
}

fn dependency(place: usize, mut item: Fields) -> Result<Dependency, Failure> {
    let field = format!("dependencies[{place}]");
    let missing = || invalid_field("Missing required property: name", &field);
    let dependency = Dependency {
        name: item.text("name")?.ok_or_else(missing)?,
        version: item.nullable_text("version")?.flatten(),
        registry_url: item.nullable_text("registry_url")?.flatten(),
    };
    item.finish().map(|()| dependency)
}

/// A secret. One without a value keeps the value that it has: nobody can send back what was never
/// shown.
fn secret(
    place: usize,
    mut item: Fields,
    services: &Services,
    id: &ActionId,
    before: &[ActionSecret],
    now: Timestamp,
) -> Result<ActionSecret, Failure> {
    let field = format!("secrets[{place}]");
    let absent = |what: &str| invalid_field(&format!("Missing required property: {what}"), &field);
    let name = item.text("name")?.ok_or_else(|| absent("name"))?;
    let Some(value) = item.text("value")? else {
        let known = before.iter().find(|secret| secret.name == name).cloned();
        return known.ok_or_else(|| absent("value"));
    };
    if value.len() > SECRET_VALUE_BYTES_MAX {
        let message = format!("Has more than {SECRET_VALUE_BYTES_MAX} bytes");
        return Err(invalid_field(&message, &format!("{field}.value")));
    }
    let record = sealed_record(id, &name);
    // A value that is written again is the same secret: sealing it anew would look like a change.
    let unchanged = before.iter().find(|secret| {
        let opened = services.master.open(SEALED_KIND, &record, &secret.sealed);
        secret.name == name && opened.is_ok_and(|opened| opened.as_slice() == value.as_bytes())
    });
    if let Some(secret) = unchanged {
        return Ok(secret.clone());
    }
    let sealed = services.master.seal(SEALED_KIND, &record, value.as_bytes());
    let sealed = sealed.map_err(Failure::internal)?;
    Ok(ActionSecret { name, sealed, updated_at: now })
}

/// Writes an Action.
pub(super) fn action(action: &Action, deployed: Option<&ActionVersion>) -> Map<String, Value> {
    let mut shown = brief(action);
    put_script(&mut shown, &action.draft);
    // What can be deployed is built: there is nothing to compile or to fetch.
    let status = if action.draft.check_deployable().is_ok() { "built" } else { "failed" };
    shown.insert("status".to_owned(), status.into());
    if let Some(version) = deployed {
        shown.insert("deployed_version".to_owned(), frozen(version, true).into());
    }
    shown
}

/// What is written of an Action where it is only named.
pub(super) fn brief(action: &Action) -> Map<String, Value> {
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    put("id", action.id.as_str().into());
    put("name", action.name.clone().into());
    put("supported_triggers", triggers());
    put("created_at", moment(action.created_at));
    put("updated_at", moment(action.updated_at));
    put("all_changes_deployed", action.all_changes_deployed.into());
    shown
}

/// Writes a version in the history of its Action.
pub(super) fn version(version: &ActionVersion, action: &Action) -> Map<String, Value> {
    let mut shown = frozen(version, action.deployed.as_ref() == Some(&version.id));
    shown.insert("action".to_owned(), brief(action).into());
    shown
}

/// Writes a version that was just deployed. Compat(auth0): it says that it is not deployed.
pub(super) fn deployment(version: &ActionVersion, action: &Action) -> Map<String, Value> {
    let mut shown = frozen(version, false);
    shown.insert("action".to_owned(), brief(action).into());
    shown
}

fn frozen(version: &ActionVersion, is_deployed: bool) -> Map<String, Value> {
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    put("id", version.id.as_str().into());
    put("action_id", version.action.as_str().into());
    put("number", version.number.into());
    put("deployed", is_deployed.into());
    put("status", "built".into());
    put("supported_triggers", triggers());
    put("built_at", moment(version.created_at));
    put("created_at", moment(version.created_at));
    put("updated_at", moment(version.updated_at));
    put_script(&mut shown, &version.script);
    shown
}

fn put_script(shown: &mut Map<String, Value>, script: &Script) {
    let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    put("code", script.code.clone().into());
    put("dependencies", script.dependencies.iter().map(shown_dependency).collect());
    put("runtime", script.runtime.clone().into());
    let secret =
        |one: &ActionSecret| json!({ "name": one.name, "updated_at": moment(one.updated_at) });
    put("secrets", script.secrets.iter().map(secret).collect());
}

fn shown_dependency(dependency: &Dependency) -> Value {
    let mut shown = Map::new();
    shown.insert("name".to_owned(), dependency.name.clone().into());
    let optional = [("version", &dependency.version), ("registry_url", &dependency.registry_url)];
    for (name, value) in optional {
        if let Some(value) = value {
            shown.insert(name.to_owned(), value.clone().into());
        }
    }
    shown.into()
}

fn triggers() -> Value {
    json!([{ "id": CREDENTIALS_EXCHANGE, "version": TRIGGER_VERSION }])
}
