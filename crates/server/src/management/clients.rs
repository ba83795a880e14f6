//! `/api/v2/clients`.

mod spelling;
mod wire;

pub(crate) use wire::tenant;

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use keyward_core::client::Client;
use keyward_core::client::secrets::is_strong_enough;
use keyward_core::id::ClientId;
use keyward_core::secret::{ClientSecret, PlainSecret, SecretHash};
use keyward_core::time::Timestamp;
use keyward_store::{ClientFilter, Page, PageOf};
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::management::credentials;
use crate::management::fields::{Fields, invalid_field};
use crate::management::query::{Projection, Query};
use crate::management::scopes::{
    CreateClients, DeleteClients, ReadClients, UpdateClientKeys, UpdateClients,
};
use crate::management::{
    Admitted, LIST_BODY_BYTES_MAX, ManagementFailure, Place, RawBody, not_found, reply,
};
use crate::services::Services;

/// How many clients are read at a time where the store cannot sort them out.
const FILTER_PAGE: u32 = 500;

/// What the scope `read:client_summary` alone shows.
const SUMMARY: [&str; 6] = ["client_id", "name", "app_type", "is_first_party", "global", "tenant"];

type Shared = State<Arc<Services>>;

pub(super) async fn list_clients(
    State(services): Shared,
    admitted: Admitted<ReadClients>,
    uri: Uri,
) -> Result<Response, ManagementFailure> {
    let query = Query::read(&uri, LIST_PARAMETERS)?;
    let paging = query.paging()?;
    let projection = query.projection()?;
    let sieve = Sieve::read(&query)?;
    let part = if sieve.is_open() {
        services.store.clients(&ClientFilter::default(), &paging.page()).await?
    } else {
        paging.cut(sieve.sort_out(&services).await?)?
    };
    let shown = |client: &Client| {
        let whole = wire::client(client, &services.issuer, admitted.now);
        projection.apply(seen(&admitted, whole))
    };
    let items = part.items.iter().map(shown).collect();
    let part = PageOf { items, total: part.total, next: part.next };
    Ok(reply(StatusCode::OK, paging.wrap("clients", part)))
}

const LIST_PARAMETERS: &[&str] = &[
    "fields",
    "include_fields",
    "page",
    "per_page",
    "include_totals",
    "from",
    "take",
    "is_global",
    "is_first_party",
    "app_type",
];

/// Filters that the store does not know.
#[derive(Debug)]
struct Sieve {
    is_global: Option<bool>,
    is_first_party: Option<bool>,
    app_types: Vec<String>,
}

impl Sieve {
    fn read(query: &Query) -> Result<Self, Failure> {
        Ok(Self {
            is_global: query.flag("is_global")?,
            is_first_party: query.flag("is_first_party")?,
            app_types: query.all("app_type"),
        })
    }

    /// Whether everything passes. No client is global, so asking for the others asks for all.
    fn is_open(&self) -> bool {
        self.is_global != Some(true) && self.is_first_party.is_none() && self.app_types.is_empty()
    }

    fn passes(&self, client: &Client) -> bool {
        let app_type = client.app_type.as_deref().unwrap_or_default();
        self.is_global != Some(true)
            && self.is_first_party.is_none_or(|wanted| wire::is_first_party(client) == wanted)
            && (self.app_types.is_empty() || self.app_types.iter().any(|kind| kind == app_type))
    }

    async fn sort_out(&self, services: &Services) -> Result<Vec<Client>, ManagementFailure> {
        let mut passed = Vec::new();
        let mut cursor = None;
        loop {
            let page = Page::After { cursor, limit: FILTER_PAGE };
            let part = services.store.clients(&ClientFilter::default(), &page).await?;
            passed.extend(part.items.into_iter().filter(|client| self.passes(client)));
            cursor = part.next;
            if cursor.is_none() {
                return Ok(passed);
            }
        }
    }
}

/// What the caller's scopes let it see of a client.
fn seen(admitted: &Admitted<ReadClients>, whole: Map<String, Value>) -> Map<String, Value> {
    let all = ["read:clients", "read:client_keys", "read:client_credentials"];
    if all.iter().any(|scope| admitted.caller.has(scope)) {
        whole
    } else {
        Projection::only(&SUMMARY).apply(whole)
    }
}

pub(super) async fn create_client(
    State(services): Shared,
    admitted: Admitted<CreateClients>,
    body: RawBody<LIST_BODY_BYTES_MAX>,
) -> Result<Response, ManagementFailure> {
    let now = admitted.now;
    let mut fields = Fields(body.object()?);
    let methods = credentials::defined_methods(&services, &mut fields, now)?;
    let mut patch = wire::creation(fields)?;
    let mut client = Client::new(services.new_client_id()?, "", now);
    client.grant_types = wire::DEFAULT_GRANT_TYPES.map(str::to_owned).to_vec();
    if let Some((authentication, made)) = methods {
        made.into_iter().try_for_each(|credential| client.add_credential(credential))?;
        patch.authentication = Some(Some(authentication));
    }
    client.apply(patch, admitted.actor().id(), now)?;
    if client.authentication.is_some() {
        let mut tx = admitted.begin(&services).await?;
        tx.insert_client(&client).await?;
        services.commit(tx).await?;
        return Ok(reply(StatusCode::CREATED, wire::client(&client, &services.issuer, now)));
    }
    let secret = services.new_secret()?;
    let hash = services.hash_secret(&client.id, &secret);
    replace_secret(&services, &mut client, hash, now)?;
    let mut tx = admitted.begin(&services).await?;
    tx.insert_client(&client).await?;
    services.commit(tx).await?;
    Ok(reply(StatusCode::CREATED, with_secret(&services, &client, &secret, now)))
}

