//! Addresses and lists for scripts, by the server's own rules.

use std::net::IpAddr;

use keyward_allowlist::{
    EntryIndex, EntryRules, ParseError, ParseErrorKind, parse_address, parse_entries, parse_entry,
    parse_list,
};
use keyward_core::allowlist::Allowlist;
use serde_json::{Value, json};

fn rules() -> EntryRules {
    Allowlist::entry_rules()
}

fn value(value: impl Into<Value>) -> String {
    json!({ "value": value.into() }).to_string()
}

fn fault(kind: &ParseErrorKind, text: &str) -> String {
    let mut error = json!({ "code": kind.code(), "message": format!("`{text}` {kind}") });
    put_suggestion(&mut error, kind);
    json!({ "error": error }).to_string()
}

fn fault_in_list(first: &ParseError) -> String {
    let (code, message) = (first.kind.code(), first.to_string());
    let mut error = json!({ "code": code, "message": message, "line": first.line });
    put_suggestion(&mut error, &first.kind);
    json!({ "error": error }).to_string()
}

fn put_suggestion(error: &mut Value, kind: &ParseErrorKind) {
    if let (Some(members), Some(suggestion)) = (error.as_object_mut(), kind.suggestion()) {
        members.insert("suggestion".to_owned(), suggestion.into());
    }
}

/// The canonical text of an address, or what is wrong with it.
pub(super) fn parse(text: &str) -> String {
    match parse_address(text) {
        Ok(address) => value(address.to_string()),
        Err(kind) => fault(&kind, text),
    }
}

/// The bytes of an address as it is written: a mapped one has sixteen.
pub(super) fn bytes(text: &str) -> String {
    match parse_address(text) {
        Ok(IpAddr::V4(address)) if text.contains(':') => {
            value(address.to_ipv6_mapped().octets().to_vec())
        }
        Ok(IpAddr::V4(address)) => value(address.octets().to_vec()),
        Ok(IpAddr::V6(address)) => value(address.octets().to_vec()),
        Err(kind) => fault(&kind, text),
    }
}

/// The canonical text of a network, or what is wrong with it.
pub(super) fn network(text: &str) -> String {
    match parse_entry(text, &rules()) {
        Ok(network) => value(network.to_string()),
        Err(kind) => fault(&kind, text),
    }
}

/// The entry of a list (a text or an array of texts, as JSON) that covers an address; the narrowest
/// of several. An entry that is none is an error, as everywhere.
pub(super) fn find(list: &str, address: &str) -> String {
    let entries = match serde_json::from_str::<Value>(list) {
        Ok(Value::String(text)) => {
            parse_list(&text, &rules()).map(|all| all.into_iter().map(|one| one.network).collect())
        }
        Ok(Value::Array(items)) => parse_entries(items.iter().filter_map(Value::as_str), &rules()),
        _ => Ok(Vec::new()),
    };
    let networks = match entries {
        Ok(networks) => networks,
        Err(errors) => {
            let first = errors.iter().next().map(fault_in_list);
            return first.unwrap_or_else(|| value(Value::Null));
        }
    };
    match parse_address(address) {
        Ok(address) => {
            let place = EntryIndex::compile(&networks).find(address);
            let found = place.and_then(|place| networks.get(place));
            value(found.map(ToString::to_string))
        }
        Err(kind) => fault(&kind, address),
    }
}
