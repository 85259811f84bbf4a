//! Requests in, frames out: the `rooms` dialect.

use std::hint::black_box;
use std::time::Instant;

use criterion::Throughput;
use tidegate::dialect::{Dialect, Message, Rooms, RoomsFrame};
use tidegate::frame::{Cursor, Encode, Epoch, Forms, Posted, RoomId};
use tidegate::transport::Framing;

use crate::{House, PAYLOAD, Round, Sink, Stop, TYPE, event};

pub(super) fn stops() -> Vec<Stop> {
    let text = "x".repeat(PAYLOAD - 11);
    let subscribe =
        r#"{"action":"subscribe","data":{"event_types":["agent_created","agent_updated"]},"id":1}"#;
    let publish = format!(
        r#"{{"action":"publish","room":"news","id":1,"data":{{"event_type":"{TYPE}","data":{{"text":"{text}"}}}}}}"#
    );
    vec![
        decode("ping", r#"{"action":"ping","id":1}"#),
        decode("join", r#"{"action":"join","room":"agents","id":1}"#),
        decode("subscribe", subscribe),
        decode("publish", publish),
        decode("not JSON", r#"{"action":"join","#),
        encode(),
    ]
}

/// A client's message into a request.
fn decode(name: &str, request: impl Into<String>) -> Stop {
    let request = request.into();
    Stop::new("decode", name, Throughput::Bytes(request.len() as u64), || {
        let dialect = Rooms::new(Forms::default().add(RoomsFrame(Framing::WebSocket)), Framing::WebSocket);
        Round::new(move || {
            let message = Message { payload: request.as_bytes(), text: true };
            black_box(dialect.decode(black_box(message)).is_ok());
        })
    })
}

/// An event into a frame of the dialect, header included.
fn encode() -> Stop {
    Stop::new("encode", "event", Throughput::Bytes(PAYLOAD as u64), || {
        let house = House::<Sink>::new("room", []);
        let room = RoomId { number: 1, name: "room".into(), class: 0 };
        let cursor = Cursor { epoch: Epoch(1), offset: 1 };
        let posted = Posted::new(event(&house.hub), room, cursor, true, Instant::now());
        let payload = posted.payload();
        let mut out = Vec::with_capacity(1024);
        Round::new(move || {
            out.clear();
            black_box(RoomsFrame(Framing::WebSocket).encode(black_box(&posted), &payload, &mut out));
        })
    })
}
