//! `keyward action test`: the code of a file, run in a worker of this very program.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use keyward_actions::cache::Cache;
use keyward_actions::{
    Answer, Failure, FailureKind, FlowReport, Limits, Pool, PoolOptions, Question, Script, Step,
    StepReport, WorkerProgram, ask,
};
use keyward_core::time::Clock as _;
use keyward_core::token::is_custom_claim;
use keyward_server::clock::SystemClock;
use serde_json::{Map, Value, json};

use super::secrets::SecretArg;
use super::{event, read_code, secrets};
use crate::commands::NO;
use crate::table::{pairs, visible};

/// What errors call the code, before a colon and the line.
const PLACE: &str = "action.js:";

/// What to try.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// The file with the code
    file: PathBuf,
    /// The event, as a JSON object; an execution that `action executions --json` lists holds one
    #[arg(long, value_name = "FILE")]
    event: Option<PathBuf>,
    /// A secret: NAME=VALUE, or NAME=@FILE for a value that is not to stand in a command line
    #[arg(long = "secret", value_name = "NAME=VALUE|NAME=@FILE")]
    secrets: Vec<SecretArg>,
    /// Processor time that it may use, in milliseconds (default: 100, as the server's)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(10..=20_000))]
    cpu_ms: Option<u32>,
}

pub(super) async fn run(args: &TestArgs, json: bool) -> anyhow::Result<ExitCode> {
    let code = read_code(&args.file)?;
    let secrets = secrets::read(&args.secrets)?;
    let event = match &args.event {
        Some(file) => event::read(file)?,
        None => {
            if !json {
                eprintln!(
                    "no --event FILE was given, so the Action gets a request of the client \
                     \"Batch\" from 203.0.113.7; --json shows all of it\n"
                );
            }
            event::usual()
        }
    };
    let script = Script::new("trial", &code);
    let step = Step { script: Ok(Arc::new(script)), secrets: Arc::new(secrets) };
    let question = Question::new(event.clone(), SystemClock.now().millis(), limits(args.cpu_ms));
    let pool = Pool::new(PoolOptions::new(WorkerProgram::this()?, 1));
    let report = ask(&pool, &Cache::default(), &[step], question).await;
    let trial = Trial { file: &args.file, lines: code.lines().count(), report: &report };
    if json {
        let mut told = trial.json();
        told.insert("event".to_owned(), event.into());
        println!("{:#}", Value::Object(told));
    } else {
        println!("{}", trial.words());
    }
    Ok(match report.answer {
        Answer::Granted { .. } => ExitCode::SUCCESS,
        Answer::Denied { .. } => ExitCode::from(NO),
        Answer::Failed(_) => ExitCode::FAILURE,
    })
}

/// The server's limits. The clock leaves as much room as it usually does, for a busy machine.
fn limits(cpu_ms: Option<u32>) -> Limits {
    let usual = Limits::default();
    let cpu_ms = cpu_ms.unwrap_or(usual.cpu_ms);
    Limits { cpu_ms, wall_ms: cpu_ms.saturating_mul(10).max(usual.wall_ms), ..usual }
}

/// What came of it.
struct Trial<'a> {
    file: &'a Path,
    /// How many lines the code has.
    lines: usize,
    report: &'a FlowReport,
}

