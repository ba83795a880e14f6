//! APIs.

use keyward_core::api::{Api, Scope};
use keyward_core::id::ApiId;
use keyward_core::jwk::Algorithm;
use keyward_core::possession::{Mechanism, ProofOfPossession, RequiredFor};
use keyward_core::token::Dialect;
use serde::{Deserialize, Serialize};

use super::{Body, EntryBody, Fault, allowlist, entries, id, kept_fields, moment, word, written};

/// An API.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApiBody {
    pub(crate) id: String,
    pub(crate) identifier: String,
    pub(crate) name: String,
    pub(crate) scopes: Vec<ScopeBody>,
    pub(crate) signing_algorithm: String,
    pub(crate) token_lifetime_s: u32,
    pub(crate) dialect: String,
    pub(crate) permissions_claim: bool,
    #[serde(deserialize_with = "written")]
    pub(crate) proof_of_possession: Option<PossessionBody>,
    pub(crate) allowlist_mode: String,
    pub(crate) allowlist_entries: Vec<EntryBody>,
    pub(crate) is_system: bool,
    pub(crate) kept_fields: String,
    pub(crate) version: u64,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

/// One scope.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScopeBody {
    value: String,
    #[serde(deserialize_with = "written")]
    description: Option<String>,
}

/// What an API says about bound tokens.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PossessionBody {
    mechanism: String,
    required: bool,
    #[serde(deserialize_with = "written")]
    required_for: Option<String>,
}

impl PossessionBody {
    fn of(rule: &ProofOfPossession) -> Self {
        Self {
            mechanism: rule.mechanism.name().to_owned(),
            required: rule.required,
            required_for: rule.required_for.map(|whom| whom.name().to_owned()),
        }
    }

    fn read(self) -> Result<ProofOfPossession, Fault> {
        const FIELD: &str = "proof_of_possession";
        let whom = |text: String| word(FIELD, &text, RequiredFor::parse);
        Ok(ProofOfPossession {
            mechanism: word(FIELD, &self.mechanism, Mechanism::parse)?,
            required: self.required,
            required_for: self.required_for.map(whom).transpose()?,
        })
    }
}

impl Body for ApiBody {
    type Of = Api;

    fn of(api: &Api) -> Self {
        let scope = |scope: &Scope| ScopeBody {
            value: scope.value.clone(),
            description: scope.description.clone(),
        };
        Self {
            id: api.id.to_string(),
            identifier: api.identifier.clone(),
            name: api.name.clone(),
            scopes: api.scopes.iter().map(scope).collect(),
            signing_algorithm: api.signing_algorithm.name().to_owned(),
            token_lifetime_s: api.token_lifetime_s,
            dialect: dialect_name(api.dialect).to_owned(),
            permissions_claim: api.permissions_claim,
            proof_of_possession: api.proof_of_possession.as_ref().map(PossessionBody::of),
            allowlist_mode: api.allowlist.mode.name().to_owned(),
            allowlist_entries: entries(&api.allowlist),
            is_system: api.is_system,
            kept_fields: api.kept_fields.clone(),
            version: api.version,
            created_at: api.created_at.millis(),
            updated_at: api.updated_at.millis(),
        }
    }

    fn read(self) -> Result<Api, Fault> {
        let scope = |body: ScopeBody| Scope { value: body.value, description: body.description };
        Ok(Api {
            id: id("id", &self.id, ApiId::parse)?,
            identifier: self.identifier,
            name: self.name,
            scopes: self.scopes.into_iter().map(scope).collect(),
            signing_algorithm: word(
                "signing_algorithm",
                &self.signing_algorithm,
                Algorithm::parse,
            )?,
            token_lifetime_s: self.token_lifetime_s,
            dialect: word("dialect", &self.dialect, parse_dialect)?,
            permissions_claim: self.permissions_claim,
            proof_of_possession: self.proof_of_possession.map(PossessionBody::read).transpose()?,
            allowlist: allowlist(&self.allowlist_mode, self.allowlist_entries)?,
            is_system: self.is_system,
            kept_fields: kept_fields(self.kept_fields)?,
            version: self.version,
            created_at: moment(self.created_at),
            updated_at: moment(self.updated_at),
        })
    }
}

const fn dialect_name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Auth0 => "auth0",
        Dialect::Rfc9068 => "rfc9068",
    }
}

fn parse_dialect(text: &str) -> Option<Dialect> {
    [Dialect::Auth0, Dialect::Rfc9068].into_iter().find(|dialect| dialect_name(*dialect) == text)
}
