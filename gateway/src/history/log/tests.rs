//! The log with rooms around it, in a folder of its own.

mod arbitrary;
mod crash;
mod damage;
mod durable;
mod failing;
mod reclaiming;
mod refusals;
mod torn;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use parking_lot::Mutex;
use tempfile::TempDir;

use super::super::{History, Keep, Read};
use super::*;
use crate::frame::{Cursor, Event, EventType, Tags, Timestamp};

/// How long a test waits for what should come at once.
const SOON: Duration = Duration::from_secs(30);

/// A few settings that a test may want otherwise than they ship.
#[derive(Clone, Copy)]
struct With {
    segment: u64,
    keep: Keep,
    fsync: Fsync,
    interval: Duration,
    queue: usize,
}

impl Default for With {
    fn default() -> Self {
        let keep = Keep { size: 10_000, ttl: Duration::ZERO };
        Self {
            segment: 1 << 20,
            keep,
            fsync: Fsync::Interval,
            interval: Duration::from_secs(1),
            queue: 64 << 20,
        }
    }
}

impl With {
    fn settings(self, folder: &Path) -> Settings {
        let Self { segment, interval, queue, .. } = self;
        Settings { folder: folder.to_owned(), segment, interval, queue }
    }
}

/// Rooms as the hub has them: each with its lock.
#[derive(Default)]
struct Hall {
    rooms: Mutex<HashMap<String, Arc<Mutex<Logged>>>>,
    /// Room and offset of what was committed, in order.
    delivered: Mutex<Vec<(String, u64)>>,
}

impl Hall {
    fn room(&self, name: &str) -> Option<Arc<Mutex<Logged>>> {
        self.rooms.lock().get(name).cloned()
    }
}

impl Rooms for Hall {
    fn moved(&self, room: &str, epoch: Epoch, offset: u64, from: &PlaceId, to: Place) -> bool {
        self.room(room).is_some_and(|room| {
            let mut room = room.lock();
            room.cursor().epoch == epoch && room.moved(offset, from, to)
        })
    }
}

struct Publish {
    events: Vec<Arc<Posted>>,
    fsync: Fsync,
    hall: Arc<Hall>,
    done: Sender<Result<(), String>>,
}

impl Task for Publish {
    fn events(&self) -> &[Arc<Posted>] {
        &self.events
    }

    fn fsync(&self) -> Fsync {
        self.fsync
    }

    fn committed(self, places: Vec<Place>) {
        assert_eq!(places.len(), self.events.len());
        for (posted, place) in self.events.iter().zip(places) {
            if let Some(room) = self.hall.room(&posted.room.name) {
                room.lock().commit(posted, Some(place), Instant::now());
            }
            self.hall.delivered.lock().push((posted.room.name.to_string(), posted.cursor.offset));
        }
        let _nobody_waits = self.done.send(Ok(()));
    }

    fn failed(self, why: &Arc<WriteError>) {
        for posted in &self.events {
            if let Some(room) = self.hall.room(&posted.room.name) {
                room.lock().rewind();
            }
        }
        let _nobody_waits = self.done.send(Err(why.to_string()));
    }
}

/// A log that is open, and its rooms.
struct House {
    log: Arc<Log<Publish>>,
    hall: Arc<Hall>,
    with: With,
    notices: Vec<Notice>,
    folder: PathBuf,
}

impl House {
    fn open(folder: &Path, with: With) -> Self {
        let begun = Instant::now();
        let (opened, found) = loop {
            match Log::<Publish>::open(with.settings(folder)) {
                // A process that another test starts has this one's files until it runs its own program.
                Err(OpenError::Held(_)) if begun.elapsed() < SOON => std::thread::yield_now(),
                opened => break opened.unwrap(),
            }
        };
        let hall = Arc::new(Hall::default());
        for found in found {
            let name = found.name.to_string();
            let room = Logged::found(found, room_id(&name), with.keep, Instant::now());
            hall.rooms.lock().insert(name, Arc::new(Mutex::new(room)));
        }
        let notices = opened.notices().to_vec();
        let log = Log::start(opened, Arc::clone(&hall) as Arc<dyn Rooms>).unwrap();
        Self { log, hall, with, notices, folder: folder.to_owned() }
    }

    /// The room of this name, which comes to be where it is not there.
    fn room(&self, name: &str) -> Arc<Mutex<Logged>> {
        let mut rooms = self.hall.rooms.lock();
        if let Some(room) = rooms.get(name) {
            return Arc::clone(room);
        }
        let epoch = Epoch(uuid::Uuid::new_v4().as_u64_pair().0);
        let room = Arc::new(Mutex::new(Logged::new(room_id(name), epoch, self.with.keep)));
        rooms.insert(name.to_owned(), Arc::clone(&room));
        drop(rooms);
        self.log.born(&room_id(name), epoch, self.with.fsync);
        room
    }

