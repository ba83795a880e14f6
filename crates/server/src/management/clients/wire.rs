//! A client as Auth0 writes it.

use std::collections::BTreeMap;

use keyward_allowlist::{Network, ParseErrors, parse_entries};
use keyward_core::allowlist::{Allowlist, Mode};
use keyward_core::client::Client;
use keyward_core::client::patch::ClientPatch;
use keyward_core::id::{AccountId, IdError};
use keyward_core::organization::DefaultOrganization;
use keyward_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::spelling::Spelling;
use crate::failure::{Detail, Failure};
use crate::management::credentials;
use crate::management::fields::{
    ANSWERED_OF_CLIENT, Fields, KEPT_OF_CLIENT, invalid_field, kept_of, missing, payload_message,
};
use crate::management::quota;

/// Compat(auth0): what a client may use when its maker does not say, machines included.
pub(super) const DEFAULT_GRANT_TYPES: [&str; 4] =
    ["authorization_code", "implicit", "refresh_token", "client_credentials"];

const APP_TYPES: [&str; 25] = [
    "native",
    "spa",
    "regular_web",
    "non_interactive",
    "resource_server",
    "express_configuration",
    "rms",
    "box",
    "cloudbees",
    "concur",
    "dropbox",
    "mscrm",
    "echosign",
    "egnyte",
    "newrelic",
    "office365",
    "salesforce",
    "sentry",
    "sharepoint",
    "slack",
    "springcm",
    "zendesk",
    "zoom",
    "sso_integration",
    "oag",
];

const AUTH_METHODS: [&str; 3] = ["none", "client_secret_post", "client_secret_basic"];

/// Reads a request to make a client.
pub(super) fn creation(fields: Fields) -> Result<ClientPatch, Failure> {
    if !fields.0.contains_key("name") {
        return Err(missing("name"));
    }
    read(fields, "{}")
}

/// Reads a request to change a client.
pub(super) fn update(mut fields: Fields, client: &Client) -> Result<ClientPatch, Failure> {
    if fields.0.contains_key("resource_server_identifier") {
        let message = "Additional properties not allowed: resource_server_identifier";
        return Err(invalid_field(message, ""));
    }
    if let Some(Value::Null) = fields.0.get("client_metadata") {
        fields.0.insert("client_metadata".to_owned(), emptied(client));
    }
    read(fields, &client.kept_fields)
}

/// `null` for all labels is `null` for each.
fn emptied(client: &Client) -> Value {
    let labels: Map<_, _> = client.metadata.keys().map(|key| (key.clone(), Value::Null)).collect();
    labels.into()
}

fn read(mut fields: Fields, kept: &str) -> Result<ClientPatch, Failure> {
    for name in ANSWERED_OF_CLIENT {
        fields.0.remove(*name);
    }
    let list = networks(&mut fields)?;
    let (allowed_networks, spelling) = list.unzip();
    Ok(ClientPatch {
        name: fields.text("name")?,
        description: fields.nullable_text("description")?,
        account: account(&mut fields)?,
        environment: None,
        app_type: one_of(&mut fields, "app_type", &APP_TYPES)?,
        authentication: None,
        grant_types: fields.texts("grant_types")?,
        token_endpoint_auth_method: one_of(
            &mut fields,
            "token_endpoint_auth_method",
            &AUTH_METHODS,
        )?,
        require_proof_of_possession: fields.nullable_flag("require_proof_of_possession")?,
        metadata: metadata(&mut fields)?,
        allowlist_mode: mode(&mut fields)?,
        allowed_networks,
        token_quota: quota::read(&mut fields, "token_quota")?,
        default_organization: default_organization(&mut fields)?,
        kept_fields: spelled(fields.keep(KEPT_OF_CLIENT, kept)?, kept, spelling),
    })
}

fn one_of(
    fields: &mut Fields,
    field: &str,
    words: &[&str],
) -> Result<Option<Option<String>>, Failure> {
    let value = fields.nullable_text(field)?;
    match value.as_ref().and_then(Option::as_deref) {
        Some(word) if !words.contains(&word) => {
            let message = format!("No enum match for: {word}");
            Err(invalid_field(&message, field))
        }
        _ => Ok(value),
    }
}

fn account(fields: &mut Fields) -> Result<Option<Option<AccountId>>, Failure> {
    let Some(value) = fields.nullable_text("account_id")? else { return Ok(None) };
    let read = |text: String| {
        AccountId::parse(&text).map_err(|error| invalid_field(&error.to_string(), "account_id"))
    };
    value.map(read).transpose().map(Some)
}

fn default_organization(
    fields: &mut Fields,
) -> Result<Option<Option<DefaultOrganization>>, Failure> {
    const FIELD: &str = "default_organization";
    if !fields.0.contains_key(FIELD) {
        return Ok(None);
    }
    let Some(members) = fields.object(FIELD)? else { return Ok(Some(None)) };
    let mut inner = Fields(members);
    let absent = |name: &str| invalid_field(&format!("Missing required property: {name}"), FIELD);
    let id = inner.text("organization_id")?.ok_or_else(|| absent("organization_id"))?;
    let flows = inner.texts("flows")?.ok_or_else(|| absent("flows"))?;
    inner.finish()?;
    let wrong =
        |error: IdError| invalid_field(&error.to_string(), "default_organization.organization_id");
    let account = AccountId::parse(&id).map_err(wrong)?;
    Ok(Some(Some(DefaultOrganization { account, flows })))
}

fn metadata(fields: &mut Fields) -> Result<BTreeMap<String, Option<String>>, Failure> {
    let labels = fields.object("client_metadata")?.unwrap_or_default();
    let read = |(key, value)| match value {
        Value::Null => Ok((key, None)),
        Value::String(text) => Ok((key, Some(text))),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            let field = format!("client_metadata.{key}");
            Err(invalid_field("Expected type string", &field))
        }
    };
    labels.into_iter().map(read).collect()
}

