//! What a run has asked for so far, within its limits.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use rquickjs::Runtime;

use crate::cache::{CacheEntry, CacheFault, Entries, LIFE_MS_DEFAULT};
use crate::wire::{
    CACHE_WRITES_MAX, CLAIMS_BYTES_MAX, CONSOLE_BYTES_MAX, CONSOLE_LINE_CHARS_MAX,
    CONSOLE_LINES_MAX, CacheWrite, ConsoleLine, DENY_CODES, ERROR_CHARS_MAX, ERROR_NAME_CHARS_MAX,
    Failure, FailureKind, Level, REASON_CHARS_MAX, RunReport, RunRequest, SCOPES_MAX, shortened,
};

/// The state of a run. It belongs to one realm and is used once.
#[derive(Default)]
pub(super) struct Run {
    report: RefCell<RunReport>,
    cache: RefCell<Entries>,
    allowlist: RefCell<String>,
    now_ms: Cell<i64>,
    console_bytes: Cell<usize>,
    claims_bytes: Cell<usize>,
    unhandled: Cell<i64>,
    done: Cell<bool>,
}

impl Run {
    /// Counts promises that were rejected and that nobody waits for.
    pub(super) fn watch_rejections(self: &Rc<Self>, runtime: &Runtime) {
        let run = Rc::downgrade(self);
        runtime.set_host_promise_rejection_tracker(Some(Box::new(move |_, _, _, is_handled| {
            if let Some(run) = run.upgrade() {
                let change = if is_handled { -1 } else { 1 };
                run.unhandled.set(run.unhandled.get().saturating_add(change));
            }
        })));
    }

    pub(super) fn begin(&self, request: RunRequest) {
        self.cache.replace(Entries::live(request.cache, request.now_ms));
        self.allowlist.replace(request.allowlist);
        self.now_ms.set(request.now_ms);
        self.unhandled.set(0);
    }

    /// What came of it.
    pub(super) fn report(&self) -> RunReport {
        if !self.done.get() {
            let message = "the promise of onExecuteCredentialsExchange never settles";
            self.fail(Failure::new(FailureKind::Pending, message));
        } else if self.unhandled.get() > 0 {
            let message = "a promise was rejected and nobody waited for it: is an `await` missing?";
            self.fail(Failure::new(FailureKind::Threw, message));
        }
        self.report.take()
    }

    /// The first failure stays.
    pub(super) fn fail(&self, failure: Failure) {
        self.report.borrow_mut().failure.get_or_insert(failure);
    }

    /// A failure that stands, whatever was told before: the script was ended by it.
    pub(super) fn fail_after_all(&self, kind: FailureKind, message: &str) {
        self.report.borrow_mut().failure = Some(Failure::new(kind, message));
    }

    pub(super) fn done(&self) {
        self.done.set(true);
    }

    /// The handler threw.
    pub(super) fn threw(&self, name: &str, message: &str, stack: &str) {
        self.done.set(true);
        self.fail(Failure {
            kind: FailureKind::Threw,
            name: shortened(name, ERROR_NAME_CHARS_MAX),
            message: shortened(message, ERROR_CHARS_MAX),
            stack: shortened(stack, ERROR_CHARS_MAX),
        });
    }

    pub(super) fn no_handler(&self) {
        let message = "the code exports no function onExecuteCredentialsExchange";
        self.fail(Failure::new(FailureKind::NoHandler, message));
    }

    pub(super) fn misuse(&self, message: &str) {
        self.fail(Failure::new(FailureKind::Misuse, shortened(message, ERROR_CHARS_MAX)));
    }

    pub(super) fn too_large(&self) {
        let message = format!("custom claims have more than {CLAIMS_BYTES_MAX} bytes together");
        self.fail(Failure::new(FailureKind::TooLarge, message));
    }

    /// Refuses the token; `false` for a code that is none. The first refusal stays, and one with an
    /// unknown code refuses as well: it fails the run.
    pub(super) fn deny(&self, code: &str, reason: &str) -> bool {
        if !DENY_CODES.contains(&code) {
            let known = DENY_CODES.join(", ");
            self.misuse(&format!("api.access.deny: the code `{code}` is none of {known}"));
            return false;
        }
        // On one line, for whoever reads it in a terminal (RFC 6749 §5.2 has no control characters).
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        let reason: String = shortened(reason, REASON_CHARS_MAX).chars().map(plain).collect();
        let refusal = || (code.to_owned(), reason);
        self.report.borrow_mut().denied.get_or_insert_with(refusal);
        true
    }

