//! Coming and going: a session opens and closes, joins, leaves, reads on, changes its filter.

use std::rc::Rc;
use std::sync::Arc;

use super::super::directory::{Entered, Slot, UserLimit};
use super::super::filter::{Filter, FilterId};
use super::super::mailbox::{Attach, Letter};
use super::super::member::{Member, Membership, Standing};
use super::super::order::{Cause, Order};
use super::super::room::{Room, State};
use super::super::{JoinError, check_name};
use super::hall::Item;
use super::{Guest, Shard};
use crate::frame::{Cursor, Posted, Since, audience, is_unnamed};
use crate::history::Read;

/// A session has joined.
#[derive(Debug)]
pub struct Joined {
    /// Events follow this one: the replay's, then those of the walk.
    pub cursor: Cursor,
    /// Whether nothing is missing since the cursor that it asked for; none where it asked for none.
    pub recovered: Option<bool>,
    /// To be sent before anything of the room; what is still missing behind it comes by
    /// [`Shard::read_on`].
    pub replay: Vec<Arc<Posted>>,
    /// What the room shows who joins: events up to the cursor, to be sent before any other.
    pub cached: Vec<Arc<Posted>>,
}

/// As what a session comes into a room.
struct Kind {
    /// The room is the session's from what it is.
    own: bool,
    /// No reply tells it how that went.
    silent: bool,
    /// What it says of itself.
    info: Option<Arc<str>>,
    /// What it has missed it only reads on from history.
    later: bool,
}

impl Joined {
    /// The events after `cursor` follow.
    fn at(cursor: Cursor) -> Self {
        Self { cursor, recovered: None, replay: Vec::new(), cached: Vec::new() }
    }
}

impl<G: Guest> Shard<G> {
    /// Seats a session, unless its id is taken or its user has enough. Where it displaces another, that one is told.
    pub fn open(&self, guest: &Rc<G>, id: &Arc<str>, user: Option<&Arc<str>>, limit: UserLimit) -> Entered {
        let slot = self.guests.borrow_mut().insert(self.index as u16, Rc::clone(guest));
        let entered = self.hub.directory.enter(id, user, limit, slot);
        match entered {
            Entered::In(displaced) => {
                guest.seat().slot.set(Some(slot));
                self.displace(displaced);
            }
            Entered::Taken | Entered::Full => self.guests.borrow_mut().remove(slot),
        }
        entered
    }

    /// Gives a session that had none a user.
    pub fn adopt(&self, guest: &Rc<G>, user: &Arc<str>, limit: UserLimit) -> Entered {
        let Some(slot) = guest.seat().slot.get() else { return Entered::Full };
        let entered = self.hub.directory.adopt(user, limit, slot);
        if let Entered::In(displaced) = entered {
            self.displace(displaced);
        }
        entered
    }

    fn displace(&self, displaced: Option<Slot>) {
        if let Some(slot) = displaced {
            self.hub.order_slot(slot, Order::Close(Cause::Displaced));
        }
    }

    /// Takes a session out of its rooms and lists; it keeps its seat until [`close`](Self::close).
    pub fn retire(&self, guest: &Rc<G>, id: &str, user: Option<&Arc<str>>) {
        let seat = guest.seat();
        let Some(slot) = seat.slot.get().filter(|_| !seat.retired.replace(true)) else { return };
        let rooms = seat.rooms.take();
        for membership in rooms {
            self.drop_membership(guest, &membership);
        }
        self.filters.borrow_mut().release(seat.filter.replace(FilterId::ALL));
        self.hub.directory.leave(id, user, slot);
    }

    /// Takes a session out of everything: before its socket closes, whose number is the next client's then.
    pub fn close(&self, guest: &Rc<G>, id: &str, user: Option<&Arc<str>>) {
        self.retire(guest, id, user);
        if let Some(slot) = guest.seat().slot.take() {
            self.guests.borrow_mut().remove(slot);
        }
    }

    /// Joins the unnamed room of broadcasts. Where what it has missed is not there any more,
    /// [reading on](Self::read_on) tells so.
    pub fn join_broadcasts(&self, guest: &Rc<G>, since: Since) -> Result<Joined, JoinError> {
        self.enter(guest, "", since, Kind { own: true, silent: true, info: None, later: true })
    }

