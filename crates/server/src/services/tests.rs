use std::path::Path;

use keyward_core::policy::Standing;

use super::*;

async fn open(folder: &Path, issuer: &str) -> Arc<Services> {
    Services::open(ServicesOptions::new(folder.join("data"), issuer)).await.unwrap()
}

fn admin(folder: &Path) -> AdminFile {
    serde_json::from_slice(&std::fs::read(folder.join("data").join(ADMIN_FILE)).unwrap()).unwrap()
}

#[tokio::test]
async fn the_management_api_moves_with_the_issuer() {
    let folder = tempfile::tempdir().unwrap();
    let services = open(folder.path(), "https://old.example/").await;
    let before = services.policy.api("https://old.example/api/v2/").unwrap();
    services.store.clone().close().await;
    drop(services);

    let services = open(folder.path(), "https://new.example/").await;
    assert_eq!(services.issuer, "https://new.example/");
    let after = services.policy.api("https://new.example/api/v2/").unwrap();
    assert_eq!(after.id, before.id, "so that its grants stay");
    assert!(services.policy.api("https://old.example/api/v2/").is_none());
    let admin = admin(folder.path());
    assert_eq!(admin.issuer, "https://new.example/");
    assert_eq!(admin.audience, "https://new.example/api/v2/");
}

/// Makes a store what an older version would have left: no gateway, fewer scopes.
async fn outdate(services: &Services) {
    let actor = keyward_core::actor::Actor::system("test");
    let audience = services.management_audience();
    let mut api = services.store.api_by_identifier(&audience).await.unwrap().unwrap();
    let is_old = |scope: &str| !scope.contains("gateways") && !scope.contains("probes");
    api.scopes.retain(|scope| is_old(&scope.value));
    let filter = GrantFilter { api: Some(api.id.clone()), ..GrantFilter::default() };
    let page = Page::After { cursor: None, limit: 10 };
    let mut grant = services.store.grants(&filter, &page).await.unwrap().items.remove(0);
    grant.scopes.retain(|scope| is_old(scope));
    let mut tx = services.store.begin(&actor, "test", services.now()).await.unwrap();
    tx.update_api(&api).await.unwrap();
    tx.update_grant(&grant).await.unwrap();
    tx.delete_gateway(&GatewayId::parse("default").unwrap()).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_store_of_an_older_version_gets_what_is_new() {
    let folder = tempfile::tempdir().unwrap();
    let services = open(folder.path(), "https://auth.example/").await;
    outdate(&services).await;
    services.store.clone().close().await;
    drop(services);

    let services = open(folder.path(), "https://auth.example/").await;
    let audience = services.management_audience();
    let api = services.store.api_by_identifier(&audience).await.unwrap().unwrap();
    assert_eq!(api.scopes.len(), crate::management::ALL_SCOPES.len());
    let filter = GrantFilter { api: Some(api.id), ..GrantFilter::default() };
    let page = Page::After { cursor: None, limit: 10 };
    let grant = services.store.grants(&filter, &page).await.unwrap().items.remove(0);
    assert_eq!(grant.scopes.len(), crate::management::ALL_SCOPES.len());
    // Somebody had deleted the gateway: that is no sign of age.
    assert!(services.policy.gateway("default").is_none());
}

#[tokio::test]
async fn a_commit_that_fails_leaves_the_policy_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let services = open(folder.path(), "https://auth.example/").await;
    let revision = services.policy.revision();
    let actor = keyward_core::actor::Actor::system("test");
    let mut tx = services.store.begin(&actor, "test", services.now()).await.unwrap();
    // A step that was given up half way spoils the write, however far it came.
    let mut step = Box::pin(tx.set_setting("a", "b"));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let pending = std::future::Future::poll(step.as_mut(), &mut context).is_pending();
    drop(step);
    assert_eq!(services.commit(tx).await.is_err(), pending);
    assert_eq!(services.policy.revision(), revision);
    let standing = services.policy.generation().standing(services.clock.uptime_ms());
    assert_eq!(standing, Standing::Good);
}

#[tokio::test]
async fn a_policy_is_refreshed_well_before_it_runs_out() {
    for staleness_ms in [1_000, 30_000] {
        let folder = tempfile::tempdir().unwrap();
        let mut options = ServicesOptions::new(folder.path(), "https://auth.example/");
        options.staleness_ms_max = staleness_ms;
        let services = Services::open(options).await.unwrap();
        let interval_ms = services.refresh_interval().as_millis();
        assert!(interval_ms * 3 <= u128::from(staleness_ms), "{staleness_ms}: {interval_ms}");
        assert!(interval_ms <= 1_000);
    }
}

#[tokio::test]
async fn debug_output_has_no_administrators_secret() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path(), "https://auth.example/").await);
    let admin = admin(folder.path());
    assert!(!format!("{admin:?}").contains(&admin.client_secret));
}

#[tokio::test]
async fn an_issuer_that_was_named_is_not_given_up_for_a_derived_one() {
    let folder = tempfile::tempdir().unwrap();
    let reopen = async |issuer: &str, derived: bool| {
        let mut options = ServicesOptions::new(folder.path().join("data"), issuer);
        options.issuer_is_derived = derived;
        let services = Services::open(options).await.unwrap();
        services.store.clone().close().await;
        services.issuer.clone()
    };
    assert_eq!(reopen("http://127.0.0.1:1/", true).await, "http://127.0.0.1:1/");
    assert_eq!(reopen("http://127.0.0.1:2/", true).await, "http://127.0.0.1:2/");
    assert_eq!(reopen("https://named.example/", false).await, "https://named.example/");
    assert_eq!(reopen("http://127.0.0.1:3/", true).await, "https://named.example/");
    assert_eq!(admin(folder.path()).issuer, "https://named.example/");
}

#[tokio::test]
async fn the_administrators_file_follows_even_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path(), "https://auth.example/").await);
    let mut stale = admin(folder.path());
    "https://old.example/".clone_into(&mut stale.issuer);
    let path = folder.path().join("data").join(ADMIN_FILE);
    std::fs::write(&path, serde_json::to_string(&stale).unwrap()).unwrap();
    drop(open(folder.path(), "https://auth.example/").await);
    assert_eq!(admin(folder.path()).issuer, "https://auth.example/");
}

#[tokio::test]
async fn a_folder_of_others_is_left_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(folder.path().join("theirs"), "").unwrap();
    let options = ServicesOptions::new(folder.path(), "https://auth.example/");
    assert!(matches!(Services::open(options).await, Err(OpenError::NotOurs(_))));
    let mode = std::fs::metadata(folder.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
}

#[tokio::test]
async fn a_server_that_nobody_can_manage_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let services = open(folder.path(), "https://auth.example/").await;
    assert!(services.has_operator().await.unwrap());
    let id = ClientId::parse(&admin(folder.path()).client_id).unwrap();
    let actor = keyward_core::actor::Actor::system("test");
    let mut tx = services.store.begin(&actor, "test", services.now()).await.unwrap();
    let mut client = services.store.client(&id).await.unwrap().unwrap();
    client.state = State::Suspended;
    tx.update_client(&client).await.unwrap();
    services.commit(tx).await.unwrap();
    assert!(!services.has_operator().await.unwrap());
}
