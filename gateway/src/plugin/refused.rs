//! Events that were refused: why, who is told, and how many.

use std::array;
use std::sync::Weak;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::time::{MissedTickBehavior, interval};

use super::Plugins;
use super::manifest::Flaw;
use crate::frame::json::{DEEPEST, shorten};
use crate::hub::BadName;

/// Lines in the log of one plugin's refused events, in each [`WINDOW`]: a flood of bad events must not flood the log.
const LINES: u32 = 10;
const WINDOW: Duration = Duration::from_secs(10);

/// Why an event was not taken, and will not be however often it comes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// Its plugin has not declared such a type.
    #[error("its type is not declared")]
    Type,
    /// Its data is no JSON.
    #[error("its data is no JSON: {0}")]
    Json(String),
    /// Its data nests deeper than readers recurse.
    #[error("its data nests deeper than {DEEPEST} levels")]
    Deep,
    /// Its data does not fit the schema of its type.
    #[error("{0}")]
    Schema(Flaw),
    /// It names no room.
    #[error(transparent)]
    Room(#[from] BadName),
    /// One of its texts is too long, or no UTF-8.
    #[error("its {field} is {what}")]
    Text {
        /// Which.
        field: &'static str,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// The label of each kind of reason.
pub(super) const REASONS: [&str; 5] = ["type", "json", "schema", "room", "text"];

impl Why {
    fn reason(&self) -> usize {
        match self {
            Self::Type => 0,
            Self::Json(_) | Self::Deep => 1,
            Self::Schema(_) => 2,
            Self::Room(_) => 3,
            Self::Text { .. } => 4,
        }
    }

    /// The field of the data that it is about; empty where it is about the whole.
    fn field(&self) -> String {
        match self {
            Self::Schema(flaw) => flaw.field(),
            _ => String::new(),
        }
    }
}

/// A refused event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event '{kind}': {why}")]
pub(super) struct Refused {
    /// Its type, shortened.
    pub(super) kind: String,
    pub(super) why: Why,
}

impl Refused {
    pub(super) fn new(kind: &[u8], why: Why) -> Self {
        Self { kind: shorten(&String::from_utf8_lossy(kind)).escape_debug().to_string(), why }
    }
}

/// The refused events of a plugin, over all its instances.
pub(super) struct Refusals {
    /// By reason.
    counts: [AtomicU64; REASONS.len()],
    pace: Mutex<Pace>,
}

/// How fast lines are written.
struct Pace {
    /// When the window began.
    begun: Instant,
    /// Lines in it.
    lines: u32,
    /// Events since the last line that have none.
    left_out: u64,
}

impl Pace {
    fn new(now: Instant) -> Self {
        Self { begun: now, lines: 0, left_out: 0 }
    }

    /// Whether an event may have a line now, which tells of so many that had none.
    fn line(&mut self, now: Instant) -> Option<u64> {
        if now.duration_since(self.begun) >= WINDOW {
            (self.begun, self.lines) = (now, 0);
        }
        if self.lines == LINES {
            self.left_out += 1;
            return None;
        }
        self.lines += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

impl Default for Refusals {
    fn default() -> Self {
        Self { counts: array::from_fn(|_| AtomicU64::new(0)), pace: Mutex::new(Pace::new(Instant::now())) }
    }
}

impl Refusals {
    /// Counts a refused event and, unless there were too many, writes a line.
    pub(super) fn note(&self, plugin: &str, Refused { kind, why }: &Refused) {
        self.counts[why.reason()].fetch_add(1, Relaxed);
        let Some(left_out) = self.pace.lock().line(Instant::now()) else { return };
        let field = why.field();
        tracing::warn!(plugin, event_type = %kind, field, left_out, "event refused: {why}");
    }

    /// Tells of those that had no line, if there are any.
    pub(super) fn settle(&self, plugin: &str) {
        match std::mem::take(&mut self.pace.lock().left_out) {
            0 => {}
            more => tracing::warn!(plugin, "{more} more events refused, without a line each"),
        }
    }

    /// How many there were, for each of [`REASONS`].
    pub(super) fn counts(&self) -> [u64; REASONS.len()] {
        array::from_fn(|reason| self.counts[reason].load(Relaxed))
    }
}

/// Tells, from time to time, of events that had no line.
pub(super) async fn watch(plugins: Weak<Plugins>) {
    let mut ticks = interval(WINDOW);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(plugins) = plugins.upgrade() else { return };
        for entry in &plugins.entries {
            entry.refusals.settle(&entry.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_has_a_few_lines_and_the_next_one_says_how_many_had_none() {
        let begun = Instant::now();
        let mut pace = Pace::new(begun);
        let lines = (0..1_000).filter_map(|_| pace.line(begun)).collect::<Vec<_>>();
        assert_eq!(lines, [0; LINES as usize]);
        assert_eq!(pace.line(begun + WINDOW / 2), None);
        assert_eq!(pace.line(begun + WINDOW), Some(1_001 - u64::from(LINES)));
        assert_eq!(pace.line(begun + WINDOW), Some(0));
    }

    #[test]
    fn the_type_of_an_event_cannot_break_the_log() {
        let refused = Refused::new("a\nb\u{1b}[31m".as_bytes(), Why::Type);
        assert_eq!(refused.to_string(), "event 'a\\nb\\u{1b}[31m': its type is not declared");
        assert!(Refused::new(&[b'x'; 5_000], Why::Type).kind.len() <= 200);
    }
}
