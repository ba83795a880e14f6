//! What is told of a check: events, counters, the log line.

use std::io::Write;
use std::sync::{Arc, Mutex};

use http::Method;
use keyward_core::decision::Shown;
use keyward_core::id::SecretId;
use metrics_exporter_prometheus::PrometheusBuilder;

use crate::fixture::{FOREIGN, LISTED, World, from, request};

#[tokio::test]
async fn every_decision_is_an_event() {
    let mut world = World::new();
    let key = world.listed_key();
    world.ask("default", &[from(LISTED), key.basic()]).await;
    let event = world.events.try_recv().unwrap();
    assert_eq!(event.client.as_ref(), Some(&key.client.id));
    assert_eq!(event.client_ip.unwrap().to_string(), LISTED);
    assert_eq!(event.shown, Some(Shown::Secret(SecretId(1))));
    assert_eq!((event.denied, event.would_deny), (None, None));
    assert_eq!(event.revision, world.policy.revision());
    assert_eq!(event.gateway.as_str(), "default");
    assert!(!event.client_ip_is_proxy);

    world.ask("default", &[from(FOREIGN), key.basic()]).await;
    let event = world.events.try_recv().unwrap();
    assert_eq!(event.denied.unwrap().code(), "address_not_allowed_by_client");
    assert_eq!(event.client.as_ref(), Some(&key.client.id));

    world.ask("default", &[from("nonsense"), key.basic()]).await;
    let event = world.events.try_recv().unwrap();
    assert_eq!(event.client_ip.unwrap_err().code(), "malformed");
    assert_eq!(event.denied.unwrap().code(), "client_address_missing");

    world.ask("default", &[from("127.0.0.1")]).await;
    let event = world.events.try_recv().unwrap();
    assert!(event.client_ip_is_proxy);
    assert!(event.client.is_none());
}

#[test]
fn alarms_and_verdicts_are_counted() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    metrics::with_local_recorder(&recorder, || {
        let mut world = World::new();
        let key = world.listed_key();
        runtime.block_on(async {
            world.ask("default", &[from(LISTED), key.basic()]).await;
            world.ask("default", &[from(FOREIGN), key.basic()]).await;
            world.ask("default", &[key.basic()]).await;
            world.ask("default", &[from("127.0.0.1")]).await;
            world.ask("nobody", &[]).await;
            world.ask("far", &[]).await;
        });
    });
    let text = handle.render();
    for line in [
        r#"keyward_decisions_total{gateway="default",outcome="allow",reason="none"} 1"#,
        r#"keyward_decisions_total{gateway="default",outcome="deny",reason="address_not_allowed_by_client"} 1"#,
        r#"keyward_decisions_total{gateway="default",outcome="deny",reason="client_address_missing"} 1"#,
        r#"keyward_decisions_total{gateway="default",outcome="deny",reason="credential_missing"} 1"#,
        r#"keyward_client_address_missing_total{gateway="default"} 1"#,
        r#"keyward_client_address_is_proxy_total{gateway="default"} 1"#,
        r#"keyward_gateway_peer_refused_total{gateway="far"} 1"#,
        "keyward_gateway_unknown_total 1",
    ] {
        assert!(text.lines().any(|known| known == line), "{line}\n{text}");
    }
}

/// What was logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_log_has_one_line_a_request_and_no_credential() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut world = World::new();
    let key = world.listed_key();
    let token = world.token(&key);
    tracing::subscriber::with_default(subscriber, || {
        runtime.block_on(async {
            for shown in [key.basic(), key.bearer(), key.x_api_key(), token.clone()] {
                let path = "/v1/check/default?access_token=in-the-query";
                let headers = [from(FOREIGN), shown];
                world.send(request(Method::GET, path, &headers)).await;
            }
            world.ask("no-such-gateway-tail", &[key.basic()]).await;
        });
    });
    let text = lines.text();
    let requests: Vec<&str> =
        text.lines().filter(|line| line.contains("keyward::request")).collect();
    assert_eq!(requests.len(), 5, "{text}");
    for field in [
        format!("client.id={}", key.id()),
        format!("client.ip={FOREIGN}"),
        r#"reason="address_not_allowed_by_client""#.to_owned(),
        format!("revision={}", world.policy.revision()),
        "latency_us=".to_owned(),
    ] {
        assert!(requests[0].contains(&field), "{field} in {}", requests[0]);
    }
    let secret = key.api_key().rsplit('_').next().unwrap().to_owned();
    let encoded = key.basic().1.replace("Basic ", "");
    let token = token.1.replace("Bearer ", "");
    for hidden in [secret.as_str(), &encoded, &token, "in-the-query", "no-such-gateway-tail"] {
        assert!(!text.contains(hidden), "{hidden} in {text}");
    }
}
