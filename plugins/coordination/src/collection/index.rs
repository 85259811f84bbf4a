//! What is known of each record without asking the store.

use std::collections::{BTreeMap, BTreeSet};

use super::Record;
use crate::time::{Moment, Timestamp};

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Index<C> {
    /// By number, which is the order of creation.
    entries: BTreeMap<u64, Entry<C>>,
    /// The numbers of those that are over.
    over: BTreeSet<u64>,
    /// When the time of which is up, on the clock that only grows.
    agenda: BTreeSet<(i64, u64)>,
}

/// A record, without what only the store has.
#[derive(Debug)]
pub(crate) struct Entry<C> {
    pub(crate) name: Box<str>,
    pub(crate) card: C,
    expiry: Option<Timestamp>,
    /// The same on the clock that only grows, so that no time is up because a clock was set.
    due: Option<i64>,
}

impl<C> Default for Index<C> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), over: BTreeSet::new(), agenda: BTreeSet::new() }
    }
}

impl<C> Index<C> {
    /// Takes in a record as it is in the store by now.
    pub(crate) fn put<T: Record<Card = C>>(&mut self, record: &T, now: Moment) {
        let (name, expiry) = (record.name(), record.expiry());
        let Some(number) = number_of(name) else { return };
        let due = match self.remove(name) {
            Some(old) if old.expiry == expiry => old.due,
            _ => expiry.map(|at| now.steady.saturating_add(at.0.saturating_sub(now.wall.0))),
        };
        if record.is_over() {
            self.over.insert(number);
        }
        self.agenda.extend(due.map(|due| (due, number)));
        self.entries.insert(number, Entry { name: name.into(), card: record.card(), expiry, due });
    }

    /// Takes out a record.
    pub(crate) fn remove(&mut self, name: &str) -> Option<Entry<C>> {
        let number = number_of(name)?;
        if *self.entries.get(&number)?.name != *name {
            return None;
        }
        self.over.remove(&number);
        let entry = self.entries.remove(&number)?;
        if let Some(due) = entry.due {
            self.agenda.remove(&(due, number));
        }
        Some(entry)
    }

    /// Has the time of a record be up at another moment.
    pub(super) fn postpone(&mut self, name: &str, until: i64) {
        let Some(number) = number_of(name) else { return };
        let Some(entry) = self.entries.get_mut(&number) else { return };
        if let Some(due) = entry.due.replace(until) {
            self.agenda.remove(&(due, number));
        }
        self.agenda.insert((until, number));
    }

    /// All of them, in the order of creation.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry<C>> {
        self.entries.values()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The first that was made of those that are over.
    pub(super) fn oldest_over(&self) -> Option<&str> {
        self.entries.get(self.over.first()?).map(|entry| &*entry.name)
    }

    /// When the next one's time is up.
    pub(crate) fn next_due(&self) -> Option<i64> {
        self.agenda.first().map(|(due, _)| *due)
    }

    /// The first whose time is up, and when it was.
    pub(super) fn overdue(&self, now: i64) -> Option<(String, Timestamp)> {
        let (_, number) = self.agenda.first().filter(|(due, _)| *due <= now)?;
        let entry = self.entries.get(number)?;
        Some((entry.name.to_string(), entry.expiry?))
    }
}

/// The number that a name ends in.
fn number_of(name: &str) -> Option<u64> {
    name.rsplit_once('_')?.1.parse().ok()
}
