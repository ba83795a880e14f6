//! Token quotas and the account of a client's requests.

use keyward_core::id::AccountId;
use keyward_core::organization::DefaultOrganization;
use keyward_core::quota::TokenQuota;
use serde::{Deserialize, Serialize};

use super::{Fault, id, written};

/// A token quota.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuotaBody {
    #[serde(deserialize_with = "written")]
    per_hour: Option<u32>,
    #[serde(deserialize_with = "written")]
    per_day: Option<u32>,
    enforce: bool,
}

impl QuotaBody {
    pub(crate) fn of(quota: &TokenQuota) -> Self {
        let TokenQuota { per_hour, per_day, enforce } = *quota;
        Self { per_hour, per_day, enforce }
    }

    pub(crate) fn read(&self) -> TokenQuota {
        let Self { per_hour, per_day, enforce } = *self;
        TokenQuota { per_hour, per_day, enforce }
    }
}

/// The account of token requests that name none.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrganizationBody {
    account_id: String,
    flows: Vec<String>,
}

impl OrganizationBody {
    pub(crate) fn of(default: &DefaultOrganization) -> Self {
        Self { account_id: default.account.to_string(), flows: default.flows.clone() }
    }

    pub(crate) fn read(self) -> Result<DefaultOrganization, Fault> {
        let account = id("default_organization", &self.account_id, AccountId::parse)?;
        Ok(DefaultOrganization { account, flows: self.flows })
    }
}
