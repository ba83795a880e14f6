//! Lists: which things, and which part of them.

use keyward_core::id::{AccountId, ApiId, ClientId};
use keyward_core::time::Timestamp;

/// Which part of a list. Lists are ordered by time of creation, then by id; the audit log has its
/// newest row first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// A numbered part; tells the total.
    Offset {
        /// How many to skip.
        offset: u64,
        /// How many at most.
        limit: u32,
    },
    /// What comes after a cursor; costs the same everywhere in the list.
    After {
        /// [`PageOf::next`] of the page before, nothing for the first page.
        cursor: Option<String>,
        /// How many at most.
        limit: u32,
    },
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageOf<T> {
    /// The things.
    pub items: Vec<T>,
    /// How many there are in all; only for [`Page::Offset`].
    pub total: Option<u64>,
    /// The cursor of the next part, if there is one; only for [`Page::After`].
    pub next: Option<String>,
}

/// Which clients. Every field that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientFilter {
    /// Those of this account.
    pub account: Option<AccountId>,
    /// Those whose name or id holds this text, upper and lower case being equal.
    pub text: Option<String>,
    /// Those with one of these ids.
    pub ids: Option<Vec<ClientId>>,
}

/// Which APIs. Every field that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiFilter {
    /// Those with one of these identifiers (audiences).
    pub identifiers: Option<Vec<String>>,
}

/// Which client grants. Every field that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GrantFilter {
    /// Those of this client.
    pub client: Option<ClientId>,
    /// Those for this API.
    pub api: Option<ApiId>,
    /// Those for any account, or those for no others than the client's own.
    pub any_organization: Option<bool>,
}

/// Which Actions. Every field that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActionFilter {
    /// The one with exactly this name.
    pub name: Option<String>,
    /// Those that were deployed, or those that never were.
    pub deployed: Option<bool>,
}

/// Which audit rows. Every field that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Those about this kind of thing: `client`, `account`, `api`, `grant`, `token`, `key`,
    /// `setting`.
    pub target_kind: Option<String>,
    /// Those about the thing with this id.
    pub target_id: Option<String>,
    /// Those by this actor (its id).
    pub actor: Option<String>,
    /// Those at or after this moment.
    pub since: Option<Timestamp>,
}
