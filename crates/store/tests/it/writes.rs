//! Transactions: conflicts, rollback, numbers, cascades, a full disk.

use keyward_core::client::State;
use keyward_core::policy::Change;
use keyward_core::quota::{QuotaCount, QuotaHolder, Window};
use keyward_core::time::Timestamp;
use keyward_core::token::TokenId;
use keyward_store::{Conflict, KeyStatus, Page, SealedKey, SealedKeyKind, Store, StoreError};
use sqlx::{query, query_scalar};

use crate::support::{
    Home, account, account_id, api, begin, client, client_id, filled, grant, list, now, secret,
    shown, tenant, write,
};

fn conflict(error: StoreError) -> Conflict {
    let StoreError::Conflict { what } = error else { panic!("expected a conflict, got {error}") };
    what
}

#[tokio::test]
async fn a_write_is_seen_after_the_commit_and_not_before() {
    let home = Home::new();
    let store = home.open().await;
    let mut tx = begin(&store).await;
    tx.insert_client(&client(1)).await.unwrap();
    assert_eq!(tx.client(&client_id(1)).await.unwrap(), Some(client(1)));
    assert_eq!(store.client(&client_id(1)).await.unwrap(), None);
    let committed = tx.commit().await.unwrap();
    assert_eq!(committed.revision, 1);
    assert_eq!(store.client(&client_id(1)).await.unwrap(), Some(client(1)));
}

#[tokio::test]
async fn a_dropped_write_leaves_nothing() {
    let home = Home::new();
    let store = home.open().await;
    let mut tx = begin(&store).await;
    tx.insert_client(&client(1)).await.unwrap();
    tx.set_setting("a", "b").await.unwrap();
    drop(tx);
    let mut tx = begin(&store).await;
    tx.insert_client(&client(2)).await.unwrap();
    tx.rollback().await;
    assert_eq!(store.client(&client_id(1)).await.unwrap(), None);
    assert_eq!(store.client(&client_id(2)).await.unwrap(), None);
    assert_eq!(store.setting("a").await.unwrap(), None);
    assert_eq!(store.revision().await.unwrap(), 0);
    assert_eq!(store.verify_audit().await.unwrap().rows, 0);
    let committed = write(&store, async |tx| tx.insert_client(&client(1)).await).await.unwrap();
    assert_eq!(committed.revision, 1, "undone writes use up no number");
}

#[tokio::test]
async fn an_edit_of_an_old_version_is_refused() {
    let home = Home::new();
    let store = home.open().await;
    let (read, ..) = filled(&store).await;
    let mut edited = read.clone();
    edited.name = "First".to_owned();
    let mut tx = begin(&store).await;
    assert_eq!(tx.update_client(&edited).await.unwrap(), 2);
    tx.commit().await.unwrap();

    edited.name = "Second".to_owned();
    let error = write(&store, async |tx| tx.update_client(&edited).await.map(|_| ())).await;
    let changed = Conflict::Changed { kind: "client", id: read.id.to_string(), version: 2 };
    assert_eq!(conflict(error.unwrap_err()), changed);
    let stored = store.client(&read.id).await.unwrap().unwrap();
    assert_eq!((stored.name.as_str(), stored.version), ("First", 2));
}

#[tokio::test]
async fn an_edit_sets_version_and_time_and_keeps_the_birth() {
    let home = Home::new();
    let store = home.open().await;
    let (mut edited, ..) = filled(&store).await;
    edited.created_at = Timestamp::from_millis(1);
    edited.updated_at = Timestamp::from_millis(1);
    edited.state = State::Suspended;
    let mut tx = begin(&store).await;
    tx.update_client(&edited).await.unwrap();
    let committed = tx.commit().await.unwrap();
    let stored = store.client(&edited.id).await.unwrap().unwrap();
    assert_eq!((stored.created_at, stored.updated_at), (now(), now()));
    assert_eq!(stored.state, State::Suspended);
    assert_eq!(shown(&committed.changes), shown(&[Change::Client(Box::new(stored))]));
}

