//! What each party has done of late, to the moment.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use parking_lot::Mutex;

use super::{Clock, Moment, Verdict};
use crate::metrics::Metrics;
use crate::units::Rate;

/// Parties at most; past it those are forgotten that have been quiet and, where few are, all: who has used up its share may
/// then begin anew, which is better than refusing whoever comes next.
const MOST: usize = 16_384;

/// Who does something.
#[derive(Clone, Copy, Debug, Hash)]
pub enum Party<'a> {
    /// A user, in whatever session.
    User(&'a str),
    /// A session without user, by its id.
    Session(&'a str),
}

/// So many of something in any stretch of time, for each party: a window that slides with every moment, as it remembers
/// each of them. That costs eight bytes each, so it is for rates that count few; [`Limits`](super::Limits) are for all else.
/// Each node counts for itself.
#[derive(Debug)]
pub struct Recent {
    name: &'static str,
    hasher: foldhash::quality::RandomState,
    state: Mutex<State>,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
struct State {
    rate: Rate,
    /// By the hash of the party; oldest first.
    parties: HashMap<u64, VecDeque<Moment>, foldhash::fast::RandomState>,
    /// When those were last forgotten that had been quiet.
    swept: Moment,
}

impl Recent {
    /// Nobody has done anything yet. `name`: what it is called where refusals are counted.
    pub fn new(name: &'static str, rate: Rate, metrics: &Arc<Metrics>) -> Arc<Self> {
        metrics.limited.know(name);
        let state = State { rate, parties: HashMap::default(), swept: Clock::now() };
        let (hasher, state) = (foldhash::quality::RandomState::default(), Mutex::new(state));
        Arc::new(Self { name, hasher, state, metrics: Arc::clone(metrics) })
    }

    /// From now on there may be so many; what was done counts on.
    pub fn set(&self, rate: Rate) {
        self.state.lock().rate = rate;
    }

    /// `party` does it once more, where it may. What is refused does not count.
    ///
    /// # Errors
    /// When it may again.
    pub fn take(&self, party: Party<'_>) -> Result<(), Verdict> {
        self.take_at(party, Clock::now())
    }

    fn take_at(&self, party: Party<'_>, now: Moment) -> Result<(), Verdict> {
        let mut state = self.state.lock();
        let Some((limit, per)) = state.rate.get() else { return Ok(()) };
        state.sweep(per, now);
        let party = self.hasher.hash_one(party);
        let moments = state.parties.entry(party).or_default();
        forget(moments, per, now);
        let over = moments.len() >= limit as usize;
        match moments.get(moments.len().saturating_sub(limit as usize)).filter(|_| over) {
            None => {
                moments.push_back(now);
                Ok(())
            }
            // It may again once so many have gone that one fewer than the limit is left.
            Some(first) => {
                self.metrics.limited.count(self.name);
                let wait = per.saturating_sub(since(*first, now));
                Err(Verdict { limit, remaining: 0, reset: wait, retry_after: Some(wait) })
            }
        }
    }

    /// What `party` did last has come to nothing.
    pub fn give_back(&self, party: Party<'_>) {
        if let Some(moments) = self.state.lock().parties.get_mut(&self.hasher.hash_one(party)) {
            moments.pop_back();
        }
    }
}

impl State {
    /// Forgets the quiet: once in a while, and where there are too many.
    fn sweep(&mut self, per: Duration, now: Moment) {
        if since(self.swept, now) < per && self.parties.len() < MOST {
            return;
        }
        self.swept = now;
        self.parties.retain(|_, moments| moments.back().is_some_and(|last| since(*last, now) < per));
        // Looking costs as much as there are: it has to be worth it.
        if self.parties.len() > MOST / 4 * 3 {
            self.parties.clear();
        }
        self.parties.shrink_to_fit();
    }
}

fn forget(moments: &mut VecDeque<Moment>, per: Duration, now: Moment) {
    while moments.front().is_some_and(|first| since(*first, now) >= per) {
        moments.pop_front();
    }
}

/// Time that seems to go back, as other threads' may, stands still.
fn since(before: Moment, now: Moment) -> Duration {
    Duration::from_nanos(now.0.saturating_sub(before.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn recent(rate: &str) -> Arc<Recent> {
        Recent::new("test", rate.parse().unwrap(), &Metrics::new(1))
    }

    proptest! {
        #[test]
        fn no_stretch_of_time_has_more_than_it_may_and_none_is_refused_before(
            steps in prop::collection::vec(0_u64..3 * SECOND, 1..200),
        ) {
            let recent = recent("5/10s");
            let (mut now, mut passed) = (Moment(1 << 60), Vec::<Moment>::new());
            for step in steps {
                now.0 += step;
                let within = passed.iter().filter(|at| now.0 - at.0 < 10 * SECOND).count();
                match recent.take_at(Party::User("ada"), now) {
                    Ok(()) => {
                        prop_assert!(within < 5);
                        passed.push(now);
                    }
                    Err(verdict) => {
                        prop_assert_eq!(within, 5);
                        let wait = verdict.retry_after.unwrap().as_nanos() as u64;
                        prop_assert!(recent.take_at(Party::User("ada"), Moment(now.0 + wait - 1)).is_err());
                    }
                }
            }
        }
    }

    #[test]
    fn a_user_has_one_share_in_all_sessions_and_a_session_without_user_its_own() {
        let recent = recent("1/min");
        let now = Moment(1 << 60);
        assert!(recent.take_at(Party::User("ada"), now).is_ok());
        assert!(recent.take_at(Party::User("ada"), now).is_err());
        assert!(recent.take_at(Party::Session("ada"), now).is_ok(), "a session may be called as a user");
        assert!(recent.take_at(Party::Session("b"), now).is_ok());
        recent.give_back(Party::User("ada"));
        assert!(recent.take_at(Party::User("ada"), now).is_ok(), "what came to nothing does not count");
        recent.set(Rate::NONE);
        assert!(recent.take_at(Party::User("ada"), now).is_ok());
    }

    #[test]
    fn parties_are_bounded_and_the_quiet_are_forgotten() {
        let recent = recent("1/min");
        let start = Clock::now();
        for number in 0..MOST + 10 {
            let _passes = recent.take_at(Party::User(&number.to_string()), start);
        }
        assert!(recent.state.lock().parties.len() <= MOST);
        let later = Moment(start.0 + 61 * SECOND);
        assert!(recent.take_at(Party::User("ada"), later).is_ok());
        assert_eq!(recent.state.lock().parties.len(), 1);
    }
}
