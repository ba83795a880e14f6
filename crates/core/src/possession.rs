//! Proof of possession: a token that is bound to a key or a certificate is worth nothing to whoever
//! cannot show that he holds it (RFC 7800, RFC 8705, RFC 9449).

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::dpop::{DpopFault, Proof};
use crate::jws::json::StrictJson;
use crate::time::Timestamp;

/// A SHA-256: of a key in the form of RFC 7638, or of a certificate in DER (RFC 8705 §3.1).
pub type Thumbprint = [u8; 32];

/// Members of `cnf`.
const KEY: &str = "jkt";
const CERTIFICATE: &str = "x5t#S256";

/// How the tokens of an API are bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// To the certificate of the client's TLS connection (RFC 8705).
    Mtls,
    /// To a key with which each request is signed (RFC 9449).
    Dpop,
}

impl Mechanism {
    /// Auth0's word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mtls => "mtls",
            Self::Dpop => "dpop",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Mtls, Self::Dpop].into_iter().find(|known| known.name() == text)
    }
}

/// Which clients an API's requirement is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequiredFor {
    /// Those that can keep no secret.
    PublicClients,
    /// All.
    AllClients,
}

impl RequiredFor {
    /// Auth0's word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PublicClients => "public_clients",
            Self::AllClients => "all_clients",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::PublicClients, Self::AllClients].into_iter().find(|known| known.name() == text)
    }
}

/// What an API says about bound tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProofOfPossession {
    /// How its tokens are bound when the client shows what they can be bound to.
    pub mechanism: Mechanism,
    /// Whether it gives no others.
    pub required: bool,
    /// To whom; everybody unless it says.
    pub required_for: Option<RequiredFor>,
}

impl ProofOfPossession {
    /// Whether such a client gets no token without proof.
    #[must_use]
    pub fn requires(&self, is_public: bool) -> bool {
        self.required && (is_public || self.required_for != Some(RequiredFor::PublicClients))
    }
}

/// What a token is bound to (`cnf`, RFC 7800 §3.1). All of it must be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Confirmation {
    /// The key that signs a DPoP proof (`jkt`, RFC 9449 §6.1).
    pub key: Option<Thumbprint>,
    /// The client certificate (`x5t#S256`, RFC 8705 §3.1).
    pub certificate: Option<Thumbprint>,
    /// Something else, which nobody can show here.
    pub is_unknown: bool,
}

impl Confirmation {
    /// The value of the claim.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut members = Map::new();
        for (name, value) in [(KEY, &self.key), (CERTIFICATE, &self.certificate)] {
            if let Some(value) = value {
                members.insert(name.to_owned(), URL_SAFE_NO_PAD.encode(value).into());
            }
        }
        Value::Object(members)
    }

    /// Reads the claim. What is not understood is kept in mind, never passed over.
    pub(crate) fn read(cnf: &StrictJson<'_>) -> Self {
        let mut read = Self::default();
        let StrictJson::Object(members) = cnf else { return Self { is_unknown: true, ..read } };
        for (name, value) in members {
            let thumbprint = value.as_text().and_then(thumbprint);
            match (name.as_ref(), thumbprint) {
                (KEY, Some(found)) => read.key = Some(found),
                (CERTIFICATE, Some(found)) => read.certificate = Some(found),
                _ => read.is_unknown = true,
            }
        }
        read.is_unknown |= members.is_empty();
        read
    }
}

/// Reads a SHA-256 in base64url.
pub(crate) fn thumbprint(text: &str) -> Option<Thumbprint> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// Whether two thumbprints are the same, in the same time for all.
pub(crate) fn is_same(one: &Thumbprint, other: &Thumbprint) -> bool {
    verify_slices_are_equal(one, other).is_ok()
}

/// Why a client certificate that is told cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CertificateFault {
    /// It is told more than once.
    #[error("more than one client certificate")]
    Several,
    /// It is not in the form in which it must be told.
    #[error("the client certificate cannot be read")]
    Malformed,
    /// It is not the one that the token is bound to.
    #[error("the client certificate is not the token's")]
    Other,
}

impl CertificateFault {
    /// A stable word for logs and metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Several => "certificate_several",
            Self::Malformed => "certificate_malformed",
            Self::Other => "certificate_other",
        }
    }
}

/// What a request shows besides its credential. Only asked when it matters: reading a proof costs
/// more than most decisions.
pub trait Possession: fmt::Debug {
    /// The DPoP proof, verified but for what only a token can tell; `None` when there is none.
    fn proof(&self, now: Timestamp) -> Option<Result<Proof, DpopFault>>;

    /// The thumbprint of the client certificate; `None` when there is none.
    fn certificate(&self) -> Option<Result<Thumbprint, CertificateFault>>;
}

/// Who judges whether a bound token is its holder's.
#[derive(Debug, Clone, Copy, Default)]
pub enum Evidence<'a> {
    /// The decision, and nothing is shown.
    #[default]
    None,
    /// The decision, by this.
    Shown(&'a dyn Possession),
    /// Somebody else, who is told what the token is bound to (RFC 9449 §6.2, RFC 8705 §3.2).
    ///
    /// Security: for introspection alone.
    JudgedElsewhere,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confirmation_reads_back_and_hides_nothing() {
        let both =
            Confirmation { key: Some([1; 32]), certificate: Some([2; 32]), is_unknown: false };
        let text = both.to_json().to_string();
        assert_eq!(Confirmation::read(&StrictJson::parse(text.as_bytes()).unwrap()), both);
        for text in [
            "{}",
            "1",
            "null",
            r#"{"jkt":"A"}"#,
            r#"{"jkt":1}"#,
            r#"{"jwk":{}}"#,
            r#"{"x5t#S256":""}"#,
            r#"{"jkt":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE","kid":"k"}"#,
        ] {
            let read = Confirmation::read(&StrictJson::parse(text.as_bytes()).unwrap());
            assert!(read.is_unknown, "{text}");
        }
    }

    #[test]
    fn words_read_back() {
        for mechanism in [Mechanism::Mtls, Mechanism::Dpop] {
            assert_eq!(Mechanism::parse(mechanism.name()), Some(mechanism));
        }
        for whom in [RequiredFor::PublicClients, RequiredFor::AllClients] {
            assert_eq!(RequiredFor::parse(whom.name()), Some(whom));
        }
        assert_eq!((Mechanism::parse("DPoP"), RequiredFor::parse("")), (None, None));
    }

    #[test]
    fn a_requirement_is_for_whom_it_names() {
        for (required, required_for, public, confidential) in [
            (false, None, false, false),
            (false, Some(RequiredFor::AllClients), false, false),
            (true, None, true, true),
            (true, Some(RequiredFor::AllClients), true, true),
            (true, Some(RequiredFor::PublicClients), true, false),
        ] {
            let rule = ProofOfPossession { mechanism: Mechanism::Dpop, required, required_for };
            assert_eq!((rule.requires(true), rule.requires(false)), (public, confidential));
        }
    }
}
