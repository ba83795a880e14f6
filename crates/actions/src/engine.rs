//! The engine: a fresh realm for each run, from bytecode that this process compiled itself.
//!
//! A realm has no compiler (`eval` and `Function` cannot work in it), its intrinsics are frozen
//! before the script starts, and it is thrown away afterwards together with its heap. What the
//! script asks for through `api` goes straight into [`Run`], where the limits are.

mod host;
mod memory;
mod network;
mod run;
mod unchecked;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rquickjs::context::intrinsic;
use rquickjs::{Context, Ctx, Function, Object, Persistent, Runtime};

use host::Modules;
use memory::{Meter, Metered};
use run::Run;
use unchecked::Bytecode;

use crate::wire::{Failure, FailureKind, RunReport, RunRequest, shortened};

/// How much a script allocates before garbage is looked for, in bytes.
const GARBAGE_BYTES: usize = 2 * 1024 * 1024;
/// What there is in a realm. Absent: the compiler, references that tell of garbage collection, and
/// precise clocks.
type Intrinsics = (
    intrinsic::Date,
    intrinsic::RegExpCompiler,
    intrinsic::RegExp,
    intrinsic::Json,
    intrinsic::Proxy,
    intrinsic::MapSet,
    intrinsic::TypedArrays,
    intrinsic::Promise,
);

const PRELUDE: (&str, &str) = ("keyward", include_str!("js/prelude.js"));
/// The modules that can be required.
const MODULES: [(&str, &str); 3] = [
    ("crypto", include_str!("js/crypto.js")),
    ("ipaddr.js", include_str!("js/ipaddr.js")),
    ("keyward/ip", include_str!("js/keyward_ip.js")),
];
/// What stands around the code of an Action, on the same lines, so that the lines of an error are
/// those of the code.
const WRAPPER: (&str, &str) =
    ("(function (exports, require, module, __filename, __dirname) {", "\n})");
/// The same as a declaration and as a method. Code that closes what stands around it, to open
/// something else, goes on behind the first with a statement and behind the second with a comma or a
/// brace, and nothing is both: what fits the two is the body of a function.
const OTHER_WRAPPERS: [(&str, &str); 2] = [
    ("function f(exports, require, module, __filename, __dirname) {", "\n}"),
    ("({ f(exports, require, module, __filename, __dirname) {", "\n} })"),
];
/// What errors call the code.
const SCRIPT_NAME: &str = "action.js";
/// Memory for making a realm, which a script's own limit replaces.
const REALM_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Compiles and runs scripts.
pub(crate) struct Engine {
    prelude: Bytecode,
    modules: Rc<Modules>,
    scripts: HashMap<String, Bytecode>,
    /// Set from outside when the running script has used up its time.
    interrupt: Arc<AtomicBool>,
    next: Option<Realm>,
    /// What a run has left, until there is time to tidy it away.
    last: Option<Realm>,
}

/// A realm in which nothing has run yet.
struct Realm {
    // Order: fields are dropped from the first to the last, the runtime after all that lives in it.
    start: Persistent<Function<'static>>,
    context: Context,
    runtime: Runtime,
    meter: Rc<Meter>,
    run: Rc<Run>,
}

impl Engine {
    /// Compiles what every realm is given.
    ///
    /// # Errors
    /// When the engine cannot.
    pub(crate) fn new(interrupt: Arc<AtomicBool>) -> Result<Self, Failure> {
        let ours = |(name, code): (&str, &str)| compile(name, code.to_owned(), true, &interrupt);
        let prelude = ours(PRELUDE)?;
        let mut modules = Vec::new();
        for module in MODULES {
            modules.push((module.0, ours(module)?));
        }
        let (modules, scripts) = (Rc::new(modules), HashMap::new());
        Ok(Self { prelude, modules, scripts, interrupt, next: None, last: None })
    }

