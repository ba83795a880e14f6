//! What a bound token asks for besides itself, and what a new one is bound to.

use crate::decision::Reason;
use crate::dpop::{DpopFault, Once, Proof, token_hash};
use crate::policy::{ApiRecord, ClientRecord};
use crate::possession::{CertificateFault, Confirmation, Evidence, Mechanism, Thumbprint, is_same};
use crate::time::Timestamp;
use crate::token::VerifiedToken;

/// A token as it was shown.
#[derive(Clone, Copy)]
pub(super) struct ShownToken<'a> {
    pub(super) text: &'a str,
    /// Whether it was shown with the scheme of those bound to a key.
    pub(super) is_dpop: bool,
    pub(super) evidence: Evidence<'a>,
}

/// Whether somebody shows that the token is his; what must count once for it.
pub(super) fn prove(
    shown: ShownToken<'_>,
    token: &VerifiedToken,
    now: Timestamp,
) -> Result<Option<Once>, Reason> {
    if matches!(shown.evidence, Evidence::JudgedElsewhere) {
        return Ok(None);
    }
    let Some(bound) = token.confirmation.as_deref() else {
        return if shown.is_dpop { Err(Reason::UnboundToken) } else { Ok(None) };
    };
    if bound.is_unknown {
        return Err(Reason::UnprovenToken);
    }
    // Security: no downgrade. A token that is bound to a key is no bearer token, whatever proof
    // comes with it (RFC 9449 §7.2).
    match (bound.key, shown.is_dpop) {
        (Some(_), false) => return Err(Reason::UnprovenToken),
        (None, true) => return Err(Reason::UnboundToken),
        (Some(_), true) | (None, false) => {}
    }
    if let Some(wanted) = &bound.certificate {
        let told = certificate(shown.evidence)?.ok_or(Reason::UnprovenToken)?;
        if !is_same(wanted, &told) {
            return Err(Reason::Certificate(CertificateFault::Other));
        }
    }
    let Some(wanted) = &bound.key else { return Ok(None) };
    let proof = proof(shown.evidence, now)?.ok_or(Reason::UnprovenToken)?;
    if !is_same(wanted, &proof.key) {
        return Err(Reason::Proof(DpopFault::OtherKey));
    }
    let fits = proof.token_hash.is_some_and(|hash| is_same(&hash, &token_hash(shown.text)));
    if fits { Ok(Some(proof.once)) } else { Err(Reason::Proof(DpopFault::TokenHash)) }
}

/// Refuses what is not bound, where the API or the client itself wants nothing else now: a secret,
/// and a token that was issued before the rule was made.
pub(super) fn check_required(
    client: &ClientRecord,
    token: Option<&VerifiedToken>,
    api: Option<&ApiRecord>,
) -> Result<(), Reason> {
    let rule = api.and_then(|api| api.proof_of_possession);
    let by_api = rule.is_some_and(|rule| rule.requires(client.is_public));
    if !client.require_proof_of_possession && !by_api {
        return Ok(());
    }
    let bound = token.and_then(|token| token.confirmation.as_deref()).copied().unwrap_or_default();
    let fits = match rule.map(|rule| rule.mechanism) {
        Some(Mechanism::Dpop) => bound.key.is_some(),
        Some(Mechanism::Mtls) => bound.certificate.is_some(),
        None => bound.key.is_some() || bound.certificate.is_some(),
    };
    if fits { Ok(()) } else { Err(Reason::UnprovenToken) }
}

/// What a new token is bound to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bound {
    pub(super) to: Option<Confirmation>,
    pub(super) once: Option<Once>,
}

/// Binds a token that is asked for, as the API says.
///
/// Compat(auth0): only by the API's mechanism, and not at all where it has none; then a client
/// that wants bound tokens alone gets none.
pub(super) fn bind(
    client: &ClientRecord,
    api: &ApiRecord,
    evidence: Evidence<'_>,
    now: Timestamp,
) -> Result<Bound, Reason> {
    // A proof that is not good is refused where nothing would be bound to it, too: the client
    // believes that it has shown something.
    let proof = proof(evidence, now)?;
    let Some(rule) = &api.proof_of_possession else {
        let refused = client.require_proof_of_possession;
        return if refused { Err(Reason::NotBinding) } else { Ok(Bound::default()) };
    };
    let bound = match rule.mechanism {
        Mechanism::Dpop => proof.map(|proof| Bound {
            to: Some(Confirmation { key: Some(proof.key), ..Confirmation::default() }),
            once: Some(proof.once),
        }),
        Mechanism::Mtls => certificate(evidence)?.map(|told| Bound {
            to: Some(Confirmation { certificate: Some(told), ..Confirmation::default() }),
            once: proof.map(|proof| proof.once),
        }),
    };
    let required = client.require_proof_of_possession || rule.requires(client.is_public);
    match bound {
        None if required => Err(Reason::NothingToBind(rule.mechanism)),
        bound => Ok(bound.unwrap_or_default()),
    }
}

fn proof(evidence: Evidence<'_>, now: Timestamp) -> Result<Option<Proof>, Reason> {
    match evidence {
        Evidence::Shown(shown) => shown.proof(now).transpose().map_err(Reason::Proof),
        Evidence::None | Evidence::JudgedElsewhere => Ok(None),
    }
}

fn certificate(evidence: Evidence<'_>) -> Result<Option<Thumbprint>, Reason> {
    match evidence {
        Evidence::Shown(shown) => shown.certificate().transpose().map_err(Reason::Certificate),
        Evidence::None | Evidence::JudgedElsewhere => Ok(None),
    }
}
