//! What somebody may write of a client, and the rules for it.

use std::collections::BTreeMap;

use keyward_allowlist::Network;

use crate::allowlist::{ENTRIES_MAX, Mode};
use crate::client::credential::ClientAuthentication;
use crate::client::{CLIENT_CREDENTIALS, Client};
use crate::id::AccountId;
use crate::invalid::{Faults, Invalid};
use crate::organization::DefaultOrganization;
use crate::quota::TokenQuota;
use crate::secret::Environment;
use crate::time::Timestamp;

/// The most characters of a client's name.
pub const NAME_CHARS_MAX: usize = 255;
/// The most characters of a description (as Auth0's).
pub const DESCRIPTION_CHARS_MAX: usize = 140;
/// The most labels in a metadata object (as Auth0's).
pub const METADATA_MAX: usize = 10;
/// The most characters of a metadata key or value (as Auth0's).
pub const METADATA_CHARS_MAX: usize = 255;
/// The most grant types of a client, and the most characters of each.
const GRANT_TYPES_MAX: usize = 50;
const GRANT_TYPE_CHARS_MAX: usize = 200;
/// The most bytes of fields that are only kept.
pub const KEPT_BYTES_MAX: usize = 65_536;

/// Changes to a client; `None` leaves a field alone, an inner `None` empties it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientPatch {
    /// See [`Client::name`].
    pub name: Option<String>,
    /// See [`Client::description`].
    pub description: Option<Option<String>>,
    /// See [`Client::account`]. That it exists is the store's to know.
    pub account: Option<Option<AccountId>>,
    /// See [`Client::environment`].
    pub environment: Option<Environment>,
    /// See [`Client::app_type`].
    pub app_type: Option<Option<String>>,
    /// See [`Client::grant_types`].
    pub grant_types: Option<Vec<String>>,
    /// See [`Client::authentication`]. With one the client's secrets end.
    pub authentication: Option<Option<ClientAuthentication>>,
    /// See [`Client::token_endpoint_auth_method`].
    pub token_endpoint_auth_method: Option<Option<String>>,
    /// See [`Client::require_proof_of_possession`].
    pub require_proof_of_possession: Option<Option<bool>>,
    /// Merged into [`Client::metadata`]; a key with `None` is removed.
    pub metadata: BTreeMap<String, Option<String>>,
    /// The whole allowlist, as bare networks.
    pub allowed_networks: Option<Vec<Network>>,
    /// The allowlist's mode. Without it a non-empty list enforces and an empty one is off.
    pub allowlist_mode: Option<Mode>,
    /// See [`Client::token_quota`].
    pub token_quota: Option<Option<TokenQuota>>,
    /// See [`Client::default_organization`]. That it exists is the store's to know.
    pub default_organization: Option<Option<DefaultOrganization>>,
    /// The new [`Client::kept_fields`], merged by whoever knows their form.
    pub kept_fields: Option<String>,
}

impl Client {
    /// Applies a patch.
    ///
    /// # Errors
    /// Everything that is wrong with it; the client is to be thrown away then.
    pub fn apply(
        &mut self,
        patch: ClientPatch,
        author: &str,
        now: Timestamp,
    ) -> Result<(), Vec<Invalid>> {
        set(&mut self.name, patch.name);
        set(&mut self.description, patch.description);
        set(&mut self.account, patch.account);
        set(&mut self.environment, patch.environment);
        set(&mut self.app_type, patch.app_type);
        set(&mut self.grant_types, patch.grant_types);
        if let Some(authentication) = patch.authentication {
            self.set_authentication(authentication);
        }
        set(&mut self.token_endpoint_auth_method, patch.token_endpoint_auth_method);
        set(&mut self.require_proof_of_possession, patch.require_proof_of_possession);
        set(&mut self.token_quota, patch.token_quota);
        set(&mut self.default_organization, patch.default_organization);
        set(&mut self.kept_fields, patch.kept_fields);
        merge(&mut self.metadata, patch.metadata);
        let implied = patch.allowed_networks.as_ref().map(|list| Mode::implied(list.is_empty()));
        if let Some(networks) = patch.allowed_networks {
            self.allowlist.set_networks(&networks, author, now);
        }
        set(&mut self.allowlist.mode, patch.allowlist_mode.or(implied));
        self.updated_at = now;
        self.check()
    }

