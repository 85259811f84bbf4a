//! The room of a session's own user, where that is an inbox.

use std::rc::Rc;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::Session;
use super::requests::{RETRY_UNWRITTEN, capital};
use super::waiting::{Open, Then};
use crate::dialect::{Answer, NOT_ITS_INBOX};
use crate::frame::{Cursor, Since};
use crate::hub::{AckError, PublishError};

/// Rooms of users.
const USERS: &str = "user:";

impl Session {
    /// From where it gets the events of `room`: where it does not say, and that is its own inbox, from after the last that
    /// its user has acknowledged.
    pub(super) fn since(&self, room: &str, asked: Since) -> Since {
        let hub = self.common.shard.hub();
        if asked == Since::Now && self.owns(room) && hub.rules().find(room).inbox {
            return hub.unread(room);
        }
        asked
    }

    fn owns(&self, room: &str) -> bool {
        let user = room.strip_prefix(USERS);
        user.is_some() && user == self.principal().user.as_deref()
    }

    /// Keeps how far its user has got in its inbox; the requests behind it wait.
    pub(super) fn acknowledge(
        self: &Rc<Self>,
        id: Option<&RawValue>,
        room: Option<&str>,
        cursor: Cursor,
        open: &mut Open,
        out: &mut Vec<u8>,
    ) {
        let dialect = &self.dialect;
        let Some(room) = room else { return dialect.answer(id, &Answer::RoomRequired, out) };
        if !self.owns(room) {
            self.count_denied();
            return dialect.answer(id, &Answer::Refused(NOT_ITS_INBOX), out);
        }
        let (hub, room) = (Arc::clone(self.common.shard.hub()), room.to_owned());
        let kept = async move {
            let kept = hub.acknowledge(&room, cursor).await;
            let then: Then = Box::new(move |session, id, out| session.answer_ack(id, &room, kept, out));
            then
        };
        open.wait(id, Box::pin(kept));
    }

    fn answer_ack(
        &self,
        id: Option<&RawValue>,
        room: &str,
        kept: Result<Cursor, AckError>,
        out: &mut Vec<u8>,
    ) {
        let dialect = &self.dialect;
        match kept {
            Ok(cursor) => dialect.answer(id, &Answer::Acknowledged { room, cursor }, out),
            Err(AckError::NotKept(error @ (PublishError::Busy(_) | PublishError::NotWritten(_)))) => {
                let message = &capital(&error.to_string());
                dialect.answer(id, &Answer::Busy { message, retry_after_ms: RETRY_UNWRITTEN }, out);
            }
            Err(error) => dialect.answer(id, &Answer::Refused(&capital(&error.to_string())), out),
        }
    }
}
