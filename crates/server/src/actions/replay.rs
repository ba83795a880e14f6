//! Replay: what a draft would have answered to the token requests that there were.

use std::time::{Duration, Instant};

use keyward_actions::Question;
use keyward_actions::cache::Cache;
use keyward_core::action::Action;
use keyward_core::time::Timestamp;
use keyward_store::StoreError;

use super::draft;
use super::executions::Told;
use crate::services::Services;

/// How long a replay may take in all. What was not looked at by then is told.
const TIME_MAX: Duration = Duration::from_secs(30);
/// How many changes are told one by one; further ones are counted.
const CHANGES_MAX: usize = 100;

/// What a replay found.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    /// Requests that were looked at.
    pub(crate) examined: usize,
    /// Requests that could not be: of their event too little was kept.
    pub(crate) unreadable: usize,
    /// Requests for which there was no time.
    pub(crate) left: usize,
    /// Requests that would get another answer.
    pub(crate) changed: usize,
    /// Of these the first, the newest first.
    pub(crate) changes: Vec<Change>,
}

/// A request that would get another answer.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) execution: String,
    pub(crate) at: Timestamp,
    pub(crate) client: String,
    pub(crate) ip: String,
    pub(crate) before: Told,
    pub(crate) after: Told,
}

/// Lets the last requests go through what is bound now, with the draft in its Action's place, or
/// after all others when that is not bound. Each begins with an empty cache.
///
/// # Errors
/// When the store does not answer.
pub(crate) async fn replay(
    services: &Services,
    action: &Action,
    count: u32,
) -> Result<Replay, StoreError> {
    let actions = &services.actions;
    let flow = services.policy.flow();
    let draft = draft::step(services, &action.id, &action.draft);
    let mut steps = Vec::with_capacity(flow.len().saturating_add(1));
    for step in flow.iter() {
        steps.push(if step.action == action.id {
            draft.clone()
        } else {
            actions.scripts.step(services, step).await
        });
    }
    if flow.iter().all(|step| step.action != action.id) {
        steps.push(draft);
    }
    let began = Instant::now();
    let mut found = Replay::default();
    let recorded = actions.executions.last(&services.store, services.now(), None, count).await?;
    for execution in recorded {
        if began.elapsed() > TIME_MAX {
            found.left = found.left.saturating_add(1);
            continue;
        }
        if execution.body.event_is_cut {
            found.unreadable = found.unreadable.saturating_add(1);
            continue;
        }
        let event = execution.body.event;
        let ip = event.get("request").and_then(|request| request.get("ip")?.as_str());
        let ip = ip.unwrap_or_default().to_owned();
        let question = Question::new(event, execution.at.millis(), actions.limits);
        let report =
            keyward_actions::ask(&actions.drafts, &Cache::default(), &steps, question).await;
        found.examined = found.examined.saturating_add(1);
        let after = Told::from(&report.answer);
        if after == execution.body.answer {
            continue;
        }
        found.changed = found.changed.saturating_add(1);
        if found.changes.len() < CHANGES_MAX {
            found.changes.push(Change {
                execution: execution.id,
                at: execution.at,
                client: execution.client,
                ip,
                before: execution.body.answer,
                after,
            });
        }
    }
    Ok(found)
}
