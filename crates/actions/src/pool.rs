//! The workers: started, handed out, ended, replaced.

mod worker;

use std::collections::{HashSet, VecDeque};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use worker::Worker;

use crate::flow::Script;
use crate::sandbox::SandboxReport;
use crate::wire::{
    CACHE_WRITES_MAX, CLAIMS_BYTES_MAX, CONSOLE_LINE_CHARS_MAX, CONSOLE_LINES_MAX, DENY_CODES,
    ERROR_CHARS_MAX, ERROR_NAME_CHARS_MAX, Failure, FailureKind, Probe, REASON_CHARS_MAX, Reply,
    Request, RunReport, RunRequest, SCOPES_MAX, shortened,
};

/// After so many runs a worker is replaced, so that nothing grows in it for ever.
const RUNS_MAX: u32 = 1_000;
/// How long a worker may take to start.
const START: Duration = Duration::from_secs(10);
/// How long compiling may take in a worker that runs.
const LOAD: Duration = Duration::from_secs(2);
/// So many workers in a row that do not start are followed by another at once.
const CRASHES_FREE: u32 = 5;
/// The first pause after more than that; it doubles with each further one.
const PAUSE_FIRST: Duration = Duration::from_millis(50);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// The program that is a worker.
#[derive(Debug, Clone)]
pub struct WorkerProgram {
    /// Its file.
    pub program: PathBuf,
    /// What makes it a worker.
    pub arguments: Vec<OsString>,
}

impl WorkerProgram {
    /// The running program itself, also when its file was replaced meanwhile.
    ///
    /// # Errors
    /// When the system does not tell which it is.
    pub fn this() -> std::io::Result<Self> {
        let itself = PathBuf::from("/proc/self/exe");
        let program = if itself.exists() { itself } else { std::env::current_exe()? };
        Ok(Self { program, arguments: vec![crate::WORKER_COMMAND.into()] })
    }
}

/// How the workers are kept.
#[derive(Debug, Clone)]
pub struct PoolOptions {
    /// The program.
    pub program: WorkerProgram,
    /// How many Actions run at once.
    pub workers: usize,
    /// How many wait for a worker at most; further ones fail at once.
    pub waiting_max: usize,
    /// How long one waits for a worker at most.
    pub wait_max: Duration,
}

impl PoolOptions {
    /// A pool of so many workers.
    #[must_use]
    pub fn new(program: WorkerProgram, workers: usize) -> Self {
        let workers = workers.max(1);
        Self {
            program,
            workers,
            waiting_max: workers.saturating_mul(64),
            wait_max: Duration::from_secs(2),
        }
    }
}

/// The workers. Dropping it ends them.
pub struct Pool {
    options: PoolOptions,
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// The one that has waited longest comes first: after its answer a worker makes the realm of its
    /// next run, and is not to be asked meanwhile if another can be.
    idle: Mutex<VecDeque<Worker>>,
    health: Mutex<Health>,
    sandbox: OnceLock<SandboxReport>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("options", &self.options).finish_non_exhaustive()
    }
}

/// How workers have started. One that started, and ended while an Action ran, says nothing of whether
/// the next one starts: it cost that Action's request, and nobody else's.
#[derive(Debug, Default)]
struct Health {
    crashes_in_a_row: u32,
    pause_until: Option<Instant>,
}

/// A worker while somebody has it. Unless it is given back it is ended and replaced: nobody knows
/// what it is doing.
struct Lease {
    pool: Arc<Pool>,
    worker: Option<Worker>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.worker.take().is_some() {
            self.pool.replace();
        }
    }
}

impl Lease {
    /// For the next one, unless it has had enough.
    fn give_back(mut self) {
        if let Some(worker) = self.worker.take_if(|worker| worker.runs < RUNS_MAX) {
            self.pool.put(worker);
        }
    }
}

impl Pool {
    /// A pool that has no worker yet.
    #[must_use]
    pub fn new(options: PoolOptions) -> Arc<Self> {
        Arc::new(Self {
            permits: Arc::new(Semaphore::new(options.workers)),
            options,
            waiting: AtomicUsize::new(0),
            idle: Mutex::default(),
            health: Mutex::default(),
            sandbox: OnceLock::new(),
        })
    }

    /// Starts the workers and tells what holds them.
    ///
    /// # Errors
    /// When none can be started.
    pub async fn start(self: &Arc<Self>) -> Result<SandboxReport, Failure> {
        let mut report = None;
        for _ in 0..self.options.workers {
            let worker = self.spawn().await?;
            report = Some(worker.sandbox.clone());
            self.put(worker);
        }
        report.ok_or_else(|| Failure::new(FailureKind::NoWorker, "the pool has no workers"))
    }

    /// The processes of the idle workers.
    #[must_use]
    pub fn idle_processes(&self) -> Vec<u32> {
        self.idle().iter().filter_map(Worker::process).collect()
    }

