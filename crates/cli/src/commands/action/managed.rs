//! Actions as things: listed, shown, made, changed, deployed, deleted.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use http::Method;
use keyward_core::action::{CREDENTIALS_EXCHANGE, TRIGGER_VERSION};
use serde_json::{Map, Value, json};

use super::bindings::{bound, place_of};
use super::secrets::SecretArg;
use super::{PATH, all_actions, find, read_code, secrets};
use crate::commands::{escape, print};
use crate::manage::{Content, Management};
use crate::table::{pairs, table, text, visible};

pub(super) async fn list(management: &Management) -> anyhow::Result<ExitCode> {
    let actions = all_actions(management).await?;
    let bound = bound(management).await?;
    let row = |action: &Value| {
        let place = place_of(&bound, action);
        vec![
            place.map(|place| place.to_string()).unwrap_or_default(),
            text(action, "name"),
            text(action, "id"),
            version_words(action),
        ]
    };
    let words = |all: &Value| {
        table(&["runs", "name", "id", "version"], all.as_array().into_iter().flatten().map(row))
    };
    Ok(print(management, &Value::Array(actions), words))
}

/// Which version is deployed, and whether the draft has gone on since.
fn version_words(action: &Value) -> String {
    let is_deployed = action.get("all_changes_deployed").and_then(Value::as_bool) == Some(true);
    match action.get("deployed_version") {
        None | Some(Value::Null) => "not deployed".to_owned(),
        Some(version) if is_deployed => text(version, "number"),
        Some(version) => format!("{}, and the draft differs", text(version, "number")),
    }
}

pub(super) async fn show(management: &Management, wanted: &str) -> anyhow::Result<ExitCode> {
    let actions = all_actions(management).await?;
    let action = find(&actions, wanted)?;
    let bound = bound(management).await?;
    let place = place_of(&bound, action);
    let of = bound.len();
    Ok(print(management, action, |action| words(action, place.map(|place| (place, of)))))
}

fn words(action: &Value, place: Option<(usize, usize)>) -> String {
    let named = |list: &str| {
        let items = action.get(list).and_then(Value::as_array);
        let names: Vec<_> = items.into_iter().flatten().map(|one| text(one, "name")).collect();
        names.join(", ")
    };
    let rows = pairs(&[
        ("name", text(action, "name")),
        ("id", text(action, "id")),
        ("version", version_words(action)),
        ("bound", place.map_or("no".to_owned(), |(place, of)| format!("at place {place} of {of}"))),
        ("secrets", named("secrets")),
        ("dependencies", named("dependencies")),
        ("changed", text(action, "updated_at")),
    ]);
    let code = text(action, "code");
    if code.trim().is_empty() { rows } else { format!("{rows}\n\n{}", visible(code.trim_end())) }
}

pub(super) async fn create(
    management: &Management,
    name: &str,
    code: &Path,
    secrets: &[SecretArg],
    deploy: bool,
) -> anyhow::Result<ExitCode> {
    let secrets = secrets::read(secrets)?;
    let body = json!({
        "name": name,
        "supported_triggers": [{ "id": CREDENTIALS_EXCHANGE, "version": TRIGGER_VERSION }],
        "code": read_code(code)?,
        "secrets": secrets.into_iter().map(secret).collect::<Vec<_>>(),
        "deploy": deploy,
    });
    let made = management.send(Method::POST, PATH, Some(Content::Json(body))).await?;
    Ok(print(management, &made, |made| {
        let next = if deploy {
            "It is deployed and runs as soon as it is bound (`keyward action bind`)."
        } else {
            "It is a draft: deploy it, then bind it (`keyward action deploy`, `keyward action bind`)."
        };
        format!("{}\n\n{next}", made_words(made))
    }))
}

fn made_words(action: &Value) -> String {
    pairs(&[
        ("name", text(action, "name")),
        ("id", text(action, "id")),
        ("version", version_words(action)),
    ])
}

fn secret((name, value): (String, Value)) -> Value {
    json!({ "name": name, "value": value })
}

