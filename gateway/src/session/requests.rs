//! What each request does. Replies go into a buffer that is written once for all requests of a burst.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::value::RawValue;
use smallvec::SmallVec;

use super::Session;
use super::asking::Permission;
use super::past::Past;
use super::waiting::{Open, Then};
use crate::audit::Deed;
use crate::dialect::{self, Answer, Asked, Malformed, Message, Publish, Request};
use crate::frame::{Event, Posted, Since, Timestamp};
use crate::hub::{
    Criterion, Filter, JoinError, Joined, Placed, PublishError, Receipt, Slow, Wanted, check_name,
};
use crate::identity::Wish;
use crate::limits::{Publication, Verdict};
use crate::transport::close::CloseReason;

/// Event types and patterns that a session may hold at most.
const MOST_PATTERNS: usize = 100;
/// What a client that met a full mailbox is told to wait, milliseconds.
const RETRY_AFTER: u64 = 100;
/// The same where the log of durable rooms cannot be written, which is tried each second.
pub(super) const RETRY_UNWRITTEN: u64 = 1000;
/// The source of events that clients publish.
const SOURCE: &str = "client";

impl Session {
    /// Answers one frame.
    pub(super) fn handle(self: &Rc<Self>, message: Message<'_>, open: &mut Open, out: &mut Vec<u8>) {
        self.asked();
        let counters = self.common.shard.counters();
        counters.received.add(1);
        counters.bytes_in.add(message.payload.len() as u64);
        let asked = self.dialect.decode(message);
        if let Err(verdict) = self.admit(message.payload.len()) {
            let id = asked.map_or_else(|(id, _)| id, |asked| asked.id);
            return self.refuse(id.as_deref(), &verdict, out);
        }
        match asked {
            Ok(Asked { id, request }) if self.is_unknown() && !request.is_for_strangers() => {
                self.dialect.answer(id.as_deref(), &Answer::Unknown, out);
            }
            Ok(Asked { id, request }) => self.request(id.as_deref(), request, message, open, out),
            Err((_, Malformed::Broken(why))) => self.end(CloseReason::Protocol(why)),
            Err((id, malformed)) => {
                self.dialect.malformed(id.as_deref(), &malformed, out);
                if self.is_unknown() && self.dialect.asks_first() {
                    self.fail_to_prove();
                }
            }
        }
    }

    /// Whether a message asks only whether somebody is there, and so need not wait for a long answer.
    pub(super) fn may_pass(&self, message: Message<'_>) -> bool {
        self.dialect.answers_in_order()
            && matches!(self.dialect.decode(message), Ok(Asked { request: Request::Ping, .. }))
    }

