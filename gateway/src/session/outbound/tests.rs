use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;

use super::*;
use crate::frame::{Cursor, Encode, Epoch, Event, EventType, Forms, Posted, RoomId, Timestamp};
use crate::hub::{self, Hub, Rules};
use crate::metrics::Metrics;

const KIND: u32 = 3;

/// Frames are the payload and nothing else.
struct Bare;

impl Encode for Bare {
    fn encode(&self, _: &Posted, payload: &[u8], out: &mut Vec<u8>) -> Option<Range<usize>> {
        out.extend_from_slice(payload);
        None
    }
}

fn frames(bytes: usize) -> Rc<Frames> {
    let mut forms = Forms::default();
    let form = forms.add(Bare);
    let kind = EventType { number: KIND, name: "k".into() };
    let (data, source, time) = (vec![0; bytes].into(), "s".into(), Timestamp(0));
    let event = Event::new(kind, data, source, time);
    let room = RoomId { number: 1, name: "r".into(), class: 0 };
    let cursor = Cursor { epoch: Epoch(1), offset: 1 };
    Rc::new(forms.frames(form, &[Arc::new(Posted::new(event, room, cursor, false, Instant::now()))]))
}

fn ledger() -> (Rc<Ledger>, Arc<Metrics>) {
    ledger_of(usize::MAX)
}

/// With so many bytes for the node.
fn ledger_of(limit: usize) -> (Rc<Ledger>, Arc<Metrics>) {
    let metrics = Metrics::new(1);
    let config = hub::Config { shards: 1, mailbox: 1 << 20, rooms_per_session: 1 };
    let hub = Arc::new(Hub::new(config, Rules::new([]), Forms::default(), Arc::clone(&metrics)));
    (Ledger::new(&hub, 0, &Budget::new(limit, &metrics)), metrics)
}

async fn pair() -> (Outbound, std::net::TcpStream) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (Outbound::new(Socket::Plain(listener.accept().await.unwrap().0), 1 << 20), client)
}

#[tokio::test]
async fn a_refused_write_has_failed_and_one_that_was_given_up_has_not() {
    let (outbound, _client) = pair().await;
    outbound.kill();
    assert!(outbound.is_dead() && !outbound.has_failed());
    let (outbound, client) = pair().await;
    let (ledger, _) = ledger();
    outbound.write(b"which the client never reads", &ledger);
    drop(client); // unread bytes make the kernel reset the connection
    while !outbound.is_dead() {
        outbound.write(b"more", &ledger);
    }
    assert!(outbound.has_failed());
}

#[tokio::test]
async fn a_node_that_holds_too_much_before_anybody_could_give_way_calls_the_first_who_can() {
    let (outbound, _client) = pair().await;
    let (ledger, _) = ledger_of(1);
    while outbound.backlog().0 < 2 {
        outbound.offer(&frames(1 << 18), &ledger);
    }
    let called = |ledger: &Rc<Ledger>| {
        let ledger = Rc::clone(ledger);
        async move { ledger.called().await }.now_or_never().is_some()
    };
    assert!(!called(&ledger), "nobody knows yet whose it is");
    let slot = Slot { shard: 0, index: 7, generation: 1 };
    outbound.enlist(Some(slot));
    assert!(called(&ledger));
    assert_eq!(ledger.furthest(), Some(slot));
}

#[tokio::test]
async fn what_waits_and_what_is_thrown_away_is_counted() {
    let (outbound, _client) = pair().await;
    let (ledger, metrics) = ledger();
    let counters = ledger.counters();
    let waits = || (counters.backlog_frames.get(), counters.backlog_bytes.get());
    let chunk = outbound.bound / 4;
    while waits() == (0, 0) {
        assert_eq!(outbound.offer(&frames(chunk), &ledger), Taken::Yes);
    }
    assert_eq!(counters.slow_sessions.get(), 1);
    let (before, (kept, _)) = (waits(), outbound.backlog());
    assert_eq!((before.0, before.1), (1, outbound.backlog().1 as u64));
    let mut offered = 0;
    while outbound.room_left() > 2 * chunk {
        assert_eq!(outbound.offer(&frames(chunk), &ledger), Taken::Yes);
        offered += 1;
    }
    outbound.write(b"a reply", &ledger);
    assert_eq!(waits(), ((kept + offered + 1) as u64, outbound.backlog().1 as u64));
    assert!(metrics.backlog_held.get() > outbound.backlog().1 as u64);
    while outbound.offer(&frames(chunk), &ledger) == Taken::Yes {
        offered += 1;
    }
    assert_eq!(waits(), (1, outbound.backlog().1 as u64), "the rest of the one that is partly sent");
    assert_eq!(outbound.offer(&frames(chunk), &ledger), Taken::Yes, "it is told once that it is too much");
    assert_eq!(waits().0, 1, "and nothing more is taken");
    let kind = EventType { number: KIND, name: "k".into() };
    assert_eq!(counters.class(0).of(&kind).dropped.get(), offered as u64 + 2);
    drop(outbound);
    assert_eq!(waits(), (0, 0));
    assert_eq!((counters.slow_sessions.get(), metrics.backlog_held.get()), (0, 0));
}
