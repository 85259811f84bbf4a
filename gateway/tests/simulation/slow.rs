//! A client that takes only so many bytes at a time: the gateway's backlog in front of it, and beside that a model of what
//! the client must see, byte for byte.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use bytes::Bytes;
use tidegate::frame::Frames;
use tidegate::hub::Slot;
use tidegate::session::{Backlog, Gap, Ledger, Slices, Taken, Way};

/// What a client has seen, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// An event's frame.
    Event(String),
    /// So many events of a room are missing, after one offset, up to another.
    Gap { room: String, count: u64, after: u64, last: u64 },
    /// A reply.
    Reply,
}

/// What the model has waiting, one by one.
#[derive(Clone, Debug)]
enum Item {
    Event {
        room: String,
        offset: u64,
        frame: Vec<u8>,
        droppable: bool,
        turn: u64,
    },
    Lost {
        room: String,
        offset: u64,
    },
    /// A gap whose frame is made; it is none again where more of the room is lost before a byte of it is sent.
    Gap {
        room: String,
        offsets: Vec<u64>,
        frame: Vec<u8>,
    },
    Reply(Vec<u8>),
    Fence,
}

/// The slow way to do what the backlog does.
#[derive(Debug, Default)]
struct Model {
    waiting: VecDeque<Item>,
    /// Bytes of the first that are sent.
    cut: usize,
    turns: u64,
    sent: Vec<u8>,
    seen: Vec<Seen>,
    closed: bool,
}

/// See the module's documentation.
pub(crate) struct SlowWire {
    ledger: Rc<Ledger>,
    bound: usize,
    /// Bytes that the socket takes before it is full.
    pub(crate) space: Cell<usize>,
    backlog: RefCell<Option<Backlog>>,
    stream: RefCell<Vec<u8>>,
    model: RefCell<Model>,
}

fn told(room: &str, count: u64, after: u64, last: u64) -> Vec<u8> {
    format!("gap|{room}|{count}|{after}|{last};").into_bytes()
}

impl Item {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Event { frame, .. } | Self::Gap { frame, .. } | Self::Reply(frame) => frame,
            Self::Lost { .. } | Self::Fence => &[],
        }
    }
}

impl Model {
    fn bytes(&self) -> usize {
        self.waiting.iter().map(|item| item.bytes().len()).sum::<usize>() - self.cut
    }

    /// The first that may be dropped.
    fn oldest(&self) -> Option<usize> {
        let mut waiting = self.waiting.iter().enumerate();
        waiting.position(|(at, item)| {
            matches!(item, Item::Event { droppable: true, .. }) && (at > 0 || self.cut == 0)
        })
    }

    fn drop_oldest(&mut self) -> bool {
        let Some(at) = self.oldest() else { return false };
        let Item::Event { room, offset, .. } = &self.waiting[at] else { unreachable!("found as an event") };
        let (room, offset) = (room.clone(), *offset);
        self.waiting[at] = Item::Lost { room: room.clone(), offset };
        let told = matches!(self.waiting.front(), Some(Item::Gap { room: told, .. }) if *told == room);
        if told && self.cut == 0 && self.reaches(at) {
            let Some(Item::Gap { offsets, .. }) = self.waiting.pop_front() else { unreachable!("as seen") };
            for offset in offsets.into_iter().rev() {
                self.waiting.push_front(Item::Lost { room: room.clone(), offset });
            }
        }
        true
    }

    /// Whether the gap in front and what is lost at `at` are one.
    fn reaches(&self, at: usize) -> bool {
        !self.waiting.range(..at).any(|item| matches!(item, Item::Fence))
    }

    fn take(&mut self, frames: &Frames, droppable: bool, bound: usize) -> Taken {
        if self.closed {
            return Taken::Yes;
        }
        self.turns += 1;
        let room = frames.origin.as_ref().unwrap().room.name.to_string();
        for (frame, mark) in frames.each.iter().zip(&frames.marks) {
            let (room, offset) = (room.clone(), mark.offset);
            let frame = frame.to_vec();
            self.waiting.push_back(Item::Event { room, offset, frame, droppable, turn: self.turns });
        }
        self.shed(droppable, bound)
    }