    fn request(
        self: &Rc<Self>,
        id: Option<&RawValue>,
        request: Request<'_>,
        message: Message<'_>,
        open: &mut Open,
        out: &mut Vec<u8>,
    ) {
        let mut answer = |answer: Answer<'_>| self.dialect.answer(id, &answer, out);
        match request {
            Request::Ping => answer(Answer::Pong(Timestamp::now())),
            Request::Info => answer(Answer::Info(&self.dialect_info())),
            Request::Echo => answer(Answer::Echo(message)),
            Request::Nothing => {}
            Request::Enter { token, before } => self.enter(id, (token.as_deref(), before), open, out),
            Request::Exit => self.exit(),
            Request::Subscribe { types, criterion } => {
                answer(self.subscribe(&types, criterion.as_deref()));
            }
            Request::Unsubscribe(types) => answer(self.unsubscribe(&types)),
            Request::Leave(room) => match named(&room) {
                None => answer(Answer::RoomRequired),
                Some(room) if self.leave(room) => answer(Answer::Left(room)),
                Some(room) => answer(Answer::NotLeft(room)),
            },
            Request::Publish(publish) => self.publish(id, &publish, message.payload.len(), open, out),
            Request::Join { room, since, info, slow } => {
                let info = info.map(|info| info.get().into());
                self.join(id, named(&room), (since, info, slow), open, out);
            }
            Request::Status => answer(self.status()),
            Request::JoinThose { rooms, entries } => self.join_those(&rooms, entries, open, out),
            Request::LeaveThose(rooms) => self.leave_asked(&rooms),
            Request::Only(types) => {
                self.get_only(types.iter().map(AsRef::as_ref));
                answer(Answer::Only(&types));
            }
            Request::Call { name, .. }
                if !self.dialect.strangers_call() && !self.principal().is_authenticated() =>
            {
                answer(Answer::UnknownAction { name: &name, calls: &[] });
            }
            Request::Call { name, room, data, streamed } => {
                open.calls.open(self, id, (&name, room.as_deref()), (&data, streamed), out);
            }
            Request::Presence { room, skip, limit } => {
                self.presence(id, named(&room), (skip, limit), open, out);
            }
            Request::History { room, since, limit, reverse } => {
                let wanted = Wanted { since, limit, reverse, bytes: self.space() };
                self.past(id, named(&room), Past::History(wanted), open, out);
            }
            Request::Ack { room, cursor } => self.acknowledge(id, named(&room), cursor, open, out),
            Request::State(room) => self.past(id, named(&room), Past::State, open, out),
            Request::Auth { token } => self.authenticate(id, &token, open, out),
            Request::Cancel => {
                let answer = match open.calls.cancel(self, id, out) {
                    true => Answer::Cancelled,
                    false => Answer::Refused("No open call has this id"),
                };
                self.dialect.answer(id, &answer, out);
            }
        }
    }

