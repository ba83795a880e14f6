//! `/v1/clients/{id}/secrets`: rotation with overlap.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use keyward_core::id::SecretId;
use keyward_core::secret::ClientSecret;
use keyward_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::failure::Failure;
use crate::management::{Admitted, Place, RawBody, UpdateClientKeys};
use crate::services::Services;
use crate::v1::answer::{Answer, List};
use crate::v1::clients::client_id;
use crate::v1::idempotency::{Key, Replay};
use crate::v1::input::{IfMatch, read_json_or_default};
use crate::v1::wire::Time;
use crate::v1::{Problem, ReadClients, not_found};

type Shared = State<Arc<Services>>;

/// A secret, without what is secret about it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Secret)]
pub(super) struct SecretView {
    /// Its public name.
    id: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// From when on it is refused; `null` while it is the current one.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Time>,
    /// Whether it is good now.
    live: bool,
}

impl SecretView {
    pub(super) fn new(secret: &ClientSecret, now: Timestamp) -> Self {
        Self {
            id: secret.id.to_string(),
            created_at: secret.created_at.into(),
            expires_at: secret.expires_at.map(Time),
            live: secret.is_live(now),
        }
    }
}

/// A new secret, shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NewSecret {
    /// What is public about it.
    #[serde(flatten)]
    secret: SecretView,
    /// The secret itself, for OAuth and HTTP Basic.
    client_secret: String,
    /// Id and secret in one string, for `Authorization: Bearer` and `X-API-Key`.
    api_key: String,
}

/// How to rotate.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rotation {
    /// For how many seconds the old secrets stay good: 0 unless said, at most 30 days.
    #[serde(default)]
    overlap_s: u32,
}

/// Lists a client's secrets.
#[utoipa::path(
    get, path = "/v1/clients/{id}/secrets", tag = "secrets",
    params(("id" = String, Path, description = "The client's identifier")),
    responses(
        (status = 200, description = "Its secrets, the current one last", body = List<SecretView>),
        (status = 404, description = "There is no such client"),
    ),
    security(("management_token" = ["read:clients", "read:client_keys"]))
)]
pub(super) async fn list_client_secrets(
    State(services): Shared,
    admitted: Admitted<ReadClients>,
    Place(id): Place<String>,
) -> Result<Answer, Problem> {
    let client = services.store.client(&client_id(&id)?).await?;
    let client = client.ok_or_else(|| not_found("client"))?;
    let shown = |secret| SecretView::new(secret, admitted.now);
    let items = client.secrets.iter().map(shown).collect();
    Ok(Answer::ok(&List { items, next_cursor: None })?.at(client.version))
}

/// Makes a new secret. The old ones end after the overlap, or when they would have anyway.
#[utoipa::path(
    post, path = "/v1/clients/{id}/secrets", tag = "secrets", request_body = Rotation,
    params(
        ("id" = String, Path, description = "The client's identifier"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that was read"),
        ("Idempotency-Key" = Option<String>, Header,
            description = "A repeated request is refused with 409: a secret is shown once."),
    ),
    responses(
        (status = 201, description = "The secret, shown this once", body = NewSecret),
        (status = 404, description = "There is no such client"),
        (status = 412, description = "Somebody else has changed it"),
        (status = 422, description = "There are five live secrets already"),
    ),
    security(("management_token" = ["update:client_keys"]))
)]
pub(super) async fn create_client_secret(
    State(services): Shared,
    admitted: Admitted<UpdateClientKeys>,
    Place(id): Place<String>,
    if_match: IfMatch,
    key: Key,
    body: RawBody,
) -> Result<Response, Problem> {
    let id = client_id(&id)?;
    let Rotation { overlap_s } = read_json_or_default(&body)?;
    let caller = admitted.actor().id().to_owned();
    let shared = Arc::clone(&services);
    key.once(&shared, &caller, &body.bytes, Replay::Never, async move {
        let now = admitted.now;
        let plain = services.new_secret()?;
        let hash = services.hash_secret(&id, &plain);
        let secret =
            ClientSecret { id: services.new_secret_id()?, hash, created_at: now, expires_at: None };
        let shown = SecretView::new(&secret, now);
        let mut tx = admitted.begin(&services).await?;
        let mut client = tx.client(&id).await?.ok_or_else(|| not_found("client"))?;
        if_match.check(client.version)?;
        client.rotate_secret(secret, overlap_s, now).map_err(|fault| vec![fault])?;
        let version = tx.update_client(&client).await?;
        services.commit(tx).await?;
        let new = NewSecret {
            secret: shown,
            client_secret: plain.reveal().to_owned(),
            api_key: plain.api_key(&client.environment, &id),
        };
        Ok(Answer::created(&new)?.at(version))
    })
    .await
}

/// Withdraws a secret at once.
#[utoipa::path(
    delete, path = "/v1/clients/{id}/secrets/{secret}", tag = "secrets",
    params(
        ("id" = String, Path, description = "The client's identifier"),
        ("secret" = String, Path, description = "The secret's public name"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that was read"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "There is no such client or secret"),
        (status = 412, description = "Somebody else has changed it"),
    ),
    security(("management_token" = ["update:client_keys"]))
)]
pub(super) async fn delete_client_secret(
    State(services): Shared,
    admitted: Admitted<UpdateClientKeys>,
    Place((id, secret)): Place<(String, String)>,
    if_match: IfMatch,
) -> Result<Answer, Problem> {
    let id = client_id(&id)?;
    let none = || Failure::not_found("not_found", "there is no such secret");
    let secret = SecretId::parse(&secret).map_err(|_| none())?;
    let mut tx = admitted.begin(&services).await?;
    let mut client = tx.client(&id).await?.ok_or_else(|| not_found("client"))?;
    if_match.check(client.version)?;
    if !client.remove_secret(secret, admitted.now) {
        return Err(none().into());
    }
    let version = tx.update_client(&client).await?;
    services.commit(tx).await?;
    Ok(Answer::gone().at(version))
}
