//! A plugin's event through the real ABI: its payload is read from the plugin's own memory, copied once, into its frame, and
//! the way into the hub allocates twice at most. One test, as allocations are counted over all threads.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::fs;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use tidegate::dialect::RoomsFrame;
use tidegate::frame::{Form, Forms, Posted};
use tidegate::hub::Follow;
use tidegate::plugin::Validate;
use tidegate::transport::Framing;
use tidegate_benches::{Allocated, Counting, House, Into, Payload, Publisher, ROOM, Sink};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Remembers each event, and where its payload lay when it was posted.
#[derive(Default)]
struct Watch(Mutex<Vec<(Arc<Posted>, usize)>>);

impl Follow for Watch {
    fn offer(&self, posted: &Arc<Posted>) {
        self.0.lock().unwrap().push((Arc::clone(posted), posted.payload().as_ptr() as usize));
    }
}

/// Where the plugin's library lies in memory.
fn library() -> Vec<Range<usize>> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    // Its file is a copy that has been removed.
    let ours = maps.lines().filter(|line| line.contains("/publisher.so"));
    let parse = |digits: &str| usize::from_str_radix(digits, 16).unwrap();
    let range = |line: &str| {
        let (from, to) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        parse(from)..parse(to)
    };
    ours.map(range).collect()
}

fn is_in_the_frame(posted: &Posted, form: Form) -> bool {
    let frame = posted.frame(form).unwrap().as_ptr_range();
    let payload = posted.payload();
    let payload = payload.as_ptr_range();
    frame.start < payload.start && payload.end < frame.end
}

/// Times that anybody allocates per event, in batches of which each costs its share.
fn allocations(publisher: &Publisher) -> f64 {
    let of = |events: usize| {
        let before = Allocated::times_everywhere();
        publisher.publish(events, 64, Payload::Fields, Into::Nobodys);
        Allocated::times_everywhere() - before
    };
    let (few, many) = (1 << 10, 1 << 13);
    for _ in 0..3 {
        of(many); // tables and queues come to their sizes
    }
    (of(many) as f64 - of(few) as f64) / (many - few) as f64
}

#[test]
fn a_plugins_payload_is_read_where_it_is_and_its_way_allocates_twice_at_most() {
    let mut forms = Forms::default();
    let form = forms.add(RoomsFrame(Framing::WebSocket));
    let house = House::with(forms, ROOM, [(form, Sink::default())]);
    let publisher = Publisher::start(&house.hub, Validate::Sample);
    let per_event = allocations(&publisher);
    assert!(per_event > 0.0 && per_event <= 2.05, "{per_event} allocations per event");

    let watch = Arc::new(Watch::default());
    house.hub.follow(&[ROOM.into()], Arc::clone(&watch) as Arc<dyn Follow>);
    publisher.publish(64, 64, Payload::Fields, Into::Bench);
    let library = library();
    let seen = watch.0.lock().unwrap();
    assert_eq!(seen.len(), 64);
    for (posted, place) in &*seen {
        assert!(
            library.iter().any(|part| part.contains(place)),
            "{place:#x} is none of the plugin's {library:x?}"
        );
        // Somebody keeps it: it was encoded, which was its one copy, and the plugin has its memory back.
        assert!(is_in_the_frame(posted, form));
    }
}
