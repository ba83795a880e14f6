//! Clients.

use keyward_core::client::{Client, State};
use keyward_core::id::{AccountId, ClientId, SecretId};
use keyward_core::secret::{ClientSecret, Environment, PepperId, SecretHash};
use serde::{Deserialize, Serialize};

use super::{
    Body, EntryBody, Fault, Metadata, allowlist, entries, id, kept_fields, moment, word, written,
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
    pub(crate) metadata: Metadata,
    #[serde(deserialize_with = "written")]
    pub(crate) tokens_not_before: Option<i64>,
    pub(crate) kept_fields: String,
    pub(crate) version: u64,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

/// One secret: its authentication code in hexadecimal, never the secret.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecretBody {
    id: String,
    pepper: u32,
    mac: String,
    created_at: i64,
    #[serde(deserialize_with = "written")]
    expires_at: Option<i64>,
}

impl std::fmt::Debug for SecretBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretBody").field("id", &self.id).finish_non_exhaustive()
    }
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
            metadata: client.metadata.clone(),
            tokens_not_before: client.tokens_not_before.map(|moment| moment.millis()),
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
            secrets: self.secrets.into_iter().map(SecretBody::read).collect::<Result<_, _>>()?,
            allowlist: allowlist(&self.allowlist_mode, self.allowlist_entries)?,
            grant_types: self.grant_types,
            app_type: self.app_type,
            token_endpoint_auth_method: self.token_endpoint_auth_method,
            metadata: self.metadata,
            tokens_not_before: self.tokens_not_before.map(moment),
            kept_fields: kept_fields(self.kept_fields)?,
            version: self.version,
            created_at: moment(self.created_at),
            updated_at: moment(self.updated_at),
        })
    }
}

impl SecretBody {
    fn of(secret: &ClientSecret) -> Self {
        Self {
            id: secret.id.to_string(),
            pepper: secret.hash.pepper.0,
            mac: crate::hex::encode(&secret.hash.mac),
            created_at: secret.created_at.millis(),
            expires_at: secret.expires_at.map(|end| end.millis()),
        }
    }

    fn read(self) -> Result<ClientSecret, Fault> {
        let mac = crate::hex::decode(&self.mac).ok_or_else(|| {
            Fault::new("secrets", "holds a code that is not 64 hexadecimal digits")
        })?;
        Ok(ClientSecret {
            id: id("secrets", &self.id, SecretId::parse)?,
            hash: SecretHash { pepper: PepperId(self.pepper), mac },
            created_at: moment(self.created_at),
            expires_at: self.expires_at.map(moment),
        })
    }
}