    fn shed(&mut self, droppable: bool, bound: usize) -> Taken {
        while self.bytes() > bound && self.drop_oldest() {}
        if self.bytes() <= bound || droppable {
            return Taken::Yes;
        }
        self.close();
        Taken::OverBound
    }

    fn close(&mut self) {
        self.closed = true;
        self.waiting.truncate(usize::from(self.cut > 0));
    }

    fn give_way(&mut self) {
        let Some(at) = self.oldest() else { return self.close() };
        let Item::Event { turn: first, .. } = self.waiting[at] else { unreachable!("found as an event") };
        let same = |model: &Self| match model.oldest().map(|at| &model.waiting[at]) {
            Some(Item::Event { turn, .. }) => *turn == first,
            _ => false,
        };
        while same(self) {
            self.drop_oldest();
        }
    }

    /// Where the first is lost: what else is so of its room before the next event of it, as one gap.
    fn tell(&mut self) {
        while matches!(self.waiting.front(), Some(Item::Fence)) {
            self.waiting.pop_front();
        }
        let Some(Item::Lost { room, .. }) = self.waiting.front() else { return };
        let (room, mut offsets, mut ended) = (room.clone(), Vec::new(), false);
        self.waiting.retain(|item| match item {
            Item::Lost { room: other, offset } if !ended && *other == room => {
                // A replay of what was before begins another one.
                ended = offsets.last().is_some_and(|last| last >= offset);
                if !ended {
                    offsets.push(*offset);
                }
                ended
            }
            Item::Event { room: other, .. } => {
                ended |= *other == room;
                true
            }
            Item::Fence => {
                ended = true;
                true
            }
            _ => true,
        });
        let frame = told(&room, offsets.len() as u64, offsets[0] - 1, offsets[offsets.len() - 1]);
        self.waiting.push_front(Item::Gap { room, offsets, frame });
    }

    /// The socket has taken so many bytes of what waits.
    fn send(&mut self, mut space: usize) {
        loop {
            if self.cut == 0 {
                self.tell();
            }
            let Some(first) = self.waiting.front() else { return };
            let left = &first.bytes()[self.cut..];
            let now = left.len().min(space);
            self.sent.extend_from_slice(&left[..now]);
            space -= now;
            if now < left.len() {
                self.cut += now;
                return;
            }
            self.cut = 0;
            let first = self.waiting.pop_front();
            self.see(first.unwrap());
        }
    }

    fn see(&mut self, item: Item) {
        self.seen.push(match item {
            Item::Event { frame, .. } => Seen::Event(String::from_utf8(frame).unwrap()),
            Item::Gap { room, offsets, .. } => {
                let (count, after, last) = (offsets.len() as u64, offsets[0] - 1, *offsets.last().unwrap());
                Seen::Gap { room, count, after, last }
            }
            Item::Reply(_) => Seen::Reply,
            Item::Lost { .. } | Item::Fence => unreachable!("never sent"),
        });
    }
}

impl SlowWire {
    pub(crate) fn new(ledger: &Rc<Ledger>, bound: usize) -> Self {
        Self {
            ledger: Rc::clone(ledger),
            bound,
            space: Cell::new(0),
            backlog: RefCell::default(),
            stream: RefCell::default(),
            model: RefCell::default(),
        }
    }

    /// What a session does with events.
    pub(crate) fn deliver(&self, frames: &Rc<Frames>, droppable: bool, slot: Option<Slot>) -> Taken {
        if frames.each.is_empty() || self.is_closed() {
            return Taken::Yes;
        }
        let fresh = self.backlog.borrow().is_none();
        let sent = if fresh { self.space.get().min(frames.total) } else { 0 };
        self.space.set(self.space.get() - sent);
        self.stream.borrow_mut().extend_from_slice(&frames.each.concat()[..sent]);
        let mut taken = Taken::Yes;
        if sent < frames.total {
            let mut backlog = self.backlog.borrow_mut();
            let backlog = backlog.get_or_insert_with(|| Backlog::new(&self.ledger, self.bound));
            taken = backlog.take(Rc::clone(frames), sent);
            slot.inspect(|slot| backlog.enlist(*slot));
        }
        let mut model = self.model.borrow_mut();
        if fresh {
            // The socket takes all of it that it has space for, whatever the bound.
            model.take(frames, droppable, usize::MAX);
            model.send(sent);
            assert_eq!(model.shed(droppable, self.bound), taken);
        } else {
            assert_eq!(model.take(frames, droppable, self.bound), taken);
        }
        drop(model);
        self.check();
        taken
    }

