//! What can go wrong, told so that a person knows what to do.

use std::fmt;
use std::path::PathBuf;

/// Why the store did not do what was asked.
///
/// A look-up that finds nothing is no error but `None`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The write does not fit what is stored. Nothing of this call was changed and the transaction
    /// goes on.
    #[error("{what}")]
    Conflict {
        /// What stands in the way.
        what: Conflict,
    },
    /// The value cannot be stored: it could not be read back as it is. Nothing was changed.
    #[error("the {kind} {id} cannot be stored: its field `{field}` {what}")]
    Unstorable {
        /// The kind of thing: `client`, `account`, …
        kind: &'static str,
        /// Its identifier.
        id: String,
        /// The field at fault.
        field: String,
        /// What is wrong with it.
        what: String,
    },
    /// A cursor that was not given out by this list.
    #[error("`{cursor}` is not a cursor of this list, start again without one")]
    Cursor {
        /// The text that was given.
        cursor: String,
    },
    /// Changes that were asked for are forgotten already. Take a snapshot instead.
    #[error("the changes after {revision} are kept from {floor} on; load the whole policy")]
    BelowFloor {
        /// After which change they were asked for.
        revision: u64,
        /// The number of the last forgotten one.
        floor: u64,
    },
    /// The database cannot be used now. Nothing was changed.
    #[error("the store cannot be used now: {0}")]
    Unavailable(String),
    /// An earlier call on this transaction failed half-way, so nothing of it may be committed.
    #[error("an earlier step of this write failed, so none of it was stored")]
    Abandoned,
    /// Another process holds the store.
    #[error(
        "the store {} is in use by {}; stop that process first, one store serves one process",
        .path.display(),
        .holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
    )]
    Locked {
        /// The database file.
        path: PathBuf,
        /// The process that holds it, where it said so.
        holder: Option<u32>,
    },
    /// No space is left. Nothing was changed.
    #[error("the disk of the store is full, nothing was changed; free space and try again")]
    Full,
    /// Something stored cannot be what was written. Nothing is guessed in its place.
    #[error("the store is damaged: {place} {what}")]
    Corrupt {
        /// Where.
        place: Place,
        /// What is wrong there and what to do.
        what: String,
    },
    /// A newer Keyward has written this store.
    #[error(
        "the store {} has schema {found} but this program knows only {known}; \
         start the newer program that wrote it, or restore a backup from before",
        .path.display()
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// The schema of the store.
        found: i64,
        /// The newest schema known here.
        known: i64,
    },
    /// The URL names no database that is supported.
    #[error("`{url}` is no store: {what}")]
    Url {
        /// The URL as given.
        url: String,
        /// What is wrong with it and what is supported.
        what: String,
    },
}

/// What stands in the way of a write. Kinds are words such as `client` or `account`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Conflict {
    /// The thing was changed by somebody else since it was read.
    Changed {
        /// The kind of thing.
        kind: &'static str,
        /// Its identifier.
        id: String,
        /// The version that is stored now.
        version: u64,
    },
    /// The thing does not exist (any more).
    Gone {
        /// The kind of thing.
        kind: &'static str,
        /// Its identifier.
        id: String,
    },
    /// A value that must be unique is taken.
    Taken {
        /// The kind of thing that was to be written.
        kind: &'static str,
        /// The field.
        field: &'static str,
        /// The value.
        value: String,
    },
    /// Other things depend on it.
    InUse {
        /// The kind of thing that was to be deleted.
        kind: &'static str,
        /// Its identifier.
        id: String,
        /// How many things depend on it.
        count: u64,
        /// What depends on it, in the plural.
        by: &'static str,
    },
    /// It names something that does not exist.
    Missing {
        /// The kind of thing that does not exist.
        kind: &'static str,
        /// Its identifier.
        id: String,
    },
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { kind, id, version } => write!(
                f,
                "the {kind} {id} was changed by somebody else (it now has version {version}); \
                 read it again and repeat the edit"
            ),
            Self::Gone { kind, id } => write!(f, "the {kind} {id} does not exist"),
            Self::Taken { kind, field, value } => {
                write!(f, "another {kind} has the {field} `{value}`; choose another")
            }
            Self::InUse { kind, id, count, by } => {
                write!(f, "the {kind} {id} still has {count} {by}; delete or move them first")
            }
            Self::Missing { kind, id } => write!(f, "there is no {kind} {id}"),
        }
    }
}

/// Where damage was found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// The database file as a whole.
    File(PathBuf),
    /// One value.
    Value {
        /// The table.
        table: &'static str,
        /// The column.
        column: String,
        /// The row, by its key.
        row: String,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Value { table, column, row } => {
                write!(f, "table {table}, column {column}, row {row}")
            }
        }
    }
}

impl StoreError {
    pub(crate) fn corrupt(
        table: &'static str,
        column: &str,
        row: impl Into<String>,
        what: impl Into<String>,
    ) -> Self {
        let (column, row) = (column.to_owned(), row.into());
        Self::Corrupt { place: Place::Value { table, column, row }, what: what.into() }
    }
}

impl From<Conflict> for StoreError {
    fn from(what: Conflict) -> Self {
        Self::Conflict { what }
    }
}
