//! The table of settings: keys, defaults, meanings, and the flags of `keyward serve`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

/// One setting: its key in the file; flag and variable follow from it.
pub(super) struct Setting {
    pub(super) key: &'static str,
    pub(super) default: &'static str,
    value: &'static str,
    help: &'static str,
}

impl Setting {
    pub(super) fn flag(&self) -> String {
        format!("--{}", self.key.replace('_', "-"))
    }

    pub(super) fn variable(&self) -> String {
        format!("KEYWARD_{}", self.key.to_uppercase())
    }
}

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "data",
        default: "keyward-data",
        value: "DIR",
        help: "The folder that holds everything: database, keys, admin.json. Made (0700) when missing.",
    },
    Setting {
        key: "public",
        default: "0.0.0.0:8080",
        value: "ADDR",
        help: "Where OAuth and the management APIs are served.",
    },
    Setting {
        key: "gate",
        default: "127.0.0.1:8081",
        value: "ADDR",
        help: "Where gateways ask over HTTP: IP:PORT, or unix:/path. Other machines can only reach it \
               once a gateway is registered that shows who it is.",
    },
    Setting {
        key: "grpc",
        default: "127.0.0.1:8082",
        value: "ADDR|off",
        help: "Where Envoy asks (ext_authz over gRPC): IP:PORT, unix:/path, or off. Not set, and the \
               default is taken already: off.",
    },
    Setting {
        key: "gate_tls_cert",
        default: "",
        value: "FILE",
        help: "PEM certificate chain of the gate listeners (HTTP and gRPC). Empty: plain.",
    },
    Setting {
        key: "gate_tls_key",
        default: "",
        value: "FILE",
        help: "PEM private key for that certificate.",
    },
    Setting {
        key: "gate_client_ca",
        default: "",
        value: "FILE",
        help: "PEM certificates of the authorities that vouch for gateways' client certificates.",
    },
    Setting {
        key: "ops",
        default: "127.0.0.1:9090",
        value: "ADDR",
        help: "Where /livez, /readyz and /metrics are served.",
    },
    Setting {
        key: "issuer",
        default: "",
        value: "URL",
        help: "The external URL of the public listener. Empty: made from its address.",
    },
    Setting {
        key: "public_address_from",
        default: "peer",
        value: "SOURCE",
        help: "Where the client address of the public listener comes from: peer, x-real-ip, \
               x-forwarded-for, forwarded or proxy-protocol.",
    },
    Setting {
        key: "public_trusted",
        default: "",
        value: "CIDR,...",
        help: "The proxies in front of the public listener whose word counts. Needed for every \
               source but peer.",
    },
    Setting {
        key: "tls_cert",
        default: "",
        value: "FILE",
        help: "PEM certificate chain of the public listener. Empty: plain HTTP.",
    },
    Setting {
        key: "tls_key",
        default: "",
        value: "FILE",
        help: "PEM private key for the certificate.",
    },
    Setting {
        key: "tls_client_ca",
        default: "",
        value: "FILE",
        help: "PEM certificates of the authorities that vouch for clients' certificates on the public \
               listener. Empty: none does, and only self-signed certificates are of use there.",
    },
    Setting {
        key: "dev_tls",
        default: "off",
        value: "on|off",
        help: "TLS of the public listener for trying things on this machine: a certificate for \
               localhost, 127.0.0.1 and ::1 by an authority of its own, dev-ca.pem in the data \
               folder, and the issuer https://localhost:PORT/.",
    },
    Setting {
        key: "default_audience",
        default: "",
        value: "URL",
        help: "The API of token requests that name none.",
    },
    Setting {
        key: "default_gateway",
        default: "on",
        value: "on|off",
        help: "The built-in gateway `default`: loopback peers, client address from X-Real-IP.",
    },
    Setting {
        key: "disclosure",
        default: "generic",
        value: "generic|uniform",
        help: "What callers learn of a refused address: a 403, or the same 401 as for an unknown key.",
    },
    Setting {
        key: "staleness_s_max",
        default: "30",
        value: "SECONDS",
        help: "After how long without an answer from the store every check is refused (1 to 86400).",
    },
    Setting {
        key: "log_retention_days",
        default: "30",
        value: "DAYS",
        help: "How long log events are kept (1 to 3650).",
    },
    Setting {
        key: "log_rows_max",
        default: "1000000",
        value: "NUMBER",
        help: "How many log events are kept at most, about 1 KB each; the oldest make room (1000 to \
               100000000).",
    },
    Setting {
        key: "log_stream_networks",
        default: "",
        value: "CIDR,...",
        help: "Networks of your own that log streams may lead to, also without TLS. Others must be \
               on the open internet and speak TLS.",
    },
    Setting {
        key: "action_workers",
        default: "auto",
        value: "NUMBER|auto",
        help: "How many Actions run at once, each in a process of its own (1 to 256). auto: one for \
               each processor, and two at least.",
    },
    Setting {
        key: "action_cpu_ms",
        default: "100",
        value: "MS",
        help: "Processor time that one Action may use in one token request (10 to 20000). Then it is \
               ended and the token refused.",
    },
    Setting {
        key: "action_clock_ms",
        default: "1000",
        value: "MS",
        help: "Time on the clock that one Action may take, on a machine that is busy (50 to 60000).",
    },
    Setting {
        key: "action_memory_mib",
        default: "32",
        value: "MIB",
        help: "Memory that one Action may use (4 to 128).",
    },
    Setting {
        key: "execution_retention_days",
        default: "10",
        value: "DAYS",
        help: "How long is kept what Actions were asked and did (1 to 3650).",
    },
    Setting {
        key: "execution_rows_max",
        default: "100000",
        value: "NUMBER",
        help: "Of how many token requests that is kept at most, about 2 KB each; the oldest make \
               room (100 to 100000000).",
    },
    Setting {
        key: "log",
        default: "info",
        value: "FILTER",
        help: "What is logged to standard error: error, warn, info, debug, trace, or a filter such \
               as keyward_gate=debug,info.",
    },
    Setting {
        key: "log_format",
        default: "human",
        value: "human|json",
        help: "How log lines look.",
    },
];

