//! Both doors through nginx: who comes in, who does not, and what nobody can talk it into.

use serde_json::{Value, json};

use crate::node::{API, Credential, INSIDE, Key, OUTSIDE};
use crate::processes::http_client;
use crate::stack::Stack;

const DENIED: &str = r#"{"error":"access_denied"}"#;
const UNAUTHORIZED: &str = r#"{"error":"unauthorized"}"#;

#[tokio::test]
async fn a_key_opens_from_its_own_network_only() {
    let stack = Stack::start().await;
    let key = stack.node.key_for_inside().await;
    for (form, credential) in stack.node.every_form(&key).await {
        let inside = stack.call(INSIDE, &credential).await;
        assert_eq!(inside.status(), 200, "{form} from {INSIDE}");
        let seen = stack.application.take_seen();
        assert_eq!(seen.len(), 1, "{form}: the application is asked once");
        assert_eq!(seen[0].header("x-client-id"), [key.id.as_str()], "{form}");
        assert_eq!(seen[0].header("x-client-ip"), [INSIDE], "{form}");
        assert_eq!(seen[0].header("x-client-scope"), ["read:orders"], "{form}");
        assert_eq!(seen[0].header("x-request-id").len(), 1, "{form}");

        let outside = stack.call(OUTSIDE, &credential).await;
        assert_eq!(outside.status(), 403, "{form} from {OUTSIDE}");
        assert_eq!(outside.text().await.unwrap(), DENIED, "{form}");
        assert!(stack.application.take_seen().is_empty(), "{form}: nothing got through");
    }
}

#[tokio::test]
async fn a_token_is_issued_to_its_own_network_only() {
    let stack = Stack::start().await;
    let key = stack.node.key_for_inside().await;
    assert_eq!(stack.node.ask_token(INSIDE, &key, API).await.status(), 200);

    let refused = stack.node.ask_token(OUTSIDE, &key, API).await;
    assert_eq!(refused.status(), 403);
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["error"], "access_denied");

    // The secret is looked at first: from outside, a wrong one is told nothing about a list.
    let wrong = Key { secret: "x".repeat(38), ..key };
    let from_inside = stack.node.ask_token(INSIDE, &wrong, API).await;
    let from_outside = stack.node.ask_token(OUTSIDE, &wrong, API).await;
    assert_eq!((from_inside.status().as_u16(), from_outside.status().as_u16()), (401, 401));
    assert_eq!(from_inside.bytes().await.unwrap(), from_outside.bytes().await.unwrap());
}

#[tokio::test]
async fn a_caller_cannot_choose_its_address() {
    let stack = Stack::start().await;
    let key = stack.node.key_for_inside().await;
    let spoofs = [
        ("X-Real-IP", INSIDE),
        ("X-Forwarded-For", INSIDE),
        ("X-Forwarded-For", "127.0.0.2, 127.0.0.2"),
        ("Forwarded", "for=127.0.0.2"),
        ("X_Real_IP", INSIDE),
        ("X_Forwarded_For", INSIDE),
        ("X-Client-IP", INSIDE),
        ("CF-Connecting-IP", INSIDE),
        ("True-Client-IP", INSIDE),
        ("X-Envoy-External-Address", INSIDE),
        ("Connection", "X-Real-IP"),
    ];
    for (form, credential) in stack.node.every_form(&key).await {
        for (name, value) in spoofs {
            let request = http_client(OUTSIDE).get(&stack.guarded).header(name, value);
            let response = credential.show(request).send().await.unwrap();
            assert_eq!(response.status(), 403, "{form} with {name}: {value}");
        }
        assert!(stack.application.take_seen().is_empty(), "{form}: nothing got through");

        // And nobody can be locked out by a header either.
        let request = http_client(INSIDE).get(&stack.guarded).header("X-Forwarded-For", OUTSIDE);
        let response = credential.show(request.header("X-Real-IP", OUTSIDE)).send().await.unwrap();
        assert_eq!(response.status(), 200, "{form}");
        let seen = stack.application.take_seen();
        assert_eq!(seen[0].header("x-client-ip"), [INSIDE], "{form}");
    }
}

