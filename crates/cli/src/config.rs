//! Settings: from flags, from `KEYWARD_*` variables, from `keyward.toml`, in that order.
//!
//! All that is wrong is said at once, each thing with its name and where it was set.

mod actions;
mod log_events;
mod settings;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use keyward_allowlist::{ClientAddressRule, EntryRules, NetworkSet, Source, parse_entries};
use keyward_core::gateway::{Disclosure, SOURCE_NAMES, parse_source};
use keyward_server::actions::ActionsOptions;
use keyward_server::listen::{ClientAuthorities, ListenAddress, tls_config};

pub(crate) use log_events::LogEvents;
use settings::{SETTINGS, Setting};
pub(crate) use settings::{ServeArgs, print_default};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Human,
    Json,
}

/// Settings that were checked.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) data: PathBuf,
    pub(crate) public: ListenAddress,
    pub(crate) gate: ListenAddress,
    /// `None`: off.
    pub(crate) grpc: Option<ListenAddress>,
    /// Whether somebody asked for that very address.
    pub(crate) grpc_is_named: bool,
    pub(crate) gate_tls: Option<GateTls>,
    pub(crate) ops: ListenAddress,
    /// With its trailing slash; `None`: made from the public listener's address.
    pub(crate) issuer: Option<String>,
    pub(crate) public_address: ClientAddressRule,
    /// The rule in words, for the line at start.
    pub(crate) public_address_words: String,
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
    /// Who vouches for clients' certificates on the public listener.
    pub(crate) tls_client_ca: Option<PathBuf>,
    /// A certificate for this machine is made; `tls` is none then.
    pub(crate) dev_tls: bool,
    pub(crate) default_audience: Option<String>,
    pub(crate) default_gateway: bool,
    pub(crate) disclosure: Disclosure,
    pub(crate) staleness_ms_max: u64,
    pub(crate) log_events: LogEvents,
    pub(crate) actions: ActionsOptions,
    pub(crate) log: String,
    pub(crate) log_format: LogFormat,
}

/// TLS of the gate listeners.
#[derive(Debug)]
pub(crate) struct GateTls {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    /// Who vouches for client certificates; `None`: nobody is asked for one.
    pub(crate) authorities: Option<PathBuf>,
}

/// One wrong setting.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ConfigError {
    /// Which.
    pub(crate) key: String,
    /// Where it was set.
    pub(crate) source: String,
    /// What is wrong and what to do.
    pub(crate) problem: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.key, self.source, self.problem)
    }
}

/// All that is wrong, at once.
#[derive(Debug, thiserror::Error)]
#[error("the settings are wrong, nothing was started\n{}", .0.iter().map(|e| format!("  - {e}")).collect::<Vec<_>>().join("\n"))]
pub(crate) struct ConfigErrors(pub(crate) Vec<ConfigError>);

/// Texts as they were given, each with its source.
#[derive(Debug, Default)]
struct Raw {
    texts: BTreeMap<&'static str, (String, String)>,
    errors: Vec<ConfigError>,
}

impl Config {
    /// Reads and checks the settings.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub(crate) fn read(
        args: &ServeArgs,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigErrors> {
        let mut raw = Raw::default();
        raw.read_file(args.config.as_deref());
        raw.read_variables(variables);
        raw.read_flags(args);
        raw.check()
    }
}

impl Raw {
    fn set(&mut self, key: &'static str, text: String, source: String) {
        self.texts.insert(key, (text, source));
    }

    fn wrong(&mut self, key: &str, source: &str, problem: impl Into<String>) {
        let (key, source, problem) = (key.to_owned(), source.to_owned(), problem.into());
        self.errors.push(ConfigError { key, source, problem });
    }

