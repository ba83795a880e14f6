//! The table of APIs.

use keyward_core::api::Api;
use keyward_core::policy::Change;
use keyward_core::time::Timestamp;

use super::{Entity, list_cells, signed};
use crate::cells::Cells;
use crate::dialect::Query;
use crate::encode::{ApiBody, json};
use crate::error::StoreError;

impl Entity for Api {
    type Body = ApiBody;

    const KIND: &'static str = "api";

    common!(
        "apis",
        "id, identifier, name, scopes, signing_algorithm, token_lifetime_s, dialect, \
         permissions_claim, proof_of_possession, allowlist_mode, allowlist_entries, is_system, kept_fields, version, \
         created_at, updated_at",
        extra "",
        "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16",
        then "$17"
    );

    fn read_body(cells: &mut Cells<'_>) -> Result<ApiBody, StoreError> {
        let (id, identifier) = (cells.text("id")?, cells.text("identifier")?);
        let (name, scopes) = (cells.text("name")?, cells.json("scopes")?);
        let signing_algorithm = cells.text("signing_algorithm")?;
        let token_lifetime_s = cells.number("token_lifetime_s")?;
        let dialect = cells.text("dialect")?;
        let permissions_claim = cells.truth("permissions_claim")?;
        let proof_of_possession = cells.optional_json("proof_of_possession")?;
        let (allowlist_mode, allowlist_entries) = list_cells(cells)?;
        Ok(ApiBody {
            id,
            identifier,
            name,
            scopes,
            signing_algorithm,
            token_lifetime_s,
            dialect,
            permissions_claim,
            proof_of_possession,
            allowlist_mode,
            allowlist_entries,
            is_system: cells.truth("is_system")?,
            kept_fields: cells.text("kept_fields")?,
            version: cells.number("version")?,
            created_at: cells.integer("created_at")?,
            updated_at: cells.integer("updated_at")?,
        })
    }

    fn bind<'q>(body: &ApiBody, query: Query<'q>) -> Result<Query<'q>, serde_json::Error> {
        Ok(query
            .bind(body.id.clone())
            .bind(body.identifier.clone())
            .bind(body.name.clone())
            .bind(json(&body.scopes)?)
            .bind(body.signing_algorithm.clone())
            .bind(i64::from(body.token_lifetime_s))
            .bind(body.dialect.clone())
            .bind(i64::from(body.permissions_claim))
            .bind(body.proof_of_possession.as_ref().map(json).transpose()?)
            .bind(body.allowlist_mode.clone())
            .bind(json(&body.allowlist_entries)?)
            .bind(i64::from(body.is_system))
            .bind(body.kept_fields.clone())
            .bind(signed(body.version))
            .bind(body.created_at)
            .bind(body.updated_at))
    }

    fn change(self) -> Change {
        Change::Api(Box::new(self))
    }

    fn unique(&self) -> Option<(&'static str, String)> {
        Some(("identifier", self.identifier.clone()))
    }

    /// That of Keyward's own API follows the issuer, which may move.
    fn changed_for_life(&self, before: &Self) -> Option<&'static str> {
        let has_moved = self.identifier != before.identifier && !before.is_system;
        has_moved.then_some("identifier")
    }
}
