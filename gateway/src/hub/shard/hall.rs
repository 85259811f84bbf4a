//! Halls: what a shard holds of each room, and whose turn it is.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use hashbrown::HashMap;
use smallvec::{SmallVec, smallvec};

use super::super::directory::Slot;
use super::super::mailbox::Parts;
use super::super::member::{Member, Seat, Standing};
use super::super::order::Order;
use super::super::presence::Look;
use super::super::room::Room;
use super::super::walk::{MOST_BYTES, MOST_EVENTS, Part, Walk};
use super::Guest;
use crate::frame::Posted;

/// A room's part of a shard: who is in it here, and what waits for them.
pub(super) struct Hall<G> {
    room: Arc<Room>,
    members: Vec<Member<G>>,
    waiting: VecDeque<Item>,
    state: State,
    /// Members who left during the walk.
    left: usize,
    /// The last event that all members here have been given.
    pub(super) walked: u64,
}

/// A hall is in one place at a time: nowhere, in the turns, in a walk, or waiting for a unit's other rooms.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Queued,
    Walking,
    Parked,
}

/// What waits in a hall, in order.
pub(super) enum Item {
    Event(Arc<Posted>),
    /// From here on the session gets the events: its slot, and the number of its membership.
    Attach(Slot, u32),
    /// From here on events are missing, which members read from history.
    Missed,
    /// One event in several rooms: walked when it is the next of each.
    Unit(Rc<Unit>),
    /// Who is in it here.
    Look(Look),
    /// An order to a session that is in this room, carried out when it is the next of each of its rooms.
    Order(Rc<Pending>),
}

/// A publish to several rooms.
pub(super) struct Unit {
    parts: RefCell<Parts>,
    /// Rooms in which something is before it.
    left: Cell<usize>,
}

/// An order and what it waits for.
pub(super) struct Pending {
    slot: Slot,
    order: RefCell<Option<Order>>,
    /// Rooms in which something is before it.
    left: Cell<usize>,
}

/// Who is next.
pub(super) enum Turn {
    /// A room with something waiting.
    Room(u64),
    /// A walk that was cut.
    Walk(Box<Walk>),
}

/// The next thing to do in a room's turn.
pub(super) enum Step {
    Attach(Slot, u32),
    Missed,
    Look(Look),
    Order(Slot, Order),
    /// Events that nobody here is to get.
    Unheard(SmallVec<[Part; 1]>),
    Walk(SmallVec<[Part; 1]>),
    /// Nothing: the turn is over.
    Over,
}

/// All halls of a shard.
pub(super) struct Halls<G> {
    halls: HashMap<u64, Hall<G>, foldhash::fast::RandomState>,
    turns: VecDeque<Turn>,
}

impl<G> Default for Halls<G> {
    fn default() -> Self {
        Self { halls: HashMap::default(), turns: VecDeque::new() }
    }
}

impl<G: Guest> Halls<G> {
    pub(super) fn next_turn(&mut self) -> Option<Turn> {
        self.turns.pop_front()
    }

    pub(super) fn push_turn(&mut self, turn: Turn) {
        self.turns.push_back(turn);
    }

    pub(super) fn get(&self, room: u64) -> Option<&Hall<G>> {
        self.halls.get(&room)
    }

    /// The last event that the member at `place` has been given, perhaps by a walk that has not come to all yet.
    pub(super) fn given_to(&self, room: u64, place: u32) -> Option<u64> {
        let walks =
            self.turns.iter().filter_map(|turn| if let Turn::Walk(walk) = turn { Some(walk) } else { None });
        let given = walks.filter_map(|walk| walk.given_to(room, place as usize)).next();
        given.or_else(|| self.halls.get(&room).map(|hall| hall.walked))
    }

    /// The members of `room` here.
    pub(super) fn members(&self, room: u64) -> &[Member<G>] {
        self.halls.get(&room).map_or(&[], |hall| &hall.members)
    }

