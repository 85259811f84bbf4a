//! Figures: how questions ended, how long that took, how the back end is.

use std::rc::Rc;
use std::time::Instant;

use tidegate_plugin::{Counter, Gauge, Histogram, Host, Result};

use crate::breaker::Position;

/// How a question ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Answered,
    Failed,
    TimedOut,
    /// Too many wait, or the back end is left alone.
    Refused,
    /// Nobody wanted the answer any more.
    Cancelled,
}

const OUTCOMES: [(Outcome, &str); 5] = [
    (Outcome::Answered, "answered"),
    (Outcome::Failed, "failed"),
    (Outcome::TimedOut, "timed_out"),
    (Outcome::Refused, "refused"),
    (Outcome::Cancelled, "cancelled"),
];

/// See the module's documentation. A handle: clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Figures(Rc<Series>);

#[derive(Debug)]
struct Series {
    questions: Vec<(Outcome, Counter)>,
    seconds: Histogram,
    retries: Counter,
    breaker: Gauge,
}

/// A question that is counted at its end: as cancelled, if nothing else is said.
#[derive(Debug)]
pub(crate) struct Tally {
    figures: Figures,
    begun: Instant,
    outcome: Outcome,
}

impl Figures {
    /// Counters' names get their `_total` from the gateway.
    pub(crate) fn new(host: &Host) -> Result<Self> {
        let metrics = host.metrics();
        let count = |(outcome, name)| {
            let labels = [("outcome", name)];
            Ok((outcome, metrics.counter("chat_questions", "Questions by how they ended", &labels)?))
        };
        Ok(Self(Rc::new(Series {
            questions: OUTCOMES.into_iter().map(count).collect::<Result<_>>()?,
            seconds: metrics.histogram("chat_seconds", "How long questions took that were answered", &[])?,
            retries: metrics.counter("chat_retries", "How often a back end was asked again", &[])?,
            breaker: metrics.gauge(
                "chat_breaker",
                "The circuit breaker: 0 closed, 1 half open, 2 open",
                &[],
            )?,
        })))
    }

    /// A question came.
    pub(crate) fn begin(&self) -> Tally {
        Tally { figures: self.clone(), begun: Instant::now(), outcome: Outcome::Cancelled }
    }

    /// A back end is asked again.
    pub(crate) fn retried(&self) {
        self.0.retries.add(1);
    }

    /// How the breaker is.
    pub(crate) fn breaker(&self, position: Position) {
        self.0.breaker.set(match position {
            Position::Closed => 0,
            Position::HalfOpen => 1,
            Position::Open => 2,
        });
    }
}

impl Tally {
    /// How it ends.
    pub(crate) fn ends(&mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        let Series { questions, seconds, .. } = &*self.figures.0;
        for (outcome, counter) in questions {
            counter.add((*outcome == self.outcome).into());
        }
        if self.outcome == Outcome::Answered {
            seconds.observe(self.begun.elapsed());
        }
    }
}
