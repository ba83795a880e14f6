//! `keyward demo`: both doors at work, with a throwaway store and real requests.

mod calls;
mod upstream;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use keyward_server::listen::{ListenAddress, ListenOptions, bind};
use metrics_exporter_prometheus::PrometheusBuilder;

use self::calls::{Show, Things};
use crate::commands::serve::start_log;
use crate::config::{Config, LogFormat, ServeArgs};
use crate::running::{Running, asked_to_end};

/// The network of the key.
pub(crate) const INSIDE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// Another network.
pub(crate) const OUTSIDE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// Where the demo listens. A port that is taken is replaced by a free one.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Where OAuth and the management APIs are served
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR")]
    public: SocketAddr,
    /// Where gateways ask
    #[arg(long, default_value = "127.0.0.1:8081", value_name = "ADDR")]
    gate: SocketAddr,
    /// Where /readyz and /metrics are served
    #[arg(long, default_value = "127.0.0.1:9090", value_name = "ADDR")]
    ops: SocketAddr,
    /// Where the guarded API is served
    #[arg(long, default_value = "127.0.0.1:8090", value_name = "ADDR")]
    upstream: SocketAddr,
    /// End after the show instead of staying up
    #[arg(long)]
    once: bool,
}

pub(crate) async fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let _log = start_log("error", LogFormat::Human);
    let folder = tempfile::Builder::new().prefix("keyward-demo-").tempdir()?;
    let config = settings(args, folder.path().to_str().context("odd temporary folder")?)?;
    let metrics = PrometheusBuilder::new().install_recorder()?;
    let mut running = Running::start(&config, metrics).await?;
    let bound = bind(&ListenAddress::Tcp(free(args.upstream))).await?;
    let upstream = format!("http://{}", bound.address()?);
    let router = upstream::router(&format!("http://{}", running.gate))?;
    running.listen(bound, router, ListenOptions::new("upstream"));

    println!("Keyward's demo: one key, two networks, two doors.");
    println!(
        "Everything below is a real request; 127.0.0.2 and 127.0.0.3 stand for two callers.\n"
    );
    let things = Things::make(&running.services.issuer, folder.path()).await?;
    let mut show = Show::new(&running.services.issuer, &upstream, things)?;
    show.perform().await?;
    if !args.once {
        show.next_steps(&running, folder.path());
        println!("\nStaying up until Ctrl-C. The store is thrown away then.");
        asked_to_end().await?;
    }
    running.stop().await;
    Ok(ExitCode::SUCCESS)
}

fn settings(args: &DemoArgs, folder: &str) -> anyhow::Result<Config> {
    let address = |wanted: SocketAddr| Some(free(wanted).to_string());
    let flags = ServeArgs {
        config: Some("/dev/null".into()),
        data: Some(folder.to_owned()),
        public: address(args.public),
        gate: address(args.gate),
        ops: address(args.ops),
        grpc: Some("off".to_owned()),
        ..ServeArgs::default()
    };
    Ok(Config::read(&flags, [])?)
}

/// The address, or the same one with a port that the system chooses when it is taken.
fn free(wanted: SocketAddr) -> SocketAddr {
    match TcpListener::bind(wanted) {
        Ok(_) => wanted,
        Err(_) => SocketAddr::new(wanted.ip(), 0),
    }
}

/// A client whose connections come from that address.
pub(crate) fn caller(from: Ipv4Addr) -> anyhow::Result<reqwest::Client> {
    Ok(reqwest::Client::builder()
        .local_address(IpAddr::V4(from))
        .timeout(std::time::Duration::from_secs(10))
        .no_proxy()
        .build()?)
}
