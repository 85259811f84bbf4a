//! The same for rooms in the log: publishes that wait for it, mailboxes that are full when it has committed, histories that
//! are on the disk only, and processes that end, are killed, and come back. Whatever happens, a client that asks for what
//! came after its last event gets exactly that.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rand::prelude::*;
use rand::rngs::StdRng;
use tempfile::TempDir;
use tidegate::frame::{Cursor, Epoch, Form, Forms, Posted, Since};
use tidegate::history::Keep;
use tidegate::history::log::{Fsync, Settings};
use tidegate::hub::{
    Config, Guest, Hub, PublishError, ReadOn, Receipt, Rule, Rules, Shard, Slow, UserLimit, open_log,
};
use tidegate::metrics::Metrics;

use crate::client::{Client, Named, event, event_of};
use crate::slow::Seen;

/// Those in the log come first; `short:` keeps few.
const ROOMS: [&str; 4] = ["log:a", "log:b", "short:a", "memory:a"];
const SHARDS: usize = 2;

struct World {
    rng: StdRng,
    runtime: tokio::runtime::Runtime,
    folder: TempDir,
    hub: Arc<Hub>,
    shards: Vec<Rc<Shard<Client>>>,
    form: Form,
    members: Vec<Member>,
    /// By room and epoch: each event's payload by its offset.
    published: HashMap<(String, Epoch), BTreeMap<u64, String>>,
    waiting: Vec<(String, Receipt)>,
    serial: u64,
    count: Count,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    busy: usize,
    stored: usize,
    gaps: usize,
    recovered: usize,
    lost: usize,
}

struct Member {
    shard: usize,
    client: Rc<Client>,
    rooms: HashMap<&'static str, Track>,
}

/// A membership: what comes next.
#[derive(Clone, Copy, Debug)]
struct Track {
    epoch: Epoch,
    /// The last that it has got, or was told that it does not get.
    last: u64,
    /// How much of what its client has seen is looked at.
    looked: usize,
}

