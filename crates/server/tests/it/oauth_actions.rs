//! Bound Actions at the token endpoint, in real workers.

use keyward_core::action::{Action, Binding, Bindings, Script};
use keyward_server::actions::ActionsOptions;
use serde_json::{Value, json};

use crate::operator::{Operator, token_for};
use crate::support::{API, Answer, Customer, World, payload_of};

const ACTIONS: &str = "/api/v2/actions/actions";
const BINDINGS: &str = "/api/v2/actions/triggers/credentials-exchange/bindings";
/// What the caller is told when an Action fails, whatever went wrong in it.
const FAILED: &str =
    r#"500 {"error":"server_error","error_description":"The token could not be issued"}"#;

fn handler(body: &str) -> String {
    format!("exports.onExecuteCredentialsExchange = async (event, api) => {{\n{body}\n}};")
}

/// Writes and deploys an Action; its id.
async fn deploy(operator: &Operator<'_>, name: &str, code: &str) -> String {
    let action = json!({
        "name": name,
        "code": code,
        "secrets": [{ "name": "LIST", "value": "203.0.113.7,203.0.113.8" }],
        "supported_triggers": [{ "id": "credentials-exchange", "version": "v2" }],
        "deploy": true,
    });
    let made = operator.post(ACTIONS, action).await;
    assert_eq!(made.status, 201, "{made}");
    made.text("id")
}

async fn bind(operator: &Operator<'_>, names: &[&str]) {
    let item =
        |name: &&str| json!({"ref": {"type": "action_name", "value": name}, "display_name": name});
    let bindings = json!({ "bindings": names.iter().map(item).collect::<Vec<_>>() });
    let bound = operator.patch(BINDINGS, bindings).await;
    assert_eq!(bound.status, 200, "{bound}");
}

/// Binds one Action with this handler.
async fn bound(operator: &Operator<'_>, body: &str) -> String {
    let id = deploy(operator, "gatekeeper", &handler(body)).await;
    bind(operator, &["gatekeeper"]).await;
    id
}

async fn ask(world: &World, customer: &Customer, more: &[(&str, &str)]) -> Answer {
    let mut fields = vec![
        ("grant_type", "client_credentials"),
        ("client_id", &customer.id_text),
        ("client_secret", &customer.secret),
    ];
    fields.extend(more);
    world.call("POST", "/oauth/token").from("203.0.113.7").form(&fields).await
}

#[tokio::test]
async fn an_action_sees_the_request_and_shapes_the_token() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let list = world.enforce(&["203.0.113.0/24", "2001:db8::/32"]);
    let customer = world
        .customer_with('c', |client| {
            client.allowlist = list;
            client.metadata.insert("tier".to_owned(), "gold".to_owned());
        })
        .await;
    bound(
        &operator,
        "const { secrets, configuration, ...seen } = event;
         api.accessToken.setCustomClaim('seen', seen);
         api.accessToken.setCustomClaim('secrets', Object.keys(secrets));
         api.accessToken.setCustomClaim('iss', 'https://evil.example/');
         api.accessToken.setCustomClaim('https://auth0.com/x', 1);
         api.transaction.setTargetScopes(['write:things', 'admin:everything']);",
    )
    .await;
    let more = [("scope", "read:things"), ("x-integration-user", "u1")];
    let answer = ask(&world, &customer, &more).await;
    assert_eq!(answer.status, 200, "{answer}");
    assert_eq!(answer.text("scope"), "write:things", "of what was asked for, what is granted");
    let claims = payload_of(&answer.text("access_token"));
    assert_eq!(claims["iss"], "https://auth.example/");
    assert_eq!(claims["scope"], "write:things");
    assert_eq!(claims.get("https://auth0.com/x"), None);
    assert_eq!(claims["secrets"], json!(["LIST"]));
    let expected = json!({
        "accessToken": { "customClaims": {}, "scope": ["read:things"] },
        "client": {
            "client_id": customer.id_text,
            "name": "customer c",
            "metadata": { "tier": "gold" },
            "allowlist": { "mode": "enforce", "entries": ["203.0.113.0/24", "2001:db8::/32"] },
        },
        "request": {
            "ip": "203.0.113.7",
            "method": "POST",
            "geoip": {},
            "body": {
                "grant_type": "client_credentials",
                "client_id": customer.id_text,
                "scope": "read:things",
                "x-integration-user": "u1",
            },
        },
        "resource_server": { "identifier": API },
        "tenant": { "id": "auth" },
        "transaction": { "requested_scopes": ["read:things"], "target_scopes": ["read:things"] },
    });
    assert_eq!(claims["seen"], expected);
}

