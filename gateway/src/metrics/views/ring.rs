//! The last samples of all series.

use std::collections::VecDeque;
use std::time::Duration;

use super::figures::Figure;
use crate::frame::Timestamp;

/// Samples of a series: an hour's, once a second.
const ROWS: usize = 3600;
/// Series at most, so that a plugin that opens many cannot make it large: 7 MiB in all. Later ones are not kept.
const COLUMNS: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Ring {
    columns: Vec<Column>,
    /// Oldest first.
    rows: VecDeque<Row>,
}

#[derive(Debug)]
struct Column {
    name: String,
    counter: bool,
    /// When it was last sampled.
    last: Timestamp,
}

#[derive(Debug)]
struct Row {
    /// Since the views began.
    at: Duration,
    /// By column; not a number where the series was not there. Shorter where a column came later.
    values: Box<[f64]>,
}

impl Ring {
    pub(super) fn push(&mut self, at: Duration, now: Timestamp, figures: Vec<Figure>) {
        let mut values = vec![f64::NAN; self.columns.len()];
        // They come in the same order as the last time, mostly.
        let mut next = 0;
        for figure in figures {
            let here = self.columns.get(next).is_some_and(|column| column.name == figure.name);
            let found = if here { Some(next) } else { self.position(&figure.name) };
            let index = match found {
                Some(index) => index,
                None if self.columns.len() < COLUMNS => {
                    self.columns.push(Column { name: figure.name, counter: figure.counter, last: now });
                    values.push(f64::NAN);
                    self.columns.len() - 1
                }
                None => continue,
            };
            values[index] = figure.value;
            self.columns[index].last = now;
            next = index + 1;
        }
        if self.rows.len() == ROWS {
            self.rows.pop_front();
        }
        self.rows.push_back(Row { at, values: values.into() });
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The series, in the order of their coming.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    pub(super) fn is_counter(&self, name: &str) -> bool {
        self.position(name).is_some_and(|index| self.columns[index].counter)
    }

    /// By series: when it was last sampled.
    pub(super) fn last(&self) -> impl Iterator<Item = (&str, Timestamp)> {
        self.columns.iter().map(|column| (column.name.as_str(), column.last))
    }

    /// A series' samples from `since` on, with their times in seconds; none where it is not known.
    pub(super) fn series(&self, name: &str, since: Duration) -> Option<Vec<(f64, f64)>> {
        let column = self.position(name)?;
        let first = self.rows.partition_point(|row| row.at < since);
        let points = self.rows.range(first..).filter_map(|row| {
            let value = row.values.get(column).copied().filter(|value| !value.is_nan())?;
            Some((row.at.as_secs_f64(), value))
        });
        Some(points.collect())
    }

    /// Forgets all samples.
    pub(super) fn clear(&mut self) {
        self.rows = VecDeque::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(name: &str, value: f64) -> Figure {
        Figure { name: name.into(), counter: false, value }
    }

    fn values(ring: &Ring, name: &str) -> Vec<f64> {
        let points = ring.series(name, Duration::ZERO).unwrap();
        points.into_iter().map(|(_, value)| value).collect()
    }

    fn push(ring: &mut Ring, at: u64, figures: Vec<Figure>) {
        ring.push(Duration::from_secs(at), Timestamp(at as i64), figures);
    }

    #[test]
    fn series_may_come_and_go() {
        let mut ring = Ring::default();
        push(&mut ring, 1, vec![figure("a", 1.0), figure("b", 10.0)]);
        push(&mut ring, 2, vec![figure("b", 20.0), figure("c", 200.0)]);
        push(&mut ring, 3, vec![figure("c", 300.0), figure("a", 3.0)]);
        assert_eq!(values(&ring, "a"), [1.0, 3.0]);
        assert_eq!(values(&ring, "b"), [10.0, 20.0]);
        assert_eq!(values(&ring, "c"), [200.0, 300.0]);
        let last: Vec<_> = ring.last().map(|(name, at)| (name, at.0)).collect();
        assert_eq!(last, [("a", 3), ("b", 2), ("c", 3)]);
        assert!(ring.series("d", Duration::ZERO).is_none());
    }

    #[test]
    fn it_is_bounded_both_ways() {
        let mut ring = Ring::default();
        for at in 0..ROWS as u64 + 10 {
            push(&mut ring, at, vec![figure("a", at as f64)]);
        }
        let kept = values(&ring, "a");
        assert_eq!((kept.len(), kept[0]), (ROWS, 10.0));
        push(&mut ring, 5000, (0..COLUMNS + 10).map(|n| figure(&n.to_string(), 1.0)).collect());
        assert_eq!(ring.names().count(), COLUMNS);
        push(&mut ring, 5001, vec![figure("late", 1.0), figure("a", 7.0)]);
        assert_eq!(values(&ring, "a").last(), Some(&7.0));
    }
}
