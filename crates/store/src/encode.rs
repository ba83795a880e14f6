//! Domain types as text, and back.
//!
//! The types of the core cannot be serialised, on purpose; their stored form is here alone. Reading
//! is strict and never fills a gap: an unknown field, a missing field (also one that may be `null`)
//! or a word that means nothing is damage. A forgotten `expires_at` must not become "for ever".

mod account;
mod action;
mod allowlist;
mod api;
mod client;
mod credential;
mod gateway;
mod grant;
mod quota;
mod secret;
mod tenant;

use std::collections::BTreeMap;

use keyward_core::time::Timestamp;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};

pub(crate) use account::AccountBody;
pub(crate) use action::{ActionBody, ActionVersionBody, BindingsBody};
use allowlist::network;
pub(crate) use allowlist::{EntryBody, allowlist, entries};
pub(crate) use api::ApiBody;
pub(crate) use client::ClientBody;
pub(crate) use credential::{AuthenticationBody, CredentialBody};
pub(crate) use gateway::GatewayBody;
pub(crate) use grant::GrantBody;
pub(crate) use quota::{OrganizationBody, QuotaBody};
pub(crate) use secret::SecretBody;
pub(crate) use tenant::TenantBody;

/// Labels of the integrator.
pub(crate) type Metadata = BTreeMap<String, String>;

/// A field that is not what it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The field, which is also the name of its column.
    pub(crate) field: &'static str,
    /// What is wrong, to stand after the field's name.
    pub(crate) what: String,
}

impl Fault {
    pub(crate) fn new(field: &'static str, what: impl Into<String>) -> Self {
        Self { field, what: what.into() }
    }
}

/// The stored form of an entity.
pub(crate) trait Body: Serialize + DeserializeOwned + Send + Sync {
    /// What it is the form of.
    type Of;

    fn of(entity: &Self::Of) -> Self;

    fn read(self) -> Result<Self::Of, Fault>;
}

/// An optional field that must be written all the same, as `null`.
pub(crate) fn written<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer)
}

/// JSON text of a value. Cannot fail for our forms: they have string keys and no floats.
pub(crate) fn json(value: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string(value)
}

/// JSON text of what may be absent.
pub(crate) fn optional_json(
    value: &Option<impl Serialize>,
) -> Result<Option<String>, serde_json::Error> {
    value.as_ref().map(json).transpose()
}

/// Reads a word with the parser of its type.
fn word<T>(
    field: &'static str,
    text: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, Fault> {
    // The text itself is not repeated: damage can put anything there, a secret included.
    parse(text).ok_or_else(|| Fault::new(field, "holds a word that is not known"))
}

/// Reads an identifier with the parser of its type.
fn id<T>(
    field: &'static str,
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, keyward_core::id::IdError>,
) -> Result<T, Fault> {
    parse(text).map_err(|error| Fault::new(field, format!("is {error}")))
}

/// Checks fields that are only kept: they must be one JSON object.
fn kept_fields(text: String) -> Result<String, Fault> {
    let is_object = text.starts_with('{') && serde_json::from_str::<IgnoredAny>(&text).is_ok();
    if is_object { Ok(text) } else { Err(Fault::new("kept_fields", "is no JSON object")) }
}

fn moment(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

#[cfg(test)]
mod tests {
    use keyward_core::allowlist::{Entry, Mode};
    use keyward_core::client::Client;
    use keyward_core::client::credential::{
        AssertionAlgorithm, AuthenticationMethod, ClientAuthentication, ClientCredential, Proof,
    };
    use keyward_core::id::{ClientId, CredentialId, SecretId};
    use keyward_core::secret::{ClientSecret, PepperId, SecretHash};
    use serde_json::Value;

    use super::*;

    fn client() -> Client {
        let now = moment(1_800_000_000_000);
        let mut client = Client::new(ClientId::from_random([7; 16]), "Billing", now);
        let hash = SecretHash { pepper: PepperId(1), mac: [1; 32] };
        client.secrets =
            vec![ClientSecret { id: SecretId(1), hash, created_at: now, expires_at: None }];
        client.credentials = vec![ClientCredential {
            id: CredentialId::parse("cred_a").unwrap(),
            name: "key".to_owned(),
            proof: Proof::PublicKey {
                kid: "kid".to_owned(),
                algorithm: AssertionAlgorithm::Rs384,
                jwk: "{}".to_owned(),
            },
            expires_at: None,
            created_at: now,
            updated_at: now,
        }];
        client.authentication = Some(ClientAuthentication {
            method: AuthenticationMethod::PrivateKeyJwt,
            credentials: vec![CredentialId::parse("cred_a").unwrap()],
        });
        client.allowlist.mode = Mode::Enforce;
        client.allowlist.entries = vec![Entry {
            network: "203.0.113.0/24".parse().unwrap(),
            label: None,
            expires_at: None,
            created_at: now,
            created_by: "operator".to_owned(),
        }];
        client
    }

    /// The objects of the form.
    const PLACES: [&str; 6] = [
        "",
        "/secrets/0",
        "/allowlist_entries/0",
        "/credentials/0",
        "/credentials/0/proof",
        "/authentication",
    ];

    fn read(value: &Value) -> Option<Client> {
        serde_json::from_value::<ClientBody>(value.clone()).ok()?.read().ok()
    }

    /// Calls `check` with the body less one field, for each field of it and of what is in it.
    fn without_each_field(path: &str, check: &dyn Fn(&str, &Value)) {
        let whole = serde_json::to_value(ClientBody::of(&client())).unwrap();
        let fields: Vec<_> =
            whole.pointer(path).unwrap().as_object().unwrap().keys().cloned().collect();
        for field in fields {
            let mut cut = whole.clone();
            cut.pointer_mut(path).unwrap().as_object_mut().unwrap().remove(&field);
            check(&field, &cut);
        }
    }

    #[test]
    fn no_missing_field_is_filled_with_a_default() {
        for path in PLACES {
            without_each_field(path, &|field, cut| assert_eq!(read(cut), None, "{path} {field}"));
        }
    }

    #[test]
    fn no_unknown_field_is_passed_over() {
        let whole = serde_json::to_value(ClientBody::of(&client())).unwrap();
        assert_eq!(read(&whole), Some(client()));
        for path in PLACES {
            let mut more = whole.clone();
            let object = more.pointer_mut(path).unwrap().as_object_mut().unwrap();
            object.insert("extra".to_owned(), Value::Null);
            assert_eq!(read(&more), None, "{path}");
        }
    }

    #[test]
    fn debug_output_of_a_body_has_no_code() {
        let body = ClientBody::of(&client());
        assert!(!format!("{body:?}").contains("0101"), "{body:?}");
    }
}