    /// Whether everything in it is acceptable.
    ///
    /// # Errors
    /// Everything that is not.
    pub fn check(&self) -> Result<(), Vec<Invalid>> {
        let mut faults = Faults::default();
        faults.check_name("name", &self.name, NAME_CHARS_MAX);
        if let Some(text) = &self.description {
            faults.check_length("description", text, DESCRIPTION_CHARS_MAX);
        }
        self.check_grant_types(&mut faults);
        self.check_authentication(&mut faults);
        check_metadata(&mut faults, "client_metadata", &self.metadata);
        let entries = self.allowlist.entries.len();
        faults.require(entries <= ENTRIES_MAX, "allowed_ips", "too_many_entries", || {
            format!("holds more than {ENTRIES_MAX} entries")
        });
        if let Some(quota) = &self.token_quota {
            quota.check(&mut faults, "token_quota");
        }
        if let Some(default) = &self.default_organization {
            let known = default.flows.iter().all(|flow| flow == CLIENT_CREDENTIALS);
            let fits = known && default.flows.len() <= 1;
            faults.require(fits, "default_organization.flows", "flows", || {
                format!("is not [\"{CLIENT_CREDENTIALS}\"]")
            });
        }
        check_kept(&mut faults, &self.kept_fields);
        faults.finish()
    }

    fn check_grant_types(&self, faults: &mut Faults) {
        let fits = self.grant_types.len() <= GRANT_TYPES_MAX
            && self
                .grant_types
                .iter()
                .all(|name| !name.is_empty() && name.chars().count() <= GRANT_TYPE_CHARS_MAX);
        faults.require(fits, "grant_types", "grant_types", || {
            format!("holds more than {GRANT_TYPES_MAX} grant types, or an empty or overlong one")
        });
        // Compat(auth0): a client without a confidential way to authenticate may not hold this
        // grant when it is asked for alone; with the others it may, unused.
        let machine_only =
            matches!(self.grant_types.as_slice(), [one] if one == CLIENT_CREDENTIALS);
        faults.require(!(machine_only && self.is_public()), "grant_types", "public_client", || {
            format!("Invalid grant types: {CLIENT_CREDENTIALS}")
        });
    }
}

pub(crate) fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// Merges labels: a value replaces, `None` removes.
pub(crate) fn merge(into: &mut BTreeMap<String, String>, from: BTreeMap<String, Option<String>>) {
    for (key, value) in from {
        match value {
            Some(value) => into.insert(key, value),
            None => into.remove(&key),
        };
    }
}

pub(crate) fn check_metadata(
    faults: &mut Faults,
    field: &str,
    metadata: &BTreeMap<String, String>,
) {
    faults.require(metadata.len() <= METADATA_MAX, field, "too_many", || {
        format!("has more than {METADATA_MAX} properties")
    });
    for (key, value) in metadata {
        let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || METADATA_MARKS.contains(c));
        let named = || format!("has the key {key:?}");
        faults.require(plain && !key.is_empty(), field, "key", || {
            format!("{}; write letters, digits and {METADATA_MARKS:?}", named())
        });
        faults.require(key.chars().count() <= METADATA_CHARS_MAX, field, "key", || {
            format!("has a key of more than {METADATA_CHARS_MAX} characters")
        });
        faults.require(value.chars().count() <= METADATA_CHARS_MAX, field, "too_long", || {
            format!("{} with a value of more than {METADATA_CHARS_MAX} characters", named())
        });
    }
}

