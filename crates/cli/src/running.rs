//! A server that runs: its listeners and jobs, until it is told to stop.

use std::path::PathBuf;
use std::sync::Arc;

use keyward_gate::{Events, Gate, Gateways};
use keyward_server::listen::{
    Bound, ListenAddress, ListenOptions, bind, raise_open_files_limit, serve, tls_config,
};
use keyward_server::services::{Services, ServicesOptions};
use keyward_server::{jobs, ops};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::Config;

/// A running server.
pub(crate) struct Running {
    /// The real address of the public listener.
    pub(crate) public: ListenAddress,
    /// The real address of the gate.
    pub(crate) gate: ListenAddress,
    /// The real address of the ops listener.
    pub(crate) ops: ListenAddress,
    /// What the handlers work with.
    pub(crate) services: Arc<Services>,
    shutdown: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Running {
    /// Binds all listeners, opens the store, and serves.
    ///
    /// # Errors
    /// What is wrong, where, and what to do. Nothing is served then.
    pub(crate) async fn start(config: &Config, metrics: PrometheusHandle) -> anyhow::Result<Self> {
        raise_open_files_limit();
        let tls = config.tls.as_ref().map(|(cert, key)| tls_config(cert, key)).transpose()?;
        let public = bind(&config.public).await?;
        let gate = bind(&config.gate).await?;
        let ops_bound = bind(&config.ops).await?;
        let issuer = match &config.issuer {
            Some(issuer) => issuer.clone(),
            None => issuer_of(&public.address()?, tls.is_some()),
        };
        let services = Services::open(options(config, &issuer)).await?;
        let (shutdown, told) = watch::channel(false);
        let mut running = Self {
            public: public.address()?,
            gate: gate.address()?,
            ops: ops_bound.address()?,
            services: Arc::clone(&services),
            shutdown,
            tasks: JoinSet::new(),
        };
        let mut public_options = ListenOptions::new("public");
        public_options.tls = tls;
        public_options.proxy_protocol = Some(config.public_address.clone())
            .filter(|rule| rule.source == keyward_allowlist::Source::ProxyProtocol);
        running.listen(public, keyward_server::public_router(&services), public_options);
        let check = keyward_gate::router(Arc::new(new_gate(config, &services)));
        let mut gate_options = ListenOptions::new("gate");
        // Checks never read a body; some gateways announce the caller's all the same.
        gate_options.limits.body_bytes = u64::MAX;
        running.listen(gate, check, gate_options);
        let ops = ops::Ops {
            policy: Arc::clone(&services.policy),
            clock: Arc::clone(&services.clock),
            metrics,
        };
        running.listen(ops_bound, ops::router(ops), ListenOptions::new("ops"));
        running.tasks.spawn(jobs::keep_fresh(services, told));
        Ok(running)
    }

    /// Spawns a listener that ends with this server.
    pub(crate) fn listen(&mut self, bound: Bound, router: axum::Router, options: ListenOptions) {
        let mut told = self.shutdown.subscribe();
        self.tasks.spawn(async move {
            let stop = async move {
                let _ = told.wait_for(|stop| *stop).await;
            };
            serve(bound, router, options, stop).await;
        });
    }

    /// Stops accepting, lets requests finish, closes the store.
    pub(crate) async fn stop(mut self) {
        let _ = self.shutdown.send(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Waits until the process is asked to end.
///
/// # Errors
/// When the signals cannot be listened for.
pub(crate) async fn asked_to_end() -> anyhow::Result<&'static str> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
}

fn options(config: &Config, issuer: &str) -> ServicesOptions {
    let mut options = ServicesOptions::new(PathBuf::from(&config.data), issuer);
    options.public_address = config.public_address.clone();
    options.disclosure = config.disclosure;
    options.default_audience.clone_from(&config.default_audience);
    options.staleness_ms_max = config.staleness_ms_max;
    options
}

fn new_gate(config: &Config, services: &Services) -> Gate {
    let gateways = if config.default_gateway {
        Gateways::built_in(config.disclosure)
    } else {
        Gateways::none()
    };
    let (policy, clock) = (Arc::clone(&services.policy), Arc::clone(&services.clock));
    Gate::new(policy, clock, gateways, Events::unheard())
}

/// Without an external URL the listener's own address is one, as far as it can be reached.
fn issuer_of(address: &ListenAddress, tls: bool) -> String {
    let scheme = if tls { "https" } else { "http" };
    match address {
        ListenAddress::Tcp(tcp) if !tcp.ip().is_unspecified() => format!("{scheme}://{tcp}/"),
        ListenAddress::Tcp(tcp) => format!("{scheme}://localhost:{}/", tcp.port()),
        ListenAddress::Unix(_) => format!("{scheme}://localhost/"),
    }
}
