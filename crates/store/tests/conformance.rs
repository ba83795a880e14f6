//! One story that every database must tell alike. It names no database: a second one joins by
//! another call of [`story`].

#![cfg(test)]

use keyward_allowlist::{EntryRules, parse_address, parse_entry};
use keyward_core::actor::Actor;
use keyward_core::allowlist::{Entry, Mode};
use keyward_core::api::{Account, Api};
use keyward_core::attempt::{Attempt, Credential, Door, Evidence, Required};
use keyward_core::client::{Client, ClientGrant, State};
use keyward_core::decide::decide;
use keyward_core::decision::Decision;
use keyward_core::gateway::{Gateway, GatewayKind};
use keyward_core::id::{AccountId, ApiId, ClientId, GatewayId, GrantId, SecretId};
use keyward_core::jwk::KeySet;
use keyward_core::policy::{Change, Freshness, Policy, Settings};
use keyward_core::secret::{ClientSecret, PepperId, Peppers};
use keyward_core::time::{FixedClock, Timestamp};
use keyward_core::token::TokenId;
use keyward_store::{
    AuditFilter, ClientFilter, Conflict, GrantFilter, KeyStatus, Page, SealedKey, SealedKeyKind,
    Store, StoreError, StoredExecution, Tx,
};

const SECRET: &str = "a secret of the story";

#[tokio::test]
async fn the_story_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/keyward.db", folder.path().display());
    story(&url).await;
}

/// The story, on an empty database.
async fn story(url: &str) {
    let store = Store::open(url).await.unwrap();
    assert_eq!(store.snapshot().await.unwrap().revision, 0);
    let cast = Cast::new();
    an_operator_sets_up(&store, &cast).await;
    let policy = policy_of(store.snapshot().await.unwrap().changes);
    assert!(admits(&policy, "203.0.113.9") && !admits(&policy, "198.51.100.9"));
    a_customer_narrows_the_list(&store, &cast, &policy).await;
    two_edits_collide(&store, &cast).await;
    a_slip_is_undone(&store, &cast).await;
    a_gateway_comes_and_changes(&store, &policy).await;
    actions_are_watched(&store).await;
    store.close().await;

    let store = Store::open(url).await.unwrap();
    the_log_tells_what_the_snapshot_tells(&store).await;
    lists_are_read_page_by_page(&store, &cast).await;
    what_actions_did_is_forgotten(&store).await;
    everything_is_taken_down(&store, &cast, &policy).await;
    the_audit_log_tells_it_all(&store).await;
    store.close().await;
}

/// Who and what the story is about.
struct Cast {
    account: Account,
    api: Api,
    client: Client,
    grant: ClientGrant,
}

impl Cast {
    fn new() -> Self {
        let now = moment(0);
        let account = Account::new(AccountId::parse("acc_story").unwrap(), "Example Inc", now);
        let api = Api::new(ApiId::parse("orders").unwrap(), "https://orders/", "Orders", now);
        let mut client = Client::new(ClientId::from_random([3; 16]), "Billing", now);
        client.account = Some(account.id.clone());
        client.allowlist.mode = Mode::Enforce;
        client.allowlist.entries = vec![entry("203.0.113.0/24")];
        let hash = peppers().hash(&client.id.to_string(), SECRET);
        client.secrets =
            vec![ClientSecret { id: SecretId(1), hash, created_at: now, expires_at: None }];
        let grant = ClientGrant {
            id: GrantId::parse("cgr_story").unwrap(),
            client: client.id.clone(),
            api: api.id.clone(),
            scopes: vec!["read:orders".to_owned()],
            organizations: Default::default(),
            kept_fields: "{}".to_owned(),
            version: 1,
            created_at: now,
            updated_at: now,
        };
        Self { account, api, client, grant }
    }
}

fn moment(minute: i64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + 60 * minute)
}

fn entry(text: &str) -> Entry {
    Entry {
        network: parse_entry(text, &EntryRules::default()).unwrap(),
        label: None,
        expires_at: None,
        created_at: moment(0),
        created_by: "operator".to_owned(),
    }
}

fn peppers() -> Peppers {
    Peppers::new((PepperId(1), &[9; 32]), &[])
}

