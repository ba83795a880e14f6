//! Clients.

use keyward_core::client::{Client, State};
use keyward_core::id::{AccountId, ClientId};
use keyward_core::secret::Environment;
use serde::{Deserialize, Serialize};

use super::{
    AuthenticationBody, Body, CredentialBody, EntryBody, Fault, Metadata, OrganizationBody,
    QuotaBody, SecretBody, allowlist, entries, id, kept_fields, moment, word, written,
};

/// A client.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientBody {
    pub(crate) id: String,
    #[serde(deserialize_with = "written")]
    pub(crate) account_id: Option<String>,
    pub(crate) name: String,
    #[serde(deserialize_with = "written")]
    pub(crate) description: Option<String>,
    pub(crate) environment: String,
    pub(crate) state: String,
    pub(crate) secrets: Vec<SecretBody>,
    pub(crate) allowlist_mode: String,
    pub(crate) allowlist_entries: Vec<EntryBody>,
    pub(crate) grant_types: Vec<String>,
    #[serde(deserialize_with = "written")]
    pub(crate) app_type: Option<String>,
    #[serde(deserialize_with = "written")]
    pub(crate) token_endpoint_auth_method: Option<String>,
    pub(crate) credentials: Vec<CredentialBody>,
    #[serde(deserialize_with = "written")]
    pub(crate) authentication: Option<AuthenticationBody>,
    #[serde(deserialize_with = "written")]
    pub(crate) require_proof_of_possession: Option<bool>,
    pub(crate) metadata: Metadata,
    #[serde(deserialize_with = "written")]
    pub(crate) tokens_not_before: Option<i64>,
    #[serde(deserialize_with = "written")]
    pub(crate) token_quota: Option<QuotaBody>,
    #[serde(deserialize_with = "written")]
    pub(crate) default_organization: Option<OrganizationBody>,
    pub(crate) kept_fields: String,
    pub(crate) version: u64,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

impl Body for ClientBody {
    type Of = Client;

    fn of(client: &Client) -> Self {
        Self {
            id: client.id.to_string(),
            account_id: client.account.as_ref().map(ToString::to_string),
            name: client.name.clone(),
            description: client.description.clone(),
            environment: client.environment.to_string(),
            state: client.state.name().to_owned(),
            secrets: client.secrets.iter().map(SecretBody::of).collect(),
            allowlist_mode: client.allowlist.mode.name().to_owned(),
            allowlist_entries: entries(&client.allowlist),
            grant_types: client.grant_types.clone(),
            app_type: client.app_type.clone(),
            token_endpoint_auth_method: client.token_endpoint_auth_method.clone(),
            credentials: client.credentials.iter().map(CredentialBody::of).collect(),
            authentication: client.authentication.as_ref().map(AuthenticationBody::of),
            require_proof_of_possession: client.require_proof_of_possession,
            metadata: client.metadata.clone(),
            tokens_not_before: client.tokens_not_before.map(|moment| moment.millis()),
            token_quota: client.token_quota.as_ref().map(QuotaBody::of),
            default_organization: client.default_organization.as_ref().map(OrganizationBody::of),
            kept_fields: client.kept_fields.clone(),
            version: client.version,
            created_at: client.created_at.millis(),
            updated_at: client.updated_at.millis(),
        }
    }

    fn read(self) -> Result<Client, Fault> {
        Ok(Client {
            id: id("id", &self.id, ClientId::parse)?,
            account: self
                .account_id
                .as_deref()
                .map(|text| id("account_id", text, AccountId::parse))
                .transpose()?,
            name: self.name,
            description: self.description,
            environment: word("environment", &self.environment, Environment::parse)?,
            state: word("state", &self.state, State::parse)?,
            secrets: self
                .secrets
                .into_iter()
                .map(|secret| secret.read("secrets"))
                .collect::<Result<_, _>>()?,
            allowlist: allowlist(&self.allowlist_mode, self.allowlist_entries)?,
            grant_types: self.grant_types,
            app_type: self.app_type,
            token_endpoint_auth_method: self.token_endpoint_auth_method,
            credentials: self
                .credentials
                .into_iter()
                .map(CredentialBody::read)
                .collect::<Result<_, _>>()?,
            authentication: self.authentication.map(AuthenticationBody::read).transpose()?,
            require_proof_of_possession: self.require_proof_of_possession,
            metadata: self.metadata,
            tokens_not_before: self.tokens_not_before.map(moment),
            token_quota: self.token_quota.as_ref().map(QuotaBody::read),
            default_organization: self
                .default_organization
                .map(OrganizationBody::read)
                .transpose()?,
            kept_fields: kept_fields(self.kept_fields)?,
            version: self.version,
            created_at: moment(self.created_at),
            updated_at: moment(self.updated_at),
        })
    }
}
