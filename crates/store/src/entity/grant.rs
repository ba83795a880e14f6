//! The table of client grants.

use keyward_core::client::ClientGrant;
use keyward_core::policy::Change;
use keyward_core::time::Timestamp;

use super::{Entity, Reference, signed};
use crate::cells::Cells;
use crate::dialect::Query;
use crate::encode::{GrantBody, json};
use crate::error::StoreError;

impl Entity for ClientGrant {
    type Body = GrantBody;

    const KIND: &'static str = "grant";

    common!(
        "client_grants",
        "id, client_id, api_id, scopes, organization_usage, any_organization, kept_fields, version, \
         created_at, updated_at",
        extra "",
        "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10",
        then "$11"
    );

    fn read_body(cells: &mut Cells<'_>) -> Result<GrantBody, StoreError> {
        Ok(GrantBody {
            id: cells.text("id")?,
            client_id: cells.text("client_id")?,
            api_id: cells.text("api_id")?,
            scopes: cells.json("scopes")?,
            organization_usage: cells.optional_text("organization_usage")?,
            any_organization: cells.truth("any_organization")?,
            kept_fields: cells.text("kept_fields")?,
            version: cells.number("version")?,
            created_at: cells.integer("created_at")?,
            updated_at: cells.integer("updated_at")?,
        })
    }

    fn bind<'q>(body: &GrantBody, query: Query<'q>) -> Result<Query<'q>, serde_json::Error> {
        Ok(query
            .bind(body.id.clone())
            .bind(body.client_id.clone())
            .bind(body.api_id.clone())
            .bind(json(&body.scopes)?)
            .bind(body.organization_usage.clone())
            .bind(i64::from(body.any_organization))
            .bind(body.kept_fields.clone())
            .bind(signed(body.version))
            .bind(body.created_at)
            .bind(body.updated_at))
    }

    fn change(self) -> Change {
        Change::Grant(Box::new(self))
    }

    fn references(&self) -> Vec<Reference> {
        let clients = "SELECT COUNT(*) FROM clients WHERE id = $1";
        let apis = "SELECT COUNT(*) FROM apis WHERE id = $1";
        vec![
            Reference { kind: "client", id: self.client.to_string(), sql: clients },
            Reference { kind: "API", id: self.api.to_string(), sql: apis },
        ]
    }

    fn unique(&self) -> Option<(&'static str, String)> {
        Some(("client and API", format!("{} {}", self.client, self.api)))
    }

    fn changed_for_life(&self, before: &Self) -> Option<&'static str> {
        if self.client != before.client {
            Some("client_id")
        } else {
            (self.api != before.api).then_some("api_id")
        }
    }

    fn refers_to(&self) -> Option<String> {
        Some(format!("{} {}", self.client, self.api))
    }
}