fn policy_of(changes: Vec<Change>) -> Policy {
    let policy = Policy::new(Settings {
        issuer: "https://issuer/".to_owned(),
        keys: KeySet::default(),
        peppers: peppers(),
        default_audience: None,
        leeway_s: 5,
    });
    policy.apply(1, changes, Freshness::Authority);
    policy
}

fn admits(policy: &Policy, address: &str) -> bool {
    let id = ClientId::from_random([3; 16]).to_string();
    let attempt = Attempt {
        credential: Ok(Credential::Pair { client: &id, secret: SECRET }),
        client_ip: Ok(parse_address(address).unwrap().into()),
        evidence: Evidence::None,
        door: Door::Use(Required { audience: Some("https://orders/"), ..Required::default() }),
    };
    let clock = FixedClock { now: moment(1), uptime_ms: 1 };
    matches!(decide(policy, &attempt, &clock), Decision::Allow(_))
}

async fn begin(store: &Store, minute: i64) -> Tx {
    let address = parse_address("192.0.2.1").unwrap();
    let actor = Actor::client(&ClientId::from_random([1; 16]), Some(address.into()));
    store.begin(&actor, &format!("req_{minute}"), moment(minute)).await.unwrap()
}

async fn an_operator_sets_up(store: &Store, cast: &Cast) {
    let mut tx = begin(store, 1).await;
    // Named before it exists: refused, and the write goes on.
    let error = tx.insert_client(&cast.client).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { what: Conflict::Missing { .. } }));
    tx.insert_account(&cast.account).await.unwrap();
    tx.insert_api(&cast.api).await.unwrap();
    tx.insert_client(&cast.client).await.unwrap();
    tx.insert_grant(&cast.grant).await.unwrap();
    let key = SealedKey {
        kind: SealedKeyKind::Pepper,
        id: "1".to_owned(),
        algorithm: None,
        status: KeyStatus::Current,
        sealed: vec![0, 1, 255],
        created_at: moment(1),
        status_since: moment(1),
        certificate: None,
        current_since: None,
        current_until: None,
        revoked_at: None,
    };
    tx.put_sealed_key(&key).await.unwrap();
    tx.set_setting("issuer", "https://issuer/").await.unwrap();
    let committed = tx.commit().await.unwrap();
    assert_eq!((committed.revision, committed.changes.len()), (4, 4));
    assert_eq!(store.sealed_keys().await.unwrap(), [key]);
    assert_eq!(store.setting("issuer").await.unwrap().as_deref(), Some("https://issuer/"));
}

async fn a_customer_narrows_the_list(store: &Store, cast: &Cast, policy: &Policy) {
    let mut edited = store.client(&cast.client.id).await.unwrap().unwrap();
    edited.allowlist.entries = vec![entry("203.0.113.128/25")];
    let mut tx = begin(store, 2).await;
    assert_eq!(tx.update_client(&edited).await.unwrap(), 2);
    let token = TokenId([5; 16]);
    tx.revoke_token(token, moment(60), &edited.id).await.unwrap();
    let committed = tx.commit().await.unwrap();
    assert_eq!(committed.revision, 6);
    policy.apply(committed.revision, committed.changes, Freshness::Authority);
    assert!(admits(policy, "203.0.113.200") && !admits(policy, "203.0.113.9"));
    assert!(policy.is_revoked(&token));
}

async fn two_edits_collide(store: &Store, cast: &Cast) {
    let read = store.account(&cast.account.id).await.unwrap().unwrap();
    let edit = async |name: &str| {
        let mut edited = read.clone();
        edited.name = name.to_owned();
        let mut tx = begin(store, 3).await;
        tx.update_account(&edited).await?;
        tx.commit().await
    };
    let (one, two) = tokio::join!(edit("One"), edit("Two"));
    let ((Ok(_), Err(lost)) | (Err(lost), Ok(_))) = (one, two) else { panic!("one must win") };
    assert!(matches!(lost, StoreError::Conflict { what: Conflict::Changed { version: 2, .. } }));
}

