//! A session: a client after the upgrade. It lives and dies on one shard, in one task, which reads the client's
//! requests one at a time, and finishes what the socket would not take at once. Events are written straight from
//! the shard's walk.

mod allowance;
mod asking;
mod behind;
mod calls;
mod compression;
mod endpoint;
mod gaps;
mod heartbeat;
mod inbox;
mod listening;
mod opening;
mod outbound;
mod particulars;
mod past;
mod places;
mod presence;
mod readers;
mod recovery;
mod requests;
mod rights;
mod run;
mod several;
mod term;
mod turn_away;
mod waiting;

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes};

pub use compression::{Compression, Deflated, Forms};
pub use endpoint::{Endpoint, Heartbeat, bad_client_id};
pub use heartbeat::{TICK, Wheel};
pub use listening::{Resume, Unopened, Wants, listen};
pub use opening::{Inflow, Opening, Visitor, open};
pub use outbound::{Backlog, Budget, Fallen, Gap, Ledger, Slices, Taken, Way, relieve};
pub use places::{Place, Places};
pub use readers::admit;
pub use turn_away::turn_away;

use crate::audit::{Deed, Entry};
use crate::dialect::{Answer, Dialect, Info, Metadata, Notice, Welcome};
use crate::frame::{Cursor, Epoch, Event, Frames, Posted, RoomId, Timestamp};
use crate::hub::moments::Change;
use crate::hub::{self, Cause, Guest, Order, Present, Seat, SessionInfo, Shard};
use crate::identity::{Principal, Refusal, Revocations};
use crate::limits::Limits;
use crate::transport::Socket;
use crate::transport::close::CloseReason;
use crate::transport::websocket::Link;
use crate::transport::websocket::deflate::Window;
use allowance::Allowance;
use heartbeat::Pulse;
use outbound::Outbound;
use particulars::Particulars;
use readers::{Readers, Turn};
use term::Term;

/// Bytes of replies that are put together before they are written.
const MOST_REPLIES: usize = 64 * 1024;

/// What a client is told whose user has as many sessions as may be.
pub const TOO_MANY: &str = "too many sessions of this user";

/// What the sessions of a shard share.
pub struct Common {
    /// Their shard of the hub.
    pub shard: Rc<Shard<Session>>,
    /// What waits for those that are slow.
    pub ledger: Rc<Ledger>,
    /// Their heartbeats.
    pub wheel: Wheel,
    /// Tokens that were called back.
    pub revocations: Arc<Revocations>,
    /// How much there may be of what they ask and send.
    pub limits: Arc<Limits>,
    /// For how long a client may be unknown.
    pub patience: Duration,
    /// Calls with an id that a session may have open at once.
    pub calls_per_session: usize,
    /// Those that read histories.
    readers: Readers,
    /// Replies of one burst are put together here.
    scratch: RefCell<Vec<u8>>,
}

impl Common {
    /// For the sessions of `shard`, whose wheel turns by `step`.
    pub fn new(
        shard: Rc<Shard<Session>>,
        budget: &Arc<Budget>,
        revocations: Arc<Revocations>,
        limits: Arc<Limits>,
        patience: Duration,
        calls_per_session: usize,
        step: Duration,
    ) -> Rc<Self> {
        let wheel = Wheel::new(step, Arc::clone(&shard.hub().rules()));
        let ledger = Ledger::new(shard.hub(), shard.index(), budget);
        let (readers, scratch) = (Readers::default(), RefCell::default());
        Rc::new(Self {
            shard,
            ledger,
            wheel,
            revocations,
            limits,
            patience,
            calls_per_session,
            readers,
            scratch,
        })
    }
}

/// What a request has shown of who it is by.
pub type Shown = Result<Arc<Principal>, Refusal>;

/// See the module's documentation.
pub struct Session {
    id: Arc<str>,
    /// Who it is by; another token of the same user may take its place.
    principal: RefCell<Arc<Principal>>,
    /// None where it would hold nothing.
    particulars: Option<Box<Particulars>>,
    term: Term,
    allowance: Allowance,
    /// Its places: the endpoint's, and while it is not known who it is by, one among those.
    _place: Place,
    unknown: Cell<Option<Place>>,
    endpoint: Rc<Endpoint>,
    /// The endpoint's, or one of its own.
    dialect: Rc<dyn Dialect>,
    common: Rc<Common>,
    connected_at: Timestamp,
    seat: Seat,
    /// Its client inflates what fits this window.
    deflate: Option<Window>,
    outbound: Outbound,
    pulse: Pulse,
    /// Why it has to end, until its task has seen it.
    ending: Cell<Option<Box<CloseReason>>>,
    /// The task has begun to close: nothing is delivered any more.
    closing: Cell<bool>,
    /// Where it stands among those that read histories.
    turn: Cell<Turn>,
}

