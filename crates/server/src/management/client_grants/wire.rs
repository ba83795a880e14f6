//! A client grant as Auth0 writes it.

use std::collections::HashMap;

use keyward_core::client::ClientGrant;
use keyward_core::id::ApiId;
use keyward_core::organization::{GrantOrganizations, OrganizationUsage};
use keyward_store::{Store, StoreError};
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::management::fields::{Fields, KEPT_OF_GRANT, invalid_field, kept_of, missing};

/// A request to make a grant.
#[derive(Debug)]
pub(super) struct NewGrant {
    pub(super) client: String,
    pub(super) audience: String,
    pub(super) scopes: Vec<String>,
    pub(super) organizations: GrantOrganizations,
    pub(super) kept_fields: String,
}

/// Reads a request to make a grant.
pub(super) fn creation(mut fields: Fields) -> Result<NewGrant, Failure> {
    if fields.nullable_text("default_for")?.flatten().is_some() {
        return Err(invalid_field("Grants for groups of clients are not supported", "default_for"));
    }
    if fields.nullable_text("subject_type")?.flatten().is_some_and(|kind| kind != "client") {
        return Err(invalid_field("Only grants for `client` are supported", "subject_type"));
    }
    check_all_scopes(&mut fields)?;
    let audience = fields.text("audience")?.ok_or_else(|| missing("audience"))?;
    let client = fields.text("client_id")?.ok_or_else(|| missing("client_id"))?;
    let scopes = fields.texts("scope")?.unwrap_or_default();
    let organizations = organizations(&mut fields, GrantOrganizations::default())?;
    let kept_fields = fields.keep(KEPT_OF_GRANT, "{}")?.unwrap_or_else(|| "{}".to_owned());
    Ok(NewGrant { client, audience, scopes, organizations, kept_fields })
}

/// Reads a request to change a grant into it.
pub(super) fn update(mut fields: Fields, grant: &mut ClientGrant) -> Result<(), Failure> {
    check_all_scopes(&mut fields)?;
    if let Some(scopes) = fields.texts("scope")? {
        grant.scopes = scopes;
    }
    grant.organizations = organizations(&mut fields, grant.organizations)?;
    if let Some(kept) = fields.keep(KEPT_OF_GRANT, &grant.kept_fields)? {
        grant.kept_fields = kept;
    }
    Ok(())
}

/// A grant of whatever the API will ever offer is not kept: nothing would act on it.
fn check_all_scopes(fields: &mut Fields) -> Result<(), Failure> {
    match fields.0.remove("allow_all_scopes") {
        None | Some(Value::Null | Value::Bool(false)) => Ok(()),
        Some(_) => {
            let message = "Not supported; list the scopes in `scope`";
            Err(invalid_field(message, "allow_all_scopes"))
        }
    }
}

/// What a request says of accounts, over what was said before.
fn organizations(
    fields: &mut Fields,
    so_far: GrantOrganizations,
) -> Result<GrantOrganizations, Failure> {
    let usage = match fields.nullable_text("organization_usage")? {
        None => so_far.usage,
        Some(None) => None,
        Some(Some(word)) => Some(OrganizationUsage::parse(&word).ok_or_else(|| {
            invalid_field(&format!("No enum match for: {word}"), "organization_usage")
        })?),
    };
    let any = match fields.0.get("allow_any_organization") {
        Some(Value::Null) => {
            fields.0.remove("allow_any_organization");
            Some(false)
        }
        Some(_) | None => fields.optional_flag("allow_any_organization")?,
    };
    Ok(GrantOrganizations { usage, any: any.unwrap_or(so_far.any) })
}

/// Writes a grant.
pub(super) fn grant(grant: &ClientGrant, audience: &str) -> Map<String, Value> {
    let mut shown = kept_of(&grant.kept_fields);
    let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    put("id", grant.id.to_string().into());
    put("client_id", grant.client.to_string().into());
    put("audience", audience.into());
    put("scope", grant.scopes.clone().into());
    put("subject_type", "client".into());
    let GrantOrganizations { usage, any } = grant.organizations;
    if let Some(usage) = usage {
        put("organization_usage", usage.name().into());
    }
    if any || usage.is_some() {
        put("allow_any_organization", any.into());
    }
    shown
}

/// Identifiers of APIs, each looked up once.
#[derive(Debug, Default)]
pub(super) struct Audiences(HashMap<ApiId, String>);

impl Audiences {
    pub(super) async fn of(&mut self, store: &Store, id: &ApiId) -> Result<&str, StoreError> {
        if !self.0.contains_key(id) {
            let api = store.api(id).await?;
            self.0.insert(id.clone(), api.map(|api| api.identifier).unwrap_or_default());
        }
        Ok(self.0.get(id).map_or("", String::as_str))
    }
}
