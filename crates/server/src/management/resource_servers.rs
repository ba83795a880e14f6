//! `/api/v2/resource-servers`: the APIs.

mod wire;

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use keyward_core::api::Api;
use keyward_core::id::ApiId;
use keyward_store::{ApiFilter, PageOf};

use crate::failure::Failure;
use crate::management::fields::{Fields, missing};
use crate::management::query::Query;
use crate::management::scopes::{
    CreateResourceServers, DeleteResourceServers, ReadResourceServers, UpdateResourceServers,
};
use crate::management::{Admitted, ManagementFailure, Place, RawBody, not_found, reply};
use crate::services::Services;

type Shared = State<Arc<Services>>;

const LIST_PARAMETERS: &[&str] =
    &["identifiers", "fields", "include_fields", "page", "per_page", "include_totals"];

pub(super) async fn list_resource_servers(
    State(services): Shared,
    _admitted: Admitted<ReadResourceServers>,
    uri: Uri,
) -> Result<Response, ManagementFailure> {
    let query = Query::read(&uri, LIST_PARAMETERS)?;
    let (paging, projection) = (query.paging()?, query.projection()?);
    let identifiers = Some(query.whole("identifiers")).filter(|wanted| !wanted.is_empty());
    let part = services.store.apis(&ApiFilter { identifiers }, &paging.page()).await?;
    let items = part.items.iter().map(|api| projection.apply(wire::api(api))).collect();
    let part = PageOf { items, total: part.total, next: part.next };
    Ok(reply(StatusCode::OK, paging.wrap("resource_servers", part)))
}

pub(super) async fn create_resource_server(
    State(services): Shared,
    admitted: Admitted<CreateResourceServers>,
    body: RawBody,
) -> Result<Response, ManagementFailure> {
    let mut fields = Fields(body.object()?);
    let identifier = fields.text("identifier")?.ok_or_else(|| missing("identifier"))?;
    let patch = wire::patch(fields, "{}")?;
    let name: String = identifier.chars().take(keyward_core::api::patch::NAME_CHARS_MAX).collect();
    let mut api = Api::new(services.new_api_id()?, &identifier, &name, admitted.now);
    api.apply(patch, admitted.now)?;
    let mut tx = admitted.begin(&services).await?;
    tx.insert_api(&api).await?;
    services.commit(tx).await?;
    Ok(reply(StatusCode::CREATED, wire::api(&api)))
}

pub(super) async fn get_resource_server(
    State(services): Shared,
    _admitted: Admitted<ReadResourceServers>,
    Place(place): Place<String>,
    uri: Uri,
) -> Result<Response, ManagementFailure> {
    let projection = Query::read(&uri, &["fields", "include_fields"])?.projection()?;
    let api = find(&services, &place).await?.ok_or_else(|| not_found("api"))?;
    Ok(reply(StatusCode::OK, projection.apply(wire::api(&api))))
}

pub(super) async fn update_resource_server(
    State(services): Shared,
    admitted: Admitted<UpdateResourceServers>,
    Place(place): Place<String>,
    body: RawBody,
) -> Result<Response, ManagementFailure> {
    let fields = Fields(body.object()?);
    let id = find(&services, &place).await?.ok_or_else(|| not_found("api"))?.id;
    let mut tx = admitted.begin(&services).await?;
    let mut api = tx.api(&id).await?.ok_or_else(|| not_found("api"))?;
    check_not_system(&api, "changed")?;
    let patch = wire::patch(fields, &api.kept_fields)?;
    api.apply(patch, admitted.now)?;
    api.version = tx.update_api(&api).await?;
    services.commit(tx).await?;
    Ok(reply(StatusCode::OK, wire::api(&api)))
}

pub(super) async fn delete_resource_server(
    State(services): Shared,
    admitted: Admitted<DeleteResourceServers>,
    Place(place): Place<String>,
) -> Result<Response, ManagementFailure> {
    // Compat(auth0): whatever is not there is deleted.
    if let Some(api) = find(&services, &place).await? {
        check_not_system(&api, "deleted")?;
        let mut tx = admitted.begin(&services).await?;
        if tx.delete_api(&api.id).await? {
            services.commit(tx).await?;
        } else {
            tx.rollback().await;
        }
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// An API by its id or its identifier.
async fn find(services: &Services, place: &str) -> Result<Option<Api>, ManagementFailure> {
    if let Ok(id) = ApiId::parse(place)
        && let Some(api) = services.store.api(&id).await?
    {
        return Ok(Some(api));
    }
    Ok(services.store.api_by_identifier(place).await?)
}

/// Keyward's own API is what callers of this one hold tokens for.
fn check_not_system(api: &Api, what: &str) -> Result<(), Failure> {
    if api.is_system {
        let message = format!("The {} is a system API and cannot be {what}", api.name);
        return Err(Failure::bad_request("operation_not_supported", message));
    }
    Ok(())
}
