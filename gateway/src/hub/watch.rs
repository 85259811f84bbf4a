//! Rooms that somebody waits for without being in them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::room::Room;
use super::{BadName, Follow, Hub, check_name};
use crate::frame::Cursor;

/// Ends with its drop. The room is there as long as this, as it is with a member.
pub struct Watch {
    room: Arc<Room>,
    number: u64,
}

impl Hub {
    /// From here on `follow` is offered the events of the room `name`.
    ///
    /// # Errors
    /// [`BadName`].
    pub fn watch(&self, name: &str, follow: Arc<dyn Follow>) -> Result<Watch, BadName> {
        check_name(name)?;
        let number = self.registry.numbers.fetch_add(1, Ordering::Relaxed);
        loop {
            let room = self.registry.find_or_create(name);
            let mut state = room.lock();
            if state.gone {
                continue;
            }
            state.touch();
            state.followers.push((number, Arc::clone(&follow)));
            drop(state);
            return Ok(Watch { room, number });
        }
    }
}

impl Watch {
    /// The last event of the room.
    pub fn cursor(&self) -> Cursor {
        self.room.lock().history.cursor()
    }

    /// Whether what comes can be read later.
    pub fn keeps(&self) -> bool {
        self.room.rule.keep.size > 0
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut state = self.room.lock();
        state.followers.retain(|(number, _)| *number != self.number);
        state.touch();
    }
}
