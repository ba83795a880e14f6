//! Made-up clients: the same in our policy and in the peers' tables, computed from their number so
//! that asking for one costs no memory access of its own.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, RwLock};

use aws_lc_rs::digest::{SHA256, digest};
use ipnet::{IpNet, Ipv4Net};
use keyward_allowlist::Network;
use keyward_core::allowlist::{Allowlist, Entry, Mode};
use keyward_core::api::{Account, Api, Scope};
use keyward_core::base62;
use keyward_core::client::{Client, ClientGrant};
use keyward_core::id::{AccountId, ApiId, ClientId, GrantId, SecretId};
use keyward_core::jwk::KeySet;
use keyward_core::policy::{Change, Freshness, Policy, Settings};
use keyward_core::secret::{ClientSecret, PepperId, Peppers, PlainSecret};
use keyward_core::time::Timestamp;
use keyward_core::token::Dialect;

use crate::lists::{mix, v4};

/// The audience of the one API.
pub(crate) const AUDIENCE: &str = "https://api.example.com/";
/// The scopes every client has.
pub(crate) const SCOPES: [&str; 2] = ["read:things", "write:things"];
pub(crate) const ISSUER: &str = "https://keyward.example.com/";
/// Networks in each client's list.
pub(crate) const NETWORKS: usize = 4;
/// When everything was made.
pub(crate) const MADE_AT: Timestamp = Timestamp::from_seconds(1_750_000_000);

const PEPPER: [u8; 32] = [7; 32];
/// Clients per account.
const ACCOUNT_SIZE: usize = 10;
const API_ID: &str = "0123456789abcdef01234567";
/// Changes handed over at once: large enough to be quick, small enough not to be seen in memory.
const BATCH: usize = 5_000;

pub(crate) fn peppers() -> Peppers {
    Peppers::new((PepperId(1), &PEPPER), &[])
}

/// A number below 2^119, so that it is a client id as it stands.
pub(crate) const fn key(number: u64) -> u128 {
    ((mix(number ^ 0x5eed) as u128) << 64 | mix(number) as u128) >> 9
}

pub(crate) fn id(number: u64) -> ClientId {
    ClientId::from_random(key(number).to_be_bytes())
}

pub(crate) fn secret(number: u64) -> PlainSecret {
    let high = u128::from(mix(!number)) << 64 | u128::from(mix(number.rotate_left(17)));
    let digits = base62::encode_fixed::<32>(high);
    PlainSecret::from_random(&digits.iter().map(|digit| char::from(*digit)).collect::<String>())
}

/// A client's four networks: two hosts, an office, a site.
pub(crate) const fn networks(number: u64) -> [(u32, u8); NETWORKS] {
    let (a, b) = (mix(number.wrapping_mul(3)), mix(number.wrapping_mul(5) ^ 0xabcd));
    [
        (unicast(a as u32), 32),
        (unicast((a >> 32) as u32), 32),
        (unicast(b as u32) & 0xffff_fff0, 28),
        (unicast((b >> 32) as u32) & 0xffff_ff00, 24),
    ]
}

/// From 1.0.0.0 to 222.255.255.255: the rest is reserved, and parts of it may not be in a list.
const fn unicast(random: u32) -> u32 {
    0x0100_0000 + random % 0xde00_0000
}

/// An address from which the client may call, or, without `allowed`, one from which it may not.
pub(crate) const fn address(number: u64, allowed: bool) -> u32 {
    let networks = networks(number);
    let (bits, length) = networks[(number % NETWORKS as u64) as usize];
    if allowed { bits | 1_u32.wrapping_shl(32 - length as u32) >> 1 } else { !bits }
}

pub(crate) fn allowlist(number: u64) -> Allowlist {
    allowlist_of(networks(number))
}

