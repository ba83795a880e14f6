//! `/v1/gateways`, `/v1/alarms` and `/v1/probes`, and the gate that follows them.

use insta::assert_snapshot;
use keyward_allowlist::NoClientIp;
use keyward_core::jws::verify_compact;
use keyward_core::policy::NotAdmitted;
use keyward_gate::{Alarm, AlarmKind};
use serde_json::{Value, json};

use crate::operator::{Operator, tidy};
use crate::support::{API, World, payload_of};

/// Asks at the gate, from loopback.
async fn ask(world: &World, path: &str, headers: &[(&str, &str)]) -> (u16, axum::http::HeaderMap) {
    world.check(path, headers).await
}

/// An answer with what is random in it made plain.
fn plain(answer: &crate::support::Answer) -> String {
    let text = tidy(answer);
    let token = answer.json()["token"].as_str().map(str::to_owned).unwrap_or("none".into());
    let id = answer.json()["auth"]["tokens"][0]["id"].as_str().map(str::to_owned);
    text.replace(&token, "TOKEN").replace(&id.unwrap_or("none".into()), "sec_ID")
}

#[tokio::test]
async fn a_gateway_is_registered_shown_changed_and_deleted() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let made = operator
        .post(
            "/v1/gateways",
            json!({
                "id": "edge",
                "kind": "nginx",
                "client_address": { "source": "x-real-ip", "trusted": ["10.0.0.0/8"] },
                "auth": { "peers": ["127.0.0.0/8"] },
                "required": { "audience": API, "scopes": ["read:things"] },
            }),
        )
        .await;
    assert_snapshot!(plain(&made), @r#"201 {"allow_preflight":false,"assertion":false,"auth":{"certificates":[],"peers":["127.0.0.0/8"],"token":false,"tokens":[],"unix":false},"client_address":{"source":"x-real-ip","trusted":["10.0.0.0/8"]},"created_at":"2026-01-01T00:00:00.251Z","deny_style":"auth-status","disclosure":null,"hide_credential":false,"id":"id, 4 characters","kind":"nginx","public_paths":[],"required":{"audience":"https://api.example","scopes":["read:things"]},"state":"active","updated_at":"2026-01-01T00:00:00.251Z","version":1,"warnings":[]}"#);
    assert_eq!(made.header("etag"), "\"1\"");
    let path = "/v1/gateways/edge";
    let shown = operator.get(path).await;
    assert_eq!(
        shown.json()["auth"],
        json!({
            "peers": ["127.0.0.0/8"], "unix": false, "token": false, "tokens": [], "certificates": [],
        })
    );
    let changed = operator
        .patch(path, json!({ "required": { "audience": null }, "allow_preflight": true }))
        .await;
    assert_eq!(changed.json()["required"], json!({ "audience": null, "scopes": ["read:things"] }));
    assert_eq!(changed.json()["allow_preflight"], true);
    assert_eq!(changed.json()["client_address"]["trusted"], json!(["10.0.0.0/8"]), "left alone");
    let stale = operator.when("\"1\"", "PATCH", path, json!({})).await;
    assert_eq!(stale.status, 412);
    let all = operator.get("/v1/gateways").await.json();
    let names: Vec<_> =
        all["items"].as_array().unwrap().iter().map(|g| g["id"].as_str().unwrap()).collect();
    assert_eq!(names, ["default", "edge"]);
    assert_eq!(operator.delete(path).await.status, 204);
    assert_eq!(operator.get(path).await.status, 404);
    assert_eq!(operator.delete(path).await.status, 404);
}

