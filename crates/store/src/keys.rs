//! The encrypted keys, read.

use keyward_core::time::Timestamp;
use sqlx::query;

use crate::cells::Cells;
use crate::dialect::Connection;
use crate::error::StoreError;
use crate::model::{KeyStatus, SealedKey, SealedKeyKind};
use crate::store::{Inner, Store};

/// The columns of a key, in the order in which [`sealed_key`] reads them.
macro_rules! select_keys {
    () => {
        "SELECT id, kind, algorithm, status, sealed, created_at, status_since, certificate, \
         current_since, current_until, revoked_at FROM sealed_keys"
    };
}
pub(crate) use select_keys;

impl Store {
    /// The encrypted keys of the server: signing keys, then peppers, each oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] and [`StoreError::Corrupt`], as all reads.
    pub async fn sealed_keys(&self) -> Result<Vec<SealedKey>, StoreError> {
        let mut reader = self.inner.reader().await?;
        self.inner.sealed_keys(&mut reader).await
    }
}

impl Inner {
    pub(crate) async fn sealed_keys(
        &self,
        connection: &mut Connection,
    ) -> Result<Vec<SealedKey>, StoreError> {
        let sql = concat!(select_keys!(), " ORDER BY kind DESC, created_at, id");
        let rows = query(sql).fetch_all(connection).await;
        let rows = rows.map_err(|error| self.fault(&error))?;
        rows.iter().map(|row| sealed_key(Cells::new("sealed_keys", row))).collect()
    }
}

pub(crate) fn sealed_key(mut cells: Cells<'_>) -> Result<SealedKey, StoreError> {
    let id = cells.text("id")?;
    let kind = cells.text("kind")?;
    let kind = SealedKeyKind::parse(&kind)
        .ok_or_else(|| cells.corrupt("kind", "holds a word that is not known"))?;
    let algorithm = cells.optional_text("algorithm")?;
    let status = cells.text("status")?;
    let status = KeyStatus::parse(&status)
        .ok_or_else(|| cells.corrupt("status", "holds a word that is not known"))?;
    let sealed = cells.bytes("sealed")?;
    let created_at = Timestamp::from_millis(cells.integer("created_at")?);
    let status_since = Timestamp::from_millis(cells.integer("status_since")?);
    let certificate = cells.optional_bytes("certificate")?;
    let mut moment =
        |column| cells.optional_integer(column).map(|at| at.map(Timestamp::from_millis));
    Ok(SealedKey {
        kind,
        id,
        algorithm,
        status,
        sealed,
        created_at,
        status_since,
        certificate,
        current_since: moment("current_since")?,
        current_until: moment("current_until")?,
        revoked_at: moment("revoked_at")?,
    })
}
