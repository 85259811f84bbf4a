//! What a client knows of a room that it is in, from what has come; it finds out by itself whether anything is missing, or comes twice.

use std::collections::{BTreeMap, HashMap};

use tidegate::frame::Epoch;

/// By room and epoch: each event's payload by its offset.
pub(super) type Published = HashMap<(String, Epoch), BTreeMap<u64, String>>;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Track {
    room: &'static str,
    pub(super) epoch: Epoch,
    /// The last that it has got, or was told that it does not get.
    pub(super) last: u64,
    /// Whether only the newest may be left of what waits: then a gap comes before what is left between the events that it tells of.
    newest: bool,
    /// With that: what was passed over, and what gaps have told of.
    passed: Vec<u64>,
    gaps: Vec<Lost>,
}

/// So many events are missing, after one offset, up to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lost {
    pub(super) count: u64,
    pub(super) after: u64,
    pub(super) last: u64,
}

impl Track {
    /// Behind `last`.
    pub(super) fn new(room: &'static str, epoch: Epoch, last: u64, newest: bool) -> Self {
        Self { room, epoch, last, newest, passed: Vec::new(), gaps: Vec::new() }
    }

    /// An event has come: the next, but for those that gaps tell of, and as it was published.
    pub(super) fn event(&mut self, offset: u64, payload: &str, published: &Published) {
        let events = published.get(&(self.room.to_owned(), self.epoch));
        assert_eq!(
            events.and_then(|events| events.get(&offset)).map(String::as_str),
            Some(payload),
            "{self:?}"
        );
        match self.newest {
            false => assert_eq!(offset, self.last + 1, "{self:?}"),
            true => self.pass_to(offset),
        }
        self.last = offset;
    }

    /// A gap is told: of the next events, all of them, but where only the newest are left.
    pub(super) fn gap(&mut self, lost: Lost) {
        let Lost { count, after, last } = lost;
        assert!((1..=last - after).contains(&count) && after >= self.last, "{lost:?} {self:?}");
        if self.newest {
            return self.gaps.push(lost);
        }
        assert_eq!((after, count), (self.last, last - after), "{self:?}");
        self.last = last;
    }

    fn pass_to(&mut self, offset: u64) {
        assert!(offset > self.last, "{offset} again: {self:?}");
        let told = |offset: &u64| self.gaps.iter().any(|gap| gap.after < *offset && *offset <= gap.last);
        let passed: Vec<u64> = (self.last + 1..offset).collect();
        assert!(passed.iter().all(told), "{offset} came, and what was before it is not told: {self:?}");
        self.passed.extend(passed);
    }

    /// All has come up to here: as many were passed over as gaps have counted.
    pub(super) fn end(&mut self) {
        let last = self.gaps.iter().map(|gap| gap.last).max().unwrap_or(0);
        if last > self.last {
            self.pass_to(last + 1);
            self.last = last;
        }
        let counted: u64 = self.gaps.iter().map(|gap| gap.count).sum();
        assert_eq!(self.passed.len() as u64, counted, "gaps are exact: {self:?}");
    }
}
