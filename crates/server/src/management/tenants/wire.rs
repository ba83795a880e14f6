//! The tenant as Auth0 writes it.

use keyward_core::tenant::{ResourceParameter, Tenant, TenantPatch};
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::management::fields::{Fields, KEPT_OF_TENANT, invalid_field, kept_of};
use crate::management::quota;
use crate::services::Services;

/// Auth0's runtimes for Actions, of which the first is what new ones get.
const SANDBOX_VERSIONS: [&str; 2] = ["22", "18"];

/// Fields that stand in answers alone; tools send them back. They say nothing that could be changed.
const ANSWERED: [&str; 1] = ["sandbox_versions_available"];

/// Reads what a request writes of the tenant.
pub(super) fn patch(mut fields: Fields, kept: &str) -> Result<TenantPatch, Failure> {
    for name in ANSWERED {
        fields.0.remove(name);
    }
    let audience = fields.nullable_text("default_audience")?;
    Ok(TenantPatch {
        // Compat(auth0): the empty text is none.
        default_audience: audience.map(|text| text.filter(|text| !text.is_empty())),
        resource_parameter: resource_parameter(&mut fields)?,
        quotas: quota::read_defaults(&mut fields)?,
        kept_fields: fields.keep(KEPT_OF_TENANT, kept)?,
    })
}

fn resource_parameter(fields: &mut Fields) -> Result<Option<ResourceParameter>, Failure> {
    const FIELD: &str = "resource_parameter_profile";
    let Some(word) = fields.text(FIELD)? else { return Ok(None) };
    let known = ResourceParameter::parse(&word);
    known.map(Some).ok_or_else(|| invalid_field(&format!("No enum match for: {word}"), FIELD))
}

/// Writes the tenant with Auth0's defaults.
pub(super) fn tenant(services: &Services, tenant: &Tenant) -> Map<String, Value> {
    let mut shown = defaults();
    shown.extend(kept_of(&tenant.kept_fields));
    let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    // As long as it names none, that of the server's own option.
    let option = services.policy.generation().settings.default_audience.clone();
    let audience = tenant.default_audience.clone().or(option).unwrap_or_default();
    put("default_audience", audience.into());
    put("resource_parameter_profile", tenant.resource_parameter.name().into());
    let quotas = [("clients", &tenant.client_quota), ("organizations", &tenant.account_quota)];
    let known = quotas.into_iter().filter_map(|(name, quota)| Some((name, quota.as_ref()?)));
    let known: Map<_, _> = known.map(|(name, one)| (name.to_owned(), quota::shown(one))).collect();
    if !known.is_empty() {
        put("default_token_quota", known.into());
    }
    shown
}

/// What Auth0 answers of a tenant about which nothing was said.
fn defaults() -> Map<String, Value> {
    let [newest, ..] = SANDBOX_VERSIONS;
    let defaults = json!({
        "default_directory": "",
        "flags": {},
        "friendly_name": "",
        "picture_url": "",
        "support_email": "",
        "support_url": "",
        "allowed_logout_urls": [],
        "session_lifetime": 168,
        "idle_session_lifetime": 72,
        "sandbox_version": newest,
        "sandbox_versions_available": SANDBOX_VERSIONS,
        "enabled_locales": ["en"],
    });
    defaults.as_object().cloned().unwrap_or_default()
}
