//! What every open connection is doing, and the one sweep that ends those that take too long.
//!
//! A connection notes phases in atomics with a coarse clock; a sweep a few times a second compares
//! them with the limits. So neither a request nor a read costs a timer.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::Limits;

/// How long a connection that was told to end may take before it is dropped, in milliseconds.
const GRACE_MS: u64 = 2_000;

/// What a connection is told to do. A later one overrides an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Order {
    /// Go on.
    None = 0,
    /// The head did not come in time: answer 408 if some of it came, and close.
    HeadTimeout = 1,
    /// Close when what is being answered is answered.
    Close = 2,
    /// Close now.
    Kill = 3,
}

/// The coarse clock of a listener: milliseconds, never 0, moved on by the sweep.
#[derive(Debug)]
struct Clock {
    started: Instant,
    now_ms: AtomicU64,
}

/// The phases of one connection.
#[derive(Debug)]
pub(super) struct Liveness {
    clock: Arc<Clock>,
    active: AtomicUsize,
    /// When the last request ended, or the connection began.
    quiet_since: AtomicU64,
    /// When the incomplete head began; 0 when there is none.
    head_since: AtomicU64,
    /// Since when the peer takes no bytes; 0 when it does.
    blocked_since: AtomicU64,
    /// When our side began to close; 0 before.
    closing_since: AtomicU64,
    ordered_at: AtomicU64,
    order: AtomicU8,
    broken_body: AtomicBool,
    wake: Notify,
}

impl Liveness {
    fn new(clock: Arc<Clock>) -> Self {
        let now = clock.now_ms.load(Ordering::Relaxed);
        Self {
            clock,
            active: AtomicUsize::new(0),
            quiet_since: AtomicU64::new(now),
            // The wait for the first head covers the TLS handshake and a PROXY header.
            head_since: AtomicU64::new(now),
            blocked_since: AtomicU64::new(0),
            closing_since: AtomicU64::new(0),
            ordered_at: AtomicU64::new(0),
            order: AtomicU8::new(Order::None as u8),
            broken_body: AtomicBool::new(false),
            wake: Notify::new(),
        }
    }

    fn now(&self) -> u64 {
        self.clock.now_ms.load(Ordering::Relaxed)
    }

    /// A head began and is not complete.
    pub(super) fn head_began(&self) {
        self.head_since.store(self.now(), Ordering::Relaxed);
    }

    /// No head is incomplete.
    pub(super) fn head_ended(&self) {
        self.head_since.store(0, Ordering::Relaxed);
    }

    /// The peer takes no bytes (`true`), or takes them again.
    pub(super) fn write_blocked(&self, blocked: bool) {
        let was = self.blocked_since.load(Ordering::Relaxed) != 0;
        if was != blocked {
            self.blocked_since.store(if blocked { self.now() } else { 0 }, Ordering::Relaxed);
        }
    }

    /// Our side began to close the connection.
    pub(super) fn closing(&self) {
        self.closing_since.store(self.now(), Ordering::Relaxed);
    }

    /// The framing of the body being read turned out to be wrong.
    pub(super) fn break_body(&self) {
        self.broken_body.store(true, Ordering::Release);
    }

    /// Whether the framing of a body was wrong.
    pub(super) fn is_body_broken(&self) -> bool {
        self.broken_body.load(Ordering::Acquire)
    }

    /// What the connection was told last.
    pub(super) fn order(&self) -> Order {
        match self.order.load(Ordering::Acquire) {
            0 => Order::None,
            1 => Order::HeadTimeout,
            2 => Order::Close,
            _ => Order::Kill,
        }
    }

    /// Waits for the next order.
    pub(super) async fn ordered(&self) -> Order {
        self.wake.notified().await;
        self.order()
    }

    fn give(&self, order: Order) {
        if self.order.fetch_max(order as u8, Ordering::AcqRel) < order as u8 {
            self.ordered_at.store(self.now(), Ordering::Relaxed);
            self.wake.notify_one();
        }
    }

    /// Begins a request; it ends when the result is dropped.
    pub(super) fn begin_request(self: &Arc<Self>) -> ActiveRequest {
        self.active.fetch_add(1, Ordering::Relaxed);
        ActiveRequest { liveness: Arc::clone(self) }
    }

    fn is_idle(&self) -> bool {
        self.active.load(Ordering::Relaxed) == 0 && self.order() == Order::None
    }

