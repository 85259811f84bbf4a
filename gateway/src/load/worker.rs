//! One thread: its connections, read by one epoll into one buffer, without a task or a future for each.

use std::io;
use std::num::NonZeroU64;
use std::os::fd::OwnedFd;

use rustix::event::epoll::{self, Event, EventData, EventFlags};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

use super::clock;
use super::plan::Pace;
use super::shared::{Phase, Shared};
use super::tally::Tally;

mod connections;
mod desk;
mod pace;
mod peer;
mod publisher;
mod subscriber;

use desk::Desk;
use pace::Beat;
use peer::{Peer, Role, Stage};
use publisher::Publisher;
use subscriber::Subscriber;

/// Bytes of the buffer that all connections are read into, at least.
const BUFFER: usize = 256 * 1024;
/// Events of one look at the sockets.
const EVENTS: usize = 1024;
/// Connections of one thread that are being made at a time: below what listeners let wait.
pub(super) const DIALLING: usize = 256;
/// How often who waits is looked at, nanoseconds.
const SWEEP: u64 = 100_000_000;
/// The longest sleep: then what the other threads have done is looked at.
const NAP: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
/// The timer and the bell, among the connections: that they wake is all.
const ALARM: u64 = u64::MAX;

/// A thread of a run.
pub(super) struct Worker<'a> {
    desk: Desk<'a>,
    epoll: OwnedFd,
    timer: OwnedFd,
    /// When the timer is set to go off.
    armed: u64,
    /// Subscribers first.
    peers: Vec<Peer>,
    subscribers: usize,
    buffer: Vec<u8>,
    /// The connection that is dialled next.
    next: usize,
    dialling: usize,
    ramp: Beat,
    churn: Beat,
    /// Where churn looks next.
    leaver: usize,
    /// The publisher that begins next.
    opener: usize,
    swept: u64,
    phase: Phase,
    /// When the measured time began for this thread, and the processor time that it had taken by then.
    began: Option<(u64, u64)>,
}

impl<'a> Worker<'a> {
    /// Thread number `thread`, with the connections that fall to it.
    pub(super) fn new(shared: &'a Shared, thread: usize, tally: Tally) -> io::Result<Self> {
        let desk = Desk::new(shared, thread, tally);
        let (plan, threads) = (&shared.plan, f64::from(shared.plan.threads));
        let mine = |count: u32| (thread as u32..count).step_by(plan.threads as usize);
        let subscriber = |number| Peer::new(number, Role::Subscriber(Subscriber::new(number, &desk)));
        let publisher =
            |number| Peer::new(plan.connections + number, Role::Publisher(Publisher::new(number, &desk)));
        let peers: Vec<Peer> =
            mine(plan.connections).map(subscriber).chain(mine(plan.publishers).map(publisher)).collect();
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let timer =
            timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        epoll::add(&epoll, &timer, EventData::new_u64(ALARM), EventFlags::IN | EventFlags::ET)?;
        epoll::add(
            &epoll,
            &shared.bells[thread],
            EventData::new_u64(ALARM),
            EventFlags::IN | EventFlags::ET,
        )?;
        Ok(Self {
            epoll,
            timer,
            armed: 0,
            subscribers: mine(plan.connections).len(),
            peers,
            buffer: vec![0; BUFFER.max(2 * desk.longest)],
            next: 0,
            dialling: 0,
            ramp: Beat::new(plan.ramp / threads, clock::now()),
            churn: Beat::new(plan.churn / threads, u64::MAX),
            leaver: 0,
            opener: 0,
            swept: 0,
            phase: Phase::Connecting,
            began: None,
            desk,
        })
    }

