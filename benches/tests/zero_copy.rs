//! Between `publish` and the kernel a delivery allocates nothing and copies no byte of its payload, and an event is copied
//! once per form, into its frame.
//!
//! Three witnesses, none of which needs a word of the gateway's own:
//! - the allocator is asked as often for a thousand members as for ten;
//! - all members' frames are the same memory, which a member is given by reference;
//! - a processor that copies has to say so in instructions, wherever to it copies: a delivery of 48 KiB takes no more of
//!   them than one of 200 bytes, by callgrind's count (which ends where the kernel begins).

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::cell::RefCell;
use std::ops::Range;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use rustix::process::{Resource, getrlimit, setrlimit};
use tidegate::dialect::RoomsFrame;
use tidegate::frame::{Encode, Forms, Frames, Posted};
use tidegate::transport::Framing;
use tidegate_benches::{
    Allocated, Counting, House, LONG_PAYLOAD, Outlet, PAYLOAD, Sessions, Sink, WINDOWS, event, event_of,
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What publish and walk allocate for so many events to so many sessions.
fn allocated(members: usize, window: usize, bytes: usize) -> Allocated {
    let sessions = Sessions::new("room", members);
    let event = event_of(&sessions.hub, bytes);
    let mut buffer = vec![0; 1 << 20];
    let mut round = || {
        let allocated = Allocated::by(|| {
            sessions.publish("room", &event, window);
            sessions.walk();
        });
        assert_eq!(sessions.waiting(), 0, "the sockets took everything");
        let read = sessions.drain(&mut buffer);
        assert!(read >= members * window * bytes, "{read} bytes have come");
        allocated
    };
    let settled = (0..3).map(|_| round()).last(); // tables and queues have their sizes
    let allocated = round();
    assert_eq!(settled, Some(allocated), "each round as the one before");
    allocated
}

#[test]
fn a_delivery_allocates_nothing() {
    let mut files = getrlimit(Resource::Nofile);
    files.current = files.maximum;
    setrlimit(Resource::Nofile, files).unwrap();
    for window in WINDOWS {
        let (few, many) = (allocated(10, window, PAYLOAD), allocated(1000, window, PAYLOAD));
        assert!(few.times > 0, "the allocator counts");
        assert_eq!(few, many, "{window} in flight to ten members, and to a thousand");
    }
}

#[test]
fn an_event_has_one_buffer_of_its_payload() {
    let (short, long) = (allocated(10, 1, PAYLOAD), allocated(10, 1, LONG_PAYLOAD));
    assert_eq!(long.times, short.times);
    assert_eq!(long.bytes - short.bytes, LONG_PAYLOAD - PAYLOAD, "its frame, and nothing else");
}

/// Instructions of a round of a stop, in this build.
fn instructions(stop: &str) -> i64 {
    let counts = Command::new(env!("CARGO_BIN_EXE_counts")).args(["of", stop]).output().unwrap();
    let said = String::from_utf8(counts.stdout).unwrap();
    said.trim().parse().unwrap_or_else(|_| panic!("{stop}: {}", String::from_utf8_lossy(&counts.stderr)))
}

#[test]
fn a_delivery_copies_nothing_and_an_event_is_copied_once() {
    let to = |members: usize, bytes: usize| instructions(&format!("sockets/to {members}, of {bytes} bytes"));
    let (short, long) = (to(1, PAYLOAD), to(1, LONG_PAYLOAD));
    let ten = |one, eleven: i64| eleven - one;
    let ten_short = ten(short, to(11, PAYLOAD));
    let ten_long = ten(long, to(11, LONG_PAYLOAD));
    // With the widest registers that callgrind knows, ten copies would be 30,000 instructions at the least.
    assert!(ten_short > 0 && (ten_long - ten_short).abs() < 1000, "ten deliveries: {ten_short}, {ten_long}");
    let copy = |bytes: usize| instructions(&format!("copy/{bytes} bytes"));
    let copies = (long - short) as f64 / (copy(LONG_PAYLOAD) - copy(PAYLOAD)) as f64;
    assert!((0.9..1.1).contains(&copies), "copied {copies:.2} times");
}

/// Where frames lie that a member was given: as they are sent, and each of them.
type Place = (Vec<Range<usize>>, Vec<Range<usize>>);

/// Remembers the places of its frames.
#[derive(Default)]
struct Places(RefCell<Vec<Place>>);

fn places(pieces: &[Bytes]) -> Vec<Range<usize>> {
    let range = |piece: &Bytes| piece.as_ptr() as usize..piece.as_ptr() as usize + piece.len();
    pieces.iter().map(range).collect()
}

impl Outlet for Places {
    fn take(&self, frames: &Frames) {
        self.0.borrow_mut().push((places(&frames.runs), places(&frames.each)));
    }
}

#[test]
fn all_members_are_given_the_same_memory() {
    for window in WINDOWS {
        let house = House::new("room", (0..100).map(|_| Places::default()));
        house.publish("room", &event(&house.hub), window);
        house.walk();
        let given: Vec<_> = house.outlets().flat_map(|places| places.0.borrow().clone()).collect();
        assert_eq!(given.len(), 100, "one batch each");
        assert!(given.iter().all(|places| *places == given[0]));
        let (runs, each) = &given[0];
        let ends = each.iter().map(|frame| frame.end);
        assert!(ends.zip(&each[1..]).all(|(end, next)| end == next.start), "side by side");
        assert_eq!(runs.len(), 1, "and sent as one piece");
        assert_eq!(runs[0], each[0].start..each[window - 1].end);
        assert_eq!(each.len(), window);
    }
}

/// Counts the frames that it writes.
struct Counted(Arc<AtomicUsize>);

impl Encode for Counted {
    fn encode(&self, posted: &Posted, payload: &[u8], out: &mut Vec<u8>) -> Option<Range<usize>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        RoomsFrame(Framing::WebSocket).encode(posted, payload, out)
    }
}

#[test]
fn an_event_is_encoded_once_in_each_form_that_somebody_gets() {
    let (written, mut forms) = ([(); 3].map(|()| Arc::<AtomicUsize>::default()), Forms::default());
    let [first, second, _nobodys] = written.each_ref().map(|count| forms.add(Counted(Arc::clone(count))));
    let members = (0..100).map(|number| (if number % 3 == 0 { first } else { second }, Sink::default()));
    let house = House::with(forms, "room", members);
    house.publish("room", &event(&house.hub), 16);
    house.walk();
    assert_eq!(written.map(|count| count.load(Ordering::Relaxed)), [16, 16, 0]);
}