impl Trial<'_> {
    fn step(&self) -> Option<&StepReport> {
        self.report.steps.first()
    }

    fn json(&self) -> Map<String, Value> {
        let mut told = Map::new();
        let mut put = |name: &str, value: Value| told.insert(name.to_owned(), value);
        match &self.report.answer {
            Answer::Granted { claims, scopes } => {
                put("result", "allowed".into());
                put("claims", claims.clone().into());
                put("scopes", json!(scopes));
            }
            Answer::Denied { code, reason } => {
                put("result", "denied".into());
                put("denied", json!({ "code": code, "reason": reason }));
            }
            Answer::Failed(failure) => {
                let error = json!({
                    "kind": failure.kind.code(),
                    "name": failure.name,
                    "message": message(failure),
                    "line": line_of(failure, self.lines),
                    "stack": failure.stack,
                });
                put("result", "failed".into());
                put("error", error);
            }
        }
        let run = self.step().map(|step| &step.run);
        let line = |line: &keyward_actions::ConsoleLine| json!({ "level": line.level.name(), "text": line.text });
        let console: Vec<Value> = run.iter().flat_map(|run| &run.console).map(line).collect();
        put("passed_over", json!(self.passed_over()));
        put("console", console.into());
        put("console_dropped", run.map_or(0, |run| run.console_dropped).into());
        put("cpu_us", run.map_or(0, |run| run.cpu_us).into());
        told
    }

    /// Claims that were set and that no token gets.
    fn passed_over(&self) -> Vec<&str> {
        let claims = self.step().into_iter().flat_map(|step| &step.run.claims);
        claims.map(|(name, _)| name.as_str()).filter(|name| !is_custom_claim(name)).collect()
    }

    fn words(&self) -> String {
        let console = self.console_words();
        let verdict = match &self.report.answer {
            Answer::Granted { claims, scopes } => self.granted(claims, scopes.as_deref()),
            Answer::Denied { code, reason } => {
                let rows = [("reason", visible(reason)), ("took", self.took())];
                format!("denied: {code}\n{}", pairs(&rows))
            }
            Answer::Failed(failure) => self.failed(failure),
        };
        if console.is_empty() { verdict } else { format!("{console}\n\n{verdict}") }
    }

    fn console_words(&self) -> String {
        let Some(run) = self.step().map(|step| &step.run) else { return String::new() };
        let line = |line: &keyward_actions::ConsoleLine| {
            let text = visible(&line.text).replace('\n', "\n       ");
            format!("{:5}  {text}", line.level.name())
        };
        let mut lines: Vec<String> = run.console.iter().map(line).collect();
        if run.console_dropped > 0 {
            lines.push(format!("       ({} lines more)", run.console_dropped));
        }
        lines.join("\n")
    }

    fn granted(&self, claims: &Map<String, Value>, scopes: Option<&[String]>) -> String {
        let scopes = match scopes {
            None => String::new(),
            Some([]) => "none".to_owned(),
            Some(scopes) => {
                format!("{}, as far as the client's grant has them", visible(&scopes.join(" ")))
            }
        };
        let passed_over = self.passed_over();
        let passed_over = if passed_over.is_empty() {
            String::new()
        } else {
            format!("{} (names that are not for Actions)", visible(&passed_over.join(", ")))
        };
        let claim =
            |(name, value): (&String, &Value)| ("claim", visible(&format!("{name}: {value}")));
        let mut rows: Vec<_> = claims.iter().map(claim).collect();
        rows.push(("scopes", scopes));
        rows.push(("passed over", passed_over));
        rows.push(("took", self.took()));
        format!("allowed\n{}", pairs(&rows))
    }

    fn failed(&self, failure: &Failure) -> String {
        let error = format!("{}: {}", failure.name, message(failure));
        let place =
            line_of(failure, self.lines).map(|line| format!("{}:{line}", self.file.display()));
        let stack: Vec<&str> = failure.stack.lines().map(str::trim).collect();
        let stack = stack.join("\n       ");
        let stack = stack.replace(PLACE, &format!("{}:", self.file.display()));
        let rows = [
            ("where", place.unwrap_or_default()),
            ("error", visible(&error)),
            ("stack", visible(&stack)),
            ("took", self.took()),
        ];
        format!("failed: {}\n{}", failure.kind.code(), pairs(&rows))
    }

    fn took(&self) -> String {
        let cpu_us = self.step().map_or(0, |step| step.run.cpu_us);
        if cpu_us == 0 {
            return String::new();
        }
        format!("{}.{} ms of processor time", cpu_us / 1_000, cpu_us % 1_000 / 100)
    }
}

