//! What server and worker say to each other: frames of a length and a message in JSON, with one
//! schema that both sides were built with.

use std::io::{self, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::cache::CacheEntry;
use crate::limits::Limits;
use crate::sandbox::SandboxReport;

/// The most bytes of a message to a worker: code, an event with a long list, secrets, the cache.
pub(crate) const REQUEST_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The most bytes of a worker's answer.
pub(crate) const REPLY_BYTES_MAX: usize = 1024 * 1024;

/// The codes that `api.access.deny` takes (as Auth0's).
pub const DENY_CODES: [&str; 3] = ["invalid_scope", "invalid_request", "server_error"];
/// The most characters of a reason for a refusal.
pub(crate) const REASON_CHARS_MAX: usize = 1_024;
/// The most bytes of all custom claims together (as Auth0's).
pub(crate) const CLAIMS_BYTES_MAX: usize = 100 * 1024;
/// The most lines that a run may write to the console; further ones are counted.
pub(crate) const CONSOLE_LINES_MAX: usize = 256;
/// The most characters of a line.
pub(crate) const CONSOLE_LINE_CHARS_MAX: usize = 2_048;
/// The most bytes that a run may write to the console; further lines are counted.
pub(crate) const CONSOLE_BYTES_MAX: usize = 64 * 1024;
/// The most writes to the cache in one run.
pub(crate) const CACHE_WRITES_MAX: usize = 64;
/// The most scopes that a token can be asked to have.
pub(crate) const SCOPES_MAX: usize = 1_000;
/// The most characters of an error's name.
pub(crate) const ERROR_NAME_CHARS_MAX: usize = 100;
/// The most characters of what is told of an error.
pub(crate) const ERROR_CHARS_MAX: usize = 4_096;

/// What the server asks of a worker.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Request {
    /// Compile a script and keep it under a name.
    Load { script: String, code: String },
    /// Run a script that was loaded.
    Run(RunRequest),
    /// Try something that the sandbox must not let through.
    Probe(Probe),
}

/// What a script is run with.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRequest {
    /// Which script: the name that it was loaded under.
    pub script: String,
    /// `event`, but for what stands below, as JSON.
    pub event: String,
    /// `event.secrets`, as JSON.
    pub secrets: String,
    /// The networks of `event.client.allowlist`, as a JSON array of texts.
    pub allowlist: String,
    /// What the cache holds.
    pub cache: Vec<CacheEntry>,
    /// The present moment, in milliseconds since the Unix epoch.
    pub now_ms: i64,
    /// What it may use.
    pub limits: Limits,
}

impl std::fmt::Debug for RunRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunRequest").field("script", &self.script).finish_non_exhaustive()
    }
}

/// What a worker can be asked to try, to see that it cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// Read a file.
    ReadFile,
    /// Make a file.
    WriteFile,
    /// Open a connection.
    Connect,
    /// Start a program.
    Spawn,
    /// Start a thread.
    Thread,
    /// Send a signal to another process.
    Signal,
    /// Take more memory than a worker may have.
    Memory,
    /// Nothing: the worker must still be well after it.
    Nothing,
}

impl Probe {
    /// All that must fail.
    pub const FORBIDDEN: [Self; 7] = [
        Self::ReadFile,
        Self::WriteFile,
        Self::Connect,
        Self::Spawn,
        Self::Thread,
        Self::Signal,
        Self::Memory,
    ];
}

/// What a worker answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Reply {
    /// It is ready, and this is what holds it.
    Ready(SandboxReport),
    /// The script was compiled.
    Loaded,
    /// The script cannot be compiled.
    Rejected(Failure),
    /// The script has run.
    Finished(Box<RunReport>),
    /// What a probe tried did work.
    Escaped(String),
    /// What a probe tried failed without ending the worker.
    Withheld(String),
}

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunReport {
    /// Why it failed, if it did. Then nothing else in here counts but the console.
    pub failure: Option<Failure>,
    /// The code and the reason of the first refusal.
    pub denied: Option<(String, String)>,
    /// The claims that were set, each with its value as JSON, in the order of the calls.
    pub claims: Vec<(String, String)>,
    /// The scopes that the token is to have, where the script said so.
    pub scopes: Option<Vec<String>>,
    /// What is to change in the cache.
    pub cache: Vec<CacheWrite>,
    /// What was written to the console.
    pub console: Vec<ConsoleLine>,
    /// How many lines more there were.
    pub console_dropped: u32,
    /// The processor time that it took, in microseconds.
    pub cpu_us: u64,
}

/// A change of the cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CacheWrite {
    /// A value is kept.
    Set(CacheEntry),
    /// A key is forgotten.
    Delete(String),
}

/// A line of the console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsoleLine {
    /// Which function wrote it.
    pub level: Level,
    /// What it says.
    pub text: String,
}

/// Which function of `console` wrote a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// `console.debug`.
    Debug,
    /// `console.log`.
    Log,
    /// `console.info`.
    Info,
    /// `console.warn`.
    Warn,
    /// `console.error`.
    Error,
    /// `console.trace`.
    Trace,
}

impl Level {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Log => "log",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Trace => "trace",
        }
    }

    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "debug" => Self::Debug,
            "info" => Self::Info,
            "warn" => Self::Warn,
            "error" => Self::Error,
            "trace" => Self::Trace,
            _ => Self::Log,
        }
    }
}

