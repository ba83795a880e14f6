//! Keyward's store: migrations, policy transactions and the audit chain, on SQLite.

mod error;
mod model;
mod page;
mod store;
mod tx;

pub use error::{Conflict, Place, StoreError};
pub use model::{
    AuditRow, AuditVerdict, BadAuditRow, ChangeRow, Committed, KeyStatus, SealedKey, SealedKeyKind,
    Snapshot,
};
pub use page::{ApiFilter, AuditFilter, ClientFilter, GrantFilter, Page, PageOf};
pub use store::Store;
pub use tx::Tx;
