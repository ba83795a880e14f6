//! Every form of credential, by address.

use std::sync::atomic::Ordering;

use keyward_core::allowlist::Mode;
use keyward_core::policy::Change;
use serde_json::json;

use crate::fixture::{AUDIENCE, FOREIGN, Header, LISTED, World, account, allowlist, from};

#[tokio::test]
async fn every_form_passes_from_its_network_and_is_refused_from_another() {
    let mut world = World::new();
    let key = world.listed_key();
    for shown in [key.basic(), key.bearer(), key.x_api_key(), world.token(&key)] {
        let allowed = world.ask("default", &[from(LISTED), shown.clone()]).await;
        assert_eq!(allowed.status, 200, "{}", shown.0);
        assert_eq!(allowed.header("x-client-id"), Some(key.id().as_str()));
        let refused = world.ask("default", &[from(FOREIGN), shown]).await;
        assert_eq!(refused.status, 403);
    }
}

#[tokio::test]
async fn a_changed_list_counts_for_a_token_that_is_out() {
    let mut world = World::new();
    let key = world.listed_key();
    let token = world.token(&key);
    assert_eq!(world.ask("default", &[from(LISTED), token.clone()]).await.status, 200);
    world.edit(&key, |client| client.allowlist = allowlist(Mode::Enforce, &[FOREIGN]));
    assert_eq!(world.ask("default", &[from(LISTED), token.clone()]).await.status, 403);
    assert_eq!(world.ask("default", &[from(FOREIGN), token]).await.status, 200);
}

#[tokio::test]
async fn an_ended_secret_and_an_ended_token_are_refused() {
    let mut world = World::new();
    let now = world.clock.now_ms.load(Ordering::SeqCst);
    let key = world.key_with(|client| {
        let end = keyward_core::time::Timestamp::from_millis(now + 60_000);
        client.secrets[0].expires_at = Some(end);
    });
    let token = world.token(&key);
    assert_eq!(world.ask("default", &[from(LISTED), key.basic()]).await.status, 200);
    world.clock.now_ms.store(now + 60_000, Ordering::SeqCst);
    assert_eq!(world.ask("default", &[from(LISTED), key.basic()]).await.status, 401);
    assert_eq!(world.ask("default", &[from(LISTED), token.clone()]).await.status, 200);
    world.clock.now_ms.store(now + 4_000_000, Ordering::SeqCst);
    assert_eq!(world.ask("default", &[from(LISTED), token]).await.status, 401);
}

#[tokio::test]
async fn a_bound_token_is_no_bearer_token() {
    let mut world = World::new();
    let key = world.key();
    let mut claims = world.claims(&key);
    claims.cnf = Some(json!({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}));
    let answer = world.ask("default", &[from(LISTED), world.sign(&claims)]).await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn the_accounts_list_counts_as_well() {
    let mut world = World::new();
    let (id, change) =
        account("acc_1", |account| account.allowlist = allowlist(Mode::Enforce, &[LISTED]));
    world.apply(vec![change]);
    let key = world.key_with(|client| client.account = Some(id));
    let allowed = world.ask("default", &[from(LISTED), key.basic()]).await;
    assert_eq!(allowed.status, 200);
    assert_eq!(allowed.header("x-account-id"), Some("acc_1"));
    assert_eq!(world.ask("default", &[from(FOREIGN), key.basic()]).await.status, 403);
}

#[tokio::test]
async fn a_gateway_can_require_an_api_and_scopes() {
    let mut world = World::new();
    let key = world.key();
    let ask = async |shown: Header| world.ask("scoped", &[from(LISTED), shown]).await.status;
    assert_eq!(ask(key.basic()).await, 200);
    assert_eq!(ask(world.token(&key)).await, 403, "the token has `read` alone");
    let mut claims = world.claims(&key);
    claims.scope = Some("read write".to_owned());
    assert_eq!(ask(world.sign(&claims)).await, 200);
    claims.audience = "https://other.example/".to_owned();
    assert_eq!(ask(world.sign(&claims)).await, 401);
    world.apply(vec![Change::GrantDeleted {
        id: keyward_core::id::GrantId::parse("cgr_1").unwrap(),
        client: key.client.id.clone(),
        api: crate::fixture::api_id(),
    }]);
    assert_eq!(ask(key.basic()).await, 403);
    assert!(world.policy.api(AUDIENCE).is_some());
}
