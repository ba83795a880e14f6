//! The Actions that a token request runs through.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;

use crate::action::{Action, Binding, Bindings};
use crate::id::{ActionId, ActionVersionId, BindingId};

/// One bound Action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowStep {
    /// Its place.
    pub binding: BindingId,
    /// Which Action.
    pub action: ActionId,
    /// Its name; empty when there is no such Action, which cannot run then.
    pub name: String,
    /// The version that runs; without one it cannot run.
    pub version: Option<ActionVersionId>,
}

/// All bound Actions, in the order in which they run.
pub type Flow = Vec<FlowStep>;

/// What only writers look at.
#[derive(Debug, Default)]
pub(super) struct Actions {
    known: HashMap<ActionId, (String, Option<ActionVersionId>)>,
    bound: Vec<Binding>,
}

/// What token requests read.
#[derive(Debug, Default)]
pub(super) struct FlowTable {
    flow: ArcSwap<Flow>,
    any_action: AtomicBool,
}

impl FlowTable {
    pub(super) fn get(&self) -> Arc<Flow> {
        self.flow.load_full()
    }

    /// Whether there is an Action at all, bound or not.
    pub(super) fn has_actions(&self) -> bool {
        self.any_action.load(Ordering::Relaxed)
    }

    pub(super) fn put_action(&self, actions: &mut Actions, action: &Action) {
        let runs = (action.name.clone(), action.deployed.clone());
        actions.known.insert(action.id.clone(), runs);
        self.publish(actions);
    }

    pub(super) fn remove_action(&self, actions: &mut Actions, id: &ActionId) {
        actions.known.remove(id);
        self.publish(actions);
    }

    pub(super) fn bind(&self, actions: &mut Actions, bindings: Bindings) {
        actions.bound = bindings.list;
        self.publish(actions);
    }

    /// Security: a binding whose Action is not known stays in the flow, and nothing passes it. Left
    /// out, it would let through what it was bound to refuse.
    fn publish(&self, actions: &Actions) {
        let step = |binding: &Binding| {
            let (name, version) = actions.known.get(&binding.action).cloned().unwrap_or_default();
            FlowStep { binding: binding.id.clone(), action: binding.action.clone(), name, version }
        };
        self.flow.store(Arc::new(actions.bound.iter().map(step).collect()));
        self.any_action.store(!actions.known.is_empty(), Ordering::Relaxed);
    }
}
