//! `keyward import csv`: a table of keys that were made elsewhere.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use csv::{ReaderBuilder, StringRecord, Trim};
use http::Method;
use keyward_allowlist::{EntryRules, parse_entries};
use keyward_core::client::secrets::is_strong_enough;
use keyward_core::id::ClientId;
use serde_json::{Value, json};

use super::CsvArgs;
use super::report::Report;
use crate::commands::{escape, pages};
use crate::manage::{Content, Management};
use crate::table::text;

/// A table is read up to this size.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// The most faults that are told of one table.
const FAULTS_MAX: usize = 100;

pub(super) const COLUMNS_HELP: &str = "\
Columns, named in the first line, in any order:
  client_id       its id; 1 to 64 of A-Z a-z 0-9 _ . ~ -
  name            what people call it (default: its id)
  secret          its secret, of at least 112 bits; or
  secret_sha256   the SHA-256 digest of it, in 64 hexadecimal digits
  account_id      the account that owns it
  allowed_ips     networks that may use it, separated by blanks or `;`
  allowlist_mode  off, report or enforce (default: enforce when there are networks)
  api             the identifier of an API that it may get tokens for
  scopes          scopes of that API, separated by blanks (default: all)
Only client_id and one of the secrets are needed. Nothing is written when any line has a fault.";

const COLUMNS: [&str; 9] = [
    "client_id",
    "name",
    "secret",
    "secret_sha256",
    "account_id",
    "allowed_ips",
    "allowlist_mode",
    "api",
    "scopes",
];

/// A line of the table, found to be good. There is no `Debug`: it holds a secret.
struct Row {
    line: u64,
    id: String,
    body: Value,
    api: Option<String>,
    scopes: Option<Vec<String>>,
}

pub(super) async fn run(management: &Management, args: &CsvArgs) -> anyhow::Result<Report> {
    let rows = read(&args.file)?;
    let mut report = Report { dry_run: args.dry_run, ..Report::default() };
    let known: BTreeSet<String> = pages(management, "/api/v2/clients", "clients")
        .await?
        .iter()
        .map(|client| text(client, "client_id"))
        .collect();
    for row in rows {
        let what = format!("line {}, client {}", row.line, row.id);
        if known.contains(&row.id) {
            keep(management, &mut report, &what, row, args.dry_run).await;
        } else if args.dry_run {
            report.taken(&what, "");
        } else {
            match write(management, row).await {
                Ok(()) => report.taken(&what, ""),
                Err(error) => report.failed(&what, &error),
            }
        }
    }
    Ok(report)
}

/// A client that is there stays as it is; a grant that an import before could not make is made.
async fn keep(management: &Management, report: &mut Report, what: &str, row: Row, dry_run: bool) {
    let there = "there is a client with that id already; nothing of it was changed";
    match has_grant(management, &row).await {
        Ok(true) => report.left(what, there),
        Ok(false) if dry_run => report.taken(what, "is there, its grant would be made"),
        Ok(false) => match grant(management, row).await {
            Ok(()) => report.taken(what, "was there, its grant was made"),
            Err(error) => report.failed(what, &error),
        },
        Err(error) => report.failed(what, &error),
    }
}

/// Whether there is nothing to grant any more.
async fn has_grant(management: &Management, row: &Row) -> anyhow::Result<bool> {
    let Some(api) = &row.api else { return Ok(true) };
    let query = format!("client_id={}&audience={}", escape(&row.id), escape(api));
    let path = format!("/api/v2/client-grants?{query}");
    Ok(!pages(management, &path, "client_grants").await?.is_empty())
}

async fn write(management: &Management, mut row: Row) -> anyhow::Result<()> {
    let path = format!("/v1/clients/{}", escape(&row.id));
    let body = std::mem::take(&mut row.body);
    management.send(Method::PUT, &path, Some(Content::Json(body))).await?;
    grant(management, row).await
}

