//! Actions in the real program's workers: what is good runs, what is hostile ends.
#![cfg(test)]

#[path = "actions/corpus.rs"]
mod corpus;

use std::sync::Arc;
use std::time::Duration;

use keyward_actions::cache::Cache;
use keyward_actions::{
    Answer, FailureKind, FlowReport, Limits, Pool, PoolOptions, Probe, Question, Script, Step,
    WorkerProgram, ask,
};
use serde_json::{Map, Value, json};

fn program() -> WorkerProgram {
    WorkerProgram {
        program: env!("CARGO_BIN_EXE_keyward").into(),
        arguments: vec![keyward_actions::WORKER_COMMAND.into()],
    }
}

fn pool(workers: usize) -> Arc<Pool> {
    Pool::new(PoolOptions::new(program(), workers))
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// The event of the corpus, with what a case says differently.
fn event(change: Option<&Value>) -> Map<String, Value> {
    let mut event = json!({
        "accessToken": { "customClaims": {}, "scope": ["read:things", "write:things"] },
        "client": {
            "client_id": "Uwh3yN3bB0NZs5xCq2y1", "name": "Batch", "metadata": {},
            "allowlist": { "mode": "enforce", "entries": ["203.0.113.0/24"] },
        },
        "request": {
            "ip": "203.0.113.7", "method": "POST", "geoip": {}, "hostname": "auth.example",
            "language": "en", "user_agent": "curl/8",
            "body": { "grant_type": "client_credentials", "audience": "https://api.example/" },
        },
        "resource_server": { "identifier": "https://api.example/" },
        "tenant": { "id": "keyward" },
        "transaction": {
            "requested_scopes": ["read:things", "write:things"],
            "target_scopes": ["read:things", "write:things"],
        },
    });
    if let Some(change) = change {
        merge(&mut event, change);
    }
    object(&event)
}

fn merge(to: &mut Value, from: &Value) {
    match (to, from) {
        (Value::Object(to), Value::Object(from)) => {
            for (name, value) in from {
                merge(to.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (to, from) => *to = from.clone(),
    }
}

fn question(event: Map<String, Value>, limits: Limits) -> Question {
    Question::new(event, 1_700_000_000_000, limits)
}

fn step(name: &str, code: &str, secrets: Option<&Value>) -> Step {
    let secrets = secrets.and_then(Value::as_object).cloned().unwrap_or_default();
    Step { script: Ok(Arc::new(Script::new(name, code))), secrets: Arc::new(secrets) }
}

async fn run(pool: &Arc<Pool>, code: &str) -> FlowReport {
    // Each code under a name of its own.
    let steps = [step(&format!("{:x}", code.len()), code, None)];
    ask(pool, &Cache::default(), &steps, question(event(None), Limits::default())).await
}

fn handler(body: &str) -> String {
    format!("exports.onExecuteCredentialsExchange = async (event, api) => {{ {body} }};")
}

#[tokio::test]
async fn a_worker_is_held_by_everything_this_machine_has() {
    let report = pool(1).start().await.unwrap();
    assert!(report.in_force.iter().any(|one| one == "seccomp"), "{report:?}");
    assert!(report.in_force.iter().any(|one| one == "resource limits"), "{report:?}");
    assert!(report.in_force.iter().any(|one| one == "no new privileges"), "{report:?}");
    println!("{report:?}");
}

#[tokio::test]
async fn nothing_that_is_forbidden_works() {
    let pool = pool(1);
    assert_eq!(pool.probe(Probe::Nothing).await.unwrap(), "nothing was tried");
    for probe in Probe::FORBIDDEN {
        let how = pool.probe(probe).await;
        println!("{probe:?}: {how:?}");
        how.unwrap();
    }
    // And those that were ended have been replaced.
    assert_eq!(pool.probe(Probe::Nothing).await.unwrap(), "nothing was tried");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_worker_has_the_pipe_and_nothing_else() {
    let pool = pool(1);
    pool.start().await.unwrap();
    let process = pool.idle_processes()[0];
    let read = |name: &str| std::fs::read(format!("/proc/{process}/{name}")).unwrap();
    assert_eq!(read("environ"), b"", "no environment");
    let status = String::from_utf8(read("status")).unwrap();
    let line = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    assert_eq!(line("NoNewPrivs:"), "1");
    assert_eq!(line("Seccomp:"), "2", "a filter");
    let mut descriptors: Vec<_> = std::fs::read_dir(format!("/proc/{process}/fd"))
        .unwrap()
        .map(|entry| std::fs::read_link(entry.unwrap().path()).unwrap())
        .collect();
    descriptors.dedup();
    assert_eq!(descriptors.len(), 1, "one socket, three times: {descriptors:?}");
    let limits = String::from_utf8(read("limits")).unwrap();
    for name in ["Max open files", "Max processes", "Max core file size", "Max file size"] {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        let numbers: Vec<_> = line.trim_start_matches(name).split_whitespace().take(2).collect();
        assert_eq!(numbers, ["0", "0"], "{line}");
    }
}

#[tokio::test]
async fn a_worker_that_was_killed_is_replaced() {
    let pool = pool(1);
    pool.start().await.unwrap();
    for _ in 0..3 {
        let process = i32::try_from(pool.idle_processes()[0]).unwrap();
        let killed = std::process::Command::new("kill").args(["-9", &process.to_string()]).status();
        assert!(killed.unwrap().success());
        // Until the last of its threads is gone, and only its name is left.
        let threads =
            || std::fs::read_dir(format!("/proc/{process}/task")).map_or(0, Iterator::count);
        while threads() > 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        let report = run(&pool, &handler("")).await;
        assert!(matches!(report.answer, Answer::Granted { .. }), "{report:?}");
    }
}

#[tokio::test]
async fn the_processor_time_ends_what_the_engine_can_and_cannot_interrupt() {
    let pool = pool(1);
    for body in ["for (;;) {}", "const a = []; a.length = 4294967295; a.indexOf(1)"] {
        let report = run(&pool, &handler(body)).await;
        let Answer::Failed(failure) = &report.answer else { panic!("{report:?}") };
        assert_eq!(failure.kind, FailureKind::Cpu, "{body}: {failure:?}");
        println!("{body}: {} us", report.steps[0].took_us);
    }
}

#[tokio::test]
async fn actions_run_in_order_and_the_first_refusal_ends_it() {
    let pool = pool(1);
    let steps = [
        step(
            "a",
            &handler(
                "api.accessToken.setCustomClaim('a', 1); api.accessToken.setCustomClaim('iss', 'x'); api.transaction.removeTargetScope('write:things'); event.client.name = 'x'; api.cache.set('k', event.secrets.S);",
            ),
            Some(&json!({ "S": "one" })),
        ),
        step(
            "b",
            &handler(
                "api.accessToken.setCustomClaim('b', [event.accessToken.customClaims, event.transaction.target_scopes, event.client.name, event.secrets.S ?? null, api.cache.get('k').value]);",
            ),
            None,
        ),
    ];
    let cache = Cache::default();
    let asked = question(event(None), Limits::default());
    let report = ask(&pool, &cache, &steps, asked.clone()).await;
    let Answer::Granted { claims, scopes } = report.answer else { panic!("{report:?}") };
    let seen = json!([{ "a": 1 }, ["read:things"], "Batch", null, "one"]);
    assert_eq!(Value::Object(claims), json!({ "a": 1, "b": seen }));
    assert_eq!(scopes, Some(vec!["read:things".to_owned()]));
    let refusing = step("c", &handler("return api.access.deny('invalid_scope', 'no');"), None);
    let failing = step("d", &handler("throw new Error('never reached')"), None);
    let steps = [steps[0].clone(), refusing, failing];
    let report = ask(&pool, &cache, &steps, asked).await;
    assert_eq!(report.steps.len(), 2);
    let denied = Answer::Denied { code: "invalid_scope".to_owned(), reason: "no".to_owned() };
    assert_eq!(report.answer, denied);
}

#[tokio::test]
async fn a_request_that_nobody_waits_for_any_more_ends_its_worker() {
    let pool = pool(1);
    let limits = Limits { cpu_ms: 60_000, wall_ms: 60_000, ..Limits::default() };
    let steps = [step("a", &handler("for (;;) {}"), None)];
    let cache = Cache::default();
    let asked = ask(&pool, &cache, &steps, question(event(None), limits));
    assert!(tokio::time::timeout(Duration::from_millis(100), asked).await.is_err());
    let report = run(&pool, &handler("")).await;
    assert!(matches!(report.answer, Answer::Granted { .. }), "{report:?}");
}

#[tokio::test]
async fn a_script_is_checked_without_being_run() {
    let pool = pool(1);
    assert_eq!(pool.check(&Script::new("x", "for (;;) {}")).await, Ok(()));
    let failure = pool.check(&Script::new("y", "\n\nconst = 1")).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Syntax);
    assert!(failure.message.starts_with("line 3: "), "{failure:?}");
}

#[tokio::test]
async fn every_good_script_does_what_it_says() {
    let pool = pool(2);
    let scripts = corpus::good();
    assert!(scripts.len() >= 20, "{}", scripts.len());
    for script in scripts {
        for case in &script.cases {
            let steps = [step(&script.name, &script.code, case.get("secrets"))];
            let asked = question(event(case.get("event")), Limits::default());
            let report = ask(&pool, &Cache::default(), &steps, asked).await;
            let expect = &case["expect"];
            let place = format!("{} ({}): {report:?}", script.name, case["name"]);
            match (&report.answer, expect["answer"].as_str().unwrap()) {
                (Answer::Granted { claims, scopes }, "allowed") => {
                    let expected = expect.get("claims").cloned().unwrap_or_else(|| json!({}));
                    assert_eq!(Value::Object(claims.clone()), expected, "{place}");
                    if let Some(expected) = expect.get("scopes") {
                        let asked = event(case.get("event"));
                        let before = asked["transaction"]["target_scopes"].clone();
                        let scopes = scopes.as_ref().map_or(before, |scopes| json!(scopes));
                        assert_eq!(&scopes, expected, "{place}");
                    }
                }
                (Answer::Denied { code, reason }, "denied") => {
                    assert_eq!(json!(code), expect["error"], "{place}");
                    assert_eq!(json!(reason), expect["description"], "{place}");
                }
                (Answer::Failed(_), "failed") => {}
                _ => panic!("{place}"),
            }
        }
    }
}

/// What is over the limit: the watchdog's grace, the answer's way, and a busy machine.
const OVER: Duration = Duration::from_millis(50);

#[tokio::test]
async fn every_hostile_script_ends_in_time_and_achieves_nothing() {
    let pool = pool(1);
    let limits = Limits { cpu_ms: 50, ..Limits::default() };
    let scripts = corpus::hostile();
    assert!(scripts.len() >= 60, "{}", scripts.len());
    let granted = ["read:things".to_owned(), "write:things".to_owned()];
    let mut faults = Vec::new();
    for script in &scripts {
        let steps = [step(&script.name, &script.code, None)];
        let cache = Cache::default();
        // What looks for another run's state runs after runs that left some.
        let runs = if script.name.starts_with("leak-") { 3 } else { 1 };
        let mut report = None;
        for run in 1..=runs {
            let marker = json!({ "request": { "body": { "marker": format!("marker-{run}") } } });
            let asked = question(event(Some(&marker)), limits);
            let again = ask(&pool, &cache, &steps, asked).await;
            let denied = |one: &FlowReport| matches!(one.answer, Answer::Denied { .. });
            report = report.filter(denied).or(Some(again));
        }
        let report = report.unwrap();
        let took = Duration::from_micros(report.steps[0].took_us);
        println!("{:40} {:>8.1} ms {:?}", script.name, took.as_secs_f64() * 1e3, report.answer);
        let refused = !matches!(report.answer, Answer::Granted { .. });
        let escaped =
            matches!(&report.answer, Answer::Denied { reason, .. } if reason.contains("ESCAPED"));
        let widened = match &report.answer {
            Answer::Granted { claims, scopes } => {
                claims.keys().any(|name| !keyward_core::token::is_custom_claim(name))
                    || scopes.iter().flatten().filter(|one| granted.contains(one)).count() > 2
            }
            Answer::Denied { .. } | Answer::Failed(_) => false,
        };
        if escaped || widened || (script.must_be_refused && !refused) {
            faults.push(format!("{}: {:?}", script.name, report.answer));
        }
        // By the processor's clock, which a busy machine does not change; the clock on the wall
        // is only held against the limit that it has.
        let wall = Duration::from_millis(u64::from(limits.wall_ms));
        if took > wall.saturating_add(OVER) {
            faults.push(format!("{}: took {took:?}", script.name));
        }
        let after = run(&pool, &handler("")).await;
        if !matches!(after.answer, Answer::Granted { .. }) {
            faults.push(format!("{}: what runs after it: {:?}", script.name, after.answer));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