fn build(folder: &Path, rng: &mut StdRng) -> (Arc<Hub>, Vec<Rc<Shard<Client>>>, Form) {
    let mut forms = Forms::default();
    let form = forms.add(Named);
    let rule = |prefix: &str, size, durable| Rule {
        prefix: prefix.into(),
        keep: Keep { size, ttl: Duration::ZERO },
        durable,
        slow: Slow::CatchUp,
        ..Rule::default()
    };
    let rules = Rules::new([
        rule("log:", 10_000, Some(Fsync::Os)),
        rule("short:", 12, Some(Fsync::Interval)),
        rule("memory:", 10_000, None),
    ]);
    let config = Config { shards: SHARDS, mailbox: rng.random_range(3000..30_000), rooms_per_session: 10 };
    let hub = Hub::new(config, rules, forms, Metrics::new(SHARDS)).with_memory(match rng.random_bool(0.5) {
        true => rng.random_range(3000..30_000),
        false => usize::MAX,
    });
    let settings =
        Settings { segment: rng.random_range(4096..40_000), ..Settings::new(folder.join("rooms")) };
    let (opened, found) = open_log(settings).unwrap();
    let hub = Arc::new(hub.with_log(opened, found).unwrap());
    let shards = (0..SHARDS).map(|index| Shard::new(&hub, index)).collect();
    (hub, shards, form)
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let folder = tempfile::tempdir().unwrap();
        let (hub, shards, form) = build(folder.path(), &mut rng);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (members, published, waiting) = (Vec::new(), HashMap::new(), Vec::new());
        let count = Count::default();
        Self { rng, runtime, folder, hub, shards, form, members, published, waiting, serial: 0, count }
    }

    fn step(&mut self) {
        match self.rng.random_range(0..100) {
            0..45 => self.publish(),
            45..50 => self.wait(),
            50..65 => self.slice(),
            65..72 => self.connect(),
            72..82 => self.join(),
            82..87 => self.leave(),
            87..95 => self.read_on(),
            95..98 => self.disconnect(),
            _ => self.restart(),
        }
    }

    fn publish(&mut self) {
        let count = if self.rng.random_bool(0.2) { 2 } else { 1 };
        let rooms: Vec<&str> = ROOMS.sample(&mut self.rng, count).copied().collect();
        self.serial += 1;
        let payload = format!("\"{}{}\"", self.serial, "x".repeat(self.rng.random_range(0..300)));
        match self.hub.publish(&rooms, &event(&self.hub, "gap", &payload)) {
            Ok(receipt) => self.waiting.push((payload, receipt)),
            Err(PublishError::Busy(_)) => self.count.busy += 1,
            Err(error) => panic!("{error}"),
        }
        if self.rng.random_bool(0.7) {
            self.wait();
        }
    }

    /// All that is published is acknowledged.
    fn wait(&mut self) {
        for (payload, receipt) in self.waiting.drain(..) {
            for placed in self.runtime.block_on(receipt.committed()).unwrap() {
                let Cursor { epoch, offset } = placed.cursor;
                let events = self.published.entry((placed.room.to_string(), epoch)).or_default();
                let before = events.insert(offset, payload.clone());
                assert_eq!(before, None, "a cursor names one event: {placed:?}");
            }
        }
    }

    fn slice(&mut self) {
        let shard = self.rng.random_range(0..SHARDS);
        for _ in 0..self.rng.random_range(1..8) {
            self.shards[shard].slice(Duration::ZERO);
        }
    }

    fn connect(&mut self) {
        self.serial += 1;
        let client = Client::new(&format!("c{}", self.serial), self.form);
        client.space.set(self.rng.random_range(100..6000));
        let shard = self.rng.random_range(0..SHARDS);
        self.shards[shard].open(&client, &client.id, None, UserLimit::None);
        self.members.push(Member { shard, client, rooms: HashMap::new() });
    }

    fn pick(&mut self) -> Option<(usize, &'static str)> {
        let room = ROOMS[self.rng.random_range(0..ROOMS.len())];
        (!self.members.is_empty()).then(|| (self.rng.random_range(0..self.members.len()), room))
    }

    fn join(&mut self) {
        let Some((at, room)) = self.pick() else { return };
        if !self.members[at].rooms.contains_key(room) {
            let since = if self.rng.random_bool(0.5) { Since::Start } else { Since::Now };
            self.join_since(at, room, since);
        }
    }

    fn join_since(&mut self, at: usize, room: &'static str, since: Since) -> Option<bool> {
        let member = &mut self.members[at];
        let joined = self.shards[member.shard].join(&member.client, room, since).unwrap();
        let looked = member.client.seen().len();
        let track = Track { epoch: joined.cursor.epoch, last: joined.cursor.offset, looked };
        member.rooms.insert(room, track);
        member.replay(&self.hub, &joined.replay);
        joined.recovered
    }

    fn leave(&mut self) {
        let Some((at, room)) = self.pick() else { return };
        self.wait();
        let member = &mut self.members[at];
        member.look(&self.published);
        let was_in = member.rooms.remove(room).is_some();
        assert_eq!(self.shards[member.shard].leave(&member.client, room), was_in);
    }

    fn read_on(&mut self) {
        if let Some((at, _)) = self.pick() {
            self.wait(); // it looks at what has come
            let (stored, gaps) = self.members[at].read_on(&self.hub, &self.shards, &self.published);
            self.count.stored += stored;
            self.count.gaps += gaps;
        }
    }

    fn disconnect(&mut self) {
        let Some((at, _)) = self.pick() else { return };
        self.wait();
        let mut member = self.members.swap_remove(at);
        member.look(&self.published);
        self.shards[member.shard].close(&member.client, &member.client.id, None);
    }

    /// The process ends, in order or not, and another one starts where it was; everybody comes back.
    fn restart(&mut self) {
        self.wait();
        let killed = self.rng.random_bool(0.5);
        // What a kill leaves is what is there before the end.
        let left = killed.then(|| copy(self.folder.path()));
        let mut gone = std::mem::take(&mut self.members);
        for member in &mut gone {
            member.look(&self.published);
            self.shards[member.shard].close(&member.client, &member.client.id, None);
        }
        self.hub.close_log();
        if let Some(left) = left {
            self.folder = left;
        }
        (self.hub, self.shards, self.form) = build(self.folder.path(), &mut self.rng);
        for member in gone {
            self.connect();
            let at = self.members.len() - 1;
            for (room, track) in member.rooms {
                let cursor = Cursor { epoch: track.epoch, offset: track.last };
                let recovered = self.join_since(at, room, Since::After(cursor));
                match recovered {
                    Some(true) => self.count.recovered += 1,
                    _ => self.count.lost += 1,
                }
                // Nobody waits until it is written that a room came to be, as long as nothing has happened in it.
                let sure = room.starts_with("log:") && !(killed && cursor.offset == 0);
                assert_eq!(recovered, Some(sure || self.keeps(room, cursor)), "{room} {cursor:?}");
            }
        }
    }

    /// Whether a room still has all behind the cursor.
    fn keeps(&self, room: &str, cursor: Cursor) -> bool {
        let info = self.hub.room(room).unwrap();
        info.cursor.epoch == cursor.epoch && info.cursor.offset - cursor.offset <= info.history as u64
    }

    /// Everything comes to its end: each member has all that it is owed.
    fn settle(&mut self) {
        self.wait();
        let reads = |world: &Self| world.members.iter().any(|member| member.client.seat().reads());
        loop {
            let busy = self.shards.iter().filter(|shard| shard.slice(Duration::ZERO)).count();
            if busy == 0 && !reads(self) {
                break;
            }
            for member in &mut self.members {
                let (stored, gaps) = member.read_on(&self.hub, &self.shards, &self.published);
                self.count.stored += stored;
                self.count.gaps += gaps;
            }
        }
        for member in &mut self.members {
            member.look(&self.published);
            for (room, track) in &member.rooms {
                let published = self.published.get(&((*room).to_owned(), track.epoch));
                let last = published.and_then(|events| events.keys().last().copied()).unwrap_or(0);
                assert_eq!(
                    track.last.max(last),
                    track.last,
                    "{} has not got all of {room}",
                    member.client.id
                );
            }
        }
        let reserved: usize = self.hub.mailboxes().iter().map(|mailbox| mailbox.bytes()).sum();
        assert_eq!(reserved, 0, "bytes that were reserved are given back");
    }
}

