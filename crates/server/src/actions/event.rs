//! The event that Actions are given (Auth0's `CredentialsExchangeV2Event`).

use keyward_core::client::Client;
use keyward_core::decision::Permit;
use keyward_core::policy::ApiRecord;
use keyward_core::time::Timestamp;
use serde_json::{Map, Value, json};

use crate::management::clients::tenant;
use crate::services::Services;

/// What a token request says of itself.
pub(crate) struct Asked<'a> {
    /// Its parameters, without what is secret.
    pub(crate) body: Map<String, Value>,
    /// The scopes that it names.
    pub(crate) scope: Option<&'a str>,
    /// The host that it was sent to.
    pub(crate) hostname: Option<String>,
    /// The language that is wanted.
    pub(crate) language: Option<String>,
    /// What the program calls itself.
    pub(crate) user_agent: Option<String>,
}

/// Makes the event of a token request that was admitted.
///
/// # Errors
/// When the store does not answer, or does not know the client any more.
pub(crate) async fn event(
    services: &Services,
    permit: &Permit,
    api: &ApiRecord,
    asked: Asked<'_>,
    now: Timestamp,
) -> Result<Map<String, Value>, keyward_store::StoreError> {
    let client = services.store.client(&permit.client).await?;
    let scopes: Vec<&str> = permit.scope.split(' ').filter(|scope| !scope.is_empty()).collect();
    let requested: Vec<&str> =
        asked.scope.unwrap_or_default().split(' ').filter(|scope| !scope.is_empty()).collect();
    let mut event = Map::new();
    let mut put = |name: &str, value: Value| event.insert(name.to_owned(), value);
    put("accessToken", json!({ "customClaims": {}, "scope": scopes }));
    put("client", client.map_or(Value::Null, |client| shown(&client, now)));
    let mut request = json!({
        // Without an address there is none to be compared with a list, and so no text.
        "ip": permit.client_ip.map(|ip| ip.to_string()).unwrap_or_default(),
        "method": "POST",
        "geoip": {},
        "body": asked.body,
    });
    let optional = [
        ("hostname", asked.hostname),
        ("language", asked.language),
        ("user_agent", asked.user_agent),
    ];
    if let Some(members) = request.as_object_mut() {
        for (name, text) in optional {
            if let Some(text) = text {
                members.insert(name.to_owned(), text.into());
            }
        }
    }
    put("request", request);
    put("resource_server", json!({ "identifier": api.identifier }));
    put("tenant", json!({ "id": tenant(&services.issuer) }));
    put("transaction", json!({ "requested_scopes": requested, "target_scopes": scopes }));
    let organization = permit.token.as_ref().and_then(|terms| terms.organization.as_ref());
    if let Some(organization) = organization {
        let account = services.store.account(&organization.id).await?;
        let metadata = account.map(|account| json!(account.metadata)).unwrap_or_else(|| json!({}));
        put(
            "organization",
            json!({
                "id": organization.id.as_str(),
                "name": &*organization.name,
                "display_name": &*organization.name,
                "metadata": metadata,
            }),
        );
    }
    Ok(event)
}

fn shown(client: &Client, now: Timestamp) -> Value {
    let live = client.allowlist.entries.iter().filter(|entry| entry.is_live(now));
    let entries: Vec<String> = live.map(|entry| entry.network.to_string()).collect();
    json!({
        "client_id": client.id.to_string(),
        "name": client.name,
        "metadata": client.metadata,
        "allowlist": { "mode": client.allowlist.mode.name(), "entries": entries },
    })
}
