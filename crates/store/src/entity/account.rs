//! The table of accounts.

use keyward_core::api::Account;
use keyward_core::policy::Change;
use keyward_core::time::Timestamp;

use super::{Entity, list_cells, signed};
use crate::cells::Cells;
use crate::dialect::Query;
use crate::encode::{AccountBody, json, optional_json};
use crate::error::StoreError;

impl Entity for Account {
    type Body = AccountBody;

    const KIND: &'static str = "account";

    common!(
        "accounts",
        "id, name, state, allowlist_mode, allowlist_entries, metadata, token_quota, version, \
         created_at, updated_at",
        extra "",
        "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10",
        then "$11"
    );

    fn read_body(cells: &mut Cells<'_>) -> Result<AccountBody, StoreError> {
        let (id, name, state) = (cells.text("id")?, cells.text("name")?, cells.text("state")?);
        let (allowlist_mode, allowlist_entries) = list_cells(cells)?;
        Ok(AccountBody {
            id,
            name,
            state,
            allowlist_mode,
            allowlist_entries,
            metadata: cells.json("metadata")?,
            token_quota: cells.optional_json("token_quota")?,
            version: cells.number("version")?,
            created_at: cells.integer("created_at")?,
            updated_at: cells.integer("updated_at")?,
        })
    }

    fn bind<'q>(body: &AccountBody, query: Query<'q>) -> Result<Query<'q>, serde_json::Error> {
        Ok(query
            .bind(body.id.clone())
            .bind(body.name.clone())
            .bind(body.state.clone())
            .bind(body.allowlist_mode.clone())
            .bind(json(&body.allowlist_entries)?)
            .bind(json(&body.metadata)?)
            .bind(optional_json(&body.token_quota)?)
            .bind(signed(body.version))
            .bind(body.created_at)
            .bind(body.updated_at))
    }

    fn change(self) -> Change {
        Change::Account(Box::new(self))
    }
}
