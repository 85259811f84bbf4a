//! What a room keeps, for a client that asks for it without joining.

use std::rc::Rc;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::Session;
use super::asking::Permission;
use super::requests::capital;
use super::waiting::{Open, Then};
use crate::dialect::{Answer, NO_READING};
use crate::frame::Posted;
use crate::hub::{Hub, Page, PastError, Wanted, check_name};
use crate::identity::Wish;

/// What is asked for.
#[derive(Clone, Copy)]
pub(super) enum Past {
    /// Events, one after the other.
    History(Wanted),
    /// What they have come to.
    State,
}

impl Past {
    async fn read(self, hub: &Hub, room: &str) -> Result<Page, PastError> {
        match self {
            Self::History(wanted) => hub.history(room, wanted).await,
            Self::State => hub.state(room),
        }
    }
}

impl Session {
    /// Whether its client may have what `room` keeps: it may where it may join, though it has joined already.
    pub(super) fn reading(&self, room: &str) -> Permission {
        // Where its endpoint puts it, it may always be, also when it has left.
        if self.seat.is_in(room) || self.is_put_in(room) {
            return Permission::Known(self.may_rejoin(room));
        }
        match self.may_join(&self.principal(), room) {
            // What no room can be called nobody is asked about: whoever looks for it says so.
            true if check_name(room).is_err() => Permission::Known(true),
            true => self.permission(Wish::Join, room, None),
            false => Permission::Known(false),
        }
    }

    /// Answers what `room` keeps, once that is read; the requests behind it wait.
    pub(super) fn past(
        self: &Rc<Self>,
        id: Option<&RawValue>,
        room: Option<&str>,
        past: Past,
        open: &mut Open,
        out: &mut Vec<u8>,
    ) {
        let (dialect, hub) = (&self.dialect, self.common.shard.hub());
        let Some(room) = room else { return dialect.answer(id, &Answer::RoomRequired, out) };
        let permission = self.reading(room);
        let (hub, room) = (Arc::clone(hub), room.to_owned());
        let told = async move {
            let page = match permission.granted().await {
                true => Some(past.read(&hub, &room).await),
                false => None,
            };
            let then: Then =
                Box::new(move |session, id, out| session.answer_past(id, &room, past, page, out));
            then
        };
        open.wait(id, Box::pin(told));
    }

    /// `page`: none where the client may not have it.
    fn answer_past(
        &self,
        id: Option<&RawValue>,
        room: &str,
        past: Past,
        page: Option<Result<Page, PastError>>,
        out: &mut Vec<u8>,
    ) {
        let dialect = &self.dialect;
        let Some(page) = page else {
            self.count_denied();
            return dialect.answer(id, &Answer::Refused(NO_READING), out);
        };
        match page {
            Err(error) => dialect.answer(id, &Answer::Refused(&capital(&error.to_string())), out),
            Ok(Page { cursor, recovered, events, more }) => {
                let events = &events;
                let answer = match past {
                    Past::History(_) => Answer::History { room, cursor, recovered, events, more },
                    Past::State => Answer::State { room, cursor, events },
                };
                dialect.answer(id, &answer, out);
            }
        }
    }

    /// Puts what a room shows who joins behind the reply to that, as far as the session's filter lets it through. As a
    /// part of the answer it is not held to the bound of what may wait: its client asks nothing further meanwhile.
    pub(super) fn show(&self, events: &[Arc<Posted>], out: &mut Vec<u8>) {
        let Some(form) = self.seat.form().filter(|_| !events.is_empty()) else { return };
        let shard = &self.common.shard;
        for posted in shard.let_through(self, events) {
            shard.counters().class(posted.room.class).of(&posted.kind).delivered.add(1);
            let frames = shard.hub().forms().frames(form, &[posted]);
            frames.each.iter().for_each(|frame| out.extend_from_slice(frame));
        }
    }

    /// Bytes of events that an answer may have: what does not go out at once must not push out what waits already.
    pub(super) fn space(&self) -> usize {
        self.outbound.room_left() / 2
    }
}
