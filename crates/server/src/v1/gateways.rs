//! `/v1/gateways`: the registered enforcement points, their tokens and what was wrong at them.

mod wire;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use keyward_core::client::State as Activity;
use keyward_core::gateway::patch::GatewayPatch;
use keyward_core::gateway::{GATEWAYS_MAX, Gateway};
use keyward_core::id::{GatewayId, SecretId};
use keyward_core::secret::ClientSecret;
use keyward_core::time::Timestamp;
use keyward_store::Page;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::alarms::AlarmEntry;
use crate::failure::Failure;
use crate::management::{Admitted, Place, RawBody};
use crate::services::Services;
use crate::v1::answer::{Answer, List};
use crate::v1::idempotency::{Key, Replay};
use crate::v1::input::{IfMatch, Params, page, read_json, read_json_or_default};
use crate::v1::wire::Time;
use crate::v1::{CreateGateways, DeleteGateways, Problem, ReadGateways, UpdateGateways, not_found};

pub(super) use wire::GatewayView;
use wire::{GatewayChanges, NewGateway};

type Shared = State<Arc<Services>>;

/// A gateway with the token that was made for it, shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MadeGateway {
    /// The gateway.
    #[serde(flatten)]
    gateway: GatewayView,
    /// The token, when one was made: for `X-Gateway-Token` (a header, or gRPC metadata) or as
    /// `/v1/check/{id}.{token}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

/// How to rotate.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenRotation {
    /// For how many seconds the old tokens stay good: 0 unless said, at most 30 days.
    #[serde(default)]
    overlap_s: u32,
}

/// Which part of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct GatewayList {
    /// `next_cursor` of the part before.
    cursor: Option<String>,
    /// How many at most: 1 to 100, 50 unless said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// Lists gateways, the oldest first.
#[utoipa::path(
    get, path = "/v1/gateways", tag = "gateways", params(GatewayList),
    responses((status = 200, description = "A part of the gateways", body = List<GatewayView>)),
    security(("management_token" = ["read:gateways"]))
)]
pub(super) async fn list_gateways(
    State(services): Shared,
    admitted: Admitted<ReadGateways>,
    Params(wanted): Params<GatewayList>,
) -> Result<Answer, Problem> {
    let part = services.store.gateways(&page(wanted.cursor, wanted.limit)?).await?;
    let shown = |gateway: Gateway| view(&services, &gateway, admitted.now);
    Ok(Answer::ok(&List::from_page(part, shown))?)
}

/// Registers a gateway. Its token, when it shall show one, is in the answer and nowhere else.
#[utoipa::path(
    post, path = "/v1/gateways", tag = "gateways", request_body = NewGateway,
    params(("Idempotency-Key" = Option<String>, Header,
        description = "A repeated request is refused with 409 when a token was shown.")),
    responses(
        (status = 201, description = "The gateway, with its token if it has one",
            body = MadeGateway),
        (status = 409, description = "There is a gateway of that name"),
        (status = 422, description = "Not acceptable; `errors` names every fault"),
    ),
    security(("management_token" = ["create:gateways"]))
)]
pub(super) async fn create_gateway(
    State(services): Shared,
    admitted: Admitted<CreateGateways>,
    key: Key,
    body: RawBody,
) -> Result<Response, Problem> {
    let new: NewGateway = read_json(&body)?;
    let now = admitted.now;
    let (mut gateway, patch) = new.read(now)?;
    gateway.apply(patch, now)?;
    let token =
        if gateway.auth.token { Some(add_token(&services, &mut gateway, 0, now)?) } else { None };
    let replay = if token.is_some() { Replay::Never } else { Replay::Whole };
    let caller = admitted.actor().id().to_owned();
    let shared = Arc::clone(&services);
    key.once(&shared, &caller, &body.bytes, replay, async move {
        // The transaction first: there is one writer, so nobody adds another after the count.
        let mut tx = admitted.begin(&services).await?;
        let all = services.store.gateways(&Page::Offset { offset: 0, limit: 1 }).await?;
        if all.total.unwrap_or_default() >= GATEWAYS_MAX as u64 {
            let message = format!("there are {GATEWAYS_MAX} gateways already; delete one first");
            return Err(Failure::unprocessable("too_many_gateways", message).into());
        }
        tx.insert_gateway(&gateway).await?;
        services.commit(tx).await?;
        let made = MadeGateway { gateway: view(&services, &gateway, now), token };
        Ok(Answer::created(&made)?.at(gateway.version))
    })
    .await
}

