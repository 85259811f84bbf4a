//! What is known of an agent.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::stats::Tally;
use crate::time::Timestamp;

/// An agent, as answers and events show it; the fields in the order of the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Agent {
    pub(crate) agent_id: String,
    pub(crate) agent_type: String,
    pub(crate) status: Status,
    /// 0 to 1.
    pub(crate) health: f64,
    /// 0 and up; 1 is fully at work.
    pub(crate) load: f64,
    /// 0 to 100.
    pub(crate) energia: f64,
    /// So far, as the agent itself counts.
    #[serde(flatten)]
    pub(crate) counters: Counters,
    pub(crate) created_at: Timestamp,
    /// When one of the fields above, or `config`, was last set.
    pub(crate) updated_at: Timestamp,
    pub(crate) config: Map<String, Value>,
}

/// What an agent has counted so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counters {
    pub(crate) deteccoes_total: u64,
    pub(crate) neutralizacoes_total: u64,
    pub(crate) falsos_positivos: u64,
}

/// Where an agent stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// Not started yet, or stopped.
    Inactive,
    /// At work; it is expected to give signs of life.
    Active,
    /// Told to wait.
    Paused,
    /// It was active and has been silent for too long.
    Lost,
}

impl Status {
    /// All of them, by the names of the wire.
    pub(crate) const ALL: [Self; 4] = [Self::Inactive, Self::Active, Self::Paused, Self::Lost];

    /// Its name on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Lost => "lost",
        }
    }

    /// The status of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An agent as the store keeps it: what is shown, and what is not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    #[serde(flatten)]
    pub(crate) agent: Agent,
    /// Grows with each agent made, over restarts too: the order of creation.
    pub(crate) order: u64,
    /// What a clone was tagged with; `None`: it is no clone.
    pub(crate) especializacao: Option<String>,
    /// Its last sign of life: the last heartbeat, or when it was made active.
    pub(crate) heard_at: Timestamp,
    /// What its tasks came to.
    pub(crate) tasks: Tally,
}

/// What a new agent is made of.
#[derive(Clone, Debug)]
pub(crate) struct Seed {
    pub(crate) agent_id: String,
    pub(crate) agent_type: String,
    pub(crate) config: Map<String, Value>,
    pub(crate) especializacao: Option<String>,
}

impl Record {
    /// A new agent: well, idle, not yet started.
    pub(crate) fn new(seed: Seed, order: u64, now: Timestamp) -> Self {
        let agent = Agent {
            agent_id: seed.agent_id,
            agent_type: seed.agent_type,
            status: Status::Inactive,
            health: 1.0,
            load: 0.0,
            energia: 100.0,
            counters: Counters::default(),
            created_at: now,
            updated_at: now,
            config: seed.config,
        };
        Self { agent, order, especializacao: seed.especializacao, heard_at: now, tasks: Tally::default() }
    }

    /// Moves it to `status`. An agent that is made active, even if it was, has from now on its whole time until it is missed.
    pub(crate) fn set_status(&mut self, status: Status, now: Timestamp) {
        if self.agent.status != status {
            self.agent.status = status;
            self.agent.updated_at = now;
        }
        if status == Status::Active {
            self.heard_at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record() -> Record {
        let config = json!({"area": "north"}).as_object().cloned().unwrap();
        let seed = Seed {
            agent_id: "a".into(),
            agent_type: "macrofago".into(),
            config,
            especializacao: Some("e".into()),
        };
        Record::new(seed, 7, Timestamp(1000))
    }

    #[test]
    fn an_agent_has_the_fields_of_the_wire_in_their_order() {
        let text = serde_json::to_string(&record().agent).unwrap();
        let expected = r#"{"agent_id":"a","agent_type":"macrofago","status":"inactive","health":1.0,"load":0.0,"energia":100.0,"deteccoes_total":0,"neutralizacoes_total":0,"falsos_positivos":0,"created_at":"1970-01-01T00:00:01.000Z","updated_at":"1970-01-01T00:00:01.000Z","config":{"area":"north"}}"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn what_is_kept_is_the_agent_itself_with_more_and_comes_back() {
        let kept = serde_json::to_vec(&record()).unwrap();
        assert_eq!(serde_json::from_slice::<Record>(&kept).unwrap(), record());
        assert_eq!(serde_json::from_slice::<Agent>(&kept).unwrap(), record().agent);
    }

    #[test]
    fn only_a_change_of_status_is_an_update_but_active_is_always_a_sign_of_life() {
        let mut record = record();
        record.set_status(Status::Inactive, Timestamp(2000));
        assert_eq!((record.agent.updated_at, record.heard_at), (Timestamp(1000), Timestamp(1000)));
        record.set_status(Status::Active, Timestamp(3000));
        record.set_status(Status::Active, Timestamp(4000));
        assert_eq!((record.agent.updated_at, record.heard_at), (Timestamp(3000), Timestamp(4000)));
    }

    #[test]
    fn statuses_are_found_by_their_names_alone() {
        assert!(Status::ALL.iter().all(|s| Status::named(s.name()) == Some(*s)));
        assert_eq!(Status::named("Active"), None);
    }
}
