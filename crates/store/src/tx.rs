//! Writing.

use keyward_core::api::{Account, Api};
use keyward_core::client::{Client, ClientGrant};
use keyward_core::id::{AccountId, ApiId, ClientId, GrantId};
use keyward_core::time::Timestamp;
use keyward_core::token::TokenId;

use crate::error::StoreError;
use crate::model::{Committed, SealedKey};

/// T
#[derive(Debug)]
pub struct Tx;

fn no<T>() -> Result<T, StoreError> {
    Err(StoreError::Unavailable("not ready".to_owned()))
}

#[expect(missing_docs, clippy::unused_async, reason = "signatures first")]
impl Tx {
    pub async fn client(&mut self, _id: &ClientId) -> Result<Option<Client>, StoreError> { no() }
    pub async fn account(&mut self, _id: &AccountId) -> Result<Option<Account>, StoreError> { no() }
    pub async fn api(&mut self, _id: &ApiId) -> Result<Option<Api>, StoreError> { no() }
    pub async fn grant(&mut self, _id: &GrantId) -> Result<Option<ClientGrant>, StoreError> { no() }
    pub async fn insert_client(&mut self, _client: &Client) -> Result<(), StoreError> { no() }
    pub async fn update_client(&mut self, _client: &Client) -> Result<u64, StoreError> { no() }
    pub async fn delete_client(&mut self, _id: &ClientId) -> Result<bool, StoreError> { no() }
    pub async fn insert_account(&mut self, _account: &Account) -> Result<(), StoreError> { no() }
    pub async fn update_account(&mut self, _account: &Account) -> Result<u64, StoreError> { no() }
    pub async fn delete_account(&mut self, _id: &AccountId) -> Result<bool, StoreError> { no() }
    pub async fn insert_api(&mut self, _api: &Api) -> Result<(), StoreError> { no() }
    pub async fn update_api(&mut self, _api: &Api) -> Result<u64, StoreError> { no() }
    pub async fn delete_api(&mut self, _id: &ApiId) -> Result<bool, StoreError> { no() }
    pub async fn insert_grant(&mut self, _grant: &ClientGrant) -> Result<(), StoreError> { no() }
    pub async fn update_grant(&mut self, _grant: &ClientGrant) -> Result<u64, StoreError> { no() }
    pub async fn delete_grant(&mut self, _id: &GrantId) -> Result<bool, StoreError> { no() }
    pub async fn revoke_token(&mut self, _token: TokenId, _expires_at: Timestamp, _client: &ClientId) -> Result<(), StoreError> { no() }
    pub async fn put_sealed_key(&mut self, _key: &SealedKey) -> Result<(), StoreError> { no() }
    pub async fn set_setting(&mut self, _name: &str, _value: &str) -> Result<(), StoreError> { no() }
    pub async fn commit(self) -> Result<Committed, StoreError> { no() }
    pub async fn rollback(self) {}
}
