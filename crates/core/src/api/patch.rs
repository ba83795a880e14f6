//! What somebody may write of an API or an account, and the rules for it.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{Account, Api, Scope, TOKEN_LIFETIME_MAX_S, TOKEN_LIFETIME_MIN_S};
use crate::client::patch::{check_kept, check_metadata, merge, set};
use crate::client::{ClientGrant, State};
use crate::invalid::{Faults, Invalid};
use crate::jwk::Algorithm;
use crate::possession::ProofOfPossession;
use crate::quota::TokenQuota;
use crate::time::Timestamp;
use crate::token::Dialect;

/// The most characters of an API's identifier (as Auth0's).
pub const IDENTIFIER_CHARS_MAX: usize = 600;
/// The most characters of the name of an API or an account.
pub const NAME_CHARS_MAX: usize = 200;
/// The most characters of a scope's description.
pub const SCOPE_DESCRIPTION_CHARS_MAX: usize = 500;
/// The most scopes of an API or a grant.
pub const SCOPES_MAX: usize = 1000;

/// Changes to an API; `None` leaves a field alone. The identifier never changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiPatch {
    /// See [`Api::name`].
    pub name: Option<String>,
    /// See [`Api::scopes`].
    pub scopes: Option<Vec<Scope>>,
    /// See [`Api::signing_algorithm`].
    pub signing_algorithm: Option<Algorithm>,
    /// See [`Api::token_lifetime_s`].
    pub token_lifetime_s: Option<u32>,
    /// See [`Api::dialect`] and [`Api::permissions_claim`].
    pub dialect: Option<(Dialect, bool)>,
    /// See [`Api::proof_of_possession`].
    pub proof_of_possession: Option<Option<ProofOfPossession>>,
    /// The new [`Api::kept_fields`], merged by whoever knows their form.
    pub kept_fields: Option<String>,
}

impl Api {
    /// Applies a patch.
    ///
    /// # Errors
    /// Everything that is wrong with it; the API is to be thrown away then.
    pub fn apply(&mut self, patch: ApiPatch, now: Timestamp) -> Result<(), Vec<Invalid>> {
        set(&mut self.name, patch.name);
        set(&mut self.scopes, patch.scopes);
        set(&mut self.signing_algorithm, patch.signing_algorithm);
        set(&mut self.token_lifetime_s, patch.token_lifetime_s);
        if let Some((dialect, permissions)) = patch.dialect {
            self.dialect = dialect;
            self.permissions_claim = permissions;
        }
        set(&mut self.proof_of_possession, patch.proof_of_possession);
        set(&mut self.kept_fields, patch.kept_fields);
        self.updated_at = now;
        self.check()
    }

    /// Whether everything in it is acceptable.
    ///
    /// # Errors
    /// Everything that is not.
    pub fn check(&self) -> Result<(), Vec<Invalid>> {
        let mut faults = Faults::default();
        let identifier = self.identifier.as_str();
        faults.require(!identifier.is_empty(), "identifier", "empty", || "is empty".to_owned());
        faults.check_length("identifier", identifier, IDENTIFIER_CHARS_MAX);
        let plain = !identifier.chars().any(|c| c.is_control() || c.is_whitespace());
        faults.require(plain, "identifier", "characters", || {
            "holds a blank or a control character".to_owned()
        });
        faults.check_name("name", &self.name, NAME_CHARS_MAX);
        let lifetime = self.token_lifetime_s;
        faults.require(lifetime <= TOKEN_LIFETIME_MAX_S, "token_lifetime", "range", || {
            format!("is over {TOKEN_LIFETIME_MAX_S} seconds (30 days)")
        });
        faults.require(lifetime >= TOKEN_LIFETIME_MIN_S, "token_lifetime", "range", || {
            format!(
                "is under {TOKEN_LIFETIME_MIN_S} seconds: clients ask for a new token 10 seconds \
                 before the old one ends"
            )
        });
        check_scopes(&mut faults, "scopes", self.scopes.iter().map(|s| s.value.as_str()));
        for (place, scope) in self.scopes.iter().enumerate() {
            faults.check_scope(&format!("scopes[{place}].value"), &scope.value);
            let description = scope.description.as_deref().unwrap_or_default();
            let field = format!("scopes[{place}].description");
            faults.check_length(&field, description, SCOPE_DESCRIPTION_CHARS_MAX);
        }
        check_kept(&mut faults, &self.kept_fields);
        faults.finish()
    }
}

