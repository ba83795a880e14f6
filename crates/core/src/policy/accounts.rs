//! Accounts by id and by name, for the token endpoint.

use std::sync::Arc;

use crate::id::AccountId;
use crate::policy::AccountRecord;

/// The accounts. Names need not be unique; one that several share finds none.
#[derive(Debug, Default)]
pub(super) struct AccountTable {
    by_id: papaya::HashMap<Box<str>, Arc<AccountRecord>>,
    names: papaya::HashMap<Arc<str>, Arc<[AccountId]>>,
}

impl AccountTable {
    pub(super) fn by_id(&self, id: &str) -> Option<Arc<AccountRecord>> {
        self.by_id.pin().get(id).cloned()
    }

    pub(super) fn by_name(&self, name: &str) -> Option<Arc<AccountRecord>> {
        match &**self.names.pin().get(name)? {
            [only] => self.by_id(only.as_str()),
            _ => None,
        }
    }

    pub(super) fn clear(&self) {
        self.by_id.pin().clear();
        self.names.pin().clear();
    }

    /// Puts or removes an account. For the one writer.
    pub(super) fn put(&self, id: &AccountId, record: Option<&Arc<AccountRecord>>) {
        let by_id = self.by_id.pin();
        if let Some(before) = by_id.get(id.as_str()) {
            self.edit_name(&before.name, |ids| ids.retain(|known| known != id));
        }
        match record {
            Some(record) => {
                self.edit_name(&record.name, |ids| ids.push(id.clone()));
                by_id.insert(id.as_str().into(), Arc::clone(record));
            }
            None => {
                by_id.remove(id.as_str());
            }
        }
    }

    fn edit_name(&self, name: &Arc<str>, edit: impl FnOnce(&mut Vec<AccountId>)) {
        let names = self.names.pin();
        let mut ids = names.get(name).map(|ids| ids.to_vec()).unwrap_or_default();
        edit(&mut ids);
        if ids.is_empty() {
            names.remove(name);
        } else {
            names.insert(Arc::clone(name), ids.into());
        }
    }
}
