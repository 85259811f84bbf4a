//! What waits for an instance's hooks: one queue, in order. Requests and followed events are bounded in number and
//! bytes; what the gateway owes the plugin (answers to its publishes, buffers to release) always goes in, and is
//! bounded by what the plugin has given.

use std::collections::VecDeque;
use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use parking_lot::{Condvar, Mutex};
use tidegate_plugin::abi::{Request, Status};

use crate::frame::{Cursor, Posted};
use crate::hub::Slot;
use crate::hub::calls::Call;
use crate::hub::moments::Moment;
use crate::web::PluginRequest;

/// Requests and events that wait at most.
const MOST: usize = 10_000;
/// Their bytes at most, with those that the plugin has been given and has not released.
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// Buffers that come back are released so soon.
const RELEASE: Duration = Duration::from_millis(1);
/// Buffers that are released in one go: between them, ends of leases and of the time for stopping are looked at.
const AT_ONCE: usize = 64;
/// What a moment of a session counts, in bytes.
const MOMENT: usize = 256;
/// After a `BUSY` the plugin is told so soon to try again.
const RESUME: Duration = Duration::from_millis(5);

/// Something for the hook thread to do.
pub(super) enum Task {
    /// A request to one of its routes.
    Http(Request, Box<PluginRequest>),
    /// A client's request to one of its calls; its index, and its session's place.
    Call(Request, u32, Option<Slot>, Box<Call>),
    /// A question how it is.
    Health(Request),
    /// Nobody waits for the answer any more: of a route, or of a call.
    Cancelled(Request, Kind),
    /// An event of a room that it follows.
    Event(Arc<Posted>),
    /// Events that it missed.
    Gap(Gap),
    /// Something in the life of a session that it watches.
    Session(Arc<Moment>),
    /// What it published is as safe as its rooms promise.
    Committed(Box<Committed>),
    /// Try again what was busy: a request's number, or 0.
    Resume(Request),
    /// Its buffers are not needed any more: some of those that came back, at most [`AT_ONCE`].
    Release(Vec<Returned>),
    /// End by then.
    Stop(Instant),
    /// It has told that its threads are out of every callback.
    Stopped,
}

/// What a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// To a route.
    Http,
    /// To a call.
    Call,
}

/// Events of a room that were not handed over.
#[derive(Clone, Debug)]
pub(super) struct Gap {
    pub(super) room: Arc<str>,
    pub(super) count: u64,
    /// The last before them, and the last of them.
    pub(super) after: Cursor,
    pub(super) until: Cursor,
}

/// The places of the events of a batch.
pub(super) struct Committed {
    pub(super) token: u64,
    pub(super) count: u64,
    /// One for each target of each event.
    pub(super) cursors: Vec<Cursor>,
    pub(super) status: Status,
}

/// A plugin's buffer that is to be released.
#[derive(Debug)]
pub(super) struct Returned {
    pub(super) owner: *mut c_void,
    pub(super) release: Option<unsafe extern "C" fn(owner: *mut c_void)>,
    /// What it counts of the plugin's budget until then.
    pub(super) cost: usize,
}

#[allow(unsafe_code, reason = "a pointer that only travels")]
// SAFETY: the pointer is the plugin's own word, given back to it on its hook thread and looked at nowhere else.
unsafe impl Send for Returned {}

/// See the module's documentation.
#[derive(Default)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    filled: Condvar,
    /// Bytes that the plugin has been given and has not released.
    pub(super) handed: AtomicUsize,
}

#[derive(Default)]
struct Inner {
    tasks: VecDeque<Task>,
    /// Buffers to release, and when: they come in great numbers, and a wake-up for each, which takes the processor from
    /// the shard that has sent their events, would cost more than all else that is done for these.
    returned: VecDeque<Returned>,
    release_at: Option<Instant>,
    /// Those whose turn it is. While there are any, one task stands for them.
    due: VecDeque<Returned>,
    /// Requests and events among the tasks, and their bytes.
    waiting: usize,
    bytes: usize,
    /// By room: what it has missed and has not been told of.
    gaps: HashMap<Arc<str>, Gap, foldhash::fast::RandomState>,
    /// Who has been told `BUSY`, and when to tell them to try again.
    busy: Vec<Request>,
    resume_at: Option<Instant>,
    /// From then on [`Task::Stop`] comes before all that waits.
    stop_at: Option<Instant>,
    nudged: bool,
}

impl Task {
    /// Bytes that count while it waits; none for what always goes in.
    fn weight(&self) -> Option<usize> {
        match self {
            Self::Http(_, request) => Some(request.body.len()),
            Self::Call(_, _, _, call) => Some(call.data.len()),
            Self::Event(posted) => Some(posted.size()),
            Self::Health(_) => Some(0),
            // What ends always goes in, so that nobody counts sessions that are gone: there is no more of it than has begun.
            Self::Session(moment) if moment.change.begins() => Some(MOMENT),
            _ => None,
        }
    }
}

impl Queue {
    /// Puts a request in, or gives it back where the queue is full.
    pub(super) fn offer(&self, task: Task) -> Result<(), Task> {
        let mut inner = self.inner.lock();
        self.put(&mut inner, task)
    }

