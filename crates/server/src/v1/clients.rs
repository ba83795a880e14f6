//! `/v1/clients`: clients as Keyward sees them, and what one does to a client in a hurry.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use keyward_core::client::{Client, State as Activity};
use keyward_core::id::{AccountId, ClientId};
use keyward_core::time::Timestamp;
use keyward_store::ClientFilter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::caller::Scope;
use crate::failure::Failure;
use crate::management::{Admitted, Place};
use crate::services::Services;
use crate::v1::allowlists::Summary;
use crate::v1::answer::{Answer, List};
use crate::v1::input::{IfMatch, Params, page};
use crate::v1::wire::Time;
use crate::v1::{Problem, ReadClients, RevokeClientTokens, UpdateClients, not_found};

type Shared = State<Arc<Services>>;

/// One credential holder.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Client)]
pub(super) struct ClientView {
    /// Its public identifier.
    id: String,
    /// What people call it.
    name: String,
    /// What it is for.
    description: Option<String>,
    /// The account that owns it.
    account_id: Option<String>,
    /// The tag in its API keys.
    environment: String,
    /// `active` or `suspended`.
    state: &'static str,
    /// Auth0's kind of application.
    app_type: Option<String>,
    /// OAuth grant types that it may use.
    grant_types: Vec<String>,
    /// The integrator's own labels.
    metadata: BTreeMap<String, String>,
    /// From where it may be used, in short.
    allowlist: Summary,
    /// How many secrets of it are good.
    live_secrets: usize,
    /// Tokens issued at or before this moment are refused.
    #[schema(value_type = Option<String>, format = DateTime)]
    tokens_not_before: Option<Time>,
    /// Counts writes; also the entity tag.
    version: u64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// When it was last written.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Time,
}

impl ClientView {
    pub(super) fn new(client: &Client, now: Timestamp) -> Self {
        Self {
            id: client.id.to_string(),
            name: client.name.clone(),
            description: client.description.clone(),
            account_id: client.account.as_ref().map(ToString::to_string),
            environment: client.environment.to_string(),
            state: client.state.name(),
            app_type: client.app_type.clone(),
            grant_types: client.grant_types.clone(),
            metadata: client.metadata.clone(),
            allowlist: Summary::from(&client.allowlist),
            live_secrets: client.secrets.iter().filter(|secret| secret.is_live(now)).count(),
            tokens_not_before: client.tokens_not_before.map(Time),
            version: client.version,
            created_at: client.created_at.into(),
            updated_at: client.updated_at.into(),
        }
    }
}

/// Which clients, and which part of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ClientList {
    /// `next_cursor` of the part before.
    cursor: Option<String>,
    /// How many at most: 1 to 100, 50 unless said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// Those of this account.
    account_id: Option<String>,
    /// Those whose name or id holds this text.
    q: Option<String>,
}

/// Lists clients, the oldest first.
#[utoipa::path(
    get, path = "/v1/clients", tag = "clients", params(ClientList),
    responses((status = 200, description = "A part of the clients", body = List<ClientView>)),
    security(("management_token" = ["read:clients", "read:client_keys"]))
)]
pub(super) async fn list_clients(
    State(services): Shared,
    admitted: Admitted<ReadClients>,
    Params(wanted): Params<ClientList>,
) -> Result<Answer, Problem> {
    let account = wanted.account_id.as_deref().map(AccountId::parse).transpose();
    let account = account
        .map_err(|error| Failure::bad_request("invalid_query", format!("`account_id`: {error}")))?;
    let filter = ClientFilter { account, text: wanted.q, ids: None };
    let part = services.store.clients(&filter, &page(wanted.cursor, wanted.limit)?).await?;
    let shown = |client| ClientView::new(&client, admitted.now);
    Ok(Answer::ok(&List::from_page(part, shown))?)
}

/// Shows a client.
#[utoipa::path(
    get, path = "/v1/clients/{id}", tag = "clients",
    params(("id" = String, Path, description = "The client's identifier")),
    responses(
        (status = 200, description = "The client", body = ClientView),
        (status = 404, description = "There is no such client"),
    ),
    security(("management_token" = ["read:clients", "read:client_keys"]))
)]
pub(super) async fn get_client(
    State(services): Shared,
    admitted: Admitted<ReadClients>,
    Place(id): Place<String>,
) -> Result<Answer, Problem> {
    let client = services.store.client(&client_id(&id)?).await?;
    let client = client.ok_or_else(|| not_found("client"))?;
    Ok(Answer::ok(&ClientView::new(&client, admitted.now))?.at(client.version))
}

/// Suspends a client: it is refused at once, at both doors.
#[utoipa::path(
    post, path = "/v1/clients/{id}/suspend", tag = "clients",
    params(("id" = String, Path, description = "The client's identifier")),
    responses(
        (status = 200, description = "The client", body = ClientView),
        (status = 404, description = "There is no such client"),
    ),
    security(("management_token" = ["update:clients"]))
)]
pub(super) async fn suspend_client(
    State(services): Shared,
    admitted: Admitted<UpdateClients>,
    Place(id): Place<String>,
    if_match: IfMatch,
) -> Result<Answer, Problem> {
    edit(&services, &admitted, &id, &if_match, |client, _| client.state = Activity::Suspended).await
}

/// Resumes a suspended client.
#[utoipa::path(
    post, path = "/v1/clients/{id}/resume", tag = "clients",
    params(("id" = String, Path, description = "The client's identifier")),
    responses(
        (status = 200, description = "The client", body = ClientView),
        (status = 404, description = "There is no such client"),
    ),
    security(("management_token" = ["update:clients"]))
)]
pub(super) async fn resume_client(
    State(services): Shared,
    admitted: Admitted<UpdateClients>,
    Place(id): Place<String>,
    if_match: IfMatch,
) -> Result<Answer, Problem> {
    edit(&services, &admitted, &id, &if_match, |client, _| client.state = Activity::Active).await
}

/// Makes all tokens worthless that the client was issued so far.
#[utoipa::path(
    post, path = "/v1/clients/{id}/revoke-tokens", tag = "clients",
    params(("id" = String, Path, description = "The client's identifier")),
    responses(
        (status = 200, description = "The client", body = ClientView),
        (status = 404, description = "There is no such client"),
    ),
    security(("management_token" = ["revoke:client_tokens"]))
)]
pub(super) async fn revoke_client_tokens(
    State(services): Shared,
    admitted: Admitted<RevokeClientTokens>,
    Place(id): Place<String>,
    if_match: IfMatch,
) -> Result<Answer, Problem> {
    edit(&services, &admitted, &id, &if_match, Client::revoke_tokens).await
}

async fn edit<S: Scope>(
    services: &Arc<Services>,
    admitted: &Admitted<S>,
    id: &str,
    if_match: &IfMatch,
    change: impl FnOnce(&mut Client, Timestamp),
) -> Result<Answer, Problem> {
    let id = client_id(id)?;
    let mut tx = admitted.begin(services).await?;
    let mut client = tx.client(&id).await?.ok_or_else(|| not_found("client"))?;
    if_match.check(client.version)?;
    // Not the moment of the request: it may have waited for its turn, and what was done meanwhile
    // (a token was issued) was done before this.
    let now = services.now();
    change(&mut client, now);
    client.updated_at = now;
    client.version = tx.update_client(&client).await?;
    services.commit(tx).await?;
    Ok(Answer::ok(&ClientView::new(&client, admitted.now))?.at(client.version))
}

pub(super) fn client_id(text: &str) -> Result<ClientId, Failure> {
    ClientId::parse(text).map_err(|_| not_found("client"))
}
