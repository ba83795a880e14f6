//! Does the address, the method or the path follow what a caller writes into headers?

use http::StatusCode;
use serde_json::Value;

use super::Trial;
use super::advice::Subject;
use super::probe::Probe;
use super::report::Report;

/// Headers by which some program or other takes an address.
const ADDRESS_HEADERS: [&str; 16] = [
    "X-Forwarded-For",
    "X-Real-IP",
    "Forwarded",
    "X-Client-IP",
    "X_Forwarded_For",
    "X_Real_IP",
    "True-Client-IP",
    "CF-Connecting-IP",
    "Fastly-Client-IP",
    "X-Azure-ClientIP",
    "X-Envoy-External-Address",
    "X-Envoy-Original-Src",
    "X-Cluster-Client-IP",
    "X-Original-Forwarded-For",
    "X-Forwarded",
    "Client-IP",
];
/// Gateways that count hops trust as many entries from the right.
const HOPS_MAX: usize = 4;
/// A marker in forged paths.
const FORGED_PATH: &str = "/keyward-doctor-forged";

/// A request with something forged about its address.
struct Spoof {
    what: String,
    headers: Vec<(&'static str, String)>,
}

pub(super) async fn examine(trial: &Trial<'_>, report: &mut Report) -> anyhow::Result<()> {
    let spoofs = spoofs();
    let probe = Probe::order(trial.management, StatusCode::FORBIDDEN, 0, None).await?;
    let mut seen_before = 0;
    let mut moved = 0;
    for spoof in &spoofs {
        // A gateway may well refuse such a request by itself.
        trial.caller.get(0, probe.credential(), &spoof.headers).await.ok();
        let seen = probe.sightings(trial.management).await?;
        for sighting in seen.iter().skip(seen_before) {
            moved += usize::from(judge(trial, spoof, sighting.client_ip.as_deref(), report));
        }
        seen_before = seen.len();
    }
    let mut tried = spoofs.len();
    if trial.caller.is_plain() {
        for header in [forged_v1(), forged_v2()] {
            trial.caller.get_proxied(probe.credential(), &header).await.ok();
            let seen = probe.sightings(trial.management).await?;
            for sighting in seen.iter().skip(seen_before) {
                moved += usize::from(proxied(trial, sighting.client_ip.as_deref(), report));
            }
            seen_before = seen.len();
            tried += 1;
        }
    } else {
        report
            .skip("spoofed-proxy-header", "forged PROXY headers: only looked at for http:// URLs");
    }
    probe.end(trial.management).await;
    if moved == 0 && trial.address.is_some() {
        report.fine("spoofed-address", &format!("{tried} spoofed requests moved nothing"));
    }
    forged_request(trial, report).await
}

/// A PROXY header, version 1: the caller is 203.0.113.250 (RFC 5737).
fn forged_v1() -> Vec<u8> {
    b"PROXY TCP4 203.0.113.250 127.0.0.1 4711 80\r\n".to_vec()
}

/// The same in version 2 (the PROXY protocol, §2.2).
fn forged_v2() -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c".to_vec();
    header.extend([203, 0, 113, 250, 127, 0, 0, 1, 0x12, 0x67, 0, 80]);
    header
}

/// Whether a PROXY header from this machine was believed.
fn proxied(trial: &Trial<'_>, saw: Option<&str>, report: &mut Report) -> bool {
    let Some(saw) = saw.filter(|saw| Some(*saw) != trial.address.as_deref()) else {
        return false;
    };
    report.wrong(
        "spoofed-proxy-header",
        &format!("a PROXY header from this machine made Keyward see {saw}"),
        trial.advice.on(Subject::ProxyHeader),
    );
    true
}

/// Whether the address moved, which the report then says.
fn judge(trial: &Trial<'_>, spoof: &Spoof, saw: Option<&str>, report: &mut Report) -> bool {
    match saw {
        _ if saw == trial.address.as_deref() => false,
        Some(saw) => {
            report.wrong(
                "spoofed-address",
                &format!("with {} Keyward saw {saw}: a caller chooses its own address", spoof.what),
                trial.advice.on(Subject::Address),
            );
            true
        }
        None => {
            report.warn(
                "address-lost",
                &format!("with {} Keyward found no client address, and refuses", spoof.what),
                trial.advice.on(Subject::Address),
            );
            true
        }
    }
}