    /// What is due at `now`, given that the next look comes `slack_ms` later.
    fn due(&self, now: u64, slack_ms: u64, limits: &Limits) -> Order {
        let over = |since: u64, limit_ms: u64| {
            since != 0 && now.saturating_sub(since).saturating_add(slack_ms) >= limit_ms
        };
        let load = |moment: &AtomicU64| moment.load(Ordering::Relaxed);
        if over(load(&self.closing_since), GRACE_MS)
            || over(load(&self.blocked_since), millis(limits.write_timeout))
        {
            return Order::Kill;
        }
        if self.active.load(Ordering::Relaxed) > 0 {
            return Order::None;
        }
        let quiet = load(&self.quiet_since);
        if self.order() != Order::None {
            let since = load(&self.ordered_at).max(quiet);
            return if over(since, GRACE_MS) { Order::Kill } else { Order::None };
        }
        match load(&self.head_since) {
            0 if over(quiet, millis(limits.idle_timeout)) => Order::Close,
            0 => Order::None,
            head if over(head.max(quiet), millis(limits.header_timeout)) => Order::HeadTimeout,
            _ => Order::None,
        }
    }
}

/// A request being answered.
#[derive(Debug)]
pub(super) struct ActiveRequest {
    liveness: Arc<Liveness>,
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        let liveness = &self.liveness;
        liveness.quiet_since.store(liveness.now(), Ordering::Relaxed);
        liveness.active.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The open connections of one listener.
#[derive(Debug)]
pub(super) struct Connections {
    clock: Arc<Clock>,
    open: Mutex<Open>,
    closed: Notify,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    by_number: HashMap<u64, Arc<Liveness>>,
}

impl Connections {
    /// No connection is open yet.
    pub(super) fn new() -> Self {
        let clock = Arc::new(Clock { started: Instant::now(), now_ms: AtomicU64::new(1) });
        Self { clock, open: Mutex::default(), closed: Notify::new() }
    }

    /// Adds a connection; it is forgotten when the result is dropped.
    pub(super) fn open(self: &Arc<Self>) -> OpenConnection {
        let liveness = Arc::new(Liveness::new(Arc::clone(&self.clock)));
        let mut open = self.lock();
        let number = open.next;
        open.next += 1;
        open.by_number.insert(number, Arc::clone(&liveness));
        OpenConnection { connections: Arc::clone(self), number, liveness }
    }

    /// How many connections are open.
    pub(super) fn count(&self) -> usize {
        self.lock().by_number.len()
    }

    /// Waits until a connection has closed since this was last awaited.
    pub(super) async fn one_closed(&self) {
        self.closed.notified().await;
    }

    /// Moves the clock on and gives the orders that are due.
    pub(super) fn sweep(&self, interval: Duration, limits: &Limits) {
        let now = millis(self.clock.started.elapsed()).saturating_add(1);
        self.clock.now_ms.store(now, Ordering::Relaxed);
        let slack_ms = millis(interval);
        for liveness in self.lock().by_number.values() {
            let order = liveness.due(now, slack_ms, limits);
            if order != Order::None {
                liveness.give(order);
            }
        }
    }

    /// Tells the connection that has been quiet longest to close; says whether there was one.
    pub(super) fn close_oldest_idle(&self) -> bool {
        let open = self.lock();
        let oldest = open
            .by_number
            .iter()
            .filter(|(_, liveness)| liveness.is_idle())
            // The clock is coarse: among equals the one opened first is taken.
            .min_by_key(|(number, liveness)| {
                (liveness.quiet_since.load(Ordering::Relaxed), **number)
            });
        oldest.inspect(|(_, liveness)| liveness.give(Order::Close)).is_some()
    }

    /// Gives every connection the same order.
    pub(super) fn order_all(&self, order: Order) {
        for liveness in self.lock().by_number.values() {
            liveness.give(order);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One open connection, forgotten on drop.
#[derive(Debug)]
pub(super) struct OpenConnection {
    connections: Arc<Connections>,
    number: u64,
    /// Its phases.
    pub(super) liveness: Arc<Liveness>,
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.connections.lock().by_number.remove(&self.number);
        self.connections.closed.notify_one();
    }
}

/// How often to sweep so that the shortest limit is kept well, without waking needlessly.
pub(super) fn sweep_interval(limits: &Limits) -> Duration {
    let shortest = limits.header_timeout.min(limits.idle_timeout).min(limits.write_timeout);
    (shortest / 8).clamp(Duration::from_millis(5), Duration::from_millis(500))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
