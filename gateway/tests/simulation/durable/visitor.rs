//! A session that may be slow: what its client has taken is a stream of texts; the rest waits in the gateway's own backlog.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use tidegate::frame::{Form, Frames, Yields};
use tidegate::hub::{Guest, Order, Present, Seat, SessionInfo, Shard};
use tidegate::session::{Backlog, Gap, Ledger, Slices, Taken, Way};

use crate::client::about;

/// See the module's documentation.
pub(super) struct Visitor {
    pub(super) id: Arc<str>,
    seat: Seat,
    ledger: Rc<Ledger>,
    bound: usize,
    /// Bytes that the socket takes before it is full; of one that is never full the most there are.
    space: Cell<usize>,
    backlog: RefCell<Option<Backlog>>,
    choices: RefCell<Option<Rc<Vec<(u64, Yields)>>>>,
    stream: RefCell<Vec<u8>>,
    closed: Cell<bool>,
}

/// As the client reads it.
pub(super) fn told(room: &str, count: u64, after: u64, last: u64) -> String {
    format!("gap|{room}|{count}|{after}|{last};")
}

impl Visitor {
    pub(super) fn new(id: &str, form: Form, ledger: &Rc<Ledger>, bound: usize, space: usize) -> Rc<Self> {
        Rc::new(Self {
            id: id.into(),
            seat: Seat::new(Some(form)),
            ledger: Rc::clone(ledger),
            bound,
            space: Cell::new(space),
            backlog: RefCell::default(),
            choices: RefCell::default(),
            stream: RefCell::default(),
            closed: Cell::new(false),
        })
    }

    pub(super) fn is_slow(&self) -> bool {
        self.space.get() < usize::MAX / 2
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    pub(super) fn is_drained(&self) -> bool {
        self.backlog.borrow().as_ref().is_none_or(Backlog::is_empty)
    }

    /// What has come since this was asked last, up to the last frame that is whole.
    pub(super) fn take(&self) -> String {
        let mut stream = self.stream.borrow_mut();
        let whole = stream.iter().rposition(|byte| *byte == b';').map_or(0, |end| end + 1);
        String::from_utf8(stream.drain(..whole).collect()).unwrap()
    }

    /// What the session has chosen for a room instead of what its rule says.
    pub(super) fn choose(&self, room: u64, yields: Option<Yields>) {
        let mut choices = self.choices.borrow_mut();
        let others = choices.iter().flat_map(|all| all.iter()).copied().filter(|(of, _)| *of != room);
        let all: Vec<_> = others.chain(yields.map(|yields| (room, yields))).collect();
        *choices = Some(Rc::new(all));
    }

    fn send(&self, bytes: &[u8]) -> usize {
        let sent = if self.backlog.borrow().is_none() { self.space.get().min(bytes.len()) } else { 0 };
        self.space.set(self.space.get() - sent);
        self.stream.borrow_mut().extend_from_slice(&bytes[..sent]);
        sent
    }

    fn behind(&self, put: impl FnOnce(&mut Backlog) -> Taken) {
        let mut backlog = self.backlog.borrow_mut();
        let backlog = backlog.get_or_insert_with(|| Backlog::new(&self.ledger, self.bound));
        if put(backlog) == Taken::OverBound {
            self.closed.set(true);
        }
        self.seat.slot().inspect(|slot| backlog.enlist(*slot));
    }

    /// What is for this client alone.
    pub(super) fn say(&self, text: &str) {
        let sent = self.send(text.as_bytes());
        if sent < text.len() && !self.is_closed() {
            self.behind(|backlog| {
                backlog.reply(Bytes::copy_from_slice(&text.as_bytes()[sent..]), sent > 0);
                Taken::Yes
            });
        }
    }

    /// The client is told where it stands in a room.
    pub(super) fn fence(&self, room: &str) {
        if let Some(backlog) = &mut *self.backlog.borrow_mut() {
            backlog.fence_in(room);
        }
    }

    /// The session's task begins: rooms whose events did not fit are read from history.
    pub(super) fn fall_back(self: &Rc<Self>, shard: &Shard<Self>) -> usize {
        let fallen = self.backlog.borrow_mut().as_mut().map_or_else(Vec::new, Backlog::take_fallen);
        fallen.iter().for_each(|fallen| shard.fall_back(self, fallen.room, fallen.after));
        fallen.len()
    }

    /// The client takes `more` bytes.
    pub(super) fn drain(&self, more: usize) {
        self.space.set(self.space.get().saturating_add(more));
        let mut backlog = self.backlog.borrow_mut();
        while let Some(waiting) = &mut *backlog {
            if waiting.is_empty() {
                backlog.take_if(|backlog| !backlog.has_fallen());
                break;
            }
            waiting.tell(|gap: &Gap| {
                let (from, to) = gap.cursors();
                told(&gap.origin.room.name, gap.count, from.offset, to.offset).into()
            });
            let mut slices = Slices::new();
            waiting.fill(&mut slices);
            let bytes = slices.iter().flat_map(|slice| slice.to_vec()).collect::<Vec<u8>>();
            drop(slices);
            let now = bytes.len().min(self.space.get());
            self.stream.borrow_mut().extend_from_slice(&bytes[..now]);
            self.space.set(self.space.get() - now);
            waiting.consume(now);
            if now < bytes.len() {
                break;
            }
        }
    }

    /// The client takes all that waits, and afterwards as much as before.
    pub(super) fn drain_all(&self) {
        let space = self.space.get();
        self.drain(usize::MAX);
        self.space.set(space);
    }

    /// The node holds too much, and this one is furthest behind.
    pub(super) fn give_way(&self) {
        let way = self.backlog.borrow_mut().as_mut().map_or(Way::Kept, Backlog::give_way);
        self.closed.set(self.closed.get() || way == Way::Close);
    }
}

impl Guest for Visitor {
    fn seat(&self) -> &Seat {
        &self.seat
    }

    fn deliver(&self, frames: &Rc<Frames>) {
        if frames.each.is_empty() || self.is_closed() {
            return;
        }
        let sent = self.send(&frames.each.concat());
        if sent < frames.total {
            self.behind(|backlog| {
                backlog.choose(&self.choices.borrow());
                backlog.take(Rc::clone(frames), sent)
            });
        }
    }

    fn reading_space(&self) -> usize {
        let waits = self.backlog.borrow().as_ref().map_or(0, |backlog| backlog.len().1);
        self.bound.saturating_sub(waits) / 2
    }

    fn call_to_read(&self) {} // it looks for itself now and then

    fn order(self: Rc<Self>, order: Order) {
        panic!("nobody orders {order:?}");
    }

    fn present(&self) -> Present {
        Present { connection_id: Arc::clone(&self.id), user_id: None, info: None }
    }

    fn info(&self) -> SessionInfo {
        about(&self.id, &self.seat)
    }
}