async fn grant(management: &Management, row: Row) -> anyhow::Result<()> {
    let Some(api) = row.api else { return Ok(()) };
    let scopes = match row.scopes {
        Some(scopes) => scopes,
        None => {
            let path = format!("/api/v2/resource-servers/{}", escape(&api));
            let found =
                management.get(&path).await.context("the client is there, without grant")?;
            let scopes = found.get("scopes").and_then(Value::as_array);
            scopes.into_iter().flatten().map(|scope| text(scope, "value")).collect()
        }
    };
    let grant = json!({ "client_id": row.id, "audience": api, "scope": scopes });
    let made = management.send(Method::POST, "/api/v2/client-grants", Some(Content::Json(grant)));
    made.await.context("the client is there, without grant").map(|_| ())
}

/// Reads the whole table. All faults are told at once, with their lines.
fn read(file: &Path) -> anyhow::Result<Vec<Row>> {
    let wrong = || format!("cannot read {}", file.display());
    let length = std::fs::metadata(file).with_context(wrong)?.len();
    ensure!(length <= FILE_BYTES_MAX, "{} is larger than 256 MiB", file.display());
    let mut reader = ReaderBuilder::new().trim(Trim::All).from_path(file).with_context(wrong)?;
    let head = reader.headers().with_context(wrong)?.clone();
    check_head(&head).with_context(|| format!("{}:1", file.display()))?;
    let (mut rows, mut faults, mut ids) = (Vec::new(), Vec::new(), BTreeSet::new());
    for record in reader.records() {
        let record = record.with_context(wrong)?;
        let line = record.position().map_or(0, csv::Position::line);
        match row(&head, &record, line) {
            Ok(row) if ids.insert(row.id.clone()) => rows.push(row),
            Ok(row) => faults.push(format!("{line}: client_id {} is there twice", row.id)),
            Err(found) => faults.extend(found.into_iter().map(|what| format!("{line}: {what}"))),
        }
        if faults.len() > FAULTS_MAX {
            faults.push("and perhaps more".to_owned());
            break;
        }
    }
    if faults.is_empty() {
        ensure!(!rows.is_empty(), "{} has no line after its first", file.display());
        return Ok(rows);
    }
    let told: Vec<_> = faults.iter().map(|what| format!("  {}:{what}", file.display())).collect();
    bail!("the table has faults, nothing was imported:\n{}", told.join("\n"))
}

fn check_head(head: &StringRecord) -> anyhow::Result<()> {
    let unknown: Vec<_> = head.iter().filter(|name| !COLUMNS.contains(name)).collect();
    let known = COLUMNS.join(", ");
    ensure!(unknown.is_empty(), "unknown column(s) {}; known are {known}", unknown.join(", "));
    let mut seen = BTreeSet::new();
    for name in head {
        ensure!(seen.insert(name), "the column {name} is there twice");
    }
    let has = |name: &str| seen.contains(name);
    ensure!(has("client_id"), "there is no column client_id");
    ensure!(has("secret") || has("secret_sha256"), "there is no column secret or secret_sha256");
    Ok(())
}

fn row(head: &StringRecord, record: &StringRecord, line: u64) -> Result<Row, Vec<String>> {
    let mut faults = Vec::new();
    let cell = |name: &str| {
        let place = head.iter().position(|known| known == name)?;
        record.get(place).filter(|text| !text.is_empty())
    };
    let id = cell("client_id").unwrap_or_default();
    if let Err(error) = ClientId::parse(id) {
        faults.push(format!("client_id `{id}`: {error}"));
    }
    let mut body = json!({ "name": cell("name").unwrap_or(id) });
    let mut put = |name: &str, value: Value| {
        if let Some(members) = body.as_object_mut() {
            members.insert(name.to_owned(), value);
        }
    };
    match (cell("secret"), cell("secret_sha256")) {
        (None, None) => faults.push("there is neither secret nor secret_sha256".to_owned()),
        (Some(_), Some(_)) => faults.push("there are both secret and secret_sha256".to_owned()),
        (Some(secret), None) if !is_strong_enough(secret) => {
            // Not the secret itself: the report may be kept.
            faults.push("secret: is weaker than 112 bits; make a new one instead".to_owned());
        }
        (Some(secret), None) => put("secret", secret.into()),
        (None, Some(digest)) => {
            if digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                faults.push("secret_sha256: is not 64 hexadecimal digits".to_owned());
            }
            put("secret_sha256", digest.into());
        }
    }
    if let Some(account) = cell("account_id") {
        put("account_id", account.into());
    }
    let networks = words(cell("allowed_ips"));
    match parse_entries(networks.iter().copied(), &EntryRules::default()) {
        Ok(_) => put("allowed_ips", json!(networks)),
        Err(errors) => faults.extend(errors.iter().map(|error| format!("allowed_ips: {error}"))),
    }
    match cell("allowlist_mode") {
        None => {}
        Some(mode @ ("off" | "report" | "enforce")) => put("allowlist_mode", mode.into()),
        Some(mode) => faults.push(format!("allowlist_mode `{mode}`: write off, report or enforce")),
    }
    let scopes =
        cell("scopes").map(|text| words(Some(text)).into_iter().map(str::to_owned).collect());
    let api = cell("api").map(str::to_owned);
    if scopes.is_some() && api.is_none() {
        faults.push("scopes: there is no api that they are of".to_owned());
    }
    if faults.is_empty() {
        Ok(Row { line, id: id.to_owned(), body, api, scopes })
    } else {
        Err(faults)
    }
}