pub(super) async fn update(
    management: &Management,
    wanted: &str,
    code: Option<&Path>,
    (secrets, removed): (&[SecretArg], &[String]),
) -> anyhow::Result<ExitCode> {
    let secrets = secrets::read(secrets)?;
    let actions = all_actions(management).await?;
    let action = find(&actions, wanted)?;
    let mut body = Map::new();
    if let Some(code) = code {
        body.insert("code".to_owned(), read_code(code)?.into());
    }
    if !secrets.is_empty() || !removed.is_empty() {
        body.insert("secrets".to_owned(), changed_secrets(action, secrets, removed)?);
    }
    if body.is_empty() {
        bail!("nothing to change: name --code, --secret or --remove-secret");
    }
    let path = path_of(action);
    let body = Content::Json(body.into());
    let changed = management.send(Method::PATCH, &path, Some(body)).await?;
    Ok(print(management, &changed, made_words))
}

/// The whole list of secrets. One without a value keeps the value that it has.
fn changed_secrets(
    action: &Value,
    mut given: Map<String, Value>,
    removed: &[String],
) -> anyhow::Result<Value> {
    let here = action.get("secrets").and_then(Value::as_array);
    let here: Vec<String> = here.into_iter().flatten().map(|one| text(one, "name")).collect();
    if let Some(unknown) = removed.iter().find(|name| !here.contains(name)) {
        bail!("the Action has no secret `{unknown}`; it has: {}", here.join(", "));
    }
    if let Some(both) = removed.iter().find(|name| given.contains_key(*name)) {
        bail!("the secret {both} cannot be set and taken away at once");
    }
    let mut list = Vec::new();
    for name in here.into_iter().filter(|name| !removed.contains(name)) {
        list.push(match given.remove(&name) {
            Some(value) => secret((name, value)),
            None => json!({ "name": name }),
        });
    }
    list.extend(given.into_iter().map(secret));
    Ok(list.into())
}

pub(super) async fn deploy(management: &Management, wanted: &str) -> anyhow::Result<ExitCode> {
    let actions = all_actions(management).await?;
    let action = find(&actions, wanted)?;
    let path = format!("{}/deploy", path_of(action));
    let version = management.send(Method::POST, &path, None).await?;
    let is_bound = place_of(&bound(management).await?, action).is_some();
    let name = text(action, "name");
    Ok(print(management, &version, |version| {
        let number = text(version, "number");
        if is_bound {
            format!("deployed {name} as version {number}, which runs from now on")
        } else {
            format!("deployed {name} as version {number}, which runs as soon as it is bound")
        }
    }))
}

pub(super) async fn delete(
    management: &Management,
    wanted: &str,
    force: bool,
) -> anyhow::Result<ExitCode> {
    let actions = all_actions(management).await?;
    let action = find(&actions, wanted)?;
    let query = if force { "?force=true" } else { "" };
    let path = format!("{}{query}", path_of(action));
    management.send(Method::DELETE, &path, None).await.with_context(|| {
        format!("{wanted} was not deleted; `keyward action unbind` unbinds it, --force does both")
    })?;
    let done = json!({ "deleted": text(action, "id") });
    Ok(print(management, &done, |_| format!("deleted {wanted}")))
}

fn path_of(action: &Value) -> String {
    format!("{PATH}/{}", escape(&text(action, "id")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_that_are_not_named_keep_their_values() {
        let action = json!({ "secrets": [{ "name": "A" }, { "name": "B" }, { "name": "C" }] });
        let given = json!({ "B": "2", "D": "4" }).as_object().unwrap().clone();
        let changed = |removed: &[&str]| {
            let removed: Vec<String> = removed.iter().map(|&name| name.to_owned()).collect();
            changed_secrets(&action, given.clone(), &removed)
        };
        assert_eq!(
            changed(&["C"]).unwrap(),
            json!([{ "name": "A" }, { "name": "B", "value": "2" }, { "name": "D", "value": "4" }])
        );
        let error = changed(&["X"]).unwrap_err().to_string();
        assert_eq!(error, "the Action has no secret `X`; it has: A, B, C");
        assert!(changed(&["B"]).unwrap_err().to_string().contains("at once"));
    }

    #[test]
    fn a_version_says_whether_the_draft_has_gone_on() {
        let action = |deployed: Value, all: bool| json!({ "deployed_version": deployed, "all_changes_deployed": all });
        assert_eq!(version_words(&action(Value::Null, false)), "not deployed");
        assert_eq!(version_words(&action(json!({ "number": 3 }), true)), "3");
        let words = version_words(&action(json!({ "number": 3 }), false));
        assert_eq!(words, "3, and the draft differs");
    }
}
