//! The log's thread: writes what waits, a group at a time, and looks after the files in between.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hashbrown::{HashMap, HashSet};

use super::error::WriteError;
use super::group::{Group, bound};
use super::head::{Folder, Head};
use super::note::{Ended, Note};
use super::opening::Opened;
use super::queue::{Item, Shared};
use super::reclaim::Carry;
use super::record::{Record, What};
use super::{Fsync, Rooms, Task};
use crate::frame::{Epoch, Timestamp};

/// Bytes of records that are written with one call, but for the last item's.
pub(super) const GROUP: usize = 4 << 20;
/// Between two looks at the files, and between two tries while they cannot be written.
pub(super) const TICK: Duration = Duration::from_secs(1);
/// Births and ends that may wait while the log cannot be written, before those that undo each other are left out.
const NOTES: usize = 1024;

/// See the module's documentation.
pub(super) struct Writer<T> {
    pub(super) shared: Arc<Shared<T>>,
    pub(super) folder: Folder,
    pub(super) head: Head,
    pub(super) rooms: Arc<dyn Rooms>,
    pub(super) note: Note,
    pub(super) renamed: HashMap<Epoch, Epoch>,
    /// Rooms' lives that are over, while there may be records of them, and the segment that says so: what somebody still
    /// holds of them must not be written again behind that.
    pub(super) ended: HashMap<Epoch, u64>,
    /// The segment whose records are carried on.
    pub(super) carry: Option<Carry>,
    /// When it was last looked at which that should be.
    pub(super) looked: Instant,
    interval: Duration,
    group: Group<T>,
    /// When the oldest was written that has to be synced within the interval.
    late: Option<Instant>,
    /// When it is tried again whether the files can be written.
    again: Option<Instant>,
    /// Births and ends that could not be written yet, and how many there were when those were last left out that
    /// undo each other.
    notes: VecDeque<Item<T>>,
    thinned: usize,
    /// Held while the log is open.
    _lock: File,
}

impl<T: Task> Writer<T> {
    pub(super) fn new(opened: Opened, shared: Arc<Shared<T>>, rooms: Arc<dyn Rooms>) -> Self {
        Self {
            shared,
            folder: opened.folder,
            head: opened.head,
            rooms,
            note: opened.note,
            renamed: opened.renamed,
            ended: HashMap::new(),
            carry: None,
            looked: Instant::now(),
            interval: opened.settings.interval,
            group: Group::new(),
            late: None,
            again: None,
            notes: VecDeque::new(),
            thinned: 0,
            _lock: opened.lock,
        }
    }

    /// Until the log is closed, and all that waits is written or has failed.
    pub(super) fn run(mut self) {
        let mut items = VecDeque::new();
        while self.shared.take(&mut items, self.next()) {
            let before = self.head.position();
            if self.again.is_some() {
                self.refuse(&mut items);
            } else if let Err(error) = self.write(&mut items) {
                self.fail(error, &mut items);
            }
            let wrote = self.head.position().saturating_sub(before);
            if let Err(error) = self.tend(wrote) {
                self.fail(error, &mut items);
            }
        }
        self.end();
    }

    /// When there is something to do, whatever comes.
    fn next(&self) -> Instant {
        match self.again {
            Some(again) => again,
            None if self.carry.is_some() => Instant::now(),
            None => {
                let look = self.looked + TICK;
                self.late.map_or(look, |late| look.min(late + self.interval))
            }
        }
    }

    fn write(&mut self, items: &mut VecDeque<Item<T>>) -> Result<(), WriteError> {
        let now = Timestamp::now();
        for note in self.notes.drain(..).rev() {
            items.push_front(note);
        }
        while let Some(item) = items.front() {
            self.make_space(bound(item))?;
            let added = items.pop_front().map_or(Ok(()), |item| self.group.add(item, now));
            if let Err((item, error)) = added {
                items.push_front(item);
                return Err(error.into());
            }
        }
        self.flush()
    }

    /// Sees to it that a record of so many bytes can be added to the group.
    fn make_space(&mut self, bytes: usize) -> Result<(), WriteError> {
        let waiting = self.group.buffer.len();
        if waiting >= GROUP || !self.head.fits(waiting, bytes, self.folder.size) {
            self.flush()?;
        }
        self.make_room(bytes)
    }

    /// Writes and commits the group.
    fn flush(&mut self) -> Result<(), WriteError> {
        if self.group.is_empty() {
            return Ok(());
        }
        self.head.write(&self.group.buffer)?;
        match self.group.fsync {
            Fsync::Always => self.sync()?,
            Fsync::Interval => drop(self.late.get_or_insert_with(Instant::now)),
            Fsync::Os => {}
        }
        let at = self.head.keep(self.group.buffer.len() as u64);
        let shared = &self.shared;
        shared.groups.fetch_add(1, Ordering::Relaxed);
        shared.events.fetch_add(self.group.events, Ordering::Relaxed);
        let (ended, number) = (&mut self.ended, self.head.segment.number);
        let is_over = |epoch| {
            ended.insert(epoch, number);
        };
        self.group.commit(&self.head.segment, at, &*self.rooms, |bytes| shared.release(bytes), is_over);
        Ok(())
    }

