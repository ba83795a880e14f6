//! Actions: code of the integrator that runs when a token is asked for, its versions, and which of
//! them are bound to the trigger, in which order.
//!
//! A draft can be written at any time and changes nothing: what runs is the version that was
//! deployed last, and only while its Action is bound.

use std::fmt;

use crate::id::{ActionId, ActionVersionId, BindingId};
use crate::invalid::{Faults, Invalid};
use crate::time::Timestamp;

/// The one trigger that Keyward has: a client asks for a token with its own credentials.
pub const CREDENTIALS_EXCHANGE: &str = "credentials-exchange";
/// The version of the trigger: which event and which `api` the code gets.
pub const TRIGGER_VERSION: &str = "v2";
/// Runtimes that code may ask for (as Auth0's), the default first.
pub const RUNTIMES: [&str; 3] = ["node22", "node18", "node18-actions"];
/// Modules that code may require and name as dependency; none is fetched from anywhere.
pub const MODULES: [&str; 3] = ["crypto", "ipaddr.js", "keyward/ip"];

/// The most Actions there may be (as Auth0's).
pub const ACTIONS_MAX: usize = 100;
/// The most Actions bound to the trigger (as Auth0's).
pub const BINDINGS_MAX: usize = 20;
/// The most versions that are kept of an Action (as Auth0's); the oldest that does not run goes.
pub const VERSIONS_MAX: usize = 50;
/// The most bytes of code (as Auth0's).
pub const CODE_BYTES_MAX: usize = 100 * 1024;
/// The most secrets of an Action (as Auth0's).
pub const SECRETS_MAX: usize = 30;
/// The most characters of a secret's name (as Auth0's).
pub const SECRET_NAME_CHARS_MAX: usize = 128;
/// The most bytes of a secret's value (as Auth0's).
pub const SECRET_VALUE_BYTES_MAX: usize = 4096;
/// The most dependencies of an Action (as Auth0's).
pub const DEPENDENCIES_MAX: usize = 10;
/// The most characters of a name.
pub const NAME_CHARS_MAX: usize = 128;
/// The most characters of a dependency's name, version or registry.
const DEPENDENCY_CHARS_MAX: usize = 255;

/// A module that code asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// Its name.
    pub name: String,
    /// Its version, as given.
    pub version: Option<String>,
    /// Where it is published, as given.
    pub registry_url: Option<String>,
}

/// A secret that code can read as `event.secrets.NAME`.
#[derive(Clone, PartialEq, Eq)]
pub struct ActionSecret {
    /// Its name.
    pub name: String,
    /// Its value, sealed by whoever holds the key for that.
    pub sealed: Vec<u8>,
    /// When the value was written.
    pub updated_at: Timestamp,
}

impl fmt::Debug for ActionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActionSecret").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What runs: the part of an Action that a version freezes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The code: a `CommonJS` module that exports `onExecuteCredentialsExchange`.
    pub code: String,
    /// Modules that it requires.
    pub dependencies: Vec<Dependency>,
    /// The runtime that it was written for.
    pub runtime: String,
    /// Its secrets.
    pub secrets: Vec<ActionSecret>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            code: String::new(),
            dependencies: Vec::new(),
            runtime: RUNTIMES.first().copied().unwrap_or_default().to_owned(),
            secrets: Vec::new(),
        }
    }
}

/// An Action: its name, its draft and which version of it is deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Its identifier.
    pub id: ActionId,
    /// What people call it; no two have the same name.
    pub name: String,
    /// The draft.
    pub draft: Script,
    /// The version that runs where the Action is bound.
    pub deployed: Option<ActionVersionId>,
    /// Whether the draft is what the deployed version is.
    pub all_changes_deployed: bool,
    /// How many versions were made in all; the next one gets the number after it.
    pub versions_made: u32,
    /// Counts writes; for optimistic locking.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

