//! The token endpoint (RFC 6749 §4.4, client credentials).

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use keyward_core::attempt::{Door, TokenRequest};
use keyward_core::client::CLIENT_CREDENTIALS;
use keyward_core::decision::{Decision, Denial, Permit, Reason};
use keyward_core::id::ClientId;
use keyward_core::policy::ApiRecord;
use keyward_core::possession::Confirmation;
use keyward_core::tenant::ResourceParameter;
use keyward_core::time::Timestamp;
use keyward_core::token::{Dialect, TokenClaims, TokenId};
use serde::Serialize;
use serde_json::{Map, Value};

use super::actions::ask_actions;
use super::client::{decide_request, refuse};
use super::parameters::Parameters;
use super::quota::write_standing;
use super::reply::{Asked, OAuthError};
use super::request::OAuthRequest;
use super::throttle::Throttle;
use crate::logs::{TokenOutcome, note_token};
use crate::possession::claim;
use crate::services::Services;
use crate::signing::random_base62;

/// Characters of a `jti`: 131 bits.
const TOKEN_ID_LENGTH: usize = 22;
/// How long a request may be held until a token can be told from those revoked just before, in
/// milliseconds. Longer happens only when the clock was set back.
const PAUSE_MS_MAX: i64 = 1_000;
/// How often a request is taken through Actions anew because others were bound meanwhile.
const FLOW_CHANGES_MAX: u32 = 3;

/// The answer of RFC 6749 §5.1.
#[derive(Serialize)]
pub(super) struct TokenAnswer {
    access_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    expires_in: u32,
    token_type: &'static str,
}

/// What a request asks for, well formed.
struct Wanted<'a> {
    audience: Option<&'a str>,
    scope: Option<&'a str>,
    organization: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    fn read(services: &Services, parameters: &'a Parameters) -> Result<Self, OAuthError> {
        match parameters.text("grant_type") {
            Some(CLIENT_CREDENTIALS) => {}
            Some(_) => return Err(OAuthError::unsupported_grant_type()),
            None => return Err(OAuthError::missing("grant_type")),
        }
        Ok(Self {
            audience: audience(services, parameters)?,
            scope: parameters.text("scope"),
            organization: parameters.text("organization"),
        })
    }
}

/// The API that is asked for: `audience`, or `resource` (RFC 8707) where the tenant takes it.
fn audience<'a>(
    services: &Services,
    parameters: &'a Parameters,
) -> Result<Option<&'a str>, OAuthError> {
    let generation = services.policy.generation();
    let taken = generation.tenant.as_ref().map(|tenant| tenant.resource_parameter);
    match (taken.unwrap_or_default(), parameters.text("audience"), parameters.text("resource")) {
        (ResourceParameter::Audience, None, Some(_)) => {
            // Passed over, it would end in a token for the default API, which nobody asked for.
            let message = "The parameter resource is not taken here: name the API in audience";
            Err(OAuthError::invalid_target(message))
        }
        (ResourceParameter::Compatibility, Some(audience), Some(resource))
            if audience != resource =>
        {
            Err(OAuthError::invalid_request("audience and resource differ"))
        }
        (ResourceParameter::Compatibility, None, resource) => Ok(resource),
        (_, audience, _) => Ok(audience),
    }
}

/// A token with the headers that tell of quotas, or why there is none.
type TokenResult = Result<(HeaderMap, Json<TokenAnswer>), OAuthError>;

/// Issues an access token.
///
/// Signing stays on this thread: it takes at most about a millisecond (RSA; the curves a tenth),
/// and handing it to the pool for blocking work would let a burst of token requests crowd the
/// cores with hundreds of threads while decisions of the gate wait.
pub(super) async fn issue_token(
    State(services): State<Arc<Services>>,
    Extension(throttle): Extension<Arc<Throttle>>,
    request: OAuthRequest,
) -> TokenResult {
    let answer = answer(&services, &throttle, &request).await;
    if let Err(error) = &answer {
        note_refusal(&services, &request, error);
    }
    answer
}

