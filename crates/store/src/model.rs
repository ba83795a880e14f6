//! What the store holds besides the entities of the core.

use std::fmt;

use keyward_core::policy::Change;
use keyward_core::time::Timestamp;

/// The whole policy at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The number of the last change that is in it.
    pub revision: u64,
    /// Everything, as changes: the tenant, APIs, accounts, clients, client grants, gateways, revoked tokens, in this
    /// order, so that nothing is named before it is known.
    pub changes: Vec<Change>,
}

/// What a commit did.
#[derive(Debug, Clone)]
pub struct Committed {
    /// The number of the last change. A transaction that changed no policy (a setting, a key)
    /// leaves it as it was.
    pub revision: u64,
    /// The changes in the order made, as they are stored.
    pub changes: Vec<Change>,
}

/// One row of the change log.
#[derive(Debug, Clone)]
pub struct ChangeRow {
    /// The shard that numbers it; there is only 0 yet.
    pub shard: u32,
    /// Its number: one more than that of the row before, without a gap.
    pub seq: u64,
    /// Whether it is the last of its transaction. Apply whole transactions only.
    pub txn_end: bool,
    /// The change.
    pub change: Change,
    /// When it was made.
    pub at: Timestamp,
}

/// One row of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Its number, without a gap.
    pub seq: u64,
    /// When it happened.
    pub at: Timestamp,
    /// The kind of actor ([`keyward_core::actor::ActorKind::name`]).
    pub actor_kind: String,
    /// Who it was.
    pub actor_id: String,
    /// The address of the request, where there was one.
    pub actor_address: Option<String>,
    /// The request.
    pub request_id: String,
    /// What was done: `client.create`, `client.update`, `client.delete`, `token.revoke`, …
    pub action: String,
    /// The kind of thing it was done to.
    pub target_kind: String,
    /// Which.
    pub target_id: String,
    /// Its state before, as JSON without secrets.
    pub before: Option<String>,
    /// Its state after, as JSON without secrets.
    pub after: Option<String>,
    /// The number of the last policy change of the transaction.
    pub revision: u64,
    /// SHA-256 over the row before and everything above, in hexadecimal.
    pub hash: String,
    /// The hash of the row before.
    pub previous_hash: String,
}

/// What checking the audit log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditVerdict {
    /// How many rows were read, the fixed first one not counted.
    pub rows: u64,
    /// The first place where the log is not what was written.
    pub first_bad: Option<BadAuditRow>,
    /// The hash of the last row. Noted elsewhere, it proves that the log was not rewritten whole.
    pub head: String,
}

/// Where an audit log is not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadAuditRow {
    /// The number of the row.
    pub seq: u64,
    /// What is wrong with it.
    pub what: String,
}

/// What a sealed key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SealedKeyKind {
    /// It signs tokens.
    Signing,
    /// Secrets are hashed under it.
    Pepper,
}

impl SealedKeyKind {
    /// The word in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Signing => "signing",
            Self::Pepper => "pepper",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Signing, Self::Pepper].into_iter().find(|kind| kind.name() == text)
    }
}

/// Where a key is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyStatus {
    /// In use for new tokens or hashes.
    Current,
    /// Announced, in use after the next rotation.
    Next,
    /// Still good for what was made with it.
    Previous,
    /// Good for nothing.
    Revoked,
}

impl KeyStatus {
    /// The word in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Next => "next",
            Self::Previous => "previous",
            Self::Revoked => "revoked",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Current, Self::Next, Self::Previous, Self::Revoked]
            .into_iter()
            .find(|status| status.name() == text)
    }
}

/// A key of the server, encrypted under its master key. The store never sees it in clear.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedKey {
    /// What it is for.
    pub kind: SealedKeyKind,
    /// Its name: the `kid` of a signing key, the number of a pepper.
    pub id: String,
    /// The algorithm of a signing key.
    pub algorithm: Option<String>,
    /// Where it is in its life.
    pub status: KeyStatus,
    /// The encrypted key.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it got its status.
    pub status_since: Timestamp,
    /// The certificate of a signing key (X.509, DER).
    pub certificate: Option<Vec<u8>>,
    /// When it began to sign.
    pub current_since: Option<Timestamp>,
    /// When it ended to sign.
    pub current_until: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl fmt::Debug for SealedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedKey")
            .field("kind", &self.kind)
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}
