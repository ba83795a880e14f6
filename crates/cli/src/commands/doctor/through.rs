//! `keyward doctor --through URL`: marked requests through a gateway, and what Keyward saw of them.
//!
//! A probe's credential never lets anything through, so most of it costs the application nothing.
//! What needs an allowed request (forged identity headers, caches) uses a client of its own, which
//! is deleted at the end.

mod address;
mod advice;
mod application;
mod caller;
mod client;
mod probe;
mod refusals;
mod report;
mod sightings;

use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use http::StatusCode;
use keyward_allowlist::parse_address;
use serde_json::Value;

use self::advice::{Advice, Subject};
use self::application::Application;
use self::caller::Caller;
use self::probe::Probe;
use self::report::Report;
use crate::commands::escape;
use crate::manage::Management;

/// How a gateway is tried.
#[derive(Debug, Args)]
pub(crate) struct ThroughArgs {
    /// Send marked requests through a gateway: the URL of something that it guards, fit for GET
    #[arg(long, value_name = "URL")]
    pub(crate) through: Option<String>,
    /// Be the application at this address, to see whether forged identity headers arrive there
    #[arg(long, value_name = "ADDR", requires = "through")]
    app: Option<SocketAddr>,
    /// Send from these addresses of this machine; two show whether a cache forgets the address
    #[arg(long, value_name = "ADDRESS", num_args = 1.., value_delimiter = ',', requires = "through",
          value_parser = address_of)]
    from: Vec<IpAddr>,
    /// Make no client: leaves out what needs a request that is let in
    #[arg(long, requires = "through", conflicts_with = "app")]
    no_client: bool,
}

fn address_of(text: &str) -> Result<IpAddr, String> {
    parse_address(text).map_err(|error| error.to_string())
}

/// Tries a gateway and says what is wrong with it.
pub(super) async fn run(
    management: &Management,
    url: &str,
    args: &ThroughArgs,
) -> anyhow::Result<ExitCode> {
    if management.is_in_process() {
        bail!("no Keyward is running here: the gateway has nobody to ask");
    }
    let caller = Caller::new(url, &args.from)?;
    let mut report = Report::new(url);
    // Before anything else, so that no answer of the trial is that of an application which is gone.
    let application = match args.app {
        Some(address) => Some(Application::start(address).await?),
        None => None,
    };
    let Some(trial) = Trial::begin(management, caller, &mut report).await? else {
        return Ok(report.end(management.json()));
    };
    address::examine(&trial, &mut report).await?;
    refusals::examine(&trial, &mut report).await?;
    match &trial.address {
        _ if args.no_client => report.skip(
            "client",
            "forged identity headers, other protocols and caches: not looked at (--no-client)",
        ),
        None => report.skip(
            "client",
            "forged identity headers, other protocols and caches: not looked at, there is no \
             address that a key could be for",
        ),
        Some(address) => {
            let looked = client::examine(&trial, address, application.as_ref(), &mut report).await;
            if let Err(error) = looked {
                // What was found before it is not lost.
                report.end(management.json());
                return Err(error);
            }
        }
    }
    Ok(report.end(management.json()))
}

/// What every part of a trial needs.
struct Trial<'a> {
    management: &'a Management,
    caller: Caller,
    /// As the management API shows it.
    gateway: Value,
    /// What Keyward takes for the caller's address, if it finds one.
    address: Option<String>,
    /// When all of it is over at the latest, by the server's clock.
    until: String,
    advice: Advice,
}

impl<'a> Trial<'a> {
    /// Finds out which gateway it is and which address it tells; `None` when that went wrong, which
    /// the report then says.
    async fn begin(
        management: &'a Management,
        caller: Caller,
        report: &mut Report,
    ) -> anyhow::Result<Option<Trial<'a>>> {
        if caller.tells_in_clear() {
            report.warn(
                "in-clear",
                "the URL is http:// and not on this machine: keys and tokens travel in clear",
                "serve the API over TLS",
            );
        }
        let probe = Probe::order(management, StatusCode::FORBIDDEN, 0, None).await?;
        let answer = caller.get(0, probe.credential(), &[]).await.with_context(|| {
            format!("{} gives no answer, so there is nothing to look at", caller.url())
        })?;
        let seen = probe.sightings(management).await?;
        let until = probe.expires_at().to_owned();
        probe.end(management).await;
        let Some(first) = seen.first() else {
            let (what, fix) = unasked(answer.status);
            report.wrong("keyward-not-asked", &what, fix);
            return Ok(None);
        };
        let path = format!("/v1/gateways/{}", escape(&first.gateway));
        let gateway = management.get(&path).await?;
        let kind = gateway.get("kind").and_then(Value::as_str).unwrap_or_default();
        let advice = Advice::for_kind(kind);
        report.through(&first.gateway, kind);
        if answer.status.is_success() {
            report.wrong(
                "refusal-ignored",
                &format!("Keyward refused the request, and the caller got {}", answer.status),
                advice.on(Subject::Refusals),
            );
        }
        let address = first.address(caller.own_address().as_deref(), report, &advice);
        if let Some(address) = &address {
            compare(address, &caller, advice, report);
        }
        Ok(Some(Trial { management, caller, gateway, address, until, advice }))
    }
}

/// Keyward was not asked at all.
fn unasked(status: StatusCode) -> (String, &'static str) {
    let what = format!("the caller got {status}, and no gateway asked this Keyward about it");
    let fix = if status.is_success() {
        "this URL is open, or its check asks something else than this Keyward: guard it, and give a \
         URL of what is guarded"
    } else if status.is_server_error() {
        "the gateway may not reach Keyward: look at its log, and at `keyward gateway alarms`"
    } else {
        "look at `keyward gateway alarms`: the gateway may have another name here, show the wrong \
         token, be suspended, ask from an address that is not among its peers, or ask another Keyward"
    };
    (what, fix)
}

/// Says whether the address that Keyward saw is this machine's own.
fn compare(address: &str, caller: &Caller, advice: Advice, report: &mut Report) {
    let own = caller.own_address();
    match own {
        Some(own) if own == address => {
            report.fine("address", &format!("Keyward saw {address}, this machine's own address"));
        }
        // A private address that is not ours is more likely a balancer's than a translated one.
        Some(own) if is_private(address) => report.warn(
            "address-foreign",
            &format!(
                "Keyward saw {address}, and this machine calls from {own}. Unless the network \
                 between translates addresses, that is a balancer, and all callers look alike"
            ),
            advice.on(Subject::Balancer),
        ),
        Some(own) => report.fine(
            "address",
            &format!(
                "Keyward saw {address}; this machine calls from {own}. Make sure that the first is \
                 the address that the world sees this machine by"
            ),
        ),
        None => report.fine("address", &format!("Keyward saw {address}")),
    }
}

/// Whether an address is one that networks of a company use inside (RFC 1918, RFC 4193, RFC 6598),
/// or this machine's.
fn is_private(address: &str) -> bool {
    match parse_address(address) {
        Ok(IpAddr::V4(v4)) => {
            let [a, b, ..] = v4.octets();
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || (a == 100 && b & 0xc0 == 64)
        }
        Ok(IpAddr::V6(v6)) => {
            v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local()
        }
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_known() {
        for (address, private) in [
            ("10.1.2.3", true),
            ("172.16.0.1", true),
            ("192.168.1.1", true),
            ("100.64.0.1", true),
            ("127.0.0.1", true),
            ("fd00::1", true),
            ("203.0.113.5", false),
            ("100.128.0.1", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(is_private(address), private, "{address}");
        }
    }
}
