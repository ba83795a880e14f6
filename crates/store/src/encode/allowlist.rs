//! Allowlists: a mode, and entries as a JSON array.

use keyward_allowlist::{EntryRules, Network, parse_entry};
use keyward_core::allowlist::{Allowlist, Entry, Mode};
use serde::{Deserialize, Serialize};

use super::{Fault, moment, word, written};

/// One entry.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntryBody {
    network: String,
    #[serde(deserialize_with = "written")]
    label: Option<String>,
    #[serde(deserialize_with = "written")]
    expires_at: Option<i64>,
    created_at: i64,
    created_by: String,
}

/// The stored form of a list's entries.
pub(crate) fn entries(list: &Allowlist) -> Vec<EntryBody> {
    list.entries
        .iter()
        .map(|entry| EntryBody {
            network: entry.network.to_string(),
            label: entry.label.clone(),
            expires_at: entry.expires_at.map(|end| end.millis()),
            created_at: entry.created_at.millis(),
            created_by: entry.created_by.clone(),
        })
        .collect()
}

/// Reads a list.
pub(crate) fn allowlist(mode: &str, entries: Vec<EntryBody>) -> Result<Allowlist, Fault> {
    let mode = word("allowlist_mode", mode, Mode::parse)?;
    let entries = entries.into_iter().map(entry).collect::<Result<_, _>>()?;
    Ok(Allowlist { mode, entries })
}

fn entry(body: EntryBody) -> Result<Entry, Fault> {
    Ok(Entry {
        network: network("allowlist_entries", &body.network)?,
        label: body.label,
        expires_at: body.expires_at.map(moment),
        created_at: moment(body.created_at),
        created_by: body.created_by,
    })
}

/// Reads a network again as strictly as when it was typed, and only in its canonical form: a text
/// that means something else than it says must not open a door.
pub(super) fn network(field: &'static str, text: &str) -> Result<Network, Fault> {
    parse_entry(text, &EntryRules::default())
        .ok()
        .filter(|network| network.to_string() == text)
        .ok_or_else(|| Fault::new(field, "holds a network that is not canonical"))
}
