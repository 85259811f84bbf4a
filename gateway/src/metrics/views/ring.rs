//! The last samples of all series.

use std::time::Duration;

use super::figures::Figure;
use crate::frame::Timestamp;

/// Samples of a series.
pub(super) const ROWS: usize = 300;
/// Series at most, so that a plugin that opens many cannot make it large: 600 KiB in all. Later ones are not kept.
const COLUMNS: usize = 256;

/// A series' samples take their memory with its first one, so that a gateway does not grow while it fills.
#[derive(Debug)]
pub(super) struct Ring {
    columns: Vec<Column>,
    /// By slot: when it was sampled, since the views began.
    times: Box<[Duration]>,
    /// Samples taken since it was cleared; the next one's slot is this, modulo [`ROWS`].
    taken: usize,
}

#[derive(Debug)]
struct Column {
    name: String,
    counter: bool,
    /// When it was last sampled.
    last: Timestamp,
    /// By slot; not a number where the series was not there.
    values: Box<[f64]>,
}

impl Default for Ring {
    fn default() -> Self {
        Self { columns: Vec::new(), times: vec![Duration::ZERO; ROWS].into(), taken: 0 }
    }
}

impl Ring {
    pub(super) fn push(&mut self, at: Duration, now: Timestamp, figures: &[Figure]) {
        let slot = self.taken % ROWS;
        self.taken += 1;
        self.times[slot] = at;
        self.columns.iter_mut().for_each(|column| column.values[slot] = f64::NAN);
        // They come in the same order as the last time, mostly.
        let mut next = 0;
        for figure in figures {
            let here = self.columns.get(next).is_some_and(|column| column.name == figure.name);
            let found = if here { Some(next) } else { self.position(&figure.name) };
            let index = match found {
                Some(index) => index,
                None if self.columns.len() < COLUMNS => {
                    self.columns.push(Column::of(figure));
                    self.columns.len() - 1
                }
                None => continue,
            };
            self.columns[index].values[slot] = figure.value;
            self.columns[index].last = now;
            next = index + 1;
        }
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

    /// Whether nothing that was sampled since then is forgotten.
    pub(super) fn reaches(&self, since: Duration) -> bool {
        self.taken <= ROWS || self.times[self.taken % ROWS] <= since
    }

    /// A series' samples from `since` on, with their times in seconds; none where it is not known.
    pub(super) fn series(&self, name: &str, since: Duration) -> Option<Vec<(f64, f64)>> {
        let column = &self.columns[self.position(name)?];
        let slots = (self.taken.saturating_sub(ROWS)..self.taken).map(|taken| taken % ROWS);
        let points = slots
            .filter(|slot| self.times[*slot] >= since && !column.values[*slot].is_nan())
            .map(|slot| (self.times[slot].as_secs_f64(), column.values[slot]));
        Some(points.collect())
    }

    /// Forgets all samples.
    pub(super) fn clear(&mut self) {
        self.taken = 0;
    }
}

impl Column {
    fn of(figure: &Figure) -> Self {
        Self {
            name: figure.name.clone(),
            counter: figure.counter,
            last: Timestamp(0),
            values: vec![f64::NAN; ROWS].into(),
        }
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
        ring.push(Duration::from_secs(at), Timestamp(at as i64), &figures);
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
        let reaches = |since| ring.reaches(Duration::from_secs(since));
        assert!(reaches(10) && !reaches(9));
        push(&mut ring, 5000, (0..COLUMNS + 10).map(|n| figure(&n.to_string(), 1.0)).collect());
        assert_eq!(ring.names().count(), COLUMNS);
        push(&mut ring, 5001, vec![figure("late", 1.0), figure("a", 7.0)]);
        assert_eq!(values(&ring, "a").last(), Some(&7.0));
    }
}
