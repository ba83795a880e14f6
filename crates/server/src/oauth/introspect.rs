//! Introspection (RFC 7662): whether a token or API key is good now, for an address if one is given.
//!
//! With `client_ip` the answer is for a caller at that address: what the gate would say. Without it
//! lists are not asked, and the answer only says that the credential itself is good.
//!
//! A client may ask about its own credentials. Whoever holds the scope [`INTROSPECT_SCOPE`] of the
//! management API may ask about all. Everything else, known or not, is `{"active":false}`.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use keyward_allowlist::{ClientIp, NoClientIp, parse_address};
use keyward_core::attempt::{Attempt, Credential, Door, Evidence, Required};
use keyward_core::decide::decide;
use keyward_core::decision::{Decision, Denial, Reason};
use keyward_core::id::ClientId;
use keyward_core::possession::Confirmation;
use keyward_core::secret::API_KEY_PREFIX;
use keyward_core::token::{Dialect, VerifiedToken};
use keyward_gate::credential::BasicBuffer;
use serde::Serialize;
use serde_json::Value;

use super::client::{decide_request, refuse};
use super::parameters::Parameters;
use super::reply::{Asked, OAuthError};
use super::request::OAuthRequest;
use super::throttle::Throttle;
use crate::possession::claim;
use crate::services::Services;

/// The scope of the management API with which one may ask about everybody's credentials.
pub const INTROSPECT_SCOPE: &str = "introspect:tokens";

/// Who asks.
enum Asker {
    /// Somebody who may ask about everybody.
    Operator,
    /// Somebody who may ask about himself.
    Client(ClientId),
}

impl Asker {
    fn may_see(&self, client: &ClientId) -> bool {
        match self {
            Self::Operator => true,
            Self::Client(own) => own == client,
        }
    }
}

/// The answer of RFC 7662 §2.2. Inactive is `{"active":false}` and nothing else.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Introspection {
    Active(Box<Active>),
    Inactive { active: bool },
}

#[derive(Serialize)]
pub(super) struct Active {
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    client_id: String,
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<String>,
    iss: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Value>,
}

/// Says what a credential is worth now.
pub(super) async fn introspect(
    State(services): State<Arc<Services>>,
    Extension(throttle): Extension<Arc<Throttle>>,
    request: OAuthRequest,
) -> Result<Json<Introspection>, OAuthError> {
    let mut asker = find_asker(&services, &throttle, &request);
    if request.wait_until_issued(&services).await {
        asker = find_asker(&services, &throttle, &request);
    }
    let asker = asker?;
    let shown = request.parameters.text("token").ok_or_else(|| OAuthError::missing("token"))?;
    let client_ip = client_ip(&request.parameters)?;
    let found = if shown.starts_with(API_KEY_PREFIX) {
        inspect_key(&services, shown, client_ip)?
    } else {
        inspect_token(&services, shown, client_ip)?
    };
    let seen = found.filter(|(client, _)| asker.may_see(client));
    Ok(Json(match seen {
        Some((_, active)) => Introspection::Active(Box::new(active)),
        None => Introspection::Inactive { active: false },
    }))
}

/// The address that is asked about, read as strictly as everywhere.
fn client_ip(parameters: &Parameters) -> Result<Option<ClientIp>, OAuthError> {
    let Some(text) = parameters.text("client_ip") else { return Ok(None) };
    let address = parse_address(text)
        .map_err(|_| OAuthError::invalid_request("client_ip must be one IP address"))?;
    Ok(Some(ClientIp::from(address)))
}

fn find_asker(
    services: &Services,
    throttle: &Throttle,
    request: &OAuthRequest,
) -> Result<Asker, OAuthError> {
    let mut buffer = BasicBuffer::new();
    let proof;
    let credential = if request.has_token() {
        request.bearer(&mut buffer)
    } else {
        proof = request.proof(services.now());
        proof.as_ref().map(|proof| proof.credential()).map_err(|fault| *fault)
    };
    let management = services.management_audience();
    let scopes = [INTROSPECT_SCOPE.to_owned()];
    let door =
        Door::Use(Required { audience: Some(&management), scopes: &scopes, ..Required::default() });
    let denial = match decide_request(services, request, credential, door) {
        Decision::Allow(permit) => {
            return match claim(services, &permit) {
                Ok(()) => Ok(Asker::Operator),
                Err(denial) => Err(refused(services, throttle, request, &denial)),
            };
        }
        Decision::Deny(denial) => denial,
    };
    let is_token = matches!(credential, Ok(Credential::Token(_) | Credential::DpopToken(_)));
    if !is_token && matches!(denial.reason, Reason::NoGrant | Reason::Scope) {
        let door = Door::Use(Required::default());
        return match decide_request(services, request, credential, door) {
            Decision::Allow(permit) => Ok(Asker::Client(permit.client)),
            Decision::Deny(denial) => Err(refused(services, throttle, request, &denial)),
        };
    }
    Err(refused(services, throttle, request, &denial))
}

