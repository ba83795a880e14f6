//! What the servers of the benchmark have in common: one worker each, kept on one core.

use std::convert::Infallible;
use std::sync::Arc;

use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::http::HeaderValue;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use keyward_core::gateway::Gateway;
use keyward_core::policy::{Change, Freshness, Policy};
use keyward_gate::{Events, Gate};
use keyward_server::clock::SystemClock;
use keyward_server::listen::{Bound, Handler, ListenAddress, ListenOptions, bind, serve};
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::net::TcpListener;

use crate::load::SERVER_CORE;
use crate::machine;

/// One worker, so that servers are compared core by core.
pub(crate) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()
}

/// The gate as `keyward serve` runs it, with a made-up policy and one more gateway.
pub(crate) fn gate(policy: Policy, gateway: Gateway) -> anyhow::Result<Arc<Gate>> {
    let policy = Arc::new(policy);
    let changes = vec![Change::Gateway(Box::new(gateway))];
    policy.apply(policy.revision() + 1, changes, Freshness::Authority);
    PrometheusBuilder::new().install_recorder()?;
    Ok(Arc::new(Gate::new(policy, Arc::new(SystemClock), Events::unheard())))
}

/// Serves behind our listener, after writing its port.
pub(crate) fn serve_handler(handler: impl Handler) -> anyhow::Result<()> {
    runtime()?.block_on(async {
        let bound = bind(&"127.0.0.1:0".parse()?).await?;
        print_port(&bound)?;
        let options = ListenOptions::new("gate");
        tokio::spawn(serve(bound, handler, options, std::future::pending())).await?;
        Ok(())
    })
}

pub(crate) fn print_port(bound: &Bound) -> anyhow::Result<()> {
    if let ListenAddress::Tcp(address) = bound.address()? {
        println!("{}", address.port());
    }
    Ok(())
}

/// As little as a service can do: read the head, answer 200.
pub(crate) fn serve_trivial() -> anyhow::Result<()> {
    serve_hyper(async |_request| Ok(Response::new(Empty::new())))
}

/// What a request says its answer shall be, for [`serve_as_told`].
pub(crate) const X_ANSWER: &str = "x-answer";

/// As little as a service can do that lets some pass and others not: answer what the request says.
pub(crate) fn serve_as_told() -> anyhow::Result<()> {
    serve_hyper(async |request| {
        let told = request.headers().get(X_ANSWER).map(HeaderValue::as_bytes);
        let status = told.and_then(|told| StatusCode::from_bytes(told).ok());
        let mut response = Response::new(Empty::new());
        *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Ok(response)
    })
}

fn serve_hyper<F, A>(answer: F) -> anyhow::Result<()>
where
    F: Fn(Request<Incoming>) -> A + Copy + Send + 'static,
    A: Future<Output = Result<Response<Empty<Bytes>>, Infallible>> + Send + 'static,
{
    machine::pin_to_core(SERVER_CORE);
    let served = async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?.port());
        let accepting = async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                // Answers must not wait for more to send.
                let _ = stream.set_nodelay(true);
                let service = hyper::service::service_fn(answer);
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
