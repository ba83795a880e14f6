//! Rules that keep the documents true.

use std::collections::BTreeSet;
use std::fs;

use crate::tree::{File, files, report, root};

/// Decision records are short enough to be read.
const DECISION_LINES_MAX: usize = 60;
/// One sitting.
const ARCHITECTURE_LINES_MAX: usize = 250;

fn documents() -> Vec<File> {
    let found = files("", |path| path.ends_with(".md") && !path.starts_with("corpus/"));
    assert!(found.iter().any(|file| file.path == "README.md"), "README.md is missing");
    found
}

/// Targets of the links on one line: `[text](target)`.
fn links(line: &str) -> Vec<&str> {
    let parts = line.split("](").skip(1);
    parts.filter_map(|rest| rest.split_once(')').map(|(target, _)| target.trim())).collect()
}

/// A heading's anchor, as the usual renderers make it.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn anchors(text: &str) -> BTreeSet<String> {
    text.lines().filter(|line| line.starts_with('#')).map(anchor).collect()
}

#[test]
fn links_lead_somewhere() {
    let root = root();
    let mut findings = Vec::new();
    for file in documents() {
        let folder = root.join(&file.path).parent().unwrap().to_owned();
        for (number, line) in file.lines() {
            for target in links(line) {
                if target.contains("://") || target.starts_with("mailto:") {
                    continue;
                }
                let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
                let text = if path.is_empty() {
                    file.text.clone()
                } else if folder.join(path).exists() {
                    fs::read_to_string(folder.join(path)).unwrap_or_default()
                } else {
                    findings.push(file.at(number, format!("nothing at {target}: mend the link")));
                    continue;
                };
                if !fragment.is_empty() && !anchors(&text).contains(fragment) {
                    findings
                        .push(file.at(number, format!("no heading for {target}: mend the link")));
                }
            }
        }
    }
    report("a link leads nowhere", &findings);
}

#[test]
fn make_targets_named_in_documents_exist() {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let names: BTreeSet<&str> = makefile
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
        .filter_map(|line| line.split_once(':').map(|(name, _)| name.trim()))
        .collect();
    for wanted in ["run", "test", "check", "bench", "fuzz", "corpus", "e2e"] {
        assert!(names.contains(wanted), "the Makefile has no target {wanted}");
    }
    let mut findings = Vec::new();
    for file in documents() {
        let mut in_code = false;
        for (number, line) in file.lines() {
            if line.trim_start().starts_with("```") {
                in_code = !in_code;
                continue;
            }
            // In prose a command stands in backticks; in a code block it opens the line.
            let spans: Vec<&str> = if in_code {
                vec![line.trim_start_matches("$ ")]
            } else {
                line.split('`').skip(1).step_by(2).collect()
            };
            for span in spans {
                let mut words = span.split_whitespace().skip_while(|word| word.contains('='));
                if words.next() != Some("make") {
                    continue;
                }
                let target = words.find(|word| !word.contains('=') && !word.starts_with('-'));
                if let Some(target) = target.filter(|target| !names.contains(target)) {
                    findings.push(file.at(number, format!("the Makefile has no target {target}")));
                }
            }
        }
    }
    report("a command that does not exist", &findings);
}

#[test]
fn documents_stay_short_enough_to_be_read() {
    let mut findings = Vec::new();
    for file in documents() {
        let limit = if file.path.starts_with("docs/DECISIONS/") {
            DECISION_LINES_MAX
        } else if file.path == "docs/ARCHITECTURE.md" {
            ARCHITECTURE_LINES_MAX
        } else {
            continue;
        };
        let length = file.text.lines().count();
        if length > limit {
            findings.push(file.at(limit + 1, format!("{length} lines, at most {limit}: cut it")));
        }
    }
    report("a document is too long", &findings);
}

#[test]
fn decisions_are_numbered_without_gaps() {
    let records = files("docs/DECISIONS", |path| path.ends_with(".md"));
    assert!(!records.is_empty(), "docs/DECISIONS is empty");
    let mut findings = Vec::new();
    for (index, file) in records.iter().enumerate() {
        let name = file.path.rsplit('/').next().unwrap();
        if !name.starts_with(&format!("{:04}-", index + 1)) {
            findings.push(file.at(1, format!("expected number {:04}", index + 1)));
        }
        for heading in ["## Context", "## Choice", "## Rejected", "## Undo cost"] {
            if !file.text.lines().any(|line| line == heading) {
                findings.push(file.at(1, format!("a decision record has a section `{heading}`")));
            }
        }
    }
    report("a decision record is out of form", &findings);
}

#[test]
fn scenarios_name_tests_that_exist() {
    let sources: String = ["crates", "e2e"]
        .iter()
        .flat_map(|folder| files(folder, |path| path.ends_with(".rs")))
        .map(|file| file.text)
        .collect();
    let known = fs::read_to_string(root().join("corpus/scenarios.jsonl")).unwrap();
    let page = files("docs", |path| path == "docs/scenarios.md").pop().unwrap();
    let mut findings = Vec::new();
    let mut listed = BTreeSet::new();
    for (number, line) in page.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let &[id, .., test] = cells.as_slice() else { continue };
        if !known.contains(&format!("\"id\": \"{id}\"")) {
            continue;
        }
        listed.insert(id);
        for name in test.split('`').skip(1).step_by(2) {
            if !sources.contains(&format!("fn {name}(")) {
                findings
                    .push(page.at(number, format!("no test function {name}: name one that is")));
            }
        }
    }
    let ids = known.lines().filter_map(|line| line.split('"').nth(3));
    let missing: Vec<&str> = ids.filter(|id| !listed.contains(id)).collect();
    assert!(missing.is_empty(), "docs/scenarios.md does not list {missing:?}");
    report("a scenario's test is gone", &findings);
}

/// Every text in a source of that form: `"keyward_…"`.
fn metric_names(text: &str, quote: char) -> BTreeSet<&str> {
    let fits = |part: &&str| {
        part.starts_with("keyward_") && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    };
    text.split(quote).filter(fits).collect()
}

#[test]
fn every_metric_is_in_the_reference_and_none_is_made_up() {
    let sources: Vec<File> = ["crates/gate/src", "crates/server/src"]
        .iter()
        .flat_map(|folder| files(folder, |path| path.ends_with(".rs")))
        .collect();
    let counted: BTreeSet<&str> =
        sources.iter().flat_map(|file| metric_names(&file.text, '"')).collect();
    let page = fs::read_to_string(root().join("docs/reference/metrics.md")).unwrap();
    assert_eq!(metric_names(&page, '`'), counted, "docs/reference/metrics.md (left) and the code");
}
