//! How many questions are answered at one time, and how many wait for that: one more is refused.

use std::cell::Cell;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::settings;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Admission {
    places: Arc<Semaphore>,
    concurrent: usize,
    waiting: Cell<usize>,
    most_waiting: usize,
}

/// A place among those that are answered, until it is dropped.
pub(crate) type Place = OwnedSemaphorePermit;

impl Admission {
    pub(crate) fn new(limits: &settings::Limits) -> Self {
        Self {
            places: Arc::new(Semaphore::new(limits.concurrent)),
            concurrent: limits.concurrent,
            waiting: Cell::new(0),
            most_waiting: limits.waiting,
        }
    }

    /// A place, in the order of arrival. None where too many wait already.
    pub(crate) async fn enter(&self) -> Option<Place> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Some(place);
        }
        let _waiting = Waiting::new(&self.waiting, self.most_waiting)?;
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    /// How many are answered, and how many wait.
    pub(crate) fn load(&self) -> (usize, usize) {
        (self.concurrent - self.places.available_permits(), self.waiting.get())
    }
}

/// One that waits, until it is dropped: also where nobody wants its answer any more.
struct Waiting<'a>(&'a Cell<usize>);

impl<'a> Waiting<'a> {
    fn new(count: &'a Cell<usize>, most: usize) -> Option<Self> {
        let waits = count.get() < most;
        waits.then(|| {
            count.set(count.get() + 1);
            Self(count)
        })
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_is_one_too_many_is_refused_and_who_waits_gets_the_next_place() {
        let admission =
            Admission::new(&settings::Limits { concurrent: 1, waiting: 1, ..settings::Limits::default() });
        let first = admission.enter().await.unwrap();
        let mut second = Box::pin(admission.enter());
        assert!(at_once(&mut second).await.is_none(), "it waits");
        assert_eq!(admission.load(), (1, 1));
        assert!(admission.enter().await.is_none());
        drop(first);
        let second = second.await.unwrap();
        assert_eq!(admission.load(), (1, 0));
        let gone = Box::pin(admission.enter());
        drop(gone);
        drop(second);
        assert_eq!(admission.load(), (0, 0));
    }

    /// What it gives at once.
    async fn at_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        tokio::select! { biased; output = future => Some(output), () = std::future::ready(()) => None }
    }
}
