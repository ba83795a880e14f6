//! `/api/v2/actions`.

use serde_json::{Value, json};

use crate::operator::Operator;
use crate::support::World;

const PATH: &str = "/api/v2/actions/actions";
const BINDINGS: &str = "/api/v2/actions/triggers/credentials-exchange/bindings";

/// What the deploy tool sends.
fn action(name: &str) -> Value {
    json!({
        "name": name,
        "code": "exports.onExecuteCredentialsExchange = async () => {};",
        "runtime": "node22",
        "dependencies": [],
        "secrets": [{ "name": "LIST", "value": "top secret" }],
        "supported_triggers": [{ "id": "credentials-exchange", "version": "v2" }],
    })
}

async fn create(operator: &Operator<'_>, name: &str) -> String {
    let made = operator.post(PATH, action(name)).await;
    assert_eq!(made.status, 201, "{made}");
    made.text("id")
}

async fn deploy(operator: &Operator<'_>, id: &str) -> Value {
    let answer = operator.post(&format!("{PATH}/{id}/deploy"), json!({})).await;
    assert_eq!(answer.status, 200, "{answer}");
    answer.json()
}

fn bind(names: &[&str]) -> Value {
    let item =
        |name: &&str| json!({"ref": {"type": "action_name", "value": name}, "display_name": name});
    json!({ "bindings": names.iter().map(item).collect::<Vec<_>>() })
}

/// The parts of a body that say the same in every run.
fn parts(body: &Value, names: &[&str]) -> Value {
    names.iter().map(|name| body[*name].clone()).collect()
}

#[tokio::test]
async fn a_draft_is_written_and_deployed() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let made = operator.post(PATH, action("ip check")).await;
    let body = made.json();
    assert_eq!(made.status, 201, "{made}");
    assert_eq!(made.text("id").len(), 36);
    assert_eq!(
        parts(&body, &["name", "status", "all_changes_deployed", "runtime", "dependencies"]),
        json!(["ip check", "built", false, "node22", []])
    );
    assert!(body.get("deployed_version").is_none(), "{made}");
    assert_eq!(body["secrets"][0]["name"], "LIST");
    assert!(body["secrets"][0].get("value").is_none());
    let id = made.text("id");
    let version = deploy(&operator, &id).await;
    // Compat(auth0): the answer to a deployment says that it is not deployed.
    assert_eq!(parts(&version, &["number", "deployed", "status"]), json!([1, false, "built"]));
    let read = operator.get(&format!("{PATH}/{id}")).await.json();
    assert_eq!(read["all_changes_deployed"], true);
    assert_eq!(read["deployed_version"]["id"], version["id"]);
    assert_eq!(read["deployed_version"]["deployed"], true);
    // A change stays in the draft.
    let patch = json!({ "code": "// new" });
    let read = operator.patch(&format!("{PATH}/{id}"), patch).await.json();
    assert_eq!(parts(&read, &["code", "all_changes_deployed"]), json!(["// new", false]));
    assert_eq!(read["deployed_version"]["code"], action("")["code"]);
    assert_eq!(read["secrets"][0]["name"], "LIST", "what is not named stays");
}

#[tokio::test]
async fn writing_a_draft_as_it_is_changes_nothing() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let id = create(&operator, "same").await;
    deploy(&operator, &id).await;
    let before = operator.get(&format!("{PATH}/{id}")).await.body;
    world.pass_s(10).await;
    // The deploy tool writes everything each time, the values of secrets included.
    let after = operator.patch(&format!("{PATH}/{id}"), action("same")).await;
    assert_eq!(after.body, before);
    let names = json!({ "secrets": [{ "name": "LIST" }] });
    assert_eq!(operator.patch(&format!("{PATH}/{id}"), names).await.body, before);
}

#[tokio::test]
async fn secrets_are_replaced_as_a_list_and_never_shown() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let id = create(&operator, "secretive").await;
    let path = format!("{PATH}/{id}");
    let patch = json!({ "secrets": [{ "name": "OTHER", "value": "next secret" }] });
    let shown = operator.patch(&path, patch).await;
    assert_eq!(shown.json()["secrets"].as_array().unwrap().len(), 1, "{shown}");
    assert!(!shown.body.contains("next secret"));
    let cleared = operator.patch(&path, json!({ "secrets": [] })).await;
    assert_eq!(cleared.json()["secrets"], json!([]));
    let unknown = operator.patch(&path, json!({ "secrets": [{ "name": "LIST" }] })).await;
    assert_eq!(unknown.status, 400, "{unknown}");
    let audit = operator.get("/v1/audit").await.body;
    assert!(audit.contains("action.update"), "{audit}");
    for hidden in ["top secret", "next secret", "sealed"] {
        assert!(!audit.contains(hidden), "{hidden}");
    }
}

