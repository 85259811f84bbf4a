//! What a change is told by: events in order, each to the room `agents` and to the agent's own.

use serde::Serialize;
use serde_json::{Value, json};
use tidegate_plugin::{Event, Result};

use crate::model::{Agent, Status};

/// Who says so.
pub(crate) const SOURCE: &str = "agent_service";
/// The room that hears of all agents.
const ROOM: &str = "agents";

/// Events to be published, in order.
#[derive(Debug, Default)]
pub(crate) struct Changes(Vec<(&'static str, String, Value)>);

impl Changes {
    /// One more event about an agent.
    pub(crate) fn add(&mut self, kind: &'static str, agent_id: &str, data: &impl Serialize) -> Result<()> {
        self.0.push((kind, agent_id.to_owned(), serde_json::to_value(data)?));
        Ok(())
    }

    /// That an agent's status is another than `before`, if it is.
    pub(crate) fn status(&mut self, agent: &Agent, before: Status) {
        if agent.status != before {
            let id = &agent.agent_id;
            let data = json!({ "agent_id": id, "old_status": before, "new_status": agent.status });
            self.0.push(("agent_status_changed", id.clone(), data));
        }
    }

    pub(crate) fn into_events(self) -> Result<Vec<Event>> {
        let event = |(kind, agent_id, data): (&'static str, String, Value)| {
            let own = format!("agent:{agent_id}");
            Event::new(kind).room(ROOM).room(own).source(SOURCE).data(&data)
        };
        self.0.into_iter().map(event).collect()
    }
}