async fn a_gateway_comes_and_changes(store: &Store, policy: &Policy) {
    let mut gateway = Gateway::built_in(moment(4)).unwrap();
    let mut tx = begin(store, 4).await;
    tx.insert_gateway(&gateway).await.unwrap();
    let error = tx.insert_gateway(&gateway).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { what: Conflict::Taken { field: "id", .. } }));
    let committed = tx.commit().await.unwrap();
    policy.apply(committed.revision, committed.changes, Freshness::Authority);
    assert!(policy.gateway("default").is_some());
    gateway.required_scopes = vec!["read:orders".to_owned()];
    let mut tx = begin(store, 4).await;
    assert_eq!(tx.update_gateway(&gateway).await.unwrap(), 2);
    let mut other_kind = store.gateway(&gateway.id).await.unwrap().unwrap();
    other_kind.kind = GatewayKind::Caddy;
    let error = tx.update_gateway(&other_kind).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { .. } | StoreError::Unstorable { .. }));
    let committed = tx.commit().await.unwrap();
    policy.apply(committed.revision, committed.changes, Freshness::Authority);
    let known = policy.gateway("default").unwrap();
    assert_eq!(known.gateway.required_scopes, gateway.required_scopes);
    let page = store.gateways(&Page::Offset { offset: 0, limit: 9 }).await.unwrap();
    assert_eq!(page.total, Some(1));
}

/// Two executions a minute, of two clients.
fn executions(minutes: std::ops::Range<i64>) -> Vec<StoredExecution> {
    let execution = |minute, client: &str| StoredExecution {
        id: format!("exe_{client}_{minute}"),
        at: moment(minute),
        client: client.to_owned(),
        body: format!(r#"{{"minute":{minute}}}"#),
    };
    minutes.flat_map(|minute| [execution(minute, "one"), execution(minute, "two")]).collect()
}

/// The same, the newest first.
fn newest(minutes: std::ops::Range<i64>) -> Vec<StoredExecution> {
    executions(minutes).into_iter().rev().collect()
}

async fn actions_are_watched(store: &Store) {
    let before = store.revision().await.unwrap();
    store.append_executions(&executions(0..60), 120).await.unwrap();
    assert_eq!(store.last_executions(None, 999).await.unwrap(), newest(0..60));
    // Written again: passed over, and nothing makes room for it.
    store.append_executions(&executions(50..60), 120).await.unwrap();
    assert_eq!(store.last_executions(None, 999).await.unwrap(), newest(0..60));
    store.append_executions(&executions(60..70), 120).await.unwrap();
    assert_eq!(store.last_executions(None, 999).await.unwrap(), newest(10..70));
    assert_eq!(store.revision().await.unwrap(), before);
}

async fn what_actions_did_is_forgotten(store: &Store) {
    assert_eq!(store.last_executions(None, 4).await.unwrap(), newest(68..70));
    let of_one: Vec<_> = newest(67..70).into_iter().filter(|row| row.client == "one").collect();
    assert_eq!(store.last_executions(Some("one"), 3).await.unwrap(), of_one);
    let found = store.execution("exe_one_69").await.unwrap();
    assert_eq!(found.as_ref(), Some(&of_one[0]));
    assert_eq!(store.execution("exe_one_9").await.unwrap(), None);
    assert_eq!(store.forget_executions(moment(20), 15).await.unwrap(), 15);
    assert_eq!(store.forget_executions(moment(20), 15).await.unwrap(), 5);
    assert_eq!(store.last_executions(None, 999).await.unwrap(), newest(20..70));
    store.append_executions(&executions(70..80), 120).await.unwrap();
    assert_eq!(store.last_executions(None, 999).await.unwrap(), newest(20..80));
}

async fn a_slip_is_undone(store: &Store, cast: &Cast) {
    let before = store.revision().await.unwrap();
    let mut tx = begin(store, 4).await;
    assert!(tx.delete_client(&cast.client.id).await.unwrap());
    assert_eq!(tx.client(&cast.client.id).await.unwrap(), None);
    drop(tx);
    assert!(store.client(&cast.client.id).await.unwrap().is_some());
    assert_eq!(store.revision().await.unwrap(), before);
}

async fn the_log_tells_what_the_snapshot_tells(store: &Store) {
    let snapshot = store.snapshot().await.unwrap();
    let rows = store.changes_since(0, 100).await.unwrap();
    let numbers: Vec<_> = rows.iter().map(|row| row.seq).collect();
    assert_eq!(numbers, (1..=snapshot.revision).collect::<Vec<_>>());
    let ends: Vec<_> = rows.iter().filter(|row| row.txn_end).map(|row| row.seq).collect();
    assert_eq!(ends, [4, 6, 7, 8, 9]);
    let snapshot = policy_of(snapshot.changes);
    let replayed = policy_of(rows.into_iter().map(|row| row.change).collect());
    for address in ["203.0.113.9", "203.0.113.200", "198.51.100.9"] {
        assert_eq!(admits(&snapshot, address), admits(&replayed, address), "{address}");
    }
    assert!(admits(&snapshot, "203.0.113.200"));
}

async fn lists_are_read_page_by_page(store: &Store, cast: &Cast) {
    let mut tx = begin(store, 5).await;
    for number in 0..9_u8 {
        let id = ClientId::from_random([100 + number; 16]);
        let mut client = Client::new(id, &format!("Extra {number}"), moment(5));
        client.state = State::Suspended;
        tx.insert_client(&client).await.unwrap();
    }
    tx.commit().await.unwrap();
    let page = Page::Offset { offset: 8, limit: 5 };
    let numbered = store.clients(&ClientFilter::default(), &page).await.unwrap();
    assert_eq!((numbered.items.len(), numbered.total), (2, Some(10)));
    let filter = ClientFilter { text: Some("EXTRA".to_owned()), ..ClientFilter::default() };
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page = store.clients(&filter, &Page::After { cursor, limit: 4 }).await.unwrap();
        seen.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 9);
    assert!(seen.is_sorted_by(|a, b| a.id.to_string() < b.id.to_string()));
    let filter = GrantFilter { client: Some(cast.client.id.clone()), ..GrantFilter::default() };
    let grants = store.grants(&filter, &Page::After { cursor: None, limit: 9 }).await.unwrap();
    assert_eq!(grants.items, std::slice::from_ref(&cast.grant));
}

