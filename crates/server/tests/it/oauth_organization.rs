//! `organization` at the token endpoint: what the grant, the client and the account say of it.

use insta::assert_snapshot;
use keyward_core::allowlist::Allowlist;
use keyward_core::client::State;
use keyward_core::organization::{GrantOrganizations, OrganizationUsage};
use serde_json::{Value, json};

use crate::operator::Operator;
use crate::support::{Answer, Customer, World, payload_of};

async fn ask(world: &World, customer: &Customer, organization: Option<&str>) -> Answer {
    let mut fields = vec![
        ("grant_type", "client_credentials"),
        ("client_id", &*customer.id_text),
        ("client_secret", &*customer.secret),
    ];
    fields.extend(organization.map(|named| ("organization", named)));
    world.call("POST", "/oauth/token").form(&fields).await
}

/// The `org_id` of the token that came, or the status.
fn account_of(answer: &Answer) -> Result<Value, u16> {
    if answer.status != 200 {
        return Err(answer.status.as_u16());
    }
    Ok(payload_of(&answer.text("access_token")).get("org_id").cloned().unwrap_or_default())
}

#[tokio::test]
async fn the_grant_says_whether_there_is_an_account_and_which() {
    use OrganizationUsage::{Allow, Deny, Require};
    let world = World::new().await;
    let (own, other) = (world.create_account("own").await, world.create_account("other").await);
    let owner = own.clone();
    let customer = world.customer_with('a', |client| client.account = Some(owner)).await;
    let (own, other) = (own.as_str(), other.as_str());
    // Without an account, the own one, another one.
    for (usage, any, expected) in [
        (None, false, [Ok(None), Ok(Some(own)), Err(403)]),
        (None, true, [Ok(None), Ok(Some(own)), Err(403)]),
        (Some(Deny), true, [Ok(None), Err(400), Err(400)]),
        (Some(Allow), false, [Ok(None), Ok(Some(own)), Err(403)]),
        (Some(Allow), true, [Ok(None), Ok(Some(own)), Ok(Some(other))]),
        (Some(Require), false, [Err(400), Ok(Some(own)), Err(403)]),
        (Some(Require), true, [Err(400), Ok(Some(own)), Ok(Some(other))]),
    ] {
        let organizations = GrantOrganizations { usage, any };
        world.edit_grant(&customer.id, |grant| grant.organizations = organizations).await;
        for (named, expected) in [None, Some("own"), Some(other)].into_iter().zip(expected) {
            let got = account_of(&ask(&world, &customer, named).await);
            assert_eq!(got, expected.map(|id| json!(id)), "{organizations:?} {named:?}");
        }
    }
}

