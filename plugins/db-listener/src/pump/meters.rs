//! What is counted, shown as `tidegate_plugin_db_listener_…`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use tidegate_plugin::{Counter, Gauge, Histogram, Metrics, Result};

use crate::change::{Kind, TableName};

/// Tables that have a series of their own; those beyond share one.
const MOST_TABLES: usize = 100;

/// The series of an instance.
#[derive(Debug)]
pub struct Meters {
    metrics: Metrics,
    changes: RefCell<HashMap<(TableName, Kind), Counter>>,
    /// Events that are safe.
    pub events: Counter,
    /// Events that the gateway has refused.
    pub refused: Counter,
    /// Events over `max_event`.
    pub too_large: Counter,
    /// Rows that a rule holds for and that have no room.
    pub no_room: Counter,
    /// Texts of rows in which something stands for bytes that are no text.
    pub replaced: Counter,
    /// Attempts that have failed.
    pub reconnects: Counter,
    /// From commit to being safe.
    pub delay: Histogram,
    /// Bytes of the database's log that are not confirmed.
    pub lag: Gauge,
    /// Bytes of the database's log that are held back for us.
    pub held: Gauge,
}

impl Meters {
    /// Opens the series.
    ///
    /// # Errors
    /// Where the gateway refuses them.
    pub fn open(metrics: Metrics) -> Result<Self> {
        let dropped = |reason: &str| {
            metrics.counter(
                "db_listener_events_dropped",
                "Events that were passed over, by reason.",
                &[("reason", reason)],
            )
        };
        let counter = |name: &str, help: &str| metrics.counter(name, help, &[]);
        Ok(Self {
            events: counter("db_listener_events", "Events that were published and are safe.")?,
            refused: dropped("refused")?,
            too_large: dropped("too_large")?,
            no_room: dropped("no_room")?,
            replaced: counter(
                "db_listener_texts_replaced",
                "Texts of rows with U+FFFD, which stands for bytes that are no text in their character set.",
            )?,
            reconnects: counter("db_listener_reconnects", "Attempts to listen that have failed.")?,
            delay: metrics.histogram(
                "db_listener_delay_seconds",
                "From a commit until its events are safe.",
                &[],
            )?,
            lag: metrics.gauge(
                "db_listener_lag_bytes",
                "Bytes of the database's log that are not confirmed.",
                &[],
            )?,
            held: metrics.gauge(
                "db_listener_held_bytes",
                "Bytes of the database's log that are kept for us.",
                &[],
            )?,
            changes: RefCell::default(),
            metrics,
        })
    }

    /// Counts changes of a table.
    pub(super) fn changed(&self, table: &TableName, kind: Kind, count: u32) {
        let mut changes = self.changes.borrow_mut();
        let key = (table.clone(), kind);
        if let Some(counter) = changes.get(&key) {
            counter.add(count);
            return;
        }
        let name = if changes.len() < MOST_TABLES * 4 { table.to_string() } else { "(others)".into() };
        let labels = [("table", name.as_str()), ("kind", kind.name())];
        let opened = self.metrics.counter("db_listener_changes", "Changes that were read.", &labels);
        // One that the gateway does not show is not counted.
        let Ok(counter) = opened else { return };
        counter.add(count);
        if name != "(others)" {
            changes.insert(key, counter);
        }
    }

    /// A change's events are safe after so long.
    pub(super) fn took(&self, delay: Duration) {
        self.delay.observe(delay);
    }
}
