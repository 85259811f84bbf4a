//! The hub: publish, join, leave, call. Sessions and plugins are its guests; neither knows the other.
//!
//! **Publish** is order, commit, deliver. Under the locks of the rooms that an event goes to, space is reserved
//! in the mailbox of each shard with members (in all or in none), the rooms' histories give it its place and
//! commit it, and one reference is put into each mailbox: no encoding, no socket, no wait. Where a mailbox is
//! full, publish answers [`Busy`] and nothing has happened.
//!
//! **Fan-out** is each shard's own: it takes its mailbox into queues by room, rooms take turns, and a turn
//! encodes what its room has waiting once per form and walks the members ([`Shard`]).
//!
//! **Join** puts an attach mark into the shard's mailbox, under the room's lock: the member gets what lies
//! behind the mark, and its replay is what lies before, so they neither overlap nor leave a hole.

mod cache;
pub mod calls;
mod comings;
mod criteria;
mod directory;
mod error;
mod filter;
mod ids;
mod inbox;
mod lists;
mod mailbox;
mod member;
pub mod moments;
mod order;
pub mod own;
mod past;
mod presence;
mod publication;
mod quiet;
mod receipt;
mod registry;
mod room;
mod rule;
mod shard;
mod space;
mod types;
mod walk;
mod watch;

use std::sync::Arc;

use arc_swap::Guard;
use smallvec::SmallVec;
use tokio::sync::oneshot;

pub use cache::Caching;
pub use criteria::{BadCriterion, Criterion};
pub use directory::{Directory, Entered, Slot, UserLimit};
pub use error::{BadName, Busy, JoinError, PublishError};
pub use filter::{Filter, FilterId, Filters};
pub use inbox::AckError;
pub use lists::{Census, RoomInfo};
pub use mailbox::Mailbox;
pub use member::Seat;
pub use order::{Backlog, Cause, Order, SessionInfo};
pub use past::{MOST_BYTES, Page, PastError, Wanted};
pub use presence::{Presence, Present};
pub use quiet::Quiet;
pub use receipt::{NotWritten, Placed, Receipt};
pub use room::Room;
pub use rule::{Rule, Rules, Slow, Who};
pub use shard::{Guest, Joined, ReadOn, Shard};
pub use types::Types;
pub use watch::Watch;

pub use crate::history::log::{Fetch, State as LogState};

use crate::audit::Audit;
use crate::frame::{Event, Forms, Posted, audience};
use crate::history::log::{Found, Log, OpenError, Opened, Settings};
use crate::metrics::Metrics;
use calls::Calls;
use mailbox::{Attach, Letter};
use moments::Moments;
use publication::{Dispatch, Published, Unit};
use registry::{Logbook, Registry};
use space::Space;

/// Bytes of a room's name at most.
const LONGEST_NAME: usize = 200;

/// Sizes of the hub.
#[derive(Clone, Debug)]
pub struct Config {
    /// One mailbox and one walk for each.
    pub shards: usize,
    /// Bytes of events that may wait for one shard; a room may have a quarter of it.
    pub mailbox: usize,
    /// Named rooms that a session may be in.
    pub rooms_per_session: usize,
}

/// A guest that is no session: it is offered the events of the rooms that it follows.
pub trait Follow: Send + Sync {
    /// Called under the room's lock: takes a reference, or notes that it is behind; never waits.
    fn offer(&self, posted: &Arc<Posted>);
}

/// What all shards share.
pub struct Hub {
    config: Config,
    registry: Arc<Registry>,
    dispatch: Arc<Dispatch>,
    directory: Directory,
    types: Arc<Types>,
    calls: Calls,
    moments: Moments,
    audit: Arc<Audit>,
}

impl Hub {
    /// A hub without rooms.
    pub fn new(config: Config, rules: Rules, forms: Forms, metrics: Arc<Metrics>) -> Self {
        metrics.set_classes(rules.classes());
        let space = Arc::<Space>::default();
        let mailboxes = (0..config.shards).map(|_| Arc::new(Mailbox::new(config.mailbox))).collect();
        Self {
            registry: Arc::new(Registry::new(config.shards, rules, Arc::clone(&space))),
            dispatch: Arc::new(Dispatch { mailboxes, forms, metrics, space: Arc::clone(&space) }),
            directory: Directory::default(),
            types: Arc::default(),
            calls: Calls::default(),
            moments: Moments::default(),
            audit: Audit::off(),
            config,
        }
    }

    /// With a log of what its guests do.
    #[must_use]
    pub fn with_audit(self, audit: Arc<Audit>) -> Self {
        Self { audit, ..self }
    }

    /// With a log, in which the events of rooms are whose rules say so, and with the rooms that it knows.
    ///
    /// # Errors
    /// Where there can be no thread for it.
    pub fn with_log(self, opened: Opened, found: Vec<Found>) -> std::io::Result<Self> {
        let log = Log::<Unit>::start(opened, Arc::new(Logbook(Arc::downgrade(&self.registry))))?;
        self.registry.keep_in(log, found, &self.types);
        Ok(self)
    }

