//! Token quotas as Auth0 writes them: `{"client_credentials": {"per_hour", "per_day", "enforce"}}`.

use keyward_core::quota::TokenQuota;
use keyward_core::tenant::DefaultQuotas;
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::management::fields::{Fields, invalid_field};

/// Reads a quota; `null` removes one.
pub(super) fn read(
    fields: &mut Fields,
    field: &str,
) -> Result<Option<Option<TokenQuota>>, Failure> {
    match fields.0.remove(field) {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(None)),
        Some(value) => object(value, field).map(Some).map(Some),
    }
}

fn object(value: Value, field: &str) -> Result<TokenQuota, Failure> {
    let mut outer = members(value, field)?;
    let inside = format!("{field}.client_credentials");
    let Some(inner) = outer.0.remove("client_credentials") else {
        return Err(invalid_field("Missing required property: client_credentials", field));
    };
    outer.finish()?;
    let mut inner = members(inner, &inside)?;
    if inner.0.is_empty() {
        return Err(invalid_field("Too few properties defined (0), minimum 1", &inside));
    }
    // Messages name the whole path.
    let at = |name: &str| format!("{inside}.{name}");
    inner.0 = inner.0.into_iter().map(|(name, value)| (at(&name), value)).collect();
    let quota = TokenQuota {
        per_hour: inner.number(&at("per_hour"))?,
        per_day: inner.number(&at("per_day"))?,
        // A quota is a limit unless it says that it only counts.
        enforce: inner.optional_flag(&at("enforce"))?.unwrap_or(true),
    };
    inner.finish()?;
    Ok(quota)
}

fn members(value: Value, field: &str) -> Result<Fields, Failure> {
    let Value::Object(members) = value else {
        return Err(invalid_field("Expected type object", field));
    };
    Ok(Fields(members))
}

/// Reads the defaults for clients and organizations; `null` removes both.
pub(super) fn read_defaults(fields: &mut Fields) -> Result<Option<DefaultQuotas>, Failure> {
    const FIELD: &str = "default_token_quota";
    let mut inner = match fields.0.remove(FIELD) {
        None => return Ok(None),
        Some(Value::Null) => return Ok(Some((None, None))),
        Some(value) => members(value, FIELD)?,
    };
    let one = |inner: &mut Fields, name: &str| match inner.0.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => object(value, &format!("{FIELD}.{name}")).map(Some),
    };
    let defaults = (one(&mut inner, "clients")?, one(&mut inner, "organizations")?);
    inner.finish()?;
    Ok(Some(defaults))
}

/// Writes a quota.
pub(super) fn shown(quota: &TokenQuota) -> Value {
    let mut inner = Map::new();
    inner.insert("enforce".to_owned(), quota.enforce.into());
    for (name, limit) in [("per_hour", quota.per_hour), ("per_day", quota.per_day)] {
        if let Some(limit) = limit {
            inner.insert(name.to_owned(), limit.into());
        }
    }
    json!({ "client_credentials": inner })
}