impl Session {
    /// Has the session's task close it; the first reason counts.
    fn end(&self, reason: CloseReason) {
        if !self.closing.get() {
            let first = self.ending.take().unwrap_or_else(|| Box::new(reason));
            self.ending.set(Some(first));
            self.outbound.wake();
        }
    }

    fn principal(&self) -> Arc<Principal> {
        Arc::clone(&self.principal.borrow())
    }

    /// Has the audit log tell what its client does.
    fn record(&self, deed: Deed, tell: impl FnOnce(Entry) -> Entry) {
        let Some(source) = self.particulars.as_ref().and_then(|own| own.source.as_ref()) else { return };
        self.common.shard.hub().audit().record(deed, |entry| {
            tell(entry.from(source).by(&self.principal.borrow()).at(&self.endpoint.path).session(&self.id))
        });
    }

    /// Counts that its client may not do something, as requests over HTTP are counted.
    fn count_denied(&self) {
        self.common.shard.hub().metrics().answers.forbidden.add(1);
    }

    /// Counts its end, which it has one of.
    fn count_end(&self, why: &'static str, outcome: Cow<'static, str>) {
        let counters = self.common.shard.counters();
        counters.closed.count(self.dialect.name());
        counters.endings.count(why);
        self.record(Deed::Disconnected, |entry| entry.outcome(outcome));
        self.common.shard.hub().directory().leave_roles(&self.principal.borrow().roles);
    }

    fn user(&self) -> Option<Arc<str>> {
        self.principal.borrow().user.clone()
    }

    /// Whether so much waits for the client that nothing further should be asked or answered. Replies of a
    /// burst are written first when there are many.
    fn is_pressed(&self, out: &mut Vec<u8>) -> bool {
        if out.len() > MOST_REPLIES {
            self.reply(out);
            out.clear();
        }
        self.outbound.is_pressed()
    }

    /// Writes a reply's frames, behind what waits.
    fn reply(&self, frames: &[u8]) {
        let mut packed = Vec::new();
        let frames = match (self.deflate, &self.endpoint.compression) {
            (Some(window), Some(compression)) if frames.len() >= compression.from => {
                compression.pack(frames, window, self.common.shard.hub().metrics(), &mut packed);
                &packed
            }
            _ => frames,
        };
        self.common.shard.counters().bytes_out.add(frames.len() as u64);
        self.outbound.write(frames, &self.common.ledger);
    }

    /// Writes the frames that the session ends with.
    fn reply_last(&self, frames: &[u8]) {
        self.common.shard.counters().bytes_out.add(frames.len() as u64);
        self.outbound.write_last(frames, &self.common.ledger);
    }

    /// Writes an event that is for this session alone, and counts it as every other.
    fn tell(&self, event: Event, room: &str) {
        if self.seat.form().is_some() {
            let shard = &self.common.shard;
            let class = shard.counters().class(shard.hub().rules().find(room).class);
            class.of(&event.kind).delivered.add(1);
            self.put_event(event, room);
        }
    }

    fn put_event(&self, event: Event, room: &str) {
        if let Some(frames) = self.frames_of(event, room) {
            self.give(&Rc::new(frames));
        }
    }

    /// The frame of an event that is for this session alone.
    fn frames_of(&self, event: Event, room: &str) -> Option<Frames> {
        let form = self.seat.form()?;
        let class = self.common.shard.hub().rules().find(room).class;
        let room = RoomId { number: 0, name: room.into(), class };
        let nowhere = Cursor { epoch: Epoch(0), offset: 0 };
        let posted = Arc::new(Posted::new(event, room, nowhere, false, Instant::now()));
        Some(self.common.shard.hub().forms().frames(form, &[posted]))
    }

    /// Makes an event of a core type.
    fn event(&self, kind: &str, source: &str, data: impl Into<Bytes>) -> Option<Event> {
        let kind = self.common.shard.hub().types().find(kind)?;
        let (source, time) = (source.into(), Timestamp::now());
        Some(Event::new(kind, data.into(), source, time))
    }

    fn give(&self, frames: &Rc<Frames>) {
        self.common.shard.counters().bytes_out.add(frames.total as u64);
        let taken = match self.outbound.progress() {
            None => self.outbound.offer(frames, &self.common.ledger),
            Some(progress) => self.outbound.offer_told(progress, frames, &self.common.ledger, self),
        };
        if taken == Taken::OverBound {
            self.end(CloseReason::SlowConsumer);
        }
    }

    /// Greets the client. `taken`: the id that it asked for is another session's. `only`: the event types that its
    /// handshake asks for.
    fn welcome(&self, taken: Option<&str>, only: Option<&[Arc<str>]>, out: &mut Vec<u8>) {
        let notice = self.dialect.welcome(&Welcome {
            connection_id: &self.id,
            taken,
            message: &self.endpoint.welcome,
            timestamp: self.connected_at,
            heartbeat: self.endpoint.heartbeat.interval.as_secs(),
            user_id: self.user().as_deref(),
            only,
        });
        if let Some(notice) = notice {
            let before = out.len();
            self.put_notice(notice, out);
            self.common.shard.counters().welcomes.add(u64::from(out.len() > before));
        }
    }