/// What an error says; of code that cannot be compiled without the line, which stands beside it.
fn message(failure: &Failure) -> &str {
    if failure.kind != FailureKind::Syntax {
        return &failure.message;
    }
    let rest = failure.message.strip_prefix("line ");
    rest.and_then(|rest| rest.split_once(": ")).map_or(&*failure.message, |(_, message)| message)
}

/// The line of the code where it failed, as far as the failure tells. An Action can write what it
/// likes into its stack, so a line that the code does not have is none.
fn line_of(failure: &Failure, lines: usize) -> Option<usize> {
    let text = match failure.kind {
        FailureKind::Syntax => failure.message.strip_prefix("line ")?,
        FailureKind::Threw
        | FailureKind::Cpu
        | FailureKind::Clock
        | FailureKind::Memory
        | FailureKind::NoHandler
        | FailureKind::Pending
        | FailureKind::Misuse
        | FailureKind::TooLarge
        | FailureKind::Crashed
        | FailureKind::Malformed
        | FailureKind::NoWorker
        | FailureKind::NoVersion => failure.stack.split_once(PLACE)?.1,
    };
    let digits = text.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok().filter(|line| (1..=lines).contains(line))
}

#[cfg(test)]
mod tests {
    use keyward_actions::{ConsoleLine, Level, RunReport};

    use super::*;

    fn words(answer: Answer, run: RunReport) -> String {
        let report = FlowReport { answer, steps: vec![StepReport { run, took_us: 5_000 }] };
        Trial { file: Path::new("ip.js"), lines: 9, report: &report }.words()
    }

    fn failure(kind: FailureKind, message: &str, stack: &str) -> Failure {
        Failure { stack: stack.to_owned(), ..Failure::new(kind, message) }
    }

    #[test]
    fn what_is_allowed_says_what_the_token_gets() {
        let claims = json!({ "tier": "gold" }).as_object().unwrap().clone();
        let answer = Answer::Granted { claims, scopes: Some(vec!["a".to_owned(), "b".to_owned()]) };
        let set = |name: &str| (name.to_owned(), "\"x\"".to_owned());
        let console =
            vec![ConsoleLine { level: Level::Warn, text: "two\n\u{1b}[2Jlines".to_owned() }];
        let run = RunReport {
            claims: vec![set("tier"), set("sub")],
            console,
            console_dropped: 3,
            cpu_us: 1_250,
            ..RunReport::default()
        };
        assert_eq!(
            words(answer, run),
            "warn   two\n       \\u{1b}[2Jlines\n       (3 lines more)\n\nallowed\n\
             claim        tier: \"gold\"\n\
             scopes       a b, as far as the client's grant has them\n\
             passed over  sub (names that are not for Actions)\n\
             took         1.2 ms of processor time"
        );
    }

    #[test]
    fn a_failure_says_where() {
        let told =
            failure(FailureKind::Threw, "x", "    at f (action.js:4:3)\n    at action.js:9:1\n");
        assert_eq!(
            words(Answer::Failed(told), RunReport::default()),
            "failed: threw\nwhere  ip.js:4\nerror  Error: x\n\
             stack  at f (ip.js:4:3)\n       at ip.js:9:1"
        );
        let told = failure(FailureKind::Syntax, "line 2: unexpected token", "");
        assert_eq!(
            words(Answer::Failed(told), RunReport::default()),
            "failed: syntax\nwhere  ip.js:2\nerror  SyntaxError: unexpected token"
        );
        for (stack, line) in [
            ("at f (action.js:9)", Some(9)),
            ("at f (action.js:10)", None),
            ("at f (action.js:)", None),
            ("at f (native)", None),
        ] {
            assert_eq!(line_of(&failure(FailureKind::Threw, "", stack), 9), line, "{stack}");
        }
    }

    #[test]
    fn the_clock_has_room_beside_the_processor_time() {
        assert_eq!(limits(None), Limits::default());
        assert_eq!((limits(Some(10)).cpu_ms, limits(Some(10)).wall_ms), (10, 1_000));
        assert_eq!(limits(Some(5_000)).wall_ms, 50_000);
    }
}