    /// Puts a session that begins in a room that it is not in; `own`: the room is the session's from what it is. What it
    /// has missed it [reads on](Self::read_on), however many such rooms it begins with.
    ///
    /// # Errors
    /// [`JoinError`], but for [`Denied`](JoinError::Denied).
    pub fn join_first(
        &self,
        guest: &Rc<G>,
        name: &str,
        since: Since,
        own: bool,
    ) -> Result<Joined, JoinError> {
        check_name(name)?;
        if !own {
            self.check_room_count(guest)?;
        }
        self.enter(guest, name, since, Kind { own, silent: false, info: None, later: true })
    }

    /// Gives a session what is published to all of its dialect, whatever room it is in.
    ///
    /// # Errors
    /// [`JoinError`].
    pub fn join_audience(&self, guest: &Rc<G>, dialect: &str) -> Result<Joined, JoinError> {
        self.enter(
            guest,
            &audience(dialect),
            Since::Now,
            Kind { own: true, silent: true, info: None, later: false },
        )
    }

    /// Puts a session in a room that is its own from what it is: where it asks for others, this one does not count. One
    /// that is in it stays as it is. Answers what the room shows who joins, or what it has missed; where that is not there
    /// any more, [reading on](Self::read_on) tells so.
    ///
    /// # Errors
    /// [`JoinError::Name`] and [`JoinError::Full`].
    pub fn join_own(&self, guest: &Rc<G>, name: &str, since: Since) -> Result<Vec<Arc<Posted>>, JoinError> {
        check_name(name)?;
        let Some(at) = guest.seat().find_name(name) else {
            let Joined { cached, replay, .. } =
                self.enter(guest, name, since, Kind { own: true, silent: true, info: None, later: false })?;
            return Ok(if replay.is_empty() { cached } else { replay });
        };
        guest.seat().rooms.borrow_mut()[at].own = true;
        Ok(Vec::new())
    }

    /// Puts a session in a room, or tells where one stands that is in it. One that is in it and asks for a
    /// replay joins anew. Whether its client may ask for it, whoever calls this knows.
    ///
    /// # Errors
    /// [`JoinError`], but for [`Denied`](JoinError::Denied).
    pub fn join(&self, guest: &Rc<G>, name: &str, since: Since) -> Result<Joined, JoinError> {
        self.join_as(guest, name, since, None)
    }

    /// The same for a session that says something of itself, for others in the room to see.
    ///
    /// # Errors
    /// [`JoinError`], but for [`Denied`](JoinError::Denied).
    pub fn join_as(
        &self,
        guest: &Rc<G>,
        name: &str,
        since: Since,
        info: Option<Arc<str>>,
    ) -> Result<Joined, JoinError> {
        check_name(name)?;
        let Some(at) = guest.seat().find_name(name) else {
            self.check_room_count(guest)?;
            return self.enter(guest, name, since, Kind { own: false, silent: false, info, later: false });
        };
        if since == Since::Now {
            info.into_iter().for_each(|info| self.says(guest, at, info));
            return Ok(self.standing(guest, at));
        }
        let kind = {
            let before = &guest.seat().rooms.borrow()[at];
            let info = info.or_else(|| before.info.as_deref().cloned());
            Kind { own: before.own, silent: false, info, later: false }
        };
        self.leave(guest, name);
        self.enter(guest, name, since, kind)
    }

    fn check_room_count(&self, guest: &Rc<G>) -> Result<(), JoinError> {
        let most = self.hub.rooms_per_session();
        let asked = guest.seat().rooms.borrow().iter().filter(|membership| !membership.own).count();
        if asked >= most { Err(JoinError::TooMany(most)) } else { Ok(()) }
    }

    /// Where a member stands: the events that it has not been given yet follow this cursor.
    fn standing(&self, guest: &G, at: usize) -> Joined {
        let rooms = guest.seat().rooms.borrow();
        let membership = &rooms[at];
        let now = membership.room.lock().history.cursor();
        let offset = match &membership.standing {
            Standing::Attaching { offset, .. } => *offset,
            Standing::Attached(place) => {
                let given = self.halls.borrow().given_to(membership.room.id.number, *place);
                given.unwrap_or(now.offset)
            }
            Standing::Reading(reading) => reading.after.offset,
        };
        Joined::at(Cursor { offset, ..now })
    }