    fn read_file(&mut self, path: Option<&Path>) {
        let given = path.is_some();
        let path = path.unwrap_or(Path::new("keyward.toml"));
        let name = path.display().to_string();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if !given && error.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) => return self.wrong("config", &name, format!("cannot be read: {error}")),
        };
        let table = match text.parse::<toml::Table>() {
            Ok(table) => table,
            Err(error) => return self.wrong("config", &name, error.to_string().trim()),
        };
        for (key, value) in table {
            let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key) else {
                let known = SETTINGS.iter().map(|s| s.key).collect::<Vec<_>>().join(", ");
                self.wrong(&key, &name, format!("no such setting; there are: {known}"));
                continue;
            };
            match text_of(&value) {
                Some(text) => self.set(setting.key, text, name.clone()),
                None => self.wrong(&key, &name, "must be a text, a number or a list of texts"),
            }
        }
    }

    fn read_variables(&mut self, variables: impl IntoIterator<Item = (String, String)>) {
        for (name, value) in variables {
            if !name.starts_with("KEYWARD_") || NOT_SETTINGS.contains(&name.as_str()) {
                continue;
            }
            match SETTINGS.iter().find(|setting| setting.variable() == name) {
                Some(setting) => self.set(setting.key, value, format!("variable {name}")),
                None => self.wrong(&name, "environment", "no such setting"),
            }
        }
    }

    fn read_flags(&mut self, args: &ServeArgs) {
        for (key, value) in args.given() {
            let source = SETTINGS.iter().find(|s| s.key == key).map(Setting::flag);
            self.set(key, value, format!("flag {}", source.unwrap_or_default()));
        }
    }

    /// The text of a setting and its source.
    fn text(&self, key: &'static str) -> (String, String) {
        self.texts.get(key).cloned().unwrap_or_else(|| {
            let setting = SETTINGS.iter().find(|setting| setting.key == key);
            (setting.map_or("", |s| s.default).to_owned(), "default".to_owned())
        })
    }

    fn parse<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let (text, source) = self.text(key);
        match read(&text) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.wrong(key, &source, problem);
                None
            }
        }
    }

    fn check(mut self) -> Result<Config, ConfigErrors> {
        let data = self.parse("data", read_folder);
        let public = self.parse("public", read_address);
        let gate = self.parse("gate", read_address);
        let grpc =
            self.parse(
                "grpc",
                |text| {
                    if text == "off" { Ok(None) } else { read_address(text).map(Some) }
                },
            );
        let grpc_is_named = self.texts.contains_key("grpc");
        let gate_tls = self.check_gate_tls();
        let ops = self.parse("ops", read_address);
        let issuer = self.parse("issuer", |text| optional(text).map(read_issuer).transpose());
        let public_address = self.check_public_address();
        let tls = self.check_tls("tls_cert", "tls_key");
        let dev_tls = self.check_dev_tls();
        let has_tls = tls.as_ref().is_none_or(Option::is_some) || dev_tls != Some(false);
        let tls_client_ca =
            self.check_authorities("tls_client_ca", has_tls, "tls_cert and tls_key, or dev_tls");
        let default_audience =
            self.parse("default_audience", |text| Ok(optional(text).map(str::to_owned)));
        let default_gateway =
            self.parse("default_gateway", |text| one_of(text, &[("on", true), ("off", false)]));
        let disclosure = self.parse("disclosure", |text| {
            one_of(text, &[("generic", Disclosure::Generic), ("uniform", Disclosure::Uniform)])
        });
        let staleness_ms_max = self.parse("staleness_s_max", read_staleness);
        let log_events = self.check_log_events();
        let actions = self.check_actions();
        let log = self.parse("log", |text| {
            tracing_subscriber::EnvFilter::try_new(text)
                .map(|_| text.to_owned())
                .map_err(|error| format!("`{text}` is no log filter: {error}"))
        });
        let log_format = self.parse("log_format", |text| {
            one_of(text, &[("human", LogFormat::Human), ("json", LogFormat::Json)])
        });
        let config = (|| {
            let (public_address, public_address_words) = public_address?;
            Some(Config {
                data: data?,
                public: public?,
                gate: gate?,
                grpc: grpc?,
                grpc_is_named,
                gate_tls: gate_tls?,
                ops: ops?,
                issuer: issuer?,
                public_address,
                public_address_words,
                tls: tls?,
                tls_client_ca: tls_client_ca?,
                dev_tls: dev_tls?,
                default_audience: default_audience?,
                default_gateway: default_gateway?,
                disclosure: disclosure?,
                staleness_ms_max: staleness_ms_max?,
                log_events: log_events?,
                actions: actions?,
                log: log?,
                log_format: log_format?,
            })
        })();
        match config {
            Some(config) if self.errors.is_empty() => Ok(config),
            _ => Err(ConfigErrors(self.errors)),
        }
    }

    fn check_public_address(&mut self) -> Option<(ClientAddressRule, String)> {
        let trusted = self.parse("public_trusted", |text| {
            let items = text.split([',', ' ']).filter(|item| !item.is_empty());
            parse_entries(items, &EntryRules::default()).map_err(|errors| errors.to_string())
        });
        let source = self.parse("public_address_from", |text| {
            // What only an authorization call has is no source here.
            let here =
                |source: &Source| !matches!(source, Source::SourceAddress | Source::Metadata(_));
            let names =
                SOURCE_NAMES.into_iter().filter(|n| parse_source(n).is_some_and(|s| here(&s)));
            parse_source(text).filter(here).ok_or_else(|| {
                format!("`{text}` is none of {}", names.collect::<Vec<_>>().join(", "))
            })
        });
        let (trusted, source) = (trusted?, source?);
        let (name, from) = self.text("public_address_from");
        if source == Source::Peer {
            if !trusted.is_empty() {
                let problem = "has no meaning with public_address_from = peer; name the source";
                self.wrong("public_trusted", &self.text("public_trusted").1, problem);
            }
            return Some((ClientAddressRule::peer(), "the peer of the connection".to_owned()));
        }
        if trusted.is_empty() {
            let problem = format!("`{name}` needs public_trusted: the proxies that may set it");
            self.wrong("public_address_from", &from, problem);
            return None;
        }
        let list = trusted.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let words = format!("{name}, as set by {list}");
        Some((ClientAddressRule::new(source, NetworkSet::compile(&trusted)), words))
    }

    /// Certificate and key, which go together.
    fn check_tls(
        &mut self,
        cert_key: &'static str,
        key_key: &'static str,
    ) -> Option<Option<(PathBuf, PathBuf)>> {
        let (cert, cert_source) = self.text(cert_key);
        let (key, key_source) = self.text(key_key);
        let missing = |other: &str| format!("missing, and {other} is set; set both");
        match (optional(&cert), optional(&key)) {
            (None, None) => Some(None),
            (Some(cert), Some(key)) => {
                let (cert, key) = (PathBuf::from(cert), PathBuf::from(key));
                if let Err(error) = tls_config(&cert, &key) {
                    let (name, source) = if error.is_about_key() {
                        (key_key, &key_source)
                    } else {
                        (cert_key, &cert_source)
                    };
                    self.wrong(name, source, error.to_string());
                }
                Some(Some((cert, key)))
            }
            (Some(_), None) => {
                self.wrong(key_key, &cert_source, missing(cert_key));
                None
            }
            (None, Some(_)) => {
                self.wrong(cert_key, &key_source, missing(key_key));
                None
            }
        }
    }

    /// TLS of this machine's own, which goes with no other, and which only its own names fit.
    fn check_dev_tls(&mut self) -> Option<bool> {
        let on = self.parse("dev_tls", |text| one_of(text, &[("on", true), ("off", false)]))?;
        if !on {
            return Some(false);
        }
        let (_, source) = self.text("dev_tls");
        for key in ["tls_cert", "tls_key"] {
            let (text, theirs) = self.text(key);
            if optional(&text).is_some() {
                let problem = format!("has no meaning with {key} ({theirs}); set one of them");
                self.wrong("dev_tls", &source, problem);
            }
        }
        if self.text("public").0.starts_with("unix:") {
            self.wrong("dev_tls", &source, "needs a public listener at IP:PORT, not at a socket");
        }
        let (issuer, named) = self.text("issuer");
        let is_here = optional(&issuer).is_none_or(|issuer| {
            let rest = issuer.strip_prefix("https://").unwrap_or_default();
            ["localhost", "127.0.0.1", "[::1]"].into_iter().any(|host| {
                rest.strip_prefix(host)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
            })
        });
        if !is_here {
            let problem = format!(
                "`{issuer}` does not go with dev_tls ({source}), whose certificate is for \
                 https://localhost, https://127.0.0.1 and https://[::1]; leave the issuer out, or \
                 give a certificate for its host with tls_cert and tls_key"
            );
            self.wrong("issuer", &named, problem);
        }
        Some(true)
    }

    fn check_gate_tls(&mut self) -> Option<Option<GateTls>> {
        let pair = self.check_tls("gate_tls_cert", "gate_tls_key")?;
        let needs = "gate_tls_cert and gate_tls_key";
        let authorities = self.check_authorities("gate_client_ca", pair.is_some(), needs)?;
        Some(pair.map(|(certificate, key)| GateTls { certificate, key, authorities }))
    }

    /// Who vouches for the certificates of clients, which are shown in TLS alone.
    fn check_authorities(
        &mut self,
        key: &'static str,
        has_tls: bool,
        needs: &str,
    ) -> Option<Option<PathBuf>> {
        let (file, source) = self.text(key);
        let Some(file) = optional(&file).map(PathBuf::from) else { return Some(None) };
        if !has_tls {
            let problem = format!("needs {needs}: certificates are shown in TLS");
            self.wrong(key, &source, problem);
            return None;
        }
        match ClientAuthorities::read(&file) {
            Ok(_) => Some(Some(file)),
            Err(error) => {
                self.wrong(key, &source, error.to_string());
                None
            }
        }
    }
}