    /// Puts `item` behind what waits in `room`.
    pub(super) fn put(&mut self, room: &Arc<Room>, item: Item) {
        let hall = self.halls.entry(room.id.number).or_insert_with(|| Hall::new(room));
        hall.waiting.push_back(item);
        if hall.state == State::Idle {
            hall.state = State::Queued;
            self.turns.push_back(Turn::Room(room.id.number));
        }
    }

    pub(super) fn put_unit(&mut self, parts: Parts) {
        let rooms: Vec<_> = parts.iter().map(|(room, _)| Arc::clone(room)).collect();
        let unit = Rc::new(Unit { left: Cell::new(parts.len()), parts: RefCell::new(parts) });
        for room in rooms {
            self.put(&room, Item::Unit(Rc::clone(&unit)));
        }
    }

    /// Puts an order behind what waits in the session's rooms; gives it back where nothing does.
    pub(super) fn put_order(&mut self, slot: Slot, seat: &Seat, order: Order) -> Option<Order> {
        let rooms = seat.rooms.borrow();
        let mut busy: SmallVec<[Arc<Room>; 4]> = SmallVec::new();
        for membership in rooms.iter() {
            let hall = self.halls.get(&membership.room.id.number);
            if hall.is_some_and(|h| h.state != State::Idle) {
                busy.push(Arc::clone(&membership.room));
            }
        }
        if busy.is_empty() {
            return Some(order);
        }
        let pending =
            Rc::new(Pending { slot, order: RefCell::new(Some(order)), left: Cell::new(busy.len()) });
        for room in busy {
            self.put(&room, Item::Order(Rc::clone(&pending)));
        }
        None
    }

    /// The room's turn is not over: it has another one after the other rooms.
    pub(super) fn again(&mut self, room: u64) {
        self.turns.push_back(Turn::Room(room));
    }

    /// Takes what is next in `room`.
    pub(super) fn step(&mut self, room: u64) -> Step {
        loop {
            let Some(hall) = self.halls.get_mut(&room) else { return Step::Over };
            let Some(item) = hall.waiting.pop_front() else {
                hall.state = State::Idle;
                self.forget_empty(room);
                return Step::Over;
            };
            match item {
                Item::Event(posted) => {
                    let part = hall.batch(posted);
                    return self.open(room, smallvec![part]);
                }
                Item::Attach(slot, ticket) => return Step::Attach(slot, ticket),
                Item::Missed => return Step::Missed,
                Item::Look(look) => return Step::Look(look),
                Item::Order(pending) => {
                    if let Some(order) = pending.arrive() {
                        return Step::Order(pending.slot, order);
                    }
                }
                Item::Unit(unit) => {
                    hall.state = State::Parked;
                    let Some(parts) = unit.arrive() else { return Step::Over };
                    let parts = parts.into_iter().map(|(room, posted)| Part::new(room, vec![posted]));
                    return self.open(room, parts.collect());
                }
            }
        }
    }

    /// Begins the walk of `parts` in the turn of `room`, unless nobody here is to get them.
    fn open(&mut self, room: u64, parts: SmallVec<[Part; 1]>) -> Step {
        let heard = parts.iter().any(|part| !self.members(part.room.id.number).is_empty());
        if heard {
            for part in &parts {
                self.state(part, State::Walking);
            }
            return Step::Walk(parts);
        }
        for part in &parts {
            let Some(hall) = self.halls.get_mut(&part.room.id.number) else { continue };
            hall.walked = part.last().unwrap_or(hall.walked);
            hall.state = State::Queued;
            if part.room.id.number != room {
                self.turns.push_back(Turn::Room(part.room.id.number));
            }
        }
        Step::Unheard(parts)
    }

    fn state(&mut self, part: &Part, state: State) {
        if let Some(hall) = self.halls.get_mut(&part.room.id.number) {
            hall.state = state;
        }
    }

    /// The walk of `part` is over: who left meanwhile is taken out, and the room has its next turn if
    /// something waits.
    pub(super) fn end_walk(&mut self, part: &Part) {
        let room = part.room.id.number;
        let Some(hall) = self.halls.get_mut(&room) else { return };
        hall.walked = part.last().unwrap_or(hall.walked);
        hall.take_out_the_left();
        if hall.waiting.is_empty() {
            hall.state = State::Idle;
            self.forget_empty(room);
        } else {
            hall.state = State::Queued;
            self.turns.push_back(Turn::Room(room));
        }
    }

