//! Members of a room that do with their frames what a bench wants to measure.

use std::cell::Cell;
use std::hint::black_box;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;

use rustix::net::{SendFlags, send};
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

/// Both ends of a TCP connection on loopback.
#[derive(Debug)]
pub struct Loopback {
    near: TcpStream,
    far: TcpStream,
}

impl Loopback {
    /// So many connections.
    pub fn several(count: usize) -> Vec<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connect = |_| {
            let near = TcpStream::connect(address).unwrap();
            near.set_nodelay(true).unwrap();
            let (far, _) = listener.accept().unwrap();
            far.set_nonblocking(true).unwrap();
            Self { near, far }
        };
        (0..count).map(connect).collect()
    }

    /// One straight write, as a session makes it.
    pub fn send(&self, bytes: &[u8]) {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        let sent = send(&self.near, bytes, flags).unwrap();
        assert_eq!(sent, bytes.len(), "the far end was emptied, so the socket takes everything");
    }

    /// Reads all that has arrived at the far end.
    pub fn drain(&self, buffer: &mut [u8]) {
        // It ends with WouldBlock, or short of a full buffer.
        while (&self.far).read(buffer).is_ok_and(|read| read == buffer.len()) {}
    }
}

impl Outlet for Loopback {
    fn take(&self, frames: &Frames) {
        frames.runs.iter().for_each(|run| self.send(run));
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

    fn room_left(&self) -> usize {
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
