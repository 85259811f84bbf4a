//! What was found out a while ago, in bounded memory.

use hashbrown::HashMap;
use parking_lot::Mutex;

use super::cache::Hash;

/// By the hash of what it was found out about, in two generations: the older one is let go when the younger
/// one is full, so that what is used stays.
pub(super) struct Generations<V> {
    /// Of one generation, at most.
    most: usize,
    both: Mutex<[HashMap<Hash, V, foldhash::fast::RandomState>; 2]>,
}

impl<V: Clone> Generations<V> {
    /// Remembers `most` at least, and twice as many at most.
    pub(super) fn new(most: usize) -> Self {
        Self { most, both: Mutex::default() }
    }

    /// What is remembered of it, as long as that `holds`.
    pub(super) fn find(&self, hash: &Hash, holds: impl FnOnce(&V) -> bool) -> Option<V> {
        let mut both = self.both.lock();
        let [young, old] = &mut *both;
        let found = young.get(hash).cloned().or_else(|| old.remove(hash))?;
        if !holds(&found) {
            young.remove(hash);
            return None;
        }
        self.enter(&mut both, *hash, found.clone());
        Some(found)
    }

    /// Remembers it.
    pub(super) fn put(&self, hash: Hash, value: V) {
        self.enter(&mut self.both.lock(), hash, value);
    }

    fn enter(&self, both: &mut [HashMap<Hash, V, foldhash::fast::RandomState>; 2], hash: Hash, value: V) {
        if both[0].len() >= self.most && !both[0].contains_key(&hash) {
            both.swap(0, 1);
            both[0].clear();
        }
        both[0].insert(hash, value);
    }

    /// How many there are, the younger first.
    #[cfg(test)]
    pub(super) fn lengths(&self) -> [usize; 2] {
        self.both.lock().each_ref().map(HashMap::len)
    }
}
