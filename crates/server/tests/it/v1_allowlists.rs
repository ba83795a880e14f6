//! The rich form of allowlists, on all three layers, and what they explain.

use insta::assert_snapshot;
use keyward_core::id::ClientId;
use keyward_core::secret::{Environment, PlainSecret};
use keyward_core::time::Clock as _;
use serde_json::{Value, json};

use crate::operator::{Operator, tidy};
use crate::support::{API, Customer, World};

/// The three lists that decide for one customer.
async fn lists(world: &World, operator: &Operator<'_>) -> [String; 3] {
    let customer = world.customer('c').await;
    let account = operator.post("/v1/accounts", json!({ "name": "Acme" })).await.text("id");
    let body = json!({ "account_id": account });
    operator.patch(&format!("/api/v2/clients/{}", customer.id_text), body).await;
    let api = world.api(API).await.id;
    [
        format!("/v1/apis/{api}/allowlist"),
        format!("/v1/accounts/{account}/allowlist"),
        format!("/v1/clients/{}/allowlist", customer.id_text),
    ]
}

/// The customer whose lists these are.
fn customer_c() -> Customer {
    let id = ClientId::parse(&"c".repeat(20)).unwrap();
    let plain = PlainSecret::from_random(&"c".repeat(32));
    let api_key = plain.api_key(&Environment::default(), &id);
    Customer { id_text: id.to_string(), secret: plain.reveal().to_owned(), api_key, id }
}

fn entries(answer: &crate::support::Answer) -> Vec<(String, Value)> {
    let body = answer.json();
    let entries = body["entries"].as_array().unwrap().iter();
    entries.map(|e| (e["network"].as_str().unwrap().to_owned(), e["label"].clone())).collect()
}

#[tokio::test]
async fn every_layer_has_the_same_operations() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    for list in lists(&world, &operator).await {
        assert_eq!(operator.get(&list).await.body, r#"{"entries":[],"mode":"off"}"#);
        let body = json!({ "mode": "report", "entries": [{ "network": "203.0.113.0/24" }] });
        assert_eq!(operator.put(&list, body).await.json()["mode"], "report");
        let entry = json!({ "network": "2001:db8::7", "label": "db" });
        let added = operator.post(&format!("{list}/entries"), entry).await;
        assert_eq!(
            (added.status.as_u16(), added.text("network").as_str()),
            (201, "2001:db8::7/128")
        );
        let same =
            json!({ "entries": [{ "network": "203.0.113.0/24" }, { "network": "2001:db8::7" }] });
        assert_eq!(operator.put(&list, same).await.json()["mode"], "report", "as it was");
        let mode = operator.patch(&list, json!({ "mode": "enforce" })).await;
        assert_eq!((mode.json()["mode"].as_str(), entries(&mode).len()), (Some("enforce"), 2));
        let one = format!("{list}/entries/2001:db8::7%2F128");
        assert_eq!(operator.delete(&one).await.status, 204);
        assert_eq!(operator.delete(&one).await.status, 404);
        assert_eq!(operator.delete(&format!("{list}/entries/nowhere")).await.status, 422);
        let tag = operator.get(&list).await;
        let late = operator.when("\"1\"", "PUT", &list, json!({ "entries": [] })).await;
        assert_eq!(late.status, 412, "{late}");
        let timely =
            operator.when(tag.header("etag"), "PUT", &list, json!({ "entries": [] })).await;
        assert_eq!(timely.json()["mode"], "enforce", "an emptied list opens nothing");
    }
    for nobody in ["/v1/clients/none", "/v1/accounts/none", "/v1/apis/none"] {
        assert_eq!(operator.get(&format!("{nobody}/allowlist")).await.status, 404);
    }
}

