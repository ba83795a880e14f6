//! Tokens over HTTP: Keyward and npm's oidc-provider in turn, by the CPU time of each.

use std::net::SocketAddr;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyward_core::jwk::Algorithm;
use keyward_server::signing::SigningKey;
use serde_json::Value;

use crate::arguments::Arguments;
use crate::child::Part;
use crate::load::{self, Figures, Prepared};
use crate::measure::{ROUNDS, precise, thread_cpu_ns, wall_ns};
use crate::report::{Goal, Table, at_least, goal, plain, us};
use crate::tokens::{Bare, signed_by};
use crate::{machine, population};

pub(crate) mod keyward;
mod oidc_provider;

use oidc_provider::OidcProvider;

/// Clients that ask for tokens.
const CLIENTS: u64 = 100;
/// Requests before anything is measured, for the peer's compiler.
const WARM_UP: usize = 4000;

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().to_str().context("a temporary folder with an odd name")?;
    let mut ours = Issuer::keyward(path)?;
    let mut peer = OidcProvider::start()?.map(Issuer::oidc_provider);
    let mut table = Table::new("Issuing tokens over HTTP");
    for issuer in peer.iter_mut().chain([&mut ours]) {
        let requests = issuer.requests(Algorithm::EdDsa);
        issuer.round(&requests, arguments.either(WARM_UP, 500))?;
    }
    for algorithm in Algorithm::ALL {
        compare(&mut table, arguments, algorithm, &mut ours, peer.as_mut())?;
    }
    match &peer {
        Some(peer) => table.note(format!("oidc-provider {}", peer.version)),
        None => {
            table.absent("oidc-provider", "not installed: scripts/setup.sh issuers, Node.js 20")
        }
    }
    table.note(
        "client_secret_post, form, one audience, two scopes; JWTs of RFC 9068 with the same \
         claims; each server on one core, kept connections; CPU of the whole process from \
         schedstat, that of HTTP and JSON included",
    );
    table.note(
        "Keyward: secrets as HMAC, a store on disk, an allowlist enforced for each client; \
         oidc-provider: everything in memory, no list",
    );
    table.print();
    Ok(())
}

fn compare(
    table: &mut Table,
    arguments: &Arguments,
    algorithm: Algorithm,
    ours: &mut Issuer,
    mut peer: Option<&mut Issuer>,
) -> anyhow::Result<()> {
    let is_rsa = matches!(algorithm, Algorithm::Rs256 | Algorithm::Ps256);
    let count = arguments.either(if is_rsa { 800 } else { 2000 }, 300);
    let mut bare = BareSignatures::new(algorithm)?;
    let shape = ours.look(algorithm)?;
    if let Some(peer) = &mut peer {
        let theirs = peer.look(algorithm)?;
        table.note(format!("{algorithm}: {shape}; oidc-provider: {theirs}"));
    }
    for round in 0..=arguments.either(ROUNDS, 3) {
        for issuer in peer.iter_mut().map(|peer| &mut **peer).chain([&mut *ours]) {
            let requests = issuer.requests(algorithm);
            issuer.round(&requests, count)?;
            if round == 0 {
                issuer.figures = Figures::default();
            }
        }
        bare.round(count);
    }
    let cpu = ours.figures.cpu_us();
    let (tenfold, least) = goals(algorithm);
    if let Some(peer) = peer {
        let (name, theirs) = ("oidc-provider", &peer.figures);
        let what = format!("{algorithm}: POST for a token, CPU");
        table.compare(what, cpu, (name, theirs.cpu_us()), None, us);
        let what = format!("{algorithm}: tokens per CPU second");
        table.compare(what, 1e6 / cpu, (name, 1e6 / theirs.cpu_us()), tenfold, plain);
        let what = format!("{algorithm}: tokens per second, best round");
        table.compare(what, ours.figures.per_s(), (name, theirs.per_s()), None, plain);
    }
    let what = format!("{algorithm}: POST for a token, CPU");
    table.compare(what, cpu, ("bare aws-lc-rs signature", bare.cpu_us), least, us);
    Ok(())
}

/// What is wanted of the tokens per second beside the peer's, and of the time beside the bare
/// signature's.
fn goals(algorithm: Algorithm) -> (Option<Goal>, Option<Goal>) {
    match algorithm {
        Algorithm::Es256 | Algorithm::EdDsa => (at_least("times its tokens", 8.0), None),
        Algorithm::Rs256 => (None, goal("times bare", 1.3)),
        Algorithm::Ps256 => (None, None),
    }
}

