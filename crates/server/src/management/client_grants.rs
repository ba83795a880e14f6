//! `/api/v2/client-grants`: which client may get tokens for which API.

mod wire;

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use keyward_core::client::ClientGrant;
use keyward_core::id::{ClientId, GrantId};
use keyward_store::{GrantFilter, PageOf};

use crate::failure::Failure;
use crate::management::client_grants::wire::Audiences;
use crate::management::fields::Fields;
use crate::management::query::Query;
use crate::management::scopes::{
    CreateClientGrants, DeleteClientGrants, ReadClientGrants, UpdateClientGrants,
};
use crate::management::{Admitted, ManagementFailure, Place, RawBody, not_found, reply};
use crate::services::Services;

type Shared = State<Arc<Services>>;

const LIST_PARAMETERS: &[&str] = &[
    "per_page",
    "page",
    "include_totals",
    "from",
    "take",
    "audience",
    "client_id",
    "allow_any_organization",
    "subject_type",
    "default_for",
];

pub(super) async fn list_client_grants(
    State(services): Shared,
    _admitted: Admitted<ReadClientGrants>,
    uri: Uri,
) -> Result<Response, ManagementFailure> {
    let query = Query::read(&uri, LIST_PARAMETERS)?;
    let paging = query.paging()?;
    let part = match filter(&services, &query).await? {
        Some(filter) => services.store.grants(&filter, &paging.page()).await?,
        None => PageOf { items: Vec::new(), total: Some(0), next: None },
    };
    let mut audiences = Audiences::default();
    let mut items = Vec::with_capacity(part.items.len());
    for grant in &part.items {
        items.push(wire::grant(grant, audiences.of(&services.store, &grant.api).await?));
    }
    let part = PageOf { items, total: part.total, next: part.next };
    Ok(reply(StatusCode::OK, paging.wrap("client_grants", part)))
}

/// What the store is asked for; `None` when nothing can fit.
async fn filter(
    services: &Services,
    query: &Query,
) -> Result<Option<GrantFilter>, ManagementFailure> {
    // Every grant here is for machines and for one client.
    let machines = query.one("subject_type")?.is_none_or(|kind| kind == "client");
    if !machines || query.one("default_for")?.is_some() {
        return Ok(None);
    }
    let any_organization = query.flag("allow_any_organization")?;
    let mut filter = GrantFilter { any_organization, ..GrantFilter::default() };
    if let Some(text) = query.one("client_id")? {
        let Ok(client) = ClientId::parse(text) else { return Ok(None) };
        filter.client = Some(client);
    }
    if let Some(audience) = query.one("audience")? {
        let Some(api) = services.store.api_by_identifier(audience).await? else {
            return Ok(None);
        };
        filter.api = Some(api.id);
    }
    Ok(Some(filter))
}

pub(super) async fn create_client_grant(
    State(services): Shared,
    admitted: Admitted<CreateClientGrants>,
    body: RawBody,
) -> Result<Response, ManagementFailure> {
    let new = wire::creation(Fields(body.object()?))?;
    let client = ClientId::parse(&new.client).map_err(|_| not_found("client"))?;
    let api = services.store.api_by_identifier(&new.audience).await?;
    let api = api.ok_or_else(|| not_found("api"))?;
    let mut tx = admitted.begin(&services).await?;
    tx.client(&client).await?.ok_or_else(|| not_found("client"))?;
    let grant = ClientGrant {
        id: services.new_grant_id()?,
        client,
        api: api.id,
        scopes: new.scopes,
        organizations: new.organizations,
        kept_fields: new.kept_fields,
        version: 1,
        created_at: admitted.now,
        updated_at: admitted.now,
    };
    grant.check()?;
    tx.insert_grant(&grant).await?;
    services.commit(tx).await?;
    Ok(reply(StatusCode::CREATED, wire::grant(&grant, &api.identifier)))
}

pub(super) async fn get_client_grant(
    State(services): Shared,
    _admitted: Admitted<ReadClientGrants>,
    Place(id): Place<String>,
    uri: Uri,
) -> Result<Response, ManagementFailure> {
    Query::read(&uri, &[])?;
    let grant = services.store.grant(&grant_id(&id)?).await?.ok_or_else(|| not_found("grant"))?;
    let mut audiences = Audiences::default();
    let audience = audiences.of(&services.store, &grant.api).await?;
    Ok(reply(StatusCode::OK, wire::grant(&grant, audience)))
}

pub(super) async fn update_client_grant(
    State(services): Shared,
    admitted: Admitted<UpdateClientGrants>,
    Place(id): Place<String>,
    body: RawBody,
) -> Result<Response, ManagementFailure> {
    let id = grant_id(&id)?;
    let fields = Fields(body.object()?);
    let mut tx = admitted.begin(&services).await?;
    let mut grant = tx.grant(&id).await?.ok_or_else(|| not_found("grant"))?;
    wire::update(fields, &mut grant)?;
    grant.updated_at = admitted.now;
    grant.check()?;
    grant.version = tx.update_grant(&grant).await?;
    services.commit(tx).await?;
    let mut audiences = Audiences::default();
    let audience = audiences.of(&services.store, &grant.api).await?;
    Ok(reply(StatusCode::OK, wire::grant(&grant, audience)))
}

pub(super) async fn delete_client_grant(
    State(services): Shared,
    admitted: Admitted<DeleteClientGrants>,
    Place(id): Place<String>,
) -> Result<Response, ManagementFailure> {
    // Compat(auth0): whatever is not there is deleted; a client takes its grants with it.
    if let Ok(id) = GrantId::parse(&id) {
        let mut tx = admitted.begin(&services).await?;
        if tx.delete_grant(&id).await? {
            services.commit(tx).await?;
        } else {
            tx.rollback().await;
        }
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn grant_id(text: &str) -> Result<GrantId, Failure> {
    GrantId::parse(text).map_err(|_| not_found("grant"))
}