#[tokio::test]
async fn refusals_have_the_actions_words_and_their_status() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('c').await;
    bound(
        &operator,
        "const { code, reason } = event.request.body;
         if (code) return api.access.deny(code, reason);",
    )
    .await;
    for (code, reason, expected) in [
        ("invalid_scope", "a", r#"400 {"error":"invalid_scope","error_description":"a"}"#),
        ("invalid_request", "b", r#"400 {"error":"invalid_request","error_description":"b"}"#),
        ("server_error", "c", r#"500 {"error":"server_error","error_description":"c"}"#),
        (
            "invalid_request",
            "",
            r#"400 {"error":"invalid_request","error_description":"The token was refused"}"#,
        ),
        ("access_denied", "d", FAILED),
    ] {
        let answer = ask(&world, &customer, &[("code", code), ("reason", reason)]).await;
        assert_eq!(answer.to_string(), expected);
    }
    assert_eq!(ask(&world, &customer, &[]).await.status, 200);
    world.write_logs().await;
    let logs = operator.get("/api/v2/logs?q=type:feccft").await.json();
    assert_eq!(logs.as_array().unwrap().len(), 5, "{logs}");
    let execution = logs[1]["details"]["actions"]["executions"][0].as_str().unwrap();
    let kept = operator.get(&format!("/api/v2/actions/executions/{execution}")).await.json();
    assert_eq!(kept["status"], "final", "{kept}");
    assert_eq!(kept["results"][0]["action_name"], "gatekeeper", "{kept}");
    let issued = operator.get("/api/v2/logs?q=type:seccft").await.json();
    let executions =
        |log: &Value| log["details"]["actions"]["executions"].as_array().unwrap().len();
    assert!(issued.as_array().unwrap().iter().any(|log| executions(log) == 1), "{issued}");
}

#[tokio::test]
async fn every_failure_is_one_answer_and_the_log_knows_which() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('c').await;
    bound(
        &operator,
        "const fails = {
            threw: () => { throw new Error('my 203.0.113.7,203.0.113.8'); },
            cpu: () => { for (;;); },
            memory: () => 'x'.repeat(2 ** 28).toUpperCase(),
            pending: () => new Promise(() => {}),
            too_large: () => api.accessToken.setCustomClaim('a', 'x'.repeat(200000)),
            misuse: () => api.access.deny('no code'),
         };
         await fails[event.request.body.how]();",
    )
    .await;
    let kinds = ["threw", "cpu", "memory", "pending", "too_large", "misuse"];
    for how in kinds {
        assert_eq!(ask(&world, &customer, &[("how", how)]).await.to_string(), FAILED, "{how}");
    }
    world.write_logs().await;
    let logs = operator.get("/api/v2/logs?q=type:actions_execution_failed").await.json();
    let mut seen: Vec<_> = logs
        .as_array()
        .unwrap()
        .iter()
        .map(|log| {
            assert_eq!(log["details"]["action"]["name"], "gatekeeper", "{log}");
            log["details"]["error"]["kind"].as_str().unwrap().to_owned()
        })
        .collect();
    seen.sort_unstable();
    let mut expected = kinds;
    expected.sort_unstable();
    assert_eq!(seen, expected);
    assert!(!logs.to_string().contains("203.0.113.8"), "no secret in the log: {logs}");
    assert!(logs.to_string().contains("my [secret LIST]"), "{logs}");
}

