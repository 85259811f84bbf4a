//! Changes to events to what is safe.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use tidegate_plugin::{Event, Host, abi::Status};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::coalesce::Coalescer;
use super::meters::Meters;
use crate::change::Change;
use crate::rules::{Made, Plans};
use crate::source::{Batch, Failure, Position};

/// Events that are published at once at most, and their bytes: beyond, what the source has read waits.
const MOST_EVENTS: usize = 1024;
const MOST_BYTES: usize = 1024 * 1024;
/// Things that rules miss are logged, so many at most.
const MOST_LACKING: usize = 1000;
/// What was passed over is logged this often.
const TELL: Duration = Duration::from_secs(10);

/// The changes of one connection on their way.
pub(super) struct Stream<'a> {
    host: &'a Host,
    plans: Plans,
    meters: &'a Meters,
    max_event: usize,
    coalescer: Coalescer,
    /// The number of the last batch.
    batch: u64,
    /// Positions that are not confirmed yet, each with the batch that it is of.
    positions: VecDeque<(u64, Position)>,
    ready: Ready,
    delay: Option<Duration>,
    told: Option<Instant>,
    untold: usize,
    /// What rules miss, and the log has.
    lacking: HashSet<String>,
}

/// What is to be published.
#[derive(Default)]
struct Ready {
    events: Vec<Event>,
    /// Where each of them comes from, for the log.
    origins: Vec<String>,
    bytes: usize,
    /// When the newest change was committed.
    time: i64,
}

impl<'a> Stream<'a> {
    pub(super) fn new(host: &'a Host, plans: Plans, meters: &'a Meters, max_event: usize) -> Self {
        Self {
            host,
            plans,
            meters,
            max_event,
            coalescer: Coalescer::default(),
            batch: 0,
            positions: VecDeque::new(),
            ready: Ready::default(),
            delay: None,
            told: None,
            untold: 0,
            lacking: HashSet::new(),
        }
    }

    /// Ends when something that was held back is due; never where nothing is.
    pub(super) async fn due(&self) {
        match self.coalescer.due() {
            Some(due) => sleep_until(due).await,
            None => std::future::pending().await,
        }
    }

    /// How long it took the last time from a commit until its events were safe, where the source tells when that was.
    pub(super) fn delay(&self) -> Option<Duration> {
        self.delay
    }

    /// Publishes a batch, what the source has read besides, and what is due; answers what may be confirmed then, if that is news.
    pub(super) async fn pass(
        &mut self,
        first: Option<Batch>,
        more: &mut mpsc::Receiver<Batch>,
    ) -> Result<Option<Position>, Failure> {
        let mut next = first;
        while let Some(batch) = next {
            self.take(batch).await?;
            let has_space = self.ready.events.len() < MOST_EVENTS && self.ready.bytes < MOST_BYTES;
            next = if has_space { more.try_recv().ok() } else { None };
        }
        let due = self.coalescer.release(Instant::now());
        due.into_iter().for_each(|made| self.ready.add(made));
        self.publish().await?;
        Ok(self.safe())
    }

    /// Publishes what is held back.
    pub(super) async fn finish(&mut self) -> Result<Option<Position>, Failure> {
        let held = self.coalescer.release_all(Instant::now());
        held.into_iter().for_each(|made| self.ready.add(made));
        self.publish().await?;
        Ok(self.safe())
    }

    /// Makes the events of a batch. One that is large goes out in pieces.
    async fn take(&mut self, batch: Batch) -> Result<(), Failure> {
        self.batch += 1;
        self.count(&batch.changes);
        let (mut made, mut missing) = (Vec::new(), Vec::new());
        for change in &batch.changes {
            self.plans.apply(change, &mut made, &mut missing);
            self.ready.time = self.ready.time.max(change.time);
            for what in missing.drain(..) {
                self.lacks(what);
            }
            for made in made.drain(..) {
                self.sort(made, change);
            }
            if self.ready.events.len() >= MOST_EVENTS || self.ready.bytes >= MOST_BYTES {
                self.publish().await?;
            }
        }
        if let Some(position) = batch.position {
            self.positions.push_back((self.batch, position));
        }
        Ok(())
    }

