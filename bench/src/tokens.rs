//! Issuing tokens: the signature, the whole token, and the token endpoint.

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyward_allowlist::Network;
use keyward_core::actor::Actor;
use keyward_core::allowlist::Mode;
use keyward_core::api::Api;
use keyward_core::client::ClientGrant;
use keyward_core::jwk::Algorithm;
use keyward_core::jws;
use keyward_core::time::Clock as _;
use keyward_core::token::Dialect;
use keyward_server::clock::SystemClock;
use keyward_server::listen::{ListenOptions, bind, serve as listen};
use keyward_server::services::{Services, ServicesOptions};
use keyward_server::signing::SigningKey;

use crate::arguments::Arguments;
use crate::child::Part;
use crate::decisions::claims;
use crate::load::{Prepared, SERVER_CORE, Served};
use crate::measure::{Contender, race};
use crate::report::{Table, plain, us};
use crate::serving::{self, print_port};
use crate::{machine, population};

/// Clients that ask for tokens.
const CLIENTS: u64 = 100;

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut table = Table::new("Issuing tokens");
    for algorithm in Algorithm::ALL {
        signing(&mut table, arguments, algorithm)?;
    }
    let folder = tempfile::tempdir()?;
    let path = folder.path().to_str().map(str::to_owned).unwrap_or_default();
    let mut server = Served::new(Part::start(&["serve-tokens", &path])?)?;
    let rounds = arguments.either(5, 3);
    for algorithm in Algorithm::ALL {
        let is_rsa = matches!(algorithm, Algorithm::Rs256 | Algorithm::Ps256);
        let count = arguments.either(if is_rsa { 1500 } else { 6000 }, 500);
        let requests = requests(algorithm);
        for _ in 0..rounds {
            server.round(&requests, count)?;
        }
        let what = format!("{algorithm}: POST /oauth/token, server CPU");
        table.alone(what, server.cpu_us(), None, us);
        let what = format!("{algorithm}: tokens per second and core, by CPU time");
        table.alone(what, 1e6 / server.cpu_us(), None, plain);
        server.forget();
    }
    table.note(
        "POST /oauth/token: Basic, form, allowlist enforced, kept connections, one worker on one \
         core; includes HMAC, decision, jti and HTTP",
    );
    table.print();
    Ok(())
}