/// Each forges another address of 203.0.113.0/24 (RFC 5737), so that what was believed is known.
fn spoofs() -> Vec<Spoof> {
    let mut number = 0;
    let mut forged = || {
        number += 1;
        format!("203.0.113.{number}")
    };
    let mut spoofs = Vec::new();
    for name in ADDRESS_HEADERS {
        let address = forged();
        let value = if name == "Forwarded" { format!("for={address}") } else { address };
        let what = format!("`{name}: {value}`");
        spoofs.push(Spoof { what, headers: vec![(name, value)] });
    }
    for hops in 2..=HOPS_MAX {
        let value = (0..hops).map(|_| forged()).collect::<Vec<_>>().join(", ");
        let what = format!("`X-Forwarded-For: {value}`");
        spoofs.push(Spoof { what, headers: vec![("X-Forwarded-For", value)] });
    }
    for name in ["X-Forwarded-For", "X-Real-IP"] {
        let headers = vec![(name, forged()), (name, forged())];
        spoofs.push(Spoof { what: format!("two lines of {name}"), headers });
        let headers = vec![("Connection", name.to_owned()), (name, forged())];
        spoofs.push(Spoof { what: format!("`Connection: {name}`"), headers });
    }
    let all = ADDRESS_HEADERS.iter().filter(|name| **name != "Forwarded");
    let headers = all.map(|name| (*name, forged())).collect();
    spoofs.push(Spoof { what: "all of these headers at once".to_owned(), headers });
    spoofs
}

/// Method and path count where paths are public or preflights pass.
async fn forged_request(trial: &Trial<'_>, report: &mut Report) -> anyhow::Result<()> {
    let probe = Probe::order(trial.management, StatusCode::FORBIDDEN, 0, None).await?;
    let mut headers = Vec::new();
    for name in ["X-Original-URI", "X-Original-URL", "X-Forwarded-Uri", "X-Rewrite-URL"] {
        headers.push((name, FORGED_PATH.to_owned()));
    }
    for name in ["X-Original-Method", "X-Forwarded-Method", "X-HTTP-Method-Override"] {
        headers.push((name, "OPTIONS".to_owned()));
    }
    trial.caller.get(0, probe.credential(), &headers).await.ok();
    let seen = probe.sightings(trial.management).await?;
    probe.end(trial.management).await;
    let forged = seen.iter().any(|sighting| {
        sighting.method.as_deref() == Some("OPTIONS")
            || sighting.target.as_deref().is_some_and(|target| target.contains(FORGED_PATH))
    });
    if !forged {
        report.fine("forged-request", "a forged method or path does not reach Keyward");
        return Ok(());
    }
    let text = "the method or path that Keyward sees is the caller's own word";
    let has = |name: &str| match trial.gateway.get(name) {
        Some(Value::Array(paths)) => !paths.is_empty(),
        Some(value) => value.as_bool() == Some(true),
        None => false,
    };
    let fix = trial.advice.on(Subject::Request);
    if has("public_paths") || has("allow_preflight") {
        let text = format!("{text}, and this gateway lets requests in by it");
        report.wrong("forged-request", &text, fix);
    } else {
        report.warn("forged-request", &format!("{text} (nothing is decided by it here)"), fix);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_is_forged_twice() {
        let spoofs = spoofs();
        let mut addresses: Vec<&str> = spoofs
            .iter()
            .flat_map(|spoof| &spoof.headers)
            .flat_map(|(_, value)| value.split(", "))
            .filter(|value| value.contains("203.0.113."))
            .collect();
        let count = addresses.len();
        addresses.sort_unstable();
        addresses.dedup();
        assert_eq!(addresses.len(), count);
        assert!(count < 250);
    }
}
