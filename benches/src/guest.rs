//! Members of a room that do with their frames what a bench wants to measure.

use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;

use tidegate::frame::{Form, Frames};
use tidegate::hub::{Backlog, Guest, Order, Present, Seat, SessionInfo};

/// Where a member's frames go.
pub trait Outlet: 'static {
    /// Takes frames, in order.
    fn take(&self, frames: &Frames);
}

/// Counts what it gets: what is left is the hub's own work.
#[derive(Debug, Default)]
pub struct Sink(Cell<usize>);

impl Outlet for Sink {
    fn take(&self, frames: &Frames) {
        self.0.set(black_box(self.0.get() + frames.total));
    }
}

/// A member with an outlet.
pub struct Member<O> {
    seat: Seat,
    pub(crate) outlet: O,
}

impl<O: Outlet> Member<O> {
    pub(crate) fn new(form: Form, outlet: O) -> Rc<Self> {
        Rc::new(Self { seat: Seat::new(Some(form)), outlet })
    }
}

impl<O: Outlet> Guest for Member<O> {
    fn seat(&self) -> &Seat {
        &self.seat
    }

    fn deliver(&self, frames: &Rc<Frames>) {
        self.outlet.take(frames);
    }

    fn reading_space(&self) -> usize {
        usize::MAX
    }

    fn order(self: Rc<Self>, order: Order) {
        unreachable!("no bench gives an order: {order:?}");
    }

    fn present(&self) -> Present {
        let connection_id = self.info().connection_id;
        Present { connection_id, user_id: None, info: None }
    }

    fn info(&self) -> SessionInfo {
        SessionInfo {
            connection_id: "bench".into(),
            user_id: None,
            endpoint: "/bench".into(),
            dialect: "rooms",
            connected_at: String::new(),
            shard: 0,
            rooms: self.seat.rooms(),
            subscriptions: Vec::new(),
            backlog: Backlog::default(),
        }
    }
}
