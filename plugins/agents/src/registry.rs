//! All agents: the store is the truth, the index in memory is what lists and judgements are made from.
//!
//! Every change is written with the revision that it was made from (compare-and-set), so that the nodes of a cluster lose no
//! change of each other: where another was quicker, the agent is read again and the change made anew.

mod index;

pub(crate) use index::{Census, Index, Known};

use std::cell::{Ref, RefCell};

use tidegate_plugin::{Error, Expect, Result};

use crate::model::{Agent, Record, Seed};
use crate::shelf::{self, Put, TRIES};
use crate::time::Moment;
use crate::world::World;

/// Where agents are kept. Other plugins may read this part of the store.
const PREFIX: &str = "shared/agent/";

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    index: RefCell<Index>,
}

/// An agent before and after a change.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) before: Agent,
    pub(crate) after: Agent,
}

impl Registry {
    /// All agents that the store keeps.
    pub(crate) async fn load(world: &impl World) -> Result<Self> {
        let records = shelf::scan(world, PREFIX).await?;
        let (mut index, now) = (Index::default(), world.now());
        for (record, revision) in records {
            index.put(record, revision, now);
        }
        Ok(Self { index: RefCell::new(index) })
    }

    /// The index. The borrow must not be held over an await.
    pub(crate) fn index(&self) -> Ref<'_, Index> {
        self.index.borrow()
    }

    /// Makes a new agent.
    ///
    /// # Errors
    /// 409 where there is one of that id.
    pub(crate) async fn create(&self, world: &impl World, seed: Seed) -> Result<Agent> {
        let now = world.now();
        let record = Record::new(seed, self.next_order(now), now.wall);
        let id = record.agent.agent_id.as_str();
        match shelf::put(world, key(id), &record, Expect::Absent).await? {
            Put::Written(revision) => {
                let agent = record.agent.clone();
                self.index.borrow_mut().put(record, revision, now);
                Ok(agent)
            }
            Put::Conflict => Err(Error::conflict(format!("Agent '{id}' already exists"))),
        }
    }

    /// Brings an agent into the index that may be known to the store alone; answers whether there is one.
    pub(crate) async fn find(&self, world: &impl World, id: &str) -> Result<bool> {
        if self.index().get(id).is_some() {
            return Ok(true);
        }
        self.reload(world, id).await
    }

    /// Changes an agent; `None` where there is none of that id. `change` may run more than once.
    pub(crate) async fn update(
        &self,
        world: &impl World,
        id: &str,
        change: impl Fn(&mut Record, Moment),
    ) -> Result<Option<Change>> {
        if !self.find(world, id).await? {
            return Ok(None);
        }
        for _ in 0..TRIES {
            let now = world.now();
            let Some((mut record, revision)) = self.index().get(id).map(Known::copy) else { return Ok(None) };
            let before = record.agent.clone();
            change(&mut record, now);
            match shelf::put(world, key(id), &record, Expect::Revision(revision)).await? {
                Put::Written(revision) => {
                    let after = record.agent.clone();
                    self.index.borrow_mut().put(record, revision, now);
                    return Ok(Some(Change { before, after }));
                }
                Put::Conflict if self.reload(world, id).await? => {}
                Put::Conflict => return Ok(None),
            }
        }
        Err(shelf::contended(&format!("Agent '{id}'")))
    }

    /// Removes an agent; answers whether there was one.
    pub(crate) async fn remove(&self, world: &impl World, id: &str) -> Result<bool> {
        let existed = shelf::delete(world, key(id)).await?;
        self.index.borrow_mut().remove(id);
        Ok(existed)
    }

    /// Reads an agent from the store into the index, or takes it out where it is gone; answers whether it is there.
    async fn reload(&self, world: &impl World, id: &str) -> Result<bool> {
        // No agent has such an id, and the store has no such key.
        if id.is_empty() || id.len() > crate::validate::LONGEST_ID {
            return Ok(false);
        }
        let found = shelf::get(world, key(id)).await?;
        let mut index = self.index.borrow_mut();
        match found {
            Some((record, revision)) => {
                index.put(record, revision, world.now());
                Ok(true)
            }
            None => {
                index.remove(id);
                Ok(false)
            }
        }
    }

    /// Grows with each agent, and over restarts and nodes goes by the clock: microseconds since 1970, unless that has been.
    fn next_order(&self, now: Moment) -> u64 {
        let by_clock = u64::try_from(now.wall.0).unwrap_or(0).saturating_mul(1000);
        by_clock.max(self.index().last_order() + 1)
    }
}

fn key(id: &str) -> String {
    format!("{PREFIX}{id}")
}

#[cfg(test)]
mod tests;