/// All variables, for [`Config::read`]. The one place that looks at the environment.
pub(crate) fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// One variable.
pub(crate) fn variable(name: &str) -> Option<String> {
    variables().find(|(known, _)| known == name).map(|(_, value)| value)
}

/// Variables of ours that are no settings of the server.
const NOT_SETTINGS: &[&str] = &[
    "KEYWARD_CONFIG",
    "KEYWARD_SERVER",
    "KEYWARD_CLIENT_ID",
    "KEYWARD_CLIENT_SECRET",
    // What the applications of the guides read; often the same shell starts both.
    "KEYWARD_CHECK",
    "KEYWARD_GATEWAY_TOKEN",
    "KEYWARD_CORPUS",
    "KEYWARD_BIN",
];

fn text_of(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(true) => Some("on".to_owned()),
        toml::Value::Boolean(false) => Some("off".to_owned()),
        toml::Value::Array(items) => {
            let texts: Option<Vec<_>> = items.iter().map(|item| item.as_str()).collect();
            texts.map(|texts| texts.join(","))
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}

fn optional(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

fn one_of<T: Clone>(text: &str, choices: &[(&str, T)]) -> Result<T, String> {
    choices.iter().find(|(name, _)| *name == text).map(|(_, value)| value.clone()).ok_or_else(
        || {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            format!("`{text}` is none of {}", names.join(", "))
        },
    )
}

fn read_staleness(text: &str) -> Result<u64, String> {
    match text.parse::<u64>() {
        Ok(seconds @ 1..=86_400) => Ok(seconds.saturating_mul(1000)),
        _ => Err(format!("`{text}` is no number of seconds from 1 to 86400")),
    }
}

fn read_folder(text: &str) -> Result<PathBuf, String> {
    optional(text).map(PathBuf::from).ok_or_else(|| "must name a folder".to_owned())
}

fn read_address(text: &str) -> Result<ListenAddress, String> {
    if let Some(path) = text.strip_prefix("unix:") {
        return if path.starts_with('/') {
            Ok(ListenAddress::Unix(path.into()))
        } else {
            Err(format!("`{text}` must be unix: and an absolute path"))
        };
    }
    let full = if text.starts_with(':') { format!("0.0.0.0{text}") } else { text.to_owned() };
    full.parse::<SocketAddr>().map(ListenAddress::Tcp).map_err(|_| {
        format!("`{text}` is no address to listen on; write IP:PORT, [IPv6]:PORT or unix:/path")
    })
}

/// An issuer is an http(s) URL without query and fragment (RFC 8414 §2), its host in lower case,
/// as some validators lower it; it always ends in a slash, as Auth0's do.
fn read_issuer(text: &str) -> Result<String, String> {
    let wrong = |why: &str| Err(format!("`{text}` is no issuer: {why}"));
    let url = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let Some(rest) = url else { return wrong("it must begin with https:// or http://") };
    let host = rest.split('/').next().unwrap_or_default();
    if host.is_empty() || rest.contains(['?', '#', '@', ' ', '\\']) {
        return wrong("write a host, perhaps a port and a path, and nothing else");
    }
    if host.chars().any(|c| c.is_ascii_uppercase()) || !text.is_ascii() {
        return wrong("write the host in lower case ASCII");
    }
    let usual = if text.starts_with("https:") { ":443" } else { ":80" };
    if host.ends_with(usual) {
        return wrong("leave out the port that goes without saying, as those who compare URLs do");
    }
    Ok(if text.ends_with('/') { text.to_owned() } else { format!("{text}/") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(flags: &ServeArgs, variables: &[(&str, &str)]) -> Result<Config, String> {
        let variables = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Config::read(flags, variables).map_err(|errors| errors.to_string())
    }

    #[test]
    fn defaults_are_good() {
        let config = read(&ServeArgs::default(), &[]).unwrap();
        assert_eq!(config.public.to_string(), "0.0.0.0:8080");
        assert_eq!(config.staleness_ms_max, 30_000);
    }

    #[test]
    fn everything_wrong_is_said_at_once_with_its_source() {
        let flags = ServeArgs { public: Some("here".into()), ..ServeArgs::default() };
        let variables = [
            ("KEYWARD_GATE", "everywhere"),
            ("KEYWARD_GRPC", "unix:here"),
            ("KEYWARD_GATE_CLIENT_CA", "ca.pem"),
            ("KEYWARD_TLS_CERT", "a.pem"),
            ("KEYWARD_TLS_CLIENT_CA", "no-such-ca.pem"),
            ("KEYWARD_NONSENSE", "1"),
            ("KEYWARD_DISCLOSURE", "loud"),
            ("KEYWARD_ISSUER", "ftp://x"),
            ("KEYWARD_PUBLIC_TRUSTED", "10.0.0.1/8"),
        ];
        let text = read(&flags, &variables).unwrap_err();
        for part in [
            "public (flag --public)",
            "gate (variable KEYWARD_GATE)",
            "grpc (variable KEYWARD_GRPC)",
            "gate_client_ca (variable KEYWARD_GATE_CLIENT_CA): needs gate_tls_cert",
            "tls_key (variable KEYWARD_TLS_CERT)",
            "KEYWARD_NONSENSE (environment): no such setting",
            "`loud` is none of generic, uniform",
            "issuer (variable KEYWARD_ISSUER)",
            "public_trusted (variable KEYWARD_PUBLIC_TRUSTED)",
            "10.0.0.0/8",
            "tls_client_ca (variable KEYWARD_TLS_CLIENT_CA): cannot read the client authorities",
        ] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
        let text = read(&ServeArgs::default(), &[("KEYWARD_TLS_CLIENT_CA", "ca.pem")]).unwrap_err();
        assert!(text.contains("needs tls_cert and tls_key, or dev_tls"), "{text}");
    }

    #[test]
    fn the_printed_defaults_are_a_settings_file_that_is_good() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keyward.toml");
        std::fs::write(&path, print_default()).unwrap();
        let flags = ServeArgs { config: Some(path), ..ServeArgs::default() };
        read(&flags, &[]).unwrap();
    }

    #[test]
    fn flags_win_over_variables_and_variables_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k.toml");
        std::fs::write(&path, "data = 'file'\npublic = '127.0.0.1:1'\nops = '127.0.0.1:3'\n")
            .unwrap();
        let flags =
            ServeArgs { config: Some(path), data: Some("flag".into()), ..ServeArgs::default() };
        let variables = [("KEYWARD_DATA", "variable"), ("KEYWARD_PUBLIC", "127.0.0.1:2")];
        let config = read(&flags, &variables).unwrap();
        assert_eq!(config.data, PathBuf::from("flag"));
        assert_eq!(config.public.to_string(), "127.0.0.1:2");
        assert_eq!(config.ops.to_string(), "127.0.0.1:3");
    }

    #[test]
    fn what_an_application_beside_it_is_told_is_no_setting() {
        let variables = [
            ("KEYWARD_GATEWAY_TOKEN", "kwg_a"),
            ("KEYWARD_CHECK", "http://127.0.0.1:8081/v1/check/orders"),
        ];
        read(&ServeArgs::default(), &variables).unwrap();
    }

    #[test]
    fn tls_files_are_looked_at_and_the_wrong_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let now = keyward_core::time::Timestamp::from_seconds(1_800_000_000);
        let pair = keyward_server::listen::dev_tls(folder.path(), now).unwrap().pair;
        let pair = pair.display().to_string();
        for (cert, key, said) in [
            (path("a"), pair.clone(), "tls_cert (variable KEYWARD_TLS_CERT): cannot read"),
            (pair.clone(), path("a"), "tls_key (variable KEYWARD_TLS_KEY): cannot read"),
            (
                path("dev-ca.pem"),
                pair.clone(),
                "tls_key (variable KEYWARD_TLS_KEY): the private key",
            ),
            (pair.clone(), path("dev-ca.pem"), "tls_key (variable KEYWARD_TLS_KEY)"),
        ] {
            let variables = [("KEYWARD_TLS_CERT", cert.as_str()), ("KEYWARD_TLS_KEY", &key)];
            let text = read(&ServeArgs::default(), &variables).unwrap_err();
            assert!(text.contains(said), "{said} is not in:\n{text}");
        }
        let variables = [("KEYWARD_TLS_CERT", pair.as_str()), ("KEYWARD_TLS_KEY", &pair)];
        read(&ServeArgs::default(), &variables).unwrap();
    }

    #[test]
    fn dev_tls_goes_with_this_machine_and_no_other_certificate() {
        let on = || ServeArgs { dev_tls: Some("on".into()), ..ServeArgs::default() };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keyward.toml");
        std::fs::write(&path, print_default().replace("dev_tls = \"off\"", "dev_tls = true"))
            .unwrap();
        let of_file = ServeArgs { config: Some(path), ..ServeArgs::default() };
        assert!(read(&of_file, &[]).unwrap().dev_tls, "what is empty is not set");
        for good in ["", "https://localhost:8443", "https://127.0.0.1:8443/", "https://[::1]/"] {
            assert!(read(&on(), &[("KEYWARD_ISSUER", good)]).unwrap().dev_tls, "{good}");
        }
        for (name, value, said) in [
            ("KEYWARD_ISSUER", "https://id.example/", "issuer (variable KEYWARD_ISSUER): `https"),
            ("KEYWARD_ISSUER", "http://localhost/", "does not go with dev_tls (flag --dev-tls)"),
            ("KEYWARD_ISSUER", "https://localhost.example/", "does not go with dev_tls"),
            (
                "KEYWARD_TLS_CERT",
                "a.pem",
                "has no meaning with tls_cert (variable KEYWARD_TLS_CERT)",
            ),
            ("KEYWARD_PUBLIC", "unix:/run/k.sock", "dev_tls (flag --dev-tls): needs a public"),
        ] {
            let text = read(&on(), &[(name, value)]).unwrap_err();
            assert!(text.contains(said), "{said} is not in:\n{text}");
        }
        let text = read(&ServeArgs::default(), &[("KEYWARD_DEV_TLS", "yes")]).unwrap_err();
        assert!(text.contains("dev_tls (variable KEYWARD_DEV_TLS): `yes` is none of on, off"));
    }

    #[test]
    fn an_issuer_is_written_as_others_compare_it() {
        for (text, is_good) in [
            ("https://id.example:8443", true),
            ("https://id.example:443/", false),
            ("http://id.example:80", false),
            ("https://id.example:80/", true),
            ("https://Id.example/", false),
        ] {
            let read = read(&ServeArgs::default(), &[("KEYWARD_ISSUER", text)]);
            assert_eq!(read.is_ok(), is_good, "{text}");
        }
    }

    #[test]
    fn a_proxy_rule_needs_its_proxies() {
        let text = read(&ServeArgs::default(), &[("KEYWARD_PUBLIC_ADDRESS_FROM", "x-real-ip")]);
        assert!(text.unwrap_err().contains("needs public_trusted"));
        let both = [
            ("KEYWARD_PUBLIC_ADDRESS_FROM", "x-forwarded-for"),
            ("KEYWARD_PUBLIC_TRUSTED", "10.0.0.0/8, 127.0.0.1"),
        ];
        let config = read(&ServeArgs::default(), &both).unwrap();
        assert_eq!(
            config.public_address_words,
            "x-forwarded-for, as set by 10.0.0.0/8, 127.0.0.1/32"
        );
    }
}
