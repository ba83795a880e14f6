//! Each crate is defined by what it must not be able to do: `docs/DECISIONS/0001-crate-edges.md`.

use std::collections::BTreeSet;
use std::process::Command;

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

use crate::tree::{Finding, report, root};

/// What one crate may and must not use. Dev-dependencies are free: they never ship.
struct Rule {
    package: &'static str,
    /// Our own crates that it may name.
    ours: &'static [&'static str],
    /// Outside crates that it must not name itself.
    never_named: &'static [&'static str],
    /// Crates, ours or not, that must not be reachable from it by any path.
    never_reached: &'static [&'static str],
}

const RULES: &[Rule] = &[
    Rule {
        package: "keyward-allowlist",
        ours: &[],
        never_named: &[],
        never_reached: &["tokio", "serde", "serde_json", "axum", "hyper", "sqlx", "rand", "jiff"],
    },
    Rule {
        package: "keyward-core",
        ours: &["keyward-allowlist"],
        never_named: &["jiff", "rand", "getrandom"],
        never_reached: &["tokio", "sqlx", "sqlx-core", "axum", "hyper", "reqwest", "tonic", "rand"],
    },
    Rule {
        package: "keyward-store",
        ours: &["keyward-allowlist", "keyward-core"],
        never_named: &["http"],
        never_reached: &["axum", "hyper", "hyper-util", "reqwest", "tonic"],
    },
    Rule {
        package: "keyward-actions",
        ours: &["keyward-allowlist", "keyward-core"],
        never_named: &[],
        never_reached: &["sqlx", "sqlx-core", "libsqlite3-sys", "axum", "hyper", "reqwest"],
    },
    Rule {
        package: "keyward-gate",
        ours: &["keyward-allowlist", "keyward-core"],
        never_named: &[],
        never_reached: &[
            "keyward-store",
            "keyward-actions",
            "keyward-server",
            "sqlx",
            "sqlx-core",
            "sqlx-sqlite",
            "libsqlite3-sys",
            "reqwest",
        ],
    },
    Rule {
        package: "keyward-server",
        ours: &[
            "keyward-allowlist",
            "keyward-core",
            "keyward-store",
            "keyward-actions",
            "keyward-gate",
        ],
        never_named: &["sqlx", "sqlx-core", "sqlx-sqlite", "libsqlite3-sys"],
        never_reached: &[],
    },
    Rule {
        package: "keyward",
        ours: &[
            "keyward-allowlist",
            "keyward-core",
            "keyward-store",
            "keyward-actions",
            "keyward-gate",
            "keyward-server",
        ],
        never_named: &["sqlx", "sqlx-core", "sqlx-sqlite", "libsqlite3-sys"],
        never_reached: &[],
    },
    Rule { package: "keyward-e2e", ours: &[], never_named: &[], never_reached: &[] },
    // An example names what its readers would.
    Rule {
        package: "keyward-example-axum-app",
        ours: &["keyward-allowlist", "keyward-gate", "keyward-server"],
        never_named: &["sqlx", "sqlx-core", "sqlx-sqlite", "libsqlite3-sys"],
        never_reached: &[],
    },
];

/// What the tower layer must not bring into a service that wants nothing but it.
const NEVER_WITH_THE_LAYER: &[&str] =
    &["axum", "axum-core", "tonic", "tonic-health", "prost", "envoy-types", "h2"];

/// What `keyward-allowlist` may depend on without a feature being asked for.
const ALLOWLIST_MAY_USE: &[&str] = &["thiserror"];
/// Never anywhere in what we ship, whatever its version.
const NEVER_ANYWHERE: &[&str] = &["ring", "rsa", "openssl-sys", "native-tls"];
/// The only package that names the database library.
const SQL_CRATE: &str = "keyward-store";

/// The workspace's packages with the dependencies that their manifests declare.
fn packages() -> Vec<Package> {
    let mut command = MetadataCommand::new();
    command.manifest_path(root().join("Cargo.toml")).no_deps();
    command.exec().unwrap().packages
}

/// Names of what a package itself depends on, optional or not; dev-dependencies aside.
fn direct(package: &Package) -> BTreeSet<&str> {
    let shipped = package.dependencies.iter().filter(|dep| dep.kind != DependencyKind::Development);
    shipped.map(|dep| dep.name.as_str()).collect()
}

/// Names of everything that is built into a package, by any path, as cargo would build it alone with
/// these options. (`cargo metadata` mixes in the features that other packages and tests ask for.)
fn reached(package: &str, options: &[&str]) -> BTreeSet<String> {
    let tree = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO"));
        command.current_dir(root()).args(["tree", "--locked", "--package", package]);
        command.args(["--edges", "normal,build", "--prefix", "none", "--format", "{p}"]);
        command.args(options).args(more).output().unwrap()
    };
    // What was built is downloaded already; optional packages that nothing uses may not be.
    let offline = tree(&["--offline"]);
    let output = if offline.status.success() { offline } else { tree(&[]) };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let name = |line: &str| line.split_whitespace().next().map(str::to_owned);
    let names: BTreeSet<String> = text.lines().filter_map(name).collect();
    assert!(names.contains(package), "cargo tree says nothing about {package}:\n{text}");
    names
}