#[tokio::test]
async fn conflicts_name_what_is_in_the_way_and_the_write_goes_on() {
    let home = Home::new();
    let store = home.open().await;
    let (read, owner, known, granted) = filled(&store).await;
    let mut tx = begin(&store).await;

    let taken = |kind, field, value: &str| Conflict::Taken { kind, field, value: value.to_owned() };
    let error = tx.insert_client(&read).await.unwrap_err();
    assert_eq!(conflict(error), taken("client", "id", &read.id.to_string()));
    let mut other = api("api2");
    other.identifier.clone_from(&known.identifier);
    let error = tx.insert_api(&other).await.unwrap_err();
    assert_eq!(conflict(error), taken("api", "identifier", &known.identifier));
    let error = tx.insert_grant(&grant("cgr_2", &read, &known)).await.unwrap_err();
    let both = format!("{} {}", read.id, known.id);
    assert_eq!(conflict(error), taken("grant", "client and API", &both));

    let missing = |kind, id: &str| Conflict::Missing { kind, id: id.to_owned() };
    let mut orphan = client(2);
    orphan.account = Some(account("acc_none").id);
    let error = tx.insert_client(&orphan).await.unwrap_err();
    assert_eq!(conflict(error), missing("account", "acc_none"));
    let error = tx.insert_grant(&grant("cgr_3", &client(9), &known)).await.unwrap_err();
    assert_eq!(conflict(error), missing("client", &client_id(9).to_string()));

    let error = tx.delete_account(&owner.id).await.unwrap_err();
    let in_use =
        Conflict::InUse { kind: "account", id: "acc_1".to_owned(), count: 1, by: "clients" };
    assert_eq!(conflict(error), in_use);
    let error = tx.update_client(&client(9)).await.unwrap_err();
    assert_eq!(conflict(error), Conflict::Gone { kind: "client", id: client_id(9).to_string() });

    tx.insert_client(&client(2)).await.unwrap();
    let committed = tx.commit().await.unwrap();
    assert_eq!(committed.changes.len(), 1);
    assert_eq!(store.grant(&granted.id).await.unwrap(), Some(granted));
    assert_eq!(store.verify_audit().await.unwrap().first_bad, None);
}

#[tokio::test]
async fn what_could_not_be_read_back_is_not_stored() {
    let home = Home::new();
    let store = home.open().await;
    let (_, _, mut known, mut granted) = filled(&store).await;
    let mut tx = begin(&store).await;
    let mut bad = client(2);
    bad.kept_fields = "[]".to_owned();
    let error = tx.insert_client(&bad).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unstorable { field, .. } if field == "kept_fields"));
    known.identifier = "https://other/".to_owned();
    let error = tx.update_api(&known).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unstorable { field, .. } if field == "identifier"));
    granted.client = client_id(2);
    let error = tx.update_grant(&granted).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unstorable { field, .. } if field == "client_id"));
    assert_eq!(tx.commit().await.unwrap().changes.len(), 0);
}

#[tokio::test]
async fn deleting_a_client_or_an_api_deletes_its_grants_with_rows_of_their_own() {
    let home = Home::new();
    let store = home.open().await;
    let (read, owner, known, granted) = filled(&store).await;
    let second = api("api2");
    let mut tx = begin(&store).await;
    tx.insert_api(&second).await.unwrap();
    tx.insert_grant(&grant("cgr_2", &read, &second)).await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = begin(&store).await;
    assert!(tx.delete_api(&second.id).await.unwrap());
    assert!(tx.delete_client(&read.id).await.unwrap());
    assert!(tx.delete_account(&owner.id).await.unwrap());
    assert!(!tx.delete_client(&read.id).await.unwrap());
    let committed = tx.commit().await.unwrap();
    let gone = |id: &str, api| Change::GrantDeleted {
        id: keyward_core::id::GrantId::parse(id).unwrap(),
        client: read.id.clone(),
        api,
    };
    let expected = [
        gone("cgr_2", second.id.clone()),
        Change::ApiDeleted(second.id.clone()),
        gone("cgr_1", known.id.clone()),
        Change::ClientDeleted(read.id.clone()),
        Change::AccountDeleted(owner.id.clone()),
    ];
    assert_eq!(shown(&committed.changes), shown(&expected));
    assert_eq!(store.grant(&granted.id).await.unwrap(), None);
    let rows = store.changes_since(committed.revision - 5, 100).await.unwrap();
    let logged: Vec<_> = rows.iter().map(|row| row.change.clone()).collect();
    assert_eq!(shown(&logged), shown(&expected));
    let ends: Vec<_> = rows.iter().map(|row| row.txn_end).collect();
    assert_eq!(ends, [false, false, false, false, true]);
    let audit = store.audit(&Default::default(), &Page::Offset { offset: 0, limit: 5 }).await;
    let actions: Vec<_> = audit.unwrap().items.into_iter().map(|row| row.action).collect();
    let newest_first =
        ["account.delete", "client.delete", "grant.delete", "api.delete", "grant.delete"];
    assert_eq!(actions, newest_first);
}

