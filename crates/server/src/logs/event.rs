//! One log event, before it is stored.

use std::collections::HashMap;
use std::net::IpAddr;

use axum::http::{Extensions, HeaderMap, header};
use keyward_allowlist::{ClientIp, Connection, Peer};
use keyward_core::id::ClientId;
use keyward_core::secret::{has_valid_checksum, parse_api_key};
use keyward_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::address::address_of;
use crate::services::Services;

/// The longest text in an event, in characters.
const TEXT_MAX: usize = 512;
/// The most bytes of details; larger ones are left out.
const DETAILS_BYTES_MAX: usize = 8 * 1024;

/// Declares the types of events: Auth0's code and the category that streams are filtered by.
macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $code:literal in $category:literal;)+) => {
        /// The type of an event.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum LogKind { $($(#[$doc])* $name),+ }

        impl LogKind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Auth0's code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// Auth0's category.
            #[must_use]
            pub const fn category(self) -> &'static str {
                match self { $(Self::$name => $category),+ }
            }
        }
    };
}

kinds! {
    /// A token was issued.
    TokenIssued = "seccft" in "auth.token_exchange.success";
    /// A token was refused.
    TokenRefused = "feccft" in "auth.token_exchange.fail";
    /// A management write was done.
    ManagementWrite = "sapi" in "management.success";
    /// A management write was refused.
    ManagementRefused = "fapi" in "management.fail";
    /// Somebody read a secret over the management API.
    ManagementRead = "mgmt_api_read" in "management.success";
    /// Somebody made more requests than he may.
    ApiLimit = "api_limit" in "system.notification";
    /// A token quota is used up, or will soon be.
    TokenQuotaWarning = "token_quota_consumption_warning" in "system.notification";
    /// An Action failed.
    ActionFailed = "actions_execution_failed" in "actions";
    /// A log stream was given up because nobody takes its events. A code of ours.
    StreamSuspended = "log_stream_suspended" in "system.notification";
}

/// From where a request came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The client address, by the listener's rule.
    pub ip: Option<ClientIp>,
    /// Who the connection is from, whatever headers say.
    pub peer: Option<IpAddr>,
    /// What the program calls itself.
    pub user_agent: Option<String>,
}

impl Origin {
    /// Reads it off a request on the public listener.
    pub(crate) fn of(services: &Services, headers: &HeaderMap, extensions: &Extensions) -> Self {
        let user_agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        let peer = match extensions.get::<Connection>().map(|connection| connection.peer) {
            Some(Peer::Ip(ip)) => Some(ip),
            Some(Peer::Unix) | None => None,
        };
        let ip = address_of(services, headers, extensions).ok();
        Self { ip, peer, user_agent: user_agent.map(cut) }
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEvent {
    pub(super) at: Timestamp,
    pub(super) kind: LogKind,
    pub(super) client_id: Option<String>,
    pub(super) client_name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) origin: Origin,
    pub(super) audience: Option<String>,
    pub(super) scope: Option<String>,
    pub(super) reason: Option<&'static str>,
    pub(super) details: Map<String, Value>,
}

impl LogEvent {
    /// An event of that type.
    #[must_use]
    pub fn new(kind: LogKind, at: Timestamp) -> Self {
        Self {
            at,
            kind,
            client_id: None,
            client_name: None,
            description: None,
            origin: Origin::default(),
            audience: None,
            scope: None,
            reason: None,
            details: Map::new(),
        }
    }

    /// It is about this client. Its name is looked up when the event is written.
    #[must_use]
    pub fn of_client(mut self, client: &ClientId) -> Self {
        self.client_id = Some(client.to_string());
        self
    }

    /// It is about whoever calls himself that; nobody has checked it.
    #[must_use]
    pub fn of_unproven_client(mut self, id: &str) -> Self {
        // Security: people put their secret where the id belongs.
        let secret =
            id.split(['_', ' ', ':']).any(has_valid_checksum) || parse_api_key(id).is_some();
        self.client_id = ClientId::parse(id).ok().filter(|_| !secret).map(|id| id.to_string());
        self
    }

