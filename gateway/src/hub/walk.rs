//! A walk: what one turn gives to the members of its room, in slices.

mod tally;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use hashbrown::{HashMap, HashSet};
use smallvec::SmallVec;

use super::criteria::Readings;
use super::directory::Slot;
use super::filter::{FilterId, Filters};
use super::member::Member;
use super::room::Room;
use super::shard::Guest;
use crate::frame::{Form, Forms, Frames, Posted};
use crate::metrics::ShardCounters;
use tally::Tally;

/// Events of one walk at most: a verdict is a bit of a word.
pub(super) const MOST_EVENTS: usize = 64;
/// Bytes of one walk, past which it takes no further event.
pub(super) const MOST_BYTES: usize = 64 * 1024;
/// Members between two looks at the clock; a bit of a word each.
const STRIDE: usize = 16;

/// One room's part of a walk; a publish to several rooms has several.
pub(super) struct Part {
    pub(super) room: Arc<Room>,
    events: Vec<Arc<Posted>>,
    /// Reserved in the mailbox and in the room's share until the walk is over.
    pub(super) bytes: usize,
    /// Of the form that the first member has, and mostly all ...
    first: Option<(Form, Plan)>,
    /// ... and of the others that members have been met with.
    others: Vec<(Form, Plan)>,
    /// What criteria have found in its events; none where no criterion has looked at them.
    readings: Option<Box<Readings>>,
}

/// The frames of one form.
struct Plan {
    all: Rc<Frames>,
    /// The set of all events.
    whole: u64,
    /// For sets of events that some filter lets through.
    chosen: HashMap<u64, Rc<Frames>, foldhash::fast::RandomState>,
    names_room: bool,
}

/// Walks its parts' members in order and can stop anywhere.
pub(super) struct Walk {
    pub(super) parts: SmallVec<[Part; 1]>,
    part: usize,
    next: usize,
    begun: Instant,
    /// Sessions that were given frames.
    given: u64,
    /// Who has been given it, where members may be met more than once and frames do not say in which room. Kept by the
    /// walk, as others are on their way beside it. Boxed: rare.
    once: Option<Box<HashSet<Slot, foldhash::fast::RandomState>>>,
}

/// What a walk needs of its shard.
pub(super) struct Tools<'a> {
    pub(super) forms: &'a Forms,
    pub(super) filters: &'a mut Filters,
    pub(super) deadline: Instant,
    pub(super) counters: &'a ShardCounters,
}

impl Part {
    pub(super) fn new(room: Arc<Room>, events: Vec<Arc<Posted>>) -> Self {
        let bytes = events.iter().map(|p| p.size()).sum();
        Self { room, events, bytes, first: None, others: Vec::new(), readings: None }
    }

    /// The offset of its last event; none where it is told beside those of the room.
    pub(super) fn last(&self) -> Option<u64> {
        let last = self.events.last().filter(|posted| !posted.room.is_beside())?;
        Some(last.cursor.offset)
    }

    /// All its events, a bit each.
    fn all(&self) -> u64 {
        whole(&self.events)
    }

    /// The events that the filter lets through, a bit each.
    fn mask(&mut self, filter: FilterId, filters: &mut Filters) -> u64 {
        match filter {
            FilterId::ALL => self.all(),
            _ => filters.judge(filter, &self.events, &mut self.readings),
        }
    }

    #[inline]
    fn plan(&mut self, form: Form, forms: &Forms) -> &mut Plan {
        let new = |events| (form, Plan::new(form, forms, events));
        let (first, plan) = self.first.get_or_insert_with(|| new(&self.events));
        if *first == form { plan } else { other(&mut self.others, form, || new(&self.events)) }
    }
}

/// The plan of a form that is not the first member's.
#[cold]
fn other(others: &mut Vec<(Form, Plan)>, form: Form, new: impl FnOnce() -> (Form, Plan)) -> &mut Plan {
    let place = others.iter().position(|(of, _)| *of == form).unwrap_or_else(|| {
        others.push(new());
        others.len() - 1
    });
    &mut others[place].1
}

impl Plan {
    fn new(form: Form, forms: &Forms, events: &[Arc<Posted>]) -> Self {
        Self {
            all: Rc::new(forms.frames(form, events)),
            whole: whole(events),
            chosen: HashMap::default(),
            names_room: forms.names_room(form),
        }
    }

    #[inline]
    fn frames(&mut self, mask: u64) -> &Rc<Frames> {
        if mask == self.whole { &self.all } else { self.chosen(mask) }
    }

