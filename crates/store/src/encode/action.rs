//! Actions, their versions, and what is bound.

use keyward_core::action::{
    Action, ActionSecret, ActionVersion, Binding, Bindings, Dependency, Script,
};
use keyward_core::id::{ActionId, ActionVersionId, BindingId};
use serde::{Deserialize, Serialize};

use super::{Body, Fault, id, moment, written};

/// A module that code asks for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DependencyBody {
    name: String,
    #[serde(deserialize_with = "written")]
    version: Option<String>,
    #[serde(deserialize_with = "written")]
    registry_url: Option<String>,
}

/// A secret: its sealed value in hexadecimal.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActionSecretBody {
    name: String,
    sealed: String,
    updated_at: i64,
}

impl std::fmt::Debug for ActionSecretBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ActionSecretBody").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What runs.
#[derive(Debug, Clone)]
pub(crate) struct ScriptBody {
    pub(crate) code: String,
    pub(crate) dependencies: Vec<DependencyBody>,
    pub(crate) runtime: String,
    pub(crate) secrets: Vec<ActionSecretBody>,
}

impl ScriptBody {
    fn of(script: &Script) -> Self {
        let dependency = |one: &Dependency| DependencyBody {
            name: one.name.clone(),
            version: one.version.clone(),
            registry_url: one.registry_url.clone(),
        };
        let secret = |one: &ActionSecret| ActionSecretBody {
            name: one.name.clone(),
            sealed: crate::hex::encode(&one.sealed),
            updated_at: one.updated_at.millis(),
        };
        Self {
            code: script.code.clone(),
            dependencies: script.dependencies.iter().map(dependency).collect(),
            runtime: script.runtime.clone(),
            secrets: script.secrets.iter().map(secret).collect(),
        }
    }

    fn read(self) -> Result<Script, Fault> {
        let dependency = |one: DependencyBody| Dependency {
            name: one.name,
            version: one.version,
            registry_url: one.registry_url,
        };
        let secret = |one: ActionSecretBody| {
            let sealed = crate::hex::decode_all(&one.sealed)
                .ok_or_else(|| Fault::new("secrets", "holds a value that is not hexadecimal"))?;
            let updated_at = moment(one.updated_at);
            Ok(ActionSecret { name: one.name, sealed, updated_at })
        };
        Ok(Script {
            code: self.code,
            dependencies: self.dependencies.into_iter().map(dependency).collect(),
            runtime: self.runtime,
            secrets: self.secrets.into_iter().map(secret).collect::<Result<_, _>>()?,
        })
    }
}

/// An Action.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActionBody {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) code: String,
    pub(crate) dependencies: Vec<DependencyBody>,
    pub(crate) runtime: String,
    pub(crate) secrets: Vec<ActionSecretBody>,
    #[serde(deserialize_with = "written")]
    pub(crate) deployed: Option<String>,
    pub(crate) all_changes_deployed: bool,
    pub(crate) versions_made: u32,
    pub(crate) version: u64,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

impl Body for ActionBody {
    type Of = Action;

    fn of(action: &Action) -> Self {
        let ScriptBody { code, dependencies, runtime, secrets } = ScriptBody::of(&action.draft);
        Self {
            id: action.id.to_string(),
            name: action.name.clone(),
            code,
            dependencies,
            runtime,
            secrets,
            deployed: action.deployed.as_ref().map(ToString::to_string),
            all_changes_deployed: action.all_changes_deployed,
            versions_made: action.versions_made,
            version: action.version,
            created_at: action.created_at.millis(),
            updated_at: action.updated_at.millis(),
        }
    }

    fn read(self) -> Result<Action, Fault> {
        let Self { code, dependencies, runtime, secrets, .. } = self;
        let deployed = self.deployed.as_deref();
        let deployed = deployed.map(|text| id("deployed", text, ActionVersionId::parse));
        Ok(Action {
            id: id("id", &self.id, ActionId::parse)?,
            name: self.name,
            draft: ScriptBody { code, dependencies, runtime, secrets }.read()?,
            deployed: deployed.transpose()?,
            all_changes_deployed: self.all_changes_deployed,
            versions_made: self.versions_made,
            version: self.version,
            created_at: moment(self.created_at),
            updated_at: moment(self.updated_at),
        })
    }
}

/// A version of an Action.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActionVersionBody {
    pub(crate) id: String,
    pub(crate) action_id: String,
    pub(crate) number: u32,
    pub(crate) code: String,
    pub(crate) dependencies: Vec<DependencyBody>,
    pub(crate) runtime: String,
    pub(crate) secrets: Vec<ActionSecretBody>,
    pub(crate) version: u64,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

impl Body for ActionVersionBody {
    type Of = ActionVersion;

    fn of(version: &ActionVersion) -> Self {
        let ScriptBody { code, dependencies, runtime, secrets } = ScriptBody::of(&version.script);
        Self {
            id: version.id.to_string(),
            action_id: version.action.to_string(),
            number: version.number,
            code,
            dependencies,
            runtime,
            secrets,
            version: version.version,
            created_at: version.created_at.millis(),
            updated_at: version.updated_at.millis(),
        }
    }

    fn read(self) -> Result<ActionVersion, Fault> {
        let Self { code, dependencies, runtime, secrets, .. } = self;
        Ok(ActionVersion {
            id: id("id", &self.id, ActionVersionId::parse)?,
            action: id("action_id", &self.action_id, ActionId::parse)?,
            number: self.number,
            script: ScriptBody { code, dependencies, runtime, secrets }.read()?,
            version: self.version,
            created_at: moment(self.created_at),
            updated_at: moment(self.updated_at),
        })
    }
}

/// One bound Action.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BindingBody {
    id: String,
    action_id: String,
    display_name: String,
    created_at: i64,
}

/// What is bound to a trigger.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BindingsBody {
    pub(crate) id: String,
    pub(crate) bindings: Vec<BindingBody>,
    pub(crate) version: u64,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

impl Body for BindingsBody {
    type Of = Bindings;

    fn of(bindings: &Bindings) -> Self {
        let body = |one: &Binding| BindingBody {
            id: one.id.to_string(),
            action_id: one.action.to_string(),
            display_name: one.display_name.clone(),
            created_at: one.created_at.millis(),
        };
        Self {
            id: bindings.id.clone(),
            bindings: bindings.list.iter().map(body).collect(),
            version: bindings.version,
            created_at: bindings.created_at.millis(),
            updated_at: bindings.updated_at.millis(),
        }
    }

    fn read(self) -> Result<Bindings, Fault> {
        let binding = |one: BindingBody| {
            Ok(Binding {
                id: id("bindings", &one.id, BindingId::parse)?,
                action: id("bindings", &one.action_id, ActionId::parse)?,
                display_name: one.display_name,
                created_at: moment(one.created_at),
            })
        };
        Ok(Bindings {
            id: self.id,
            list: self.bindings.into_iter().map(binding).collect::<Result<_, _>>()?,
            version: self.version,
            created_at: moment(self.created_at),
            updated_at: moment(self.updated_at),
        })
    }
}
