//! `/api/v2/tenants/settings`: the settings of the whole installation.

mod wire;

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use keyward_core::tenant::{Tenant, TenantId};

use crate::management::fields::Fields;
use crate::management::query::Query;
use crate::management::scopes::{ReadTenantSettings, UpdateTenantSettings};
use crate::management::{Admitted, ManagementFailure, RawBody, reply};
use crate::services::Services;

type Shared = State<Arc<Services>>;

pub(super) async fn get_tenant_settings(
    State(services): Shared,
    admitted: Admitted<ReadTenantSettings>,
    uri: Uri,
) -> Result<Response, ManagementFailure> {
    let projection = Query::read(&uri, &["fields", "include_fields"])?.projection()?;
    let tenant = services.store.tenant().await?.unwrap_or_else(|| Tenant::new(admitted.now));
    Ok(reply(StatusCode::OK, projection.apply(wire::tenant(&services, &tenant))))
}

pub(super) async fn update_tenant_settings(
    State(services): Shared,
    admitted: Admitted<UpdateTenantSettings>,
    body: RawBody,
) -> Result<Response, ManagementFailure> {
    let fields = Fields(body.object()?);
    let now = admitted.now;
    let mut tx = admitted.begin(&services).await?;
    let stored = tx.tenant(&TenantId).await?;
    let is_new = stored.is_none();
    let mut tenant = stored.unwrap_or_else(|| Tenant::new(now));
    let patch = wire::patch(fields, &tenant.kept_fields)?;
    tenant.apply(patch, now)?;
    if is_new {
        tx.insert_tenant(&tenant).await?;
    } else {
        tenant.version = tx.update_tenant(&tenant).await?;
    }
    services.commit(tx).await?;
    Ok(reply(StatusCode::OK, wire::tenant(&services, &tenant)))
}
