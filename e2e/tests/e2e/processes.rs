//! The processes under test, each killed with its children when its handle goes.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::{IpAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use reqwest::{Certificate, Client, ClientBuilder};
pub(crate) use rustix::process::Signal;
use rustix::process::{Pid, kill_process, kill_process_group};

/// How long anything may take to come up before the test gives up on it.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A running program with its output in a file.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program whose output goes to `log`.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Process {
        let out = File::options().create(true).append(true).open(log).unwrap();
        let err = out.try_clone().unwrap();
        // A group of its own, so that workers go when their master is killed.
        let command = command.process_group(0).stdin(Stdio::null()).stdout(out).stderr(err);
        let child = command.spawn();
        let child = child.unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        Process { child, log: log.to_owned() }
    }

    /// Stops it at once, as a crash or `kill -9` would, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        kill_process_group(self.pid(), Signal::KILL).ok();
        self.child.wait().ok();
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let mut ask_again = tokio::time::interval(Duration::from_millis(20));
        let given_up_at = Instant::now() + START_TIMEOUT;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < given_up_at, "does not end:\n{}", self.output());
            ask_again.tick().await;
        }
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// What it has printed so far.
    pub(crate) fn output(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Asks `ready` until it says yes; fails with the output when the program ends or is too slow.
    pub(crate) async fn wait_until<F, W>(&mut self, what: &str, ready: F)
    where
        F: Fn() -> W,
        W: Future<Output = bool>,
    {
        // Another process has no event to await, so it is asked again and again.
        let mut ask_again = tokio::time::interval(Duration::from_millis(20));
        let given_up_at = Instant::now() + START_TIMEOUT;
        while !ready().await {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("ended with {status} before {what}:\n{}", self.output());
            }
            assert!(Instant::now() < given_up_at, "too slow: {what}:\n{}", self.output());
            ask_again.tick().await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The built binary: `KEYWARD_BIN`, or the one beside this test's own program.
pub(crate) fn keyward() -> PathBuf {
    std::env::var_os("KEYWARD_BIN").map_or_else(|| built("keyward"), |path| is_built(path.into()))
}

/// A program of the workspace, beside this test's own.
pub(crate) fn built(package: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    is_built(test.parent().and_then(Path::parent).unwrap().join(package))
}

fn is_built(binary: PathBuf) -> PathBuf {
    let binary = binary.canonicalize().unwrap_or(binary);
    assert!(
        binary.is_file(),
        "nothing at {}: run `make e2e`, or `cargo build --workspace --bins` first",
        binary.display()
    );
    binary
}

/// An installed program: on the path, where Debian has those of the administrator, or where
/// `make e2e` puts it.
pub(crate) fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/gateways/bin");
    let folders = std::env::split_paths(&path);
    let folders = folders.chain(["/usr/sbin".into(), "/usr/local/sbin".into(), tools]);
    let found = folders.map(|folder| folder.join(name)).find(|program| program.is_file());
    found.unwrap_or_else(|| panic!("{name} is not installed: run `make e2e`, which installs it"))
}

/// Starts nginx in the foreground with everything it writes below `folder`, and this inside its
/// `http { }`.
pub(crate) fn start_nginx(folder: &Path, http: &str) -> Process {
    let file = write_nginx(folder, http);
    let mut command = Command::new(program("nginx"));
    command.args([OsStr::new("-p"), folder.as_os_str(), OsStr::new("-c"), file.as_os_str()]);
    command.args([OsStr::new("-e"), OsStr::new("stderr")]);
    Process::start(&mut command, &folder.join("nginx.log"))
}

/// Writes nginx's main file around what stands inside its `http { }`.
pub(crate) fn write_nginx(folder: &Path, http: &str) -> PathBuf {
    let at = |name: &str| folder.join(name).display().to_string();
    // The workers must reach the folder of the one who runs the test.
    let user = if rustix::process::geteuid().is_root() { "user root;\n" } else { "" };
    let config = format!(
        "{user}daemon off;\npid {pid};\nworker_processes 1;\n\
         events {{ worker_connections 256; }}\n\
         http {{\naccess_log off;\nclient_body_temp_path {body};\nproxy_temp_path {proxy};\n\
         fastcgi_temp_path {fastcgi};\nuwsgi_temp_path {uwsgi};\nscgi_temp_path {scgi};\n{http}\n}}\n",
        pid = at("nginx.pid"),
        body = at("body"),
        proxy = at("proxy"),
        fastcgi = at("fastcgi"),
        uwsgi = at("uwsgi"),
        scgi = at("scgi"),
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, config).unwrap();
    file
}

/// A loopback port that was free a moment ago: below the range that outgoing connections take,
/// and another range for each test process.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + u16::try_from(std::process::id() % 1_000).unwrap() * 20;
    for _ in 0..1_000 {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port above {first}");
}

/// A client of HTTP whose connections come from one loopback address.
pub(crate) fn http_client(from: &str) -> Client {
    http_client_builder(from).build().unwrap()
}

/// The same, trusting the authority of a PEM file and no other.
pub(crate) fn http_client_trusting(from: &str, authority: &Path) -> Client {
    let authority = Certificate::from_pem(&fs::read(authority).unwrap()).unwrap();
    http_client_builder(from).tls_certs_only([authority]).build().unwrap()
}

fn http_client_builder(from: &str) -> ClientBuilder {
    let from: IpAddr = from.parse().unwrap();
    Client::builder().local_address(from).no_proxy().timeout(Duration::from_secs(20))
}

/// Whether a URL answers 200.
pub(crate) async fn is_ok(url: &str) -> bool {
    let answer = http_client("127.0.0.1").get(url).send().await;
    answer.is_ok_and(|response| response.status() == 200)
}

/// Whether a loopback port accepts connections.
pub(crate) async fn accepts(port: u16) -> bool {
    accepts_at(&format!("127.0.0.1:{port}")).await
}

/// Whether an address with a port accepts connections.
pub(crate) async fn accepts_at(place: &str) -> bool {
    tokio::net::TcpStream::connect(place).await.is_ok()
}