    /// Appends what the dialect says of its own accord.
    fn put_notice(&self, notice: Notice, out: &mut Vec<u8>) {
        match notice {
            Notice::Frame(frame) => out.extend_from_slice(&frame),
            Notice::Event { event_type, source, data } => {
                let event = self.event(event_type, source, data);
                if let Some(frames) = event.and_then(|event| self.frames_of(event, "")) {
                    frames.each.iter().for_each(|frame| out.extend_from_slice(frame));
                }
            }
        }
    }

    /// How the gateway is.
    fn status<'a>(&self) -> Answer<'a> {
        let metrics = self.common.shard.hub().metrics();
        let (opened, closed) =
            (metrics.sum(|shard| shard.opened.sum()), metrics.sum(|shard| shard.closed.sum()));
        Answer::Status {
            connections: opened.saturating_sub(closed),
            uptime: metrics.age(),
            messages: metrics.sum(|shard| shard.received.get()),
        }
    }

    fn dialect_info(&self) -> Info {
        let info = self.info();
        Info {
            metadata: Metadata { connected_at: info.connected_at, client_id: self.client_id() },
            connection_id: info.connection_id,
            user_id: info.user_id,
            roles: self.principal.borrow().roles.clone(),
            rooms: info.rooms,
            subscriptions: info.subscriptions,
            criterion: info.criterion,
            backlog: crate::dialect::Backlog { frames: info.backlog.frames, bytes: info.backlog.bytes },
        }
    }
}

impl Guest for Session {
    fn seat(&self) -> &Seat {
        &self.seat
    }

    fn is_straight(&self) -> bool {
        self.outbound.is_straight()
    }

    fn deliver(&self, frames: &Rc<Frames>) {
        self.give(frames);
    }

    fn reading_space(&self) -> usize {
        self.common.readers.space(self.turn.get()).min(self.outbound.room_left() / 2)
    }

    fn call_to_read(&self) {
        self.outbound.wake();
    }

    fn order(self: Rc<Self>, order: Order) {
        match order {
            Order::Close(Cause::Administrator) => {
                self.end(CloseReason::Policy("closed by an administrator".into()))
            }
            Order::Close(Cause::Displaced) => {
                self.end(CloseReason::Policy("replaced by a newer session of this user".into()))
            }
            Order::Close(Cause::Plugin { code, reason }) => {
                self.end(CloseReason::Other { code, reason: reason.to_string() });
            }
            Order::Close(Cause::Drain { retry_after_ms }) => {
                let retry_after_ms = u32::try_from(retry_after_ms).unwrap_or(u32::MAX);
                self.end(CloseReason::Restart { retry_after_ms });
            }
            Order::Leave(room, done) => {
                let _nobody_waits = done.send(self.leave(&room));
            }
            Order::Send(event) => self.tell(event, ""),
            Order::Show(events) => {
                let mut out = Vec::new();
                self.show(&events, &mut out);
                self.reply(&out);
                self.outbound.repeat_progress();
            }
            Order::Unheard(room, from, to) => self.tell_lapse(&room, from, to),
            Order::Describe(tell) => tell(self.info()),
        }
    }

    fn present(&self) -> Present {
        let info = self.principal.borrow().info.clone();
        Present { connection_id: Arc::clone(&self.id), user_id: self.user(), info }
    }

    fn tell_change(&self, change: Change) {
        self.tell_watchers(change);
    }

    fn info(&self) -> SessionInfo {
        let (frames, bytes) = self.outbound.backlog();
        let filter = self.common.shard.filter(self);
        SessionInfo {
            connection_id: Arc::clone(&self.id),
            user_id: self.user(),
            endpoint: Arc::clone(&self.endpoint.path),
            dialect: self.dialect.name(),
            connected_at: self.connected_at.to_string(),
            shard: self.common.shard.index(),
            rooms: self.seat.rooms(),
            subscriptions: filter.types().to_vec(),
            criterion: filter.criterion().map(|criterion| Arc::clone(criterion.text())),
            backlog: hub::Backlog { frames, bytes },
        }
    }
}

/// The session's own socket is what its inbound half reads, while the walk writes it.
impl Link for Session {
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Link::poll_read_ready(self.socket(), cx)
    }

    fn try_read<B: BufMut>(&self, into: &mut B) -> io::Result<usize> {
        Link::try_read(self.socket(), into)
    }
}

impl Session {
    fn socket(&self) -> &Socket {
        self.outbound.socket()
    }
}

/// Plain data as JSON, whose writing does not fail.
fn json(data: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(data).unwrap_or_default()
}