#[tokio::test]
async fn a_token_is_shown_once_and_works_until_it_is_rotated() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('c').await;
    let new = json!({ "id": "edge", "kind": "caddy", "auth": { "token": true } });
    let made = operator.post("/v1/gateways", new).await;
    assert_eq!(made.status, 201);
    let token = made.text("token");
    assert!(token.starts_with("kwg_") && token.len() == 42, "{token}");
    assert!(!operator.get("/v1/gateways/edge").await.body.contains(&token));
    let audit = operator.get("/v1/audit").await.body;
    assert!(audit.contains("gateway.create") && !audit.contains(&token), "{audit}");

    let key = [("x-real-ip", "203.0.113.5"), ("x-api-key", &*customer.api_key)];
    let with = async |token: &str| {
        let headers = [&key[..], &[("x-gateway-token", token)]].concat();
        ask(&world, "edge", &headers).await.0
    };
    assert_eq!(with(&token).await, 200);
    assert_eq!(ask(&world, &format!("edge.{token}"), &key).await.0, 200);
    assert_eq!(ask(&world, "edge", &key).await.0, 403);

    let rotated = operator.post("/v1/gateways/edge/tokens", json!({ "overlap_s": 60 })).await;
    assert_eq!(rotated.status, 201);
    let new = rotated.text("token");
    assert_eq!((with(&token).await, with(&new).await), (200, 200));
    world.pass_s(61).await;
    assert_eq!((with(&token).await, with(&new).await), (403, 200));
    let current = rotated.json()["auth"]["tokens"][1]["id"].as_str().unwrap().to_owned();
    let withdrawn = operator.delete(&format!("/v1/gateways/edge/tokens/{current}")).await;
    assert_eq!((withdrawn.status.as_u16(), with(&new).await), (204, 403));

    // Whoever stops asking for a token forgets those there were.
    let peers = json!({ "auth": { "token": false, "peers": ["127.0.0.1"] } });
    operator.patch("/v1/gateways/edge", peers).await;
    assert_eq!(ask(&world, "edge", &key).await.0, 200);
    let again = operator.patch("/v1/gateways/edge", json!({ "auth": { "token": true } })).await;
    assert_ne!(again.text("token"), new);
    assert_eq!(with(&again.text("token")).await, 200);
    let none = operator.post("/v1/gateways/default/tokens", json!({})).await;
    assert_snapshot!(none, @r#"422 {"code":"no_token","detail":"auth.token: this gateway shows no token; set `auth.token` first","errors":[{"code":"no_token","field":"auth.token","message":"this gateway shows no token; set `auth.token` first"}],"status":422,"title":"Unprocessable Entity","type":"about:blank"}"#);
}

#[tokio::test]
async fn a_token_is_not_shown_to_a_repeated_request() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let new = json!({ "id": "edge", "kind": "caddy", "auth": { "token": true } });
    assert_eq!(operator.once("k1", "/v1/gateways", new.clone()).await.status, 201);
    assert_eq!(operator.once("k1", "/v1/gateways", new).await.status, 409);
    let plain = json!({ "id": "edge2", "kind": "caddy", "auth": { "peers": ["10.0.0.1"] } });
    assert_eq!(operator.once("k2", "/v1/gateways", plain.clone()).await.status, 201);
    assert_eq!(operator.once("k2", "/v1/gateways", plain).await.status, 201);
}

