//! What needs a request that is let in: a client of the doctor's own, for a moment.

use anyhow::Context;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Trial;
use super::advice::Subject;
use super::application::{self, Application};
use super::probe::Probe;
use super::report::Report;
use crate::commands::escape;
use crate::manage::{Content, Management};

/// What nobody has (RFC 5737).
const NOBODY: &str = "192.0.2.1";

/// A client that is deleted at the end.
pub(super) struct OwnClient<'a> {
    management: &'a Management,
    id: String,
    key: String,
}

impl<'a> OwnClient<'a> {
    /// A client with a key for one address, granted what the gateway requires.
    async fn make(trial: &Trial<'a>, address: &str) -> anyhow::Result<OwnClient<'a>> {
        let management = trial.management;
        let client = json!({
            "name": "keyward doctor, deleted at the end of its run",
            "app_type": "non_interactive",
            "grant_types": ["client_credentials"],
            "allowed_ips": [NOBODY],
        });
        let made = management
            .send(Method::POST, "/api/v2/clients", Some(Content::Json(client)))
            .await
            .context("cannot make a client for the trial")?;
        let text = |name: &str| made.get(name).and_then(Value::as_str).unwrap_or_default();
        let key = format!("kw_live_{}_{}", text("client_id"), text("client_secret"));
        let own = OwnClient { management, id: text("client_id").to_owned(), key };
        let ready = async {
            own.open_list(address, &trial.until).await?;
            own.grant(&trial.gateway)
                .await
                .context("cannot grant the trial's client what the gateway requires")
        };
        if let Err(error) = ready.await {
            own.delete().await?;
            return Err(error);
        }
        Ok(own)
    }

    async fn grant(&self, gateway: &Value) -> anyhow::Result<()> {
        let required = gateway.get("required").cloned().unwrap_or_default();
        let Some(audience) = required.get("audience").and_then(Value::as_str) else {
            return Ok(());
        };
        let scope = required.get("scopes").cloned().unwrap_or_else(|| json!([]));
        let grant = json!({ "client_id": self.id, "audience": audience, "scope": scope });
        let grant = Content::Json(grant);
        let sent = self.management.send(Method::POST, "/api/v2/client-grants", Some(grant)).await;
        sent.with_context(|| {
            format!("the gateway requires the API `{audience}`; is it there (`keyward api list`)?")
        })?;
        Ok(())
    }

    /// Lets one address in, for a while: should the doctor be killed, its client soon opens nothing.
    async fn open_list(&self, address: &str, until: &str) -> anyhow::Result<()> {
        let body = Content::Json(json!({
            "mode": "enforce",
            "entries": [{ "network": address, "expires_at": until }],
        }));
        let path = format!("/v1/clients/{}/allowlist", escape(&self.id));
        self.management.send(Method::PUT, &path, Some(body)).await?;
        Ok(())
    }

    /// Takes every address from its list.
    async fn close_list(&self) -> anyhow::Result<()> {
        let body = Content::Json(json!({ "allowed_ips": [NOBODY] }));
        self.management.send(Method::PATCH, &self.path(), Some(body)).await?;
        Ok(())
    }

    async fn delete(&self) -> anyhow::Result<()> {
        let deleted = self.management.send(Method::DELETE, &self.path(), None).await;
        deleted.with_context(|| format!("delete the client {} by hand", self.id))?;
        Ok(())
    }

    fn path(&self) -> String {
        format!("/api/v2/clients/{}", escape(&self.id))
    }
}

pub(super) async fn examine(
    trial: &Trial<'_>,
    address: &str,
    application: Option<&Application>,
    report: &mut Report,
) -> anyhow::Result<()> {
    let required = trial.gateway.get("required").cloned().unwrap_or_default();
    let scopes = required.get("scopes").and_then(Value::as_array).is_some_and(|s| !s.is_empty());
    if scopes && required.get("audience").is_none_or(Value::is_null) {
        report.skip(
            "client",
            "forged identity headers and caches: not looked at, the gateway requires scopes and \
             names no API that they could be granted for",
        );
        return Ok(());
    }
    let mut interruption = Interruption::listen()?;
    let own = OwnClient::make(trial, address).await?;
    let looked = tokio::select! {
        looked = look(trial, &own, address, application, report) => looked,
        signal = interruption.comes() => Err(anyhow::anyhow!("interrupted by {signal}")),
    };
    own.delete().await?;
    looked
}

/// What asks the doctor to end: the keyboard, a program, a closed terminal.
struct Interruption {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Interruption {
    /// From here on the signals wait for [`Self::comes`].
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn comes(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.hangup.recv() => "SIGHUP",
        }
    }
}

async fn look(
    trial: &Trial<'_>,
    own: &OwnClient<'_>,
    address: &str,
    application: Option<&Application>,
    report: &mut Report,
) -> anyhow::Result<()> {
    let first = trial.caller.get(0, &own.key, &[]).await?;
    if is_refusal(first.status) {
        report.skip(
            "client",
            "forged identity headers and caches: not looked at, a list of the API refuses this \
             machine",
        );
        return Ok(());
    }
    if first.status.is_server_error() {
        report.warn(
            "application-away",
            &format!(
                "a request that is let in gets {}, so nothing here tells whether one is let in \
                 that should not be",
                first.status
            ),
            "start the application, or have the doctor stand in for it (--app ADDR)",
        );
        return Ok(());
    }
    application::examine(trial, &own.key, application, report).await?;
    tunnel(trial, own, report).await?;
    cache(trial, own, address, report).await
}

/// With uniform disclosure a refused address looks like an unknown key.
fn is_refusal(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

/// Does CONNECT lead to the application, past Keyward?
async fn tunnel(trial: &Trial<'_>, own: &OwnClient<'_>, report: &mut Report) -> anyhow::Result<()> {
    if !trial.caller.is_plain() {
        report.skip("tunnel", "CONNECT: not looked at (give an http:// URL, behind what ends TLS)");
        return Ok(());
    }
    let watch = Probe::order(trial.management, StatusCode::FORBIDDEN, 0, Some(&own.id)).await?;
    let told = trial.caller.connect_then_get(&own.key).await?;
    let asked = watch.sightings(trial.management).await?.len();
    watch.end(trial.management).await;
    if told && asked < 2 {
        let text = "after CONNECT the connection leads to the application, and what is asked there \
                    is not checked";
        report.wrong("tunnel", text, trial.advice.on(Subject::Tunnel));
    } else {
        report.fine("tunnel", "CONNECT opens no way past Keyward");
    }
    Ok(())
}

/// Does each request ask Keyward, and does an edit of the list count at once?
async fn cache(
    trial: &Trial<'_>,
    own: &OwnClient<'_>,
    address: &str,
    report: &mut Report,
) -> anyhow::Result<()> {
    let watch = Probe::order(trial.management, StatusCode::FORBIDDEN, 0, Some(&own.id)).await?;
    let fix = trial.advice.on(Subject::Cache);
    for _ in 0..3 {
        trial.caller.get(0, &own.key, &[]).await?;
    }
    let asked = watch.sightings(trial.management).await?.len();
    let mut fine = true;
    if asked < 3 {
        let text = format!("of 3 requests Keyward was asked about {asked}: a cache answers for it");
        report.warn("cached", &text, fix);
        fine = false;
    }
    if trial.caller.has_second_address() {
        let other = trial.caller.get(1, &own.key, &[]).await?;
        if !is_refusal(other.status) {
            let text = format!(
                "a key for {address} alone came in from another address ({}): a cache forgets the \
                 address",
                other.status
            );
            report.wrong("cache-forgets-address", &text, fix);
            fine = false;
        }
    }
    own.close_list().await?;
    let after = trial.caller.get(0, &own.key, &[]).await?;
    if !is_refusal(after.status) {
        let text = format!(
            "{address} was taken off the list, and the next request still got {}",
            after.status
        );
        report.wrong("edit-ignored", &text, fix);
        fine = false;
    }
    watch.end(trial.management).await;
    if fine {
        let second = if trial.caller.has_second_address() {
            ", a second address is refused"
        } else {
            " (no second address to try: --from A,B)"
        };
        let text = format!("every request asks Keyward, an edit counts at once{second}");
        report.fine("cache", &text);
    }
    Ok(())
}