    /// By number of a room that keeps history: the last event there that a session has been given, or that its filter has
    /// kept back.
    pub fn standings(&self, guest: &G) -> Vec<(u64, Cursor)> {
        let rooms: Vec<_> = {
            let rooms = guest.seat().rooms.borrow();
            let kept = rooms.iter().enumerate().filter(|(_, membership)| membership.room.rule.keep.size > 0);
            kept.map(|(at, membership)| (at, membership.room.id.number)).collect()
        };
        rooms.into_iter().map(|(at, number)| (number, self.standing(guest, at).cursor)).collect()
    }

    fn enter(&self, guest: &Rc<G>, name: &str, since: Since, kind: Kind) -> Result<Joined, JoinError> {
        loop {
            let room = self.hub.registry.find_or_create(name);
            let mut state = room.lock();
            if state.gone {
                continue;
            }
            if self.hub.is_full(&room, &state) {
                return Err(JoinError::Full);
            }
            let (mut joined, mut reads) = plan(&state, since, guest.reading_space());
            if kind.later && !joined.replay.is_empty() {
                joined.replay.clear();
                reads = true;
            }
            match joined.recovered {
                Some(true) => self.counters.recovered.add(1),
                Some(false) => self.counters.lost.add(1),
                None => {}
            }
            state.members[self.index] += 1;
            state.touch();
            self.came(&room, &mut state, guest, kind.info.as_ref());
            let standing = match since {
                _ if reads => {
                    let last = joined.replay.last().map_or(joined.cursor, |posted| posted.cursor);
                    Standing::reading(last, Self::told(&state))
                }
                // It has no reply that could say so.
                Since::After(lost) if kind.silent && joined.recovered == Some(false) => {
                    Standing::reading(lost, Self::told(&state))
                }
                _ => self.put_mark(&room, &state, guest),
            };
            drop(state);
            let Kind { own, info, .. } = kind;
            let info = info.map(Box::new);
            guest.seat().rooms.borrow_mut().push(Membership { room, standing, own, info });
            return Ok(joined);
        }
    }

    /// Puts the session's attach mark, under the room's lock.
    pub(super) fn put_mark(&self, room: &Arc<Room>, state: &State, guest: &Rc<G>) -> Standing {
        let ticket = self.tickets.get().wrapping_add(1);
        self.tickets.set(ticket);
        if let Some(slot) = guest.seat().slot.get() {
            self.mailbox.push(Letter::Attach(Arc::clone(room), Attach::Session(slot, ticket)));
        }
        Standing::Attaching { ticket, offset: state.history.cursor().offset, told: Self::told(state) }
    }

    /// An attach mark has come out of the mailbox.
    pub(super) fn take_mark(&self, room: &Arc<Room>, mark: Attach) {
        let (slot, ticket) = match mark {
            Attach::Session(slot, ticket) => (slot, ticket),
            Attach::Elsewhere { slot, offset, cached, done } => {
                let entered = self.enter_from_elsewhere(room, slot, offset);
                if let (Ok(Some(_)), Some(guest)) = (&entered, self.guest(slot)) {
                    guest.order(Order::Show(cached));
                }
                let ticket = entered.as_ref().ok().copied().flatten();
                let _nobody_waits = done.send(entered.map(|_| ()));
                let Some(ticket) = ticket else { return self.one_less(room, |_| {}) };
                (slot, ticket)
            }
        };
        self.halls.borrow_mut().put(room, Item::Attach(slot, ticket));
    }

    /// Makes the membership of a join from elsewhere; none where the session is in the room already.
    fn enter_from_elsewhere(
        &self,
        room: &Arc<Room>,
        slot: Slot,
        offset: u64,
    ) -> Result<Option<u32>, JoinError> {
        let guest = self.guest(slot).filter(|g| !g.seat().retired.get()).ok_or(JoinError::NoSession)?;
        if guest.seat().find(room.id.number).is_some() {
            return Ok(None);
        }
        self.check_room_count(&guest)?;
        let ticket = self.tickets.get().wrapping_add(1);
        self.tickets.set(ticket);
        let standing = Standing::Attaching { ticket, offset, told: 0 };
        self.came(room, &mut room.lock(), &guest, None);
        let membership = Membership { room: Arc::clone(room), standing, own: false, info: None };
        guest.seat().rooms.borrow_mut().push(membership);
        Ok(Some(ticket))
    }

