//! What one thread has counted.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

/// The longest time that a histogram tells, nanoseconds: an hour.
const LONGEST: u64 = 3_600_000_000_000;
/// Reasons that are told apart; further ones are one.
const REASONS: usize = 32;

/// How often which reason was given.
pub(super) type Reasons = BTreeMap<String, u64>;

/// Counts a reason, of which a server may invent any number.
pub(super) fn count(reasons: &mut Reasons, reason: String) {
    let key = match reasons.len() < REASONS || reasons.contains_key(&reason) {
        true => reason,
        false => "other reasons".to_owned(),
    };
    *reasons.entry(key).or_default() += 1;
}

/// What came to subscribers of one kind: those that read, or those that do not.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// Subscribers that were ready, and of those the ones at the end.
    pub(super) ready: u64,
    pub(super) at_end: u64,
    /// Events that came, all of them and within the measured time.
    pub(super) deliveries: u64,
    pub(super) measured: u64,
    /// Events that should have come, did not, and that no gap told of.
    pub(super) missing: u64,
    pub(super) doubled: u64,
    pub(super) torn: u64,
    pub(super) disordered: u64,
    /// Events of a room that the subscriber is not in, or of a type that it has not subscribed to.
    pub(super) strayed: u64,
    /// Events of other runs.
    pub(super) foreign: u64,
    /// Gaps that were told of, and the events in them.
    pub(super) gaps: u64,
    pub(super) in_gaps: u64,
    /// Sessions that the server has ended.
    pub(super) closes: Reasons,
}

impl Account {
    fn add(&mut self, other: Self) {
        self.ready += other.ready;
        self.at_end += other.at_end;
        self.deliveries += other.deliveries;
        self.measured += other.measured;
        self.missing += other.missing;
        self.doubled += other.doubled;
        self.torn += other.torn;
        self.disordered += other.disordered;
        self.strayed += other.strayed;
        self.foreign += other.foreign;
        self.gaps += other.gaps;
        self.in_gaps += other.in_gaps;
        add_reasons(&mut self.closes, other.closes);
    }
}

/// All that a thread has counted.
#[derive(Debug)]
pub(super) struct Tally {
    /// From when a connection was to be made to the upgrade's answer, nanoseconds.
    pub(super) connect: Histogram<u64>,
    /// From an event's time to its arrival, nanoseconds.
    pub(super) latency: Histogram<u64>,
    /// From when an event was due, or could be sent as the server took what was before it, to its sending: how late the
    /// load tester itself was, nanoseconds.
    pub(super) late: Histogram<u64>,
    /// The share of the measured time that the busiest thread was busy.
    pub(super) busiest: Option<f64>,
    /// Connections that were not made.
    pub(super) failures: Reasons,
    pub(super) readers: Account,
    pub(super) slow: Account,
    /// Publishers that were ready, and those that the server has ended.
    pub(super) publishers: u64,
    pub(super) publisher_closes: Reasons,
    /// Events that were sent, all of them and within the measured time.
    pub(super) published: u64,
    pub(super) published_measured: u64,
    /// Events that should have been sent by the end and were not, as the server did not take them.
    pub(super) unsent: u64,
    /// Events that the server has refused, and those that it has not answered.
    pub(super) refused: Reasons,
    pub(super) unanswered: u64,
    /// Subscribers that left, and those that were there again.
    pub(super) left: u64,
    pub(super) came_back: u64,
}

impl Tally {
    pub(super) fn new() -> Result<Self, hdrhistogram::CreationError> {
        Ok(Self {
            connect: Histogram::new_with_bounds(1000, LONGEST, 3)?,
            latency: Histogram::new_with_bounds(100, LONGEST, 3)?,
            late: Histogram::new_with_bounds(100, LONGEST, 3)?,
            busiest: None,
            failures: Reasons::new(),
            readers: Account::default(),
            slow: Account::default(),
            publishers: 0,
            publisher_closes: Reasons::new(),
            published: 0,
            published_measured: 0,
            unsent: 0,
            refused: Reasons::new(),
            unanswered: 0,
            left: 0,
            came_back: 0,
        })
    }

    /// Adds another thread's.
    pub(super) fn add(&mut self, other: Self) -> Result<(), hdrhistogram::AdditionError> {
        self.connect.add(&other.connect)?;
        self.latency.add(&other.latency)?;
        self.late.add(&other.late)?;
        self.busiest = self.busiest.into_iter().chain(other.busiest).reduce(f64::max);
        add_reasons(&mut self.failures, other.failures);
        self.readers.add(other.readers);
        self.slow.add(other.slow);
        self.publishers += other.publishers;
        add_reasons(&mut self.publisher_closes, other.publisher_closes);
        self.published += other.published;
        self.published_measured += other.published_measured;
        self.unsent += other.unsent;
        add_reasons(&mut self.refused, other.refused);
        self.unanswered += other.unanswered;
        self.left += other.left;
        self.came_back += other.came_back;
        Ok(())
    }
}

fn add_reasons(reasons: &mut Reasons, other: Reasons) {
    for (reason, times) in other {
        *reasons.entry(reason).or_default() += times;
    }
}
