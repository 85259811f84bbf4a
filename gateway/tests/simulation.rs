//! A seeded model against the hub: random publishes, joins, leaves, recoveries, closes and full mailboxes, with
//! slices of fan-out in between. Whatever happens, each member gets exactly the events after its join's cursor,
//! in order, once, until it leaves; a refused publish has changed nothing. Members that are slow get less, as their rooms'
//! rules, their own bounds and the node's budget say, and are told exactly what.
//!
//! `SIMULATION_SEEDS=10000 cargo test -p tidegate --test simulation` runs more seeds than the default; `5000..10000` as well
//! as a number takes those from one to another.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

#[path = "simulation/client.rs"]
mod client;
#[path = "simulation/durable.rs"]
mod durable;
#[path = "simulation/property.rs"]
mod property;
#[path = "simulation/slow.rs"]
mod slow;

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use client::{Client, Named, Nameless, event, event_of};
use rand::prelude::*;
use rand::rngs::StdRng;
use slow::{Seen, SlowWire};
use tidegate::frame::{Cursor, Epoch, Form, Forms, Posted, Since};
use tidegate::history::Keep;
use tidegate::hub::{
    Cause, Config, Entered, Filter, Follow, Guest, Hub, Joined, Order, Placed, PublishError, ReadOn, Rule,
    Rules, Shard, Slow, UserLimit,
};
use tidegate::metrics::Metrics;
use tidegate::session::{Budget, Ledger, Way};

const ROOMS: [&str; 7] = ["plain:a", "plain:b", "kept:a", "kept:b", "long:a", "drop:a", "drop:b"];
const TYPES: [&str; 2] = ["gap", "error"];
const ROOMS_PER_SESSION: usize = 4;

/// What the model holds of a membership: the events that its client is owed.
#[derive(Debug)]
struct Expected {
    after: u64,
    /// Announced as lost: these offsets are not owed.
    gaps: Vec<Range<u64>>,
    /// The start of the types that are let through.
    lets: &'static str,
}

