//! The table of the one tenant.

use keyward_core::policy::Change;
use keyward_core::tenant::Tenant;
use keyward_core::time::Timestamp;

use super::{Entity, signed};
use crate::cells::Cells;
use crate::dialect::Query;
use crate::encode::{TenantBody, optional_json};
use crate::error::StoreError;

impl Entity for Tenant {
    type Body = TenantBody;

    const KIND: &'static str = "tenant";

    common!(
        "tenants",
        "id, default_audience, resource_parameter, client_quota, account_quota, kept_fields, \
         version, created_at, updated_at",
        extra "",
        "$1, $2, $3, $4, $5, $6, $7, $8, $9",
        then "$10"
    );

    fn read_body(cells: &mut Cells<'_>) -> Result<TenantBody, StoreError> {
        Ok(TenantBody {
            id: cells.text("id")?,
            default_audience: cells.optional_text("default_audience")?,
            resource_parameter: cells.text("resource_parameter")?,
            client_quota: cells.optional_json("client_quota")?,
            account_quota: cells.optional_json("account_quota")?,
            kept_fields: cells.text("kept_fields")?,
            version: cells.number("version")?,
            created_at: cells.integer("created_at")?,
            updated_at: cells.integer("updated_at")?,
        })
    }

    fn bind<'q>(body: &TenantBody, query: Query<'q>) -> Result<Query<'q>, serde_json::Error> {
        Ok(query
            .bind(body.id.clone())
            .bind(body.default_audience.clone())
            .bind(body.resource_parameter.clone())
            .bind(optional_json(&body.client_quota)?)
            .bind(optional_json(&body.account_quota)?)
            .bind(body.kept_fields.clone())
            .bind(signed(body.version))
            .bind(body.created_at)
            .bind(body.updated_at))
    }

    fn change(self) -> Change {
        Change::Tenant(Box::new(self))
    }
}
