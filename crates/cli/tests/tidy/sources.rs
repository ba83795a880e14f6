//! Rules about source files.

use crate::tree::{File, Finding, files, report, shipped_sources};

/// Lines of a file before its tests. Longer files hold two things.
const LINES_MAX: usize = 500;

/// Files above the limit: path, lines they may have, why. Only ever shrinks.
const LONG_FILES: &[(&str, usize, &str)] = &[];

/// The word we do not use, in two halves so that this file passes its own rule.
const BANNED_WORD: &str = concat!("white", "list");
/// Where it may stand: import aliases and the page that explains them.
const BANNED_WORD_ALLOWED: &[&str] = &["docs/STYLE.md", "docs/reference/known-differences.md"];

/// File names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] =
    &["util.rs", "utils.rs", "helper.rs", "helpers.rs", "misc.rs", "mod.rs"];

/// Ways to parse an address. The standard library's parser is fine; what it leaves open (mapped
/// addresses, zones, ports) is not, so only `keyward-allowlist` decides what an address is.
const ADDRESS_PARSING: &[&str] = &[
    "parse::<IpAddr>",
    "parse::<Ipv4Addr>",
    "parse::<Ipv6Addr>",
    "parse::<std::net::Ip",
    "parse::<net::Ip",
    "IpAddr::from_str",
    "Ipv4Addr::from_str",
    "Ipv6Addr::from_str",
    "IpAddr::parse_ascii",
    "Ipv4Addr::parse_ascii",
    "Ipv6Addr::parse_ascii",
];

/// SQL, as it would stand in a string.
const SQL: &[&str] = &[
    "SELECT ",
    "INSERT INTO ",
    "INSERT OR ",
    "DELETE FROM ",
    "CREATE TABLE ",
    "DROP TABLE ",
    "ALTER TABLE ",
    "PRAGMA ",
    "BEGIN IMMEDIATE",
];

/// Who may say on whose behalf a write happens (`docs/ARCHITECTURE.md`, one management write): each
/// way to make an `Actor`, and the files that may.
const ACTOR_MAKERS: &[(&str, &[&str])] = &[
    ("Actor::client(", &["crates/server/src/caller.rs", "crates/server/src/caller/"]),
    ("Actor::command_line(", &["crates/cli/src/"]),
    (
        "Actor::system(",
        &[
            "crates/server/src/jobs.rs",
            "crates/server/src/jobs/",
            "crates/server/src/services/first_start.rs",
        ],
    ),
];

/// Where the commit was made is nobody's business, and a path of one machine is wrong on the next.
const MACHINE_PATHS: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("../sha", "red"),
    concat!("/home/", "runner"),
    concat!("/ro", "ot/."),
    concat!("index.crates.io", ":443"),
];

fn any_of(line: &str, patterns: &[&str]) -> Option<String> {
    patterns.iter().find(|pattern| line.contains(*pattern)).map(|pattern| pattern.trim().to_owned())
}

fn find(
    sources: &[File],
    exempt: impl Fn(&str) -> bool,
    patterns: &[&str],
    advice: &str,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in sources.iter().filter(|file| !exempt(&file.path)) {
        for (number, line) in file.shipped_lines() {
            if let Some(pattern) = any_of(line, patterns) {
                findings.push(file.at(number, format!("`{pattern}`: {advice}")));
            }
        }
    }
    findings
}

#[test]
fn files_hold_one_thing() {
    let mut findings = Vec::new();
    let mut used = Vec::new();
    for file in shipped_sources() {
        let length = file.tests_from() - 1;
        let listed = LONG_FILES.iter().find(|(path, ..)| *path == file.path);
        let limit = listed.map_or(LINES_MAX, |(_, lines, _)| *lines);
        if length > LINES_MAX {
            used.extend(listed.map(|(path, ..)| *path));
        }
        if length > limit {
            let advice =
                format!("{length} lines before the tests, at most {limit}: split it by concept");
            findings.push(file.at(length, advice));
        }
    }
    for (path, ..) in LONG_FILES.iter().filter(|(path, ..)| !used.contains(path)) {
        findings.push(Finding(format!("{path}: no longer too long: take it off LONG_FILES")));
    }
    report("a source file is too long", &findings);
}

