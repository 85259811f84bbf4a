//! Heartbeats of a shard's sessions on one wheel: no session has a timer of its own.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::{Common, Endpoint, Session};
use crate::frame::Timestamp;
use crate::hub::Rules;
use crate::transport::close::CloseReason;

/// The wheel's step; shorter where an endpoint's times are.
pub const TICK: Duration = Duration::from_millis(250);
/// Steps of a whole turn; what is due later is looked at once a turn.
const BUCKETS: u32 = 512;
/// For how long a closing session may finish its backlog and wait for its client's close.
const FAREWELL: Duration = Duration::from_secs(5);

/// Sessions by when they are next looked at.
pub struct Wheel {
    step: Duration,
    now: Cell<u32>,
    /// Seats, by number: who left its seat is looked up in vain, and who took it is not due then.
    buckets: RefCell<Vec<Vec<u32>>>,
    /// Revocations up to which sessions were reviewed.
    reviewed: Cell<u64>,
    /// The rules for rooms by which its sessions are in theirs.
    rules: RefCell<Arc<Rules>>,
}

/// When a session was last heard, and what is due next; all in ticks.
pub(super) struct Pulse {
    /// When the wheel looks at the session next; what is on the wheel for another moment is out of date.
    due: Cell<u32>,
    heard: Cell<u32>,
    asked: Cell<u32>,
    ping: Cell<u32>,
    /// When a session that closes is given up; 0 while it does not close.
    farewell: Cell<u32>,
    /// The client waits for an answer: that it asks for nothing else says nothing.
    waiting: Cell<bool>,
    /// Nothing is read meanwhile: silence says nothing, either.
    deaf: Cell<bool>,
}

impl Wheel {
    /// That turns by `step`, for sessions that join by `rules` until there are others.
    pub(super) fn new(step: Duration, rules: Arc<Rules>) -> Self {
        let buckets = RefCell::new((0..BUCKETS).map(|_| Vec::new()).collect());
        Self { step, now: Cell::new(0), buckets, reviewed: Cell::new(0), rules: RefCell::new(rules) }
    }

    fn ticks(&self, time: Duration) -> u32 {
        u32::try_from(time.as_nanos().div_ceil(self.step.as_nanos().max(1))).unwrap_or(u32::MAX)
    }

    pub(super) fn now(&self) -> u32 {
        self.now.get()
    }

    /// Has `session` looked at then, or a turn from now where that is later; and at no other moment.
    fn put(&self, session: &Session, due: u32) {
        let Some(slot) = session.seat.slot() else { return };
        let due = self.now() + due.saturating_sub(self.now()).clamp(1, BUCKETS - 1);
        if session.pulse.due.replace(due) != due {
            self.buckets.borrow_mut()[(due % BUCKETS) as usize].push(slot.index);
        }
    }

    /// Turns the wheel for the sessions of `common`; never ends.
    pub async fn turn(common: Rc<Common>) {
        let mut tick = tokio::time::interval(common.wheel.step);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let due = tick.tick().await;
            common.shard.counters().tick(due.into_std());
            common.wheel.step(&common);
        }
    }

    fn step(&self, common: &Common) {
        self.now.set(self.now() + 1);
        let due = std::mem::take(&mut self.buckets.borrow_mut()[(self.now() % BUCKETS) as usize]);
        for session in due.into_iter().filter_map(|seat| common.shard.guest_at(seat)) {
            if session.pulse.due.get() == self.now() {
                let next = session.look_after(self.now());
                self.put(&session, next);
            }
        }
        let revocations = common.revocations.generation();
        if self.reviewed.replace(revocations) != revocations {
            common.shard.each(|session| session.review());
        }
        self.go_by(&common.shard.hub().rules(), common);
    }

    /// Where the rules for rooms are others than before, each session leaves those that it has lost.
    fn go_by(&self, rules: &Arc<Rules>, common: &Common) {
        if Arc::ptr_eq(rules, &self.rules.borrow()) {
            return;
        }
        let before = self.rules.replace(Arc::clone(rules));
        let mut sessions = Vec::new();
        common.shard.each(|session| sessions.push(Rc::clone(session)));
        for session in sessions {
            session.leave_closed_rooms(&before, rules);
        }
    }
}

