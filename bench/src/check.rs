//! The check endpoint over HTTP beside a trivial service.

use std::convert::Infallible;
use std::io::BufRead as _;
use std::sync::Arc;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use keyward_core::gateway::Gateway;
use keyward_core::jwk::{Algorithm, KeySet};
use keyward_core::policy::{Change, Freshness};
use keyward_core::secret::Environment;
use keyward_core::time::Clock as _;
use keyward_core::token::Dialect;
use keyward_gate::{Events, Gate};
use keyward_server::clock::SystemClock;
use keyward_server::listen::{
    Bound, CheckHandler, Handler, ListenAddress, ListenOptions, bind, serve,
};
use keyward_server::signing::SigningKey;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::net::TcpListener;

use crate::arguments::Arguments;
use crate::child::Part;
use crate::decisions::claims;
use crate::lists::{Random, inside, v4};
use crate::load::{Prepared, SERVER_CORE, Served};
use crate::measure::ROUNDS;
use crate::report::{Table, goal, plain, us};
use crate::{machine, population};

const CLIENTS: usize = 10_000;

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let count = arguments.either(40_000, 10_000);
    let key = SigningKey::generate(Algorithm::EdDsa)?;
    let requests = requests(&key)?;
    let any: Vec<Prepared> =
        requests.iter().map(|r| Prepared { bytes: r.bytes.clone(), status: 200 }).collect();
    let mut part = Part::start(&["serve-check", &CLIENTS.to_string()])?;
    part.tell(&STANDARD.encode(key.to_pkcs8()?.as_slice()))?;
    let mut ours = Served::new(part)?;
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
    let target = goal("≤ trivial ×", 1.3);
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
    table.note(
        "60 % API keys, 25 % Basic, 15 % tokens seen before; 70 % allowed, 15 % wrong address, \
         10 % unknown, 5 % wrong secret",
    );
    table.print();
    Ok(())
}

/// One request of each client, shuffled by number.
fn requests(key: &SigningKey) -> anyhow::Result<Vec<Prepared>> {
    let environment = Environment::default();
    let now_s = SystemClock.now().seconds();
    let mut random = Random::new(3);
    let mut requests = Vec::with_capacity(CLIENTS);
    for _ in 0..CLIENTS {
        let number = random.below(CLIENTS as u64);
        let (verdict, form) = (random.below(100), random.below(100));
        let (shown, secret, allowed, status) = match verdict {
            0..70 => (number, number, true, 200),
            70..85 => (number, number, false, 403),
            85..95 => (number | 1 << 48, number, true, 401),
            _ => (number, number + 1, true, 401),
        };
        let id = population::id(shown);
        let secret = population::secret(secret);
        // A token has no secret that could be wrong.
        let form = if verdict >= 95 { form % 85 } else { form };
        let credential = match form {
            0..40 => format!("X-API-Key: {}", secret.api_key(&environment, &id)),
            40..60 => format!("Authorization: Bearer {}", secret.api_key(&environment, &id)),
            60..85 => {
                let pair = STANDARD.encode(format!("{id}:{}", secret.reveal()));
                format!("Authorization: Basic {pair}")
            }
            _ => {
                let token = key.token(Dialect::Rfc9068, &claims(shown, now_s))?;
                format!("Authorization: Bearer {token}")
            }
        };
        let networks = population::networks(number);
        let (bits, length) = networks[random.below(networks.len() as u64) as usize];
        let ip = match v4(bits, length) {
            Some(network) if allowed => inside(network, random.next()),
            _ => population::ip(population::address(number, false)),
        };
        let text = format!(
            "GET /v1/check/default HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Real-IP: {ip}\r\n{credential}\r\n\r\n"
        );
        requests.push(Prepared { bytes: text.into_bytes(), status });
    }
    Ok(requests)
}

/// One worker, so that servers are compared core by core.
pub(crate) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()
}

/// The gate as `keyward serve` runs it, with a made-up policy.
pub(crate) fn serve_keyward(clients: usize) -> anyhow::Result<()> {
    machine::pin_to_core(SERVER_CORE);
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let pkcs8 = STANDARD.decode(line.trim_end())?;
    let key = SigningKey::from_pkcs8(Algorithm::EdDsa, &pkcs8)?;
    let keys: KeySet = [key.public()].into_iter().collect();
    let policy = Arc::new(population::policy_with(clients, keys));
    let gateway = Gateway::built_in(SystemClock.now()).context("no built-in gateway")?;
    let changes = vec![Change::Gateway(Box::new(gateway))];
    policy.apply(policy.revision() + 1, changes, Freshness::Authority);
    PrometheusBuilder::new().install_recorder()?;
    let gate = Gate::new(policy, Arc::new(SystemClock), Events::unheard());
    runtime()?.block_on(serve_handler(CheckHandler(Arc::new(gate))))
}

pub(crate) fn print_port(bound: &Bound) -> anyhow::Result<()> {
    if let ListenAddress::Tcp(address) = bound.address()? {
        println!("{}", address.port());
    }
    Ok(())
}

/// Our listener before a router that answers 200: what the check itself does not cost.
pub(crate) fn serve_bare() -> anyhow::Result<()> {
    machine::pin_to_core(SERVER_CORE);
    PrometheusBuilder::new().install_recorder()?;
    runtime()?.block_on(serve_handler(axum::Router::new().fallback(async || ())))
}

async fn serve_handler(handler: impl Handler) -> anyhow::Result<()> {
    let bound = bind(&"127.0.0.1:0".parse()?).await?;
    print_port(&bound)?;
    let options = ListenOptions::new("gate");
    tokio::spawn(serve(bound, handler, options, std::future::pending())).await?;
    Ok(())
}

/// As little as a service can do: read the head, answer 200.
pub(crate) fn serve_trivial() -> anyhow::Result<()> {
    machine::pin_to_core(SERVER_CORE);
    let served = async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?.port());
        let accepting = async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                // Answers must not wait for more to send.
                let _ = stream.set_nodelay(true);
                let service = hyper::service::service_fn(answer_200);
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        };
        tokio::spawn(accepting).await?;
        anyhow::Ok(())
    };
    runtime()?.block_on(served)
}

async fn answer_200(_request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, Infallible> {
    Ok(Response::new(Empty::new()))
}