    fn forget(&self, name: &str) {
        let Some(room) = self.hall.rooms.lock().remove(name) else { return };
        self.log.forgotten(&room_id(name), room.lock().cursor().epoch);
    }

    /// Publishes to `rooms` as one unit; answers when it is committed, or why it is not.
    fn put(&self, rooms: &[&str], text: &str) -> Receiver<Result<(), String>> {
        let (done, outcome) = channel();
        let bytes = rooms.len() * (text.len() + 300);
        if let Err(refused) = self.log.reserve(bytes) {
            done.send(Err(refused.to_string())).unwrap();
            return outcome;
        }
        let rooms: Vec<_> = rooms.iter().map(|name| self.room(name)).collect();
        let mut locked: Vec<_> = rooms.iter().map(|room| room.lock()).collect();
        let events = locked.iter_mut().map(|room| room.order(event(text), Instant::now())).collect();
        self.log.put(Publish { events, fsync: self.with.fsync, hall: Arc::clone(&self.hall), done }, bytes);
        outcome
    }

    fn publish(&self, room: &str, text: &str) {
        self.put(&[room], text).recv_timeout(SOON).unwrap().unwrap();
    }

    /// So many events, and waits for the last.
    fn fill(&self, room: &str, texts: impl IntoIterator<Item = String>) {
        let last = texts.into_iter().map(|text| self.put(&[room], &text)).last();
        last.unwrap().recv_timeout(SOON).unwrap().unwrap();
    }

    fn cursor(&self, room: &str) -> Cursor {
        self.room(room).lock().cursor()
    }

    /// How many events a room keeps.
    fn len(&self, room: &str) -> usize {
        self.room(room).lock().len()
    }

    /// What a room replays from its start, with the offsets.
    fn replay(&self, room: &str) -> Vec<(u64, String)> {
        let start = self.room(room).lock().start();
        self.read(room, start)
    }

    fn read(&self, room: &str, mut after: Cursor) -> Vec<(u64, String)> {
        let room = self.room(room);
        let mut all = Vec::new();
        loop {
            let read = room.lock().since(after, 4096);
            let events = match read {
                Read::Found { events, .. } => events,
                Read::Stored(fetch) => fetch.fetch(&kind).unwrap(),
                Read::Lost => panic!("{after:?} is not kept any more"),
            };
            let Some(last) = events.last() else { return all };
            after = last.cursor;
            all.extend(events.iter().map(|posted| (posted.cursor.offset, text_of(posted))));
        }
    }

    /// The folder as it would be found had the process been killed now.
    fn killed(&self) -> TempDir {
        copy(&self.folder)
    }
}

/// The folder as it is now. The oldest files come first, so that what is carried on meanwhile is there twice rather than
/// not at all; where one goes meanwhile it is done again.
fn copy(folder: &Path) -> TempDir {
    loop {
        let other = tempfile::tempdir().unwrap();
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        let mut copies = names.iter().map(|name| fs::copy(folder.join(name), other.path().join(name)));
        if copies.all(|copied| copied.is_ok()) {
            return other;
        }
    }
}

fn segment(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:016}.log"))
}

fn room_id(name: &str) -> RoomId {
    RoomId { number: 1, name: name.into(), class: 0 }
}

fn kind(name: &str) -> EventType {
    EventType { number: 7, name: name.into() }
}

fn event(text: &str) -> Event {
    Event {
        kind: kind("agent_created"),
        data: format!("\"{text}\"").into(),
        source: "agents".into(),
        key: Some("k".into()),
        id: Some(text.chars().take(20).collect::<String>().into()),
        tags: Tags::new([("log", "test")]),
        origin: Some("7/9".into()),
        time: Timestamp(1_700_000_000_000),
    }
}

fn text_of(posted: &Posted) -> String {
    assert_eq!(posted.tags, Tags::new([("log", "test")]), "also from the disk");
    let data = posted.payload();
    assert_eq!((&*posted.kind.name, &*posted.source), ("agent_created", "agents"));
    assert_eq!((posted.key.as_deref(), posted.origin.as_deref()), (Some("k"), Some("7/9")));
    assert_eq!(posted.time, Timestamp(1_700_000_000_000));
    String::from_utf8(data[1..data.len() - 1].to_vec()).unwrap()
}

/// `0`, `1`, … as a room replays them that had so many.
fn numbers(count: u64) -> Vec<(u64, String)> {
    (0..count).map(|n| (n + 1, n.to_string())).collect()
}

fn texts(count: u64) -> impl Iterator<Item = String> {
    (0..count).map(|n| n.to_string())
}

/// Waits until `holds`; there is nothing to be told when.
fn until(what: &str, holds: impl Fn() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < SOON, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
