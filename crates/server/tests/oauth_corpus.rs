//! The corpus area `oauth_token` against the router. The corpus writes `cid` and `sec` for a client
//! with a good secret; a real one takes their place.

#![cfg(test)]

#[path = "../../../corpus/loader.rs"]
mod loader;
#[expect(dead_code, unused_imports, reason = "this binary needs a part of it")]
#[path = "it/support.rs"]
mod support;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::runtime::Runtime;

use loader::Case;
use support::{Answer, Customer, World};

#[test]
fn oauth_token_corpus() {
    let runtime = Runtime::new().unwrap();
    let (world, customer) = runtime.block_on(async {
        let world = World::new().await;
        let customer = world.customer('a').await;
        (world, customer)
    });
    loader::run("oauth_token", |case| {
        let answer = runtime.block_on(send(&world, &customer, &case.input));
        compare(case, &answer)
    });
}

async fn send(world: &World, customer: &Customer, input: &Value) -> Answer {
    let method = input["method"].as_str().unwrap_or("POST");
    let mut call = world.call(method, input["path"].as_str().unwrap_or("/oauth/token"));
    let mut content_type = "";
    for header in input["headers"].as_array().into_iter().flatten() {
        let (name, value) = (header[0].as_str().unwrap(), header[1].as_str().unwrap());
        if name.eq_ignore_ascii_case("content-type") {
            content_type = value;
        }
        call = call.header(name, &in_header(value, customer));
    }
    let body = input["body"].as_str().unwrap_or_default();
    let body = match content_type {
        "application/json" => in_json(body, customer),
        _ => in_form(body, customer),
    };
    call.send(Body::from(body)).await
}

fn in_header(value: &str, customer: &Customer) -> String {
    let decoded = value.strip_prefix("Basic ").and_then(|encoded| STANDARD.decode(encoded).ok());
    match decoded.as_deref() {
        Some(b"cid:sec") => {
            let pair = format!("{}:{}", customer.id_text, customer.secret);
            format!("Basic {}", STANDARD.encode(pair))
        }
        Some(_) | None => value.to_owned(),
    }
}

fn in_form(body: &str, customer: &Customer) -> String {
    let real = |pair: &str| match pair {
        "client_id=cid" => format!("client_id={}", customer.id_text),
        "client_secret=sec" => format!("client_secret={}", customer.secret),
        other => other.to_owned(),
    };
    body.split('&').map(real).collect::<Vec<_>>().join("&")
}

fn in_json(body: &str, customer: &Customer) -> String {
    body.replace("\"cid\"", &format!("\"{}\"", customer.id_text))
        .replace("\"sec\"", &format!("\"{}\"", customer.secret))
}

fn compare(case: &Case, answer: &Answer) -> Result<(), String> {
    let got = || Err(format!("{answer} with {:?}", answer.headers));
    if case.expect["status"].as_u64() != Some(u64::from(answer.status.as_u16())) {
        return got();
    }
    let body: Value = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
    for member in ["error", "token_type"] {
        if case.expect.get(member).is_some_and(|expected| *expected != body[member]) {
            return got();
        }
    }
    for (name, expected) in case.expect["headers"].as_object().into_iter().flatten() {
        let value = answer.header(name);
        let fits = if expected == "present" { !value.is_empty() } else { expected == value };
        if !fits {
            return got();
        }
    }
    Ok(())
}
