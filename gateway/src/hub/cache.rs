//! The last events of a room, for who joins it: one, or one for each key. With keys that is the room's state, however
//! many events have made it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::frame::Posted;

/// Keys of one room at most.
const MOST_KEYS: usize = 1000;
/// Bytes of their events; a single one may be larger.
const MOST_BYTES: usize = 1024 * 1024;

/// Which of a room's events those get who join it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Caching {
    /// None.
    #[default]
    None,
    /// The last one.
    Last,
    /// The last one of each key; those without a key are one more. One whose data is `null` takes its key out.
    LastPerKey,
}

/// See the module's documentation. Bounded: past [`MOST_KEYS`] and [`MOST_BYTES`] those go whose events are the oldest.
#[derive(Default)]
pub(crate) struct Cache {
    caching: Caching,
    /// By key: the offset of its event.
    places: HashMap<Option<Box<str>>, u64, foldhash::fast::RandomState>,
    /// By offset, so that they are told in their order. With the time of their commit. Copies: of a batch that was encoded
    /// together one may be here for as long as the room is.
    events: BTreeMap<u64, (Instant, Arc<Posted>)>,
    /// What the events weigh, as [`Posted::size`] says.
    bytes: usize,
    /// Offsets of events that are here no longer, until somebody asks.
    gone: SmallVec<[u64; 2]>,
}

impl Cache {
    /// An empty one.
    pub(crate) fn new(caching: Caching) -> Self {
        Self { caching, ..Self::default() }
    }

    /// Whether events can be read back from it.
    pub(crate) fn keeps(&self) -> bool {
        self.caching != Caching::None
    }

    /// An event of the room was committed `now`: it takes the place of the one before, of its key or of all.
    pub(crate) fn commit(&mut self, posted: &Arc<Posted>, now: Instant) {
        let key = match self.caching {
            Caching::None => return,
            Caching::Last => &None,
            Caching::LastPerKey => &posted.key,
        };
        if let Some(offset) = self.places.remove(key) {
            self.take(offset);
        }
        if self.caching == Caching::LastPerKey && posted.payload().trim_ascii() == b"null" {
            return;
        }
        self.places.insert(key.clone(), posted.cursor.offset);
        self.events.insert(posted.cursor.offset, (now, Arc::new(posted.alone())));
        self.bytes += posted.size();
        while self.events.len() > MOST_KEYS || (self.bytes > MOST_BYTES && self.events.len() > 1) {
            self.drop_oldest();
        }
    }

    /// Whether the event at `offset` is here.
    pub(crate) fn has(&self, offset: u64) -> bool {
        self.events.contains_key(&offset)
    }

    /// The offsets of the events that have gone since this was asked last.
    pub(crate) fn take_gone(&mut self) -> SmallVec<[u64; 2]> {
        std::mem::take(&mut self.gone)
    }

    /// All that is kept, in the order in which it was published.
    pub(crate) fn events(&self) -> Vec<Arc<Posted>> {
        self.events.values().map(|(_, posted)| Arc::clone(posted)).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Forgets events older than `ttl`; zero: none.
    pub(crate) fn expire(&mut self, now: Instant, ttl: Duration) {
        let is_old = |at: Instant| !ttl.is_zero() && now.duration_since(at) >= ttl;
        while self.events.first_key_value().is_some_and(|(_, (at, _))| is_old(*at)) {
            self.drop_oldest();
        }
    }

    /// What the events weigh, in bytes; a history may hold the same ones.
    pub(crate) fn held_bytes(&self) -> usize {
        self.bytes
    }

    fn drop_oldest(&mut self) {
        let Some((offset, _)) = self.events.first_key_value() else { return };
        let offset = *offset;
        let Some(posted) = self.take(offset) else { return };
        match self.caching {
            Caching::LastPerKey => self.places.remove(&posted.key),
            Caching::Last | Caching::None => self.places.remove(&None),
        };
    }

    fn take(&mut self, offset: u64) -> Option<Arc<Posted>> {
        let (_, posted) = self.events.remove(&offset)?;
        self.bytes -= posted.size();
        self.gone.push(offset);
        Some(posted)
    }
}

#[cfg(test)]
mod tests;
