//! Allowlists on the wire.

use std::fmt;

use keyward_allowlist::{ParseErrors, parse_entries, parse_entry, parse_list};
use keyward_core::allowlist::edit::NewEntry;
use keyward_core::allowlist::{Allowlist, ENTRIES_MAX, Entry, Mode};
use keyward_core::time::Timestamp;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::failure::Failure;
use crate::management::{LIST_BODY_BYTES_MAX, RawBody};
use crate::v1::input::read_json;
use crate::v1::wire::Time;

/// What a list does.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::v1) enum AllowlistMode {
    /// Nothing: every address is allowed.
    Off,
    /// Nothing outside; what it would have refused is recorded.
    Report,
    /// It refuses every address that no live entry covers.
    Enforce,
}

impl From<Mode> for AllowlistMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Off => Self::Off,
            Mode::Report => Self::Report,
            Mode::Enforce => Self::Enforce,
        }
    }
}

impl From<AllowlistMode> for Mode {
    fn from(mode: AllowlistMode) -> Self {
        match mode {
            AllowlistMode::Off => Self::Off,
            AllowlistMode::Report => Self::Report,
            AllowlistMode::Enforce => Self::Enforce,
        }
    }
}

/// An allowlist.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Allowlist)]
pub(in crate::v1) struct AllowlistView {
    /// What it does.
    mode: AllowlistMode,
    /// Its entries in the order written.
    entries: Vec<EntryView>,
}

impl AllowlistView {
    /// The list as it is at that moment.
    pub(super) fn at(list: &Allowlist, now: Timestamp) -> Self {
        let entries = list.entries.iter().map(|entry| EntryView::at(entry, now)).collect();
        Self { mode: list.mode.into(), entries }
    }
}

/// An entry of an allowlist.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = AllowlistEntry)]
pub(in crate::v1) struct EntryView {
    /// The network that may use the key, with its prefix length.
    network: String,
    /// What people call it.
    label: Option<String>,
    /// From when on it counts no more; `null` for ever.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Time>,
    /// `true` once it counts no more; absent while it counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    expired: Option<bool>,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// Who wrote it.
    created_by: String,
}

impl EntryView {
    /// The entry as it is at that moment.
    pub(in crate::v1) fn at(entry: &Entry, now: Timestamp) -> Self {
        Self {
            network: entry.network.to_string(),
            label: entry.label.clone(),
            expires_at: entry.expires_at.map(Time),
            expired: (!entry.is_live(now)).then_some(true),
            created_at: entry.created_at.into(),
            created_by: entry.created_by.clone(),
        }
    }
}

/// An allowlist in short.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AllowlistSummary)]
pub(in crate::v1) struct Summary {
    /// What it does.
    mode: AllowlistMode,
    /// How many entries it has, expired ones included.
    entries: usize,
}

impl From<&Allowlist> for Summary {
    fn from(list: &Allowlist) -> Self {
        Self { mode: list.mode.into(), entries: list.entries.len() }
    }
}

/// Another mode.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AllowlistModeChange {
    /// What the list shall do.
    pub(super) mode: AllowlistMode,
}

/// An allowlist as it is written. One that was read may be written back as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AllowlistInput {
    /// What it shall do. Without it a list that was off begins to enforce with its first entries,
    /// and every other list keeps its mode.
    mode: Option<AllowlistMode>,
    /// At most 10,000 entries.
    #[schema(value_type = Vec<EntryInput>)]
    entries: Entries,
}

/// An entry as it is written.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EntryInput {
    /// An address or a network.
    network: String,
    /// What people call it: at most 200 characters.
    label: Option<String>,
    /// From when on it counts no more.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Time>,
    /// Not yours to say; taken so that an entry that was read can be written back.
    #[serde(default, rename = "expired")]
    #[schema(value_type = Option<bool>, read_only)]
    _expired: Option<IgnoredAny>,
    /// Not yours to say; taken so that an entry that was read can be written back.
    #[serde(default, rename = "created_at")]
    #[schema(value_type = Option<String>, read_only)]
    _created_at: Option<IgnoredAny>,
    /// Not yours to say; taken so that an entry that was read can be written back.
    #[serde(default, rename = "created_by")]
    #[schema(value_type = Option<String>, read_only)]
    _created_by: Option<IgnoredAny>,
}