#[tokio::test]
async fn forward_auth_029_030_forged_identity_never_reaches_the_application() {
    let stack = Stack::start().await;
    let key = stack.node.key_for_inside().await;
    let request = http_client(INSIDE)
        .get(&stack.guarded)
        .header("X-Client-Id", "admin")
        .header("X-Account-Id", "everyone")
        .header("X-Client-Scope", "everything")
        .header("X-Client-IP", "203.0.113.5")
        .header("X-Request-Id", "forged")
        .header("X_Client_Id", "admin")
        .header("Connection", "X-Client-Id, X-Client-IP, X-Real-IP");
    let response = Credential::Basic(key.clone()).show(request).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let seen = stack.application.take_seen();
    assert_eq!(seen[0].header("x-client-id"), [key.id.as_str()]);
    assert_eq!(seen[0].header("x-client-ip"), [INSIDE]);
    assert_eq!(seen[0].header("x-client-scope"), ["read:orders"]);
    assert_eq!(seen[0].header("x-account-id"), ["-"], "void, and still ours");
    assert_ne!(seen[0].header("x-request-id"), ["forged"]);
    assert!(seen[0].header("x_client_id").is_empty(), "nginx drops names with underscores");
}

#[tokio::test]
async fn two_credentials_are_none() {
    let stack = Stack::start().await;
    let key = stack.node.key_for_inside().await;
    let bearer = format!("Bearer {}", key.one_string());
    let twice = http_client(INSIDE).get(&stack.guarded);
    let twice = twice.header("Authorization", &bearer).header("Authorization", &bearer);
    let response = twice.send().await.unwrap();
    assert!(matches!(response.status().as_u16(), 400 | 401), "two Authorization lines");

    let request = http_client(INSIDE).get(&stack.guarded).header("Authorization", &bearer);
    let response = request.header("X-API-Key", key.one_string()).send().await.unwrap();
    assert_eq!(response.status(), 401, "Authorization and X-API-Key");

    let in_query = format!("{}/?access_token={}", stack.guarded, key.one_string());
    let response = http_client(INSIDE).get(in_query).send().await.unwrap();
    assert_eq!(response.status(), 401, "a credential in the query string");
    assert!(stack.application.take_seen().is_empty());
}

/// nginx itself refuses TRACE and lower-case methods.
#[tokio::test]
async fn forward_auth_001_to_010_every_method_is_decided_alike() {
    let stack = Stack::start().await;
    let key = stack.node.key_for_inside().await;
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "FOO"] {
        let request = || http_client(INSIDE).request(method.parse().unwrap(), &stack.guarded);
        let refused = request().send().await.unwrap();
        assert_eq!(refused.status(), 401, "{method} without a credential");
        assert!(stack.application.take_seen().is_empty(), "{method}");

        let allowed = Credential::Basic(key.clone()).show(request()).send().await.unwrap();
        assert_eq!(allowed.status(), 200, "{method} with one");
        assert_eq!(stack.application.take_seen()[0].method, method);
    }
    for (method, status) in [("TRACE", 405), ("get", 400)] {
        let request = http_client(INSIDE).request(method.parse().unwrap(), &stack.guarded);
        assert_eq!(request.send().await.unwrap().status(), status, "{method}");
    }
    assert!(stack.application.take_seen().is_empty());
}

