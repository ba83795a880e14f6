//! Every operation of both management APIs, tried by people who may not do it. The cases come from
//! the route tables themselves, so a new route is in here before anybody thinks of it.

use crate::operator::{Operator, token_for};
use crate::support::{Answer, World};

/// Operations that need no scope. This list may only ever shrink.
const GAPS: &[(&str, &str)] = &[];

/// Every operation: method and path with its variables.
fn operations() -> Vec<(String, String)> {
    let mut all: Vec<_> = keyward_server::management::ROUTES
        .iter()
        .map(|(method, path)| ((*method).to_owned(), (*path).to_owned()))
        .collect();
    let document = serde_json::to_value(keyward_server::v1::openapi()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            all.push((method.to_ascii_uppercase(), path.clone()));
        }
    }
    all
}

/// A path with something in the place of each variable that exists, where it can.
fn filled(path: &str, client: &str) -> String {
    let id = if path.contains("clients") { client } else { "none" };
    path.replace("{id}", id)
        .replace("{network}", "203.0.113.7")
        .replace("{secret}", "sec_1")
        .replace("{credential}", "cred_1")
}

async fn call(world: &World, method: &str, path: &str, token: Option<&str>) -> Answer {
    let mut call = world.call(method, path);
    if let Some(token) = token {
        call = call.bearer(token);
    }
    call.raw("application/json", "{}").await
}

#[tokio::test]
async fn nobody_does_what_they_may_not() {
    let world = World::new().await;
    let customer = world.customer('c').await;
    let foreign = token_for(&world, &customer, crate::support::API).await;
    // A good token of the right audience, with a scope that nothing asks for.
    let powerless = Operator::with_scopes(&world, 'p', &["read:nothing"]).await.token;
    let before = world.services.policy.revision();
    let mut tried = 0;
    for (method, path) in operations() {
        if GAPS.contains(&(&method, &path)) {
            continue;
        }
        let target = filled(&path, &customer.id_text);
        for (who, token, allowed) in [
            ("nobody", None, &[401][..]),
            ("no token at all", Some("nonsense"), &[401]),
            ("a token for another API", Some(foreign.as_str()), &[401, 403]),
            ("a token without the scope", Some(powerless.as_str()), &[403]),
        ] {
            let answer = call(&world, &method, &target, token).await;
            let status = answer.status.as_u16();
            assert!(allowed.contains(&status), "{method} {path} by {who}: {answer}");
        }
        tried += 1;
    }
    assert!(tried >= 55, "only {tried} operations were found");
    assert_eq!(world.services.policy.revision(), before, "something was written");
}

#[tokio::test]
async fn every_scope_that_is_asked_for_is_one_that_administrators_have() {
    let world = World::new().await;
    let powerless = Operator::with_scopes(&world, 'p', &["read:nothing"]).await.token;
    for (method, path) in operations() {
        let answer = call(&world, &method, &filled(&path, "none"), Some(&powerless)).await;
        let body = answer.json();
        let message = body.get("message").or(body.get("detail")).cloned().unwrap_or_default();
        let names = message.as_str().unwrap().split_once("expected any of: ");
        let (_, names) = names.unwrap_or_else(|| panic!("{method} {path}: {answer}"));
        for name in names.split(',') {
            assert!(keyward_server::management::ALL_SCOPES.contains(&name), "{name}");
        }
    }
}

#[tokio::test]
async fn every_documented_scope_is_the_one_that_is_asked_for() {
    let world = World::new().await;
    let powerless = Operator::with_scopes(&world, 'p', &["read:nothing"]).await.token;
    let document = serde_json::to_value(keyward_server::v1::openapi()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let scopes = operation["security"][0]["management_token"].as_array().unwrap();
            let scopes: Vec<_> = scopes.iter().map(|scope| scope.as_str().unwrap()).collect();
            let method = method.to_ascii_uppercase();
            let answer = call(&world, &method, &filled(path, "none"), Some(&powerless)).await;
            let told = answer.text("detail");
            assert!(told.ends_with(&scopes.join(",")), "{method} {path}: {told} {scopes:?}");
        }
    }
}