    fn join(
        self: &Rc<Self>,
        id: Option<&RawValue>,
        room: Option<&str>,
        (since, info, slow): (Since, Option<Arc<str>>, Option<dialect::Slow>),
        open: &mut Open,
        out: &mut Vec<u8>,
    ) {
        let dialect = &self.dialect;
        let Some(room) = room else { return dialect.answer(id, &Answer::RoomRequired, out) };
        let permission = match since == Since::Now && self.seat.is_in(room) {
            true => Permission::Known(true),
            false => self.reading(room),
        };
        let room = room.to_owned();
        let since = if self.seat.is_in(&room) { since } else { self.since(&room, since) };
        self.with_permission(id, permission, open, out, move |session, allow, id, out| {
            let (slow, before) = (slow.map(policy), session.seat.number(&room));
            let rules = session.common.shard.hub().rules();
            let joined = match slow.filter(|slow| !rules.find(&room).slow_choice.contains(slow)) {
                _ if !allow => Err(JoinError::Denied),
                Some(_) => Err(JoinError::Policy),
                None => session.common.shard.join_as(session, &room, since, info),
            };
            let number = session.seat.number(&room);
            if let Some(before) = before.filter(|before| Some(*before) != number) {
                session.outbound.choose(before, None); // it was another life of the room
            }
            if let (Ok(_), Some(slow), Some(number)) = (&joined, slow, number) {
                session.outbound.choose(number, Some(slow.yields()));
            }
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
        let dialect = &self.dialect;
        match joined {
            Ok(joined) => {
                self.has_joined(room);
                let (cursor, recovered) = (joined.cursor, joined.recovered);
                dialect.answer(id, &Answer::Joined { room, cursor, recovered }, out);
                self.show_joined(&joined, out);
            }
            Err(error) => {
                self.has_not_joined(room, &error);
                dialect.answer(id, &Answer::NotJoined { room, why: &capital(&error.to_string()) }, out);
            }
        }
    }

    pub(super) fn has_joined(&self, room: &str) {
        self.record(Deed::Joined, |entry| entry.target(room));
        self.outbound.fence(room);
        self.note_rooms();
    }

    pub(super) fn has_not_joined(&self, room: &str, error: &JoinError) {
        if *error == JoinError::Denied {
            self.count_denied();
        }
        self.record(Deed::JoinDenied, |entry| entry.target(room).outcome(error.label()));
    }

    /// What a room has for who joins, behind the reply that announces it.
    pub(super) fn show_joined(self: &Rc<Self>, joined: &Joined, out: &mut Vec<u8>) {
        self.show(&joined.cached, out);
        if !joined.replay.is_empty() {
            self.reply(out);
            out.clear();
            self.replay(&joined.replay);
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
        self.give(&Rc::new(self.common.shard.hub().forms().frames(form, &let_through)));
    }

    fn subscribe<'a>(self: &Rc<Self>, types: &'a [Cow<'a, str>], criterion: Option<&str>) -> Answer<'a> {
        let known = self.common.shard.hub().types();
        let unknown = those(types, |name| !known.accepts(name));
        if !unknown.is_empty() {
            return Answer::UnknownTypes(unknown);
        }
        let said = match criterion.filter(|text| !text.is_empty()).map(str::parse::<Criterion>).transpose() {
            Ok(said) => said.map(Arc::new),
            Err(error) => return Answer::BadCriterion(error.to_string()),
        };
        let former = self.common.shard.filter(self);
        let mut patterns = former.types().to_vec();
        for name in types {
            if !patterns.iter().any(|pattern| **pattern == **name) {
                patterns.push(name.as_ref().into());
            }
        }
        if patterns.len() > MOST_PATTERNS {
            return Answer::Refused("A session may subscribe to 100 event types at most");
        }
        let text = said.as_ref().map(|said| Arc::clone(said.text()));
        let criterion = if criterion.is_some() { said } else { former.criterion().cloned() };
        self.common.shard.set_filter(self, Filter::new(patterns, criterion));
        Answer::Subscribed { types, criterion: text }
    }

    /// It gets events of types with exactly these names from now on, and no others.
    pub(super) fn get_only<'a>(self: &Rc<Self>, names: impl Iterator<Item = &'a str>) {
        // No type has such a name: it would be a pattern here.
        let names = names.filter(|name| !name.ends_with('*'));
        self.common.shard.set_filter(self, Filter::only(names.map(Into::into).collect()));
    }

    fn unsubscribe<'a>(self: &Rc<Self>, types: &'a [Cow<'a, str>]) -> Answer<'a> {
        let known = self.common.shard.hub().types();
        let former = self.common.shard.filter(self);
        let mut patterns = former.types().to_vec();
        // A type that it holds may have gone with its plugin since.
        let holds = |name: &str| patterns.iter().any(|pattern| **pattern == *name);
        let unknown = those(types, |name| !known.accepts(name) && !holds(name));
        if !unknown.is_empty() {
            return Answer::UnknownTypes(unknown);
        }
        patterns.retain(|pattern| !types.iter().any(|name| **name == **pattern));
        self.common.shard.set_filter(self, Filter::new(patterns, former.criterion().cloned()));
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
        let (hub, dialect) = (self.common.shard.hub(), &self.dialect);
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
            key: publish.key.as_deref().map(Into::into),
            ..Event::new(
                kind,
                Bytes::copy_from_slice(publish.data.get().as_bytes()),
                SOURCE.into(),
                Timestamp::now(),
            )
        };
        let room = room.to_owned();
        match permission {
            Permission::Known(allow) => match self.place(&room, &event, size, allow).map(Receipt::now) {
                Ok(Err(receipt)) => open.wait(id, Box::pin(committed(room, Ok(receipt)))),
                Ok(Ok(places)) => self.answer_publish(id, &room, Ok(places), out),
                Err(refused) => self.answer_publish(id, &room, Err(refused), out),
            },
            Permission::Later(answer) => {
                let session = Rc::clone(self);
                let placed = async move {
                    let placed = session.place(&room, &event, size, answer.await);
                    committed(room, placed).await
                };
                open.wait(id, Box::pin(placed));
            }
        }
    }

    /// Publishes an event, where it is allowed; the request had so many bytes.
    fn place(&self, room: &str, event: &Event, size: usize, allow: bool) -> Result<Receipt, Unpublished> {
        if !allow {
            return Err(Unpublished::Denied);
        }
        let (event_type, key, bytes) = (&*event.kind.name, event.key.as_deref(), event.data.len());
        let publication = Publication { rooms: &[room], event_type, key, bytes };
        if let Err(verdict) = self.common.limits.publish(publication) {
            self.give_back(size);
            return Err(Unpublished::Limited(verdict));
        }
        Ok(self.common.shard.publish(&[room], event)?)
    }

    fn answer_publish(
        &self,
        id: Option<&RawValue>,
        room: &str,
        placed: Result<Placements, Unpublished>,
        out: &mut Vec<u8>,
    ) {
        let dialect = &self.dialect;
        match placed {
            Ok(places) => {
                if let [placed, ..] = &*places {
                    dialect.answer(id, &Answer::Published { room, cursor: placed.cursor }, out);
                }
            }
            Err(Unpublished::Denied) => {
                self.count_denied();
                dialect.answer(id, &Answer::Refused("Not allowed to publish to this room"), out);
            }
            Err(Unpublished::Limited(verdict)) => self.refuse(id, &verdict, out),
            Err(Unpublished::Failed(PublishError::Name(error))) => {
                dialect.answer(id, &Answer::Refused(&capital(&error.to_string())), out);
            }
            Err(Unpublished::Failed(error)) => {
                let retry_after_ms = match error {
                    PublishError::NotWritten(_) => RETRY_UNWRITTEN,
                    _ => RETRY_AFTER,
                };
                dialect.answer(
                    id,
                    &Answer::Busy { message: &capital(&error.to_string()), retry_after_ms },
                    out,
                );
            }
        }
    }

    /// Joins the rooms that it is in from the start. Answers what these show who joins.
    pub(super) fn join_first_rooms(self: &Rc<Self>) -> Vec<Arc<Posted>> {
        if self.seat.form().is_none() {
            return Vec::new();
        }
        if self.endpoint.broadcasts
            && !self.seat.is_in("")
            && let Err(error) = self.common.shard.join_broadcasts(self, Since::Now)
        {
            tracing::warn!(session = %self.id, %error, "cannot take broadcasts");
        }
        if self.dialect.has_audience()
            && let Err(error) = self.common.shard.join_audience(self, self.dialect.name())
        {
            tracing::warn!(session = %self.id, %error, "cannot take what is for its dialect");
        }
        self.join_own_rooms()
    }
}

fn policy(slow: dialect::Slow) -> Slow {
    match slow {
        dialect::Slow::Disconnect => Slow::Disconnect,
        dialect::Slow::DropOldest => Slow::DropOldest,
        dialect::Slow::Latest => Slow::Latest,
        dialect::Slow::CatchUp => Slow::CatchUp,
    }
}

/// Where an event came to stand.
type Placements = SmallVec<[Placed; 1]>;

/// Why an event was not published.
enum Unpublished {
    Denied,
    Limited(Verdict),
    Failed(PublishError),
}

impl From<PublishError> for Unpublished {
    fn from(error: PublishError) -> Self {
        Self::Failed(error)
    }
}

/// Answers once the event is committed.
async fn committed(room: String, placed: Result<Receipt, Unpublished>) -> Then {
    let placed = match placed {
        Ok(receipt) => receipt.committed().await.map_err(|error| Unpublished::Failed(error.into())),
        Err(refused) => Err(refused),
    };
    Box::new(move |session, id, out| session.answer_publish(id, &room, placed, out))
}

/// The names that `fit`, as they were sent.
fn those<'a>(types: &'a [Cow<'a, str>], fit: impl Fn(&str) -> bool) -> Vec<&'a str> {
    types.iter().map(AsRef::as_ref).filter(|name| fit(name)).collect()
}

/// A room's name that is there and not empty.
fn named<'a>(room: &'a Option<Cow<'_, str>>) -> Option<&'a str> {
    room.as_deref().filter(|room| !room.is_empty())
}

/// Replies begin with a capital letter.
pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
