//! Token quotas: headers, refusals, windows, and what counts.

use insta::assert_snapshot;
use keyward_core::quota::{QuotaHolder, TokenQuota};
use serde_json::json;

use crate::operator::Operator;
use crate::support::{Answer, Customer, World};

const CLIENT: &str = "auth0-client-quota-limit";
const ORGANIZATION: &str = "auth0-organization-quota-limit";

fn quota(per_hour: Option<u32>, per_day: Option<u32>, enforce: bool) -> TokenQuota {
    TokenQuota { per_hour, per_day, enforce }
}

async fn limited(world: &World, letter: char, quota: TokenQuota) -> Customer {
    world.customer_with(letter, |client| client.token_quota = Some(quota)).await
}

/// Headers that tell of a quota.
fn told(answer: &Answer) -> String {
    let names = [
        CLIENT,
        ORGANIZATION,
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "retry-after",
    ];
    let known = names.iter().filter(|name| !answer.header(name).is_empty());
    let lines = known.map(|name| format!("{name}: {}", answer.header(name)));
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn every_token_tells_what_is_left_and_the_last_one_is_the_last() {
    let world = World::new().await;
    let customer = limited(&world, 'a', quota(Some(2), Some(3), true)).await;
    world.pass_s(60).await;
    let first = world.ask_token(&customer).await;
    assert_snapshot!(told(&first), @"auth0-client-quota-limit: b=per_hour;q=2;r=1;t=3540,b=per_day;q=3;r=2;t=86340");
    assert_eq!(world.ask_token(&customer).await.status, 200);
    let over = world.ask_token(&customer).await;
    assert_snapshot!(over, @r#"429 {"error":"too_many_requests","error_description":"Client quota exceeded"}"#);
    assert_snapshot!(told(&over), @r"
    auth0-client-quota-limit: b=per_hour;q=2;r=0;t=3540,b=per_day;q=3;r=1;t=86340
    x-ratelimit-limit: 2
    x-ratelimit-remaining: 0
    x-ratelimit-reset: 1767229200
    retry-after: 3540
    ");
    world.pass_s(3_600 - 61).await;
    assert_eq!(world.ask_token(&customer).await.status, 429, "a second before the hour");
    world.pass_s(1).await;
    assert_eq!(world.ask_token(&customer).await.status, 200);
    let over = world.ask_token(&customer).await;
    assert_snapshot!(told(&over), @r"
    auth0-client-quota-limit: b=per_hour;q=2;r=1;t=3600,b=per_day;q=3;r=0;t=82800
    x-ratelimit-limit: 3
    x-ratelimit-remaining: 0
    x-ratelimit-reset: 1767312000
    retry-after: 82800
    ");
    world.pass_s(23 * 3_600 - 1).await;
    assert_eq!(world.ask_token(&customer).await.status, 429, "a second before the day");
    world.pass_s(1).await;
    assert_eq!(world.ask_token(&customer).await.status, 200);
}

#[tokio::test]
async fn what_is_refused_counts_nothing() {
    let world = World::new().await;
    let customer = limited(&world, 'a', quota(Some(1), None, true)).await;
    assert_eq!(world.ask_token_from("127.0.0.1", &customer, "wrong").await.status, 401);
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", &*customer.id_text),
        ("client_secret", &*customer.secret),
        ("scope", "no:such"),
    ];
    let refused = world.call("POST", "/oauth/token").form(&fields).await;
    assert_eq!((refused.status.as_u16(), told(&refused)), (403, String::new()));
    let list = world.enforce(&["198.51.100.0/24"]);
    world.edit_client(&customer.id, |client| client.allowlist = list).await;
    assert_eq!(world.ask_token(&customer).await.status, 403);
    world.edit_client(&customer.id, |client| client.allowlist = Default::default()).await;
    // What is counted and not settled, as when an Action refuses, is given back.
    let terms = keyward_core::quota::TokenQuotas {
        client: Some(quota(Some(1), None, true)),
        account: None,
    };
    drop(world.services.quotas.take(&customer.id, &terms, world.services.now()).unwrap());
    assert_eq!(world.ask_token(&customer).await.status, 200);
    assert_eq!(world.ask_token(&customer).await.status, 429);
}

#[tokio::test]
async fn a_quota_that_is_not_enforced_only_counts() {
    let world = World::new().await;
    let customer = limited(&world, 'a', quota(Some(1), None, false)).await;
    for _ in 0..2 {
        let answer = world.ask_token(&customer).await;
        assert_eq!(answer.header(CLIENT), "b=per_hour;q=1;r=0;t=3600", "{answer}");
    }
}

#[tokio::test]
async fn of_requests_for_the_last_token_one_gets_it() {
    let world = World::new().await;
    let customer = limited(&world, 'a', quota(Some(3), None, true)).await;
    let ask = || world.ask_token(&customer);
    let (a, b, c, d, e) = tokio::join!(ask(), ask(), ask(), ask(), ask());
    let issued = [a, b, c, d, e].iter().filter(|answer| answer.status == 200).count();
    assert_eq!(issued, 3);
}

#[tokio::test]
async fn special_quotas_go_before_the_tenants_and_an_accounts_clients_share_one() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let account = world.create_account("acme").await;
    let one = world.customer_with('a', |client| client.account = Some(account.clone())).await;
    let two = world.customer_with('b', |client| client.account = Some(account.clone())).await;
    assert_eq!(told(&world.ask_token(&one).await), "");
    let default = json!({ "default_token_quota": {
        "clients": { "client_credentials": { "per_hour": 10 } },
        "organizations": { "client_credentials": { "per_hour": 20 } },
    } });
    assert_eq!(operator.patch("/api/v2/tenants/settings", default).await.status, 200);
    assert_snapshot!(told(&world.ask_token(&one).await), @r"
    auth0-client-quota-limit: b=per_hour;q=10;r=9;t=3600
    auth0-organization-quota-limit: b=per_hour;q=20;r=19;t=3600
    ");
    let path = format!("/api/v2/clients/{}", one.id_text);
    let own =
        json!({ "token_quota": { "client_credentials": { "per_hour": 5, "enforce": true } } });
    let shown = operator.patch(&path, own.clone()).await.json();
    assert_eq!(shown["token_quota"], own["token_quota"]);
    let account_path = format!("/v1/accounts/{}", account.as_str());
    let three = json!({ "token_quota": { "client_credentials": { "per_hour": 3 } } });
    let shown = operator.patch(&account_path, three).await.json();
    assert_eq!(shown["token_quota"]["client_credentials"]["per_hour"], 3);
    assert_snapshot!(told(&world.ask_token(&one).await), @r"
    auth0-client-quota-limit: b=per_hour;q=5;r=3;t=3600
    auth0-organization-quota-limit: b=per_hour;q=3;r=1;t=3600
    ");
    assert_snapshot!(told(&world.ask_token(&two).await), @r"
    auth0-client-quota-limit: b=per_hour;q=10;r=9;t=3600
    auth0-organization-quota-limit: b=per_hour;q=3;r=0;t=3600
    ");
    let over = world.ask_token(&two).await;
    assert_snapshot!(over, @r#"429 {"error":"too_many_requests","error_description":"Organization quota exceeded"}"#);
    assert_eq!(world.ask_token(&one).await.status, 429, "the account is at its end");
    // Gone is gone: the tenant's counts again.
    operator.patch(&path, json!({ "token_quota": null })).await;
    operator.patch(&account_path, json!({ "token_quota": null })).await;
    assert!(operator.get(&path).await.json().get("token_quota").is_none());
    assert!(operator.get(&account_path).await.json().get("token_quota").is_none());
    assert_eq!(world.ask_token(&one).await.header(CLIENT), "b=per_hour;q=10;r=7;t=3600");
    let bad = json!({ "token_quota": { "client_credentials": { "per_hour": 0 } } });
    assert_eq!(operator.patch(&path, bad.clone()).await.status, 400);
    assert_eq!(operator.patch(&account_path, bad).await.status, 422);
}

#[tokio::test]
async fn counts_survive_a_restart_as_far_as_they_were_kept() {
    let world = World::new().await;
    let customer = limited(&world, 'a', quota(Some(5), Some(9), true)).await;
    world.token(&customer).await;
    world.token(&customer).await;
    world.services.keep_counts().await.unwrap();
    // Not kept: what a crash loses.
    world.token(&customer).await;
    let world = world.restarted().await;
    let next = world.ask_token(&customer).await;
    assert_eq!(next.header(CLIENT), "b=per_hour;q=5;r=2;t=3600,b=per_day;q=9;r=6;t=86400");
    world.services.keep_counts().await.unwrap();
    world.pass_s(86_400).await;
    let world = world.restarted().await;
    assert!(world.services.quotas.is_empty(), "yesterday's counts are forgotten");
}

#[tokio::test]
async fn only_those_with_a_quota_are_counted() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    world.token(&customer).await;
    assert!(world.services.quotas.is_empty());
    let limited = limited(&world, 'b', quota(None, Some(2), true)).await;
    world.token(&limited).await;
    let kept = world.services.quotas.unsaved(world.services.now());
    let holders: Vec<_> = kept.iter().map(|count| count.holder.clone()).collect();
    assert_eq!(holders, [QuotaHolder::Client(limited.id)]);
}

#[tokio::test]
async fn thresholds_and_refusals_stand_in_the_log() {
    let world = World::new().await;
    let customer = limited(&world, 'a', quota(Some(5), None, true)).await;
    for _ in 0..6 {
        world.ask_token(&customer).await;
    }
    world.services.logs.write_all(&world.services.store).await.unwrap();
    let operator = Operator::new(&world).await;
    let log = operator.get("/api/v2/logs?per_page=100").await.json();
    let of = |kind: &str| -> Vec<serde_json::Value> {
        let events = log.as_array().unwrap().iter().filter(|event| event["type"] == kind);
        events.cloned().collect()
    };
    let told = of("token_quota_consumption_warning");
    let mut percent: Vec<_> = told.iter().map(|e| e["details"]["percent"].as_u64()).collect();
    percent.sort_unstable();
    assert_eq!(percent, [Some(60), Some(80), Some(100)], "{log}");
    assert!(told.iter().all(|event| event["client_id"] == customer.id_text));
    assert!(of("feccft").iter().any(|event| event["details"]["reason"] == "quota_exceeded"));
}
