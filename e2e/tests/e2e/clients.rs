//! The clients that teams have already, as published: Auth0's SDKs in several generations, its
//! deploy tool, and standard libraries. Each manages Keyward, gets tokens and calls the guarded API
//! in a script of `e2e/clients`; what it must find stands there, in its own language.

mod answers;
mod deploy;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use answers::Answers;

use crate::applications::{on_path, project};
use crate::stack::Stack;

/// A folder that `make e2e` puts clients into.
fn installed(name: &str) -> PathBuf {
    project("target/tools/clients").join(name)
}

/// Node.js and the folder of its clients.
fn node_js() -> Option<(PathBuf, PathBuf)> {
    let libraries = installed("node").join("node_modules");
    let found = on_path("node").filter(|_| libraries.is_dir());
    let found = found.map(|node| (node, libraries.canonicalize().unwrap()));
    found.or_else(|| skipped("Node.js 20 with npm (Debian: nodejs npm)"))
}

fn skipped<T>(runtime: &str) -> Option<T> {
    eprintln!("skipped: the clients need {runtime}; install it, then run `make e2e` again");
    None
}

/// A script in a folder of its own, beside the libraries it uses.
fn javascript(folder: &Path, script: &str) -> Option<Command> {
    let (node, libraries) = node_js()?;
    let folder = folder.join("clients");
    fs::create_dir(&folder).unwrap();
    for file in fs::read_dir(project("e2e/clients/node")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), folder.join(file.file_name())).unwrap();
    }
    symlink(libraries, folder.join("node_modules")).unwrap();
    let mut command = Command::new(node);
    command.arg(script).current_dir(folder);
    Some(command)
}

fn python(version: &str, script: &str) -> Option<Command> {
    let python = installed(version).join("bin/python");
    if !python.is_file() {
        return skipped("Python 3.10 (Debian: python3 python3-venv)");
    }
    let mut command = Command::new(python);
    command.arg("-B").arg(script).current_dir(project("e2e/clients/python"));
    Some(command)
}

/// What every client is told: where the server is, whom to trust, who it is, and where the guarded
/// API is.
fn environment(stack: &Stack) -> Vec<(&'static str, String)> {
    let administrator = stack.node.administrator();
    let authority = stack.node.authority().unwrap().display().to_string();
    vec![
        ("DOMAIN", format!("localhost:{}", stack.node.ports.public)),
        ("CLIENT_ID", administrator.id),
        ("CLIENT_SECRET", administrator.secret),
        ("GUARDED", stack.guarded.clone()),
        ("NODE_EXTRA_CA_CERTS", authority.clone()),
        ("SSL_CERT_FILE", authority.clone()),
        ("REQUESTS_CA_BUNDLE", authority),
        ("NO_PROXY", "*".to_owned()),
    ]
}

/// Runs a script to its end against a server with TLS and a guarded API.
async fn run(script: impl FnOnce(&Path) -> Option<Command>) {
    let stack = Stack::start_with_tls().await;
    let Some(mut command) = script(stack.node.folder()) else { return };
    let answers = Answers::new(stack.node.folder());
    command.envs(environment(&stack)).envs(answers.environment()).kill_on_drop(true);
    let output = command.output().await.unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    // Its last word, so that a script that ends early does not pass.
    let is_done = output.status.success() && stdout.ends_with("done\n");
    assert!(is_done, "{}\n{stdout}\n{stderr}\n{}", output.status, stack.node.process.output());
    assert!(stack.application.seen() > 0, "nothing got through");
    let is_watched = command.as_std().get_program().to_string_lossy().ends_with("node");
    assert!(answers.compare() > 0 || !is_watched, "no answer was kept");
}

#[tokio::test]
async fn auth0_7_for_node() {
    run(|folder| {
        let mut command = javascript(folder, "fern.mjs")?;
        command.arg("7");
        Some(command)
    })
    .await;
}

#[tokio::test]
async fn auth0_6_for_node() {
    run(|folder| {
        let mut command = javascript(folder, "fern.mjs")?;
        command.arg("6");
        Some(command)
    })
    .await;
}

#[tokio::test]
async fn auth0_4_for_node() {
    run(|folder| javascript(folder, "v4.mjs")).await;
}

#[tokio::test]
async fn openid_client_and_express_oauth2_jwt_bearer() {
    run(|folder| javascript(folder, "standards.mjs")).await;
}

#[tokio::test]
async fn every_library_that_signs_instead_of_showing_a_secret() {
    run(|folder| javascript(folder, "keys.mjs")).await;
}

#[tokio::test]
async fn auth0_6_for_python() {
    run(|_| python("python-6", "v6.py")).await;
}

#[tokio::test]
async fn auth0_4_and_auth0_api_for_python() {
    run(|_| python("python-4", "v4.py")).await;
}
