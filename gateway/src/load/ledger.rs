//! What a subscriber has got of a stream, and what it should have got.

use std::collections::BTreeMap;
use std::ops::Range;

/// Holes of one track that are kept, to tell a late event from one that came twice.
const HOLES: usize = 64;

/// What an event was to its subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// New, with so many events that are no longer to come: itself and those that it has overtaken. Those from before
    /// the subscriber's join do not count.
    New(u64),
    /// It should have come before another.
    Late,
    /// It has come before.
    Doubled,
}

/// A subscriber's place in a stream; by default, of one that is about to join.
#[derive(Clone, Debug, Default)]
pub(super) struct Track {
    /// The first event that it was to get.
    from: u64,
    /// The event after the last that has come.
    next: u64,
    started: bool,
    /// What has not come and may still, in order.
    holes: Vec<Range<u64>>,
}

impl Track {
    /// It has joined, and `from` events were sent: it gets all from there, and may get some of before that were on
    /// their way, before this is called or after.
    pub(super) fn begin(&mut self, from: u64) {
        self.from = from;
        if !self.started {
            self.next = from;
        }
    }

    /// Takes an event in. Of more holes than are kept the oldest is given up: `lost` gets its range.
    pub(super) fn take(&mut self, sequence: u64, lost: impl FnOnce(Range<u64>)) -> Verdict {
        if sequence >= self.next || !self.started {
            if sequence > self.next {
                if self.holes.len() == HOLES {
                    lost(self.holes.remove(0));
                }
                self.holes.push(self.next..sequence);
            }
            let before = self.next.max(self.from);
            self.started = true;
            self.next = sequence + 1;
            return Verdict::New(self.next.max(self.from) - before);
        }
        match self.holes.iter().position(|hole| hole.contains(&sequence)) {
            None => Verdict::Doubled,
            Some(at) => {
                let Range { start, end } = self.holes.remove(at);
                let around = [start..sequence, sequence + 1..end];
                let left = around.into_iter().filter(|hole| !hole.is_empty());
                self.holes.splice(at..at, left);
                Verdict::Late
            }
        }
    }

    /// How many of `sent` events have not come yet, holes aside.
    pub(super) fn to_come(&self, sent: u64) -> u64 {
        sent.saturating_sub(self.next.max(self.from))
    }

    /// What has not come of `sent` events, once no more are to come. With 0 only what others have overtaken: of a
    /// subscriber that has gone, to which the rest may have been on its way.
    pub(super) fn missing(&self, sent: u64) -> impl Iterator<Item = Range<u64>> {
        let tail = self.next..sent;
        self.holes.iter().cloned().chain([tail]).filter(|hole| !hole.is_empty())
    }
}

/// Events that the gateway has refused to publish: nobody was to get them.
#[derive(Debug, Default)]
pub(super) struct Refused {
    /// By stream, ranges by their begin.
    ranges: BTreeMap<(u16, u64), u64>,
}

impl Refused {
    /// Ranges that are kept at most; what is refused beyond them counts as missing.
    const MOST: usize = 1 << 20;

    /// Adds one. They come in order, so that a row of them is one range.
    pub(super) fn add(&mut self, stream: u16, sequence: u64) {
        let room = self.ranges.len() < Self::MOST;
        let before = self.ranges.range_mut((stream, 0)..(stream, sequence)).next_back();
        match before {
            Some((_, end)) if *end == sequence => *end += 1,
            _ if room => {
                self.ranges.insert((stream, sequence), sequence + 1);
            }
            _ => {}
        }
    }

    /// How many of a range were not refused.
    pub(super) fn published(&self, stream: u16, range: Range<u64>) -> u64 {
        if range.is_empty() {
            return 0;
        }
        let first = self.ranges.range(..=(stream, range.start)).next_back();
        let within = self.ranges.range((stream, range.start + 1)..(stream, range.end));
        let refused = first.into_iter().chain(within).filter(|((of, _), _)| *of == stream);
        let refused: u64 = refused
            .map(|((_, start), end)| (*end).min(range.end).saturating_sub((*start).max(range.start)))
            .sum();
        range.end - range.start - refused
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn joined(from: u64) -> Track {
        let mut track = Track::default();
        track.begin(from);
        track
    }

    fn count(ranges: impl Iterator<Item = Range<u64>>) -> u64 {
        ranges.map(|range| range.end - range.start).sum()
    }

    #[test]
    fn a_hole_is_missing_until_it_is_filled() {
        let mut track = Track::default();
        let mut take = |sequence| track.take(sequence, |_| panic!("few holes"));
        assert_eq!([take(0), take(4)], [Verdict::New(1), Verdict::New(4)]);
        assert_eq!([take(2), take(2), take(0)], [Verdict::Late, Verdict::Doubled, Verdict::Doubled]);
        assert_eq!(track.to_come(7), 2);
        assert_eq!(track.missing(7).collect::<Vec<_>>(), [1..2, 3..4, 5..7]);
    }

    #[test]
    fn who_joins_late_may_get_what_was_on_its_way_and_gets_all_from_there() {
        let mut track = joined(7);
        assert_eq!(track.take(5, |_| ()), Verdict::New(0));
        assert_eq!(track.take(6, |_| ()), Verdict::New(0));
        assert_eq!(track.take(8, |_| ()), Verdict::New(2));
        assert!(track.missing(0).eq(std::iter::once(7..8)));
        assert!(joined(7).missing(9).eq(std::iter::once(7..9)));
    }

    proptest! {
        #[test]
        fn any_order_is_counted_right(sequences in vec(0..60_u64, 0..120), from in 0..3_u64) {
            let mut track = joined(from);
            let (mut seen, mut settled, mut doubled) = (BTreeSet::new(), 0, 0);
            for sequence in sequences.into_iter().map(|sequence| sequence + from) {
                match track.take(sequence, |_| ()) {
                    Verdict::New(some) => settled += some,
                    Verdict::Late => {}
                    Verdict::Doubled => doubled += 1,
                }
                prop_assert!(doubled > 0 || seen.insert(sequence) || track.to_come(100) > 0);
                seen.insert(sequence);
            }
            prop_assert_eq!(settled + track.to_come(100), 100 - from);
            prop_assert_eq!(count(track.missing(100)), 100 - from - seen.len() as u64);
        }

        #[test]
        fn what_is_refused_is_not_missing(refused: BTreeSet<u8>, start: u8, len: u8) {
            let mut book = Refused::default();
            for sequence in &refused {
                book.add(3, (*sequence).into());
                book.add(4, 5);
            }
            let range = u64::from(start)..u64::from(start) + u64::from(len);
            let inside = refused.iter().filter(|sequence| range.contains(&u64::from(**sequence))).count();
            prop_assert_eq!(book.published(3, range), u64::from(len) - inside as u64);
            prop_assert_eq!(book.published(2, 0..9), 9);
        }
    }

    #[test]
    fn of_too_many_holes_the_oldest_is_given_up() {
        let mut track = Track::default();
        let mut lost = Vec::new();
        for sequence in 0..70 {
            track.take(sequence * 2 + 1, |range| lost.push(range));
        }
        assert_eq!(lost.len(), 70 - HOLES);
        assert_eq!(track.take(0, |_| ()), Verdict::Doubled, "no longer known to be missing");
    }
}