impl Action {
    /// A new Action that was never deployed.
    #[must_use]
    pub fn new(id: ActionId, name: &str, draft: Script, now: Timestamp) -> Self {
        Self {
            id,
            name: name.to_owned(),
            draft,
            deployed: None,
            all_changes_deployed: false,
            versions_made: 0,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// Replaces the draft. What runs stays as it is until somebody deploys.
    pub fn write_draft(&mut self, draft: Script, now: Timestamp) {
        if draft != self.draft {
            self.draft = draft;
            self.all_changes_deployed = false;
            self.updated_at = now;
        }
    }

    /// Freezes a script as the next version and lets that one run from now on. A script of an older
    /// version makes a new version as well, so that versions are a history.
    pub fn deploy(&mut self, id: ActionVersionId, script: Script, now: Timestamp) -> ActionVersion {
        self.versions_made = self.versions_made.saturating_add(1);
        self.all_changes_deployed = script == self.draft;
        self.deployed = Some(id.clone());
        self.updated_at = now;
        ActionVersion {
            id,
            action: self.id.clone(),
            number: self.versions_made,
            script,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// Whether everything in it is acceptable.
    ///
    /// # Errors
    /// Everything that is not.
    pub fn check(&self) -> Result<(), Vec<Invalid>> {
        let mut faults = Faults::default();
        faults.check_name("name", &self.name, NAME_CHARS_MAX);
        self.draft.check(&mut faults);
        faults.finish()
    }
}

impl Script {
    fn check(&self, faults: &mut Faults) {
        faults.require(self.code.len() <= CODE_BYTES_MAX, "code", "too_long", || {
            format!("has more than {CODE_BYTES_MAX} bytes")
        });
        faults.require(RUNTIMES.contains(&self.runtime.as_str()), "runtime", "runtime", || {
            format!("is none of {}", RUNTIMES.join(", "))
        });
        faults.require(
            self.dependencies.len() <= DEPENDENCIES_MAX,
            "dependencies",
            "too_many",
            || format!("holds more than {DEPENDENCIES_MAX} dependencies"),
        );
        for (place, dependency) in self.dependencies.iter().enumerate() {
            let field = format!("dependencies[{place}]");
            faults.check_name(&format!("{field}.name"), &dependency.name, DEPENDENCY_CHARS_MAX);
            for text in [&dependency.version, &dependency.registry_url].into_iter().flatten() {
                faults.check_length(&field, text, DEPENDENCY_CHARS_MAX);
            }
        }
        self.check_secrets(faults);
    }

    fn check_secrets(&self, faults: &mut Faults) {
        faults.require(self.secrets.len() <= SECRETS_MAX, "secrets", "too_many", || {
            format!("holds more than {SECRETS_MAX} secrets")
        });
        for (place, secret) in self.secrets.iter().enumerate() {
            let field = format!("secrets[{place}].name");
            faults.check_name(&field, &secret.name, SECRET_NAME_CHARS_MAX);
            let before = self.secrets.iter().take(place);
            let repeated = before.clone().any(|other| other.name == secret.name);
            faults.require(!repeated, &field, "not_unique", || {
                format!("holds {:?} twice", secret.name)
            });
        }
    }

    /// Whether a version can be made of it: it has code, and asks only for modules that are there.
    ///
    /// # Errors
    /// What stands in the way.
    pub fn check_deployable(&self) -> Result<(), NotDeployable> {
        if self.code.trim().is_empty() {
            return Err(NotDeployable::NoCode);
        }
        let missing = self.dependencies.iter().find(|one| !MODULES.contains(&one.name.as_str()));
        missing.map_or(Ok(()), |one| Err(NotDeployable::Module(one.name.clone())))
    }
}

/// Why a script cannot be deployed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotDeployable {
    /// There is no code.
    #[error("the Action has no code")]
    NoCode,
    /// It asks for a module that is not offered.
    #[error(
        "Cannot find module '{0}': no module is fetched from a registry; what can be required is \
         {known}", known = MODULES.join(", ")
    )]
    Module(String),
}

/// A version of an Action: a script as it was deployed. It never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionVersion {
    /// Its identifier.
    pub id: ActionVersionId,
    /// Of which Action.
    pub action: ActionId,
    /// Counts from 1.
    pub number: u32,
    /// What runs.
    pub script: Script,
    /// Always 1.
    pub version: u64,
    /// When it was deployed.
    pub created_at: Timestamp,
    /// The same.
    pub updated_at: Timestamp,
}

/// One Action in its place at the trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Its identifier; new with every write of the bindings (as Auth0's).
    pub id: BindingId,
    /// Which Action.
    pub action: ActionId,
    /// What people call it there.
    pub display_name: String,
    /// When it was bound.
    pub created_at: Timestamp,
}

/// What is bound to the trigger, in the order in which it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bindings {
    /// The trigger: [`CREDENTIALS_EXCHANGE`].
    pub id: String,
    /// In order.
    pub list: Vec<Binding>,
    /// Counts writes; for optimistic locking.
    pub version: u64,
    /// When it was first written.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

