//! Digests, and whole decisions in the process that asks.

use std::net::IpAddr;

use keyward_allowlist::ClientIp;
use keyward_core::attempt::{Attempt, Credential, Door, Evidence, Required};
use keyward_core::decide::decide;
use keyward_core::jwk::{Algorithm, KeySet};
use keyward_core::policy::{Freshness, Policy};
use keyward_core::secret::Environment;
use keyward_core::time::Clock as _;
use keyward_core::token::{Dialect, TokenClaims};
use keyward_server::clock::SystemClock;
use keyward_server::signing::SigningKey;

use crate::arguments::Arguments;
use crate::measure::{Contender, independent, race};
use crate::population;
use crate::report::{Table, ns, us};

const CLIENTS: usize = 10_000;
/// Different credentials that are shown in turn.
const SHOWN: usize = 1024;

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut table = Table::new(format!("One decision in memory, {CLIENTS} clients"));
    let looks = arguments.either(50_000, 10_000);
    digests(&mut table, looks * 4)?;
    let keys: Vec<SigningKey> =
        Algorithm::ALL.into_iter().map(SigningKey::generate).collect::<Result<_, _>>()?;
    let public: KeySet = keys.iter().map(SigningKey::public).collect();
    let policy = population::policy_with(CLIENTS, public.clone());
    by_secret(&mut table, &policy, looks)?;
    for key in &keys {
        by_token(&mut table, &policy, &public, key, looks)?;
    }
    table.note("each decision reads two clocks and looks at API, account and client list");
    table.print();
    Ok(())
}

fn digests(table: &mut Table, looks: usize) -> anyhow::Result<()> {
    let peppers = population::peppers();
    let texts: Vec<(String, String)> = (0..SHOWN as u64)
        .map(|n| (population::id(n).to_string(), population::secret(n).reveal().to_owned()))
        .collect();
    let refs: Vec<(&str, &str)> = texts.iter().map(|(id, s)| (id.as_str(), s.as_str())).collect();
    let times = race(
        "digests",
        looks,
        &mut [
            Contender::new("HMAC", |round| {
                independent(&refs, looks, round, |(id, secret)| {
                    peppers.hash(id, secret).mac != [0; 32]
                })
            }),
            Contender::new("SHA-256", |round| {
                independent(&refs, looks, round, |(_, secret)| {
                    population::sha256(secret.as_bytes()) != 0
                })
            }),
        ],
    )?;
    let peer = ("SHA-256 of the secret", times[1]);
    table.compare("HMAC-SHA-256 of id and secret", times[0], peer, None, ns);
    Ok(())
}

/// What is shown, from where.
type Shown<'a> = (Credential<'a>, IpAddr);

fn allowed(policy: &Policy, (credential, ip): Shown<'_>) -> bool {
    let attempt = Attempt {
        credential: Ok(credential),
        client_ip: Ok(ClientIp::from(ip)),
        evidence: Evidence::None,
        door: Door::Use(Required { audience: Some(population::AUDIENCE), ..Required::default() }),
    };
    decide(policy, &attempt, &SystemClock).is_allow()
}

fn by_secret(table: &mut Table, policy: &Policy, looks: usize) -> anyhow::Result<()> {
    let environment = Environment::default();
    let numbers = || (0..SHOWN as u64).map(|n| n * 9);
    let key_of = |id: u64, secret: u64| {
        population::secret(secret).api_key(&environment, &population::id(id))
    };
    let keys: Vec<String> = numbers().map(|n| key_of(n, n)).collect();
    let wrong: Vec<String> = numbers().map(|n| key_of(n, n + 1)).collect();
    let unknown: Vec<String> = numbers().map(|n| key_of(n | 1 << 48, n)).collect();
    let pairs: Vec<(String, String)> = numbers()
        .map(|n| (population::id(n).to_string(), population::secret(n).reveal().to_owned()))
        .collect();
    let ip =
        |allowed: bool| numbers().map(move |n| population::ip(population::address(n, allowed)));
    let with = |texts: &'_ [String], allowed| -> Vec<(usize, IpAddr)> {
        (0..texts.len()).zip(ip(allowed)).collect()
    };
    let here = with(&keys, true);
    let elsewhere = with(&keys, false);
    let mut one = |what: &str, good: bool, ask: &dyn Fn((usize, IpAddr)) -> bool, from: &[_]| {
        let times = race(
            what,
            looks,
            &mut [Contender::new("decide", |round| independent(from, looks, round, ask))],
        )?;
        let expected = ask(from[0]) == good;
        anyhow::ensure!(expected, "{what}: the decision is not the expected one");
        table.alone(what, times[0], None, ns);
        anyhow::Ok(())
    };
    let key = |(n, ip): (usize, IpAddr)| allowed(policy, (Credential::ApiKey(&keys[n]), ip));
    one("API key, allowed", true, &key, &here)?;
    one("API key, address not in the list", false, &key, &elsewhere)?;
    let key = |(n, ip): (usize, IpAddr)| allowed(policy, (Credential::ApiKey(&wrong[n]), ip));
    one("API key, wrong secret", false, &key, &here)?;
    let key = |(n, ip): (usize, IpAddr)| allowed(policy, (Credential::ApiKey(&unknown[n]), ip));
    one("API key, unknown client", false, &key, &here)?;
    let pair = |(n, ip): (usize, IpAddr)| {
        let (client, secret) = &pairs[n];
        allowed(policy, (Credential::Pair { client, secret }, ip))
    };
    one("Basic pair, allowed", true, &pair, &here)
}

/// The claims of a token for a client, valid now.
pub(crate) fn claims(number: u64, now_s: i64) -> TokenClaims {
    TokenClaims {
        issuer: population::ISSUER.into(),
        client: population::id(number),
        audience: population::AUDIENCE.to_owned(),
        scope: Some(population::SCOPES.join(" ")),
        issued_at_s: now_s,
        expires_at_s: now_s + 86_400,
        jti: Some(format!("bench-{number:016}")),
        organization: None,
        permissions: None,
        cnf: None,
        extra: Default::default(),
    }
}

fn by_token(
    table: &mut Table,
    policy: &Policy,
    public: &KeySet,
    key: &SigningKey,
    looks: usize,
) -> anyhow::Result<()> {
    let now_s = SystemClock.now().seconds();
    let count = 256_u64;
    let tokens: Vec<(String, IpAddr)> = (0..count)
        .map(|n| {
            let ip = population::ip(population::address(n, true));
            Ok((key.token(Dialect::Rfc9068, &claims(n, now_s))?, ip))
        })
        .collect::<anyhow::Result<_>>()?;
    let refs: Vec<(&str, IpAddr)> = tokens.iter().map(|(text, ip)| (text.as_str(), *ip)).collect();
    let ask = |(text, ip): (&str, IpAddr)| allowed(policy, (Credential::Token(text), ip));
    anyhow::ensure!(ask(refs[0]), "a good token is refused");
    let algorithm = key.algorithm();
    if algorithm == Algorithm::Es256 {
        let times = race(
            "token",
            looks,
            &mut [Contender::new("decide", |round| independent(&refs, looks, round, ask))],
        )?;
        table.alone("token, allowed, seen before", times[0], None, ns);
    }
    // New settings make every remembered token unknown again.
    let times = race(
        "new token",
        count as usize,
        &mut [Contender::new("decide", |_| {
            policy.set(population::settings(public.clone()), Freshness::Authority);
            refs.iter().filter(|shown| ask(**shown)).count() as u64
        })],
    )?;
    table.alone(format!("token {algorithm}, first time"), times[0] / 1e3, None, us);
    Ok(())
}