    /// Whether a script can be compiled.
    ///
    /// # Errors
    /// What is wrong with it, or why nobody could look.
    pub async fn check(self: &Arc<Self>, script: &Script) -> Result<(), Failure> {
        let mut lease = self.lease().await?;
        let Some(worker) = lease.worker.as_mut() else { return Err(gone()) };
        worker.runs = worker.runs.saturating_add(1);
        let checked = load(worker, script).await;
        self.settle(lease, checked.as_ref().err());
        checked
    }

    /// Runs a script. Whatever goes wrong is the report's failure.
    pub async fn run(self: &Arc<Self>, script: &Script, request: RunRequest) -> RunReport {
        let mut ran = self.try_run(script, &request).await;
        // Somebody else killed the worker, perhaps before it was asked. A script cannot: what it
        // makes a worker do ends it in other ways.
        if ran.as_ref().is_err_and(|failure| failure.name == worker::KILLED) {
            ran = self.try_run(script, &request).await;
        }
        match ran {
            Ok(report) => report,
            Err(failure) => RunReport { failure: Some(failure), ..RunReport::default() },
        }
    }

    async fn try_run(
        self: &Arc<Self>,
        script: &Script,
        request: &RunRequest,
    ) -> Result<RunReport, Failure> {
        let mut lease = self.lease().await?;
        let Some(worker) = lease.worker.as_mut() else { return Err(gone()) };
        let limits = request.limits;
        let ran = async {
            load(worker, script).await?;
            worker.runs = worker.runs.saturating_add(1);
            let began = Instant::now();
            let answer = worker.exchange(&Request::Run(request.clone()), limits.wall()).await;
            match answer.map_err(|failure| over_time(failure, began.elapsed(), limits.cpu_ms))? {
                Reply::Finished(report) => checked(*report),
                Reply::Ready(_)
                | Reply::Loaded
                | Reply::Rejected(_)
                | Reply::Escaped(_)
                | Reply::Withheld(_) => Err(malformed("it answered something else")),
            }
        }
        .await;
        let failure = match &ran {
            Ok(report) => report.failure.as_ref(),
            Err(failure) => Some(failure),
        };
        let failure = failure.cloned();
        self.settle(lease, failure.as_ref());
        ran
    }

    /// Lets a worker try what it must not be able to do.
    ///
    /// # Errors
    /// What it says when it can.
    pub async fn probe(self: &Arc<Self>, probe: Probe) -> Result<String, String> {
        let mut lease = self.lease().await.map_err(|failure| failure.message)?;
        let Some(worker) = lease.worker.as_mut() else { return Err(gone().message) };
        match worker.exchange(&Request::Probe(probe), START).await {
            Ok(Reply::Escaped(what)) => Err(what),
            Ok(Reply::Withheld(why)) => {
                lease.give_back();
                Ok(why)
            }
            Ok(_) => Err("the worker answered something else".to_owned()),
            Err(failure) => Ok(failure.message),
        }
    }

    /// Notes how it went and gives the worker back, or ends it.
    fn settle(&self, lease: Lease, failure: Option<&Failure>) {
        match failure {
            Some(failure) if !failure.kind.spares_the_worker() => {}
            _ => lease.give_back(),
        }
    }

