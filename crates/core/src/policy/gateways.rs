//! The gateways that decisions at the second door look at.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use keyward_allowlist::{ClientAddressRule, ClientIp, Connection, NetworkSet, Peer};

use crate::client::State;
use crate::gateway::{CertificateName, DenyStyle, Gateway, Protocol};
use crate::id::GatewayId;
use crate::secret::{Peppers, PlainSecret, SecretHash};
use crate::time::Timestamp;

/// A gateway as checks need it.
pub struct GatewayRecord {
    /// As it was registered.
    pub gateway: Gateway,
    /// The one rule by which the client address is found.
    pub rule: ClientAddressRule,
    /// How its refusals are written.
    pub deny_style: DenyStyle,
    peers: NetworkSet,
    ended: AtomicBool,
}

/// What somebody shows who says to be a gateway.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// The connection.
    pub connection: &'a Connection,
    /// What its verified client certificate says, when it showed one.
    pub certificate: &'a [CertificateName],
    /// The token, when there is one.
    pub token: Option<&'a str>,
    /// How it asks.
    pub protocol: Protocol,
}

/// Why somebody is not believed to be a gateway. The caller learns none of this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotAdmitted {
    /// There is no such gateway, or it is suspended.
    Unknown,
    /// It asks in another way than its kind does.
    Protocol,
    /// It asks from another address.
    Peer,
    /// It shows no certificate, or another one.
    Certificate,
    /// It shows no token, or a wrong one.
    Token,
}

impl NotAdmitted {
    /// A stable word for logs and metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "gateway_unknown",
            Self::Protocol => "gateway_protocol",
            Self::Peer => "gateway_peer_refused",
            Self::Certificate => "gateway_certificate_refused",
            Self::Token => "gateway_token_wrong",
        }
    }
}

impl GatewayRecord {
    pub(super) fn compile(gateway: Gateway) -> Self {
        let trusted = NetworkSet::compile(&gateway.client_address.trusted);
        Self {
            rule: ClientAddressRule::new(gateway.client_address.source.clone(), trusted),
            deny_style: gateway.deny_style(),
            peers: NetworkSet::compile(&gateway.auth.peers),
            ended: AtomicBool::new(false),
            gateway,
        }
    }

    /// Whether this is not the present state of the gateway any more. A verdict may only be
    /// believed if this is false after deciding: the writer sets it before it publishes what the
    /// next decision is made by.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// Whether somebody may speak for this gateway.
    ///
    /// # Errors
    /// Why not.
    pub fn admit(
        &self,
        claim: &Claim<'_>,
        peppers: &Peppers,
        now: impl FnOnce() -> Timestamp,
    ) -> Result<(), NotAdmitted> {
        let auth = &self.gateway.auth;
        if self.gateway.state != State::Active {
            return Err(NotAdmitted::Unknown);
        }
        if self.gateway.kind.protocol() != claim.protocol {
            return Err(NotAdmitted::Protocol);
        }
        let from_its_place = match claim.connection.peer {
            Peer::Ip(ip) if !auth.peers.is_empty() => self.peers.contains(ip),
            // Where nobody said from where it asks, it must show something.
            Peer::Ip(_) => auth.token || !auth.certificates.is_empty(),
            Peer::Unix => auth.unix || auth.token,
        };
        if !from_its_place {
            return Err(NotAdmitted::Peer);
        }
        let certified = claim.certificate.iter().any(|name| auth.certificates.contains(name));
        if !auth.certificates.is_empty() && !certified {
            return Err(NotAdmitted::Certificate);
        }
        if !auth.token {
            return Ok(());
        }
        let shown = claim.token.ok_or(NotAdmitted::Token)?;
        let secrets = &auth.tokens;
        let found = peppers.find(
            &token_holder(&self.gateway.id),
            shown,
            &secrets.iter().map(|secret| &secret.hash),
        );
        let live = found.and_then(|place| secrets.get(place)).is_some_and(|s| s.is_live(now()));
        if live { Ok(()) } else { Err(NotAdmitted::Token) }
    }

    /// Whether a client address is one of the gateway's own proxies: a hop is not set up right.
    #[must_use]
    pub fn is_proxy(&self, client_ip: ClientIp) -> bool {
        self.rule.is_proxy(client_ip)
    }
}

impl fmt::Debug for GatewayRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayRecord")
            .field("gateway", &self.gateway.id)
            .field("ended", &self.has_ended())
            .finish_non_exhaustive()
    }
}

/// What a gateway's tokens are hashed with in place of a client id. No client id has a slash, so
/// a token's hash is worth nothing as that of a client's secret.
fn token_holder(id: &GatewayId) -> String {
    format!("gateway/{id}")
}

/// A gateway token in clear: [`crate::gateway::GATEWAY_TOKEN_PREFIX`] and a secret.
#[must_use]
pub fn gateway_token(secret: &PlainSecret) -> String {
    format!("{}{}", crate::gateway::GATEWAY_TOKEN_PREFIX, secret.reveal())
}

/// What is kept of a gateway's token.
#[must_use]
pub fn hash_gateway_token(peppers: &Peppers, id: &GatewayId, token: &str) -> SecretHash {
    peppers.hash(&token_holder(id), token)
}

type Table = HashMap<Box<str>, Arc<GatewayRecord>>;

/// The gateways by name. Reading takes no lock.
#[derive(Debug, Default)]
pub(super) struct GatewayTable(ArcSwap<Table>);

impl GatewayTable {
    pub(super) fn get(&self, name: &str) -> Option<Arc<GatewayRecord>> {
        self.0.load().get(name).cloned()
    }

    pub(super) fn all(&self) -> Vec<Arc<GatewayRecord>> {
        self.0.load().values().cloned().collect()
    }

    /// Puts a gateway in, takes one out (`None`), or all of them.
    ///
    /// Order: the old record ends before anything new can be published.
    pub(super) fn put(&self, name: &str, record: Option<GatewayRecord>) {
        let mut table = Table::clone(&self.0.load());
        let old = match record {
            Some(record) => table.insert(name.into(), Arc::new(record)),
            None => table.remove(name),
        };
        end(old);
        self.0.store(Arc::new(table));
    }

    /// Takes out all but these.
    pub(super) fn retain(&self, kept: &HashSet<&str>) {
        let (table, gone): (Table, Table) =
            Table::clone(&self.0.load()).into_iter().partition(|(name, _)| kept.contains(&**name));
        gone.into_values().for_each(|record| end(Some(record)));
        self.0.store(Arc::new(table));
    }
}

fn end(record: Option<Arc<GatewayRecord>>) {
    if let Some(record) = record {
        record.ended.store(true, Ordering::SeqCst);
    }
}