#[tokio::test]
async fn an_edit_reaches_credentials_that_are_out() {
    let stack = Stack::start().await;
    let key = stack.node.key_for_inside().await;
    let forms = stack.node.every_form(&key).await;
    let client = format!("/api/v2/clients/{}", key.id);

    let expect = async |status: u16, why: &str| {
        for (form, credential) in &forms {
            let got = stack.call(INSIDE, credential).await.status().as_u16();
            assert_eq!(got, status, "{form}: {why}");
        }
    };
    expect(200, "on the list").await;
    stack.node.manage("PATCH", &client, json!({ "allowed_ips": ["127.0.0.9/32"] }), 200).await;
    expect(403, "removed").await;
    assert_eq!(stack.node.ask_token(INSIDE, &key, API).await.status(), 403);
    stack.node.manage("PATCH", &client, json!({ "allowlist_mode": "report" }), 200).await;
    expect(200, "report-only").await;
    stack.node.manage("PATCH", &client, json!({ "allowlist_mode": "enforce" }), 200).await;
    expect(403, "enforced again").await;
    stack.node.manage("PATCH", &client, json!({ "allowed_ips": ["127.0.0.0/30"] }), 200).await;
    expect(200, "added back").await;
    stack.node.manage("DELETE", &client, Value::Null, 204).await;
    expect(401, "deleted").await;
}

#[tokio::test]
async fn refusals_tell_nothing() {
    let stack = Stack::start().await;
    let key = stack.node.key_for_inside().await;
    let unknown = Key { id: "A".repeat(key.id.len()), secret: key.secret.clone() };
    let wrong = Key { secret: "x".repeat(38), ..key.clone() };
    let mut answers = Vec::new();
    for credential in [
        Credential::None,
        Credential::Basic(unknown.clone()),
        Credential::Basic(wrong.clone()),
        Credential::ApiKey(unknown.one_string()),
        Credential::ApiKey(wrong.one_string()),
        Credential::Bearer("not.a.token".to_owned()),
    ] {
        for from in [INSIDE, OUTSIDE] {
            let response = stack.call(from, &credential).await;
            let status = response.status().as_u16();
            let mut headers: Vec<String> =
                response.headers().iter().map(|(n, v)| format!("{n}: {v:?}")).collect();
            headers.retain(|line| !line.starts_with("date:"));
            let body = response.text().await.unwrap();
            assert_eq!((status, body.as_str()), (401, UNAUTHORIZED), "{credential:?} from {from}");
            answers.push(headers);
        }
    }
    assert!(
        answers.iter().any(|headers| headers.iter().any(|h| h.starts_with("www-authenticate:")))
    );
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:#?}");
}

#[tokio::test]
async fn forward_auth_031_keyward_gone_means_500_and_never_200() {
    let mut stack = Stack::start().await;
    let key = stack.node.key_for_inside().await;
    let forms = stack.node.every_form(&key).await;
    for (form, credential) in &forms {
        assert_eq!(stack.call(INSIDE, credential).await.status(), 200, "{form}");
    }
    stack.application.take_seen();
    stack.node.process.kill();
    for (form, credential) in &forms {
        assert_eq!(stack.call(INSIDE, credential).await.status(), 500, "{form}");
    }
    assert!(stack.application.take_seen().is_empty());

    // Killed, not stopped: what was acknowledged is still there, and tokens that are out still work.
    stack.node.restart().await;
    for (form, credential) in &forms {
        assert_eq!(stack.call(INSIDE, credential).await.status(), 200, "{form} after a restart");
        assert_eq!(stack.call(OUTSIDE, credential).await.status(), 403, "{form} after a restart");
    }
}

/// The check never sees the body, and the application gets all of it.
#[tokio::test]
async fn bodies_pass_by_the_check() {
    let stack = Stack::start().await;
    let key = stack.node.key_for_inside().await;
    let body = vec![b'a'; 900_000];
    let request = http_client(INSIDE).post(&stack.guarded).body(body.clone());
    let response = Credential::Basic(key).show(request).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(stack.application.take_seen()[0].body_bytes, body.len());
}

/// A handshake is a request like any other, decided once.
#[tokio::test]
async fn forward_auth_047_a_websocket_handshake_is_decided() {
    let stack = Stack::start().await;
    let key = stack.node.key_for_inside().await;
    for (credential, status) in [(Credential::None, 401), (Credential::Basic(key), 200)] {
        let request = http_client(INSIDE)
            .get(&stack.guarded)
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
        let response = credential.show(request).send().await.unwrap();
        assert_eq!(response.status(), status, "{credential:?}");
    }
}