#[tokio::test]
async fn going_back_makes_a_new_version() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let id = create(&operator, "history").await;
    let first = deploy(&operator, &id).await;
    operator.patch(&format!("{PATH}/{id}"), json!({ "code": "2" })).await;
    deploy(&operator, &id).await;
    let path = format!("{PATH}/{id}/versions/{}/deploy", first["id"].as_str().unwrap());
    let back = operator.world.call("POST", &path).bearer(&operator.token).empty().await;
    assert_eq!(back.status, 200, "{back}");
    assert_eq!(parts(&back.json(), &["number", "code"]), json!([3, first["code"]]));
    let read = operator.get(&format!("{PATH}/{id}")).await.json();
    assert_eq!(parts(&read, &["code", "all_changes_deployed"]), json!(["2", false]));
    let listed = operator.get(&format!("{PATH}/{id}/versions?per_page=2")).await.json();
    let numbers: Vec<_> =
        listed["versions"].as_array().unwrap().iter().map(|v| &v["number"]).collect();
    assert_eq!(numbers, [3, 2]);
    assert_eq!(parts(&listed, &["total", "per_page"]), json!([3, 2]));
    let one = format!("{PATH}/{id}/versions/{}", first["id"].as_str().unwrap());
    assert_eq!(operator.get(&one).await.json()["deployed"], false);
    let other = create(&operator, "other").await;
    let foreign = format!("{PATH}/{other}/versions/{}", first["id"].as_str().unwrap());
    assert_eq!(operator.get(&foreign).await.status, 404);
    let draft = operator.post(&path, json!({ "update_draft": true })).await.json();
    assert_eq!(draft["number"], 4);
    let read = operator.get(&format!("{PATH}/{id}")).await.json();
    assert_eq!(parts(&read, &["code", "all_changes_deployed"]), json!([first["code"], true]));
}

#[tokio::test]
async fn old_versions_are_forgotten_but_never_the_one_that_runs() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let id = create(&operator, "busy").await;
    for _ in 0..52 {
        deploy(&operator, &id).await;
    }
    let listed = operator.get(&format!("{PATH}/{id}/versions?per_page=100")).await.json();
    let versions = listed["versions"].as_array().unwrap();
    assert_eq!(
        (versions.len(), &versions[0]["number"], &versions[49]["number"]),
        (50, &json!(52), &json!(3))
    );
    assert_eq!(versions[0]["deployed"], true);
}

#[tokio::test]
async fn lists_are_always_objects_and_leave_zeros_out() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    assert_eq!(
        operator.get(&format!("{PATH}?per_page=50")).await.json(),
        json!({ "actions": [], "per_page": 50 })
    );
    for name in ["a", "b", "c"] {
        create(&operator, name).await;
    }
    let page = operator.get(&format!("{PATH}?page=1&per_page=2")).await.json();
    assert_eq!(parts(&page, &["total", "page", "per_page"]), json!([3, 1, 2]));
    assert_eq!(page["actions"][0]["name"], "c");
    let empty = operator.get(&format!("{PATH}?page=2&per_page=2")).await.json();
    assert_eq!(empty["actions"], json!([]));
    for (filter, count) in [
        ("actionName=b", 1),
        ("actionName=x", 0),
        ("deployed=true", 0),
        ("deployed=false", 3),
        ("triggerId=credentials-exchange", 3),
        ("triggerId=post-login", 0),
        ("installed=true", 0),
    ] {
        let listed = operator.get(&format!("{PATH}?{filter}")).await.json();
        assert_eq!(listed["actions"].as_array().unwrap().len(), count, "{filter}");
    }
    let totals = operator.get(&format!("{PATH}?include_totals=true")).await;
    assert_eq!(
        (totals.status.as_u16(), totals.text("message").as_str()),
        (400, "Query validation error: 'Additional properties not allowed: include_totals'.")
    );
}

