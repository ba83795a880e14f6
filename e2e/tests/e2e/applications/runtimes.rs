//! What the examples need besides Keyward. What is not there is said, and its tests are skipped:
//! nobody who changes Keyward needs all of these languages.

use std::path::{Path, PathBuf};

/// A folder of the project's root.
pub(crate) fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Node.js and the libraries of one example.
pub(crate) fn node_js(example: &str) -> Option<(PathBuf, PathBuf)> {
    let libraries = project("target/tools/applications").join(example).join("node_modules");
    let node = on_path("node").filter(|_| libraries.is_dir());
    let node = node.or_else(|| skipped(example, "Node.js 20 with npm (Debian: nodejs npm)"))?;
    Some((node, libraries.canonicalize().unwrap()))
}

/// A Python with the libraries of one example.
pub(crate) fn python(example: &str) -> Option<PathBuf> {
    let folder = project("target/tools/applications/python");
    let python = folder.join("bin/python");
    let found = Some(python).filter(|python| python.is_file() && folder.join(example).is_file());
    found.or_else(|| skipped(example, "Python 3.10 (Debian: python3 python3-venv)"))
}

/// Go.
pub(crate) fn go(example: &str) -> Option<PathBuf> {
    on_path("go").or_else(|| skipped(example, "Go 1.19 (Debian: golang-go)"))
}

/// A program on the path.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

fn skipped<T>(example: &str, runtime: &str) -> Option<T> {
    eprintln!("skipped: examples/{example} needs {runtime}; install it, then run `make e2e` again");
    None
}
