//! The ids of messages that came lately.

use std::collections::VecDeque;
use std::hash::BuildHasher;

use hashbrown::HashSet;

/// Ids that are remembered at most; the oldest go first. Some processes that tell each other the same do so within
/// seconds.
const MOST: usize = 65_536;

/// See the module's documentation. An id is remembered by its hash, which nobody outside can foresee: so the memory is
/// bounded, whatever ids are like.
#[derive(Default)]
pub(super) struct Recent {
    keys: foldhash::quality::RandomState,
    known: HashSet<u64, foldhash::fast::RandomState>,
    order: VecDeque<u64>,
}

impl Recent {
    /// Whether a message with this id has come.
    pub(super) fn has(&self, id: &str) -> bool {
        self.known.contains(&self.keys.hash_one(id))
    }

    /// One has.
    pub(super) fn note(&mut self, id: &str) {
        let hash = self.keys.hash_one(id);
        if !self.known.insert(hash) {
            return;
        }
        if self.order.len() == MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.order.push_back(hash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_ids_are_known_and_no_more_than_may_be() {
        let mut recent = Recent::default();
        for id in 0..MOST + 10 {
            recent.note(&id.to_string());
            recent.note(&id.to_string());
        }
        assert_eq!((recent.known.len(), recent.order.len()), (MOST, MOST));
        assert!(!recent.has("9") && recent.has("10"));
        assert!(recent.has(&(MOST + 9).to_string()) && !recent.has("x"));
    }
}
