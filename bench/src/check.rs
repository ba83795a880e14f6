//! The check endpoint over HTTP beside a trivial service.

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyward_core::gateway::Gateway;
use keyward_core::jwk::{Algorithm, KeySet};
use keyward_core::policy::Policy;
use keyward_core::time::Clock as _;
use keyward_server::clock::SystemClock;
use keyward_server::listen::CheckHandler;
use keyward_server::signing::SigningKey;
use metrics_exporter_prometheus::PrometheusBuilder;

use crate::arguments::Arguments;
use crate::callers::{Caller, MIXTURE, callers};
use crate::child::Part;
use crate::load::{Prepared, SERVER_CORE, Served};
use crate::measure::ROUNDS;
use crate::report::{Table, goal, plain, us};
use crate::{machine, population, serving};

pub(crate) const CLIENTS: usize = 10_000;

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let count = arguments.either(40_000, 10_000);
    let key = SigningKey::generate(Algorithm::EdDsa)?;
    let requests: Vec<Prepared> = callers(CLIENTS, &key)?.iter().map(request).collect();
    let any: Vec<Prepared> =
        requests.iter().map(|r| Prepared { bytes: r.bytes.clone(), status: 200 }).collect();
    let mut ours = Served::new(start_keyward("serve-check", &key)?)?;
    let mut trivial = Served::new(Part::start(&["serve-trivial"])?)?;
    let mut bare = Served::new(Part::start(&["serve-bare"])?)?;
    for round in 0..=ROUNDS {
        ours.round(&requests, count)?;
        trivial.round(&any, count)?;
        bare.round(&any, count)?;
        if round == 0 {
            ours.forget();
            bare.forget();
            trivial.forget();
        }
    }
    let mut table = Table::new(format!(
        "The check over HTTP, {CLIENTS} clients, mixed credentials and verdicts"
    ));
    let target = goal("times trivial", 1.3);
    let peer = ("hyper, answers 200", trivial.cpu_us());
    table.compare("server CPU per request", ours.cpu_us(), peer, target, us);
    let peer = ("hyper, answers 200", trivial.cpu_us());
    table.compare("  of it our listener and a router", bare.cpu_us(), peer, None, us);
    let peer = ("hyper, answers 200", trivial.per_s());
    table.compare("requests per second, best round", ours.per_s(), peer, None, plain);
    table.note(
        "each server in a process of its own with one worker, kept on one core; 32 kept \
         connections from the other core; every status checked; CPU from schedstat; no request log",
    );
    table.note(MIXTURE);
    table.print();
    Ok(())
}

fn request(caller: &Caller) -> Prepared {
    let Caller { header: (name, value), ip, status } = caller;
    let text = format!(
        "GET /v1/check/default HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Real-IP: {ip}\r\n{name}: {value}\r\n\r\n"
    );
    Prepared { bytes: text.into_bytes(), status: *status }
}

/// Starts a server over the population, which [`policy_for`] reads the key for.
pub(crate) fn start_keyward(words: &str, key: &SigningKey) -> anyhow::Result<Part> {
    let mut part = Part::start(&[words, &CLIENTS.to_string()])?;
    part.tell(&STANDARD.encode(key.to_pkcs8()?.as_slice()))?;
    Ok(part)
}

/// The population, with the key for its tokens from standard input.
pub(crate) fn policy_for(clients: usize) -> anyhow::Result<Policy> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let pkcs8 = STANDARD.decode(line.trim_end())?;
    let key = SigningKey::from_pkcs8(Algorithm::EdDsa, &pkcs8)?;
    let keys: KeySet = [key.public()].into_iter().collect();
    Ok(population::policy_with(clients, keys))
}

/// The gate as `keyward serve` runs it, with a made-up policy.
pub(crate) fn serve_keyward(clients: usize) -> anyhow::Result<()> {
    machine::pin_to_core(SERVER_CORE);
    let gateway = Gateway::built_in(SystemClock.now()).context("no built-in gateway")?;
    serving::serve_handler(CheckHandler(serving::gate(policy_for(clients)?, gateway)?))
}

/// Our listener before a router that answers 200: what the check itself does not cost.
pub(crate) fn serve_bare() -> anyhow::Result<()> {
    machine::pin_to_core(SERVER_CORE);
    PrometheusBuilder::new().install_recorder()?;
    serving::serve_handler(axum::Router::new().fallback(async || ()))
}
