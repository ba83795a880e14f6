//! `keyward serve` with a client that may get tokens, and Actions to bind.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyward_server::services::{ADMIN_FILE, AdminFile};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Script;
use crate::gateways::program::{Program, free_port};
use crate::load::{Prepared, ask};
use crate::machine;
use crate::population::{AUDIENCE, SCOPES};

const BINDINGS: &str = "/api/v2/actions/triggers/credentials-exchange/bindings";

/// Where the program is. Whoever came by cargo has it built first, so that it is not an old one.
pub(super) fn program() -> anyhow::Result<Option<PathBuf>> {
    let program = std::env::current_exe()?.with_file_name("keyward");
    if let Some(cargo) = std::env::var_os("CARGO") {
        let mut build = Command::new(cargo);
        // With this package named as well, what both depend on is built once.
        build.args(["build", "--locked", "-p", "keyward-bench", "-p", "keyward"]);
        build.args(["--bin", "keyward"]).current_dir(env!("CARGO_MANIFEST_DIR"));
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        ensure!(build.status()?.success(), "`keyward` cannot be built");
    }
    Ok(Some(program).filter(|program| program.is_file()))
}

/// A running server.
pub(super) struct Server {
    program: Program,
    pub(super) public: SocketAddr,
    pub(super) gate: SocketAddr,
    ops: SocketAddr,
    admin: AdminFile,
    /// For the management API.
    token: String,
    client_id: String,
    client_secret: String,
    _folder: TempDir,
}

impl Server {
    /// Starts one with these settings, on all cores, with a list that is enforced for its client.
    pub(super) fn start(program: &Path, settings: &[&str]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        let address = || anyhow::Ok(SocketAddr::from(([127, 0, 0, 1], free_port()?)));
        let (public, gate, ops) = (address()?, address()?, address()?);
        let mut command = Command::new(program);
        command.args(["serve", "--config", "/dev/null", "--grpc", "off", "--log", "off"]);
        for (flag, address) in [("--public", public), ("--gate", gate), ("--ops", ops)] {
            command.arg(flag).arg(address.to_string());
        }
        command.arg("--data").arg(&data).args(settings);
        let program = Program::start_on_all_cores(&mut command, folder.path(), public.port())?;
        // It accepts a little before it serves.
        let ready = get(ops, "/readyz");
        ask(ops, &ready).with_context(|| program.output())?;
        let admin: AdminFile = serde_json::from_slice(&fs::read(data.join(ADMIN_FILE))?)?;
        let mut server = Self {
            program,
            public,
            gate,
            ops,
            admin,
            token: String::new(),
            client_id: String::new(),
            client_secret: String::new(),
            _folder: folder,
        };
        server.token = text_of(&server.ask(&server.management_token())?, "access_token")?;
        server.populate()?;
        Ok(server)
    }

    fn populate(&mut self) -> anyhow::Result<()> {
        let api = json!({
            "identifier": AUDIENCE,
            "name": "Things",
            "scopes": SCOPES.map(|scope| json!({ "value": scope })),
            "signing_alg": "ES256",
            "token_dialect": "rfc9068_profile",
        });
        self.manage("POST", "/api/v2/resource-servers", &api, 201)?;
        let client = json!({
            "name": "Caller",
            "app_type": "non_interactive",
            "grant_types": ["client_credentials"],
            "allowed_ips": ["127.0.0.0/8"],
            "allowlist_mode": "enforce",
        });
        let made = self.manage("POST", "/api/v2/clients", &client, 201)?;
        self.client_id = text_of(&made, "client_id")?;
        self.client_secret = text_of(&made, "client_secret")?;
        let grant = json!({ "client_id": self.client_id, "audience": AUDIENCE, "scope": SCOPES });
        self.manage("POST", "/api/v2/client-grants", &grant, 201)?;
        Ok(())
    }

    /// Makes an Action of it, which is not bound yet.
    pub(super) fn deploy(&self, script: Script) -> anyhow::Result<()> {
        let action = json!({
            "name": script.name,
            "code": script.code,
            "supported_triggers": [{ "id": "credentials-exchange", "version": "v2" }],
            "deploy": true,
        });
        self.manage("POST", "/api/v2/actions/actions", &action, 201)?;
        Ok(())
    }