fn mode(fields: &mut Fields) -> Result<Option<Mode>, Failure> {
    let Some(word) = fields.text("allowlist_mode")? else { return Ok(None) };
    let mode = Mode::parse(&word);
    let message = || invalid_field(&format!("No enum match for: {word}"), "allowlist_mode");
    mode.map(Some).ok_or_else(message)
}

fn networks(fields: &mut Fields) -> Result<Option<(Vec<Network>, Spelling)>, Failure> {
    let Some(texts) = fields.texts("allowed_ips")? else { return Ok(None) };
    let read = parse_entries(texts.iter().map(String::as_str), &Allowlist::entry_rules());
    let networks = read.map_err(|errors| bad_list(&errors))?;
    Ok(Some((networks, Spelling::of(&texts))))
}

/// The fields that are only kept, with how the list was written when it was.
fn spelled(changed: Option<String>, so_far: &str, spelling: Option<Spelling>) -> Option<String> {
    let Some(spelling) = spelling else { return changed };
    let mut kept = kept_of(changed.as_deref().unwrap_or(so_far));
    spelling.put(&mut kept);
    Some(Value::Object(kept).to_string())
}

/// One message that names every bad entry, and the same for programs.
fn bad_list(errors: &ParseErrors) -> Failure {
    let details: Vec<Detail> = errors.iter().map(Detail::from).collect();
    let mut told: Vec<String> = errors
        .iter()
        .map(|error| match error.kind.suggestion() {
            Some(better) => format!("{error} [{}, try {better}]", error.kind.code()),
            None => format!("{error} [{}]", error.kind.code()),
        })
        .collect();
    if errors.more() > 0 {
        told.push(format!("and {} more", errors.more()));
    }
    let too_many = errors.iter().any(|error| error.kind.code() == "too_many_entries");
    let code = if too_many { "too_many_entries" } else { "invalid_body" };
    Failure::bad_request(code, payload_message(&told.join("; "), "allowed_ips"))
        .with_details(details)
}

/// Whether the client is one of the company's own; it is unless it says otherwise.
pub(super) fn is_first_party(client: &Client) -> bool {
    let kept = kept_of(&client.kept_fields);
    kept.get("is_first_party").and_then(Value::as_bool).unwrap_or(true)
}

/// Writes a client with all of Auth0's defaults. There is never a secret in it.
pub(super) fn client(client: &Client, issuer: &str, now: Timestamp) -> Map<String, Value> {
    let mut shown = defaults();
    let mut kept = kept_of(&client.kept_fields);
    let spelling = Spelling::take(&mut kept);
    for (name, value) in kept {
        match (shown.get_mut(&name), value) {
            // Auth0 fills up what is missing of these.
            (Some(Value::Object(known)), Value::Object(kept)) => known.extend(kept),
            (_, value) => {
                shown.insert(name, value);
            }
        }
    }
    // Kept by versions that did nothing with it: it never authenticated anybody.
    shown.remove(credentials::METHODS);
    if let Some(authentication) = &client.authentication {
        shown.insert(credentials::METHODS.to_owned(), credentials::methods(authentication));
    }
    let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    put("tenant", tenant(issuer).into());
    put("client_id", client.id.to_string().into());
    put("name", client.name.clone().into());
    put("grant_types", client.grant_types.clone().into());
    let networks = client.allowlist.live_networks(now).map(|network| spelling.write(network));
    put("allowed_ips", networks.collect());
    put("allowlist_mode", client.allowlist.mode.name().into());
    let optional = [
        ("description", client.description.clone()),
        ("app_type", client.app_type.clone()),
        ("token_endpoint_auth_method", client.token_endpoint_auth_method.clone()),
        ("account_id", client.account.as_ref().map(ToString::to_string)),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            put(name, value.into());
        }
    }
    if let Some(required) = client.require_proof_of_possession {
        put("require_proof_of_possession", required.into());
    }
    if let Some(quota) = &client.token_quota {
        put("token_quota", quota::shown(quota));
    }
    if let Some(default) = &client.default_organization {
        let id = default.account.to_string();
        put("default_organization", json!({ "organization_id": id, "flows": default.flows }));
    }
    if !client.metadata.is_empty() {
        put("client_metadata", json!(client.metadata));
    }
    shown
}

/// What Auth0 answers of a client about which nothing was said.
fn defaults() -> Map<String, Value> {
    let defaults = json!({
        "global": false,
        "is_first_party": true,
        "is_token_endpoint_ip_header_trusted": false,
        "oidc_conformant": false,
        "jwt_configuration": {
            "secret_encoded": false,
            "alg": "RS256",
            "lifetime_in_seconds": 36_000,
        },
        "signing_keys": [],
        "callback_url_template": false,
        "callbacks": [],
        "sso_disabled": false,
        "cross_origin_auth": false,
        "cross_origin_authentication": false,
        "encrypted": true,
        "custom_login_page_on": true,
        "refresh_token": {
            "rotation_type": "non-rotating",
            "expiration_type": "non-expiring",
            "leeway": 0,
            "token_lifetime": 31_557_600,
            "infinite_token_lifetime": true,
            "infinite_idle_token_lifetime": true,
            "idle_token_lifetime": 2_592_000,
        },
    });
    defaults.as_object().cloned().unwrap_or_default()
}

/// Auth0's name for an installation: the first label of its host.
pub(crate) fn tenant(issuer: &str) -> &str {
    let host = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
    host.split(['.', ':', '/']).next().unwrap_or(host)
}
