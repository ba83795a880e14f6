//! Gateways: the registered enforcement points, each with its one rule for the client address and
//! its own way to show that it is who it says.

pub mod kind;
pub mod opening;
pub mod patch;

use std::fmt;

use keyward_allowlist::{Network, Source};

pub use kind::{CertificateForm, GatewayKind, OriginalPlace, OriginalRequest, Protocol};

use crate::client::State;
use crate::id::GatewayId;
use crate::secret::ClientSecret;
use crate::time::Timestamp;

/// What gateway tokens begin with, so that scanners know them.
pub const GATEWAY_TOKEN_PREFIX: &str = "kwg_";
/// The headers that say who called, in the order in which they are told. Keyward writes all of them
/// whenever it lets a request in, and nobody else's may reach an application.
pub const IDENTITY_HEADERS: [&str; 6] = [
    "x-client-id",
    "x-account-id",
    "x-client-scope",
    "x-client-ip",
    "x-client-assertion",
    "x-request-id",
];
/// The name of the gateway that every server begins with.
pub const DEFAULT_GATEWAY: &str = "default";
/// The most gateways of a server.
pub const GATEWAYS_MAX: usize = 1_000;

/// What a caller learns of a refused address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Disclosure {
    /// 403: the credential is good, something else is not.
    #[default]
    Generic,
    /// 401: like an unknown key. A thief does not even learn that the key lives.
    Uniform,
}

impl Disclosure {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Uniform => "uniform",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Generic, Self::Uniform].into_iter().find(|known| known.name() == text)
    }
}

/// How refusals are written, so that the program in front can pass them on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DenyStyle {
    /// For programs that know 401 and 403 alone: no 400, and no bodies, since a body on a refusal
    /// costs them the kept connection. 429 and 503 are what they are, and 500 behind such a program.
    #[default]
    Bare,
    /// The same, with 429 and 503 told as 403 and `X-Auth-Status`, for a configuration that turns
    /// them into what they are again.
    AuthStatus,
    /// Real statuses with small JSON bodies.
    Full,
}

impl DenyStyle {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::AuthStatus => "auth-status",
            Self::Full => "full",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Bare, Self::AuthStatus, Self::Full].into_iter().find(|known| known.name() == text)
    }
}

/// How the client address of a gateway's requests is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAddress {
    /// The one place that is read.
    pub source: Source,
    /// The proxies: hops that a walk passes over, and who may send a PROXY header. The gateway
    /// itself need not be among them, its word counts because it has authenticated itself.
    pub trusted: Vec<Network>,
}

/// The words for the places that a client address can come from.
pub const SOURCE_NAMES: [&str; 7] = [
    "peer",
    "x-real-ip",
    "x-forwarded-for",
    "forwarded",
    "proxy-protocol",
    "source-address",
    "metadata",
];

/// Reads such a word. Header and metadata have one fixed name each: `X-Real-IP`, `x-client-ip`.
#[must_use]
pub fn parse_source(text: &str) -> Option<Source> {
    Some(match text {
        "peer" => Source::Peer,
        "x-real-ip" => Source::SingleHeader("x-real-ip".to_owned()),
        "x-forwarded-for" => Source::XForwardedFor,
        "forwarded" => Source::Forwarded,
        "proxy-protocol" => Source::ProxyProtocol,
        "source-address" => Source::SourceAddress,
        "metadata" => Source::Metadata("x-client-ip".to_owned()),
        _ => return None,
    })
}

/// The word for such a place.
#[must_use]
pub fn source_name(source: &Source) -> &'static str {
    match source {
        Source::Peer => "peer",
        Source::SingleHeader(_) => "x-real-ip",
        Source::XForwardedFor => "x-forwarded-for",
        Source::Forwarded => "forwarded",
        Source::ProxyProtocol => "proxy-protocol",
        Source::SourceAddress => "source-address",
        Source::Metadata(_) => "metadata",
    }
}

