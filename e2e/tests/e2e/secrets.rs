//! Secrets are known by their looks, and turn up nowhere but in the answer that gives them.

use std::process::Command;
use std::time::Duration;

use regex::Regex;
use serde_json::json;

use crate::documents::document;
use crate::node::{Credential, INSIDE, Node, OUTSIDE};
use crate::processes::{http_client, keyward};

/// The pattern that the security document gives for one kind of secret, and what else it says there.
fn pattern(kind: &str) -> Regex {
    let document = document("SECURITY.md");
    let row = document.lines().find_map(|line| line.strip_prefix(&format!("| {kind}")));
    let pattern = row.and_then(|row| row.split('`').nth(1)).expect("a row with a pattern");
    Regex::new(pattern).unwrap()
}

fn assert_known(kind: &str, secret: &str) {
    let pattern = pattern(kind);
    let text = format!("url = \"http://127.0.0.1:8081/v1/check/edge.{secret}\"\n");
    let found = pattern.find(&text).map(|found| found.as_str().to_owned());
    assert_eq!(found.as_deref(), Some(secret), "{kind}: {pattern}");
    let shorter = secret.split_at(secret.len() - 1).0;
    assert!(!pattern.is_match(shorter), "{kind}: {pattern} is content with less");
}

async fn chatty_node() -> Node {
    let serve = |data: &std::path::Path, ports: &crate::node::Ports| {
        let mut command = Command::new(keyward());
        command.args(["serve", "--log", "trace", "--data"]).arg(data);
        command.args(ports.options().split_whitespace());
        command
    };
    Node::embedded(serve).await
}

/// The log, once it holds so many questions: it is written a little later than they are answered.
async fn log_with_checks(node: &Node, wanted: usize) -> String {
    let mut again = tokio::time::interval(Duration::from_millis(50));
    for _ in 0..200 {
        again.tick().await;
        let log = node.process.output();
        if log.lines().filter(|line| line.contains(" check ")).count() == wanted {
            return log;
        }
    }
    panic!("not {wanted} questions in the log: {}", node.process.output());
}

#[tokio::test]
async fn no_secret_is_logged_and_scanners_know_them_all() {
    let node = chatty_node().await;
    let key = node.key_for_inside().await;
    let edge = json!({
        "id": "edge",
        "kind": "nginx",
        "client_address": { "source": "x-real-ip" },
        "auth": { "token": true },
    });
    let gateway_token = node.gateway(edge).await;
    let probe = node.manage("POST", "/v1/probes", json!({ "status": 403 }), 201).await;
    let probe = probe["credential"].as_str().unwrap().to_owned();
    let access_token = node.token(&key).await;
    assert_known("API key", &key.one_string());
    assert_known("gateway token", &gateway_token);
    assert_known("probe", &probe);

    let check = format!("http://127.0.0.1:{}/v1/check/edge", node.ports.gate);
    let mut shown: Vec<Credential> =
        node.every_form(&key).await.into_iter().map(|(_, credential)| credential).collect();
    shown.extend([Credential::Bearer(probe.clone()), Credential::Bearer(access_token.clone())]);
    let mut allowed = 0;
    for credential in shown {
        for address in [INSIDE, OUTSIDE] {
            let in_path = http_client(INSIDE).get(format!("{check}.{gateway_token}"));
            let in_header =
                http_client(INSIDE).get(&check).header("x-gateway-token", &gateway_token);
            // A token that is wrong by a character is not told either.
            let wrong = http_client(INSIDE).get(format!("{check}.{gateway_token}x"));
            for request in [in_path, in_header, wrong] {
                let target = format!("/orders?access_token={access_token}");
                let request = request.header("x-real-ip", address).header("x-original-uri", target);
                let status = credential.show(request).send().await.unwrap().status();
                allowed += usize::from(status == 200);
            }
        }
    }
    assert_eq!(allowed, 10, "five credentials from inside, the gateway's token in two places");

    let log = log_with_checks(&node, 36).await;
    for (what, secret) in [
        ("the client's secret", &key.secret),
        ("the gateway's token", &gateway_token),
        ("the probe", &probe),
        ("the access token", &access_token),
    ] {
        assert!(!log.contains(secret.as_str()), "{what} is in the log");
        // The end of a token is its signature, which must not stand alone either.
        let end = secret.split_at(secret.len() - 24).1;
        assert!(!log.contains(end), "the end of {what} is in the log");
    }
}