#[tokio::test]
async fn actions_run_in_order_and_a_refusal_ends_it() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('c').await;
    let claim = |name: &str| {
        handler(&format!(
            "const before = Object.keys(event.accessToken.customClaims).length;
             api.accessToken.setCustomClaim('{name}', before);
             if (event.request.body.stop === '{name}') api.access.deny('invalid_request', '{name}');"
        ))
    };
    for name in ["a", "b", "c"] {
        deploy(&operator, name, &claim(name)).await;
    }
    bind(&operator, &["c", "a", "b"]).await;
    let token = ask(&world, &customer, &[]).await.text("access_token");
    let claims = payload_of(&token);
    assert_eq!(json!([claims["c"], claims["a"], claims["b"]]), json!([0, 1, 2]));
    let refused = ask(&world, &customer, &[("stop", "a")]).await;
    assert_eq!(refused.text("error_description"), "a");
    let last = operator.get("/v1/actions/executions?limit=1").await.json();
    assert_eq!(last["items"][0]["results"].as_array().unwrap().len(), 2, "{last}");
}

#[tokio::test]
async fn the_list_is_asked_first_and_cannot_be_widened() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let list = world.enforce(&["203.0.113.0/24"]);
    let customer = world.customer_with('c', |client| client.allowlist = list).await;
    bound(
        &operator,
        "try { event.client.allowlist.mode = 'off'; event.client.allowlist.entries.push('0/0'); }
         catch { api.accessToken.setCustomClaim('readonly', true); }",
    )
    .await;
    assert_eq!(world.ask_token(&customer).await.status, 403);
    let inside = ask(&world, &customer, &[]).await;
    assert_eq!(payload_of(&inside.text("access_token"))["readonly"], true);
    let last = operator.get("/v1/actions/executions").await.json();
    assert_eq!(last["items"].as_array().unwrap().len(), 1, "the refused one ran nothing: {last}");
}

#[tokio::test]
async fn what_is_deployed_runs_until_something_else_is() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('c').await;
    let claim = |value: u32| handler(&format!("api.accessToken.setCustomClaim('v', {value})"));
    let id = deploy(&operator, "gatekeeper", &claim(1)).await;
    bind(&operator, &["gatekeeper"]).await;
    let value =
        async || payload_of(&ask(&world, &customer, &[]).await.text("access_token"))["v"].clone();
    assert_eq!(value().await, 1);
    operator.patch(&format!("{ACTIONS}/{id}"), json!({ "code": claim(2) })).await;
    assert_eq!(value().await, 1, "a draft runs nowhere");
    operator.post(&format!("{ACTIONS}/{id}/deploy"), json!({})).await;
    assert_eq!(value().await, 2);
    let versions = operator.get(&format!("{ACTIONS}/{id}/versions")).await.json();
    let first = versions["versions"].as_array().unwrap().iter().find(|one| one["number"] == 1);
    let first = first.unwrap()["id"].as_str().unwrap().to_owned();
    operator.post(&format!("{ACTIONS}/{id}/versions/{first}/deploy"), json!({})).await;
    assert_eq!(value().await, 1, "the old version is back");
    operator.patch(BINDINGS, json!({ "bindings": [] })).await;
    assert_eq!(value().await, Value::Null);
}

