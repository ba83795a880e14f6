//! The documents' tours, command by command, as a reader would type them.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::process::Command;

use crate::application::Application;
use crate::documents::{Block, blocks, document, readme_snippet};
use crate::processes::{Process, accepts, free_port, is_ok, keyward, start_nginx};

/// Blocks noted `tour: …`; a line `# => text` says what the output before it must contain.
fn tour_blocks() -> Vec<Block> {
    let readme = document("README.md");
    let tour: Vec<Block> =
        blocks(&readme).into_iter().filter(|block| block.note.starts_with("tour")).collect();
    assert!(tour.len() >= 3, "README.md has a tour of at least three blocks");
    tour
}

#[tokio::test]
async fn the_readmes_tour_does_what_it_says() {
    let folder = TempDir::new().unwrap();
    let application = Application::start().await;
    let (public, gate, ops, front) = (free_port(), free_port(), free_port(), free_port());
    // The README's ports are likely taken on the machine of a developer, who runs Keyward.
    let here = |text: &str| {
        text.replace("127.0.0.1:8080", &format!("127.0.0.1:{public}"))
            .replace("127.0.0.1:8081", &format!("127.0.0.1:{gate}"))
            .replace("127.0.0.1:9090", &format!("127.0.0.1:{ops}"))
            .replace("127.0.0.1:8000", &format!("127.0.0.1:{front}"))
            .replace("127.0.0.1:3000", &application.address.to_string())
            .replace("listen 8000", &format!("listen 127.0.0.1:{front}"))
            .replace(
                "keyward serve",
                &format!(
                    "exec keyward serve --public 127.0.0.1:{public} --gate 127.0.0.1:{gate} \
                     --ops 127.0.0.1:{ops}"
                ),
            )
    };
    let (background, typed): (Vec<Block>, Vec<Block>) =
        tour_blocks().into_iter().partition(|block| block.note == "tour: another terminal");

    let mut servers = Vec::new();
    for block in &background {
        let mut command = std::process::Command::new("bash");
        command.arg("-ec").arg(here(&block.text)).current_dir(folder.path()).env("PATH", path());
        servers.push(Process::start(&mut command, &folder.path().join("serve.log")));
    }
    let server = servers.first_mut().expect("the tour starts keyward in another terminal");
    let ready = format!("http://127.0.0.1:{ops}/readyz");
    server.wait_until("keyward is ready", || is_ok(&ready)).await;
    let mut nginx = start_nginx(folder.path(), &here(&readme_snippet()));
    nginx.wait_until("nginx accepts connections", || accepts(front)).await;

    let script: String = typed.iter().map(|block| typed_lines(&here(&block.text))).collect();
    let output = run_script(&script, folder.path(), &[]).await;
    assert!(check(&output) >= 5, "the tour shows at least five answers:\n{output}");
}

/// The folder of the binary under test comes first.
fn path() -> std::ffi::OsString {
    let mut folders = vec![keyward().parent().unwrap().to_owned()];
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    std::env::join_paths(folders).unwrap()
}

/// Runs commands as typed into a shell, with what they print and what they complain of.
pub(crate) async fn run_script(
    script: &str,
    folder: &Path,
    environment: &[(&'static str, String)],
) -> String {
    let mut command = Command::new("bash");
    // No `-e`: some commands of the tour are refused on purpose, and say so by their status.
    command.args(["-uc", script]).current_dir(folder).env("PATH", path());
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    let output = command.stdin(Stdio::null()).output().await.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("command not found"), "{stderr}");
    format!("{}\n--- standard error\n{stderr}", String::from_utf8_lossy(&output.stdout))
}

/// A block's commands, with each promise (`# => text`) printed where it stands.
pub(crate) fn typed_lines(block: &str) -> String {
    let mut script = String::new();
    for line in block.lines() {
        match line.trim().strip_prefix("# => ") {
            Some(expected) => writeln!(script, "printf '\\n=> %s\\n' '{expected}'").unwrap(),
            None => writeln!(script, "{line}").unwrap(),
        }
    }
    script
}

/// Every `=> text` must be preceded, since the one before, by output that contains the text.
pub(crate) fn check(output: &str) -> usize {
    let mut since = String::new();
    let mut promises = 0;
    for line in output.lines() {
        let Some(expected) = line.strip_prefix("=> ") else {
            since.push_str(line);
            since.push('\n');
            continue;
        };
        assert!(since.contains(expected), "expected `{expected}` in:\n{since}\nof:\n{output}");
        promises += 1;
        since.clear();
    }
    promises
}