/// The flags of `keyward serve`.
#[derive(Debug, Default, Args)]
pub(crate) struct ServeArgs {
    /// Settings file; `keyward.toml` in the present folder when it is there
    #[arg(long, value_name = "FILE", env = "KEYWARD_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Folder that holds everything: database, keys, admin.json
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<String>,
    /// Where OAuth and the management APIs are served
    #[arg(long, value_name = "ADDR")]
    pub(crate) public: Option<String>,
    /// Where gateways ask over HTTP: IP:PORT, or unix:/path
    #[arg(long, value_name = "ADDR")]
    pub(crate) gate: Option<String>,
    /// Where Envoy asks (ext_authz over gRPC): IP:PORT, unix:/path, or off
    #[arg(long, value_name = "ADDR|off")]
    pub(crate) grpc: Option<String>,
    /// PEM certificate chain of the gate listeners (HTTP and gRPC)
    #[arg(long, value_name = "FILE")]
    pub(crate) gate_tls_cert: Option<String>,
    /// PEM private key for that certificate
    #[arg(long, value_name = "FILE")]
    pub(crate) gate_tls_key: Option<String>,
    /// PEM certificates of the authorities that vouch for gateways' client certificates
    #[arg(long, value_name = "FILE")]
    pub(crate) gate_client_ca: Option<String>,
    /// Where /livez, /readyz and /metrics are served
    #[arg(long, value_name = "ADDR")]
    pub(crate) ops: Option<String>,
    /// External URL of the public listener
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,
    /// Where the client address of the public listener comes from: peer, x-real-ip,
    /// x-forwarded-for, forwarded or proxy-protocol
    #[arg(long, value_name = "SOURCE")]
    pub(crate) public_address_from: Option<String>,
    /// Proxies in front of the public listener whose word counts
    #[arg(long, value_name = "CIDR", num_args = 1.., value_delimiter = ',')]
    pub(crate) public_trusted: Vec<String>,
    /// PEM certificate chain of the public listener
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert: Option<String>,
    /// PEM private key for the certificate
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: Option<String>,
    /// PEM certificates of the authorities that vouch for clients' certificates on the public
    /// listener
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_client_ca: Option<String>,
    /// TLS of the public listener for trying things on this machine: certificate and authority
    /// (dev-ca.pem) are made in the data folder, the issuer is https://localhost:PORT/
    #[arg(
        long,
        value_name = "on|off",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "on"
    )]
    pub(crate) dev_tls: Option<String>,
    /// API of token requests that name none
    #[arg(long, value_name = "URL")]
    pub(crate) default_audience: Option<String>,
    /// The built-in gateway `default`: on or off
    #[arg(long, value_name = "on|off")]
    pub(crate) default_gateway: Option<String>,
    /// What callers learn of a refused address: generic or uniform
    #[arg(long, value_name = "generic|uniform")]
    pub(crate) disclosure: Option<String>,
    /// After how many seconds without an answer from the store every check is refused
    #[arg(long, value_name = "SECONDS")]
    pub(crate) staleness_s_max: Option<String>,
    /// How many days log events are kept
    #[arg(long, value_name = "DAYS")]
    pub(crate) log_retention_days: Option<String>,
    /// How many log events are kept at most
    #[arg(long, value_name = "NUMBER")]
    pub(crate) log_rows_max: Option<String>,
    /// Networks of your own that log streams may lead to
    #[arg(long, value_name = "CIDR,...")]
    pub(crate) log_stream_networks: Option<String>,
    /// How many Actions run at once
    #[arg(long, value_name = "NUMBER|auto")]
    pub(crate) action_workers: Option<String>,
    /// Milliseconds of processor time that one Action may use
    #[arg(long, value_name = "MS")]
    pub(crate) action_cpu_ms: Option<String>,
    /// Milliseconds on the clock that one Action may take
    #[arg(long, value_name = "MS")]
    pub(crate) action_clock_ms: Option<String>,
    /// Memory that one Action may use, in MiB
    #[arg(long, value_name = "MIB")]
    pub(crate) action_memory_mib: Option<String>,
    /// How many days is kept what Actions did
    #[arg(long, value_name = "DAYS")]
    pub(crate) execution_retention_days: Option<String>,
    /// Of how many token requests that is kept at most
    #[arg(long, value_name = "NUMBER")]
    pub(crate) execution_rows_max: Option<String>,
    /// What is logged to standard error
    #[arg(long, value_name = "FILTER")]
    pub(crate) log: Option<String>,
    /// How log lines look: human or json
    #[arg(long, value_name = "human|json")]
    pub(crate) log_format: Option<String>,
}

