use serde::Serialize;

use super::*;
use crate::cache::CacheEntry;
use crate::limits::Limits;
use crate::wire::{CacheWrite, REPLY_BYTES_MAX, frame};

fn report(change: impl FnOnce(&mut RunReport)) -> RunReport {
    let mut report = RunReport::default();
    change(&mut report);
    report
}

#[test]
fn an_answer_that_no_script_can_give_is_none() {
    let claim = |json: &str| vec![("a".to_owned(), json.to_owned())];
    assert!(checked(RunReport::default()).is_ok());
    for bad in [
        report(|one| one.claims = claim("{")),
        report(|one| one.claims = claim(&format!("\"{}\"", "x".repeat(CLAIMS_BYTES_MAX)))),
        report(|one| one.denied = Some(("access_denied".to_owned(), String::new()))),
        report(|one| one.scopes = Some(vec![String::new(); SCOPES_MAX + 1])),
    ] {
        assert_eq!(checked(bad).unwrap_err().kind, FailureKind::Malformed);
    }
}

#[tokio::test]
async fn a_program_that_is_no_worker_is_not_started_again_and_again() {
    let program = WorkerProgram { program: "/bin/false".into(), arguments: Vec::new() };
    let pool = Pool::new(PoolOptions::new(program, 1));
    let script = Script::new("s", "");
    for _ in 0..=CRASHES_FREE {
        let failure = pool.check(&script).await.unwrap_err();
        assert!(
            matches!(failure.kind, FailureKind::Crashed | FailureKind::NoWorker),
            "{failure:?}"
        );
    }
    let failure = pool.check(&script).await.unwrap_err();
    assert!(failure.message.contains("again and again"), "{failure:?}");
}

/// A program that answers what was written down before, whatever it is asked, and then waits.
fn recorded(folder: &tempfile::TempDir, answers: &[Vec<u8>]) -> Arc<Pool> {
    let file = folder.path().join("answers");
    std::fs::write(&file, answers.concat()).unwrap();
    let script = format!("/bin/cat '{}'; exec /bin/sleep 60", file.display());
    let arguments = vec!["-c".into(), script.into()];
    let program = WorkerProgram { program: "/bin/sh".into(), arguments };
    Pool::new(PoolOptions::new(program, 1))
}

fn reply(message: &impl Serialize) -> Vec<u8> {
    frame(message, REPLY_BYTES_MAX).unwrap()
}

fn ready() -> Vec<u8> {
    reply(&Reply::Ready(SandboxReport { in_force: Vec::new(), missing: Vec::new() }))
}

fn finished(report: RunReport) -> Vec<u8> {
    reply(&Reply::Finished(Box::new(report)))
}

async fn run(pool: &Arc<Pool>) -> RunReport {
    let limits = Limits { cpu_ms: 50, wall_ms: 200, ..Limits::default() };
    let request = RunRequest {
        script: "s".to_owned(),
        event: "{}".to_owned(),
        secrets: "{}".to_owned(),
        allowlist: "[]".to_owned(),
        cache: Vec::new(),
        now_ms: 1,
        limits,
    };
    pool.run(&Script::new("s", ""), request).await
}

#[tokio::test]
async fn a_worker_that_somebody_took_over_can_only_make_the_run_fail() {
    let garbage = b"\x04\x00\x00\x00what".to_vec();
    let long = u32::MAX.to_le_bytes().to_vec();
    let entry = CacheEntry { key: "k".to_owned(), value: String::new(), expires_at: 2 };
    let flood = report(|one| one.cache = vec![CacheWrite::Set(entry); CACHE_WRITES_MAX + 1]);
    let unknown = reply(&serde_json::json!({ "finished": { "failure": null, "more": 1 } }));
    for (name, answers, kind) in [
        ("no frame", vec![garbage.clone()], FailureKind::Malformed),
        ("no length", vec![ready(), long], FailureKind::Malformed),
        ("no JSON", vec![ready(), reply(&Reply::Loaded), garbage], FailureKind::Malformed),
        ("another shape", vec![ready(), reply(&Reply::Loaded), unknown], FailureKind::Malformed),
        ("another answer", vec![ready(), ready()], FailureKind::Malformed),
        ("a flood", vec![ready(), reply(&Reply::Loaded), finished(flood)], FailureKind::Malformed),
        ("silence", vec![ready(), reply(&Reply::Loaded)], FailureKind::Clock),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let failure = run(&recorded(&folder, &answers)).await.failure;
        assert_eq!(failure.map(|failure| failure.kind), Some(kind), "{name}");
    }
    let folder = tempfile::tempdir().unwrap();
    let good = [ready(), reply(&Reply::Loaded), finished(RunReport::default())];
    assert_eq!(run(&recorded(&folder, &good)).await.failure, None, "else this tests nothing");
}

#[tokio::test]
async fn who_waits_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let pool = recorded(&folder, &[ready(), reply(&Reply::Loaded)]);
    let asked = (0..200).map(|_| {
        let pool = Arc::clone(&pool);
        tokio::spawn(async move { run(&pool).await.failure.unwrap() })
    });
    let mut turned_away = 0;
    for task in asked.collect::<Vec<_>>() {
        let failure = task.await.unwrap();
        turned_away += usize::from(failure.message.contains("too many"));
        assert!(matches!(failure.kind, FailureKind::Clock | FailureKind::NoWorker), "{failure:?}");
    }
    assert_eq!(turned_away, 200 - 1 - pool.options.waiting_max);
}
