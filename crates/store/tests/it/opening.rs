//! Opening: one process, safe permissions, old and foreign files.

use std::os::unix::fs::PermissionsExt;

use keyward_core::policy::Change;
use keyward_core::possession::{Mechanism, ProofOfPossession, RequiredFor};
use keyward_store::{Place, Store, StoreError, StoredExecution};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{ConnectOptions, Connection, query};

use crate::support::{Home, client, filled, gateway, now, tenant, write};

#[tokio::test]
async fn a_store_survives_closing_and_opening() {
    let home = Home::new();
    let store = home.open().await;
    let (read, ..) = filled(&store).await;
    store.close().await;
    let store = home.open().await;
    assert_eq!(store.client(&read.id).await.unwrap(), Some(read));
    assert_eq!(store.revision().await.unwrap(), 4);
}

#[tokio::test]
async fn a_second_opening_is_refused_with_the_holder() {
    let home = Home::new();
    let store = home.open().await;
    let error = Store::open(&home.url()).await.unwrap_err();
    let StoreError::Locked { path, holder } = &error else { panic!("{error}") };
    assert_eq!((path, holder), (&home.file(), &Some(std::process::id())));
    assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
    store.close().await;
    home.open().await;
}

#[tokio::test]
async fn a_file_whose_log_was_left_behind_is_damage() {
    let home = Home::new();
    home.open().await.close().await;
    // What is left of a store that was copied without its `-wal` before the first checkpoint.
    std::fs::remove_file(home.file()).unwrap();
    let mut raw = {
        let options = SqliteConnectOptions::new().filename(home.file()).create_if_missing(true);
        options.journal_mode(SqliteJournalMode::Wal).connect().await.unwrap()
    };
    query("PRAGMA user_version = 0").execute(&mut raw).await.unwrap();
    raw.close().await.unwrap();
    assert!(std::fs::metadata(home.file()).unwrap().len() > 0);
    let error = Store::open(&home.url()).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains("-wal"), "{error}");
}

#[tokio::test]
async fn dropping_the_store_frees_it() {
    let home = Home::new();
    drop(home.open().await);
    home.open().await;
}

#[tokio::test]
async fn only_the_owner_may_read_the_files() {
    let home = Home::new();
    std::fs::write(home.file(), "").unwrap();
    std::fs::set_permissions(home.file(), PermissionsExt::from_mode(0o644)).unwrap();
    let store = home.open().await;
    write(&store, async |tx| tx.insert_client(&client(1)).await).await.unwrap();
    for entry in std::fs::read_dir(home.folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
    }
}

#[tokio::test]
async fn a_missing_folder_is_named() {
    let home = Home::new();
    let url = format!("sqlite:{}/none/keyward.db", home.folder.path().display());
    let error = Store::open(&url).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)));
    assert!(error.to_string().contains("/none/"), "{error}");
}