#[tokio::test]
async fn code_that_does_not_compile_is_not_deployed() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let action = json!({
        "name": "broken",
        "code": "exports.a = 1;\nconst = 2;",
        "supported_triggers": [{ "id": "credentials-exchange", "version": "v2" }],
    });
    let id = operator.post(ACTIONS, action.clone()).await.text("id");
    let refused = operator.post(&format!("{ACTIONS}/{id}/deploy"), json!({})).await;
    assert_eq!(refused.status, 400);
    let message = refused.text("message");
    assert!(message.starts_with("Compilation failed: SyntaxError: line 2: "), "{message}");
    let mut at_once = action;
    at_once["name"] = "also broken".into();
    at_once["deploy"] = true.into();
    assert_eq!(operator.post(ACTIONS, at_once).await.status, 400);
    let listed = operator.get(ACTIONS).await.json();
    assert_eq!(listed["total"], 1, "nothing is half made: {listed}");
}

#[tokio::test]
async fn without_a_worker_no_token_passes_an_action() {
    let world = World::with(|options| {
        options.actions = ActionsOptions { program: None, workers: 1, ..ActionsOptions::default() };
        let nothing = keyward_actions::WorkerProgram {
            program: "/nonexistent".into(),
            arguments: Vec::new(),
        };
        options.actions.program = Some(nothing);
    })
    .await;
    let customer = world.customer('c').await;
    assert!(world.services.actions.start().await.is_err());
    let now = world.services.now();
    let draft = Script { code: handler(""), ..Script::default() };
    let mut action = Action::new(world.services.new_action_id().unwrap(), "x", draft, now);
    let mut list = Bindings::none(now);
    list.list.push(Binding {
        id: world.services.new_binding_id().unwrap(),
        action: action.id.clone(),
        display_name: "x".to_owned(),
        created_at: now,
    });
    let mut tx = world.begin().await;
    tx.insert_action(&action).await.unwrap();
    let id = world.services.new_action_version_id().unwrap();
    let version = action.deploy(id, action.draft.clone(), now);
    tx.insert_action_version(&version).await.unwrap();
    tx.update_action(&action).await.unwrap();
    tx.insert_bindings(&list).await.unwrap();
    world.services.commit(tx).await.unwrap();
    assert_eq!(ask(&world, &customer, &[]).await.to_string(), FAILED);
}

#[tokio::test]
async fn a_place_whose_action_is_not_there_lets_nothing_pass() {
    let world = World::new().await;
    let customer = world.customer('c').await;
    let now = world.services.now();
    let mut list = Bindings::none(now);
    list.list.push(Binding {
        id: world.services.new_binding_id().unwrap(),
        action: world.services.new_action_id().unwrap(),
        display_name: "x".to_owned(),
        created_at: now,
    });
    let mut tx = world.begin().await;
    tx.insert_bindings(&list).await.unwrap();
    world.services.commit(tx).await.unwrap();
    assert_eq!(ask(&world, &customer, &[]).await.to_string(), FAILED);
    let operator = Operator::new(&world).await;
    let kept = operator.get("/v1/actions/executions").await.json();
    assert_eq!(kept["items"][0]["answer"]["kind"], "no_version", "{kept}");
}

#[tokio::test]
async fn whoever_bound_an_action_that_refuses_everything_can_unbind_it() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('c').await;
    let id = bound(&operator, "throw new Error('nobody')").await;
    assert_eq!(ask(&world, &customer, &[]).await.to_string(), FAILED);
    assert!(!world.operator().await.is_empty(), "a new management token");
    let gone = operator.delete(&format!("{ACTIONS}/{id}")).await;
    assert_eq!(gone.status, 400, "it is bound: {gone}");
    assert_eq!(operator.delete(&format!("{ACTIONS}/{id}?force=true")).await.status, 204);
    token_for(&world, &customer, API).await;
}

#[tokio::test]
async fn a_refused_exchange_is_not_counted_and_the_cache_is_one_for_the_trigger() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let quota = keyward_core::quota::TokenQuota { per_hour: Some(1), per_day: None, enforce: true };
    let customer = world.customer_with('c', |client| client.token_quota = Some(quota)).await;
    bound(
        &operator,
        "const seen = Number(api.cache.get('n')?.value ?? 0) + 1;
         api.cache.set('n', String(seen));
         if (seen < 3) api.access.deny('invalid_request', String(seen));",
    )
    .await;
    for expected in ["1", "2"] {
        assert_eq!(ask(&world, &customer, &[]).await.text("error_description"), expected);
    }
    assert_eq!(ask(&world, &customer, &[]).await.status, 200);
    assert_eq!(ask(&world, &customer, &[]).await.status, 429);
}

