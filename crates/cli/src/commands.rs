//! The commands, one file each.

pub(crate) mod account;
pub(crate) mod action;
pub(crate) mod allow;
pub(crate) mod api;
pub(crate) mod audit;
pub(crate) mod check;
pub(crate) mod client;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod gateway;
pub(crate) mod import;
pub(crate) mod keys;
pub(crate) mod serve;
pub(crate) mod settings;

use std::process::ExitCode;

use serde_json::Value;

use crate::manage::Management;

/// The answer is no.
const NO: u8 = 3;

/// The command line says something that no command can be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct WrongUsage(String);

/// How many things a page of a listing has.
const PAGE: usize = 100;

/// Prints an answer: as JSON for programs, else in words.
fn print(management: &Management, value: &Value, words: impl FnOnce(&Value) -> String) -> ExitCode {
    if management.json() {
        println!("{value:#}");
    } else {
        println!("{}", words(value));
    }
    ExitCode::SUCCESS
}

/// Reads a listing of `/api/v2` to its end.
async fn pages(management: &Management, path: &str, name: &str) -> anyhow::Result<Vec<Value>> {
    let mut items: Vec<Value> = Vec::new();
    let joint = if path.contains('?') { '&' } else { '?' };
    for page in 0.. {
        let query = format!("{joint}include_totals=true&per_page={PAGE}&page={page}");
        let answer = management.get(&format!("{path}{query}")).await?;
        let found = answer.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        let last = found.len() < PAGE;
        items.extend(found);
        if last {
            break;
        }
    }
    Ok(items)
}

/// Reads a listing of `/v1` to its end.
async fn all(management: &Management, path: &str) -> anyhow::Result<Vec<Value>> {
    let mut items = Vec::new();
    let mut cursor: Option<String> = None;
    let joint = if path.contains('?') { '&' } else { '?' };
    loop {
        let after = cursor.map(|c| format!("&cursor={}", escape(&c))).unwrap_or_default();
        let page = management.get(&format!("{path}{joint}limit={PAGE}{after}")).await?;
        let found = page.get("items").and_then(Value::as_array);
        items.extend(found.into_iter().flatten().cloned());
        cursor = page.get("next_cursor").and_then(Value::as_str).map(str::to_owned);
        if cursor.is_none() {
            return Ok(items);
        }
    }
}

/// Makes a text fit for one segment of a path, or for a value of a query.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