    fn put(&self, inner: &mut Inner, task: Task) -> Result<(), Task> {
        if let Some(weight) = task.weight() {
            // One always goes in where there is nothing else, whatever its size.
            let held = inner.bytes + self.handed.load(Ordering::Relaxed);
            if inner.waiting >= MOST || (held > 0 && held + weight > MOST_BYTES) {
                return Err(task);
            }
            inner.waiting += 1;
            inner.bytes += weight;
        }
        inner.tasks.push_back(task);
        self.filled.notify_one();
        Ok(())
    }

    /// Puts in what the plugin is owed.
    pub(super) fn owe(&self, task: Task) {
        debug_assert!(task.weight().is_none());
        self.inner.lock().tasks.push_back(task);
        self.filled.notify_one();
    }

    /// Has buffers released, soon.
    pub(super) fn give_back(&self, buffers: impl IntoIterator<Item = Returned>) {
        let mut inner = self.inner.lock();
        inner.returned.extend(buffers);
        if inner.release_at.is_none() && !inner.returned.is_empty() {
            inner.release_at = Some(Instant::now() + RELEASE);
            self.filled.notify_one();
        }
    }

    /// Tells the plugin to stop by `deadline`: in its turn, or when half of the time has gone, so that what waits
    /// does not take the time that stopping needs.
    pub(super) fn stop(&self, deadline: Instant) {
        let now = Instant::now();
        let mut inner = self.inner.lock();
        inner.stop_at = Some(now + deadline.saturating_duration_since(now) / 2);
        inner.tasks.push_back(Task::Stop(deadline));
        self.filled.notify_one();
    }

    /// Puts a followed event in; where the queue is full, or has been for this room, it becomes a gap.
    pub(super) fn follow(&self, posted: &Arc<Posted>) {
        let mut inner = self.inner.lock();
        if let Some(gap) = inner.gaps.get_mut(&posted.room.name) {
            gap.count += 1;
            gap.until = posted.cursor;
        } else if self.put(&mut inner, Task::Event(Arc::clone(posted))).is_err() {
            let after = Cursor { offset: posted.cursor.offset.saturating_sub(1), ..posted.cursor };
            let room = Arc::clone(&posted.room.name);
            let gap = Gap { room: Arc::clone(&room), count: 1, after, until: posted.cursor };
            inner.gaps.insert(room, gap);
        }
    }

    /// Whoever was told `BUSY` is told soon to try again.
    pub(super) fn was_busy(&self, request: Request) {
        let mut inner = self.inner.lock();
        if !inner.busy.contains(&request) {
            inner.busy.push(request);
        }
        inner.resume_at.get_or_insert_with(|| Instant::now() + RESUME);
        self.filled.notify_one();
    }

    /// Has [`next`](Self::next) return though there may be nothing to do.
    pub(super) fn nudge(&self) {
        self.inner.lock().nudged = true;
        self.filled.notify_one();
    }

    /// The next thing to do; none when `deadline` has passed, or after a [`nudge`](Self::nudge).
    pub(super) fn next(&self, deadline: Option<Instant>) -> Option<Task> {
        let mut inner = self.inner.lock();
        loop {
            let now = Instant::now();
            // Looked at first: what keeps coming must not put it off.
            if deadline.is_some_and(|deadline| deadline <= now) {
                return None;
            }
            inner.catch_up(now);
            if let Some(mut task) = inner.stop(now).or_else(|| inner.tasks.pop_front()) {
                if let Task::Release(buffers) = &mut task {
                    *buffers = inner.some_returned();
                }
                if let Some(weight) = task.weight() {
                    inner.waiting -= 1;
                    inner.bytes -= weight;
                }
                return Some(task);
            }
            if std::mem::take(&mut inner.nudged) {
                return None;
            }
            match [deadline, inner.resume_at, inner.release_at].into_iter().flatten().min() {
                Some(until) => drop(self.filled.wait_until(&mut inner, until)),
                None => self.filled.wait(&mut inner),
            }
        }
    }

    /// Requests and events that wait.
    pub(super) fn waiting(&self) -> usize {
        self.inner.lock().waiting
    }
}

impl Inner {
    /// The order to stop, where it can wait no longer.
    fn stop(&mut self, now: Instant) -> Option<Task> {
        self.stop_at.take_if(|at| *at <= now)?;
        let place = self.tasks.iter().position(|task| matches!(task, Task::Stop(_)))?;
        self.tasks.remove(place)
    }

    /// The next buffers to release. All whose turn it is go before what came after them, or a plugin that is asked much
    /// would never get its own back; but not in one go.
    fn some_returned(&mut self) -> Vec<Returned> {
        let count = self.due.len().min(AT_ONCE);
        let some = self.due.drain(..count).collect();
        if !self.due.is_empty() {
            self.tasks.push_front(Task::Release(Vec::new()));
        }
        some
    }