    /// What a session does with a reply.
    pub(crate) fn reply(&self, reply: &str) {
        if self.is_closed() {
            return;
        }
        let bytes = Bytes::copy_from_slice(reply.as_bytes());
        let mut model = self.model.borrow_mut();
        model.waiting.push_back(Item::Reply(bytes.to_vec()));
        let fresh = self.backlog.borrow().is_none();
        let sent = if fresh { self.space.get().min(bytes.len()) } else { 0 };
        self.space.set(self.space.get() - sent);
        self.stream.borrow_mut().extend_from_slice(&bytes[..sent]);
        if sent < bytes.len() {
            let mut backlog = self.backlog.borrow_mut();
            let backlog = backlog.get_or_insert_with(|| Backlog::new(&self.ledger, self.bound));
            backlog.reply(bytes.slice(sent..), sent > 0);
        }
        if fresh {
            model.send(sent);
        }
        model.shed(true, self.bound);
        drop(model);
        self.check();
    }

    /// The client is told where it stands in a room.
    pub(crate) fn fence(&self) {
        if let Some(backlog) = &mut *self.backlog.borrow_mut() {
            backlog.fence();
        }
        self.model.borrow_mut().waiting.push_back(Item::Fence);
    }

    /// The socket takes `more` bytes; the session sends what it has for them.
    pub(crate) fn drain(&self, more: usize) {
        self.space.set(self.space.get().saturating_add(more));
        let before = self.space.get();
        let mut backlog = self.backlog.borrow_mut();
        while let Some(waiting) = &mut *backlog {
            if waiting.is_empty() {
                *backlog = None;
                break;
            }
            waiting.tell(|gap: &Gap| {
                let (from, to) = gap.cursors();
                told(&gap.origin.room.name, gap.count, from.offset, to.offset).into()
            });
            let written = {
                let mut slices = Slices::new();
                waiting.fill(&mut slices);
                let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
                let now = bytes.len().min(self.space.get());
                self.stream.borrow_mut().extend_from_slice(&bytes[..now]);
                (now, now < bytes.len())
            };
            self.space.set(self.space.get() - written.0);
            waiting.consume(written.0);
            if written.1 {
                break;
            }
        }
        drop(backlog);
        self.model.borrow_mut().send(before);
        self.check();
    }

    /// The node holds too much, and this one is furthest behind.
    pub(crate) fn give_way(&self) -> Way {
        let way = self.backlog.borrow_mut().as_mut().map_or(Way::Kept, Backlog::give_way);
        match way {
            Way::Kept => {}
            Way::Dropped | Way::Close => self.model.borrow_mut().give_way(),
        }
        self.check();
        way
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.model.borrow().closed
    }

    /// Bytes that wait.
    pub(crate) fn waits(&self) -> usize {
        self.backlog.borrow().as_ref().map_or(0, |backlog| backlog.len().1)
    }

    /// How many events wait, and not only the rest of one.
    pub(crate) fn events(&self) -> usize {
        let model = self.model.borrow();
        let cut = usize::from(model.cut > 0);
        model.waiting.iter().skip(cut).filter(|item| matches!(item, Item::Event { .. })).count()
    }

    pub(crate) fn room_left(&self) -> usize {
        self.bound.saturating_sub(self.waits())
    }

    /// What the client has seen since this was asked last, whole frames only.
    pub(crate) fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.model.borrow_mut().seen)
    }

    /// The client has seen what the model says, to the byte; and as much waits.
    fn check(&self) {
        let model = self.model.borrow();
        assert_eq!(
            String::from_utf8_lossy(&self.stream.borrow()),
            String::from_utf8_lossy(&model.sent),
            "another stream than the model's"
        );
        assert_eq!(self.waits(), model.bytes(), "{:?}", model.waiting);
    }
}
