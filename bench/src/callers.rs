//! Callers: who shows what from where, and how they must be answered.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyward_core::secret::Environment;
use keyward_core::time::Clock as _;
use keyward_core::token::Dialect;
use keyward_server::clock::SystemClock;
use keyward_server::signing::SigningKey;

use crate::decisions::claims;
use crate::lists::{Random, inside, v4};
use crate::population;

/// What [`callers`] are like, for the notes of a table.
pub(crate) const MIXTURE: &str = "60 % API keys, 25 % Basic, 15 % tokens seen before; 70 % allowed, \
                                  15 % wrong address, 10 % unknown, 5 % wrong secret";

/// Somebody who asks.
pub(crate) struct Caller {
    /// Name and value of the header that shows the credential.
    pub(crate) header: (&'static str, String),
    pub(crate) ip: IpAddr,
    /// What the caller must be answered: 200, 401 or 403.
    pub(crate) status: u16,
}

/// One caller for each of the first clients of the population, shuffled by number.
pub(crate) fn callers(clients: usize, key: &SigningKey) -> anyhow::Result<Vec<Caller>> {
    let environment = Environment::default();
    let now_s = SystemClock.now().seconds();
    let mut random = Random::new(3);
    let mut callers = Vec::with_capacity(clients);
    for _ in 0..clients {
        let number = random.below(clients as u64);
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
        let header = match form {
            0..40 => ("X-API-Key", secret.api_key(&environment, &id)),
            40..60 => ("Authorization", format!("Bearer {}", secret.api_key(&environment, &id))),
            60..85 => {
                let pair = STANDARD.encode(format!("{id}:{}", secret.reveal()));
                ("Authorization", format!("Basic {pair}"))
            }
            _ => {
                let token = key.token(Dialect::Rfc9068, &claims(shown, now_s))?;
                ("Authorization", format!("Bearer {token}"))
            }
        };
        let networks = population::networks(number);
        let (bits, length) = networks[random.below(networks.len() as u64) as usize];
        let ip = match v4(bits, length) {
            Some(network) if allowed => inside(network, random.next()),
            _ => population::ip(population::address(number, false)),
        };
        callers.push(Caller { header, ip, status });
    }
    Ok(callers)
}
