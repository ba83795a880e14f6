//! The allowlists of clients, accounts and APIs in their rich form. The three layers have the same
//! six operations; a macro writes them, the functions below do the work.

mod owner;
mod wire;

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use keyward_allowlist::{EntryRules, parse_entry};
use keyward_core::allowlist::Mode;
use keyward_core::allowlist::edit::Added;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::failure::Failure;
use crate::management::{Admitted, LIST_BODY_BYTES_MAX, Place, RawBody};
use crate::services::Services;
use crate::v1::allowlists::owner::Owner;
use crate::v1::allowlists::wire::{AllowlistModeChange, AllowlistView, EntryInput, read_list};
use crate::v1::answer::Answer;
use crate::v1::idempotency::{Key, Replay};
use crate::v1::input::{IfMatch, read_json};
use crate::v1::{Problem, ReadAllowlists, UpdateAllowlists, not_found};

pub(super) use wire::{AllowlistMode, EntryView, Summary};

type Shared = State<Arc<Services>>;
type Writer = Admitted<UpdateAllowlists>;
type ListBody = RawBody<LIST_BODY_BYTES_MAX>;

async fn show<O: Owner>(
    services: &Services,
    admitted: &Admitted<ReadAllowlists>,
    id: &str,
) -> Result<Answer, Problem> {
    let owner = O::load(&services.store, &O::id(id)?).await?;
    let owner = owner.ok_or_else(|| not_found(O::KIND))?;
    Ok(Answer::ok(&AllowlistView::at(owner.list(), admitted.now))?.at(owner.version()))
}

async fn replace<O: Owner>(
    services: &Arc<Services>,
    admitted: &Writer,
    id: &str,
    if_match: &IfMatch,
    body: &ListBody,
) -> Result<Answer, Problem> {
    let id = O::id(id)?;
    let (mode, entries) = read_list(body)?;
    let mut tx = admitted.begin(services).await?;
    let mut owner = O::load_for_write(&mut tx, &id).await?.ok_or_else(|| not_found(O::KIND))?;
    if_match.check(owner.version())?;
    let list = owner.list_mut(admitted.now);
    // A list that is in use keeps its mode: neither does report-only begin to refuse, nor does an
    // empty list open the key to everybody, unless somebody says so.
    let mode = mode.unwrap_or(match list.mode {
        Mode::Off => Mode::implied(entries.is_empty()),
        present @ (Mode::Report | Mode::Enforce) => present,
    });
    list.set_entries(entries, admitted.actor().id(), admitted.now)?;
    list.mode = mode;
    let version = owner.save(&mut tx).await?;
    services.commit(tx).await?;
    Ok(Answer::ok(&AllowlistView::at(owner.list(), admitted.now))?.at(version))
}

async fn set_mode<O: Owner>(
    services: &Arc<Services>,
    admitted: &Writer,
    id: &str,
    if_match: &IfMatch,
    body: &RawBody,
) -> Result<Answer, Problem> {
    let id = O::id(id)?;
    let AllowlistModeChange { mode } = read_json(body)?;
    let mut tx = admitted.begin(services).await?;
    let mut owner = O::load_for_write(&mut tx, &id).await?.ok_or_else(|| not_found(O::KIND))?;
    if_match.check(owner.version())?;
    owner.list_mut(admitted.now).mode = mode.into();
    let version = owner.save(&mut tx).await?;
    services.commit(tx).await?;
    Ok(Answer::ok(&AllowlistView::at(owner.list(), admitted.now))?.at(version))
}

async fn add<O: Owner>(
    services: Arc<Services>,
    admitted: Writer,
    id: String,
    if_match: IfMatch,
    key: Key,
    body: RawBody,
) -> Result<Response, Problem> {
    let id = O::id(&id)?;
    let entry = read_json::<EntryInput, _>(&body)?.read()?;
    let caller = admitted.actor().id().to_owned();
    let shared = Arc::clone(&services);
    key.once(&shared, &caller, &body.bytes, Replay::Whole, async move {
        let mut tx = admitted.begin(&services).await?;
        let owner = O::load_for_write(&mut tx, &id).await?;
        let mut owner = owner.ok_or_else(|| not_found(O::KIND))?;
        if_match.check(owner.version())?;
        let list = owner.list_mut(admitted.now);
        let network = entry.network;
        let added = list.add_entry(entry, admitted.actor().id(), admitted.now)?;
        let stored = list.entries.iter().find(|entry| entry.network == network);
        let shown = stored.map(|entry| EntryView::at(entry, admitted.now));
        let version = owner.save(&mut tx).await?;
        services.commit(tx).await?;
        let status = match added {
            Added::New => StatusCode::CREATED,
            Added::Replaced => StatusCode::OK,
        };
        Ok(Answer { status, ..Answer::ok(&shown)? }.at(version))
    })
    .await
}

