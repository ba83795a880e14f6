//! Which address a request really comes from.

use std::fmt;
use std::net::IpAddr;

use crate::proxy_protocol::ProxyHeader;
use crate::set::NetworkSet;

mod forwarded;
mod hop;
mod hops;

use hops::Hops;

/// The most hops of a forwarding header, over all its lines.
pub const HOPS_MAX: usize = 32;
/// The most bytes of a forwarding header, over all its lines.
pub const HEADER_BYTES_MAX: usize = 4096;

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// A network peer, by its address as the socket gives it (mapped or not).
    Ip(IpAddr),
    /// A peer on a unix socket, which has no address.
    Unix,
}

/// The address of the client, always canonical: an IPv4-mapped address is the IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientIp(IpAddr);

impl ClientIp {
    /// The canonical address.
    #[inline]
    #[must_use]
    pub const fn get(self) -> IpAddr {
        self.0
    }
}

impl From<IpAddr> for ClientIp {
    fn from(ip: IpAddr) -> Self {
        Self(ip.to_canonical())
    }
}

/// Writes the address in the form of RFC 5952.
impl fmt::Display for ClientIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why there is no client address. Whoever has a list must then be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum NoClientIp {
    /// A trusted proxy did not send what it should: no header line, no PROXY header.
    #[error("the trusted proxy did not send the header that carries the client address")]
    MissingHeader,
    /// A header of one value came twice.
    #[error("the header that carries the client address occurs more than once")]
    DuplicateHeader,
    /// A hop that had to be read is not an address.
    #[error("the header that carries the client address cannot be read at the hop that matters")]
    Malformed,
    /// More than [`HOPS_MAX`] hops.
    #[error("the forwarding header has more than {HOPS_MAX} hops")]
    TooManyHops,
    /// More than [`HEADER_BYTES_MAX`] bytes.
    #[error("the forwarding header is longer than {HEADER_BYTES_MAX} bytes")]
    TooLong,
    /// Fewer hops than the configured number.
    #[error("the forwarding header has fewer hops than configured")]
    TooFewHops,
    /// Every hop is a trusted proxy.
    #[error("every hop of the forwarding header is a trusted proxy")]
    AllTrusted,
    /// The peer is on a unix socket and not trusted to name the client.
    #[error("the peer is on a unix socket and has no address")]
    UnixPeer,
    /// The PROXY header says that there is no client or that it has no address.
    #[error("the PROXY header carries no client address (UNKNOWN, LOCAL, UNSPEC or UNIX)")]
    ProxyUnknown,
    /// The rule takes the address from a place that is not part of this request.
    #[error("the rule takes the client address from a place that this door does not have")]
    NotResolved,
    /// The request came as TLS early data (RFC 8470 §5.1): whoever sent it has not yet shown that it
    /// receives anything at that address.
    #[error("the request is TLS early data, so its address is not proven yet")]
    EarlyData,
}

impl NoClientIp {
    /// All reasons.
    pub const ALL: [Self; 11] = [
        Self::MissingHeader,
        Self::DuplicateHeader,
        Self::Malformed,
        Self::TooManyHops,
        Self::TooLong,
        Self::TooFewHops,
        Self::AllTrusted,
        Self::UnixPeer,
        Self::ProxyUnknown,
        Self::NotResolved,
        Self::EarlyData,
    ];

    /// The stable name of the reason, for programs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::MissingHeader => "missing_header",
            Self::DuplicateHeader => "duplicate_header",
            Self::Malformed => "malformed",
            Self::TooManyHops => "too_many_hops",
            Self::TooLong => "too_long",
            Self::TooFewHops => "too_few_hops",
            Self::AllTrusted => "all_trusted",
            Self::UnixPeer => "unix_peer",
            Self::ProxyUnknown => "proxy_unknown",
            Self::NotResolved => "not_resolved",
            Self::EarlyData => "early_data",
        }
    }
}

/// The one place the client address is taken from. Nothing else is ever read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The socket peer itself.
    Peer,
    /// A header that must occur once and hold one address, such as `x-real-ip`.
    SingleHeader(String),
    /// `X-Forwarded-For`, walked from the right.
    XForwardedFor,
    /// `Forwarded` (RFC 7239), walked from the right.
    Forwarded,
    /// The PROXY protocol header at the start of the connection.
    ProxyProtocol,
    /// The `source.address` of an external authorization call; see [`client_address_from_text`].
    SourceAddress,
    /// Metadata of this name on such a call; see [`client_address_from_text`].
    Metadata(String),
}

/// What to do when every hop of a forwarding header is a trusted proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AllTrusted {
    /// There is no client address: the chain is not what was configured.
    #[default]
    Refuse,
    /// The leftmost hop is the client, as nginx and Envoy decide.
    Leftmost,
}

