//! Programs in front: found, started on the servers' core, measured and stopped.

use std::env;
use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::load::SERVER_CORE;
use crate::machine;

/// How long one may take until it listens: some read a large configuration first.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long one may take to end when it is asked to.
const END_TIMEOUT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);

/// Where an installed program is: on the path, where Debian has those of the administrator, or
/// where `scripts/setup.sh gateways` puts it.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/gateways/bin");
    let folders = env::split_paths(&path);
    let mut folders = folders.chain(["/usr/sbin".into(), "/usr/local/sbin".into(), tools]);
    folders.find_map(|folder| Some(folder.join(name)).filter(|program| program.is_file()))
}

/// What a program says of its version, if it is a number with dots.
pub(crate) fn version(program: &Path, ask: &str) -> Option<String> {
    let output = Command::new(program).arg(ask).output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    text.split(|c: char| !c.is_ascii_digit() && c != '.')
        .map(|word| word.trim_matches('.'))
        .find(|word| word.contains('.'))
        .map(str::to_owned)
}

/// A loopback port that was free a moment ago.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A running program with its output in a file. It is stopped when dropped.
pub(crate) struct Program {
    process: Child,
    log: PathBuf,
}

impl Program {
    /// Starts a program on the servers' core and waits until the port accepts.
    pub(crate) fn start(command: &mut Command, folder: &Path, port: u16) -> anyhow::Result<Self> {
        // What is started has the core of the thread that starts it.
        let started = std::thread::scope(|scope| {
            let starting = scope.spawn(|| {
                machine::pin_to_core(SERVER_CORE);
                Self::start_on_all_cores(command, folder, port)
            });
            starting.join()
        });
        started.map_err(|_| anyhow::anyhow!("starting ended badly"))?
    }

    /// The same on every core that there is.
    pub(crate) fn start_on_all_cores(
        command: &mut Command,
        folder: &Path,
        port: u16,
    ) -> anyhow::Result<Self> {
        let log = folder.join("output.log");
        let out = File::create(&log)?;
        command.stdin(Stdio::null()).stderr(out.try_clone()?).stdout(out).current_dir(folder);
        let process = command.spawn().with_context(|| format!("starting {command:?}"))?;
        let mut program = Self { process, log };
        let given_up_at = Instant::now() + START_TIMEOUT;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if program.process.try_wait()?.is_some() || Instant::now() > given_up_at {
                bail!("{command:?} does not listen:\n{}", program.output());
            }
            std::thread::sleep(PAUSE);
        }
        Ok(program)
    }

    /// The end of what it printed.
    pub(crate) fn output(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let start = text.len().saturating_sub(4096);
        String::from_utf8_lossy(&text[start..]).into_owned()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// CPU time that it and all that it started have had, in nanoseconds.
    pub(crate) fn cpu_ns(&self) -> anyhow::Result<u64> {
        machine::tree(self.process.id())?.into_iter().map(machine::process_cpu_ns).sum()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let tree = machine::tree(self.process.id()).unwrap_or_default();
        // Asked first, so that it takes its workers along.
        let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
        let given_up_at = Instant::now() + END_TIMEOUT;
        while matches!(self.process.try_wait(), Ok(None)) && Instant::now() < given_up_at {
            std::thread::sleep(PAUSE);
        }
        if matches!(self.process.try_wait(), Ok(None)) {
            for pid in tree.into_iter().filter_map(|pid| Pid::from_raw(pid.cast_signed())) {
                let _ = kill_process(pid, Signal::KILL);
            }
            let _ = self.process.wait();
        }
    }
}