#[tokio::test]
async fn refusals_are_in_auth0s_words_and_tell_of_no_other_account() {
    let world = World::new().await;
    world.create_account("other").await;
    let customer = world.customer('a').await;
    let usage = async |usage| {
        let organizations = GrantOrganizations { usage: Some(usage), any: false };
        world.edit_grant(&customer.id, |grant| grant.organizations = organizations).await;
    };
    usage(OrganizationUsage::Allow).await;
    let foreign = ask(&world, &customer, Some("other")).await;
    assert_snapshot!(foreign, @r#"403 {"error":"access_denied","error_description":"Client is not authorized to access the organization"}"#);
    assert_eq!(ask(&world, &customer, Some("nobody")).await, foreign);
    usage(OrganizationUsage::Deny).await;
    assert_snapshot!(ask(&world, &customer, Some("other")).await, @r#"400 {"error":"invalid_request","error_description":"parameter organization is not allowed for this client"}"#);
    usage(OrganizationUsage::Require).await;
    assert_snapshot!(ask(&world, &customer, None).await, @r#"400 {"error":"invalid_request","error_description":"parameter organization is required for this client"}"#);
}

#[tokio::test]
async fn a_name_that_several_share_is_nobodys() {
    let world = World::new().await;
    let first = world.create_account("twin").await;
    let customer = world.customer('a').await;
    let any = GrantOrganizations { usage: Some(OrganizationUsage::Allow), any: true };
    world.edit_grant(&customer.id, |grant| grant.organizations = any).await;
    let named = account_of(&ask(&world, &customer, Some("twin")).await);
    assert_eq!(named, Ok(json!(first.as_str())));
    let second = world.create_account("twin").await;
    assert_eq!(account_of(&ask(&world, &customer, Some("twin")).await), Err(403));
    assert!(account_of(&ask(&world, &customer, Some(first.as_str())).await).is_ok());
    world.edit_account(&second, |account| account.name = "sister".to_owned()).await;
    assert!(account_of(&ask(&world, &customer, Some("twin")).await).is_ok());
    assert!(account_of(&ask(&world, &customer, Some("sister")).await).is_ok());
}

#[tokio::test]
async fn a_default_organization_is_written_and_used() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let account = world.create_account("acme").await;
    let id = account.clone();
    let customer = world.customer_with('a', |client| client.account = Some(id)).await;
    let path = format!("/api/v2/clients/{}", customer.id_text);
    let default = json!({ "organization_id": account.as_str(), "flows": ["client_credentials"] });
    let body = json!({ "default_organization": default });
    let shown = operator.patch(&path, body).await;
    assert_eq!(shown.json()["default_organization"], default);
    let own = Ok(json!(account.as_str()));
    assert_eq!(account_of(&ask(&world, &customer, None).await), own);
    let deny = GrantOrganizations { usage: Some(OrganizationUsage::Deny), any: false };
    world.edit_grant(&customer.id, |grant| grant.organizations = deny).await;
    assert_eq!(account_of(&ask(&world, &customer, None).await), Ok(Value::Null));
    let nobody = json!({ "organization_id": "acc_none", "flows": ["client_credentials"] });
    assert_snapshot!(operator.patch(&path, json!({ "default_organization": nobody })).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'there is no account acc_none' on property default_organization.organization_id.","statusCode":400}"#);
    let flows = json!({ "organization_id": account.as_str(), "flows": ["password"] });
    assert_eq!(operator.patch(&path, json!({ "default_organization": flows })).await.status, 400);
    let gone = operator.patch(&path, json!({ "default_organization": null })).await;
    assert!(gone.json().get("default_organization").is_none());
}

#[tokio::test]
async fn a_grants_words_on_accounts_are_kept_shown_and_filtered_by() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    world.customer('a').await;
    let path = "/api/v2/client-grants?audience=https%3A%2F%2Fapi.example";
    let grant = operator.get(path).await.json()[0].clone();
    assert!(grant.get("organization_usage").is_none());
    let one = format!("/api/v2/client-grants/{}", grant["id"].as_str().unwrap());
    let change = json!({ "organization_usage": "require", "allow_any_organization": true });
    let changed = operator.patch(&one, change).await.json();
    assert_eq!(
        (&changed["organization_usage"], &changed["allow_any_organization"]),
        (&json!("require"), &json!(true))
    );
    let count = async |word: &str| {
        let list = operator.get(&format!("{path}&allow_any_organization={word}")).await.json();
        list.as_array().unwrap().len()
    };
    assert_eq!((count("true").await, count("false").await), (1, 0));
    let bad = operator.patch(&one, json!({ "organization_usage": "maybe" })).await;
    assert_eq!(bad.status, 400, "{bad}");
    let cleared = json!({ "organization_usage": null, "allow_any_organization": null });
    let cleared = operator.patch(&one, cleared).await.json();
    assert!(cleared.get("organization_usage").is_none());
}

#[tokio::test]
async fn another_account_has_a_say_at_both_doors() {
    let world = World::new().await;
    let other = world.create_account("other").await;
    let customer = world.customer('a').await;
    let any = GrantOrganizations { usage: Some(OrganizationUsage::Allow), any: true };
    world.edit_grant(&customer.id, |grant| grant.organizations = any).await;
    let token = ask(&world, &customer, Some("other")).await.text("access_token");
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", &*bearer), ("x-real-ip", "192.0.2.1")];
    let check = async || world.check("default", &headers).await.0;
    assert_eq!(check().await, 200);
    let list = world.enforce(&["198.51.100.0/24"]);
    world.edit_account(&other, |account| account.allowlist = list).await;
    assert_eq!(check().await, 403);
    assert_eq!(account_of(&ask(&world, &customer, Some("other")).await), Err(403));
    assert_eq!(account_of(&ask(&world, &customer, None).await), Ok(Value::Null));
    world.edit_account(&other, |account| account.allowlist = Allowlist::default()).await;
    assert_eq!(check().await, 200);
    world.edit_account(&other, |account| account.state = State::Suspended).await;
    assert_eq!(check().await, 401);
    assert_eq!(account_of(&ask(&world, &customer, Some("other")).await), Err(403));
}
