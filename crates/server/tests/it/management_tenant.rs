//! `/api/v2/tenants/settings`, and what token requests make of them.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::operator::Operator;
use crate::support::{API, Answer, World};

const SETTINGS: &str = "/api/v2/tenants/settings";

#[tokio::test]
async fn settings_are_shown_changed_and_sent_back_as_they_are() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let first = operator.get(SETTINGS).await;
    assert_snapshot!(first, @r#"200 {"allowed_logout_urls":[],"default_audience":"https://api.example","default_directory":"","enabled_locales":["en"],"flags":{},"friendly_name":"","idle_session_lifetime":72,"picture_url":"","resource_parameter_profile":"compatibility","sandbox_version":"22","sandbox_versions_available":["22","18"],"session_lifetime":168,"support_email":"","support_url":""}"#);
    // What the deploy tool does: its own answer comes back.
    let same = operator.patch(SETTINGS, first.json()).await;
    assert_eq!((same.status, same.json()), (first.status, first.json()));
    let change = json!({
        "friendly_name": "Acme",
        "flags": { "enable_client_connections": false },
        "sandbox_version": "22",
        "mtls": { "enable_endpoint_aliases": true },
        "default_token_quota": {
            "clients": { "client_credentials": { "per_hour": 100, "enforce": false } },
            "organizations": { "client_credentials": { "per_day": 9 } },
        },
        "resource_parameter_profile": "audience",
        "default_audience": "https://nowhere.example",
    });
    let changed = operator.patch(SETTINGS, change.clone()).await.json();
    for (name, value) in change.as_object().unwrap() {
        let mut value = value.clone();
        if name == "default_token_quota" {
            value["organizations"]["client_credentials"]["enforce"] = json!(true);
        }
        assert_eq!(changed[name], value, "{name}");
    }
    let shown = operator.get(SETTINGS).await.json();
    assert_eq!(shown, changed);
    assert_eq!(operator.patch(SETTINGS, shown.clone()).await.json(), shown);
    let some = operator.get(&format!("{SETTINGS}?fields=friendly_name,flags")).await;
    assert_eq!(some.json().as_object().unwrap().len(), 2);
    let others = operator.get(&format!("{SETTINGS}?fields=flags&include_fields=false")).await;
    assert!(others.json().get("flags").is_none() && others.json().get("mtls").is_some());
    // Merged per setting: `null` removes, what is not named stays.
    let removed = json!({ "default_token_quota": null, "mtls": null });
    let removed = operator.patch(SETTINGS, removed).await.json();
    assert!(removed.get("default_token_quota").is_none() && removed.get("mtls").is_none());
    assert_eq!(removed["friendly_name"], "Acme");
}

#[tokio::test]
async fn what_is_no_setting_is_refused_by_name() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let patch = async |body: Value| operator.patch(SETTINGS, body).await;
    assert_snapshot!(patch(json!({ "colour": "red" })).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'Additional properties not allowed: colour'.","statusCode":400}"#);
    assert_snapshot!(patch(json!({ "flags": [] })).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'Expected type object but found type array' on property flags.","statusCode":400}"#);
    assert_snapshot!(patch(json!({ "resource_parameter_profile": "both" })).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'No enum match for: both' on property resource_parameter_profile.","statusCode":400}"#);
    let quota = |inner: Value| json!({ "default_token_quota": { "clients": inner } });
    assert_snapshot!(patch(quota(json!({}))).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'Missing required property: client_credentials' on property default_token_quota.clients.","statusCode":400}"#);
    assert_snapshot!(patch(quota(json!({ "client_credentials": {} }))).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'Too few properties defined (0), minimum 1' on property default_token_quota.clients.client_credentials.","statusCode":400}"#);
    let zero = json!({ "client_credentials": { "per_hour": 0 } });
    assert_snapshot!(patch(quota(zero)).await, @r#"400 {"details":[{"code":"range","field":"default_token_quota.clients.client_credentials.per_hour","message":"is not a number from 1 to 2147483647; suspend what is to get no token"}],"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'is not a number from 1 to 2147483647; suspend what is to get no token' on property default_token_quota.clients.client_credentials.per_hour.","statusCode":400}"#);
    assert_snapshot!(operator.get(&format!("{SETTINGS}?page=1")).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_query","message":"Query validation error: 'Additional properties not allowed: page'.","statusCode":400}"#);
}

/// Asks for a token and tells the audience of what came.
async fn ask(world: &World, fields: &[(&str, &str)]) -> Answer {
    let customer = &world.admin;
    let mut all = vec![
        ("grant_type", "client_credentials"),
        ("client_id", &customer.client_id),
        ("client_secret", &customer.client_secret),
    ];
    all.extend_from_slice(fields);
    world.call("POST", "/oauth/token").form(&all).await
}

#[tokio::test]
async fn the_tenants_default_audience_goes_before_the_servers_option() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    assert_eq!(operator.get(SETTINGS).await.json()["default_audience"], API);
    // The administrator has no grant for it.
    assert_eq!(ask(&world, &[]).await.status, 403);
    let own = json!({ "default_audience": world.admin.audience });
    assert_eq!(operator.patch(SETTINGS, own).await.status, 200);
    assert_eq!(ask(&world, &[]).await.status, 200);
    // An API that does not exist (yet) is taken: tools write the tenant before the APIs.
    operator.patch(SETTINGS, json!({ "default_audience": "https://later.example" })).await;
    assert_snapshot!(ask(&world, &[]).await, @r#"403 {"error":"access_denied","error_description":"Service not found: https://later.example"}"#);
    let world = world.restarted().await;
    assert_snapshot!(ask(&world, &[]).await, @r#"403 {"error":"access_denied","error_description":"Service not found: https://later.example"}"#);
    let operator = Operator::new(&world).await;
    let none = operator.patch(SETTINGS, json!({ "default_audience": "" })).await;
    assert_eq!(none.json()["default_audience"], API, "the option counts again");
}

#[tokio::test]
async fn resource_is_taken_as_the_tenant_says() {
    let world = World::with(|options| options.default_audience = None).await;
    let operator = Operator::new(&world).await;
    let audience = world.admin.audience.clone();
    let both = [("audience", &*audience), ("resource", "https://other")];
    let profile = async |word: &str| {
        operator.patch(SETTINGS, json!({ "resource_parameter_profile": word })).await
    };
    for word in ["compatibility", "audience", "compatibility"] {
        assert_eq!(profile(word).await.status, 200);
        let taken = word == "compatibility";
        let alone = ask(&world, &[("resource", &audience)]).await;
        assert_eq!(alone.status, if taken { 200 } else { 400 }, "{word}: {alone}");
        let both = ask(&world, &both).await;
        assert_eq!(both.status, if taken { 400 } else { 200 }, "{word}: {both}");
    }
    profile("audience").await;
    assert_snapshot!(ask(&world, &[("resource", &audience)]).await, @r#"400 {"error":"invalid_target","error_description":"The parameter resource is not taken here: name the API in audience"}"#);
}

#[tokio::test]
async fn a_token_is_for_one_resource() {
    let world = World::new().await;
    let twice = ask(&world, &[("resource", API), ("resource", "https://other")]).await;
    assert_snapshot!(twice, @r#"400 {"error":"invalid_target","error_description":"Only one resource can be asked for: ask for a token for each"}"#);
    let body = json!({
        "grant_type": "client_credentials", "client_id": world.admin.client_id,
        "client_secret": world.admin.client_secret, "resource": [API],
    });
    assert_eq!(world.call("POST", "/oauth/token").json(&body).await, twice);
}
