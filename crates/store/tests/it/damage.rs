//! Damage is told with its place and nothing is guessed in its stead.

use keyward_store::{Place, Store, StoreError};
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, query, query_scalar};

use crate::support::{Home, begin, client, filled, gateway, tenant, write};

/// Every column that is read, and SQL for values it can never have had.
const DAMAGE: &[(&str, &str, &[&str])] = &[
    ("clients", "id", &["X'00'", "'a b'"]),
    ("clients", "account_id", &["X'00'", "'a b'"]),
    ("clients", "name", &["X'00ff'"]),
    ("clients", "description", &["X'00ff'"]),
    ("clients", "environment", &["X'00'", "''", "'LIVE'"]),
    ("clients", "state", &["X'00'", "''", "'Active'", "'deleted'"]),
    ("clients", "secrets", &["X'00'", "''", "'null'", "'{}'", "'[{}]'", "'[1]'"]),
    ("clients", "allowlist_mode", &["X'00'", "''", "'of'", "'OFF'", "'enforce '"]),
    ("clients", "allowlist_entries", &["X'00'", "''", "'null'", "'{}'", "'[{}]'"]),
    ("clients", "grant_types", &["X'00'", "''", "'[1]'", "'null'"]),
    ("clients", "app_type", &["X'00ff'"]),
    ("clients", "token_endpoint_auth_method", &["X'00ff'"]),
    ("clients", "require_proof_of_possession", &["2", "'x'"]),
    ("clients", "metadata", &["X'00'", "''", "'[]'", "'{\"a\":1}'"]),
    ("clients", "tokens_not_before", &["'soon'", "X'00'", "1.5"]),
    ("clients", "kept_fields", &["X'00'", "''", "'[]'", "'{'", "'{}x'"]),
    ("clients", "version", &["-1", "'x'", "1.5"]),
    ("clients", "created_at", &["'x'", "1.5"]),
    ("clients", "updated_at", &["'x'", "1.5"]),
    ("accounts", "id", &["'a b'"]),
    ("accounts", "name", &["X'00ff'"]),
    ("accounts", "state", &["'x'"]),
    ("accounts", "allowlist_mode", &["'x'"]),
    ("accounts", "allowlist_entries", &["'x'"]),
    ("accounts", "metadata", &["'x'"]),
    ("accounts", "version", &["-1"]),
    ("accounts", "created_at", &["'x'"]),
    ("accounts", "updated_at", &["'x'"]),
    ("apis", "id", &["'a b'"]),
    ("apis", "identifier", &["X'00ff'"]),
    ("apis", "name", &["X'00ff'"]),
    ("apis", "scopes", &["'x'", "'[{\"value\":\"a\"}]'"]),
    ("apis", "signing_algorithm", &["'none'", "'rs256'", "''"]),
    ("apis", "token_lifetime_s", &["-1", "4294967296", "'x'"]),
    ("apis", "dialect", &["'x'"]),
    ("apis", "permissions_claim", &["2", "'x'"]),
    ("apis", "proof_of_possession", &["'x'", "'{}'", "'null'"]),
    ("apis", "allowlist_mode", &["'x'"]),
    ("apis", "allowlist_entries", &["'x'"]),
    ("apis", "is_system", &["2"]),
    ("apis", "kept_fields", &["'x'"]),
    ("apis", "version", &["-1"]),
    ("apis", "created_at", &["'x'"]),
    ("apis", "updated_at", &["'x'"]),
    ("client_grants", "id", &["'a b'"]),
    ("client_grants", "client_id", &["'a b'"]),
    ("client_grants", "api_id", &["'a b'"]),
    ("client_grants", "scopes", &["'x'", "'\"read\"'"]),
    ("client_grants", "kept_fields", &["'x'"]),
    ("client_grants", "version", &["-1"]),
    ("client_grants", "created_at", &["'x'"]),
    ("client_grants", "updated_at", &["'x'"]),
    ("gateways", "id", &["'a b'", "'a.b'"]),
    ("gateways", "kind", &["X'00'", "''", "'varnish'", "'Caddy'"]),
    ("gateways", "state", &["''", "'Active'"]),
    ("gateways", "address_source", &["''", "'X-Real-IP'", "'x-client-ip'"]),
    ("gateways", "trusted", &["''", "'{}'", "'[1]'", "'[\"0.0.0.0/0\"]'", "'[\"10.0.0.1/8\"]'"]),
    ("gateways", "peers", &["'null'", "'[\"10.0.0.1\"]'", "'[\"::/0\"]'"]),
    ("gateways", "unix_peer", &["2", "'x'"]),
    ("gateways", "token_required", &["2", "'x'"]),
    ("gateways", "tokens", &["'null'", "'[{}]'"]),
    ("gateways", "certificates", &["'[\"edge\"]'", "'[\"dns:*\"]'"]),
    ("gateways", "required_audience", &["X'00ff'"]),
    ("gateways", "required_scopes", &["'\"read\"'"]),
    ("gateways", "disclosure", &["''", "'loud'"]),
    ("gateways", "deny_style", &["''", "'none'"]),
    ("gateways", "allow_preflight", &["2"]),
    ("gateways", "public_paths", &["'[1]'"]),
    ("gateways", "assertion", &["2"]),
    ("gateways", "hide_credential", &["2"]),
    ("gateways", "version", &["-1"]),
    ("gateways", "created_at", &["'x'"]),
    ("gateways", "updated_at", &["'x'"]),
    ("clients", "token_quota", &["''", "'null'", "'{}'", "'{\"per_hour\":1,\"per_day\":null}'"]),
    ("clients", "default_organization", &["''", "'{}'", "'{\"account_id\":\"a b\",\"flows\":[]}'"]),
    ("accounts", "token_quota", &["''", "'{\"per_hour\":-1,\"per_day\":null,\"enforce\":true}'"]),
    ("client_grants", "organization_usage", &["''", "'Deny'"]),
    ("client_grants", "any_organization", &["2", "'x'"]),
    ("tenants", "id", &["'default'"]),
    ("tenants", "default_audience", &["X'00ff'"]),
    ("tenants", "resource_parameter", &["''", "'both'"]),
    ("tenants", "client_quota", &["''", "'{}'"]),
    ("tenants", "account_quota", &["''", "'{}'"]),
    ("tenants", "kept_fields", &["'x'"]),
    ("tenants", "version", &["-1"]),
    ("tenants", "created_at", &["'x'"]),
    ("tenants", "updated_at", &["'x'"]),
    ("change_head", "seq", &["-1", "'x'"]),
];

