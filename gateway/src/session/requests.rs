//! What each request does. Replies go into a buffer that is written once for all requests of a burst.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use serde_json::value::RawValue;

use super::Session;
use super::asking::Permission;
use super::waiting::Open;
use crate::audit::Deed;
use crate::dialect::{Answer, Asked, Message, Publish, Request};
use crate::frame::{Event, Posted, Since, Timestamp};
use crate::hub::{Busy, JoinError, Joined, PublishError, check_name};
use crate::identity::Wish;
use crate::limits::Publication;

/// Event types and patterns that a session may hold at most.
const MOST_PATTERNS: usize = 100;
/// What a client that met a full mailbox is told to wait, milliseconds.
const RETRY_AFTER: u64 = 100;
/// The source of events that clients publish.
const SOURCE: &str = "client";

impl Session {
    /// Answers one frame.
    pub(super) fn handle(self: &Rc<Self>, message: Message<'_>, open: &mut Open, out: &mut Vec<u8>) {
        self.asked();
        let counters = self.common.shard.counters();
        counters.received.add(1);
        counters.bytes_in.add(message.payload.len() as u64);
        let asked = self.endpoint.dialect.decode(message);
        if let Err(verdict) = self.admit(message.payload.len()) {
            let id = asked.map_or_else(|(id, _)| id, |asked| asked.id);
            return self.refuse(id, &verdict, out);
        }
        match asked {
            Ok(Asked { id, request }) if self.is_unknown() && !matches!(request, Request::Auth { .. }) => {
                self.endpoint.dialect.answer(id, &Answer::Refused("Authentication required"), out);
            }
            Ok(Asked { id, request }) => self.request(id, request, message, open, out),
            Err((id, malformed)) => self.endpoint.dialect.malformed(id, &malformed, out),
        }
    }

    fn request(
        self: &Rc<Self>,
        id: Option<&RawValue>,
        request: Request<'_>,
        message: Message<'_>,
        open: &mut Open,
        out: &mut Vec<u8>,
    ) {
        let mut answer = |answer: Answer<'_>| self.endpoint.dialect.answer(id, &answer, out);
        match request {
            Request::Ping => answer(Answer::Pong(Timestamp::now())),
            Request::Info => answer(Answer::Info(&self.dialect_info())),
            Request::Echo => answer(Answer::Echo(message)),
            Request::Subscribe(types) => answer(self.subscribe(&types)),
            Request::Unsubscribe(types) => answer(self.unsubscribe(&types)),
            Request::Leave(room) => match named(&room) {
                None => answer(Answer::RoomRequired),
                Some(room) if self.leave(room) => answer(Answer::Left(room)),
                Some(room) => answer(Answer::NotLeft(room)),
            },
            Request::Publish(publish) => self.publish(id, &publish, message.payload.len(), open, out),
            Request::Join { room, since } => self.join(id, named(&room), since, open, out),
            Request::Call { name, room, data } => {
                open.calls.open(self, id, (&name, room.as_deref()), data, out);
            }
            Request::Presence { room, skip, limit } => {
                self.presence(id, named(&room), (skip, limit), open, out);
            }
            Request::Auth { token } => self.authenticate(id, &token, open, out),
            Request::Cancel => {
                let answer = match open.calls.cancel(self, id, out) {
                    true => Answer::Cancelled,
                    false => Answer::Refused("No open call has this id"),
                };
                self.endpoint.dialect.answer(id, &answer, out);
            }
        }
    }

    fn join(
        self: &Rc<Self>,
        id: Option<&RawValue>,
        room: Option<&str>,
        since: Since,
        open: &mut Open,
        out: &mut Vec<u8>,
    ) {
        let dialect = &self.endpoint.dialect;
        let Some(room) = room else { return dialect.answer(id, &Answer::RoomRequired, out) };
        let permission = match self.seat.is_in(room) {
            true => Permission::Known(since == Since::Now || self.may_rejoin(room)),
            // What no room can be called nobody is asked about: whoever joins it says so.
            false if self.may_join(&self.principal(), room) => match check_name(room) {
                Ok(()) => self.permission(Wish::Join, room, None),
                Err(_) => Permission::Known(true),
            },
            false => Permission::Known(false),
        };
        let room = room.to_owned();
        self.with_permission(id, permission, open, out, move |session, allow, id, out| {
            let joined = match allow {
                true => session.common.shard.join(session, &room, since),
                false => Err(JoinError::Denied),
            };
            session.answer_join(id, &room, joined, out);
        });
    }

    fn answer_join(
        self: &Rc<Self>,
        id: Option<&RawValue>,
        room: &str,
        joined: Result<Joined, JoinError>,
        out: &mut Vec<u8>,
    ) {
        let dialect = &self.endpoint.dialect;
        match joined {
            Ok(joined) => {
                self.record(Deed::Joined, |entry| entry.target(room));
                self.outbound.fence();
                let (cursor, recovered) = (joined.cursor, joined.recovered);
                dialect.answer(id, &Answer::Joined { room, cursor, recovered }, out);
                if !joined.replay.is_empty() {
                    self.reply(out); // the reply comes before the events that it announces
                    out.clear();
                    self.replay(&joined.replay);
                }
            }
            Err(error) => {
                if error == JoinError::Denied {
                    self.count_denied();
                }
                self.record(Deed::JoinDenied, |entry| entry.target(room).outcome(error.label()));
                dialect.answer(id, &Answer::Refused(&refusal(&error)), out);
            }
        }
    }

