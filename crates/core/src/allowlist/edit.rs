//! Edits of an allowlist: what stays of an entry when the list is written anew.

use std::collections::{HashMap, HashSet};

use keyward_allowlist::Network;

use crate::allowlist::{Allowlist, ENTRIES_MAX, Entry, LABEL_MAX, Mode};
use crate::invalid::{Faults, Invalid};
use crate::time::Timestamp;

/// An entry as somebody writes it: who and when are not theirs to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// The network that may use the key.
    pub network: Network,
    /// What people call it.
    pub label: Option<String>,
    /// From when on it counts no more; `None` for ever.
    pub expires_at: Option<Timestamp>,
}

/// What adding an entry did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// The network was not in the list.
    New,
    /// It was; label and expiry are those written now.
    Replaced,
}

impl Mode {
    /// The mode that a simple caller means who writes a list and names none: a list enforces, an
    /// empty one lifts the restriction.
    #[must_use]
    pub fn implied(list_is_empty: bool) -> Self {
        if list_is_empty { Self::Off } else { Self::Enforce }
    }
}

impl Allowlist {
    /// Writes the list as bare networks. An entry whose network stays keeps its label, expiry,
    /// author and time; one that has expired begins anew, for whoever writes its network means
    /// it to count.
    pub fn set_networks(&mut self, networks: &[Network], author: &str, now: Timestamp) {
        let mut old: HashMap<Network, Entry> =
            self.entries.drain(..).map(|entry| (entry.network, entry)).collect();
        let entry = |network: &Network| match old.remove(network) {
            Some(kept) if kept.is_live(now) => kept,
            expired => Entry {
                network: *network,
                label: expired.and_then(|entry| entry.label),
                expires_at: None,
                created_at: now,
                created_by: author.to_owned(),
            },
        };
        self.entries = networks.iter().map(entry).collect();
    }

    /// Writes the list in its rich form. An entry that stays as it was keeps author and time.
    /// The later of two entries with one network is dropped.
    ///
    /// # Errors
    /// Every bad label and every expiry that is not in the future; nothing is changed then.
    pub fn set_entries(
        &mut self,
        entries: Vec<NewEntry>,
        author: &str,
        now: Timestamp,
    ) -> Result<(), Vec<Invalid>> {
        let mut faults = Faults::default();
        faults.require(entries.len() <= ENTRIES_MAX, "entries", "too_many_entries", || {
            format!("holds more than {ENTRIES_MAX} entries")
        });
        let old: HashMap<Network, &Entry> =
            self.entries.iter().map(|entry| (entry.network, entry)).collect();
        let mut written = HashSet::with_capacity(entries.len());
        let mut list = Vec::with_capacity(entries.len());
        for (place, entry) in entries.into_iter().enumerate() {
            let before = old.get(&entry.network).copied();
            check(&mut faults, &format!("entries[{place}]"), &entry, before, now);
            if written.insert(entry.network) {
                list.push(completed(entry, before, author, now));
            }
        }
        faults.finish()?;
        self.entries = list;
        Ok(())
    }

    /// Adds one entry, or gives the one with its network the label and expiry written now.
    ///
    /// # Errors
    /// A bad label, an expiry that is not in the future, or a full list.
    pub fn add_entry(
        &mut self,
        entry: NewEntry,
        author: &str,
        now: Timestamp,
    ) -> Result<Added, Vec<Invalid>> {
        let place = self.entries.iter().position(|old| old.network == entry.network);
        let before = place.and_then(|place| self.entries.get(place));
        let mut faults = Faults::default();
        check(&mut faults, "entry", &entry, before, now);
        let fits = place.is_some() || self.entries.len() < ENTRIES_MAX;
        faults.require(fits, "entry", "too_many_entries", || {
            format!("is one too many; a list holds at most {ENTRIES_MAX} entries")
        });
        faults.finish()?;
        let entry = completed(entry, before, author, now);
        match place.and_then(|place| self.entries.get_mut(place)) {
            Some(old) => {
                *old = entry;
                Ok(Added::Replaced)
            }
            None => {
                self.entries.push(entry);
                Ok(Added::New)
            }
        }
    }

    /// Removes the entry with that network. The mode stays: `enforce` without entries refuses
    /// everybody.
    pub fn remove_entry(&mut self, network: &Network) -> Option<Entry> {
        let place = self.entries.iter().position(|entry| entry.network == *network)?;
        Some(self.entries.remove(place))
    }

    /// The networks that count at that moment.
    pub fn live_networks(&self, now: Timestamp) -> impl Iterator<Item = Network> {
        self.entries.iter().filter(move |entry| entry.is_live(now)).map(|entry| entry.network)
    }
}

