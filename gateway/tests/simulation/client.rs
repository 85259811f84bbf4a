//! The simulation's sessions and wires: they keep what they are given, as text.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use tidegate::frame::{Encode, Event, Form, Frames, Posted, Timestamp};
use tidegate::hub::{Backlog, Guest, Hub, Order, Present, Seat, SessionInfo};

/// A wire of `room|offset|payload`.
pub(crate) struct Named;
/// A wire of the payload alone: its frames name no room.
pub(crate) struct Nameless;

impl Encode for Named {
    fn encode(&self, posted: &Posted, payload: &[u8], out: &mut Vec<u8>) -> Option<Range<usize>> {
        out.extend_from_slice(format!("{}|{}|", posted.room.name, posted.cursor.offset).as_bytes());
        let start = out.len();
        out.extend_from_slice(payload);
        Some(start..out.len())
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
    seat: Seat,
    got: RefCell<Vec<String>>,
}

impl Client {
    pub(crate) fn new(id: &str, form: Form) -> Rc<Self> {
        Rc::new(Self {
            id: id.into(),
            space: Cell::new(1000),
            orders: RefCell::default(),
            seat: Seat::new(Some(form)),
            got: RefCell::default(),
        })
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        self.got.borrow().clone()
    }

    /// Offsets and payloads of a room's events, as they came.
    pub(crate) fn got_in(&self, room: &str) -> Vec<(u64, String)> {
        let got = self.got.borrow();
        let here = got.iter().filter_map(|text| text.strip_prefix(room)?.strip_prefix('|'));
        here.map(|text| text.split_once('|').unwrap())
            .map(|(n, text)| (n.parse().unwrap(), text.into()))
            .collect()
    }

    pub(crate) fn forget(&self, room: &str) {
        self.got.borrow_mut().retain(|text| !text.starts_with(&format!("{room}|")));
    }
}

impl Guest for Client {
    fn seat(&self) -> &Seat {
        &self.seat
    }

    fn deliver(&self, frames: &Rc<Frames>) {
        assert_eq!(frames.each.iter().map(|frame| frame.len()).sum::<usize>(), frames.total);
        assert_eq!(frames.each.concat(), frames.runs.concat());
        let texts = frames.each.iter().map(|frame| String::from_utf8(frame.to_vec()).unwrap());
        self.got.borrow_mut().extend(texts);
    }

    fn room_left(&self) -> usize {
        self.space.get()
    }

    fn order(self: Rc<Self>, order: Order) {
        self.orders.borrow_mut().push(format!("{order:?} after {}", self.got.borrow().len()));
    }

    fn present(&self) -> Present {
        let connection_id = self.info().connection_id;
        Present { connection_id, user_id: None, info: None }
    }

    fn info(&self) -> SessionInfo {
        SessionInfo {
            connection_id: Arc::clone(&self.id),
            user_id: None,
            endpoint: "/test".into(),
            dialect: "test",
            connected_at: String::new(),
            shard: 0,
            rooms: self.seat.rooms(),
            subscriptions: Vec::new(),
            backlog: Backlog::default(),
        }
    }
}

/// An event of a core type.
pub(crate) fn event(hub: &Hub, kind: &str, payload: &str) -> Event {
    Event {
        kind: hub.types().find(kind).unwrap(),
        data: payload.to_owned().into(),
        source: "simulation".into(),
        key: None,
        id: None,
        time: Timestamp(0),
    }
}