    fn chosen(&mut self, mask: u64) -> &Rc<Frames> {
        self.chosen.entry(mask).or_insert_with(|| Rc::new(self.all.pick(mask)))
    }
}

impl Walk {
    /// A walk that begins `now`.
    pub(super) fn new(parts: SmallVec<[Part; 1]>, now: Instant) -> Self {
        let once = (parts.len() > 1).then(Box::default);
        Self { parts, part: 0, next: 0, begun: now, given: 0, once }
    }

    /// The room whose members are next; none when the walk is over.
    pub(super) fn room(&self) -> Option<u64> {
        self.parts.get(self.part).map(|part| part.room.id.number)
    }

    /// The last event of `room` that the member at `place` has been given by it.
    pub(super) fn given_to(&self, room: u64, place: usize) -> Option<u64> {
        let part = self.parts.iter().position(|part| part.room.id.number == room)?;
        let given = part < self.part || (part == self.part && place < self.next);
        if given { self.parts[part].last() } else { None }
    }

    /// Gives `members` of the current part their frames, until they all have them or the time is over.
    /// Answers whether the part is done.
    pub(super) fn go<G: Guest>(&mut self, members: &[Member<G>], tools: &mut Tools<'_>) -> bool {
        let Some(part) = self.parts.get(self.part) else { return true };
        tools.filters.begin_batch();
        let Some(tally) = Tally::new(part, tools.counters) else { return self.go_on() };
        while self.next < members.len() {
            let end = (self.next + STRIDE).min(members.len());
            self.stride(&members[self.next..end], &tally, tools);
            self.next = end;
            if end < members.len() && Instant::now() >= tools.deadline {
                return false;
            }
        }
        self.go_on()
    }

    /// The part is done.
    fn go_on(&mut self) -> bool {
        self.part += 1;
        self.next = 0;
        true
    }

    /// Gives some members their frames. All are looked at before the first is written to: what the walk needs of a
    /// session was last touched a walk ago, and so it comes from memory for all of them side by side, where otherwise
    /// each would be waited for on its own, behind the system call of the one before.
    fn stride<G: Guest>(&mut self, members: &[Member<G>], tally: &Tally<'_>, tools: &mut Tools<'_>) {
        let part = &mut self.parts[self.part];
        let mut masks = [0; STRIDE];
        let (mut straight, mut behind) = (0, 0);
        for (place, (member, mask)) in members.iter().zip(&mut masks).enumerate() {
            let Some(guest) = &member.guest else { continue };
            *mask = part.mask(member.filter, tools.filters);
            if *mask != 0 {
                let those = if guest.is_straight() { &mut straight } else { &mut behind };
                *those |= 1 << place;
            }
        }
        for place in bits(straight).chain(bits(behind)) {
            self.give(&members[place], masks[place], tally, tools.forms);
        }
    }

    fn give<G: Guest>(&mut self, member: &Member<G>, mask: u64, tally: &Tally<'_>, forms: &Forms) {
        let Some(guest) = &member.guest else { return };
        let plan = self.parts[self.part].plan(member.form, forms);
        if let (Some(once), Some(slot), false) = (&mut self.once, guest.seat().slot(), plan.names_room)
            && !once.insert(slot)
        {
            return;
        }
        let frames = plan.frames(mask);
        // Counted before the write: who has received an event finds it in the figures.
        tally.count(mask);
        self.given += 1;
        guest.deliver(frames);
    }

    /// The walk is over: counts how long it took, how far it went, and how late each event came to its last member.
    pub(super) fn end(&self, counters: &ShardCounters, now: Instant) {
        counters.walk_time.observe(nanos(self.begun, now));
        counters.walk_size.observe(self.given);
        for part in &self.parts {
            let class = counters.class(part.room.id.class);
            for posted in &part.events {
                class.latency.observe(nanos(posted.placed, now));
            }
        }
    }
}

/// The places of the bits of `set`, the lowest first.
fn bits(mut set: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = (set != 0).then(|| set.trailing_zeros() as usize);
        set &= set.wrapping_sub(1);
        place
    })
}

/// All of `events`, a bit each.
fn whole(events: &[Arc<Posted>]) -> u64 {
    u64::MAX >> (MOST_EVENTS - events.len())
}

fn nanos(from: Instant, to: Instant) -> u64 {
    let time = to.saturating_duration_since(from);
    time.as_secs() * 1_000_000_000 + u64::from(time.subsec_nanos())
}
