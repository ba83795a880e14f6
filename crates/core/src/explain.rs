//! Why an address is allowed or not: which layer, which entry. For the owner of a key, never for
//! its caller.

use keyward_allowlist::ClientIp;

use crate::allowlist::{Layer, ListExplanation};
use crate::api::{Account, Api};
use crate::client::{Client, State};
use crate::time::Timestamp;

/// What one list says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerExplanation {
    /// Whose list.
    pub layer: Layer,
    /// The name of the API, account or client.
    pub name: String,
    /// What it says and why.
    pub list: ListExplanation,
}

/// What all lists together say of one client and one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The lists in the order in which they are asked.
    pub layers: Vec<LayerExplanation>,
    /// Whether client and account are active.
    pub active: bool,
    /// Whether the address may use the client.
    pub allowed: bool,
}

impl Explanation {
    /// The first layer that refuses.
    #[must_use]
    pub fn refused_by(&self) -> Option<&LayerExplanation> {
        self.layers.iter().find(|layer| !layer.list.allows)
    }
}

/// Explains what [`crate::decide::decide`] does with an authentic credential of this client.
///
/// `apis` are those in question: the one that the gateway guards, or all that the client has a
/// grant for.
#[must_use]
pub fn explain<'a>(
    client: &Client,
    account: Option<&Account>,
    apis: impl IntoIterator<Item = &'a Api>,
    ip: Option<ClientIp>,
    now: Timestamp,
) -> Explanation {
    let layer = |layer, name: &str, list: ListExplanation| LayerExplanation {
        layer,
        name: name.to_owned(),
        list,
    };
    let mut layers: Vec<_> = apis
        .into_iter()
        .map(|api| layer(Layer::Api, &api.identifier, api.allowlist.explain(ip, now)))
        .collect();
    if let Some(account) = account {
        layers.push(layer(Layer::Account, &account.name, account.allowlist.explain(ip, now)));
    }
    layers.push(layer(Layer::Client, &client.name, client.allowlist.explain(ip, now)));
    let orphaned = client.account.is_some() && account.is_none();
    let active = client.state == State::Active
        && !orphaned
        && account.is_none_or(|account| account.state == State::Active);
    let allowed = active && layers.iter().all(|layer| layer.list.allows);
    Explanation { layers, active, allowed }
}
