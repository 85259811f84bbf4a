//! Who else is in a room.

use std::rc::Rc;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::Session;
use super::requests::capital;
use super::waiting::{Open, Then};
use crate::dialect::{Answer, Member, NO_PRESENCE};
use crate::hub::{Presence, Present, check_name};

impl Session {
    /// Answers who is in `room`, once its shards have told; the requests behind it wait. Who may not know is answered
    /// before anybody looks whether there is such a room.
    pub(super) fn presence(
        self: &Rc<Self>,
        id: Option<&RawValue>,
        room: Option<&str>,
        (skip, limit): (usize, usize),
        open: &mut Open,
        out: &mut Vec<u8>,
    ) {
        let (dialect, hub) = (&self.dialect, self.common.shard.hub());
        let Some(room) = room else { return dialect.answer(id, &Answer::RoomRequired, out) };
        let principal = self.principal();
        if !principal.may_enter(room) || !hub.rules().find(room).shows_presence(&principal, room) {
            self.count_denied();
            return dialect.answer(id, &Answer::Refused(NO_PRESENCE), out);
        }
        if let Err(error) = check_name(room) {
            return dialect.answer(id, &Answer::Refused(&capital(&error.to_string())), out);
        }
        let (hub, room) = (Arc::clone(hub), room.to_owned());
        let told = async move {
            let presence = hub.presence(&room, skip, limit).await;
            let then: Then =
                Box::new(move |session, id, out| session.answer_presence(id, &room, presence, out));
            then
        };
        open.wait(id, Box::pin(told));
    }

    fn answer_presence(&self, id: Option<&RawValue>, room: &str, presence: Presence, out: &mut Vec<u8>) {
        let Presence { count, members } = presence;
        let members: Vec<_> = members.into_iter().map(Member::from).collect();
        self.dialect.answer(id, &Answer::Presence { room, count, members: &members }, out);
    }
}

impl From<Present> for Member {
    fn from(present: Present) -> Self {
        let Present { connection_id, user_id, info } = present;
        Self { connection_id, user_id, info }
    }
}
