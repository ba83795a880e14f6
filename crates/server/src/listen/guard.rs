//! The head guard: lets only requests through that [`HeadScanner`] accepts.
//!
//! It stands between the socket and the HTTP library. A head is handed on only when it is complete
//! and clean, so the library never sees half of one. A refusal is written when the library closes
//! its side, which it does after the answers to all earlier requests are flushed.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::head::{HeadScanner, Violation};
use super::liveness::{Liveness, Order};
use super::stream::Stream;

/// Bytes read at a time from a peer whose request was refused.
const DISCARD_BYTES: usize = 4096;

/// A connection's stream, guarded when it carries HTTP/1.
#[derive(Debug)]
pub(super) struct Guard {
    stream: Stream,
    /// None for HTTP/2, whose library validates frames itself.
    scanner: Option<HeadScanner>,
    held: Held,
    /// The request offset whose incomplete head was noted in `liveness`.
    noted_head: Option<u64>,
    /// Nothing more is handed on.
    ended: bool,
    /// The peer sends no more.
    peer_closed: bool,
    /// The library was told that nothing more comes.
    end_was_read: bool,
    refusal: Option<Violation>,
    closing: Closing,
    liveness: Arc<Liveness>,
    listener: &'static str,
}

/// Bytes read from the peer and not handed on yet.
#[derive(Debug, Default)]
struct Held {
    bytes: Vec<u8>,
    /// The first `taken` were handed on.
    taken: usize,
    /// The first `clear` may be.
    clear: usize,
}

#[derive(Debug)]
enum Closing {
    No,
    Refusing { rest: &'static [u8] },
    Ending { linger: bool },
    Discarding,
    Done,
}

impl Guard {
    /// Guards a stream of HTTP/1 requests that starts with `early`.
    pub(super) fn http1(
        stream: Stream,
        early: &[u8],
        scanner: HeadScanner,
        liveness: Arc<Liveness>,
        listener: &'static str,
    ) -> Self {
        let mut guard = Self::http2(stream, Vec::new(), liveness, listener);
        guard.scanner = Some(scanner);
        guard.noted_head = Some(0);
        if !early.is_empty() {
            guard.hold(early);
        }
        guard
    }

    /// Passes a stream of HTTP/2 frames that starts with `early`, watching only its writes.
    pub(super) fn http2(
        stream: Stream,
        early: Vec<u8>,
        liveness: Arc<Liveness>,
        listener: &'static str,
    ) -> Self {
        Self {
            stream,
            scanner: None,
            held: Held { clear: early.len(), bytes: early, taken: 0 },
            noted_head: None,
            ended: false,
            peer_closed: false,
            end_was_read: false,
            refusal: None,
            closing: Closing::No,
            liveness,
            listener,
        }
    }

    /// Looks at bytes that stand alone in `fresh`; returns how many of them may be handed on.
    fn admit(&mut self, fresh: &[u8]) -> usize {
        let Some(scanner) = &mut self.scanner else { return fresh.len() };
        let base = scanner.position();
        let clear = offset_in(fresh, clear_after(scanner, fresh, base), base);
        if !self.judge(base) {
            self.held.bytes.extend_from_slice(fresh.get(clear..).unwrap_or_default());
        }
        clear
    }

    /// Looks at bytes that follow an incomplete head, and keeps them with it.
    fn hold(&mut self, fresh: &[u8]) {
        let Some(scanner) = &mut self.scanner else { return };
        let base = scanner.position() - self.held.bytes.len() as u64;
        self.held.bytes.extend_from_slice(fresh);
        let clear = clear_after(scanner, fresh, base);
        self.held.clear = offset_in(&self.held.bytes, clear, base);
        if self.judge(base) {
            self.held.bytes.truncate(self.held.clear);
        }
    }

    /// Draws the consequences of a scan whose first undelivered byte was at `base`; true when
    /// nothing after what is clear may ever be handed on.
    fn judge(&mut self, base: u64) -> bool {
        let Some(scanner) = &self.scanner else { return false };
        let (message_start, partial) = (scanner.message_start(), scanner.in_partial_head());
        if let Some(violation) = scanner.violation() {
            if message_start >= base {
                self.refuse(violation);
            } else {
                // The request is being answered already: its body ends here, and it hears why.
                self.count(violation);
                self.liveness.break_body();
                self.ended = true;
            }
            return true;
        }
        if scanner.is_finished() {
            self.ended = true;
        }
        match (partial, self.noted_head) {
            (true, Some(noted)) if noted == message_start => {}
            (true, _) => {
                self.noted_head = Some(message_start);
                self.liveness.head_began();
            }
            (false, Some(_)) => {
                self.noted_head = None;
                self.liveness.head_ended();
            }
            (false, None) => {}
        }
        self.ended
    }

    fn refuse(&mut self, violation: Violation) {
        self.count(violation);
        self.refusal = Some(violation);
        self.ended = true;
    }

    fn count(&self, violation: Violation) {
        tracing::debug!(listener = self.listener, %violation, "request refused before parsing");
        super::count_refusal(self.listener, violation.cause());
    }

