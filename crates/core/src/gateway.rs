//! Gateways: the registered enforcement points, each with its one rule for the client address.

use keyward_allowlist::{ClientAddressRule, NetworkSet, Peer};

use crate::id::GatewayId;

/// What a caller learns of a refused address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Disclosure {
    /// 403: the credential is good, something else is not.
    #[default]
    Generic,
    /// 401: like an unknown key. A thief does not even learn that the key lives.
    Uniform,
}

/// How refusals are written, so that the program in front can pass them on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DenyStyle {
    /// For programs that know 401 and 403 alone: no 400, and no bodies, since a body on a
    /// refusal costs them the kept connection.
    #[default]
    Bare,
    /// Real statuses with small JSON bodies.
    Full,
}

/// A registered enforcement point.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// Its name in `/v1/check/{gateway}`.
    pub id: GatewayId,
    /// The one rule by which the client address is found.
    pub client_address: ClientAddressRule,
    /// From which addresses the gateway itself may ask.
    pub peers: NetworkSet,
    /// Whether it may ask over the unix socket (the file's permissions then guard it).
    pub unix_peer: bool,
    /// The API that it guards, when it guards one alone.
    pub required_audience: Option<String>,
    /// Scopes that every credential must have here.
    pub required_scopes: Vec<String>,
    /// What its callers learn of a refused address.
    pub disclosure: Disclosure,
    /// How refusals are written.
    pub deny_style: DenyStyle,
}

impl Gateway {
    /// Whether that peer may ask in this gateway's name.
    #[must_use]
    pub fn admits(&self, peer: Peer) -> bool {
        match peer {
            Peer::Ip(ip) => self.peers.contains(ip),
            Peer::Unix => self.unix_peer,
        }
    }
}