impl ServeArgs {
    pub(super) fn given(&self) -> BTreeMap<&'static str, String> {
        let trusted = (!self.public_trusted.is_empty()).then(|| self.public_trusted.join(","));
        [
            ("data", &self.data),
            ("public", &self.public),
            ("gate", &self.gate),
            ("grpc", &self.grpc),
            ("gate_tls_cert", &self.gate_tls_cert),
            ("gate_tls_key", &self.gate_tls_key),
            ("gate_client_ca", &self.gate_client_ca),
            ("ops", &self.ops),
            ("issuer", &self.issuer),
            ("public_address_from", &self.public_address_from),
            ("public_trusted", &trusted),
            ("tls_cert", &self.tls_cert),
            ("tls_key", &self.tls_key),
            ("tls_client_ca", &self.tls_client_ca),
            ("dev_tls", &self.dev_tls),
            ("default_audience", &self.default_audience),
            ("default_gateway", &self.default_gateway),
            ("disclosure", &self.disclosure),
            ("staleness_s_max", &self.staleness_s_max),
            ("log_retention_days", &self.log_retention_days),
            ("log_rows_max", &self.log_rows_max),
            ("log_stream_networks", &self.log_stream_networks),
            ("action_workers", &self.action_workers),
            ("action_cpu_ms", &self.action_cpu_ms),
            ("action_clock_ms", &self.action_clock_ms),
            ("action_memory_mib", &self.action_memory_mib),
            ("execution_retention_days", &self.execution_retention_days),
            ("execution_rows_max", &self.execution_rows_max),
            ("log", &self.log),
            ("log_format", &self.log_format),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value.clone()?)))
        .collect()
    }
}

/// The settings file with every default and its meaning.
pub(crate) fn print_default() -> String {
    let mut out = String::from(
        "# Keyward's settings, with their defaults. Flags win over variables, variables over this \
         file.\n",
    );
    for setting in SETTINGS {
        let (flag, variable) = (setting.flag(), setting.variable());
        let quoted = toml::Value::String(setting.default.to_owned());
        let _ = write!(
            out,
            "\n# {}\n# {flag} {}, {variable}\n{} = {quoted}\n",
            setting.help, setting.value, setting.key
        );
    }
    out
}
