//! Joining and leaving many rooms by one request.

use std::borrow::Cow;
use std::rc::Rc;

use super::Session;
use super::asking::Permission;
use super::rights::ROLES;
use super::waiting::{Open, Then};
use crate::dialect::Answer;
use crate::frame::Since;
use crate::hub::JoinError;

/// Rooms of one request that are looked at; one that names more has those only.
const MOST: usize = 1000;

impl Session {
    /// Joins those of `rooms` that it may be in. One answer: there is none for a room that it may not be in, so that nobody
    /// learns which there are. `entries`: how many entries the request has.
    pub(super) fn join_those(
        self: &Rc<Self>,
        rooms: &[Cow<'_, str>],
        entries: usize,
        open: &mut Open,
        out: &mut Vec<u8>,
    ) {
        let wanted = rooms.iter().take(MOST).filter(|room| !self.seat.is_in(room));
        let asked: Vec<(String, Permission)> =
            wanted.map(|room| (room.to_string(), self.reading(room))).collect();
        if asked.iter().all(|(_, permission)| matches!(permission, Permission::Known(_))) {
            let known = |(room, permission)| (room, matches!(permission, Permission::Known(true)));
            return self.join_granted(asked.into_iter().map(known), entries, out);
        }
        open.wait(
            None,
            Box::pin(async move {
                let mut granted = Vec::with_capacity(asked.len());
                for (room, permission) in asked {
                    granted.push((room, permission.granted().await));
                }
                let then: Then =
                    Box::new(move |session, _, out| session.join_granted(granted.into_iter(), entries, out));
                then
            }),
        );
    }

    fn join_granted(
        self: &Rc<Self>,
        rooms: impl Iterator<Item = (String, bool)>,
        entries: usize,
        out: &mut Vec<u8>,
    ) {
        let mut all = Vec::new();
        for (room, allow) in rooms {
            let since = self.since(&room, Since::Now);
            let joined = match allow {
                // Named twice.
                true if self.seat.is_in(&room) => continue,
                true => self.common.shard.join_as(self, &room, since, None),
                false => Err(JoinError::Denied),
            };
            match joined {
                Ok(joined) => {
                    self.has_joined(&room);
                    all.push(joined);
                }
                Err(error) => {
                    self.has_not_joined(&room, &error);
                    if matches!(error, JoinError::TooMany(_)) {
                        break; // so has every other
                    }
                }
            }
        }
        self.dialect.answer(None, &Answer::JoinedThose(entries), out);
        all.iter().for_each(|joined| self.show_joined(joined, out));
    }

    /// Leaves those of `rooms` that it has asked to be in: it stays in those that are its own.
    pub(super) fn leave_asked(self: &Rc<Self>, rooms: &[Cow<'_, str>]) {
        for room in rooms.iter().take(MOST) {
            if self.seat.is_in(room) && !room.starts_with(ROLES) && !self.is_put_in(room) {
                self.leave(room);
            }
        }
    }
}
