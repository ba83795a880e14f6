//! The parts of the reference that are written by the code: each stands between two markers and
//! must be, line by line, what the code says today.

#![cfg(test)]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Compares what stands between the markers of that name with what should.
#[track_caller]
fn check(document: &str, name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(document);
    let text = std::fs::read_to_string(&path).unwrap();
    let begin = format!("<!-- begin: {name} -->\n");
    let end = "<!-- end -->";
    let found = text.split_once(&begin).and_then(|(_, rest)| rest.split_once(end));
    let found = found.map_or("", |(found, _)| found);
    assert!(
        found == expected,
        "docs/reference/{document} is not up to date. Between `{}` and `{end}` put:\n{expected}",
        begin.trim()
    );
}

#[test]
fn every_setting_stands_in_the_reference_as_the_program_prints_it() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_keyward"));
    let output = program.args(["config", "print-default"]).output().unwrap();
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    check("config.md", "keyward config print-default", &format!("```toml\n{printed}```\n"));
}

#[test]
fn every_operation_of_v1_stands_in_the_reference() {
    let document: Value = keyward_server::v1::openapi().to_json().unwrap().parse().unwrap();
    let mut table = String::from("| operation | scope (any one) | does |\n|---|---|---|\n");
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["get", "post", "put", "patch", "delete"] {
            let operation = &item[method];
            if operation.is_null() {
                continue;
            }
            let scopes = operation["security"][0]["management_token"].as_array().unwrap();
            let scopes: Vec<_> =
                scopes.iter().map(|s| format!("`{}`", s.as_str().unwrap())).collect();
            let text = ["summary", "description"].iter().find_map(|part| operation[part].as_str());
            let text = text.unwrap().replace('\n', " ");
            let what = text.split_once(". ").map_or(&*text, |(first, _)| first);
            let what = what.trim().trim_end_matches('.');
            let method = method.to_uppercase();
            writeln!(table, "| `{method} {path}` | {} | {what} |", scopes.join(" ")).unwrap();
        }
    }
    check("management-api.md", "operations of /v1", &table);
}

#[test]
fn every_route_of_api_v2_stands_in_the_reference() {
    let mut list = String::new();
    for (method, path) in keyward_server::management::ROUTES {
        writeln!(list, "- `{method} {path}`").unwrap();
    }
    check("management-api.md", "routes of /api/v2", &list);
}
