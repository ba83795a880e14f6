//! Gateways on the wire.

use keyward_allowlist::{EntryRules, Network, ParseErrorKind, Source, parse_entries};
use keyward_core::gateway::patch::{GatewayPatch, NETWORKS_MAX};
use keyward_core::gateway::{
    CertificateName, DenyStyle, Disclosure, Gateway, GatewayKind, SOURCE_NAMES, parse_source,
    source_name,
};
use keyward_core::id::GatewayId;
use keyward_core::invalid::{Faults, Invalid};
use keyward_core::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::v1::input::present;
use crate::v1::secrets::SecretView;
use crate::v1::wire::Time;

/// A registered enforcement point.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Gateway)]
pub(in crate::v1) struct GatewayView {
    /// Its name in `/v1/check/{id}`.
    id: String,
    /// Which program it is.
    kind: &'static str,
    /// `active` or `suspended`.
    state: &'static str,
    /// How the client address of its requests is found.
    client_address: ClientAddressView,
    /// How it shows that it is who it says.
    auth: AuthView,
    /// What every credential must be good for here.
    required: RequiredView,
    /// What callers learn of a refused address: `generic` (403), `uniform` (401, as for an unknown
    /// key), or `null` for the server's setting.
    disclosure: Option<&'static str>,
    /// How refusals are written: `bare`, `auth-status` or `full`.
    deny_style: &'static str,
    /// Whether preflight requests of browsers pass without a credential.
    allow_preflight: bool,
    /// Paths that need no credential, each compared as a whole.
    public_paths: Vec<String>,
    /// Whether allowed requests carry a signed `X-Client-Assertion`.
    assertion: bool,
    /// Whether the credential is taken out before the application sees it: only at `envoy-grpc`,
    /// `istio`, `gateway-api-grpc` and `tower`.
    hide_credential: bool,
    /// What is odd about it.
    warnings: Vec<String>,
    /// Counts writes; also the entity tag.
    version: u64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// When it was last written.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Time,
}

/// How the client address is found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClientAddress)]
struct ClientAddressView {
    /// The one place that is read.
    source: &'static str,
    /// The proxies in front: hops that a walk passes over, or who may send a PROXY header.
    trusted: Vec<String>,
}

/// How a gateway shows that it is who it says: everything that is asked for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GatewayAuth)]
struct AuthView {
    /// From which networks it may ask; empty: from any, if it shows a token or a certificate.
    peers: Vec<String>,
    /// Whether it may ask over a unix socket without a token.
    unix: bool,
    /// Whether it must show a token.
    token: bool,
    /// Its tokens, without what is secret about them; the current one last.
    tokens: Vec<SecretView>,
    /// What its client certificate must say, any one of these: `dns:NAME`, `uri:URI` or
    /// `sha256:HEX`.
    certificates: Vec<String>,
}

/// What a gateway requires of credentials.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GatewayRequired)]
struct RequiredView {
    /// The API that it guards, when it guards one alone.
    audience: Option<String>,
    /// Scopes that every credential must have.
    scopes: Vec<String>,
}

impl GatewayView {
    /// The gateway as it is at that moment.
    pub(super) fn at(gateway: &Gateway, now: Timestamp) -> Self {
        Self {
            id: gateway.id.to_string(),
            kind: gateway.kind.name(),
            state: gateway.state.name(),
            client_address: ClientAddressView {
                source: source_name(&gateway.client_address.source),
                trusted: texts(&gateway.client_address.trusted),
            },
            auth: AuthView {
                peers: texts(&gateway.auth.peers),
                unix: gateway.auth.unix,
                token: gateway.auth.token,
                tokens: gateway.auth.tokens.iter().map(|t| SecretView::new(t, now)).collect(),
                certificates: texts(&gateway.auth.certificates),
            },
            required: RequiredView {
                audience: gateway.required_audience.clone(),
                scopes: gateway.required_scopes.clone(),
            },
            disclosure: gateway.disclosure.map(Disclosure::name),
            deny_style: gateway.deny_style().name(),
            allow_preflight: gateway.allow_preflight,
            public_paths: gateway.public_paths.clone(),
            assertion: gateway.assertion,
            hide_credential: gateway.hide_credential,
            warnings: gateway.warnings(),
            version: gateway.version,
            created_at: gateway.created_at.into(),
            updated_at: gateway.updated_at.into(),
        }
    }

    pub(super) fn warn(&mut self, warning: String) {
        self.warnings.push(warning);
    }
}

fn texts(things: &[impl ToString]) -> Vec<String> {
    things.iter().map(ToString::to_string).collect()
}

