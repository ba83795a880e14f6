//! `keyward serve`.

use std::path::Path;
use std::process::ExitCode;

use keyward_actions::{Failure, SandboxReport};
use metrics_exporter_prometheus::PrometheusBuilder;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat, ServeArgs, variables};
use crate::running::{Running, asked_to_end};

/// Log lines that wait for the writer; further ones are dropped.
const LOG_LINES_QUEUED_MAX: usize = 65_536;

pub(crate) async fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let config = Config::read(args, variables())?;
    let _log = start_log(&config.log, config.log_format);
    // Before anything makes a counter.
    let metrics = PrometheusBuilder::new().install_recorder()?;
    let running = Running::start(&config, metrics).await?;
    println!("keyward {} serves {}", env!("CARGO_PKG_VERSION"), running.services.issuer);
    println!("  public  {}", running.public);
    println!("  gate    {}", running.gate);
    match &running.grpc {
        Some(grpc) => println!("  grpc    {grpc}"),
        None => println!("  grpc    off"),
    }
    println!("  ops     {}", running.ops);
    println!("  data    {}", config.data.display());
    println!("  actions {}", sandbox_words(&running.sandbox));
    println!("  client address on the public listener: {}", config.public_address_words);
    if let Some(authority) = &running.authority {
        print!("{}", how_to_trust(&running.services.issuer, authority));
    }
    if !running.services.has_operator().await? {
        println!(
            "  nobody can manage this server over HTTP: no active client has a grant for {audience};\n  \
             stop it and run: keyward client create Administrator --api {audience} --data {data}",
            audience = running.services.management_audience(),
            data = config.data.display(),
        );
        tracing::warn!("no active client has a grant for the management API");
    }
    let signal = asked_to_end().await?;
    tracing::info!(signal, "stopping: no new connections, requests under way may finish");
    running.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// What holds the workers of Actions on this machine, and what does not.
fn sandbox_words(sandbox: &Result<SandboxReport, Failure>) -> String {
    match sandbox {
        Ok(report) if report.missing.is_empty() => {
            format!("run in workers held by {}", report.in_force.join(", "))
        }
        Ok(report) => {
            tracing::warn!(missing = ?report.missing, "Actions run with less than the full sandbox");
            let (held, missing) = (report.in_force.join(", "), report.missing.join(", "));
            format!("run in workers held by {held}; not there: {missing}")
        }
        Err(failure) => {
            tracing::error!(error = %failure, "no worker for Actions can be started");
            format!("cannot run, so no token is issued while one is bound: {failure}")
        }
    }
}

/// What each kind of client is told so that it takes this machine's certificate.
fn how_to_trust(issuer: &str, authority: &Path) -> String {
    let file = authority.canonicalize().unwrap_or_else(|_| authority.to_owned());
    let file = file.display();
    let domain = issuer.trim_start_matches("https://").trim_end_matches('/');
    let url = issuer.trim_end_matches('/');
    format!(
        "  TLS by an authority of this machine's own, for trying things; let single programs trust it:
    curl                curl --cacert {file} {url}/.well-known/openid-configuration
    Node.js             NODE_EXTRA_CA_CERTS={file}
    auth0-deploy-cli    NODE_EXTRA_CA_CERTS={file} AUTH0_DOMAIN={domain}
    Python, httpx       SSL_CERT_FILE={file}
    Python, requests    REQUESTS_CA_BUNDLE={file}
    Go                  SSL_CERT_FILE={file}
    Java                keytool -importcert -noprompt -alias keyward -file {file} \\
                          -keystore keyward.p12 -storepass changeit
                        java -Djavax.net.ssl.trustStore=keyward.p12 -Djavax.net.ssl.trustStorePassword=changeit
    SSL_CERT_FILE and REQUESTS_CA_BUNDLE stand for all other authorities too: set them for one program only.
    Clients that take a domain are given {domain}
"
    )
}

/// Log lines go to standard error, by a thread of their own behind a bounded queue: a reader that
/// stalls costs log lines, never checks. Called once; what it gives back writes the rest of the
/// queue when it is dropped.
pub(crate) fn start_log(filter: &str, format: LogFormat) -> WorkerGuard {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(LOG_LINES_QUEUED_MAX)
        .lossy(true)
        .finish(std::io::stderr());
    let colour = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    // A second start in one process keeps the first log.
    let _ = match format {
        LogFormat::Human => log.with_ansi(colour).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    guard
}