#[test]
fn file_names_say_what_is_inside() {
    let named_badly = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        EMPTY_NAMES.contains(&name)
    };
    let findings: Vec<Finding> = ["crates", "bench", "e2e", "examples", "fuzz"]
        .iter()
        .flat_map(|folder| files(folder, |path| path.ends_with(".rs") && named_badly(path)))
        .map(|file| {
            file.at(1, "name the file after the concept in it (`foo.rs` + `foo/`, no mod.rs)")
        })
        .collect();
    report("a file name says nothing", &findings);
}

#[test]
fn one_noun_for_one_thing() {
    let text = |path: &str| {
        [".rs", ".md", ".sql", ".toml", ".sh"].iter().any(|end| path.ends_with(end))
            && !BANNED_WORD_ALLOWED.contains(&path)
            && !path.starts_with("corpus/")
    };
    let mut findings = Vec::new();
    for file in files("", text) {
        for (number, line) in file.lines() {
            if line.to_lowercase().contains(BANNED_WORD) {
                findings.push(file.at(number, "say allowlist, in code, SQL and prose"));
            }
        }
    }
    report("a banned word", &findings);
}

#[test]
fn only_allowlist_parses_addresses() {
    let ours = |path: &str| path.starts_with("crates/allowlist/");
    let advice = "use keyward_allowlist, which canonicalises and refuses what is ambiguous";
    let sources = shipped_sources();
    report("an address is parsed elsewhere", &find(&sources, ours, ADDRESS_PARSING, advice));
}

#[test]
fn only_the_store_writes_sql() {
    let store = |path: &str| path.starts_with("crates/store/");
    let advice = "SQL lives in crates/store: add a method to its interface";
    report("SQL outside the store", &find(&shipped_sources(), store, SQL, advice));
}

#[test]
fn only_the_authenticated_make_an_actor() {
    let mut findings = Vec::new();
    for file in shipped_sources() {
        for (maker, allowed) in ACTOR_MAKERS {
            if allowed.iter().any(|path| file.path.starts_with(path)) {
                continue;
            }
            for (number, _) in file.shipped_lines().filter(|(_, line)| line.contains(maker)) {
                let files = allowed.join(", ");
                let advice = format!("`{maker}…)` belongs in {files}: pass the actor on instead");
                findings.push(file.at(number, advice));
            }
        }
    }
    report("a write could happen on nobody's behalf", &findings);
}

#[test]
fn nothing_names_one_machine() {
    let text = |path: &str| !path.ends_with("Cargo.lock");
    let mut findings = Vec::new();
    for file in files("", text) {
        for (number, line) in file.lines() {
            if let Some(pattern) = any_of(line, MACHINE_PATHS) {
                findings.push(file.at(number, format!("`{pattern}` exists on one machine only")));
            }
        }
    }
    report("a path of one machine", &findings);
}

#[test]
fn migrations_are_complete() {
    let mut findings = Vec::new();
    let migrations = files("crates/store/migrations", |path| path.ends_with(".sql"));
    assert!(!migrations.is_empty(), "crates/store/migrations holds no migration");
    let mut folders: Vec<(&str, Vec<&str>)> = Vec::new();
    for file in &migrations {
        let (folder, name) = file.path.rsplit_once('/').unwrap();
        match folders.last_mut() {
            Some((last, names)) if *last == folder => names.push(name),
            _ => folders.push((folder, vec![name])),
        }
        if file.text.trim().is_empty() {
            findings
                .push(file.at(1, "an empty migration cannot be undone by a later one: fill it"));
        }
    }
    for (folder, names) in &folders {
        for (index, name) in names.iter().enumerate() {
            let wanted = format!("{:04}_", index + 1);
            let tidy = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.".contains(c);
            if !name.starts_with(&wanted) || !name.chars().all(tidy) {
                findings.push(Finding(format!(
                    "{folder}/{name}: expected {wanted}what_it_does.sql: numbers have no gap"
                )));
            }
        }
        if *names != folders[0].1 {
            findings.push(Finding(format!(
                "{folder}: its files differ from those of {}: each database gets each migration",
                folders[0].0
            )));
        }
    }
    report("migrations are out of step", &findings);
}
