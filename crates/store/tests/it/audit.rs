//! The audit log: what is in it, and that nobody can change it unseen.

use keyward_allowlist::parse_address;
use keyward_core::actor::Actor;
use keyward_core::time::Timestamp;
use keyward_core::token::TokenId;
use keyward_store::{AuditFilter, Page, Store};
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Row, query, query_scalar};

use crate::support::{Home, begin, client, client_id, filled, gateway, now, secret, write};

/// Rows of every kind: with and without before, after and address.
async fn history(store: &Store) {
    let (mut read, _, _, granted) = filled(store).await;
    read.secrets.push(secret(7));
    let mut tx = begin(store).await;
    tx.update_client(&read).await.unwrap();
    tx.delete_grant(&granted.id).await.unwrap();
    tx.revoke_token(TokenId([1; 16]), now().plus_seconds(60), &read.id).await.unwrap();
    tx.set_setting("issuer", "https://a/").await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn rows_tell_who_did_what_with_before_and_after_and_without_codes() {
    let home = Home::new();
    let store = home.open().await;
    history(&store).await;
    let filter = AuditFilter { target_kind: Some("client".to_owned()), ..Default::default() };
    let page = store.audit(&filter, &Page::After { cursor: None, limit: 10 }).await.unwrap();
    let [update, create] = &page.items[..] else { panic!("{page:?}") };
    assert_eq!((create.action.as_str(), create.before.as_ref()), ("client.create", None));
    assert_eq!(update.action, "client.update");
    assert_eq!((update.actor_kind.as_str(), update.actor_id.as_str()), ("system", "test"));
    assert_eq!((update.request_id.as_str(), update.at, update.revision), ("req_test", now(), 7));
    assert_eq!(update.before, create.after);
    let after = update.after.as_deref().unwrap();
    assert!(after.contains(r#""network":"127.0.0.2/32""#), "{after}");
    assert!(after.contains(&secret(7).id.to_string()), "{after}");
    let code = "07".repeat(32);
    for row in store.audit(&AuditFilter::default(), &offset(0, 100)).await.unwrap().items {
        assert!(!format!("{row:?}").contains(&code), "{row:?}");
        assert!(!format!("{row:?}").contains("\"mac\""), "{row:?}");
    }
}

#[tokio::test]
async fn a_gateways_token_leaves_no_code_in_the_log() {
    let home = Home::new();
    let store = home.open().await;
    write(&store, async |tx| tx.insert_gateway(&gateway("edge")).await).await.unwrap();
    let page = store.audit(&AuditFilter::default(), &offset(0, 10)).await.unwrap();
    let [row] = &page.items[..] else { panic!("{page:?}") };
    assert_eq!((row.action.as_str(), row.target_id.as_str()), ("gateway.create", "edge"));
    let after = row.after.as_deref().unwrap();
    assert!(after.contains(&secret(5).id.to_string()), "{after}");
    assert!(!after.contains("mac") && !after.contains(&"05".repeat(32)), "{after}");
}

fn offset(offset: u64, limit: u32) -> Page {
    Page::Offset { offset, limit }
}

#[tokio::test]
async fn the_address_of_the_request_is_kept() {
    let home = Home::new();
    let store = home.open().await;
    let address = parse_address("192.0.2.7").unwrap();
    let actor = Actor::client(&client_id(5), Some(address.into()));
    let mut tx = store.begin(&actor, "req_9", now()).await.unwrap();
    tx.insert_client(&client(1)).await.unwrap();
    tx.commit().await.unwrap();
    let filter = AuditFilter { actor: Some(client_id(5).to_string()), ..Default::default() };
    let page = store.audit(&filter, &offset(0, 10)).await.unwrap();
    assert_eq!(page.items[0].actor_address.as_deref(), Some("192.0.2.7"));
    assert_eq!(page.items[0].actor_kind, "client");
}

#[tokio::test]
async fn filters_and_pages() {
    let home = Home::new();
    let store = home.open().await;
    for number in 1..=5 {
        let actor = Actor::system(if number % 2 == 0 { "even" } else { "odd" });
        let at = Timestamp::from_seconds(number);
        let mut tx = store.begin(&actor, "req", at).await.unwrap();
        tx.insert_client(&client(number.unsigned_abs())).await.unwrap();
        tx.commit().await.unwrap();
    }
    let seqs = async |filter: AuditFilter, page: Page| {
        let page = store.audit(&filter, &page).await.unwrap();
        (page.items.iter().map(|row| row.seq).collect::<Vec<_>>(), page.total, page.next)
    };
    let all = AuditFilter::default;
    assert_eq!(seqs(all(), offset(1, 2)).await, (vec![4, 3], Some(5), None));
    let first = Page::After { cursor: None, limit: 3 };
    assert_eq!(seqs(all(), first).await, (vec![5, 4, 3], None, Some("3".to_owned())));
    let second = Page::After { cursor: Some("3".to_owned()), limit: 3 };
    assert_eq!(seqs(all(), second).await, (vec![2, 1], None, None));
    let odd = AuditFilter { actor: Some("odd".to_owned()), ..all() };
    assert_eq!(seqs(odd, offset(0, 9)).await.0, [5, 3, 1]);
    let late = AuditFilter { since: Some(Timestamp::from_seconds(4)), ..all() };
    assert_eq!(seqs(late, offset(0, 9)).await.0, [5, 4]);
    let one = AuditFilter { target_id: Some(client_id(2).to_string()), ..all() };
    assert_eq!(seqs(one, offset(0, 9)).await.0, [2]);
    let bad = Page::After { cursor: Some("x".to_owned()), limit: 3 };
    assert!(store.audit(&all(), &bad).await.is_err());
}

const COLUMNS: [&str; 15] = [
    "shard",
    "seq",
    "at",
    "actor_kind",
    "actor_id",
    "actor_address",
    "request_id",
    "action",
    "target_kind",
    "target_id",
    "before_state",
    "after_state",
    "revision",
    "previous_hash",
    "hash",
];

/// Every value that differs from the one stored in one byte; for numbers and nothing, others.
async fn altered(raw: &mut SqliteConnection, seq: i64, column: &str) -> (String, Vec<String>) {
    let sql =
        format!("SELECT quote({column}), typeof({column}), {column} FROM audit_log WHERE seq = $1");
    let row = query(AssertSqlSafe(sql)).bind(seq).fetch_one(raw).await.unwrap();
    let (quoted, kind): (String, String) = (row.get(0), row.get(1));
    let changed = match kind.as_str() {
        "null" => vec!["''".to_owned(), "'x'".to_owned()],
        "integer" => {
            let number: i64 = row.get(2);
            // Number 1 more may be taken by the next row.
            let step = if column == "seq" { 1000 } else { 1 };
            vec![(number + step).to_string(), (number ^ (1 << 40)).to_string(), "'x'".to_owned()]
        }
        _ => {
            let text: String = row.get(2);
            let mut all = vec!["NULL".to_owned(), format!("'{}x'", text.replace('\'', "''"))];
            // Long states are as good as their hash: some forty bytes of each are proof enough.
            for place in (0..text.len()).step_by(1 + text.len() / 70) {
                let mut bytes = text.clone().into_bytes();
                bytes[place] ^= 1;
                all.push(format!("'{}'", String::from_utf8(bytes).unwrap().replace('\'', "''")));
            }
            all
        }
    };
    (quoted, changed)
}

#[tokio::test]
async fn a_change_of_any_byte_of_any_row_is_found() {
    let home = Home::new();
    let store = home.open().await;
    history(&store).await;
    let mut raw = home.raw().await;
    let rows = store.verify_audit().await.unwrap();
    assert_eq!((rows.rows, rows.first_bad), (8, None));
    let mut tried = 0;
    for seq in 0..=8_i64 {
        for column in COLUMNS {
            let (original, changed) = altered(&mut raw, seq, column).await;
            for value in changed {
                let set = |value: &str, at: &str| {
                    AssertSqlSafe(format!(
                        "UPDATE audit_log SET {column} = {value} WHERE rowid = {at}"
                    ))
                };
                let rowid: i64 = query_scalar("SELECT rowid FROM audit_log WHERE seq = $1")
                    .bind(seq)
                    .fetch_one(&mut raw)
                    .await
                    .unwrap();
                let done = query(set(&value, &rowid.to_string())).execute(&mut raw).await;
                if done.is_err() {
                    // The schema itself refuses it (a NULL where there must be a value).
                    continue;
                }
                let verdict = store.verify_audit().await.unwrap();
                let bad = verdict.first_bad.map(|bad| bad.seq);
                assert_eq!(bad, Some(seq.unsigned_abs()), "row {seq}, {column} = {value}");
                query(set(&original, &rowid.to_string())).execute(&mut raw).await.unwrap();
                tried += 1;
            }
        }
    }
    assert!(tried > 1000, "{tried}");
    assert_eq!(store.verify_audit().await.unwrap().first_bad, None);
}

#[tokio::test]
async fn missing_added_and_reordered_rows_are_found() {
    let copy = "INSERT INTO audit_log SELECT shard, 9, at, actor_kind, actor_id, actor_address, \
                request_id, action, target_kind, target_id, before_state, after_state, revision, \
                previous_hash, hash FROM audit_log WHERE seq = 8";
    for (sql, seq) in [
        ("DELETE FROM audit_log WHERE seq = 3", 3),
        ("DELETE FROM audit_log WHERE seq = 8", 8),
        ("DELETE FROM audit_log WHERE seq > 5", 6),
        ("DELETE FROM audit_log", 0),
        (copy, 9),
        ("UPDATE audit_log SET seq = CASE seq WHEN 4 THEN -5 ELSE -4 END WHERE seq IN (4, 5)", 0),
        ("UPDATE audit_head SET seq = 7", 8),
        ("UPDATE audit_head SET hash = 'x'", 8),
        ("DELETE FROM audit_head", 9),
        ("UPDATE change_head SET seq = seq + 1", 9),
    ] {
        let home = Home::new();
        let store = home.open().await;
        history(&store).await;
        query(sql).execute(&mut home.raw().await).await.unwrap();
        let bad = store.verify_audit().await.unwrap().first_bad;
        assert_eq!(bad.map(|bad| bad.seq), Some(seq), "{sql}");
    }
}

#[tokio::test]
async fn the_head_changes_with_every_row() {
    let home = Home::new();
    let store = home.open().await;
    let before = store.verify_audit().await.unwrap().head;
    write(&store, async |tx| tx.insert_client(&client(1)).await).await.unwrap();
    assert_ne!(store.verify_audit().await.unwrap().head, before);
}

#[tokio::test]
async fn parts_of_the_log_are_bounded_by_their_size() {
    let home = Home::new();
    let store = home.open().await;
    let mut large = client(1);
    large.kept_fields = format!("{{\"large\":\"{}\"}}", "x".repeat(1024 * 1024));
    let mut tx = begin(&store).await;
    tx.insert_client(&large).await.unwrap();
    for number in 0..5 {
        large.name = format!("large {number}");
        large.version = tx.update_client(&large).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page = Page::After { cursor, limit: 100 };
        let part = store.audit(&AuditFilter::default(), &page).await.unwrap();
        assert!((1..=3).contains(&part.items.len()), "{} rows at once", part.items.len());
        seen.extend(part.items.iter().map(|row| row.seq));
        cursor = part.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, [6, 5, 4, 3, 2, 1]);
}
