//! Log streams: log events carried to somebody else's HTTP endpoint, each at least once and in
//! order, signed by [Standard Webhooks](https://www.standardwebhooks.com).
//!
//! Security: where a stream may lead is for [`egress`] to say; its secrets are sealed under the
//! master key and leave this process only in requests to its endpoint.

pub mod delivery;
pub mod egress;
mod payload;
mod signature;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyward_store::LogStream;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::logs::LogKind;
use crate::signing::{MasterKey, RandomError, SealError, random_base62, random_bytes};

pub use signature::sign;

/// What begins a signing secret (Standard Webhooks).
pub const SECRET_PREFIX: &str = "whsec_";
/// Events are delivered.
pub const ACTIVE: &str = "active";
/// Somebody holds it.
pub const PAUSED: &str = "paused";
/// It was given up because nobody took its events.
pub const SUSPENDED: &str = "suspended";

/// What streams' secrets are sealed for.
const SEALED_KIND: &str = "log-stream";
const ID_PREFIX: &str = "lst_";
const ID_LENGTH: usize = 16;

/// How the events of one request are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Format {
    /// A line each.
    #[serde(rename = "JSONLINES")]
    Lines,
    /// One array.
    #[serde(rename = "JSONARRAY")]
    Array,
    /// One object, so one event a request.
    #[serde(rename = "JSONOBJECT")]
    Object,
}

/// What of a stream people may see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) endpoint: String,
    pub(crate) format: Format,
    pub(crate) content_type: String,
    /// Whether there is an `Authorization` header.
    pub(crate) authorization: bool,
    /// The names of further headers.
    pub(crate) headers: Vec<String>,
    /// Categories; none: all events.
    pub(crate) filters: Vec<String>,
    pub(crate) is_priority: Option<bool>,
    pub(crate) pii_config: Option<Value>,
    pub(crate) start_from: Option<String>,
}

impl Settings {
    /// The types of the events that are delivered; `None`: all.
    pub(crate) fn kinds(&self) -> Option<Vec<&'static str>> {
        if self.filters.is_empty() {
            return None;
        }
        let wanted = |kind: &&LogKind| self.filters.iter().any(|name| name == kind.category());
        Some(LogKind::ALL.iter().filter(wanted).map(|kind| kind.code()).collect())
    }
}

/// A header and its value.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub(crate) struct SecretHeader {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// What of a stream nobody is shown again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
pub(crate) struct Secrets {
    pub(crate) authorization: Option<String>,
    pub(crate) headers: Vec<SecretHeader>,
    /// Deliveries are signed with it; with its prefix.
    pub(crate) signing: String,
}

impl fmt::Debug for SecretHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretHeader").field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(redacted)")
    }
}

/// A stream's definition cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// Its settings.
    #[error("the settings of the log stream `{0}` cannot be read")]
    Settings(String),
    /// Its secrets.
    #[error("cannot open the secrets of the log stream `{id}`: {fault}")]
    Sealed {
        /// Which.
        id: String,
        /// What is wrong.
        fault: SealError,
    },
}

pub(crate) fn settings(stream: &LogStream) -> Result<Settings, StreamError> {
    serde_json::from_str(&stream.settings).map_err(|_| StreamError::Settings(stream.id.clone()))
}

pub(crate) fn open(master: &MasterKey, stream: &LogStream) -> Result<Secrets, StreamError> {
    let wrong = |fault| StreamError::Sealed { id: stream.id.clone(), fault };
    let bytes = master.open(SEALED_KIND, &stream.id, &stream.sealed).map_err(wrong)?;
    serde_json::from_slice(&bytes).map_err(|_| wrong(SealError::Form))
}

pub(crate) fn seal(master: &MasterKey, id: &str, secrets: &Secrets) -> Result<Vec<u8>, SealError> {
    let text = serde_json::to_vec(secrets).map_err(|_| SealError::Form)?;
    let text = zeroize::Zeroizing::new(text);
    master.seal(SEALED_KIND, id, &text)
}

pub(crate) fn new_id() -> Result<String, RandomError> {
    Ok(format!("{ID_PREFIX}{}", random_base62(ID_LENGTH)?.as_str()))
}

pub(crate) fn new_signing_secret() -> Result<String, RandomError> {
    let bytes: [u8; 32] = random_bytes()?;
    Ok(format!("{SECRET_PREFIX}{}", STANDARD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_auth0s_categories() {
        let mut settings = Settings {
            endpoint: String::new(),
            format: Format::Lines,
            content_type: String::new(),
            authorization: false,
            headers: Vec::new(),
            filters: Vec::new(),
            is_priority: None,
            pii_config: None,
            start_from: None,
        };
        assert_eq!(settings.kinds(), None);
        settings.filters = vec!["auth.token_exchange.fail".to_owned(), "actions".to_owned()];
        assert_eq!(settings.kinds().unwrap(), ["feccft", "actions_execution_failed"]);
        settings.filters = vec!["scim.event".to_owned()];
        assert!(settings.kinds().unwrap().is_empty());
    }

    #[test]
    fn secrets_open_only_for_their_stream() {
        let master = MasterKey::from_bytes(&[7; 32]).unwrap();
        let secrets = Secrets {
            authorization: Some("Bearer t0ken".to_owned()),
            headers: Vec::new(),
            signing: new_signing_secret().unwrap(),
        };
        let stream = |id: &str| LogStream {
            id: id.to_owned(),
            name: String::new(),
            status: ACTIVE.to_owned(),
            settings: "{}".to_owned(),
            sealed: seal(&master, "lst_1", &secrets).unwrap(),
            version: 1,
            created_at: keyward_core::time::Timestamp::default(),
            updated_at: keyward_core::time::Timestamp::default(),
        };
        assert_eq!(open(&master, &stream("lst_1")).unwrap(), secrets);
        assert!(open(&master, &stream("lst_2")).is_err());
        let shown = format!("{secrets:?} {:?}", stream("lst_1"));
        assert!(!shown.contains("t0ken") && !shown.contains("whsec_"), "{shown}");
    }
}
