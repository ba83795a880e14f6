//! Probes, as the management API orders and shows them.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::sightings::Sighting;
use crate::commands::escape;
use crate::manage::{Content, Management};

/// An ordered probe.
#[derive(Debug)]
pub(super) struct Probe {
    credential: String,
    expires_at: String,
}

impl Probe {
    /// Orders one whose requests are refused with `status` after `hold_ms`; it sees the requests
    /// of `client` too.
    pub(super) async fn order(
        management: &Management,
        status: StatusCode,
        hold_ms: u32,
        client: Option<&str>,
    ) -> anyhow::Result<Self> {
        let order = json!({ "status": status.as_u16(), "hold_ms": hold_ms, "client_id": client });
        let made = management.send(Method::POST, "/v1/probes", Some(Content::Json(order))).await?;
        let text = |name: &str| made.get(name).and_then(Value::as_str).unwrap_or_default();
        Ok(Self {
            credential: text("credential").to_owned(),
            expires_at: text("expires_at").to_owned(),
        })
    }

    /// When it ends by itself, by the server's clock.
    pub(super) fn expires_at(&self) -> &str {
        &self.expires_at
    }

    /// What its requests show.
    pub(super) fn credential(&self) -> &str {
        &self.credential
    }

    /// What was seen so far.
    pub(super) async fn sightings(&self, management: &Management) -> anyhow::Result<Vec<Sighting>> {
        let seen = management.get(&self.path()).await?;
        let items = seen.get("items").and_then(Value::as_array);
        Ok(items.into_iter().flatten().map(Sighting::read).collect())
    }

    /// Ends it. If that fails it ends by itself, within minutes.
    pub(super) async fn end(self, management: &Management) {
        management.send(Method::DELETE, &self.path(), None).await.ok();
    }

    fn path(&self) -> String {
        format!("/v1/probes/{}", escape(&self.credential))
    }
}
