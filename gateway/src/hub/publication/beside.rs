//! What the members of a room are told beside its events: it has no place among these, and pushes none out of a history,
//! as whoever comes back asks who is there, and not who was.

use std::sync::Arc;
use std::time::Instant;

use super::{Dispatch, Open, reserve};
use crate::frame::{Event, Posted, weight};
use crate::hub::Busy;
use crate::hub::mailbox::Letter;
use crate::hub::room::Room;

impl Dispatch {
    /// Hands `event` to who is in the room. In its mailboxes it counts as any other, and waits its turn.
    ///
    /// # Errors
    /// [`Busy`]; nothing has happened then.
    pub(in crate::hub) fn tell_beside(&self, room: &Arc<Room>, event: &Event) -> Result<(), Busy> {
        let mut open = [Open { room, state: room.lock(), known: None }];
        if !reserve(&open, &self.mailboxes, weight(event)) {
            return Err(Busy);
        }
        let [Open { state, .. }] = &mut open;
        let epoch = state.history.cursor().epoch;
        let offset = state.comings.get_or_insert_default().next();
        let (id, cursor) = room.id.beside(epoch, offset);
        let posted = Arc::new(Posted::new(event.clone(), id, cursor, false, Instant::now()));
        let [open] = &open;
        for shard in open.shards() {
            self.mailboxes[shard].push(Letter::Event(Arc::clone(room), Arc::clone(&posted)));
        }
        Ok(())
    }
}