fn words(text: Option<&str>) -> Vec<&str> {
    let separated = text.unwrap_or_default().split([' ', ';', '\t', '\n']);
    separated.filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRONG: &str = "Zq3vT8mXwB1nK7rC5yH2pD9sF4jL6gA0";

    fn table(text: &str) -> Result<Vec<Row>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys.csv");
        std::fs::write(&file, text).unwrap();
        read(&file)
            .map_err(|error| format!("{error:#}").replace(&*folder.path().to_string_lossy(), ""))
    }

    #[test]
    fn a_table_is_read() {
        let text = format!(
            "client_id,secret,allowed_ips,api,scopes\nacme,{STRONG},203.0.113.0/24; \
             2001:db8::1,https://api.example,read:a read:b\n\"globex\", {STRONG} ,,,\n"
        );
        let rows = table(&text).unwrap();
        assert_eq!(rows[0].body["allowed_ips"], json!(["203.0.113.0/24", "2001:db8::1"]));
        assert_eq!(rows[0].scopes.as_deref().unwrap(), ["read:a", "read:b"]);
        assert_eq!((rows[1].id.as_str(), rows[1].line), ("globex", 3));
        assert_eq!(rows[1].body["name"], "globex");
    }

    #[test]
    fn every_fault_is_told_with_its_line_and_no_secret() {
        let text = format!(
            "client_id,name,secret,secret_sha256,allowed_ips,allowlist_mode,scopes\na b,,{STRONG},,,,\nc,,weak-secret,,,,\n\
             d,,,,,,\ne,,,12ab,,,\nf,,{STRONG},,203.0.113.5/24,,\ng,,{STRONG},,,on,\nh,,{STRONG},,,,x\n\
             i,,{STRONG},,,,\ni,,{STRONG},,,,\n"
        );
        let told = table(&text).err().unwrap();
        for part in [
            "keys.csv:2: client_id `a b`",
            "keys.csv:3: secret: is weaker than 112 bits",
            "keys.csv:4: there is neither secret nor secret_sha256",
            "keys.csv:5: secret_sha256: is not 64 hexadecimal digits",
            "keys.csv:6: allowed_ips:",
            "keys.csv:7: allowlist_mode `on`",
            "keys.csv:8: scopes: there is no api",
            "keys.csv:10: client_id i is there twice",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(!told.contains("weak-secret") && !told.contains(STRONG), "{told}");
    }

    #[test]
    fn a_wrong_head_is_told() {
        for (head, told) in [
            ("id,secret", "unknown column(s) id"),
            ("client_id,name", "no column secret"),
            ("secret", "no column client_id"),
            ("client_id,secret,secret", "twice"),
        ] {
            let error = table(&format!("{head}\nx,y\n")).err().unwrap();
            assert!(error.contains(told) && error.contains("keys.csv:1"), "{head}: {error}");
        }
        assert!(table("client_id,secret\n").err().unwrap().contains("no line after its first"));
    }
}