fn refused(
    services: &Services,
    throttle: &Throttle,
    request: &OAuthRequest,
    denial: &Denial,
) -> OAuthError {
    let audience = services.management_audience();
    let asked = Asked { audience: &audience, missing_scopes: INTROSPECT_SCOPE };
    refuse(services, throttle, request, denial, asked)
}

type Found = Option<(ClientId, Active)>;

fn inspect_token(
    services: &Services,
    text: &str,
    client_ip: Option<ClientIp>,
) -> Result<Found, OAuthError> {
    let policy = &services.policy;
    let Ok(token) = policy.verify(&policy.generation(), text) else { return Ok(None) };
    // What nobody could show is worth nothing.
    if token.confirmation.as_deref().is_some_and(|bound| bound.is_unknown) {
        return Ok(None);
    }
    // Ours name one API each.
    let Some(audience) = token.audience.first() else { return Ok(None) };
    let door = Door::Use(Required { audience: Some(audience), ..Required::default() });
    let granted = || {
        let api = policy.api(audience)?;
        policy.read_client(&token.client, |client| {
            Some(client.grant_for(&api.id)?.scopes.narrow(&token.scope))
        })?
    };
    let scope = scope_now(services, Credential::Token(text), door, client_ip, granted)?;
    Ok(scope.map(|scope| (token.client.clone(), active_token(&token, audience, &scope))))
}

fn inspect_key(
    services: &Services,
    text: &str,
    client_ip: Option<ClientIp>,
) -> Result<Found, OAuthError> {
    let parts = keyward_core::secret::parse_api_key(text);
    let Some(client) = parts.and_then(|parts| ClientId::parse(parts.client).ok()) else {
        return Ok(None);
    };
    let door = Door::Use(Required::default());
    let granted =
        || services.policy.read_client(&client, |client| Arc::clone(client.all_scopes.text()));
    let scope = scope_now(services, Credential::ApiKey(text), door, client_ip, granted)?;
    let issuer = &services.issuer;
    Ok(scope.map(|scope| (client.clone(), active_key(&client, issuer, &scope))))
}

/// The scopes that a credential has now, or `None` when it is not good.
fn scope_now(
    services: &Services,
    credential: Credential<'_>,
    door: Door<'_>,
    client_ip: Option<ClientIp>,
    granted: impl FnOnce() -> Option<Arc<str>>,
) -> Result<Option<Arc<str>>, OAuthError> {
    let attempt = Attempt {
        credential: Ok(credential),
        client_ip: client_ip.ok_or(NoClientIp::NotResolved),
        // Whoever asks is told what it is bound to.
        evidence: Evidence::JudgedElsewhere,
        door,
    };
    match decide(&services.policy, &attempt, &*services.clock) {
        Decision::Allow(permit) => Ok(Some(permit.scope)),
        Decision::Deny(Denial { reason: Reason::Stale, .. }) => Err(OAuthError::unavailable()),
        // Nobody asked for an address: all that is left to judge then is the grant.
        Decision::Deny(Denial { reason: Reason::NoClientAddress(_), .. }) => {
            Ok(if client_ip.is_none() { granted() } else { None })
        }
        Decision::Deny(_) => Ok(None),
    }
}

fn active_token(token: &VerifiedToken, audience: &str, scope: &str) -> Active {
    let client_id = token.client.to_string();
    Active {
        active: true,
        scope: Some(scope.to_owned()).filter(|scope| !scope.is_empty()),
        sub: match token.dialect {
            Dialect::Auth0 => format!("{client_id}@clients"),
            Dialect::Rfc9068 => client_id.clone(),
        },
        client_id,
        token_type: match token.confirmation.as_deref() {
            Some(Confirmation { key: Some(_), .. }) => "DPoP",
            Some(_) | None => "Bearer",
        },
        exp: Some(token.expires_at.seconds()),
        iat: Some(token.issued_at.seconds()),
        aud: Some(audience.to_owned()),
        iss: token.issuer.to_string(),
        jti: token.jti.clone(),
        cnf: token.confirmation.as_deref().map(Confirmation::to_json),
    }
}

fn active_key(client: &ClientId, issuer: &str, scope: &str) -> Active {
    Active {
        active: true,
        scope: Some(scope.to_owned()).filter(|scope| !scope.is_empty()),
        client_id: client.to_string(),
        token_type: "api_key",
        exp: None,
        iat: None,
        sub: client.to_string(),
        aud: None,
        iss: issuer.to_owned(),
        jti: None,
        cnf: None,
    }
}
