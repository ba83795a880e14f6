//! What a check asks, whatever way it came.

use http::HeaderMap;
use http::header::{HeaderName, ORIGIN};
use keyward_allowlist::{ClientAddressRule, ClientIp, NoClientIp};
use keyward_core::attempt::{Credential, CredentialFault};
use keyward_core::gateway::GatewayKind;
use keyward_core::gateway::opening::Asked;
use keyward_core::possession::{CertificateFault, Thumbprint};

use crate::lines::Line;
use crate::possession::Place;
use crate::probes::Seen;

/// A request for a decision. Everything is read from where this gateway, by its kind, writes it.
pub(crate) trait CheckRequest {
    /// The one credential.
    fn credential(&self) -> Result<Credential<'_>, CredentialFault>;

    /// The client address by the gateway's rule.
    fn client_ip(&self, rule: &ClientAddressRule) -> Result<ClientIp, NoClientIp>;

    /// What the caller asked the application for.
    fn asked(&self, kind: GatewayKind) -> Result<Asked<'_>, Ambiguous>;

    /// The header with the DPoP proof.
    fn proof(&self) -> Line<'_>;

    /// At which scheme and host the caller asked; `None` when nobody says so who can be believed.
    fn place(&self, kind: GatewayKind) -> Option<Place<'_>>;

    /// The caller's client certificate; `None` when there is none.
    fn certificate(&self, kind: GatewayKind) -> Option<Result<Thumbprint, CertificateFault>>;

    /// What the route asks for beyond the gateway.
    fn narrowing(&self) -> Result<Narrowed<'_>, Ambiguous>;

    /// What a probe is shown.
    fn seen(&self, kind: GatewayKind) -> Seen;
}

/// Something that must stand there once stands there twice, or cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ambiguous;

/// What a route asks for; nothing, mostly, and then nothing is allocated.
#[derive(Debug, Default)]
pub(crate) struct Narrowed<'a> {
    pub(crate) audiences: Vec<&'a str>,
    pub(crate) scopes: Vec<&'a str>,
}

/// The most words of a route's narrowing; more are ambiguous.
const NARROWING_WORDS_MAX: usize = 64;

const X_REQUIRE_AUDIENCE: HeaderName = HeaderName::from_static("x-require-audience");
const X_REQUIRE_SCOPE: HeaderName = HeaderName::from_static("x-require-scope");
const REQUEST_METHOD: HeaderName = HeaderName::from_static("access-control-request-method");

impl<'a> Narrowed<'a> {
    /// Reads `X-Require-Audience` and `X-Require-Scope`, space separated, all lines of them.
    pub(crate) fn from_headers(headers: &'a HeaderMap) -> Result<Self, Ambiguous> {
        let mut narrowed = Self::default();
        for (name, words) in [
            (&X_REQUIRE_AUDIENCE, &mut narrowed.audiences),
            (&X_REQUIRE_SCOPE, &mut narrowed.scopes),
        ] {
            for line in headers.get_all(name) {
                add_words(words, line.to_str().map_err(|_| Ambiguous)?)?;
            }
        }
        Ok(narrowed)
    }

    /// Adds what a route's own settings say.
    #[cfg(feature = "grpc")]
    pub(crate) fn add(&mut self, audiences: &'a str, scopes: &'a str) -> Result<(), Ambiguous> {
        add_words(&mut self.audiences, audiences)?;
        add_words(&mut self.scopes, scopes)
    }
}

fn add_words<'a>(words: &mut Vec<&'a str>, text: &'a str) -> Result<(), Ambiguous> {
    words.extend(text.split(' ').filter(|word| !word.is_empty()));
    if words.len() > NARROWING_WORDS_MAX { Err(Ambiguous) } else { Ok(()) }
}

/// Whether a request has both headers of a preflight.
pub(crate) fn has_preflight_headers(headers: &HeaderMap) -> bool {
    headers.contains_key(ORIGIN) && headers.contains_key(REQUEST_METHOD)
}
