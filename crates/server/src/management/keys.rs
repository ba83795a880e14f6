//! `/api/v2/keys/signing`: the keys that sign tokens.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use keyward_core::jwk::Algorithm;
use keyward_core::time::Timestamp;
use keyward_store::{KeyStatus, SealedKey, SealedKeyKind};
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::management::query::{Query, invalid_query};
use crate::management::scopes::{ReadSigningKeys, RotateSigningKeys, UpdateSigningKeys};
use crate::management::{Admitted, ManagementFailure, Place, reply};
use crate::services::Services;
use crate::services::keys::{self, KeyChangeError, algorithm_of};
use crate::signing::Certificate;

type Shared = State<Arc<Services>>;

/// In which order keys are listed.
const ORDER: [KeyStatus; 4] =
    [KeyStatus::Current, KeyStatus::Next, KeyStatus::Previous, KeyStatus::Revoked];

impl From<KeyChangeError> for ManagementFailure {
    fn from(error: KeyChangeError) -> Self {
        let message = error.to_string();
        Self(match error {
            KeyChangeError::Unknown => {
                Failure::not_found("inexistent_signing_key", "The signing key does not exist")
            }
            KeyChangeError::InUse(_) => Failure::bad_request("operation_not_supported", message),
            KeyChangeError::TooMany(_) => Failure::conflict("too_many_keys", message),
            KeyChangeError::Store(error) => return error.into(),
            KeyChangeError::NoKey(_) | KeyChangeError::Signing(_) => Failure::internal(error),
        })
    }
}

pub(super) async fn list_signing_keys(
    State(services): Shared,
    _admitted: Admitted<ReadSigningKeys>,
    uri: Uri,
) -> Result<Response, ManagementFailure> {
    Query::read(&uri, &[])?;
    let keys = signing_keys(&services).await?;
    Ok(reply(StatusCode::OK, keys.iter().map(shown).collect::<Value>()))
}

pub(super) async fn get_signing_key(
    State(services): Shared,
    _admitted: Admitted<ReadSigningKeys>,
    Place(kid): Place<String>,
    uri: Uri,
) -> Result<Response, ManagementFailure> {
    Query::read(&uri, &[])?;
    let keys = signing_keys(&services).await?;
    let key = keys.iter().find(|key| key.id == kid).ok_or(KeyChangeError::Unknown)?;
    Ok(reply(StatusCode::OK, shown(key)))
}

/// Compat(auth0): its tenants have keys of one algorithm, ours of four. All move on, or the one that
/// the query names.
pub(super) async fn rotate_signing_keys(
    State(services): Shared,
    admitted: Admitted<RotateSigningKeys>,
    uri: Uri,
) -> Result<Response, ManagementFailure> {
    if !admitted.caller.has("update:signing_keys") {
        let message = "Insufficient scope, expected any of: update:signing_keys";
        return Err(Failure::forbidden("insufficient_scope", message).into());
    }
    let query = Query::read(&uri, &["alg"])?;
    let algorithms = match query.one("alg")? {
        None => Algorithm::ALL.to_vec(),
        Some(name) => vec![Algorithm::parse(name).ok_or_else(|| {
            invalid_query(&format!("No enum match for: {name}; RS256, ES256, PS256 or EdDSA"))
        })?],
    };
    let fresh = services.new_signing_keys(algorithms).await?;
    let mut tx = admitted.begin(&services).await?;
    keys::rotate(&mut tx, &fresh, admitted.now).await?;
    services.commit(tx).await?;
    let first = fresh.first().ok_or_else(|| Failure::internal("no key was made"))?;
    Ok(reply(StatusCode::CREATED, shown(first)))
}

pub(super) async fn revoke_signing_key(
    State(services): Shared,
    admitted: Admitted<UpdateSigningKeys>,
    Place(kid): Place<String>,
) -> Result<Response, ManagementFailure> {
    let mut tx = admitted.begin(&services).await?;
    let key = keys::revoke(&mut tx, &kid, admitted.now).await?;
    services.commit(tx).await?;
    Ok(reply(StatusCode::OK, shown(&key)))
}

async fn signing_keys(services: &Services) -> Result<Vec<SealedKey>, ManagementFailure> {
    let mut keys = services.store.sealed_keys().await?;
    keys.retain(|key| key.kind == SealedKeyKind::Signing);
    let place = |key: &SealedKey| ORDER.iter().position(|status| *status == key.status);
    keys.sort_by_key(|key| (place(key), algorithm_of(key)));
    Ok(keys)
}

fn shown(key: &SealedKey) -> Map<String, Value> {
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    put("kid", key.id.clone().into());
    put("alg", key.algorithm.clone().into());
    if let Some(der) = &key.certificate {
        let certificate = Certificate::of_der(der.clone());
        put("cert", certificate.pem().into());
        put("pkcs7", certificate.pkcs7().into());
        put("fingerprint", certificate.fingerprint().into());
        put("thumbprint", certificate.thumbprint().into());
    }
    for (name, status) in [
        ("current", KeyStatus::Current),
        ("next", KeyStatus::Next),
        ("previous", KeyStatus::Previous),
        ("revoked", KeyStatus::Revoked),
    ] {
        put(name, (key.status == status).into());
    }
    let is_current = key.status == KeyStatus::Current;
    let since = key.current_since.or(is_current.then_some(key.created_at));
    let moments = [
        ("current_since", since),
        ("current_until", key.current_until),
        ("revoked_at", key.revoked_at),
    ];
    for (name, moment) in moments {
        if let Some(moment) = moment {
            put(name, time(moment).into());
        }
    }
    shown
}

/// RFC 3339, as Auth0 writes it; `null` for what no such text can say.
fn time(moment: Timestamp) -> Option<String> {
    jiff::Timestamp::from_millisecond(moment.millis()).ok().map(|time| format!("{time:.3}"))
}
