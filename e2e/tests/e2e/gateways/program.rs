//! The programs that stand in front: how each is started from its recipe, and told to reload.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::processes::{Process, Signal, program, start_nginx, write_nginx};

use super::recipe::{Recipe, Way};

/// A program in front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Nginx,
    Haproxy,
    Apache,
    Caddy,
    Traefik,
    EnvoyGrpc,
    EnvoyHttp,
}

/// A started program with its configuration in a folder.
pub(crate) struct Running {
    pub(crate) process: Process,
    program: Program,
    folder: PathBuf,
    /// A port of its own: an admin interface, or a number that keeps it apart from others.
    own_port: u16,
    /// What took over from an Envoy.
    successor: Option<Process>,
}

impl Program {
    /// The folder of its recipe and the name of its guide.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Program::Nginx => "nginx",
            Program::Haproxy => "haproxy",
            Program::Apache => "apache",
            Program::Caddy => "caddy",
            Program::Traefik => "traefik",
            Program::EnvoyGrpc | Program::EnvoyHttp => "envoy",
        }
    }

    /// How its recipe asks, where its guide has two.
    pub(crate) fn way(self) -> Way {
        match self {
            Program::EnvoyGrpc => Way::Grpc,
            Program::EnvoyHttp => Way::Http,
            Program::Nginx
            | Program::Haproxy
            | Program::Apache
            | Program::Caddy
            | Program::Traefik => Way::Only,
        }
    }

    /// Its recipe's files.
    pub(crate) fn files(self) -> &'static [&'static str] {
        match self {
            Program::Nginx => &["api.conf"],
            Program::Haproxy => &["haproxy.cfg", "keyward.lua"],
            Program::Apache => &["api.conf", "keyward.lua"],
            Program::Caddy => &["Caddyfile"],
            Program::Traefik => &["traefik.yml", "keyward.yml"],
            Program::EnvoyGrpc => &["grpc.yaml"],
            Program::EnvoyHttp => &["http.yaml"],
        }
    }

    /// Writes the recipe below `folder` and starts the program on it.
    pub(crate) fn start(self, recipe: &Recipe, folder: &Path, own_port: u16) -> Running {
        self.write(recipe, folder, own_port);
        let process = if self == Program::Nginx {
            start_nginx(folder, recipe.file("api.conf"))
        } else {
            Process::start(&mut self.command(folder, own_port, 0), &folder.join("front.log"))
        };
        Running { process, program: self, folder: folder.to_owned(), own_port, successor: None }
    }

    /// A text of the guide or the recipe, with the machine's folders replaced by this test's.
    pub(crate) fn at_home(self, text: &str, folder: &Path) -> String {
        let folders: &[&str] = match self {
            Program::Haproxy => &["/etc/haproxy", "/run/haproxy"],
            Program::Apache => &["/etc/apache2"],
            Program::Traefik => &["/etc/traefik"],
            Program::Nginx | Program::Caddy | Program::EnvoyGrpc | Program::EnvoyHttp => &[],
        };
        let here = folder.display().to_string();
        folders.iter().fold(text.to_owned(), |text, of_machine| text.replace(of_machine, &here))
    }

    /// The recipe, with the machine's folders replaced by this test's.
    fn write(self, recipe: &Recipe, folder: &Path, own_port: u16) {
        // Apache's workers have another user, who reads the script.
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        for name in self.files() {
            let text = self.at_home(recipe.file(name), folder);
            let text = if self == Program::Caddy {
                text.replacen("{\n", &format!("{{\n\tadmin 127.0.0.1:{own_port}\n"), 1)
            } else {
                text
            };
            // As an editor does it: whoever watches the file never sees half of it.
            let new = folder.join(format!("{name}.new"));
            fs::write(&new, text).unwrap();
            fs::rename(new, folder.join(name)).unwrap();
        }
        if self == Program::Apache {
            fs::write(folder.join("apache.conf"), apache_main(folder)).unwrap();
        }
    }

    fn command(self, folder: &Path, own_port: u16, epoch: u32) -> Command {
        let file = |name: &str| folder.join(name);
        let own = own_port.to_string();
        let mut command = match self {
            Program::Nginx => Command::new(program("nginx")),
            Program::Haproxy => {
                let mut command = Command::new(program("haproxy"));
                command.args(["-W", "-db", "-f"]).arg(file("haproxy.cfg"));
                command
            }
            Program::Apache => {
                let mut command = Command::new(program("apache2"));
                command.args(["-D", "FOREGROUND", "-f"]).arg(file("apache.conf"));
                command
            }
            Program::Caddy => {
                let mut command = Command::new(program("caddy"));
                command.arg("run").arg("--config").arg(file("Caddyfile"));
                command
            }
            Program::Traefik => {
                let mut command = Command::new(program("traefik"));
                command.arg("--configfile").arg(file("traefik.yml"));
                command
            }
            Program::EnvoyGrpc | Program::EnvoyHttp => {
                let mut command = Command::new(program("envoy"));
                let name = self.files().first().unwrap();
                command.arg("-c").arg(file(name)).args(["--base-id", &own, "--concurrency", "1"]);
                command.args(["--restart-epoch", &epoch.to_string()]);
                command.args(["--drain-time-s", "1", "--parent-shutdown-time-s", "2"]);
                command
            }
        };
        command.current_dir(folder).env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder);
        command
    }
}

impl Running {
    /// Puts another recipe in force, in the way that its users do without a pause.
    pub(crate) fn reload(&mut self, recipe: &Recipe) {
        self.program.write(recipe, &self.folder, self.own_port);
        match self.program {
            Program::Nginx => {
                write_nginx(&self.folder, recipe.file("api.conf"));
                self.process.signal(Signal::HUP);
            }
            Program::Haproxy => self.process.signal(Signal::USR2),
            Program::Apache => self.process.signal(Signal::USR1),
            Program::Caddy => {
                let mut reload = Command::new(program("caddy"));
                reload.arg("reload").arg("--config").arg(self.folder.join("Caddyfile"));
                reload.args(["--address", &format!("127.0.0.1:{}", self.own_port)]);
                let output = reload.output().unwrap();
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            }
            // It watches its file.
            Program::Traefik => (),
            Program::EnvoyGrpc | Program::EnvoyHttp => {
                let mut command = self.program.command(&self.folder, self.own_port, 1);
                self.successor =
                    Some(Process::start(&mut command, &self.folder.join("successor.log")));
            }
        }
    }

    /// What it and its successor have printed.
    pub(crate) fn output(&self) -> String {
        let successor = self.successor.as_ref().map(Process::output).unwrap_or_default();
        self.process.output() + &successor
    }
}

/// What Debian's `apache2.conf` and `a2enmod` would say.
fn apache_main(folder: &Path) -> String {
    let modules = "/usr/lib/apache2/modules";
    let mut text = String::new();
    for module in
        ["mpm_event", "authz_core", "http2", "headers", "lua", "proxy", "proxy_http", "remoteip"]
    {
        text += &format!("LoadModule {module}_module {modules}/mod_{module}.so\n");
    }
    let folder = folder.display();
    text + &format!(
        "ServerRoot {folder}\nServerName localhost\nPidFile {folder}/apache.pid\n\
         Mutex file:{folder}\nUser www-data\nGroup www-data\nErrorLog /dev/stderr\n\
         LogLevel warn\nProtocols h2c http/1.1\nServerLimit 2\nThreadsPerChild 16\n\
         MaxRequestWorkers 32\nStartServers 1\nInclude {folder}/api.conf\n"
    )
}
