//! One core's part of the hub: its sessions, its members of each room, and the fan-out to them.

mod guests;
mod hall;
mod join;
mod known;
mod pace;
mod reading;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use join::Joined;
pub use reading::ReadOn;

use super::directory::Slot;
use super::filter::Filters;
use super::mailbox::{Letter, Mailbox};
use super::member::Seat;
use super::moments::Change;
use super::order::{Order, SessionInfo};
use super::presence::{Look, Present};
use super::{Hub, PublishError, Receipt, walk};
use crate::frame::{Event, Frames};
use crate::metrics::ShardCounters;
use guests::Guests;
use hall::{Halls, Item, Step, Turn};

/// How long a slice of fan-out may take before the sockets are polled.
const SLICE: Duration = Duration::from_micros(100);
/// Marks and orders that a room's turn carries out at most before other rooms have theirs.
const MOST_STEPS: usize = 256;

/// What a shard fans out to: a session, or a test's.
pub trait Guest: 'static {
    /// The hub's part of it.
    fn seat(&self) -> &Seat;

    /// Whether nothing waits before the frames that it is given next, so that they go to its socket at once. Others are
    /// served behind those.
    fn is_straight(&self) -> bool {
        true
    }

    /// Takes frames, in order, after those before: what the socket does not take is kept by reference. Called
    /// from the walk: never waits, never calls the shard.
    fn deliver(&self, frames: &Rc<Frames>);

    /// Bytes of a history that it can take now; of none it gets one event.
    fn reading_space(&self) -> usize;

    /// It is to [read on](Shard::read_on) from a history; does not call the shard at once.
    fn call_to_read(&self);

    /// Carries out what another thread wants; may call the shard.
    fn order(self: Rc<Self>, order: Order);

    /// What it says of itself.
    fn info(&self) -> SessionInfo;

    /// What others in a room see of it, but for what it said when it joined.
    fn present(&self) -> Present;

    /// Tells those who watch sessions of a change, if any [wants](super::moments::Moments::want) it; under the lock of the
    /// room that it is about. Nobody watches a test's.
    fn tell_change(&self, change: Change) {
        let _ = change;
    }
}

/// Lives on one thread, with everything that is in it.
pub struct Shard<G: Guest> {
    index: usize,
    hub: Arc<Hub>,
    mailbox: Arc<Mailbox>,
    counters: Arc<ShardCounters>,
    guests: RefCell<Guests<G>>,
    halls: RefCell<Halls<G>>,
    filters: RefCell<Filters>,
    letters: RefCell<Vec<Letter>>,
    tickets: Cell<u32>,
    /// Other shards that have events from sessions of this one, and are woken when its turn begins.
    sleepers: RefCell<Vec<usize>>,
    /// When the walk was last looked after among other tasks, while events wait.
    paced: Cell<Option<Instant>>,
}

impl<G: Guest> Shard<G> {
    /// Shard number `index` of `hub`.
    pub fn new(hub: &Arc<Hub>, index: usize) -> Rc<Self> {
        Rc::new(Self {
            index,
            mailbox: Arc::clone(&hub.mailboxes()[index]),
            filters: RefCell::new(Filters::new(Arc::clone(hub.metrics().shard(index)))),
            counters: Arc::clone(hub.metrics().shard(index)),
            hub: Arc::clone(hub),
            guests: RefCell::new(Guests::default()),
            halls: RefCell::default(),
            letters: RefCell::default(),
            tickets: Cell::new(0),
            sleepers: RefCell::default(),
            paced: Cell::default(),
        })
    }

    /// Its number.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The hub that it is a part of.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// What this shard counts.
    pub fn counters(&self) -> &Arc<ShardCounters> {
        &self.counters
    }

    /// Fans out what comes into the mailbox, a slice at a time; never ends.
    pub async fn run(&self) {
        loop {
            self.mailbox.filled().await;
            while self.slice(SLICE) {
                tokio::task::yield_now().await; // lets the sockets be polled
            }
        }
    }

    /// Publishes for a session of this shard, as [`Hub::publish`] does. Other shards are woken when this one's
    /// turn comes: what a session publishes in one burst is there for them as a whole then, and not event by event.
    ///
    /// # Errors
    /// [`PublishError`]; nothing has happened then.
    pub fn publish(&self, targets: &[&str], event: &Event) -> Result<Receipt, PublishError> {
        self.hub.publish_and(targets, event, |shard| {
            let mut sleepers = self.sleepers.borrow_mut();
            if shard != self.index && !sleepers.contains(&shard) {
                sleepers.push(shard);
            }
            self.mailbox.wake();
        })
    }

    /// Wakes the others before it goes to its own work.
    fn wake_others(&self) {
        for shard in self.sleepers.borrow_mut().drain(..) {
            self.hub.mailboxes()[shard].wake();
        }
    }

