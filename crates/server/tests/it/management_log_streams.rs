//! `/api/v2/log-streams`: definitions, and what reaches the endpoint.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use keyward_allowlist::{EntryRules, NetworkSet, parse_entry};
use keyward_server::jobs::log_streams::step;
use keyward_server::log_streams::delivery::{GIVEN_UP_AFTER_S, Step};
use keyward_server::log_streams::egress::{Egress, OwnNetworks};
use keyward_server::log_streams::sign;
use serde_json::{Value, json};

use crate::operator::Operator;
use crate::support::{Customer, World};

/// What reached an endpoint, and how it answers.
#[derive(Default)]
struct Received {
    requests: Vec<(HeaderMap, String)>,
    /// Statuses of the next answers, the first first; then 200.
    answers: Vec<(u16, Option<&'static str>)>,
}

/// An endpoint on this machine.
struct Endpoint {
    url: String,
    received: Arc<Mutex<Received>>,
}

impl Endpoint {
    async fn new() -> Self {
        let received = Arc::new(Mutex::new(Received::default()));
        let router = Router::new().fallback(receive).with_state(Arc::clone(&received));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/in?key=k3y", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, received }
    }

    fn answers(&self, answers: &[(u16, Option<&'static str>)]) {
        self.received.lock().unwrap().answers = answers.to_vec();
    }

    fn taken(&self) -> Vec<(HeaderMap, String)> {
        std::mem::take(&mut self.received.lock().unwrap().requests)
    }
}

async fn receive(
    State(received): State<Arc<Mutex<Received>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut received = received.lock().unwrap();
    received.requests.push((headers, String::from_utf8(body.to_vec()).unwrap()));
    let next = (!received.answers.is_empty()).then(|| received.answers.remove(0));
    let (status, retry_after) = next.unwrap_or((200, None));
    let status = StatusCode::from_u16(status).unwrap();
    // More than anybody reads.
    let body = "x".repeat(200_000);
    match retry_after {
        Some(seconds) => (status, [("retry-after", seconds)], body).into_response(),
        None => (status, [("location", "http://127.0.0.1:1/")], body).into_response(),
    }
}

/// A server whose streams may reach this machine.
async fn world() -> World {
    World::with(|options| options.log_stream_networks = this_machine()).await
}

fn this_machine() -> OwnNetworks {
    let network = parse_entry("127.0.0.0/8", &EntryRules::default()).unwrap();
    OwnNetworks::new(NetworkSet::compile(&[network]))
}

fn egress() -> Egress {
    Egress::new(this_machine()).unwrap()
}

/// Makes a stream and returns the answer.
async fn create(operator: &Operator<'_>, url: &str, more: Value) -> Value {
    let mut body = json!({ "name": "siem", "type": "http", "sink": { "httpEndpoint": url } });
    for (name, value) in more.as_object().unwrap() {
        if name == "sink" {
            let sink = body["sink"].as_object_mut().unwrap();
            sink.extend(value.as_object().unwrap().clone());
        } else {
            body[name] = value.clone();
        }
    }
    let answer = operator.post("/api/v2/log-streams", body).await;
    assert_eq!(answer.status, 200, "{answer}");
    answer.json()
}

/// So many tokens are issued, a second apart, and their events written.
async fn issue(world: &World, customer: &Customer, count: usize) {
    for _ in 0..count {
        world.pass_s(1).await;
        world.token(customer).await;
    }
    world.write_logs().await;
}

async fn deliver(world: &World, id: &str) -> Step {
    step(&world.services, &egress(), id).await.unwrap()
}

/// The numbers at the ends of the ids of all events in these bodies.
fn numbers(bodies: &[(HeaderMap, String)]) -> Vec<u64> {
    let lines = bodies.iter().flat_map(|(_, body)| body.lines());
    let id = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap();
        assert_eq!(event["log_id"], event["data"]["log_id"]);
        event["log_id"].as_str().unwrap().get(20..).unwrap().parse().unwrap()
    };
    lines.map(id).collect()
}

#[tokio::test]
async fn a_stream_is_made_shown_changed_and_deleted() {
    let world = world().await;
    let operator = Operator::new(&world).await;
    let sink = json!({
        "httpAuthorization": "Bearer t0p-secret",
        "httpContentFormat": "JSONARRAY",
        "httpCustomHeaders": [{ "header": "X-Team", "value": "s3cret-team" }],
    });
    let more = json!({
        "sink": sink,
        "filters": [{ "type": "category", "name": "auth.token_exchange.fail" }],
        "pii_config": { "log_fields": ["email"] },
    });
    let made = create(&operator, "https://logs.example/in", more).await;
    let id = made["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("lst_"), "{id}");
    assert!(made["signing_secret"].as_str().unwrap().starts_with("whsec_"));
    let expected = json!({
        "id": id,
        "name": "siem",
        "type": "http",
        "status": "active",
        "isPriority": false,
        "filters": [{ "type": "category", "name": "auth.token_exchange.fail" }],
        "pii_config": { "log_fields": ["email"] },
        "sink": {
            "httpEndpoint": "https://logs.example/in",
            "httpAuthorization": "********",
            "httpContentFormat": "JSONARRAY",
            "httpContentType": "application/json",
            "httpCustomHeaders": [{ "header": "X-Team", "value": "********" }],
        },
    });
    let path = format!("/api/v2/log-streams/{id}");
    assert_eq!(operator.get(&path).await.json(), expected);
    assert_eq!(operator.get("/api/v2/log-streams").await.json(), json!([expected]));

    // What was read can be sent back: the secrets stay.
    let sealed = world.services.store.log_stream(&id).await.unwrap().unwrap().sealed;
    let edit = json!({ "name": "other", "status": "paused", "sink": expected["sink"] });
    let edited = operator.patch(&path, edit).await;
    assert_eq!(edited.status, 200, "{edited}");
    assert_eq!((edited.text("name"), edited.text("status")), ("other".into(), "paused".into()));
    assert_eq!(world.services.store.log_stream(&id).await.unwrap().unwrap().sealed, sealed);
    // But not to another place.
    let mut sink = expected["sink"].clone();
    sink["httpEndpoint"] = "https://thief.example/in".into();
    let refused = operator.patch(&path, json!({ "sink": sink })).await;
    assert_eq!(refused.status, 400);
    assert!(refused.text("message").contains("write it anew"), "{refused}");

    let rotated = operator.patch(&path, json!({ "rotate_signing_secret": true })).await;
    assert_ne!(rotated.json()["signing_secret"], made["signing_secret"]);
    assert_eq!(operator.delete(&path).await.status, 204);
    assert_eq!(operator.delete(&path).await.status, 204, "idempotent");
    let gone = operator.get(&path).await;
    assert_eq!(gone.status, 404);
    assert_eq!(gone.text("message"), "The log stream does not exist.");

    // Neither the audit log nor the events know a secret.
    world.write_logs().await;
    let audit = operator.get("/v1/audit?target_kind=log_stream").await.body;
    let logs = operator.get("/api/v2/logs").await.body;
    for action in ["log_stream.create", "log_stream.update", "log_stream.delete"] {
        assert!(audit.contains(action), "{action} is not in {audit}");
    }
    for secret in ["t0p-secret", "s3cret-team", "whsec_"] {
        assert!(!audit.contains(secret) && !logs.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn what_nothing_acts_on_is_refused() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let http = |sink: Value| json!({ "type": "http", "sink": sink });
    let good = "https://logs.example/";
    for (body, expected) in [
        (json!({ "sink": {} }), "Missing required property: type"),
        (json!({ "type": "http" }), "Missing required property: sink"),
        (http(json!({})), "Missing required property: httpEndpoint"),
        (
            json!({ "type": "datadog", "sink": { "datadogApiKey": "x" } }),
            "Log streams of type datadog are not supported; http is",
        ),
        (json!({ "type": "carrier", "sink": {} }), "No enum match for: carrier"),
        (http(json!({ "httpEndpoint": "http://logs.example/" })), "must begin with https://"),
        (http(json!({ "httpEndpoint": "https://127.0.0.1:8081/" })), "log_stream_networks"),
        (http(json!({ "httpEndpoint": "https://169.254.169.254/" })), "log_stream_networks"),
        (
            http(json!({ "httpEndpoint": good, "httpContentFormat": "XML" })),
            "No enum match for: XML",
        ),
        (
            http(json!({ "httpEndpoint": good, "httpAuthorization": "a\nb" })),
            "bytes that a header can have",
        ),
        (http(json!({ "httpEndpoint": good, "httpAuthorization": "********" })), "write it anew"),
        (
            http(json!({
                "httpEndpoint": good,
                "httpCustomHeaders": [{ "header": "Host", "value": "x" }]
            })),
            "cannot be set as a header",
        ),
        (
            http(json!({ "httpEndpoint": good, "colour": "red" })),
            "Additional properties not allowed: colour",
        ),
        (
            json!({
                "type": "http", "sink": { "httpEndpoint": good },
                "filters": [{ "type": "category", "name": "weather" }]
            }),
            "No enum match for: weather",
        ),
        (
            json!({ "type": "http", "sink": { "httpEndpoint": good }, "startFrom": "soon" }),
            "format date-time",
        ),
    ] {
        let answer = operator.post("/api/v2/log-streams", body.clone()).await;
        assert_eq!(answer.status, 400, "{body}: {answer}");
        assert!(answer.text("message").contains(expected), "{body}: {answer}");
    }
    assert_eq!(operator.get("/api/v2/log-streams").await.json(), json!([]));
    let made = create(&operator, good, json!({})).await;
    let path = format!("/api/v2/log-streams/{}", made["id"].as_str().unwrap());
    let refused = operator.patch(&path, json!({ "status": "suspended" })).await;
    assert_eq!(refused.status, 400, "{refused}");
    for _ in 1..10 {
        create(&operator, good, json!({})).await;
    }
    let body = json!({ "type": "http", "sink": { "httpEndpoint": good } });
    assert_eq!(operator.post("/api/v2/log-streams", body).await.status, 403, "one too many");
}

#[tokio::test]
async fn events_arrive_signed_in_order_and_once_when_taken() {
    let world = world().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('c').await;
    let endpoint = Endpoint::new().await;
    let sink = json!({
        "httpAuthorization": "Bearer t0p-secret",
        "httpContentType": "application/x-ndjson",
        "httpCustomHeaders": [{ "header": "X-Team", "value": "payments" }],
    });
    let made = create(&operator, &endpoint.url, json!({ "sink": sink })).await;
    let id = made["id"].as_str().unwrap();
    issue(&world, &customer, 3).await;
    assert_eq!(deliver(&world, id).await, Step::Delivered(4), "the stream's own making too");
    assert_eq!(deliver(&world, id).await, Step::Idle);
    let taken = endpoint.taken();
    let [(headers, body)] = taken.as_slice() else { panic!("{taken:?}") };
    let header = |name: &str| headers.get(name).unwrap().to_str().unwrap();
    assert_eq!(header("authorization"), "Bearer t0p-secret");
    assert_eq!(header("content-type"), "application/x-ndjson");
    assert_eq!(header("x-team"), "payments");
    let timestamp = header("webhook-timestamp").parse().unwrap();
    let secret = made["signing_secret"].as_str().unwrap();
    let expected = sign(secret, header("webhook-id"), timestamp, body.as_bytes()).unwrap();
    assert_eq!(header("webhook-signature"), expected);
    assert!(numbers(&taken).is_sorted());

    // Another process goes on where this one stopped.
    issue(&world, &customer, 1).await;
    assert_eq!(deliver(&world, id).await, Step::Delivered(1));
    assert!(numbers(&endpoint.taken()) > numbers(&taken));
}

#[tokio::test]
async fn formats_and_filters_are_as_wanted() {
    let world = world().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('c').await;
    let endpoint = Endpoint::new().await;
    let filters = json!([{ "type": "category", "name": "auth.token_exchange.success" }]);
    let stream = async |format: &str| {
        let more = json!({ "sink": { "httpContentFormat": format }, "filters": filters });
        let made = create(&operator, &endpoint.url, more).await;
        made["id"].as_str().unwrap().to_owned()
    };
    let (lines, array, object) =
        (stream("JSONLINES").await, stream("JSONARRAY").await, stream("JSONOBJECT").await);
    world.ask_token_from("192.0.2.1", &customer, "wrong").await;
    issue(&world, &customer, 2).await;

    assert_eq!(deliver(&world, &lines).await, Step::Delivered(2));
    let taken = endpoint.taken();
    assert_eq!(taken[0].1.lines().count(), 2);
    assert!(taken[0].1.lines().all(|line| line.contains("\"type\":\"seccft\"")));
    assert_eq!(deliver(&world, &array).await, Step::Delivered(2));
    let body: Value = serde_json::from_str(&endpoint.taken()[0].1).unwrap();
    assert_eq!(body.as_array().unwrap().len(), 2);
    for _ in 0..2 {
        assert_eq!(deliver(&world, &object).await, Step::Delivered(1));
        let body: Value = serde_json::from_str(&endpoint.taken()[0].1).unwrap();
        assert_eq!(body["data"]["type"], "seccft");
    }
    assert_eq!(deliver(&world, &object).await, Step::Idle);
}

#[tokio::test]
async fn a_delivery_that_is_not_taken_comes_again() {
    let world = world().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('c').await;
    let endpoint = Endpoint::new().await;
    let made = create(&operator, &endpoint.url, json!({})).await;
    let id = made["id"].as_str().unwrap();
    issue(&world, &customer, 1).await;
    endpoint.answers(&[(500, None), (429, Some("120")), (307, None)]);
    let mut waits = Vec::new();
    for _ in 0..3 {
        let step = deliver(&world, id).await;
        let Step::Failed { wait } = step else { panic!("{step:?}") };
        waits.push(wait);
    }
    assert!(waits[0] <= Duration::from_secs(1), "{waits:?}");
    assert_eq!(waits[1], Duration::from_secs(120), "as it asked");
    assert!(waits[2] <= Duration::from_secs(4), "{waits:?}");
    assert_eq!(deliver(&world, id).await, Step::Delivered(2));
    let taken = endpoint.taken();
    assert_eq!(taken.len(), 4, "no redirect was followed");
    let ids: Vec<_> = taken.iter().map(|(headers, _)| &headers["webhook-id"]).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "the same message: {ids:?}");
    let progress = world.services.store.log_stream_progress(id).await.unwrap().unwrap();
    assert_eq!((progress.failures, progress.failing_since), (0, None));
}

#[tokio::test]
async fn a_stream_that_nobody_takes_is_suspended_and_resumed() {
    let world = world().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('c').await;
    let endpoint = Endpoint::new().await;
    let made = create(&operator, &endpoint.url, json!({})).await;
    let id = made["id"].as_str().unwrap();
    let path = format!("/api/v2/log-streams/{id}");
    issue(&world, &customer, 1).await;
    endpoint.answers(&[(500, None), (500, None)]);
    assert!(matches!(deliver(&world, id).await, Step::Failed { .. }));
    world.pass_s(u32::try_from(GIVEN_UP_AFTER_S).unwrap()).await;
    assert!(matches!(deliver(&world, id).await, Step::GiveUp { .. }));
    assert_eq!(deliver(&world, id).await, Step::Stopped);
    let operator = Operator::new(&world).await;
    assert_eq!(operator.get(&path).await.text("status"), "suspended");
    world.write_logs().await;
    let told = operator.get("/api/v2/logs?q=type:log_stream_suspended").await.json();
    assert_eq!(
        told[0]["description"],
        "The log stream siem was suspended: its endpoint answered 500"
    );
    let audit = operator.get("/v1/audit?target_kind=log_stream&limit=1").await.json();
    assert_eq!(audit["items"][0]["actor"]["kind"], "system", "{audit}");

    let resumed = operator.patch(&path, json!({ "status": "active" })).await;
    assert_eq!(resumed.text("status"), "active");
    world.write_logs().await;
    assert!(matches!(deliver(&world, id).await, Step::Delivered(_)));
    let bodies = endpoint.taken();
    let first = numbers(&bodies[..1])[0];
    assert_eq!(numbers(&bodies[2..])[0], first, "nothing was left out");

    endpoint.answers(&[(410, None)]);
    issue(&world, &customer, 1).await;
    assert!(matches!(deliver(&world, id).await, Step::GiveUp { .. }), "410 is meant");
}

#[tokio::test]
async fn a_stream_begins_now_or_where_it_is_told() {
    let world = world().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('c').await;
    let endpoint = Endpoint::new().await;
    issue(&world, &customer, 3).await;
    let now = create(&operator, &endpoint.url, json!({})).await;
    let then = json!({ "startFrom": "2026-01-01T00:00:02Z" });
    let then = create(&operator, &endpoint.url, then).await;
    world.write_logs().await;
    let id = |stream: &Value| stream["id"].as_str().unwrap().to_owned();
    // Both see the making of both streams.
    assert_eq!(deliver(&world, &id(&now)).await, Step::Delivered(2));
    assert_eq!(deliver(&world, &id(&then)).await, Step::Delivered(4));
}

#[tokio::test]
async fn a_setting_taken_back_closes_the_way() {
    let world = world().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('c').await;
    let endpoint = Endpoint::new().await;
    let made = create(&operator, &endpoint.url, json!({})).await;
    issue(&world, &customer, 1).await;
    let closed = Egress::new(OwnNetworks::default()).unwrap();
    let id = made["id"].as_str().unwrap();
    let step = step(&world.services, &closed, id).await.unwrap();
    assert!(matches!(step, Step::Failed { .. }), "{step:?}");
    assert!(endpoint.taken().is_empty());
}