    async fn lease(self: &Arc<Self>) -> Result<Lease, Failure> {
        let permits = Arc::clone(&self.permits);
        let permit = match Arc::clone(&permits).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => self.wait(permits).await?,
        };
        let worker = match self.living() {
            Some(worker) => worker,
            None => self.spawn().await?,
        };
        Ok(Lease { pool: Arc::clone(self), worker: Some(worker), _permit: permit })
    }

    async fn wait(&self, permits: Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Failure> {
        let _place = Place::take(&self.waiting, self.options.waiting_max)?;
        let waited = tokio::time::timeout(self.options.wait_max, permits.acquire_owned()).await;
        let no_worker = |_| Failure::new(FailureKind::NoWorker, "no worker became free in time");
        waited.map_err(no_worker)?.map_err(|_| gone())
    }

    /// An idle worker, unless it died meanwhile.
    fn living(&self) -> Option<Worker> {
        let mut idle = self.idle();
        while let Some(mut worker) = idle.pop_front() {
            if worker.lives() {
                return Some(worker);
            }
            tracing::warn!("an idle worker for Actions has ended");
        }
        None
    }

    async fn spawn(&self) -> Result<Worker, Failure> {
        if let Some(until) = self.health().pause_until
            && Instant::now() < until
        {
            let message = "workers for Actions end again and again; none is started for a while";
            return Err(Failure::new(FailureKind::NoWorker, message));
        }
        let started = Worker::start(&self.options.program, START).await;
        match started.and_then(|worker| self.held_as_the_first(worker)) {
            Ok(worker) => {
                *self.health() = Health::default();
                Ok(worker)
            }
            Err(failure) => {
                self.note_crash();
                tracing::error!(error = %failure, "no worker for Actions can be started");
                Err(failure)
            }
        }
    }

    /// Security: what held the first worker, and was told, holds all others.
    fn held_as_the_first(&self, worker: Worker) -> Result<Worker, Failure> {
        let first = self.sandbox.get_or_init(|| worker.sandbox.clone());
        if *first == worker.sandbox {
            return Ok(worker);
        }
        let missing = worker.sandbox.missing.join(", ");
        let message = format!("a new worker is held by less than the first: {missing}");
        Err(Failure::new(FailureKind::NoWorker, message))
    }

    fn note_crash(&self) {
        let mut health = self.health();
        health.crashes_in_a_row = health.crashes_in_a_row.saturating_add(1);
        let beyond = health.crashes_in_a_row.saturating_sub(CRASHES_FREE);
        if let Some(doublings) = beyond.checked_sub(1) {
            let factor = 1_u32.checked_shl(doublings.min(16)).unwrap_or(u32::MAX);
            let pause = PAUSE_FIRST.saturating_mul(factor).min(PAUSE_MAX);
            health.pause_until = Instant::now().checked_add(pause);
        }
    }

    fn put(&self, worker: Worker) {
        let mut idle = self.idle();
        if idle.len() < self.options.workers {
            idle.push_back(worker);
        }
    }

    /// Starts a worker in place of one that was ended, so that nobody waits for its start.
    fn replace(self: &Arc<Self>) {
        let pool = Arc::clone(self);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Ok(worker) = pool.spawn().await {
                    pool.put(worker);
                }
            });
        }
    }

    fn idle(&self) -> MutexGuard<'_, VecDeque<Worker>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among those who wait.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, most: usize) -> Result<Self, Failure> {
        let place = Self(waiting);
        if waiting.fetch_add(1, Ordering::SeqCst) >= most {
            let message = "too many Actions wait for a worker";
            return Err(Failure::new(FailureKind::NoWorker, message));
        }
        Ok(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Gives a worker the code, unless it has it.
async fn load(worker: &mut Worker, script: &Script) -> Result<(), Failure> {
    if worker.loaded.contains(&script.name) {
        return Ok(());
    }
    let (name, code) = (script.name.clone(), script.code.to_string());
    match worker.exchange(&Request::Load { script: name, code }, LOAD).await? {
        Reply::Loaded => {
            // The worker forgets all of them when they become too many.
            if worker.loaded.len() >= crate::SCRIPTS_MAX {
                worker.loaded = HashSet::new();
            }
            worker.loaded.insert(script.name.clone());
            Ok(())
        }
        Reply::Rejected(failure) => Err(failure),
        Reply::Ready(_) | Reply::Finished(_) | Reply::Escaped(_) | Reply::Withheld(_) => {
            Err(malformed("it answered something else"))
        }
    }
}

/// A worker that ended itself after the processor time was up was ended by its watchdog.
fn over_time(failure: Failure, elapsed: Duration, cpu_ms: u32) -> Failure {
    let watchdog =
        failure.name == worker::ABORTED && elapsed >= Duration::from_millis(u64::from(cpu_ms));
    if watchdog {
        return Failure::new(FailureKind::Cpu, "the Action used up its processor time");
    }
    failure
}

fn gone() -> Failure {
    Failure::new(FailureKind::NoWorker, "the workers are being ended")
}

fn malformed(why: &str) -> Failure {
    Failure::new(FailureKind::Malformed, format!("the worker's answer cannot be used: {why}"))
}

/// Security: a worker that a script took over could answer anything that the schema has.
fn checked(report: RunReport) -> Result<RunReport, Failure> {
    let claims = report.claims.iter();
    let claims_bytes = claims.clone().map(|(name, json)| name.len().saturating_add(json.len()));
    let is_json = |json: &String| serde_json::from_str::<serde_json::Value>(json).is_ok();
    let faults = [
        (claims_bytes.sum::<usize>() > CLAIMS_BYTES_MAX, "too many claims"),
        (!claims.clone().all(|(_, json)| is_json(json)), "a claim that cannot be read"),
        (
            report.denied.as_ref().is_some_and(|(code, _)| !DENY_CODES.contains(&code.as_str())),
            "a refusal with an unknown code",
        ),
        (report.scopes.as_ref().is_some_and(|all| all.len() > SCOPES_MAX), "too many scopes"),
        (report.cache.len() > CACHE_WRITES_MAX, "too many writes to the cache"),
        (report.console.len() > CONSOLE_LINES_MAX, "too many lines of the console"),
    ];
    match faults.iter().find(|(is_fault, _)| *is_fault) {
        Some((_, why)) => Err(malformed(why)),
        None => Ok(cut(report)),
    }
}

/// Every text within what the worker itself cuts it to.
fn cut(mut report: RunReport) -> RunReport {
    if let Some(Failure { name, message, stack, .. }) = &mut report.failure {
        *name = shortened(name, ERROR_NAME_CHARS_MAX);
        *message = shortened(message, ERROR_CHARS_MAX);
        *stack = shortened(stack, ERROR_CHARS_MAX);
    }
    if let Some((_, reason)) = &mut report.denied {
        *reason = shortened(reason, REASON_CHARS_MAX);
    }
    for line in &mut report.console {
        line.text = shortened(&line.text, CONSOLE_LINE_CHARS_MAX);
    }
    report
}

#[cfg(test)]
mod tests;
