//! The criteria that a shard's sessions hold: each distinct one once, evaluated once per event.

use std::cell::OnceCell;
use std::sync::Arc;

use hashbrown::HashMap;
use slab::Slab;

use super::evaluate::Seen;
use super::paths::Paths;
use super::read::{Found, read, with_tags};
use super::{Criterion, Field};
use crate::frame::Posted;
use crate::metrics::ShardCounters;

/// The criteria of one shard.
pub(in crate::hub) struct Criteria {
    paths: Paths,
    held: Slab<Held>,
    by_criterion: HashMap<Arc<Criterion>, u32, foldhash::fast::RandomState>,
    /// The serial number of the last.
    serial: u64,
    counters: Arc<ShardCounters>,
}

struct Held {
    criterion: Arc<Criterion>,
    /// By path: its nodes; none where it leads to another field than data.
    nodes: Box<[Box<[u32]>]>,
    /// What [`Paths::grown`] was when it came: what has been read of data since then serves it.
    since: u64,
    /// Never given again.
    serial: u64,
    holders: usize,
}

/// What is known of the events of one batch, for as long as that is walked.
#[derive(Default)]
pub(in crate::hub) struct Readings {
    /// By event: what was read of its data, with [`Paths::grown`] of that moment.
    data: Vec<OnceCell<(u64, Option<Found>)>>,
    /// By serial number of a criterion: the events that it was asked about, a bit each, and those that pass.
    verdicts: HashMap<u64, (u64, u64), foldhash::fast::RandomState>,
}

impl Criteria {
    /// None yet.
    pub(in crate::hub) fn new(counters: Arc<ShardCounters>) -> Self {
        Self {
            paths: Paths::default(),
            held: Slab::new(),
            by_criterion: HashMap::default(),
            serial: 0,
            counters,
        }
    }

    /// The number of `criterion`, for one more holder.
    pub(in crate::hub) fn hold(&mut self, criterion: &Arc<Criterion>) -> u32 {
        if let Some(&number) = self.by_criterion.get(criterion) {
            self.held[number as usize].holders += 1;
            return number;
        }
        let nodes = criterion.paths.iter().map(|path| self.paths.hold(&path.steps)).collect();
        self.serial += 1;
        let held = Held {
            criterion: Arc::clone(criterion),
            nodes,
            since: self.paths.grown(),
            serial: self.serial,
            holders: 1,
        };
        let number = self.held.insert(held) as u32;
        self.by_criterion.insert(Arc::clone(criterion), number);
        number
    }

    /// One holder less.
    pub(in crate::hub) fn release(&mut self, number: u32) {
        let held = &mut self.held[number as usize];
        held.holders -= 1;
        if held.holders > 0 {
            return;
        }
        let held = self.held.remove(number as usize);
        for (path, nodes) in held.criterion.paths.iter().zip(&held.nodes) {
            self.paths.release(&path.steps, nodes);
        }
        self.by_criterion.remove(&held.criterion);
    }

    /// Which of the `wanted` events of `batch` pass, a bit each. None is evaluated that was before, by these `readings`.
    pub(in crate::hub) fn judge(
        &self,
        number: u32,
        wanted: u64,
        batch: &[Arc<Posted>],
        readings: &mut Readings,
    ) -> u64 {
        let held = &self.held[number as usize];
        let Readings { data, verdicts } = readings;
        data.resize_with(batch.len(), OnceCell::new);
        let (asked, passed) = verdicts.entry(held.serial).or_default();
        let fresh = wanted & !*asked;
        for (bit, (posted, data)) in batch.iter().zip(data).enumerate() {
            if fresh >> bit & 1 == 1 {
                *passed |= u64::from(self.passes(held, posted, data)) << bit;
            }
        }
        *asked |= fresh;
        self.counters.criteria_evaluated.add(u64::from(fresh.count_ones()));
        *passed & wanted
    }

    fn passes(&self, held: &Held, posted: &Posted, data: &mut OnceCell<(u64, Option<Found>)>) -> bool {
        if data.get().is_some_and(|(grown, _)| *grown < held.since) {
            data.take(); // read before it was known what this criterion asks for
        }
        let read = || {
            self.counters.criteria_read.add(1);
            let found = read(&posted.payload(), &self.paths);
            let found = match &posted.tags {
                None => found,
                Some(tags) => with_tags(found, tags, &self.paths),
            };
            (self.paths.grown(), found)
        };
        held.criterion.condition.holds(&|path| {
            let path = usize::from(path);
            match held.criterion.paths[path].field {
                Field::EventType => Seen::of(&posted.kind.name),
                Field::Source => Seen::of(&posted.source),
                Field::Key => posted.key.as_deref().map_or(Seen::Nothing, Seen::of),
                Field::Room if posted.room.name.is_empty() => Seen::Null,
                Field::Room => Seen::of(&posted.room.name),
                Field::Data => {
                    let (_, found) = data.get_or_init(read);
                    let found = found.as_ref().and_then(|found| found.at(&held.nodes[path]));
                    found.map_or(Seen::Nothing, |found| Seen::from(&found.value))
                }
            }
        })
    }
}
