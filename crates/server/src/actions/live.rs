//! The live log: everything that Actions write, for whoever watches now.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use keyward_actions::FlowReport;
use keyward_core::policy::Flow;
use keyward_core::time::Timestamp;
use serde::Serialize;
use tokio::sync::{broadcast, watch};
use utoipa::ToSchema;

use super::Actions;
use crate::v1::Time;

/// Lines that a watcher may be behind; older ones are lost to him.
const BEHIND_MAX: usize = 1_024;
/// How many may watch at once.
const WATCHERS_MAX: usize = 16;

/// A line of the live log.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Line {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) at: Time,
    /// The execution.
    pub(crate) execution_id: String,
    /// The Action.
    pub(crate) action_id: String,
    /// Its name.
    pub(crate) action_name: String,
    /// Which function of the console wrote it; `failure` for why an Action failed.
    pub(crate) level: &'static str,
    /// What it says.
    pub(crate) text: String,
}

#[derive(Debug)]
pub(super) struct Live {
    lines: broadcast::Sender<Arc<Line>>,
    watchers: Arc<AtomicUsize>,
    closed: watch::Sender<bool>,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            lines: broadcast::Sender::new(BEHIND_MAX),
            watchers: Arc::default(),
            closed: watch::Sender::new(false),
        }
    }
}

/// What a watcher gets.
pub(crate) struct Streams {
    /// The lines.
    pub(crate) lines: broadcast::Receiver<Arc<Line>>,
    /// Whether the server is about to end.
    pub(crate) closed: watch::Receiver<bool>,
    watchers: Arc<AtomicUsize>,
}

impl Drop for Streams {
    fn drop(&mut self) {
        self.watchers.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Live {
    /// `None` when too many watch already.
    pub(super) fn listen(&self) -> Option<Streams> {
        if self.watchers.fetch_add(1, Ordering::SeqCst) >= WATCHERS_MAX {
            self.watchers.fetch_sub(1, Ordering::SeqCst);
            return None;
        }
        Some(Streams {
            lines: self.lines.subscribe(),
            closed: self.closed.subscribe(),
            watchers: Arc::clone(&self.watchers),
        })
    }

    pub(super) fn close(&self) {
        self.closed.send_replace(true);
    }
}

impl Actions {
    /// Tells those who watch what Actions wrote.
    pub(crate) fn show(
        &self,
        at: Timestamp,
        execution: &str,
        (flow, report): (&Flow, &FlowReport),
    ) {
        if self.live.lines.receiver_count() == 0 {
            return;
        }
        for (step, done) in flow.iter().zip(&report.steps) {
            let tell = |level: &'static str, text: String| {
                let _nobody = self.live.lines.send(Arc::new(Line {
                    at: Time(at),
                    execution_id: execution.to_owned(),
                    action_id: step.action.to_string(),
                    action_name: step.name.clone(),
                    level,
                    text,
                }));
            };
            for line in &done.run.console {
                tell(line.level.name(), line.text.clone());
            }
            if done.run.console_dropped > 0 {
                tell("warn", format!("({} lines more)", done.run.console_dropped));
            }
            if let Some(failure) = &done.run.failure {
                tell("failure", format!("{}: {}", failure.name, failure.message));
            }
        }
    }
}
