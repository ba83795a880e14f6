//! The kinds of things that make up the policy, as rows.

/// What every kind of thing writes alike: its statements and the columns that only the store sets.
macro_rules! common {
    ($table:literal, $columns:literal, extra $extra:literal, $values:literal, then $version:literal) => {
        const TABLE: &'static str = $table;
        const SELECT: &'static str = concat!("SELECT ", $columns, " FROM ", $table);
        const SELECT_ONE: &'static str =
            concat!("SELECT ", $columns, " FROM ", $table, " WHERE id = $1");
        const COUNT: &'static str = concat!("SELECT COUNT(*) FROM ", $table);
        const INSERT: &'static str = concat!(
            "INSERT INTO ",
            $table,
            " (",
            $columns,
            $extra,
            ", shard, row_seq) VALUES (",
            $values,
            ", 0, 0) ON CONFLICT DO NOTHING"
        );
        const UPDATE: &'static str = concat!(
            "UPDATE ",
            $table,
            " SET (",
            $columns,
            $extra,
            ") = (",
            $values,
            ") WHERE id = $1 AND version = ",
            $version
        );
        const DELETE: &'static str = concat!("DELETE FROM ", $table, " WHERE id = $1");
        const SET_ROW_SEQ: &'static str =
            concat!("UPDATE ", $table, " SET row_seq = $1 WHERE id = $2");

        fn id_text(&self) -> String {
            self.id.to_string()
        }

        fn version(&self) -> u64 {
            self.version
        }

        fn created_at(&self) -> Timestamp {
            self.created_at
        }

        fn updated_at(&self) -> Timestamp {
            self.updated_at
        }

        fn stamp(&mut self, version: u64, created_at: Timestamp, updated_at: Timestamp) {
            (self.version, self.created_at, self.updated_at) = (version, created_at, updated_at);
        }
    };
}

mod account;
mod action;
mod api;
mod client;
mod gateway;
mod grant;
mod tenant;

use keyward_core::policy::Change;
use keyward_core::time::Timestamp;

use crate::cells::Cells;
use crate::dialect::{Query, Row};
use crate::encode::{Body, EntryBody, json};
use crate::error::StoreError;

/// A thing that an entity names and that must exist.
#[derive(Debug)]
pub(crate) struct Reference {
    pub(crate) kind: &'static str,
    pub(crate) id: String,
    /// Counts it by its id.
    pub(crate) sql: &'static str,
}

/// One kind of thing: its table and its statements. Statements bind the columns in the order in
/// which [`Entity::SELECT`] lists them.
pub(crate) trait Entity: Clone + PartialEq + Send + Sync + Sized {
    type Body: Body<Of = Self>;

    /// The word in the change log and in the audit log.
    const KIND: &'static str;
    const TABLE: &'static str;
    const SELECT: &'static str;
    const SELECT_ONE: &'static str;
    const COUNT: &'static str;
    const INSERT: &'static str;
    /// The last value bound is the version that must be stored.
    const UPDATE: &'static str;
    const DELETE: &'static str;
    const SET_ROW_SEQ: &'static str;

    fn id_text(&self) -> String;
    fn version(&self) -> u64;
    fn created_at(&self) -> Timestamp;
    fn updated_at(&self) -> Timestamp;
    /// Writes what only the store decides.
    fn stamp(&mut self, version: u64, created_at: Timestamp, updated_at: Timestamp);
    fn read_body(cells: &mut Cells<'_>) -> Result<Self::Body, StoreError>;
    fn bind<'q>(body: &Self::Body, query: Query<'q>) -> Result<Query<'q>, serde_json::Error>;
    fn change(self) -> Change;
    /// What must exist for this to be stored.
    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }
    /// What no two may share, besides the id.
    fn unique(&self) -> Option<(&'static str, String)> {
        None
    }
    /// A field that differs although it must stay for life: copies of the policy know the thing by
    /// it, so a change of it could not be told to them.
    fn changed_for_life(&self, _before: &Self) -> Option<&'static str> {
        None
    }
    /// What a row of the change log says it belongs to.
    fn refers_to(&self) -> Option<String> {
        None
    }

    /// Reads a row that was selected by [`Entity::SELECT`].
    fn of_row(row: &Row) -> Result<Self, StoreError> {
        let mut cells = Cells::new(Self::TABLE, row);
        let body = Self::read_body(&mut cells)?;
        body.read().map_err(|fault| cells.fault(&fault))
    }

    /// The stored form, proven to read back as it is.
    fn checked_body(&self) -> Result<(Self::Body, String), StoreError> {
        let unstorable = |field: &str, what: String| StoreError::Unstorable {
            kind: Self::KIND,
            id: self.id_text(),
            field: field.to_owned(),
            what,
        };
        let body = Self::Body::of(self);
        let text = json(&body).map_err(|error| unstorable("(all)", error.to_string()))?;
        let back: Self::Body =
            serde_json::from_str(&text).map_err(|error| unstorable("(all)", error.to_string()))?;
        let back = back.read().map_err(|fault| unstorable(fault.field, fault.what))?;
        if back == *self {
            Ok((body, text))
        } else {
            Err(unstorable("(all)", "does not read back as it was written".to_owned()))
        }
    }
}

/// Mode and entries, as they stand in every table with a list.
fn list_cells(cells: &mut Cells<'_>) -> Result<(String, Vec<EntryBody>), StoreError> {
    Ok((cells.text("allowlist_mode")?, cells.json("allowlist_entries")?))
}

/// Versions are counted up from 1 by the store, one by one.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
