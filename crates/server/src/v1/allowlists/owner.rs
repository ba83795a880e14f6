//! Whose list it is: what the three layers have in common.

use std::future::Future;

use keyward_core::allowlist::Allowlist;
use keyward_core::api::{Account, Api};
use keyward_core::client::Client;
use keyward_core::id::{AccountId, ApiId, ClientId};
use keyward_core::time::Timestamp;
use keyward_store::{Store, StoreError, Tx};

use crate::failure::Failure;
use crate::v1::not_found;

/// Something with an allowlist.
pub(super) trait Owner: Sized + Send + Sync + 'static {
    /// What people call it.
    const KIND: &'static str;
    /// Its identifier.
    type Id: Send + Sync + 'static;

    /// Reads an identifier; one that cannot be read names nothing.
    fn id(text: &str) -> Result<Self::Id, Failure>;

    fn load(
        store: &Store,
        id: &Self::Id,
    ) -> impl Future<Output = Result<Option<Self>, StoreError>> + Send;

    fn load_for_write(
        tx: &mut Tx,
        id: &Self::Id,
    ) -> impl Future<Output = Result<Option<Self>, StoreError>> + Send;

    /// Writes it and gives its new version.
    fn save(&self, tx: &mut Tx) -> impl Future<Output = Result<u64, StoreError>> + Send;

    fn list(&self) -> &Allowlist;

    /// The list, to be changed now.
    fn list_mut(&mut self, now: Timestamp) -> &mut Allowlist;

    fn version(&self) -> u64;
}

macro_rules! owner {
    ($type:ty, $id:ty, $kind:literal, $read:ident, $write:ident) => {
        impl Owner for $type {
            const KIND: &'static str = $kind;
            type Id = $id;

            fn id(text: &str) -> Result<$id, Failure> {
                <$id>::parse(text).map_err(|_| not_found($kind))
            }

            async fn load(store: &Store, id: &$id) -> Result<Option<Self>, StoreError> {
                store.$read(id).await
            }

            async fn load_for_write(tx: &mut Tx, id: &$id) -> Result<Option<Self>, StoreError> {
                tx.$read(id).await
            }

            async fn save(&self, tx: &mut Tx) -> Result<u64, StoreError> {
                tx.$write(self).await
            }

            fn list(&self) -> &Allowlist {
                &self.allowlist
            }

            fn list_mut(&mut self, now: Timestamp) -> &mut Allowlist {
                self.updated_at = now;
                &mut self.allowlist
            }

            fn version(&self) -> u64 {
                self.version
            }
        }
    };
}

owner!(Client, ClientId, "client", client, update_client);
owner!(Account, AccountId, "account", account, update_account);
owner!(Api, ApiId, "api", api, update_api);