#[tokio::test]
async fn everything_wrong_is_named_at_once() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let wrong = operator
        .post(
            "/v1/gateways",
            json!({
                "id": "my edge",
                "kind": "varnish",
                "client_address": { "source": "X-Real-IP", "trusted": ["10.0.0.1/8", "0.0.0.0/0"] },
                "auth": { "peers": ["edge.internal"], "certificates": ["CN=edge"] },
                "deny_style": "loud",
            }),
        )
        .await;
    assert_eq!(wrong.status, 422);
    let lines: Vec<_> = wrong.text("detail").lines().map(str::to_owned).collect();
    assert_snapshot!(lines.join("\n"), @"
    id: `my edge` is not a valid gateway identifier: 1 to 64 of A-Z a-z 0-9 _ -
    kind: `varnish` is none of nginx, ingress-nginx, haproxy, apache, caddy, traefik, apisix, kong, envoy-http, gateway-api, envoy-grpc, istio, gateway-api-grpc, tower, application
    client_address.source: `X-Real-IP` is none of peer, x-real-ip, x-forwarded-for, forwarded, proxy-protocol, source-address, metadata
    client_address.trusted[0]: `10.0.0.1/8` has host bits set; write 10.0.0.0/8 for the network or 10.0.0.1 for the host
    client_address.trusted[1]: `0.0.0.0/0` is everybody, and not everybody is a gateway or a proxy; name the networks
    auth.peers[0]: `edge.internal` is not an address; write IPv4 as 203.0.113.5, IPv6 as 2001:db8::1, and a network as 203.0.113.0/24 (no ranges, wildcards or host names)
    auth.certificates[0]: `CN=edge` must be dns:NAME (no wildcard), uri:URI or sha256: and 64 digits
    deny_style: `loud` is none of bare, auth-status, full
    ");
    let impossible = async |body: Value| operator.post("/v1/gateways", body).await.text("detail");
    assert_snapshot!(impossible(json!({ "id": "a", "kind": "traefik", "client_address": { "source": "x-real-ip" }, "auth": { "token": true } })).await, @"client_address.source: `x-real-ip` is no source for traefik: this program does not set it, so the caller could");
    assert_snapshot!(impossible(json!({ "id": "a", "kind": "nginx" })).await, @"auth: must say how the gateway shows who it is: `peers`, `unix`, `token` or `certificates`");
    assert_snapshot!(impossible(json!({ "id": "a", "kind": "nginx", "client_address": { "source": "proxy-protocol" }, "auth": { "peers": ["10.0.0.1"] } })).await, @"client_address.trusted: must name who may send a PROXY header");
    assert_snapshot!(impossible(json!({ "id": "a", "kind": "nginx", "auth": { "token": true }, "public_paths": ["/a/../b"], "required": { "scopes": ["a b"] } })).await, @"
    required.scopes[0]: is no scope: write visible ASCII characters without blanks, quotes and backslashes
    public_paths[0]: must be a whole path such as `/health`, without escapes, `//`, `.` and `..` segments, `;`, `?` and `#`
    ");
    assert_snapshot!(operator.post("/v1/gateways", json!({ "id": "default", "kind": "nginx", "auth": { "token": true } })).await, @r#"409 {"code":"conflict","detail":"another gateway has the id `default`; choose another","status":409,"title":"Conflict","type":"about:blank"}"#);
    assert_snapshot!(operator.post("/v1/gateways", json!({ "id": "a", "kind": "nginx", "color": 1 })).await.text("detail"), @"`color` is not known here; known are: id, kind, client_address, auth, required, disclosure, deny_style, allow_preflight, public_paths, assertion, hide_credential");
}

#[tokio::test]
async fn what_is_odd_is_told() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let new = json!({
        "id": "edge", "kind": "nginx", "client_address": { "source": "peer" },
        "auth": { "peers": ["10.0.0.1"] }, "required": { "audience": "https://nowhere/" },
    });
    let made = operator.post("/v1/gateways", new).await;
    let warnings = made.json()["warnings"].as_array().unwrap().clone();
    assert_eq!(warnings.len(), 2);
    assert!(warnings[0].as_str().unwrap().contains("always that of nginx itself"));
    assert!(warnings[1].as_str().unwrap().contains("there is no API `https://nowhere/`"));
}

#[tokio::test]
async fn the_built_in_gateway_can_be_turned_off_and_stays_off() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('c').await;
    let key = [("x-real-ip", "203.0.113.5"), ("x-api-key", &*customer.api_key)];
    assert_eq!(ask(&world, "default", &key).await.0, 200);
    operator.post("/v1/gateways/default/suspend", json!({})).await;
    assert_eq!(ask(&world, "default", &key).await.0, 403);
    operator.post("/v1/gateways/default/resume", json!({})).await;
    assert_eq!(ask(&world, "default", &key).await.0, 200);
    assert_eq!(operator.delete("/v1/gateways/default").await.status, 204);
    assert_eq!(ask(&world, "default", &key).await.0, 403);
}

#[tokio::test]
async fn an_assertion_verifies_with_the_published_keys() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('c').await;
    let new = json!({
        "id": "edge", "kind": "application", "auth": { "peers": ["127.0.0.1"] },
        "assertion": true, "required": { "audience": API },
    });
    operator.post("/v1/gateways", new).await;
    let key = [("x-real-ip", "::ffff:203.0.113.5"), ("x-api-key", &*customer.api_key)];
    let (status, headers) = ask(&world, "edge", &key).await;
    assert_eq!(status, 200);
    let assertion = headers["x-client-assertion"].to_str().unwrap();
    let generation = world.services.policy.generation();
    let verified = verify_compact(assertion, &generation.settings.keys).unwrap();
    assert_eq!(verified.typ.as_deref(), Some("keyward-assertion+jwt"));
    let claims = payload_of(assertion);
    assert_eq!(claims["sub"], customer.id_text);
    assert_eq!(claims["client_ip"], "203.0.113.5");
    assert_eq!((claims["aud"].as_str(), claims["gateway"].as_str()), (Some(API), Some("edge")));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 30);
    assert_eq!(claims["jti"], headers["x-request-id"].to_str().unwrap());
    // It is no access token, at either door.
    let shown = format!("Bearer {assertion}");
    let used = [("x-real-ip", "203.0.113.5"), ("authorization", &*shown)];
    assert_eq!(ask(&world, "edge", &used).await.0, 401);
    assert_eq!(world.call("GET", "/v1/gateways").bearer(assertion).empty().await.status, 401);
}

