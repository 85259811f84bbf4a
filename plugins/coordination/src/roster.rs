//! The agents that are known: from what the plugin `agents` keeps, and from its events since.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use tidegate_plugin::{FollowedEvent, Result};

use crate::world::World;

/// Who the events on agents come from. Whatever others publish to their room says nothing of them.
const SOURCE: &str = "agent_service";
/// From this health on an agent votes for by itself.
const WELL: f64 = 0.5;

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct Roster(BTreeMap<String, Agent>);

/// What is known of an agent.
#[derive(Clone, Debug)]
pub(crate) struct Agent {
    pub(crate) standing: Standing,
    /// 0 to 1.
    pub(crate) health: f64,
    /// 0 and up; 1 is fully at work.
    pub(crate) load: f64,
    pub(crate) vote: VoteBy,
}

/// Where an agent stands, as far as that matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// At work.
    Active,
    /// Silent for too long.
    Lost,
    /// Anything else.
    Idle,
}

/// How an agent votes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VoteBy {
    /// By its health.
    Auto,
    /// Always like this.
    Always(Vote),
    /// By hand.
    Hand,
}

/// A vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vote {
    For,
    Against,
    Abstain,
}

/// What an event says of an agent.
#[derive(Debug)]
pub(crate) enum News {
    /// That is what it is like.
    Seen(String, Agent),
    /// That is where it stands.
    Stands(String, Standing),
    /// There is no such agent any more.
    Gone(String),
}

/// An agent as the plugin `agents` shows it and keeps it.
#[derive(Deserialize)]
struct Shown {
    agent_id: String,
    status: String,
    health: f64,
    load: f64,
    #[serde(default)]
    config: Map<String, Value>,
}

#[derive(Deserialize)]
struct Deleted {
    agent_id: String,
}

#[derive(Deserialize)]
struct StatusChanged {
    agent_id: String,
    new_status: String,
}

#[derive(Deserialize)]
struct Acted {
    agent_id: String,
    result: Outcome,
}

#[derive(Deserialize)]
struct Outcome {
    new_status: String,
}

impl Standing {
    fn named(status: &str) -> Self {
        match status {
            "active" => Self::Active,
            "lost" => Self::Lost,
            _ => Self::Idle,
        }
    }
}

impl VoteBy {
    fn of(config: &Map<String, Value>) -> Self {
        match config.get("vote").and_then(Value::as_str) {
            Some("for") => Self::Always(Vote::For),
            Some("against") => Self::Always(Vote::Against),
            Some("abstain") => Self::Always(Vote::Abstain),
            Some("manual") => Self::Hand,
            _ => Self::Auto,
        }
    }
}

impl Agent {
    /// Its vote, where it gives it by itself.
    pub(crate) fn vote(&self) -> Option<Vote> {
        match self.vote {
            VoteBy::Auto if self.health >= WELL => Some(Vote::For),
            VoteBy::Auto => Some(Vote::Abstain),
            VoteBy::Always(vote) => Some(vote),
            VoteBy::Hand => None,
        }
    }
}

impl From<Shown> for News {
    fn from(shown: Shown) -> Self {
        let agent = Agent {
            standing: Standing::named(&shown.status),
            health: shown.health,
            load: shown.load,
            vote: VoteBy::of(&shown.config),
        };
        Self::Seen(shown.agent_id, agent)
    }
}

impl News {
    /// What `event` says; `None` where it says nothing of an agent.
    pub(crate) fn read(event: &FollowedEvent) -> Option<Self> {
        if event.source == SOURCE { Self::parse(&event.kind, &event.data) } else { None }
    }

    fn parse(kind: &str, data: &[u8]) -> Option<Self> {
        match kind {
            "agent_created" | "agent_updated" => serde_json::from_slice::<Shown>(data).ok().map(Self::from),
            "agent_deleted" => {
                serde_json::from_slice(data).ok().map(|Deleted { agent_id }| Self::Gone(agent_id))
            }
            "agent_status_changed" => serde_json::from_slice(data)
                .ok()
                .map(|news: StatusChanged| Self::Stands(news.agent_id, Standing::named(&news.new_status))),
            "agent_action" => serde_json::from_slice(data)
                .ok()
                .map(|news: Acted| Self::Stands(news.agent_id, Standing::named(&news.result.new_status))),
            _ => None,
        }
    }

    /// Whom it is about.
    pub(crate) fn agent_id(&self) -> &str {
        match self {
            Self::Seen(id, _) | Self::Stands(id, _) | Self::Gone(id) => id,
        }
    }
}

impl Roster {
    /// The agents that the plugin `agents` keeps. What is of another shape is no agent.
    pub(crate) async fn read(world: &impl World) -> Result<Self> {
        let (mut roster, mut after) = (Self::default(), String::new());
        loop {
            let mut page = world.agents(after).await?;
            let shown =
                page.entries.iter().filter_map(|entry| serde_json::from_slice::<Shown>(&entry.value).ok());
            shown.for_each(|agent| roster.hear(agent.into()));
            match page.entries.pop() {
                Some(last) if page.more => after = last.key,
                _ => return Ok(roster),
            }
        }
    }

    /// Takes in what is new of an agent.
    pub(crate) fn hear(&mut self, news: News) {
        match news {
            News::Seen(id, agent) => drop(self.0.insert(id, agent)),
            News::Stands(id, standing) => {
                if let Some(agent) = self.0.get_mut(&id) {
                    agent.standing = standing;
                }
            }
            News::Gone(id) => drop(self.0.remove(&id)),
        }
    }

    /// Whether there is an agent of that id.
    pub(crate) fn knows(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    /// Whether that agent is not there any more: deleted, or silent for too long.
    pub(crate) fn has_lost(&self, id: &str) -> bool {
        self.0.get(id).is_none_or(|agent| agent.standing == Standing::Lost)
    }

    /// All agents.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Agent> {
        self.0.values()
    }

    /// The agents at work, by id.
    pub(crate) fn active(&self) -> impl Iterator<Item = (&str, &Agent)> {
        let active = self.0.iter().filter(|(_, agent)| agent.standing == Standing::Active);
        active.map(|(id, agent)| (id.as_str(), agent))
    }

    /// The agent at work with the least load; of several the first by id.
    pub(crate) fn idlest(&self) -> Option<&str> {
        self.active().min_by(|(_, a), (_, b)| a.load.total_cmp(&b.load)).map(|(id, _)| id)
    }

    /// Who is to lead: the agent at work with the best health, then the least load, then the first id.
    pub(crate) fn fittest(&self) -> Option<&str> {
        let order = |a: &Agent, b: &Agent| b.health.total_cmp(&a.health).then(a.load.total_cmp(&b.load));
        self.active().min_by(|(_, a), (_, b)| order(a, b)).map(|(id, _)| id)
    }
}

#[cfg(test)]
mod tests;
