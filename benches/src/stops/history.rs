//! A room's history in memory, which the room's lock is held for.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::Throughput;
use tidegate::frame::{Cursor, Epoch, Event, RoomId};
use tidegate::history::{History, Keep, Memory, Read};

use crate::{House, Round, Sink, Stop, event};

/// Events that a room keeps.
const KEPT: usize = 1000;
/// Events of a round.
const BATCH: usize = 64;

pub(super) fn stops() -> Vec<Stop> {
    vec![append(), read(BATCH), read(KEPT)]
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
