//! The recipes that ship, in which only places are changed: ports, and the machine's folders.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::ensure;

use super::program::find;

const NGINX: &str = include_str!("../../../examples/gateways/nginx/api.conf");
const HAPROXY: &str = include_str!("../../../examples/gateways/haproxy/haproxy.cfg");
const HAPROXY_LUA: &str = include_str!("../../../examples/gateways/haproxy/keyward.lua");
const ENVOY_GRPC: &str = include_str!("../../../examples/gateways/envoy/grpc.yaml");
const ENVOY_HTTP: &str = include_str!("../../../examples/gateways/envoy/http.yaml");
const CADDY: &str = include_str!("../../../examples/gateways/caddy/Caddyfile");

/// A gateway's program.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Nginx,
    Haproxy,
    Envoy,
    Caddy,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Nginx, Self::Haproxy, Self::Envoy, Self::Caddy];

    /// What people call it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "HAProxy",
            Self::Envoy => "Envoy",
            Self::Caddy => "Caddy",
        }
    }

    /// The command, and how it is asked for its version.
    pub(super) fn command(self) -> (&'static str, &'static str) {
        match self {
            Self::Nginx => ("nginx", "-v"),
            Self::Haproxy => ("haproxy", "-v"),
            Self::Envoy => ("envoy", "--version"),
            Self::Caddy => ("caddy", "version"),
        }
    }
}

/// Where everything of one installation is.
#[derive(Clone, Copy)]
pub(super) struct Places<'a> {
    pub(super) folder: &'a Path,
    /// Where the gateway is reached.
    pub(super) front: u16,
    pub(super) application: u16,
    /// Whom the gateway asks; nobody's port where it asks nobody.
    pub(super) service: u16,
}

/// A recipe of ours.
#[derive(Clone, Copy)]
pub(super) enum Recipe {
    Nginx,
    Haproxy,
    EnvoyGrpc,
    EnvoyHttp,
    Caddy,
}

impl Recipe {
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Nginx => Kind::Nginx,
            Self::Haproxy => Kind::Haproxy,
            Self::EnvoyGrpc | Self::EnvoyHttp => Kind::Envoy,
            Self::Caddy => Kind::Caddy,
        }
    }

    /// What its guide registers.
    pub(super) fn registered(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::EnvoyGrpc => "envoy-grpc",
            Self::EnvoyHttp => "envoy-http",
            Self::Caddy => "caddy",
        }
    }

    /// Its main file.
    pub(super) fn text(self, places: &Places<'_>) -> anyhow::Result<String> {
        let text = match self {
            Self::Nginx => NGINX,
            Self::Haproxy => HAPROXY,
            Self::EnvoyGrpc => ENVOY_GRPC,
            Self::EnvoyHttp => ENVOY_HTTP,
            Self::Caddy => CADDY,
        };
        at_home(text, self, places)
    }
}

/// The command that runs a program on this as its main file, in the foreground with one worker.
pub(super) fn command(kind: Kind, text: &str, folder: &Path) -> anyhow::Result<Command> {
    let (program, _) = kind.command();
    let program = find(program).unwrap_or_else(|| program.into());
    let mut command = Command::new(program);
    let file = folder.join(match kind {
        Kind::Nginx => "nginx.conf",
        Kind::Haproxy => "haproxy.cfg",
        Kind::Envoy => "envoy.yaml",
        Kind::Caddy => "Caddyfile",
    });
    match kind {
        Kind::Nginx => {
            fs::write(&file, nginx_main(text, folder))?;
            command.arg("-p").arg(folder).arg("-c").arg(file).args(["-e", "stderr"]);
        }
        Kind::Haproxy => {
            fs::write(folder.join("keyward.lua"), in_folder(HAPROXY_LUA, folder))?;
            fs::write(&file, text)?;
            command.args(["-W", "-db", "-f"]).arg(file);
        }
        Kind::Envoy => {
            fs::write(&file, text)?;
            command.arg("-c").arg(file).args(["--concurrency", "1", "--log-level", "warn"]);
            command.arg("--disable-hot-restart");
        }
        Kind::Caddy => {
            fs::write(&file, text)?;
            command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
        }
    }
    command.env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder);
    Ok(command)
}

/// What Debian's `nginx.conf` would say around it, with one worker and no access log.
fn nginx_main(http: &str, folder: &Path) -> String {
    let folder = folder.display();
    // The workers must reach the folder of the one who measures.
    let user = if rustix::process::geteuid().is_root() { "user root;\n" } else { "" };
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|what| format!("{what}_temp_path {folder}/{what};\n"))
        .collect();
    format!(
        "{user}daemon off;\npid {folder}/nginx.pid;\nworker_processes 1;\n\
         events {{ worker_connections 768; }}\nhttp {{\naccess_log off;\n{temporary}{http}\n}}\n"
    )
}

fn in_folder(text: &str, folder: &Path) -> String {
    let folder = folder.display().to_string();
    text.replace("/etc/haproxy", &folder).replace("/run/haproxy", &folder)
}

/// The ports as they are here. Each must have been there, or the recipe is another by now.
fn at_home(text: &str, recipe: Recipe, places: &Places<'_>) -> anyhow::Result<String> {
    let &Places { folder, front, application, service } = places;
    let here = |port: u16| format!("127.0.0.1:{port}");
    let socket = |port: u16| format!("address: 127.0.0.1, port_value: {port}");
    let changes = match recipe {
        Recipe::Nginx => vec![
            ("listen 8000", format!("listen {}", here(front))),
            ("127.0.0.1:8081", here(service)),
            ("127.0.0.1:3000", here(application)),
        ],
        Recipe::Haproxy => vec![
            ("bind :8000", format!("bind {}", here(front))),
            ("127.0.0.1:8081", here(service)),
            ("127.0.0.1:3000", here(application)),
        ],
        Recipe::EnvoyGrpc => vec![
            ("address: 0.0.0.0, port_value: 8000", socket(front)),
            ("address: 127.0.0.1, port_value: 8082", socket(service)),
            ("address: 127.0.0.1, port_value: 3000", socket(application)),
        ],
        Recipe::EnvoyHttp => vec![
            ("address: 0.0.0.0, port_value: 8000", socket(front)),
            ("address: 127.0.0.1, port_value: 8081", socket(service)),
            ("address: 127.0.0.1, port_value: 3000", socket(application)),
        ],
        Recipe::Caddy => vec![
            ("{\n\tservers", "{\n\tadmin off\n\tservers".to_owned()),
            (":8000 {", format!(":{front} {{\n\tbind 127.0.0.1")),
            ("127.0.0.1:8081", here(service)),
            ("127.0.0.1:3000", here(application)),
        ],
    };
    let mut text = in_folder(text, folder);
    for (there, here) in changes {
        ensure!(text.contains(there), "the recipe of {} has no `{there}`", recipe.registered());
        text = text.replace(there, &here);
    }
    Ok(text)
}
