//! What a room keeps, for a client that asks for it without joining.

use std::rc::Rc;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::Session;
use super::asking::Permission;
use super::requests::capital;
use super::waiting::{Open, Then};
use crate::dialect::{Answer, NO_READING};
use crate::hub::{Page, PastError, Wanted, check_name};
use crate::identity::Wish;

impl Session {
    /// Whether its client may have what `room` keeps: it may where it may join, though it has joined already.
    pub(super) fn reading(&self, room: &str) -> Permission {
        if self.seat.is_in(room) {
            return Permission::Known(self.may_rejoin(room));
        }
        match self.may_join(&self.principal(), room) {
            // What no room can be called nobody is asked about: whoever looks for it says so.
            true if check_name(room).is_err() => Permission::Known(true),
            true => self.permission(Wish::Join, room, None),
            false => Permission::Known(false),
        }
    }

    /// Answers what `room` keeps of its events, once that is read; the requests behind it wait.
    pub(super) fn history(
        self: &Rc<Self>,
        id: Option<&RawValue>,
        room: Option<&str>,
        wanted: Wanted,
        open: &mut Open,
        out: &mut Vec<u8>,
    ) {
        let (dialect, hub) = (&self.endpoint.dialect, self.common.shard.hub());
        let Some(room) = room else { return dialect.answer(id, &Answer::RoomRequired, out) };
        let permission = self.reading(room);
        let (hub, room) = (Arc::clone(hub), room.to_owned());
        let told = async move {
            let page = match permission.granted().await {
                true => Some(hub.history(&room, wanted).await),
                false => None,
            };
            let then: Then = Box::new(move |session, id, out| session.show_past(id, &room, page, out));
            then
        };
        open.wait(id, Box::pin(told));
    }

    /// `page`: none where the client may not have it.
    fn show_past(
        &self,
        id: Option<&RawValue>,
        room: &str,
        page: Option<Result<Page, PastError>>,
        out: &mut Vec<u8>,
    ) {
        let dialect = &self.endpoint.dialect;
        match page {
            None => {
                self.count_denied();
                dialect.answer(id, &Answer::Refused(NO_READING), out);
            }
            Some(Err(error)) => dialect.answer(id, &Answer::Refused(&capital(&error.to_string())), out),
            Some(Ok(Page { cursor, recovered, events, more })) => {
                dialect.answer(id, &Answer::History { room, cursor, recovered, events: &events, more }, out);
            }
        }
    }

    /// Bytes of events that an answer may have: what does not go out at once must not push out what waits already.
    pub(super) fn space(&self) -> usize {
        self.outbound.room_left() / 2
    }
}
