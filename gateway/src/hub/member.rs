//! The hub's part of a session: where it sits, which rooms it is in, what it lets through.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use smallvec::SmallVec;

use super::directory::Slot;
use super::filter::FilterId;
use super::room::Room;
use crate::frame::{Cursor, Form, is_unnamed};

/// Held by each guest of a shard; only the shard changes it.
pub struct Seat {
    pub(super) slot: Cell<Option<Slot>>,
    /// Out of its rooms and lists: it only finishes what it has begun to send.
    pub(super) retired: Cell<bool>,
    pub(super) form: Cell<Option<Form>>,
    pub(super) filter: Cell<FilterId>,
    pub(super) rooms: RefCell<SmallVec<[Membership; 2]>>,
}

/// A session in a room.
pub(super) struct Membership {
    pub(super) room: Arc<Room>,
    pub(super) standing: Standing,
    /// It is the session's from what it is, and does not count among those that it may ask for.
    pub(super) own: bool,
    /// What it said of itself when it joined. Boxed: rare.
    pub(super) info: Option<Box<Arc<str>>>,
}

/// How far a session has come into a room.
#[derive(Clone, Debug)]
pub(super) enum Standing {
    /// Its attach mark, with this number, is on the way; events follow `offset`, and what members are told of each other
    /// follows `told`.
    Attaching { ticket: u32, offset: u64, told: u64 },
    /// In the walk, at this place of the room's members here.
    Attached(u32),
    /// Reads from history, at its own pace. Boxed: rare, and the others are small.
    Reading(Box<Reading>),
}

/// How far a session that reads from history has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    /// What it has.
    pub(super) after: Cursor,
    /// What members had been told of each other when it began. It hears nothing further until it is in the walk again.
    pub(super) heard: u64,
}

impl Standing {
    pub(super) fn reading(after: Cursor, heard: u64) -> Self {
        Self::Reading(Box::new(Reading { after, heard }))
    }
}

impl Seat {
    /// A seat for a session whose events are encoded in `form`; none for sessions that take no events.
    pub fn new(form: Option<Form>) -> Self {
        Self {
            slot: Cell::new(None),
            retired: Cell::new(false),
            form: Cell::new(form),
            filter: Cell::new(FilterId::ALL),
            rooms: RefCell::default(),
        }
    }

    /// Where it sits; none before it was opened and after it was closed.
    pub fn slot(&self) -> Option<Slot> {
        self.slot.get()
    }

    /// The form of its events.
    pub fn form(&self) -> Option<Form> {
        self.form.get()
    }

    /// From here on its events have this form. To be said before it is in any room.
    pub fn set_form(&self, form: Option<Form>) {
        self.form.set(form);
    }

    /// The named rooms that it is in, in the order of joining.
    pub fn rooms(&self) -> Vec<Arc<str>> {
        let rooms = self.rooms.borrow();
        rooms.iter().map(|m| &m.room.id.name).filter(|name| !is_unnamed(name)).cloned().collect()
    }

    /// Those of them that it has asked for.
    pub fn asked_rooms(&self) -> Vec<Arc<str>> {
        let rooms = self.rooms.borrow();
        let asked = rooms.iter().filter(|m| !m.own).map(|m| &m.room.id.name);
        asked.filter(|name| !is_unnamed(name)).cloned().collect()
    }

    /// Whether it is in this room.
    pub fn is_in(&self, room: &str) -> bool {
        self.find_name(room).is_some()
    }

    /// The number of a room that it is in.
    pub fn number(&self, room: &str) -> Option<u64> {
        self.find_name(room).map(|at| self.rooms.borrow()[at].room.id.number)
    }

    /// Whether a room that it is in keeps history.
    pub fn keeps(&self, room: &str) -> bool {
        self.find_name(room).is_some_and(|at| self.rooms.borrow()[at].room.rule.keep.size > 0)
    }

    /// Whether it reads on from a history and so wants to know when its backlog is empty.
    pub fn reads(&self) -> bool {
        self.rooms.borrow().iter().any(|m| matches!(m.standing, Standing::Reading(_)))
    }

    /// What it said of itself when it joined this room.
    pub(super) fn info(&self, room: u64) -> Option<Arc<str>> {
        let rooms = self.rooms.borrow();
        rooms.iter().find(|m| m.room.id.number == room).and_then(|m| m.info.as_deref().cloned())
    }

    /// Whether it is in this room, and not in its walk yet.
    pub(super) fn comes_into(&self, room: u64) -> bool {
        let comes = |m: &Membership| m.room.id.number == room && !matches!(m.standing, Standing::Attached(_));
        self.rooms.borrow().iter().any(comes)
    }

    pub(super) fn find(&self, room: u64) -> Option<usize> {
        self.rooms.borrow().iter().position(|m| m.room.id.number == room)
    }

    pub(super) fn find_name(&self, name: &str) -> Option<usize> {
        self.rooms.borrow().iter().position(|m| *m.room.id.name == *name)
    }

    /// From here on it reads in this room, after `after`, and hears of other members what comes after `heard`.
    pub(super) fn read(&self, room: u64, after: Cursor, heard: u64) {
        if let Some(at) = self.find(room) {
            self.rooms.borrow_mut()[at].standing = Standing::reading(after, heard);
        }
    }

    pub(super) fn stand(&self, room: u64, standing: Standing) {
        if let Some(at) = self.find(room) {
            self.rooms.borrow_mut()[at].standing = standing;
        }
    }
}

/// A member's slot in the walk.
pub(super) struct Member<G> {
    /// None: left during a walk; the place is taken out when the walk is over.
    pub(super) guest: Option<Rc<G>>,
    pub(super) filter: FilterId,
    pub(super) form: Form,
}
