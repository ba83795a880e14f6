//! npm's oidc-provider, as `scripts/setup.sh issuers` installs it.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use keyward_core::jwk::Algorithm;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{CLIENTS, audience};
use crate::gateways::program::{Program, find, free_port, version};
use crate::population;

const SERVER: &str = include_str!("../../oidc-provider/server.js");

/// It, running.
pub(super) struct OidcProvider {
    program: Program,
    pub(super) port: u16,
    /// Its own, and that of Node.js.
    pub(super) version: String,
    _folder: TempDir,
}

impl OidcProvider {
    /// Starts it, if it is installed.
    pub(super) fn start() -> anyhow::Result<Option<Self>> {
        let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/oidc-provider");
        let package = installed.join("node_modules/oidc-provider/package.json");
        let (Some(node), Ok(package)) = (find("node"), fs::read(package)) else { return Ok(None) };
        let package: Value = serde_json::from_slice(&package)?;
        let own = package["version"].as_str().context("oidc-provider without a version")?;
        let version = format!("{own}, Node.js {}", version(&node, "--version").unwrap_or_default());

        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        let settings = folder.path().join("settings.json");
        fs::write(&settings, self::settings(port).to_string())?;
        // Its libraries are found from where it lies.
        let server = installed.canonicalize()?.join("server.js");
        fs::write(&server, SERVER)?;
        let mut command = Command::new(node);
        command.arg(server).arg(settings).env("NODE_ENV", "production").env_remove("DEBUG");
        let program = Program::start(&mut command, folder.path(), port)?;
        Ok(Some(Self { program, port, version, _folder: folder }))
    }

    pub(super) fn cpu_ns(&self) -> anyhow::Result<u64> {
        self.program.cpu_ns()
    }
}

fn settings(port: u16) -> Value {
    let client = |number| {
        let secret = population::secret(number);
        json!({ "id": population::id(number).to_string(), "secret": secret.reveal() })
    };
    let api = |algorithm| json!({ "audience": audience(algorithm), "alg": algorithm.name() });
    json!({
        "port": port,
        "scope": population::SCOPES.join(" "),
        "clients": (0..CLIENTS).map(client).collect::<Vec<_>>(),
        "apis": Algorithm::ALL.into_iter().map(api).collect::<Vec<_>>(),
    })
}
