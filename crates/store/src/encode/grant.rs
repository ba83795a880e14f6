//! Client grants.

use keyward_core::client::ClientGrant;
use keyward_core::id::{ApiId, ClientId, GrantId};
use serde::{Deserialize, Serialize};

use super::{Body, Fault, id, kept_fields, moment};

/// A client grant.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GrantBody {
    pub(crate) id: String,
    pub(crate) client_id: String,
    pub(crate) api_id: String,
    pub(crate) scopes: Vec<String>,
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
            kept_fields: grant.kept_fields.clone(),
            version: grant.version,
            created_at: grant.created_at.millis(),
            updated_at: grant.updated_at.millis(),
        }
    }

    fn read(self) -> Result<ClientGrant, Fault> {
        Ok(ClientGrant {
            id: id("id", &self.id, GrantId::parse)?,
            client: id("client_id", &self.client_id, ClientId::parse)?,
            api: id("api_id", &self.api_id, ApiId::parse)?,
            scopes: self.scopes,
            kept_fields: kept_fields(self.kept_fields)?,
            version: self.version,
            created_at: moment(self.created_at),
            updated_at: moment(self.updated_at),
        })
    }
}