impl Bindings {
    /// Nothing bound.
    #[must_use]
    pub fn none(now: Timestamp) -> Self {
        Self {
            id: CREDENTIALS_EXCHANGE.to_owned(),
            list: Vec::new(),
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// Whether everything in it is acceptable.
    ///
    /// # Errors
    /// Everything that is not.
    pub fn check(&self) -> Result<(), Vec<Invalid>> {
        let mut faults = Faults::default();
        faults.require(self.list.len() <= BINDINGS_MAX, "bindings", "too_many", || {
            format!("holds more than {BINDINGS_MAX} bindings")
        });
        for (place, binding) in self.list.iter().enumerate() {
            let field = format!("bindings[{place}]");
            faults.check_name(
                &format!("{field}.display_name"),
                &binding.display_name,
                NAME_CHARS_MAX,
            );
            let repeated = self.list.iter().take(place).any(|one| one.action == binding.action);
            faults.require(!repeated, &field, "not_unique", || {
                "binds an Action that is bound already".to_owned()
            });
        }
        faults.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action() -> Action {
        let draft = Script { code: "exports.a = 1".to_owned(), ..Script::default() };
        let id = ActionId::parse("a1").unwrap();
        Action::new(id, "ip check", draft, Timestamp::from_seconds(1))
    }

    fn version(text: &str) -> ActionVersionId {
        ActionVersionId::parse(text).unwrap()
    }

    #[test]
    fn a_draft_changes_nothing_that_runs() {
        let mut action = action();
        let now = Timestamp::from_seconds(2);
        let first = action.deploy(version("v1"), action.draft.clone(), now);
        assert_eq!((first.number, action.all_changes_deployed), (1, true));
        action.write_draft(Script { code: "2".to_owned(), ..Script::default() }, now);
        assert!(!action.all_changes_deployed);
        assert_eq!(action.deployed, Some(version("v1")));
        let back = action.deploy(version("v2"), first.script.clone(), now);
        assert_eq!(
            (back.number, back.script, action.all_changes_deployed),
            (2, first.script, false)
        );
    }

    #[test]
    fn a_draft_that_is_written_again_is_still_deployed() {
        let mut action = action();
        let now = Timestamp::from_seconds(2);
        action.deploy(version("v1"), action.draft.clone(), now);
        action.write_draft(action.draft.clone(), Timestamp::from_seconds(3));
        assert!(action.all_changes_deployed && action.updated_at == now);
    }

    #[test]
    fn every_fault_is_named() {
        let mut action = action();
        let secret = ActionSecret {
            name: "A".to_owned(),
            sealed: vec![1],
            updated_at: Timestamp::from_seconds(1),
        };
        action.name = " ".to_owned();
        action.draft = Script {
            code: "x".repeat(CODE_BYTES_MAX + 1),
            dependencies: vec![
                Dependency { name: String::new(), version: None, registry_url: None };
                DEPENDENCIES_MAX + 1
            ],
            runtime: "node12".to_owned(),
            secrets: vec![secret.clone(), secret],
        };
        let fields: Vec<_> =
            action.check().unwrap_err().into_iter().map(|fault| fault.field).collect();
        for field in ["name", "code", "runtime", "dependencies", "secrets[1].name"] {
            assert!(fields.iter().any(|one| one == field), "{field}: {fields:?}");
        }
    }

    #[test]
    fn only_what_is_there_can_be_required() {
        let ask = |name: &str| Script {
            code: "1".to_owned(),
            dependencies: vec![Dependency {
                name: name.to_owned(),
                version: Some("1.0.0".to_owned()),
                registry_url: None,
            }],
            ..Script::default()
        };
        assert_eq!(ask("ipaddr.js").check_deployable(), Ok(()));
        assert_eq!(ask("axios").check_deployable(), Err(NotDeployable::Module("axios".into())));
        assert_eq!(Script::default().check_deployable(), Err(NotDeployable::NoCode));
    }

    #[test]
    fn an_action_is_bound_once() {
        let mut bindings = Bindings::none(Timestamp::from_seconds(1));
        let bind = |id: &str| Binding {
            id: BindingId::parse(id).unwrap(),
            action: ActionId::parse("a1").unwrap(),
            display_name: "ip check".to_owned(),
            created_at: Timestamp::from_seconds(1),
        };
        bindings.list = vec![bind("b1")];
        assert_eq!(bindings.check(), Ok(()));
        bindings.list.push(bind("b2"));
        assert_eq!(bindings.check().unwrap_err()[0].code, "not_unique");
    }

    #[test]
    fn debug_output_has_no_secret() {
        let secret = ActionSecret {
            name: "A".to_owned(),
            sealed: vec![7; 4],
            updated_at: Timestamp::from_seconds(1),
        };
        assert!(!format!("{secret:?}").contains('7'));
    }
}
