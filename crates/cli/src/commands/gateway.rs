//! `keyward gateway`.

use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Map, Value, json};

use super::client::seconds;
use super::{all, escape, print};
use crate::manage::{Content, Management};
use crate::table::{pairs, table, text};

/// What to do with gateways.
#[derive(Debug, Subcommand)]
pub(crate) enum GatewayCommand {
    /// Register a gateway: a program in front of an API that asks Keyward
    Create {
        /// Its name, which stands in /v1/check/NAME
        name: String,
        /// Which program: nginx, haproxy, apache, caddy, traefik, envoy-grpc, envoy-http, tower,
        /// application, ingress-nginx, apisix, kong, gateway-api, gateway-api-grpc, istio
        #[arg(long, value_name = "KIND")]
        kind: String,
        #[command(flatten)]
        settings: Box<Settings>,
    },
    /// List the gateways
    List,
    /// Show one, with what is odd about it
    Show {
        /// Its name
        name: String,
    },
    /// Change one; what is not named stays
    Edit {
        /// Its name
        name: String,
        #[command(flatten)]
        settings: Box<Settings>,
    },
    /// Give it a new token, shown once
    Rotate {
        /// Its name
        name: String,
        /// How long the old token stays good: 0, 90s, 15m, 1h, 2d
        #[arg(long, value_name = "TIME", default_value = "0", value_parser = seconds)]
        overlap: u64,
    },
    /// Refuse it everything until it is resumed
    Suspend {
        /// Its name
        name: String,
    },
    /// Let a suspended gateway ask again
    Resume {
        /// Its name
        name: String,
    },
    /// Delete it
    Delete {
        /// Its name
        name: String,
    },
    /// What was wrong at the gateways since the server started
    Alarms {
        /// Only at this one
        name: Option<String>,
    },
}

/// How a gateway is set.
#[derive(Debug, Default, Args)]
pub(crate) struct Settings {
    /// Where the client address comes from: x-real-ip, x-forwarded-for, forwarded, peer,
    /// proxy-protocol, source-address or metadata (default: what suits the kind)
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// Proxies in front of it: hops that are passed over
    #[arg(long, value_name = "CIDR", num_args = 1.., value_delimiter = ',')]
    trusted: Option<Vec<String>>,
    /// Networks that it asks from
    #[arg(long, value_name = "CIDR", num_args = 1.., value_delimiter = ',')]
    peers: Option<Vec<String>>,
    /// It may ask over the unix socket without a token
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    unix: Option<bool>,
    /// It shows a token, which is printed once
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    token: Option<bool>,
    /// What its client certificate says: dns:NAME, uri:URI or sha256:HEX
    #[arg(long = "certificate", value_name = "NAME", num_args = 1.., value_delimiter = ',')]
    certificates: Option<Vec<String>>,
    /// The API that it guards; - for any
    #[arg(long, value_name = "IDENTIFIER")]
    audience: Option<String>,
    /// Scopes that every credential must have
    #[arg(long = "scope", value_name = "SCOPE", num_args = 1.., value_delimiter = ',')]
    scopes: Option<Vec<String>>,
    /// What callers learn of a refused address: generic or uniform; - for the server's setting
    #[arg(long, value_name = "WORD")]
    disclosure: Option<String>,
    /// How refusals are written: bare, auth-status or full; - for what its kind needs
    #[arg(long, value_name = "WORD")]
    deny_style: Option<String>,
    /// Preflight requests of browsers pass without a credential
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    allow_preflight: Option<bool>,
    /// Paths that need no credential, each as a whole
    #[arg(long = "public-path", value_name = "PATH", num_args = 1.., value_delimiter = ',')]
    public_paths: Option<Vec<String>>,
    /// Allowed requests carry a signed X-Client-Assertion
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    assertion: Option<bool>,
    /// Envoy takes the credential out before the application sees it
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    hide_credential: Option<bool>,
}

impl Settings {
    /// The members of the request that say this.
    fn body(self) -> Map<String, Value> {
        let mut address = Map::new();
        put(&mut address, "source", self.source);
        put(&mut address, "trusted", listed(self.trusted));
        let mut auth = Map::new();
        put(&mut auth, "peers", listed(self.peers));
        put(&mut auth, "unix", self.unix);
        put(&mut auth, "token", self.token);
        put(&mut auth, "certificates", listed(self.certificates));
        let mut required = Map::new();
        put(&mut required, "audience", self.audience.map(or_none));
        put(&mut required, "scopes", listed(self.scopes));
        let mut body = Map::new();
        for (name, part) in [("client_address", address), ("auth", auth), ("required", required)] {
            put(&mut body, name, Some(part).filter(|part| !part.is_empty()));
        }
        put(&mut body, "disclosure", self.disclosure.map(or_none));
        put(&mut body, "deny_style", self.deny_style.map(or_none));
        put(&mut body, "allow_preflight", self.allow_preflight);
        put(&mut body, "public_paths", listed(self.public_paths));
        put(&mut body, "assertion", self.assertion);
        put(&mut body, "hide_credential", self.hide_credential);
        body
    }
}

