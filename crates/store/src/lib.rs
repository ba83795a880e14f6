//! Keyward's store: migrations, policy transactions and the audit chain, on SQLite.
//!
//! Reads come from [`Store`], writes go through a [`Tx`]:
//!
//! ```
//! # async fn example(actor: &keyward_core::actor::Actor) -> Result<(), keyward_store::StoreError> {
//! use keyward_core::{client::Client, id::ClientId, time::Timestamp};
//! use keyward_store::Store;
//!
//! let store = Store::open("sqlite:/var/lib/keyward/keyward.db").await?;
//! let now = Timestamp::from_seconds(1_800_000_000);
//! let mut tx = store.begin(actor, "req_1", now).await?;
//! tx.insert_client(&Client::new(ClientId::from_random([7; 16]), "billing", now)).await?;
//! let committed = tx.commit().await?;
//! assert_eq!(store.snapshot().await?.revision, committed.revision);
//! # Ok(())
//! # }
//! ```
//!
//! Invariants: SQL exists in this crate alone; every commit writes the change, its audit row and
//! its number together; numbers have no gap; a stored value that cannot be what was written is an
//! error that names its place, never a default.

mod audit;
mod cells;
mod changes;
mod counts;
mod dialect;
mod encode;
mod entity;
mod error;
mod executions;
mod hex;
mod keys;
mod lock;
mod log_streams;
mod logs;
mod model;
mod page;
mod read;
mod store;
mod tx;

pub use error::{Conflict, Place, StoreError};
pub use executions::StoredExecution;
pub use log_streams::{LogStream, LogStreamProgress};
pub use logs::{
    LogCondition, LogEvent, LogField, LogOrder, LogPart, LogRow, LogSearch, LogTest, LogsAfter,
};
pub use model::{
    AuditRow, AuditVerdict, BadAuditRow, ChangeRow, Committed, KeyStatus, SealedKey, SealedKeyKind,
    Snapshot,
};
pub use page::{ActionFilter, ApiFilter, AuditFilter, ClientFilter, GrantFilter, Page, PageOf};
pub use store::Store;
pub use tx::Tx;