/// How the client address is found for one listener or gateway.
///
/// ```
/// use keyward_allowlist::{ClientAddressRule, NetworkSet, Peer, Source, client_address};
///
/// let proxies = NetworkSet::compile(&["10.0.0.0/8".parse()?]);
/// let rule = ClientAddressRule::new(Source::XForwardedFor, proxies);
/// // The client wrote 203.0.113.5 itself; its own address is what the last proxy appended.
/// let headers = [("X-Forwarded-For", "203.0.113.5, 192.0.2.9, 10.0.0.2")];
/// let peer = Peer::Ip("10.0.0.1".parse().unwrap());
/// let client = client_address(peer, None, &headers[..], &rule).unwrap();
/// assert_eq!(client.to_string(), "192.0.2.9");
/// # Ok::<(), keyward_allowlist::ParseErrorKind>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClientAddressRule {
    /// The one place that is read.
    pub source: Source,
    /// The proxies: whose word is taken, and which hops of a walk are passed over. Nobody's word is
    /// taken when this is empty.
    pub trusted: NetworkSet,
    /// Take the hop of this number, counted from the right and from 1, instead of walking past
    /// trusted networks. 0 is the peer.
    pub hops: Option<u8>,
    /// What to do when every hop is trusted.
    pub all_trusted: AllTrusted,
    /// Whether a peer on a unix socket is a trusted proxy. Default: no.
    pub trust_unix: bool,
}

/// The socket peer is the client.
impl Default for ClientAddressRule {
    fn default() -> Self {
        Self::peer()
    }
}

impl ClientAddressRule {
    /// The socket peer is the client; no header is read.
    #[must_use]
    pub fn peer() -> Self {
        Self::new(Source::Peer, NetworkSet::default())
    }

    /// The address is taken from `source`, from peers in `trusted`; the other settings are the
    /// strict ones.
    #[must_use]
    pub const fn new(source: Source, trusted: NetworkSet) -> Self {
        Self { source, trusted, hops: None, all_trusted: AllTrusted::Refuse, trust_unix: false }
    }

    /// The same rule, with a fixed number of hops from the right instead of a walk.
    #[must_use]
    pub const fn with_hops(mut self, hops: u8) -> Self {
        self.hops = Some(hops);
        self
    }

    /// The same rule, with another decision on a chain of trusted hops only.
    #[must_use]
    pub const fn with_all_trusted(mut self, decision: AllTrusted) -> Self {
        self.all_trusted = decision;
        self
    }

    /// The same rule, with peers on a unix socket taken for trusted proxies.
    #[must_use]
    pub const fn with_trusted_unix(mut self) -> Self {
        self.trust_unix = true;
        self
    }

    /// Whether the word of `peer` is taken.
    #[must_use]
    pub fn trusts(&self, peer: Peer) -> bool {
        match peer {
            Peer::Ip(ip) => self.trusted.contains(ip),
            Peer::Unix => self.trust_unix,
        }
    }

    /// Whether `client` lies in the rule's own trusted networks.
    ///
    /// A client address that is a proxy's nearly always means a hop that is not configured right,
    /// and deserves an alarm.
    #[must_use]
    pub fn is_proxy(&self, client: ClientIp) -> bool {
        self.trusted.contains(client.get())
    }
}

/// The header lines of a request, as bytes.
///
/// Implemented for slices of name and value pairs; a wrapper around another header map takes a few
/// lines.
pub trait HeaderLines {
    /// The values of every line whose name is `name` (lower case), in the order of the message.
    ///
    /// Names are compared without regard to case, and otherwise exactly: `X_Forwarded_For` is not
    /// `x-forwarded-for`.
    fn lines<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]>;
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> HeaderLines for [(N, V)] {
    fn lines<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.iter()
            .filter(move |(line, _)| line.as_ref().eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value.as_ref())
    }
}

/// Finds the client address of one request.
///
/// - A peer that is not trusted *is* the client, whatever the headers say.
/// - From a trusted peer, the rule's source must be there and readable. A walk goes from the right,
///   over all lines in order, past trusted hops, and stops at the first that is not; what stands
///   further left was written by others and is not looked at.
/// - A port after an address is cut off (`192.0.2.9:5555`, `[2001:db8::9]:443`).
///
/// Nothing is allocated.
///
/// # Errors
/// [`NoClientIp`] in every doubtful case; there is no falling back to another source.
pub fn client_address(
    peer: Peer,
    proxied: Option<&ProxyHeader>,
    headers: &(impl HeaderLines + ?Sized),
    rule: &ClientAddressRule,
) -> Result<ClientIp, NoClientIp> {
    // Security: before anything is read, so that no header content can matter for other peers.
    if rule.trusts(peer) {
        client_address_from_proxy(peer, proxied, headers, rule)
    } else {
        peer_address(peer)
    }
}

