//! What an import did: taken, changed, left, offered, failed.

use std::process::ExitCode;

use serde::Serialize;
use serde_json::Value;

use crate::commands::print;
use crate::manage::Management;

/// What happened to one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Note {
    /// What it is, as the export calls it: `client "Billing"`.
    pub(super) what: String,
    /// What was done, or why nothing was.
    pub(super) note: String,
}

/// All of it.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    /// Whether nothing was written.
    pub(super) dry_run: bool,
    /// What is here now as it was there.
    pub(super) taken: Vec<Note>,
    /// What differs here from what it was there.
    pub(super) changed: Vec<Note>,
    /// What was not taken over, and why.
    pub(super) left: Vec<Note>,
    /// Addresses that were found; nothing was done with them.
    pub(super) offered: Vec<Note>,
    /// What was to be taken over and could not be.
    pub(super) failed: Vec<Note>,
}

impl Report {
    pub(super) fn taken(&mut self, what: &str, note: impl Into<String>) {
        self.taken.push(Note { what: what.to_owned(), note: note.into() });
    }

    pub(super) fn changed(&mut self, what: &str, note: impl Into<String>) {
        self.changed.push(Note { what: what.to_owned(), note: note.into() });
    }

    pub(super) fn left(&mut self, what: &str, note: impl Into<String>) {
        self.left.push(Note { what: what.to_owned(), note: note.into() });
    }

    pub(super) fn offered(&mut self, what: &str, note: impl Into<String>) {
        self.offered.push(Note { what: what.to_owned(), note: note.into() });
    }

    pub(super) fn failed(&mut self, what: &str, error: &anyhow::Error) {
        self.failed.push(Note { what: what.to_owned(), note: format!("{error:#}") });
    }

    pub(super) fn print(&self, management: &Management) -> ExitCode {
        let value = serde_json::to_value(self).unwrap_or(Value::Null);
        print(management, &value, |_| self.words());
        if self.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn words(&self) -> String {
        let taken = if self.dry_run { "would be taken over" } else { "taken over" };
        let parts = [
            (taken, &self.taken),
            ("changed on the way", &self.changed),
            ("left out", &self.left),
            ("addresses found, nothing done with them", &self.offered),
            ("FAILED", &self.failed),
        ];
        let mut text = Vec::new();
        for (head, notes) in parts {
            if notes.is_empty() {
                continue;
            }
            text.push(format!("{head} ({})", notes.len()));
            for Note { what, note } in notes {
                let note = note.replace('\n', "\n      ");
                text.push(if note.is_empty() {
                    format!("  {what}")
                } else {
                    format!("  {what}: {note}")
                });
            }
            text.push(String::new());
        }
        if text.is_empty() {
            "there is nothing to import".to_owned()
        } else {
            text.join("\n").trim_end().to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_told_with_its_number() {
        let mut report = Report { dry_run: true, ..Report::default() };
        report.taken("client \"a\"", "");
        report.left("rule \"b\"", "Keyward has no rules");
        assert_eq!(
            report.words(),
            "would be taken over (1)\n  client \"a\"\n\nleft out (1)\n  rule \"b\": Keyward has no \
             rules"
        );
        assert_eq!(Report::default().words(), "there is nothing to import");
    }
}
