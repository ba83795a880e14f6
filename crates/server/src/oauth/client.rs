//! Who asks: one decision at an OAuth endpoint, and how its denial is answered.

use keyward_core::attempt::{Attempt, Credential, CredentialFault, Door, Evidence, Required};
use keyward_core::decide::decide;
use keyward_core::decision::{Decision, Denial, Permit};

use super::reply::{Asked, OAuthError, refusal};
use super::request::OAuthRequest;
use super::throttle::Throttle;
use crate::logs::TOO_MANY_FAILURES;
use crate::possession::Shown;
use crate::services::Services;

/// Decides a request of a client at a door.
pub(super) fn decide_request(
    services: &Services,
    request: &OAuthRequest,
    credential: Result<Credential<'_>, CredentialFault>,
    door: Door<'_>,
) -> Decision {
    let shown = Shown::new(services, &request.parts);
    let evidence = Evidence::Shown(&shown);
    let attempt = Attempt { credential, client_ip: request.client_ip, evidence, door };
    let decision = decide(&services.policy, &attempt, &*services.clock);
    let client = match &decision {
        Decision::Allow(permit) => Some(&permit.client),
        Decision::Deny(denial) => denial.client.as_ref(),
    };
    let Some(client) = client else { return decision };
    request.is_of(client);
    // Security: an authentic assertion is used by being shown, whatever is decided then. So nobody
    // who saw a refused request can try its assertion elsewhere; and no endpoint can forget this.
    if let Ok(Credential::Assertion(shown)) = credential
        && let Err(reason) = request.use_assertion(services, shown.assertion)
    {
        let (client, revision) = (Some(client.clone()), services.policy.revision());
        return Decision::Deny(Denial { reason, client, revision });
    }
    decision
}

/// A client that shows who it is and is allowed from where it asks. Lists of its APIs, its account
/// and its own are asked, as everywhere.
pub(super) async fn authenticate_client(
    services: &Services,
    throttle: &Throttle,
    request: &OAuthRequest,
) -> Result<Permit, OAuthError> {
    let decided = decide_client(services, throttle, request);
    if request.wait_until_issued(services).await {
        return decide_client(services, throttle, request);
    }
    decided
}

fn decide_client(
    services: &Services,
    throttle: &Throttle,
    request: &OAuthRequest,
) -> Result<Permit, OAuthError> {
    let proof = request.proof(services.now());
    let credential = proof.as_ref().map(|proof| proof.credential()).map_err(|fault| *fault);
    let door = Door::Use(Required { is_authentication: true, ..Required::default() });
    match decide_request(services, request, credential, door) {
        Decision::Allow(permit) => Ok(permit),
        Decision::Deny(denial) => {
            Err(refuse(services, throttle, request, &denial, Asked::default()))
        }
    }
}

/// The answer to a denial. Too many bad credentials from one source become 429.
pub(super) fn refuse(
    services: &Services,
    throttle: &Throttle,
    request: &OAuthRequest,
    denial: &Denial,
    asked: Asked<'_>,
) -> OAuthError {
    let client_ip = request.client_ip.ok();
    tracing::info!(
        client.ip = client_ip.map(tracing::field::display),
        client.id = denial.client.as_ref().map(tracing::field::display),
        reason = denial.reason.code(),
        revision = denial.revision,
        "refused at an OAuth endpoint"
    );
    let error = refusal(denial.reason, services.disclosure, asked).because(denial.reason.code());
    if !error.is_bad_credential() {
        return error;
    }
    match throttle.count_failure(client_ip, services.clock.uptime_ms()) {
        Ok(()) => error,
        Err(retry_after_s) => {
            OAuthError::too_many_failures(retry_after_s).because(TOO_MANY_FAILURES)
        }
    }
}
