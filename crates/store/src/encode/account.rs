//! Accounts.

use keyward_core::api::Account;
use keyward_core::client::State;
use keyward_core::id::AccountId;
use serde::{Deserialize, Serialize};

use super::{
    Body, EntryBody, Fault, Metadata, QuotaBody, allowlist, entries, id, moment, word, written,
};

/// An account.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountBody {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) state: String,
    pub(crate) allowlist_mode: String,
    pub(crate) allowlist_entries: Vec<EntryBody>,
    pub(crate) metadata: Metadata,
    #[serde(deserialize_with = "written")]
    pub(crate) token_quota: Option<QuotaBody>,
    pub(crate) version: u64,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

impl Body for AccountBody {
    type Of = Account;

    fn of(account: &Account) -> Self {
        Self {
            id: account.id.to_string(),
            name: account.name.clone(),
            state: account.state.name().to_owned(),
            allowlist_mode: account.allowlist.mode.name().to_owned(),
            allowlist_entries: entries(&account.allowlist),
            metadata: account.metadata.clone(),
            token_quota: account.token_quota.as_ref().map(QuotaBody::of),
            version: account.version,
            created_at: account.created_at.millis(),
            updated_at: account.updated_at.millis(),
        }
    }

    fn read(self) -> Result<Account, Fault> {
        Ok(Account {
            id: id("id", &self.id, AccountId::parse)?,
            name: self.name,
            state: word("state", &self.state, State::parse)?,
            allowlist: allowlist(&self.allowlist_mode, self.allowlist_entries)?,
            metadata: self.metadata,
            token_quota: self.token_quota.as_ref().map(QuotaBody::read),
            version: self.version,
            created_at: moment(self.created_at),
            updated_at: moment(self.updated_at),
        })
    }
}
