//! The code of deployed versions and their secrets, as they are run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use keyward_actions::{Failure, FailureKind, Script, Step};
use keyward_core::action::{ActionSecret, ActionVersion};
use keyward_core::id::{ActionId, ActionVersionId};
use keyward_core::policy::FlowStep;
use serde_json::{Map, Value};

use crate::services::Services;

/// What secrets of Actions are sealed for.
pub(crate) const SEALED_KIND: &str = "action-secret";
/// How many versions are remembered; more than can be bound.
const KEPT_MAX: usize = 64;

/// What a sealed secret is bound to: moved to another Action or name it does not open.
pub(crate) fn sealed_record(id: &ActionId, name: &str) -> String {
    format!("{id}/{name}")
}

/// Versions that were run. A version never changes, so nothing here can be stale.
#[derive(Debug, Default)]
pub(super) struct Scripts(Mutex<HashMap<ActionVersionId, Step>>);

impl Scripts {
    /// What runs at a place of the trigger. What cannot run is a step that fails.
    pub(super) async fn step(&self, services: &Services, step: &FlowStep) -> Step {
        let Some(id) = &step.version else {
            return failing("the Action is gone, or was never deployed");
        };
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        if let Some(known) = known {
            return known;
        }
        let version = match services.store.action_version(id).await {
            Ok(Some(version)) => version,
            Ok(None) => return failing("the deployed version is not in the store"),
            Err(error) => {
                tracing::error!(%error, action.id = %step.action, "an Action cannot be read");
                return failing("the deployed version cannot be read now");
            }
        };
        let made = of_version(services, &version);
        if made.script.is_ok() {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() >= KEPT_MAX {
                kept.clear();
            }
            kept.insert(id.clone(), made.clone());
        }
        made
    }
}

fn failing(why: &str) -> Step {
    Step { script: Err(Failure::new(FailureKind::NoVersion, why)), secrets: Arc::default() }
}

fn of_version(services: &Services, version: &ActionVersion) -> Step {
    match opened(services, &version.action, &version.script.secrets) {
        Ok(secrets) => Step {
            script: Ok(Arc::new(Script::new(version.id.as_str(), &version.script.code))),
            secrets: Arc::new(secrets),
        },
        Err(failure) => Step { script: Err(failure), secrets: Arc::default() },
    }
}

/// `event.secrets`.
pub(super) fn opened(
    services: &Services,
    action: &ActionId,
    secrets: &[ActionSecret],
) -> Result<Map<String, Value>, Failure> {
    let mut all = Map::new();
    for secret in secrets {
        let record = sealed_record(action, &secret.name);
        let opened = services.master.open(SEALED_KIND, &record, &secret.sealed);
        let text = opened.ok().and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
        let Some(text) = text else {
            let message = format!("the secret {} cannot be opened", secret.name);
            return Err(Failure::new(FailureKind::NoVersion, message));
        };
        all.insert(secret.name.clone(), text.into());
    }
    Ok(all)
}

/// Code that is no version, under a name that no other code has.
pub(super) fn of_code(code: &str) -> Script {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, code.as_bytes());
    let name: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Script::new(&format!("draft-{name}"), code)
}
