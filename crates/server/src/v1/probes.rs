//! `/v1/probes`: marked requests, by which an operator sees what a gateway makes of a request.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use keyward_core::id::ClientId;
use keyward_gate::probes::{HOLD_MAX, PROBE_PREFIX, ProbeAnswer, ProbeOrder, Sighting};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::failure::Failure;
use crate::management::{Admitted, Place, RawBody};
use crate::services::Services;
use crate::signing::random_base62;
use crate::v1::answer::Answer;
use crate::v1::input::read_json_or_default;
use crate::v1::wire::Time;
use crate::v1::{CreateProbes, Problem, not_found};

type Shared = State<Arc<Services>>;

/// The longest life of a probe, in seconds.
const LIFE_S_MAX: u32 = 600;
/// Random characters of a probe's credential.
const RANDOM_LENGTH: usize = 32;

/// What a probe is for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct NewProbe {
    /// The status that its requests are refused with: 401, 403, 429 or 503. No probe lets anything
    /// through.
    status: u16,
    /// For how many milliseconds the answer is held back, at most 60,000.
    hold_ms: u32,
    /// A client whose requests are seen as well; they are decided as always.
    client_id: Option<String>,
    /// How long it lives, in seconds; at most 600.
    life_s: u32,
}

impl Default for NewProbe {
    fn default() -> Self {
        Self { status: 403, hold_ms: 0, client_id: None, life_s: LIFE_S_MAX }
    }
}

/// A probe.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProbeView {
    /// What its requests show, as `Authorization: Bearer` or `X-API-Key`; also its name here.
    credential: String,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Time,
}

/// What was seen of a probe's requests.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SightingsView {
    /// The requests, the first first.
    items: Vec<SightingView>,
    /// Requests beyond those kept.
    unseen: u64,
}

/// One request, as the gateway's check showed it.
#[derive(Debug, Serialize, ToSchema)]
struct SightingView {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    /// The id in the answer's `X-Request-Id`.
    request_id: String,
    /// Which gateway asked.
    gateway: String,
    /// The client address that counts; `null` when there is none.
    client_ip: Option<String>,
    /// Why there is none.
    client_ip_missing: Option<&'static str>,
    /// Whether it is one of the gateway's own proxies.
    client_ip_is_proxy: bool,
    /// The status that was answered.
    status: u16,
    /// The caller's method, as the gateway tells it.
    method: Option<String>,
    /// The path that the caller asked for, as the gateway tells it; without its query.
    target: Option<String>,
    /// Headers that say where the request comes from or who sent it: name and value.
    headers: Vec<(String, String)>,
}

impl From<Sighting> for SightingView {
    fn from(sighting: Sighting) -> Self {
        Self {
            at: sighting.at.into(),
            request_id: sighting.request_id.to_string(),
            gateway: sighting.gateway.to_string(),
            client_ip: sighting.client_ip.ok().map(|address| address.to_string()),
            client_ip_missing: sighting.client_ip.err().map(|why| why.code()),
            client_ip_is_proxy: sighting.client_ip_is_proxy,
            status: sighting.status,
            method: sighting.seen.method,
            target: sighting.seen.target,
            headers: sighting.seen.headers,
        }
    }
}

/// Orders a probe.
#[utoipa::path(
    post, path = "/v1/probes", tag = "probes", request_body = NewProbe,
    responses(
        (status = 201, description = "The probe", body = ProbeView),
        (status = 409, description = "There are 64 already"),
        (status = 422, description = "Not acceptable"),
    ),
    security(("management_token" = ["create:probes"]))
)]
pub(super) async fn create_probe(
    State(services): Shared,
    admitted: Admitted<CreateProbes>,
    body: RawBody,
) -> Result<Answer, Problem> {
    let new: NewProbe = read_json_or_default(&body)?;
    let answer = ProbeAnswer::ALL.into_iter().find(|answer| answer.status() == new.status);
    let wrong = |message: &str| Failure::unprocessable("invalid_field", message.to_owned());
    let answer = answer.ok_or_else(|| wrong("`status` must be 401, 403, 429 or 503"))?;
    let hold = Duration::from_millis(u64::from(new.hold_ms));
    if hold > HOLD_MAX {
        return Err(wrong("`hold_ms` is over 60000").into());
    }
    if !(1..=LIFE_S_MAX).contains(&new.life_s) {
        return Err(wrong("`life_s` must be 1 to 600").into());
    }
    let client = new.client_id.as_deref().map(ClientId::parse).transpose();
    let client = client.map_err(|error| wrong(&format!("`client_id` is {error}")))?;
    let credential = format!("{PROBE_PREFIX}{}", random_base62(RANDOM_LENGTH)?.as_str());
    let expires_at = admitted.now.plus_seconds(i64::from(new.life_s));
    let order = ProbeOrder { answer, hold, client, expires_at };
    services
        .probes
        .order(&credential, order, admitted.now)
        .map_err(|error| Failure::conflict("too_many_probes", error.to_string()))?;
    Ok(Answer::created(&ProbeView { credential, expires_at: expires_at.into() })?)
}

/// Shows what was seen of a probe's requests.
#[utoipa::path(
    get, path = "/v1/probes/{credential}", tag = "probes",
    params(("credential" = String, Path, description = "The probe's credential")),
    responses(
        (status = 200, description = "What was seen", body = SightingsView),
        (status = 404, description = "There is no such probe (any more)"),
    ),
    security(("management_token" = ["create:probes"]))
)]
pub(super) async fn get_probe(
    State(services): Shared,
    admitted: Admitted<CreateProbes>,
    Place(credential): Place<String>,
) -> Result<Answer, Problem> {
    let seen = services.probes.sightings(&credential, admitted.now);
    let (sightings, unseen) = seen.ok_or_else(|| not_found("probe"))?;
    let items = sightings.into_iter().map(SightingView::from).collect();
    Ok(Answer::ok(&SightingsView { items, unseen })?)
}

/// Ends a probe.
#[utoipa::path(
    delete, path = "/v1/probes/{credential}", tag = "probes",
    params(("credential" = String, Path, description = "The probe's credential")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "There is no such probe (any more)"),
    ),
    security(("management_token" = ["create:probes"]))
)]
pub(super) async fn delete_probe(
    State(services): Shared,
    _admitted: Admitted<CreateProbes>,
    Place(credential): Place<String>,
) -> Result<Answer, Problem> {
    if services.probes.end(&credential) {
        Ok(Answer::gone())
    } else {
        Err(not_found("probe").into())
    }
}
