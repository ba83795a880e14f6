//! Claims on the wire: how each dialect writes and reads them.

use std::sync::Arc;

use super::{
    AUTH0_GRANT, AUTH0_SUBJECT_SUFFIX, Dialect, TokenClaims, TokenFault, TokenId, VerifiedToken,
};
use crate::id::{AccountId, ClientId};
use crate::jws::Verified;
use crate::jws::json::{ObjectText, StrictJson};
use crate::possession::Confirmation;
use crate::time::Timestamp;

/// The last moment a token may name, in seconds: the end of the year 9999. Larger numbers are a
/// mistake or an attempt to overflow something.
const SECONDS_MAX: i64 = 253_402_300_799;
/// The same bound for a number with a fraction.
const SECONDS_MAX_REAL: f64 = 253_402_300_799.0;

/// Writes the payload, Auth0's order first.
pub(super) fn write(claims: &TokenClaims, dialect: Dialect) -> String {
    let client = claims.client.to_string();
    let mut out = ObjectText::new();
    out.text("iss", &claims.issuer);
    match dialect {
        Dialect::Auth0 => out.text("sub", &format!("{client}{AUTH0_SUBJECT_SUFFIX}")),
        Dialect::Rfc9068 => out.text("sub", &client),
    }
    out.text("aud", &claims.audience);
    out.raw("iat", &claims.issued_at_s.to_string());
    out.raw("exp", &claims.expires_at_s.to_string());
    if let Some(scope) = &claims.scope {
        out.text("scope", scope);
    }
    match dialect {
        Dialect::Auth0 => {
            out.text("gty", AUTH0_GRANT);
            out.text("azp", &client);
        }
        Dialect::Rfc9068 => {
            out.text("client_id", &client);
            if let Some(jti) = &claims.jti {
                out.text("jti", jti);
            }
        }
    }
    if let Some((id, name)) = &claims.organization {
        out.text("org_id", id);
        out.text("org_name", name);
    }
    if let Some(permissions) = &claims.permissions {
        out.raw("permissions", &serde_json::Value::from(permissions.as_slice()).to_string());
    }
    if let Some(cnf) = &claims.cnf {
        out.raw("cnf", &cnf.to_string());
    }
    for (name, value) in &claims.extra {
        if !TokenClaims::is_reserved(name) {
            out.raw(name, &value.to_string());
        }
    }
    out.finish()
}

/// Reads and checks the payload of a verified JWS.
pub(super) fn read(
    jws: &Verified,
    dialect: Dialect,
    issuer: &str,
) -> Result<VerifiedToken, TokenFault> {
    let payload = StrictJson::parse(&jws.payload).map_err(|_| TokenFault::Payload)?;
    if !payload.is_object() {
        return Err(TokenFault::Payload);
    }
    // Exactly, character by character: `https://a/` and `https://a` are two issuers (RFC 8414 §3.3).
    if text(&payload, "iss")? != Some(issuer) {
        return Err(TokenFault::Issuer);
    }
    let client = client(&payload, dialect)?;
    let jti = text(&payload, "jti")?.filter(|jti| !jti.is_empty()).map(str::to_owned);
    if jti.is_none() && (dialect == Dialect::Rfc9068 || payload.get("jti").is_some()) {
        return Err(TokenFault::Claim("jti"));
    }
    let token_id = match &jti {
        Some(jti) => TokenId::of_jti(&client, jti),
        None => TokenId::of_signing_input(&jws.signing_input_digest),
    };
    Ok(VerifiedToken {
        token_id,
        dialect,
        kid: Arc::clone(&jws.kid),
        issuer: Arc::from(issuer),
        client,
        audience: audience(&payload)?,
        scope: text(&payload, "scope")?.unwrap_or_default().to_owned(),
        issued_at: moment(&payload, "iat")?.ok_or(TokenFault::Claim("iat"))?,
        expires_at: moment(&payload, "exp")?.ok_or(TokenFault::Claim("exp"))?,
        not_before: moment(&payload, "nbf")?,
        jti,
        organization: organization(&payload)?,
        confirmation: payload.get("cnf").map(|cnf| Box::new(Confirmation::read(cnf))),
    })
}