async fn remove<O: Owner>(
    services: &Arc<Services>,
    admitted: &Writer,
    (id, network): (String, String),
    if_match: &IfMatch,
) -> Result<Answer, Problem> {
    let id = O::id(&id)?;
    let network = parse_entry(&network, &EntryRules { allow_any: true, ..EntryRules::default() })
        .map_err(|kind| {
        Failure::unprocessable(kind.code(), format!("`network` in the path {kind}"))
    })?;
    let mut tx = admitted.begin(services).await?;
    let mut owner = O::load_for_write(&mut tx, &id).await?.ok_or_else(|| not_found(O::KIND))?;
    if_match.check(owner.version())?;
    if owner.list_mut(admitted.now).remove_entry(&network).is_none() {
        return Err(Failure::not_found("no_such_entry", format!("no entry is {network}")).into());
    }
    let version = owner.save(&mut tx).await?;
    services.commit(tx).await?;
    Ok(Answer::gone().at(version))
}

macro_rules! layer {
    (
        $module:ident, $owner:ty, $tag:literal, $list:literal, $entries:literal, $entry:literal,
        $get:ident, $replace:ident, $mode:ident, $add:ident, $remove:ident
    ) => {
        mod $module {
            use super::*;

            #[doc = "Shows the allowlist. Expired entries are in it until it is written."]
            #[utoipa::path(
                get, path = $list, tag = $tag,
                params(("id" = String, Path, description = "Whose list")),
                responses(
                    (status = 200, description = "The list", body = AllowlistView),
                    (status = 404, description = "There is no such owner"),
                ),
                security(("management_token" = ["read:allowlists"]))
            )]
            pub(super) async fn $get(
                State(services): Shared,
                admitted: Admitted<ReadAllowlists>,
                Place(id): Place<String>,
            ) -> Result<Answer, Problem> {
                show::<$owner>(&services, &admitted, &id).await
            }

            #[doc = "Replaces the allowlist, whole or not at all. It is in force when this"]
            #[doc = "answers. Entries that stay as they were keep author and time. Without a mode"]
            #[doc = "a list that was off begins to enforce with its first entries, and every other"]
            #[doc = "list keeps its mode. As `text/plain` the body is one network a line with an"]
            #[doc = "optional `# label`, at least one."]
            #[utoipa::path(
                put, path = $list, tag = $tag,
                request_body(content(
                    (wire::AllowlistInput = "application/json"),
                    (String = "text/plain"),
                )),
                params(
                    ("id" = String, Path, description = "Whose list"),
                    ("If-Match" = Option<String>, Header, description = "The `ETag` that was read"),
                ),
                responses(
                    (status = 200, description = "The list", body = AllowlistView),
                    (status = 404, description = "There is no such owner"),
                    (status = 412, description = "Somebody else has changed it"),
                    (status = 422, description = "Not acceptable; `errors` names every bad line"),
                ),
                security(("management_token" = ["update:allowlists"]))
            )]
            pub(super) async fn $replace(
                State(services): Shared,
                admitted: Writer,
                Place(id): Place<String>,
                if_match: IfMatch,
                body: ListBody,
            ) -> Result<Answer, Problem> {
                replace::<$owner>(&services, &admitted, &id, &if_match, &body).await
            }

            #[doc = "Changes what the allowlist does and leaves its entries alone."]
            #[utoipa::path(
                patch, path = $list, tag = $tag, request_body = AllowlistModeChange,
                params(
                    ("id" = String, Path, description = "Whose list"),
                    ("If-Match" = Option<String>, Header, description = "The `ETag` that was read"),
                ),
                responses(
                    (status = 200, description = "The list", body = AllowlistView),
                    (status = 404, description = "There is no such owner"),
                    (status = 412, description = "Somebody else has changed it"),
                ),
                security(("management_token" = ["update:allowlists"]))
            )]
            pub(super) async fn $mode(
                State(services): Shared,
                admitted: Writer,
                Place(id): Place<String>,
                if_match: IfMatch,
                body: RawBody,
            ) -> Result<Answer, Problem> {
                set_mode::<$owner>(&services, &admitted, &id, &if_match, &body).await
            }

            #[doc = "Adds an entry; one with the same network gets this label and expiry. The"]
            #[doc = "mode stays."]
            #[utoipa::path(
                post, path = $entries, tag = $tag, request_body = EntryInput,
                params(
                    ("id" = String, Path, description = "Whose list"),
                    ("If-Match" = Option<String>, Header, description = "The `ETag` that was read"),
                    ("Idempotency-Key" = Option<String>, Header,
                        description = "A repeated request is answered as the first time."),
                ),
                responses(
                    (status = 201, description = "The new entry", body = EntryView),
                    (status = 200, description = "The changed entry", body = EntryView),
                    (status = 404, description = "There is no such owner"),
                    (status = 412, description = "Somebody else has changed the list"),
                    (status = 422, description = "Not acceptable, or the list is full"),
                ),
                security(("management_token" = ["update:allowlists"]))
            )]
            pub(super) async fn $add(
                State(services): Shared,
                admitted: Writer,
                Place(id): Place<String>,
                if_match: IfMatch,
                key: Key,
                body: RawBody,
            ) -> Result<Response, Problem> {
                add::<$owner>(services, admitted, id, if_match, key, body).await
            }

            #[doc = "Removes an entry. No later call gets in by it when this answers. The mode"]
            #[doc = "stays: `enforce` without entries refuses everybody."]
            #[utoipa::path(
                delete, path = $entry, tag = $tag,
                params(
                    ("id" = String, Path, description = "Whose list"),
                    ("network" = String, Path,
                        description = "The network, its `/` written as `%2F`"),
                    ("If-Match" = Option<String>, Header, description = "The `ETag` that was read"),
                ),
                responses(
                    (status = 204, description = "It is gone"),
                    (status = 404, description = "There is no such owner or entry"),
                    (status = 412, description = "Somebody else has changed the list"),
                ),
                security(("management_token" = ["update:allowlists"]))
            )]
            pub(super) async fn $remove(
                State(services): Shared,
                admitted: Writer,
                Place(place): Place<(String, String)>,
                if_match: IfMatch,
            ) -> Result<Response, Problem> {
                let gone = remove::<$owner>(&services, &admitted, place, &if_match).await?;
                Ok(gone.into_response())
            }
        }
    };
}

