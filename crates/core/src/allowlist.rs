//! An allowlist: mode and entries, and its compiled form that answers in the hot path.

pub mod edit;

use std::fmt;

use keyward_allowlist::{ClientIp, EntryRules, Network, NetworkSet};

use crate::time::Timestamp;

/// The most entries a list may have. Refused at write; enforcement never degrades with size.
pub const ENTRIES_MAX: usize = 10_000;

/// The longest label, in characters.
pub const LABEL_MAX: usize = 200;

/// What an allowlist does. The mode is explicit and no entry's expiry ever changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// Nothing: every address is allowed.
    #[default]
    Off,
    /// Nothing outside; what it would have refused is recorded.
    Report,
    /// Refuses every address that no live entry covers.
    Enforce,
}

impl Mode {
    /// The word used on the wire and in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Report => "report",
            Self::Enforce => "enforce",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "off" => Some(Self::Off),
            "report" => Some(Self::Report),
            "enforce" => Some(Self::Enforce),
            _ => None,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One entry of an allowlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The network that may use the key.
    pub network: Network,
    /// What people call it.
    pub label: Option<String>,
    /// From when on it counts no more; `None` for ever.
    pub expires_at: Option<Timestamp>,
    /// When it was written.
    pub created_at: Timestamp,
    /// Who wrote it (the actor's id).
    pub created_by: String,
}

impl Entry {
    /// Whether the entry counts at that moment.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// Which of the three lists: all of them must agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// The list of the API (resource server).
    Api,
    /// The list of the account.
    Account,
    /// The list of the client itself.
    Client,
}

impl Layer {
    /// The word used on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Account => "account",
            Self::Client => "client",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Mode and entries, as people write them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Allowlist {
    /// What the list does.
    pub mode: Mode,
    /// The entries in the order written, no network twice.
    pub entries: Vec<Entry>,
}

/// What a list says of an address, with the entry that decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListExplanation {
    /// The list's mode.
    pub mode: Mode,
    /// How many live entries it has.
    pub live_entries: usize,
    /// The most specific live entry that covers the address.
    pub entry: Option<Entry>,
    /// Whether this list lets the address pass (always, unless it enforces).
    pub allows: bool,
}

impl Allowlist {
    /// Compiles the list for the hot path.
    #[must_use]
    pub fn compile(&self) -> CompiledAllowlist {
        if self.mode == Mode::Off {
            return CompiledAllowlist::default();
        }
        let lasting: Vec<_> =
            self.entries.iter().filter(|e| e.expires_at.is_none()).map(|e| e.network).collect();
        let mut passing: Vec<_> =
            self.entries.iter().filter_map(|e| Some((e.network, e.expires_at?))).collect();
        // Latest first: the walk below may stop at the first entry that has expired.
        passing.sort_by_key(|(_, end)| std::cmp::Reverse(*end));
        CompiledAllowlist {
            mode: self.mode,
            lasting: NetworkSet::compile(&lasting),
            passing: (!passing.is_empty()).then(|| Box::new(Passing::compile(passing))),
        }
    }

    /// What this list says of an address, and because of which entry. For people, not for the
    /// hot path: it looks at every entry.
    #[must_use]
    pub fn explain(&self, ip: Option<ClientIp>, now: Timestamp) -> ListExplanation {
        let live = || self.entries.iter().filter(|entry| entry.is_live(now));
        let entry = ip.and_then(|ip| {
            live()
                .filter(|entry| entry.network.contains(ip.get()))
                .max_by_key(|entry| entry.network.prefix_len())
        });
        ListExplanation {
            mode: self.mode,
            live_entries: live().count(),
            allows: self.mode != Mode::Enforce || entry.is_some(),
            entry: entry.cloned(),
        }
    }

    /// The rules by which entries are read.
    #[must_use]
    pub fn entry_rules() -> EntryRules {
        EntryRules { max_entries: ENTRIES_MAX, ..EntryRules::default() }
    }
}

/// An allowlist ready for the hot path. Off is as small as can be.
#[derive(Debug, Clone, Default)]
pub struct CompiledAllowlist {
    mode: Mode,
    lasting: NetworkSet,
    passing: Option<Box<Passing>>,
}

/// Entries that expire. The set is asked first, so that a miss costs one look-up.
#[derive(Debug, Clone)]
struct Passing {
    any: NetworkSet,
    /// Latest end first.
    entries: Vec<(Network, Timestamp)>,
}

impl Passing {
    fn compile(entries: Vec<(Network, Timestamp)>) -> Self {
        let networks: Vec<_> = entries.iter().map(|(network, _)| *network).collect();
        Self { any: NetworkSet::compile(&networks), entries }
    }

    fn contains(&self, ip: ClientIp, now: Timestamp) -> bool {
        self.any.contains(ip.get())
            && self
                .entries
                .iter()
                .take_while(|(_, end)| now < *end)
                .any(|(network, _)| network.contains(ip.get()))
    }
}

impl CompiledAllowlist {
    /// The list's mode.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether a live entry covers the address. Without an address nothing does.
    #[must_use]
    #[inline]
    pub fn covers(&self, ip: Option<ClientIp>, now: Timestamp) -> bool {
        ip.is_some_and(|ip| {
            self.lasting.contains(ip.get())
                || self.passing.as_ref().is_some_and(|passing| passing.contains(ip, now))
        })
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let passing =
            self.passing.as_ref().map_or(0, |passing| {
                passing.any.memory_bytes().saturating_add(size_of::<Passing>()).saturating_add(
                    passing.entries.len().saturating_mul(size_of::<(Network, i64)>()),
                )
            });
        self.lasting.memory_bytes().saturating_add(passing)
    }
}