    /// Begins a new segment where the head has no space for a record of so many bytes.
    pub(super) fn make_room(&mut self, bytes: usize) -> Result<(), WriteError> {
        if self.head.fits(0, bytes, self.folder.size) {
            return Ok(());
        }
        self.sync()?;
        self.begin()
    }

    /// Begins a new segment.
    fn begin(&mut self) -> Result<(), WriteError> {
        self.head = self.folder.begin_behind(&self.head)?;
        self.shared.segments.lock().push_back(Arc::clone(&self.head.segment));
        self.looked = self.looked.checked_sub(TICK).unwrap_or(self.looked); // there may be one to give back
        Ok(())
    }

    pub(super) fn sync(&mut self) -> Result<(), WriteError> {
        if self.head.is_dirty() {
            self.shared.syncs.fetch_add(1, Ordering::Relaxed);
        }
        self.late = None;
        self.head.sync()
    }

    /// Looks after the files, after so many bytes were written.
    fn tend(&mut self, wrote: u64) -> Result<(), WriteError> {
        let now = Instant::now();
        if let Some(again) = self.again {
            if now >= again {
                self.try_again();
            }
            return Ok(());
        }
        if self.late.is_some_and(|late| now >= late + self.interval) {
            self.sync()?;
        }
        self.reclaim(wrote)
    }

    /// Nothing can be written: what waits fails, and so does what comes, until it can.
    fn fail(&mut self, error: WriteError, items: &mut VecDeque<Item<T>>) {
        tracing::error!(%error, "history cannot be written: nothing durable is taken until it can be");
        self.again = Some(Instant::now() + TICK);
        let why = Arc::new(error);
        self.shared.refuse(&why);
        let mut failed: VecDeque<Item<T>> = self.group.drain().collect();
        failed.append(items);
        self.give_back(failed, &why);
    }

    /// What has come while nothing can be written.
    fn refuse(&mut self, items: &mut VecDeque<Item<T>>) {
        let why = self.shared.state().error.unwrap_or_else(|| Arc::new(WriteError::Closed));
        self.give_back(std::mem::take(items), &why);
    }

    fn give_back(&mut self, items: VecDeque<Item<T>>, why: &Arc<WriteError>) {
        for item in items {
            match item {
                Item::Task(task, bytes) => {
                    self.shared.release(bytes);
                    task.failed(why);
                }
                note => self.notes.push_back(note),
            }
        }
        if self.notes.len() >= 2 * self.thinned.max(NOTES) {
            self.thin();
        }
    }

    /// Leaves out rooms that came and went while nothing could be written.
    fn thin(&mut self) {
        let ended = self.notes.iter().filter_map(|note| match note {
            Item::Forgotten { epoch, .. } => Some(*epoch),
            _ => None,
        });
        let ended: HashSet<Epoch> = ended.collect();
        let born = self.notes.iter().filter_map(|note| match note {
            Item::Born { epoch, .. } => Some(*epoch),
            _ => None,
        });
        let both: HashSet<Epoch> = born.filter(|epoch| ended.contains(epoch)).collect();
        self.notes.retain(|note| match note {
            Item::Born { epoch, .. } | Item::Forgotten { epoch, .. } => !both.contains(epoch),
            Item::Task(..) => true,
        });
        self.thinned = self.notes.len();
    }

    fn try_again(&mut self) {
        match self.probe() {
            Ok(()) if self.shared.admit() => {
                self.again = None;
                self.thinned = 0;
                tracing::info!("history can be written again");
            }
            // Something has come meanwhile, which is to fail first.
            Ok(()) => self.again = Some(Instant::now()),
            Err(error) => {
                tracing::debug!(%error, "history still cannot be written");
                self.again = Some(Instant::now() + TICK);
            }
        }
    }

    /// Puts the files in order, and finds out whether something can be written.
    fn probe(&mut self) -> Result<(), WriteError> {
        self.head.cut()?;
        if self.head.is_suspect() {
            self.begin()?;
        }
        self.sync()?;
        self.give_back_dead()?;
        let mut bytes = Vec::new();
        Record::note(What::Probe, "", Epoch(0), 0, Timestamp::now()).encode(&mut bytes)?;
        self.make_room(bytes.len())?;
        self.head.write(&bytes)?;
        self.sync()?;
        self.head.cut()
    }

    /// The last of it: what is written is synced, and that is noted.
    fn end(mut self) {
        if self.again.is_some() {
            return tracing::error!("history was not ended, as it cannot be written");
        }
        let mut notes = VecDeque::new();
        let ended = self.write(&mut notes).and_then(|()| self.sync());
        let (segment, length) = (self.head.segment.number, self.head.position());
        if self.note.ended == Ended::No {
            self.note.ended = Ended::At { segment, length };
        }
        let noted = ended.and_then(|()| self.write_note());
        if let Err(error) = noted {
            tracing::error!(%error, "history was not ended");
        }
    }

    pub(super) fn write_note(&self) -> Result<(), WriteError> {
        let path = super::note::path(&self.folder.path);
        self.note.write(&self.folder.path).map_err(WriteError::io(&path, "cannot be written"))
    }
}