fn put(object: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object.insert(name.to_owned(), value.into());
    }
}

/// `-` stands for nothing.
fn or_none(text: String) -> Value {
    if text == "-" { Value::Null } else { Value::String(text) }
}

/// A list of `-` alone is an empty one.
fn listed(texts: Option<Vec<String>>) -> Option<Vec<String>> {
    texts.map(|texts| if texts == ["-"] { Vec::new() } else { texts })
}

pub(crate) async fn run(
    management: &Management,
    command: GatewayCommand,
) -> anyhow::Result<ExitCode> {
    match command {
        GatewayCommand::Create { name, kind, settings } => {
            let mut body = settings.body();
            put(&mut body, "id", Some(name));
            put(&mut body, "kind", Some(kind));
            let body = Content::Json(Value::Object(body));
            let made = management.send(Method::POST, "/v1/gateways", Some(body)).await?;
            Ok(print(management, &made, words))
        }
        GatewayCommand::List => {
            let gateways = all(management, "/v1/gateways").await?;
            Ok(print(management, &Value::Array(gateways), list_words))
        }
        GatewayCommand::Show { name } => {
            let gateway = management.get(&path_of(&name)).await?;
            Ok(print(management, &gateway, words))
        }
        GatewayCommand::Edit { name, settings } => {
            let body = Content::Json(Value::Object(settings.body()));
            let gateway = management.send(Method::PATCH, &path_of(&name), Some(body)).await?;
            Ok(print(management, &gateway, words))
        }
        GatewayCommand::Rotate { name, overlap } => {
            let path = format!("{}/tokens", path_of(&name));
            let body = Content::Json(json!({ "overlap_s": overlap }));
            let made = management.send(Method::POST, &path, Some(body)).await?;
            Ok(print(management, &made, words))
        }
        GatewayCommand::Suspend { name } => act(management, &name, "suspend").await,
        GatewayCommand::Resume { name } => act(management, &name, "resume").await,
        GatewayCommand::Delete { name } => {
            management.send(Method::DELETE, &path_of(&name), None).await?;
            let done = json!({ "deleted": name });
            Ok(print(management, &done, |_| format!("deleted {name}")))
        }
        GatewayCommand::Alarms { name } => {
            if management.is_in_process() {
                bail!(
                    "no server is running here, and alarms are what a running one has seen since \
                     it began: start it, or name it with --server"
                );
            }
            let of = name.map(|name| format!("?gateway={}", escape(&name))).unwrap_or_default();
            let alarms = management.get(&format!("/v1/alarms{of}")).await?;
            Ok(print(management, &alarms, alarm_words))
        }
    }
}

fn path_of(name: &str) -> String {
    format!("/v1/gateways/{}", escape(name))
}

async fn act(management: &Management, name: &str, action: &str) -> anyhow::Result<ExitCode> {
    let path = format!("{}/{action}", path_of(name));
    let gateway = management.send(Method::POST, &path, None).await?;
    Ok(print(management, &gateway, words))
}

fn list_words(gateways: &Value) -> String {
    let row = |gateway: &Value| {
        let part = |name: &str| gateway.get(name).cloned().unwrap_or_default();
        let warnings = part("warnings").as_array().map_or(0, Vec::len);
        vec![
            text(gateway, "id"),
            text(gateway, "kind"),
            text(gateway, "state"),
            text(&part("client_address"), "source"),
            auth_words(&part("auth")),
            if warnings == 0 { String::new() } else { format!("{warnings}, see `gateway show`") },
        ]
    };
    let head = ["name", "kind", "state", "address from", "shows", "warnings"];
    table(&head, gateways.as_array().into_iter().flatten().map(row))
}

fn auth_words(auth: &Value) -> String {
    let flag = |name: &str| auth.get(name).and_then(Value::as_bool) == Some(true);
    let mut parts = Vec::new();
    for (name, what) in [("peers", "asks from"), ("certificates", "certificate")] {
        let value = text(auth, name);
        if !value.is_empty() {
            parts.push(format!("{what} {value}"));
        }
    }
    if flag("token") {
        parts.push("token".to_owned());
    }
    if flag("unix") {
        parts.push("unix socket".to_owned());
    }
    parts.join("; ")
}

