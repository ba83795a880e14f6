//! `/v1/clients/{id}/explain`: why an address may use a client, or may not.

use std::sync::Arc;

use axum::extract::State;
use keyward_allowlist::{ClientIp, parse_address};
use keyward_core::api::Api;
use keyward_core::client::Client;
use keyward_core::explain::{Explanation, LayerExplanation, explain};
use keyward_core::time::Timestamp;
use keyward_store::{GrantFilter, Page};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::failure::Failure;
use crate::management::{Admitted, Place};
use crate::services::Services;
use crate::v1::allowlists::{AllowlistMode, EntryView};
use crate::v1::answer::Answer;
use crate::v1::clients::client_id;
use crate::v1::input::Params;
use crate::v1::{Problem, ReadAllowlists, not_found};

/// How many grants are looked at.
const GRANTS_MAX: u32 = 1000;

/// What to explain.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Question {
    /// The address.
    address: String,
    /// The API (its identifier); without it every API that the client has a grant for.
    audience: Option<String>,
}

/// What all lists together say.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Explanation)]
pub(super) struct ExplanationView {
    /// The client.
    client_id: String,
    /// The address in its canonical form.
    address: String,
    /// Whether the address may use the client.
    allowed: bool,
    /// Whether client and account are active.
    active: bool,
    /// The first layer that refuses: its place in `layers`.
    refused_by: Option<usize>,
    /// The lists in the order in which they are asked.
    layers: Vec<LayerView>,
}

/// What one list says.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LayerExplanation)]
pub(super) struct LayerView {
    /// `api`, `account` or `client`.
    layer: &'static str,
    /// The name of the account or client, the identifier of the API.
    name: String,
    /// What the list does.
    mode: AllowlistMode,
    /// How many entries count now.
    live_entries: usize,
    /// Whether it lets the address pass.
    allows: bool,
    /// The narrowest entry that covers the address.
    entry: Option<EntryView>,
}

impl LayerView {
    fn at(layer: &LayerExplanation, now: Timestamp) -> Self {
        Self {
            layer: layer.layer.name(),
            name: layer.name.clone(),
            mode: layer.list.mode.into(),
            live_entries: layer.list.live_entries,
            allows: layer.list.allows,
            entry: layer.list.entry.as_ref().map(|entry| EntryView::at(entry, now)),
        }
    }
}

impl ExplanationView {
    fn new(client: &Client, ip: ClientIp, told: &Explanation, now: Timestamp) -> Self {
        Self {
            client_id: client.id.to_string(),
            address: ip.to_string(),
            allowed: told.allowed,
            active: told.active,
            refused_by: told.layers.iter().position(|layer| !layer.list.allows),
            layers: told.layers.iter().map(|layer| LayerView::at(layer, now)).collect(),
        }
    }
}

/// Explains which layer and which entry decide for an address. Nobody is told but you.
#[utoipa::path(
    get, path = "/v1/clients/{id}/explain", tag = "clients",
    params(("id" = String, Path, description = "The client's identifier"), Question),
    responses(
        (status = 200, description = "What the lists say", body = ExplanationView),
        (status = 404, description = "There is no such client or API"),
        (status = 422, description = "That is no address"),
    ),
    security(("management_token" = ["read:allowlists"]))
)]
pub(super) async fn explain_client(
    State(services): State<Arc<Services>>,
    admitted: Admitted<ReadAllowlists>,
    Place(id): Place<String>,
    Params(question): Params<Question>,
) -> Result<Answer, Problem> {
    let ip = parse_address(&question.address)
        .map(ClientIp::from)
        .map_err(|kind| Failure::unprocessable(kind.code(), format!("`address` {kind}")))?;
    let store = &services.store;
    let client = store.client(&client_id(&id)?).await?.ok_or_else(|| not_found("client"))?;
    let account = match &client.account {
        Some(id) => store.account(id).await?,
        None => None,
    };
    let apis = match &question.audience {
        Some(audience) => {
            vec![store.api_by_identifier(audience).await?.ok_or_else(|| not_found("api"))?]
        }
        None => granted(&services, &client).await?,
    };
    let told = explain(&client, account.as_ref(), &apis, Some(ip), admitted.now);
    Ok(Answer::ok(&ExplanationView::new(&client, ip, &told, admitted.now))?)
}

/// The APIs that the client has a grant for, Keyward's own aside: no gateway guards it.
async fn granted(services: &Services, client: &Client) -> Result<Vec<Api>, Problem> {
    let filter = GrantFilter { client: Some(client.id.clone()), ..GrantFilter::default() };
    let page = Page::After { cursor: None, limit: GRANTS_MAX };
    let mut apis = Vec::new();
    for grant in services.store.grants(&filter, &page).await?.items {
        if let Some(api) = services.store.api(&grant.api).await?.filter(|api| !api.is_system) {
            apis.push(api);
        }
    }
    Ok(apis)
}
