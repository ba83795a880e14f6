//! `/api/v2/actions`: Actions, their versions, and what is bound to the trigger.

mod bindings;
mod executions;
mod versions;
mod wire;

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use keyward_core::action::{ACTIONS_MAX, Action, CREDENTIALS_EXCHANGE};
use keyward_core::id::ActionId;
use keyward_core::time::Timestamp;
use keyward_store::{ActionFilter, Page, PageOf, Tx};
use serde_json::{Map, Value, json};

pub(super) use bindings::{list_bindings, list_triggers, update_bindings};
pub(super) use executions::{get_execution, test_action};
pub(super) use versions::{
    deploy_action, deploy_action_version, get_action_version, list_action_versions,
};

use crate::failure::Failure;
use crate::management::fields::Fields;
use crate::management::query::Query;
use crate::management::scopes::{CreateActions, DeleteActions, ReadActions, UpdateActions};
use crate::management::{Admitted, ManagementFailure, Place, RawBody, not_found, reply};
use crate::services::Services;

type Shared = State<Arc<Services>>;

/// Items of a page that says no number (as Auth0's).
const PER_PAGE_DEFAULT: u32 = 20;

pub(super) async fn list_actions(
    State(services): Shared,
    _admitted: Admitted<ReadActions>,
    uri: Uri,
) -> Result<Response, ManagementFailure> {
    let known = &["triggerId", "actionName", "deployed", "installed", "page", "per_page"];
    let query = Query::read(&uri, known)?;
    let paging = query.numbered_pages(PER_PAGE_DEFAULT)?;
    let filter = ActionFilter {
        name: query.one("actionName")?.map(str::to_owned),
        deployed: query.flag("deployed")?,
    };
    let other_trigger = query.one("triggerId")?.is_some_and(|id| id != CREDENTIALS_EXCHANGE);
    // None comes from a marketplace.
    let part = if other_trigger || query.flag("installed")? == Some(true) {
        PageOf { items: Vec::new(), total: Some(0), next: None }
    } else {
        services.store.actions(&filter, &paging.page()).await?
    };
    let mut items = Vec::with_capacity(part.items.len());
    for action in &part.items {
        items.push(shown(&services, action).await?);
    }
    let part = PageOf { items, total: part.total, next: None };
    Ok(reply(StatusCode::OK, paging.wrap_numbered("actions", part)))
}

pub(super) async fn create_action(
    State(services): Shared,
    admitted: Admitted<CreateActions>,
    body: RawBody,
) -> Result<Response, ManagementFailure> {
    let now = admitted.now;
    let id = services.new_action_id()?;
    let new = wire::creation(Fields(body.object()?), &services, &id, now)?;
    let mut action = Action::new(id, &new.name, new.draft, now);
    action.check()?;
    if new.deploy {
        versions::check(&services, &action.draft).await?;
    }
    let mut tx = admitted.begin(&services).await?;
    // The transaction holds the only writer, so nobody makes another one meanwhile.
    let one = Page::Offset { offset: 0, limit: 1 };
    let total = services.store.actions(&ActionFilter::default(), &one).await?.total;
    if total.is_some_and(|total| total >= ACTIONS_MAX as u64) {
        return Err(too_many().into());
    }
    tx.insert_action(&action).await?;
    if new.deploy {
        let draft = action.draft.clone();
        versions::deploy(&services, &mut tx, &mut action, draft, now).await?;
    }
    services.commit(tx).await?;
    Ok(reply(StatusCode::CREATED, shown(&services, &action).await?))
}

fn too_many() -> Failure {
    // Compat(auth0): its words for every kind of thing.
    let message = "You reached the limit of entities of this type for this tenant.";
    Failure::forbidden("too_many_entities", message)
}

pub(super) async fn get_action(
    State(services): Shared,
    _admitted: Admitted<ReadActions>,
    Place(id): Place<String>,
    uri: Uri,
) -> Result<Response, ManagementFailure> {
    Query::read(&uri, &[])?;
    let action = services.store.action(&action_id(&id)?).await?;
    let action = action.ok_or_else(|| not_found("action"))?;
    Ok(reply(StatusCode::OK, shown(&services, &action).await?))
}

pub(super) async fn update_action(
    State(services): Shared,
    admitted: Admitted<UpdateActions>,
    Place(id): Place<String>,
    body: RawBody,
) -> Result<Response, ManagementFailure> {
    let fields = Fields(body.object()?);
    let mut tx = admitted.begin(&services).await?;
    let mut action = load(&mut tx, &id).await?;
    wire::update(fields, &services, &mut action, admitted.now)?;
    action.check()?;
    action.version = tx.update_action(&action).await?;
    services.commit(tx).await?;
    Ok(reply(StatusCode::OK, shown(&services, &action).await?))
}

pub(super) async fn delete_action(
    State(services): Shared,
    admitted: Admitted<DeleteActions>,
    Place(id): Place<String>,
    uri: Uri,
) -> Result<Response, ManagementFailure> {
    let force = Query::read(&uri, &["force"])?.flag("force")?.unwrap_or(false);
    let mut tx = admitted.begin(&services).await?;
    let action = load(&mut tx, &id).await?;
    if let Some(mut bound) = tx.bindings(CREDENTIALS_EXCHANGE).await? {
        let before = bound.list.len();
        bound.list.retain(|binding| binding.action != action.id);
        if bound.list.len() != before {
            if !force {
                let message = "The action is bound to a trigger: unbind it, or send `force=true`";
                return Err(Failure::bad_request("action_bound", message).into());
            }
            bound.updated_at = admitted.now;
            tx.update_bindings(&bound).await?;
        }
    }
    tx.delete_action(&action.id).await?;
    services.commit(tx).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// An Action with the version of it that is deployed.
async fn shown(
    services: &Services,
    action: &Action,
) -> Result<Map<String, Value>, ManagementFailure> {
    let deployed = match &action.deployed {
        Some(id) => services.store.action_version(id).await?,
        None => None,
    };
    Ok(wire::action(action, deployed.as_ref()))
}

async fn load(tx: &mut Tx, id: &str) -> Result<Action, ManagementFailure> {
    Ok(tx.action(&action_id(id)?).await?.ok_or_else(|| not_found("action"))?)
}

fn action_id(text: &str) -> Result<ActionId, Failure> {
    ActionId::parse(text).map_err(|_| not_found("action"))
}

/// A moment as Auth0 writes it (RFC 3339).
fn moment(at: Timestamp) -> Value {
    json!(crate::v1::Time(at))
}
