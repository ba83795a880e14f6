//! Everything that depends on which database it is.
//!
//! The rest of the crate speaks through these types and constants, in one SQL that PostgreSQL takes
//! as well (`$1`, `RETURNING`, `ON CONFLICT DO NOTHING`, row values). Another database is another
//! choice here and in [`Target::parse`], not in any caller.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::pool::PoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection as _, SqlSafeStr, query_scalar};

use crate::error::{Place, StoreError};

pub(crate) type Db = sqlx::Sqlite;
pub(crate) type Connection = sqlx::SqliteConnection;
pub(crate) type Row = sqlx::sqlite::SqliteRow;
pub(crate) type Pool = sqlx::SqlitePool;
pub(crate) type PoolConnection = sqlx::pool::PoolConnection<Db>;
pub(crate) type Query<'q> = sqlx::query::Query<'q, Db, <Db as sqlx::Database>::Arguments>;

/// Takes the write lock at once: a transaction that only discovers at its first write that it must
/// wait can deadlock with another.
pub(crate) const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";
/// Every statement until the end sees the same moment.
pub(crate) const BEGIN_READ: &str = "BEGIN";
pub(crate) const COMMIT: &str = "COMMIT";
pub(crate) const ROLLBACK: &str = "ROLLBACK";

const SCHEME: &str = "sqlite:";
const MAX_PAGES: &str = "?max_pages=";
const SUPPORTED: &str = "write sqlite:/folder/keyward.db";

/// How long a statement waits for another process (such as a backup) that has the file locked.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const READERS_MAX: u32 = 4;
/// Rows that may lie between the database's thread and the reading task.
const ROWS_AHEAD: usize = 256;
/// Bytes that the write-ahead log keeps on the disk after a large write.
const LOG_BYTES_KEPT: &str = "67108864";

/// Which database: a file and its bounds.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) path: PathBuf,
    max_pages: Option<u32>,
}

impl Target {
    /// Reads a URL. The path is taken as it stands, nothing in it is decoded.
    pub(crate) fn parse(url: &str) -> Result<Self, StoreError> {
        let bad =
            |what: &str| StoreError::Url { url: without_password(url), what: what.to_owned() };
        let Some(rest) = url.strip_prefix(SCHEME) else {
            let postgres = url.starts_with("postgres:") || url.starts_with("postgresql:");
            return Err(bad(&if postgres {
                format!("this version stores in SQLite only; {SUPPORTED}")
            } else {
                format!("only the scheme `sqlite` is supported; {SUPPORTED}")
            }));
        };
        let (path, max_pages) = match rest.rsplit_once(MAX_PAGES) {
            None => (rest, None),
            Some((path, number)) => {
                let number = u32::from_str(number).ok().filter(|number| *number > 0);
                (path, Some(number.ok_or_else(|| bad("max_pages must be a number above 0"))?))
            }
        };
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.ends_with('/') || path == ":memory:" {
            return Err(bad(&format!("it must name a file; {SUPPORTED}")));
        }
        Ok(Self { path: PathBuf::from(path), max_pages })
    }

    fn options(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(&self.path)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .row_buffer_size(ROWS_AHEAD)
            .disable_statement_logging()
    }

    /// Opens the one connection that writes.
    pub(crate) async fn connect_writer(&self) -> Result<Connection, StoreError> {
        let mut options = self
            .options()
            .journal_mode(SqliteJournalMode::Wal)
            // An acknowledged write survives a power cut: the log is flushed at each commit.
            .synchronous(SqliteSynchronous::Full)
            .pragma("journal_size_limit", LOG_BYTES_KEPT);
        if let Some(pages) = self.max_pages {
            options = options.pragma("max_page_count", pages.to_string());
        }
        options.connect().await.map_err(|error| self.fault(&error))
    }