/// What a client certificate must say (RFC 5280), after the listener has verified it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum CertificateName {
    /// A DNS name among its subject alternative names, exactly.
    Dns(String),
    /// A URI among its subject alternative names, exactly (such as a SPIFFE id).
    Uri(String),
    /// The SHA-256 of the certificate itself.
    Sha256([u8; 32]),
}

impl CertificateName {
    /// Reads `dns:NAME`, `uri:URI` or `sha256:HEX`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, value) = text.split_once(':')?;
        let plain = (1..=255).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_graphic());
        match kind {
            "dns" if plain && !value.contains('*') => Some(Self::Dns(value.to_ascii_lowercase())),
            "uri" if plain && value.contains(':') => Some(Self::Uri(value.to_owned())),
            "sha256" => parse_fingerprint(value).map(Self::Sha256),
            _ => None,
        }
    }
}

/// 64 hexadecimal digits; colons between pairs, as OpenSSL prints them, are passed over.
fn parse_fingerprint(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let mut digits = text.chars().filter(|c| *c != ':').map(|c| c.to_digit(16));
    for byte in &mut bytes {
        let (high, low) = (digits.next()??, digits.next()??);
        *byte = u8::try_from((high << 4) | low).ok()?;
    }
    digits.next().is_none().then_some(bytes)
}

impl fmt::Display for CertificateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "dns:{name}"),
            Self::Uri(uri) => write!(f, "uri:{uri}"),
            Self::Sha256(bytes) => {
                f.write_str("sha256:")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

/// How a gateway shows that it is who it says. Everything that is asked for must be there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GatewayAuth {
    /// From which addresses it may ask. Empty: from any, if it shows a token or a certificate.
    pub peers: Vec<Network>,
    /// Whether it may ask over a unix socket without a token (the file's permissions guard it).
    pub unix: bool,
    /// Whether it must show a token.
    pub token: bool,
    /// What is kept of its tokens: the current one last, older ones until they end.
    pub tokens: Vec<ClientSecret>,
    /// What its client certificate must say, any one of these. Empty: none is asked for.
    pub certificates: Vec<CertificateName>,
}

/// A registered enforcement point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// Its name in `/v1/check/{gateway}`.
    pub id: GatewayId,
    /// Which program it is.
    pub kind: GatewayKind,
    /// A suspended gateway is refused everything, as one that does not exist.
    pub state: State,
    /// The one rule by which the client address is found.
    pub client_address: ClientAddress,
    /// How it shows that it is who it says.
    pub auth: GatewayAuth,
    /// The API that it guards, when it guards one alone.
    pub required_audience: Option<String>,
    /// Scopes that every credential must have here.
    pub required_scopes: Vec<String>,
    /// What its callers learn of a refused address; `None` leaves it to the server's setting.
    pub disclosure: Option<Disclosure>,
    /// How refusals are written; `None` is as its kind needs it.
    pub deny_style: Option<DenyStyle>,
    /// Whether preflight requests of browsers (Fetch, CORS-preflight) pass without a credential.
    pub allow_preflight: bool,
    /// Paths that need no credential, each compared as a whole; see [`opening`].
    pub public_paths: Vec<String>,
    /// Whether allowed requests carry a signed `X-Client-Assertion`.
    pub assertion: bool,
    /// Whether the credential is kept from the application. The authorization call of Envoy and the
    /// tower layer can do this; other programs do it by their own configuration.
    pub hide_credential: bool,
    /// Counts writes; for optimistic locking.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

