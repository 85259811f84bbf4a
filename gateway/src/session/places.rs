//! How many sessions there may be of a kind, over all shards.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Places for sessions: of an endpoint, or of clients that are not known yet.
#[derive(Debug)]
pub struct Places {
    /// 0: any number.
    most: AtomicUsize,
    taken: AtomicUsize,
}

/// A place that is taken, until this is dropped.
#[derive(Debug)]
pub struct Place(Arc<Places>);

impl Places {
    /// So many; 0: any number.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most: AtomicUsize::new(most), taken: AtomicUsize::new(0) })
    }

    /// From now on there are so many. Who is in stays in.
    pub fn set(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
    }

    /// Takes one; none where all are taken.
    pub fn take(self: &Arc<Self>) -> Option<Place> {
        let place = Place(Arc::clone(self));
        let before = self.taken.fetch_add(1, Ordering::Relaxed);
        match self.most.load(Ordering::Relaxed) {
            0 => Some(place),
            most => (before < most).then_some(place), // else dropped, and given back
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_taken_than_there_are_whoever_comes_at_once() {
        let places = Places::new(3);
        let held = std::thread::scope(|scope| {
            let take = |_| scope.spawn(|| (0..100).filter_map(|_| places.take()).collect::<Vec<_>>());
            let threads: Vec<_> = (0..4).map(take).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        // Threads that come at once may see each other's attempts.
        assert!((1..=3).contains(&held.len()), "{}", held.len());
        drop(held);
        let held: Vec<_> = std::iter::from_fn(|| places.take()).collect();
        assert_eq!(held.len(), 3);
        places.set(0);
        assert!(places.take().is_some());
    }
}
