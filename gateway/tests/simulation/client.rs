//! The simulation's sessions and wires: they keep what they are given, as text.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use super::slow::{Seen, SlowWire};
use tidegate::frame::{Encode, Event, Form, Frames, Posted, Timestamp};
use tidegate::hub::{Backlog, Guest, Hub, Order, Present, Seat, SessionInfo};

/// A wire of `room|offset|payload;`.
pub(crate) struct Named;
/// A wire of the payload alone: its frames name no room.
pub(crate) struct Nameless;

impl Encode for Named {
    fn encode(&self, posted: &Posted, payload: &[u8], out: &mut Vec<u8>) -> Option<Range<usize>> {
        out.extend_from_slice(format!("{}|{}|", posted.room.name, posted.cursor.offset).as_bytes());
        let start = out.len();
        out.extend_from_slice(payload);
        let payload = start..out.len();
        out.push(b';');
        Some(payload)
    }
}

impl Encode for Nameless {
    fn encode(&self, _: &Posted, payload: &[u8], out: &mut Vec<u8>) -> Option<Range<usize>> {
        out.extend_from_slice(payload);
        None
    }

    fn names_room(&self) -> bool {
        false
    }
}

/// A session that keeps what it is given.
pub(crate) struct Client {
    pub(crate) id: Arc<str>,
    pub(crate) space: Cell<usize>,
    pub(crate) orders: RefCell<Vec<String>>,
    /// What it is behind, where it is slow.
    pub(crate) wire: Option<SlowWire>,
    seat: Seat,
    got: RefCell<Vec<Seen>>,
}

/// Whether the events of a room may be dropped, by its name.
pub(crate) fn drops(room: &str) -> bool {
    room.starts_with("drop:")
}

impl Client {
    pub(crate) fn new(id: &str, form: Form) -> Rc<Self> {
        Self::behind(None, id, form)
    }

    /// One that takes what its wire does.
    pub(crate) fn slow(wire: SlowWire, id: &str, form: Form) -> Rc<Self> {
        Self::behind(Some(wire), id, form)
    }

    fn behind(wire: Option<SlowWire>, id: &str, form: Form) -> Rc<Self> {
        Rc::new(Self {
            id: id.into(),
            space: Cell::new(1000),
            orders: RefCell::default(),
            wire,
            seat: Seat::new(Some(form)),
            got: RefCell::default(),
        })
    }

    /// All that it has got, in order.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        if let Some(wire) = &self.wire {
            self.got.borrow_mut().extend(wire.take_seen());
        }
        self.got.borrow().clone()
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        let text = |seen| if let Seen::Event(text) = seen { Some(text) } else { None };
        self.seen().into_iter().filter_map(text).collect()
    }

    /// Offsets and payloads of a room's events, as they came.
    pub(crate) fn got_in(&self, room: &str) -> Vec<(u64, String)> {
        self.texts().iter().filter_map(|text| event_of(text, room)).collect()
    }

    pub(crate) fn forget(&self, room: &str) {
        self.seen();
        self.got.borrow_mut().retain(|seen| match seen {
            Seen::Event(text) => event_of(text, room).is_none(),
            Seen::Gap { room: of, .. } => of != room,
            Seen::Reply => false,
        });
    }
}

/// Offset and payload of an event of `room`.
pub(crate) fn event_of(text: &str, room: &str) -> Option<(u64, String)> {
    let event = text.strip_prefix(room)?.strip_prefix('|')?.strip_suffix(';')?;
    let (offset, payload) = event.split_once('|')?;
    Some((offset.parse().unwrap(), payload.into()))
}

impl Guest for Client {
    fn seat(&self) -> &Seat {
        &self.seat
    }

    fn deliver(&self, frames: &Rc<Frames>) {
        assert_eq!(frames.each.iter().map(|frame| frame.len()).sum::<usize>(), frames.total);
        assert_eq!(frames.each.concat(), frames.runs.concat());
        if let Some(wire) = &self.wire {
            let droppable = frames.origin.as_ref().is_some_and(|origin| drops(&origin.room.name));
            wire.deliver(frames, droppable, self.seat.slot());
            return;
        }
        let texts = frames.each.iter().map(|frame| String::from_utf8(frame.to_vec()).unwrap());
        self.got.borrow_mut().extend(texts.map(Seen::Event));
    }

    fn reading_space(&self) -> usize {
        self.wire.as_ref().map_or(self.space.get(), |wire| wire.room_left()) / 2
    }

    fn call_to_read(&self) {} // it looks for itself now and then

    fn order(self: Rc<Self>, order: Order) {
        self.orders.borrow_mut().push(format!("{order:?} after {}", self.got.borrow().len()));
    }

    fn present(&self) -> Present {
        let connection_id = self.info().connection_id;
        Present { connection_id, user_id: None, info: None }
    }

    fn info(&self) -> SessionInfo {
        about(&self.id, &self.seat)
    }
}

/// What is told of a session of a test.
pub(crate) fn about(id: &Arc<str>, seat: &Seat) -> SessionInfo {
    SessionInfo {
        connection_id: Arc::clone(id),
        user_id: None,
        endpoint: "/test".into(),
        dialect: "test",
        connected_at: String::new(),
        shard: 0,
        rooms: seat.rooms(),
        subscriptions: Vec::new(),
        criterion: None,
        backlog: Backlog::default(),
    }
}

/// An event of a core type.
pub(crate) fn event(hub: &Hub, kind: &str, payload: &str) -> Event {
    Event::new(hub.types().find(kind).unwrap(), payload.to_owned().into(), "simulation".into(), Timestamp(0))
}
