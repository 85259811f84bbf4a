//! A session of the simulation with the client behind it: what the session's task does, and what the client makes of what comes.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use tidegate::frame::{Cursor, Epoch, Posted, Since};
use tidegate::history::log::Fetch;
use tidegate::hub::{Guest, Hub, ReadOn, Shard, Slow};

use super::track::{Lost, Published, Track};
use super::visitor::{Visitor, told};
use super::{Count, ROOMS, forgets, rule_of};

pub(super) struct Member {
    pub(super) shard: usize,
    pub(super) visitor: Rc<Visitor>,
    /// As far as the client knows.
    pub(super) rooms: HashMap<&'static str, Track>,
    /// How it has been with each room since it came: by the rules, and by its own choices.
    policies: HashMap<&'static str, Vec<Slow>>,
    /// Rooms of which it was told where it stands while something waited.
    retold: HashSet<&'static str>,
    /// Events are on their way from the disk.
    fetching: Option<(u64, Cursor, Fetch)>,
    pub(super) count: Count,
}

/// A room's name as it stands in the list of them.
fn known(room: &str) -> &'static str {
    ROOMS.into_iter().find(|known| *known == room).expect("there are no other rooms")
}

impl Member {
    pub(super) fn new(shard: usize, visitor: Rc<Visitor>) -> Self {
        let (rooms, policies, retold) = (HashMap::new(), HashMap::new(), HashSet::new());
        Self { shard, visitor, rooms, policies, retold, fetching: None, count: Count::default() }
    }

    /// What the session does for a request to join; `choice`: what it says for the case that it is slow.
    pub(super) fn join(
        &mut self,
        hub: &Hub,
        shard: &Shard<Visitor>,
        room: &'static str,
        (since, choice): (Since, Option<Slow>),
    ) -> Option<bool> {
        self.begin(shard);
        let stays = since == Since::Now && self.visitor.seat().is_in(room);
        let before = self.visitor.seat().number(room);
        let joined = shard.join(&self.visitor, room, since).unwrap();
        let number = self.visitor.seat().number(room);
        if let Some(before) = before.filter(|before| Some(*before) != number) {
            self.visitor.choose(before, None);
        }
        if let (Some(choice), Some(number)) = (choice, number) {
            self.visitor.choose(number, Some(choice.yields()));
        }
        self.policies.entry(room).or_insert_with(|| vec![rule_of(room)]).extend(choice);
        self.tell(room);
        let Cursor { epoch, offset } = joined.cursor;
        let how = if stays { "stay" } else { "join" };
        self.visitor.say(&format!("{how}|{room}|{}|{offset};", epoch.0));
        self.replay(hub, &joined.replay);
        joined.recovered
    }

    pub(super) fn leave(&mut self, shard: &Shard<Visitor>, room: &'static str) {
        self.begin(shard);
        self.tell(room);
        if let Some(number) = self.visitor.seat().number(room) {
            self.visitor.choose(number, None);
        }
        if shard.leave(&self.visitor, room) {
            self.visitor.say(&format!("leave|{room};"));
        }
    }

    fn tell(&mut self, room: &'static str) {
        self.visitor.fence(room);
        if !self.visitor.is_drained() {
            self.retold.insert(room);
        }
    }

    fn begin(&mut self, shard: &Shard<Visitor>) {
        self.count.fallen += self.visitor.fall_back(shard);
    }

    fn replay(&self, hub: &Hub, events: &[Arc<Posted>]) {
        let form = self.visitor.seat().form().unwrap();
        self.visitor.deliver(&Rc::new(hub.forms().frames(form, events)));
    }

    pub(super) fn reads(&self) -> bool {
        self.fetching.is_some() || self.visitor.seat().reads()
    }

    /// What the session's task does when it is woken: reads on, where nothing waits. What is on the disk comes the next time.
    pub(super) fn act(&mut self, hub: &Hub, shard: &Shard<Visitor>, published: &Published) {
        self.begin(shard);
        self.look(published);
        if self.visitor.is_closed() || !self.visitor.is_drained() {
            return;
        }
        self.retold.clear();
        if let Some((room, after, fetch)) = self.fetching.take() {
            let events = fetch.fetch(&|name| hub.types().intern(name)).unwrap();
            let last = events.last().expect("it fetches something").cursor;
            self.count.stored += 1;
            if shard.has_fetched(&self.visitor, room, after, last) {
                self.replay(hub, &events);
            }
            return;
        }
        match shard.read_on(&self.visitor) {
            Some(ReadOn::Events(events)) => self.replay(hub, &events),
            Some(ReadOn::Stored { room, after, fetch }) => self.fetching = Some((room, after, fetch)),
            Some(ReadOn::Gap { room, from, to }) => {
                assert!(forgets(&room), "{room} keeps everything");
                self.visitor.say(&told(&room, to.offset - from.offset, from.offset, to.offset));
            }
            None => {}
        }
    }

    /// Looks at what has come: each event behind the last, none missing but what gaps say, as it was published.
    pub(super) fn look(&mut self, published: &Published) {
        for frame in self.visitor.take().split_terminator(';') {
            let (kind, rest) = frame.split_once('|').unwrap();
            let parts: Vec<&str> = rest.split('|').collect();
            let number = |at: usize| parts[at].parse::<u64>().unwrap();
            match kind {
                "join" => {
                    let (room, epoch, last) = (known(parts[0]), Epoch(number(1)), number(2));
                    let newest = self.policies[room].contains(&Slow::Latest);
                    let track = Track::new(room, epoch, last, newest);
                    self.rooms.insert(room, track).into_iter().for_each(|mut before| before.end());
                }
                "stay" => {
                    let track = self.track(known(parts[0]));
                    track.end();
                    assert_eq!((track.epoch, track.last), (Epoch(number(1)), number(2)));
                    let (room, newest) = (known(parts[0]), self.policies[parts[0]].contains(&Slow::Latest));
                    self.rooms.insert(room, Track::new(room, Epoch(number(1)), number(2), newest));
                }
                "leave" => self.rooms.remove(parts[0]).expect("it was in").end(),
                "gap" => {
                    let lost = Lost { count: number(1), after: number(2), last: number(3) };
                    self.gap(known(parts[0]), lost);
                }
                room => self.track(known(room)).event(number(0), parts[1], published),
            }
        }
    }

    fn track(&mut self, room: &'static str) -> &mut Track {
        self.rooms.get_mut(room).unwrap_or_else(|| panic!("it is not in {room}"))
    }

    fn gap(&mut self, room: &'static str, lost: Lost) {
        self.count.gaps += 1;
        let reads = self.policies[room].iter().all(|policy| *policy == Slow::CatchUp);
        let again = !forgets(room) && !self.retold.contains(room);
        assert!(!(reads && again), "{room} can be read again: {lost:?}");
        let never = self.policies[room].iter().all(|policy| *policy == Slow::Disconnect);
        assert!(!never, "nothing of {room} may be dropped: {lost:?}");
        self.track(room).gap(lost);
    }
}
