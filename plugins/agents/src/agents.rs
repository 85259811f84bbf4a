//! Agents one by one: made, listed, changed, removed.

use std::collections::BTreeMap;

use serde::Serialize;
use tidegate_plugin::{FollowedEvent, Result};

use crate::model::{Agent, Seed, Status};
use crate::notice::Notice;
use crate::registry::Index;
use crate::service::{Service, not_found};
use crate::stats::TaskEvent;
use crate::validate::{Create, List, Patch, check_config};
use crate::world::World;

/// The answer of `GET /agents/`: a page, and the sums over all that the filters let through.
#[derive(Debug, Serialize)]
pub(crate) struct Page<'a> {
    total: usize,
    agents: Vec<&'a Agent>,
    by_type: BTreeMap<&'a str, usize>,
    by_status: BTreeMap<Status, usize>,
}

impl<'a> Page<'a> {
    /// The page of `index` that `list` asks for.
    pub(crate) fn of(index: &'a Index, list: &List<'_>) -> Self {
        let mut page =
            Self { total: 0, agents: Vec::new(), by_type: BTreeMap::new(), by_status: BTreeMap::new() };
        for agent in index.iter().map(|known| &known.record.agent).filter(|agent| list.wants(agent)) {
            if page.total >= list.skip && page.agents.len() < list.limit {
                page.agents.push(agent);
            }
            page.total += 1;
            *page.by_type.entry(&agent.agent_type).or_default() += 1;
            *page.by_status.entry(agent.status).or_default() += 1;
        }
        page
    }
}

impl List<'_> {
    /// Whether the filters let `agent` through: they are exact.
    fn wants(&self, agent: &Agent) -> bool {
        self.agent_type.is_none_or(|wanted| wanted == agent.agent_type)
            && self.status.is_none_or(|wanted| wanted == agent.status.name())
    }
}

impl<W: World> Service<W> {
    /// Makes an agent, of an id of its own where none is asked for.
    ///
    /// # Errors
    /// 409 where there is one of that id, 503 where there are too many.
    pub(crate) async fn create(&self, wanted: Create) -> Result<Agent> {
        let turn = self.turn().await;
        self.check_room(1)?;
        let seed = Seed {
            agent_id: wanted.agent_id.unwrap_or_else(|| self.world.new_id()),
            agent_type: wanted.agent_type,
            config: wanted.config,
            especializacao: None,
        };
        let agent = self.registry.create(&self.world, seed).await?;
        self.settle(&turn, vec![Notice::created(&agent)?], |_, _| ()).await?;
        Ok(agent)
    }

    /// Changes what `patch` names.
    ///
    /// # Errors
    /// 404; 422 where the configuration becomes too large.
    pub(crate) async fn patch(&self, id: &str, patch: Patch) -> Result<Agent> {
        let turn = self.turn().await;
        if !patch.config.is_empty() && self.registry.find(&self.world, id).await? {
            self.check_merged(id, &patch)?;
        }
        let change = self.change(id, |record, now| {
            if let Some(status) = patch.status {
                record.set_status(status, now.wall);
            }
            let agent = &mut record.agent;
            agent.health = patch.health.unwrap_or(agent.health);
            agent.load = patch.load.unwrap_or(agent.load);
            agent.config.extend(patch.config.clone());
            agent.updated_at = now.wall;
        });
        let change = change.await?;
        let mut notices = vec![Notice::updated(&change.after)?];
        notices.extend(Notice::status_changed(&change.after, change.before.status)?);
        self.settle(&turn, notices, |_, _| ()).await?;
        Ok(change.after)
    }

    /// Removes an agent.
    ///
    /// # Errors
    /// 404.
    pub(crate) async fn delete(&self, id: &str) -> Result<()> {
        let turn = self.turn().await;
        if !self.registry.find(&self.world, id).await? || !self.registry.remove(&self.world, id).await? {
            return Err(not_found(id));
        }
        self.settle(&turn, vec![Notice::deleted(id)?], |_, _| ()).await
    }

    /// Counts an event of room `tasks`; what is no agent's of ours is passed over.
    pub(crate) async fn follow(&self, event: &FollowedEvent) -> Result<()> {
        let Some(event) = TaskEvent::read(event) else { return Ok(()) };
        let _turn = self.turn().await;
        self.registry.update(&self.world, &event.agent_id, |record, _| record.tasks.count(&event)).await?;
        Ok(())
    }

    /// Judges the configuration that an agent would have.
    fn check_merged(&self, id: &str, patch: &Patch) -> Result<()> {
        let Some(known) = self.registry.index().get(id).map(|known| known.record.agent.config.clone()) else {
            return Ok(());
        };
        let mut merged = known;
        merged.extend(patch.config.clone());
        check_config(&merged)
    }
}

#[cfg(test)]
mod tests;