async fn answer(
    services: &Arc<Services>,
    throttle: &Throttle,
    request: &OAuthRequest,
) -> TokenResult {
    let wanted = Wanted::read(services, &request.parameters)?;
    // Security: read before it is decided, so that all tokens that a revocation in between is to
    // end include this one.
    let mut issued_at = services.now();
    let mut admitted = admit(services, throttle, request, &wanted);
    if request.wait_until_issued(services).await {
        issued_at = services.now();
        admitted = admit(services, throttle, request, &wanted);
    }
    let (mut permit, mut api) = admitted?;
    if let Some((pause, end)) = pause_after_revocation(services, &permit.client, issued_at)? {
        tokio::time::sleep(pause).await;
        // The machine's clock may lag behind the pause by a hair.
        issued_at = services.now().max(end);
        // The policy may have changed meanwhile.
        (permit, api) = admit(services, throttle, request, &wanted)?;
    }
    // Given back when what follows fails.
    let counted = services
        .take_quota(&permit, issued_at)
        .map_err(|exceeded| OAuthError::quota_exceeded(&exceeded, issued_at))?;
    let mut said = ask_actions(services, request, &permit, &api).await?;
    // Security: what changed while they ran counts, and what was bound meanwhile is asked as well.
    let mut asked = permit.flow.take();
    (permit, api) = admit(services, throttle, request, &wanted)?;
    for _ in 0..FLOW_CHANGES_MAX {
        if permit.flow == asked {
            break;
        }
        said = ask_actions(services, request, &permit, &api).await?;
        asked = permit.flow.take();
        (permit, api) = admit(services, throttle, request, &wanted)?;
    }
    if permit.flow != asked {
        return Err(OAuthError::unavailable());
    }
    let scope = scope(services, request, &wanted, &permit, said.scopes.as_deref());
    let claims = claims(services, &permit, &api, (issued_at, &scope, said.claims))?;
    claim(services, &permit)
        .map_err(|denial| refuse(services, throttle, request, &denial, Asked::default()))?;
    let is_admitted_still = || {
        let (permit, _) = admit(services, throttle, request, &wanted)?;
        if permit.flow == asked { Ok(()) } else { Err(OAuthError::unavailable()) }
    };
    let (access_token, claims) = sign(services, &api, claims, is_admitted_still).await?;
    let mut headers = HeaderMap::new();
    if let Some(counted) = counted {
        write_standing(&mut headers, counted.standing());
        services.settle_quota(&permit.client, counted);
    }
    tracing::info!(
        client.ip = permit.client_ip.map(tracing::field::display),
        client.id = %permit.client,
        api = %api.identifier,
        would_deny = permit.would_deny.map(Reason::code),
        revision = permit.revision,
        "issued a token"
    );
    let (client, scope) = (&permit.client, claims.scope.as_deref());
    let execution = said.execution.as_deref();
    let issued = TokenOutcome::Issued { client, audience: &api.identifier, scope, execution };
    note_token(services, (request.id, &request.origin), services.now(), &issued);
    let answer = TokenAnswer {
        access_token,
        scope: claims.scope,
        expires_in: api.token_lifetime_s,
        token_type: match permit.confirmation.as_deref() {
            Some(Confirmation { key: Some(_), .. }) => "DPoP",
            Some(_) | None => "Bearer",
        },
    };
    Ok((headers, Json(answer)))
}

/// Tells the log of a refusal what the caller got and, beside it, why.
fn note_refusal(services: &Services, request: &OAuthRequest, refused: &OAuthError) {
    let shown = request.client_shown();
    let (error, description) = refused.told();
    let outcome = TokenOutcome::Refused {
        client: shown.as_ref().map_err(String::as_str),
        audience: request.parameters.text("audience"),
        error,
        description,
        reason: refused.reason(),
        execution: refused.execution(),
    };
    note_token(services, (request.id, &request.origin), services.now(), &outcome);
}

/// The scopes of the token: those that the request gets, or those that an Action asks for as far as
/// the client's grant has them.
fn scope(
    services: &Services,
    request: &OAuthRequest,
    wanted: &Wanted<'_>,
    permit: &Permit,
    said: Option<&[String]>,
) -> Arc<str> {
    let Some(said) = said else { return Arc::clone(&permit.scope) };
    let default_audience = services.policy.generation().default_audience().map(str::to_owned);
    let audience = wanted.audience.or(default_audience.as_deref());
    let all = TokenRequest { audience, scope: None, organization: wanted.organization };
    let Decision::Allow(all) = decide_token(services, request, all) else { return "".into() };
    let kept = all.scope.split(' ').filter(|one| said.iter().any(|scope| scope == one));
    kept.collect::<Vec<_>>().join(" ").into()
}

/// Decides the request.
fn admit(
    services: &Services,
    throttle: &Throttle,
    request: &OAuthRequest,
    wanted: &Wanted<'_>,
) -> Result<(Permit, Arc<ApiRecord>), OAuthError> {
    let default_audience = services.policy.generation().default_audience().map(str::to_owned);
    let audience = wanted.audience.or(default_audience.as_deref());
    let asked = TokenRequest { audience, scope: wanted.scope, organization: wanted.organization };
    match decide_token(services, request, asked) {
        Decision::Allow(permit) => {
            let api = permit.api.clone().ok_or_else(OAuthError::unavailable)?;
            Ok((permit, api))
        }
        Decision::Deny(denial) => {
            let missing = missing_scopes(services, request, asked, &denial);
            let asked = Asked { audience: audience.unwrap_or_default(), missing_scopes: &missing };
            Err(refuse(services, throttle, request, &denial, asked))
        }
    }
}

fn decide_token(services: &Services, request: &OAuthRequest, asked: TokenRequest<'_>) -> Decision {
    let proof = request.proof(services.now());
    let credential = proof.as_ref().map(|proof| proof.credential()).map_err(|fault| *fault);
    decide_request(services, request, credential, Door::Token(asked))
}

