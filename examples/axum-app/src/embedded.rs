//! Keyward in the application's own process.
//!
//! One process at a time holds a data folder, so an application cannot decide by the folder of a
//! `keyward serve` that runs beside it. It takes that server's place: it keeps the policy fresh and
//! serves the token endpoint and the management API itself. Only the gate, which other gateways
//! would ask, is not there.

use std::future::pending;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use keyward_gate::Events;
use keyward_gate::layer::KeywardLayer;
use keyward_server::listen::{ListenAddress, ListenOptions, bind, serve};
use keyward_server::management::LONG_BODIES;
use keyward_server::services::{Services, ServicesOptions};
use keyward_server::{jobs, public_router};
use tokio::sync::watch;

/// How Keyward runs in this process.
#[derive(Debug, Args)]
pub(crate) struct EmbeddedArguments {
    /// Decide in this process instead of asking a node
    #[arg(long, requires = "data")]
    pub(crate) embedded: bool,
    /// Keyward's data folder; made when it is missing
    #[arg(long, value_name = "DIR", requires = "embedded")]
    data: Option<PathBuf>,
    /// Where tokens are issued and Keyward is managed
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080", requires = "embedded")]
    public: ListenAddress,
}

/// Starts Keyward, and gives the layer that decides by its policy. It runs as long as the process.
pub(crate) async fn layer(
    arguments: &EmbeddedArguments,
    gateway: &str,
) -> anyhow::Result<KeywardLayer> {
    let public = bind(&arguments.public).await?;
    let issuer = format!("http://{}/", public.address()?);
    let data = arguments.data.clone().unwrap_or_default();
    let services = Services::open(ServicesOptions::new(data, issuer)).await?;
    tokio::spawn(run(Arc::clone(&services)));
    let mut options = ListenOptions::new("public");
    options.limits.body_bytes_at = LONG_BODIES;
    tokio::spawn(serve(public, public_router(&services), options, pending()));
    let gate = services.gate(Events::unheard());
    Ok(KeywardLayer::within(Arc::new(gate), gateway))
}

/// Without this the policy would be too old after half a minute, and everybody be refused.
async fn run(services: Arc<Services>) {
    let (_running, told) = watch::channel(false);
    jobs::keep_fresh(services, told).await;
}
