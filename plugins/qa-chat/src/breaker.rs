//! The circuit breaker: a back end that fails again and again is left alone for a while, and then tried with one question.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use crate::settings;

/// See the module's documentation. A handle: clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Breaker(Rc<Shared>);

#[derive(Debug)]
struct Shared {
    settings: settings::Breaker,
    state: RefCell<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// All may ask; so many have failed in a row.
    Closed { failures: u32 },
    /// Nobody may ask until then.
    Open { until: Instant },
    /// One asks, to try it.
    HalfOpen,
}

/// How a breaker is, for people and figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    Closed,
    Open,
    HalfOpen,
}

/// What has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    WentDown,
    CameBack,
}

/// Leave to ask once. Dropped without a word, it has shown nothing.
#[derive(Debug)]
pub(crate) struct Leave {
    breaker: Breaker,
    /// It is the one that tries.
    tries: bool,
}

impl Breaker {
    pub(crate) fn new(settings: &settings::Breaker) -> Self {
        let state = RefCell::new(State::Closed { failures: 0 });
        Self(Rc::new(Shared { settings: settings.clone(), state }))
    }

    /// Leave to ask.
    ///
    /// # Errors
    /// How long the back end is left alone.
    pub(crate) fn enter(&self) -> Result<Leave, Duration> {
        let mut state = self.0.state.borrow_mut();
        let tries = match *state {
            State::Closed { .. } => false,
            State::Open { until } if until <= Instant::now() => true,
            State::Open { until } => return Err(until - Instant::now()),
            State::HalfOpen => return Err(Duration::from_secs(1)),
        };
        if tries {
            *state = State::HalfOpen;
        }
        Ok(Leave { breaker: self.clone(), tries })
    }

    pub(crate) fn position(&self) -> Position {
        match *self.0.state.borrow() {
            State::Closed { .. } => Position::Closed,
            State::Open { .. } => Position::Open,
            State::HalfOpen => Position::HalfOpen,
        }
    }
}

impl Leave {
    /// Whether it is the one that tries.
    pub(crate) fn tries(&self) -> bool {
        self.tries
    }

    /// It works.
    pub(crate) fn succeeded(mut self) -> Option<Change> {
        let came_back = std::mem::take(&mut self.tries);
        let mut state = self.breaker.0.state.borrow_mut();
        // One that began before it was left alone says nothing of now.
        if came_back || matches!(*state, State::Closed { .. }) {
            *state = State::Closed { failures: 0 };
        }
        came_back.then_some(Change::CameBack)
    }

    /// It does not work.
    pub(crate) fn failed(mut self) -> Option<Change> {
        let tried = std::mem::take(&mut self.tries);
        let Shared { settings, state } = &*self.breaker.0;
        let mut state = state.borrow_mut();
        let open = State::Open { until: Instant::now() + settings.open };
        match *state {
            State::Closed { failures } if failures + 1 < settings.failures => {
                *state = State::Closed { failures: failures + 1 };
                None
            }
            State::Closed { .. } => {
                *state = open;
                Some(Change::WentDown)
            }
            State::HalfOpen if tried => {
                *state = open;
                None
            }
            State::HalfOpen | State::Open { .. } => None,
        }
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        if self.tries {
            // Another may try at once.
            *self.breaker.0.state.borrow_mut() = State::Open { until: Instant::now() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> Breaker {
        Breaker::new(&settings::Breaker { failures: 2, open: Duration::from_secs(10) })
    }

    fn fail(breaker: &Breaker) -> Option<Change> {
        breaker.enter().unwrap().failed()
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_after_failures_in_a_row_and_lets_one_try_after_a_while() {
        let breaker = breaker();
        assert_eq!(fail(&breaker), None);
        assert_eq!(breaker.enter().unwrap().succeeded(), None);
        assert_eq!((fail(&breaker), fail(&breaker)), (None, Some(Change::WentDown)));
        assert_eq!(breaker.enter().unwrap_err(), Duration::from_secs(10));
        tokio::time::advance(Duration::from_secs(10)).await;
        let one = breaker.enter().unwrap();
        assert!(breaker.enter().is_err(), "one alone");
        assert_eq!(one.failed(), None, "it is down still");
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(breaker.enter().unwrap().succeeded(), Some(Change::CameBack));
        assert_eq!(breaker.position(), Position::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn who_tries_and_goes_away_leaves_the_try_to_the_next() {
        let breaker = breaker();
        let before = breaker.enter().unwrap();
        fail(&breaker);
        fail(&breaker);
        assert_eq!(before.succeeded(), None);
        assert_eq!(breaker.position(), Position::Open, "who began before says nothing of now");
        tokio::time::advance(Duration::from_secs(10)).await;
        drop(breaker.enter().unwrap());
        assert!(breaker.enter().is_ok());
    }
}