impl EntryInput {
    /// Reads one entry.
    ///
    /// # Errors
    /// 422 with what is wrong with the network.
    pub(super) fn read(self) -> Result<NewEntry, Failure> {
        let networks = parse_entries([self.network.as_str()], &Allowlist::entry_rules());
        let networks = networks.map_err(|errors| bad_list(&errors))?;
        let network = networks.first().copied().ok_or_else(|| too_many(1))?;
        Ok(self.with(network))
    }

    fn with(self, network: keyward_allowlist::Network) -> NewEntry {
        NewEntry {
            network,
            label: self.label.filter(|label| !label.is_empty()),
            expires_at: self.expires_at.map(|Time(time)| time),
        }
    }
}

/// Entries, never more of them in memory than a list may hold.
#[derive(Debug)]
enum Entries {
    Fit(Vec<EntryInput>),
    TooMany(usize),
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Bounded;

        impl<'de> Visitor<'de> for Bounded {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of entries")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while entries.len() < ENTRIES_MAX {
                    match items.next_element()? {
                        Some(entry) => entries.push(entry),
                        None => return Ok(Entries::Fit(entries)),
                    }
                }
                let mut more = 0_usize;
                while items.next_element::<IgnoredAny>()?.is_some() {
                    more = more.saturating_add(1);
                }
                Ok(match more {
                    0 => Entries::Fit(entries),
                    _ => Entries::TooMany(ENTRIES_MAX.saturating_add(more)),
                })
            }
        }

        reader.deserialize_seq(Bounded)
    }
}

/// Reads a whole list, as JSON or as text.
///
/// # Errors
/// 422 with every bad line.
pub(super) fn read_list(
    body: &RawBody<LIST_BODY_BYTES_MAX>,
) -> Result<(Option<Mode>, Vec<NewEntry>), Failure> {
    if body.is("text/plain") {
        return read_text(&body.bytes).map(|entries| (None, entries));
    }
    let AllowlistInput { mode, entries } = read_json(body)?;
    let entries = match entries {
        Entries::Fit(entries) => entries,
        Entries::TooMany(count) => return Err(too_many(count)),
    };
    let rules = Allowlist::entry_rules();
    // Once for all faults together, with their places; then one by one, for the entries.
    let texts = entries.iter().map(|entry| entry.network.as_str());
    parse_entries(texts, &rules).map_err(|errors| bad_list(&errors))?;
    let read = |entry: EntryInput| {
        parse_entry(&entry.network, &rules).ok().map(|network| entry.with(network))
    };
    Ok((mode.map(Mode::from), entries.into_iter().filter_map(read).collect()))
}

fn read_text(bytes: &[u8]) -> Result<Vec<NewEntry>, Failure> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let place = error.valid_up_to();
        Failure::bad_request("invalid_text", format!("the list is no UTF-8 text at byte {place}"))
    })?;
    let entries = parse_list(text, &Allowlist::entry_rules()).map_err(|e| bad_list(&e))?;
    // JSON says `[]` on purpose; an empty text is as likely a pipe that broke, and it would open
    // the list to everybody.
    if entries.is_empty() {
        return Err(Failure::unprocessable(
            "empty_list",
            "the text holds no network; to lift the restriction set the mode to off",
        ));
    }
    let read = entries.into_iter().map(|entry| NewEntry {
        network: entry.network,
        label: entry.label,
        expires_at: None,
    });
    Ok(read.collect())
}

fn bad_list(errors: &ParseErrors) -> Failure {
    let mut failure = Failure::bad_list(errors);
    if errors.iter().any(|error| error.kind.code() == "too_many_entries") {
        failure.code = "too_many_entries";
    }
    failure
}

fn too_many(count: usize) -> Failure {
    let message = format!("the list has {count} entries; it may have {ENTRIES_MAX}");
    Failure::unprocessable("too_many_entries", message)
}