    /// Binds just these Actions.
    pub(super) fn bind(&self, scripts: &[Script]) -> anyhow::Result<()> {
        let binding =
            |script: &Script| json!({ "ref": { "type": "action_name", "value": script.name } });
        let bindings: Vec<Value> = scripts.iter().map(binding).collect();
        self.manage("PATCH", BINDINGS, &json!({ "bindings": bindings }), 200)?;
        Ok(())
    }

    /// A token request of the client, which must be answered with a token.
    pub(super) fn token_request(&self) -> Prepared {
        self.token_request_with("", 200)
    }

    /// The same with more in its form, and with the status that it must get; 0 for any.
    pub(super) fn token_request_with(&self, more: &str, status: u16) -> Prepared {
        let mut request = self.form((&self.client_id, &self.client_secret), AUDIENCE, more);
        request.status = status;
        request
    }

    /// A token request with a secret that is none of the client's.
    pub(super) fn refused_request(&self) -> Prepared {
        let mut request = self.form((&self.client_id, &self.admin.client_secret), AUDIENCE, "");
        // 401, and 429 after a while.
        request.status = 0;
        request
    }

    /// A token request for Keyward's own API, which runs no Actions.
    pub(super) fn management_token(&self) -> Prepared {
        let AdminFile { client_id, client_secret, audience, .. } = &self.admin;
        self.form((client_id, client_secret), audience, "")
    }

    fn form(&self, (id, secret): (&str, &str), audience: &str, more: &str) -> Prepared {
        let audience = audience.replace(':', "%3A").replace('/', "%2F");
        let body = format!(
            "grant_type=client_credentials&client_id={id}&client_secret={secret}\
             &audience={audience}{more}"
        );
        let text = format!(
            "POST /oauth/token HTTP/1.1\r\nHost: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.public,
            body.len()
        );
        Prepared { bytes: text.into_bytes(), status: 200 }
    }

    /// A check of the client's key at the gate.
    pub(super) fn check(&self) -> Prepared {
        let key = format!("kw_live_{}_{}", self.client_id, self.client_secret);
        let text = format!(
            "GET /v1/check/default HTTP/1.1\r\nHost: {}\r\nX-Real-IP: 127.0.0.1\r\n\
             X-API-Key: {key}\r\n\r\n",
            self.gate
        );
        Prepared { bytes: text.into_bytes(), status: 200 }
    }

    /// The claims of a token that the client is given now.
    pub(super) fn claims(&self) -> anyhow::Result<Value> {
        let token = text_of(&self.ask(&self.token_request())?, "access_token")?;
        let claims = token.split('.').nth(1).context("no JWT")?;
        Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims)?)?)
    }

    /// How Actions ended so far, as the metrics tell it.
    pub(super) fn outcomes(&self) -> anyhow::Result<Vec<(String, u64)>> {
        let metrics = String::from_utf8(ask(self.ops, &get(self.ops, "/metrics"))?)?;
        let runs = metrics.lines().filter_map(|line| {
            let rest = line.strip_prefix("keyward_action_runs_total{outcome=\"")?;
            let (outcome, count) = rest.split_once("\"} ")?;
            Some((outcome.to_owned(), count.parse().ok()?))
        });
        let mut runs: Vec<_> = runs.collect();
        runs.sort();
        Ok(runs)
    }

    pub(super) fn pid(&self) -> u32 {
        self.program.pid()
    }

    /// The processes that it has started.
    pub(super) fn workers(&self) -> anyhow::Result<Vec<u32>> {
        let own = self.pid();
        Ok(machine::tree(own)?.into_iter().filter(|pid| *pid != own).collect())
    }

    /// CPU time of it alone, and of it and its workers, in nanoseconds.
    pub(super) fn cpu_ns(&self) -> anyhow::Result<(u64, u64)> {
        Ok((machine::process_cpu_ns(self.pid())?, machine::family_cpu_ns(self.pid())?))
    }

    fn manage(&self, method: &str, path: &str, body: &Value, status: u16) -> anyhow::Result<Value> {
        let body = body.to_string();
        let text = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.public,
            self.token,
            body.len()
        );
        let request = Prepared { bytes: text.into_bytes(), status };
        self.ask(&request).with_context(|| format!("{method} {path}"))
    }

    fn ask(&self, request: &Prepared) -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&ask(self.public, request)?)?)
    }
}

fn get(address: SocketAddr, path: &str) -> Prepared {
    let text = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    Prepared { bytes: text.into_bytes(), status: 200 }
}

fn text_of(value: &Value, member: &str) -> anyhow::Result<String> {
    Ok(value[member].as_str().with_context(|| format!("no {member}"))?.to_owned())
}
