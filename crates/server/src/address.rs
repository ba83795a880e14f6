//! The client address of requests on the public listener, by that listener's one rule.

use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};
use keyward_allowlist::{ClientIp, Connection, NoClientIp, client_address};
use keyward_gate::Headers;

use crate::services::Services;

/// Finds the client address of a request, or says why there is none.
///
/// # Errors
/// [`NoClientIp`]; a request that came through no listener of ours has no address either.
pub fn public_client_ip(services: &Services, parts: &Parts) -> Result<ClientIp, NoClientIp> {
    address_of(services, &parts.headers, &parts.extensions)
}

/// The same, for a request that has not been taken apart.
pub(crate) fn address_of(
    services: &Services,
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Result<ClientIp, NoClientIp> {
    let connection = extensions.get::<Connection>().ok_or(NoClientIp::NotResolved)?;
    client_address(
        connection.peer,
        connection.proxied.as_ref(),
        &Headers(headers),
        &services.public_address,
    )
}
