//! The watchdog of a worker: a thread that counts the processor time of a run.
//!
//! When the time is up it first asks the engine to stop. A built-in function that does not listen
//! is stopped a moment later, together with the process.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How long the engine has to stop by itself, in microseconds of processor time.
const GRACE_US: u64 = 10_000;
/// How often is looked while there is a run.
const TICK: Duration = Duration::from_millis(5);
/// After how many looks without a run the watchdog sleeps until it is woken.
const IDLE_TICKS: u32 = 40;
/// No run.
const NEVER: u64 = 0;

/// Watches one run at a time.
#[derive(Default)]
pub(crate) struct Watchdog {
    shared: Arc<Shared>,
    thread: OnceLock<Thread>,
}

#[derive(Default)]
struct Shared {
    /// When the time is up, by the clock of this process's processor time, in microseconds. Held
    /// while a run begins, ends or is judged, so that no run is judged by the time of another.
    until_us: Mutex<u64>,
    interrupt: Arc<AtomicBool>,
    asleep: AtomicBool,
}

/// A run that is watched, until it is dropped.
pub(crate) struct Watched<'a> {
    shared: &'a Shared,
    since_us: u64,
}

impl Watchdog {
    /// What tells the engine to stop.
    pub(crate) fn interrupt(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.shared.interrupt)
    }

    /// Starts the thread.
    pub(crate) fn start(&self) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        // A thread makes system calls of its own while it starts, so this waits until it has.
        let started = Arc::new(Barrier::new(2));
        let starting = Arc::clone(&started);
        let thread = thread::Builder::new().stack_size(64 * 1024).spawn(move || {
            starting.wait();
            shared.look();
        })?;
        started.wait();
        let _first = self.thread.set(thread.thread().clone());
        Ok(())
    }

    /// Watches a run from now on.
    pub(crate) fn watch(&self, cpu_ms: u32) -> Watched<'_> {
        let until_us = cpu_us(ClockId::ProcessCPUTime)
            .saturating_add(u64::from(cpu_ms).saturating_mul(1_000))
            .max(1);
        self.shared.set(until_us);
        if self.shared.asleep.load(Ordering::SeqCst)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
        // The clock of the process moves in steps while there is a limit on it; this one does not.
        Watched { shared: &self.shared, since_us: cpu_us(ClockId::ThreadCPUTime) }
    }
}

impl Watched<'_> {
    /// The processor time that the thread has used, in microseconds.
    pub(crate) fn cpu_us(&self) -> u64 {
        cpu_us(ClockId::ThreadCPUTime).saturating_sub(self.since_us)
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.shared.set(NEVER);
    }
}

impl Shared {
    fn set(&self, until_us: u64) {
        let mut until = self.until();
        self.interrupt.store(false, Ordering::SeqCst);
        *until = until_us;
    }

    fn until(&self) -> MutexGuard<'_, u64> {
        self.until_us.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self) {
        let mut idle: u32 = 0;
        loop {
            if let Some(pause) = self.judge() {
                idle = 0;
                thread::park_timeout(pause);
            } else if idle < IDLE_TICKS {
                idle = idle.saturating_add(1);
                thread::park_timeout(TICK);
            } else {
                self.sleep();
                idle = 0;
            }
        }
    }

    /// Ends the run that has used up its time. Gives how long to wait before the next look; nothing
    /// when there is no run.
    fn judge(&self) -> Option<Duration> {
        let until = self.until();
        if *until == NEVER {
            return None;
        }
        let now_us = cpu_us(ClockId::ProcessCPUTime);
        let killed_at_us = until.saturating_add(GRACE_US);
        if now_us >= killed_at_us {
            // Nothing that is still running may answer, and nothing is left to be tidied.
            std::process::abort();
        }
        let next_us = if now_us >= *until {
            self.interrupt.store(true, Ordering::SeqCst);
            killed_at_us
        } else {
            *until
        };
        // A run cannot use more than the time that passes, so nothing is due before this.
        let pause = Duration::from_micros(next_us.saturating_sub(now_us));
        Some(pause.clamp(Duration::from_micros(200), TICK))
    }

    /// Until there is a run.
    fn sleep(&self) {
        self.asleep.store(true, Ordering::SeqCst);
        // A run that began just before did not see that somebody sleeps.
        while *self.until() == NEVER {
            thread::park();
        }
        self.asleep.store(false, Ordering::SeqCst);
    }
}

/// The processor time of this process or thread, in microseconds.
fn cpu_us(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0).saturating_mul(1_000_000);
    seconds.saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0) / 1_000)
}
