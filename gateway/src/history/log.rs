//! Durable history: the events of all rooms whose rule says `durable`, in one append-only log.
//!
//! A publisher orders its event under the room's lock and [puts](Log::put) it into the log's queue. The log's thread
//! takes what has come together, writes it with one call, syncs it where a room's rule asks for that, and tells each
//! [`Task`] in order that it is committed. What it tells is where the records lie: a room keeps these [`Place`]s in
//! memory, and reads its events from there when it does not hold them any more ([`Logged`], [`Fetch`]).
//!
//! The folder holds segments (`0000000000000001.log`, …, the last one is written), `state` (`note.rs`), `lock`, and what
//! was cut from a segment (`….torn`). Segments are given back oldest first, and what is still needed of them is written
//! again at the end (`reclaim.rs`): so whatever takes something back stands behind what it takes back for as long as
//! that is there.
//!
//! When a log is opened all of it is read. What a killed process left in the middle of a write is cut off; it was told
//! to nobody. Where more is missing than that can explain, or may be since the machine has crashed, the rooms of which
//! something may be gone get another epoch, and every such finding is a [`Notice`].

mod error;
mod fetch;
mod found;
mod group;
mod head;
mod logged;
mod note;
mod notice;
mod opening;
mod queue;
mod reclaim;
mod record;
mod scan;
mod segment;
#[cfg(test)]
mod tests;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;

use crate::frame::{Epoch, Posted, RoomId};

pub use error::{OpenError, Refused, WriteError};
pub use fetch::Fetch;
pub use found::{Found, FoundEvent};
pub use logged::Logged;
pub use notice::Notice;
pub use opening::Opened;
pub use record::{Body, Flaw, Record, What};
pub use segment::{Place, PlaceId};

use queue::{Item, Shared};
use writer::Writer;

/// When a commit is as safe as a room's rule says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fsync {
    /// Written to the system, which brings it to the disk when it likes.
    Os,
    /// Written to the system, and synced within [`Settings::interval`].
    #[default]
    Interval,
    /// Synced before it is committed.
    Always,
}

/// What a log is made with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where its files are; nobody else's.
    pub folder: PathBuf,
    /// How long a file may grow, in bytes: 4 KiB to 1 GiB.
    pub segment: u64,
    /// How old what is not synced may be in rooms with [`Fsync::Interval`].
    pub interval: Duration,
    /// Bytes of events that may wait for the log.
    pub queue: usize,
}

impl Settings {
    /// Those that ship, for a log in `folder`.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let (segment, queue) = (64 << 20, 64 << 20);
        Self { folder: folder.into(), segment, interval: Duration::from_secs(1), queue }
    }
}

/// What the log commits for a publisher as one unit: all of it or nothing, also when the process is killed.
pub trait Task: Send + 'static {
    /// The events to be written, which have their places in their rooms.
    fn events(&self) -> &[Arc<Posted>];

    /// How safe they must be to be committed: as the strictest of their rooms asks.
    fn fsync(&self) -> Fsync;

    /// They are written as safely as asked. Called on the log's thread, in the order in which tasks were put; `places`
    /// has one for each event.
    fn committed(self, places: Vec<Place>);

    /// They are not written, and never will be. Called on the log's thread, in the order in which tasks were put.
    fn failed(self, why: &Arc<WriteError>);
}

/// The rooms whose events a log keeps.
pub trait Rooms: Send + Sync {
    /// A record of `room` was written anew at `to`, from where it is at `from`: passes it to
    /// [`History::moved`](super::History::moved) under the room's lock. `false` where there is no such room in this life
    /// of it, or it answers so. Called on the log's thread.
    fn moved(&self, room: &str, epoch: Epoch, offset: u64, from: &PlaceId, to: Place) -> bool;
}

/// A log that is open: see the module's documentation. When it is dropped it is [closed](Self::close).
pub struct Log<T> {
    shared: Arc<Shared<T>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// How a log is.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Its files.
    pub segments: usize,
    /// Bytes in them.
    pub bytes: u64,
    /// Bytes of records that are needed.
    pub live: u64,
    /// Bytes of events that wait.
    pub waiting: usize,
    /// Why it cannot be written now.
    pub error: Option<Arc<WriteError>>,
    /// How often it was synced since it was opened.
    pub syncs: u64,
    /// Groups that were written.
    pub groups: u64,
    /// Events in them.
    pub events: u64,
}

impl<T: Task> Log<T> {
    /// Opens the log in the settings' folder, which is made where it is missing, and reads what is there.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(settings: Settings) -> Result<(Opened, Vec<Found>), OpenError> {
        opening::open(settings)
    }

    /// Starts the thread that writes; `rooms` is told where records have moved.
    ///
    /// # Errors
    /// Where there can be no more threads.
    pub fn start(opened: Opened, rooms: Arc<dyn Rooms>) -> std::io::Result<Arc<Self>> {
        let shared = Arc::new(Shared::new(&opened));
        let writer = Writer::new(opened, Arc::clone(&shared), rooms);
        let watch = Watch(Arc::clone(&shared));
        let thread = std::thread::Builder::new().name("log".to_owned()).spawn(move || {
            let _watched = watch;
            writer.run();
        })?;
        Ok(Arc::new(Self { shared, thread: Mutex::new(Some(thread)) }))
    }

    /// Sets space for `bytes` aside in the queue; never waits. They are given back by a [`put`](Self::put) with them
    /// once that is committed or has failed, or by [`release`](Self::release).
    ///
    /// # Errors
    /// [`Refused`].
    pub fn reserve(&self, bytes: usize) -> Result<(), Refused> {
        self.shared.reserve(bytes)
    }

    /// Gives back what was reserved and is not put.
    pub fn release(&self, bytes: usize) {
        self.shared.release(bytes);
    }

    /// Puts a task for which `bytes` were reserved. Called under the locks of its rooms: it only pushes and wakes.
    pub fn put(&self, task: T, bytes: usize) {
        self.shared.push(Item::Task(task, bytes));
    }

    /// A room came to be, or a room that was found has another rule for syncing now; never refused, written with the
    /// next group. Its record's place then [has moved](Rooms::moved) to offset 0 from [`PlaceId::NOWHERE`].
    pub fn born(&self, room: &RoomId, epoch: Epoch, fsync: Fsync) {
        self.shared.push(Item::Born { room: Arc::clone(&room.name), epoch, fsync });
    }

    /// A room is forgotten; never refused, written with the next group.
    pub fn forgotten(&self, room: &RoomId, epoch: Epoch) {
        self.shared.push(Item::Forgotten { room: Arc::clone(&room.name), epoch });
    }

    /// Writes and syncs what waits, and notes that the log has ended; returns when that is done, or has failed.
    /// Nothing is taken from here on.
    pub fn close(&self) {
        self.shared.end(&self.thread);
    }

    /// How it is.
    pub fn state(&self) -> State {
        self.shared.state()
    }
}

/// Held by the log's thread. Where that panics, what waits will not be written, and who waits is told so.
struct Watch<T>(Arc<Shared<T>>);

impl<T> Drop for Watch<T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("the log's thread has panicked: nothing durable is taken any more");
            self.0.abandon(&Arc::new(WriteError::Panicked));
        }
    }
}

impl<T> Drop for Log<T> {
    fn drop(&mut self) {
        self.shared.end(&self.thread);
    }
}
