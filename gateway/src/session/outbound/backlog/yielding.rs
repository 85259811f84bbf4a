//! The two policies by which more is dropped than what has waited longest: all but the newest of each key, and all that
//! can be read again.

use std::rc::Rc;

use hashbrown::HashMap;

use super::super::gap::Lost;
use super::super::piece::{Piece, What};
use super::Backlog;
use crate::frame::{Cursor, Frames};

/// A room whose events are no longer kept here, as they are read again from its history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fallen {
    /// The room's number.
    pub room: u64,
    /// The last event before those.
    pub after: Cursor,
}

/// Events of a turn that wait: from this number on.
type Waiting = (Rc<Frames>, usize);

impl Backlog {
    /// Rooms whose events are to be read again from history; until this is asked nothing of them is taken.
    pub fn take_fallen(&mut self) -> Vec<Fallen> {
        std::mem::take(&mut self.fallen)
    }

    /// Whether there are such rooms.
    pub fn has_fallen(&self) -> bool {
        !self.fallen.is_empty()
    }

    /// Whether the frames are of such a room.
    pub(super) fn is_fallen(&self, frames: &Frames) -> bool {
        let room = frames.origin.as_ref().map(|origin| origin.room.number);
        self.fallen.iter().any(|fallen| Some(fallen.room) == room)
    }

    /// Drops what waits of the first piece's room, to be read again; `false` where the client has been told since
    /// where it stands in the room, so that this would reach back too far.
    pub(super) fn leave_to_history(&mut self) -> bool {
        let Some((_, taken)) = self.take_room() else { return false };
        if let Some((frames, next)) = taken.first()
            && let Some(origin) = &frames.origin
        {
            let offset = frames.marks[*next].offset.saturating_sub(1);
            let after = Cursor { epoch: origin.epoch, offset };
            self.fallen.push(Fallen { room: origin.room.number, after });
        }
        taken.iter().for_each(|(frames, _)| self.ledger.let_go(frames));
        true
    }

    /// Drops what waits of the first piece's room but for the newest of each key, which has waited from now on: others of the node
    /// are behind it. `false` where that is less than an eighth of what had to be looked through.
    pub(super) fn supersede(&mut self) -> bool {
        let looked_through = self.loose_bytes;
        let Some((order, taken)) = self.take_room() else { return false };
        let all = || {
            taken
                .iter()
                .flat_map(|(frames, next)| (*next..frames.each.len()).map(move |index| (frames, index)))
        };
        let newest: HashMap<u64, u64> =
            all().map(|(frames, index)| (frames.marks[index].key, frames.marks[index].offset)).collect();
        let stays = |(frames, index): &(&Rc<Frames>, usize)| {
            let mark = &frames.marks[*index];
            newest.get(&mark.key) == Some(&mark.offset)
        };
        let lost: Vec<_> = all().filter(|event| !stays(event)).collect();
        let freed: usize = lost.iter().map(|(frames, index)| frames.each[*index].len()).sum();
        if let (Some((frames, first)), Some((other, last))) = (lost.first(), lost.last())
            && let Some(origin) = &frames.origin
        {
            lost.iter().for_each(|(frames, index)| self.ledger.dropped(frames, *index));
            let (first, last) = (frames.marks[*first].offset, other.marks[*last].offset);
            let before = self.gaps.len();
            let told = self.gaps.widen(&Lost { origin, order, count: lost.len() as u64, first, last });
            self.remove(0, told);
            self.add(self.gaps.len() - before, 0);
        }
        let kept = Frames::gather(all().filter(stays).map(|(frames, index)| (&**frames, index))).apart();
        self.put_back(order, Rc::new(kept));
        taken.iter().for_each(|(frames, _)| self.ledger.let_go(frames));
        freed > 0 && freed >= looked_through / 8
    }

    /// Takes out all pieces of the room that the first one is of; none where that stands before a fence of the room, behind
    /// which its events follow something else that the client is told. Whoever calls this lets go of them.
    fn take_room(&mut self) -> Option<(u64, Vec<Waiting>)> {
        let Some(Piece { order, what: What::Turn { frames, .. } }) = self.loose.front() else { return None };
        let (order, origin) = (*order, frames.origin.as_ref()?);
        if self.gaps.is_fenced_behind(&origin.room.name, order) {
            return None;
        }
        let room = origin.room.number;
        let mut taken = Vec::new();
        self.loose.retain(|piece| match &piece.what {
            What::Turn { frames, next } if frames.origin.as_ref().is_some_and(|o| o.room.number == room) => {
                taken.push((Rc::clone(frames), *next as usize));
                false
            }
            _ => true,
        });
        for (frames, next) in &taken {
            let left = &frames.each[*next..];
            let bytes = left.iter().map(|frame| frame.len()).sum();
            self.loose_bytes -= bytes;
            self.shared_bytes -= bytes;
            self.remove(left.len(), bytes);
        }
        Some((order, taken))
    }

    /// Puts frames where the first of those stood that they are left of.
    fn put_back(&mut self, order: u64, frames: Rc<Frames>) {
        self.ledger.hold(&frames);
        self.loose_bytes += frames.total;
        self.add_shared(frames.each.len(), frames.total);
        self.loose.push_front(Piece { order, what: What::Turn { frames, next: 0 } });
    }
}