/// The signature alone, by the library, in this process.
struct BareSignatures {
    bare: Bare,
    input: String,
    /// The least of all rounds.
    cpu_us: f64,
}

impl BareSignatures {
    fn new(algorithm: Algorithm) -> anyhow::Result<Self> {
        let key = SigningKey::generate(algorithm)?;
        Ok(Self { bare: Bare::new(&key)?, input: signed_by(&key), cpu_us: f64::INFINITY })
    }

    fn round(&mut self, count: usize) {
        let start = thread_cpu_ns();
        let signed = (0..count).filter(|_| self.bare.sign(self.input.as_bytes())).count();
        let spent = thread_cpu_ns() - start;
        self.cpu_us = self.cpu_us.min(precise(spent) / 1e3 / signed as f64);
    }
}

fn audience(algorithm: Algorithm) -> String {
    format!("https://{}.example.com/", algorithm.name().to_lowercase())
}

enum Process {
    Keyward(Part),
    OidcProvider(OidcProvider),
}

/// A running server that issues tokens.
struct Issuer {
    process: Process,
    address: SocketAddr,
    figures: Figures,
    version: String,
}

impl Issuer {
    fn keyward(folder: &str) -> anyhow::Result<Self> {
        let mut part = Part::start(&["serve-tokens", folder])?;
        let port: u16 = part.line()?.parse().context("the server wrote no port")?;
        Ok(Self::new(Process::Keyward(part), port, String::new()))
    }

    fn oidc_provider(peer: OidcProvider) -> Self {
        let (port, version) = (peer.port, peer.version.clone());
        Self::new(Process::OidcProvider(peer), port, version)
    }

    fn new(process: Process, port: u16, version: String) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        Self { process, address, figures: Figures::default(), version }
    }

    fn cpu_ns(&self) -> anyhow::Result<u64> {
        match &self.process {
            Process::Keyward(part) => machine::process_cpu_ns(part.pid()),
            Process::OidcProvider(peer) => peer.cpu_ns(),
        }
    }

    fn round(&mut self, requests: &[Prepared], count: usize) -> anyhow::Result<()> {
        let before = self.cpu_ns()?;
        let start = wall_ns();
        load::drive(self.address, requests, count)?;
        let wall = wall_ns() - start;
        self.figures.add(count, self.cpu_ns()? - before, wall);
        Ok(())
    }

    /// One request of each client.
    fn requests(&self, algorithm: Algorithm) -> Vec<Prepared> {
        let (path, resource) = match &self.process {
            Process::Keyward(_) => ("/oauth/token", "audience"),
            Process::OidcProvider(_) => ("/token", "resource"),
        };
        let request = |number| {
            let body = format!(
                "grant_type=client_credentials&client_id={}&client_secret={}\
                 &{resource}=https%3A%2F%2F{}.example.com%2F&scope={}",
                population::id(number),
                population::secret(number).reveal(),
                algorithm.name().to_lowercase(),
                population::SCOPES.join("+").replace(':', "%3A"),
            );
            let text = format!(
                "POST {path} HTTP/1.1\r\nHost: {}\r\n\
                 Content-Type: application/x-www-form-urlencoded\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                self.address,
                body.len()
            );
            Prepared { bytes: text.into_bytes(), status: 200 }
        };
        (0..CLIENTS).map(request).collect()
    }

    /// Looks at one answer, so that the same is compared: says what the token holds.
    fn look(&self, algorithm: Algorithm) -> anyhow::Result<String> {
        let requests = self.requests(algorithm);
        let body = load::ask(self.address, requests.first().context("no client")?)?;
        let body: Value = serde_json::from_slice(&body)?;
        ensure!(body["scope"] == population::SCOPES.join(" "), "the scope is {}", body["scope"]);
        ensure!(body["expires_in"] == 86_400, "it lasts {}", body["expires_in"]);
        let token = body["access_token"].as_str().context("no token")?;
        let part = |place: usize| -> anyhow::Result<Value> {
            let text = token.split('.').nth(place).context("no JWT")?;
            Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text)?)?)
        };
        let (header, claims) = (part(0)?, part(1)?);
        ensure!(header["alg"] == algorithm.name(), "the algorithm is {}", header["alg"]);
        ensure!(header["typ"] == "at+jwt", "the type is {}", header["typ"]);
        ensure!(claims["aud"] == audience(algorithm), "the audience is {}", claims["aud"]);
        let claims = claims.as_object().context("no claims")?;
        let names: Vec<&str> = claims.keys().map(String::as_str).collect();
        Ok(format!("a token of {} bytes with {}", token.len(), names.join(", ")))
    }
}
