//! The token endpoint as `keyward serve` runs it.

use std::sync::Arc;

use keyward_allowlist::Network;
use keyward_core::actor::Actor;
use keyward_core::allowlist::Mode;
use keyward_core::api::Api;
use keyward_core::client::ClientGrant;
use keyward_core::jwk::Algorithm;
use keyward_core::token::Dialect;
use keyward_server::listen::{ListenOptions, bind, serve as listen};
use keyward_server::services::{Services, ServicesOptions};

use super::{CLIENTS, audience};
use crate::load::SERVER_CORE;
use crate::serving::{self, print_port};
use crate::{machine, population};

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
