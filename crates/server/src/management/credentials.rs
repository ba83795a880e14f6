//! `/api/v2/clients/{id}/credentials`: keys and certificates of clients.

mod public_key;
mod wire;

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use keyward_core::client::Client;
use keyward_core::client::credential::{ClientAuthentication, ClientCredential};
use keyward_core::id::{ClientId, CredentialId};
use keyward_core::time::Timestamp;

pub(super) use wire::{METHODS, methods, named_methods};

use crate::failure::Failure;
use crate::management::fields::{Fields, invalid_field};
use crate::management::scopes::{
    CreateClientCredentials, DeleteClientCredentials, ReadClientCredentials,
    UpdateClientCredentials,
};
use crate::management::{Admitted, ManagementFailure, Place, RawBody, not_found, reply};
use crate::services::Services;

type Shared = State<Arc<Services>>;

pub(super) async fn list_client_credentials(
    State(services): Shared,
    _: Admitted<ReadClientCredentials>,
    Place(id): Place<String>,
) -> Result<Response, ManagementFailure> {
    let client = read_client(&services, &id).await?;
    let shown: Vec<_> = client.credentials.iter().map(wire::credential).collect();
    Ok(reply(StatusCode::OK, shown))
}

pub(super) async fn create_client_credential(
    State(services): Shared,
    admitted: Admitted<CreateClientCredentials>,
    Place(id): Place<String>,
    body: RawBody,
) -> Result<Response, ManagementFailure> {
    let id = client_id(&id)?;
    let fields = Fields(body.object()?);
    let made = wire::read(fields, services.new_credential_id()?, None, admitted.now)?;
    let shown = wire::credential(&made);
    let mut tx = admitted.begin(&services).await?;
    let mut client = tx.client(&id).await?.ok_or_else(|| not_found("client"))?;
    client.add_credential(made)?;
    tx.update_client(&client).await?;
    services.commit(tx).await?;
    Ok(reply(StatusCode::CREATED, shown))
}

pub(super) async fn get_client_credential(
    State(services): Shared,
    _: Admitted<ReadClientCredentials>,
    Place((id, credential)): Place<(String, String)>,
) -> Result<Response, ManagementFailure> {
    let client = read_client(&services, &id).await?;
    let found = client.credential(&credential_id(&credential)?);
    Ok(reply(StatusCode::OK, wire::credential(found.ok_or_else(|| not_found("credential"))?)))
}

pub(super) async fn update_client_credential(
    State(services): Shared,
    admitted: Admitted<UpdateClientCredentials>,
    Place((id, credential)): Place<(String, String)>,
    body: RawBody,
) -> Result<Response, ManagementFailure> {
    let (id, credential) = (client_id(&id)?, credential_id(&credential)?);
    let mut fields = Fields(body.object()?);
    let Some(expires_at) = wire::nullable_moment(&mut fields, "expires_at")? else {
        fields.finish()?;
        return Err(invalid_field("Too few properties defined (0), minimum 1", "").into());
    };
    fields.finish()?;
    let mut tx = admitted.begin(&services).await?;
    let mut client = tx.client(&id).await?.ok_or_else(|| not_found("client"))?;
    let found = client.credentials.iter_mut().find(|one| one.id == credential);
    let found = found.ok_or_else(|| not_found("credential"))?;
    found.expires_at = expires_at;
    found.updated_at = admitted.now;
    let shown = wire::credential(found);
    client.updated_at = admitted.now;
    tx.update_client(&client).await?;
    services.commit(tx).await?;
    // Compat(auth0): the document says 201, the wire has 200.
    Ok(reply(StatusCode::OK, shown))
}

pub(super) async fn delete_client_credential(
    State(services): Shared,
    admitted: Admitted<DeleteClientCredentials>,
    Place((id, credential)): Place<(String, String)>,
) -> Result<Response, ManagementFailure> {
    // Compat(auth0): whatever is not there is deleted.
    let (Ok(id), Ok(credential)) = (ClientId::parse(&id), CredentialId::parse(&credential)) else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let mut tx = admitted.begin(&services).await?;
    let mut client = tx.client(&id).await?;
    let now = admitted.now;
    match client.as_mut().filter(|client| client.credential(&credential).is_some()) {
        Some(client) => {
            client.remove_credential(&credential, now);
            tx.update_client(client).await?;
            services.commit(tx).await?;
        }
        None => tx.rollback().await,
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Takes the authentication methods out of a request to make a client: with whole credentials.
pub(super) fn defined_methods(
    services: &Services,
    fields: &mut Fields,
    now: Timestamp,
) -> Result<Option<(ClientAuthentication, Vec<ClientCredential>)>, ManagementFailure> {
    let Some((method, items)) = wire::take_method(fields)?.flatten() else { return Ok(None) };
    let mut made = Vec::new();
    for item in items {
        made.push(wire::read(item, services.new_credential_id()?, Some(method), now)?);
    }
    let credentials = made.iter().map(|credential| credential.id.clone()).collect();
    Ok(Some((ClientAuthentication { method, credentials }, made)))
}

async fn read_client(services: &Services, id: &str) -> Result<Client, ManagementFailure> {
    let client = services.store.client(&client_id(id)?).await?;
    Ok(client.ok_or_else(|| not_found("client"))?)
}

fn client_id(text: &str) -> Result<ClientId, Failure> {
    ClientId::parse(text).map_err(|_| not_found("client"))
}

fn credential_id(text: &str) -> Result<CredentialId, Failure> {
    CredentialId::parse(text).map_err(|_| not_found("credential"))
}