    /// Goes on until the run closes. Answers what was counted.
    pub(super) fn run(mut self) -> io::Result<Tally> {
        // Fifty microseconds late, as it is without this, would be in every latency.
        rustix::thread::set_current_timer_slack(NonZeroU64::new(1))?;
        self.ramp.begin(clock::now());
        let mut events: Vec<Event> = Vec::with_capacity(EVENTS);
        loop {
            self.desk.arrived();
            self.turn()?;
            if self.phase == Phase::Closing && self.is_over() {
                return Ok(self.desk.tally);
            }
            self.desk.tell();
            let next = self.next_deadline();
            let timeout = if next <= self.desk.now { Timespec::default() } else { NAP };
            self.arm(next)?;
            events.clear();
            match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), Some(&timeout)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            self.desk.arrived();
            for event in events.drain(..) {
                let (index, flags) = (event.data, event.flags);
                if index.u64() != ALARM {
                    self.ready(index.u64() as usize, flags);
                }
            }
        }
    }

    /// What is to be done without anybody's asking.
    fn turn(&mut self) -> io::Result<()> {
        let phase = self.desk.shared.phase();
        // It may end earlier than it did before.
        self.desk.schedule = self.desk.shared.schedule().filter(|_| phase > Phase::Connecting);
        self.weigh();
        // One may have been so short that this thread has not seen it.
        while self.phase < phase {
            self.phase = self.phase.next();
            self.begin(self.phase);
        }
        self.dial();
        // What was due by the end and not sent is sent then, late as it is.
        if matches!(phase, Phase::Publishing | Phase::Draining) {
            self.publish();
            self.stir();
        }
        if self.desk.now >= self.swept + SWEEP {
            self.swept = self.desk.now;
            self.sweep();
        }
        Ok(())
    }

    /// Sees how busy this thread was over the measured time.
    fn weigh(&mut self) {
        let (now, Some(schedule)) = (self.desk.now, self.desk.schedule) else { return };
        match self.began {
            None if schedule.measures(now) => self.began = Some((now, clock::thread_cpu())),
            Some((then, before)) if now >= schedule.end && self.desk.tally.busiest.is_none() => {
                let share = (clock::thread_cpu() - before) as f64 / (now - then) as f64;
                self.desk.tally.busiest = Some(share);
            }
            _ => {}
        }
    }

    fn begin(&mut self, phase: Phase) {
        match phase {
            Phase::Connecting | Phase::Draining => {}
            Phase::Publishing => {
                self.churn.begin(self.desk.schedule.map_or(u64::MAX, |schedule| schedule.start));
            }
            Phase::Leaving => self.leave(),
            Phase::Closing => (0..self.peers.len()).for_each(|index| self.part(index, true)),
        }
    }

    /// Publishers go, and slow readers read.
    fn leave(&mut self) {
        for index in self.subscribers..self.peers.len() {
            if let Role::Publisher(publisher) = &self.peers[index].role {
                publisher.close_books(&mut self.desk);
            }
            self.part(index, true);
        }
        for index in 0..self.subscribers {
            if self.peers[index].stage == Stage::Deaf {
                self.peers[index].stage = Stage::Ready;
                self.watch(index);
            }
        }
    }

    /// Publishers send what is due.
    fn publish(&mut self) {
        let Some(schedule) = self.desk.schedule else { return };
        let publishers = self.peers.len() - self.subscribers;
        if publishers == 0 {
            return;
        }
        self.opener = (self.opener + 1) % publishers;
        for turn in 0..publishers {
            let index = self.subscribers + (self.opener + turn) % publishers;
            let Peer { role: Role::Publisher(publisher), stage: Stage::Ready, blocked: false, out, .. } =
                &mut self.peers[index]
            else {
                continue;
            };
            publisher.publish(&schedule, &mut self.desk, out);
            if self.phase == Phase::Draining {
                publisher.let_go(&mut self.desk);
            }
            if out.is_empty() {
                continue;
            }
            match self.peers[index].flush() {
                Ok(()) if self.peers[index].blocked => self.watch(index),
                Ok(()) => {}
                Err(end) => self.end(index, end),
            }
        }
    }

    /// Subscribers leave, as many as are to, and come back.
    fn stir(&mut self) {
        let over = self.desk.schedule.is_none_or(|schedule| self.desk.now >= schedule.end);
        while !over && let Some(wanted) = self.churn.strikes(self.desk.now) {
            let stays = |peer: &Peer| !matches!(&peer.role, Role::Subscriber(subscriber) if !subscriber.slow);
            let places = (0..self.subscribers).map(|further| (self.leaver + further) % self.subscribers);
            let free = places.into_iter().find(|&index| {
                matches!(self.peers[index].stage, Stage::Ready | Stage::Absent) && !stays(&self.peers[index])
            });
            let Some(index) = free else { return };
            self.leaver = index + 1;
            if self.peers[index].stage == Stage::Absent {
                self.connect(index, wanted);
                continue;
            }
            self.desk.tally.left += 1;
            self.peers[index].returns = true;
            self.part(index, false);
        }
    }

    fn is_over(&self) -> bool {
        self.peers.iter().all(|peer| peer.stage == Stage::Absent)
    }

    /// When something is to be done next.
    fn next_deadline(&self) -> u64 {
        let mut next = match self.phase {
            Phase::Connecting if self.next < self.peers.len() && self.dialling < DIALLING => self.ramp.next(),
            Phase::Publishing => self.churn.next(),
            _ => u64::MAX,
        };
        if let (Phase::Publishing, Some(schedule), Pace::Rate(_)) =
            (self.phase, self.desk.schedule, self.desk.shared.plan.pace)
        {
            for peer in &self.peers[self.subscribers..] {
                if let Peer {
                    role: Role::Publisher(publisher), stage: Stage::Ready, blocked: false, ..
                } = peer
                {
                    next = next.min(publisher.next(&schedule));
                }
            }
        }
        next
    }

    /// Sets the timer: epoll's own time-out is in milliseconds.
    fn arm(&mut self, at: u64) -> io::Result<()> {
        if at == u64::MAX || at == self.armed {
            return Ok(());
        }
        self.armed = at;
        let value = Timespec { tv_sec: (at / 1_000_000_000) as i64, tv_nsec: (at % 1_000_000_000) as i64 };
        let setting = Itimerspec { it_interval: Timespec::default(), it_value: value };
        timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &setting)?;
        Ok(())
    }
}
