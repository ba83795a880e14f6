//! `/v1/actions`: executions, replays, the live log; and trying drafts at `/api/v2`.

use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::operator::Operator;
use crate::support::World;

const ACTIONS: &str = "/api/v2/actions/actions";

async fn create(operator: &Operator<'_>, code: &str) -> String {
    let action = json!({
        "name": "gatekeeper",
        "code": code,
        "secrets": [{ "name": "KEY", "value": "open sesame" }],
        "supported_triggers": [{ "id": "credentials-exchange", "version": "v2" }],
    });
    operator.post(ACTIONS, action).await.text("id")
}

async fn bind(operator: &Operator<'_>) {
    let bindings =
        json!({ "bindings": [{ "ref": { "type": "action_name", "value": "gatekeeper" } }] });
    let path = "/api/v2/actions/triggers/credentials-exchange/bindings";
    assert_eq!(operator.patch(path, bindings).await.status, 200);
}

const BY_ADDRESS: &str = "exports.onExecuteCredentialsExchange = async (event, api) => {
    console.log('from', event.request.ip, event.secrets.KEY);
    if (!event.request.ip.startsWith('203.0.113.')) api.access.deny('invalid_request', 'address');
};";

#[tokio::test]
async fn a_draft_is_tried_against_an_event() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let id = create(&operator, BY_ADDRESS).await;
    let path = format!("{ACTIONS}/{id}/test");
    let tried = async |event: Value| {
        let answer = operator.post(&path, json!({ "payload": { "event": event } })).await;
        assert_eq!(answer.status, 200, "{answer}");
        answer.json()["payload"].clone()
    };
    let inside = tried(json!({ "request": { "ip": "203.0.113.7" } })).await;
    assert_eq!(inside["result"], "allowed", "{inside}");
    assert_eq!(
        inside["console"],
        json!([{ "level": "log", "text": "from 203.0.113.7 [secret KEY]" }])
    );
    assert!(inside["stats"]["action_duration_ms"].as_f64().unwrap() > 0.0, "{inside}");
    let outside = tried(json!({ "request": { "ip": "198.51.100.1" } })).await;
    assert_eq!(outside["denied"], json!({ "code": "invalid_request", "reason": "address" }));
    let broken = tried(json!({})).await;
    assert_eq!(broken["error"]["name"], "TypeError", "{broken}");
    assert!(broken["error"]["stack"].as_str().unwrap().contains("action.js:2"), "{broken}");
    for bad in [json!({}), json!({ "payload": {} }), json!({ "payload": { "event": [] } })] {
        assert_eq!(operator.post(&path, bad).await.status, 400);
    }
    let log = operator.get("/v1/actions/executions").await.json();
    assert_eq!(log["items"], json!([]), "a trial is no execution");
}

#[tokio::test]
async fn a_replay_tells_which_answers_would_change() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('c').await;
    assert_eq!(world.ask_token(&customer).await.status, 200);
    let id = create(&operator, BY_ADDRESS).await;
    let replays = format!("/v1/actions/{id}/replays");
    let nothing = operator.post(&replays, json!({})).await.json();
    assert_eq!(nothing["examined"], 0, "nothing is kept while there is no Action: {nothing}");
    for address in ["203.0.113.7", "198.51.100.1", "203.0.113.8"] {
        let answer = world.ask_token_from(address, &customer, &customer.secret).await;
        assert_eq!(answer.status, 200, "not bound yet");
    }
    let found = operator.post(&replays, json!({ "last": 10 })).await.json();
    assert_eq!((&found["examined"], &found["changed"]), (&json!(3), &json!(1)), "{found}");
    let change = &found["changes"][0];
    assert_eq!(change["ip"], "198.51.100.1", "{found}");
    assert_eq!(change["before"]["result"], "allowed");
    let after = json!({ "result": "denied", "error": "invalid_request", "description": "address" });
    assert_eq!(change["after"], after);
    // Deployed and bound it answers so itself, and a replay of the same changes nothing.
    assert_eq!(operator.post(&format!("{ACTIONS}/{id}/deploy"), json!({})).await.status, 200);
    bind(&operator).await;
    world.pass_s(1).await;
    let refused = world.ask_token_from("198.51.100.1", &customer, &customer.secret).await;
    assert_eq!(refused.status, 400);
    let found = operator.post(&replays, json!({ "last": 1 })).await.json();
    assert_eq!((&found["examined"], &found["changed"]), (&json!(1), &json!(0)), "{found}");
    assert_eq!(operator.post(&replays, json!({ "last": 0 })).await.status, 422);
    let gone = operator.post("/v1/actions/none/replays", json!({})).await;
    assert_eq!(gone.status, 404);
}

#[tokio::test]
async fn executions_are_kept_without_secrets_and_survive_a_restart() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('c').await;
    let id = create(&operator, BY_ADDRESS).await;
    operator.post(&format!("{ACTIONS}/{id}/deploy"), json!({})).await;
    bind(&operator).await;
    world.ask_token_from("203.0.113.7", &customer, &customer.secret).await;
    let list = operator.get("/v1/actions/executions").await;
    let kept = list.json()["items"][0].clone();
    assert_eq!(kept["answer"]["result"], "allowed", "{kept}");
    assert_eq!(kept["results"][0]["console"], json!(["from 203.0.113.7 [secret KEY]"]));
    assert_eq!(kept["event"]["request"]["ip"], "203.0.113.7");
    for secret in [customer.secret.as_str(), "open sesame"] {
        assert!(!list.body.contains(secret), "{list}");
    }
    let of_others = operator.get("/v1/actions/executions?client_id=other").await.json();
    assert_eq!(of_others["items"], json!([]));
    let id = kept["id"].as_str().unwrap().to_owned();
    world
        .services
        .actions
        .executions
        .write(&world.services.store, world.services.now())
        .await
        .unwrap();
    let world = world.restarted().await;
    let operator = Operator::new(&world).await;
    let again = operator.get(&format!("/v1/actions/executions/{id}")).await.json();
    assert_eq!(again, kept);
    assert_eq!(operator.get("/v1/actions/executions/none").await.status, 404);
    // After ten days it is gone.
    world.pass_s(10 * 86_400 + 1).await;
    let operator = Operator::new(&world).await;
    world
        .services
        .actions
        .executions
        .write(&world.services.store, world.services.now())
        .await
        .unwrap();
    assert_eq!(operator.get(&format!("/v1/actions/executions/{id}")).await.status, 404);
}

#[tokio::test]
async fn the_live_log_tells_what_is_written() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('c').await;
    let id = create(&operator, BY_ADDRESS).await;
    operator.post(&format!("{ACTIONS}/{id}/deploy"), json!({})).await;
    bind(&operator).await;
    let request = axum::http::Request::get("/v1/actions/live")
        .header("authorization", format!("Bearer {}", operator.token))
        .body(axum::body::Body::empty())
        .unwrap();
    let response = world.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    world.ask_token_from("203.0.113.7", &customer, &customer.secret).await;
    let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
    let text = String::from_utf8(frame.to_vec()).unwrap();
    let line: Value = serde_json::from_str(text.trim().strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(line["action_name"], "gatekeeper");
    assert_eq!(
        (&line["level"], &line["text"]),
        (&json!("log"), &json!("from 203.0.113.7 [secret KEY]"))
    );
    // The end of the server ends it.
    world.services.actions.close();
    assert!(body.frame().await.is_none());
}
