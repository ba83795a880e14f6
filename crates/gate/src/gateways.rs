//! The gateways that have asked, with what is counted of each.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use keyward_core::policy::{GatewayRecord, Policy};

use crate::counters::GatewayCounters;

/// Few, and asked for at every check: sorted by name, which is found faster than it is hashed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table(Vec<(Box<str>, Registered)>);

impl Table {
    pub(crate) fn get(&self, name: &str) -> Option<&Registered> {
        let place = self.place(name).ok()?;
        self.0.get(place).map(|(_, registered)| registered)
    }

    fn insert(&mut self, name: &str, registered: Registered) {
        match self.place(name) {
            Ok(place) => {
                if let Some(slot) = self.0.get_mut(place) {
                    slot.1 = registered;
                }
            }
            Err(place) => self.0.insert(place, (name.into(), registered)),
        }
    }

    fn remove(&mut self, name: &str) -> Option<Registered> {
        let place = self.place(name).ok()?;
        Some(self.0.remove(place).1)
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (**known).cmp(name))
    }
}

/// A gateway with what is counted of it.
#[derive(Debug, Clone)]
pub(crate) struct Registered {
    pub(crate) record: Arc<GatewayRecord>,
    pub(crate) counters: Arc<GatewayCounters>,
}

/// The gateways known here. The policy is the authority: what is here is used only while the
/// policy has nothing newer, which a record says itself. Reading takes no lock.
#[derive(Debug, Default)]
pub(crate) struct Gateways {
    table: ArcSwap<Table>,
}

impl Gateways {
    /// The gateways, `name` among them as it is now, if there is such a one.
    pub(crate) fn with(&self, policy: &Policy, name: &str) -> Guard<Arc<Table>> {
        let table = self.table.load();
        let is_current = table.get(name).is_some_and(|known| !known.record.has_ended());
        if is_current {
            return table;
        }
        let record = policy.gateway(name);
        if record.is_none() && table.get(name).is_none() {
            // Whoever tries names must not make work for others.
            return table;
        }
        drop(table);
        self.table.rcu(|table| {
            let mut table = Table::clone(table);
            match &record {
                Some(record) => {
                    let known = table.remove(name);
                    let counters = known.map_or_else(
                        || Arc::new(GatewayCounters::new(name)),
                        |known| known.counters,
                    );
                    let record = Arc::clone(record);
                    table.insert(name, Registered { record, counters });
                }
                None => drop(table.remove(name)),
            }
            table
        });
        self.table.load()
    }
}
