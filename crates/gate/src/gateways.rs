//! The gateways that may ask, by name.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use keyward_allowlist::{ClientAddressRule, NetworkSet, Source};
use keyward_core::gateway::{DenyStyle, Disclosure, Gateway};
use keyward_core::id::GatewayId;

use crate::counters::GatewayCounters;

/// The name of the built-in gateway.
pub const DEFAULT_GATEWAY: &str = "default";

type Table = HashMap<Box<str>, Arc<Registered>>;

/// A gateway with what is counted of it.
#[derive(Debug)]
pub(crate) struct Registered {
    pub(crate) gateway: Gateway,
    pub(crate) counters: GatewayCounters,
}

/// The registered gateways. Reading takes no lock; a change is seen by the next request.
///
/// Counters are made when a gateway is registered: install the metrics recorder before.
#[derive(Debug, Default)]
pub struct Gateways {
    table: ArcSwap<Table>,
}

impl Gateways {
    /// No gateway at all: everybody is refused.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The built-in gateway [`DEFAULT_GATEWAY`] alone, telling its callers what `disclosure` says.
    #[must_use]
    pub fn built_in(disclosure: Disclosure) -> Self {
        let gateways = Self::none();
        if let Some(gateway) = built_in() {
            gateways.register(Gateway { disclosure, ..gateway });
        }
        gateways
    }

    /// Registers a gateway, or replaces the one of that name.
    pub fn register(&self, gateway: Gateway) {
        let counters = GatewayCounters::new(gateway.id.as_str());
        let name: Box<str> = gateway.id.as_str().into();
        let registered = Arc::new(Registered { gateway, counters });
        self.table.rcu(|table| {
            let mut table = Table::clone(table);
            table.insert(name.clone(), Arc::clone(&registered));
            table
        });
    }

    /// Removes a gateway; its callers are refused from the next request on.
    pub fn remove(&self, id: &GatewayId) {
        self.table.rcu(|table| {
            let mut table = Table::clone(table);
            table.remove(id.as_str());
            table
        });
    }

    pub(crate) fn find(&self, name: &str) -> Option<Arc<Registered>> {
        self.table.load().get(name).cloned()
    }
}

/// For a program on this machine, such as nginx, that writes the client address into `X-Real-IP`.
/// `None` never happens; it stands for a constant that does not parse.
fn built_in() -> Option<Gateway> {
    let loopback = ["127.0.0.0/8".parse().ok()?, "::1".parse().ok()?];
    let loopback = NetworkSet::compile(&loopback);
    let source = Source::SingleHeader("x-real-ip".to_owned());
    Some(Gateway {
        id: GatewayId::parse(DEFAULT_GATEWAY).ok()?,
        client_address: ClientAddressRule::new(source, loopback.clone()).with_trusted_unix(),
        peers: loopback,
        unix_peer: true,
        required_audience: None,
        required_scopes: Vec::new(),
        disclosure: Disclosure::Generic,
        deny_style: DenyStyle::Bare,
    })
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use keyward_allowlist::Peer;

    use super::*;

    #[test]
    fn the_built_in_gateway_admits_this_machine_alone() {
        let gateways = Gateways::built_in(Disclosure::Generic);
        let found = gateways.find(DEFAULT_GATEWAY).unwrap();
        let admits = |ip: IpAddr| found.gateway.admits(Peer::Ip(ip));
        assert!(admits(Ipv4Addr::new(127, 1, 2, 3).into()));
        assert!(admits(Ipv6Addr::LOCALHOST.into()));
        assert!(admits(Ipv4Addr::LOCALHOST.to_ipv6_mapped().into()));
        assert!(found.gateway.admits(Peer::Unix));
        assert!(!admits(Ipv4Addr::new(10, 0, 0, 1).into()));
        assert!(!admits(Ipv6Addr::UNSPECIFIED.into()));
    }

    #[test]
    fn a_gateway_comes_and_goes() {
        let gateways = Gateways::built_in(Disclosure::Generic);
        let id = GatewayId::parse(DEFAULT_GATEWAY).unwrap();
        gateways.remove(&id);
        assert!(gateways.find(DEFAULT_GATEWAY).is_none());
        gateways.register(built_in().unwrap());
        assert!(gateways.find(DEFAULT_GATEWAY).is_some());
        assert!(gateways.find("Default").is_none());
        assert!(Gateways::none().find(DEFAULT_GATEWAY).is_none());
    }
}
