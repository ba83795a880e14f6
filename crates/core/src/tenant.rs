//! The settings of the whole installation (Auth0: tenant).

use std::fmt;

use crate::client::patch::{check_kept, set};
use crate::invalid::{Faults, Invalid};
use crate::quota::TokenQuota;
use crate::time::Timestamp;

/// The most characters of a default audience, which is an API's identifier.
const AUDIENCE_CHARS_MAX: usize = crate::api::patch::IDENTIFIER_CHARS_MAX;

/// The name of the one tenant that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TenantId;

impl TenantId {
    /// The text of it.
    pub const TEXT: &'static str = "tenant";

    /// Reads it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text == Self::TEXT).then_some(Self)
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::TEXT)
    }
}

/// How a token request names its API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ResourceParameter {
    /// By `audience` alone.
    Audience,
    /// By `resource` (RFC 8707) as well, where there is no `audience`. What counts as long as
    /// nobody said otherwise: a standard client gets a token for what it asked.
    #[default]
    Compatibility,
}

impl ResourceParameter {
    /// The word used on the wire and in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Audience => "audience",
            Self::Compatibility => "compatibility",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Audience, Self::Compatibility].into_iter().find(|word| word.name() == text)
    }
}

/// The settings of the whole installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its name.
    pub id: TenantId,
    /// The API of token requests that name none. Without one the server's own option counts.
    pub default_audience: Option<String>,
    /// How a token request names its API.
    pub resource_parameter: ResourceParameter,
    /// The quota of clients without one of their own.
    pub client_quota: Option<TokenQuota>,
    /// The quota of accounts without one of their own.
    pub account_quota: Option<TokenQuota>,
    /// A JSON object of fields that Auth0 knows and Keyward only keeps.
    pub kept_fields: String,
    /// Counts writes; for optimistic locking.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

impl Tenant {
    /// A tenant about which nothing was said.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            id: TenantId,
            default_audience: None,
            resource_parameter: ResourceParameter::default(),
            client_quota: None,
            account_quota: None,
            kept_fields: "{}".to_owned(),
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// Applies a patch.
    ///
    /// # Errors
    /// Everything that is wrong with it; the tenant is to be thrown away then.
    pub fn apply(&mut self, patch: TenantPatch, now: Timestamp) -> Result<(), Vec<Invalid>> {
        set(&mut self.default_audience, patch.default_audience);
        set(&mut self.resource_parameter, patch.resource_parameter);
        if let Some((clients, accounts)) = patch.quotas {
            self.client_quota = clients;
            self.account_quota = accounts;
        }
        set(&mut self.kept_fields, patch.kept_fields);
        self.updated_at = now;
        let mut faults = Faults::default();
        let audience = self.default_audience.as_deref().unwrap_or_default();
        faults.check_length("default_audience", audience, AUDIENCE_CHARS_MAX);
        for (field, quota) in
            [("clients", self.client_quota), ("organizations", self.account_quota)]
        {
            if let Some(quota) = quota {
                quota.check(&mut faults, &format!("default_token_quota.{field}"));
            }
        }
        check_kept(&mut faults, &self.kept_fields);
        faults.finish()
    }
}

/// The quotas of clients and of accounts without one of their own.
pub type DefaultQuotas = (Option<TokenQuota>, Option<TokenQuota>);

/// Changes to the tenant; `None` leaves a field alone, an inner `None` empties it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TenantPatch {
    /// See [`Tenant::default_audience`].
    pub default_audience: Option<Option<String>>,
    /// See [`Tenant::resource_parameter`].
    pub resource_parameter: Option<ResourceParameter>,
    /// See [`Tenant::client_quota`] and [`Tenant::account_quota`].
    pub quotas: Option<DefaultQuotas>,
    /// The new [`Tenant::kept_fields`], merged by whoever knows their form.
    pub kept_fields: Option<String>,
}
