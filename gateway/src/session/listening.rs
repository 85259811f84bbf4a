//! Sessions of clients that only listen: all that such a client wants stands in its request.

use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::LocalBoxFuture;

use super::opening::{Opening, Visitor, begin, seat};
use super::outbound::{Progress, Reached};
use super::run::run;
use super::{Common, Endpoint, Session};
use crate::audit::Deed;
use crate::dialect::Answer;
use crate::frame::{Bookmark, Cursor, Epoch, Since};
use crate::hub::{Filter, Hub, JoinError, Joined, check_name};
use crate::identity::Principal;

/// A place that no room has ever had: what comes behind it is lost.
const NOWHERE: Cursor = Cursor { epoch: Epoch(0), offset: 0 };

/// What a client wants that only listens.
#[derive(Debug, Default)]
pub struct Wants {
    /// To be in these rooms, which it may.
    pub rooms: Vec<Arc<str>>,
    /// Events of these types alone, which are known; none: all.
    pub types: Vec<Arc<str>>,
    /// Nothing to be missing since it was here last.
    pub since: Resume,
    /// Frames bear the place of their event.
    pub in_frames: bool,
}

/// From where on a client that comes again wants its events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Resume {
    /// It has not been here before.
    #[default]
    Now,
    /// It has got so far.
    After(Bookmark),
    /// It says so with what it was never given.
    Unknown,
}

impl Resume {
    /// From where on it wants those of `room`. Of what it says nothing of, it has had nothing.
    pub fn of(&self, hub: &Hub, room: &str) -> Since {
        let known = match self {
            Self::After(bookmark) => bookmark.find(room),
            Self::Now | Self::Unknown => None,
        };
        let forgotten = match self {
            Self::Now => false,
            Self::After(bookmark) => bookmark.is_full(),
            Self::Unknown => true,
        };
        match known {
            Some(cursor) => Since::After(cursor),
            None if forgotten && hub.rules().find(room).keep.size > 0 => Since::After(NOWHERE),
            None => Since::Now,
        }
    }
}

/// Why there is no session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unopened {
    /// Its user has as many as may be.
    TooManyOfUser,
    /// It cannot be in this room.
    Room(Arc<str>, JoinError),
}

impl Endpoint {
    /// The named rooms that a session of `principal` is in from what it is.
    pub fn own_rooms(&self, principal: &Principal) -> Vec<String> {
        let of_roles = principal.roles.iter().map(|role| format!("{}{role}", super::rights::ROLES));
        let rooms = self.first_rooms(principal.user.as_deref()).chain(of_roles);
        rooms.filter(|room| check_name(room).is_ok()).collect()
    }
}

/// Opens a session for what a client wants and answers its life; or closes it again.
///
/// # Errors
/// [`Unopened`].
pub fn listen(
    common: Rc<Common>,
    endpoint: Rc<Endpoint>,
    visitor: Visitor,
    opening: Opening,
    wants: &Wants,
) -> Result<LocalBoxFuture<'static, ()>, Unopened> {
    let Opening { socket, answer, source, deflate } = opening;
    let (session, taken) =
        seat(common, &endpoint, visitor, (socket, deflate)).map_err(|_| Unopened::TooManyOfUser)?;
    begin(&session);
    let run = run(&session, source);
    session.common.shard.set_filter(&session, Filter::new(wants.types.clone(), None));
    let broadcasts = session.join_broadcasts(wants);
    let joined = session.join_wanted(wants)?; // its life is over with `run` where it cannot
    let mut first = answer;
    let (unsaid, nameless) = (first.len(), Arc::from(""));
    session.welcome(taken.as_deref(), None, &mut first);
    for (room, Joined { cursor, recovered, .. }) in &joined {
        let told = Answer::Joined { room, cursor: *cursor, recovered: *recovered };
        session.dialect.answer(None, &told, &mut first);
    }
    for (_, joined) in &joined {
        session.show(&joined.cached, &mut first);
    }
    let rooms = joined.iter().map(|(room, joined)| (room, joined.cursor));
    let progress = session.begin_progress(rooms.chain(broadcasts.map(|at| (&nameless, at))), wants.in_frames);
    if let Some(bookmark) = progress.bookmark() {
        endpoint.framing.bookmark(&mut first, &bookmark.to_string());
    }
    session.outbound.track(progress);
    session.common.shard.counters().bytes_out.add((first.len() - unsaid) as u64);
    session.outbound.write(&first, &session.common.ledger);
    // What was revoked since its request was looked at has been looked for by now.
    session.review();
    Ok(Box::pin(run))
}

impl Session {
    /// Joins the unnamed room, where its endpoint takes broadcasts. Answers the last event there that its client has;
    /// where others behind it are lost, it is told so when it reads on.
    pub(super) fn join_broadcasts(self: &Rc<Self>, wants: &Wants) -> Option<Cursor> {
        let shard = &self.common.shard;
        let since = wants.since.of(shard.hub(), "");
        let joined = self.endpoint.broadcasts.then(|| shard.join_broadcasts(self, since))?;
        match (joined, since) {
            (Ok(Joined { recovered: Some(false), .. }), Since::After(lost)) => Some(lost),
            (Ok(joined), _) => Some(joined.cursor),
            (Err(error), _) => {
                tracing::warn!(session = %self.id, %error, "cannot take broadcasts");
                None
            }
        }
    }

    /// Joins what is its own, and then what it wants.
    pub(super) fn join_wanted(self: &Rc<Self>, wants: &Wants) -> Result<Vec<(Arc<str>, Joined)>, Unopened> {
        let (shard, hub) = (&self.common.shard, self.common.shard.hub());
        let mut joined = Vec::new();
        for room in self.endpoint.own_rooms(&self.principal()) {
            let since = self.since(&room, wants.since.of(hub, &room));
            if self.seat.is_in(&room) {
                continue;
            }
            match shard.join_first(self, &room, since, true) {
                Ok(own) => joined.push((Arc::from(room), own)),
                Err(error) => {
                    tracing::debug!(session = %self.id, room, %error, "cannot join a room of its own");
                }
            }
        }
        for room in &wants.rooms {
            if self.seat.is_in(room) {
                continue;
            }
            let since = self.since(room, wants.since.of(hub, room));
            let other = shard.join_first(self, room, since, false).map_err(|error| {
                self.record(Deed::JoinDenied, |entry| entry.target(room).outcome(error.label()));
                Unopened::Room(Arc::clone(room), error)
            })?;
            joined.push((Arc::clone(room), other));
        }
        for (room, _) in &joined {
            self.record(Deed::Joined, |entry| entry.target(room));
        }
        Ok(joined)
    }

    /// Where it is in its rooms before the first event.
    fn begin_progress<'a>(
        &self,
        rooms: impl Iterator<Item = (&'a Arc<str>, Cursor)>,
        in_frames: bool,
    ) -> Progress {
        let reached = |(room, cursor): (&Arc<str>, Cursor)| {
            let (number, cursor) = (self.seat.number(room)?, self.seat.keeps(room).then_some(cursor));
            Some(Reached { number, room: Arc::clone(room), cursor })
        };
        Progress::new(in_frames, rooms.filter_map(reached).collect())
    }
}