    /// Adds a member behind the others, which has what comes after `offset`.
    pub(super) fn seat(&mut self, room: u64, member: Member<G>, offset: u64) -> Option<u32> {
        let hall = self.halls.get_mut(&room)?;
        hall.walked = hall.walked.max(offset);
        hall.members.push(member);
        Some((hall.members.len() - 1) as u32)
    }

    /// Takes all members out between two walks; answers them, and the last event that they were given.
    pub(super) fn vacate(&mut self, room: u64) -> Option<(Arc<Room>, u64, Vec<Rc<G>>)> {
        let hall = self.halls.get_mut(&room)?;
        let members = hall.members.drain(..).filter_map(|member| member.guest).collect();
        Some((Arc::clone(&hall.room), hall.walked, members))
    }

    /// Takes a member out.
    pub(super) fn unseat(&mut self, room: u64, place: u32) {
        let Some(hall) = self.halls.get_mut(&room) else { return };
        if hall.state == State::Walking {
            hall.members[place as usize].guest = None;
            hall.left += 1;
            return;
        }
        hall.remove(place as usize);
        self.forget_empty(room);
    }

    /// The member's filter is another one.
    pub(super) fn refilter(&mut self, room: u64, place: u32, filter: super::super::FilterId) {
        if let Some(hall) = self.halls.get_mut(&room) {
            hall.members[place as usize].filter = filter;
        }
    }

    fn forget_empty(&mut self, room: u64) {
        let empty =
            |hall: &Hall<G>| hall.state == State::Idle && hall.members.is_empty() && hall.waiting.is_empty();
        if self.halls.get(&room).is_some_and(empty) {
            self.halls.remove(&room);
        }
    }
}

impl<G: Guest> Hall<G> {
    fn new(room: &Arc<Room>) -> Self {
        Self {
            room: Arc::clone(room),
            members: Vec::new(),
            waiting: VecDeque::new(),
            state: State::Idle,
            left: 0,
            walked: 0,
        }
    }

    pub(super) fn room(&self) -> &Arc<Room> {
        &self.room
    }

    /// `first` and the events right behind it, up to the bounds of a walk: the room's, or what is told beside them.
    fn batch(&mut self, first: Arc<Posted>) -> Part {
        let (mut bytes, room) = (first.size(), first.room.number);
        let mut events = vec![first];
        while events.len() < MOST_EVENTS && bytes < MOST_BYTES {
            match self.waiting.pop_front() {
                Some(Item::Event(posted)) if posted.room.number == room => {
                    bytes += posted.size();
                    events.push(posted);
                }
                Some(other) => {
                    self.waiting.push_front(other);
                    break;
                }
                None => break,
            }
        }
        Part::new(Arc::clone(&self.room), events)
    }

    fn remove(&mut self, place: usize) {
        self.members.swap_remove(place);
        self.mend(place);
    }

    /// Tells the member that now stands at `place` so.
    fn mend(&self, place: usize) {
        if let Some(guest) = self.members.get(place).and_then(|m| m.guest.as_ref()) {
            guest.seat().stand(self.room.id.number, Standing::Attached(place as u32));
        }
    }

    fn take_out_the_left(&mut self) {
        if self.left == 0 {
            return;
        }
        self.left = 0;
        let mut place = 0;
        while place < self.members.len() {
            if self.members[place].guest.is_some() {
                place += 1;
            } else {
                self.remove(place);
            }
        }
    }
}

impl Unit {
    /// One more of its rooms has come to it; the last one gets the parts.
    fn arrive(&self) -> Option<Parts> {
        self.left.set(self.left.get() - 1);
        (self.left.get() == 0).then(|| self.parts.take())
    }
}

impl Pending {
    fn arrive(&self) -> Option<Order> {
        self.left.set(self.left.get() - 1);
        if self.left.get() == 0 { self.order.take() } else { None }
    }
}