/// A new gateway.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::v1) struct NewGateway {
    /// Its name: 1 to 64 of `A-Z a-z 0-9 _ -`.
    id: String,
    /// Which program it is: `nginx`, `ingress-nginx`, `haproxy`, `apache`, `caddy`, `traefik`,
    /// `apisix`, `kong`, `envoy-http`, `gateway-api`, `envoy-grpc`, `istio`, `gateway-api-grpc`,
    /// `tower` or `application`.
    kind: String,
    /// How the client address is found.
    #[serde(default, deserialize_with = "given")]
    client_address: Option<NewClientAddress>,
    /// How it shows that it is who it says.
    #[serde(default, deserialize_with = "given")]
    auth: Option<NewAuth>,
    /// What every credential must be good for here.
    #[serde(default, deserialize_with = "given")]
    required: Option<NewRequired>,
    /// `generic`, `uniform`, or `null` for the server's setting.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    disclosure: Option<Option<String>>,
    /// `bare`, `auth-status`, `full`, or `null` for what its kind needs.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    deny_style: Option<Option<String>>,
    /// Whether preflight requests of browsers pass without a credential.
    #[serde(default, deserialize_with = "given")]
    allow_preflight: Option<bool>,
    /// Paths that need no credential.
    #[serde(default, deserialize_with = "given")]
    public_paths: Option<Vec<String>>,
    /// Whether allowed requests carry a signed `X-Client-Assertion`.
    #[serde(default, deserialize_with = "given")]
    assertion: Option<bool>,
    /// Whether the credential is taken out before the application sees it: only at `envoy-grpc`,
    /// `istio`, `gateway-api-grpc` and `tower`.
    #[serde(default, deserialize_with = "given")]
    hide_credential: Option<bool>,
}

/// Changes to a gateway; what is absent stays as it is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::v1) struct GatewayChanges {
    /// How the client address is found.
    #[serde(default, deserialize_with = "given")]
    client_address: Option<NewClientAddress>,
    /// How it shows that it is who it says.
    #[serde(default, deserialize_with = "given")]
    auth: Option<NewAuth>,
    /// What every credential must be good for here.
    #[serde(default, deserialize_with = "given")]
    required: Option<NewRequired>,
    /// `generic`, `uniform`, or `null` for the server's setting.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    disclosure: Option<Option<String>>,
    /// `bare`, `auth-status`, `full`, or `null` for what its kind needs.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    deny_style: Option<Option<String>>,
    /// Whether preflight requests of browsers pass without a credential.
    #[serde(default, deserialize_with = "given")]
    allow_preflight: Option<bool>,
    /// Paths that need no credential.
    #[serde(default, deserialize_with = "given")]
    public_paths: Option<Vec<String>>,
    /// Whether allowed requests carry a signed `X-Client-Assertion`.
    #[serde(default, deserialize_with = "given")]
    assertion: Option<bool>,
    /// Whether the credential is taken out before the application sees it: only at `envoy-grpc`,
    /// `istio`, `gateway-api-grpc` and `tower`.
    #[serde(default, deserialize_with = "given")]
    hide_credential: Option<bool>,
}

/// How the client address is found.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::v1) struct NewClientAddress {
    /// `peer`, `x-real-ip`, `x-forwarded-for`, `forwarded`, `proxy-protocol`, `source-address` or
    /// `metadata`; what suits the kind, unless said.
    #[serde(default, deserialize_with = "given")]
    source: Option<String>,
    /// The proxies in front.
    #[serde(default, deserialize_with = "given")]
    trusted: Option<Vec<String>>,
}

/// How a gateway shows that it is who it says.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::v1) struct NewAuth {
    /// From which networks it may ask.
    #[serde(default, deserialize_with = "given")]
    peers: Option<Vec<String>>,
    /// Whether it may ask over a unix socket without a token.
    #[serde(default, deserialize_with = "given")]
    unix: Option<bool>,
    /// Whether it must show a token; `true` makes one.
    #[serde(default, deserialize_with = "given")]
    token: Option<bool>,
    /// What its client certificate must say: `dns:NAME`, `uri:URI` or `sha256:HEX`.
    #[serde(default, deserialize_with = "given")]
    certificates: Option<Vec<String>>,
}

/// What a gateway requires of credentials.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::v1) struct NewRequired {
    /// The API that it guards; `null` for any.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    audience: Option<Option<String>>,
    /// Scopes that every credential must have.
    #[serde(default, deserialize_with = "given")]
    scopes: Option<Vec<String>>,
}

/// Refuses `null` where it says nothing: whoever sends it means something.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(reader: D) -> Result<Option<T>, D::Error> {
    T::deserialize(reader).map(Some)
}

