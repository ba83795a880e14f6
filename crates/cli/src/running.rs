//! A server that runs: its listeners and jobs, until it is told to stop.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::bail;
use keyward_actions::{Failure, SandboxReport};
use keyward_core::client::State;
use keyward_core::gateway::{DEFAULT_GATEWAY, Protocol};
use keyward_gate::{Events, Gate};
use keyward_server::listen::{
    Bound, CheckHandler, ClientAuthorities, GrpcHandler, Handler, ListenAddress, ListenOptions,
    bind, dev_tls, raise_open_files_limit, serve, tls_config, tls_config_asking_clients,
    tls_config_with_clients,
};
use keyward_server::services::{Services, ServicesOptions};
use keyward_server::{jobs, ops};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::{Config, GateTls};

/// Alarms that wait to be counted.
const ALARMS_QUEUED_MAX: usize = 1_024;
/// Calls at once on one connection of Envoy, which opens few.
const GRPC_STREAMS: u32 = 1_024;

/// A running server.
pub(crate) struct Running {
    /// The real address of the public listener.
    pub(crate) public: ListenAddress,
    /// The real address of the gate.
    pub(crate) gate: ListenAddress,
    /// The real address of the gate for gRPC, when it is open.
    pub(crate) grpc: Option<ListenAddress>,
    /// The real address of the ops listener.
    pub(crate) ops: ListenAddress,
    /// What clients must trust, when the certificate is of this machine's own making.
    pub(crate) authority: Option<PathBuf>,
    /// What holds the workers of Actions, or why there are none.
    pub(crate) sandbox: Result<SandboxReport, Failure>,
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
        let tls = config.tls.as_ref();
        let mut tls = tls.map(|(cert, key)| tls_config_asking_clients(cert, key)).transpose()?;
        let gate_tls = config.gate_tls.as_ref().map(read_gate_tls).transpose()?;
        let public = bind(&config.public).await?;
        let gate = bind(&config.gate).await?;
        let grpc = bind_grpc(config).await?;
        let ops_bound = bind(&config.ops).await?;
        let issuer = match &config.issuer {
            Some(issuer) => issuer.clone(),
            None => issuer_of(&public.address()?, tls.is_some(), config.dev_tls),
        };
        let services = Services::open(options(config, &issuer)?).await?;
        let mut authority = None;
        if config.dev_tls {
            check_dev_issuer(&services.issuer, &issuer)?;
            let files = dev_tls(&config.data, services.now())?;
            tls = Some(tls_config_asking_clients(&files.pair, &files.pair)?);
            authority = Some(files.authority);
        }
        let encrypted = gate_tls.is_some();
        check_reach("gate", &config.gate, Protocol::Http, encrypted, &services)?;
        if let Some(address) = &config.grpc {
            check_reach("grpc", address, Protocol::Grpc, encrypted, &services)?;
        }
        let (shutdown, told) = watch::channel(false);
        let sandbox = services.actions.start().await;
        let mut running = Self {
            public: public.address()?,
            gate: gate.address()?,
            grpc: grpc.as_ref().map(Bound::address).transpose()?,
            ops: ops_bound.address()?,
            authority,
            sandbox,
            services: Arc::clone(&services),
            shutdown,
            tasks: JoinSet::new(),
        };
        let mut public_options = ListenOptions::new("public");
        public_options.tls = tls;
        public_options.limits.body_bytes_at = keyward_server::management::LONG_BODIES;
        public_options.proxy_protocol = Some(config.public_address.clone())
            .filter(|rule| rule.source == keyward_allowlist::Source::ProxyProtocol);
        running.listen(public, keyward_server::public_router(&services), public_options);
        let checks = Arc::new(running.new_gate(config));
        let mut gate_options = ListenOptions::new("gate");
        // Checks never read a body; some gateways announce the caller's all the same.
        gate_options.limits.body_bytes = u64::MAX;
        gate_options.tls.clone_from(&gate_tls);
        running.listen(gate, CheckHandler(Arc::clone(&checks)), gate_options);
        if let Some(grpc) = grpc {
            let mut grpc_options = ListenOptions::new("grpc");
            grpc_options.limits.http2_streams = GRPC_STREAMS;
            grpc_options.tls = gate_tls;
            running.listen(grpc, GrpcHandler(checks), grpc_options);
        }
        let ops = ops::Ops {
            policy: Arc::clone(&services.policy),
            clock: Arc::clone(&services.clock),
            metrics,
        };
        running.listen(ops_bound, ops::router(ops), ListenOptions::new("ops"));
        running.tasks.spawn(jobs::keep_logs(Arc::clone(&services), told.clone()));
        let deliver = jobs::log_streams::deliver_logs(Arc::clone(&services), told.clone());
        running.tasks.spawn(deliver);
        running.tasks.spawn(jobs::keep_counts(Arc::clone(&services), told.clone()));
        running.tasks.spawn(jobs::keep_fresh(services, told));
        Ok(running)
    }

    /// The gate, with somebody who counts its alarms.
    fn new_gate(&mut self, config: &Config) -> Gate {
        let (events, alarms) = Events::unheard().with_alarms(ALARMS_QUEUED_MAX);
        self.tasks.spawn(jobs::note_alarms(Arc::clone(&self.services), alarms));
        let gate = self.services.gate(events);
        if config.default_gateway { gate } else { gate.without_default_gateway() }
    }

    /// Spawns a listener that ends with this server.
    pub(crate) fn listen(&mut self, bound: Bound, handler: impl Handler, options: ListenOptions) {
        let mut told = self.shutdown.subscribe();
        self.tasks.spawn(async move {
            let stop = async move {
                let _ = told.wait_for(|stop| *stop).await;
            };
            serve(bound, handler, options, stop).await;
        });
    }

    /// Stops accepting, lets requests finish, closes the store.
    pub(crate) async fn stop(mut self) {
        let _ = self.shutdown.send(true);
        self.services.actions.close();
        while self.tasks.join_next().await.is_some() {}
        // What the last requests told.
        if let Err(error) = self.services.logs.write_all(&self.services.store).await {
            tracing::error!(%error, "the last log events are lost");
        }
        let now = self.services.now();
        let executions = &self.services.actions.executions;
        if let Err(error) = executions.write(&self.services.store, now).await {
            tracing::error!(%error, "the last executions of Actions are lost");
        }
        // Requests that were under way have counted as well.
        if let Err(error) = self.services.keep_counts().await {
            tracing::error!(%error, "counts of issued tokens cannot be kept");
        }
        // In order, so that the write-ahead log is folded into the database file.
        self.services.store.clone().close().await;
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

fn options(config: &Config, issuer: &str) -> anyhow::Result<ServicesOptions> {
    let mut options = ServicesOptions::new(PathBuf::from(&config.data), issuer);
    options.issuer_is_derived = config.issuer.is_none();
    options.public_address = config.public_address.clone();
    options.disclosure = config.disclosure;
    options.default_audience.clone_from(&config.default_audience);
    options.staleness_ms_max = config.staleness_ms_max;
    options.log_limits = config.log_events.limits;
    options.log_stream_networks = config.log_events.networks.clone();
    options.actions = config.actions.clone();
    options.client_authorities =
        config.tls_client_ca.as_deref().map(ClientAuthorities::read).transpose()?;
    options.asks_client_certificates = config.tls.is_some() || config.dev_tls;
    Ok(options)
}

/// Opens the listener for gRPC. A default that is taken already is done without: nobody asked for
/// it, and two servers on one machine are no mistake.
async fn bind_grpc(config: &Config) -> anyhow::Result<Option<Bound>> {
    let Some(address) = &config.grpc else { return Ok(None) };
    match bind(address).await {
        Ok(bound) => Ok(Some(bound)),
        Err(error) if config.grpc_is_named => Err(error.into()),
        Err(error) => {
            tracing::warn!(%error, "gRPC is off; give it an address with --grpc");
            Ok(None)
        }
    }
}

fn read_gate_tls(tls: &GateTls) -> anyhow::Result<Arc<rustls::ServerConfig>> {
    let GateTls { certificate, key, authorities } = tls;
    Ok(match authorities {
        Some(authorities) => tls_config_with_clients(certificate, key, authorities)?,
        None => tls_config(certificate, key)?,
    })
}

/// Security: other machines can only reach a gate where some gateway shows who it is. The gateway
/// `default` is for this machine alone.
fn check_reach(
    setting: &str,
    address: &ListenAddress,
    protocol: Protocol,
    encrypted: bool,
    services: &Services,
) -> anyhow::Result<()> {
    if address.is_local() {
        return Ok(());
    }
    if !encrypted {
        tracing::warn!(
            %address,
            "{setting}: callers' keys and gateways' tokens come to other machines' reach in clear; \
             set gate_tls_cert and gate_tls_key unless the network between is encrypted",
        );
    }
    let is_for_it = |record: &Arc<keyward_core::policy::GatewayRecord>| {
        let gateway = &record.gateway;
        gateway.id.as_str() != DEFAULT_GATEWAY
            && gateway.kind.protocol() == protocol
            && gateway.state == State::Active
    };
    if services.policy.gateways().iter().any(is_for_it) {
        return Ok(());
    }
    let kind = match protocol {
        Protocol::Http => "nginx",
        Protocol::Grpc => "envoy-grpc",
    };
    bail!(
        "{setting}: {address} can be reached from other machines, and no gateway is registered that \
         asks there; register one first (keyward gateway create NAME --kind {kind} --token), or \
         listen on 127.0.0.1, [::1] or unix:/path"
    )
}

/// The issuer that a folder was given by name stays, and this machine's certificate is not for it.
fn check_dev_issuer(kept: &str, wanted: &str) -> anyhow::Result<()> {
    if kept == wanted {
        return Ok(());
    }
    bail!(
        "dev_tls: the data folder is for the issuer {kept}, and the certificate for {wanted}; name \
         another folder with --data, or add --issuer {wanted} to move this one, which ends the \
         tokens that are out"
    )
}

/// Without an external URL the listener's own address is one, as far as it can be reached.
fn issuer_of(address: &ListenAddress, tls: bool, dev_tls: bool) -> String {
    let scheme = if tls || dev_tls { "https" } else { "http" };
    let tcp = match address {
        ListenAddress::Tcp(tcp) => tcp,
        ListenAddress::Unix(_) => return format!("{scheme}://localhost/"),
    };
    let host = match tcp.ip() {
        ip if ip.is_unspecified() || dev_tls => "localhost".to_owned(),
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    // Those who compare URLs leave out the port that goes without saying.
    match (scheme, tcp.port()) {
        ("http", 80) | ("https", 443) => format!("{scheme}://{host}/"),
        (_, port) => format!("{scheme}://{host}:{port}/"),
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;
    use serde_json::{Value, json};

    use super::*;
    use crate::config::ServeArgs;
    use crate::manage::{Content, Target};

    /// A server on free ports, and the commands' way to it.
    async fn server(folder: &str) -> (Running, Target) {
        server_with(folder, ServeArgs::default()).await
    }

    fn settings(folder: &str, flags: ServeArgs) -> Config {
        let any = Some("127.0.0.1:0".to_owned());
        let flags = ServeArgs {
            config: Some("/dev/null".into()),
            data: Some(folder.to_owned()),
            public: any.clone(),
            gate: any.clone(),
            ops: any,
            ..flags
        };
        Config::read(&flags, []).unwrap()
    }

    async fn server_with(folder: &str, flags: ServeArgs) -> (Running, Target) {
        let config = settings(folder, flags);
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let running = Running::start(&config, metrics).await.unwrap();
        (running, Target { data: folder.into(), server: None, json: true })
    }

    #[tokio::test]
    async fn other_machines_reach_a_gate_only_where_a_gateway_shows_who_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let (running, target) = server(folder.path().to_str().unwrap()).await;
        let management = target.open().await.unwrap();
        let reach = |protocol, address: &str| {
            check_reach("gate", &address.parse().unwrap(), protocol, true, &running.services)
        };
        let elsewhere = "192.0.2.1:8081";
        assert!(reach(Protocol::Http, "127.0.0.1:8081").is_ok());
        let refused = reach(Protocol::Http, elsewhere).unwrap_err().to_string();
        assert!(refused.contains("gate: 192.0.2.1:8081"), "{refused}");
        assert!(refused.contains("keyward gateway create NAME --kind nginx --token"), "{refused}");

        let gateway = json!({ "id": "edge", "kind": "nginx", "auth": { "token": true } });
        let create =
            management.send(http::Method::POST, "/v1/gateways", Some(Content::Json(gateway)));
        create.await.unwrap();
        assert!(reach(Protocol::Http, elsewhere).is_ok());
        assert!(reach(Protocol::Grpc, elsewhere).is_err(), "it asks over HTTP");
        let suspend = management.send(http::Method::POST, "/v1/gateways/edge/suspend", None);
        suspend.await.unwrap();
        assert!(reach(Protocol::Http, elsewhere).is_err(), "nobody may ask now");
        drop(management);
        running.stop().await;
    }

    #[tokio::test]
    async fn commands_reach_a_server_with_a_certificate_of_its_own() {
        let dev = || ServeArgs { dev_tls: Some("on".into()), ..ServeArgs::default() };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let (running, target) = server_with(path, dev()).await;
        let ListenAddress::Tcp(public) = running.public else { panic!("no port") };
        let issuer = format!("https://localhost:{}/", public.port());
        assert_eq!(running.services.issuer, issuer);
        assert_eq!(running.authority.as_deref(), Some(folder.path().join("dev-ca.pem").as_path()));
        let by_url = Target {
            server: Some(format!("https://127.0.0.1:{}", public.port())),
            ..target.clone()
        };
        for way in [target, by_url] {
            let management = way.open().await.unwrap();
            assert!(!management.is_in_process());
            let apis = management.get("/api/v2/resource-servers").await.unwrap();
            assert_eq!(apis[0]["identifier"], format!("{issuer}api/v2/"));
        }
        running.stop().await;

        // What was only made from an address gives way; what was named does not.
        let (running, _) = server(path).await;
        assert!(running.services.issuer.starts_with("http://127.0.0.1:"));
        running.stop().await;
        let named = ServeArgs { issuer: Some("https://id.example".into()), ..ServeArgs::default() };
        let (running, _) = server_with(path, named).await;
        running.stop().await;
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let refused = Running::start(&settings(path, dev()), metrics).await.err().unwrap();
        assert!(refused.to_string().contains("is for the issuer https://id.example/"), "{refused}");
    }

    #[test]
    fn an_issuer_is_made_as_others_compare_it() {
        for (address, tls, dev_tls, issuer) in [
            ("0.0.0.0:8080", false, false, "http://localhost:8080/"),
            ("127.0.0.1:80", false, false, "http://127.0.0.1/"),
            ("127.0.0.1:8443", true, false, "https://127.0.0.1:8443/"),
            ("[::1]:443", true, false, "https://[::1]/"),
            ("127.0.0.1:8443", false, true, "https://localhost:8443/"),
            ("[::]:443", false, true, "https://localhost/"),
        ] {
            assert_eq!(issuer_of(&address.parse().unwrap(), tls, dev_tls), issuer);
        }
    }

    #[tokio::test]
    async fn http_034_a_list_that_is_too_long_is_told_apart_from_a_body_that_is() {
        let folder = tempfile::tempdir().unwrap();
        let (running, target) = server(folder.path().to_str().unwrap()).await;
        let management = target.open().await.unwrap();
        let account = Content::Json(json!({ "name": "Acme" }));
        let account = management.send(http::Method::POST, "/v1/accounts", Some(account)).await;
        let path = format!("/v1/accounts/{}/allowlist", account.unwrap()["id"].as_str().unwrap());
        let put = async |content| management.send(http::Method::PUT, &path, Some(content)).await;
        // 4 MB of a list that is allowed, and 4 MB of one that is not.
        let label = "é".repeat(200);
        let network =
            |n: u32| json!({ "network": format!("10.0.{}.{}", n / 256, n % 256), "label": label });
        let entries: Value = (0..10_000).map(network).collect();
        let stored = put(Content::Json(json!({ "entries": entries }))).await.unwrap();
        assert_eq!(stored["entries"].as_array().unwrap().len(), 10_000);
        let refused = put(Content::List("192.0.2.1\n".repeat(400_000))).await.unwrap_err();
        assert!(refused.to_string().contains("at most 10000 (422)"), "{refused}");
        let elsewhere = Content::Json(json!({ "name": "x".repeat(3 * 1024 * 1024) }));
        let refused = management.send(http::Method::POST, "/v1/accounts", Some(elsewhere)).await;
        assert!(refused.unwrap_err().to_string().contains("413"));
        drop(management);
        running.stop().await;
    }

    #[tokio::test]
    async fn what_the_last_request_told_is_written_before_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let (running, target) = server(folder.path().to_str().unwrap()).await;
        let management = target.open().await.unwrap();
        let account = Content::Json(json!({ "name": "Acme" }));
        management.send(http::Method::POST, "/v1/accounts", Some(account)).await.unwrap();
        drop(management);
        running.stop().await;
        let database = folder.path().join("keyward.db");
        let store = keyward_store::Store::open(&format!("sqlite:{}", database.display())).await;
        let told = store.unwrap().logs_after(0, Some(&["sapi"]), 10).await.unwrap();
        assert_eq!(told.rows.len(), 1);
    }
}