    /// Puts what is due behind the rest: who was busy is told, and what was missed, once there is space again. What
    /// a hook makes busy again has its own time to wait, so that no plugin's trying keeps others from their turn.
    fn catch_up(&mut self, now: Instant) {
        if self.resume_at.is_some_and(|at| at <= now) {
            self.resume_at = None;
            self.tasks.extend(self.busy.drain(..).map(Task::Resume));
        }
        // One lot at a time, so that what keeps coming back lets others in between.
        if self.due.is_empty() && self.release_at.is_some_and(|at| at <= now) {
            self.release_at = None;
            std::mem::swap(&mut self.due, &mut self.returned);
            self.tasks.push_back(Task::Release(Vec::new()));
        }
        if !self.gaps.is_empty() && self.waiting < MOST / 2 {
            self.tasks.extend(self.gaps.drain().map(|(_, gap)| Task::Gap(gap)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Epoch, Event, EventType, RoomId, Timestamp};

    fn posted(offset: u64) -> Arc<Posted> {
        let event =
            Event::new(EventType { number: 0, name: "gap".into() }, "{}".into(), "test".into(), Timestamp(0));
        let cursor = Cursor { epoch: Epoch(1), offset };
        Arc::new(Posted::new(
            event,
            RoomId { number: 1, name: "r".into(), class: 0 },
            cursor,
            false,
            Instant::now(),
        ))
    }

    #[test]
    fn a_full_queue_makes_one_gap_behind_what_came_before() {
        let queue = Queue::default();
        let last = MOST as u64 + 3;
        (1..=last).for_each(|offset| queue.follow(&posted(offset)));
        let mut given = 0;
        let gap = loop {
            match queue.next(None).unwrap() {
                Task::Event(posted) => {
                    given += 1;
                    assert_eq!(posted.cursor.offset, given);
                }
                Task::Gap(gap) => break gap,
                _ => panic!("only events and the gap"),
            }
        };
        assert_eq!(
            (given, gap.count, gap.after.offset, gap.until.offset),
            (MOST as u64, 3, MOST as u64, last)
        );
        queue.follow(&posted(last + 1));
        assert!(matches!(queue.next(None), Some(Task::Event(p)) if p.cursor.offset == last + 1));
    }

    #[test]
    fn who_was_busy_is_told_to_try_again() {
        let queue = Queue::default();
        queue.was_busy(7);
        queue.was_busy(7);
        assert!(matches!(queue.next(None), Some(Task::Resume(7))));
        assert!(queue.next(Some(Instant::now())).is_none());
    }

    #[test]
    fn who_is_busy_again_at_once_does_not_keep_others_from_their_turn() {
        let queue = Queue::default();
        queue.was_busy(7);
        for _ in 0..3 {
            assert!(matches!(queue.next(None), Some(Task::Resume(7))));
            queue.was_busy(7);
            queue.owe(Task::Stopped);
            assert!(matches!(queue.next(None), Some(Task::Stopped)));
        }
    }

    #[test]
    fn a_deadline_holds_however_much_there_is_to_do() {
        let queue = Queue::default();
        queue.owe(Task::Stopped);
        assert!(queue.next(Some(Instant::now())).is_none());
        assert!(matches!(queue.next(None), Some(Task::Stopped)));
    }

    #[test]
    fn an_order_to_stop_waits_its_turn_for_half_of_its_time() {
        let queue = Queue::default();
        queue.follow(&posted(1));
        queue.stop(Instant::now() + Duration::from_secs(3600));
        assert!(matches!(queue.next(None), Some(Task::Event(_))));
        assert!(matches!(queue.next(None), Some(Task::Stop(_))));
        queue.follow(&posted(2));
        queue.stop(Instant::now());
        assert!(matches!(queue.next(None), Some(Task::Stop(_))));
        assert!(matches!(queue.next(None), Some(Task::Event(_))));
    }

    #[test]
    fn buffers_come_back_once_each_in_order_and_before_what_came_after_their_turn() {
        let queue = Queue::default();
        let last = 2 * AT_ONCE + 1;
        let buffer = |cost| Returned { owner: std::ptr::null_mut(), release: None, cost };
        queue.give_back((0..AT_ONCE).map(buffer));
        queue.give_back((AT_ONCE..last).map(buffer));
        let (mut turns, mut back) = (Vec::new(), Vec::new());
        while back.len() <= last {
            match queue.next(None).unwrap() {
                Task::Release(some) => {
                    if turns.is_empty() {
                        queue.owe(Task::Stopped);
                        queue.give_back([buffer(last)]);
                    }
                    turns.push(some.len());
                    back.extend(some.iter().map(|buffer| buffer.cost));
                }
                _ => turns.push(0),
            }
        }
        assert_eq!(turns, [AT_ONCE, AT_ONCE, 1, 0, 1]);
        assert_eq!(back, (0..=last).collect::<Vec<_>>());
        queue.give_back([]);
        queue.owe(Task::Stopped);
        assert!(matches!(queue.next(None), Some(Task::Stopped)), "nothing is left to release");
    }

    #[test]
    fn what_is_owed_goes_in_however_full_it_is() {
        let queue = Queue::default();
        (0..MOST as u64 + 1).for_each(|offset| queue.follow(&posted(offset)));
        queue.owe(Task::Stopped);
        assert_eq!(queue.waiting(), MOST);
    }
}