    /// What happened, in a sentence.
    #[must_use]
    pub fn described(mut self, description: &str) -> Self {
        self.description = Some(cut(description));
        self
    }

    /// From where the request came.
    #[must_use]
    pub fn from_origin(mut self, origin: &Origin) -> Self {
        self.origin = origin.clone();
        self
    }

    /// Which API it is about, and what may be done there.
    #[must_use]
    pub fn for_api(mut self, audience: Option<&str>, scope: Option<&str>) -> Self {
        self.audience = audience.map(cut);
        self.scope = scope.map(cut);
        self
    }

    /// Why, as a word for programs: `reason` in the details. Refusals are counted by it.
    #[must_use]
    pub fn because(mut self, reason: &'static str) -> Self {
        self.reason = Some(reason);
        self.with("reason", reason)
    }

    /// Adds a detail. Nothing secret belongs there.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// What the store gets.
    pub(super) fn stored(&self, names: &HashMap<String, String>) -> keyward_store::LogEvent {
        let known = self.client_id.as_ref().and_then(|id| names.get(id));
        let body = LogBody {
            client_ip: self.origin.peer.map(|peer| ClientIp::from(peer).to_string()),
            user_agent: self.origin.user_agent.clone(),
            audience: self.audience.clone(),
            scope: self.scope.clone(),
            details: bounded(&self.details),
        };
        keyward_store::LogEvent {
            at: self.at,
            kind: self.kind.code().to_owned(),
            client_id: self.client_id.clone().unwrap_or_default(),
            client_name: self.client_name.as_ref().or(known).cloned().unwrap_or_default(),
            ip: self.origin.ip.map(|ip| ip.to_string()).unwrap_or_default(),
            description: self.description.clone().unwrap_or_default(),
            body: serde_json::to_string(&body).unwrap_or_default(),
        }
    }
}

/// What of an event nothing is searched by.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct LogBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user_agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) audience: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<String>,
    #[serde(default)]
    pub(crate) details: Map<String, Value>,
}

fn bounded(details: &Map<String, Value>) -> Map<String, Value> {
    let length = serde_json::to_string(details).map_or(usize::MAX, |text| text.len());
    if length <= DETAILS_BYTES_MAX {
        return details.clone();
    }
    Map::from_iter([("left_out".to_owned(), format!("{length} bytes").into())])
}

/// Security: people put their secret, or a token, where an identifier belongs.
pub(super) fn looks_secret(text: &str) -> bool {
    let parts = || text.split(['_', ' ', ':', '/', '%', '.', '?', '&', '=']);
    parse_api_key(text).is_some()
        || parts().any(has_valid_checksum)
        || parts().any(|part| part.starts_with("eyJ"))
}

/// A text as an event holds it: not too long, on one line.
pub(super) fn cut(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(TEXT_MAX).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use keyward_core::secret::PlainSecret;

    use super::*;

    #[test]
    fn a_secret_in_the_place_of_an_id_is_left_out() {
        let secret = PlainSecret::from_random(&"s".repeat(32));
        let id = "c".repeat(20);
        let key = format!("kw_live_{id}_{}", secret.reveal());
        let now = Timestamp::from_seconds(1);
        for (text, kept) in [
            (id.as_str(), true),
            ("bogus-client", true),
            (secret.reveal(), false),
            (key.as_str(), false),
            ("no id at all", false),
            ("", false),
        ] {
            let event = LogEvent::new(LogKind::TokenRefused, now).of_unproven_client(text);
            assert_eq!(event.client_id.is_some(), kept, "{text}");
        }
    }

    #[test]
    fn an_event_has_a_bounded_size() {
        let long = "x".repeat(100_000);
        let event = LogEvent::new(LogKind::TokenIssued, Timestamp::from_seconds(1))
            .described(&long)
            .for_api(Some(&long), Some(&long))
            .with("much", long.as_str());
        let stored = event.stored(&HashMap::new());
        assert!(stored.description.len() + stored.body.len() < 4 * TEXT_MAX, "{stored:?}");
        assert!(stored.body.contains("left_out"), "{stored:?}");
    }
}
