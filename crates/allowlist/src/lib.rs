#![doc = include_str!("../README.md")]
#![warn(clippy::arithmetic_side_effects)]

mod client_address;
mod entry_index;
mod error;
mod network;
mod parse;
mod proxy_protocol;

mod set;

pub use client_address::{
    AllTrusted, ClientAddressRule, ClientIp, HEADER_BYTES_MAX, HOPS_MAX, HeaderLines, NoClientIp,
    Peer, Source, client_address, client_address_from_proxy, client_address_from_text,
};

pub use entry_index::EntryIndex;
pub use error::{ParseError, ParseErrorKind, ParseErrors};
pub use network::Network;
pub use parse::{EntryRules, ListEntry, parse_address, parse_entries, parse_entry, parse_list};
pub use proxy_protocol::{
    Connection, PROXY_HEADER_BYTES_MAX, ProxyError, ProxyExpectation, ProxyHeader, ProxyParse,
    ProxyStep, expect_proxy_header, parse_proxy_header,
};
pub use set::NetworkSet;
