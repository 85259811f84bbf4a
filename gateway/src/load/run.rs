//! How a run goes on, from the thread that has no connections: it looks at the clock and at what the others tell.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::clock::{self, Schedule};
use super::plan::Pace;
use super::report::Observed;
use super::server::{Look, Server};
use super::shared::{Phase, Shared, Sum};
use super::{Progress, Step};

/// How often it looks.
const LOOK: Duration = Duration::from_millis(10);
/// How often who watches is told.
const TELL: Duration = Duration::from_millis(200);
/// For how long idle connections are left alone before memory is looked at.
const SETTLE: Duration = Duration::from_millis(500);
/// Within this each thread has sent what was still due.
const LAST: Duration = Duration::from_millis(50);
/// An interrupted run ends so much later: by then each thread has seen it.
const SOON: Duration = Duration::from_millis(40);
/// When nothing has come for so long, slow readers have read what there was.
const QUIET: Duration = Duration::from_secs(1);
/// When nothing has come for so long in a closed loop, what is in flight is given up.
const STALLED: Duration = Duration::from_secs(2);

/// A run that goes on.
pub(super) struct Run<'a> {
    shared: &'a Shared,
    watch: &'a mut dyn FnMut(Progress),
    /// Whether the run is to end early.
    stop: &'a AtomicBool,
    interrupted: bool,
    deserted: bool,
    told: (Instant, Sum),
    /// When the last event came, and how many there were.
    last: (Instant, u64),
    given_up: u64,
    /// When the first connection may have begun.
    start: Instant,
    server: Option<Server>,
    before: Option<Look>,
}

impl<'a> Run<'a> {
    /// Before the first connection is made.
    pub(super) fn new(shared: &'a Shared, watch: &'a mut dyn FnMut(Progress), stop: &'a AtomicBool) -> Self {
        let server = Server::find(&shared.plan.pids, shared.plan.target.address);
        let before = server.as_ref().and_then(Server::look);
        let start = Instant::now();
        Self {
            shared,
            watch,
            stop,
            interrupted: false,
            deserted: false,
            told: (start, Sum::default()),
            last: (start, 0),
            given_up: 0,
            start,
            server,
            before,
        }
    }

    /// Goes through all steps. None where nobody could be reached. `failed`: whether a thread has ended before it was
    /// told to.
    pub(super) fn conduct(mut self, failed: &dyn Fn() -> bool) -> Option<Observed> {
        let plan = &self.shared.plan;
        let server = self.server.take();
        let look = || -> Option<Look> { server.as_ref()?.look() };
        let connecting = self.connect(failed)?;
        let ready = self.shared.sum();
        if server.is_some() {
            thread::sleep(SETTLE);
        }
        let connected = look();
        let schedule = Schedule::soon(plan.warm_up, plan.duration);
        self.shared.begin(schedule);
        self.shared.enter(Phase::Publishing);
        self.until(|schedule| schedule.warm, Step::WarmingUp, plan.warm_up, failed);
        let begin = (clock::own_cpu(), look());
        self.until(|schedule| schedule.end, Step::Measuring, plan.duration, failed);
        let end = (clock::own_cpu(), look());
        let left = self.drain(failed);
        Some(Observed {
            connecting,
            ready: ready.subscribers + ready.publishers,
            schedule: self.shared.schedule().unwrap_or(schedule),
            interrupted: self.interrupted,
            deserted: self.deserted,
            left,
            given_up: self.given_up,
            own_cpu: [begin.0, end.0],
            looks: [self.before, connected, begin.1, end.1],
            server,
        })
    }

    /// Until each connection is ready or refused. None where no subscriber or no publisher is ready.
    fn connect(&mut self, failed: &dyn Fn() -> bool) -> Option<Duration> {
        let plan = &self.shared.plan;
        let all = u64::from(plan.connections) + u64::from(plan.publishers);
        let mut sum = self.shared.sum();
        while sum.settled < all && !failed() && !self.is_interrupted() {
            thread::sleep(Duration::from_millis(1));
            sum = self.shared.sum();
            self.tell(Step::Connecting, sum.settled as f64 / all as f64);
        }
        let enough = sum.subscribers > 0 && (plan.publishers == 0 || sum.publishers > 0);
        (enough || self.interrupted).then(|| self.start.elapsed())
    }

