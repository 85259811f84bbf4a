//! A criterion as any client may send it, and data that it is asked about.
#![no_main]

use std::sync::Arc;
use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use tidegate::frame::{Cursor, Epoch, Event, EventType, Posted, RoomId, Timestamp};
use tidegate::hub::{Criterion, Filter, Filters};
use tidegate::metrics::Metrics;

fn posted(data: &[u8]) -> Arc<Posted> {
    let event = Event {
        kind: EventType { number: 0, name: "alert_triggered".into() },
        data: data.to_vec().into(),
        source: "fuzz".into(),
        key: None,
        id: None,
        tags: None,
        time: Timestamp(0),
    };
    let room = RoomId { number: 1, name: "room".into(), class: 0 };
    let cursor = Cursor { epoch: Epoch(1), offset: 1 };
    Arc::new(Posted::new(event, room, cursor, false, Instant::now()))
}

fn filter(criterion: &str) -> Filter {
    let criterion: Criterion = criterion.parse().expect("it was read before");
    Filter::new(Vec::new(), Some(Arc::new(criterion)))
}

/// Whether an event passes, on a shard where others hold criteria, and some of them have let go of theirs.
fn passes(criterion: &str, others: &[&str], posted: &Arc<Posted>) -> bool {
    let mut filters = Filters::new(Arc::clone(Metrics::new(1).shard(0)));
    let held: Vec<_> = others.iter().map(|other| filters.hold(filter(other))).collect();
    let asked = filters.hold(filter(criterion));
    held.into_iter().step_by(2).for_each(|other| filters.release(other));
    filters.let_through(asked, std::slice::from_ref(posted)).len() == 1
}

fuzz_target!(|input: &[u8]| {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (text, data) = (&input[..end], input.get(end + 1..).unwrap_or_default());
    let Ok(text) = std::str::from_utf8(text) else { return };
    let Ok(criterion) = text.parse::<Criterion>() else { return };
    let normal: Criterion = criterion.text().parse().expect("a normal form can be read");
    assert_eq!(normal, criterion);
    let posted = posted(data);
    let alone = passes(text, &[], &posted);
    assert_eq!(alone, passes(normal.text(), &["exists(data.a)", "data.a[0] == 1", "tags.x < 2"], &posted));
    let negation = format!("not ({normal})");
    if negation.parse::<Criterion>().is_ok() {
        assert_ne!(alone, passes(&negation, &[text], &posted));
    }
});
