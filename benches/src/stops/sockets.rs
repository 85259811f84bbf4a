//! To sockets on loopback: the kernel alone (`floor`), and the gateway's own sessions above it.

use std::hint::black_box;
use std::rc::Rc;
use std::time::Instant;

use criterion::Throughput;
use tidegate::dialect::RoomsFrame;
use tidegate::frame::{Cursor, Encode, Epoch, Event, Posted, RoomId};
use tidegate::transport::Framing;

use crate::{LONG_PAYLOAD, PAYLOAD, Round, Sessions, Stop, WINDOWS, event_of};

/// Connections; each takes two open files.
const MEMBERS: usize = 200;

pub(super) fn stops() -> Vec<Stop> {
    let windows = WINDOWS.into_iter().flat_map(|window| [floor(window), sessions(MEMBERS, window, PAYLOAD)]);
    let sizes = [PAYLOAD, LONG_PAYLOAD];
    let grown = sizes.into_iter().flat_map(|bytes| [sessions(1, 1, bytes), sessions(11, 1, bytes)]);
    windows.chain(grown).chain(sizes.map(copy)).collect()
}

/// One copy of so many bytes, by which others are known.
fn copy(bytes: usize) -> Stop {
    Stop::new("copy", format!("{bytes} bytes"), Throughput::Bytes(bytes as u64), move || {
        let (from, mut to) = (vec![b'x'; bytes], Vec::with_capacity(bytes));
        Round::new(move || {
            to.clear();
            to.extend_from_slice(black_box(&from));
            black_box(&to);
        })
    })
}

fn deliveries(count: usize) -> Throughput {
    Throughput::Elements(count as u64)
}

/// One bare `send` per connection.
fn floor(window: usize) -> Stop {
    Stop::new("sockets", format!("floor/{window} in flight"), deliveries(MEMBERS * window), move || {
        let sessions = Rc::new(Sessions::new("room", MEMBERS));
        let frames = frame(event_of(&sessions.hub, PAYLOAD)).repeat(window);
        let sent = Rc::clone(&sessions);
        Round::new(move || sent.send(&frames)).settled_by(drain(sessions))
    })
}

/// Publish, walk, and the sessions' own straight write.
fn sessions(members: usize, window: usize, bytes: usize) -> Stop {
    let name = match (members, bytes) {
        (MEMBERS, PAYLOAD) => format!("sessions/{window} in flight"),
        _ => format!("to {members}, of {bytes} bytes"),
    };
    Stop::new("sockets", name, deliveries(members * window), move || {
        let sessions = Rc::new(Sessions::new("room", members));
        let event = event_of(&sessions.hub, bytes);
        let sent = Rc::clone(&sessions);
        let publish = move || {
            sent.publish("room", &event, window);
            sent.walk();
        };
        Round::new(publish).settled_by(drain(sessions))
    })
}

/// Empties the far ends; what was sent has all been taken by the sockets at once.
fn drain(sessions: Rc<Sessions>) -> impl FnMut() {
    let mut buffer = vec![0; 1 << 20];
    move || {
        assert_eq!(sessions.waiting(), 0, "the far end was emptied, so the socket takes everything");
        assert!(sessions.drain(&mut buffer) > 0);
    }
}

fn frame(event: Event) -> Vec<u8> {
    let room = RoomId { number: 1, name: "room".into(), class: 0 };
    let posted = Posted::new(event, room, Cursor { epoch: Epoch(1), offset: 1 }, false, Instant::now());
    let mut frame = Vec::new();
    RoomsFrame(Framing::WebSocket).encode(&posted, &posted.payload(), &mut frame);
    frame
}
