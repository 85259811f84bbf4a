//! The same for rooms in the log: publishes that wait for it, mailboxes that are full when it has committed, histories that
//! are on the disk only, clients that are slow under each of the policies, and processes that end, are killed, and come back.
//! Whatever happens, a client that asks for what came after its last event gets exactly that; and what it does not get meanwhile
//! it is told of, to the event.

#[path = "durable/member.rs"]
mod member;
#[path = "durable/track.rs"]
mod track;
#[path = "durable/visitor.rs"]
mod visitor;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rand::prelude::*;
use rand::rngs::StdRng;
use tempfile::TempDir;
use tidegate::frame::{Cursor, Event, Form, Forms, Since};
use tidegate::history::Keep;
use tidegate::history::log::{Fsync, Settings};
use tidegate::hub::{Config, Hub, PublishError, Receipt, Rule, Rules, Shard, Slow, UserLimit, open_log};
use tidegate::metrics::Metrics;
use tidegate::session::{Budget, Ledger};

use crate::client::{Named, event};
use crate::seeds;
use member::Member;
use track::Published;
use visitor::Visitor;

/// `short:` keeps few, `memory:` is in no log, all others are in the log and keep everything.
const ROOMS: [&str; 7] = ["log:a", "log:b", "short:a", "memory:a", "drop:a", "late:a", "firm:a"];
const POLICIES: [Slow; 4] = [Slow::Disconnect, Slow::DropOldest, Slow::Latest, Slow::CatchUp];
const SHARDS: usize = 2;

/// What the rule of a room says of slow sessions.
fn rule_of(room: &str) -> Slow {
    match room.split_once(':') {
        Some(("drop", _)) => Slow::DropOldest,
        Some(("late", _)) => Slow::Latest,
        Some(("firm", _)) => Slow::Disconnect,
        _ => Slow::CatchUp,
    }
}

/// Whether a room may have lost what a client asks for.
fn forgets(room: &str) -> bool {
    ["short:a", "memory:a"].contains(&room)
}

/// A process of the gateway, as far as it is here.
struct Process {
    hub: Arc<Hub>,
    shards: Vec<Rc<Shard<Visitor>>>,
    ledgers: Vec<Rc<Ledger>>,
    form: Form,
}

impl Process {
    /// Starts where another one has been, or where nothing is.
    fn start(folder: &Path, rng: &mut StdRng) -> Self {
        let mut forms = Forms::default();
        let form = forms.add(Named);
        let rule = |prefix: &str, size, durable| Rule {
            prefix: prefix.into(),
            keep: Keep { size, ttl: Duration::ZERO },
            durable,
            slow: rule_of(prefix),
            ..Rule::default()
        };
        let rules = Rules::new([
            rule("log:", 10_000, Some(Fsync::Os)),
            rule("short:", 12, Some(Fsync::Interval)),
            rule("memory:", 10_000, None),
            rule("drop:", 10_000, Some(Fsync::Os)),
            rule("late:", 10_000, Some(Fsync::Os)),
            rule("firm:", 10_000, Some(Fsync::Os)),
        ]);
        let config =
            Config { shards: SHARDS, mailbox: rng.random_range(3000..30_000), rooms_per_session: 10 };
        let metrics = Metrics::new(SHARDS);
        let hub =
            Hub::new(config, rules, forms, Arc::clone(&metrics)).with_memory(match rng.random_bool(0.5) {
                true => rng.random_range(3000..30_000),
                false => usize::MAX,
            });
        let settings =
            Settings { segment: rng.random_range(4096..40_000), ..Settings::new(folder.join("rooms")) };
        let (opened, found) = open_log(settings).unwrap();
        let hub = Arc::new(hub.with_log(opened, found).unwrap());
        let shards = (0..SHARDS).map(|index| Shard::new(&hub, index)).collect();
        let most = if rng.random_bool(0.3) { rng.random_range(5000..40_000) } else { usize::MAX };
        let budget = Budget::new(most, &metrics);
        let ledgers = (0..SHARDS).map(|index| Ledger::new(&hub, index, &budget)).collect();
        Self { hub, shards, ledgers, form }
    }

    /// What the shards do when more waits on the node than may.
    fn give_way(&self) {
        let furthest = || {
            let mut shards = self.ledgers.iter().zip(&self.shards);
            shards.find_map(|(ledger, shard)| shard.guest(ledger.furthest()?))
        };
        // The first answer may be that another shard's turn it is.
        while let Some(visitor) = furthest() {
            visitor.give_way();
        }
    }
}

struct World {
    rng: StdRng,
    runtime: tokio::runtime::Runtime,
    folder: TempDir,
    process: Process,
    members: Vec<Member>,
    published: Published,
    waiting: Vec<(String, Receipt)>,
    serial: u64,
    count: Count,
}