    /// Sets a claim; `false` when there is no room.
    pub(super) fn claim(&self, key: &str, json: &str) -> bool {
        let bytes = self.claims_bytes.get().saturating_add(key.len()).saturating_add(json.len());
        if bytes > CLAIMS_BYTES_MAX {
            return false;
        }
        let mut report = self.report.borrow_mut();
        match report.claims.iter_mut().find(|(name, _)| name == key) {
            // What it replaces is counted no more.
            Some((_, old)) => {
                let freed = key.len().saturating_add(old.len());
                self.claims_bytes.set(bytes.saturating_sub(freed));
                json.clone_into(old);
            }
            None => {
                self.claims_bytes.set(bytes);
                report.claims.push((key.to_owned(), json.to_owned()));
            }
        }
        true
    }

    pub(super) fn scopes(&self, scopes: Vec<String>) {
        if scopes.len() > SCOPES_MAX {
            self.misuse(&format!("a token can be asked to have at most {SCOPES_MAX} scopes"));
        } else {
            self.report.borrow_mut().scopes = Some(scopes);
        }
    }

    pub(super) fn cache_get(&self, key: &str) -> Option<(String, i64)> {
        let cache = self.cache.borrow();
        cache.get(key).map(|entry| (entry.value.clone(), entry.expires_at))
    }

    /// The code of what is wrong, or nothing.
    pub(super) fn cache_set(
        &self,
        key: String,
        value: String,
        ttl_ms: Option<f64>,
        until_ms: Option<f64>,
    ) -> &'static str {
        let now_ms = self.now_ms.get();
        let after = ttl_ms.map(|ttl_ms| now_ms.saturating_add(whole(ttl_ms)));
        let until = until_ms.map(whole);
        let expires_at = match (after, until) {
            (Some(after), Some(until)) => after.min(until),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => now_ms.saturating_add(LIFE_MS_DEFAULT),
        };
        let entry = CacheEntry { key, value, expires_at };
        let kept = |cache: &mut Entries| {
            cache.set(entry.clone(), now_ms)?;
            Ok(CacheWrite::Set(cache.get(&entry.key).unwrap_or(&entry).clone()))
        };
        self.cache_write(kept)
    }

    pub(super) fn cache_delete(&self, key: &str) -> &'static str {
        self.cache_write(|cache| cache.delete(key).map(|()| CacheWrite::Delete(key.to_owned())))
    }

    fn cache_write(
        &self,
        write: impl FnOnce(&mut Entries) -> Result<CacheWrite, CacheFault>,
    ) -> &'static str {
        let mut report = self.report.borrow_mut();
        if report.cache.len() >= CACHE_WRITES_MAX {
            return CacheFault::MaxSideEffectsExceeded.code();
        }
        match write(&mut self.cache.borrow_mut()) {
            Ok(write) => {
                report.cache.push(write);
                ""
            }
            Err(fault) => fault.code(),
        }
    }

    /// Whether a line would be taken; asked before one is made.
    pub(super) fn listens(&self) -> bool {
        let mut report = self.report.borrow_mut();
        let room = report.console.len() < CONSOLE_LINES_MAX
            && self.console_bytes.get() < CONSOLE_BYTES_MAX;
        if !room {
            report.console_dropped = report.console_dropped.saturating_add(1);
        }
        room
    }

    pub(super) fn console(&self, level: &str, text: &str) {
        let text = shortened(text, CONSOLE_LINE_CHARS_MAX);
        self.console_bytes.set(self.console_bytes.get().saturating_add(text.len()));
        self.report.borrow_mut().console.push(ConsoleLine { level: Level::parse(level), text });
    }

    pub(super) fn allowlist(&self) -> String {
        self.allowlist.take()
    }
}

/// A moment of a script, within what a moment can be.
#[expect(clippy::cast_possible_truncation, reason = "a cast from float to integer saturates")]
fn whole(ms: f64) -> i64 {
    ms as i64
}