#[tokio::test]
async fn writers_take_turns_and_numbers_have_no_gap() {
    let home = Home::new();
    let store = home.open().await;
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..4_u64 {
        let store = store.clone();
        tasks.spawn(async move {
            for step in 0..10 {
                let number = task * 100 + step;
                let mut tx = begin(&store).await;
                tx.insert_client(&client(number)).await.unwrap();
                if step % 3 == 0 {
                    tx.insert_account(&account(&format!("acc_{number}"))).await.unwrap();
                }
                if step % 4 == 0 {
                    drop(tx);
                } else {
                    tx.commit().await.unwrap();
                }
            }
        });
    }
    tasks.join_all().await;
    let revision = store.revision().await.unwrap();
    let rows = store.changes_since(0, 1000).await.unwrap();
    let numbers: Vec<_> = rows.iter().map(|row| row.seq).collect();
    assert_eq!(numbers, (1..=revision).collect::<Vec<_>>());
    assert!(rows.last().unwrap().txn_end);
    assert_eq!(store.verify_audit().await.unwrap().first_bad, None);
    // Steps 0, 4 and 8 were dropped; steps 3, 6 and 9 wrote two things.
    assert_eq!(revision, 4 * (7 + 3));
}

#[tokio::test]
async fn two_edits_of_one_version_at_once_leave_one() {
    let home = Home::new();
    let store = home.open().await;
    let (read, ..) = filled(&store).await;
    let edit = async |name: &str| {
        let mut edited = read.clone();
        edited.name = name.to_owned();
        write(&store, async |tx| tx.update_client(&edited).await.map(|_| ())).await
    };
    let (one, two) = tokio::join!(edit("one"), edit("two"));
    assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1);
    assert_eq!(store.client(&read.id).await.unwrap().unwrap().version, 2);
}

#[tokio::test]
async fn a_step_whose_future_was_dropped_spoils_the_write() {
    let home = Home::new();
    let store = home.open().await;
    let first = client(1);
    let mut tx = loop {
        let mut tx = begin(&store).await;
        let mut step = Box::pin(tx.insert_client(&first));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let pending = step.as_mut().poll(&mut context).is_pending();
        drop(step);
        if pending {
            break tx;
        }
        // The database's thread was quicker than this one: the step is done. Once more.
        tx.rollback().await;
    };
    assert!(matches!(tx.insert_client(&client(2)).await, Err(StoreError::Abandoned)));
    assert!(matches!(tx.commit().await, Err(StoreError::Abandoned)));
    assert_eq!(store.revision().await.unwrap(), 0);
    write(&store, async |tx| tx.insert_client(&client(1)).await).await.unwrap();
}

#[tokio::test]
async fn a_token_is_revoked_once_and_forgotten_a_day_after_its_end() {
    let home = Home::new();
    let store = home.open().await;
    let token = |byte| TokenId([byte; 16]);
    let end = now().plus_seconds(600);
    let revoke = async |store: &Store, id, end, now: Timestamp| {
        let actor = keyward_core::actor::Actor::system("test");
        let mut tx = store.begin(&actor, "req", now).await.unwrap();
        tx.revoke_token(id, end, &client_id(1)).await.unwrap();
        tx.commit().await.unwrap()
    };
    let first = revoke(&store, token(1), end, now()).await;
    let expected = Change::TokenRevoked { token: token(1), expires_at: end };
    assert_eq!(shown(&first.changes), shown(std::slice::from_ref(&expected)));
    let again = revoke(&store, token(1), end, now()).await;
    assert_eq!((again.revision, again.changes.len()), (1, 0));
    let snapshot = store.snapshot().await.unwrap();
    assert_eq!(shown(&snapshot.changes), shown(std::slice::from_ref(&expected)));
    assert_eq!(
        shown(&[store.changes_since(0, 9).await.unwrap()[0].change.clone()]),
        shown(&[expected])
    );

    revoke(&store, token(2), end.plus_seconds(90_000), end.plus_seconds(86_401)).await;
    let left = store.snapshot().await.unwrap().changes;
    assert!(matches!(&left[..], [Change::TokenRevoked { token: id, .. }] if *id == token(2)));
}

