//! The settings of the whole installation.

use keyward_core::tenant::{ResourceParameter, Tenant, TenantId};
use serde::{Deserialize, Serialize};

use super::{Body, Fault, QuotaBody, kept_fields, moment, word, written};

/// The tenant.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantBody {
    pub(crate) id: String,
    #[serde(deserialize_with = "written")]
    pub(crate) default_audience: Option<String>,
    pub(crate) resource_parameter: String,
    #[serde(deserialize_with = "written")]
    pub(crate) client_quota: Option<QuotaBody>,
    #[serde(deserialize_with = "written")]
    pub(crate) account_quota: Option<QuotaBody>,
    pub(crate) kept_fields: String,
    pub(crate) version: u64,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

impl Body for TenantBody {
    type Of = Tenant;

    fn of(tenant: &Tenant) -> Self {
        Self {
            id: tenant.id.to_string(),
            default_audience: tenant.default_audience.clone(),
            resource_parameter: tenant.resource_parameter.name().to_owned(),
            client_quota: tenant.client_quota.as_ref().map(QuotaBody::of),
            account_quota: tenant.account_quota.as_ref().map(QuotaBody::of),
            kept_fields: tenant.kept_fields.clone(),
            version: tenant.version,
            created_at: tenant.created_at.millis(),
            updated_at: tenant.updated_at.millis(),
        }
    }

    fn read(self) -> Result<Tenant, Fault> {
        let parameter = self.resource_parameter.as_str();
        let parameter = word("resource_parameter", parameter, ResourceParameter::parse)?;
        Ok(Tenant {
            id: word("id", &self.id, TenantId::parse)?,
            default_audience: self.default_audience,
            resource_parameter: parameter,
            client_quota: self.client_quota.as_ref().map(QuotaBody::read),
            account_quota: self.account_quota.as_ref().map(QuotaBody::read),
            kept_fields: kept_fields(self.kept_fields)?,
            version: self.version,
            created_at: moment(self.created_at),
            updated_at: moment(self.updated_at),
        })
    }
}