/// The same for a peer that is known to be a proxy whose word counts, such as a gateway that has
/// authenticated itself. The rule's trusted networks are then only the hops in front of it.
///
/// # Errors
/// As [`client_address`].
///
/// ```
/// use keyward_allowlist::{
///     ClientAddressRule, NetworkSet, Peer, Source, client_address_from_proxy,
/// };
///
/// let rule = ClientAddressRule::new(Source::XForwardedFor, NetworkSet::default());
/// let headers = [("x-forwarded-for", "203.0.113.5, 192.0.2.9")];
/// let client = client_address_from_proxy(Peer::Unix, None, &headers[..], &rule).unwrap();
/// assert_eq!(client.to_string(), "192.0.2.9");
/// ```
pub fn client_address_from_proxy(
    peer: Peer,
    proxied: Option<&ProxyHeader>,
    headers: &(impl HeaderLines + ?Sized),
    rule: &ClientAddressRule,
) -> Result<ClientIp, NoClientIp> {
    match &rule.source {
        Source::Peer => peer_address(peer),
        Source::SingleHeader(name) => client_address_from_text(headers.lines(name)),
        Source::XForwardedFor => {
            let mut hops = Hops::default();
            for line in headers.lines("x-forwarded-for") {
                hops.add_line(line, hops::plain)?;
            }
            walk(&hops, hop::plain, peer, rule)
        }
        Source::Forwarded => {
            let mut hops = Hops::default();
            for line in headers.lines("forwarded") {
                hops.add_line(line, forwarded::elements)?;
            }
            walk(&hops, forwarded::client, peer, rule)
        }
        Source::ProxyProtocol => match proxied {
            Some(ProxyHeader::Address { source, .. }) => Ok(source.ip().into()),
            Some(ProxyHeader::Unknown) => Err(NoClientIp::ProxyUnknown),
            None => Err(NoClientIp::MissingHeader),
        },
        Source::SourceAddress | Source::Metadata(_) => Err(NoClientIp::NotResolved),
    }
}

/// Reads the client address from values that must be exactly one, with one address.
///
/// This is for sources that are not header lines, such as `source.address` and the metadata of an
/// authorization call. The caller must know that it talks to its gateway: there is no peer here.
///
/// # Errors
/// [`NoClientIp::MissingHeader`] for no value, [`NoClientIp::DuplicateHeader`] for more than one,
/// [`NoClientIp::TooLong`] or [`NoClientIp::Malformed`] for one that is not an address.
///
/// ```
/// use keyward_allowlist::{NoClientIp, client_address_from_text};
///
/// let client = client_address_from_text([&b"203.0.113.5:4711"[..]]).unwrap();
/// assert_eq!(client.to_string(), "203.0.113.5");
/// assert_eq!(client_address_from_text([&b"unknown"[..]]), Err(NoClientIp::Malformed));
/// ```
pub fn client_address_from_text<'a>(
    values: impl IntoIterator<Item = &'a [u8]>,
) -> Result<ClientIp, NoClientIp> {
    let mut values = values.into_iter();
    let value = values.next().ok_or(NoClientIp::MissingHeader)?;
    if values.next().is_some() {
        return Err(NoClientIp::DuplicateHeader);
    }
    if value.len() > HEADER_BYTES_MAX {
        return Err(NoClientIp::TooLong);
    }
    hop::plain(value).map(ClientIp).ok_or(NoClientIp::Malformed)
}

fn peer_address(peer: Peer) -> Result<ClientIp, NoClientIp> {
    match peer {
        Peer::Ip(ip) => Ok(ip.into()),
        Peer::Unix => Err(NoClientIp::UnixPeer),
    }
}

/// Goes through the hops from the right to the one that is the client.
fn walk(
    hops: &Hops<'_>,
    read: fn(&[u8]) -> Option<IpAddr>,
    peer: Peer,
    rule: &ClientAddressRule,
) -> Result<ClientIp, NoClientIp> {
    if hops.is_empty() {
        return Err(NoClientIp::MissingHeader);
    }
    if rule.hops == Some(0) {
        return peer_address(peer);
    }
    let mut leftmost = None;
    for (number, hop) in (1_u8..).zip(hops.nearest_first()) {
        // Security: a hop that cannot be read ends the walk. Skipping it would let a client that
        // can make a proxy write `unknown` choose the address to its left.
        let address = read(hop).ok_or(NoClientIp::Malformed)?;
        let found = match rule.hops {
            Some(wanted) => number == wanted,
            None => !rule.trusted.contains(address),
        };
        if found {
            return Ok(ClientIp(address));
        }
        leftmost = Some(ClientIp(address));
    }
    match (rule.hops, rule.all_trusted) {
        (Some(_), _) => Err(NoClientIp::TooFewHops),
        (None, AllTrusted::Leftmost) => leftmost.ok_or(NoClientIp::AllTrusted),
        (None, AllTrusted::Refuse) => Err(NoClientIp::AllTrusted),
    }
}
