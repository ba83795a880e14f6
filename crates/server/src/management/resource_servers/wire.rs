//! An API as Auth0 writes a resource server.

use keyward_core::api::patch::ApiPatch;
use keyward_core::api::{Api, Scope};
use keyward_core::jwk::Algorithm;
use keyward_core::possession::{Mechanism, ProofOfPossession, RequiredFor};
use keyward_core::token::Dialect;
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::management::fields::{
    Fields, KEPT_OF_RESOURCE_SERVER, invalid_field, kept_of, missing_in,
};

/// Auth0's names of the dialects, and whether they carry `permissions`.
const DIALECTS: [(&str, Dialect, bool); 4] = [
    ("access_token", Dialect::Auth0, false),
    ("access_token_authz", Dialect::Auth0, true),
    ("rfc9068_profile", Dialect::Rfc9068, false),
    ("rfc9068_profile_authz", Dialect::Rfc9068, true),
];

/// Reads what a request writes of an API.
pub(super) fn patch(mut fields: Fields, kept: &str) -> Result<ApiPatch, Failure> {
    // It would belong to the symmetric algorithms, which are refused: a secret that nothing uses
    // is not stored.
    fields.text("signing_secret")?;
    Ok(ApiPatch {
        name: fields.text("name")?,
        scopes: scopes(&mut fields)?,
        signing_algorithm: algorithm(&mut fields)?,
        token_lifetime_s: fields.number("token_lifetime")?,
        dialect: dialect(&mut fields)?,
        proof_of_possession: proof_of_possession(&mut fields)?,
        kept_fields: fields.keep(KEPT_OF_RESOURCE_SERVER, kept)?,
    })
}

fn scopes(fields: &mut Fields) -> Result<Option<Vec<Scope>>, Failure> {
    let Some(items) = fields.objects("scopes")? else { return Ok(None) };
    let read = |(place, mut item): (usize, Fields)| {
        let value = item.text("value")?;
        let missing =
            || invalid_field("Missing required property: value", &format!("scopes[{place}]"));
        let scope = Scope {
            value: value.ok_or_else(missing)?,
            description: item.nullable_text("description")?.flatten(),
        };
        item.finish().map(|()| scope)
    };
    items.into_iter().enumerate().map(read).collect::<Result<Vec<_>, _>>().map(Some)
}

fn algorithm(fields: &mut Fields) -> Result<Option<Algorithm>, Failure> {
    let Some(name) = fields.text("signing_alg")? else { return Ok(None) };
    let known = Algorithm::parse(&name).map(Some);
    known.ok_or_else(|| {
        let message = format!(
            "No enum match for: {name}; tokens are signed with RS256, PS256, ES256 or EdDSA"
        );
        invalid_field(&message, "signing_alg")
    })
}

fn dialect(fields: &mut Fields) -> Result<Option<(Dialect, bool)>, Failure> {
    let Some(name) = fields.text("token_dialect")? else { return Ok(None) };
    let known = DIALECTS.iter().find(|(known, ..)| *known == name);
    known
        .map(|(_, dialect, permissions)| Some((*dialect, *permissions)))
        .ok_or_else(|| invalid_field(&format!("No enum match for: {name}"), "token_dialect"))
}

fn proof_of_possession(fields: &mut Fields) -> Result<Option<Option<ProofOfPossession>>, Failure> {
    const FIELD: &str = "proof_of_possession";
    let mut members = match fields.nullable_object(FIELD)? {
        None => return Ok(None),
        Some(None) => return Ok(Some(None)),
        Some(Some(members)) => members,
    };
    let unknown = |word: &str, name: &str| {
        invalid_field(&format!("No enum match for: {word}"), &format!("{FIELD}.{name}"))
    };
    let mechanism = members.text("mechanism")?.ok_or_else(|| missing_in("mechanism", FIELD))?;
    let required = members.nullable_flag("required")?.flatten();
    let required_for = members.text("required_for")?;
    let rule = ProofOfPossession {
        mechanism: Mechanism::parse(&mechanism).ok_or_else(|| unknown(&mechanism, "mechanism"))?,
        required: required.ok_or_else(|| missing_in("required", FIELD))?,
        required_for: match required_for {
            Some(whom) => {
                Some(RequiredFor::parse(&whom).ok_or_else(|| unknown(&whom, "required_for"))?)
            }
            None => None,
        },
    };
    members.finish().map(|()| Some(Some(rule)))
}

/// Writes an API with Auth0's defaults.
pub(super) fn api(api: &Api) -> Map<String, Value> {
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    put("allow_offline_access", false.into());
    put("skip_consent_for_verifiable_first_party_clients", false.into());
    put("token_lifetime_for_web", 7_200.into());
    for (name, value) in kept_of(&api.kept_fields) {
        put(&name, value);
    }
    put("id", api.id.to_string().into());
    put("name", api.name.clone().into());
    put("identifier", api.identifier.clone().into());
    put("token_lifetime", api.token_lifetime_s.into());
    put("signing_alg", api.signing_algorithm.name().into());
    let form = (api.dialect, api.permissions_claim);
    let dialect = DIALECTS.iter().find(|(_, dialect, with)| (*dialect, *with) == form);
    put("token_dialect", dialect.map(|(name, ..)| *name).into());
    if let Some(rule) = &api.proof_of_possession {
        put("proof_of_possession", possession(rule));
    }
    if !api.scopes.is_empty() {
        put("scopes", api.scopes.iter().map(scope).collect());
    }
    if api.is_system {
        put("is_system", true.into());
    }
    shown
}

fn possession(rule: &ProofOfPossession) -> Value {
    let mut shown = json!({ "mechanism": rule.mechanism.name(), "required": rule.required });
    if let (Some(whom), Some(members)) = (rule.required_for, shown.as_object_mut()) {
        members.insert("required_for".to_owned(), whom.name().into());
    }
    shown
}

fn scope(scope: &Scope) -> Value {
    match &scope.description {
        Some(description) => json!({ "value": scope.value, "description": description }),
        None => json!({ "value": scope.value }),
    }
}
