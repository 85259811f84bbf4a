//! The agents in memory, in the order of their creation.

use std::collections::{BTreeMap, HashMap};

use crate::model::{Record, Status};
use crate::time::Moment;

/// Below this an agent is failing.
pub(crate) const FAILING: f64 = 0.5;

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// By order of creation; two nodes may have given the same number, so the id stands beside it.
    known: BTreeMap<(u64, String), Known>,
    /// Where an id stands in `known`.
    orders: HashMap<String, u64>,
    census: Census,
}

/// An agent as it is in the store.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) record: Record,
    /// That of the store, which a change must name.
    revision: u64,
    /// The record's last sign of life on the clock that only grows, so that nobody is lost because a clock was set.
    pub(crate) heard: i64,
}

/// The agents, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Census {
    pub(crate) total: usize,
    pub(crate) active: usize,
    /// Lost, or of a health below [`FAILING`].
    pub(crate) unwell: usize,
}

impl Known {
    /// The record, and the revision that a change of it must name.
    pub(crate) fn copy(&self) -> (Record, u64) {
        (self.record.clone(), self.revision)
    }
}

impl Index {
    /// Takes in an agent as it is in the store by now.
    pub(crate) fn put(&mut self, record: Record, revision: u64, now: Moment) {
        let age = now.wall.0.saturating_sub(record.heard_at.0).max(0);
        let heard = match self.remove(&record.agent.agent_id) {
            Some(old) if old.record.heard_at == record.heard_at => old.heard,
            _ => now.steady.saturating_sub(age),
        };
        let id = record.agent.agent_id.clone();
        self.census.count(&record, 1);
        self.orders.insert(id.clone(), record.order);
        self.known.insert((record.order, id), Known { record, revision, heard });
    }

    /// Takes out an agent.
    pub(crate) fn remove(&mut self, id: &str) -> Option<Known> {
        let (id, order) = self.orders.remove_entry(id)?;
        let known = self.known.remove(&(order, id))?;
        self.census.count(&known.record, -1);
        Some(known)
    }

    /// The agent of that id.
    pub(crate) fn get(&self, id: &str) -> Option<&Known> {
        let order = *self.orders.get(id)?;
        self.known.get(&(order, id.to_owned()))
    }

    /// All agents, in the order of their creation.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Known> {
        self.known.values()
    }

    /// The agents, counted.
    pub(crate) fn census(&self) -> Census {
        self.census
    }

    /// The order of the agent that was made last.
    pub(crate) fn last_order(&self) -> u64 {
        self.known.last_key_value().map_or(0, |((order, _), _)| *order)
    }
}

impl Census {
    /// Counts an agent in (`1`) or out (`-1`).
    fn count(&mut self, record: &Record, one: isize) {
        let agent = &record.agent;
        let unwell = agent.status == Status::Lost || agent.health < FAILING;
        let add = |sum: &mut usize, counts: bool| {
            if counts {
                *sum = sum.saturating_add_signed(one);
            }
        };
        add(&mut self.total, true);
        add(&mut self.active, agent.status == Status::Active);
        add(&mut self.unwell, unwell);
    }
}
