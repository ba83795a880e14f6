//! The log line of a request, its id, and the answers where there is nothing.

use std::io::Write;
use std::sync::{Arc, Mutex};

use insta::assert_snapshot;
use serde_json::{Value, json};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::operator::Operator;
use crate::support::World;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Listens on this thread until the guard is dropped.
    fn start() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let lines = tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_writer(move || writer.clone());
        let only = Targets::new().with_target("keyward::request", tracing::Level::INFO);
        let subscriber = tracing_subscriber::registry().with(only).with(lines);
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[tokio::test]
async fn every_request_is_one_line_without_secrets() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('c').await;
    let (log, _guard) = Log::start();
    let answers = [
        operator.get("/api/v2/clients/none?fields=name&q=hidden").await,
        world.ask_token_from("192.0.2.1", &customer, &customer.secret).await,
        world.ask_token_from("192.0.2.1", &customer, "hidden").await,
        world.call("GET", "/hidden?token=hidden").empty().await,
    ];
    let lines = log.lines();
    assert_eq!(lines.len(), answers.len(), "{lines:?}");
    for (line, answer) in lines.iter().zip(&answers) {
        assert_eq!(line["request.id"], answer.header("x-request-id"));
        assert_eq!(line["status"], answer.status.as_u16());
        assert!(line["latency_ms"].is_u64());
    }
    let told = |place: usize| {
        let line = &lines[place];
        [&line["method"], &line["route"], &line["client.id"], &line["client.ip"]].map(Clone::clone)
    };
    let admin = json!(world.admin.client_id);
    assert_eq!(told(0), [json!("GET"), json!("/api/v2/clients/{id}"), admin, json!("127.0.0.1")]);
    let token = [json!("POST"), json!("/oauth/token"), json!(customer.id_text), json!("192.0.2.1")];
    assert_eq!(told(1), token);
    assert_eq!(told(2)[2], json!(null), "nobody has proved to be the client");
    assert_eq!(told(3)[1], json!(null));
    let text = log.text();
    for secret in ["hidden", customer.secret.as_str(), operator.token.as_str()] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn a_revocation_has_the_id_of_its_request_in_the_audit_log() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('c').await;
    let token = world.token(&customer).await;
    let call = || world.call("POST", "/oauth/revoke").basic(&customer.id_text, &customer.secret);
    for fields in [[("token", token.as_str())], [("revoke_all", "true")]] {
        let answer = call().form(&fields).await;
        assert_eq!(answer.status, 200, "{answer}");
        let rows = operator.get("/v1/audit?limit=1").await.json();
        assert_eq!(rows["items"][0]["request_id"], answer.header("x-request-id"));
    }
}

#[tokio::test]
async fn where_nothing_is_the_answer_says_so() {
    let world = World::new().await;
    for path in ["/api/v2", "/api/v2/", "/api/v2/users"] {
        let answer = world.call("GET", path).empty().await;
        assert_eq!(
            answer.to_string(),
            r#"404 {"error":"Not Found","errorCode":"not_found","message":"Not Found","statusCode":404}"#
        );
    }
    for path in ["/", "/oauth", "/v2", "/favicon.ico"] {
        let answer = world.call("GET", path).empty().await;
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!((answer.status.as_u16(), answer.text("code").as_str()), (404, "not_found"));
    }
    let posted = world.call("POST", "/.well-known/jwks.json").empty().await;
    assert_snapshot!(posted, @r#"405 {"error":"invalid_request","error_description":"The method must be GET"}"#);
    assert!(!posted.header("allow").is_empty());
}