    /// The mark has come to its turn: the session is in the walk from here on, if it is still in the room.
    pub(super) fn attach(&self, room: u64, slot: Slot, ticket: u32) {
        let Some(guest) = self.guest(slot) else { return };
        let seat = guest.seat();
        let (Some(at), Some(form)) = (seat.find(room), seat.form()) else { return };
        let (after, told) = match seat.rooms.borrow()[at].standing {
            Standing::Attaching { ticket: waits, offset, told } if waits == ticket => (offset, told),
            _ => return,
        };
        let cursor = {
            let rooms = seat.rooms.borrow();
            let state = rooms[at].room.lock();
            let missed = state.missed[self.index].last > after;
            missed.then(|| Cursor { offset: after, ..state.history.cursor() })
        };
        if let Some(cursor) = cursor {
            seat.stand(room, Standing::reading(cursor, told));
            return guest.call_to_read();
        }
        let member = Member { guest: Some(Rc::clone(&guest)), filter: seat.filter.get(), form };
        if let Some(place) = self.halls.borrow_mut().seat(room, member, after) {
            seat.rooms.borrow_mut()[at].standing = Standing::Attached(place);
        }
    }

    /// Leaves a room, at once; `false` where the session is not in it.
    pub fn leave(&self, guest: &Rc<G>, name: &str) -> bool {
        !is_unnamed(name) && self.go_out(guest, name)
    }

    /// Takes a session out of what is published without a room; `false` where it does not get that.
    pub fn leave_broadcasts(&self, guest: &Rc<G>) -> bool {
        self.go_out(guest, "")
    }

    fn go_out(&self, guest: &Rc<G>, name: &str) -> bool {
        let Some(at) = guest.seat().find_name(name) else { return false };
        let membership = guest.seat().rooms.borrow_mut().remove(at);
        self.drop_membership(guest, &membership);
        true
    }

    fn drop_membership(&self, guest: &Rc<G>, membership: &Membership) {
        if let Standing::Attached(place) = membership.standing {
            self.halls.borrow_mut().unseat(membership.room.id.number, place);
        }
        let room = &membership.room;
        self.one_less(room, |state| self.went(state, guest, membership));
    }

    /// One member less in `room`, which is forgotten if it was the last.
    fn one_less(&self, room: &Room, note: impl FnOnce(&mut State)) {
        let mut state = room.lock();
        note(&mut state);
        state.members[self.index] -= 1;
        state.touch();
        let empty = state.total() == 0;
        drop(state);
        if empty {
            self.hub.registry.release(room);
        }
    }

    /// Lets through only what `filter` does, from the next event on.
    pub fn set_filter(&self, guest: &Rc<G>, filter: impl Into<Filter>) {
        let mut filters = self.filters.borrow_mut();
        let filter = filters.hold(filter.into());
        filters.release(guest.seat().filter.replace(filter));
        for membership in guest.seat().rooms.borrow().iter() {
            if let Standing::Attached(place) = membership.standing {
                self.halls.borrow_mut().refilter(membership.room.id.number, place, filter);
            }
        }
    }

    /// The events of `events` that a session lets through.
    pub fn let_through(&self, guest: &G, events: &[Arc<Posted>]) -> Vec<Arc<Posted>> {
        self.filters.borrow_mut().let_through(guest.seat().filter.get(), events)
    }

    /// What a session lets through.
    pub fn filter(&self, guest: &G) -> Filter {
        self.filters.borrow().filter(guest.seat().filter.get()).clone()
    }
}

/// What joining gives, and whether the session has to read on before it can be attached. `space` is how many
/// bytes of replay it can take now.
fn plan(state: &State, since: Since, space: usize) -> (Joined, bool) {
    let now = state.history.cursor();
    let after = match since {
        Since::Now => return (Joined { cached: state.cache.events(), ..Joined::at(now) }, false),
        Since::After(cursor) => cursor,
        Since::Start => state.history.start(),
        Since::Last(count) => state.history.before_last(count),
    };
    match state.history.since(after, space) {
        Read::Found { events, more } => {
            (Joined { recovered: Some(true), replay: events, ..Joined::at(after) }, more)
        }
        Read::Stored(_) => (Joined { recovered: Some(true), ..Joined::at(after) }, true),
        Read::Lost => (Joined { recovered: Some(false), ..Joined::at(now) }, false),
    }
}