/// Why an Action did not come to a result. The caller of the token endpoint learns none of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// What kind.
    pub kind: FailureKind,
    /// The name of the error, such as `TypeError`.
    pub name: String,
    /// What it says.
    pub message: String,
    /// Where in the script.
    pub stack: String,
}

impl Failure {
    /// A failure of a kind, in words.
    #[must_use]
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        let name = kind.error_name().to_owned();
        Self { kind, name, message: message.into(), stack: String::new() }
    }
}

/// The kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The script threw, or a promise that nobody waited for was rejected.
    Threw,
    /// It cannot be compiled.
    Syntax,
    /// It used up its processor time.
    Cpu,
    /// It took longer than it may, by the clock.
    Clock,
    /// It used up its memory.
    Memory,
    /// It exports no function of the right name.
    NoHandler,
    /// Its promise never settles.
    Pending,
    /// It called the `api` in a way that has no meaning.
    Misuse,
    /// It set more, or larger, claims than there may be.
    TooLarge,
    /// Its worker ended while it ran.
    Crashed,
    /// Its worker answered something that is no answer.
    Malformed,
    /// There is no worker for it.
    NoWorker,
    /// There is nothing to run: the Action is gone, was never deployed or cannot be read.
    NoVersion,
}

impl FailureKind {
    /// Stable, for programs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Threw => "threw",
            Self::Syntax => "syntax",
            Self::Cpu => "cpu",
            Self::Clock => "clock",
            Self::Memory => "memory",
            Self::NoHandler => "no_handler",
            Self::Pending => "pending",
            Self::Misuse => "misuse",
            Self::TooLarge => "too_large",
            Self::Crashed => "crashed",
            Self::Malformed => "malformed",
            Self::NoWorker => "no_worker",
            Self::NoVersion => "no_version",
        }
    }

    const fn error_name(self) -> &'static str {
        match self {
            Self::Threw | Self::NoHandler | Self::Pending => "Error",
            Self::Syntax => "SyntaxError",
            Self::Cpu | Self::Clock => "TimeoutError",
            Self::Memory | Self::TooLarge => "RangeError",
            Self::Misuse => "TypeError",
            Self::Crashed | Self::Malformed | Self::NoWorker | Self::NoVersion => "InternalError",
        }
    }

    /// Whether a worker can be used on after it. Security: what an engine did in despair is not
    /// handed on to the next run.
    pub(crate) const fn spares_the_worker(self) -> bool {
        match self {
            Self::Threw
            | Self::Syntax
            | Self::NoHandler
            | Self::Pending
            | Self::Misuse
            | Self::NoVersion
            | Self::NoWorker => true,
            Self::Cpu
            | Self::Clock
            | Self::Memory
            | Self::TooLarge
            | Self::Crashed
            | Self::Malformed => false,
        }
    }
}

/// Makes a frame.
pub(crate) fn frame<T: Serialize>(message: &T, bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut out = vec![0; 4];
    serde_json::to_writer(&mut out, message)?;
    let length = out.len().saturating_sub(4);
    let prefix = u32::try_from(length).ok().filter(|_| length <= bytes_max);
    let prefix = prefix.ok_or_else(|| io::Error::other("the message is too long"))?;
    out.iter_mut().zip(prefix.to_le_bytes()).for_each(|(to, from)| *to = from);
    Ok(out)
}

/// How long the message is that a prefix announces.
pub(crate) fn length(prefix: [u8; 4], bytes_max: usize) -> io::Result<usize> {
    let length = usize::try_from(u32::from_le_bytes(prefix)).ok();
    let length = length.filter(|length| *length <= bytes_max);
    length.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the message is too long"))
}

/// Reads a message; `None` at the end of the pipe.
pub(crate) fn read<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<Option<T>> {
    let mut prefix = [0; 4];
    match from.read_exact(&mut prefix) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut body = vec![0; length(prefix, REQUEST_BYTES_MAX)?];
    from.read_exact(&mut body)?;
    Ok(Some(serde_json::from_slice(&body)?))
}

/// Writes a message.
pub(crate) fn write<T: Serialize>(to: &mut impl Write, message: &T) -> io::Result<()> {
    to.write_all(&frame(message, REPLY_BYTES_MAX)?)?;
    to.flush()
}

/// The first characters of a text.
pub(crate) fn shortened(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut pipe = frame(&Request::Probe(Probe::Nothing), REQUEST_BYTES_MAX).unwrap();
        pipe.extend(frame(&Request::Probe(Probe::Connect), REQUEST_BYTES_MAX).unwrap());
        let mut pipe = pipe.as_slice();
        assert!(matches!(read(&mut pipe).unwrap(), Some(Request::Probe(Probe::Nothing))));
        assert!(matches!(read(&mut pipe).unwrap(), Some(Request::Probe(Probe::Connect))));
        assert!(read::<Request>(&mut pipe).unwrap().is_none());
    }

    #[test]
    fn what_is_too_long_or_has_other_fields_is_no_message() {
        let long = (u32::MAX).to_le_bytes();
        assert!(read::<Request>(&mut long.as_slice()).is_err());
        assert!(frame(&"x".repeat(100), 10).is_err());
        let mut other = br#"{"load":{"script":"a","code":"","more":1}}"#.to_vec();
        let length = u32::try_from(other.len()).unwrap().to_le_bytes();
        other.splice(0..0, length);
        assert!(read::<Request>(&mut other.as_slice()).is_err());
    }
}
