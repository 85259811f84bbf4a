//! Which room an event is of.

use std::sync::Arc;

use super::{Cursor, Epoch};

/// Which room an event was posted to.
#[derive(Clone, Debug)]
pub struct RoomId {
    /// Never given again, so that a late reference to a forgotten room finds nothing.
    pub number: u64,
    /// The exact name; empty for the unnamed room of broadcasts.
    pub name: Arc<str>,
    /// The rule that the name matched, by its number: what is counted of the room is counted under it.
    pub class: u16,
}

/// What the name of a room begins with that sessions of a dialect are in from what they are: no client can say it.
const AUDIENCE: char = '\u{2}';

/// The room of all sessions of a dialect.
pub fn audience(dialect: &str) -> String {
    format!("{AUDIENCE}{dialect}")
}

/// Whether a room of this name shows nowhere: that of broadcasts, and those of dialects.
pub fn is_unnamed(name: &str) -> bool {
    name.is_empty() || name.starts_with(AUDIENCE)
}

/// Is set in the number of what is told beside a room's events.
const BESIDE: u64 = 1 << 63;

impl RoomId {
    /// Number and place of what the members of the room are told beside its events, as who came and left: another life,
    /// so that neither counts among the other, in a gap or for who reads on.
    pub fn beside(&self, epoch: Epoch, offset: u64) -> (Self, Cursor) {
        let id = Self { number: self.number | BESIDE, ..self.clone() };
        (id, Cursor { epoch: Epoch(epoch.0 ^ BESIDE), offset })
    }

    /// The number of the room itself.
    pub fn own_number(&self) -> u64 {
        self.number & !BESIDE
    }

    /// Whether it is of that.
    pub fn is_beside(&self) -> bool {
        self.number & BESIDE != 0
    }
}
