//! Strict framing of HTTP/1 requests, without I/O.
//!
//! The scanner looks at the bytes of a connection *before* the HTTP library parses them and
//! knows where each request begins and ends. It refuses everything two parsers could read
//! differently: bare LF, folded lines, two lengths, repeated `Host` or `Authorization`, lenient
//! chunk sizes (RFC 9112, sections 2.2, 3.2, 5, 6 and 7.1). A byte is looked at once, and nothing is
//! allocated.

mod chunked;
mod facts;
mod field;
mod violation;

use self::chunked::{ChunkStep, ChunkedScanner};
use self::facts::{BodyFraming, Head};
use self::field::{Field, Word, target_run, token_run, value_run};
pub use self::violation::Violation;

/// Longest method accepted, in bytes; the longest registered one has 16.
const METHOD_BYTES_MAX: usize = 24;

/// The caps on one request head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes of request line and headers together; more is 431.
    pub head_bytes: usize,
    /// Bytes of the request target; more is 414.
    pub target_bytes: usize,
    /// Header lines; more is 431.
    pub header_count: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self { head_bytes: 16 * 1024, target_bytes: 8 * 1024, header_count: 100 }
    }
}

/// Where the next byte belongs.
#[derive(Debug, Clone)]
enum State {
    Start,
    EmptyLineEnd,
    Method,
    Target,
    Version,
    RequestLineEnd,
    LineStart,
    Name,
    ValueStart(Field),
    Value(Field),
    ValueEnd,
    HeadEnd,
    Body { left: u64 },
    Chunked(ChunkedScanner),
    Finished,
}

/// One step's outcome: bytes consumed, or where in the slice the violation is.
type Step = Result<usize, (usize, Violation)>;

/// Follows the requests of one HTTP/1 connection and stops at the first violation.
///
/// Feeding the same bytes in other pieces gives the same verdict at the same position.
///
/// ```
/// use keyward_server::listen::head::{HeadLimits, HeadScanner, Violation};
///
/// let mut scanner = HeadScanner::new(HeadLimits::default());
/// assert_eq!(scanner.scan(b"GET / HTTP/1.1\r\nHost: a\r\n"), Ok(()));
/// assert!(scanner.in_partial_head());
/// assert_eq!(scanner.scan(b"Host: b\r\n\r\n"), Err(Violation::Repeated));
/// ```
#[derive(Debug, Clone)]
pub struct HeadScanner {
    limits: HeadLimits,
    state: State,
    head: Head,
    word: Word,
    /// The empty line tolerated before a request line was seen (RFC 9112, section 2.2).
    skipped_empty_line: bool,
    position: u64,
    message_start: u64,
    heads: u64,
    violation: Option<Violation>,
}

impl HeadScanner {
    /// A scanner at the start of a connection.
    #[must_use]
    pub fn new(limits: HeadLimits) -> Self {
        Self {
            limits,
            state: State::Start,
            head: Head::default(),
            word: Word::default(),
            skipped_empty_line: false,
            position: 0,
            message_start: 0,
            heads: 0,
            violation: None,
        }
    }

    /// Looks at the next bytes of the connection.
    ///
    /// # Errors
    /// The first violation, which sticks: later calls return it again and look at nothing.
    pub fn scan(&mut self, input: &[u8]) -> Result<(), Violation> {
        if let Some(violation) = self.violation {
            return Err(violation);
        }
        let mut rest = input;
        while !rest.is_empty() {
            if matches!(self.state, State::Finished) {
                return Ok(());
            }
            match self.step(rest) {
                Ok(used) => {
                    self.position += used as u64;
                    rest = rest.get(used..).unwrap_or_default();
                    if matches!(self.state, State::Start | State::Finished) {
                        self.message_start = self.position;
                    }
                }
                Err((at, violation)) => {
                    self.position += at as u64;
                    self.violation = Some(violation);
                    return Err(violation);
                }
            }
        }
        Ok(())
    }

    /// Bytes accepted so far; after a violation, the offset of the offending byte.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The offset at which the current request (or the next one, between two) begins.
    #[must_use]
    pub fn message_start(&self) -> u64 {
        self.message_start
    }

    /// The violation that stopped the scan.
    #[must_use]
    pub fn violation(&self) -> Option<Violation> {
        self.violation
    }

    /// How many complete heads were accepted.
    #[must_use]
    pub fn heads(&self) -> u64 {
        self.heads
    }

