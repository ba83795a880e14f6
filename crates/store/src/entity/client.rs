//! The table of clients.

use keyward_core::client::Client;
use keyward_core::policy::Change;
use keyward_core::time::Timestamp;

use super::{Entity, Reference, list_cells, signed};
use crate::cells::Cells;
use crate::dialect::Query;
use crate::encode::{ClientBody, json, optional_json};
use crate::error::StoreError;

impl Entity for Client {
    type Body = ClientBody;

    const KIND: &'static str = "client";

    common!(
        "clients",
        "id, account_id, name, description, environment, state, secrets, allowlist_mode, \
         allowlist_entries, grant_types, app_type, token_endpoint_auth_method, credentials, \
         authentication, require_proof_of_possession, metadata, tokens_not_before, token_quota, \
         default_organization, kept_fields, version, created_at, updated_at",
        extra ", search_text",
        "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, \
         $20, $21, $22, $23, $24",
        then "$25"
    );

    fn read_body(cells: &mut Cells<'_>) -> Result<ClientBody, StoreError> {
        let (id, account_id) = (cells.text("id")?, cells.optional_text("account_id")?);
        let (name, description) = (cells.text("name")?, cells.optional_text("description")?);
        let (environment, state) = (cells.text("environment")?, cells.text("state")?);
        let secrets = cells.json("secrets")?;
        let (allowlist_mode, allowlist_entries) = list_cells(cells)?;
        Ok(ClientBody {
            id,
            account_id,
            name,
            description,
            environment,
            state,
            secrets,
            allowlist_mode,
            allowlist_entries,
            grant_types: cells.json("grant_types")?,
            app_type: cells.optional_text("app_type")?,
            token_endpoint_auth_method: cells.optional_text("token_endpoint_auth_method")?,
            credentials: cells.json("credentials")?,
            authentication: cells.optional_json("authentication")?,
            require_proof_of_possession: cells.optional_truth("require_proof_of_possession")?,
            metadata: cells.json("metadata")?,
            tokens_not_before: cells.optional_integer("tokens_not_before")?,
            token_quota: cells.optional_json("token_quota")?,
            default_organization: cells.optional_json("default_organization")?,
            kept_fields: cells.text("kept_fields")?,
            version: cells.number("version")?,
            created_at: cells.integer("created_at")?,
            updated_at: cells.integer("updated_at")?,
        })
    }

    fn bind<'q>(body: &ClientBody, query: Query<'q>) -> Result<Query<'q>, serde_json::Error> {
        Ok(query
            .bind(body.id.clone())
            .bind(body.account_id.clone())
            .bind(body.name.clone())
            .bind(body.description.clone())
            .bind(body.environment.clone())
            .bind(body.state.clone())
            .bind(json(&body.secrets)?)
            .bind(body.allowlist_mode.clone())
            .bind(json(&body.allowlist_entries)?)
            .bind(json(&body.grant_types)?)
            .bind(body.app_type.clone())
            .bind(body.token_endpoint_auth_method.clone())
            .bind(json(&body.credentials)?)
            .bind(body.authentication.as_ref().map(json).transpose()?)
            .bind(body.require_proof_of_possession.map(i64::from))
            .bind(json(&body.metadata)?)
            .bind(body.tokens_not_before)
            .bind(optional_json(&body.token_quota)?)
            .bind(optional_json(&body.default_organization)?)
            .bind(body.kept_fields.clone())
            .bind(signed(body.version))
            .bind(body.created_at)
            .bind(body.updated_at)
            .bind(search_text(body)))
    }

    fn change(self) -> Change {
        Change::Client(Box::new(self))
    }

    fn references(&self) -> Vec<Reference> {
        let sql = "SELECT COUNT(*) FROM accounts WHERE id = $1";
        let owner = self.account.iter().map(|id| ("account", id));
        let default = self.default_organization.iter().map(|one| ("organization", &one.account));
        let named = owner.chain(default);
        named.map(|(kind, id)| Reference { kind, id: id.to_string(), sql }).collect()
    }
}

/// What a search looks in.
fn search_text(body: &ClientBody) -> String {
    format!("{}\n{}", body.name, body.id).to_lowercase()
}
