//! Clients that show a key or a certificate in place of a secret.

use std::sync::LazyLock;

use serde_json::json;

use crate::attempt::{ShownAssertion, ShownCertificate};
use crate::client::credential::{AssertionAlgorithm, AssertionKey, AuthenticationMethod};
use crate::client_assertion::AssertionFault;
use crate::decision::{Reason, Shown};
use crate::policy::{Authenticator, ClientRecord, CredentialRecord, ProofRecord};
use crate::time::Timestamp;

/// Whether a signed assertion is that of a client; `None` for one that does not exist.
///
/// A signature is checked in any case, so that time does not tell which clients there are.
pub(super) fn check_assertion(
    record: Option<&ClientRecord>,
    issuer: &str,
    shown: ShownAssertion<'_>,
    now: Timestamp,
) -> Result<Shown, Reason> {
    let assertion = shown.assertion;
    let method = AuthenticationMethod::PrivateKeyJwt;
    let credentials = record.and_then(|record| credentials_for(record, method)).unwrap_or_default();
    let kid = assertion.kid.as_deref();
    let fitting = credentials.iter().filter_map(|credential| match &credential.proof {
        // Security: the credential decides the algorithm; the header may only agree
        // (RFC 8725 §3.1).
        ProofRecord::Key { kid: own, key }
            if key.algorithm() == assertion.algorithm && kid.is_none_or(|kid| *kid == **own) =>
        {
            Some((credential, key))
        }
        ProofRecord::Key { .. } | ProofRecord::Subject(_) | ProofRecord::Thumbprint(_) => None,
    });
    let fault = |fault| Err(Reason::Assertion(fault));
    let message = assertion.signing_input().as_bytes();
    let mut tried = false;
    let mut signer: Option<&CredentialRecord> = None;
    for (credential, key) in fitting {
        tried = true;
        if key.verifies(message, assertion.signature()) {
            signer = Some(credential);
        }
    }
    if !tried {
        if let Some(key) = decoy(assertion.algorithm) {
            let _ = key.verifies(message, assertion.signature());
        }
        return if record.is_none() {
            Err(Reason::UnknownClient)
        } else {
            fault(AssertionFault::UnknownKey)
        };
    }
    let Some(signer) = signer else { return fault(AssertionFault::Signature) };
    if shown.client.is_some_and(|named| named != assertion.client) {
        return fault(AssertionFault::Client);
    }
    let token_endpoint = assertion.audience.strip_prefix(issuer);
    if !token_endpoint.is_some_and(|rest| matches!(rest, "" | "oauth/token")) {
        return fault(AssertionFault::Audience);
    }
    assertion.check_time(now).map_err(Reason::Assertion)?;
    live(signer, now)
}

/// Whether a certificate is that of a client.
pub(super) fn check_certificate(
    record: &ClientRecord,
    shown: ShownCertificate<'_>,
    now: Timestamp,
) -> Result<Shown, Reason> {
    let Some(authenticator) = record.authenticator.as_deref() else {
        return Err(Reason::WrongCertificate);
    };
    // RFC 8705 §2.1 wants a verified chain, and §2.2 none: there the certificate itself is known.
    let chain_suffices = match authenticator.method {
        AuthenticationMethod::TlsClientAuth => shown.chain_verified,
        AuthenticationMethod::SelfSignedTlsClientAuth => true,
        AuthenticationMethod::PrivateKeyJwt => false,
    };
    let found = authenticator.credentials.iter().find(|credential| match &credential.proof {
        ProofRecord::Subject(subject) => **subject == *shown.subject,
        ProofRecord::Thumbprint(thumbprint) => thumbprint == shown.thumbprint,
        ProofRecord::Key { .. } => false,
    });
    match found {
        Some(credential) if chain_suffices && shown.is_current => live(credential, now),
        Some(_) | None => Err(Reason::WrongCertificate),
    }
}

fn credentials_for(
    record: &ClientRecord,
    method: AuthenticationMethod,
) -> Option<&[CredentialRecord]> {
    let authenticator: &Authenticator = record.authenticator.as_deref()?;
    (authenticator.method == method).then_some(authenticator.credentials.as_slice())
}

fn live(credential: &CredentialRecord, now: Timestamp) -> Result<Shown, Reason> {
    if now >= credential.expires_at {
        return Err(Reason::ExpiredCredential);
    }
    Ok(Shown::Credential(credential.id.clone()))
}

/// A key whose check costs what that of a client's key does, and whose answer nobody looks at: the
/// examples of RFC 7515 (appendix A) and RFC 8037 (appendix A).
fn decoy(algorithm: AssertionAlgorithm) -> Option<&'static AssertionKey> {
    static KEYS: LazyLock<Vec<AssertionKey>> = LazyLock::new(|| {
        let rsa = json!({ "kty": "RSA", "e": "AQAB", "n": RSA_MODULUS });
        let p256 = json!({
            "kty": "EC",
            "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        });
        let ed25519 = json!({
            "kty": "OKP",
            "crv": "Ed25519",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        });
        let key = |algorithm| {
            let jwk = match algorithm {
                AssertionAlgorithm::Rs256
                | AssertionAlgorithm::Rs384
                | AssertionAlgorithm::Ps256 => &rsa,
                AssertionAlgorithm::Es256 => &p256,
                AssertionAlgorithm::EdDsa => &ed25519,
            };
            AssertionKey::new(jwk, algorithm).ok()
        };
        AssertionAlgorithm::ALL.into_iter().filter_map(key).collect()
    });
    KEYS.iter().find(|key| key.algorithm() == algorithm)
}

const RSA_MODULUS: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJ\
rcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpa\
SHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH\
7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_decoy_for_every_algorithm() {
        for algorithm in AssertionAlgorithm::ALL {
            assert_eq!(decoy(algorithm).map(AssertionKey::algorithm), Some(algorithm));
        }
    }
}