    /// Whether a head has begun and is not complete.
    #[must_use]
    pub fn in_partial_head(&self) -> bool {
        self.in_head() && self.position > self.message_start
    }

    /// Whether the last complete request ended here, so that nothing of it is still to come.
    #[must_use]
    pub fn between_messages(&self) -> bool {
        self.position == self.message_start
    }

    /// Whether the last request of the connection is complete; what follows is not looked at.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        matches!(self.state, State::Finished)
    }

    /// Every byte before this offset belongs to a complete head or to a body.
    #[must_use]
    pub fn clear_to(&self) -> u64 {
        if self.in_head() { self.message_start } else { self.position }
    }

    fn in_head(&self) -> bool {
        !matches!(self.state, State::Body { .. } | State::Chunked(_) | State::Finished)
    }

    fn step(&mut self, rest: &[u8]) -> Step {
        match &mut self.state {
            State::Body { left } => {
                let used = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                *left -= used as u64;
                if *left == 0 {
                    self.end_message();
                }
                Ok(used)
            }
            State::Chunked(chunks) => match chunks.step(rest)? {
                ChunkStep::More(used) => Ok(used),
                ChunkStep::End(used) => {
                    self.end_message();
                    Ok(used)
                }
            },
            State::Finished => Ok(rest.len()),
            State::Start
            | State::EmptyLineEnd
            | State::Method
            | State::Target
            | State::Version
            | State::RequestLineEnd
            | State::LineStart
            | State::Name
            | State::ValueStart(_)
            | State::Value(_)
            | State::ValueEnd
            | State::HeadEnd => self.head_step(rest),
        }
    }

    fn head_step(&mut self, rest: &[u8]) -> Step {
        let size = usize::try_from(self.position - self.message_start).unwrap_or(usize::MAX);
        let room = self.limits.head_bytes.saturating_sub(size).min(rest.len());
        let Some((&byte, _)) = rest.get(..room).and_then(<[u8]>::split_first) else {
            return Err((0, Violation::HeadTooLong));
        };
        let window = rest.get(..room).unwrap_or_default();
        match self.state {
            State::Start => self.start(byte),
            State::EmptyLineEnd => self.line_feed(byte, State::Start),
            State::Method => self.method(window),
            State::Target => self.target(window),
            State::Version => self.version(byte),
            State::RequestLineEnd => self.line_feed(byte, State::LineStart),
            State::LineStart => self.line_start(byte, window),
            State::Name => self.name(window),
            State::ValueStart(field) => self.value_start(window, field),
            State::Value(field) => self.value(window, field),
            State::ValueEnd => self.line_feed(byte, State::LineStart),
            State::HeadEnd => self.head_end(byte),
            State::Body { .. } | State::Chunked(_) | State::Finished => Ok(0),
        }
    }

    fn start(&mut self, byte: u8) -> Step {
        if byte == b'\r' && !self.skipped_empty_line {
            self.skipped_empty_line = true;
            self.state = State::EmptyLineEnd;
            return Ok(1);
        }
        if byte == b'\r' || byte == b'\n' {
            return Err((0, Violation::LineEnd));
        }
        self.head = Head::default();
        self.word = Word::default();
        self.state = State::Method;
        Ok(0)
    }

    fn line_feed(&mut self, byte: u8, next: State) -> Step {
        if byte != b'\n' {
            return Err((0, Violation::LineEnd));
        }
        self.state = next;
        Ok(1)
    }

    fn method(&mut self, window: &[u8]) -> Step {
        let run = token_run(window);
        let token = window.get(..run).unwrap_or_default();
        if let Some(at) = self.word.push_all(token, METHOD_BYTES_MAX) {
            return Err((at, Violation::RequestLine));
        }
        match window.get(run) {
            None => Ok(run),
            // `CONNECT` would turn the connection into a tunnel, which no listener offers.
            Some(b' ') if !self.word.is_empty() && !self.word.equals(b"connect") => {
                self.state = State::Target;
                Ok(run + 1)
            }
            Some(b'\r' | b'\n') => Err((run, Violation::LineEnd)),
            Some(_) => Err((run, Violation::RequestLine)),
        }
    }

    fn target(&mut self, window: &[u8]) -> Step {
        let room = self.limits.target_bytes.saturating_sub(self.head.target_bytes);
        let run = target_run(window);
        if self.head.target_bytes == 0 {
            match window.first() {
                Some(b'/') => {}
                Some(b'*') if self.word.equals(b"options") => self.head.asterisk = true,
                _ => return Err((0, Violation::Target)),
            }
        }
        if self.head.asterisk && self.head.target_bytes + run > 1 {
            return Err((1_usize.saturating_sub(self.head.target_bytes), Violation::Target));
        }
        if run > room {
            return Err((room, Violation::TargetTooLong));
        }
        self.head.target_bytes += run;
        match window.get(run) {
            None => Ok(run),
            Some(b' ') => {
                self.word = Word::default();
                self.state = State::Version;
                Ok(run + 1)
            }
            Some(b'\r' | b'\n') => Err((run, Violation::LineEnd)),
            Some(_) => Err((run, Violation::Target)),
        }
    }

    fn version(&mut self, byte: u8) -> Step {
        const PATTERN: &[u8; 8] = b"HTTP/1.1";
        let at = self.word.len();
        match (PATTERN.get(at), byte) {
            (None, b'\r') => self.state = State::RequestLineEnd,
            (None, b'\n') => return Err((0, Violation::LineEnd)),
            (None, _) => return Err((0, Violation::RequestLine)),
            (Some(_), b'0') if at == 7 => self.head.http_1_0 = true,
            (Some(&want), got) if want == got => {}
            (Some(_), b'0'..=b'9') if at == 5 || at == 7 => return Err((0, Violation::Version)),
            (Some(_), _) => return Err((0, Violation::RequestLine)),
        }
        self.word.push(byte);
        Ok(1)
    }

    fn line_start(&mut self, byte: u8, window: &[u8]) -> Step {
        match byte {
            b'\r' => {
                self.state = State::HeadEnd;
                return Ok(1);
            }
            b'\n' => return Err((0, Violation::LineEnd)),
            b' ' | b'\t' => return Err((0, Violation::Fold)),
            _ => {}
        }
        self.head.header_count += 1;
        if self.head.header_count > self.limits.header_count {
            return Err((0, Violation::TooManyHeaders));
        }
        self.word = Word::default();
        self.state = State::Name;
        self.name(window)
    }

    fn name(&mut self, window: &[u8]) -> Step {
        let run = token_run(window);
        self.word.extend(window.get(..run).unwrap_or_default());
        match window.get(run) {
            None => Ok(run),
            Some(b':') if !self.word.is_empty() => {
                let field = Field::named(&self.word);
                self.head.note(field).map_err(|violation| (run, violation))?;
                self.word = Word::default();
                self.state = State::ValueStart(field);
                Ok(run + 1)
            }
            Some(b'\r' | b'\n') => Err((run, Violation::LineEnd)),
            Some(_) => Err((run, Violation::HeaderName)),
        }
    }

    fn value_start(&mut self, window: &[u8], field: Field) -> Step {
        let spaces = window.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let text = window.get(spaces..).unwrap_or_default();
        if text.is_empty() {
            return Ok(spaces);
        }
        self.state = State::Value(field);
        match self.value(text, field) {
            Ok(used) => Ok(spaces + used),
            Err((at, violation)) => Err((spaces + at, violation)),
        }
    }

    fn value(&mut self, window: &[u8], field: Field) -> Step {
        let run = value_run(window);
        let text = window.get(..run).unwrap_or_default();
        self.head.read_value(&mut self.word, text, field)?;
        match window.get(run) {
            None => Ok(run),
            Some(b'\r') => {
                self.head.end_value(&self.word, field).map_err(|violation| (run, violation))?;
                if window.get(run + 1) == Some(&b'\n') {
                    self.state = State::LineStart;
                    return Ok(run + 2);
                }
                self.state = State::ValueEnd;
                Ok(run + 1)
            }
            Some(b'\n') => Err((run, Violation::LineEnd)),
            Some(_) => Err((run, Violation::HeaderValue)),
        }
    }

    fn head_end(&mut self, byte: u8) -> Step {
        if byte != b'\n' {
            return Err((0, Violation::LineEnd));
        }
        let body = self.head.body().map_err(|violation| (0, violation))?;
        self.heads += 1;
        match body {
            BodyFraming::None => self.end_message(),
            BodyFraming::Length(left) => self.state = State::Body { left },
            BodyFraming::Chunked => self.state = State::Chunked(ChunkedScanner::default()),
        }
        Ok(1)
    }

    fn end_message(&mut self) {
        self.skipped_empty_line = false;
        // A client that asked to close sends nothing more; what it sends anyway has no meaning.
        self.state = if self.head.is_last() { State::Finished } else { State::Start };
    }
}

#[cfg(test)]
mod tests;