layer!(
    of_clients,
    keyward_core::client::Client,
    "allowlists of clients",
    "/v1/clients/{id}/allowlist",
    "/v1/clients/{id}/allowlist/entries",
    "/v1/clients/{id}/allowlist/entries/{network}",
    get_client_allowlist,
    replace_client_allowlist,
    update_client_allowlist,
    add_client_allowlist_entry,
    delete_client_allowlist_entry
);
layer!(
    of_accounts,
    keyward_core::api::Account,
    "allowlists of accounts",
    "/v1/accounts/{id}/allowlist",
    "/v1/accounts/{id}/allowlist/entries",
    "/v1/accounts/{id}/allowlist/entries/{network}",
    get_account_allowlist,
    replace_account_allowlist,
    update_account_allowlist,
    add_account_allowlist_entry,
    delete_account_allowlist_entry
);
layer!(
    of_apis,
    keyward_core::api::Api,
    "allowlists of APIs",
    "/v1/apis/{id}/allowlist",
    "/v1/apis/{id}/allowlist/entries",
    "/v1/apis/{id}/allowlist/entries/{network}",
    get_api_allowlist,
    replace_api_allowlist,
    update_api_allowlist,
    add_api_allowlist_entry,
    delete_api_allowlist_entry
);

/// The operations of all three layers.
pub(super) fn operations() -> OpenApiRouter<Arc<Services>> {
    OpenApiRouter::default()
        .routes(routes!(
            of_clients::get_client_allowlist,
            of_clients::replace_client_allowlist,
            of_clients::update_client_allowlist
        ))
        .routes(routes!(of_clients::add_client_allowlist_entry))
        .routes(routes!(of_clients::delete_client_allowlist_entry))
        .routes(routes!(
            of_accounts::get_account_allowlist,
            of_accounts::replace_account_allowlist,
            of_accounts::update_account_allowlist
        ))
        .routes(routes!(of_accounts::add_account_allowlist_entry))
        .routes(routes!(of_accounts::delete_account_allowlist_entry))
        .routes(routes!(
            of_apis::get_api_allowlist,
            of_apis::replace_api_allowlist,
            of_apis::update_api_allowlist
        ))
        .routes(routes!(of_apis::add_api_allowlist_entry))
        .routes(routes!(of_apis::delete_api_allowlist_entry))
}