    /// Hands on held bytes; true when there were any.
    fn deliver(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let held = &mut self.held;
        let ready = held.bytes.get(held.taken..held.clear).unwrap_or_default();
        if ready.is_empty() {
            return false;
        }
        let count = ready.len().min(buf.remaining());
        buf.put_slice(ready.get(..count).unwrap_or_default());
        held.taken += count;
        if held.taken == held.clear {
            held.bytes.drain(..held.taken);
            (held.taken, held.clear) = (0, 0);
            if held.bytes.is_empty() {
                // Most connections never split a head again: give the memory back.
                held.bytes = Vec::new();
            }
        }
        true
    }

    /// Whether something of a request is still unread, so that closing at once would reset the
    /// connection and might destroy the answer on its way.
    fn has_unread(&self) -> bool {
        let mid_message =
            self.scanner.as_ref().is_some_and(|s| !s.between_messages() && !s.is_finished());
        !self.peer_closed && (mid_message || self.refusal.is_some())
    }

    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut scratch = [0_u8; DISCARD_BYTES];
        loop {
            let mut buf = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buf)) {
                Ok(()) if !buf.filled().is_empty() => {}
                Ok(()) | Err(_) => return Poll::Ready(()),
            }
        }
    }

    fn note_write<T>(&self, poll: Poll<T>) -> Poll<T> {
        self.liveness.write_blocked(poll.is_pending());
        poll
    }
}

/// Scans `fresh` and returns the offset before which everything may be handed on, where `base` is
/// the offset of the first byte that was not handed on yet.
fn clear_after(scanner: &mut HeadScanner, fresh: &[u8], base: u64) -> u64 {
    match scanner.scan(fresh) {
        Ok(()) => scanner.clear_to(),
        // A violation inside a body refuses the whole request if nothing of it was handed on.
        Err(_) if scanner.message_start() >= base => scanner.message_start(),
        Err(_) => scanner.position(),
    }
}

fn offset_in(bytes: &[u8], offset: u64, base: u64) -> usize {
    usize::try_from(offset.saturating_sub(base)).unwrap_or(usize::MAX).min(bytes.len())
}

impl AsyncRead for Guard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let me = &mut *self;
        loop {
            if me.deliver(buf) {
                return Poll::Ready(Ok(()));
            }
            if !me.ended && me.scanner.is_some() && me.liveness.order() == Order::HeadTimeout {
                me.ended = true;
                if !me.held.bytes.is_empty() {
                    me.refuse(Violation::TooSlow);
                }
            }
            if me.ended {
                me.end_was_read = true;
                return Poll::Ready(Ok(()));
            }
            let before = buf.filled().len();
            ready!(Pin::new(&mut me.stream).poll_read(cx, buf))?;
            let fresh = buf.filled().get(before..).unwrap_or_default();
            if fresh.is_empty() {
                me.peer_closed = true;
                me.ended = true;
                continue;
            }
            if me.held.bytes.is_empty() {
                let clear = me.admit(fresh);
                buf.set_filled(before + clear);
                if clear > 0 {
                    return Poll::Ready(Ok(()));
                }
            } else {
                me.hold(fresh);
                buf.set_filled(before);
            }
        }
    }
}

impl AsyncWrite for Guard {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note_write(poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.note_write(poll)
    }

    /// Not for HTTP/2: its library would then write out each body of more than 256 bytes alone. So
    /// it copies up to 1024, and all answers that are ready leave in one write.
    fn is_write_vectored(&self) -> bool {
        self.scanner.is_some() && self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let me = &mut *self;
        loop {
            me.closing = match me.closing {
                Closing::No => {
                    me.liveness.closing();
                    let linger = me.has_unread();
                    match me.refusal.filter(|_| me.end_was_read) {
                        Some(violation) => Closing::Refusing { rest: answer(violation.status()) },
                        None => Closing::Ending { linger },
                    }
                }
                Closing::Refusing { rest: [] } => {
                    ready!(Pin::new(&mut me.stream).poll_flush(cx))?;
                    Closing::Ending { linger: me.has_unread() }
                }
                Closing::Refusing { rest } => {
                    let written = ready!(Pin::new(&mut me.stream).poll_write(cx, rest))?;
                    Closing::Refusing { rest: rest.get(written..).unwrap_or_default() }
                }
                Closing::Ending { linger } => {
                    ready!(Pin::new(&mut me.stream).poll_shutdown(cx))?;
                    if linger { Closing::Discarding } else { Closing::Done }
                }
                Closing::Discarding => {
                    ready!(me.poll_discard(cx));
                    Closing::Done
                }
                Closing::Done => return Poll::Ready(Ok(())),
            };
        }
    }
}

/// The whole answer to a request that was refused before it was parsed.
fn answer(status: u16) -> &'static [u8] {
    macro_rules! line {
        ($status:literal) => {
            concat!("HTTP/1.1 ", $status, "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                .as_bytes()
        };
    }
    match status {
        408 => line!("408 Request Timeout"),
        414 => line!("414 URI Too Long"),
        431 => line!("431 Request Header Fields Too Large"),
        505 => line!("505 HTTP Version Not Supported"),
        _ => line!("400 Bad Request"),
    }
}
