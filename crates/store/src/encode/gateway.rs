//! Gateways.

use keyward_allowlist::Network;
use keyward_core::client::State;
use keyward_core::gateway::{
    CertificateName, ClientAddress, DenyStyle, Disclosure, Gateway, GatewayAuth, GatewayKind,
    parse_source, source_name,
};
use keyward_core::id::GatewayId;
use serde::{Deserialize, Serialize};

use super::{Body, Fault, SecretBody, id, moment, network, word, written};

/// A gateway.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GatewayBody {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) state: String,
    pub(crate) address_source: String,
    pub(crate) trusted: Vec<String>,
    pub(crate) peers: Vec<String>,
    pub(crate) unix_peer: bool,
    pub(crate) token_required: bool,
    pub(crate) tokens: Vec<SecretBody>,
    pub(crate) certificates: Vec<String>,
    #[serde(deserialize_with = "written")]
    pub(crate) required_audience: Option<String>,
    pub(crate) required_scopes: Vec<String>,
    #[serde(deserialize_with = "written")]
    pub(crate) disclosure: Option<String>,
    #[serde(deserialize_with = "written")]
    pub(crate) deny_style: Option<String>,
    pub(crate) allow_preflight: bool,
    pub(crate) public_paths: Vec<String>,
    pub(crate) assertion: bool,
    pub(crate) hide_credential: bool,
    pub(crate) version: u64,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

impl Body for GatewayBody {
    type Of = Gateway;

    fn of(gateway: &Gateway) -> Self {
        let GatewayAuth { peers, unix, token, tokens, certificates } = &gateway.auth;
        Self {
            id: gateway.id.to_string(),
            kind: gateway.kind.name().to_owned(),
            state: gateway.state.name().to_owned(),
            address_source: source_name(&gateway.client_address.source).to_owned(),
            trusted: texts(&gateway.client_address.trusted),
            peers: texts(peers),
            unix_peer: *unix,
            token_required: *token,
            tokens: tokens.iter().map(SecretBody::of).collect(),
            certificates: texts(certificates),
            required_audience: gateway.required_audience.clone(),
            required_scopes: gateway.required_scopes.clone(),
            disclosure: gateway.disclosure.map(|word| word.name().to_owned()),
            deny_style: gateway.deny_style.map(|word| word.name().to_owned()),
            allow_preflight: gateway.allow_preflight,
            public_paths: gateway.public_paths.clone(),
            assertion: gateway.assertion,
            hide_credential: gateway.hide_credential,
            version: gateway.version,
            created_at: gateway.created_at.millis(),
            updated_at: gateway.updated_at.millis(),
        }
    }

    fn read(self) -> Result<Gateway, Fault> {
        let source = word("address_source", &self.address_source, parse_source)?;
        let trusted = networks("trusted", &self.trusted)?;
        let tokens = self.tokens.into_iter().map(|token| token.read("tokens"));
        Ok(Gateway {
            id: id("id", &self.id, GatewayId::parse)?,
            kind: word("kind", &self.kind, GatewayKind::parse)?,
            state: word("state", &self.state, State::parse)?,
            client_address: ClientAddress { source, trusted },
            auth: GatewayAuth {
                peers: networks("peers", &self.peers)?,
                unix: self.unix_peer,
                token: self.token_required,
                tokens: tokens.collect::<Result<_, _>>()?,
                certificates: certificates(&self.certificates)?,
            },
            required_audience: self.required_audience,
            required_scopes: self.required_scopes,
            disclosure: optional_word("disclosure", self.disclosure, Disclosure::parse)?,
            deny_style: optional_word("deny_style", self.deny_style, DenyStyle::parse)?,
            allow_preflight: self.allow_preflight,
            public_paths: self.public_paths,
            assertion: self.assertion,
            hide_credential: self.hide_credential,
            version: self.version,
            created_at: moment(self.created_at),
            updated_at: moment(self.updated_at),
        })
    }
}

fn texts(things: &[impl ToString]) -> Vec<String> {
    things.iter().map(ToString::to_string).collect()
}

fn networks(field: &'static str, texts: &[String]) -> Result<Vec<Network>, Fault> {
    texts.iter().map(|text| network(field, text)).collect()
}

fn certificates(texts: &[String]) -> Result<Vec<CertificateName>, Fault> {
    texts.iter().map(|text| word("certificates", text, CertificateName::parse)).collect()
}

fn optional_word<T>(
    field: &'static str,
    text: Option<String>,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, Fault> {
    text.map(|text| word(field, &text, parse)).transpose()
}