    /// Takes the mailbox and works for about `time`; answers whether there is more to do.
    pub fn slice(&self, time: Duration) -> bool {
        self.wake_others();
        self.take_mail();
        let mut now = Instant::now();
        let deadline = now + time;
        loop {
            let turn = self.halls.borrow_mut().next_turn();
            let Some(turn) = turn else { return false };
            let walk = match turn {
                Turn::Room(room) => self.open_turn(room, now),
                Turn::Walk(walk) => Some(*walk),
            };
            // One look at the clock a turn, for the deadline and for the figures.
            if let Some(mut walk) = walk {
                let over = self.walk(&mut walk, deadline);
                now = Instant::now();
                if over {
                    walk.end(&self.counters, now);
                } else {
                    self.halls.borrow_mut().push_turn(Turn::Walk(Box::new(walk)));
                }
            } else {
                now = Instant::now();
            }
            if now >= deadline {
                return true;
            }
        }
    }

    /// Sorts letters into queues by room.
    fn take_mail(&self) {
        let mut letters = self.letters.take();
        self.mailbox.take(&mut letters);
        for letter in letters.drain(..) {
            match letter {
                Letter::Event(room, posted) => self.halls.borrow_mut().put(&room, Item::Event(posted)),
                Letter::Unit(parts) => self.halls.borrow_mut().put_unit(parts),
                Letter::Attach(room, mark) => self.take_mark(&room, mark),
                Letter::Missed(room) => self.halls.borrow_mut().put(&room, Item::Missed),
                Letter::Look(room, look) => self.halls.borrow_mut().put(&room, Item::Look(look)),
                Letter::Order(slot, order) => self.take_order(slot, order),
                Letter::Ask(ask) => {
                    let guests = self.guests.borrow();
                    ask(&mut guests.all().filter(|g| !g.seat().retired.get()).map(|guest| guest.info()));
                }
            }
        }
        *self.letters.borrow_mut() = letters;
    }

    /// Leaving takes effect at once; any other order waits for the events before it in the session's rooms.
    fn take_order(&self, slot: Slot, order: Order) {
        let Some(guest) = self.guest(slot) else { return };
        if matches!(order, Order::Leave(..)) {
            return guest.order(order);
        }
        if let Some(order) = self.halls.borrow_mut().put_order(slot, guest.seat(), order) {
            guest.order(order);
        }
    }

    /// Begins a room's turn: carries out marks and orders up to the next events, and opens their walk.
    fn open_turn(&self, room: u64, now: Instant) -> Option<walk::Walk> {
        for _ in 0..MOST_STEPS {
            let step = self.halls.borrow_mut().step(room);
            match step {
                Step::Attach(slot, ticket) => self.attach(room, slot, ticket),
                Step::Missed => self.take_missed(room),
                Step::Look(look) => self.look(room, look),
                Step::Order(slot, order) => {
                    if let Some(guest) = self.guest(slot) {
                        guest.order(order);
                    }
                }
                Step::Unheard(parts) => self.release(&parts),
                Step::Walk(parts) => {
                    return Some(walk::Walk::new(parts, now));
                }
                Step::Over => return None,
            }
        }
        self.halls.borrow_mut().again(room);
        None
    }

    /// Tells who is in a room here: who is in its walk, and then who is on the way there, as one that reads
    /// its history. These are rare, and only looked for where somebody is missing.
    fn look(&self, room: u64, look: Look) {
        let halls = self.halls.borrow();
        let members = halls.members(room);
        let counted = halls.get(room).map_or(0, |hall| hall.room().members_on(self.index));
        let coming: Vec<Rc<G>> = match counted > members.len() {
            true => {
                self.guests.borrow().all().filter(|guest| guest.seat().comes_into(room)).cloned().collect()
            }
            false => Vec::new(),
        };
        look.answer(members.len() + coming.len(), |index| {
            let guest = match members.get(index) {
                Some(member) => member.guest.as_ref(),
                None => coming.get(index - members.len()),
            };
            guest.map(|guest| guest.present().with(guest.seat().info(room).as_ref()))
        });
    }

    fn release(&self, parts: &[walk::Part]) {
        for part in parts {
            self.mailbox.release(&part.room.queued[self.index], part.bytes);
        }
    }

    /// Goes on with a walk until the deadline; answers whether it is over.
    fn walk(&self, walk: &mut walk::Walk, deadline: Instant) -> bool {
        let mut filters = self.filters.borrow_mut();
        let mut halls = self.halls.borrow_mut();
        let mut tools = walk::Tools {
            forms: self.hub.forms(),
            filters: &mut filters,
            deadline,
            counters: &self.counters,
        };
        while let Some(room) = walk.room() {
            let done = walk.go(halls.members(room), &mut tools);
            // There may be many parts, of few members each.
            if walk.room().is_some() && (!done || Instant::now() >= deadline) {
                return false;
            }
        }
        self.release(&walk.parts);
        for part in &walk.parts {
            halls.end_walk(part);
        }
        true
    }

    /// Looks at each session that has not left; `look` does not call the shard.
    pub fn each(&self, look: impl FnMut(&Rc<G>)) {
        self.guests.borrow().all().filter(|guest| !guest.seat().retired.get()).for_each(look);
    }

    /// The session that sits at this number now.
    pub fn guest_at(&self, seat: u32) -> Option<Rc<G>> {
        self.guests.borrow().at(seat)
    }

    /// The session that sits there.
    pub fn guest(&self, slot: Slot) -> Option<Rc<G>> {
        self.guests.borrow().get(slot)
    }
}