/// Opens a store whose file has been changed, expecting damage to be told.
async fn damaged(home: &Home) -> String {
    match Store::open(&home.url()).await {
        Err(StoreError::Corrupt { place: Place::File(path), what }) => {
            assert_eq!(path, home.file());
            what
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn garbage_is_no_store() {
    for bytes in [vec![b'x'; 10], vec![b'x'; 10_000], b"SQLite format 3\0".repeat(1000)] {
        let home = Home::new();
        std::fs::write(home.file(), &bytes).unwrap();
        let what = damaged(&home).await;
        assert!(what.contains("restore a backup"), "{what}");
        assert_eq!(std::fs::read(home.file()).unwrap(), bytes, "the file is left as it was");
    }
}

#[tokio::test]
async fn a_truncated_store_is_told() {
    let home = Home::new();
    let store = home.open().await;
    for number in 0..50 {
        write(&store, async |tx| tx.insert_client(&client(number)).await).await.unwrap();
    }
    store.close().await;
    let whole = std::fs::read(home.file()).unwrap();
    for part in [whole.len() / 2, whole.len() - 4096, 4096, 1000, 100, 0] {
        std::fs::write(home.file(), &whole[..part]).unwrap();
        let what = damaged(&home).await;
        assert!(what.contains("restore a backup"), "{part} bytes: {what}");
    }
    std::fs::write(home.file(), &whole).unwrap();
    assert_eq!(home.open().await.revision().await.unwrap(), 50);
}

#[tokio::test]
async fn the_database_of_another_program_is_left_alone() {
    let home = Home::new();
    let mut raw = {
        std::fs::write(home.file(), "").unwrap();
        home.raw().await
    };
    query("CREATE TABLE notes (text TEXT)").execute(&mut raw).await.unwrap();
    let what = damaged(&home).await;
    assert!(what.contains("another program"), "{what}");
}

#[tokio::test]
async fn a_store_from_before_gateways_gets_their_table() {
    let home = Home::new();
    let store = home.open().await;
    let (read, ..) = filled(&store).await;
    store.close().await;
    let mut raw = home.raw().await;
    query("DROP TABLE gateways").execute(&mut raw).await.unwrap();
    query("DELETE FROM _sqlx_migrations WHERE version = 2").execute(&mut raw).await.unwrap();
    raw.close().await.unwrap();
    let store = home.open().await;
    assert_eq!(store.client(&read.id).await.unwrap(), Some(read));
    write(&store, async |tx| tx.insert_gateway(&gateway("edge")).await).await.unwrap();
    assert_eq!(store.snapshot().await.unwrap().changes.len(), 5);
}

#[tokio::test]
async fn clients_from_before_keys_have_none() {
    let home = Home::new();
    let store = home.open().await;
    let (read, ..) = filled(&store).await;
    store.close().await;
    let mut raw = home.raw().await;
    for sql in [
        "ALTER TABLE clients DROP COLUMN credentials",
        "ALTER TABLE clients DROP COLUMN authentication",
        "DELETE FROM _sqlx_migrations WHERE version = 3",
    ] {
        query(sql).execute(&mut raw).await.unwrap();
    }
    raw.close().await.unwrap();
    assert_eq!(home.open().await.client(&read.id).await.unwrap(), Some(read));
}

#[tokio::test]
async fn what_was_only_kept_of_proofs_of_possession_counts_after_an_update() {
    let home = Home::new();
    let store = home.open().await;
    let (client, _, api, _) = filled(&store).await;
    store.close().await;
    let mut raw = home.raw().await;
    for sql in [
        "ALTER TABLE apis DROP COLUMN proof_of_possession",
        "ALTER TABLE clients DROP COLUMN require_proof_of_possession",
        "DELETE FROM _sqlx_migrations WHERE version = 4",
        "UPDATE apis SET kept_fields = '{\"proof_of_possession\":{\"mechanism\":\"mtls\",\
         \"required\":true,\"required_for\":\"public_clients\"},\"consent\":\"none\"}'",
        "UPDATE clients SET kept_fields = '{\"require_proof_of_possession\":true}'",
    ] {
        query(sql).execute(&mut raw).await.unwrap();
    }
    raw.close().await.unwrap();
    let store = home.open().await;
    let mut expected = api;
    expected.proof_of_possession = Some(ProofOfPossession {
        mechanism: Mechanism::Mtls,
        required: true,
        required_for: Some(RequiredFor::PublicClients),
    });
    assert_eq!(store.api(&expected.id).await.unwrap(), Some(expected));
    let mut expected = client;
    expected.require_proof_of_possession = Some(true);
    assert_eq!(store.client(&expected.id).await.unwrap(), Some(expected));
}

#[tokio::test]
async fn a_store_from_before_tenants_is_brought_up_to_date() {
    let home = Home::new();
    let store = home.open().await;
    let (read, ..) = filled(&store).await;
    store.close().await;
    let mut raw = home.raw().await;
    for sql in [
        "DROP TABLE tenants",
        "DROP TABLE token_counts",
        "ALTER TABLE accounts DROP COLUMN token_quota",
        "ALTER TABLE clients DROP COLUMN token_quota",
        "ALTER TABLE clients DROP COLUMN default_organization",
        "ALTER TABLE client_grants DROP COLUMN organization_usage",
        "ALTER TABLE client_grants DROP COLUMN any_organization",
        "ALTER TABLE sealed_keys DROP COLUMN certificate",
        "ALTER TABLE sealed_keys DROP COLUMN current_since",
        "ALTER TABLE sealed_keys DROP COLUMN current_until",
        "ALTER TABLE sealed_keys DROP COLUMN revoked_at",
        "UPDATE clients SET kept_fields = '{\"token_quota\":{},\"sso\":true}'",
        "DELETE FROM _sqlx_migrations WHERE version = 7",
    ] {
        query(sql).execute(&mut raw).await.unwrap();
    }
    raw.close().await.unwrap();
    let store = home.open().await;
    let client = store.client(&read.id).await.unwrap().unwrap();
    assert_eq!((client.token_quota, &*client.kept_fields), (None, r#"{"sso":true}"#));
    let snapshot = store.snapshot().await.unwrap();
    assert_eq!(snapshot.changes.len(), 4);
    // States in the change log lacked fields: whoever is behind loads everything.
    assert!(store.changes_since(snapshot.revision, 9).await.unwrap().is_empty());
    let behind = store.changes_since(0, 9).await.unwrap_err();
    assert!(matches!(behind, StoreError::BelowFloor { .. }), "{behind}");
    write(&store, async |tx| tx.insert_tenant(&tenant()).await).await.unwrap();
    let rows = store.changes_since(snapshot.revision, 9).await.unwrap();
    assert!(matches!(&rows[0].change, Change::Tenant(stored) if **stored == tenant()));
}

#[tokio::test]
async fn a_store_from_before_executions_gets_their_table() {
    let home = Home::new();
    let store = home.open().await;
    let (read, ..) = filled(&store).await;
    store.close().await;
    let mut raw = home.raw().await;
    query("DROP TABLE action_executions").execute(&mut raw).await.unwrap();
    query("DELETE FROM _sqlx_migrations WHERE version = 8").execute(&mut raw).await.unwrap();
    raw.close().await.unwrap();
    let store = home.open().await;
    assert_eq!(store.client(&read.id).await.unwrap(), Some(read));
    let execution = StoredExecution {
        id: "exe_1".to_owned(),
        at: now(),
        client: "c".to_owned(),
        body: "{}".to_owned(),
    };
    store.append_executions(std::slice::from_ref(&execution), 9).await.unwrap();
    assert_eq!(store.last_executions(None, 9).await.unwrap(), [execution]);
}

#[tokio::test]
async fn a_newer_schema_is_refused_with_both_numbers() {
    let home = Home::new();
    home.open().await.close().await;
    let sql = "INSERT INTO _sqlx_migrations (version, description, success, checksum, \
               execution_time) VALUES (99, 'later', TRUE, X'00', 0)";
    query(sql).execute(&mut home.raw().await).await.unwrap();
    let error = Store::open(&home.url()).await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 99, known: 8.., .. }), "{error}");
    assert!(error.to_string().contains("newer program"), "{error}");
}

#[tokio::test]
async fn an_altered_schema_is_refused() {
    let home = Home::new();
    home.open().await.close().await;
    let sql = "UPDATE _sqlx_migrations SET checksum = X'00'";
    query(sql).execute(&mut home.raw().await).await.unwrap();
    let what = damaged(&home).await;
    assert!(what.contains("schema"), "{what}");
}
