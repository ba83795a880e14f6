//! `/api/v2/logs`: what is told, how it is found, and what is never told.

use serde_json::{Value, json};

use crate::operator::Operator;
use crate::support::{API, Answer, World};

/// What waits is written, then asked for.
async fn logs(operator: &Operator<'_>, query: &str) -> Vec<Value> {
    operator.world.write_logs().await;
    let answer = operator.get(&format!("/api/v2/logs?{query}")).await;
    assert_eq!(answer.status, 200, "{answer}");
    answer.json().as_array().unwrap_or_else(|| panic!("no bare array: {answer}")).clone()
}

fn message(answer: &Answer) -> String {
    assert_eq!(answer.status, 400, "{answer}");
    answer.text("message")
}

#[tokio::test]
async fn an_issued_token_is_told_in_auth0s_shape() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('c').await;
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", customer.id_text.as_str()),
        ("client_secret", customer.secret.as_str()),
        ("scope", "read:things"),
    ];
    let call = world.call("POST", "/oauth/token").from("192.0.2.7").header("user-agent", "curl/8");
    let answer = call.form(&fields).await;
    assert_eq!(answer.status, 200, "{answer}");
    let found = logs(&operator, &format!("q=client_id:{}", customer.id_text)).await;
    let [log] = found.as_slice() else { panic!("{found:?}") };
    let id = log["log_id"].as_str().unwrap();
    assert!(id.len() == 56 && id.starts_with("90020260101000000250"), "{id}");
    assert_eq!(
        *log,
        json!({
            "$event_schema": { "version": "1.0.0" },
            "_id": id,
            "audience": API,
            "client_id": customer.id_text,
            "client_ip": "192.0.2.7",
            "client_name": "customer c",
            "date": "2026-01-01T00:00:00.250Z",
            "description": "Client Credentials for Access Token",
            "details": {
                "actions": { "executions": [] },
                "request_id": answer.header("x-request-id"),
            },
            "hostname": "auth.example",
            "ip": "192.0.2.7",
            "isMobile": false,
            "log_id": id,
            "scope": "read:things",
            "tenant_name": "auth",
            "type": "seccft",
            "user_agent": "curl/8",
        })
    );
    assert_eq!(operator.get(&format!("/api/v2/logs/{id}")).await.json(), *log);
}

#[tokio::test]
async fn a_refusal_has_the_callers_words_and_our_reason() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let customer = world
        .customer_with('c', |client| client.allowlist = world.enforce(&["203.0.113.0/24"]))
        .await;
    world.ask_token_from("192.0.2.7", &customer, "wrong").await;
    world.pass_ms(1).await;
    world.ask_token_from("192.0.2.7", &customer, &customer.secret).await;
    world.pass_ms(1).await;
    let fields =
        [("grant_type", "client_credentials"), ("client_id", "bogus"), ("client_secret", "x")];
    world.call("POST", "/oauth/token").form(&fields).await;
    let found = logs(&operator, "q=type:feccft&sort=date:1").await;
    let told: Vec<_> = found
        .iter()
        .map(|log| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let reason = text(&log["details"]["reason"]);
            (text(&log["client_id"]), text(&log["description"]), reason)
        })
        .collect();
    let told: Vec<_> = told.iter().map(|(a, b, c)| (a.as_str(), b.as_str(), c.as_str())).collect();
    assert_eq!(
        told,
        [
            (customer.id_text.as_str(), "Unauthorized", "secret_wrong"),
            (
                customer.id_text.as_str(),
                "The request is not allowed",
                "address_not_allowed_by_client"
            ),
            ("bogus", "Unauthorized", "client_unknown"),
        ]
    );
}

#[tokio::test]
async fn a_management_write_is_told_without_its_body() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let made = operator.create_client("billing", &["203.0.113.0/24"]).await;
    let id = made.text("client_id");
    operator.patch(&format!("/api/v2/clients/{id}"), json!({ "nonsense": 1 })).await;
    operator.get("/api/v2/clients").await;
    let found = logs(&operator, "q=type:(sapi%20OR%20fapi)&sort=date:1").await;
    let told: Vec<_> = found
        .iter()
        .map(|log| {
            let details = &log["details"];
            let words = [&log["type"], &log["description"], &details["request"]["method"]];
            let words: Vec<_> = words.iter().map(|word| word.as_str().unwrap()).collect();
            let path = details["request"]["path"].as_str().unwrap();
            format!("{} {path} {}", words.join(", "), details["response"]["statusCode"])
        })
        .collect();
    assert_eq!(
        told,
        [
            "sapi, Create a client, post /api/v2/clients 201",
            "fapi, Update a client, patch /api/v2/clients/{id} 400",
        ]
    );
    assert_eq!(found[0]["client_name"], "Administrator");
    assert!(!found[0].to_string().contains("203.0.113.0"), "{}", found[0]);
}

