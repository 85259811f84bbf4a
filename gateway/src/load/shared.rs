//! What the threads of a run have in common.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustix::event::{EventfdFlags, eventfd};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use super::clock::Schedule;
use super::layout::Layout;
use super::ledger::Refused;
use super::marker::Marker;
use super::plan::{Pace, Plan};

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Phase {
    /// Connections are made.
    Connecting,
    /// By the schedule.
    Publishing,
    /// What is on its way is waited for.
    Draining,
    /// Publishers go, and what nobody has answered is known. Slow readers read what they have left, and learn what
    /// became of them.
    Leaving,
    /// All go.
    Closing,
}

impl Phase {
    const ALL: [Self; 5] = [Self::Connecting, Self::Publishing, Self::Draining, Self::Leaving, Self::Closing];

    /// What comes behind it.
    pub(super) fn next(self) -> Self {
        Self::ALL[(self as usize + 1).min(Self::ALL.len() - 1)]
    }
}

/// What one thread tells while it goes on. Only it writes here.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Live {
    /// Connections that are ready, of subscribers and publishers.
    pub(super) subscribers: AtomicU64,
    pub(super) publishers: AtomicU64,
    /// Connections whose first attempt has come to an end, well or not, and those among them that were not made.
    pub(super) settled: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) deliveries: AtomicU64,
    pub(super) published: AtomicU64,
    pub(super) answered: AtomicU64,
    /// Slow readers that are still open.
    pub(super) slow: AtomicU64,
}

/// What all threads have told, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Subscribers that are ready.
    pub subscribers: u64,
    /// Publishers that are ready.
    pub publishers: u64,
    /// Connections whose first attempt has come to an end.
    pub settled: u64,
    /// Of these, the ones that were not made.
    pub refused: u64,
    /// Events that came.
    pub deliveries: u64,
    /// Events that were sent.
    pub published: u64,
    /// Of these, the ones that need not be waited for: answered, or sent by a publisher that is gone.
    pub answered: u64,
    /// Slow readers that are still open.
    pub slow: u64,
}

pub(super) struct Shared {
    pub(super) plan: Plan,
    pub(super) layout: Layout,
    pub(super) marker: Marker,
    pub(super) tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    /// Events of each stream so far: raised before one is sent.
    pub(super) sent: Vec<AtomicU64>,
    /// Of each room, who is to get its events without delay.
    members: Vec<AtomicU32>,
    /// The sum of these.
    memberships: AtomicU64,
    /// Deliveries that were to come so far, and those that need not be waited for any more.
    due: AtomicU64,
    settled: AtomicU64,
    refused: Mutex<Refused>,
    phase: AtomicU8,
    schedule: OnceLock<Schedule>,
    /// Where an interrupted run ends, whatever the schedule says.
    cut: AtomicU64,
    pub(super) live: Vec<Live>,
    /// Of each thread: wakes it.
    pub(super) bells: Vec<OwnedFd>,
}

