//! A small API that Keyward guards with the tower layer of `keyward-gate`.
//!
//! The layer stands in front of every route. It asks a Keyward node, or, with `--embedded`, decides
//! in this process; the API below is the same either way.
#![expect(clippy::print_stdout, reason = "a program says where it listens")]

mod embedded;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use axum::extract::ConnectInfo;
use axum::http::Extensions;
use axum::routing::get;
use axum::{Extension, Json, Router};
use clap::Parser;
use keyward_allowlist::{ClientAddressRule, Network, NetworkSet, Peer, Source};
use keyward_gate::layer::{Caller, KeywardLayer, Node};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::embedded::EmbeddedArguments;

/// A small API that Keyward guards.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where the API listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// The gateway as which this application is registered
    #[arg(long, value_name = "NAME", default_value = "orders")]
    gateway: String,
    /// The gate of the node to ask: a URL without path, or unix: and the path of a socket
    #[arg(long, value_name = "GATE", default_value = "http://127.0.0.1:8081")]
    node: String,
    /// A file with the gateway's token; without it the environment has it
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Load balancers in front, whose X-Forwarded-For counts
    #[arg(long, value_name = "CIDR", value_delimiter = ',', conflicts_with = "embedded")]
    trusted: Vec<Network>,
    #[command(flatten)]
    embedded: EmbeddedArguments,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    let arguments = Arguments::parse();
    let keyward = if arguments.embedded.embedded {
        embedded::layer(&arguments.embedded, &arguments.gateway).await?
    } else {
        asking(&arguments)?
    };
    let listener = TcpListener::bind(arguments.listen).await?;
    println!("the API listens on {}", listener.local_addr()?);
    // This is what puts the socket's peer into each request.
    let service = api(keyward)?.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).await?;
    Ok(())
}

/// Asks a node. The client's address is the peer of its connection; what is in headers, callers can
/// write, so it counts only from proxies that are known.
fn asking(arguments: &Arguments) -> anyhow::Result<KeywardLayer> {
    let token = token(arguments.token_file.as_deref())?;
    let node = Node::new(&arguments.node, &arguments.gateway)?.with_token(&token)?;
    let rule = if arguments.trusted.is_empty() {
        ClientAddressRule::peer()
    } else {
        let proxies = NetworkSet::compile(&arguments.trusted);
        ClientAddressRule::new(Source::XForwardedFor, proxies)
    };
    Ok(KeywardLayer::asking(node, rule))
}

/// The API. What is added to the router after `layer` is not guarded.
fn api(keyward: KeywardLayer) -> anyhow::Result<Router> {
    let keyward = keyward.peer_from(peer).require_scope("read:orders")?.hide_credential();
    Ok(Router::new().route("/orders", get(orders)).layer(keyward))
}

/// Where the layer finds the socket's peer.
fn peer(extensions: &Extensions) -> Option<Peer> {
    let ConnectInfo(address) = extensions.get::<ConnectInfo<SocketAddr>>()?;
    Some(Peer::Ip(address.ip()))
}

/// Says who called. The layer has put the [`Caller`] there, and the same into `X-Client-Id` and the
/// other identity headers, whatever the caller had written into them.
async fn orders(Extension(caller): Extension<Caller>) -> Json<Value> {
    Json(json!({
        "client_id": caller.client_id,
        "account_id": caller.account_id,
        "scope": caller.scopes.join(" "),
        "client_ip": caller.client_ip,
    }))
}

#[expect(clippy::disallowed_methods, reason = "the one setting that comes from the environment")]
fn token(file: Option<&Path>) -> anyhow::Result<String> {
    let Some(file) = file else {
        return std::env::var("KEYWARD_GATEWAY_TOKEN")
            .context("no token: set KEYWARD_GATEWAY_TOKEN, or name a file with --token-file");
    };
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    Ok(text.trim().to_owned())
}