#[tokio::test]
async fn a_search_is_paged_three_ways() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('c').await;
    for _ in 0..5 {
        world.pass_s(1).await;
        world.token(&customer).await;
    }
    let all = logs(&operator, "sort=date:1").await;
    let ids: Vec<_> = all.iter().map(|log| log["log_id"].as_str().unwrap().to_owned()).collect();
    assert!(ids.len() >= 6 && ids.is_sorted(), "{ids:?}");

    let newest = logs(&operator, "per_page=2").await;
    assert_eq!(newest[0]["log_id"], *ids.last().unwrap(), "the newest first");
    let page = operator.get("/api/v2/logs?page=1&per_page=2&include_totals=true&sort=date:1").await;
    let page = page.json();
    assert_eq!(page["logs"][0]["log_id"], ids[2]);
    assert_eq!(
        (&page["start"], &page["limit"], &page["length"], &page["total"]),
        (&json!(2), &json!(2), &json!(2), &json!(ids.len()))
    );
    let after = logs(&operator, &format!("from={}&take=2&q=type:nothing", ids[1])).await;
    let after: Vec<_> = after.iter().map(|log| log["log_id"].as_str().unwrap()).collect();
    assert_eq!(after, [&ids[2], &ids[3]], "beside a checkpoint the rest counts for nothing");
    assert!(logs(&operator, &format!("from={}", ids.last().unwrap())).await.is_empty());
    let few = logs(&operator, "fields=type,log_id&per_page=1").await;
    assert_eq!(few[0].as_object().unwrap().len(), 2);
    let but = logs(&operator, "fields=details&include_fields=false&per_page=1").await;
    assert!(but[0].get("details").is_none() && but[0].get("type").is_some());
}

#[tokio::test]
async fn a_query_finds_what_it_says() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let (a, b) = (world.customer('a').await, world.customer('b').await);
    world.ask_token_from("192.0.2.1", &a, &a.secret).await;
    world.pass_s(86_400).await;
    world.ask_token_from("192.0.2.2", &b, &b.secret).await;
    world.ask_token_from("192.0.2.2", &b, "wrong").await;
    world.write_logs().await;
    // Management tokens last a day.
    let operator = Operator::new(operator.world).await;
    for (query, count) in [
        ("ip:192.0.2.1", 1),
        ("ip:\"192.0.2.2\" AND type:seccft", 1),
        ("ip:192.0.2.1 OR ip:192.0.2.2", 3),
        ("NOT type:seccft", 1),
        ("client_name:\"CUSTOMER B\"", 2),
        ("client_name:cust*", 3),
        ("description:unauthorized", 1),
        ("ip:192.0.2.* AND date:2026-01-01", 1),
        ("ip:192.0.2.* AND date:[2026-01-02 TO *]", 2),
        ("ip:192.0.2.* AND date:{* TO 2026-01-02}", 1),
        ("log_id:nonsense", 0),
        ("client_id:%", 0),
    ] {
        let encoded = query.replace('%', "%25").replace(' ', "%20").replace('"', "%22");
        let encoded = encoded.replace('{', "%7B").replace('}', "%7D");
        let found = logs(&operator, &format!("q={encoded}")).await;
        assert_eq!(found.len(), count, "{query}: {found:?}");
    }
    assert_eq!(logs(&operator, "search=customer%20ip:192.0.2.2").await.len(), 2);
}

#[tokio::test]
async fn bad_requests_are_told_in_auth0s_words() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    for (query, expected) in [
        ("per_page=101", "'Value 101 is greater than maximum 100' on property per_page."),
        ("take=101&from=1", "'Value 101 is greater than maximum 100' on property take."),
        ("from=1", "'Not the id of a log event' on property from."),
        ("sort=type:1", "'Only date:-1 and date:1 are supported' on property sort."),
        ("colour=red", "'Additional properties not allowed: colour'."),
        (
            "q=user_id:x",
            "'`user_id` cannot be searched by; there are: client_id, client_name, \
                         date, description, ip, log_id, type' on property q.",
        ),
    ] {
        let answer = operator.get(&format!("/api/v2/logs?{query}")).await;
        assert_eq!(message(&answer), format!("Query validation error: {expected}"), "{query}");
    }
    let far = operator.get("/api/v2/logs?page=10&per_page=100").await;
    assert!(message(&far).starts_with("You can only page through the first 1000 records."));
    assert_eq!(far.text("errorCode"), "invalid_paging");
    assert_eq!(operator.get("/api/v2/logs?page=9&per_page=100").await.status, 200);
    for id in ["none".to_owned(), "9".repeat(56), format!("900{}", "0".repeat(53))] {
        let none = operator.get(&format!("/api/v2/logs/{id}")).await;
        assert_eq!((none.status.as_u16(), none.text("message").as_str()), (404, "Log not found."));
    }
}