    /// Writes events of a history, as far as the session's filter lets them through.
    pub(super) fn replay(self: &Rc<Self>, events: &[Arc<Posted>]) {
        let Some(form) = self.seat.form() else { return };
        self.has_read(events.iter().map(|posted| posted.size()).sum());
        let let_through = self.common.shard.let_through(self, events);
        for posted in &let_through {
            let class = self.common.shard.counters().class(posted.room.class);
            class.of(&posted.kind).delivered.add(1);
        }
        self.give_own(self.common.shard.hub().forms().frames(form, &let_through));
    }

    fn subscribe<'a>(self: &Rc<Self>, types: &'a [Cow<'a, str>]) -> Answer<'a> {
        let known = self.common.shard.hub().types();
        let unknown = those(types, |name| !known.accepts(name));
        if !unknown.is_empty() {
            return Answer::UnknownTypes(unknown);
        }
        let mut patterns = self.common.shard.filter(self).to_vec();
        for name in types {
            if !patterns.iter().any(|pattern| **pattern == **name) {
                patterns.push(name.as_ref().into());
            }
        }
        if patterns.len() > MOST_PATTERNS {
            return Answer::Refused("A session may subscribe to 100 event types at most");
        }
        self.common.shard.set_filter(self, patterns);
        Answer::Subscribed(types)
    }

    fn unsubscribe<'a>(self: &Rc<Self>, types: &'a [Cow<'a, str>]) -> Answer<'a> {
        let known = self.common.shard.hub().types();
        let mut patterns = self.common.shard.filter(self).to_vec();
        // A type that it holds may have gone with its plugin since.
        let holds = |name: &str| patterns.iter().any(|pattern| **pattern == *name);
        let unknown = those(types, |name| !known.accepts(name) && !holds(name));
        if !unknown.is_empty() {
            return Answer::UnknownTypes(unknown);
        }
        patterns.retain(|pattern| !types.iter().any(|name| **name == **pattern));
        self.common.shard.set_filter(self, patterns);
        Answer::Unsubscribed(types)
    }

    fn publish(
        self: &Rc<Self>,
        id: Option<&RawValue>,
        publish: &Publish<'_>,
        size: usize,
        open: &mut Open,
        out: &mut Vec<u8>,
    ) {
        let (hub, dialect) = (self.common.shard.hub(), &self.endpoint.dialect);
        let Some(room) = named(&publish.room) else { return dialect.answer(id, &Answer::RoomRequired, out) };
        let Some(kind) = hub.types().find(&publish.event_type) else {
            return dialect.answer(id, &Answer::UnknownTypes(vec![&publish.event_type]), out);
        };
        let principal = self.principal();
        let may = principal.may_enter(room) && hub.rules().find(room).lets_publish(&principal, room);
        let permission = match may {
            true if check_name(room).is_ok() => {
                self.permission(Wish::Publish, room, Some(&publish.event_type))
            }
            true => Permission::Known(true), // refused by whoever publishes
            false => Permission::Known(false),
        };
        let event = Event {
            kind,
            data: Bytes::copy_from_slice(publish.data.get().as_bytes()),
            source: SOURCE.into(),
            key: publish.key.as_deref().map(Into::into),
            id: None,
            time: Timestamp::now(),
        };
        let room = room.to_owned();
        self.with_permission(id, permission, open, out, move |session, allow, id, out| {
            session.put_into(id, &room, allow.then_some((&event, size)), out);
        });
    }

    /// Publishes the event that is allowed, with the size of its request, and answers.
    fn put_into(&self, id: Option<&RawValue>, room: &str, event: Option<(&Event, usize)>, out: &mut Vec<u8>) {
        let dialect = &self.endpoint.dialect;
        let Some((event, size)) = event else {
            self.count_denied();
            return dialect.answer(id, &Answer::Refused("Not allowed to publish to this room"), out);
        };
        let (event_type, key, bytes) = (&*event.kind.name, event.key.as_deref(), event.data.len());
        let publication = Publication { rooms: &[room], event_type, key, bytes };
        if let Err(verdict) = self.common.limits.publish(publication) {
            self.give_back(size);
            return self.refuse(id, &verdict, out);
        }
        match self.common.shard.publish(&[room], event) {
            // Rooms in memory have committed when publish returns.
            Ok(receipt) => {
                if let Some(placed) = receipt.committed().now_or_never().and_then(|p| p.into_iter().next()) {
                    dialect.answer(id, &Answer::Published { room, cursor: placed.cursor }, out);
                }
            }
            Err(PublishError::Busy(Busy)) => {
                let busy = Answer::Busy { message: &capital(&Busy.to_string()), retry_after_ms: RETRY_AFTER };
                dialect.answer(id, &busy, out);
            }
            Err(error) => dialect.answer(id, &Answer::Refused(&capital(&error.to_string())), out),
        }
    }

    /// Joins the rooms that it is in from the start.
    pub(super) fn join_first_rooms(self: &Rc<Self>) {
        if self.seat.form().is_none() {
            return;
        }
        if self.endpoint.broadcasts
            && let Err(error) = self.common.shard.join_broadcasts(self)
        {
            tracing::warn!(session = %self.id, %error, "cannot take broadcasts");
        }
        self.join_own_rooms();
    }
}

/// The names that `fit`, as they were sent.
fn those<'a>(types: &'a [Cow<'a, str>], fit: impl Fn(&str) -> bool) -> Vec<&'a str> {
    types.iter().map(AsRef::as_ref).filter(|name| fit(name)).collect()
}

/// A room's name that is there and not empty.
fn named<'a>(room: &'a Option<Cow<'_, str>>) -> Option<&'a str> {
    room.as_deref().filter(|room| !room.is_empty())
}

fn refusal(error: &JoinError) -> String {
    capital(&error.to_string())
}

/// Replies begin with a capital letter.
pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
