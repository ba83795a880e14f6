//! The sandbox in which Actions run.
//!
//! Code that somebody else wrote runs in a worker: a process of its own, made of the same program,
//! which can compute and answer over the one pipe it has, and nothing else. The engine's own limits
//! hold for what the engine can interrupt; a watchdog inside the worker and the clock of the one who
//! waits for it end the rest.
//!
//! [`Pool`] keeps the workers; [`ask`] takes a token request through what is bound, in order, and
//! adds up what it decided. Whatever goes wrong is a [`Failure`], and a failure lets nothing pass.

pub mod cache;
mod engine;
mod flow;
mod limits;
mod pool;
mod sandbox;
mod watchdog;
mod wire;
mod worker;

pub use flow::{Answer, FlowReport, Question, Script, Step, StepReport, ask};
pub use limits::Limits;
pub use pool::{Pool, PoolOptions, WorkerProgram};
pub use sandbox::SandboxReport;
pub use wire::{
    CacheWrite, ConsoleLine, DENY_CODES, Failure, FailureKind, Level, Probe, RunReport, RunRequest,
};
pub use worker::{WORKER_COMMAND, run_worker};

/// How many scripts a worker keeps compiled.
const SCRIPTS_MAX: usize = 64;
/// What the `event` and the `api` of an Action are, for editors: a TypeScript declaration.
pub const TYPES: &str = include_str!("js/types.d.ts");
