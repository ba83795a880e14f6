//! Trying a draft against an event that somebody made up.

use std::sync::Arc;

use keyward_actions::cache::Cache;
use keyward_actions::{FlowReport, Question, Step};
use keyward_core::action::{Action, Script};
use keyward_core::id::ActionId;
use serde_json::{Map, Value};

use super::scripts::{of_code, opened};
use crate::services::Services;

/// Runs a draft against an event. What it writes to the cache is forgotten.
pub(crate) async fn try_draft(
    services: &Services,
    action: &Action,
    event: Map<String, Value>,
) -> FlowReport {
    let actions = &services.actions;
    let step = step(services, &action.id, &action.draft);
    let question = Question::new(event, services.now().millis(), actions.limits);
    keyward_actions::ask(&actions.drafts, &Cache::default(), &[step], question).await
}

/// A draft on the way.
pub(super) fn step(services: &Services, action: &ActionId, draft: &Script) -> Step {
    match opened(services, action, &draft.secrets) {
        Ok(secrets) => {
            Step { script: Ok(Arc::new(of_code(&draft.code))), secrets: Arc::new(secrets) }
        }
        Err(failure) => Step { script: Err(failure), secrets: Arc::default() },
    }
}