    /// Opens the connections that read. They cannot write.
    pub(crate) async fn connect_readers(&self) -> Result<Pool, StoreError> {
        PoolOptions::new()
            .max_connections(READERS_MAX)
            .acquire_timeout(Duration::from_secs(30))
            .idle_timeout(None)
            .max_lifetime(None)
            // A ping before each use costs as much as the read itself and proves nothing of a file.
            .test_before_acquire(false)
            .connect_with(self.options().read_only(true))
            .await
            .map_err(|error| self.fault(&error))
    }

    /// Checks the file and brings its schema up to date. `had_store` says that a store was here
    /// before, so that nothing in its place is damage and no first start.
    pub(crate) async fn prepare(
        &self,
        writer: &mut Connection,
        had_store: bool,
    ) -> Result<(), StoreError> {
        self.check_schema(writer, had_store).await?;
        let migrated = migrator().run_direct(None, &mut *writer, false).await;
        migrated.map_err(|error| self.unmigrated(&error))?;
        // A check of the whole file takes as long as reading its audit log, which grows for ever.
        // These are the tables that every write begins at; reading the policy finds what is wrong
        // with the others before anything is decided by them.
        for sql in ["PRAGMA quick_check('change_head')", "PRAGMA quick_check('audit_head')"] {
            self.check(writer, sql).await?;
        }
        Ok(())
    }

    /// Checks the whole file: every page, every index.
    pub(crate) async fn check_all(&self, reader: &mut Connection) -> Result<(), StoreError> {
        self.check(reader, "PRAGMA integrity_check(1)").await
    }

    async fn check(
        &self,
        connection: &mut Connection,
        sql: &'static str,
    ) -> Result<(), StoreError> {
        let found: String =
            query_scalar(sql).fetch_one(connection).await.map_err(|error| self.fault(&error))?;
        if found == "ok" {
            Ok(())
        } else {
            Err(self.damaged(&format!("failed its check ({found})")))
        }
    }

    fn unmigrated(&self, error: &MigrateError) -> StoreError {
        if let MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) = error {
            return self.fault(error);
        }
        self.damaged(&format!("has a schema this program cannot use ({error})"))
    }

    /// Refuses databases of other programs and of newer versions of this one.
    async fn check_schema(
        &self,
        writer: &mut Connection,
        had_store: bool,
    ) -> Result<(), StoreError> {
        const TABLES: &str = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table'";
        const OURS: &str =
            "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'";
        let mut count = [0_i64; 2];
        for (count, sql) in count.iter_mut().zip([TABLES, OURS]) {
            *count = query_scalar(sql)
                .fetch_one(&mut *writer)
                .await
                .map_err(|error| self.fault(&error))?;
        }
        match count {
            // So looks a file whose write-ahead log was left behind when it was copied.
            [0, _] if had_store => return Err(self.emptied()),
            [0, _] => return Ok(()),
            [_, 0] => {
                let what = "is a database of another program; name another file";
                return Err(self.at_file(what.to_owned()));
            }
            _ => {}
        }
        let found: Option<i64> = query_scalar("SELECT MAX(version) FROM _sqlx_migrations")
            .fetch_one(&mut *writer)
            .await
            .map_err(|error| self.fault(&error))?;
        let known = migrator().iter().map(|migration| migration.version).max().unwrap_or_default();
        match found {
            Some(found) if found > known => {
                Err(StoreError::Newer { path: self.path.clone(), found, known })
            }
            _ => Ok(()),
        }
    }

    /// Tells what a failure of the database means.
    pub(crate) fn fault(&self, error: &sqlx::Error) -> StoreError {
        const BUSY: i32 = 5;
        const LOCKED: i32 = 6;
        const READ_ONLY: i32 = 8;
        const CORRUPT: i32 = 11;
        const FULL: i32 = 13;
        const CANNOT_OPEN: i32 = 14;
        const NOT_A_DATABASE: i32 = 26;
        if let sqlx::Error::Io(io) = error
            && io.kind() == std::io::ErrorKind::StorageFull
        {
            return StoreError::Full;
        }
        let path = self.path.display();
        match primary_code(error) {
            Some(FULL) => StoreError::Full,
            Some(CORRUPT) => self.damaged(&format!("cannot be read ({error})")),
            Some(NOT_A_DATABASE) => self.damaged("is no SQLite database"),
            Some(BUSY | LOCKED) => StoreError::Unavailable(format!(
                "another program has {path} locked; close it and try again"
            )),
            Some(READ_ONLY | CANNOT_OPEN) => StoreError::Unavailable(format!(
                "{path} cannot be written; check that this user may write the file and its folder"
            )),
            _ => StoreError::Unavailable(format!("{path}: {error}")),
        }
    }

    /// The error for a damaged file, with the way out.
    pub(crate) fn damaged(&self, what: &str) -> StoreError {
        self.at_file(format!("{what}; stop, keep a copy of the file and restore a backup"))
    }

    /// The error for a file that holds nothing where a store was.
    pub(crate) fn emptied(&self) -> StoreError {
        self.damaged(&format!(
            "is empty although a store was there, or its file `-wal` is missing (to begin anew, \
             remove {} as well)",
            self.lock_path().display()
        ))
    }

    fn at_file(&self, what: String) -> StoreError {
        StoreError::Corrupt { place: Place::File(self.path.clone()), what }
    }

    /// The file beside the database that says which process holds it.
    pub(crate) fn lock_path(&self) -> PathBuf {
        with_suffix(&self.path, ".lock")
    }
}