#[tokio::test]
async fn all_layers_must_agree_and_say_who_decides() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let [api, account, client] = lists(&world, &operator).await;
    for (list, network) in
        [(&api, "192.0.2.0/24"), (&account, "192.0.2.0/25"), (&client, "192.0.2.0/26")]
    {
        operator.put(list, json!({ "entries": [{ "network": network, "label": "x" }] })).await;
    }
    let customer = customer_c();
    for (from, status) in
        [("192.0.2.1", 200), ("192.0.2.70", 403), ("192.0.2.130", 403), ("198.51.100.1", 403)]
    {
        let answer = world.ask_token_from(from, &customer, &customer.secret).await;
        assert_eq!(answer.status.as_u16(), status, "{from}: {answer}");
    }
    let path = client.replace("/allowlist", "/explain");
    let told = operator.get(&format!("{path}?address=192.0.2.130&audience={API}")).await;
    assert_snapshot!(tidy(&told).replace(&world.admin.client_id, "ADMIN"), @r#"200 {"active":true,"address":"192.0.2.130","allowed":false,"client_id":"client_id, 20 characters","layers":[{"allows":true,"entry":{"created_at":"2026-01-01T00:00:00.251Z","created_by":"ADMIN","expires_at":null,"label":"x","network":"192.0.2.0/24"},"layer":"api","live_entries":1,"mode":"enforce","name":"https://api.example"},{"allows":false,"entry":null,"layer":"account","live_entries":1,"mode":"enforce","name":"Acme"},{"allows":false,"entry":null,"layer":"client","live_entries":1,"mode":"enforce","name":"customer c"}],"refused_by":1}"#);
    let allowed = operator.get(&format!("{path}?address=::ffff:192.0.2.1")).await.json();
    assert_eq!((&allowed["allowed"], &allowed["address"]), (&json!(true), &json!("192.0.2.1")));
    assert_snapshot!(operator.get(&format!("{path}?address=192.0.2.300")).await, @r#"422 {"code":"addr","detail":"`address` has no valid address in front of the slash or as a whole; check for blanks and for numbers over 255","status":422,"title":"Unprocessable Entity","type":"about:blank"}"#);
    assert_snapshot!(operator.get(&format!("{path}?address=192.0.2.1&audience=urn:x")).await, @r#"404 {"code":"not_found","detail":"there is no such API","status":404,"title":"Not Found","type":"about:blank"}"#);
    assert_snapshot!(operator.get(&path).await, @r#"400 {"code":"invalid_query","detail":"`address` is missing","status":400,"title":"Bad Request","type":"about:blank"}"#);
}

#[tokio::test]
async fn a_list_is_written_whole_or_not_at_all() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let [_, _, list] = lists(&world, &operator).await;
    operator.put(&list, json!({ "entries": [{ "network": "203.0.113.7" }] })).await;
    let before = operator.get(&list).await;
    let bad = json!({ "entries": [
        { "network": "203.0.113.5/24" },
        { "network": "203.0.113.8" },
        { "network": "10.0.0.1-10.0.0.9" },
    ]});
    assert_snapshot!(operator.put(&list, bad).await, @r#"422 {"code":"invalid_allowlist","detail":"line 1: `203.0.113.5/24` has host bits set; write 203.0.113.0/24 for the network or 203.0.113.5 for the host\nline 3: `10.0.0.1-10.0.0.9` is not an address; write IPv4 as 203.0.113.5, IPv6 as 2001:db8::1, and a network as 203.0.113.0/24 (no ranges, wildcards or host names)","errors":[{"code":"host_bits_set","entry":"203.0.113.5/24","line":1,"message":"line 1: `203.0.113.5/24` has host bits set; write 203.0.113.0/24 for the network or 203.0.113.5 for the host","suggestion":"203.0.113.0/24"},{"code":"syntax","entry":"10.0.0.1-10.0.0.9","line":3,"message":"line 3: `10.0.0.1-10.0.0.9` is not an address; write IPv4 as 203.0.113.5, IPv6 as 2001:db8::1, and a network as 203.0.113.0/24 (no ranges, wildcards or host names)"}],"status":422,"title":"Unprocessable Entity","type":"about:blank"}"#);
    let faults = json!({ "entries": [
        { "network": "203.0.113.8", "expires_at": "2001-01-01T00:00:00Z" },
        { "network": "203.0.113.9", "label": "a\u{7}" },
    ]});
    assert_snapshot!(operator.put(&list, faults).await, @r#"422 {"code":"invalid","detail":"entries[0].expires_at: is not in the future\nentries[1].label: has control characters or more than 200 characters","errors":[{"code":"expires_at","field":"entries[0].expires_at","message":"is not in the future"},{"code":"label","field":"entries[1].label","message":"has control characters or more than 200 characters"}],"status":422,"title":"Unprocessable Entity","type":"about:blank"}"#);
    let put = async |body: Value| operator.put(&list, body).await.to_string();
    assert_snapshot!(put(json!({ "entries": [{ "network": "1.1.1.1", "note": 1 }] })).await, @r#"422 {"code":"invalid_field","detail":"`entries[0].note` is not known here; known are: network, label, expires_at, expired, created_at, created_by","errors":[{"code":"invalid_field","field":"entries[0].note","message":"`entries[0].note` is not known here; known are: network, label, expires_at, expired, created_at, created_by"}],"status":422,"title":"Unprocessable Entity","type":"about:blank"}"#);
    assert_snapshot!(put(json!({ "entries": [{ "network": "1.1.1.1", "expires_at": "soon" }] })).await, @r#"422 {"code":"invalid_field","detail":"`entries[0].expires_at` must be a moment such as \"2030-01-31T12:00:00Z\" (RFC 3339)","errors":[{"code":"invalid_field","field":"entries[0].expires_at","message":"`entries[0].expires_at` must be a moment such as \"2030-01-31T12:00:00Z\" (RFC 3339)"}],"status":422,"title":"Unprocessable Entity","type":"about:blank"}"#);
    assert_snapshot!(put(json!({ "mode": "on", "entries": [] })).await, @r#"422 {"code":"invalid_field","detail":"`mode` must be one of off, report, enforce","errors":[{"code":"invalid_field","field":"mode","message":"`mode` must be one of off, report, enforce"}],"status":422,"title":"Unprocessable Entity","type":"about:blank"}"#);
    assert_snapshot!(put(json!({ "mode": "enforce" })).await, @r#"422 {"code":"invalid_field","detail":"`entries` is missing","errors":[{"code":"invalid_field","field":"entries","message":"`entries` is missing"}],"status":422,"title":"Unprocessable Entity","type":"about:blank"}"#);
    let text = "203.0.113.0/24 # office\nlocalhost\n\n300.0.0.1 # x\n".to_owned();
    assert_snapshot!(operator.raw("PUT", &list, "text/plain", text).await, @r#"422 {"code":"invalid_allowlist","detail":"line 2: `localhost` is not an address; write IPv4 as 203.0.113.5, IPv6 as 2001:db8::1, and a network as 203.0.113.0/24 (no ranges, wildcards or host names)\nline 4: `300.0.0.1` has no valid address in front of the slash or as a whole; check for blanks and for numbers over 255","errors":[{"code":"syntax","entry":"localhost","line":2,"message":"line 2: `localhost` is not an address; write IPv4 as 203.0.113.5, IPv6 as 2001:db8::1, and a network as 203.0.113.0/24 (no ranges, wildcards or host names)"},{"code":"addr","entry":"300.0.0.1","line":4,"message":"line 4: `300.0.0.1` has no valid address in front of the slash or as a whole; check for blanks and for numbers over 255"}],"status":422,"title":"Unprocessable Entity","type":"about:blank"}"#);
    assert_eq!(operator.get(&list).await.body, before.body);
}

#[tokio::test]
async fn a_text_without_a_network_opens_no_list() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let [_, _, list] = lists(&world, &operator).await;
    operator.put(&list, json!({ "entries": [{ "network": "203.0.113.7" }] })).await;
    let before = operator.get(&list).await;
    for empty in ["", "\n \r\n", "# nobody yet\n"] {
        let answer = operator.raw("PUT", &list, "text/plain", empty.to_owned()).await;
        assert_eq!((answer.status.as_u16(), answer.text("code").as_str()), (422, "empty_list"));
    }
    assert_eq!(operator.get(&list).await.body, before.body);
}

#[tokio::test]
async fn a_list_may_be_plain_text_and_be_written_back() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let [_, _, list] = lists(&world, &operator).await;
    let text = "# our networks\r\n203.0.113.0/24 # office\r\n\r\n2001:db8::/32\r\n".to_owned();
    let put = operator.raw("PUT", &list, "text/plain; charset=utf-8", text).await;
    assert_eq!(put.json()["mode"], "enforce");
    assert_eq!(
        entries(&put),
        [("203.0.113.0/24".to_owned(), json!("office")), ("2001:db8::/32".to_owned(), Value::Null),]
    );
    world.pass_s(60).await;
    let read = operator.get(&list).await.json();
    assert_eq!(operator.put(&list, read.clone()).await.json(), read);
    assert_eq!(read["entries"][0]["created_by"], world.admin.client_id);
}

#[tokio::test]
async fn an_edit_that_changes_nothing_leaves_no_trace() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let [_, _, list] = lists(&world, &operator).await;
    let entry = json!({ "network": "203.0.113.7", "label": "office" });
    operator.post(&format!("{list}/entries"), entry.clone()).await;
    operator.patch(&list, json!({ "mode": "enforce" })).await;
    let client = list.replace("/v1/clients", "/api/v2/clients").replace("/allowlist", "");
    let id = client.replace("/api/v2/clients/", "");
    let trace = async || {
        let rows = operator.get(&format!("/v1/audit?target_id={id}")).await.body;
        (operator.get(&list).await.header("etag").to_owned(), operator.stored(&id).await, rows)
    };
    let before = trace().await;
    world.pass_s(1).await;
    let again = operator.post(&format!("{list}/entries"), entry).await;
    assert_eq!((again.status.as_u16(), again.header("etag")), (200, before.0.as_str()));
    assert_eq!(operator.patch(&list, json!({ "mode": "enforce" })).await.status, 200);
    let same = operator.patch(&client, json!({ "allowed_ips": ["203.0.113.7/32"] })).await;
    assert_eq!(same.status, 200, "{same}");
    assert_eq!(trace().await, before);
    operator.patch(&list, json!({ "mode": "report" })).await;
    assert_ne!(trace().await, before);
}

#[tokio::test]
async fn an_entry_that_expires_changes_no_mode() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let [_, _, list] = lists(&world, &operator).await;
    let end = world.clock.now().plus_seconds(60);
    let end = jiff::Timestamp::from_millisecond(end.millis()).unwrap().to_string();
    let entry = json!({ "network": "127.0.0.1", "expires_at": end });
    operator.put(&list, json!({ "entries": [entry] })).await;
    let customer = customer_c();
    assert_eq!(world.ask_token(&customer).await.status, 200);
    assert!(operator.get(&list).await.json()["entries"][0].get("expired").is_none());
    world.pass_s(61).await;
    assert_eq!(world.ask_token(&customer).await.status, 403);
    let operator = Operator::new(&world).await;
    let read = operator.get(&list).await.json();
    assert_eq!((&read["mode"], &read["entries"][0]["expired"]), (&json!("enforce"), &json!(true)));
    // It is read and written back as it is, although its time is over.
    assert_eq!(operator.put(&list, read.clone()).await.json(), read);
    let path = list.replace("/v1/clients", "/api/v2/clients").replace("/allowlist", "");
    assert_eq!(operator.get(&path).await.json()["allowed_ips"], json!([]));
}

fn network(number: u32) -> String {
    std::net::Ipv4Addr::from_bits(0x0a00_0000 + number).to_string()
}

/// Entries with the longest labels there are.
fn rich(count: u32) -> Value {
    let label = "é".repeat(200);
    (0..count).map(|number| json!({ "network": network(number), "label": label })).collect()
}

#[tokio::test]
async fn http_034_a_list_of_a_million_entries_is_refused() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let [_, _, list] = lists(&world, &operator).await;
    assert_snapshot!(operator.put(&list, json!({ "entries": rich(10_001) })).await, @r#"422 {"code":"too_many_entries","detail":"the list has 10001 entries; it may have 10000","status":422,"title":"Unprocessable Entity","type":"about:blank"}"#);
    let slim: Vec<_> = (0..1_000_000).map(|n| format!("{{\"network\":\"{}\"}}", n % 10)).collect();
    let body = format!("{{\"entries\":[{}]}}", slim.join(","));
    assert_snapshot!(operator.raw("PUT", &list, "application/json", body).await, @r#"422 {"code":"too_many_entries","detail":"the list has 1000000 entries; it may have 10000","status":422,"title":"Unprocessable Entity","type":"about:blank"}"#);
    let text = (0..1_000_000).map(network).collect::<Vec<_>>().join("\n");
    let answer = operator.raw("PUT", &list, "text/plain", text).await;
    assert_eq!((answer.status.as_u16(), answer.text("code").as_str()), (422, "too_many_entries"));
    assert_eq!(entries(&operator.get(&list).await), []);
}

#[tokio::test]
async fn http_035_a_list_of_ten_thousand_entries_is_in_force() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let [_, _, list] = lists(&world, &operator).await;
    let fit = operator.put(&list, json!({ "entries": rich(10_000) })).await;
    assert_eq!((fit.status.as_u16(), entries(&fit).len()), (200, 10_000));
    let customer = customer_c();
    for (from, status) in [("10.0.0.0", 200), ("10.0.39.15", 200), ("10.0.39.16", 403)] {
        let answer = world.ask_token_from(from, &customer, &customer.secret).await;
        assert_eq!(answer.status, status, "{from}: {answer}");
    }
    let full = operator.post(&format!("{list}/entries"), json!({ "network": "192.0.2.1" })).await;
    assert_snapshot!(full, @r#"422 {"code":"too_many_entries","detail":"entry: is one too many; a list holds at most 10000 entries","errors":[{"code":"too_many_entries","field":"entry","message":"is one too many; a list holds at most 10000 entries"}],"status":422,"title":"Unprocessable Entity","type":"about:blank"}"#);
    let known = json!({ "network": "10.0.0.7", "label": "known" });
    assert_eq!(operator.post(&format!("{list}/entries"), known).await.status, 200);
}