async fn set(raw: &mut SqliteConnection, table: &str, column: &str, value: &str) {
    let sql = format!("UPDATE {table} SET {column} = {value}");
    query(AssertSqlSafe(sql)).execute(raw).await.unwrap();
}

async fn quoted(raw: &mut SqliteConnection, table: &str, column: &str) -> String {
    let sql = format!("SELECT quote({column}) FROM {table}");
    query_scalar(AssertSqlSafe(sql)).fetch_one(raw).await.unwrap()
}

async fn place(store: &Store) -> (&'static str, String, String) {
    match store.snapshot().await {
        Err(StoreError::Corrupt { place: Place::Value { table, column, row }, .. }) => {
            (table, column, row)
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_value_that_was_never_written_is_told_with_its_place() {
    let home = Home::new();
    let store = home.open().await;
    let (client, ..) = filled(&store).await;
    write(&store, async |tx| tx.insert_gateway(&gateway("edge")).await).await.unwrap();
    write(&store, async |tx| tx.insert_tenant(&tenant()).await).await.unwrap();
    let mut raw = home.raw().await;
    for (table, column, values) in DAMAGE {
        let original = quoted(&mut raw, table, column).await;
        for value in *values {
            set(&mut raw, table, column, value).await;
            let (found_table, found_column, row) = place(&store).await;
            assert_eq!((found_table, found_column.as_str()), (*table, *column), "{value}");
            if *table == "clients" && *column != "id" {
                assert_eq!(row, client.id.to_string());
                assert!(store.client(&client.id).await.is_err());
            }
        }
        set(&mut raw, table, column, &original).await;
    }
    assert_eq!(store.snapshot().await.unwrap().changes.len(), 6);
}

/// Changes in lists and secrets that a lenient reader would take for something harmless.
#[tokio::test]
async fn a_field_that_is_gone_or_unknown_is_damage_and_not_a_default() {
    let home = Home::new();
    let store = home.open().await;
    filled(&store).await;
    let mut raw = home.raw().await;
    for (column, from, to) in [
        ("allowlist_entries", "expires_at", "expires"),
        ("allowlist_entries", "label", "lable"),
        ("allowlist_entries", "127.0.0.2/32", "127.0.0.2"),
        ("allowlist_entries", "127.0.0.2/32", "127.0.0.2/8"),
        ("allowlist_entries", "127.0.0.2/32", "0.0.0.0/0"),
        ("allowlist_entries", "127.0.0.2/32", "::ffff:127.0.0.2/128"),
        ("allowlist_entries", "127.0.0.2/32", " 127.0.0.2/32"),
        ("secrets", "expires_at", "expires"),
        ("secrets", "0101", "01"),
        ("secrets", "0101", "xx01"),
        ("secrets", "sec_", "sek_"),
        ("secrets", "\"pepper\":1", "\"pepper\":-1"),
        ("secrets", "\"pepper\":1", "\"pepper\":4294967297"),
    ] {
        let original = quoted(&mut raw, "clients", column).await;
        let damaged = original.replacen(from, to, 1);
        assert_ne!(damaged, original, "{from}");
        set(&mut raw, "clients", column, &damaged).await;
        assert_eq!(place(&store).await.1, column, "{from} as {to}");
        set(&mut raw, "clients", column, &original).await;
    }
    let snapshot = store.snapshot().await;
    assert_eq!(snapshot.unwrap().changes.len(), 4);
}

#[tokio::test]
async fn damage_in_the_change_log_is_told() {
    let home = Home::new();
    let store = home.open().await;
    let (client, _, _, grant) = filled(&store).await;
    let mut tx = begin(&store).await;
    tx.delete_grant(&grant.id).await.unwrap();
    tx.commit().await.unwrap();
    let mut raw = home.raw().await;
    for (column, seq, value) in [
        ("kind", 3, "'x'"),
        ("kind", 5, "'revoked'"),
        ("entity", 3, "'other'"),
        ("entity", 5, "'a b'"),
        ("refers_to", 5, "NULL"),
        ("refers_to", 5, "'x'"),
        ("body", 3, "'{}'"),
        ("body", 3, "replace(body, 'enforce', 'off ')"),
        ("txn_end", 3, "2"),
        ("at", 3, "'x'"),
        ("seq", 5, "7"),
    ] {
        let select = format!("SELECT quote({column}) FROM change_log WHERE seq = {seq}");
        let original: String =
            query_scalar(AssertSqlSafe(select)).fetch_one(&mut raw).await.unwrap();
        let update = format!("UPDATE change_log SET {column} = {value} WHERE seq = {seq}");
        query(AssertSqlSafe(update)).execute(&mut raw).await.unwrap();
        match store.changes_since(0, 100).await {
            Err(StoreError::Corrupt {
                place: Place::Value { table, column: found, row }, ..
            }) => {
                assert_eq!((table, found.as_str()), ("change_log", column), "{value}");
                assert_eq!(row, seq.to_string(), "{column} = {value}");
            }
            other => panic!("{column} = {value}: {other:?}"),
        }
        let seq = if column == "seq" { 7 } else { seq };
        let update = format!("UPDATE change_log SET {column} = {original} WHERE seq = {seq}");
        query(AssertSqlSafe(update)).execute(&mut raw).await.unwrap();
    }
    assert_eq!(store.changes_since(0, 100).await.unwrap().len(), 5);
    assert_eq!(store.client(&client.id).await.unwrap(), Some(client));
}

/// A store of some hundred pages, closed; and its bytes.
async fn large(home: &Home) -> Vec<u8> {
    let store = home.open().await;
    filled(&store).await;
    let mut tx = begin(&store).await;
    for number in 100..400 {
        let mut client = client(number);
        client.metadata.insert("filler".to_owned(), "x".repeat(400));
        tx.insert_client(&client).await.unwrap();
    }
    tx.commit().await.unwrap();
    store.check().await.unwrap();
    store.close().await;
    std::fs::read(home.file()).unwrap()
}

#[tokio::test]
async fn no_page_is_lost_in_silence() {
    const PAGE: usize = 4096;
    let home = Home::new();
    let whole = large(&home).await;
    let mut told = 0;
    let pages = whole.len() / PAGE;
    for page in 1..pages {
        let mut bytes = whole.clone();
        bytes[page * PAGE..(page + 1) * PAGE].fill(0);
        std::fs::write(home.file(), &bytes).unwrap();
        let store = match Store::open(&home.url()).await {
            Ok(store) => store,
            Err(error) => {
                assert!(matches!(error, StoreError::Corrupt { .. }), "page {page}: {error}");
                told += 1;
                continue;
            }
        };
        // A page of the policy cannot be missed; one of a log is found by the check.
        match store.snapshot().await {
            Ok(snapshot) => assert_eq!(snapshot.changes.len(), 304, "page {page}"),
            Err(error) => {
                assert!(matches!(error, StoreError::Corrupt { .. }), "page {page}: {error}");
                told += 1;
            }
        }
        let error = store.check().await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "page {page}: {error}");
        store.close().await;
    }
    assert!(told > 20, "{told} of {pages}");
}

#[tokio::test]
async fn messages_about_damage_do_not_repeat_what_is_stored() {
    let home = Home::new();
    let store = home.open().await;
    filled(&store).await;
    let mut raw = home.raw().await;
    set(&mut raw, "clients", "secrets", "'[{\"canary\":\"canary\"}]'").await;
    let error = store.snapshot().await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    assert!(error.to_string().contains("table clients, column secrets, row client"), "{error}");
}
