//! What happens so many times a second.

/// A regular beat.
#[derive(Debug)]
pub(super) struct Beat {
    /// Nanoseconds between two strikes; 0: always; infinite: never.
    every: f64,
    start: u64,
    strikes: u64,
}

impl Beat {
    /// So many a second from `start`; with 0 there is no limit where the beat has begun, and no strike where it has not.
    pub(super) fn new(rate: f64, start: u64) -> Self {
        let every = if rate > 0.0 { 1e9 / rate } else { 0.0 };
        Self { every, start, strikes: 0 }
    }

    /// Begins now.
    pub(super) fn begin(&mut self, start: u64) {
        if self.every > 0.0 {
            self.start = start;
        }
    }

    /// When the next strike is.
    pub(super) fn next(&self) -> u64 {
        self.start.saturating_add((self.strikes as f64 * self.every) as u64)
    }

    /// When the one was due that is due now, if one is; it is taken. Without a limit each is due now.
    pub(super) fn strikes(&mut self, now: u64) -> Option<u64> {
        let due = self.next();
        if due > now {
            return None;
        }
        self.strikes += 1;
        Some(if self.every > 0.0 { due } else { now })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_strikes_as_often_as_it_is_to_and_makes_up_for_what_was_late() {
        let mut beat = Beat::new(1000.0, 5_000_000);
        let mut at = |now| std::iter::from_fn(|| beat.strikes(now)).collect::<Vec<_>>();
        assert_eq!([at(4_999_999), at(5_000_000), at(5_999_999)], [vec![], vec![5_000_000], vec![]]);
        assert_eq!(at(9_500_000), [6_000_000, 7_000_000, 8_000_000, 9_000_000]);
    }

    #[test]
    fn without_a_rate_there_is_no_limit_once_it_has_begun() {
        let mut beat = Beat::new(0.0, 7);
        assert_eq!([beat.strikes(6), beat.strikes(7), beat.strikes(9)], [None, Some(7), Some(9)]);
        let mut never = Beat::new(0.0, u64::MAX);
        never.begin(7);
        assert_eq!(never.strikes(7), None);
    }
}
