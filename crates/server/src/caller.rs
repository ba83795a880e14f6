//! Who calls the management API. A handler that takes a [`Caller`] cannot run without one, and
//! the caller's type names the scope, so a route without authorization does not compile.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use keyward_core::actor::Actor;
use keyward_core::attempt::{Attempt, Credential, CredentialFault, Door, Evidence, Required};
use keyward_core::decide::decide;
use keyward_core::decision::{Decision, Denial, Permit, Reason};
use keyward_core::dpop::DpopFault;
use keyward_core::id::ClientId;
use keyward_core::token::TokenFault;
use keyward_gate::credential::{BasicBuffer, credential};

use crate::address::public_client_ip;
use crate::failure::Failure;
use crate::possession::{Shown, claim};
use crate::request_log::RequestClient;
use crate::services::Services;

/// A permission that an operation asks for.
pub trait Scope: Send + Sync + 'static {
    /// Any one of these suffices.
    const NAMES: &'static [&'static str];
}

/// Declares types for scopes: `scopes! { pub ReadClients = "read:clients" | "read:client_keys"; }`.
#[macro_export]
macro_rules! scopes {
    ($($(#[$doc:meta])* $vis:vis $name:ident = $($scope:literal)|+;)+) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy)]
            $vis struct $name;

            impl $crate::caller::Scope for $name {
                const NAMES: &'static [&'static str] = &[$($scope),+];
            }
        )+
    };
}

/// A person at the machine itself, who drives the API in process. It can only be put into a
/// request by code of this process: extensions do not come over the wire.
#[derive(Debug, Clone)]
pub struct LocalOperator(pub Actor);

/// An authenticated caller that has the scope `S`.
#[derive(Debug, Clone)]
pub struct Caller<S: Scope> {
    actor: Actor,
    client: Option<ClientId>,
    scopes: Option<Arc<str>>,
    scope: PhantomData<S>,
}

impl<S: Scope> Caller<S> {
    /// Who writes.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The client whose token was shown; `None` for somebody at the machine itself.
    #[must_use]
    pub fn client(&self) -> Option<&ClientId> {
        self.client.as_ref()
    }

    /// Whether the caller has another scope as well. Somebody at the machine has all.
    #[must_use]
    pub fn has(&self, scope: &str) -> bool {
        self.scopes.as_ref().is_none_or(|all| all.split(' ').any(|have| have == scope))
    }
}

/// Why somebody is no caller, in the shape of the surface that was called.
#[derive(Debug)]
pub struct NoCaller {
    failure: Failure,
    auth0: bool,
}

impl IntoResponse for NoCaller {
    fn into_response(self) -> Response {
        if self.auth0 {
            crate::management::ManagementFailure(self.failure).into_response()
        } else {
            crate::v1::Problem(self.failure).into_response()
        }
    }
}

impl<S: Scope> FromRequestParts<Arc<Services>> for Caller<S> {
    type Rejection = NoCaller;

    async fn from_request_parts(
        parts: &mut Parts,
        services: &Arc<Services>,
    ) -> Result<Self, NoCaller> {
        if let Some(LocalOperator(actor)) = parts.extensions.get::<LocalOperator>() {
            let actor = actor.clone();
            return Ok(Self { actor, client: None, scopes: None, scope: PhantomData });
        }
        let auth0 = parts.uri.path().starts_with("/api/v2");
        authenticate::<S>(parts, services).map_err(|failure| NoCaller { failure, auth0 })
    }
}

/// The actor of an attempt that was allowed: a permit is the proof that it was authenticated.
#[must_use]
pub fn actor_of(permit: &Permit) -> Actor {
    Actor::client(&permit.client, permit.client_ip)
}

fn authenticate<S: Scope>(parts: &Parts, services: &Services) -> Result<Caller<S>, Failure> {
    let mut buffer = BasicBuffer::new();
    // Only tokens: a key or a Basic pair carries no audience that somebody chose for this API.
    let token = match credential(&parts.headers, &mut buffer) {
        Ok(token @ (Credential::Token(_) | Credential::DpopToken(_))) => Ok(token),
        Ok(
            Credential::Pair { .. }
            | Credential::ApiKey(_)
            | Credential::Assertion(_)
            | Credential::Certificate(_),
        ) => Err(CredentialFault::UnknownScheme),
        Err(fault) => Err(fault),
    };
    let audience = services.management_audience();
    let shown = Shown::new(services, parts);
    let attempt = Attempt {
        credential: token,
        client_ip: public_client_ip(services, parts),
        evidence: Evidence::Shown(&shown),
        door: Door::Use(Required { audience: Some(&audience), ..Required::default() }),
    };
    let permit = match decide(&services.policy, &attempt, &*services.clock) {
        Decision::Allow(permit) => permit,
        Decision::Deny(denial) => return Err(refusal(&denial)),
    };
    if let Some(known) = parts.extensions.get::<RequestClient>() {
        known.note(&permit.client);
    }
    let granted = |name: &&str| permit.scope.split(' ').any(|have| have == *name);
    if !S::NAMES.iter().any(granted) {
        // Compat(auth0): tools look for exactly these words.
        let names = S::NAMES.join(",");
        return Err(Failure::forbidden(
            "insufficient_scope",
            format!("Insufficient scope, expected any of: {names}"),
        ));
    }
    claim(services, &permit).map_err(|denial| refusal(&denial))?;
    Ok(Caller {
        actor: actor_of(&permit),
        client: Some(permit.client),
        scopes: Some(permit.scope),
        scope: PhantomData,
    })
}

/// A management caller learns as little of a refusal as any other.
fn refusal(denial: &Denial) -> Failure {
    match denial.reason {
        Reason::Stale | Reason::Proof(DpopFault::Full) => {
            Failure::unavailable("the policy is being loaded, try again")
        }
        Reason::Credential(CredentialFault::Several) | Reason::AmbiguousRequest => {
            Failure::bad_request("invalid_request", "send one credential, not several")
        }
        Reason::Credential(CredentialFault::Missing | CredentialFault::UnknownScheme) => {
            Failure::unauthorized("Missing authentication")
        }
        Reason::Token(TokenFault::Expired) => {
            Failure::unauthorized("Expired token received for JSON Web Token validation")
        }
        Reason::Address(_)
        | Reason::NoClientAddress(_)
        | Reason::NoGrant
        | Reason::Organization(_)
        | Reason::Scope => Failure::new(StatusCode::FORBIDDEN, "access_denied", "Access denied"),
        Reason::RateLimit | Reason::Quota => Failure::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_requests",
            "Global limit has been reached",
        ),
        Reason::Credential(
            CredentialFault::MalformedBearer
            | CredentialFault::MalformedBasic
            | CredentialFault::Assertion(_)
            | CredentialFault::MalformedCertificate,
        )
        | Reason::Assertion(_)
        | Reason::ReplayedAssertion
        | Reason::WrongCertificate
        | Reason::ExpiredCredential
        | Reason::UnknownClient
        | Reason::MalformedKey
        | Reason::WrongSecret
        | Reason::ExpiredSecret
        | Reason::Token(_)
        | Reason::UnprovenToken
        | Reason::UnboundToken
        | Reason::Proof(_)
        | Reason::Certificate(_)
        | Reason::NothingToBind(_)
        | Reason::NotBinding
        | Reason::RevokedToken
        | Reason::SuspendedClient
        | Reason::SuspendedAccount
        | Reason::MissingAudience
        | Reason::UnknownAudience
        | Reason::GrantType => Failure::unauthorized("Invalid token"),
    }
}
