//! The checkout as the rules see it: files, lines, and where a file's tests begin.

use std::fs;
use std::path::{Path, PathBuf};

/// Names of what holds nothing we wrote.
const SKIPPED: &[&str] = &[".git", "target", "node_modules", "__pycache__", "artifacts"];

/// The repository's root folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// One file of the checkout.
pub(crate) struct File {
    /// Path from the root, with `/`.
    pub(crate) path: String,
    /// Whole content.
    pub(crate) text: String,
}

/// One line that breaks a rule.
pub(crate) struct Finding(pub(crate) String);

impl File {
    /// Numbered lines, from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// Numbered lines of code that ships: no comments, and nothing from the first `#[cfg(test)]`
    /// module on (tests stand last in a file).
    pub(crate) fn shipped_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let tests_from = self.tests_from();
        self.lines()
            .take_while(move |(number, _)| *number < tests_from)
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// Number of the line that opens the file's test module, or one past the end.
    pub(crate) fn tests_from(&self) -> usize {
        let lines: Vec<&str> = self.text.lines().collect();
        let opens = |index: usize| {
            lines[index].trim() == "#[cfg(test)]"
                && lines.get(index + 1).is_some_and(|next| next.trim_start().starts_with("mod "))
        };
        (0..lines.len()).find(|&index| opens(index)).map_or(lines.len() + 1, |index| index + 1)
    }

    /// A finding at one of this file's lines.
    pub(crate) fn at(&self, line: usize, advice: impl std::fmt::Display) -> Finding {
        Finding(format!("{}:{line}: {advice}", self.path))
    }
}

/// Every text file below `folder` (from the root) that `keep` accepts, by path.
pub(crate) fn files(folder: &str, keep: impl Fn(&str) -> bool) -> Vec<File> {
    let root = root();
    let mut found = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(here) = folders.pop() {
        let Ok(entries) = fs::read_dir(&here) else { continue };
        for entry in entries.map(Result::unwrap) {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            // In a second worktree, `.git` is a file.
            if SKIPPED.contains(&name.as_str()) {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
                continue;
            }
            let relative = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
            if !keep(&relative) {
                continue;
            }
            if let Ok(text) = fs::read_to_string(&path) {
                found.push(File { path: relative, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The crates' Rust files that ship: `crates/*/src/**/*.rs` without files of tests only.
pub(crate) fn shipped_sources() -> Vec<File> {
    let keep = |path: &str| {
        path.ends_with(".rs")
            && path.contains("/src/")
            && !path.ends_with("/tests.rs")
            && !path.contains("/tests/")
    };
    let found = files("crates", keep);
    assert!(found.len() >= 7, "expected the sources of seven crates, found {}", found.len());
    found
}

/// Fails with all findings, or passes.
#[track_caller]
pub(crate) fn report(rule: &str, findings: &[Finding]) {
    let listed: Vec<&str> = findings.iter().map(|finding| finding.0.as_str()).collect();
    assert!(listed.is_empty(), "{rule}\n{}", listed.join("\n"));
}
