//! The PROXY protocol, versions 1 and 2, as HAProxy's `proxy-protocol.txt` defines it.

use std::net::SocketAddr;

use crate::client_address::{ClientAddressRule, Peer, Source};

mod v1;
mod v2;

/// The most bytes of a PROXY header that are accepted.
///
/// Version 1 has at most 107. Version 2 could announce 65,551; the largest address block is 216
/// bytes after 16 of head, and the rest leaves room for the extensions that load balancers add.
pub const PROXY_HEADER_BYTES_MAX: usize = 2048;

/// What a PROXY header says about the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProxyHeader {
    /// The connection is relayed. The IP addresses are canonical.
    Address {
        /// The client.
        source: SocketAddr,
        /// What the client connected to.
        destination: SocketAddr,
    },
    /// The connection has no client with an address: `UNKNOWN`, `LOCAL`, `UNSPEC` or a unix socket.
    /// Addresses that such a header may still carry are not believed.
    Unknown,
}

/// The result of looking for a PROXY header at the start of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProxyParse {
    /// The header is complete.
    Complete {
        /// What it says.
        header: ProxyHeader,
        /// Its length in bytes; the application's data begins there.
        consumed: usize,
    },
    /// So far it is the beginning of a header; read on, under a time limit.
    Incomplete,
}

/// Why bytes are not a PROXY header. The connection must be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// Neither the line of version 1 nor the signature of version 2.
    #[error("the connection does not start with a PROXY header")]
    NotProxy,
    /// No end within 107 bytes (version 1), or more than [`PROXY_HEADER_BYTES_MAX`] announced.
    #[error("the PROXY header is too long")]
    TooLong,
    /// A line of version 1 that is not exactly of the prescribed form.
    #[error("the PROXY line is malformed")]
    Line,
    /// A version other than 2 behind the signature of version 2.
    #[error("the PROXY header has an unknown version")]
    Version,
    /// A command other than LOCAL and PROXY.
    #[error("the PROXY header has an unknown command")]
    Command,
    /// An address family or transport that is not defined.
    #[error("the PROXY header has an unknown address family")]
    Family,
    /// Less room than the addresses of its family need.
    #[error("the PROXY header is too short for its addresses")]
    TooShort,
    /// A PROXY header from a peer that may not send one.
    #[error("the PROXY header comes from a peer that is not trusted")]
    Untrusted,
}

/// What a listener knows of a connection before the first request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Connection {
    /// The socket peer.
    pub peer: Peer,
    /// What its PROXY header says, where one is expected.
    pub proxied: Option<ProxyHeader>,
}

/// Reads a PROXY header of either version at the start of `bytes`.
///
/// Call it once a connection, before anything else is read, and only for peers that must send such
/// a header ([`expect_proxy_header`]): the protocol must never be guessed, and a later header on
/// the same connection is not one.
///
/// # Errors
/// [`ProxyError`] as soon as the bytes cannot become a valid header any more.
///
/// ```
/// use keyward_allowlist::{ProxyHeader, ProxyParse, parse_proxy_header};
///
/// let bytes = b"PROXY TCP4 192.0.2.9 10.0.0.1 56324 443\r\nGET / HTTP/1.1\r\n";
/// let Ok(ProxyParse::Complete { header: ProxyHeader::Address { source, .. }, consumed }) =
///     parse_proxy_header(bytes)
/// else {
///     unreachable!()
/// };
/// assert_eq!(source.to_string(), "192.0.2.9:56324");
/// assert_eq!(&bytes[consumed..][..3], b"GET");
/// ```
pub fn parse_proxy_header(bytes: &[u8]) -> Result<ProxyParse, ProxyError> {
    if starts_like(bytes, v2::SIGNATURE) {
        v2::parse(bytes)
    } else if starts_like(bytes, v1::PREFIX) {
        v1::parse(bytes)
    } else {
        Err(ProxyError::NotProxy)
    }
}

