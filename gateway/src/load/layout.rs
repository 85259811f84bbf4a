//! Who is in which room, and who publishes where.

use std::ops::Range;

/// How members are spread over rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// In turn: rooms of equal size.
    Even,
    /// By Zipf's law: the second room has half of the first's members, the third a third, and none has none while
    /// there are enough.
    Zipf,
}

impl Spread {
    /// What `--spread` calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Even => "even",
            Self::Zipf => "zipf",
        }
    }
}

/// The rooms, their members and their streams. A stream is what one publisher sends into one room: with more
/// publishers than rooms each has one room, else each room one publisher.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    rooms: u32,
    publishers: u32,
    /// Rooms of one member.
    joins: u32,
    /// Where each room's members end, by their numbers; empty where they are dealt in turn.
    ends: Vec<u32>,
}

impl Layout {
    /// Of `connections` members, each in `joins` of `rooms` rooms.
    pub(super) fn new(connections: u32, rooms: u32, joins: u32, publishers: u32, spread: Spread) -> Self {
        let ends = match spread {
            Spread::Even => Vec::new(),
            Spread::Zipf => zipf(connections, rooms),
        };
        Self { rooms, publishers, joins, ends }
    }

    /// How many streams there are.
    pub(super) fn streams(&self) -> u32 {
        if self.publishers == 0 { 0 } else { self.publishers.max(self.rooms) }
    }

    /// How many rooms there are.
    pub(super) fn rooms(&self) -> u32 {
        self.rooms
    }

    /// The room of a stream.
    pub(super) fn room_of(&self, stream: u32) -> u32 {
        stream % self.rooms
    }

    /// The streams of a publisher, which takes them in turn.
    pub(super) fn streams_of(&self, publisher: u32) -> impl ExactSizeIterator<Item = u32> + use<> {
        (publisher..self.streams()).step_by(self.publishers.max(1) as usize)
    }

    /// The first room of a member; the others follow it.
    pub(super) fn first_room(&self, member: u32) -> u32 {
        match self.ends.is_empty() {
            true => member % self.rooms,
            false => self.ends.partition_point(|&end| end <= member) as u32 % self.rooms,
        }
    }

    /// Which of its first room's members it is.
    pub(super) fn rank(&self, member: u32) -> u32 {
        match self.first_room(member) {
            _ if self.ends.is_empty() => member / self.rooms,
            0 => member,
            room => member - self.ends[room as usize - 1],
        }
    }

    /// The rooms of a member whose first is `first`.
    pub(super) fn rooms_of(&self, first: u32) -> impl Iterator<Item = u32> + use<> {
        let rooms = self.rooms;
        (0..self.joins).map(move |further| (first + further) % rooms)
    }

    /// How many tracks a member has.
    pub(super) fn tracks(&self) -> usize {
        (self.joins * self.streams().div_ceil(self.rooms)) as usize
    }

    /// Which of these is a stream's, for a member whose first room is `first`; none where it is in another room.
    pub(super) fn track(&self, first: u32, stream: u32) -> Option<usize> {
        if stream >= self.streams() {
            return None;
        }
        let further = (self.room_of(stream) + self.rooms - first) % self.rooms;
        let per_room = self.streams().div_ceil(self.rooms);
        (further < self.joins).then(|| (further * per_room + stream / self.rooms) as usize)
    }

    /// The streams of a member whose first room is `first`, each with its track.
    pub(super) fn streams_in(&self, first: u32) -> impl Iterator<Item = (usize, u32)> + '_ {
        let in_room = |room| (room..self.streams()).step_by(self.rooms as usize);
        self.rooms_of(first)
            .flat_map(in_room)
            .filter_map(move |stream| Some((self.track(first, stream)?, stream)))
    }
}

fn zipf(connections: u32, rooms: u32) -> Vec<u32> {
    let weights = |upto: Range<u32>| upto.map(|room| 1.0 / f64::from(room + 1)).sum::<f64>();
    let all = weights(0..rooms);
    // One for each room first, where there are so many.
    let certain = if connections >= rooms { 1 } else { 0 };
    let rest = f64::from(connections - certain * rooms);
    let mut sum = 0.0;
    let mut end = |room: u32| {
        sum += 1.0 / f64::from(room + 1);
        (room + 1) * certain + (rest * sum / all).round() as u32
    };
    (0..rooms).map(&mut end).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_stream_of_a_members_rooms_has_a_track_of_its_own(
            connections in 1..300_u32, rooms in 1..40_u32, joins in 1..5_u32, publishers in 1..90_u32, zipf: bool
        ) {
            let joins = joins.min(rooms);
            let spread = if zipf { Spread::Zipf } else { Spread::Even };
            let layout = Layout::new(connections, rooms, joins, publishers, spread);
            let mut all: Vec<u32> = (0..publishers).flat_map(|publisher| layout.streams_of(publisher)).collect();
            all.sort_unstable();
            prop_assert_eq!(all, (0..layout.streams()).collect::<Vec<_>>(), "each stream has one publisher");
            for member in 0..connections {
                let first = layout.first_room(member);
                let mine: Vec<u32> = layout.rooms_of(first).collect();
                let mut tracks = Vec::new();
                for stream in 0..layout.streams() {
                    let track = layout.track(first, stream);
                    prop_assert_eq!(track.is_some(), mine.contains(&layout.room_of(stream)));
                    tracks.extend(track.map(|track| (track, stream)));
                }
                let mut known: Vec<_> = layout.streams_in(first).collect();
                tracks.sort_unstable();
                known.sort_unstable();
                prop_assert!(tracks.windows(2).all(|two| two[0].0 != two[1].0));
                prop_assert!(tracks.iter().all(|(track, _)| *track < layout.tracks()));
                prop_assert_eq!(tracks, known);
            }
        }
    }

    #[test]
    fn zipfs_rooms_become_smaller_and_none_is_empty() {
        let layout = Layout::new(1000, 10, 1, 1, Spread::Zipf);
        let mut sizes = [0; 10];
        (0..1000).for_each(|member| sizes[layout.first_room(member) as usize] += 1);
        assert!(sizes.windows(2).all(|two| two[0] >= two[1]), "{sizes:?}");
        assert!(sizes[0] > 330 && sizes[9] > 30, "{sizes:?}");
        let ranks: Vec<u32> = (0..1000).map(|member| layout.rank(member)).collect();
        let last = sizes.map(|size| size - 1);
        let ends = ranks.iter().zip(&ranks[1..]).filter(|(_, next)| **next == 0).map(|(rank, _)| *rank);
        assert_eq!(ends.collect::<Vec<_>>(), last[..9]);
        let few = Layout::new(3, 10, 1, 1, Spread::Zipf);
        assert!((0..3).all(|member| few.first_room(member) < 10));
    }
}
