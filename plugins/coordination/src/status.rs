//! How the agents together are, and the whole of it in one answer.

use serde::Serialize;
use tidegate_plugin::Result;

use crate::notice::{Notice, SYSTEM};
use crate::roster::{Agent, Roster, Standing};
use crate::service::Service;
use crate::tasks::OpenTasks;
use crate::world::World;

/// Below this average health the system is degraded.
const WELL: f64 = 0.5;

/// The answer of `GET /coordination/status`.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    has_leader: bool,
    leader_id: Option<String>,
    total_agents: usize,
    alive_agents: usize,
    #[serde(flatten)]
    tasks: OpenTasks,
    average_agent_health: f64,
    average_agent_load: f64,
    system_health: SystemHealth,
}

/// How the agents together are, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SystemHealth {
    /// Most agents are at work, and well.
    Healthy,
    /// Fewer than half of them are at work, or they are not well.
    Degraded,
    /// None is at work.
    Unhealthy,
}

/// The agents, counted.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Census {
    total: usize,
    alive: usize,
    /// Averages over all agents; 0 of none.
    health: f64,
    load: f64,
}

#[derive(Serialize)]
struct HealthChanged {
    component: &'static str,
    old_status: SystemHealth,
    new_status: SystemHealth,
}

impl Census {
    fn of(roster: &Roster) -> Self {
        let average = |figure: fn(&Agent) -> f64| {
            let (sum, count) =
                roster.all().fold((0.0, 0.0), |(sum, count), agent| (sum + figure(agent), count + 1.0));
            // Loads have no bound, and JSON no infinity.
            if count > 0.0 { (sum / count).min(f64::MAX) } else { 0.0 }
        };
        Self {
            total: roster.all().count(),
            alive: roster.all().filter(|agent| agent.standing == Standing::Active).count(),
            health: average(|agent| agent.health),
            load: average(|agent| agent.load),
        }
    }

    fn judge(self) -> SystemHealth {
        if self.alive == 0 {
            SystemHealth::Unhealthy
        } else if self.alive * 2 < self.total || self.health < WELL {
            SystemHealth::Degraded
        } else {
            SystemHealth::Healthy
        }
    }
}

impl SystemHealth {
    /// That of these agents.
    pub(crate) fn of(roster: &Roster) -> Self {
        Census::of(roster).judge()
    }
}

impl<W: World> Service<W> {
    /// The whole of it.
    pub(crate) async fn report(&self) -> Result<Report> {
        let election = self.election().await?;
        let census = Census::of(&self.roster.borrow());
        Ok(Report {
            has_leader: election.has_leader,
            leader_id: election.leader_id,
            total_agents: census.total,
            alive_agents: census.alive,
            tasks: self.open_tasks(),
            average_agent_health: census.health,
            average_agent_load: census.load,
            system_health: census.judge(),
        })
    }

    /// Judges the agents of now, and tells where they are otherwise than they were judged last.
    pub(crate) async fn judge_health(&self) -> Result<()> {
        let new_status = SystemHealth::of(&self.roster.borrow());
        let old_status = self.health.replace(new_status);
        if old_status == new_status {
            return Ok(());
        }
        let data = HealthChanged { component: "agents", old_status, new_status };
        let notice = Notice::new("health_changed", SYSTEM, self.world.now().wall, &data)?;
        self.world.publish(vec![notice]).await
    }
}

#[cfg(test)]
mod tests;
