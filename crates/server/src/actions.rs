//! Actions at the token endpoint: what they are given, what they said, and what is kept of it.
//!
//! The sandbox is [`keyward_actions`]. Here is what it must not know: the store that has the code,
//! the master key that opens the secrets, and the log.

mod draft;
mod event;
mod executions;
mod live;
mod replay;
mod scripts;
mod turns;

use std::sync::Arc;

use keyward_actions::cache::Cache;
use keyward_actions::{
    Answer, Failure, FlowReport, Limits, Pool, PoolOptions, Question, SandboxReport, WorkerProgram,
};
use keyward_core::id::ClientId;
use keyward_core::policy::{Flow, FlowStep};

pub(crate) use draft::try_draft;
pub(crate) use event::{Asked, event};
pub(crate) use executions::{Execution, ResultBody, Told};
pub use executions::{ExecutionLimits, Executions};
pub(crate) use live::{Line, Streams};
pub(crate) use replay::{Change, Replay, replay};
pub(crate) use scripts::{SEALED_KIND, sealed_record};

use live::Live;
use scripts::Scripts;
use turns::Turns;

use crate::services::Services;

/// How Actions are run.
#[derive(Debug, Clone)]
pub struct ActionsOptions {
    /// The program that is a worker; `None`: the one that runs.
    pub program: Option<WorkerProgram>,
    /// How many run at once.
    pub workers: usize,
    /// What each of them may use.
    pub limits: Limits,
    /// How much is kept of what they did.
    pub executions: ExecutionLimits,
}

impl Default for ActionsOptions {
    fn default() -> Self {
        let workers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get).max(2);
        Self {
            program: None,
            workers,
            limits: Limits::default(),
            executions: ExecutionLimits::default(),
        }
    }
}

/// The Actions of this process.
#[derive(Debug)]
pub struct Actions {
    /// For token requests.
    pool: Arc<Pool>,
    /// For drafts that somebody tries: what they do must not hold up a token request.
    drafts: Arc<Pool>,
    turns: Turns,
    cache: Cache,
    scripts: Scripts,
    limits: Limits,
    live: Live,
    /// What they did, on its way to the store.
    pub executions: Executions,
}

impl Actions {
    /// Nothing is started yet.
    ///
    /// # Errors
    /// When the system does not tell which program runs.
    pub(crate) fn new(options: ActionsOptions) -> std::io::Result<Self> {
        let program = options.program.map_or_else(WorkerProgram::this, Ok)?;
        Ok(Self {
            pool: Pool::new(PoolOptions::new(program.clone(), options.workers)),
            drafts: Pool::new(PoolOptions::new(program, 1)),
            turns: Turns::new(options.workers),
            cache: Cache::default(),
            scripts: Scripts::default(),
            limits: options.limits,
            live: Live::default(),
            executions: Executions::new(options.executions),
        })
    }

    /// Starts the workers, and tells what holds them.
    ///
    /// # Errors
    /// When none can be started. Later requests try again.
    pub async fn start(&self) -> Result<SandboxReport, Failure> {
        self.pool.start().await
    }

    /// The processes of the workers that wait for something to do.
    #[must_use]
    pub fn idle_processes(&self) -> Vec<u32> {
        self.pool.idle_processes()
    }

    /// What each Action may use.
    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// Whether code can be compiled.
    ///
    /// # Errors
    /// What is wrong with it, or why nobody could look.
    pub(crate) async fn check(&self, code: &str) -> Result<(), Failure> {
        self.drafts.check(&scripts::of_code(code)).await
    }

    /// What Actions write while they run, from now on.
    pub(crate) fn live(&self) -> Option<Streams> {
        self.live.listen()
    }

    /// Ends what waits for Actions to write something.
    pub fn close(&self) {
        self.live.close();
    }
}

/// Takes a client's question through what is bound, when it is its turn.
pub(crate) async fn ask(
    services: &Services,
    client: &ClientId,
    flow: &Flow,
    question: Question,
) -> FlowReport {
    let actions = &services.actions;
    if flow.is_empty() {
        let answer = Answer::Granted { claims: serde_json::Map::new(), scopes: None };
        return FlowReport { answer, steps: Vec::new() };
    }
    let _turn = match actions.turns.take(client).await {
        Ok(turn) => turn,
        Err(failure) => return FlowReport { answer: Answer::Failed(failure), steps: Vec::new() },
    };
    let mut steps = Vec::with_capacity(flow.len());
    for step in flow {
        steps.push(actions.scripts.step(services, step).await);
    }
    let report = keyward_actions::ask(&actions.pool, &actions.cache, &steps, question).await;
    for step in &report.steps {
        let outcome = match (&step.run.failure, &step.run.denied) {
            (Some(failure), _) => failure.kind.code(),
            (None, Some(_)) => "denied",
            (None, None) => "completed",
        };
        metrics::counter!("keyward_action_runs_total", "outcome" => outcome).increment(1);
    }
    report
}

/// The Action at which it ended, when it did.
pub(crate) fn decisive<'a>(flow: &'a Flow, report: &FlowReport) -> Option<&'a FlowStep> {
    match report.answer {
        Answer::Granted { .. } => None,
        // Without a turn not even the first of them ran.
        Answer::Denied { .. } | Answer::Failed(_) => flow.get(report.steps.len().saturating_sub(1)),
    }
}
