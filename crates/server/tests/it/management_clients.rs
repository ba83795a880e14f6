//! `/api/v2/clients` as Auth0's tools use it, and the two fields that are ours.

use insta::assert_snapshot;
use keyward_core::secret::has_valid_checksum;
use serde_json::{Value, json};

use crate::operator::{Operator, tidy};
use crate::support::World;

#[tokio::test]
async fn a_client_is_made_read_changed_rotated_and_deleted() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let made = operator.create_client("backend", &["127.0.0.2/32"]).await;
    assert_snapshot!(tidy(&made), @r#"201 {"allowed_ips":["127.0.0.2/32"],"allowlist_mode":"enforce","app_type":"non_interactive","callback_url_template":false,"callbacks":[],"client_id":"client_id, 20 characters","client_secret":"client_secret, 38 characters","cross_origin_auth":false,"cross_origin_authentication":false,"custom_login_page_on":true,"encrypted":true,"global":false,"grant_types":["client_credentials"],"is_first_party":true,"is_token_endpoint_ip_header_trusted":false,"jwt_configuration":{"alg":"RS256","lifetime_in_seconds":36000,"secret_encoded":false},"name":"backend","oidc_conformant":false,"refresh_token":{"expiration_type":"non-expiring","idle_token_lifetime":2592000,"infinite_idle_token_lifetime":true,"infinite_token_lifetime":true,"leeway":0,"rotation_type":"non-rotating","token_lifetime":31557600},"signing_keys":[],"sso_disabled":false,"tenant":"auth"}"#);
    let (id, secret) = (made.text("client_id"), made.text("client_secret"));
    assert_eq!(id.len(), 20);
    assert!(has_valid_checksum(&secret));
    let path = format!("/api/v2/clients/{id}");
    let read = operator.get(&path).await;
    assert_eq!(read.json().get("client_secret"), None, "{read}");
    assert_eq!(read.json()["allowed_ips"], json!(["127.0.0.2/32"]));

    let changed = operator.patch(&path, json!({ "description": "nightly" })).await;
    assert_eq!((changed.status.as_u16(), changed.text("description").as_str()), (200, "nightly"));
    assert_eq!(changed.json()["allowlist_mode"], "enforce");

    let rotated = operator.post(&format!("{path}/rotate-secret"), json!({})).await;
    assert_eq!(rotated.status, 200);
    assert_ne!(rotated.text("client_secret"), secret);
    assert_eq!(rotated.text("name"), "backend");

    let gone = operator.delete(&path).await;
    assert_snapshot!(tidy(&gone), @"204");
    // Whatever is not there is deleted.
    assert_eq!(operator.delete(&path).await.status, 204);
    assert_eq!(operator.delete("/api/v2/clients/no%20id").await.status, 204);
    assert_snapshot!(operator.get(&path).await, @r#"404 {"error":"Not Found","errorCode":"inexistent_client","message":"The client does not exist","statusCode":404}"#);
    assert_snapshot!(operator.patch(&path, json!({})).await, @r#"404 {"error":"Not Found","errorCode":"inexistent_client","message":"The client does not exist","statusCode":404}"#);
    assert_snapshot!(operator.post(&format!("{path}/rotate-secret"), json!({})).await, @r#"404 {"error":"Not Found","errorCode":"inexistent_client","message":"The client does not exist","statusCode":404}"#);
}

#[tokio::test]
async fn the_list_is_in_force_when_the_answer_comes() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let made = operator.create_client("backend", &["127.0.0.2/32"]).await;
    let (id, secret) = (made.text("client_id"), made.text("client_secret"));
    let system = world.api(crate::support::API).await;
    let grant = json!({ "client_id": id, "audience": system.identifier, "scope": ["read:things"] });
    assert_eq!(operator.post("/api/v2/client-grants", grant).await.status, 201);
    let ask = async |from: &str| {
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", id.as_str()),
            ("client_secret", secret.as_str()),
        ];
        world.call("POST", "/oauth/token").from(from).form(&fields).await.status.as_u16()
    };
    assert_eq!((ask("127.0.0.2").await, ask("127.0.0.3").await), (200, 403));
    let path = format!("/api/v2/clients/{id}");
    operator.patch(&path, json!({ "allowed_ips": ["127.0.0.3"] })).await;
    assert_eq!((ask("127.0.0.2").await, ask("127.0.0.3").await), (403, 200));
    operator.patch(&path, json!({ "allowlist_mode": "report" })).await;
    assert_eq!((ask("127.0.0.2").await, ask("127.0.0.3").await), (200, 200));
    // An empty list without a mode lifts the restriction; with one it means what it says.
    let lifted = operator.patch(&path, json!({ "allowed_ips": [] })).await;
    assert_eq!(lifted.text("allowlist_mode"), "off");
    let shut = json!({ "allowed_ips": [], "allowlist_mode": "enforce" });
    assert_eq!(operator.patch(&path, shut).await.text("allowlist_mode"), "enforce");
    assert_eq!(ask("127.0.0.2").await, 403);
    operator.delete(&path).await;
    assert_eq!(ask("127.0.0.2").await, 401);
}

#[tokio::test]
async fn a_bad_list_is_refused_with_every_bad_entry() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let body = json!({
        "name": "backend",
        "allowed_ips": ["203.0.113.5/24", "198.51.100.7", "010.0.0.1", "0.0.0.0/0"],
    });
    assert_snapshot!(operator.post("/api/v2/clients", body).await, @r#"400 {"details":[{"code":"host_bits_set","entry":"203.0.113.5/24","line":1,"message":"line 1: `203.0.113.5/24` has host bits set; write 203.0.113.0/24 for the network or 203.0.113.5 for the host","suggestion":"203.0.113.0/24"},{"code":"leading_zero","entry":"010.0.0.1","line":3,"message":"line 3: `010.0.0.1` has a number with a leading zero, which some programs read as octal; remove the zero"},{"code":"too_broad","entry":"0.0.0.0/0","line":4,"message":"line 4: `0.0.0.0/0` admits everybody; to lift the restriction set the mode to off"}],"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'line 1: `203.0.113.5/24` has host bits set; write 203.0.113.0/24 for the network or 203.0.113.5 for the host [host_bits_set, try 203.0.113.0/24]; line 3: `010.0.0.1` has a number with a leading zero, which some programs read as octal; remove the zero [leading_zero]; line 4: `0.0.0.0/0` admits everybody; to lift the restriction set the mode to off [too_broad]' on property allowed_ips.","statusCode":400}"#);
    let made = operator.create_client("backend", &["127.0.0.2"]).await;
    let path = format!("/api/v2/clients/{}", made.text("client_id"));
    for bad in [json!(["x"]), json!([7]), json!("127.0.0.1"), Value::Null, json!({})] {
        let answer = operator.patch(&path, json!({ "allowed_ips": bad, "name": "other" })).await;
        assert_eq!(answer.status, 400, "{answer}");
        assert!(answer.text("message").contains("on property allowed_ips"), "{answer}");
    }
    assert_snapshot!(
        operator.patch(&path, json!({ "allowlist_mode": "on" })).await,
        @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'No enum match for: on' on property allowlist_mode.","statusCode":400}"#
    );
    let kept = operator.get(&path).await.json();
    assert_eq!((&kept["allowed_ips"], &kept["name"]), (&json!(["127.0.0.2"]), &json!("backend")));
}

#[tokio::test]
async fn ten_thousand_entries_fit_and_a_million_do_not() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let list = |count: u32| -> Vec<String> {
        (0..count).map(|n| std::net::Ipv4Addr::from_bits(0x0a00_0000 + n).to_string()).collect()
    };
    let path = "/api/v2/clients";
    let made = operator.post(path, json!({ "name": "a", "allowed_ips": list(10_000) })).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.json()["allowed_ips"].as_array().unwrap().len(), 10_000);
    let body = json!({ "name": "a", "allowed_ips": list(10_001) });
    assert_snapshot!(operator.post(path, body).await, @r#"400 {"error":"Bad Request","errorCode":"too_many_entries","message":"Payload validation error: 'Too many entries, a list holds at most 10000' on property allowed_ips.","statusCode":400}"#);
    let body = json!({ "name": "a", "allowed_ips": list(1_000_000) });
    let answer = operator.post(path, body).await;
    assert_eq!(
        (answer.status.as_u16(), answer.text("errorCode").as_str()),
        (400, "too_many_entries")
    );
}

