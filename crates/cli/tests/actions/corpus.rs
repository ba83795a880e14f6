//! The corpus of Actions: `corpus/actions`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// A hostile script.
pub(crate) struct Hostile {
    pub(crate) name: String,
    pub(crate) code: String,
    /// Whether the run must end in a refusal; else it must only achieve nothing.
    pub(crate) must_be_refused: bool,
}

/// A script as people write it, with what is expected of it.
pub(crate) struct Good {
    pub(crate) name: String,
    pub(crate) code: String,
    pub(crate) cases: Vec<Value>,
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/actions").join(name)
}

fn scripts(name: &str) -> BTreeMap<String, String> {
    let files = std::fs::read_dir(folder(name)).unwrap().map(|file| file.unwrap().path());
    let scripts = files.filter(|file| file.extension().is_some_and(|ending| ending == "js"));
    let read = |file: PathBuf| {
        let code = std::fs::read_to_string(&file).unwrap();
        (file.file_stem().unwrap().to_str().unwrap().to_owned(), code)
    };
    scripts.map(read).collect()
}

pub(crate) fn hostile() -> Vec<Hostile> {
    let read = |(name, code): (String, String)| {
        let first = code.lines().next().unwrap_or_default();
        let must_be_refused = match first.trim_start_matches("// expect: ").trim() {
            "refused" => true,
            "contained" => false,
            other => panic!("{name}: {other:?} is no expectation"),
        };
        Hostile { name, code, must_be_refused }
    };
    scripts("hostile").into_iter().map(read).collect()
}

pub(crate) fn good() -> Vec<Good> {
    let read = |(name, code): (String, String)| {
        let expected =
            std::fs::read_to_string(folder("good").join(format!("{name}.json"))).unwrap();
        let expected: Value = serde_json::from_str(&expected).unwrap();
        let cases = expected["cases"].as_array().unwrap().clone();
        assert!(!cases.is_empty(), "{name} has no case");
        Good { name, code, cases }
    };
    scripts("good").into_iter().map(read).collect()
}
