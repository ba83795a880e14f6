//! `kill -9` at any moment loses nothing that was acknowledged and leaves nothing half-done.
//!
//! The test starts itself again as a child that writes and prints each acknowledgement. It kills
//! the child after a random number of them, opens the store and looks. `KEYWARD_KILL_ROUNDS` sets
//! the number of rounds.

#![cfg(test)]

use std::collections::hash_map::RandomState;
use std::env;
use std::hash::BuildHasher;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use keyward_core::actor::Actor;
use keyward_core::api::{Account, Api};
use keyward_core::client::{Client, ClientGrant};
use keyward_core::id::{AccountId, ApiId, ClientId, GrantId};
use keyward_core::time::Timestamp;
use keyward_store::{Page, Store};

const CHILD: &str = "KEYWARD_KILL_STORE";
const ROUNDS: &str = "KEYWARD_KILL_ROUNDS";
const ROUNDS_DEFAULT: usize = 30;
const ACKNOWLEDGED_MAX: u64 = 40;

fn now() -> Timestamp {
    Timestamp::from_seconds(1_800_000_000)
}

fn random() -> u64 {
    RandomState::new().hash_one(0)
}

/// The child: does nothing unless it is told to. It never ends by itself.
#[tokio::test]
async fn child_that_writes_until_it_is_killed() {
    let Some(url) = env::var_os(CHILD) else { return };
    let store = Store::open(url.to_str().unwrap()).await.unwrap();
    let mut out = std::io::stdout();
    loop {
        let (revision, client) = write(&store).await;
        // The line break in front ends what the test harness has begun to print.
        write!(out, "\nacknowledged {revision} {client}\n").unwrap();
        out.flush().unwrap();
    }
}

/// A write of several rows: a client with an account and a grant, and a counter in an account.
async fn write(store: &Store) -> (u64, ClientId) {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&random().to_be_bytes());
    let mut client = Client::new(ClientId::from_random(bytes), "written", now());
    let counter = AccountId::parse("acc_counter").unwrap();
    client.account = Some(counter.clone());
    client.metadata.insert("filler".to_owned(), "x".repeat(500));
    let api = Api::new(ApiId::parse("api").unwrap(), "https://api/", "API", now());
    let grant = ClientGrant {
        id: GrantId::parse(&format!("cgr_{}", client.id)).unwrap(),
        client: client.id.clone(),
        api: api.id.clone(),
        scopes: Vec::new(),
        organizations: Default::default(),
        kept_fields: "{}".to_owned(),
        version: 1,
        created_at: now(),
        updated_at: now(),
    };
    let mut tx = store.begin(&Actor::system("kill"), "req", now()).await.unwrap();
    match tx.account(&counter).await.unwrap() {
        Some(mut account) => {
            account.name = format!("Counter {}", account.version);
            tx.update_account(&account).await.unwrap();
        }
        None => {
            tx.insert_account(&Account::new(counter, "Counter", now())).await.unwrap();
            tx.insert_api(&api).await.unwrap();
        }
    }
    tx.insert_client(&client).await.unwrap();
    tx.insert_grant(&grant).await.unwrap();
    (tx.commit().await.unwrap().revision, client.id)
}

fn start(url: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "child_that_writes_until_it_is_killed", "--nocapture"])
        .env(CHILD, url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Kills a child after `count` acknowledgements and returns all that it gave.
fn run_and_kill(url: &str, count: u64) -> Vec<(u64, ClientId)> {
    let mut child = start(url);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    let mut read = |line: String| {
        let mut words = line.split(' ');
        if words.next() == Some("acknowledged")
            && let (Some(revision), Some(client), None) = (words.next(), words.next(), words.next())
        {
            acknowledged.push((revision.parse().unwrap(), ClientId::parse(client).unwrap()));
        }
        acknowledged.len() as u64
    };
    while read(lines.next().expect("the child ended by itself").unwrap()) < count {}
    child.kill().unwrap();
    // What it still said before it died counts as well. Its last line may be cut off.
    let mut rest: Vec<_> = lines.map_while(Result::ok).collect();
    if rest.last().is_some_and(|last| last.split(' ').nth(2).is_none_or(|id| id.len() < 20)) {
        rest.pop();
    }
    rest.into_iter().for_each(|line| {
        read(line);
    });
    child.wait().unwrap();
    acknowledged
}

#[tokio::test]
async fn killing_loses_nothing_that_was_acknowledged() {
    let rounds =
        env::var_os(ROUNDS).map_or(ROUNDS_DEFAULT, |text| text.to_str().unwrap().parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/keyward.db", folder.path().display());
    let mut seen = 0;
    for round in 1..=rounds {
        let count = random() % ACKNOWLEDGED_MAX + 1;
        let acknowledged = run_and_kill(&url, count);
        let store = Store::open(&url).await.unwrap();
        seen = check(&store, seen, &acknowledged, round).await;
        store.close().await;
    }
}

async fn check(store: &Store, seen: u64, acknowledged: &[(u64, ClientId)], round: usize) -> u64 {
    let revision = store.revision().await.unwrap();
    for (number, client) in acknowledged {
        assert!(*number <= revision, "round {round}: lost {number}, the store is at {revision}");
        assert!(store.client(client).await.unwrap().is_some(), "round {round}: lost {client}");
    }
    let rows = store.changes_since(seen, u32::MAX).await.unwrap();
    assert_eq!(rows.len() as u64, revision - seen, "round {round}: the log has an end of its own");
    assert!(rows.last().is_none_or(|row| row.txn_end), "round {round}: half a write is stored");
    let verdict = store.verify_audit().await.unwrap();
    assert_eq!((verdict.rows, verdict.first_bad), (revision, None), "round {round}");
    // Whole writes only: the counter, the clients and the grants tell the same number.
    let snapshot = store.snapshot().await.unwrap();
    assert_eq!(snapshot.revision, revision);
    let counter = store.account(&AccountId::parse("acc_counter").unwrap()).await.unwrap();
    let writes = counter.map_or(0, |account| account.version);
    let page = Page::Offset { offset: 0, limit: 1 };
    let clients = store.clients(&Default::default(), &page).await.unwrap().total;
    let grants = store.grants(&Default::default(), &page).await.unwrap().total;
    assert_eq!((clients, grants), (Some(writes), Some(writes)), "round {round}");
    // Each write has three changes, the first one a fourth (the API).
    assert_eq!(revision, if writes == 0 { 0 } else { writes * 3 + 1 }, "round {round}");
    revision
}