fn check(
    faults: &mut Faults,
    path: &str,
    entry: &NewEntry,
    before: Option<&Entry>,
    now: Timestamp,
) {
    if let Some(label) = &entry.label {
        let fits = label.chars().count() <= LABEL_MAX && !label.chars().any(char::is_control);
        faults.require(fits, &format!("{path}.label"), "label", || {
            format!("has control characters or more than {LABEL_MAX} characters")
        });
    }
    // A list that is read and written back may hold expired entries.
    let unchanged = before.is_some_and(|before| before.expires_at == entry.expires_at);
    let future = entry.expires_at.is_none_or(|end| now < end);
    faults.require(future || unchanged, &format!("{path}.expires_at"), "expires_at", || {
        "is not in the future".to_owned()
    });
}

fn completed(entry: NewEntry, before: Option<&Entry>, author: &str, now: Timestamp) -> Entry {
    let NewEntry { network, label, expires_at } = entry;
    match before {
        Some(old) if old.label == label && old.expires_at == expires_at => old.clone(),
        _ => Entry { network, label, expires_at, created_at: now, created_by: author.to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn entry(network: &str, label: Option<&str>, expires_at: Option<Timestamp>) -> NewEntry {
        let network = network.parse().unwrap();
        NewEntry { network, label: label.map(str::to_owned), expires_at }
    }

    fn list() -> Allowlist {
        let mut list = Allowlist::default();
        let entries = vec![
            entry("203.0.113.0/24", Some("office"), None),
            entry("198.51.100.7", Some("contractor"), Some(at(100))),
        ];
        list.set_entries(entries, "alice", at(1)).unwrap();
        list
    }

    #[test]
    fn bare_networks_keep_what_is_known_of_them() {
        let mut list = list();
        let networks: Vec<Network> =
            ["198.51.100.7", "203.0.113.0/24", "2001:db8::/32"].map(|n| n.parse().unwrap()).into();
        list.set_networks(&networks, "bob", at(50));
        let seen: Vec<_> = list
            .entries
            .iter()
            .map(|e| (e.label.as_deref(), e.expires_at, e.created_by.as_str()))
            .collect();
        assert_eq!(
            seen,
            [
                (Some("contractor"), Some(at(100)), "alice"),
                (Some("office"), None, "alice"),
                (None, None, "bob"),
            ]
        );
    }

    #[test]
    fn an_expired_entry_that_is_written_again_begins_anew() {
        let mut list = list();
        list.set_networks(&["198.51.100.7".parse().unwrap()], "bob", at(100));
        let [entry] = list.entries.as_slice() else { panic!("one entry") };
        assert_eq!((entry.expires_at, entry.created_by.as_str()), (None, "bob"));
        assert_eq!(entry.label.as_deref(), Some("contractor"));
    }

    #[test]
    fn a_list_read_and_written_back_is_unchanged() {
        let mut list = list();
        let before = list.clone();
        let same = |e: &Entry| NewEntry {
            network: e.network,
            label: e.label.clone(),
            expires_at: e.expires_at,
        };
        list.set_entries(before.entries.iter().map(same).collect(), "bob", at(500)).unwrap();
        assert_eq!(list, before);
    }

    #[test]
    fn bad_entries_are_all_named_and_nothing_is_stored() {
        let mut list = list();
        let before = list.clone();
        let bad = vec![
            entry("10.0.0.1", Some("a\u{7}"), None),
            entry("10.0.0.2", None, Some(at(50))),
            entry("10.0.0.3", Some("fine"), Some(at(51))),
        ];
        let faults = list.set_entries(bad, "bob", at(50)).unwrap_err();
        let fields: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["entries[0].label", "entries[1].expires_at"]);
        assert_eq!(list, before);
    }

    #[test]
    fn one_entry_is_added_replaced_and_removed() {
        let mut list = list();
        let added = list.add_entry(entry("10.0.0.1", None, None), "bob", at(2)).unwrap();
        assert_eq!(added, Added::New);
        let again = list.add_entry(entry("10.0.0.1", Some("db"), None), "bob", at(3)).unwrap();
        assert_eq!((again, list.entries.len()), (Added::Replaced, 3));
        let network = "10.0.0.1".parse().unwrap();
        assert_eq!(list.remove_entry(&network).unwrap().label.as_deref(), Some("db"));
        assert!(list.remove_entry(&network).is_none());
    }

    #[test]
    fn a_full_list_takes_no_further_entry() {
        let mut list = Allowlist::default();
        let networks: Vec<Network> = (0..ENTRIES_MAX)
            .map(|n| Network::host(std::net::Ipv4Addr::from_bits(u32::try_from(n).unwrap()).into()))
            .collect();
        list.set_networks(&networks, "bob", at(1));
        let faults = list.add_entry(entry("203.0.113.9", None, None), "bob", at(1)).unwrap_err();
        assert_eq!(faults.iter().map(|f| f.code).collect::<Vec<_>>(), ["too_many_entries"]);
    }
}
