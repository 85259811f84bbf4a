//! What waits for the log's thread, and what it tells of itself.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::error::{Refused, WriteError};
use super::opening::Opened;
use super::segment::Segment;
use super::{Fsync, State};
use crate::frame::Epoch;

/// For how long the end waits for tasks for which space was reserved, and which are not put.
const PATIENCE: Duration = Duration::from_secs(2);
/// The most that may wait, whatever is configured: a record's length has 32 bits.
const MOST: usize = 1 << 30;

/// What comes for the thread.
#[derive(Debug)]
pub(super) enum Item<T> {
    /// With how many bytes were reserved for it.
    Task(T, usize),
    Born {
        room: Arc<str>,
        epoch: Epoch,
        fsync: Fsync,
    },
    Forgotten {
        room: Arc<str>,
        epoch: Epoch,
    },
}

/// What those who put and the thread share.
pub(super) struct Shared<T> {
    queue: Mutex<Queue<T>>,
    wake: Condvar,
    /// Bytes that may be reserved.
    most: usize,
    /// Bytes that are.
    waiting: AtomicUsize,
    /// Nothing is taken now; `error` says why.
    refusing: AtomicBool,
    error: Mutex<Option<Arc<WriteError>>>,
    /// Oldest first, the head last.
    pub(super) segments: Mutex<VecDeque<Arc<Segment>>>,
    pub(super) syncs: AtomicU64,
    pub(super) groups: AtomicU64,
    pub(super) events: AtomicU64,
}

struct Queue<T> {
    items: VecDeque<Item<T>>,
    closing: Option<Instant>,
}

impl<T> Shared<T> {
    pub(super) fn new(opened: &Opened) -> Self {
        let segments = opened.sealed.iter().chain([&opened.head.segment]);
        Self {
            queue: Mutex::new(Queue { items: VecDeque::new(), closing: None }),
            wake: Condvar::new(),
            most: opened.settings.queue.min(MOST),
            waiting: AtomicUsize::new(0),
            refusing: AtomicBool::new(false),
            error: Mutex::new(None),
            segments: Mutex::new(segments.cloned().collect()),
            syncs: AtomicU64::new(0),
            groups: AtomicU64::new(0),
            events: AtomicU64::new(0),
        }
    }

    pub(super) fn reserve(&self, bytes: usize) -> Result<(), Refused> {
        if self.refusing.load(Ordering::Acquire)
            && let Some(why) = self.error.lock().clone()
        {
            return Err(Refused::Failed(why));
        }
        let add = |waiting: usize| waiting.checked_add(bytes).filter(|sum| *sum <= self.most);
        let added = self.waiting.fetch_update(Ordering::AcqRel, Ordering::Relaxed, add);
        added.map(|_| ()).map_err(|_| Refused::Full)
    }

    pub(super) fn release(&self, bytes: usize) {
        self.waiting.fetch_sub(bytes, Ordering::AcqRel);
    }

    pub(super) fn push(&self, item: Item<T>) {
        self.queue.lock().items.push_back(item);
        self.wake.notify_one();
    }

    /// Moves what waits into `into`, which is empty; with nothing there it waits until `until`. `false`: the log is
    /// closing, and nothing will come any more.
    pub(super) fn take(&self, into: &mut VecDeque<Item<T>>, until: Instant) -> bool {
        let mut queue = self.queue.lock();
        while queue.items.is_empty() {
            // What was reserved and is not put yet comes within a moment.
            let end = match queue.closing {
                Some(_) if self.waiting.load(Ordering::Acquire) == 0 => return false,
                Some(since) if since.elapsed() >= PATIENCE => return false,
                Some(_) => Instant::now() + Duration::from_millis(1),
                None => until,
            };
            if self.wake.wait_until(&mut queue, end).timed_out() && queue.closing.is_none() {
                return true;
            }
        }
        std::mem::swap(&mut queue.items, into);
        true
    }

    /// From here on nothing is taken.
    pub(super) fn refuse(&self, why: &Arc<WriteError>) {
        *self.error.lock() = Some(Arc::clone(why));
        self.refusing.store(true, Ordering::Release);
    }

    /// Nothing is taken ever again, and what waits is dropped.
    pub(super) fn abandon(&self, why: &Arc<WriteError>) {
        self.refuse(why);
        self.queue.lock().items.clear();
    }

    /// From here on it is, unless something still waits of what came before, or the log is closing.
    pub(super) fn admit(&self) -> bool {
        let queue = self.queue.lock();
        let clear = queue.items.is_empty() && queue.closing.is_none();
        if clear {
            *self.error.lock() = None;
            self.refusing.store(false, Ordering::Release);
        }
        clear
    }

    /// Ends the log: nothing is taken from here on, and the thread ends once what waits is written. Waits for that,
    /// unless it is the thread itself that lets go of the log at last.
    pub(super) fn end(&self, thread: &Mutex<Option<JoinHandle<()>>>) {
        {
            // All under the lock, or what is taken again after a failure were taken beside it.
            let mut queue = self.queue.lock();
            queue.closing.get_or_insert_with(Instant::now);
            self.error.lock().get_or_insert_with(|| Arc::new(WriteError::Closed));
            self.refusing.store(true, Ordering::Release);
        }
        self.wake.notify_one();
        let thread =
            thread.lock().take().filter(|thread| thread.thread().id() != std::thread::current().id());
        if let Some(thread) = thread {
            let _it_has_said_why = thread.join();
        }
    }

    pub(super) fn state(&self) -> State {
        let segments = self.segments.lock();
        State {
            segments: segments.len(),
            bytes: segments.iter().map(|segment| segment.length()).sum(),
            live: segments.iter().map(|segment| segment.live()).sum(),
            waiting: self.waiting.load(Ordering::Relaxed),
            error: self.error.lock().clone(),
            syncs: self.syncs.load(Ordering::Relaxed),
            groups: self.groups.load(Ordering::Relaxed),
            events: self.events.load(Ordering::Relaxed),
        }
    }
}