/// Characters of a metadata key beside letters and digits (as Auth0's).
const METADATA_MARKS: &str = ":,-+=_*?\"/\\()<>@\t ";

pub(crate) fn check_kept(faults: &mut Faults, kept: &str) {
    faults.require(kept.len() <= KEPT_BYTES_MAX, "", "too_large", || {
        format!("the fields that are only kept have more than {KEPT_BYTES_MAX} bytes")
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ClientId;

    fn client() -> Client {
        Client::new(ClientId::from_random([1; 16]), "a", Timestamp::from_seconds(1))
    }

    fn faults(patch: ClientPatch) -> Vec<String> {
        let result = client().apply(patch, "me", Timestamp::from_seconds(2));
        result.map_or_else(|f| f.iter().map(ToString::to_string).collect(), |()| Vec::new())
    }

    #[test]
    fn a_list_without_a_mode_enforces_and_an_empty_one_is_off() {
        let mut client = client();
        let now = Timestamp::from_seconds(2);
        let list = |text: &[&str]| Some(text.iter().map(|t| t.parse().unwrap()).collect());
        let patch =
            ClientPatch { allowed_networks: list(&["203.0.113.7"]), ..ClientPatch::default() };
        client.apply(patch, "me", now).unwrap();
        assert_eq!((client.allowlist.mode, client.allowlist.entries.len()), (Mode::Enforce, 1));
        let patch = ClientPatch { allowed_networks: list(&[]), ..ClientPatch::default() };
        client.apply(patch.clone(), "me", now).unwrap();
        assert_eq!((client.allowlist.mode, client.allowlist.entries.len()), (Mode::Off, 0));
        let patch = ClientPatch { allowlist_mode: Some(Mode::Enforce), ..patch };
        client.apply(patch, "me", now).unwrap();
        assert_eq!(client.allowlist.mode, Mode::Enforce);
    }

    #[test]
    fn metadata_is_merged() {
        let mut client = client();
        let now = Timestamp::from_seconds(2);
        let patch = |pairs: &[(&str, Option<&str>)]| ClientPatch {
            metadata: pairs.iter().map(|(k, v)| ((*k).into(), v.map(str::to_owned))).collect(),
            ..ClientPatch::default()
        };
        client.apply(patch(&[("a", Some("1")), ("b", Some("2"))]), "me", now).unwrap();
        client.apply(patch(&[("a", None), ("c", Some("3"))]), "me", now).unwrap();
        let keys: Vec<_> = client.metadata.keys().map(String::as_str).collect();
        assert_eq!(keys, ["b", "c"]);
    }

    #[test]
    fn every_fault_is_named() {
        let patch = ClientPatch {
            name: Some("<b>".into()),
            description: Some(Some("x".repeat(141))),
            metadata: (0..11).map(|n| (n.to_string(), Some(String::new()))).collect(),
            ..ClientPatch::default()
        };
        assert_eq!(
            faults(patch),
            [
                "name: holds `<`, `>` or a control character",
                "description: has more than 140 characters",
                "client_metadata: has more than 10 properties",
            ]
        );
    }

    #[test]
    fn a_public_client_cannot_be_a_machine() {
        let machine = Some(vec![CLIENT_CREDENTIALS.to_owned()]);
        let patch = |kind: &str, method: Option<&str>| ClientPatch {
            app_type: Some(Some(kind.to_owned())),
            grant_types: machine.clone(),
            token_endpoint_auth_method: Some(method.map(str::to_owned)),
            ..ClientPatch::default()
        };
        let refused = ["grant_types: Invalid grant types: client_credentials"];
        assert_eq!(faults(patch("spa", None)), refused);
        assert_eq!(faults(patch("non_interactive", Some("none"))), refused);
        assert!(faults(patch("spa", Some("client_secret_post"))).is_empty());
        assert!(faults(patch("non_interactive", None)).is_empty());
    }
}
