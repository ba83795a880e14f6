//! What is bound, and in which order.

use std::process::ExitCode;

use anyhow::bail;
use http::Method;
use keyward_core::action::{ACTIONS_MAX, CREDENTIALS_EXCHANGE};
use serde_json::{Value, json};

use super::{all_actions, find};
use crate::commands::print;
use crate::manage::{Content, Management};
use crate::table::text;

fn path() -> String {
    format!("/api/v2/actions/triggers/{CREDENTIALS_EXCHANGE}/bindings")
}

/// What is bound, in order.
pub(super) async fn bound(management: &Management) -> anyhow::Result<Vec<Value>> {
    let answer = management.get(&format!("{}?per_page={ACTIONS_MAX}", path())).await?;
    Ok(listed(&answer))
}

fn listed(answer: &Value) -> Vec<Value> {
    answer.get("bindings").and_then(Value::as_array).cloned().unwrap_or_default()
}

/// The place of an Action among those that are bound, counted from 1.
pub(super) fn place_of(bound: &[Value], action: &Value) -> Option<usize> {
    let id = text(action, "id");
    let place = bound.iter().position(|binding| action_id(binding) == id);
    place.map(|place| place.saturating_add(1))
}

fn action_id(binding: &Value) -> String {
    binding.get("action").map(|action| text(action, "id")).unwrap_or_default()
}

fn action_name(binding: &Value) -> String {
    match binding.get("action").map(|action| text(action, "name")).unwrap_or_default() {
        empty if empty.is_empty() => "(an Action that is gone)".to_owned(),
        name => name,
    }
}

/// Binds these and no others.
pub(super) async fn bind(management: &Management, wanted: &[String]) -> anyhow::Result<ExitCode> {
    let actions = all_actions(management).await?;
    let before = bound(management).await?;
    let mut places = Vec::with_capacity(wanted.len());
    for name in wanted {
        let action = find(&actions, name)?;
        let id = text(action, "id");
        // A place that was given another name keeps it.
        let known = before.iter().find(|binding| action_id(binding) == id);
        let display_name = text(known.unwrap_or(&Value::Null), "display_name");
        let display_name =
            if display_name.is_empty() { text(action, "name") } else { display_name };
        let reference = json!({ "type": "action_id", "value": id });
        places.push(json!({ "ref": reference, "display_name": display_name }));
    }
    replace(management, &before, places).await
}

/// Takes these out, or all.
pub(super) async fn unbind(
    management: &Management,
    wanted: &[String],
    all: bool,
) -> anyhow::Result<ExitCode> {
    let before = bound(management).await?;
    let stays = if all { Vec::new() } else { remaining(&before, wanted)? };
    // By their places: when somebody else has bound others meanwhile, those places are gone, and
    // nothing is changed.
    let place = |binding: &Value| {
        let reference = json!({ "type": "binding_id", "value": text(binding, "id") });
        json!({ "ref": reference, "display_name": text(binding, "display_name") })
    };
    let places = stays.iter().map(place).collect();
    replace(management, &before, places).await
}

fn remaining(before: &[Value], wanted: &[String]) -> anyhow::Result<Vec<Value>> {
    let is = |binding: &Value, name: &str| {
        action_id(binding) == name || action_name(binding) == name || text(binding, "id") == name
    };
    for name in wanted {
        if !before.iter().any(|binding| is(binding, name)) {
            bail!("`{name}` is not bound; what is bound: {}", order(before));
        }
    }
    let stays = |binding: &&Value| !wanted.iter().any(|name| is(binding, name));
    Ok(before.iter().filter(stays).cloned().collect())
}

async fn replace(
    management: &Management,
    before: &[Value],
    places: Vec<Value>,
) -> anyhow::Result<ExitCode> {
    let body = Content::Json(json!({ "bindings": places }));
    let answer = management.send(Method::PATCH, &path(), Some(body)).await?;
    let done = json!({ "before": before, "after": listed(&answer) });
    Ok(print(management, &done, |_| {
        format!("before: {}\nnow:    {}", order(before), order(&listed(&answer)))
    }))
}

fn order(bound: &[Value]) -> String {
    if bound.is_empty() {
        return "nothing".to_owned();
    }
    bound.iter().map(action_name).collect::<Vec<_>>().join(", then ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding(id: &str, action: &str, name: &str) -> Value {
        json!({ "id": id, "display_name": name, "action": { "id": action, "name": name } })
    }

    #[test]
    fn what_is_taken_out_leaves_the_rest_in_order() {
        let bound = [
            binding("b1", "a1", "one"),
            json!({ "id": "b2", "action": null }),
            binding("b3", "a3", "three"),
        ];
        let ids = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            let stays = remaining(&bound, &names)?;
            Ok::<_, anyhow::Error>(stays.iter().map(|one| text(one, "id")).collect::<Vec<_>>())
        };
        assert_eq!(ids(&["one"]).unwrap(), ["b2", "b3"]);
        assert_eq!(ids(&["a3", "b2"]).unwrap(), ["b1"]);
        let error = ids(&["two"]).unwrap_err().to_string();
        assert_eq!(
            error,
            "`two` is not bound; what is bound: one, then (an Action that is gone), then three"
        );
        assert_eq!(place_of(&bound, &json!({ "id": "a3" })), Some(3));
        assert_eq!(place_of(&bound, &json!({ "id": "a9" })), None);
        assert_eq!(order(&[]), "nothing");
    }
}
