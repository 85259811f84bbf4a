//! A backlog alone: whatever comes, however little is taken at a time, and whatever is dropped, the client sees what the
//! model says, to the byte.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use proptest::prelude::*;
use tidegate::frame::{Cursor, Epoch, Form, Forms, Frames, Posted, RoomId};
use tidegate::hub::{Config, Hub, Rule, Rules, Slow};
use tidegate::metrics::Metrics;
use tidegate::session::{Budget, Ledger};

use super::client::{Named, event};
use super::slow::{Seen, SlowWire};

const ROOMS: [&str; 3] = ["one", "two", "three"];

#[derive(Clone, Debug)]
enum Step {
    /// So many events of a room, each so long.
    Events {
        room: usize,
        lengths: Vec<usize>,
    },
    Reply(usize),
    Drain(usize),
    /// A room's events may be dropped from here on, or no longer.
    Rule {
        room: usize,
        slow: bool,
    },
    /// The client is told where it stands.
    Fence,
    /// What a room replays begins anew.
    Replay {
        room: usize,
        back: u64,
    },
    GiveWay,
}

fn step() -> impl Strategy<Value = Step> {
    let lengths = prop::collection::vec(0..120_usize, 1..6);
    prop_oneof![
        8 => (0..ROOMS.len(), lengths).prop_map(|(room, lengths)| Step::Events { room, lengths }),
        2 => (1..60_usize).prop_map(Step::Reply),
        4 => (0..400_usize).prop_map(Step::Drain),
        1 => (0..ROOMS.len(), any::<bool>()).prop_map(|(room, slow)| Step::Rule { room, slow }),
        1 => Just(Step::Fence),
        1 => (0..ROOMS.len(), 0..5_u64).prop_map(|(room, back)| Step::Replay { room, back }),
        1 => Just(Step::GiveWay),
    ]
}

struct Bench {
    hub: Arc<Hub>,
    form: Form,
    wire: SlowWire,
    drops: [bool; 3],
    offsets: [u64; 3],
}

impl Bench {
    fn new(bound: usize, drops: [bool; 3]) -> Self {
        let mut forms = Forms::default();
        let form = forms.add(Named);
        let metrics = Metrics::new(1);
        let config = Config { shards: 1, mailbox: 1 << 20, rooms_per_session: 3 };
        let hub = Arc::new(Hub::new(config, Rules::new(rules(drops)), forms, Arc::clone(&metrics)));
        let ledger = Ledger::new(&hub, 0, &Budget::new(usize::MAX, &metrics));
        Self { hub, form, wire: SlowWire::new(&ledger, bound), drops, offsets: [0; 3] }
    }

    fn frames(&mut self, room: usize, lengths: &[usize]) -> Rc<Frames> {
        let posted = lengths.iter().map(|length| {
            self.offsets[room] += 1;
            let id = RoomId { number: room as u64 + 1, name: ROOMS[room].into(), class: 0 };
            let cursor = Cursor { epoch: Epoch(7), offset: self.offsets[room] };
            let event = event(&self.hub, "error", &format!("{};", "x".repeat(*length)));
            Arc::new(Posted::new(event, id, cursor, false, Instant::now()))
        });
        let posted: Vec<_> = posted.collect();
        Rc::new(self.hub.forms().frames(self.form, &posted))
    }

    fn go(&mut self, step: &Step) {
        match step {
            Step::Events { room, lengths } => {
                let frames = self.frames(*room, lengths);
                self.wire.deliver(&frames, self.drops[*room], None);
            }
            Step::Reply(length) => self.wire.reply(&format!("{};", "r".repeat(*length))),
            Step::Drain(bytes) => self.wire.drain(*bytes),
            Step::Rule { room, slow } => {
                self.drops[*room] = *slow;
                self.hub.set_rules(rules(self.drops));
                self.wire.fence();
            }
            Step::Fence => self.wire.fence(),
            Step::Replay { room, back } => {
                self.offsets[*room] = self.offsets[*room].saturating_sub(*back);
                self.wire.fence();
            }
            Step::GiveWay => drop(self.wire.give_way()),
        }
    }
}

fn rules(drops: [bool; 3]) -> impl Iterator<Item = Rule> {
    ROOMS.into_iter().zip(drops).map(|(room, drops)| Rule {
        prefix: room.into(),
        slow: if drops { Slow::DropOldest } else { Slow::Disconnect },
        ..Rule::default()
    })
}

proptest! {
    #[test]
    fn a_client_sees_what_was_sent_but_for_what_its_gaps_say(
        bound in 50..2000_usize,
        drops in any::<[bool; 3]>(),
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut bench = Bench::new(bound, drops);
        for step in &steps {
            bench.go(step);
        }
        bench.wire.drain(usize::MAX);
        prop_assert_eq!(bench.wire.waits(), 0);
        drop(bench.wire);
        prop_assert_eq!(bench.hub.metrics().backlog_held.get(), 0, "all that was held is given back");
        let counters = bench.hub.metrics().shard(0);
        prop_assert_eq!((counters.backlog_frames.get(), counters.backlog_bytes.get()), (0, 0));
        prop_assert_eq!(counters.slow_sessions.get(), 0);
    }

    #[test]
    fn what_a_client_gets_and_what_its_gaps_count_is_what_was_published(
        bound in 50..2000_usize,
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut bench = Bench::new(bound, [true; 3]);
        for step in &steps {
            if !matches!(step, Step::Rule { .. } | Step::Replay { .. }) {
                bench.go(step);
            }
        }
        bench.wire.drain(usize::MAX);
        prop_assert!(!bench.wire.is_closed());
        let mut next = [1; 3];
        let place = |room: &str| ROOMS.iter().position(|known| *known == room).unwrap();
        for seen in bench.wire.take_seen() {
            match seen {
                Seen::Reply => {}
                Seen::Gap { room, count, after, last } => {
                    let next = &mut next[place(&room)];
                    prop_assert_eq!((after, count), (*next - 1, last - after), "nothing was filtered out");
                    *next = last + 1;
                }
                Seen::Event(frame) => {
                    let mut parts = frame.split('|');
                    let next = &mut next[place(parts.next().unwrap())];
                    prop_assert_eq!(parts.next().unwrap(), next.to_string());
                    *next += 1;
                }
            }
        }
        prop_assert_eq!(next, bench.offsets.map(|last| last + 1));
    }
}