#[tokio::test]
async fn what_changes_while_an_action_runs_counts() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('c').await;
    bound(&operator, "const until = Date.now() + 60; while (Date.now() < until);").await;
    let asked = ask(&world, &customer, &[]);
    let changed = async {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        world
            .edit_client(&customer.id, |client| {
                client.state = keyward_core::client::State::Suspended
            })
            .await;
    };
    let (answer, ()) = tokio::join!(asked, changed);
    assert_eq!(answer.status, 401, "{answer}");
}

/// What a token request gets while this Action is bound, and what one gets after it.
async fn with_bound(body: &str) -> Answer {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('c').await;
    bound(&operator, body).await;
    let answer = ask(&world, &customer, &[]).await;
    assert_eq!(operator.patch(BINDINGS, json!({ "bindings": [] })).await.status, 200);
    assert_eq!(ask(&world, &customer, &[]).await.status, 200, "the next one is well");
    answer
}

/// The word of the code is none that an Action may say. It refuses all the same.
#[tokio::test]
async fn oauth_token_027_a_refusal_with_an_unknown_code_refuses() {
    assert_eq!(with_bound("api.access.deny('code', 'reason')").await.to_string(), FAILED);
}

#[tokio::test]
async fn oauth_token_028_an_action_that_throws_gives_no_token() {
    assert_eq!(with_bound("throw new Error('x')").await.to_string(), FAILED);
}

#[tokio::test]
async fn oauth_token_029_an_action_that_takes_too_long_gives_no_token() {
    assert_eq!(with_bound("for (;;);").await.to_string(), FAILED);
}

#[tokio::test]
async fn oauth_token_030_a_built_in_that_does_not_listen_is_ended() {
    let body = "const a = []; a.length = 4294967295; a.join('');";
    assert_eq!(with_bound(body).await.to_string(), FAILED);
}

#[tokio::test]
async fn oauth_token_031_memory_without_end_is_not_to_be_had() {
    let body = "const a = []; for (;;) a.push('x'.repeat(2 ** 20) + a.length);";
    assert_eq!(with_bound(body).await.to_string(), FAILED);
}

#[tokio::test]
async fn oauth_token_032_a_polluted_prototype_is_gone_with_its_run() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let customer = world.customer('c').await;
    bound(
        &operator,
        "api.accessToken.setCustomClaim('v', [({}).ip ?? null, globalThis.ip ?? null]);
         try { Object.prototype.ip = '203.0.113.5'; } catch {}
         globalThis.ip = '203.0.113.5';",
    )
    .await;
    for _ in 0..3 {
        let token = ask(&world, &customer, &[]).await.text("access_token");
        assert_eq!(payload_of(&token)["v"], json!([null, null]));
    }
}

#[tokio::test]
async fn oauth_token_033_an_address_written_by_an_action_moves_nothing() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let list = world.enforce(&["203.0.113.7/32"]);
    let customer = world.customer_with('c', |client| client.allowlist = list).await;
    bound(&operator, "event.request.ip = '203.0.113.7';").await;
    assert_eq!(world.ask_token(&customer).await.status, 403, "it comes from 127.0.0.1");
    let token = ask(&world, &customer, &[]).await.text("access_token");
    let basic = format!("Bearer {token}");
    let (status, _) =
        world.check("default", &[("authorization", &basic), ("x-real-ip", "203.0.113.8")]).await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn oauth_token_034_an_endless_chain_of_promises_ends() {
    let body = "const again = async () => { await null; return again(); }; await again();";
    assert_eq!(with_bound(body).await.to_string(), FAILED);
}
