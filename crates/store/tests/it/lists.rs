//! Look-ups and lists: filters, both forms of paging, order.

use keyward_core::client::Client;
use keyward_core::time::Timestamp;
use keyward_store::{ApiFilter, ClientFilter, GrantFilter, Page, PageOf, Store, StoreError};

use crate::support::{Home, account, account_id, api, begin, client, client_id, filled, grant};

fn offset(offset: u64, limit: u32) -> Page {
    Page::Offset { offset, limit }
}

fn after(cursor: Option<&str>, limit: u32) -> Page {
    Page::After { cursor: cursor.map(str::to_owned), limit }
}

fn names(page: &PageOf<Client>) -> Vec<&str> {
    page.items.iter().map(|client| client.name.as_str()).collect()
}

/// Ten clients, made in pairs at one moment and stored in the wrong order.
async fn ten(store: &Store) {
    let mut tx = begin(store).await;
    tx.insert_account(&account("acc_1")).await.unwrap();
    for number in (0..10_u64).rev() {
        let mut client = client(number);
        client.created_at = Timestamp::from_seconds(i64::try_from(number / 2).unwrap());
        client.account = (number % 5 == 0).then(|| account_id("acc_1"));
        tx.insert_client(&client).await.unwrap();
    }
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn offset_pages_have_a_total_and_an_order() {
    let home = Home::new();
    let store = home.open().await;
    ten(&store).await;
    let all = ClientFilter::default();
    let page = store.clients(&all, &offset(3, 4)).await.unwrap();
    assert_eq!(names(&page), ["Client 3", "Client 4", "Client 5", "Client 6"]);
    assert_eq!((page.total, page.next), (Some(10), None));
    let page = store.clients(&all, &offset(8, 4)).await.unwrap();
    assert_eq!(names(&page), ["Client 8", "Client 9"]);
    for (skip, limit) in [(10, 4), (u64::MAX, 4), (0, 0)] {
        let page = store.clients(&all, &offset(skip, limit)).await.unwrap();
        assert_eq!((page.items.len(), page.total), (0, Some(10)), "{skip} {limit}");
    }
}

#[tokio::test]
async fn cursor_pages_give_everything_once() {
    let home = Home::new();
    let store = home.open().await;
    ten(&store).await;
    for limit in [1, 2, 3, 5, 9, 10, 11] {
        let mut seen = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = after(cursor.as_deref(), limit);
            let page = store.clients(&ClientFilter::default(), &page).await.unwrap();
            assert_eq!(page.total, None);
            seen.extend(page.items.into_iter().map(|client| client.name));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        let expected: Vec<_> = (0..10).map(|number| format!("Client {number}")).collect();
        assert_eq!(seen, expected, "pages of {limit}");
    }
}

#[tokio::test]
async fn a_cursor_goes_on_behind_what_was_shown_whatever_was_deleted() {
    let home = Home::new();
    let store = home.open().await;
    ten(&store).await;
    let page = store.clients(&ClientFilter::default(), &after(None, 4)).await.unwrap();
    let mut tx = begin(&store).await;
    tx.delete_client(&client_id(3)).await.unwrap();
    tx.delete_client(&client_id(1)).await.unwrap();
    tx.commit().await.unwrap();
    let page = after(page.next.as_deref(), 2);
    let page = store.clients(&ClientFilter::default(), &page).await.unwrap();
    assert_eq!(names(&page), ["Client 4", "Client 5"]);
}

#[tokio::test]
async fn a_cursor_of_our_making_only() {
    let home = Home::new();
    let store = home.open().await;
    for cursor in ["", "x", "12", "1x.abc", "' OR 1 = 1"] {
        let error = store.accounts(&after(Some(cursor), 5)).await.unwrap_err();
        assert!(matches!(error, StoreError::Cursor { .. }), "{cursor}: {error}");
    }
    let page = store.accounts(&after(Some("0.' OR 1 = 1 --"), 5)).await.unwrap();
    assert_eq!(page.items.len(), 0);
}

#[tokio::test]
async fn clients_are_found_by_account_text_and_id() {
    let home = Home::new();
    let store = home.open().await;
    ten(&store).await;
    let mut special = client(77);
    special.name = "Größe 100%_\\x".to_owned();
    let mut tx = begin(&store).await;
    tx.insert_client(&special).await.unwrap();
    tx.commit().await.unwrap();
    let find = async |filter: ClientFilter| {
        let page = store.clients(&filter, &offset(0, 100)).await.unwrap();
        assert_eq!(page.total, Some(page.items.len() as u64));
        let cursor = store.clients(&filter, &after(None, 100)).await.unwrap();
        assert_eq!(cursor.items, page.items);
        page.items.into_iter().map(|client| client.name).collect::<Vec<_>>()
    };
    let by_text = |text: &str| ClientFilter { text: Some(text.to_owned()), ..Default::default() };
    assert_eq!(find(by_text("CLIENT 7")).await, ["Client 7"]);
    for text in ["grösse", "%_\\", "GRÖ"] {
        let found = find(by_text(text)).await;
        let expected: &[&str] = if text == "grösse" { &[] } else { &["Größe 100%_\\x"] };
        assert_eq!(found, expected, "{text}");
    }
    assert_eq!(find(by_text("t00000000000077")).await, ["Größe 100%_\\x"]);
    assert_eq!(find(by_text("_lient")).await.len(), 0);
    assert_eq!(find(by_text(&"x".repeat(100_000))).await.len(), 0);
    assert_eq!(find(by_text("")).await.len(), 11);

    let account = Some(account_id("acc_1"));
    let of_account = ClientFilter { account: account.clone(), ..Default::default() };
    assert_eq!(find(of_account).await, ["Client 0", "Client 5"]);
    let ids = Some(vec![client_id(5), client_id(6), client_id(99)]);
    let by_id = ClientFilter { ids: ids.clone(), ..Default::default() };
    assert_eq!(find(by_id).await, ["Client 5", "Client 6"]);
    assert_eq!(find(ClientFilter { account, ids, ..Default::default() }).await, ["Client 5"]);
    let none = ClientFilter { ids: Some(Vec::new()), ..Default::default() };
    assert_eq!(find(none).await.len(), 0);
}

#[tokio::test]
async fn apis_and_grants_are_found() {
    let home = Home::new();
    let store = home.open().await;
    let (read, owner, known, granted) = filled(&store).await;
    let other = api("api2");
    let mut tx = begin(&store).await;
    tx.insert_api(&other).await.unwrap();
    tx.insert_client(&client(2)).await.unwrap();
    let second = grant("cgr_2", &client(2), &other);
    tx.insert_grant(&second).await.unwrap();
    tx.commit().await.unwrap();

    assert_eq!(store.account(&owner.id).await.unwrap(), Some(owner.clone()));
    assert_eq!(store.account(&account_id("none")).await.unwrap(), None);
    assert_eq!(store.accounts(&offset(0, 9)).await.unwrap().items, [owner]);
    assert_eq!(store.api(&known.id).await.unwrap(), Some(known.clone()));
    assert_eq!(store.api_by_identifier(&known.identifier).await.unwrap(), Some(known.clone()));
    assert_eq!(store.api_by_identifier("none").await.unwrap(), None);
    let filter = ApiFilter { identifiers: Some(vec![other.identifier.clone(), "x".to_owned()]) };
    let found = store.apis(&filter, &offset(0, 9)).await.unwrap().items;
    assert_eq!(found, std::slice::from_ref(&other));
    assert_eq!(store.apis(&ApiFilter::default(), &offset(0, 9)).await.unwrap().total, Some(2));

    let of = async |client, api| {
        let filter = GrantFilter { client, api, ..GrantFilter::default() };
        store.grants(&filter, &after(None, 9)).await.unwrap().items
    };
    assert_eq!(of(Some(read.id.clone()), None).await, std::slice::from_ref(&granted));
    assert_eq!(of(None, Some(other.id.clone())).await, std::slice::from_ref(&second));
    assert_eq!(of(Some(read.id), Some(other.id)).await, []);
    assert_eq!(of(None, None).await.len(), 2);
    assert_eq!(store.grant(&second.id).await.unwrap(), Some(second));
}
