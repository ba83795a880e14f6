//! The token door: which API, which scopes, for which account, counted for whom.

use std::sync::Arc;

use super::{Layers, Passed, Subject};
use crate::allowlist::Layer;
use crate::attempt::TokenRequest;
use crate::client::State;
use crate::decision::{Reason, TokenTerms};
use crate::id::AccountId;
use crate::organization::{Organization, OrganizationFault, OrganizationUsage};
use crate::policy::{AccountRecord, ClientRecord, Generation, GrantRecord, Policy};
use crate::quota::TokenQuotas;

/// Decides what a token is to be.
pub(super) fn token_door(
    policy: &Policy,
    generation: &Generation,
    subject: &Subject<'_>,
    request: TokenRequest<'_>,
    layers: &mut Layers,
) -> Result<(Passed, TokenTerms), Reason> {
    let audience = request.audience.or(generation.default_audience());
    let api = audience.and_then(|audience| policy.api(audience));
    if let Some(api) = &api {
        layers.ask(Layer::Api, &api.allowlist);
    }
    let grant = api.as_ref().and_then(|api| subject.record.grant_for(&api.id));
    // Asked before any verdict of the lists, so that its list is one of them.
    let organization = grant.map(|grant| organization_of(policy, subject, grant, request));
    if let Some(Ok(Some(account))) = &organization {
        layers.ask(Layer::Account, &account.allowlist);
    }
    layers.finish(subject.record)?;
    if !subject.record.client_credentials {
        return Err(Reason::GrantType);
    }
    let api = match (audience, api) {
        (None, _) => return Err(Reason::MissingAudience),
        (Some(_), None) => return Err(Reason::UnknownAudience),
        (Some(_), Some(api)) => api,
    };
    let grant = grant.ok_or(Reason::NoGrant)?;
    let organization = organization.transpose()?.flatten();
    let scope = granted_scope(grant, request.scope)?;
    let terms = token_terms(generation, subject.record, organization);
    Ok(((Some(api), scope), terms))
}

fn granted_scope(grant: &GrantRecord, wanted: Option<&str>) -> Result<Arc<str>, Reason> {
    let Some(wanted) = wanted.filter(|scope| !scope.trim().is_empty()) else {
        return Ok(Arc::clone(grant.scopes.text()));
    };
    let wanted: Vec<&str> = wanted.split(' ').filter(|scope| !scope.is_empty()).collect();
    if !wanted.iter().all(|scope| grant.scopes.contains(scope)) {
        return Err(Reason::Scope);
    }
    // In the grant's order and each once, whatever the request wrote.
    let chosen = grant.scopes.values().filter(|scope| wanted.contains(scope));
    Ok(Arc::from(chosen.collect::<Vec<_>>().join(" ")))
}

/// The account that the token is to be for, as the grant has it.
fn organization_of(
    policy: &Policy,
    subject: &Subject<'_>,
    grant: &GrantRecord,
    request: TokenRequest<'_>,
) -> Result<Option<Arc<AccountRecord>>, Reason> {
    let usage = grant.organizations.usage;
    let terms = subject.record.terms.as_deref();
    let default = terms.and_then(|terms| terms.default_organization.as_ref());
    let wanted = match (usage, request.organization) {
        (Some(OrganizationUsage::Deny), Some(_)) => {
            return Err(Reason::Organization(OrganizationFault::Denied));
        }
        (Some(OrganizationUsage::Deny), None) => None,
        (_, Some(named)) => Some(named),
        (_, None) => default.map(AccountId::as_str),
    };
    let Some(wanted) = wanted else {
        return match usage {
            Some(OrganizationUsage::Require) => {
                Err(Reason::Organization(OrganizationFault::Missing))
            }
            Some(OrganizationUsage::Allow | OrganizationUsage::Deny) | None => Ok(None),
        };
    };
    let own = subject.record.account.as_ref().and_then(|cell| cell.load_full());
    let is_own = |own: &Arc<AccountRecord>| wanted == own.id.as_str() || wanted == &*own.name;
    if let Some(own) = own.filter(is_own) {
        return Ok(Some(own));
    }
    // Security: that there is such an account is nothing for a client to learn that may not name it.
    let other = policy.account_named(wanted).filter(|_| grant.organizations.any && usage.is_some());
    let other = other.filter(|account| account.state == State::Active);
    other.map(Some).ok_or(Reason::Organization(OrganizationFault::Foreign))
}

/// Special quotas go before general ones. The account is the one that the token is for, else the
/// client's own: otherwise its quota would be for those who name it.
fn token_terms(
    generation: &Generation,
    record: &ClientRecord,
    organization: Option<Arc<AccountRecord>>,
) -> TokenTerms {
    let tenant = generation.tenant.as_deref();
    let own = record.account.as_ref().and_then(|cell| cell.load_full());
    let counted = organization.clone().or(own);
    let account = counted.and_then(|account| {
        let quota = account.quota.or(tenant.and_then(|tenant| tenant.account_quota));
        quota.map(|quota| (account.id.clone(), quota))
    });
    let special = record.terms.as_deref().and_then(|terms| terms.quota);
    let client = special.or(tenant.and_then(|tenant| tenant.client_quota));
    TokenTerms {
        organization: organization.map(|account| Organization {
            id: account.id.clone(),
            name: Arc::clone(&account.name),
        }),
        quotas: TokenQuotas { client, account },
    }
}
