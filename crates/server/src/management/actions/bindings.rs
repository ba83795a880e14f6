//! The trigger, and the Actions that are bound to it in order.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use keyward_core::action::{
    Action, Binding, Bindings, CREDENTIALS_EXCHANGE, RUNTIMES, TRIGGER_VERSION,
};
use keyward_core::id::{ActionId, BindingId};
use keyward_core::time::Timestamp;
use keyward_store::{ActionFilter, Page, PageOf};
use serde_json::{Map, Value, json};

use super::{Shared, moment, wire};
use crate::failure::Failure;
use crate::management::fields::{Fields, invalid_field, missing};
use crate::management::query::Query;
use crate::management::scopes::{ReadActions, UpdateActions};
use crate::management::{Admitted, ManagementFailure, Place, RawBody, not_found, reply};
use crate::services::Services;

/// Items of a page of bindings that says no number: all there can be.
const PER_PAGE_DEFAULT: u32 = 50;

pub(in crate::management) async fn list_triggers(
    _admitted: Admitted<ReadActions>,
    uri: Uri,
) -> Result<Response, ManagementFailure> {
    Query::read(&uri, &[])?;
    let trigger = json!({
        "id": CREDENTIALS_EXCHANGE,
        "version": TRIGGER_VERSION,
        "status": "CURRENT",
        "runtimes": RUNTIMES,
        "default_runtime": RUNTIMES.first(),
        "binding_policy": "trigger-bound",
        "compatible_triggers": [],
    });
    Ok(reply(StatusCode::OK, json!({ "triggers": [trigger] })))
}

pub(in crate::management) async fn list_bindings(
    State(services): Shared,
    _admitted: Admitted<ReadActions>,
    Place(trigger): Place<String>,
    uri: Uri,
) -> Result<Response, ManagementFailure> {
    check_trigger(&trigger)?;
    let paging = Query::read(&uri, &["page", "per_page"])?.numbered_pages(PER_PAGE_DEFAULT)?;
    let bound = services.store.bindings(CREDENTIALS_EXCHANGE).await?;
    let bound = bound.unwrap_or_else(|| Bindings::none(services.now()));
    let PageOf { items, total, next } = paging.cut(bound.list)?;
    let items = shown(&services, &items).await?;
    Ok(reply(StatusCode::OK, paging.wrap_numbered("bindings", PageOf { items, total, next })))
}

/// Replaces the whole ordered list. Each place gets a new id (as Auth0's).
pub(in crate::management) async fn update_bindings(
    State(services): Shared,
    admitted: Admitted<UpdateActions>,
    Place(trigger): Place<String>,
    body: RawBody,
) -> Result<Response, ManagementFailure> {
    check_trigger(&trigger)?;
    let mut fields = Fields(body.object()?);
    let wanted = fields.objects("bindings")?.ok_or_else(|| missing("bindings"))?;
    fields.finish()?;
    let mut tx = admitted.begin(&services).await?;
    let before = tx.bindings(CREDENTIALS_EXCHANGE).await?;
    let known = all_actions(&services).await?;
    let mut bound = before.clone().unwrap_or_else(|| Bindings::none(admitted.now));
    bound.list = read(wanted, &known, &bound.list, &services, admitted.now)?;
    bound.check()?;
    if before.is_some() {
        bound.updated_at = admitted.now;
        bound.version = tx.update_bindings(&bound).await?;
    } else {
        tx.insert_bindings(&bound).await?;
    }
    services.commit(tx).await?;
    let items: Vec<_> = shown(&services, &bound.list).await?.into_iter().map(Value::from).collect();
    Ok(reply(StatusCode::OK, json!({ "bindings": items })))
}

fn check_trigger(trigger: &str) -> Result<(), Failure> {
    let known = trigger == CREDENTIALS_EXCHANGE;
    if known { Ok(()) } else { Err(not_found("trigger")) }
}

fn read(
    wanted: Vec<Fields>,
    known: &[Action],
    before: &[Binding],
    services: &Services,
    now: Timestamp,
) -> Result<Vec<Binding>, ManagementFailure> {
    let mut list = Vec::with_capacity(wanted.len());
    for (place, mut item) in wanted.into_iter().enumerate() {
        let field = format!("bindings[{place}]");
        let mut reference = match item.object("ref")? {
            Some(members) => Fields(members),
            None => return Err(invalid_field("Missing required property: ref", &field).into()),
        };
        let (kind, value) = (reference.text("type")?, reference.text("value")?);
        reference.finish()?;
        let display_name = item.text("display_name")?;
        if item.objects("secrets")?.is_some_and(|secrets| !secrets.is_empty()) {
            let message = "Secrets belong to the Action, not to its place";
            return Err(invalid_field(message, &format!("{field}.secrets")).into());
        }
        item.finish()?;
        let action = find(kind.as_deref(), value.as_deref(), known, before, &field)?;
        if action.deployed.is_none() {
            let message =
                format!("The action '{}' must be deployed before it is bound", action.name);
            return Err(invalid_field(&message, &field).into());
        }
        list.push(Binding {
            id: services.new_binding_id()?,
            action: action.id.clone(),
            display_name: display_name.unwrap_or_else(|| action.name.clone()),
            created_at: now,
        });
    }
    Ok(list)
}

/// The Action that a reference means: by its id, its name, or the place it has now.
fn find<'a>(
    kind: Option<&str>,
    value: Option<&str>,
    known: &'a [Action],
    before: &[Binding],
    field: &str,
) -> Result<&'a Action, Failure> {
    let field = format!("{field}.ref");
    let (Some(kind), Some(value)) = (kind, value) else {
        return Err(invalid_field("Missing required property: type and value", &field));
    };
    let by_id = |id: &ActionId| known.iter().find(|action| action.id == *id);
    let found = match kind {
        "action_id" => ActionId::parse(value).ok().and_then(|id| by_id(&id)),
        "action_name" => known.iter().find(|action| action.name == value),
        "binding_id" => {
            let id = BindingId::parse(value).ok();
            let place = before.iter().find(|binding| Some(&binding.id) == id.as_ref());
            place.and_then(|binding| by_id(&binding.action))
        }
        _ => return Err(invalid_field(&format!("No enum match for: {kind}"), &field)),
    };
    found.ok_or_else(|| invalid_field(&format!("There is no action '{value}'"), &field))
}

async fn all_actions(services: &Services) -> Result<Vec<Action>, ManagementFailure> {
    let limit = u32::try_from(keyward_core::action::ACTIONS_MAX).unwrap_or(u32::MAX);
    let page = Page::Offset { offset: 0, limit };
    Ok(services.store.actions(&ActionFilter::default(), &page).await?.items)
}

async fn shown(
    services: &Services,
    list: &[Binding],
) -> Result<Vec<Map<String, Value>>, ManagementFailure> {
    let mut items = Vec::with_capacity(list.len());
    for binding in list {
        let action = services.store.action(&binding.action).await?;
        let mut item = Map::new();
        let mut put = |name: &str, value: Value| item.insert(name.to_owned(), value);
        put("id", binding.id.as_str().into());
        put("trigger_id", CREDENTIALS_EXCHANGE.into());
        put("display_name", binding.display_name.clone().into());
        put("action", action.map(|action| wire::brief(&action)).into());
        put("created_at", moment(binding.created_at));
        put("updated_at", moment(binding.created_at));
        items.push(item);
    }
    Ok(items)
}