/// Which scopes the refusal names: those asked for that the client would not get without asking.
fn missing_scopes(
    services: &Services,
    request: &OAuthRequest,
    asked: TokenRequest<'_>,
    denial: &Denial,
) -> String {
    let Some(scope) = asked.scope.filter(|_| denial.reason == Reason::Scope) else {
        return String::new();
    };
    let everything = TokenRequest { scope: None, ..asked };
    let Decision::Allow(all) = decide_token(services, request, everything) else {
        return String::new();
    };
    let missing = scope.split(' ').filter(|one| !all.scope.split(' ').any(|have| have == *one));
    missing.collect::<Vec<_>>().join(" ")
}

/// How long to wait until a token for this client is not refused as revoked, and the moment then:
/// `iat` has no fractions, so a token of the second of a revocation counts as revoked with the rest.
fn pause_after_revocation(
    services: &Services,
    client: &ClientId,
    issued_at: Timestamp,
) -> Result<Option<(Duration, Timestamp)>, OAuthError> {
    let Some(revoked) = services.policy.read_client(client, |client| client.tokens_not_before)
    else {
        return Ok(None);
    };
    let end = Timestamp::from_seconds(revoked.seconds().saturating_add(1));
    let wait_ms = end.millis().saturating_sub(issued_at.millis());
    match u64::try_from(wait_ms) {
        Ok(0) | Err(_) => Ok(None),
        Ok(wait_ms) if wait_ms <= PAUSE_MS_MAX.unsigned_abs() => {
            Ok(Some((Duration::from_millis(wait_ms), end)))
        }
        Ok(_) => Err(OAuthError::unavailable()),
    }
}

fn claims(
    services: &Services,
    permit: &Permit,
    api: &ApiRecord,
    (issued_at, scope, extra): (Timestamp, &str, Map<String, Value>),
) -> Result<TokenClaims, OAuthError> {
    let issued_at_s = issued_at.seconds();
    let jti = match api.dialect {
        Dialect::Auth0 => None,
        Dialect::Rfc9068 => Some(new_token_id()?),
    };
    let organization = permit.token.as_ref().and_then(|terms| terms.organization.as_ref());
    let scopes = scope.split(' ').filter(|scope| !scope.is_empty());
    Ok(TokenClaims {
        issuer: Arc::from(services.issuer.as_str()),
        client: permit.client.clone(),
        audience: api.identifier.clone(),
        scope: Some(scope.to_owned()).filter(|scope| !scope.is_empty()),
        issued_at_s,
        expires_at_s: issued_at_s.saturating_add(i64::from(api.token_lifetime_s)),
        jti,
        organization: organization.map(|one| (one.id.to_string(), one.name.to_string())),
        permissions: api.permissions_claim.then(|| scopes.map(str::to_owned).collect()),
        cnf: permit.confirmation.as_deref().map(Confirmation::to_json),
        extra,
    })
}

/// A signed token that is not revoked.
///
/// Security: where it has to wait, `is_admitted_still` decides anew after the pause. All tokens
/// that a revocation in between is to end must not be outlived by one that slept through it.
async fn sign(
    services: &Services,
    api: &ApiRecord,
    mut claims: TokenClaims,
    is_admitted_still: impl FnOnce() -> Result<(), OAuthError>,
) -> Result<(String, TokenClaims), OAuthError> {
    let issue = |claims: &TokenClaims| {
        services.issue_token(api.signing_algorithm, api.dialect, claims).map_err(|error| {
            tracing::error!(%error, api = %api.identifier, "a token could not be signed");
            OAuthError::unavailable()
        })
    };
    let token = issue(&claims)?;
    // Auth0's dialect has no `jti`, so a second token with the same claims is the same token, and
    // one that was revoked within its second would come back as revoked.
    if api.dialect != Dialect::Auth0 || !is_revoked(services, &token) {
        return Ok((token, claims));
    }
    tokio::time::sleep(until_next_second(services.now())).await;
    is_admitted_still()?;
    claims.issued_at_s = claims.issued_at_s.saturating_add(1);
    claims.expires_at_s = claims.expires_at_s.saturating_add(1);
    Ok((issue(&claims)?, claims))
}

/// Whether a token without `jti` is revoked.
fn is_revoked(services: &Services, token: &str) -> bool {
    let Some((signing_input, _)) = token.rsplit_once('.') else { return false };
    let mut digest = [0; 32];
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, signing_input.as_bytes());
    digest.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    services.policy.is_revoked(&TokenId::of_signing_input(&digest))
}

fn until_next_second(now: Timestamp) -> Duration {
    let into_ms = now.millis().rem_euclid(1_000).unsigned_abs();
    Duration::from_millis(1_000_u64.saturating_sub(into_ms))
}

fn new_token_id() -> Result<String, OAuthError> {
    let id = random_base62(TOKEN_ID_LENGTH).map_err(|error| {
        tracing::error!(%error, "no token id could be drawn");
        OAuthError::unavailable()
    })?;
    Ok(id.to_string())
}