impl Gateway {
    /// A new gateway of a kind, with the address source that the kind is best served by, and
    /// nobody yet who may speak for it.
    #[must_use]
    pub fn new(id: GatewayId, kind: GatewayKind, now: Timestamp) -> Self {
        Self {
            id,
            kind,
            state: State::Active,
            client_address: ClientAddress { source: kind.usual_source(), trusted: Vec::new() },
            auth: GatewayAuth::default(),
            required_audience: None,
            required_scopes: Vec::new(),
            disclosure: None,
            deny_style: None,
            allow_preflight: false,
            public_paths: Vec::new(),
            assertion: false,
            hide_credential: false,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// The gateway that every server begins with: a program on this machine, such as nginx, that
    /// writes the client address into `X-Real-IP`. `None` never happens; it stands for a constant
    /// that does not parse.
    #[must_use]
    pub fn built_in(now: Timestamp) -> Option<Self> {
        let loopback = vec!["127.0.0.0/8".parse().ok()?, "::1".parse().ok()?];
        let mut gateway =
            Self::new(GatewayId::parse(DEFAULT_GATEWAY).ok()?, GatewayKind::Nginx, now);
        gateway.client_address.trusted.clone_from(&loopback);
        gateway.auth = GatewayAuth { peers: loopback, unix: true, ..GatewayAuth::default() };
        // Whoever asks it by hand, or from a program of their own, sees what is what.
        gateway.deny_style = Some(DenyStyle::Bare);
        Some(gateway)
    }

    /// How refusals are written.
    #[must_use]
    pub fn deny_style(&self) -> DenyStyle {
        self.deny_style.unwrap_or(self.kind.deny_style())
    }

    /// What is odd about it, for the people who set it up: nothing here is wrong by itself, and
    /// each has led to wrong addresses somewhere.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let source = &self.client_address.source;
        // Only the layer sees the caller's own connection.
        if *source == Source::Peer && self.kind != GatewayKind::Tower {
            warnings.push(format!(
                "with source `peer` the client address is always that of {} itself; name the \
                 header that it sets",
                self.kind.title()
            ));
        }
        let walks = matches!(source, Source::XForwardedFor | Source::Forwarded);
        if walks && self.client_address.trusted.is_empty() {
            warnings.push(
                "`trusted` is empty: right only while no balancer or CDN stands in front of the \
                 gateway"
                    .to_owned(),
            );
        }
        if matches!(source, Source::Metadata(_)) {
            warnings.push(
                "metadata is only as good as the gateway's own rule: set use_remote_address, or \
                 trusted networks for its forwarding header"
                    .to_owned(),
            );
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_sources_read_back() {
        for name in SOURCE_NAMES {
            assert_eq!(source_name(&parse_source(name).unwrap()), name);
        }
        assert_eq!(parse_source("X-Real-IP"), None);
        assert_eq!(parse_source(""), None);
    }

    #[test]
    fn certificate_names_read_back_in_one_form() {
        let hex = "ab".repeat(32);
        for (text, shown) in [
            ("dns:Edge.Internal", "dns:edge.internal".to_owned()),
            ("uri:spiffe://prod/ns/edge", "uri:spiffe://prod/ns/edge".to_owned()),
            (&*format!("sha256:{}", hex.to_uppercase()), format!("sha256:{hex}")),
            (&*format!("sha256:{}", ["AB"; 32].join(":")), format!("sha256:{hex}")),
        ] {
            assert_eq!(CertificateName::parse(text).unwrap().to_string(), shown);
        }
        for bad in [
            "",
            "edge",
            "dns:",
            "dns:*.internal",
            "dns:a b",
            "uri:nothing",
            "sha256:ab",
            &*format!("sha256:{hex}0"),
            "sha256:zz",
            "cn:edge",
        ] {
            assert_eq!(CertificateName::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_built_in_gateway_is_one_that_could_be_registered() {
        let gateway = Gateway::built_in(Timestamp::default()).unwrap();
        assert_eq!(gateway.check(), Ok(()));
        assert_eq!(gateway.warnings(), Vec::<String>::new());
    }

    #[test]
    fn odd_set_ups_are_told() {
        let id = GatewayId::parse("edge").unwrap();
        let mut gateway = Gateway::new(id, GatewayKind::Nginx, Timestamp::default());
        assert!(gateway.warnings().is_empty());
        gateway.client_address.source = Source::Peer;
        assert!(gateway.warnings()[0].contains("nginx itself"), "{:?}", gateway.warnings());
        gateway.client_address.source = Source::XForwardedFor;
        assert!(gateway.warnings()[0].contains("`trusted` is empty"));
    }
}
