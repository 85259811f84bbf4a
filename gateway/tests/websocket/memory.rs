//! What a session's inbound half holds, by an allocator that counts.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tidegate::transport::websocket::{Fault, Inbound, Limits, Message, Refusal};
use tokio::net::TcpStream;

use crate::wire::*;

struct Counting;

thread_local! {
    /// Bytes that this thread has taken and not given back. Each test has a thread to itself.
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    let live = LIVE.get() + bytes;
    LIVE.set(live);
    PEAK.set(PEAK.get().max(live));
}

// SAFETY: everything is the system allocator's, which keeps the contract; the counters are cells
// without destructors in constant thread-locals, so counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller's promise, passed on: the block is the system allocator's.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY: the caller's promise, passed on: the block is the system allocator's.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Bytes taken since `base`, and the most that there were at a time.
pub(crate) struct Meter {
    base: isize,
}

impl Meter {
    pub(crate) fn start() -> Self {
        PEAK.set(LIVE.get());
        Self { base: LIVE.get() }
    }

    pub(crate) fn live(&self) -> isize {
        LIVE.get() - self.base
    }

    pub(crate) fn peak(&self) -> isize {
        PEAK.get() - self.base
    }
}

fn poll(inbound: &mut Inbound<Script>, link: &Rc<Script>) -> Poll<Result<Message, Fault>> {
    inbound.poll_next(link, &mut Context::from_waker(Waker::noop()))
}

/// The reader's buffer and the little beside it.
const READER: isize = 10 * 1024;

/// A session that waits for its first byte, on a link whose list has its room.
fn waiting() -> (Rc<Script>, Inbound<Script>) {
    let link = Script::silent();
    link.bring(Bytes::new());
    let mut inbound = Inbound::new(&link, LIMITS, Bytes::new());
    assert!(poll(&mut inbound, &link).is_pending());
    (link, inbound)
}

#[test]
fn an_idle_session_holds_nothing() {
    assert!(size_of::<Inbound<TcpStream>>() <= 32);
    let (link, mut inbound) = waiting();
    let meter = Meter::start();
    link.bring(&b"\x81\x82\0\0\0\0hi\x89\x80\0\0\0\0"[..]);
    assert!(matches!(poll(&mut inbound, &link), Poll::Ready(Ok(Message::Text(_)))));
    assert!(meter.live() > 8000, "a reader while there may be more");
    assert!(matches!(poll(&mut inbound, &link), Poll::Ready(Ok(Message::Ping(_)))));
    assert!(poll(&mut inbound, &link).is_pending());
    assert_eq!(meter.live(), 0, "between messages");
    link.bring(&b"\x01\x81\0\0\0\0a"[..]);
    assert!(poll(&mut inbound, &link).is_pending());
    assert!((1..1024).contains(&meter.live()), "{} bytes within a fragmented message", meter.live());
    link.bring(&b"\x80\x81\0\0\0\0b"[..]);
    assert!(matches!(poll(&mut inbound, &link), Poll::Ready(Ok(Message::Text(_)))));
    assert!(poll(&mut inbound, &link).is_pending());
    assert_eq!(meter.live(), 0, "after it");
}

#[test]
fn what_came_with_the_handshake_is_let_go() {
    let meter = Meter::start();
    let link = Script::silent();
    let early = Bytes::from(frame(FIN | TEXT, b"hi").repeat(50));
    let mut inbound = Inbound::new(&link, LIMITS, early);
    for _ in 0..50 {
        assert!(poll(&mut inbound, &link).is_ready());
    }
    assert!(poll(&mut inbound, &link).is_pending());
    assert!(meter.live() <= 256, "{} bytes beside the script", meter.live());
}

#[test]
fn an_announced_length_reserves_nothing() {
    let limits = Limits { message: 8 << 30, fragments: 64 };
    for announced in [100_000, 4 << 30] {
        let link = Script::silent();
        link.bring([&head(FIN | BINARY, announced, MASK)[..], b"abc"].concat());
        let mut inbound = Inbound::new(&link, limits, Bytes::new());
        let meter = Meter::start();
        assert!(poll(&mut inbound, &link).is_pending());
        assert!(meter.peak() <= READER, "{} bytes at most for {announced}", meter.peak());
        assert!(meter.live() <= 512, "{} bytes are kept of {announced}", meter.live());
    }
}

#[test]
fn a_dribbled_message_costs_what_has_arrived() {
    let payload = vec![7; 200_000];
    let wire = Bytes::from(frame(FIN | BINARY, &payload));
    let (link, mut inbound) = waiting();
    let meter = Meter::start();
    let mut arrived = 0;
    for at in (0..wire.len() - 97).step_by(97) {
        link.bring(wire.slice(at..at + 97));
        arrived += 97;
        assert!(poll(&mut inbound, &link).is_pending());
        let live = meter.live();
        assert!(live <= 2 * arrived + 1024, "{live} bytes for {arrived}");
    }
    assert!(meter.peak() <= 2 * arrived + READER);
    link.bring(wire.slice(arrived as usize..));
    assert!(matches!(poll(&mut inbound, &link), Poll::Ready(Ok(message)) if message == binary(&payload)));
}

#[test]
fn a_stream_of_frames_does_not_grow_the_reader() {
    let big = frame(FIN | BINARY, &[7; 100_000]);
    let small = frame(FIN | BINARY, &[7; 3000]);
    for wire in [big, small.repeat(30), frame(FIN | PING, &[7; 125]).repeat(500)] {
        let link = Script::silent();
        let mut inbound = Inbound::new(&link, LIMITS, Bytes::new());
        for _ in 0..20 {
            link.bring(wire.clone());
        }
        let meter = Meter::start();
        let mut reading = true;
        while reading {
            reading = match poll(&mut inbound, &link) {
                Poll::Ready(message) => message.is_ok(),
                Poll::Pending => link.has_more(),
            };
        }
        let assembled = 2 * 100_000;
        assert!(meter.peak() <= assembled + READER, "{} bytes", meter.peak());
    }
}

#[test]
fn a_refused_session_holds_nothing() {
    let (link, mut inbound) = waiting();
    let meter = Meter::start();
    link.bring(&b"\x01\x85\0\0\0\0begun"[..]);
    assert!(poll(&mut inbound, &link).is_pending());
    link.bring(&b"\x81\x85\0\0\0\0again"[..]);
    let refused = poll(&mut inbound, &link);
    assert!(matches!(refused, Poll::Ready(Err(Fault::Refused(Refusal::MessageOpen)))), "{refused:?}");
    drop(refused);
    assert_eq!(meter.live(), 0);
}