/// A list of these networks, without repeats of neighbours.
pub(crate) fn allowlist_of(networks: impl IntoIterator<Item = (u32, u8)>) -> Allowlist {
    let entry = |(bits, length): (u32, u8)| {
        Some(Entry {
            network: v4(bits, length)?,
            label: None,
            expires_at: None,
            created_at: MADE_AT,
            created_by: "bench".to_owned(),
        })
    };
    let mut entries: Vec<Entry> = networks.into_iter().filter_map(entry).collect();
    entries.dedup_by_key(|entry| entry.network);
    Allowlist { mode: Mode::Enforce, entries }
}

pub(crate) fn account_id(number: u64) -> AccountId {
    let text = format!("acc_{:016}", number / ACCOUNT_SIZE as u64);
    AccountId::parse(&text).unwrap_or_else(|_| unreachable_id())
}

fn api_id() -> ApiId {
    ApiId::parse(API_ID).unwrap_or_else(|_| unreachable_id())
}

#[expect(clippy::panic, reason = "a constant of this file would have to be wrong")]
fn unreachable_id<T>() -> T {
    panic!("an identifier of the benchmark is malformed")
}

pub(crate) fn api() -> Api {
    let mut api = Api::new(api_id(), AUDIENCE, "Things", MADE_AT);
    let scope = |value: &str| Scope { value: value.to_owned(), description: None };
    api.scopes = SCOPES.iter().map(|value| scope(value)).collect();
    api.dialect = Dialect::Rfc9068;
    api
}

/// The account of a client that is the first of its account.
pub(crate) fn account(number: usize) -> Option<Account> {
    let first = number.is_multiple_of(ACCOUNT_SIZE);
    first.then(|| Account::new(account_id(number as u64), "An account", MADE_AT))
}

pub(crate) fn client(number: u64, peppers: &Peppers) -> Client {
    let id = id(number);
    let mut client = Client::new(id.clone(), "A key", MADE_AT);
    client.account = Some(account_id(number));
    client.allowlist = allowlist(number);
    client.secrets.push(ClientSecret {
        id: SecretId(mix(number)),
        hash: peppers.hash(&id.to_string(), secret(number).reveal()),
        created_at: MADE_AT,
        expires_at: None,
    });
    client
}

pub(crate) fn grant(number: u64) -> ClientGrant {
    ClientGrant {
        id: GrantId::parse(&format!("cgr_{number:016}")).unwrap_or_else(|_| unreachable_id()),
        client: id(number),
        api: api_id(),
        scopes: SCOPES.iter().map(|scope| (*scope).to_owned()).collect(),
        organizations: Default::default(),
        kept_fields: "{}".to_owned(),
        version: 1,
        created_at: MADE_AT,
        updated_at: MADE_AT,
    }
}

pub(crate) fn settings(keys: KeySet) -> Settings {
    Settings {
        issuer: ISSUER.to_owned(),
        keys,
        peppers: peppers(),
        default_audience: None,
        leeway_s: 5,
    }
}

/// All of it as our policy.
pub(crate) fn policy(clients: usize) -> Policy {
    policy_with(clients, KeySet::default())
}

pub(crate) fn policy_with(clients: usize, keys: KeySet) -> Policy {
    policy_of(clients, keys, client)
}

/// The same with clients of another making, which have the usual ids.
pub(crate) fn policy_of(
    clients: usize,
    keys: KeySet,
    client: impl Fn(u64, &Peppers) -> Client,
) -> Policy {
    let policy = Policy::new(settings(keys));
    let peppers = peppers();
    policy.apply(1, vec![Change::Api(Box::new(api()))], Freshness::Authority);
    for start in (0..clients).step_by(BATCH) {
        let mut changes = Vec::with_capacity(3 * BATCH);
        for number in start..clients.min(start + BATCH) {
            changes.extend(account(number).map(|account| Change::Account(Box::new(account))));
            changes.push(Change::Client(Box::new(client(number as u64, &peppers))));
            changes.push(Change::Grant(Box::new(grant(number as u64))));
        }
        policy.apply(start as u64 + 2, changes, Freshness::Authority);
    }
    policy
}