    /// Whether somebody has asked for the run's end; it has one soon then.
    fn is_interrupted(&mut self) -> bool {
        if !self.interrupted && self.stop.load(Ordering::Relaxed) {
            self.interrupted = true;
            self.end_soon();
        }
        self.interrupted
    }

    fn end_soon(&self) {
        self.shared.cut(clock::now() + SOON.as_nanos() as u64);
    }

    /// Who was closed stays away, but for those that leave and come back: without anybody there is nothing left to measure.
    fn end_where_deserted(&mut self) {
        let sum = self.shared.sum();
        let present = sum.subscribers + sum.publishers;
        if present == 0 && self.shared.plan.churn == 0.0 && !self.interrupted && !self.deserted {
            self.deserted = true;
            self.end_soon();
        }
    }

    fn until(
        &mut self,
        moment: impl Fn(Schedule) -> u64,
        step: Step,
        length: Duration,
        failed: &dyn Fn() -> bool,
    ) {
        while let Some(schedule) = self.shared.schedule() {
            let left = Duration::from_nanos(moment(schedule).saturating_sub(clock::now()));
            if left.is_zero() || failed() {
                return;
            }
            thread::sleep(left.min(LOOK));
            self.is_interrupted();
            self.end_where_deserted();
            self.give_up_where_stalled();
            self.tell(step, 1.0 - left.as_secs_f64() / length.as_secs_f64().max(1e-9));
        }
    }

    /// For how long nothing has come.
    fn quiet(&mut self) -> Duration {
        let deliveries = self.shared.sum().deliveries;
        if deliveries != self.last.1 {
            self.last = (Instant::now(), deliveries);
        }
        self.last.0.elapsed()
    }

    fn give_up_where_stalled(&mut self) {
        let waits = matches!(self.shared.plan.pace, Pace::InFlight(_)) && self.shared.on_their_way() > 0;
        if !waits {
            self.last.0 = Instant::now();
        } else if self.quiet() > STALLED {
            self.shared.give_up();
            self.given_up += 1;
            self.last.0 = Instant::now();
        }
    }

    /// Until all has come; then publishers leave, and it is the slow ones' turn. Answers how many deliveries were still
    /// on their way when they were given up.
    fn drain(&mut self, failed: &dyn Fn() -> bool) -> u64 {
        self.shared.enter(Phase::Draining);
        thread::sleep(LAST);
        let most = self.shared.plan.drain;
        self.wait(most, failed, |shared, sum| shared.on_their_way() == 0 && sum.answered == sum.published);
        let left = self.shared.on_their_way();
        self.shared.enter(Phase::Leaving);
        self.wait(QUIET.min(most), failed, |_, sum| sum.publishers == 0 && sum.slow == 0);
        left
    }

    /// Until it is done, or for as long as the plan lets, or until nothing has come for as long as `quiet`, or until the
    /// run is interrupted meanwhile.
    fn wait(&mut self, quiet: Duration, failed: &dyn Fn() -> bool, done: impl Fn(&Shared, &Sum) -> bool) {
        let (start, most) = (Instant::now(), self.shared.plan.drain);
        let before = self.interrupted;
        self.last.0 = start;
        while !done(self.shared, &self.shared.sum()) && !failed() && (before || !self.is_interrupted()) {
            if self.quiet() > quiet || start.elapsed() > most {
                return;
            }
            thread::sleep(LOOK);
            self.tell(Step::Draining, start.elapsed().as_secs_f64() / most.as_secs_f64().max(1e-9));
        }
    }

    fn tell(&mut self, step: Step, done: f64) {
        let (then, before) = self.told;
        if then.elapsed() < TELL {
            return;
        }
        let sum = self.shared.sum();
        let deliveries = sum.deliveries - before.deliveries;
        let published = sum.published - before.published;
        let settled = sum.settled - before.settled;
        (self.watch)(Progress {
            step,
            done: done.clamp(0.0, 1.0),
            since: then.elapsed(),
            sum,
            settled,
            deliveries,
            published,
        });
        self.told = (Instant::now(), sum);
    }
}