fn words(gateway: &Value) -> String {
    let part = |name: &str| gateway.get(name).cloned().unwrap_or_default();
    let (address, required) = (part("client_address"), part("required"));
    let flag = |name: &str| {
        let on = gateway.get(name).and_then(Value::as_bool) == Some(true);
        if on { "on".to_owned() } else { String::new() }
    };
    let mut text_of = pairs(&[
        ("gateway", text(gateway, "id")),
        ("kind", text(gateway, "kind")),
        ("state", text(gateway, "state")),
        ("address from", text(&address, "source")),
        ("trusted", text(&address, "trusted")),
        ("shows", auth_words(&part("auth"))),
        ("API", text(&required, "audience")),
        ("scopes", text(&required, "scopes")),
        ("disclosure", text(gateway, "disclosure")),
        ("refusals", text(gateway, "deny_style")),
        ("preflight", flag("allow_preflight")),
        ("public paths", text(gateway, "public_paths")),
        ("assertion", flag("assertion")),
        ("hides key", flag("hide_credential")),
        ("token", text(gateway, "token")),
    ]);
    if gateway.get("token").is_some() {
        let id = text(gateway, "id");
        text_of.push_str(&format!(
            "\n\nThe token is shown this once. The gateway sends it as X-Gateway-Token, or asks \
             /v1/check/{id}.TOKEN"
        ));
    }
    for warning in part("warnings").as_array().into_iter().flatten().filter_map(Value::as_str) {
        text_of.push_str(&format!("\n\nwarning: {warning}"));
    }
    text_of
}

fn alarm_words(alarms: &Value) -> String {
    let items = alarms.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    if items.is_empty() {
        return "nothing was wrong".to_owned();
    }
    let row = |alarm: &Value| {
        let what = match text(alarm, "detail") {
            detail if detail.is_empty() => text(alarm, "code"),
            detail => format!("{} ({detail})", text(alarm, "code")),
        };
        let name = |name: &str| match text(alarm, name) {
            empty if empty.is_empty() => "-".to_owned(),
            found => found,
        };
        vec![
            what,
            name("gateway"),
            name("network"),
            text(alarm, "count"),
            text(alarm, "first_at"),
            text(alarm, "last_at"),
        ]
    };
    let head = ["what", "gateway", "from", "count", "first", "last"];
    let mut words = table(&head, items.iter().map(row));
    for (code, meaning) in ALARMS {
        if items.iter().any(|alarm| text(alarm, "code") == code) {
            words.push_str(&format!("\n\n{code}: {meaning}"));
        }
    }
    words
}

/// What each alarm means, and what to do.
const ALARMS: [(&str, &str); 7] = [
    (
        "client_address_missing",
        "its question says no address, so every key with a list is refused. Set the header that \
         `gateway show` names under \"address from\", or change that (`gateway edit --source`)",
    ),
    (
        "client_address_is_proxy",
        "the address is one of its own trusted networks: a balancer's, so all callers look alike. \
         Tell the gateway about the balancer, and try `keyward doctor --through URL`",
    ),
    (
        "gateway_unknown",
        "it asks under a name that is not registered, or that is suspended. Look at the name in its \
         configuration and at `gateway list`; else somebody plays a gateway",
    ),
    (
        "gateway_protocol",
        "it asks over HTTP and its kind asks over gRPC, or the other way round (`gateway show`)",
    ),
    (
        "gateway_peer_refused",
        "it asks from an address that is not among its peers (`gateway edit --peers`); else somebody \
         plays it",
    ),
    (
        "gateway_certificate_refused",
        "it shows no client certificate, or another one (`gateway edit --certificate`)",
    ),
    (
        "gateway_token_wrong",
        "it shows no token, or a wrong one: give it the present one, or make another (`gateway \
         rotate`); else somebody plays it",
    ),
];

#[cfg(test)]
mod tests {
    use keyward_allowlist::NoClientIp;
    use keyward_core::policy::NotAdmitted;
    use keyward_gate::AlarmKind;

    use super::*;

    #[test]
    fn every_alarm_is_explained() {
        let known = |code: &str| ALARMS.iter().any(|(known, _)| *known == code);
        assert!(known(AlarmKind::ClientAddressMissing(NoClientIp::MissingHeader).code()));
        for why in [
            NotAdmitted::Unknown,
            NotAdmitted::Protocol,
            NotAdmitted::Peer,
            NotAdmitted::Certificate,
            NotAdmitted::Token,
        ] {
            assert!(known(AlarmKind::NotAdmitted(why).code()), "{why:?}");
        }
        let alarm = json!({ "code": "gateway_token_wrong", "gateway": "edge", "count": 3 });
        let words = alarm_words(&json!({ "items": [alarm] }));
        assert!(words.contains("gateway_token_wrong: it shows no token"), "{words}");
        assert!(!words.contains("gateway_unknown"), "{words}");
    }
}
