//! Client grants.

use keyward_core::client::ClientGrant;
use keyward_core::id::{ApiId, ClientId, GrantId};
use keyward_core::organization::{GrantOrganizations, OrganizationUsage};
use serde::{Deserialize, Serialize};

use super::{Body, Fault, id, kept_fields, moment, word, written};

/// A client grant.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GrantBody {
    pub(crate) id: String,
    pub(crate) client_id: String,
    pub(crate) api_id: String,
    pub(crate) scopes: Vec<String>,
    #[serde(deserialize_with = "written")]
    pub(crate) organization_usage: Option<String>,
    pub(crate) any_organization: bool,
    pub(crate) kept_fields: String,
    pub(crate) version: u64,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

impl Body for GrantBody {
    type Of = ClientGrant;

    fn of(grant: &ClientGrant) -> Self {
        Self {
            id: grant.id.to_string(),
            client_id: grant.client.to_string(),
            api_id: grant.api.to_string(),
            scopes: grant.scopes.clone(),
            organization_usage: grant.organizations.usage.map(|word| word.name().to_owned()),
            any_organization: grant.organizations.any,
            kept_fields: grant.kept_fields.clone(),
            version: grant.version,
            created_at: grant.created_at.millis(),
            updated_at: grant.updated_at.millis(),
        }
    }

    fn read(self) -> Result<ClientGrant, Fault> {
        let usage = self.organization_usage.as_deref();
        let usage = usage.map(|text| word("organization_usage", text, OrganizationUsage::parse));
        Ok(ClientGrant {
            id: id("id", &self.id, GrantId::parse)?,
            client: id("client_id", &self.client_id, ClientId::parse)?,
            api: id("api_id", &self.api_id, ApiId::parse)?,
            scopes: self.scopes,
            organizations: GrantOrganizations {
                usage: usage.transpose()?,
                any: self.any_organization,
            },
            kept_fields: kept_fields(self.kept_fields)?,
            version: self.version,
            created_at: moment(self.created_at),
            updated_at: moment(self.updated_at),
        })
    }
}