/// A record as small as it can be, inline in the table: id, account, expiry, four networks.
pub(crate) type Small = [u8; 40];

pub(crate) fn small(number: u64) -> Small {
    let mut record = [0; 40];
    record[..4].copy_from_slice(&(number as u32).to_le_bytes());
    record[4..8].copy_from_slice(&((number / ACCOUNT_SIZE as u64) as u32).to_le_bytes());
    record[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
    for (place, (bits, length)) in networks(number).into_iter().enumerate() {
        record[16 + 4 * place..20 + 4 * place].copy_from_slice(&bits.to_le_bytes());
        record[32 + place] = 32 - length;
    }
    record
}

/// Whether the record's networks hold the address.
pub(crate) fn small_allows(record: &Small, ip: u32) -> bool {
    let (nets, _) = record[16..32].as_chunks::<4>();
    let fits =
        |(net, shift): (&[u8; 4], &u8)| (u64::from(ip ^ u32::from_le_bytes(*net)) >> shift) == 0;
    nets.iter().zip(&record[32..36]).any(fits)
}

/// Keys are spread already: hashing them again would only slow the peer down.
#[derive(Default, Clone, Copy)]
pub(crate) struct Folded(u64);

impl std::hash::Hasher for Folded {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _bytes: &[u8]) {}

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64 ^ (key >> 64) as u64;
    }
}

pub(crate) type PapayaTable = papaya::HashMap<u128, Small, std::hash::BuildHasherDefault<Folded>>;

pub(crate) fn papaya_table(clients: usize) -> PapayaTable {
    let table = PapayaTable::default();
    let pinned = table.pin();
    for number in 0..clients as u64 {
        pinned.insert(key(number), small(number));
    }
    drop(pinned);
    table
}

/// What one writes first: everything as it comes, behind one lock.
#[expect(dead_code, reason = "some fields only take memory here, as they would anywhere")]
pub(crate) struct NaiveKey {
    id: String,
    account: String,
    scopes: Vec<String>,
    expires_at: Option<i64>,
    allowlist: Vec<IpNet>,
}

impl NaiveKey {
    pub(crate) fn allows(&self, ip: IpAddr) -> bool {
        self.expires_at.is_none_or(|end| MADE_AT.seconds() < end)
            && self.allowlist.iter().any(|net| net.contains(&ip))
    }
}

pub(crate) type NaiveTable = RwLock<HashMap<[u8; 32], Arc<NaiveKey>>>;

/// The naive table is keyed by the digest of the whole key; here by a stand-in that costs nothing.
pub(crate) fn naive_digest(number: u64) -> [u8; 32] {
    let key = key(number);
    let mut digest = [0; 32];
    digest[..16].copy_from_slice(&key.to_le_bytes());
    digest[16..].copy_from_slice(&key.rotate_left(64).to_le_bytes());
    digest
}

pub(crate) fn naive_table(clients: usize) -> NaiveTable {
    let mut table = HashMap::new();
    for number in 0..clients as u64 {
        let net = |(bits, length): (u32, u8)| {
            IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::from_bits(bits), length))
        };
        let naive = NaiveKey {
            id: id(number).to_string(),
            account: account_id(number).to_string(),
            scopes: SCOPES.iter().map(|scope| (*scope).to_owned()).collect(),
            expires_at: None,
            allowlist: networks(number).map(net).to_vec(),
        };
        table.insert(naive_digest(number), Arc::new(naive));
    }
    RwLock::new(table)
}

/// SHA-256 as a peer's key look-up would do it first.
pub(crate) fn sha256(text: &[u8]) -> u64 {
    digest(&SHA256, text).as_ref().iter().fold(0, |sum, byte| sum << 1 ^ u64::from(*byte))
}

pub(crate) fn ip(bits: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(bits))
}

/// The list of a client as networks.
pub(crate) fn network_list(number: u64) -> Vec<Network> {
    networks(number).into_iter().filter_map(|(bits, length)| v4(bits, length)).collect()
}