/// Shows a gateway.
#[utoipa::path(
    get, path = "/v1/gateways/{id}", tag = "gateways",
    params(("id" = String, Path, description = "The gateway's name")),
    responses(
        (status = 200, description = "The gateway", body = GatewayView),
        (status = 404, description = "There is no such gateway"),
    ),
    security(("management_token" = ["read:gateways"]))
)]
pub(super) async fn get_gateway(
    State(services): Shared,
    admitted: Admitted<ReadGateways>,
    Place(id): Place<String>,
) -> Result<Answer, Problem> {
    let gateway = services.store.gateway(&gateway_id(&id)?).await?;
    let gateway = gateway.ok_or_else(|| not_found("gateway"))?;
    Ok(Answer::ok(&view(&services, &gateway, admitted.now))?.at(gateway.version))
}

/// Changes a gateway; it counts from its next check on. Name and kind stay for life.
#[utoipa::path(
    patch, path = "/v1/gateways/{id}", tag = "gateways", request_body = GatewayChanges,
    params(
        ("id" = String, Path, description = "The gateway's name"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that was read"),
    ),
    responses(
        (status = 200, description = "The gateway, with its token when it shall show one from now on",
            body = MadeGateway),
        (status = 404, description = "There is no such gateway"),
        (status = 412, description = "Somebody else has changed it"),
        (status = 422, description = "Not acceptable; `errors` names every fault"),
    ),
    security(("management_token" = ["update:gateways"]))
)]
pub(super) async fn update_gateway(
    State(services): Shared,
    admitted: Admitted<UpdateGateways>,
    Place(id): Place<String>,
    if_match: IfMatch,
    body: RawBody,
) -> Result<Answer, Problem> {
    let changes: GatewayChanges = read_json(&body)?;
    edit(&services, &admitted, &id, &if_match, changes.read()?).await
}

/// Suspends a gateway: it is refused everything, as one that does not exist.
#[utoipa::path(
    post, path = "/v1/gateways/{id}/suspend", tag = "gateways",
    params(("id" = String, Path, description = "The gateway's name")),
    responses(
        (status = 200, description = "The gateway", body = GatewayView),
        (status = 404, description = "There is no such gateway"),
    ),
    security(("management_token" = ["update:gateways"]))
)]
pub(super) async fn suspend_gateway(
    State(services): Shared,
    admitted: Admitted<UpdateGateways>,
    Place(id): Place<String>,
    if_match: IfMatch,
) -> Result<Answer, Problem> {
    let patch = GatewayPatch { state: Some(Activity::Suspended), ..GatewayPatch::default() };
    edit(&services, &admitted, &id, &if_match, patch).await
}

/// Resumes a suspended gateway.
#[utoipa::path(
    post, path = "/v1/gateways/{id}/resume", tag = "gateways",
    params(("id" = String, Path, description = "The gateway's name")),
    responses(
        (status = 200, description = "The gateway", body = GatewayView),
        (status = 404, description = "There is no such gateway"),
    ),
    security(("management_token" = ["update:gateways"]))
)]
pub(super) async fn resume_gateway(
    State(services): Shared,
    admitted: Admitted<UpdateGateways>,
    Place(id): Place<String>,
    if_match: IfMatch,
) -> Result<Answer, Problem> {
    let patch = GatewayPatch { state: Some(Activity::Active), ..GatewayPatch::default() };
    edit(&services, &admitted, &id, &if_match, patch).await
}