impl ClientGrant {
    /// Whether everything in it is acceptable.
    ///
    /// # Errors
    /// Everything that is not.
    pub fn check(&self) -> Result<(), Vec<Invalid>> {
        let mut faults = Faults::default();
        check_scopes(&mut faults, "scope", self.scopes.iter().map(String::as_str));
        for (place, scope) in self.scopes.iter().enumerate() {
            faults.check_scope(&format!("scope[{place}]"), scope);
        }
        check_kept(&mut faults, &self.kept_fields);
        faults.finish()
    }
}

/// Changes to an account; `None` leaves a field alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountPatch {
    /// See [`Account::name`].
    pub name: Option<String>,
    /// See [`Account::state`].
    pub state: Option<State>,
    /// See [`Account::token_quota`].
    pub token_quota: Option<Option<TokenQuota>>,
    /// Merged into [`Account::metadata`]; a key with `None` is removed.
    pub metadata: BTreeMap<String, Option<String>>,
}

impl Account {
    /// Applies a patch.
    ///
    /// # Errors
    /// Everything that is wrong with it; the account is to be thrown away then.
    pub fn apply(&mut self, patch: AccountPatch, now: Timestamp) -> Result<(), Vec<Invalid>> {
        set(&mut self.name, patch.name);
        set(&mut self.state, patch.state);
        set(&mut self.token_quota, patch.token_quota);
        merge(&mut self.metadata, patch.metadata);
        self.updated_at = now;
        let mut faults = Faults::default();
        faults.check_name("name", &self.name, NAME_CHARS_MAX);
        if let Some(quota) = &self.token_quota {
            quota.check(&mut faults, "token_quota");
        }
        check_metadata(&mut faults, "metadata", &self.metadata);
        faults.finish()
    }
}

fn check_scopes<'a>(faults: &mut Faults, field: &str, scopes: impl Iterator<Item = &'a str>) {
    let mut seen = BTreeSet::new();
    let mut count = 0_usize;
    let mut repeated = None;
    for scope in scopes {
        count = count.saturating_add(1);
        if !seen.insert(scope) {
            repeated.get_or_insert(scope);
        }
    }
    faults.require(count <= SCOPES_MAX, field, "too_many", || {
        format!("holds more than {SCOPES_MAX} scopes")
    });
    if let Some(scope) = repeated {
        faults.push(Invalid::new(field, "not_unique", format!("holds {scope:?} twice")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{AccountId, ApiId};

    fn api() -> Api {
        let id = ApiId::parse("0123456789abcdef01234567").unwrap();
        Api::new(id, "https://api.example/", "API", Timestamp::from_seconds(1))
    }

    fn scope(value: &str) -> Scope {
        Scope { value: value.to_owned(), description: None }
    }

    #[test]
    fn a_patch_changes_only_what_it_names() {
        let mut api = api();
        let patch = ApiPatch {
            scopes: Some(vec![scope("read:things")]),
            dialect: Some((Dialect::Rfc9068, true)),
            ..ApiPatch::default()
        };
        api.apply(patch, Timestamp::from_seconds(2)).unwrap();
        assert_eq!((api.name.as_str(), api.permissions_claim), ("API", true));
        assert_eq!(api.updated_at, Timestamp::from_seconds(2));
    }

    #[test]
    fn every_fault_is_named() {
        let mut api = api();
        let patch = ApiPatch {
            name: Some(" ".into()),
            scopes: Some(vec![scope("a b"), scope("c"), scope("c")]),
            token_lifetime_s: Some(TOKEN_LIFETIME_MAX_S + 1),
            ..ApiPatch::default()
        };
        let faults = api.apply(patch, Timestamp::from_seconds(2)).unwrap_err();
        let fields: Vec<_> = faults.iter().map(|f| (f.field.as_str(), f.code)).collect();
        assert_eq!(
            fields,
            [
                ("name", "empty"),
                ("token_lifetime", "range"),
                ("scopes", "not_unique"),
                ("scopes[0].value", "scope"),
            ]
        );
        let mut api = api.clone();
        api.identifier = "x".repeat(601);
        assert!(api.check().unwrap_err().iter().any(|fault| fault.field == "identifier"));
    }

    #[test]
    fn an_account_is_renamed_and_suspended() {
        let id = AccountId::parse("acc_1").unwrap();
        let mut account = Account::new(id, "Acme", Timestamp::from_seconds(1));
        let patch = AccountPatch { state: Some(State::Suspended), ..AccountPatch::default() };
        account.apply(patch, Timestamp::from_seconds(2)).unwrap();
        assert_eq!((account.name.as_str(), account.state), ("Acme", State::Suspended));
        let patch = AccountPatch { name: Some("<".into()), ..AccountPatch::default() };
        assert!(account.apply(patch, Timestamp::from_seconds(3)).is_err());
    }
}
