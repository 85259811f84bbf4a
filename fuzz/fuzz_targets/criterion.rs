//! A criterion as any client may send it, and data that it is asked about.
#![no_main]

use std::rc::Rc;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use tidegate::dialect::RoomsFrame;
use tidegate::frame::{Cursor, Epoch, Event, Form, Forms, Frames, Posted, RoomId, Timestamp};
use tidegate::hub::{Config, Criterion, Filter, Guest, Hub, Order, Present, Rules, Seat, SessionInfo, Shard};
use tidegate::metrics::Metrics;

/// A session that is only asked what it lets through.
struct Member(Seat);

impl Guest for Member {
    fn seat(&self) -> &Seat {
        &self.0
    }

    fn deliver(&self, _: &Rc<Frames>) {}

    fn room_left(&self) -> usize {
        usize::MAX
    }

    fn order(self: Rc<Self>, _: Order) {}

    fn info(&self) -> SessionInfo {
        unreachable!("nobody asks")
    }

    fn present(&self) -> Present {
        unreachable!("nobody asks")
    }
}

static HUB: LazyLock<(Arc<Hub>, Form)> = LazyLock::new(|| {
    let mut forms = Forms::default();
    let form = forms.add(RoomsFrame);
    let config = Config { shards: 1, mailbox: 1 << 20, rooms_per_session: 1 };
    (Arc::new(Hub::new(config, Rules::new([]), forms, Metrics::new(1))), form)
});

/// Whether an event with these data passes; the others are held beside it.
fn passes(criterion: &Arc<Criterion>, others: &[&str], data: &[u8]) -> bool {
    let (hub, form) = &*HUB;
    let shard = Shard::new(hub, 0);
    let members: Vec<_> = others
        .iter()
        .map(|text| {
            let member = Rc::new(Member(Seat::new(Some(*form))));
            shard.set_filter(&member, Filter::new(Vec::new(), text.parse().ok().map(Arc::new)));
            member
        })
        .collect();
    let member = Rc::new(Member(Seat::new(Some(*form))));
    shard.set_filter(&member, Filter::new(Vec::new(), Some(Arc::clone(criterion))));
    for other in &members {
        shard.set_filter(other, Filter::default());
    }
    let event = Event {
        kind: hub.types().find("alert_triggered").expect("it is the gateway's own"),
        data: data.to_vec().into(),
        source: "fuzz".into(),
        key: None,
        id: None,
        time: Timestamp(0),
    };
    let room = RoomId { number: 1, name: "room".into(), class: 0 };
    let cursor = Cursor { epoch: Epoch(1), offset: 1 };
    let posted = Arc::new(Posted::new(event, room, cursor, false, Instant::now()));
    shard.let_through(&member, &[posted]).len() == 1
}

fuzz_target!(|input: &[u8]| {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (text, data) = (&input[..end], input.get(end + 1..).unwrap_or_default());
    let Ok(text) = std::str::from_utf8(text) else { return };
    let Ok(criterion) = text.parse::<Criterion>() else { return };
    let normal: Criterion = criterion.to_string().parse().expect("a normal form can be read");
    assert_eq!(normal.text(), criterion.text());
    let (criterion, not) = (Arc::new(criterion), format!("not ({normal})"));
    let alone = passes(&criterion, &[], data);
    assert_eq!(alone, passes(&Arc::new(normal), &["exists(data.a)", "data.a[0] == 1"], data));
    if let Ok(not) = not.parse() {
        assert_ne!(alone, passes(&Arc::new(not), &[], data));
    }
});
