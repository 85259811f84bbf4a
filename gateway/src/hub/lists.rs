//! What the hub says of its rooms.

use std::sync::Arc;

use super::Hub;
use super::room::{Room, State};
use crate::frame::{Cursor, is_unnamed};

/// A room, as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomInfo {
    /// The exact name.
    pub name: Arc<str>,
    /// Its last event.
    pub cursor: Cursor,
    /// Sessions in it.
    pub members: usize,
    /// Events kept.
    pub history: usize,
}

/// How many there are of what rooms hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Named rooms that have members, history or state.
    pub rooms: usize,
    /// Sessions in them; one counts in each of its rooms.
    pub members: usize,
    /// Events kept in their histories.
    pub history: usize,
    /// Bytes of events in their caches, which may be in a history too.
    pub cached: usize,
}

impl Hub {
    /// Rooms that have members, history or state, their members and the events that they keep.
    pub fn census(&self) -> Census {
        let mut census = Census::default();
        for room in self.registry.all() {
            let state = room.lock();
            if let Some((members, history)) = size(&room, &state) {
                census.rooms += 1;
                census.members += members;
                census.history += history;
                census.cached += state.cache.held_bytes();
            }
        }
        census
    }

    /// Rooms that have members, history or state, by name.
    pub fn rooms(&self) -> Vec<RoomInfo> {
        let mut rooms: Vec<_> = self.registry.all().iter().filter_map(|room| info(room)).collect();
        rooms.sort_by(|a, b| a.name.cmp(&b.name));
        rooms
    }

    /// A room that has members, history or state.
    pub fn room(&self, name: &str) -> Option<RoomInfo> {
        self.registry.find(name).and_then(|room| info(&room))
    }
}

fn info(room: &Room) -> Option<RoomInfo> {
    let state = room.lock();
    let (members, history) = size(room, &state)?;
    Some(RoomInfo { name: Arc::clone(&room.id.name), cursor: state.history.cursor(), members, history })
}

/// Members of a named room and events that it keeps, where it has any.
fn size(room: &Room, state: &State) -> Option<(usize, usize)> {
    let (members, history) = (state.total(), state.history.len());
    let there = members > 0 || history > 0 || !state.cache.is_empty();
    (there && !is_unnamed(&room.id.name) && !room.is_beside()).then_some((members, history))
}
