//! Group commit: many who wait for the disk at once share one sync.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use super::StoreError;

/// Counts writes, and knows up to which of them the disk has all.
#[derive(Default)]
pub(super) struct Group {
    written: AtomicU64,
    state: Mutex<State>,
    synced: Condvar,
}

#[derive(Default)]
struct State {
    /// Writes up to this one are on the disk.
    done: u64,
    /// Somebody syncs right now.
    running: bool,
}

impl Group {
    /// A write has reached the operating system.
    pub(super) fn wrote(&self) {
        self.written.fetch_add(1, Ordering::Release);
    }

    /// Whether there are writes that the disk may not have.
    pub(super) fn is_dirty(&self) -> bool {
        self.state.lock().done < self.written.load(Ordering::Acquire)
    }

    /// Returns when all writes until now are on the disk: `sync` is called by one of those who wait, for all of them.
    ///
    /// # Errors
    /// [`StoreError::Timeout`], or what `sync` answered to this caller.
    pub(super) fn wait(
        &self,
        deadline: Instant,
        sync: impl Fn() -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mine = self.written.load(Ordering::Acquire);
        let mut state = self.state.lock();
        while state.done < mine {
            if state.running {
                if self.synced.wait_until(&mut state, deadline).timed_out() {
                    return Err(StoreError::Timeout);
                }
                continue;
            }
            state.running = true;
            drop(state);
            let covers = self.written.load(Ordering::Acquire);
            let outcome = sync();
            state = self.state.lock();
            state.running = false;
            self.synced.notify_all();
            outcome?;
            state.done = state.done.max(covers);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use super::*;

    #[test]
    fn who_waits_together_shares_a_sync() {
        let (group, syncs) = (Group::default(), AtomicUsize::new(0));
        let all_wrote = std::sync::Barrier::new(16);
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    group.wrote();
                    all_wrote.wait();
                    let sync = || {
                        syncs.fetch_add(1, Ordering::Relaxed);
                        Ok(())
                    };
                    group.wait(Instant::now() + Duration::from_secs(60), sync).unwrap();
                });
            }
        });
        assert_eq!(syncs.load(Ordering::Relaxed), 1);
        assert!(!group.is_dirty());
    }

    #[test]
    fn a_sync_that_fails_leaves_the_writes_dirty() {
        let group = Group::default();
        group.wrote();
        let failed = || Err(StoreError::Failed("no disk".into()));
        assert!(group.wait(Instant::now() + Duration::from_secs(60), failed).is_err());
        assert!(group.is_dirty());
    }
}
