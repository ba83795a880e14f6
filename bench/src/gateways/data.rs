//! Who calls through the gateways, from where: lists within 127.0.0.0/8, since a gateway believes
//! nothing but the peer of its connection.
//!
//! 10,000 networks. Client `i` may call from network `i` and from one of the sites, which are some
//! of those networks, spread over their order; each site has some 350 clients. One more client may
//! call from all 10,000. Connections come from sites, and some from addresses on nobody's list.

use std::net::Ipv4Addr;

use keyward_core::client::Client;
use keyward_core::jwk::KeySet;
use keyward_core::policy::Policy;
use keyward_core::secret::{Environment, Peppers};

use crate::lists::Random;
use crate::load::{CONNECTIONS, Prepared};
use crate::population;
use crate::serving::X_ANSWER;

/// Clients with a list of their own, and networks.
pub(super) const CLIENTS: u64 = 10_000;
/// The client whose list has all networks.
pub(super) const ROVER: u64 = CLIENTS;
/// Networks from which many clients may call.
const SITES: u64 = 28;
/// Addresses inside each network's block, of which the network is the start.
const BLOCK_BITS: u32 = 10;

/// A network: 127.1.0.0 and so many blocks on. A block holds one network, so none overlap.
pub(super) const fn network(number: u64) -> (u32, u8) {
    let length = [32, 32, 28, 24][(number % 4) as usize];
    (0x7f01_0000 + ((number as u32) << BLOCK_BITS), length)
}

/// The same as it is written.
pub(super) fn written(number: u64) -> String {
    let (bits, length) = network(number);
    format!("{}/{length}", Ipv4Addr::from_bits(bits))
}

/// The networks of a client's list, by number.
pub(super) fn list(client: u64) -> Vec<u64> {
    if client == ROVER {
        return (0..CLIENTS).collect();
    }
    let site = site_network(client % SITES);
    if site == client { vec![client] } else { vec![client, site] }
}

const fn site_network(site: u64) -> u64 {
    site * (CLIENTS / SITES) + CLIENTS / SITES / 2
}

pub(super) fn key(client: u64) -> String {
    population::secret(client).api_key(&Environment::default(), &population::id(client))
}

/// All of it as Keyward's policy.
pub(super) fn policy() -> Policy {
    let with_list = |number: u64, peppers: &Peppers| Client {
        allowlist: population::allowlist_of(list(number).into_iter().map(network)),
        ..population::client(number, peppers)
    };
    population::policy_of(ROVER as usize + 1, KeySet::default(), with_list)
}

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// Any client's key, against that client's list.
    AnyKey,
    /// The one key whose list has all networks.
    OneKey,
}

/// What comes over one connection.
pub(super) struct Visitor {
    pub(super) from: Ipv4Addr,
    pub(super) requests: Vec<Prepared>,
}

/// All connections' requests, `each` of them on every one. A gateway that has no 401 says 403.
pub(super) fn visitors(question: Question, each: usize, has_401: bool) -> Vec<Visitor> {
    let mut random = Random::new(11);
    (0..CONNECTIONS as u64)
        .map(|connection| {
            let site = (connection < SITES).then_some(connection);
            let from = site.map_or(0x7ffa_0009 + (connection << 8) as u32, |site| {
                let (bits, length) = network(site_network(site));
                bits + 7 % (1 << (32 - length))
            });
            let mut draw = |_| {
                let (shown, status) = visit(question, site, &mut random);
                request(&shown, if has_401 || status != 401 { status } else { 403 })
            };
            let requests = (0..each).map(&mut draw).collect();
            Visitor { from: Ipv4Addr::from_bits(from), requests }
        })
        .collect()
}

/// A key, and how whoever shows it must be answered.
fn visit(question: Question, site: Option<u64>, random: &mut Random) -> (String, u16) {
    let verdict = random.below(100);
    let number = random.below(CLIENTS / SITES) * SITES;
    let at = |site: u64| match question {
        Question::AnyKey => number + site % SITES,
        Question::OneKey => ROVER,
    };
    let here = at(site.unwrap_or(verdict));
    match (verdict, question, site) {
        (85..92, ..) => (key(here | 1 << 48), 401),
        (92.., ..) => {
            let environment = Environment::default();
            (population::secret(here + 1).api_key(&environment, &population::id(here)), 401)
        }
        (_, _, None) => (key(here), 403),
        // The neighbour's client: its own network is elsewhere, and so is its site.
        (80.., Question::AnyKey, Some(site)) => (key(at(site + 1)), 403),
        (_, _, Some(_)) => (key(here), 200),
    }
}

fn request(key: &str, status: u16) -> Prepared {
    let text = format!(
        "GET /orders/1234?page=1 HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: bench\r\n\
         Accept: */*\r\nX-API-Key: {key}\r\n{X_ANSWER}: {status}\r\n\r\n"
    );
    Prepared { bytes: text.into_bytes(), status }
}