    /// Compiles a script and keeps it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn load(&mut self, script: String, code: &str) -> Result<(), Failure> {
        let wrapped = |(before, after): (&str, &str)| {
            compile(SCRIPT_NAME, format!("{before}{code}{after}"), false, &self.interrupt)
        };
        let compiled = wrapped(WRAPPER)?;
        for wrapper in OTHER_WRAPPERS {
            wrapped(wrapper)?;
        }
        if self.scripts.len() >= crate::SCRIPTS_MAX && !self.scripts.contains_key(&script) {
            self.scripts.clear();
        }
        self.scripts.insert(script, compiled);
        Ok(())
    }

    /// Uses what the system must be asked for at its first use, as long as it can be asked.
    pub(crate) fn warm_up(&mut self) {
        host::warm_up();
        self.prepare();
        // The time zone.
        if let Some(realm) = &self.next {
            let _asked = realm.context.with(|ctx| {
                let date: rquickjs::function::Constructor<'_> = ctx.globals().get("Date")?;
                let date: Object<'_> = date.construct(())?;
                let text: Function<'_> = date.get("toString")?;
                text.call::<_, String>((rquickjs::function::This(date),))
            });
        }
        self.next = None;
    }

    /// Makes the realm of the next run, ahead of it.
    pub(crate) fn prepare(&mut self) {
        self.last = None;
        if self.next.is_none() {
            self.next = self.realm().ok();
        }
    }

    fn realm(&self) -> Result<Realm, rquickjs::Error> {
        let (runtime, meter) = runtime(&self.interrupt)?;
        // A realm has hardly any garbage while it is made, and looking for it takes as long as that.
        runtime.set_gc_threshold(GARBAGE_BYTES);
        let run = Rc::<Run>::default();
        run.watch_rejections(&runtime);
        let context = Context::custom::<Intrinsics>(&runtime)?;
        let start = context.with(|ctx| {
            let prelude = self.prelude.run(&ctx)?;
            let prelude = prelude.into_function().ok_or(rquickjs::Error::Unknown)?;
            let host = host::host(&ctx, &run, &self.modules)?;
            let start: Function<'_> = prelude.call((host,))?;
            Ok::<_, rquickjs::Error>(Persistent::save(&ctx, start))
        })?;
        Ok(Realm { start, context, runtime, meter, run })
    }

    /// Runs a script that was loaded.
    ///
    /// The script is stopped when the interrupt is set; whoever sets it must also be ready for a
    /// script that cannot be stopped.
    pub(crate) fn run(&mut self, request: RunRequest) -> RunReport {
        let realm = match self.next.take().map_or_else(|| self.realm(), Ok) {
            Ok(realm) => realm,
            Err(error) => {
                let message = format!("no realm can be made: {error}");
                return failed(Failure::new(FailureKind::NoWorker, message));
            }
        };
        let Some(script) = self.scripts.get(&request.script) else {
            return failed(Failure::new(FailureKind::Malformed, "the script was not loaded"));
        };
        let (event, secrets, limits) =
            (request.event.clone(), request.secrets.clone(), request.limits);
        realm.run.begin(request);
        realm.meter.allow(limits.memory_bytes);
        realm.runtime.set_max_stack_size(limits.stack_bytes);
        let called = realm.context.with(|ctx| {
            let start = realm.start.clone().restore(&ctx)?;
            let wrapper = script.run(&ctx)?;
            start.call::<_, ()>((wrapper, event, secrets))
        });
        while !self.interrupt.load(Ordering::Relaxed) && !realm.meter.exceeded() {
            match realm.runtime.execute_pending_job() {
                Ok(true) => {}
                Ok(false) => break,
                // A callback of `queueMicrotask`, which nobody can wait for.
                Err(_) => {
                    let message = "a callback threw, and nobody could catch it";
                    realm.run.fail(Failure::new(FailureKind::Threw, message));
                }
            }
        }
        if realm.meter.exceeded() {
            realm.run.fail_after_all(FailureKind::Memory, "the Action used up its memory");
        } else if self.interrupt.load(Ordering::Relaxed) {
            realm.run.fail_after_all(FailureKind::Cpu, "the Action used up its processor time");
        } else if called.is_err() {
            realm.run.fail_after_all(FailureKind::Threw, "the Action used up its stack");
        }
        let report = realm.run.report();
        self.last = Some(realm);
        report
    }
}

fn failed(failure: Failure) -> RunReport {
    RunReport { failure: Some(failure), ..RunReport::default() }
}

/// A heap of its own, which ends when it is too large or somebody says so.
fn runtime(interrupt: &Arc<AtomicBool>) -> Result<(Runtime, Rc<Meter>), rquickjs::Error> {
    let meter = Rc::<Meter>::default();
    meter.allow(REALM_BYTES_MAX);
    let runtime = Runtime::new_with_alloc(Metered(Rc::clone(&meter)))?;
    let (interrupt, watched) = (Arc::clone(interrupt), Rc::clone(&meter));
    let is_over = move || interrupt.load(Ordering::Relaxed) || watched.exceeded();
    runtime.set_interrupt_handler(Some(Box::new(is_over)));
    Ok((runtime, meter))
}

/// Compiles in a realm of its own, the only kind with a compiler. Nothing is run in it.
fn compile(
    name: &str,
    code: String,
    ours: bool,
    interrupt: &Arc<AtomicBool>,
) -> Result<Bytecode, Failure> {
    let unable = |error: rquickjs::Error| Failure::new(FailureKind::Memory, error.to_string());
    let (runtime, _meter) = runtime(interrupt).map_err(unable)?;
    let context = Context::custom::<(intrinsic::Eval, intrinsic::RegExpCompiler)>(&runtime);
    context
        .map_err(unable)?
        .with(|ctx| Bytecode::compile(&ctx, name, code, ours).map_err(|_| caught(&ctx)))
}

/// What the compiler says.
fn caught(ctx: &Ctx<'_>) -> Failure {
    let thrown = ctx.catch();
    let Some(error) = thrown.as_object() else {
        return Failure::new(FailureKind::Memory, "the compiler used up its memory");
    };
    let text = |name: &str| error.get::<_, String>(name).unwrap_or_default();
    let stack = text("stack");
    let place = stack.split_once(SCRIPT_NAME).map(|(_, place)| place);
    let line = place.and_then(|place| place.trim_start_matches(':').split([':', ')', '\n']).next());
    let mut message = shortened(&text("message"), 1_000);
    if let Some(line) = line.filter(|line| line.parse::<u32>().is_ok()) {
        message = format!("line {line}: {message}");
    }
    Failure { name: text("name"), ..Failure::new(FailureKind::Syntax, message) }
}

#[cfg(test)]
mod tests;