async fn edit(
    services: &Arc<Services>,
    admitted: &Admitted<UpdateGateways>,
    id: &str,
    if_match: &IfMatch,
    patch: GatewayPatch,
) -> Result<Answer, Problem> {
    let (id, now) = (gateway_id(id)?, admitted.now);
    let mut tx = admitted.begin(services).await?;
    let mut gateway = tx.gateway(&id).await?.ok_or_else(|| not_found("gateway"))?;
    if_match.check(gateway.version)?;
    let showed_one = gateway.auth.token;
    let address = gateway.client_address.clone();
    gateway.apply(patch, now)?;
    let token = if gateway.auth.token && !showed_one {
        Some(add_token(services, &mut gateway, 0, now)?)
    } else {
        None
    };
    gateway.version = tx.update_gateway(&gateway).await?;
    services.commit(tx).await?;
    if gateway.client_address != address {
        // What was wrong before may be right now.
        services.alarms.clear_addresses(gateway.id.as_str());
    }
    let made = MadeGateway { gateway: view(services, &gateway, now), token };
    Ok(Answer::ok(&made)?.at(gateway.version))
}

/// Deletes a gateway; it is refused everything from its next check on.
#[utoipa::path(
    delete, path = "/v1/gateways/{id}", tag = "gateways",
    params(
        ("id" = String, Path, description = "The gateway's name"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that was read"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "There is no such gateway"),
        (status = 412, description = "Somebody else has changed it"),
    ),
    security(("management_token" = ["delete:gateways"]))
)]
pub(super) async fn delete_gateway(
    State(services): Shared,
    admitted: Admitted<DeleteGateways>,
    Place(id): Place<String>,
    if_match: IfMatch,
) -> Result<Answer, Problem> {
    let id = gateway_id(&id)?;
    let mut tx = admitted.begin(&services).await?;
    let gateway = tx.gateway(&id).await?.ok_or_else(|| not_found("gateway"))?;
    if_match.check(gateway.version)?;
    tx.delete_gateway(&id).await?;
    services.commit(tx).await?;
    services.alarms.clear(Some(id.as_str()));
    Ok(Answer::gone())
}

/// Makes a new token. The old ones end after the overlap, or when they would have anyway.
#[utoipa::path(
    post, path = "/v1/gateways/{id}/tokens", tag = "gateways", request_body = TokenRotation,
    params(
        ("id" = String, Path, description = "The gateway's name"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that was read"),
        ("Idempotency-Key" = Option<String>, Header,
            description = "A repeated request is refused with 409: a token is shown once."),
    ),
    responses(
        (status = 201, description = "The gateway and its token, shown this once",
            body = MadeGateway),
        (status = 404, description = "There is no such gateway"),
        (status = 412, description = "Somebody else has changed it"),
        (status = 422, description = "The gateway shows no token, or has five live ones already"),
    ),
    security(("management_token" = ["update:gateways"]))
)]
pub(super) async fn rotate_gateway_token(
    State(services): Shared,
    admitted: Admitted<UpdateGateways>,
    Place(id): Place<String>,
    if_match: IfMatch,
    key: Key,
    body: RawBody,
) -> Result<Response, Problem> {
    let id = gateway_id(&id)?;
    let TokenRotation { overlap_s } = read_json_or_default(&body)?;
    let caller = admitted.actor().id().to_owned();
    let shared = Arc::clone(&services);
    key.once(&shared, &caller, &body.bytes, Replay::Never, async move {
        let now = admitted.now;
        let mut tx = admitted.begin(&services).await?;
        let mut gateway = tx.gateway(&id).await?.ok_or_else(|| not_found("gateway"))?;
        if_match.check(gateway.version)?;
        let token = add_token(&services, &mut gateway, overlap_s, now)?;
        gateway.version = tx.update_gateway(&gateway).await?;
        services.commit(tx).await?;
        let made = MadeGateway { gateway: view(&services, &gateway, now), token: Some(token) };
        Ok(Answer::created(&made)?.at(gateway.version))
    })
    .await
}