/// Whether one of the two is the beginning of the other.
fn starts_like(bytes: &[u8], signature: &[u8]) -> bool {
    bytes.iter().zip(signature).all(|(byte, expected)| byte == expected)
}

/// What the first bytes of a connection are.
enum Beginning {
    /// The whole signature of a PROXY header.
    Signature,
    /// Perhaps the beginning of one.
    Open,
    /// Something else.
    Other,
}

fn beginning(bytes: &[u8]) -> Beginning {
    let signatures = [v1::PREFIX, v2::SIGNATURE];
    if signatures.iter().any(|signature| bytes.starts_with(signature)) {
        Beginning::Signature
    } else if signatures.iter().any(|signature| starts_like(bytes, signature)) {
        Beginning::Open
    } else {
        Beginning::Other
    }
}

/// What to do with the first bytes of a connection, under one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProxyExpectation {
    /// A header must come: close without one.
    Required,
    /// A header may come, and is told by its signature. For listed peers of a listener that several
    /// rules share, where only one of them takes the address from the header: to that rule a
    /// connection without one has no client address.
    Allowed,
    /// No header may come: close when one does.
    Forbidden,
    /// The rule does not take the address from the PROXY protocol; nothing is looked for.
    NotRead,
}

/// Whether `peer` must send a PROXY header, must not, or is not asked.
///
/// ```
/// use keyward_allowlist::*;
///
/// let proxies = NetworkSet::compile(&["10.0.0.0/8".parse()?]);
/// let rule = ClientAddressRule::new(Source::ProxyProtocol, proxies);
/// let stranger = Peer::Ip("192.0.2.66".parse().unwrap());
/// let expectation = expect_proxy_header(stranger, &rule);
/// let forged = b"PROXY TCP4 203.0.113.5 10.0.0.1 56324 443\r\n";
/// assert_eq!(expectation.next(forged), Err(ProxyError::Untrusted));
/// # Ok::<(), ParseErrorKind>(())
/// ```
#[must_use]
pub fn expect_proxy_header(peer: Peer, rule: &ClientAddressRule) -> ProxyExpectation {
    if rule.source != Source::ProxyProtocol {
        ProxyExpectation::NotRead
    } else if rule.trusts(peer) {
        ProxyExpectation::Required
    } else {
        ProxyExpectation::Forbidden
    }
}

/// What a listener does next with a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProxyStep {
    /// Read more bytes, under a time limit, and ask again with all of them.
    Read,
    /// Begin to serve.
    Serve {
        /// The header, for [`Connection::proxied`].
        proxied: Option<ProxyHeader>,
        /// How many of the bytes were the header; the request begins after them.
        consumed: usize,
    },
}

impl ProxyExpectation {
    /// Decides on the bytes received so far, from the start of the connection.
    ///
    /// # Errors
    /// [`ProxyError`]: close the connection without an answer.
    pub fn next(self, bytes: &[u8]) -> Result<ProxyStep, ProxyError> {
        let serve = ProxyStep::Serve { proxied: None, consumed: 0 };
        match self {
            Self::NotRead => Ok(serve),
            Self::Required => match parse_proxy_header(bytes)? {
                ProxyParse::Incomplete => Ok(ProxyStep::Read),
                ProxyParse::Complete { header, consumed } => {
                    Ok(ProxyStep::Serve { proxied: Some(header), consumed })
                }
            },
            Self::Allowed => match beginning(bytes) {
                Beginning::Signature => Self::Required.next(bytes),
                Beginning::Open => Ok(ProxyStep::Read),
                Beginning::Other => Ok(serve),
            },
            Self::Forbidden => match beginning(bytes) {
                Beginning::Signature => Err(ProxyError::Untrusted),
                Beginning::Open => Ok(ProxyStep::Read),
                Beginning::Other => Ok(serve),
            },
        }
    }
}
