//! The events, as they are made; who publishes them is [`World`](crate::world::World).

use std::borrow::Cow;

use serde::Serialize;
use tidegate_plugin::{Bytes, Error, Result};

use crate::actions::Done;
use crate::lymphnode::{Cloned, State, Temperature};
use crate::model::{Agent, Status};

/// The room of all agents.
const AGENTS: &str = "agents";
/// The room of what concerns the whole system.
const SYSTEM: &str = "system";

/// An event that is to be published.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    /// Its type.
    pub(crate) kind: &'static str,
    /// The rooms that it goes to.
    pub(crate) rooms: Vec<Cow<'static, str>>,
    /// JSON.
    pub(crate) data: Bytes,
}

#[derive(Serialize)]
struct Deleted<'a> {
    agent_id: &'a str,
}

#[derive(Serialize)]
struct StatusChanged<'a> {
    agent_id: &'a str,
    old_status: Status,
    new_status: Status,
}

#[derive(Serialize)]
struct Action<'a> {
    agent_id: &'a str,
    action: &'static str,
    result: &'a Done,
}

#[derive(Serialize)]
struct HomeostaticState {
    old_state: State,
    new_state: State,
    temperatura_regional: Temperature,
}

impl Notice {
    /// `agent_created`: the whole agent.
    pub(crate) fn created(agent: &Agent) -> Result<Self> {
        Self::of(&agent.agent_id, "agent_created", agent)
    }

    /// `agent_updated`: the whole agent.
    pub(crate) fn updated(agent: &Agent) -> Result<Self> {
        Self::of(&agent.agent_id, "agent_updated", agent)
    }

    /// `agent_deleted`.
    pub(crate) fn deleted(agent_id: &str) -> Result<Self> {
        Self::of(agent_id, "agent_deleted", &Deleted { agent_id })
    }

    /// `agent_status_changed`; `None` where it has not.
    pub(crate) fn status_changed(agent: &Agent, old_status: Status) -> Result<Option<Self>> {
        if agent.status == old_status {
            return Ok(None);
        }
        let (agent_id, new_status) = (agent.agent_id.as_str(), agent.status);
        let data = StatusChanged { agent_id, old_status, new_status };
        Self::of(agent_id, "agent_status_changed", &data).map(Some)
    }

    /// `agent_action`.
    pub(crate) fn action(done: &Done) -> Result<Self> {
        let data = Action { agent_id: &done.agent_id, action: done.action, result: done };
        Self::of(&done.agent_id, "agent_action", &data)
    }

    /// `agent_cloned`, which its parent's room gets.
    pub(crate) fn cloned(cloned: &Cloned) -> Result<Self> {
        Self::of(&cloned.parent_id, "agent_cloned", cloned)
    }

    /// `homeostatic_state_changed`.
    pub(crate) fn homeostatic(old_state: State, new_state: State, now: Temperature) -> Result<Self> {
        let data = HomeostaticState { old_state, new_state, temperatura_regional: now };
        Self::new("homeostatic_state_changed", vec![SYSTEM.into()], &data)
    }

    /// An event of one agent, which goes to all agents' room and its own.
    fn of(agent_id: &str, kind: &'static str, data: &impl Serialize) -> Result<Self> {
        Self::new(kind, vec![AGENTS.into(), format!("agent:{agent_id}").into()], data)
    }

    fn new(kind: &'static str, rooms: Vec<Cow<'static, str>>, data: &impl Serialize) -> Result<Self> {
        let data = serde_json::to_vec(data).map_err(Error::internal)?.into();
        Ok(Self { kind, rooms, data })
    }
}
