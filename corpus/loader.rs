//! Reads the corpus and runs one area of it. Shared by the tests of several crates:
//!
//! ```ignore
//! #[cfg(test)]
//! #[path = "../../../corpus/loader.rs"]
//! mod loader;
//! ```
//!
//! The including crate needs `serde_json` as a development dependency. The folder is the one named
//! in `KEYWARD_CORPUS`, or else the project's own.

use std::path::PathBuf;

use serde_json::Value;

/// One line of a corpus file, with every `$concat` in `input` already written out.
pub(crate) struct Case {
    /// The stable name, such as `ip_parse-001`.
    pub(crate) id: String,
    /// What goes in.
    pub(crate) input: Value,
    /// What must come out.
    pub(crate) expect: Value,
    /// Why the case exists.
    pub(crate) why: String,
}

/// Runs every case of `area` through `check`, which says what came instead when a case fails.
///
/// Prints each failing case and then `<area> corpus: N cases, M failed`; panics when M > 0.
/// An absent file is skipped.
pub(crate) fn run(area: &str, mut check: impl FnMut(&Case) -> Result<(), String>) {
    let Some(cases) = load(area) else {
        println!("{area} corpus: no such file, skipped");
        return;
    };
    let mut failed = 0_usize;
    for case in &cases {
        if let Err(got) = check(case) {
            failed += 1;
            println!(
                "{}: expected {}, got {got}\n    input {}\n    because {}",
                case.id,
                case.expect,
                shortened(&case.input.to_string()),
                case.why
            );
        }
    }
    println!("{area} corpus: {} cases, {failed} failed", cases.len());
    assert_eq!(failed, 0, "{area} corpus: {failed} of {} cases failed", cases.len());
}

/// The cases of `area`, or nothing when the folder has no such file.
pub(crate) fn load(area: &str) -> Option<Vec<Case>> {
    let path = folder().join(format!("{area}.jsonl"));
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => panic!("cannot read {}: {error}", path.display()),
    };
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    Some(
        lines
            .map(|(number, line)| match serde_json::from_str::<Value>(line) {
                Ok(value) => case(&value),
                Err(error) => panic!("{}:{}: {error}", path.display(), number + 1),
            })
            .collect(),
    )
}

/// The string that a corpus value stands for, `$concat` and `$repeat` written out.
pub(crate) fn text(value: &Value) -> Option<String> {
    if let Some(text) = value.as_str() {
        return Some(text.to_owned());
    }
    if let Some(parts) = value.get("$concat").and_then(Value::as_array) {
        return parts.iter().map(text).collect();
    }
    let repeat = value.get("$repeat")?.as_array()?;
    let count = usize::try_from(repeat.get(1)?.as_u64()?).ok()?;
    Some(text(repeat.first()?)?.repeat(count))
}

fn folder() -> PathBuf {
    std::env::var_os("KEYWARD_CORPUS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../corpus")),
        Into::into,
    )
}

fn case(value: &Value) -> Case {
    let string = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
    Case {
        id: string("id"),
        input: expanded(value.get("input").unwrap_or(&Value::Null)),
        expect: value.get("expect").cloned().unwrap_or(Value::Null),
        why: string("why"),
    }
}

fn expanded(value: &Value) -> Value {
    if value.is_object()
        && let Some(text) = text(value)
    {
        return Value::String(text);
    }
    match value {
        Value::Array(items) => items.iter().map(expanded).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), expanded(value))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= 400 {
        return text.to_owned();
    }
    format!("{}… ({} bytes)", text.chars().take(400).collect::<String>(), text.len())
}