/// The one client that subject and client claims agree on.
fn client(payload: &StrictJson<'_>, dialect: Dialect) -> Result<ClientId, TokenFault> {
    let own_claim = match dialect {
        Dialect::Auth0 => "azp",
        Dialect::Rfc9068 => "client_id",
    };
    let named = text(payload, own_claim)?.ok_or(TokenFault::Claim(own_claim))?;
    let client = ClientId::parse(named).map_err(|_| TokenFault::Claim(own_claim))?;
    // The other dialect's claim is not needed, but it must not name somebody else.
    for claim in ["azp", "client_id"] {
        if text(payload, claim)?.is_some_and(|other| other != named) {
            return Err(TokenFault::Subject);
        }
    }
    let subject = text(payload, "sub")?.ok_or(TokenFault::Claim("sub"))?;
    let agrees = match dialect {
        Dialect::Auth0 => subject.strip_suffix(AUTH0_SUBJECT_SUFFIX) == Some(named),
        Dialect::Rfc9068 => subject == named,
    };
    if !agrees {
        return Err(TokenFault::Subject);
    }
    if dialect == Dialect::Auth0 && text(payload, "gty")? != Some(AUTH0_GRANT) {
        return Err(TokenFault::Claim("gty"));
    }
    Ok(client)
}

/// The account that the token is for.
fn organization(payload: &StrictJson<'_>) -> Result<Option<AccountId>, TokenFault> {
    let id = text(payload, "org_id")?.map(AccountId::parse).transpose();
    id.map_err(|_| TokenFault::Claim("org_id"))
}

/// `aud`: a string or a list of strings, none of them empty (RFC 7519 §4.1.3).
fn audience(payload: &StrictJson<'_>) -> Result<Vec<String>, TokenFault> {
    let listed = match payload.get("aud") {
        Some(one @ StrictJson::Text(_)) => std::slice::from_ref(one),
        Some(StrictJson::List(list)) if !list.is_empty() => list.as_slice(),
        Some(_) | None => return Err(TokenFault::Audience),
    };
    listed
        .iter()
        .map(|one| {
            let name = one.as_text().filter(|name| !name.is_empty());
            name.map(str::to_owned).ok_or(TokenFault::Audience)
        })
        .collect()
}

/// A claim that is a string when it is there. Another type is a fault, never "absent".
fn text<'a>(
    payload: &'a StrictJson<'_>,
    name: &'static str,
) -> Result<Option<&'a str>, TokenFault> {
    match payload.get(name) {
        None => Ok(None),
        Some(StrictJson::Text(value)) => Ok(Some(value)),
        Some(_) => Err(TokenFault::Claim(name)),
    }
}

/// A `NumericDate` (RFC 7519 §2): seconds since the Unix epoch, perhaps with a fraction.
fn moment(payload: &StrictJson<'_>, name: &'static str) -> Result<Option<Timestamp>, TokenFault> {
    match payload.get(name) {
        None => Ok(None),
        Some(StrictJson::Integer(seconds)) if (0..=SECONDS_MAX).contains(seconds) => {
            Ok(Some(Timestamp::from_seconds(*seconds)))
        }
        Some(StrictJson::Real(seconds)) => {
            millis(*seconds).map(Some).ok_or(TokenFault::Claim(name))
        }
        Some(_) => Err(TokenFault::Claim(name)),
    }
}

fn millis(seconds: f64) -> Option<Timestamp> {
    if !(0.0..=SECONDS_MAX_REAL).contains(&seconds) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked against the bound above")]
    let millis = (seconds * 1000.0).floor() as i64;
    Some(Timestamp::from_millis(millis))
}