impl Shared {
    pub(super) fn new(
        plan: Plan,
        run: u32,
        tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    ) -> io::Result<Self> {
        let layout = plan.layout();
        let bell = |_| eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC);
        Ok(Self {
            marker: Marker::new(run, plan.payload),
            tls,
            sent: (0..layout.streams()).map(|_| AtomicU64::new(0)).collect(),
            members: (0..layout.rooms()).map(|_| AtomicU32::new(0)).collect(),
            memberships: AtomicU64::new(0),
            due: AtomicU64::new(0),
            settled: AtomicU64::new(0),
            refused: Mutex::default(),
            phase: AtomicU8::new(Phase::Connecting as u8),
            schedule: OnceLock::new(),
            cut: AtomicU64::new(u64::MAX),
            live: (0..plan.threads).map(|_| Live::default()).collect(),
            bells: (0..plan.threads).map(bell).collect::<Result<_, _>>()?,
            layout,
            plan,
        })
    }

    pub(super) fn phase(&self) -> Phase {
        Phase::ALL[usize::from(self.phase.load(Ordering::Acquire))]
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
    }

    /// Says when what happens, once.
    pub(super) fn begin(&self, schedule: Schedule) {
        // Set by the thread that conducts the run alone, before it lets the others publish.
        let _first = self.schedule.set(schedule);
    }

    /// Nothing happens after `time`.
    pub(super) fn cut(&self, time: u64) {
        self.cut.store(time, Ordering::Release);
    }

    /// When what happens, once that is known.
    pub(super) fn schedule(&self) -> Option<Schedule> {
        Some(self.schedule.get()?.until(self.cut.load(Ordering::Acquire)))
    }

    pub(super) fn sent(&self, stream: u32) -> u64 {
        self.sent[stream as usize].load(Ordering::SeqCst)
    }

    /// A subscriber joins or leaves: from here on its rooms' events are due to it, or no longer.
    pub(super) fn member(&self, first: u32, joins: bool) {
        for room in self.layout.rooms_of(first) {
            let (room, all) = (&self.members[room as usize], &self.memberships);
            if joins {
                room.fetch_add(1, Ordering::SeqCst);
                all.fetch_add(1, Ordering::Relaxed);
            } else {
                room.fetch_sub(1, Ordering::SeqCst);
                all.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    /// Members of a stream's room.
    pub(super) fn members(&self, stream: u32) -> u64 {
        self.members[self.layout.room_of(stream) as usize].load(Ordering::SeqCst).into()
    }

    /// Reserves an event's deliveries, where the pace lets it. In a closed loop as many deliveries may be on their way
    /// as the window's events have on average over all rooms, and always one event. `anyhow`: whatever the pace says.
    pub(super) fn reserve(&self, deliveries: u64, anyhow: bool) -> bool {
        let Some(window) = self.window().filter(|_| !anyhow) else {
            self.due.fetch_add(deliveries, Ordering::Relaxed);
            return true;
        };
        let most = window.max(deliveries);
        let reserved = self.due.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |due| {
            let on_their_way = due.saturating_sub(self.settled.load(Ordering::Relaxed));
            (on_their_way + deliveries <= most).then_some(due + deliveries)
        });
        reserved.is_ok()
    }

    /// Deliveries that may be on their way, in a closed loop.
    fn window(&self) -> Option<u64> {
        let Pace::InFlight(window) = self.plan.pace else { return None };
        let mean = self.memberships.load(Ordering::Relaxed) as f64 / f64::from(self.layout.rooms());
        Some((f64::from(window) * mean) as u64)
    }

    /// So many deliveries have come, or need not be waited for. Where that may open the window, the other threads that
    /// publish are woken.
    pub(super) fn settle(&self, deliveries: u64, thread: usize) {
        self.settled.fetch_add(deliveries, Ordering::Relaxed);
        if self.window().is_some_and(|window| self.on_their_way() < window) {
            let publish = self.bells.iter().take(self.plan.publishers as usize).enumerate();
            for (_, bell) in publish.filter(|(other, _)| *other != thread) {
                // Only a bell that rings already refuses.
                let _rings_already = rustix::io::write(bell, &1_u64.to_ne_bytes());
            }
        }
    }

    /// What is on its way is given up: it does not come.
    pub(super) fn give_up(&self) {
        self.settled.fetch_add(self.on_their_way(), Ordering::Relaxed);
    }

    /// Deliveries that are on their way.
    pub(super) fn on_their_way(&self) -> u64 {
        self.due.load(Ordering::Relaxed).saturating_sub(self.settled.load(Ordering::Relaxed))
    }

    /// What the server has refused to publish. A panic elsewhere leaves it as it was.
    pub(super) fn refused(&self) -> std::sync::MutexGuard<'_, Refused> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn sum(&self) -> Sum {
        let mut sum = Sum::default();
        for live in &self.live {
            let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
            sum.subscribers += read(&live.subscribers);
            sum.publishers += read(&live.publishers);
            sum.settled += read(&live.settled);
            sum.refused += read(&live.refused);
            sum.deliveries += read(&live.deliveries);
            sum.published += read(&live.published);
            sum.answered += read(&live.answered);
            sum.slow += read(&live.slow);
        }
        sum
    }
}
