//! What Keyward saw of a request.

use keyward_allowlist::NoClientIp;
use serde_json::Value;

use super::advice::{Advice, Subject};
use super::report::Report;

/// One check, as the gateway's question showed it.
#[derive(Debug, Clone)]
pub(super) struct Sighting {
    pub(super) gateway: String,
    pub(super) client_ip: Option<String>,
    missing: String,
    is_proxy: bool,
    pub(super) method: Option<String>,
    pub(super) target: Option<String>,
}

impl Sighting {
    pub(super) fn read(value: &Value) -> Self {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        Self {
            gateway: text("gateway").unwrap_or_default(),
            client_ip: text("client_ip"),
            missing: text("client_ip_missing").unwrap_or_default(),
            is_proxy: value.get("client_ip_is_proxy").and_then(Value::as_bool) == Some(true),
            method: text("method"),
            target: text("target"),
        }
    }

    /// The caller's address, unless there is none, which the report then says. `own` is the address
    /// that the request really came from, where that is known.
    pub(super) fn address(
        &self,
        own: Option<&str>,
        report: &mut Report,
        advice: &Advice,
    ) -> Option<String> {
        let Some(address) = &self.client_ip else {
            report.wrong(
                "address-missing",
                &format!("Keyward finds no client address: {}", in_words(&self.missing)),
                advice.on(Subject::Address),
            );
            return None;
        };
        if self.is_proxy && own == Some(address) {
            report.skip(
                "address-is-proxy",
                "this machine is itself in the gateway's trusted networks, so a balancer's address \
                 would look the same: try from where callers are, or with --from",
            );
        } else if self.is_proxy {
            report.wrong(
                "address-is-proxy",
                &format!(
                    "Keyward takes {address} for the caller, which is one of the gateway's own \
                     trusted networks: a balancer, not a caller"
                ),
                advice.on(Subject::Balancer),
            );
        }
        Some(address.clone())
    }
}

/// Why there is no address, in words.
fn in_words(code: &str) -> String {
    let why = NoClientIp::ALL.into_iter().find(|why| why.code() == code);
    why.map_or_else(|| code.to_owned(), |why| why.to_string())
}
