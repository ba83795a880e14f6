//! Revocation (RFC 7009): of one token, or with `revoke_all=true` of all tokens of the client.
//!
//! When the answer is 200 the revocation is stored and every later decision is made by it. A token
//! that is unknown, expired or somebody else's is 200 as well, without effect: the caller wanted it
//! to be of no use to him, and it is not.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use keyward_core::decision::Permit;
use keyward_core::secret::API_KEY_PREFIX;
use keyward_core::time::Timestamp;
use keyward_core::token::VerifiedToken;
use keyward_gate::RequestId;
use keyward_store::Tx;

use super::client::authenticate_client;
use super::reply::OAuthError;
use super::request::OAuthRequest;
use super::throttle::Throttle;
use crate::caller::actor_of;
use crate::services::{LEEWAY_S, Services};

/// Revokes a token of the client that asks, or all of them.
pub(super) async fn revoke(
    State(services): State<Arc<Services>>,
    Extension(throttle): Extension<Arc<Throttle>>,
    request: OAuthRequest,
) -> Result<StatusCode, OAuthError> {
    // Security: first of all (RFC 7009 §2.1).
    let permit = authenticate_client(&services, &throttle, &request).await?;
    let all = request.parameters.flag("revoke_all")?;
    let shown = request.parameters.text("token");
    let now = services.now();
    if all && shown.is_some() {
        let told = "Either token or revoke_all=true, not both";
        return Err(OAuthError::invalid_request(told));
    }
    if all {
        revoke_all(&services, &permit, request.id, now).await?;
        return Ok(StatusCode::OK);
    }
    let shown = shown.ok_or_else(|| OAuthError::missing("token"))?;
    if shown.starts_with(API_KEY_PREFIX) {
        return Err(OAuthError::unsupported_token_type());
    }
    if let Some(token) = own_token(&services, &permit, shown, now) {
        let mut tx = begin(&services, &permit, request.id, now).await?;
        tx.revoke_token(token.token_id, token.expires_at, &token.client).await?;
        services.commit(tx).await?;
    }
    Ok(StatusCode::OK)
}

/// The token, when it is the client's and still of use to anybody.
fn own_token(
    services: &Services,
    permit: &Permit,
    shown: &str,
    now: Timestamp,
) -> Option<Arc<VerifiedToken>> {
    let policy = &services.policy;
    let token = policy.verify(&policy.generation(), shown).ok()?;
    let lives = now < token.expires_at.plus_seconds(i64::from(LEEWAY_S));
    let counts = lives && !policy.is_revoked(&token.token_id);
    (token.client == permit.client && counts).then_some(token)
}

async fn revoke_all(
    services: &Arc<Services>,
    permit: &Permit,
    request_id: RequestId,
    now: Timestamp,
) -> Result<(), OAuthError> {
    let mut tx = begin(services, permit, request_id, now).await?;
    // Gone since: then its tokens are refused as well.
    let Some(mut client) = tx.client(&permit.client).await? else { return Ok(()) };
    // Read anew: the write may have waited for its turn, and tokens were issued meanwhile.
    client.revoke_tokens(services.now());
    tx.update_client(&client).await?;
    services.commit(tx).await?;
    Ok(())
}

async fn begin(
    services: &Services,
    permit: &Permit,
    request_id: RequestId,
    now: Timestamp,
) -> Result<Tx, OAuthError> {
    Ok(services.store.begin(&actor_of(permit), &request_id.to_string(), now).await?)
}