/// What has happened, so that it can be said that everything has.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    busy: usize,
    /// Reads that were answered from the disk.
    stored: usize,
    gaps: usize,
    recovered: usize,
    lost: usize,
    /// Backlogs that were left to history.
    fallen: usize,
    /// Sessions that were closed as they were slow.
    closed: usize,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.busy += other.busy;
        self.stored += other.stored;
        self.gaps += other.gaps;
        self.recovered += other.recovered;
        self.lost += other.lost;
        self.fallen += other.fallen;
        self.closed += other.closed;
    }

    fn is_whole(&self) -> bool {
        let Self { busy, stored, gaps, recovered, lost, fallen, closed } = *self;
        [busy, stored, gaps, recovered, lost, fallen, closed].iter().all(|count| *count > 0)
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let folder = tempfile::tempdir().unwrap();
        let process = Process::start(folder.path(), &mut rng);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (members, published, waiting) = (Vec::new(), HashMap::new(), Vec::new());
        let count = Count::default();
        Self { rng, runtime, folder, process, members, published, waiting, serial: 0, count }
    }

    fn step(&mut self) {
        match self.rng.random_range(0..100) {
            0..38 => self.publish(),
            38..42 => self.wait(),
            42..58 => self.slice(),
            58..62 => self.enter(),
            62..72 => self.join(),
            72..75 => self.leave(),
            75..90 => self.act(),
            90..96 => self.drain(),
            96..99 => self.disconnect(),
            _ => self.restart(),
        }
        self.process.give_way();
        self.reap();
    }

    fn publish(&mut self) {
        let count = if self.rng.random_bool(0.2) { 2 } else { 1 };
        let rooms: Vec<&str> = ROOMS.sample(&mut self.rng, count).copied().collect();
        self.serial += 1;
        let payload = format!("\"{}{}\"", self.serial, "x".repeat(self.rng.random_range(0..300)));
        let key = ["a", "b", "c"].choose(&mut self.rng).filter(|_| self.serial.is_multiple_of(2));
        let hub = &self.process.hub;
        let event = Event { key: key.map(|key| (*key).into()), ..event(hub, "gap", &payload) };
        match hub.publish(&rooms, &event) {
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
                let events: &mut BTreeMap<_, _> =
                    self.published.entry((placed.room.to_string(), epoch)).or_default();
                let before = events.insert(offset, payload.clone());
                assert_eq!(before, None, "a cursor names one event: {placed:?}");
            }
        }
    }

    fn slice(&mut self) {
        let shard = self.rng.random_range(0..SHARDS);
        for _ in 0..self.rng.random_range(1..8) {
            self.process.shards[shard].slice(Duration::ZERO);
        }
    }

    fn connect(&mut self) {
        self.serial += 1;
        let shard = self.rng.random_range(0..SHARDS);
        let slow = self.rng.random_bool(0.5);
        let space = if slow { self.rng.random_range(0..800) } else { usize::MAX };
        let bound = self.rng.random_range(if slow { 500..2500 } else { 200..12_000 });
        let Process { ledgers, shards, form, .. } = &self.process;
        let visitor = Visitor::new(&format!("c{}", self.serial), *form, &ledgers[shard], bound, space);
        shards[shard].open(&visitor, &visitor.id, None, UserLimit::None);
        self.members.push(Member::new(shard, visitor));
    }

    /// A client that comes for the first time, and goes into some rooms.
    fn enter(&mut self) {
        self.connect();
        let at = self.members.len() - 1;
        for room in ROOMS.sample(&mut self.rng, 3) {
            self.join_since(at, room, Since::Now);
        }
    }

    fn pick(&mut self) -> Option<(usize, &'static str)> {
        let room = ROOMS[self.rng.random_range(0..ROOMS.len())];
        (!self.members.is_empty()).then(|| (self.rng.random_range(0..self.members.len()), room))
    }

    fn join(&mut self) {
        let Some((at, room)) = self.pick() else { return };
        let since = match self.rng.random_range(0..3) {
            0 => Since::Start,
            1 => Since::Last(self.rng.random_range(0..20)),
            _ => Since::Now,
        };
        self.join_since(at, room, since);
    }

    fn join_since(&mut self, at: usize, room: &'static str, since: Since) -> Option<bool> {
        let choice = POLICIES.choose(&mut self.rng).copied().filter(|_| self.serial.is_multiple_of(4));
        let member = &mut self.members[at];
        let Process { hub, shards, .. } = &self.process;
        member.join(hub, &shards[member.shard], room, (since, choice))
    }

    fn leave(&mut self) {
        let Some((at, room)) = self.pick() else { return };
        let member = &mut self.members[at];
        member.leave(&self.process.shards[member.shard], room);
    }

    /// A session's task is woken.
    fn act(&mut self) {
        if let Some((at, _)) = self.pick() {
            self.wait(); // the client looks at what has come
            let member = &mut self.members[at];
            member.act(&self.process.hub, &self.process.shards[member.shard], &self.published);
        }
    }

    /// A slow client takes something.
    fn drain(&mut self) {
        let slow: Vec<_> = self.members.iter().filter(|member| member.visitor.is_slow()).collect();
        if let Some(member) = slow.choose(&mut self.rng) {
            member.visitor.drain(self.rng.random_range(0..1500));
        }
    }

    /// A client goes, and mostly comes back.
    fn disconnect(&mut self) {
        let Some((at, _)) = self.pick() else { return };
        let gone = self.end(at);
        if self.rng.random_bool(0.6) {
            self.come_back(gone, false);
        }
    }

    fn end(&mut self, at: usize) -> Member {
        self.wait();
        let mut member = self.members.swap_remove(at);
        member.look(&self.published);
        let visitor = &member.visitor;
        self.process.shards[member.shard].close(visitor, &visitor.id, None);
        self.count.add(member.count);
        member
    }

    /// Sessions for which too much waits are closed; their clients come back.
    fn reap(&mut self) {
        while let Some(at) = self.members.iter().position(|member| member.visitor.is_closed()) {
            self.count.closed += 1;
            let gone = self.end(at);
            self.come_back(gone, false);
        }
    }

    /// The process ends, in order or not, and another one starts where it was; everybody comes back.
    fn restart(&mut self) {
        self.wait();
        let killed = self.rng.random_bool(0.5);
        // What a kill leaves is what is there before the end.
        let left = killed.then(|| copy(self.folder.path()));
        let mut gone = Vec::new();
        while !self.members.is_empty() {
            gone.push(self.end(0));
        }
        self.process.hub.close_log();
        if let Some(left) = left {
            self.folder = left;
        }
        self.process = Process::start(self.folder.path(), &mut self.rng);
        gone.into_iter().for_each(|member| self.come_back(member, killed));
    }

    /// A client is back, and asks for what it has missed of each room.
    fn come_back(&mut self, gone: Member, killed: bool) {
        self.connect();
        let at = self.members.len() - 1;
        for (room, track) in gone.rooms {
            let cursor = Cursor { epoch: track.epoch, offset: track.last };
            let recovered = self.join_since(at, room, Since::After(cursor));
            match recovered {
                Some(true) => self.count.recovered += 1,
                _ => self.count.lost += 1,
            }
            // Nobody waits until it is written that a room came to be, as long as nothing has happened in it.
            let fresh = killed && cursor.offset == 0;
            let sure = !(forgets(room) || fresh);
            assert_eq!(recovered, Some(sure || self.keeps(room, cursor)), "{room} {cursor:?}");
        }
    }

    /// Whether a room still has all behind the cursor.
    fn keeps(&self, room: &str, cursor: Cursor) -> bool {
        let info = self.process.hub.room(room).unwrap();
        info.cursor.epoch == cursor.epoch && info.cursor.offset - cursor.offset <= info.history as u64
    }

    /// Everything comes to its end: each member has all that it is owed.
    fn settle(&mut self) {
        self.wait();
        loop {
            self.reap();
            let Process { hub, shards, .. } = &self.process;
            let busy = shards.iter().filter(|shard| shard.slice(Duration::ZERO)).count();
            if busy == 0 && !self.members.iter().any(|member| member.reads() || !member.visitor.is_drained())
            {
                break;
            }
            for member in &mut self.members {
                member.visitor.drain_all();
                member.act(hub, &shards[member.shard], &self.published);
            }
        }
        for member in &mut self.members {
            member.look(&self.published);
            for (room, track) in &mut member.rooms {
                track.end();
                let published = self.published.get(&((*room).to_owned(), track.epoch));
                let last = published.and_then(|events| events.keys().last().copied()).unwrap_or(0);
                assert!(track.last >= last, "{} has not got all of {room}", member.visitor.id);
            }
            self.count.add(std::mem::take(&mut member.count));
        }
        let reserved: usize = self.process.hub.mailboxes().iter().map(|mailbox| mailbox.bytes()).sum();
        assert_eq!(reserved, 0, "bytes that were reserved are given back");
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
    let mut all = Count::default();
    for seed in seeds(60) {
        let run = std::panic::catch_unwind(|| {
            let mut world = World::new(seed);
            (0..300).for_each(|_| world.step());
            world.settle();
            world.count
        });
        let run = run.unwrap_or_else(|_| panic!("seed {seed} failed; the reason is above"));
        all.add(run);
    }
    assert!(all.is_whole(), "not everything has happened: {all:?}");
}
