//! Publish, mailbox, walk, filters: the hub in memory, with members that only count.

use std::rc::Rc;
use std::sync::Arc;

use criterion::Throughput;
use tidegate::hub::Filter;

use crate::{House, Round, Sink, Stop, TYPE, WINDOWS, event};

/// Members of one room on one shard.
const CROWDS: [usize; 3] = [1, 100, 10_000];
/// Members of the room whose members filter.
const FILTERING: usize = 10_000;
/// Filters that they have among them.
const DISTINCT: usize = 100;
/// As many as a turn takes.
const BATCH: usize = 64;

pub(super) fn stops() -> Vec<Stop> {
    let kept = [("nobody there", "empty"), ("nobody there, kept", "kept:empty")];
    let walks = CROWDS.into_iter().flat_map(|members| WINDOWS.map(|window| walk(members, window)));
    let mut stops: Vec<Stop> = kept.map(|(name, room)| publish(name, room)).into();
    stops.push(publish_to_a_member());
    stops.extend([mailbox(1), mailbox(BATCH)]);
    stops.extend(walks);
    stops.extend(filters());
    stops
}

fn crowd(members: usize) -> Rc<House<Sink>> {
    Rc::new(House::new("room", (0..members).map(|_| Sink::default())))
}

fn events(count: usize) -> Throughput {
    Throughput::Elements(count as u64)
}

/// What a publisher waits for where nobody is there: a place in the room.
fn publish(name: &str, room: &'static str) -> Stop {
    Stop::new("publish", name, events(1), move || {
        let house = crowd(0);
        let event = event(&house.hub);
        house.publish(room, &event, 1000); // what is kept is full
        Round::new(move || house.publish(room, &event, 1))
    })
}

/// The same where somebody is there: a place, and a reference in the mailbox. Nobody is walked.
fn publish_to_a_member() -> Stop {
    Stop::new("publish", "64 to a member", events(BATCH), || {
        let house = crowd(1);
        let event = event(&house.hub);
        let walked = Rc::clone(&house);
        Round::new(move || house.publish("room", &event, BATCH)).settled_by(move || walked.walk())
    })
}

/// From the mailbox to the turns of so many rooms. The member of each wants none of it, so nothing is encoded or walked far.
fn mailbox(rooms: usize) -> Stop {
    let name = format!("{BATCH} events of {rooms} room{}", if rooms == 1 { "" } else { "s" });
    Stop::new("mailbox", name, events(BATCH), move || {
        let house = crowd(1);
        let names: Vec<String> = (0..rooms).map(|number| format!("room {number}")).collect();
        names.iter().for_each(|name| house.join(name));
        house.subscribe(|_| vec![Arc::from("other")]);
        let event = event(&house.hub);
        let walked = Rc::clone(&house);
        let fill = move || names.iter().cycle().take(BATCH).for_each(|name| house.publish(name, &event, 1));
        fill();
        Round::new(move || walked.walk()).settled_by(fill)
    })
}

/// A publish and its walk; an element is a delivery.
fn walk(members: usize, window: usize) -> Stop {
    let name = format!("to {members}/{window} in flight");
    Stop::new("walk", name, events(members * window), move || {
        let house = crowd(members);
        let event = event(&house.hub);
        Round::new(move || {
            house.publish("room", &event, window);
            house.walk();
        })
    })
}

/// The walk without filters, with a hundred that let the event through, and with a hundred that do not: by its type, and
/// by criteria, all of which look at its data.
fn filters() -> [Stop; 5] {
    fn other(number: usize) -> Arc<str> {
        format!("other_{}_*", number % DISTINCT).into()
    }
    fn criterion(number: usize, sign: &str) -> Filter {
        let text = format!("tags.kind == \"{}\" or data.text {sign} \"\"", number % DISTINCT);
        Filter::new(Vec::new(), Some(Arc::new(text.parse().unwrap())))
    }
    type Make = fn(usize) -> Filter;
    let kinds: [(&str, Option<Make>); 5] = [
        ("none", None),
        ("100 that let through", Some(|number| vec![TYPE.into(), other(number)].into())),
        ("100 that hold back", Some(|number| vec![other(number)].into())),
        ("100 criteria that let through", Some(|number| criterion(number, "!="))),
        ("100 criteria that hold back", Some(|number| criterion(number, "=="))),
    ];
    kinds.map(|(name, filter)| {
        Stop::new("filters", name, events(FILTERING), move || {
            let house = crowd(FILTERING);
            if let Some(filter) = filter {
                house.subscribe(filter);
            }
            let event = event(&house.hub);
            Round::new(move || {
                house.publish("room", &event, 1);
                house.walk();
            })
        })
    })
}