impl NewGateway {
    /// A gateway of that name and kind, and everything else to be applied to it.
    ///
    /// # Errors
    /// Every word and network that cannot be read.
    pub(super) fn read(self, now: Timestamp) -> Result<(Gateway, GatewayPatch), Vec<Invalid>> {
        let mut faults = Faults::default();
        let id = GatewayId::parse(&self.id).map_err(|error| {
            faults.push(Invalid::new("id", "id", format!("`{}` is {error}", self.id)));
        });
        let kind = GatewayKind::parse(&self.kind);
        if kind.is_none() {
            let known: Vec<_> = GatewayKind::all().map(GatewayKind::name).collect();
            faults.push(unknown("kind", &self.kind, &known));
        }
        let changes = GatewayChanges {
            client_address: self.client_address,
            auth: self.auth,
            required: self.required,
            disclosure: self.disclosure,
            deny_style: self.deny_style,
            allow_preflight: self.allow_preflight,
            public_paths: self.public_paths,
            assertion: self.assertion,
            hide_credential: self.hide_credential,
        };
        let patch = changes.patch(&mut faults);
        faults.finish()?;
        let made = id.ok().zip(kind).map(|(id, kind)| Gateway::new(id, kind, now));
        // Both are there when there was no fault.
        made.map(|gateway| (gateway, patch)).ok_or_else(Vec::new)
    }
}

impl GatewayChanges {
    /// The changes.
    ///
    /// # Errors
    /// Every word and network that cannot be read.
    pub(super) fn read(self) -> Result<GatewayPatch, Vec<Invalid>> {
        let mut faults = Faults::default();
        let patch = self.patch(&mut faults);
        faults.finish()?;
        Ok(patch)
    }

    fn patch(self, faults: &mut Faults) -> GatewayPatch {
        let address = self.client_address.unwrap_or_default();
        let auth = self.auth.unwrap_or_default();
        let required = self.required.unwrap_or_default();
        GatewayPatch {
            state: None,
            source: address.source.and_then(|text| source(faults, &text)),
            trusted: networks(faults, "client_address.trusted", address.trusted),
            peers: networks(faults, "auth.peers", auth.peers),
            unix: auth.unix,
            token: auth.token,
            certificates: certificates(faults, auth.certificates),
            required_audience: required.audience,
            required_scopes: required.scopes,
            disclosure: word(
                faults,
                "disclosure",
                self.disclosure,
                Disclosure::parse,
                &["generic", "uniform"],
            ),
            deny_style: word(
                faults,
                "deny_style",
                self.deny_style,
                DenyStyle::parse,
                &["bare", "auth-status", "full"],
            ),
            allow_preflight: self.allow_preflight,
            public_paths: self.public_paths,
            assertion: self.assertion,
            hide_credential: self.hide_credential,
        }
    }
}

fn unknown(field: &str, text: &str, known: &[&str]) -> Invalid {
    Invalid::new(field, "unknown_word", format!("`{text}` is none of {}", known.join(", ")))
}

fn source(faults: &mut Faults, text: &str) -> Option<Source> {
    let source = parse_source(text);
    if source.is_none() {
        faults.push(unknown("client_address.source", text, &SOURCE_NAMES));
    }
    source
}

fn word<T>(
    faults: &mut Faults,
    field: &str,
    text: Option<Option<String>>,
    parse: impl Fn(&str) -> Option<T>,
    known: &[&str],
) -> Option<Option<T>> {
    let Some(text) = text? else { return Some(None) };
    let word = parse(&text);
    if word.is_none() {
        faults.push(unknown(field, &text, known));
    }
    word.map(Some)
}

fn networks(faults: &mut Faults, field: &str, texts: Option<Vec<String>>) -> Option<Vec<Network>> {
    let texts = texts?;
    let rules = EntryRules { max_entries: NETWORKS_MAX, ..EntryRules::default() };
    match parse_entries(texts.iter().map(String::as_str), &rules) {
        Ok(networks) => Some(networks),
        Err(errors) => {
            for error in errors.iter() {
                // Lines are counted from 1.
                let place = format!("{field}[{}]", error.line.saturating_sub(1));
                let message = if error.kind == ParseErrorKind::TooBroad {
                    format!(
                        "`{}` is everybody, and not everybody is a gateway or a proxy; name the \
                         networks",
                        error.text
                    )
                } else {
                    format!("`{}` {}", error.text, error.kind)
                };
                faults.push(Invalid::new(place, error.kind.code(), message));
            }
            None
        }
    }
}

fn certificates(faults: &mut Faults, texts: Option<Vec<String>>) -> Option<Vec<CertificateName>> {
    let mut names = Vec::new();
    for (place, text) in texts?.iter().enumerate() {
        match CertificateName::parse(text) {
            Some(name) => names.push(name),
            None => faults.push(Invalid::new(
                format!("auth.certificates[{place}]"),
                "certificate",
                format!(
                    "`{text}` must be dns:NAME (no wildcard), uri:URI or sha256: and 64 digits"
                ),
            )),
        }
    }
    Some(names)
}
