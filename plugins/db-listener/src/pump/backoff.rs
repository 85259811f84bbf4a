//! How long a source that has failed is left alone.

use std::time::Duration;

use crate::source::Failure;

const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);
/// What the operator has to do takes time.
const LASTING: Duration = Duration::from_secs(5);

/// Pauses that double, each with jitter, so that many instances do not come back at once.
#[derive(Debug)]
pub(super) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(SHORTEST)
    }
}

impl Backoff {
    /// It went well for a time.
    pub(super) fn reset(&mut self) {
        self.0 = SHORTEST;
    }

    /// The pause after a failure.
    pub(super) fn pause(&mut self, failure: &Failure) -> Duration {
        let pause = match failure {
            Failure::Passing(_) => self.0,
            Failure::Lasting(_) => LASTING,
        };
        self.0 = (self.0 * 2).min(LONGEST);
        pause.mul_f64(rand::random_range(0.75..1.25))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit_and_begin_anew_when_it_went_well() {
        let mut backoff = Backoff::default();
        let passing = Failure::Passing(String::new());
        let pauses: Vec<_> = (0..12).map(|_| backoff.pause(&passing)).collect();
        assert!(pauses[0] < SHORTEST.mul_f64(1.25) && pauses[1] >= (SHORTEST * 2).mul_f64(0.75));
        assert!(pauses[11] >= LONGEST.mul_f64(0.75) && pauses[11] <= LONGEST.mul_f64(1.25));
        backoff.reset();
        assert!(backoff.pause(&passing) < SHORTEST * 2);
        assert!(backoff.pause(&Failure::Lasting(String::new())) > Duration::from_secs(3));
    }
}