/// A room as the model knows it: its life, and each event's type and payload from offset 1 on.
#[derive(Default)]
struct Log {
    epoch: Option<Epoch>,
    events: Vec<(&'static str, String)>,
}

impl Log {
    /// A new epoch: the room was forgotten, which means that nobody was in it.
    fn enter(&mut self, epoch: Epoch) {
        if self.epoch.replace(epoch) != Some(epoch) {
            self.events.clear();
        }
    }
}

struct Session {
    shard: usize,
    client: Rc<Client>,
    lets: &'static str,
    rooms: HashMap<&'static str, Expected>,
}

struct World {
    rng: StdRng,
    hub: Arc<Hub>,
    shards: Vec<Rc<Shard<Client>>>,
    budget: Arc<Budget>,
    ledgers: Vec<Rc<Ledger>>,
    limit: usize,
    sessions: Vec<Session>,
    log: HashMap<String, Log>,
    serial: u64,
    form: Form,
    count: Count,
}

/// What has happened, so that it can be said that everything has.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    busy: usize,
    gaps: usize,
    /// Sessions closed for what waited for them.
    bound: usize,
    /// Sessions closed for what waited for all.
    node: usize,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut forms = Forms::default();
        let form = forms.add(Named);
        let keep = |prefix: &str, size| Rule {
            prefix: prefix.into(),
            keep: Keep { size, ttl: Duration::ZERO },
            ..Rule::default()
        };
        let mut rng = StdRng::seed_from_u64(seed);
        let config = Config {
            shards: rng.random_range(1..=3),
            mailbox: rng.random_range(2_000..40_000),
            rooms_per_session: ROOMS_PER_SESSION,
        };
        let drops = Rule { slow: Slow::DropOldest, ..keep("drop:", 8) };
        let rules = Rules::new([keep("kept:", 8), keep("long:", 1000), drops]);
        let hub = Arc::new(Hub::new(config.clone(), rules, forms, Metrics::new(config.shards)));
        let shards = (0..config.shards).map(|index| Shard::new(&hub, index)).collect();
        let limit = rng.random_range(20_000..200_000);
        let budget = Budget::new(limit, hub.metrics());
        let ledgers = (0..config.shards).map(|index| Ledger::new(&hub, index, &budget)).collect();
        let (sessions, log, count) = (Vec::new(), HashMap::new(), Count::default());
        Self { rng, hub, shards, budget, ledgers, limit, sessions, log, serial: 0, form, count }
    }

    fn step(&mut self) {
        match self.rng.random_range(0..100) {
            0..35 => self.publish(),
            35..60 => self.slice(),
            60..70 => self.connect(),
            70..82 => self.join(),
            82..89 => self.leave(),
            89..92 => self.read_on(),
            92..96 => self.drain(),
            96 => self.set_limit(),
            _ => self.disconnect(),
        }
        self.give_way();
        self.reap();
    }

    /// A reload gives the node another budget.
    fn set_limit(&mut self) {
        self.limit = self.rng.random_range(20_000..200_000);
        self.budget.set_limit(self.limit);
    }

    /// A slow client takes something.
    fn drain(&mut self) {
        let slow: Vec<usize> =
            (0..self.sessions.len()).filter(|at| self.sessions[*at].client.wire.is_some()).collect();
        let Some(at) = slow.choose(&mut self.rng) else { return };
        let bytes = self.rng.random_range(0..4000);
        self.sessions[*at].client.wire.as_ref().unwrap().drain(bytes);
    }

    /// What the shards do when more is held than may be: those that are furthest behind give way, until no more is held, or
    /// nobody is left for whom anything waits.
    fn give_way(&mut self) {
        let furthest = |world: &Self| {
            let shards = world.ledgers.iter().zip(&world.shards);
            shards.into_iter().find_map(|(ledger, shard)| shard.guest(ledger.furthest()?))
        };
        // The first answer may be that another shard's turn it is.
        while let Some(client) = furthest(self) {
            if client.wire.as_ref().unwrap().give_way() == Way::Close {
                self.count.node += 1;
            }
        }
        let held = self.hub.metrics().backlog_held.get() as usize;
        let waits = self.sessions.iter().filter_map(|session| session.client.wire.as_ref());
        let waits: usize = waits.map(|wire| wire.events()).sum();
        assert!(held <= self.limit || waits == 0, "{held} of {} are held", self.limit);
    }

    /// Sessions for which too much waits are closed.
    fn reap(&mut self) {
        let closed = |session: &Session| session.client.wire.as_ref().is_some_and(|wire| wire.is_closed());
        while let Some(at) = self.sessions.iter().position(closed) {
            self.count.bound += 1;
            self.close(at);
        }
    }

    fn pick(&mut self) -> Option<(usize, &'static str)> {
        let room = ROOMS[self.rng.random_range(0..ROOMS.len())];
        (!self.sessions.is_empty()).then(|| (self.rng.random_range(0..self.sessions.len()), room))
    }

    fn connect(&mut self) {
        let shard = self.rng.random_range(0..self.shards.len());
        self.serial += 1;
        let id = format!("c{}", self.serial);
        let client = if self.rng.random_bool(0.2) {
            let wire = SlowWire::new(&self.ledgers[shard], self.rng.random_range(1000..20_000));
            wire.space.set(self.rng.random_range(0..2000));
            Client::slow(wire, &id, self.form)
        } else {
            Client::new(&id, self.form)
        };
        client.space.set(self.rng.random_range(100..6000));
        let entered = self.shards[shard].open(&client, &client.id, None, UserLimit::None);
        assert_eq!(entered, Entered::In(None));
        let lets = if self.rng.random_bool(0.4) { "ga" } else { "" };
        if !lets.is_empty() {
            // The same by its type, and by a criterion that looks at what events say, too.
            let criterion = || r#"event_type >= "ga" and event_type < "gb" and data > """#.parse().unwrap();
            let filter = match self.serial % 2 {
                0 => Filter::new(vec!["ga*".into()], None),
                _ => Filter::new(Vec::new(), Some(Arc::new(criterion()))),
            };
            self.shards[shard].set_filter(&client, filter);
        }
        self.sessions.push(Session { shard, client, lets, rooms: HashMap::new() });
    }

    fn publish(&mut self) {
        let count = if self.rng.random_bool(0.3) { self.rng.random_range(2..4) } else { 1 };
        let rooms: Vec<&str> = (0..count).map(|_| ROOMS[self.rng.random_range(0..ROOMS.len())]).collect();
        let kind = TYPES[self.rng.random_range(0..TYPES.len())];
        self.serial += 1;
        let payload = format!("\"{}{}\"", self.serial, "x".repeat(self.rng.random_range(0..200)));
        let before: Vec<_> = rooms.iter().map(|room| self.hub.room(room)).collect();
        match self.hub.publish(&rooms, &event(&self.hub, kind, &payload)) {
            Ok(receipt) => {
                for placed in receipt.now().expect("memory commits at once") {
                    self.note(&placed, kind, &payload);
                }
            }
            Err(PublishError::Busy(_)) => {
                self.count.busy += 1;
                let after: Vec<_> = rooms.iter().map(|room| self.hub.room(room)).collect();
                assert_eq!(before, after, "a refused publish has changed something");
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn note(&mut self, placed: &Placed, kind: &'static str, payload: &str) {
        let log = self.log.entry(placed.room.to_string()).or_default();
        log.enter(placed.cursor.epoch);
        log.events.push((kind, payload.to_owned()));
        assert_eq!(placed.cursor.offset, log.events.len() as u64, "{placed:?}");
    }

    fn slice(&mut self) {
        let shard = self.rng.random_range(0..self.shards.len());
        for _ in 0..self.rng.random_range(1..6) {
            self.shards[shard].slice(Duration::ZERO);
        }
    }

    fn since(&mut self, room: &str) -> (Since, Option<Cursor>) {
        let head = self.hub.room(room).map(|info| info.cursor);
        let since = match (self.rng.random_range(0..4), head) {
            (0, Some(head)) => {
                Since::After(Cursor { offset: self.rng.random_range(0..=head.offset), ..head })
            }
            (1, _) => Since::Start,
            (2, _) => Since::Last(self.rng.random_range(0..12)),
            _ => Since::Now,
        };
        (since, head)
    }

    fn join(&mut self) {
        let Some((at, room)) = self.pick() else { return };
        let (since, head) = self.since(room);
        let session = &mut self.sessions[at];
        let Ok(joined) = self.shards[session.shard].join(&session.client, room, since) else {
            assert_eq!(session.rooms.len(), ROOMS_PER_SESSION, "only the number of rooms may refuse");
            return;
        };
        if since == Since::Now && session.rooms.contains_key(room) {
            return; // it was told where it stands
        }
        session.catch_up();
        session.client.forget(room);
        self.log.entry(room.into()).or_default().enter(joined.cursor.epoch);
        let expected = Expected { after: joined.cursor.offset, gaps: Vec::new(), lets: session.lets };
        session.rooms.insert(room, expected);
        check_reply(&joined, since, head);
        session.replay(&self.hub, &joined.replay);
    }

    fn leave(&mut self) {
        let Some((at, room)) = self.pick() else { return };
        let session = &mut self.sessions[at];
        session.catch_up();
        let left = self.shards[session.shard].leave(&session.client, room);
        let expected = session.rooms.remove(room);
        assert_eq!(left, expected.is_some());
        if let Some(expected) = expected {
            expected.check(&session.client, room, &self.log[room]);
        }
        session.client.forget(room);
    }

    fn read_on(&mut self) {
        if let Some((at, _)) = self.pick() {
            self.sessions[at].read_on(&self.hub, &self.shards);
        }
    }

    fn disconnect(&mut self) {
        if let Some((at, _)) = self.pick() {
            self.close(at);
        }
    }

    fn close(&mut self, at: usize) {
        let session = self.sessions.swap_remove(at);
        self.shards[session.shard].close(&session.client, &session.client.id, None);
        for (room, expected) in &session.rooms {
            expected.check(&session.client, room, &self.log[*room]);
        }
        self.count.gaps += session.gaps();
    }

    /// Runs everything to its end: then each member must have all that it is owed.
    fn settle(&mut self) {
        let unfinished = |world: &Self| {
            let busy = world.shards.iter().filter(|shard| shard.slice(Duration::ZERO)).count();
            busy > 0 || world.sessions.iter().any(|session| session.client.seat().reads())
        };
        while unfinished(self) {
            for session in &mut self.sessions {
                session.catch_up();
                session.read_on(&self.hub, &self.shards);
            }
            self.reap();
        }
        self.sessions.iter().for_each(Session::catch_up);
        for session in &self.sessions {
            for (room, expected) in &session.rooms {
                let log = &self.log[*room];
                let got = expected.check(&session.client, room, log);
                assert_eq!(got, expected.owed(log).len(), "{} has not got all of {room}", session.client.id);
            }
        }
        let reserved = self.hub.mailboxes().iter().map(|mailbox| mailbox.bytes()).sum::<usize>();
        assert_eq!(reserved, 0, "bytes that were reserved are given back");
    }

    fn close_all(&mut self) {
        for session in std::mem::take(&mut self.sessions) {
            self.shards[session.shard].close(&session.client, &session.client.id, None);
            self.count.gaps += session.gaps();
        }
        assert_eq!(self.hub.metrics().backlog_held.get(), 0, "what nobody waits for any more is given back");
        assert!(self.hub.directory().is_empty());
        let left: Vec<_> = self.hub.rooms().into_iter().filter(|r| r.members > 0 || r.history == 0).collect();
        assert!(left.is_empty(), "rooms without members and history are gone: {left:?}");
    }
}

impl Session {
    /// The client takes all that waits for it.
    fn catch_up(&self) {
        if let Some(wire) = &self.client.wire {
            let space = wire.space.get();
            wire.drain(usize::MAX - space);
            wire.space.set(space);
        }
    }

    fn gaps(&self) -> usize {
        self.client.seen().iter().filter(|seen| matches!(seen, Seen::Gap { .. })).count()
    }

    /// What a session does with a replay: the frames of its form, through its filter.
    fn replay(&self, hub: &Hub, events: &[Arc<Posted>]) {
        let let_through: Vec<_> =
            events.iter().filter(|posted| posted.kind.name.starts_with(self.lets)).cloned().collect();
        let form = self.client.seat().form().expect("every client has a form");
        self.client.deliver(&Rc::new(hub.forms().frames(form, &let_through)));
    }

    fn read_on(&mut self, hub: &Hub, shards: &[Rc<Shard<Client>>]) {
        if let Some(got) = shards[self.shard].read_on(&self.client) {
            match got {
                ReadOn::Events(events) => self.replay(hub, &events),
                ReadOn::Stored { .. } => unreachable!("all of it is in memory"),
                ReadOn::Gap { room, from, to } => {
                    assert!(from.offset < to.offset, "a gap is never empty");
                    let expected = self.rooms.get_mut(&*room).expect("only members read");
                    expected.gaps.push(from.offset + 1..to.offset + 1);
                }
            }
        }
    }
}

impl Expected {
    fn owed(&self, log: &Log) -> Vec<u64> {
        let offsets = self.after + 1..=log.events.len() as u64;
        let kept = offsets.filter(|offset| !self.gaps.iter().any(|gap| gap.contains(offset)));
        kept.filter(|offset| log.events[*offset as usize - 1].0.starts_with(self.lets)).collect()
    }

    /// Checks that what the client got of `room`, and was told that it does not get, is the beginning of what it is owed;
    /// answers how much that is.
    fn check(&self, client: &Client, room: &str, log: &Log) -> usize {
        let owed = self.owed(log);
        let mut next = 0;
        for seen in client.seen() {
            match seen {
                Seen::Event(text) => {
                    let Some((offset, payload)) = event_of(&text, room) else { continue };
                    assert_eq!(owed.get(next), Some(&offset), "{} in {room}, {self:?}, {text}", client.id);
                    assert_eq!(log.events[offset as usize - 1].1, payload);
                    next += 1;
                }
                Seen::Gap { room: of, count, after, last } if *of == *room => {
                    let missing = &owed[next..next + count as usize];
                    assert!(missing.iter().all(|offset| after < *offset && *offset <= last), "{missing:?}");
                    assert_eq!((missing.first(), missing.last()), (Some(&(after + 1)), Some(&last)));
                    next += missing.len();
                }
                Seen::Gap { .. } | Seen::Reply => {}
            }
        }
        next
    }
}

fn check_reply(joined: &Joined, since: Since, head: Option<Cursor>) {
    match since {
        Since::Now => assert!(joined.recovered.is_none() && joined.replay.is_empty()),
        Since::After(cursor) if joined.recovered == Some(true) => {
            assert_eq!(joined.cursor.offset, cursor.offset);
        }
        // A room whose last member asks for its past leaves it first, and may come back with a new epoch.
        Since::After(_) => {
            assert!(joined.replay.is_empty() && (joined.cursor.offset == 0 || Some(joined.cursor) == head))
        }
        Since::Start | Since::Last(_) => assert_eq!(joined.recovered, Some(true)),
    }
}

/// The seeds of a run: so many, unless who runs it says which.
fn seeds(most: u64) -> Range<u64> {
    let Ok(said) = std::env::var("SIMULATION_SEEDS") else { return 0..most };
    let number =
        |text: &str| text.parse().expect("SIMULATION_SEEDS is a number, or two with '..' in between");
    match said.split_once("..") {
        Some((first, end)) => number(first)..number(end),
        None => 0..number(&said),
    }
}

#[test]
fn each_member_gets_exactly_the_events_after_its_join() {
    let mut all = Count::default();
    for seed in seeds(150) {
        let run = std::panic::catch_unwind(|| {
            let mut world = World::new(seed);
            // Enough members that walks are cut in the middle.
            for _ in 0..world.rng.random_range(0..80) {
                world.connect();
                (0..3).for_each(|_| world.join());
            }
            for _ in 0..400 {
                world.step();
            }
            world.settle();
            world.close_all();
            world.count
        });
        let run = run.unwrap_or_else(|_| panic!("seed {seed} failed; the reason is above"));
        all.busy += run.busy;
        all.gaps += run.gaps;
        all.bound += run.bound;
        all.node += run.node;
    }
    let nothing = all.busy == 0 || all.gaps == 0 || all.node == 0 || all.bound == all.node;
    assert!(!nothing, "not everything has happened: {all:?}");
}

fn one_shard(mailbox: usize) -> (Arc<Hub>, Rc<Shard<Client>>, Form, Form) {
    let mut forms = Forms::default();
    let (named, nameless) = (forms.add(Named), forms.add(Nameless));
    let config = Config { shards: 1, mailbox, rooms_per_session: 1 };
    let hub = Arc::new(Hub::new(config, Rules::new([]), forms, Metrics::new(1)));
    let shard = Shard::new(&hub, 0);
    (hub, shard, named, nameless)
}

fn join_from_elsewhere(hub: &Hub, shard: &Shard<Client>, client: &Client, room: &str) -> bool {
    let mut joined = hub.join(&client.id, room).expect("the session lives");
    while shard.slice(Duration::ZERO) {}
    joined.try_recv().expect("the shard has answered").is_ok()
}

#[test]
fn an_event_in_several_rooms_reaches_a_session_once_where_frames_name_no_room() {
    let mut forms = Forms::default();
    let (named, nameless) = (forms.add(Named), forms.add(Nameless));
    let config = Config { shards: 1, mailbox: 1 << 20, rooms_per_session: 10 };
    let hub = Arc::new(Hub::new(config, Rules::new([]), forms, Metrics::new(1)));
    let shard = Shard::new(&hub, 0);
    let client = |id: &str, form| {
        let client = Client::new(id, form);
        shard.open(&client, &client.id, None, UserLimit::None);
        shard.join(&client, "a", Since::Now).unwrap();
        shard.join(&client, "b", Since::Now).unwrap();
        client
    };
    let (one, two) = (client("one", nameless), client("two", named));
    for (rooms, payload) in [(&["a"][..], "1"), (&["b", "a"], "2"), (&["a", "b"], "3"), (&["b"], "4")] {
        hub.publish(rooms, &event(&hub, "gap", payload)).unwrap();
    }
    hub.order("one", Order::Close(Cause::Administrator));
    while shard.slice(Duration::ZERO) {}
    let mut once = one.texts();
    assert_eq!(*one.orders.borrow(), ["Close after 4"], "an order comes after the events before it");
    once.sort();
    assert_eq!(once, ["1", "2", "3", "4"]);
    let given = |room| two.got_in(room).into_iter().map(|(offset, text)| format!("{offset}:{text}"));
    assert_eq!(given("a").collect::<Vec<_>>(), ["1:1", "2:2", "3:3"]);
    assert_eq!(given("b").collect::<Vec<_>>(), ["1:2", "2:3", "3:4"]);
}

#[test]
fn events_in_several_rooms_each_that_are_walked_side_by_side_reach_a_session_once_where_frames_name_no_room()
{
    let mut forms = Forms::default();
    let nameless = forms.add(Nameless);
    let config = Config { shards: 1, mailbox: 1 << 20, rooms_per_session: 10 };
    let hub = Arc::new(Hub::new(config, Rules::new([]), forms, Metrics::new(1)));
    let shard = Shard::new(&hub, 0);
    // So many that no slice has time for a room's.
    let clients: Vec<_> = (0..40).map(|n| Client::new(&n.to_string(), nameless)).collect();
    for client in &clients {
        shard.open(client, &client.id, None, UserLimit::None);
        for room in ["a", "b", "c", "d"] {
            shard.join(client, room, Since::Now).unwrap();
        }
    }
    for (rooms, payload) in [(["a", "b"], "1"), (["c", "d"], "2")] {
        hub.publish(&rooms, &event(&hub, "gap", payload)).unwrap();
    }
    while shard.slice(Duration::ZERO) {}
    for client in &clients {
        let mut once = client.texts();
        once.sort();
        assert_eq!(once, ["1", "2"]);
    }
}

#[test]
fn who_joins_a_session_from_elsewhere_and_then_publishes_reaches_it() {
    let (hub, shard, named, _) = one_shard(1 << 20);
    let client = Client::new("far", named);
    shard.open(&client, &client.id, None, UserLimit::None);
    let mut joined = hub.join("far", "a").unwrap();
    hub.publish(&["a"], &event(&hub, "gap", "1")).unwrap();
    while shard.slice(Duration::ZERO) {}
    assert!(joined.try_recv().unwrap().is_ok());
    assert_eq!(client.got_in("a"), [(1, "1".to_owned())]);
    assert!(join_from_elsewhere(&hub, &shard, &client, "a"), "who is in a room may be joined to it again");
    assert_eq!(hub.room("a").unwrap().members, 1);
    assert!(!join_from_elsewhere(&hub, &shard, &client, "b"), "one room at most");
    assert!(hub.room("b").is_none());
}

#[test]
fn an_event_with_an_id_is_sent_once() {
    let (hub, shard, named, _) = one_shard(1 << 20);
    let client = Client::new("one", named);
    shard.open(&client, &client.id, None, UserLimit::None);
    shard.join(&client, "a", Since::Now).unwrap();
    let publish = || {
        let event = tidegate::frame::Event { id: Some("same".into()), ..event(&hub, "gap", "1") };
        hub.publish(&["a"], &event).unwrap().now().unwrap()
    };
    let (first, again) = (publish(), publish());
    assert_eq!((first[0].sent, again[0].sent), (1, 0));
    assert_eq!(first[0].cursor, again[0].cursor);
    while shard.slice(Duration::ZERO) {}
    assert_eq!(client.got_in("a").len(), 1);
}

#[test]
fn a_flood_fills_its_own_share_and_other_rooms_go_on() {
    let (hub, shard, named, _) = one_shard(8_000);
    let clients = ["hot", "calm"].map(|room| {
        let client = Client::new(room, named);
        shard.open(&client, &client.id, None, UserLimit::None);
        shard.join(&client, room, Since::Now).unwrap();
        client
    });
    let mut taken = 0;
    while hub.publish(&["hot"], &event(&hub, "gap", "1")).is_ok() {
        taken += 1;
    }
    hub.publish(&["calm"], &event(&hub, "gap", "2")).expect("the flood has filled only its own share");
    while shard.slice(Duration::ZERO) {}
    assert_eq!(clients[0].got_in("hot").len(), taken);
    assert_eq!(clients[1].got_in("calm").len(), 1);
    hub.publish(&["hot"], &event(&hub, "gap", "3")).expect("there is space again");
}

#[test]
fn the_walk_keeps_pace_with_other_tasks_of_its_shard() {
    let (hub, shard, named, _) = one_shard(1 << 20);
    let client = Client::new("one", named);
    shard.open(&client, &client.id, None, UserLimit::None);
    shard.join(&client, "a", Since::Now).unwrap();
    while shard.slice(Duration::ZERO) {}
    hub.publish(&["a"], &event(&hub, "gap", "1")).unwrap();
    shard.keep_pace();
    assert_eq!(client.texts().len(), 0, "its own task has not missed its turn yet");
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(1) {} // what other tasks take
    shard.keep_pace();
    assert_eq!(client.texts().len(), 1);
}

#[test]
fn a_filter_that_takes_another_ones_number_in_the_middle_of_a_walk_is_judged_anew() {
    let (hub, shard, named, _) = one_shard(1 << 20);
    let clients: Vec<_> = (0..40)
        .map(|number| {
            let client = Client::new(&format!("c{number}"), named);
            shard.open(&client, &client.id, None, UserLimit::None);
            shard.join(&client, "a", Since::Now).unwrap();
            client
        })
        .collect();
    let (first, last) = (&clients[0], &clients[39]);
    shard.set_filter(first, vec!["error".into()]);
    while shard.slice(Duration::ZERO) {}
    hub.publish(&["a"], &event(&hub, "gap", "1")).unwrap();
    assert!(shard.slice(Duration::ZERO), "a slice without time has cut the walk");
    assert_eq!((first.texts().len(), last.texts().len()), (0, 0));
    shard.set_filter(first, Vec::new());
    shard.set_filter(last, vec!["gap".into()]);
    while shard.slice(Duration::ZERO) {}
    assert_eq!(last.got_in("a"), [(1, "1".to_owned())]);
}

/// A follower that keeps all that it is offered.
#[derive(Default)]
struct Keeper(std::sync::Mutex<Vec<Arc<Posted>>>);

impl Follow for Keeper {
    fn offer(&self, posted: &Arc<Posted>) {
        self.0.lock().unwrap().push(Arc::clone(posted));
    }
}

#[test]
fn what_a_follower_keeps_does_not_pin_the_publishers_memory() {
    struct Memory(#[allow(dead_code, reason = "held to be dropped")] Arc<()>);
    impl AsRef<[u8]> for Memory {
        fn as_ref(&self) -> &[u8] {
            b"1"
        }
    }
    let (hub, _shard, _, _) = one_shard(1 << 20);
    let keeper = Arc::new(Keeper::default());
    hub.follow(&["a".to_owned()], Arc::clone(&keeper) as _);
    let held = Arc::new(());
    let data = bytes::Bytes::from_owner(Memory(Arc::clone(&held)));
    hub.publish(&["a"], &tidegate::frame::Event { data, ..event(&hub, "gap", "") }).unwrap();
    let kept = keeper.0.lock().unwrap();
    assert_eq!((kept.len(), &*kept[0].payload()), (1, &b"1"[..]));
    assert_eq!(Arc::strong_count(&held), 1, "the publisher has its memory back");
}
