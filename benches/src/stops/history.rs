//! A room's history: in memory, which the room's lock is held for, and in the log, by its thread.

use std::hint::black_box;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use criterion::Throughput;
use tidegate::frame::{Cursor, Epoch, Event, Posted, RoomId};
use tidegate::history::log::{Fsync, Log, Place, PlaceId, Rooms, Settings, Task, WriteError};
use tidegate::history::{History, Keep, Logged, Memory, Read};

use crate::{House, Round, Sink, Stop, event};

/// Events that a room keeps.
const KEPT: usize = 1000;
/// Events of a round.
const BATCH: usize = 64;
/// Events that are on their way to the log at one time.
const WAITING: usize = 4096;

pub(super) fn stops() -> Vec<Stop> {
    let kinds = [("os", Fsync::Os), ("interval", Fsync::Interval), ("always", Fsync::Always)];
    let mut stops = vec![append(), read(BATCH), read(KEPT)];
    stops.extend(kinds.map(|(name, fsync)| log_append(name, fsync)));
    stops
}

/// A history that is full, and an event for it.
fn full() -> (Memory, Event) {
    let house = House::<Sink>::new("room", []);
    let room = RoomId { number: 1, name: "room".into(), class: 0 };
    let mut memory = Memory::new(room, Epoch(1), Keep { size: KEPT, ttl: Duration::ZERO });
    let event = event(&house.hub);
    put(&mut memory, &event, KEPT);
    (memory, event)
}

fn put(memory: &mut Memory, event: &Event, times: usize) {
    let now = Instant::now();
    for _ in 0..times {
        let posted = memory.order(event.clone(), now);
        memory.commit(&posted, None, now);
    }
}

/// Order and commit, each throwing out the oldest.
fn append() -> Stop {
    Stop::new("history", format!("append {BATCH}"), Throughput::Elements(BATCH as u64), || {
        let (mut memory, event) = full();
        Round::new(move || put(&mut memory, &event, BATCH))
    })
}

/// The last so many, as a client asks for that comes back.
fn read(count: usize) -> Stop {
    Stop::new("history", format!("read {count}"), Throughput::Elements(count as u64), move || {
        let (memory, _) = full();
        let after = Cursor { epoch: Epoch(1), offset: (KEPT - count) as u64 };
        Round::new(move || match memory.since(black_box(after), usize::MAX) {
            Read::Found { events, .. } => assert_eq!(black_box(events).len(), count),
            Read::Stored(_) | Read::Lost => unreachable!("nothing newer than what is kept was asked for"),
        })
    })
}

/// A room in the log, as the hub has it.
struct Logs {
    history: Mutex<Logged>,
}

impl Rooms for Logs {
    fn moved(&self, _: &str, _: Epoch, offset: u64, from: &PlaceId, to: Place) -> bool {
        self.history.lock().unwrap().moved(offset, from, to)
    }
}

/// An event on its way, and who is told of the last one.
struct Way {
    event: [Arc<Posted>; 1],
    fsync: Fsync,
    room: Arc<Logs>,
    done: Option<Sender<()>>,
}

impl Task for Way {
    fn events(&self) -> &[Arc<Posted>] {
        &self.event
    }

    fn fsync(&self) -> Fsync {
        self.fsync
    }

    fn committed(self, places: Vec<Place>) {
        let place = places.into_iter().next();
        self.room.history.lock().unwrap().commit(&self.event[0], place, Instant::now());
        if let Some(done) = self.done {
            done.send(()).unwrap();
        }
    }

    fn failed(self, why: &Arc<WriteError>) {
        panic!("the log does not take an event: {why}");
    }
}

/// Order, write and commit, each throwing out the oldest, with so many on their way. Where it is synced how often
/// depends on the disk.
fn log_append(name: &str, fsync: Fsync) -> Stop {
    let name = format!("log append {WAITING} {name}");
    let stop = Stop::new("history", name, Throughput::Elements(WAITING as u64), move || {
        let event = event(&House::<Sink>::new("room", []).hub);
        let folder = tempfile::tempdir().unwrap();
        let (opened, _) = Log::<Way>::open(Settings::new(folder.path())).unwrap();
        let id = RoomId { number: 1, name: "room".into(), class: 0 };
        let history = Logged::new(id.clone(), Epoch(1), Keep { size: KEPT, ttl: Duration::ZERO });
        let room = Arc::new(Logs { history: Mutex::new(history) });
        let log = Log::start(opened, Arc::clone(&room) as Arc<dyn Rooms>).unwrap();
        log.born(&id, Epoch(1), fsync);
        Round::new(move || {
            let _kept = &folder;
            send(&log, &room, &event, fsync).recv().unwrap();
        })
    });
    stop.uncounted()
}

/// Puts a round's events; answers who is told when the last is committed.
fn send(log: &Log<Way>, room: &Arc<Logs>, event: &Event, fsync: Fsync) -> Receiver<()> {
    let (done, last) = channel();
    let mut done = Some(done);
    for left in (0..WAITING).rev() {
        let bytes = event.data.len();
        log.reserve(bytes).unwrap();
        let mut history = room.history.lock().unwrap();
        let event = [history.order(event.clone(), Instant::now())];
        let done = if left == 0 { done.take() } else { None };
        log.put(Way { event, fsync, room: Arc::clone(room), done }, bytes);
    }
    last
}
