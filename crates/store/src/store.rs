//! Opening, reading and closing.

use keyward_core::actor::Actor;
use keyward_core::api::{Account, Api};
use keyward_core::client::{Client, ClientGrant};
use keyward_core::id::{AccountId, ApiId, ClientId, GrantId};
use keyward_core::time::Timestamp;

use crate::error::StoreError;
use crate::model::{AuditRow, AuditVerdict, ChangeRow, SealedKey, Snapshot};
use crate::page::{ApiFilter, AuditFilter, ClientFilter, GrantFilter, Page, PageOf};
use crate::tx::Tx;

/// S
#[derive(Debug, Clone)]
pub struct Store;

fn no<T>() -> Result<T, StoreError> {
    Err(StoreError::Unavailable("not ready".to_owned()))
}

#[expect(missing_docs, clippy::unused_async, reason = "signatures first")]
impl Store {
    pub async fn open(_url: &str) -> Result<Self, StoreError> { no() }
    pub async fn close(self) {}
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> { no() }
    pub async fn client(&self, _id: &ClientId) -> Result<Option<Client>, StoreError> { no() }
    pub async fn clients(&self, _filter: &ClientFilter, _page: &Page) -> Result<PageOf<Client>, StoreError> { no() }
    pub async fn account(&self, _id: &AccountId) -> Result<Option<Account>, StoreError> { no() }
    pub async fn accounts(&self, _page: &Page) -> Result<PageOf<Account>, StoreError> { no() }
    pub async fn api(&self, _id: &ApiId) -> Result<Option<Api>, StoreError> { no() }
    pub async fn api_by_identifier(&self, _identifier: &str) -> Result<Option<Api>, StoreError> { no() }
    pub async fn apis(&self, _filter: &ApiFilter, _page: &Page) -> Result<PageOf<Api>, StoreError> { no() }
    pub async fn grant(&self, _id: &GrantId) -> Result<Option<ClientGrant>, StoreError> { no() }
    pub async fn grants(&self, _filter: &GrantFilter, _page: &Page) -> Result<PageOf<ClientGrant>, StoreError> { no() }
    pub async fn begin(&self, _actor: &Actor, _request_id: &str, _now: Timestamp) -> Result<Tx, StoreError> { no() }
    pub async fn audit(&self, _filter: &AuditFilter, _page: &Page) -> Result<PageOf<AuditRow>, StoreError> { no() }
    pub async fn verify_audit(&self) -> Result<AuditVerdict, StoreError> { no() }
    pub async fn sealed_keys(&self) -> Result<Vec<SealedKey>, StoreError> { no() }
    pub async fn setting(&self, _name: &str) -> Result<Option<String>, StoreError> { no() }
    pub async fn changes_since(&self, _revision: u64, _limit: u32) -> Result<Vec<ChangeRow>, StoreError> { no() }
}
