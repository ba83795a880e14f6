//! `PUT /v1/clients/{id}`: a client that was made elsewhere keeps its id, and its secret if that is
//! strong enough.

use std::sync::Arc;

use axum::extract::State;
use keyward_allowlist::parse_entries;
use keyward_core::allowlist::{Allowlist, Mode};
use keyward_core::client::patch::ClientPatch;
use keyward_core::client::secrets::is_strong_enough;
use keyward_core::client::{CLIENT_CREDENTIALS, Client};
use keyward_core::id::{AccountId, ClientId};
use keyward_core::invalid::Invalid;
use keyward_core::secret::{ClientSecret, SecretHash};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::failure::Failure;
use crate::management::{Admitted, CreateClients, LIST_BODY_BYTES_MAX, Place, RawBody};
use crate::services::Services;
use crate::v1::Problem;
use crate::v1::answer::Answer;
use crate::v1::clients::ClientView;
use crate::v1::input::read_json;

type Shared = State<Arc<Services>>;

/// A client that was made elsewhere.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ForeignClient {
    /// What people call it.
    name: String,
    /// What it is for.
    description: Option<String>,
    /// The account that owns it.
    account_id: Option<String>,
    /// Its secret, of at least 112 bits.
    secret: Option<String>,
    /// Instead of it: its SHA-256 digest in 64 hexadecimal digits.
    secret_sha256: Option<String>,
    /// Networks that may use it.
    #[serde(default)]
    allowed_ips: Vec<String>,
    /// Mode of the list: `off`, `report` or `enforce`. Without it a list enforces, and none is off.
    allowlist_mode: Option<String>,
}

impl std::fmt::Debug for ForeignClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ForeignClient").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Takes over a client from elsewhere, with its id. There must not be one yet.
#[utoipa::path(
    put, path = "/v1/clients/{id}", tag = "clients", request_body = ForeignClient,
    params(("id" = String, Path, description = "The id that it has: 1 to 64 of A-Z a-z 0-9 _ . ~ -")),
    responses(
        (status = 201, description = "The client", body = ClientView),
        (status = 409, description = "There is a client with that id"),
        (status = 422, description = "Something about it is not acceptable, such as a weak secret"),
    ),
    security(("management_token" = ["create:clients"]))
)]
pub(super) async fn import_client(
    State(services): Shared,
    admitted: Admitted<CreateClients>,
    Place(id): Place<String>,
    body: RawBody<LIST_BODY_BYTES_MAX>,
) -> Result<Answer, Problem> {
    let wrong = |error| Failure::unprocessable("invalid_id", format!("`{id}`: {error}"));
    let id = ClientId::parse(&id).map_err(wrong)?;
    let new: ForeignClient = read_json(&body)?;
    let hash = secret_hash(&services, &id, &new)?;
    let may_set_secrets = admitted.caller.has("update:client_keys");
    if hash.is_some() && !may_set_secrets {
        let message = "Insufficient scope, expected any of: update:client_keys";
        return Err(Failure::forbidden("insufficient_scope", message).into());
    }
    let now = admitted.now;
    let mut client = Client::new(id, "", now);
    client.apply(patch(new)?, admitted.actor().id(), now)?;
    // Security: somebody else may have had this id here; his tokens must not come back to life.
    client.revoke_tokens(now);
    if let Some(hash) = hash {
        let id = services.new_secret_id()?;
        let secret = ClientSecret { id, hash, created_at: now, expires_at: None };
        client.rotate_secret(secret, 0, now).map_err(|fault| vec![fault])?;
    }
    let mut tx = admitted.begin(&services).await?;
    tx.insert_client(&client).await?;
    services.commit(tx).await?;
    Ok(Answer::created(&ClientView::new(&client, now))?.at(client.version))
}

fn secret_hash(
    services: &Services,
    id: &ClientId,
    new: &ForeignClient,
) -> Result<Option<SecretHash>, Problem> {
    let weak = || Invalid::new("secret", "weak", "is weaker than 112 bits; make a new one instead");
    let form = || Invalid::new("secret_sha256", "form", "is not 64 hexadecimal digits");
    let both = || Invalid::new("secret", "both", "cannot stand beside `secret_sha256`");
    match (&new.secret, &new.secret_sha256) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(vec![both()].into()),
        (Some(secret), None) if is_strong_enough(secret) => {
            Ok(Some(services.hash_foreign_secret(id, secret)))
        }
        (Some(_), None) => Err(vec![weak()].into()),
        (None, Some(text)) => {
            let digest = digest(text).ok_or_else(|| vec![form()])?;
            Ok(Some(services.hash_secret_digest(id, &digest)))
        }
    }
}

/// 64 hexadecimal digits, upper or lower case.
fn digest(text: &str) -> Option<[u8; 32]> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = |[high, low]: &[u8; 2]| Some((digit(*high)? << 4) | digit(*low)?);
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    bytes.filter(|_| rest.is_empty())?.try_into().ok()
}

fn patch(new: ForeignClient) -> Result<ClientPatch, Problem> {
    let account = new.account_id.as_deref().map(AccountId::parse).transpose();
    let account = account
        .map_err(|error| vec![Invalid::new("account_id", "invalid_id", error.to_string())])?;
    let mode = new.allowlist_mode.as_deref().map(|word| {
        let unknown = || Invalid::new("allowlist_mode", "mode", "is none of off, report, enforce");
        Mode::parse(word).ok_or_else(|| vec![unknown()])
    });
    let list = new.allowed_ips.iter().map(String::as_str);
    let networks = parse_entries(list, &Allowlist::entry_rules());
    let networks = networks.map_err(|errors| Failure::bad_list(&errors))?;
    Ok(ClientPatch {
        name: Some(new.name),
        description: Some(new.description),
        account: Some(account),
        app_type: Some(Some("non_interactive".to_owned())),
        grant_types: Some(vec![CLIENT_CREDENTIALS.to_owned()]),
        allowed_networks: Some(networks),
        allowlist_mode: mode.transpose()?,
        ..ClientPatch::default()
    })
}