    /// The log of durable rooms, where there is one.
    pub fn log(&self) -> Option<LogState> {
        self.registry.log().map(|log| log.state())
    }

    /// Writes what waits for the log, and ends it: durable rooms take no events from here on.
    pub fn close_log(&self) {
        if let Some(log) = self.registry.log() {
            log.close();
        }
    }

    /// Publishes to `targets` as one unit: in each of these rooms or, where that is refused, in none. No
    /// target means everyone: the unnamed room. A name given twice counts once.
    ///
    /// # Errors
    /// [`PublishError`]; nothing has happened then.
    pub fn publish(&self, targets: &[&str], event: &Event) -> Result<Receipt, PublishError> {
        self.publish_and(targets, event, |shard| self.mailboxes()[shard].wake())
    }

    /// The same, where whoever calls it wakes the shards.
    fn publish_and(
        &self,
        targets: &[&str],
        event: &Event,
        mut wake: impl FnMut(usize),
    ) -> Result<Receipt, PublishError> {
        match targets {
            [] => self.place(&[""], event, &mut wake),
            [one] => {
                check_name(one)?;
                self.place(&[*one], event, &mut wake)
            }
            many => {
                many.iter().try_for_each(|name| check_name(name))?;
                let mut names: SmallVec<[&str; 4]> = SmallVec::new();
                for name in many {
                    if !names.contains(name) {
                        names.push(name);
                    }
                }
                self.place(&names, event, &mut wake)
            }
        }
    }