/// The bare signature of the library, with nothing of ours around it.
enum Bare {
    Rsa(Box<RsaKeyPair>, &'static dyn RsaEncoding),
    P256(Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

impl Bare {
    fn new(key: &SigningKey) -> anyhow::Result<Self> {
        let pkcs8 = key.to_pkcs8()?;
        Ok(match key.algorithm() {
            Algorithm::Rs256 => {
                Self::Rsa(Box::new(RsaKeyPair::from_pkcs8(&pkcs8)?), &RSA_PKCS1_SHA256)
            }
            Algorithm::Ps256 => {
                Self::Rsa(Box::new(RsaKeyPair::from_pkcs8(&pkcs8)?), &RSA_PSS_SHA256)
            }
            Algorithm::Es256 => Self::P256(Box::new(EcdsaKeyPair::from_pkcs8(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                &pkcs8,
            )?)),
            Algorithm::EdDsa => Self::Ed25519(Box::new(Ed25519KeyPair::from_pkcs8(&pkcs8)?)),
        })
    }

    fn sign(&self, message: &[u8]) -> bool {
        match self {
            Self::Rsa(pair, encoding) => {
                let mut signature = [0; 256];
                pair.sign(*encoding, &SystemRandom::new(), message, &mut signature).is_ok()
            }
            Self::P256(pair) => pair.sign(&SystemRandom::new(), message).is_ok(),
            Self::Ed25519(pair) => pair.try_sign(message).is_ok(),
        }
    }
}

fn signing(table: &mut Table, arguments: &Arguments, algorithm: Algorithm) -> anyhow::Result<()> {
    let key = SigningKey::generate(algorithm)?;
    let bare = Bare::new(&key)?;
    let count = arguments.either(200, 50);
    let claims = claims(1, SystemClock.now().seconds());
    let header = jws::encode_header(algorithm, Dialect::Rfc9068.typ(), key.kid());
    let input = jws::signing_input(&header, claims.to_json(Dialect::Rfc9068).as_bytes());
    let issue = || key.token(Dialect::Rfc9068, &claims).is_ok();
    let times = race(
        algorithm.name(),
        count,
        &mut [
            Contender::new("token", |_| (0..count).map(|_| u64::from(issue())).sum()),
            Contender::new("signature", |_| {
                (0..count).map(|_| u64::from(bare.sign(input.as_bytes()))).sum()
            }),
        ],
    )?;
    let peer = ("bare aws-lc-rs signature", times[1] / 1e3);
    table.compare(format!("{algorithm}: whole token"), times[0] / 1e3, peer, None, us);
    Ok(())
}

fn audience(algorithm: Algorithm) -> String {
    format!("https://{}.example.com/", algorithm.name().to_lowercase())
}

fn requests(algorithm: Algorithm) -> Vec<Prepared> {
    let body = format!(
        "grant_type=client_credentials&audience=https%3A%2F%2F{}.example.com%2F",
        algorithm.name().to_lowercase()
    );
    let request = |number| {
        let secret = population::secret(number);
        let pair = STANDARD.encode(format!("{}:{}", population::id(number), secret.reveal()));
        let text = format!(
            "POST /oauth/token HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic {pair}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        Prepared { bytes: text.into_bytes(), status: 200 }
    };
    (0..CLIENTS).map(request).collect()
}

/// The public listener on a fresh store.
pub(crate) fn serve(folder: &str) -> anyhow::Result<()> {
    machine::pin_to_core(SERVER_CORE);
    let served = async {
        let options = ServicesOptions::new(folder, population::ISSUER);
        let services = Services::open(options).await?;
        populate(&services).await?;
        let router = keyward_server::public_router(&services);
        let bound = bind(&"127.0.0.1:0".parse()?).await?;
        print_port(&bound)?;
        let refresh = Arc::clone(&services);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                // A store that does not answer shows as refused requests.
                let _ = refresh.refresh().await;
            }
        });
        let options = ListenOptions::new("public");
        tokio::spawn(listen(bound, router, options, std::future::pending())).await?;
        anyhow::Ok(())
    };
    serving::runtime()?.block_on(served)
}

/// An API per algorithm, and clients that may get tokens for all of them from this machine.
async fn populate(services: &Arc<Services>) -> anyhow::Result<()> {
    let now = services.now();
    let actor = Actor::system("benchmark");
    let mut tx = services.store.begin(&actor, "benchmark", now).await?;
    let mut apis = Vec::new();
    for algorithm in Algorithm::ALL {
        let mut api = Api::new(services.new_api_id()?, &audience(algorithm), "Things", now);
        api.scopes = population::api().scopes;
        api.signing_algorithm = algorithm;
        api.dialect = Dialect::Rfc9068;
        tx.insert_api(&api).await?;
        apis.push(api.id);
    }
    let loopback: Network = "127.0.0.0/8".parse()?;
    for number in 0..CLIENTS {
        let mut client = population::client(number, &population::peppers());
        client.account = None;
        client.allowlist.mode = Mode::Enforce;
        client.allowlist.entries.truncate(1);
        for entry in &mut client.allowlist.entries {
            entry.network = loopback;
        }
        for secret in &mut client.secrets {
            secret.hash = services.hash_secret(&client.id, &population::secret(number));
        }
        tx.insert_client(&client).await?;
        for api in &apis {
            let grant = ClientGrant {
                id: services.new_grant_id()?,
                api: api.clone(),
                ..population::grant(number)
            };
            tx.insert_grant(&grant).await?;
        }
    }
    services.commit(tx).await?;
    Ok(())
}
