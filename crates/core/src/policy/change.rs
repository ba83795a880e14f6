//! What a transaction changes of the policy.

use std::collections::HashSet;
use std::sync::Arc;

use crate::action::{Action, ActionVersion, Bindings};
use crate::api::{Account, Api};
use crate::client::{Client, ClientGrant};
use crate::gateway::Gateway;
use crate::id::{AccountId, ActionId, ActionVersionId, ApiId, ClientId, GatewayId, GrantId};
use crate::tenant::Tenant;
use crate::time::Timestamp;
use crate::token::TokenId;

/// One committed change: the full state of an entity after it, or its end.
#[derive(Debug, Clone)]
pub enum Change {
    /// A client was created or changed.
    Client(Box<Client>),
    /// A client is gone; its grants go with it.
    ClientDeleted(ClientId),
    /// An account was created or changed.
    Account(Box<Account>),
    /// An account is gone.
    AccountDeleted(AccountId),
    /// An API was created or changed.
    Api(Box<Api>),
    /// An API is gone; grants for it count no more.
    ApiDeleted(ApiId),
    /// A client grant was created or changed.
    Grant(Box<ClientGrant>),
    /// A client grant is gone.
    GrantDeleted {
        /// Which.
        id: GrantId,
        /// Whose.
        client: ClientId,
        /// For which API.
        api: ApiId,
    },
    /// The settings of the whole installation were written.
    Tenant(Box<Tenant>),
    /// Signing keys were rotated or revoked: whoever has them in memory reads them anew.
    SigningKeys,
    /// A gateway was registered or changed.
    Gateway(Box<Gateway>),
    /// A gateway is gone.
    GatewayDeleted(GatewayId),
    /// An Action was made, changed or deployed.
    Action(Box<Action>),
    /// An Action is gone, with its versions.
    ActionDeleted(ActionId),
    /// A version of an Action was deployed.
    ActionVersion(Box<ActionVersion>),
    /// A version of an Action was forgotten.
    ActionVersionDeleted(ActionVersionId),
    /// What is bound to the trigger was changed.
    Bindings(Box<Bindings>),
    /// One token was revoked.
    TokenRevoked {
        /// Which.
        token: TokenId,
        /// When it would have ended; it need not be remembered longer.
        expires_at: Timestamp,
    },
}

/// The last tenant among them.
pub(super) fn tenant_of(changes: &[Change]) -> Option<Arc<Tenant>> {
    changes.iter().rev().find_map(|change| {
        if let Change::Tenant(tenant) = change { Some(Arc::from(tenant.clone())) } else { None }
    })
}

/// The names of the gateways among them.
pub(super) fn gateways_of(changes: &[Change]) -> HashSet<&str> {
    fn name(change: &Change) -> Option<&str> {
        if let Change::Gateway(gateway) = change { Some(gateway.id.as_str()) } else { None }
    }
    changes.iter().filter_map(name).collect()
}
