//! One worker, from the outside.

use std::collections::HashSet;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

use super::{WorkerProgram, malformed};
use crate::sandbox::SandboxReport;
use crate::wire::{
    Failure, FailureKind, REPLY_BYTES_MAX, REQUEST_BYTES_MAX, Reply, Request, frame, length,
};

const ABORT: i32 = rustix::process::Signal::ABORT.as_raw();
const KILL: i32 = rustix::process::Signal::KILL.as_raw();
/// The name of the failure when a worker ended itself.
pub(super) const ABORTED: &str = "Aborted";
/// The name of the failure when somebody else ended a worker.
pub(super) const KILLED: &str = "Killed";
/// How long one waits to learn how a worker ended.
const ENDING: Duration = Duration::from_millis(500);

/// A worker. Dropping it kills it.
pub(super) struct Worker {
    child: Child,
    pipe: UnixStream,
    /// What holds it.
    pub(super) sandbox: SandboxReport,
    /// Which scripts it has.
    pub(super) loaded: HashSet<String>,
    /// How often it ran one.
    pub(super) runs: u32,
}

impl Worker {
    /// Starts one and waits until it is ready.
    ///
    /// # Errors
    /// Why it is not.
    pub(super) async fn start(program: &WorkerProgram, limit: Duration) -> Result<Self, Failure> {
        let (child, pipe) = spawn(program).map_err(|error| {
            let file = program.program.display();
            Failure::new(FailureKind::NoWorker, format!("cannot start {file}: {error}"))
        })?;
        let sandbox = SandboxReport { in_force: Vec::new(), missing: Vec::new() };
        let mut worker = Self { child, pipe, sandbox, loaded: HashSet::new(), runs: 0 };
        match worker.answer(limit, None).await? {
            Reply::Ready(sandbox) => worker.sandbox = sandbox,
            Reply::Rejected(failure) => return Err(failure),
            Reply::Loaded | Reply::Finished(_) | Reply::Escaped(_) | Reply::Withheld(_) => {
                return Err(malformed("it answered before it was asked"));
            }
        }
        Ok(worker)
    }

    pub(super) fn process(&self) -> Option<u32> {
        self.child.id()
    }

    pub(super) fn lives(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// Why there is none; the worker is of no use then.
    pub(super) async fn exchange(
        &mut self,
        request: &Request,
        limit: Duration,
    ) -> Result<Reply, Failure> {
        let frame = frame(request, REQUEST_BYTES_MAX).map_err(|error| {
            Failure::new(FailureKind::TooLarge, format!("what the Action is given: {error}"))
        })?;
        self.answer(limit, Some(&frame)).await
    }

    async fn answer(&mut self, limit: Duration, frame: Option<&[u8]>) -> Result<Reply, Failure> {
        let exchanged = tokio::time::timeout(limit, exchange(&mut self.pipe, frame)).await;
        match exchanged {
            Ok(Ok(body)) => {
                serde_json::from_slice(&body).map_err(|error| malformed(&error.to_string()))
            }
            Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
                Err(malformed(&error.to_string()))
            }
            Ok(Err(error)) => Err(self.ended(&error).await),
            Err(_) => {
                let message = format!("the Action took longer than {} ms", limit.as_millis());
                Err(Failure::new(FailureKind::Clock, message))
            }
        }
    }

    /// What became of it, when the pipe says that it is gone.
    async fn ended(&mut self, error: &io::Error) -> Failure {
        let status = tokio::time::timeout(ENDING, self.child.wait()).await;
        let status = status.ok().and_then(Result::ok);
        let how = status.map_or_else(|| error.to_string(), how_it_ended);
        let message = format!("the worker ended while the Action ran: {how}");
        let mut failure = Failure::new(FailureKind::Crashed, message);
        match status.and_then(|status| status.signal()) {
            Some(ABORT) => ABORTED.clone_into(&mut failure.name),
            Some(KILL) => KILLED.clone_into(&mut failure.name),
            _ => {}
        }
        failure
    }
}

async fn exchange(pipe: &mut UnixStream, frame: Option<&[u8]>) -> io::Result<Vec<u8>> {
    if let Some(frame) = frame {
        pipe.write_all(frame).await?;
    }
    let mut prefix = [0; 4];
    pipe.read_exact(&mut prefix).await?;
    let mut body = vec![0; length(prefix, REPLY_BYTES_MAX)?];
    pipe.read_exact(&mut body).await?;
    Ok(body)
}

/// Security: nothing of this process is handed down but one end of one pipe. That end is standard
/// output and standard error as well, so that words of a library can only spoil an answer.
fn spawn(program: &WorkerProgram) -> io::Result<(Child, UnixStream)> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let theirs = OwnedFd::from(theirs);
    let mut command = Command::new(&program.program);
    command
        .arg0("keyward")
        .args(&program.arguments)
        .env_clear()
        .current_dir("/")
        .process_group(0)
        .kill_on_drop(true)
        .stdin(Stdio::from(theirs.try_clone()?))
        .stdout(Stdio::from(theirs.try_clone()?))
        .stderr(Stdio::from(theirs));
    let child = command.spawn()?;
    Ok((child, UnixStream::from_std(ours)?))
}

fn how_it_ended(status: ExitStatus) -> String {
    const SYSTEM_CALL: i32 = rustix::process::Signal::SYS.as_raw();
    match status.signal() {
        Some(SYSTEM_CALL) => "it made a system call that it may not make".to_owned(),
        _ => status.to_string(),
    }
}