#[tokio::test]
async fn what_cannot_run_is_refused_with_the_reason() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let with = |name: &str, value: Value| {
        let mut body = action("wrong");
        body[name] = value;
        body
    };
    for (body, message) in [
        (
            with("supported_triggers", json!([{"id": "post-login", "version": "v3"}])),
            "not post-login v3",
        ),
        (with("supported_triggers", json!([])), "Exactly one trigger"),
        (with("runtime", json!("node12")), "runtime"),
        (with("code", json!("x".repeat(102_401))), "code"),
        (with("modules", json!([{"module_id": "m"}])), "modules"),
        (with("colour", json!("red")), "Additional properties not allowed: colour"),
        (with("deploy", json!("yes")), "Expected type boolean"),
        (with("secrets", json!([{"name": "A"}])), "Missing required property: value"),
        (with("secrets", json!([{"name": "A", "value": "x".repeat(4097)}])), "4096"),
        (json!({ "name": "x" }), "supported_triggers"),
    ] {
        let answer = operator.post(PATH, body).await;
        assert_eq!(answer.status, 400, "{answer}");
        assert!(answer.text("message").contains(message), "{answer}");
    }
    let axios = with("dependencies", json!([{"name": "axios", "version": "1.0.0"}]));
    let id = operator.post(PATH, axios).await.text("id");
    let read = operator.get(&format!("{PATH}/{id}")).await;
    assert_eq!(read.text("status"), "failed");
    let refused = operator.post(&format!("{PATH}/{id}/deploy"), json!({})).await;
    assert!(refused.text("message").contains("Cannot find module 'axios'"), "{refused}");
    // The deploy tool would wait for minutes on these words.
    assert!(!refused.body.contains("must be in the 'built' state"));
    let again = operator.post(PATH, action("wrong")).await;
    assert_eq!(
        (again.status.as_u16(), again.text("message").as_str()),
        (409, "An action with the same name already exists.")
    );
    let gone = operator.get(&format!("{PATH}/nothing")).await;
    assert_eq!(
        gone.to_string(),
        r#"404 {"error":"Not Found","message":"That action does not exist.","statusCode":404}"#
    );
    let run = operator.get("/api/v2/actions/executions/none").await;
    assert_eq!(run.text("message"), "That execution does not exist.");
    let tried = operator.post(&format!("{PATH}/{id}/test"), json!({ "payload": {} })).await;
    assert_eq!(tried.status, 400, "nothing is said to have run: {tried}");
}

#[tokio::test]
async fn there_are_not_more_than_a_hundred() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    for number in 0..100 {
        create(&operator, &format!("action {number}")).await;
    }
    let answer = operator.post(PATH, action("one more")).await;
    assert_eq!(answer.status, 403, "{answer}");
    assert!(answer.text("message").starts_with("You reached the limit of entities"), "{answer}");
}

#[tokio::test]
async fn bindings_are_replaced_in_order() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let undeployed = operator.post(PATH, action("first")).await;
    let refused = operator.patch(BINDINGS, bind(&["first"])).await;
    assert_eq!(refused.status, 400, "{refused}");
    assert!(refused.text("message").contains("must be deployed"), "{refused}");
    deploy(&operator, &undeployed.text("id")).await;
    let second = create(&operator, "second").await;
    deploy(&operator, &second).await;
    let order = |body: &Value| -> Vec<String> {
        let list = body["bindings"].as_array().unwrap();
        list.iter().map(|one| one["action"]["name"].as_str().unwrap().to_owned()).collect()
    };
    let made = operator.patch(BINDINGS, bind(&["second", "first"])).await.json();
    assert_eq!(order(&made), ["second", "first"]);
    let read = operator.get(&format!("{BINDINGS}?page=0&per_page=50")).await.json();
    assert_eq!(read["bindings"], made["bindings"]);
    assert_eq!(parts(&read, &["total", "per_page"]), json!([2, 50]));
    let by_place = json!({ "bindings": [
        { "ref": { "type": "action_id", "value": undeployed.text("id") } },
        { "ref": { "type": "binding_id", "value": made["bindings"][0]["id"] }, "display_name": "2nd" },
    ] });
    let moved = operator.patch(BINDINGS, by_place).await.json();
    assert_eq!(order(&moved), ["first", "second"]);
    assert_eq!(moved["bindings"][1]["display_name"], "2nd");
    assert_ne!(moved["bindings"][1]["id"], made["bindings"][0]["id"]);
    for wrong in [
        bind(&["first", "first"]),
        bind(&["third"]),
        json!({}),
        json!({ "bindings": [{ "display_name": "x" }] }),
        json!({ "bindings": [{ "ref": { "type": "name", "value": "first" } }] }),
    ] {
        let answer = operator.patch(BINDINGS, wrong).await;
        assert_eq!(answer.status, 400, "{answer}");
    }
    let other = BINDINGS.replace("credentials-exchange", "post-login");
    assert_eq!(operator.get(&other).await.status, 404);
    assert_eq!(operator.patch(BINDINGS, bind(&[])).await.json(), json!({ "bindings": [] }));
    let triggers = operator.get("/api/v2/actions/triggers").await.json();
    assert_eq!(triggers["triggers"][0]["id"], "credentials-exchange");
}
