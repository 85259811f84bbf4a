//! A client that comes back: from its request to join, with the last event that it has, until all that it has missed has come.

use std::rc::Rc;
use std::time::Duration;

use criterion::Throughput;
use tempfile::TempDir;
use tidegate::history::Keep;
use tidegate::history::log::{Fsync, Settings};
use tidegate::hub::{Hub, Rule, Rules, open_log};

use crate::{PAYLOAD, Round, Sessions, Stop, event_of};

/// Events that the room keeps.
const KEPT: usize = 1000;
/// Events that the client has missed.
const MISSED: usize = 100;

pub(super) fn stops() -> Vec<Stop> {
    vec![
        recover("memory", Place::Memory),
        recover("the log, held in memory", Place::Log),
        recover("disk", Place::Disk),
    ]
}

/// Where the events are that are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Memory,
    Log,
    /// Memory has no space for any.
    Disk,
}

/// The request, the answer and a hundred events, over a socket; the client's own part is in it.
fn recover(name: &str, place: Place) -> Stop {
    let name = format!("{MISSED} from {name}");
    let stop = Stop::new("recovery", name, Throughput::Elements(MISSED as u64), move || {
        let folder = tempfile::tempdir().unwrap();
        let sessions = Rc::new(sessions(place, &folder));
        let epoch = sessions.hub.room("room").unwrap().cursor.epoch;
        let (after, last) = (KEPT - MISSED, format!("\"offset\":{KEPT}}}"));
        let join = format!(
            r#"{{"action":"join","room":"room","data":{{"since":{{"epoch":"{epoch}","offset":{after}}}}}}}"#
        );
        let request = text(&join);
        let mut come = Vec::new();
        Round::new(move || {
            let _kept = &folder;
            sessions.ask(0, &request, last.as_bytes(), &mut come);
        })
    });
    stop.uncounted() // it depends on when sockets are ready
}

/// One session, in a room that is full.
fn sessions(place: Place, folder: &TempDir) -> Sessions {
    let keep = Keep { size: KEPT, ttl: Duration::ZERO };
    let durable = (place != Place::Memory).then_some(Fsync::Os);
    let rules = Rules::new([Rule { keep, durable, ..Rule::default() }]);
    let log = |hub: Hub| {
        let (opened, found) = open_log(Settings::new(folder.path())).unwrap();
        hub.with_log(opened, found).unwrap().with_memory(if place == Place::Disk { 0 } else { usize::MAX })
    };
    let sessions =
        Sessions::with("room", 1, rules, |hub| if place == Place::Memory { hub } else { log(hub) });
    let event = event_of(&sessions.hub, PAYLOAD);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for _ in 0..KEPT {
        let receipt = sessions.hub.publish(&["room"], &event).unwrap();
        runtime.block_on(receipt.committed()).unwrap();
        sessions.walk();
        sessions.drain(&mut [0; 4096]);
    }
    sessions
}

/// A client's frame, masked with zeros.
fn text(payload: &str) -> Vec<u8> {
    let length = u8::try_from(payload.len()).ok().filter(|length| *length < 126);
    let mut frame = match length {
        Some(length) => vec![0x81, 0x80 | length],
        None => [&[0x81, 0x80 | 126][..], &(payload.len() as u16).to_be_bytes()].concat(),
    };
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload.as_bytes());
    frame
}