fn manifest_of(package: &str) -> String {
    match package {
        "keyward" => "crates/cli/Cargo.toml".to_owned(),
        "keyward-e2e" | "keyward-bench" => {
            format!("{}/Cargo.toml", package.trim_start_matches("keyward-"))
        }
        "keyward-example-axum-app" => "examples/axum-app/Cargo.toml".to_owned(),
        other => format!("crates/{}/Cargo.toml", other.trim_start_matches("keyward-")),
    }
}

/// The package that a rule is about.
fn package_of<'a>(packages: &'a [Package], rule: &Rule) -> &'a Package {
    let found = packages.iter().find(|package| package.name == rule.package);
    found.unwrap_or_else(|| panic!("the workspace has no package {}", rule.package))
}

#[test]
fn crates_depend_only_downwards() {
    let packages = packages();
    let mut findings = Vec::new();
    for rule in RULES {
        for name in direct(package_of(&packages, rule)) {
            let ours = name == "keyward" || name.starts_with("keyward-");
            if ours && !rule.ours.contains(&name) {
                findings.push(Finding(format!(
                    "{}: {} must not depend on {name}: move the shared part down, or record the \
                     new edge in docs/DECISIONS and here",
                    manifest_of(rule.package),
                    rule.package
                )));
            }
        }
    }
    report("an edge between crates points the wrong way", &findings);
}

#[test]
fn crates_do_not_name_what_they_must_not() {
    let packages = packages();
    let mut findings = Vec::new();
    for rule in RULES {
        let named = direct(package_of(&packages, rule));
        for name in rule.never_named.iter().filter(|name| named.contains(*name)) {
            findings.push(Finding(format!(
                "{}: {} must not name {name}: take the result as an argument instead",
                manifest_of(rule.package),
                rule.package
            )));
        }
    }
    report("a crate names what it must not", &findings);
}

#[test]
fn crates_cannot_reach_what_they_must_not() {
    let mut findings = Vec::new();
    for rule in RULES.iter().filter(|rule| !rule.never_reached.is_empty()) {
        let reached = reached(rule.package, &[]);
        for name in rule.never_reached.iter().filter(|name| reached.contains(**name)) {
            findings.push(Finding(format!(
                "{}: {} must not be able to reach {name}: `cargo tree -p {} -i {name}` shows how",
                manifest_of(rule.package),
                rule.package,
                rule.package
            )));
        }
    }
    report("a crate can reach what it must not be able to do", &findings);
}

#[test]
fn the_layer_brings_neither_axum_nor_grpc() {
    let options = ["--no-default-features", "--features", "layer"];
    let reached = reached("keyward-gate", &options);
    assert!(reached.contains("tower-layer"), "the feature brings the layer: {reached:?}");
    let findings: Vec<Finding> = NEVER_WITH_THE_LAYER
        .iter()
        .filter(|name| reached.contains(**name))
        .map(|name| {
            let advice = "make it optional, or take out the feature that asks for it";
            Finding(format!(
                "crates/gate/Cargo.toml: the feature `layer` reaches {name}: {advice}; \
                 `cargo tree -p keyward-gate {} -i {name}` shows how",
                options.join(" ")
            ))
        })
        .collect();
    report("the tower layer brings more than itself", &findings);
}

#[test]
fn only_the_store_names_the_database() {
    let packages = packages();
    let mut findings = Vec::new();
    for package in packages.iter().filter(|package| package.name != SQL_CRATE) {
        let database = |name: &&str| name.starts_with("sqlx") || *name == "rusqlite";
        for name in direct(package).into_iter().filter(database) {
            findings.push(Finding(format!(
                "{}: only {SQL_CRATE} may name {name}: add a method to its interface",
                manifest_of(package.name.as_str())
            )));
        }
    }
    report("the database is reached around the store", &findings);
}

#[test]
fn allowlist_stands_alone() {
    let packages = packages();
    let package = packages.iter().find(|package| package.name == "keyward-allowlist").unwrap();
    let findings: Vec<Finding> = package
        .dependencies
        .iter()
        .filter(|dep| dep.kind != DependencyKind::Development && !dep.optional)
        .filter(|dep| !ALLOWLIST_MAY_USE.contains(&dep.name.as_str()))
        .map(|dep| {
            let name = &dep.name;
            Finding(format!(
                "crates/allowlist/Cargo.toml: {name} is not wanted here: the crate is published \
                 alone and its parser trusts nobody; make it optional or do without"
            ))
        })
        .collect();
    report("keyward-allowlist depends on too much", &findings);
}

#[test]
fn nothing_ships_a_second_cryptography_library() {
    let reached = reached("keyward", &[]);
    let findings: Vec<Finding> = NEVER_ANYWHERE
        .iter()
        .filter(|name| reached.contains(**name))
        .map(|name| {
            let advice = "turn off the feature that brings it in";
            Finding(format!("{name}: {advice}; `cargo tree -p keyward -i {name}` shows which"))
        })
        .collect();
    report("one cryptography library, one TLS library", &findings);
}
