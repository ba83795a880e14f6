//! What can be wrong with a configuration, and where it is.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Severity {
    /// Callers choose their address, forge who they are, pass unchecked, or nobody passes.
    Error,
    /// Weaker or slower than it should be, or unsafe together with something else.
    Warning,
    /// Something that could not be looked at.
    Note,
}

impl Severity {
    /// The word for it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One kind of mistake. Its name is stable: scripts and exceptions hang on it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Code {
    pub(crate) name: &'static str,
    pub(crate) severity: Severity,
    /// What it means, for the reference.
    pub(crate) means: &'static str,
    /// What to do about it.
    pub(crate) fix: &'static str,
}

/// Declares codes as statics, and `ALL` of them for the test that holds the reference to them.
macro_rules! codes {
    ($($constant:ident: $severity:ident $name:literal $means:literal $fix:literal)*) => {
        $(pub(crate) static $constant: $crate::commands::doctor::finding::Code =
            $crate::commands::doctor::finding::Code {
                name: $name,
                severity: $crate::commands::doctor::finding::Severity::$severity,
                means: $means,
                fix: $fix,
            };)*
        #[cfg(test)]
        pub(crate) const ALL: &[&$crate::commands::doctor::finding::Code] = &[$(&$constant),*];
    };
}
pub(crate) use codes;

/// Codes that belong to no program.
pub(crate) mod common {
    super::codes! {
        NO_CHECK_FOUND: Warning "no-check-found"
            "nothing in the file asks Keyward, so nothing about a check could be wrong"
            "give the file that holds the check, or the one that includes it"
        FILE_NOT_READ: Note "file-not-read"
            "something that the configuration takes from elsewhere is not here and not judged"
            "run this where it is, or give it by itself"
        OTHER_CHECK: Note "other-check"
            "a check that asks another service than Keyward, beside one that asks Keyward"
            "nothing, if that is meant: its rules are not known here"
    }
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    /// As it was named.
    pub(crate) file: Arc<str>,
    /// From 1.
    pub(crate) line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// One mistake at one place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Finding {
    pub(crate) place: Place,
    pub(crate) code: &'static Code,
    /// What is wrong here.
    pub(crate) message: String,
}

impl Finding {
    /// In words: the line that editors can follow, and what to do below it.
    pub(crate) fn words(&self) -> String {
        let Self { place, code, message } = self;
        let severity = code.severity.name();
        format!("{place}: {severity}: {message} [{}]\n    {}", code.name, code.fix)
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        json!({
            "file": &*self.place.file,
            "line": self.place.line,
            "severity": self.code.severity.name(),
            "code": self.code.name,
            "message": self.message,
            "fix": self.code.fix,
        })
    }
}

/// What one configuration was and what is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Examined {
    pub(crate) findings: Vec<Finding>,
    known: HashSet<Finding>,
    /// How many checks there are, by whomever asked.
    pub(crate) checks: usize,
    /// How many places a check guards.
    pub(crate) guarded: usize,
}

impl Examined {
    /// Adds a finding, once: a snippet that is included twice is wrong once.
    pub(crate) fn add(&mut self, code: &'static Code, place: &Place, message: impl Into<String>) {
        let finding = Finding { place: place.clone(), code, message: message.into() };
        if self.known.insert(finding.clone()) {
            self.findings.push(finding);
        }
    }
}

/// The configuration's own text as it may stand in a message: short, and without anything that a
/// terminal would obey.
pub(crate) fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 100;
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut chars = text.chars();
    let mut shown: String = chars.by_ref().take(CHARS_MAX).map(plain).collect();
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

/// Names as a list in a sentence.
pub(crate) fn listed<T: AsRef<str>>(names: &[T]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    match quoted.as_slice() {
        [most @ .., before, last] => {
            let mut text: String = most.iter().map(|name| format!("{name}, ")).collect();
            text.push_str(&format!("{before} and {last}"));
            text
        }
        [only] => only.clone(),
        [] => String::new(),
    }
}

/// Why a file cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The file, and the line where there is one.
    pub(crate) place: String,
    pub(crate) message: String,
}

impl Fault {
    /// A fault at a line.
    pub(crate) fn at(place: &Place, message: impl Into<String>) -> Self {
        Self { place: place.to_string(), message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_as_sentences() {
        assert_eq!(listed::<&str>(&[]), "");
        assert_eq!(listed(&["a"]), "`a`");
        assert_eq!(listed(&["a", "b"]), "`a` and `b`");
        assert_eq!(listed(&["a", "b", "c"]), "`a`, `b` and `c`");
    }

    #[test]
    fn what_is_shown_is_short_and_harmless() {
        assert_eq!(shown("a\u{1b}[31mb\n"), "a\u{fffd}[31mb\u{fffd}");
        assert_eq!(shown(&"é".repeat(100)), "é".repeat(100));
        assert_eq!(shown(&"é".repeat(101)), format!("{}…", "é".repeat(100)));
    }
}
