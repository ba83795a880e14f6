//! The tables of Actions, of their versions, and of what is bound.

use keyward_core::action::{Action, ActionVersion, Bindings};
use keyward_core::policy::Change;
use keyward_core::time::Timestamp;

use super::{Entity, Reference, signed};
use crate::cells::Cells;
use crate::dialect::Query;
use crate::encode::{ActionBody, ActionVersionBody, BindingsBody, json};
use crate::error::StoreError;

impl Entity for Action {
    type Body = ActionBody;

    const KIND: &'static str = "action";

    common!(
        "actions",
        "id, name, code, dependencies, runtime, secrets, deployed, all_changes_deployed, \
         versions_made, version, created_at, updated_at",
        extra "",
        "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12",
        then "$13"
    );

    fn read_body(cells: &mut Cells<'_>) -> Result<ActionBody, StoreError> {
        Ok(ActionBody {
            id: cells.text("id")?,
            name: cells.text("name")?,
            code: cells.text("code")?,
            dependencies: cells.json("dependencies")?,
            runtime: cells.text("runtime")?,
            secrets: cells.json("secrets")?,
            deployed: cells.optional_text("deployed")?,
            all_changes_deployed: cells.truth("all_changes_deployed")?,
            versions_made: cells.number("versions_made")?,
            version: cells.number("version")?,
            created_at: cells.integer("created_at")?,
            updated_at: cells.integer("updated_at")?,
        })
    }

    fn bind<'q>(body: &ActionBody, query: Query<'q>) -> Result<Query<'q>, serde_json::Error> {
        Ok(query
            .bind(body.id.clone())
            .bind(body.name.clone())
            .bind(body.code.clone())
            .bind(json(&body.dependencies)?)
            .bind(body.runtime.clone())
            .bind(json(&body.secrets)?)
            .bind(body.deployed.clone())
            .bind(i64::from(body.all_changes_deployed))
            .bind(i64::from(body.versions_made))
            .bind(signed(body.version))
            .bind(body.created_at)
            .bind(body.updated_at))
    }

    fn change(self) -> Change {
        Change::Action(Box::new(self))
    }

    fn unique(&self) -> Option<(&'static str, String)> {
        Some(("name", self.name.clone()))
    }
}

impl Entity for ActionVersion {
    type Body = ActionVersionBody;

    const KIND: &'static str = "action_version";

    common!(
        "action_versions",
        "id, action_id, number, code, dependencies, runtime, secrets, version, created_at, \
         updated_at",
        extra "",
        "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10",
        then "$11"
    );

    fn read_body(cells: &mut Cells<'_>) -> Result<ActionVersionBody, StoreError> {
        Ok(ActionVersionBody {
            id: cells.text("id")?,
            action_id: cells.text("action_id")?,
            number: cells.number("number")?,
            code: cells.text("code")?,
            dependencies: cells.json("dependencies")?,
            runtime: cells.text("runtime")?,
            secrets: cells.json("secrets")?,
            version: cells.number("version")?,
            created_at: cells.integer("created_at")?,
            updated_at: cells.integer("updated_at")?,
        })
    }

    fn bind<'q>(
        body: &ActionVersionBody,
        query: Query<'q>,
    ) -> Result<Query<'q>, serde_json::Error> {
        Ok(query
            .bind(body.id.clone())
            .bind(body.action_id.clone())
            .bind(i64::from(body.number))
            .bind(body.code.clone())
            .bind(json(&body.dependencies)?)
            .bind(body.runtime.clone())
            .bind(json(&body.secrets)?)
            .bind(signed(body.version))
            .bind(body.created_at)
            .bind(body.updated_at))
    }

    fn change(self) -> Change {
        Change::ActionVersion(Box::new(self))
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference {
            kind: Action::KIND,
            id: self.action.to_string(),
            sql: "SELECT COUNT(*) FROM actions WHERE id = $1",
        }]
    }
}

impl Entity for Bindings {
    type Body = BindingsBody;

    const KIND: &'static str = "bindings";

    common!(
        "trigger_bindings",
        "id, bindings, version, created_at, updated_at",
        extra "",
        "$1, $2, $3, $4, $5",
        then "$6"
    );

    fn read_body(cells: &mut Cells<'_>) -> Result<BindingsBody, StoreError> {
        Ok(BindingsBody {
            id: cells.text("id")?,
            bindings: cells.json("bindings")?,
            version: cells.number("version")?,
            created_at: cells.integer("created_at")?,
            updated_at: cells.integer("updated_at")?,
        })
    }

    fn bind<'q>(body: &BindingsBody, query: Query<'q>) -> Result<Query<'q>, serde_json::Error> {
        Ok(query
            .bind(body.id.clone())
            .bind(json(&body.bindings)?)
            .bind(signed(body.version))
            .bind(body.created_at)
            .bind(body.updated_at))
    }

    fn change(self) -> Change {
        Change::Bindings(Box::new(self))
    }
}
