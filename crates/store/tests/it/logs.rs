//! Log events and log streams.

use keyward_core::time::Timestamp;
use keyward_store::{
    Conflict, LogEvent, LogOrder, LogSearch, LogStream, LogStreamProgress, StoreError,
};

use crate::support::{Home, now, write};

fn event(kind: &str, at_ms: i64) -> LogEvent {
    LogEvent {
        at: Timestamp::from_millis(at_ms),
        kind: kind.to_owned(),
        client_id: "c".to_owned(),
        client_name: "Caller".to_owned(),
        ip: "192.0.2.1".to_owned(),
        description: String::new(),
        body: "{}".to_owned(),
    }
}

fn stream(id: &str) -> LogStream {
    LogStream {
        id: id.to_owned(),
        name: "siem".to_owned(),
        status: "active".to_owned(),
        settings: r#"{"endpoint":"https://logs.example/"}"#.to_owned(),
        sealed: vec![1, 2, 3],
        version: 1,
        created_at: now(),
        updated_at: now(),
    }
}

#[tokio::test]
async fn numbers_grow_over_restarts_and_when_the_clock_goes_back() {
    let home = Home::new();
    let store = home.open().await;
    let revision = store.revision().await.unwrap();
    let first: Vec<_> = (0..120).map(|n| event("a", 1_000 + n)).collect();
    assert_eq!(store.append_logs(&first, 1_000).await.unwrap(), 120);
    store.close().await;
    let store = home.open().await;
    assert_eq!(store.append_logs(&[event("b", 5)], 1_000).await.unwrap(), 121);
    let all = store.logs_after(0, None, 1_000).await.unwrap();
    assert!(all.rows.iter().zip(1..).all(|(row, seq)| row.seq == seq));
    assert!(all.rows.iter().map(|row| row.id_at).is_sorted());
    assert_eq!(all.rows[120].event, event("b", 5), "its own time is told");
    assert_eq!(all.seen_to, 121);
    assert_eq!(store.logs_after(119, None, 1).await.unwrap().seen_to, 120, "the part was full");
    let none = store.logs_after(0, Some(&["c"]), 10).await.unwrap();
    assert_eq!((none.rows.len(), none.seen_to), (0, 121));
    assert_eq!(store.log_before(Timestamp::from_millis(1_119)).await.unwrap(), 119);
    assert_eq!(store.log_before(Timestamp::from_millis(2_000)).await.unwrap(), 121);
    assert_eq!(store.revision().await.unwrap(), revision, "no policy was changed");
    assert_eq!(store.verify_audit().await.unwrap().rows, 0);
}

#[tokio::test]
async fn what_is_kept_is_bounded_by_number_and_age() {
    let home = Home::new();
    let store = home.open().await;
    for part in 0..10 {
        let events: Vec<_> = (0..10).map(|n| event("a", part * 10 + n)).collect();
        store.append_logs(&events, 25).await.unwrap();
    }
    let search = LogSearch {
        condition: None,
        order: LogOrder::NewestFirst,
        offset: 0,
        limit: 100,
        count: true,
    };
    let kept = store.logs(&search).await.unwrap();
    assert_eq!((kept.rows.len(), kept.total), (25, Some(25)));
    assert_eq!((kept.rows[0].seq, kept.rows[24].seq), (100, 76));
    let before = Timestamp::from_millis(90);
    assert_eq!(store.forget_logs(before, 10).await.unwrap(), 10, "a step");
    assert_eq!(store.forget_logs(before, 10).await.unwrap(), 5);
    assert_eq!(store.logs(&search).await.unwrap().rows.len(), 10);
    store.forget_logs(Timestamp::from_millis(1_000), 100).await.unwrap();
    assert_eq!(store.append_logs(&[event("a", 1)], 25).await.unwrap(), 101, "not from 1 again");
}

#[tokio::test]
async fn a_stream_is_audited_without_its_secrets_and_its_progress_is_not() {
    let home = Home::new();
    let store = home.open().await;
    let revision = store.revision().await.unwrap();
    write(&store, async |tx| tx.insert_log_stream(&stream("lst_1"), 7).await).await.unwrap();
    let taken = write(&store, async |tx| tx.insert_log_stream(&stream("lst_1"), 7).await).await;
    let taken = taken.unwrap_err();
    assert!(matches!(taken, StoreError::Conflict { what: Conflict::Taken { .. } }), "{taken}");
    let failing = LogStreamProgress { seq: 9, failing_since: Some(now()), failures: 3 };
    store.set_log_stream_progress("lst_1", failing).await.unwrap();
    assert_eq!(store.log_stream_progress("lst_1").await.unwrap(), Some(failing));

    let mut edited = store.log_stream("lst_1").await.unwrap().unwrap();
    edited.status = "paused".to_owned();
    write(&store, async |tx| tx.update_log_stream(&edited).await).await.unwrap();
    let old = write(&store, async |tx| tx.update_log_stream(&edited).await).await.unwrap_err();
    assert!(matches!(old, StoreError::Conflict { what: Conflict::Changed { .. } }), "{old}");
    let progress = store.log_stream_progress("lst_1").await.unwrap().unwrap();
    assert_eq!(progress, LogStreamProgress { seq: 9, failing_since: None, failures: 0 });
    assert_eq!(store.log_streams().await.unwrap()[0].version, 2);

    write(&store, async |tx| tx.delete_log_stream("lst_1").await.map(|_| ())).await.unwrap();
    store.set_log_stream_progress("lst_1", failing).await.unwrap();
    assert_eq!(store.log_stream_progress("lst_1").await.unwrap(), None, "it stays gone");
    let page = keyward_store::Page::After { cursor: None, limit: 10 };
    let rows = store.audit(&keyward_store::AuditFilter::default(), &page).await.unwrap().items;
    let actions: Vec<_> = rows.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(actions, ["log_stream.delete", "log_stream.update", "log_stream.create"]);
    assert!(rows[1].after.as_deref().unwrap().contains("paused"));
    assert!(rows.iter().all(|row| !format!("{row:?}").contains("sealed")));
    assert_eq!(store.revision().await.unwrap(), revision);
}