impl Pulse {
    pub(super) fn new(wheel: &Wheel, endpoint: &Endpoint) -> Self {
        let now = wheel.now();
        let ping = Cell::new(now.saturating_add(wheel.ticks(endpoint.heartbeat.interval)));
        let (heard, asked) = (Cell::new(now), Cell::new(now));
        Self {
            due: Cell::new(0),
            heard,
            asked,
            ping,
            farewell: Cell::new(0),
            waiting: Cell::new(false),
            deaf: Cell::new(false),
        }
    }
}

impl Session {
    /// The client is there.
    pub(super) fn heard(&self) {
        self.pulse.heard.set(self.common.wheel.now());
    }

    /// The client has asked for something.
    pub(super) fn asked(&self) {
        self.pulse.asked.set(self.common.wheel.now());
    }

    /// Whether an answer has to come before the next request is handled, and whether nothing is read meanwhile.
    pub(super) fn waits(&self, waits: bool, deaf: bool) {
        if self.pulse.waiting.replace(waits) && !waits {
            self.asked();
        }
        if self.pulse.deaf.replace(deaf) && !deaf {
            self.heard();
        }
    }

    /// Puts the session on the wheel, or at another place there.
    pub(super) fn begin_heartbeat(&self) {
        self.common.wheel.put(self, self.next_look());
    }

    /// From here on the session has a short time to end.
    pub(super) fn begin_farewell(&self) {
        let due = self.common.wheel.now() + self.common.wheel.ticks(FAREWELL);
        self.pulse.farewell.set(due);
        self.common.wheel.put(self, due);
    }

    /// Does what is due; answers when to look again.
    fn look_after(&self, now: u32) -> u32 {
        if self.closing.get() {
            if now >= self.pulse.farewell.get() {
                self.outbound.kill();
            }
            return self.pulse.farewell.get();
        }
        let heartbeat = self.endpoint.heartbeat;
        if self.pulse.waiting.get() {
            self.asked();
        }
        if self.pulse.deaf.get() {
            self.heard();
        }
        if !self.endpoint.framing.is_answered() && self.socket().is_asked() {
            self.heard(); // its client has taken all there was
        }
        let wheel = &self.common.wheel;
        if now - self.pulse.heard.get() >= wheel.ticks(heartbeat.timeout) {
            self.end(CloseReason::KeepaliveTimeout);
        } else if self.is_idle(now) {
            self.end(CloseReason::Policy("idle timeout".into()));
        } else if now >= self.pulse.ping.get() {
            self.beat();
            self.pulse.ping.set(now.saturating_add(wheel.ticks(heartbeat.interval)));
        }
        self.look_at_term();
        self.forget_used();
        self.next_look()
    }

    /// Asks the client for a sign of life.
    fn beat(&self) {
        let mut ping = Vec::with_capacity(2);
        self.endpoint.framing.ping(&mut ping);
        if let Some(notice) = self.dialect.pulse(Timestamp::now()).filter(|_| !self.is_unknown()) {
            self.put_notice(notice, &mut ping);
        }
        self.reply(&ping);
        // Events that its filter keeps back move it on, too: else a history could overtake a client that is up to date.
        self.outbound.move_on(|| self.common.shard.standings(self));
    }

    fn is_idle(&self, now: u32) -> bool {
        let idle = self.endpoint.idle_timeout;
        !idle.is_zero() && now - self.pulse.asked.get() >= self.common.wheel.ticks(idle)
    }

    fn next_look(&self) -> u32 {
        let ticks = |time| self.common.wheel.ticks(time);
        let silent = self.pulse.heard.get().saturating_add(ticks(self.endpoint.heartbeat.timeout));
        let idle = match self.endpoint.idle_timeout {
            Duration::ZERO => u32::MAX,
            idle => self.pulse.asked.get().saturating_add(ticks(idle)),
        };
        let term = self
            .term
            .next_in(Timestamp::now())
            .map_or(u32::MAX, |left| self.common.wheel.now().saturating_add(ticks(left)));
        self.pulse.ping.get().min(silent).min(idle).min(term)
    }
}
