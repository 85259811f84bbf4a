//! The door to the callbacks: once it is closed nobody is inside, so that threads which outlive the instance find a closed
//! door and not a dangling pointer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};

use super::lock;

/// Set in [`Gate::state`] while the gate is closed; the other bits count who is inside.
const CLOSED: usize = 1 << (usize::BITS - 1);

/// Open or closed, and how many are inside.
pub(crate) struct Gate {
    state: AtomicUsize,
    /// Held to wait for, and to tell of, the last one out.
    last: Mutex<()>,
    out: Condvar,
}

/// Somebody inside.
pub(crate) struct Inside<'a>(&'a Gate);

impl Gate {
    /// A gate that is closed, or open.
    pub(crate) fn new(open: bool) -> Self {
        let state = AtomicUsize::new(if open { 0 } else { CLOSED });
        Self { state, last: Mutex::new(()), out: Condvar::new() }
    }

    /// Lets everybody in.
    pub(crate) fn open(&self) {
        self.state.fetch_and(!CLOSED, Ordering::SeqCst);
    }

    /// In, unless it is closed.
    pub(crate) fn enter(&self) -> Option<Inside<'_>> {
        // Counted first and judged after: whoever closes either sees us inside, or we see that it is closed.
        let before = self.state.fetch_add(1, Ordering::SeqCst);
        let inside = Inside(self);
        (before & CLOSED == 0).then_some(inside)
    }

    /// Lets nobody in any more, and waits until all are out.
    pub(crate) fn close(&self) {
        self.state.fetch_or(CLOSED, Ordering::SeqCst);
        let mut last = lock(&self.last);
        while self.state.load(Ordering::SeqCst) != CLOSED {
            last = self.out.wait(last).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        if self.0.state.fetch_sub(1, Ordering::SeqCst) == CLOSED + 1 {
            // Under the lock, so that it cannot fall between the closer's look and its wait.
            let _last = lock(&self.0.last);
            self.0.out.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_gate_lets_nobody_in_and_has_waited_for_those_inside() {
        let gate = Gate::new(false);
        assert!(gate.enter().is_none());
        gate.open();
        let inside = gate.enter().unwrap();
        std::thread::scope(|scope| {
            let closer = scope.spawn(|| gate.close());
            while gate.enter().is_some() {
                std::thread::yield_now();
            }
            assert!(!closer.is_finished());
            drop(inside);
            closer.join().unwrap();
        });
        assert!(gate.enter().is_none());
    }
}