#[tokio::test]
async fn alarms_are_listed_and_end_with_the_edit_that_mends_them() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let gateway = keyward_core::id::GatewayId::parse("default").unwrap();
    let what = AlarmKind::ClientAddressMissing(NoClientIp::MissingHeader);
    let alarm = Alarm { at: world.services.now(), what, peer: None };
    for _ in 0..3 {
        world.services.alarms.note((Some(gateway.clone()), alarm));
    }
    let listed = operator.get("/v1/alarms?gateway=default").await;
    assert_snapshot!(listed, @r#"200 {"items":[{"code":"client_address_missing","count":3,"detail":"missing_header","first_at":"2026-01-01T00:00:00.250Z","gateway":"default","last_at":"2026-01-01T00:00:00.250Z","network":null}]}"#);
    assert_eq!(operator.get("/v1/alarms?gateway=other").await.json()["items"], json!([]));
    // Only what the edit may have mended ends with it.
    let what = AlarmKind::NotAdmitted(NotAdmitted::Token);
    world
        .services
        .alarms
        .note((Some(gateway), Alarm { at: world.services.now(), what, peer: None }));
    let codes = async || {
        let items = operator.get("/v1/alarms").await.json()["items"].clone();
        let items = items.as_array().unwrap().iter();
        let mut codes: Vec<String> =
            items.map(|item| item["code"].as_str().unwrap().to_owned()).collect();
        codes.sort();
        codes
    };
    operator.patch("/v1/gateways/default", json!({ "assertion": true })).await;
    assert_eq!(codes().await, ["client_address_missing", "gateway_token_wrong"]);
    let other = json!({ "client_address": { "trusted": ["10.0.0.0/8"] } });
    operator.patch("/v1/gateways/default", other).await;
    assert_eq!(codes().await, ["gateway_token_wrong"]);
    operator.delete("/v1/gateways/default").await;
    assert_eq!(codes().await, [] as [&str; 0]);
}

#[tokio::test]
async fn null_is_refused_where_it_says_nothing() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    for body in [
        json!({ "public_paths": null }),
        json!({ "allow_preflight": null }),
        json!({ "auth": null }),
        json!({ "auth": { "peers": null } }),
        json!({ "client_address": { "source": null } }),
        json!({ "required": { "scopes": null } }),
    ] {
        let answer = operator.patch("/v1/gateways/default", body.clone()).await;
        assert!(matches!(answer.status.as_u16(), 400 | 422), "{body}: {}", answer.status);
        assert!(answer.text("detail").contains("must be"), "{body}: {}", answer.text("detail"));
    }
    let words = json!({ "disclosure": null, "deny_style": null, "required": { "audience": null } });
    assert_eq!(operator.patch("/v1/gateways/default", words).await.status, 200);
}

#[tokio::test]
async fn a_probe_shows_what_the_gate_saw() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let made = operator.post("/v1/probes", json!({ "status": 429 })).await;
    assert_eq!(made.status, 201);
    let credential = made.text("credential");
    let bearer = format!("Bearer {credential}");
    let headers = [
        ("x-real-ip", "203.0.113.5"),
        ("x-forwarded-for", "198.51.100.1"),
        ("authorization", bearer.as_str()),
        ("x-original-uri", "/orders?page=1"),
    ];
    assert_eq!(ask(&world, "default", &headers).await.0, 429);
    let path = format!("/v1/probes/{credential}");
    let seen = operator.get(&path).await.json();
    let one = &seen["items"][0];
    assert_eq!(
        (one["client_ip"].as_str(), one["gateway"].as_str()),
        (Some("203.0.113.5"), Some("default"))
    );
    assert_eq!(one["target"], "/orders");
    assert!(
        one["headers"].as_array().unwrap().contains(&json!(["x-forwarded-for", "198.51.100.1"]))
    );
    assert_eq!(operator.delete(&path).await.status, 204);
    assert_eq!(operator.get(&path).await.status, 404);
    for (body, told) in [
        (json!({ "status": 200 }), "`status` must be 401, 403, 429 or 503"),
        (json!({ "hold_ms": 60_001 }), "`hold_ms` is over 60000"),
        (json!({ "life_s": 0 }), "`life_s` must be 1 to 600"),
    ] {
        assert_eq!(operator.post("/v1/probes", body).await.text("detail"), told);
    }
    for _ in 0..64 {
        assert_eq!(operator.post("/v1/probes", json!({})).await.status, 201);
    }
    assert_eq!(operator.post("/v1/probes", json!({})).await.status, 409);
}