/// Closes a connection in order, so that the log is folded into the file.
pub(crate) async fn close(connection: Connection) {
    if let Err(error) = connection.close().await {
        // Nothing is lost: everything acknowledged is in the log, which the next start reads.
        tracing::warn!(%error, "the store did not close in order");
    }
}

fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

fn migrator() -> Migrator {
    let migration = |version, name: &'static str, sql: &'static str| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(vec![
        migration(1, "init", include_str!("../migrations/sqlite/0001_init.sql")),
        migration(2, "gateways", include_str!("../migrations/sqlite/0002_gateways.sql")),
        migration(
            3,
            "client_credentials",
            include_str!("../migrations/sqlite/0003_client_credentials.sql"),
        ),
        migration(
            4,
            "proof_of_possession",
            include_str!("../migrations/sqlite/0004_proof_of_possession.sql"),
        ),
        migration(5, "actions", include_str!("../migrations/sqlite/0005_actions.sql")),
        migration(6, "logs", include_str!("../migrations/sqlite/0006_logs.sql")),
        migration(7, "tenant", include_str!("../migrations/sqlite/0007_tenant.sql")),
        migration(
            8,
            "action_executions",
            include_str!("../migrations/sqlite/0008_action_executions.sql"),
        ),
    ])
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// URLs of database servers hold passwords; errors are logged.
fn without_password(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(start), Some(end)) if start < end => {
            let (head, tail) = (url.get(..start), url.get(end..));
            format!("{}://…{}", head.unwrap_or_default(), tail.unwrap_or_default())
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_file() {
        for (url, path) in [
            ("sqlite:/data/keyward.db", "/data/keyward.db"),
            ("sqlite:///data/keyward.db", "/data/keyward.db"),
            ("sqlite:keyward.db", "keyward.db"),
            ("sqlite:/data/a b%20?.db", "/data/a b%20?.db"),
            ("sqlite:/data/keyward.db?max_pages=10", "/data/keyward.db"),
        ] {
            assert_eq!(Target::parse(url).unwrap().path, PathBuf::from(path), "{url}");
        }
    }

    #[test]
    fn other_urls_are_refused_with_what_is_supported() {
        for url in ["", "keyward.db", "mysql://x/y", "sqlite:", "sqlite::memory:", "sqlite:/data/"]
        {
            let error = Target::parse(url).unwrap_err().to_string();
            assert!(error.contains("sqlite:/folder/keyward.db"), "{error}");
        }
        assert!(Target::parse("sqlite:/a.db?max_pages=0").is_err());
    }

    #[test]
    fn a_password_in_a_url_is_not_repeated() {
        let error = Target::parse("postgres://keyward:s3cret@db/keyward").unwrap_err().to_string();
        assert!(!error.contains("s3cret") && error.contains("SQLite only"), "{error}");
    }
}