    /// Publishes to all sessions of a dialect that has an audience of its own.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub fn publish_to_audience(&self, dialect: &str, event: &Event) -> Result<Receipt, PublishError> {
        self.place(&[&audience(dialect)], event, &mut |shard| self.mailboxes()[shard].wake())
    }

    fn place(
        &self,
        names: &[&str],
        event: &Event,
        wake: &mut impl FnMut(usize),
    ) -> Result<Receipt, PublishError> {
        loop {
            let rooms: SmallVec<[Option<Arc<Room>>; 1]> =
                names.iter().map(|name| self.target(name, event.id.is_some())).collect();
            let mut sorted: SmallVec<[Arc<Room>; 1]> = rooms.iter().flatten().cloned().collect();
            sorted.sort_by_key(|room| room.id.number);
            let log = self.registry.log();
            let published = self.dispatch.publish(&sorted, log.map(|log| &**log), event, wake);
            let Some(published) = published else { continue };
            let published = published.map_err(|error| self.refused(error))?;
            for (_, name) in rooms.iter().zip(names).filter(|(room, _)| room.is_none()) {
                self.metrics().published(&event.kind, self.rules().find(name).class);
            }
            return Ok(self.receipt(published, &rooms, names));
        }
    }

    /// Counts where a publish was refused as somebody was busy.
    fn refused(&self, error: PublishError) -> PublishError {
        if let PublishError::Busy(_) = error {
            self.metrics().busy.add(1);
        }
        error
    }

    /// The receipt of what was published to those of the rooms `names` that there are.
    fn receipt(&self, published: Published, rooms: &[Option<Arc<Room>>], names: &[&str]) -> Receipt {
        let target = |(room, name): (&Option<Arc<Room>>, &&str)| {
            let place = room.is_none().then(|| self.placed(room, name, &[]));
            (Arc::from(*name), place)
        };
        let targets = || rooms.iter().zip(names).map(target).collect();
        let places = match published {
            Published::Later(_) if names.len() == 1 => return Receipt { published, targets: None },
            Published::Later(_) => return Receipt { published, targets: Some(targets()) },
            Published::Now(places) => places,
        };
        let published = match rooms {
            [Some(_)] => Published::Now(places),
            _ => Published::Now(
                rooms.iter().zip(names).map(|(room, name)| self.placed(room, name, &places)).collect(),
            ),
        };
        Receipt { published, targets: None }
    }

    /// The room, where an event to it would reach or leave anything.
    fn target(&self, name: &str, has_id: bool) -> Option<Arc<Room>> {
        if has_id || self.registry.matters(name) {
            return Some(self.registry.find_or_create(name));
        }
        self.registry.find(name)
    }

    fn placed(&self, room: &Option<Arc<Room>>, name: &str, placed: &[Placed]) -> Placed {
        let found = room.as_ref().and_then(|r| placed.iter().find(|p| p.room == r.id.name));
        found.cloned().unwrap_or_else(|| Placed {
            room: name.into(),
            cursor: self.registry.passing(),
            sent: 0,
        })
    }

    /// The forms that events are encoded in.
    pub fn forms(&self) -> &Forms {
        &self.dispatch.forms
    }

    /// Where sessions live.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The event types.
    pub fn types(&self) -> &Types {
        &self.types
    }

    /// The calls that plugins declare.
    pub fn calls(&self) -> &Calls {
        &self.calls
    }

    /// The rules for rooms, of this moment.
    pub fn rules(&self) -> Guard<Arc<Rules>> {
        self.registry.rules.load()
    }

    /// From now on these rules say who may join and publish, and who has to leave within a moment, as the former let it
    /// join and these do not; and how many members there may be; a room that has more
    /// takes none until enough have left. What is kept they say of rooms that are made from now on: a room
    /// that is there keeps its history as it was made with. In metrics a prefix that was not there before counts with
    /// the one that it was under.
    pub fn set_rules(&self, rules: impl IntoIterator<Item = Rule>) {
        let rules = self.rules().followed_by(rules);
        self.registry.rules.store(Arc::new(rules));
        self.registry.changes.note();
    }

    /// What is counted.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.dispatch.metrics
    }

    /// Who did what, for later.
    pub fn audit(&self) -> &Arc<Audit> {
        &self.audit
    }

    /// One for each shard.
    pub fn mailboxes(&self) -> &[Arc<Mailbox>] {
        &self.dispatch.mailboxes
    }

    /// Bytes in the fullest mailbox, and how many one may hold.
    pub fn fullest_mailbox(&self) -> (usize, usize) {
        let fullest = self.mailboxes().iter().map(|mailbox| mailbox.bytes()).max();
        (fullest.unwrap_or(0), self.config.mailbox)
    }

    /// Named rooms that a session may be in.
    pub fn rooms_per_session(&self) -> usize {
        self.config.rooms_per_session
    }

    /// Gives an order to a session; it is carried out after the events before it in the session's mailbox.
    /// `false` where there is no such session.
    pub fn order(&self, id: &str, order: Order) -> bool {
        let Some(slot) = self.directory.find(id) else { return false };
        self.order_slot(slot, order);
        true
    }

    /// The same for a slot, whose tenant may have left meanwhile.
    pub fn order_slot(&self, slot: Slot, order: Order) {
        self.mailboxes()[usize::from(slot.shard)].push(Letter::Order(slot, order));
    }

    /// Joins a session to a room from outside its shard: what is published after this returns reaches it. The
    /// receiver says how it went.
    ///
    /// # Errors
    /// [`JoinError`], where that is known at once.
    pub fn join(&self, id: &str, name: &str) -> Result<oneshot::Receiver<Result<(), JoinError>>, JoinError> {
        self.join_slot(self.directory.find(id).ok_or(JoinError::NoSession)?, name)
    }

    /// The same for a slot, whose tenant may have left meanwhile.
    ///
    /// # Errors
    /// [`JoinError`], where that is known at once.
    pub fn join_slot(
        &self,
        slot: Slot,
        name: &str,
    ) -> Result<oneshot::Receiver<Result<(), JoinError>>, JoinError> {
        check_name(name)?;
        let shard = usize::from(slot.shard);
        loop {
            let room = self.registry.find_or_create(name);
            let mut state = room.lock();
            if state.gone {
                continue;
            }
            if self.is_full(&room, &state) {
                return Err(JoinError::Full);
            }
            let (done, answer) = oneshot::channel();
            state.members[shard] += 1;
            state.touch();
            let (offset, cached) = (state.history.cursor().offset, state.cache.events());
            let mark = Attach::Elsewhere { slot, offset, cached, done };
            self.mailboxes()[shard].push(Letter::Attach(Arc::clone(&room), mark));
            return Ok(answer);
        }
    }

    /// Whether a room has as many members as the present rules allow, which may be others than it was made by.
    fn is_full(&self, room: &Room, state: &room::State) -> bool {
        let most = self.rules().find(&room.id.name).max_members;
        most > 0 && state.total() >= most
    }

    /// All sessions, as each shard lists them.
    pub async fn sessions(&self) -> Vec<SessionInfo> {
        let mut lists = Vec::new();
        for mailbox in self.mailboxes() {
            let (done, list) = oneshot::channel();
            let ask: mailbox::Ask = Box::new(move |sessions| {
                let _gone_meanwhile = done.send(sessions.collect::<Vec<_>>());
            });
            mailbox.push(Letter::Ask(ask));
            lists.push(list);
        }
        let mut all = Vec::new();
        for list in lists {
            all.extend(list.await.unwrap_or_default());
        }
        all
    }

    /// From here on `follow` is offered the events of the rooms that a pattern takes in; ends with
    /// [`unfollow`](Self::unfollow).
    pub fn follow(&self, patterns: &[String], follow: Arc<dyn Follow>) -> u64 {
        self.registry.follow(patterns, follow)
    }

    /// Who watches sessions.
    pub fn moments(&self) -> &Moments {
        &self.moments
    }

    /// Undoes [`follow`](Self::follow).
    pub fn unfollow(&self, number: u64) {
        self.registry.unfollow(number);
    }

    /// Forgets rooms whose time has passed; called about once a second.
    pub fn sweep(&self) -> usize {
        self.registry.sweep()
    }
}

/// Opens the log of durable rooms, for [`Hub::with_log`].
///
/// # Errors
/// [`OpenError`].
pub fn open_log(settings: Settings) -> Result<(Opened, Vec<Found>), OpenError> {
    Log::<Unit>::open(settings)
}

/// Whether `name` can be a room's.
///
/// # Errors
/// [`BadName`].
pub fn check_name(name: &str) -> Result<(), BadName> {
    let fits = (1..=LONGEST_NAME).contains(&name.len()) && !name.chars().any(char::is_control);
    if fits { Ok(()) } else { Err(BadName) }
}