/// Withdraws a token at once.
#[utoipa::path(
    delete, path = "/v1/gateways/{id}/tokens/{token}", tag = "gateways",
    params(
        ("id" = String, Path, description = "The gateway's name"),
        ("token" = String, Path, description = "The token's public name"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that was read"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "There is no such gateway or token"),
        (status = 412, description = "Somebody else has changed it"),
    ),
    security(("management_token" = ["update:gateways"]))
)]
pub(super) async fn delete_gateway_token(
    State(services): Shared,
    admitted: Admitted<UpdateGateways>,
    Place((id, token)): Place<(String, String)>,
    if_match: IfMatch,
) -> Result<Answer, Problem> {
    let id = gateway_id(&id)?;
    let none = || Failure::not_found("not_found", "there is no such token");
    let token = SecretId::parse(&token).map_err(|_| none())?;
    let mut tx = admitted.begin(&services).await?;
    let mut gateway = tx.gateway(&id).await?.ok_or_else(|| not_found("gateway"))?;
    if_match.check(gateway.version)?;
    if !gateway.remove_token(token, admitted.now) {
        return Err(none().into());
    }
    let version = tx.update_gateway(&gateway).await?;
    services.commit(tx).await?;
    Ok(Answer::gone().at(version))
}

/// Something that was wrong at a gateway, as often as it was seen.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AlarmView {
    /// What: `client_address_missing`, `client_address_is_proxy`, `gateway_unknown`,
    /// `gateway_token_wrong`, `gateway_peer_refused`, `gateway_certificate_refused` or
    /// `gateway_protocol`.
    code: &'static str,
    /// At which gateway; `null` for names that do not exist.
    gateway: Option<String>,
    /// From where: the /24 or /56 around the client address, or around whoever asked.
    network: Option<String>,
    /// Why no client address was found, the last time.
    detail: Option<&'static str>,
    /// How often.
    count: u64,
    /// The first time.
    #[schema(value_type = String, format = DateTime)]
    first_at: Time,
    /// The last time.
    #[schema(value_type = String, format = DateTime)]
    last_at: Time,
}

impl From<AlarmEntry> for AlarmView {
    fn from(entry: AlarmEntry) -> Self {
        Self {
            code: entry.code,
            gateway: entry.gateway.map(|id| id.to_string()),
            network: entry.network.map(|network| network.to_string()),
            detail: entry.detail,
            count: entry.count,
            first_at: entry.first_at.into(),
            last_at: entry.last_at.into(),
        }
    }
}

/// Which alarms.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AlarmList {
    /// Those of one gateway.
    gateway: Option<String>,
}

/// Lists what was wrong at the gateways since this server started, the last first.
#[utoipa::path(
    get, path = "/v1/alarms", tag = "gateways", params(AlarmList),
    responses((status = 200, description = "At most 1,000 kinds of alarm", body = List<AlarmView>)),
    security(("management_token" = ["read:gateways"]))
)]
pub(super) async fn list_alarms(
    State(services): Shared,
    _admitted: Admitted<ReadGateways>,
    Params(wanted): Params<AlarmList>,
) -> Result<Answer, Problem> {
    let entries = services.alarms.list(wanted.gateway.as_deref());
    let items = entries.into_iter().map(AlarmView::from).collect();
    Ok(Answer::ok(&List { items, next_cursor: None })?)
}

fn add_token(
    services: &Services,
    gateway: &mut Gateway,
    overlap_s: u32,
    now: Timestamp,
) -> Result<String, Problem> {
    let (token, hash) = services.new_gateway_token(&gateway.id)?;
    let id = services.new_secret_id()?;
    let secret = ClientSecret { id, hash, created_at: now, expires_at: None };
    gateway.rotate_token(secret, overlap_s, now).map_err(|fault| vec![fault])?;
    Ok(token)
}

fn view(services: &Services, gateway: &Gateway, now: Timestamp) -> GatewayView {
    let mut view = GatewayView::at(gateway, now);
    let audience = gateway.required_audience.as_deref();
    if let Some(audience) = audience.filter(|audience| services.policy.api(audience).is_none()) {
        view.warn(format!(
            "there is no API `{audience}`, so every credential is refused here; create it, or \
             correct `required.audience`"
        ));
    }
    view
}

fn gateway_id(text: &str) -> Result<GatewayId, Failure> {
    GatewayId::parse(text).map_err(|_| not_found("gateway"))
}
