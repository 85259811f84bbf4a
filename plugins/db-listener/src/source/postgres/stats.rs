//! How a source of PostgreSQL is doing, for metrics and health.

use crate::source::{Stage, Table};

/// What a source is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// It connects, and makes or checks the publication and the slot.
    #[default]
    Connecting,
    /// The slot is there, and in use elsewhere: it takes over once that ends.
    Waiting,
    /// It reads the rows that were there before.
    Snapshot,
    /// It reads changes as they are committed.
    Streaming,
}

impl State {
    /// How far it has come by that.
    pub(crate) fn stage(self) -> Stage {
        match self {
            // What is committed during a snapshot is told behind it.
            Self::Connecting | Self::Snapshot => Stage::Connecting,
            Self::Waiting => Stage::Waiting,
            Self::Streaming => Stage::Reading,
        }
    }
}

/// How a source is doing. Kept in a watch channel, so that a change wakes who asks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stats {
    /// What it is at.
    pub state: State,
    /// How many bytes of the write-ahead log the slot holds back from being removed.
    pub held_bytes: Option<u64>,
    /// How many bytes of the write-ahead log are not confirmed yet.
    pub lag_bytes: Option<u64>,
    /// Changes that were lost with a slot. The same text once, whatever the number of reconnections.
    pub notes: Vec<String>,
    /// What the last look at the publications has found: what they had not, or still have not.
    pub drift: Vec<String>,
    /// Whether changes were read at some time: from then on what others do to a table or a publication stops nothing else.
    pub begun: bool,
    /// Whether it was noted that changes are lost, with the slot that was there before the one that is made next.
    pub loss_is_told: bool,
    /// The tables of the rules as they were last seen; none before they are looked at again.
    pub tables: Option<Vec<Table>>,
}

impl Stats {
    /// Notes something, once.
    pub(crate) fn note(&mut self, text: String) {
        // What a source has to say is bounded by what it knows to say; this is against a note that varies.
        if !self.notes.contains(&text) && self.notes.len() < 100 {
            self.notes.push(text);
        }
    }
}