#[tokio::test]
async fn keys_and_settings_are_stored_audited_and_change_no_policy() {
    let home = Home::new();
    let store = home.open().await;
    let mut key = SealedKey {
        kind: SealedKeyKind::Signing,
        id: "kid1".to_owned(),
        algorithm: Some("RS256".to_owned()),
        status: KeyStatus::Current,
        sealed: b"sealed-canary".to_vec(),
        created_at: now(),
        status_since: now(),
        certificate: Some(b"certificate".to_vec()),
        current_since: Some(now()),
        current_until: None,
        revoked_at: None,
    };
    let pepper = SealedKey {
        kind: SealedKeyKind::Pepper,
        id: "1".to_owned(),
        algorithm: None,
        ..key.clone()
    };
    let mut tx = begin(&store).await;
    tx.put_sealed_key(&pepper).await.unwrap();
    tx.put_sealed_key(&key).await.unwrap();
    tx.set_setting("issuer", "https://a/").await.unwrap();
    let committed = tx.commit().await.unwrap();
    assert_eq!((committed.revision, committed.changes.len()), (0, 0));
    key.status = KeyStatus::Previous;
    (key.current_until, key.revoked_at) = (Some(now()), Some(now().plus_seconds(1)));
    let mut tx = begin(&store).await;
    assert_eq!(tx.sealed_keys().await.unwrap().len(), 2);
    tx.put_sealed_key(&key).await.unwrap();
    tx.set_setting("issuer", "https://b/").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.sealed_keys().await.unwrap(), [key, pepper]);
    assert_eq!(store.setting("issuer").await.unwrap().as_deref(), Some("https://b/"));
    assert_eq!(store.setting("other").await.unwrap(), None);
    let audit = store.audit(&Default::default(), &Page::Offset { offset: 0, limit: 1 }).await;
    let audit = audit.unwrap();
    assert_eq!(audit.total, Some(5));
    assert_eq!(audit.items[0].before.as_deref(), Some(r#"{"value":"https://a/"}"#));
    assert_eq!(store.verify_audit().await.unwrap().first_bad, None);
}

#[tokio::test]
async fn changed_signing_keys_are_numbered_for_every_node() {
    let home = Home::new();
    let store = home.open().await;
    let mut tx = begin(&store).await;
    tx.signing_keys_changed();
    let committed = tx.commit().await.unwrap();
    assert_eq!(committed.revision, 1);
    let rows = store.changes_since(0, 9).await.unwrap();
    assert!(matches!(rows[..], [ref row] if matches!(row.change, Change::SigningKeys)));
    // They are no part of a snapshot: whoever takes one reads the keys anyway.
    assert!(store.snapshot().await.unwrap().changes.is_empty());
}

#[tokio::test]
async fn the_tenant_is_one_row_with_its_history() {
    let home = Home::new();
    let store = home.open().await;
    assert_eq!(store.tenant().await.unwrap(), None);
    write(&store, async |tx| tx.insert_tenant(&tenant()).await).await.unwrap();
    let mut edited = store.tenant().await.unwrap().unwrap();
    assert_eq!(edited, tenant());
    edited.client_quota = None;
    let mut tx = begin(&store).await;
    assert_eq!(tx.update_tenant(&edited).await.unwrap(), 2);
    let error = tx.insert_tenant(&tenant()).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
    tx.commit().await.unwrap();
    let audit = store.audit(&Default::default(), &Page::Offset { offset: 0, limit: 1 }).await;
    assert_eq!(audit.unwrap().items[0].action, "tenant.update");
}

#[tokio::test]
async fn token_counts_are_kept_per_holder_until_their_day_is_over() {
    let home = Home::new();
    let store = home.open().await;
    let count = |holder, day, used| QuotaCount {
        holder,
        hour: Window { number: day * 24, used, told: 1 },
        day: Window { number: day, used, told: 3 },
    };
    let client = QuotaHolder::Client(client_id(1));
    let account = QuotaHolder::Account(account_id("acc_1"));
    let before = store.revision().await.unwrap();
    let first = [count(client.clone(), 7, 1), count(account.clone(), 7, 2)];
    store.save_token_counts(&first, 7).await.unwrap();
    assert_eq!(store.token_counts(7).await.unwrap().len(), 2);
    let second = [count(client.clone(), 8, 3)];
    store.save_token_counts(&second, 7).await.unwrap();
    assert_eq!(store.token_counts(8).await.unwrap(), second);
    store.save_token_counts(&[], 8).await.unwrap();
    assert_eq!(store.token_counts(0).await.unwrap(), second, "yesterday's is forgotten");
    assert_eq!(store.revision().await.unwrap(), before, "no policy");
    // A write after it finds the store as usual.
    write(&store, async |tx| tx.insert_tenant(&tenant()).await).await.unwrap();
}

/// Writes until the file may grow no more; returns how many clients are stored.
async fn fill(store: &Store) -> u64 {
    for number in 0..10_000 {
        let mut large = client(number);
        large.secrets = vec![secret(1)];
        large.allowlist = list(&["203.0.113.0/24"]);
        large.metadata.insert("filler".to_owned(), "x".repeat(5000));
        match write(store, async |tx| tx.insert_client(&large).await).await {
            Ok(_) => {}
            Err(StoreError::Full) => return number,
            Err(other) => panic!("{other}"),
        }
    }
    panic!("the store never got full");
}

#[tokio::test]
async fn a_full_disk_is_told_stores_no_half_and_hurts_only_until_there_is_space() {
    // Each bound is met at another statement: some inside the step, some at the commit.
    for pages in 86..106 {
        let home = Home::new();
        let store = Store::open(&format!("{}?max_pages={pages}", home.url())).await.unwrap();
        let stored = fill(&store).await;
        assert_eq!(store.revision().await.unwrap(), stored);
        let mut tx = begin(&store).await;
        let mut large = client(20_000);
        large.metadata.insert("filler".to_owned(), "x".repeat(100_000));
        assert!(matches!(tx.insert_client(&large).await, Err(StoreError::Full)));
        assert!(matches!(tx.insert_client(&client(3)).await, Err(StoreError::Abandoned)));
        assert!(matches!(tx.commit().await, Err(StoreError::Abandoned)));
        let snapshot = store.snapshot().await.unwrap();
        assert_eq!((snapshot.revision, snapshot.changes.len() as u64), (stored, stored));
        assert_eq!(store.verify_audit().await.unwrap().first_bad, None);
        store.close().await;

        let store = home.open().await;
        let committed = write(&store, async |tx| tx.insert_client(&large).await).await.unwrap();
        assert_eq!(committed.revision, stored + 1);
        assert_eq!(store.verify_audit().await.unwrap().first_bad, None);
    }
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let home = Home::new();
    let store = home.open().await;
    let clone = store.clone();
    store.close().await;
    assert!(matches!(clone.snapshot().await, Err(StoreError::Unavailable(_))));
    let actor = keyward_core::actor::Actor::system("test");
    assert!(matches!(clone.begin(&actor, "req", now()).await, Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn old_changes_are_forgotten_and_whoever_needs_them_is_told() {
    let home = Home::new();
    let store = home.open().await;
    let (client, ..) = filled(&store).await;
    let mut client = store.client(&client.id).await.unwrap().unwrap();
    let mut revision = 0;
    while revision < 1_300 {
        let mut tx = begin(&store).await;
        for _ in 0..50 {
            client.name = format!("name {}", client.version);
            client.version = tx.update_client(&client).await.unwrap();
        }
        revision = tx.commit().await.unwrap().revision;
    }
    let floor = match store.changes_since(0, 1).await {
        Err(StoreError::BelowFloor { revision: 0, floor }) => floor,
        other => panic!("{other:?}"),
    };
    assert!((1..=revision - 1_000).contains(&floor), "{floor} of {revision}");
    assert!(store.changes_since(floor - 1, 1).await.is_err());
    let rows = store.changes_since(floor, u32::MAX).await.unwrap();
    assert_eq!(rows.first().map(|row| row.seq), Some(floor + 1));
    assert_eq!(rows.last().map(|row| row.seq), Some(revision));
    assert_eq!(store.changes_since(revision, 1).await.unwrap().len(), 0);
    let mut raw = home.raw().await;
    let kept: i64 =
        query_scalar("SELECT COUNT(*) FROM change_log").fetch_one(&mut raw).await.unwrap();
    assert_eq!(u64::try_from(kept).unwrap(), revision - floor);
    query("DELETE FROM change_log").execute(&mut raw).await.unwrap();
    assert!(matches!(store.changes_since(floor, 1).await, Err(StoreError::Corrupt { .. })));
    store.close().await;
}