#[tokio::test]
async fn bodies_that_are_no_object_are_refused() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let post =
        async |kind: &str, body: String| operator.raw("POST", "/api/v2/clients", kind, body).await;
    let json = "application/json";
    let deep = format!("{{\"name\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
    assert_snapshot!(post(json, deep).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Invalid request payload JSON format","statusCode":400}"#);
    assert_snapshot!(post(json, "{\"name\":".to_owned()).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Invalid request payload JSON format","statusCode":400}"#);
    assert_snapshot!(post(json, "{\"name\":\"a\"} {}".to_owned()).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Invalid request payload JSON format","statusCode":400}"#);
    assert_snapshot!(post(json, "[]".to_owned()).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'invalid type: sequence, expected a JSON object'.","statusCode":400}"#);
    assert_snapshot!(post(json, "{\"name\":\"a\",\"name\":\"b\"}".to_owned()).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'Duplicate property: name'.","statusCode":400}"#);
    let large = format!("{{\"name\":\"{}\"}}", "a".repeat(2 * 1024 * 1024));
    assert_snapshot!(post(json, large).await, @r#"413 {"error":"Payload Too Large","errorCode":"payload_too_large","message":"the body has more than 2097152 bytes","statusCode":413}"#);
    assert_snapshot!(post("application/x-www-form-urlencoded", "name=a".to_owned()).await, @r#"415 {"error":"Unsupported Media Type","errorCode":"unsupported_media_type","message":"send the body as JSON, with `content-type: application/json`","statusCode":415}"#);
}

#[tokio::test]
async fn fields_that_auth0_knows_are_kept_and_others_are_named() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let body = json!({
        "name": "a",
        "callbacks": ["https://app.example/cb"],
        "is_first_party": false,
        "jwt_configuration": { "alg": "RS256", "lifetime_in_seconds": 60 },
        "token_quota": { "client_credentials": { "per_hour": 10 } },
        "client_metadata": { "team": "blue" },
    });
    let made = operator.post("/api/v2/clients", body).await;
    let path = format!("/api/v2/clients/{}", made.text("client_id"));
    let read = operator.get(&path).await.json();
    assert_eq!(read["callbacks"], json!(["https://app.example/cb"]));
    assert_eq!(read["is_first_party"], false);
    assert_eq!(
        read["jwt_configuration"],
        json!({ "alg": "RS256", "lifetime_in_seconds": 60, "secret_encoded": false })
    );
    assert_eq!(read["token_quota"]["client_credentials"]["per_hour"], 10);
    assert_eq!(
        read["grant_types"],
        json!(["authorization_code", "implicit", "refresh_token", "client_credentials"])
    );
    let patch = json!({ "token_quota": null, "client_metadata": { "team": null, "room": "1" } });
    let changed = operator.patch(&path, patch).await.json();
    assert_eq!(changed.get("token_quota"), None);
    assert_eq!(changed["client_metadata"], json!({ "room": "1" }));

    assert_snapshot!(operator.patch(&path, json!({ "colour": "red" })).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'Additional properties not allowed: colour'.","statusCode":400}"#);
    assert_snapshot!(operator.patch(&path, json!({ "callbacks": "x" })).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'Expected type array but found type string' on property callbacks.","statusCode":400}"#);
    assert_snapshot!(operator.patch(&path, json!({ "name": "<b>" })).await, @r#"400 {"details":[{"code":"characters","field":"name","message":"holds `<`, `>` or a control character"}],"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'holds `<`, `>` or a control character' on property name.","statusCode":400}"#);
    assert_snapshot!(operator.patch(&path, json!({ "name": null })).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'Expected type string but found type null' on property name.","statusCode":400}"#);
    assert_snapshot!(operator.patch(&path, json!({ "app_type": "robot" })).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'No enum match for: robot' on property app_type.","statusCode":400}"#);
    assert_snapshot!(operator.patch(&path, json!({ "description": "x".repeat(141) })).await, @r#"400 {"details":[{"code":"too_long","field":"description","message":"has more than 140 characters"}],"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'has more than 140 characters' on property description.","statusCode":400}"#);
    assert_snapshot!(operator.patch(&path, json!({ "client_metadata": { "a": 1 } })).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'Expected type string' on property client_metadata.a.","statusCode":400}"#);
    assert_snapshot!(operator.patch(&path, json!({ "account_id": "acc_none" })).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'there is no account acc_none' on property account_id.","statusCode":400}"#);
    assert_snapshot!(operator.post("/api/v2/clients", json!({})).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'Missing required property: name'.","statusCode":400}"#);
    let public = json!({ "name": "a", "app_type": "spa", "grant_types": ["client_credentials"] });
    assert_snapshot!(operator.post("/api/v2/clients", public).await, @r#"400 {"details":[{"code":"public_client","field":"grant_types","message":"Invalid grant types: client_credentials"}],"error":"Bad Request","errorCode":"invalid_body","message":"Invalid grant types: client_credentials","statusCode":400}"#);
    assert_snapshot!(operator.patch(&path, json!({ "client_secret": "hunter2" })).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'Weaker than 112 bits; use 22 or more random letters and digits' on property client_secret.","statusCode":400}"#);
}

#[tokio::test]
async fn lists_come_in_all_three_forms() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    for name in ["a", "b", "c"] {
        operator.create_client(name, &[]).await;
    }
    let names = |items: &Value| -> Vec<String> {
        let items = items.as_array().unwrap().iter();
        items.map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    };
    let list = async |query: &str| operator.get(&format!("/api/v2/clients{query}")).await;
    let bare = list("").await.json();
    assert_eq!(names(&bare), ["Administrator", "a", "b", "c"]);
    let short = "fields=name,client_secret";
    assert_snapshot!(
        list(&format!("?page=0&per_page=3&include_totals=true&{short}")).await,
        @r#"200 {"clients":[{"name":"Administrator"},{"name":"a"},{"name":"b"}],"limit":3,"start":0,"total":4}"#
    );
    // A page past the end is empty: that is where some clients stop.
    assert_snapshot!(list(&format!("?page=2&per_page=3&include_totals=true&{short}")).await, @r#"200 {"clients":[],"limit":3,"start":6,"total":4}"#);
    assert_snapshot!(list(&format!("?page=1&per_page=3&{short}")).await, @r#"200 [{"name":"c"}]"#);
    let first = list(&format!("?take=3&include_totals=true&{short}")).await.json();
    assert_eq!(names(&first["clients"]).len(), 3);
    assert_eq!(first.get("total"), None);
    let next = first["next"].as_str().unwrap();
    let last = list(&format!("?take=3&from={next}&{short}")).await;
    assert_snapshot!(last, @r#"200 {"clients":[{"name":"c"}]}"#);
    assert_snapshot!(list("?from=nonsense").await, @r#"400 {"error":"Bad Request","errorCode":"invalid_query","message":"Query validation error: '`nonsense` is not a cursor of this list, start again without one'.","statusCode":400}"#);
    for bad in ["per_page=101", "per_page=0", "page=-1", "take=101", "q=x", "include_totals=yes"] {
        let answer = list(&format!("?{bad}")).await;
        assert_eq!(answer.text("errorCode"), "invalid_query", "{bad}: {answer}");
    }
    assert_snapshot!(list("?per_page=101").await, @r#"400 {"error":"Bad Request","errorCode":"invalid_query","message":"Query validation error: 'Value 101 is greater than maximum 100' on property per_page.","statusCode":400}"#);
    let without = list("?fields=name&include_fields=false&per_page=1").await.json();
    assert_eq!(without[0].get("name"), None);
    assert_eq!(without[0]["global"], false);
}

#[tokio::test]
async fn lists_are_filtered() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    operator.post("/api/v2/clients", json!({ "name": "web", "app_type": "regular_web" })).await;
    operator.post("/api/v2/clients", json!({ "name": "other", "is_first_party": false })).await;
    let list = async |query: &str| {
        let answer = operator.get(&format!("/api/v2/clients?fields=name&{query}")).await;
        answer.body
    };
    assert_snapshot!(list("is_global=false&app_type=regular_web,spa").await, @r#"[{"name":"web"}]"#);
    assert_snapshot!(list("is_first_party=false&include_totals=true").await, @r#"{"clients":[{"name":"other"}],"limit":50,"start":0,"total":1}"#);
    assert_snapshot!(list("is_global=true").await, @"[]");
    let first: Value = serde_json::from_str(&list("is_first_party=true&take=1").await).unwrap();
    assert_eq!(first["clients"][0]["name"], "Administrator");
    let next = first["next"].as_str().unwrap();
    assert_snapshot!(list(&format!("is_first_party=true&take=1&from={next}")).await, @r#"{"clients":[{"name":"web"}]}"#);
}

#[tokio::test]
async fn entries_keep_what_is_known_of_them_when_the_list_is_rewritten() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let made = operator.create_client("backend", &[]).await;
    let id = made.text("client_id");
    let rich = json!({ "mode": "report", "entries": [
        { "network": "203.0.113.0/24", "label": "office", "expires_at": "2100-01-01T00:00:00Z" },
    ]});
    assert_eq!(operator.put(&format!("/v1/clients/{id}/allowlist"), rich).await.status, 200);
    let patch = json!({ "allowed_ips": ["198.51.100.7", "203.0.113.0/24"] });
    operator.patch(&format!("/api/v2/clients/{id}"), patch).await;
    let list = operator.stored(&id).await.allowlist;
    let [first, second] = list.entries.as_slice() else { panic!("two entries") };
    assert_eq!((first.label.as_deref(), second.label.as_deref()), (None, Some("office")));
    assert!(second.expires_at.is_some());
    assert_eq!(first.created_by, world.admin.client_id);
}

#[tokio::test]
async fn two_writers_at_once_change_only_what_they_name() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let made = operator.create_client("backend", &[]).await;
    let path = format!("/api/v2/clients/{}", made.text("client_id"));
    for round in 0..10 {
        let name = format!("name {round}");
        let description = format!("description {round}");
        let (one, other) = tokio::join!(
            operator.patch(&path, json!({ "name": name })),
            operator.patch(&path, json!({ "description": description })),
        );
        assert_eq!((one.status.as_u16(), other.status.as_u16()), (200, 200));
        let read = operator.get(&path).await;
        assert_eq!((read.text("name"), read.text("description")), (name, description));
    }
}

#[tokio::test]
async fn every_answer_tells_the_rate_limit() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let first = operator.get("/api/v2/clients").await;
    let second = operator.get("/api/v2/clients/none").await;
    let remaining = |answer: &crate::support::Answer| -> u32 {
        answer.header("x-ratelimit-remaining").parse().unwrap()
    };
    assert_eq!([remaining(&first), remaining(&second)], [1_999, 1_998]);
    assert_eq!(first.header("x-ratelimit-limit"), "2000");
    let reset: i64 = first.header("x-ratelimit-reset").parse().unwrap();
    assert!(reset > crate::support::NOW_S);
    for answer in [
        world.call("GET", "/api/v2/clients").empty().await,
        operator.get("/api/v2/nothing").await,
        operator.delete("/api/v2/clients").await,
    ] {
        assert!(!answer.header("x-ratelimit-reset").is_empty(), "{answer}");
        assert!(!answer.header("x-request-id").is_empty(), "{answer}");
    }
}

#[tokio::test]
async fn a_scope_lets_its_holder_do_what_it_is_for() {
    let world = World::new().await;
    let made = Operator::new(&world).await.create_client("backend", &[]).await;
    let path = format!("/api/v2/clients/{}", made.text("client_id"));
    let keys = Operator::with_scopes(&world, 'k', &["update:client_keys"]).await;
    assert_snapshot!(keys.patch(&path, json!({ "allowed_ips": [] })).await, @r#"403 {"error":"Forbidden","errorCode":"insufficient_scope","message":"Insufficient scope, expected any of: update:clients","statusCode":403}"#);
    let secret = json!({ "client_secret": "Zk3v-x8Qw_71LmPzT0aYb2Rd" });
    assert_eq!(keys.patch(&path, secret.clone()).await.status, 200);
    let plain = Operator::with_scopes(&world, 'p', &["update:clients"]).await;
    assert_snapshot!(plain.patch(&path, secret).await, @r#"403 {"error":"Forbidden","errorCode":"insufficient_scope","message":"Insufficient scope, expected any of: update:client_keys","statusCode":403}"#);
    assert_snapshot!(plain.get(&path).await, @r#"403 {"error":"Forbidden","errorCode":"insufficient_scope","message":"Insufficient scope, expected any of: read:clients,read:client_keys,read:client_credentials,read:client_summary","statusCode":403}"#);
    let summary = Operator::with_scopes(&world, 's', &["read:client_summary"]).await;
    assert_snapshot!(tidy(&summary.get(&path).await), @r#"200 {"app_type":"non_interactive","client_id":"client_id, 20 characters","global":false,"is_first_party":true,"name":"backend","tenant":"auth"}"#);
}

#[tokio::test]
async fn nobody_without_a_good_token_gets_in() {
    let world = World::new().await;
    let path = "/api/v2/clients";
    assert_snapshot!(world.call("GET", path).empty().await, @r#"401 {"attributes":{"error":"Missing authentication"},"error":"Unauthorized","message":"Missing authentication","statusCode":401}"#);
    assert_snapshot!(world.call("GET", path).bearer("nonsense").empty().await, @r#"401 {"attributes":{"error":"Invalid token"},"error":"Unauthorized","message":"Invalid token","statusCode":401}"#);
    let customer = world.customer('c').await;
    let token = world.token(&customer).await;
    let foreign = world.call("GET", path).bearer(&token).empty().await;
    assert!([401, 403].contains(&foreign.status.as_u16()), "{foreign}");
    // A key is no token: nobody chose it for this API.
    let key = world.call("GET", path).basic(&customer.id_text, &customer.secret).empty().await;
    assert_eq!(key.status, 401);
}
