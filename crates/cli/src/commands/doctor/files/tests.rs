//! The command as a whole, and its page in the reference.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::super::finding::{self, Code};
use super::*;

const REFERENCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/doctor.md");

/// Every code, under the heading that it stands below in the reference.
fn all() -> Vec<(&'static str, &'static [&'static Code])> {
    vec![
        ("nginx", nginx::CODES),
        ("Envoy", envoy::CODES),
        ("Caddy", caddy::CODES),
        ("all kinds", finding::common::ALL),
    ]
}

fn table(codes: &[&Code]) -> String {
    let mut table =
        String::from("| code | severity | what it means | what to do |\n|---|---|---|---|\n");
    for Code { name, severity, means, fix } in codes {
        let (means, fix) = (means.replace('|', "\\|"), fix.replace('|', "\\|"));
        writeln!(table, "| `{name}` | {} | {means} | {fix} |", severity.name()).unwrap();
    }
    table
}

#[test]
fn every_code_stands_in_the_reference() {
    let page = std::fs::read_to_string(REFERENCE).unwrap();
    for (title, codes) in all() {
        let begin = format!("<!-- begin: codes of {title} -->\n");
        let rest = page.split_once(&begin).map_or("", |(_, rest)| rest);
        let found = rest.split_once("<!-- end -->").map_or("", |(found, _)| found);
        let expected = table(codes);
        assert!(
            found == expected,
            "docs/reference/doctor.md is not up to date. Between `{}` and `<!-- end -->` \
             put:\n{expected}",
            begin.trim()
        );
    }
}

#[test]
fn codes_are_unique_and_say_whose_they_are() {
    let mut names = BTreeSet::new();
    for (title, codes) in all() {
        for code in codes {
            assert!(names.insert(code.name), "{} stands twice", code.name);
            let of_title = code.name.starts_with(&format!("{}-", title.to_lowercase()));
            assert!(of_title || title == "all kinds", "{}", code.name);
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(code.name.chars().all(plain), "{}", code.name);
            assert!(!code.means.ends_with('.') && !code.fix.ends_with('.'), "{}", code.name);
        }
    }
}

#[test]
fn the_recipes_are_right() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/gateways");
    for recipe in ["nginx/api.conf", "envoy/http.yaml", "envoy/grpc.yaml", "caddy/Caddyfile"] {
        let (_, examined) = judge(&Path::new(folder).join(recipe), None).unwrap();
        assert_eq!(examined.findings, [], "{recipe}");
        assert_eq!((examined.checks, examined.guarded), (1, 1), "{recipe}");
    }
}

fn in_a_file(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

#[test]
fn a_file_that_asks_nobody_is_not_called_good() {
    let (_folder, path) = in_a_file("nginx.conf", "server {\n    listen 80;\n}\n");
    let (kind, examined) = judge(&path, None).unwrap();
    let text = words(&path, kind, &examined);
    let name = path.display();
    assert!(text.starts_with(&format!("{name}:1: warning: nothing here asks Keyward [no-check-")));
    let end = format!("{name} (nginx): 0 checks, 0 guarded locations: 1 warning");
    assert!(text.ends_with(&end), "{text}");
    assert_eq!(run(&[path], None, true), ExitCode::SUCCESS);
}

#[test]
fn findings_are_told_in_words_and_in_json() {
    let text = "server {\n  auth_request /x;\n  real_ip_header X-Real-IP;\n}\n";
    let (_folder, path) = in_a_file("api.conf", text);
    let (kind, examined) = judge(&path, None).unwrap();
    let name = path.display();
    let expected = format!(
        "{name}:2: error: no location is called `/x` [nginx-check-location-missing]\n    {}\n\
         {name}:3: warning: `real_ip_header` without `set_real_ip_from` believes nobody \
         [nginx-real-ip-without-trust]\n    {}\n\
         {name} (nginx): 1 check, 0 guarded locations: 1 error, 1 warning",
        examined.findings[0].code.fix, examined.findings[1].code.fix
    );
    assert_eq!(words(&path, kind, &examined), expected);
    let json = examined.findings[0].json();
    assert_eq!(json["file"], name.to_string());
    assert_eq!((json["line"].as_u64(), json["severity"].as_str()), (Some(2), Some("error")));
    assert_eq!(json["code"], "nginx-check-location-missing");
    assert!(json["message"].is_string() && json["fix"].is_string());
    assert_eq!(run(&[path], None, false), ExitCode::from(WRONG));
}

#[test]
fn what_cannot_be_judged_is_said_with_its_place() {
    let (_folder, path) = in_a_file("api.conf", "server { root /x;\n  listen 80\n}\n");
    let fault = judge(&path, None).unwrap_err();
    assert_eq!(
        fault.to_string(),
        format!("{}:2: the directive `listen` has no `;`", path.display())
    );
    assert_eq!(run(&[path], None, false), ExitCode::from(UNREADABLE));

    let (_folder, path) = in_a_file("haproxy.cfg", "frontend web\n  bind :80\n");
    let fault = judge(&path, None).unwrap_err();
    assert!(fault.message.contains("say so with `--kind`"), "{fault}");
    // Said so, it is read, and refused for what it is.
    let fault = judge(&path, Some(Kind::Nginx)).unwrap_err();
    assert!(fault.to_string().ends_with(":1: the directive `frontend` has no `;`"), "{fault}");

    let fault = judge(&path.with_file_name("none.conf"), None).unwrap_err();
    assert!(fault.message.starts_with("cannot be read: "), "{fault}");
}