async fn everything_is_taken_down(store: &Store, cast: &Cast, policy: &Policy) {
    let mut tx = begin(store, 6).await;
    let error = tx.delete_account(&cast.account.id).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { what: Conflict::InUse { count: 1, .. } }));
    assert!(tx.delete_client(&cast.client.id).await.unwrap());
    assert!(tx.delete_account(&cast.account.id).await.unwrap());
    assert!(tx.delete_api(&cast.api.id).await.unwrap());
    let gateway = GatewayId::parse("default").unwrap();
    assert!(tx.delete_gateway(&gateway).await.unwrap());
    let committed = tx.commit().await.unwrap();
    assert_eq!((committed.revision, committed.changes.len()), (23, 5));
    policy.apply(committed.revision, committed.changes, Freshness::Authority);
    assert!(!admits(policy, "203.0.113.200"));
    assert!(policy.gateway("default").is_none());
    assert_eq!(store.grant(&cast.grant.id).await.unwrap(), None);
}

async fn the_audit_log_tells_it_all(store: &Store) {
    let page = Page::Offset { offset: 0, limit: 100 };
    let audit = store.audit(&AuditFilter::default(), &page).await.unwrap();
    let count = |action: &str| audit.items.iter().filter(|row| row.action == action).count();
    let actions = [("client.create", 10), ("client.update", 1), ("account.update", 1)];
    for (action, expected) in actions {
        assert_eq!(count(action), expected, "{action}");
    }
    let deleted =
        ["grant.delete", "client.delete", "account.delete", "api.delete", "gateway.delete"];
    assert!(deleted.iter().all(|action| count(action) == 1));
    assert!(audit.items.iter().all(|row| row.actor_address.as_deref() == Some("192.0.2.1")));
    let verdict = store.verify_audit().await.unwrap();
    assert_eq!((Some(verdict.rows), verdict.first_bad), (audit.total, None));
    assert_eq!(verdict.head, audit.items[0].hash);
}