pub(super) async fn get_client(
    State(services): Shared,
    admitted: Admitted<ReadClients>,
    Place(id): Place<String>,
    uri: Uri,
) -> Result<Response, ManagementFailure> {
    let projection = Query::read(&uri, &["fields", "include_fields"])?.projection()?;
    let client = services.store.client(&client_id(&id)?).await?;
    let client = client.ok_or_else(|| not_found("client"))?;
    let whole = wire::client(&client, &services.issuer, admitted.now);
    Ok(reply(StatusCode::OK, projection.apply(seen(&admitted, whole))))
}

pub(super) async fn update_client(
    State(services): Shared,
    admitted: Admitted<UpdateClients>,
    Place(id): Place<String>,
    body: RawBody<LIST_BODY_BYTES_MAX>,
) -> Result<Response, ManagementFailure> {
    let id = client_id(&id)?;
    let mut fields = Fields(body.object()?);
    let secret = fields.text("client_secret")?;
    check_scopes(&admitted, secret.is_some(), !fields.0.is_empty())?;
    if secret.as_deref().is_some_and(|secret| !is_strong_enough(secret)) {
        let message = "Weaker than 112 bits; use 22 or more random letters and digits";
        return Err(invalid_field(message, "client_secret").into());
    }
    let now = admitted.now;
    // Auth0's callers know no versions: the client is read inside the write, so that of two
    // writers at once each changes only what it names.
    let mut tx = admitted.begin(&services).await?;
    let mut client = tx.client(&id).await?.ok_or_else(|| not_found("client"))?;
    let authentication = credentials::named_methods(&mut fields)?;
    let mut patch = wire::update(fields, &client)?;
    patch.authentication = authentication;
    client.apply(patch, admitted.actor().id(), now)?;
    if let Some(secret) = secret {
        let policy = services.policy.generation();
        let hash = policy.settings.peppers.hash(&id.to_string(), &secret);
        drop(policy);
        replace_secret(&services, &mut client, hash, now)?;
    }
    client.version = tx.update_client(&client).await?;
    services.commit(tx).await?;
    Ok(reply(StatusCode::OK, wire::client(&client, &services.issuer, now)))
}

/// Either scope admits; each lets its holder change only what it is for.
fn check_scopes(
    admitted: &Admitted<UpdateClients>,
    secret: bool,
    others: bool,
) -> Result<(), Failure> {
    for (asked, scope) in [(secret, "update:client_keys"), (others, "update:clients")] {
        if asked && !admitted.caller.has(scope) {
            let message = format!("Insufficient scope, expected any of: {scope}");
            return Err(Failure::forbidden("insufficient_scope", message));
        }
    }
    Ok(())
}

pub(super) async fn delete_client(
    State(services): Shared,
    admitted: Admitted<DeleteClients>,
    Place(id): Place<String>,
) -> Result<Response, ManagementFailure> {
    // Compat(auth0): whatever is not there is deleted.
    if let Ok(id) = ClientId::parse(&id) {
        let mut tx = admitted.begin(&services).await?;
        if tx.delete_client(&id).await? {
            services.commit(tx).await?;
        } else {
            tx.rollback().await;
        }
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn rotate_client_secret(
    State(services): Shared,
    admitted: Admitted<UpdateClientKeys>,
    Place(id): Place<String>,
) -> Result<Response, ManagementFailure> {
    let id = client_id(&id)?;
    let now = admitted.now;
    let secret = services.new_secret()?;
    let hash = services.hash_secret(&id, &secret);
    let mut tx = admitted.begin(&services).await?;
    let mut client = tx.client(&id).await?.ok_or_else(|| not_found("client"))?;
    replace_secret(&services, &mut client, hash, now)?;
    client.version = tx.update_client(&client).await?;
    services.commit(tx).await?;
    Ok(reply(StatusCode::OK, with_secret(&services, &client, &secret, now)))
}

/// One secret in place of all: Auth0's clients have one.
fn replace_secret(
    services: &Services,
    client: &mut Client,
    hash: SecretHash,
    now: Timestamp,
) -> Result<(), ManagementFailure> {
    let id = services.new_secret_id()?;
    let secret = ClientSecret { id, hash, created_at: now, expires_at: None };
    client.rotate_secret(secret, 0, now).map_err(|fault| vec![fault].into())
}

/// The one answer that shows a secret.
fn with_secret(
    services: &Services,
    client: &Client,
    secret: &PlainSecret,
    now: Timestamp,
) -> Map<String, Value> {
    let mut shown = wire::client(client, &services.issuer, now);
    shown.insert("client_secret".to_owned(), secret.reveal().into());
    shown
}

fn client_id(text: &str) -> Result<ClientId, Failure> {
    ClientId::parse(text).map_err(|_| not_found("client"))
}
