//! A meter for each party of a kind.

use std::fmt;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;

use super::shared::Shared;
use super::{Meter, Moment, Rule, Verdict};
use crate::metrics::Metrics;

/// Parties are spread over so many tables, so that threads seldom wait for each other.
const TABLES: usize = 16;
/// Parties of one table at most.
const MOST: usize = 4096;

/// Who or what has a limit.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) enum Party<'a> {
    Address(IpAddr),
    /// A user, a room, an event type.
    Name(&'a str),
    Key {
        room: &'a str,
        key: &'a str,
    },
}

/// Its name among those of its kind.
impl fmt::Display for Party<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name) => f.write_str(name),
            Self::Key { room, key } => write!(f, "{}:{room}:{key}", room.len()),
        }
    }
}

/// By the hash of the party, under a seed that is the process' own: two of 65,536 meet in one of 10¹⁰ processes.
type Table = HashMap<u64, Meter, foldhash::fast::RandomState>;

/// See the module's documentation. It knows at most 65,536 parties at once. Beyond that it forgets: the quiet ones,
/// which is nothing lost, and where few are, all of a table; who has used up its share may then begin anew, which is
/// better than refusing whoever comes next.
#[derive(Debug)]
pub(super) struct Limiter {
    /// What it is called where refusals are counted.
    pub(super) name: &'static str,
    hasher: foldhash::quality::RandomState,
    tables: [Mutex<Table>; TABLES],
    metrics: Arc<Metrics>,
    /// Where it is told what was used; none: nowhere else.
    shared: Option<Arc<Shared>>,
}

impl Limiter {
    /// One that knows nobody.
    pub(super) fn new(name: &'static str, metrics: &Arc<Metrics>, shared: Option<&Arc<Shared>>) -> Self {
        metrics.limited.know(name);
        let tables = std::array::from_fn(|_| Mutex::default());
        let (metrics, shared) = (Arc::clone(metrics), shared.cloned());
        Self { name, hasher: Default::default(), tables, metrics, shared }
    }

    fn table(&self, party: u64) -> &Mutex<Table> {
        &self.tables[party as usize % TABLES]
    }

    /// `party` uses `cost` of what it may by `rule`, where there is so much left. In a dry run everything passes, and
    /// what would not have is counted all the same.
    pub(super) fn take(&self, party: Party<'_>, rule: &Rule, cost: u32, now: Moment) -> Verdict {
        let hash = self.hasher.hash_one(party);
        let mut table = self.table(hash).lock();
        let verdict = meter(&mut table, hash, rule, now).take(rule, cost, now);
        if verdict.passes()
            && let Some(shared) = &self.shared
        {
            shared.note((self.name, hash), party, rule, cost.into());
        }
        drop(table);
        count(verdict, rule, self.name, &self.metrics)
    }

    /// All nodes have let pass what `meter` says, and this one what it has not handed over yet.
    pub(super) fn learn(&self, party: u64, rule: &Rule, mut meter: Meter, now: Moment) {
        let mut table = self.table(party).lock();
        let waiting = self.shared.as_ref().map_or(0, |shared| shared.waiting((self.name, party)));
        let amount = u32::try_from(waiting.unsigned_abs()).unwrap_or(u32::MAX);
        if waiting > 0 {
            meter.charge(rule, amount, now);
        } else {
            meter.give_back(rule, amount);
        }
        if let Some(known) = table.get_mut(&party) {
            *known = meter;
        }
    }

    /// Takes back a use that came to nothing.
    pub(super) fn give_back(&self, party: Party<'_>, rule: &Rule, cost: u32) {
        let hash = self.hasher.hash_one(party);
        let mut table = self.table(hash).lock();
        let Some(meter) = table.get_mut(&hash) else { return };
        meter.give_back(rule, cost);
        if let Some(shared) = &self.shared {
            shared.note((self.name, hash), party, rule, -i64::from(cost));
        }
    }

    /// Forgets who has been quiet, so that memory of a rush goes back; `longest` is the time of its longest rule in
    /// nanoseconds, 0 where it has none.
    pub(super) fn forget_quiet(&self, longest: u64, now: Moment) {
        for table in &self.tables {
            let mut table = table.lock();
            table.retain(|_, meter| !meter.is_quiet(longest, now));
            if table.len() * 4 < table.capacity() {
                table.shrink_to_fit();
            }
        }
    }
}

/// The party's meter, a new one where it has none.
fn meter<'a>(table: &'a mut Table, party: u64, rule: &Rule, now: Moment) -> &'a mut Meter {
    if table.len() >= MOST && !table.contains_key(&party) {
        table.retain(|_, meter| !meter.is_quiet(rule.span, now));
        // Looking costs as much as there are: it has to be worth it.
        if table.len() > MOST / 4 * 3 {
            table.clear();
        }
    }
    table.entry(party).or_default()
}

/// Counts a refusal, and undoes one of a dry run.
pub(super) fn count(mut verdict: Verdict, rule: &Rule, name: &'static str, metrics: &Metrics) -> Verdict {
    if !verdict.passes() {
        metrics.limited.count(name);
        if rule.dry_run {
            verdict.retry_after = None;
        }
    }
    verdict
}

#[cfg(test)]
mod tests;
