//! Executions of Actions.

use keyward_core::time::Timestamp;
use keyward_store::{Place, Store, StoreError, StoredExecution};
use sqlx::query;

use crate::support::Home;

fn execution(id: i64, at_ms: i64, client: &str) -> StoredExecution {
    StoredExecution {
        id: format!("exe_{id}"),
        at: Timestamp::from_millis(at_ms),
        client: client.to_owned(),
        body: format!(r#"{{"number":{id}}}"#),
    }
}

/// The ids of all that is stored, the newest first.
async fn ids(store: &Store) -> Vec<String> {
    let all = store.last_executions(None, 1_000).await.unwrap();
    all.into_iter().map(|execution| execution.id).collect()
}

fn names(numbers: impl Iterator<Item = i64>) -> Vec<String> {
    numbers.map(|number| format!("exe_{number}")).collect()
}

#[tokio::test]
async fn the_newest_come_first_and_stay_over_restarts() {
    let home = Home::new();
    let store = home.open().await;
    let revision = store.revision().await.unwrap();
    store.append_executions(&[], 1_000).await.unwrap();
    assert_eq!(store.last_executions(None, 9).await.unwrap(), []);
    let first: Vec<_> = (0..120).map(|n| execution(n, 1_000 + n, "one")).collect();
    store.append_executions(&first, 1_000).await.unwrap();
    store.close().await;

    let store = home.open().await;
    let late = [execution(120, 5, "two"), execution(121, 1_119, "two")];
    store.append_executions(&late, 1_000).await.unwrap();
    let expected: Vec<_> =
        ["exe_121".to_owned()].into_iter().chain(names((0..=119).rev())).collect();
    let all = ids(&store).await;
    assert_eq!(all[..121], expected, "of one moment, the one that was written last");
    assert_eq!(all[121..], ["exe_120"], "the clock had gone back");
    let newest = store.last_executions(None, 2).await.unwrap();
    assert_eq!(newest, [late[1].clone(), first[119].clone()]);
    let of_one = store.last_executions(Some("one"), 2).await.unwrap();
    assert_eq!(of_one, [first[119].clone(), first[118].clone()]);
    let of_two = store.last_executions(Some("two"), 9).await.unwrap();
    assert_eq!(of_two, [late[1].clone(), late[0].clone()]);
    assert_eq!(store.last_executions(Some("on"), 9).await.unwrap(), []);
    assert_eq!(store.last_executions(None, 0).await.unwrap(), []);

    assert_eq!(store.execution("exe_7").await.unwrap().as_ref(), Some(&first[7]));
    for id in ["", "exe_", "exe_999", "EXE_7"] {
        assert_eq!(store.execution(id).await.unwrap(), None, "{id}");
    }
    assert_eq!(store.revision().await.unwrap(), revision, "no policy was changed");
    assert_eq!(store.verify_audit().await.unwrap().rows, 0);
}

#[tokio::test]
async fn what_is_kept_is_bounded_by_number_and_age() {
    let home = Home::new();
    let store = home.open().await;
    for part in 0..10 {
        let rows: Vec<_> = (part * 10..part * 10 + 10).map(|n| execution(n, n, "c")).collect();
        store.append_executions(&rows, 25).await.unwrap();
    }
    assert_eq!(ids(&store).await, names((75..100).rev()));
    let before = Timestamp::from_millis(90);
    assert_eq!(store.forget_executions(before, 10).await.unwrap(), 10, "a step");
    assert_eq!(ids(&store).await, names((85..100).rev()), "the oldest went first");
    assert_eq!(store.forget_executions(before, 10).await.unwrap(), 5);
    assert_eq!(store.forget_executions(before, 10).await.unwrap(), 0);
    assert_eq!(ids(&store).await, names((90..100).rev()), "the moment itself is kept");
    assert_eq!(store.execution("exe_85").await.unwrap(), None);

    let rows: Vec<_> = (100..120).map(|n| execution(n, n, "c")).collect();
    store.append_executions(&rows, 25).await.unwrap();
    assert_eq!(ids(&store).await, names((95..120).rev()), "the bound holds after forgetting");
    store.forget_executions(Timestamp::from_millis(1_000), 100).await.unwrap();
    store.append_executions(&rows[..3], 25).await.unwrap();
    assert_eq!(ids(&store).await, names((100..103).rev()), "an empty table fills again");
    store.append_executions(&rows[3..6], 0).await.unwrap();
    assert_eq!(ids(&store).await, names(0..0), "none are to be kept");
}

#[tokio::test]
async fn more_than_the_bound_at_once_leaves_the_newest() {
    let home = Home::new();
    let store = home.open().await;
    let rows: Vec<_> = (0..130).map(|n| execution(n, n, "c")).collect();
    store.append_executions(&rows, 7).await.unwrap();
    assert_eq!(ids(&store).await, names((123..130).rev()));
}

#[tokio::test]
async fn a_bound_that_was_lowered_is_reached_step_by_step() {
    let home = Home::new();
    let store = home.open().await;
    let rows: Vec<_> = (0..100).map(|n| execution(n, n, "c")).collect();
    store.append_executions(&rows, 1_000).await.unwrap();
    let mut kept = Vec::new();
    for part in 10..22 {
        let rows: Vec<_> = (part * 10..part * 10 + 10).map(|n| execution(n, n, "c")).collect();
        store.append_executions(&rows, 15).await.unwrap();
        kept.push(ids(&store).await.len());
    }
    assert_eq!(kept, [90, 80, 70, 60, 50, 40, 30, 20, 15, 15, 15, 15]);
}

#[tokio::test]
async fn a_write_that_is_repeated_changes_nothing() {
    let home = Home::new();
    let store = home.open().await;
    let rows: Vec<_> = (0..25).map(|n| execution(n, n, "c")).collect();
    store.append_executions(&rows, 25).await.unwrap();
    store.append_executions(&rows[15..], 25).await.unwrap();
    assert_eq!(ids(&store).await, names((0..25).rev()), "nothing was pushed out");

    let mut other = execution(3, 900, "another");
    other.body = "{}".to_owned();
    let twice = [other, execution(30, 30, "c"), execution(30, 31, "c"), execution(31, 32, "c")];
    store.append_executions(&twice, 1_000).await.unwrap();
    assert_eq!(store.execution("exe_3").await.unwrap().as_ref(), Some(&rows[3]), "as it was");
    assert_eq!(store.execution("exe_30").await.unwrap().as_ref(), Some(&twice[1]), "the first");
    assert_eq!(ids(&store).await[..3], ["exe_31", "exe_30", "exe_24"], "the rest is stored");
}

#[tokio::test]
async fn damage_is_told_with_its_place_and_without_what_a_client_sent() {
    let home = Home::new();
    let store = home.open().await;
    let mut stored = execution(1, 1, "c");
    stored.body = r#"{"canary":1}"#.to_owned();
    assert!(!format!("{stored:?}").contains("canary"), "{stored:?}");
    store.append_executions(&[stored], 9).await.unwrap();
    let mut raw = home.raw().await;
    query("UPDATE action_executions SET body = X'00ff'").execute(&mut raw).await.unwrap();
    let found = store.execution("exe_1").await.unwrap_err();
    let StoreError::Corrupt { place: Place::Value { table, column, row }, .. } = found else {
        panic!("{found}")
    };
    assert_eq!((table, &*column, &*row), ("action_executions", "body", "exe_1"));
    let found = store.last_executions(None, 9).await.unwrap_err();
    assert!(matches!(found, StoreError::Corrupt { .. }), "{found}");
}