#[tokio::test]
async fn many_refusals_of_one_kind_become_one_event_with_their_number() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('c').await;
    for _ in 0..25 {
        world.ask_token_from("192.0.2.7", &customer, "wrong").await;
    }
    assert_eq!(logs(&operator, "q=type:feccft").await.len(), 20);
    world.pass_s(60).await;
    let found = logs(&operator, "q=type:feccft").await;
    assert_eq!(found.len(), 21);
    assert_eq!(found.iter().filter_map(|log| log["details"]["count"].as_u64()).sum::<u64>(), 5);
}

#[tokio::test]
async fn old_events_go_and_their_numbers_do_not_come_back() {
    let world = World::with(|options| options.log_limits.rows_max = 3).await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('c').await;
    for _ in 0..6 {
        world.token(&customer).await;
        world.write_logs().await;
    }
    let kept = logs(&operator, "sort=date:1").await;
    assert_eq!(kept.len(), 3, "the newest that fit");
    let last = kept[2]["log_id"].as_str().unwrap().to_owned();
    world.pass_s(31 * 86_400).await;
    let services = &world.services;
    assert!(!services.logs.forget(&services.store, services.now()).await.unwrap());
    let operator = Operator::new(&world).await;
    let found = logs(&operator, &format!("from={last}")).await;
    assert_eq!(found.len(), 1, "only the operator's new token: {found:?}");
    assert!(found[0]["log_id"].as_str().unwrap() > last.as_str());
}

#[tokio::test]
async fn no_secret_is_in_any_event() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('c').await;
    let token = world.token(&customer).await;
    let made = operator.create_client("billing", &[]).await;
    let secret = made.text("client_secret");
    let id = made.text("client_id");
    operator.post(&format!("/api/v2/clients/{id}/rotate-secret"), json!({})).await;
    operator.post("/v1/probes", json!({ "status": 429 })).await;
    // Secrets where they do not belong.
    for (client, shown) in [
        (customer.secret.as_str(), customer.id_text.as_str()),
        (customer.api_key.as_str(), "x"),
        (customer.id_text.as_str(), secret.as_str()),
    ] {
        let fields =
            [("grant_type", "client_credentials"), ("client_id", client), ("client_secret", shown)];
        world.call("POST", "/oauth/token").form(&fields).await;
    }
    operator.delete(&format!("/api/v2/clients/{secret}")).await;
    operator.patch(&format!("/api/v2/clients/{secret}"), json!({})).await;
    let told = serde_json::to_string(&logs(&operator, "per_page=100").await).unwrap();
    for secret in [&customer.secret, &customer.api_key, &secret, &token, &operator.token] {
        assert!(!told.contains(secret.as_str()), "{secret} is in {told}");
    }
}

#[tokio::test]
async fn what_may_be_a_secret_is_not_told_in_another_fields_place() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('c').await;
    // As long as those that were made elsewhere, and without our checksum.
    let foreign = "Zq3vT8mXwB1nK7rC".repeat(4);
    let ask = async |id: &str, secret: &str, audience: &str| {
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", id),
            ("client_secret", secret),
            ("audience", audience),
        ];
        assert!(world.call("POST", "/oauth/token").form(&fields).await.status != 200);
    };
    ask(&customer.id_text, &customer.secret, &customer.api_key).await;
    ask(&customer.id_text, "wrong", &customer.secret).await;
    ask(&foreign, &customer.id_text, API).await;
    let told = json!(logs(&operator, "q=type:feccft").await).to_string();
    for secret in [&customer.secret, &foreign] {
        assert!(!told.contains(secret.as_str()), "{told}");
    }
    // Honest mistakes are still told.
    ask("no-such-client", "wrong", "https://no.example/").await;
    let told = json!(logs(&operator, "q=type:feccft").await).to_string();
    assert!(told.contains("no-such-client") && told.contains("https://no.example/"), "{told}");
}