impl Member {
    fn replay(&self, hub: &Hub, events: &[Arc<Posted>]) {
        let form = self.client.seat().form().unwrap();
        self.client.deliver(&Rc::new(hub.forms().frames(form, events)));
    }

    /// Looks at what has come: each event behind the last, none missing, as it was published.
    fn look(&mut self, published: &HashMap<(String, Epoch), BTreeMap<u64, String>>) {
        let seen = self.client.seen();
        for (room, track) in &mut self.rooms {
            let events = published.get(&((*room).to_owned(), track.epoch));
            for text in seen[track.looked..].iter().filter_map(|seen| match seen {
                Seen::Event(text) => Some(text),
                _ => None,
            }) {
                let Some((offset, payload)) = event_of(text, room) else { continue };
                assert_eq!(offset, track.last + 1, "{} in {room}: {text}", self.client.id);
                assert_eq!(events.and_then(|events| events.get(&offset)), Some(&payload), "{room}");
                track.last = offset;
            }
            track.looked = seen.len();
        }
    }

    /// Reads on, as a session does; answers how often that was from the disk, and overtaken.
    fn read_on(
        &mut self,
        hub: &Arc<Hub>,
        shards: &[Rc<Shard<Client>>],
        published: &HashMap<(String, Epoch), BTreeMap<u64, String>>,
    ) -> (usize, usize) {
        let shard = &shards[self.shard];
        match shard.read_on(&self.client) {
            Some(ReadOn::Events(events)) => self.replay(hub, &events),
            Some(ReadOn::Stored { room, after, fetch }) => {
                let events = fetch.fetch(&|name| hub.types().intern(name)).unwrap();
                let last = events.last().expect("it fetches something").cursor;
                if shard.has_fetched(&self.client, room, after, last) {
                    self.replay(hub, &events);
                }
                return (1, 0);
            }
            Some(ReadOn::Gap { room, from, to }) => {
                self.look(published);
                let track = self.rooms.get_mut(&*room).unwrap();
                assert_eq!(
                    (track.epoch, track.last),
                    (from.epoch, from.offset),
                    "it is told where it is missing"
                );
                assert!(!room.starts_with("log:"), "{room} keeps everything");
                track.last = to.offset;
                return (0, 1);
            }
            None => {}
        }
        (0, 0)
    }
}

/// The folder as it is now.
fn copy(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    fs::create_dir(copy.path().join("rooms")).unwrap();
    for entry in fs::read_dir(folder.join("rooms")).unwrap() {
        let entry = entry.unwrap();
        // One that is reclaimed meanwhile is needed no longer.
        let _gone = fs::copy(entry.path(), copy.path().join("rooms").join(entry.file_name()));
    }
    copy
}

#[test]
fn who_comes_back_gets_what_was_missed_also_from_another_process() {
    let seeds = std::env::var("SIMULATION_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
    let mut all = Count::default();
    for seed in 0..seeds {
        let run = std::panic::catch_unwind(|| {
            let mut world = World::new(seed);
            (0..300).for_each(|_| world.step());
            world.settle();
            world.count
        });
        let run = run.unwrap_or_else(|_| panic!("seed {seed} failed; the reason is above"));
        all.busy += run.busy;
        all.stored += run.stored;
        all.gaps += run.gaps;
        all.recovered += run.recovered;
        all.lost += run.lost;
    }
    let Count { stored, gaps, recovered, lost, busy } = all;
    assert!(
        [stored, gaps, recovered, lost, busy].iter().all(|count| *count > 0),
        "not everything has happened: {all:?}"
    );
}