    fn count(&mut self, changes: &[Change]) {
        let alike = changes.chunk_by(|a, b| a.kind == b.kind && a.shape.table == b.shape.table);
        for run in alike {
            let (table, kind) = (&run[0].shape.table, run[0].kind);
            self.meters.changed(table, kind, u32::try_from(run.len()).unwrap_or(u32::MAX));
            let replaced = run.iter().map(|change| change.replaced().count()).sum::<usize>();
            if replaced > 0 {
                self.meters.replaced.add(u32::try_from(replaced).unwrap_or(u32::MAX));
                let column = run.iter().find_map(|change| change.replaced().next()).unwrap_or_default();
                self.lacks(format!(
                    "table '{table}': the column '{column}' has bytes that are no text in its character set: each is told as U+FFFD"
                ));
            }
        }
    }

    fn sort(&mut self, made: Option<Made>, change: &Change) {
        match made {
            None => self.meters.no_room.add(1),
            Some(made) if made.data.len() > self.max_event => {
                self.meters.too_large.add(1);
                let what = format!(
                    "its event would have {} bytes, and max_event is {}",
                    made.data.len(),
                    self.max_event
                );
                self.passed_over(&change.origin, &what);
            }
            Some(made) => {
                if let Some(made) = self.coalescer.take(made, self.batch, Instant::now()) {
                    self.ready.add(made);
                }
            }
        }
    }

    /// Publishes what is ready, and waits until it is safe. What the gateway refuses is passed over: it never will be right.
    async fn publish(&mut self) -> Result<(), Failure> {
        let Ready { mut events, origins, time, .. } = std::mem::take(&mut self.ready);
        while !events.is_empty() {
            let count = events.len();
            let Err(error) = self.host.publish_all(events).await else {
                self.meters.events.add(u32::try_from(count).unwrap_or(u32::MAX));
                break;
            };
            if error.status != Status::INVALID
                || error.taken.iter().any(Result::is_err)
                || error.rest.is_empty()
            {
                return Err(Failure::Passing(error.to_string()));
            }
            self.meters.events.add(u32::try_from(error.taken.len()).unwrap_or(u32::MAX));
            self.meters.refused.add(1);
            let refused = origins.len() - error.rest.len();
            self.passed_over(&origins[refused], &error.reason);
            events = error.rest;
            events.remove(0);
        }
        if time > 0 {
            let delay = u64::try_from(self.host.clock().now_ms() - time).unwrap_or(0);
            self.delay = Some(Duration::from_millis(delay));
            self.meters.took(Duration::from_millis(delay));
        }
        Ok(())
    }

    /// The newest position of which all before it is safe.
    fn safe(&mut self) -> Option<Position> {
        let up_to = self.coalescer.oldest().map_or(self.batch, |oldest| oldest - 1);
        let safe = self.positions.partition_point(|(batch, _)| *batch <= up_to);
        self.positions.drain(..safe).next_back().map(|(_, position)| position)
    }

    /// Logs what an event misses, each thing once: a source of JSON objects may have another shape each time.
    fn lacks(&mut self, what: String) {
        if self.lacking.len() < MOST_LACKING && !self.lacking.contains(&what) {
            self.host.log().error(&what);
            self.lacking.insert(what);
        }
    }

    /// Logs what was passed over, seldom where it is much.
    fn passed_over(&mut self, origin: &str, what: &str) {
        if self.told.is_some_and(|told| told.elapsed() < TELL) {
            self.untold += 1;
            return;
        }
        let untold = std::mem::take(&mut self.untold);
        let more = if untold > 0 { format!("; and {untold} before") } else { String::new() };
        self.host.log().warn(format_args!("the change at {origin} is passed over: {what}{more}"));
        self.told = Some(Instant::now());
    }
}

impl Ready {
    fn add(&mut self, made: Made) {
        self.bytes += made.data.len();
        self.events.push(made.event());
        self.origins.push(made.origin);
    }
}
