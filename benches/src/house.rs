//! A hub with one shard.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tidegate::dialect::RoomsFrame;
use tidegate::frame::{Event, Form, Forms, Since, Timestamp};
use tidegate::history::Keep;
use tidegate::hub::{Config, Entered, Filter, Hub, Rule, Rules, Shard, UserLimit};
use tidegate::metrics::Metrics;
use tidegate::transport::Framing;

use crate::{Member, Outlet, PAYLOAD};

/// The type of every event: one that needs no plugin to declare it.
pub const TYPE: &str = "alert_triggered";

/// Longer than any walk.
pub(crate) const LONG: Duration = Duration::from_secs(3600);

/// A hub and its one shard, both with the sizes that ship.
pub struct House<O: Outlet> {
    /// Where to publish.
    pub hub: Arc<Hub>,
    /// Where the members are.
    pub shard: Rc<Shard<Member<O>>>,
    members: Vec<Rc<Member<O>>>,
}

impl<O: Outlet> House<O> {
    /// A house in which each of `outlets` is a member of `room`. Rooms whose names start with `kept:` keep 1,000 events.
    pub fn new(room: &str, outlets: impl IntoIterator<Item = O>) -> Self {
        let mut forms = Forms::default();
        let form = forms.add(RoomsFrame(Framing::WebSocket));
        Self::with(forms, room, outlets.into_iter().map(|outlet| (form, outlet)))
    }

    /// The same with other forms, of which each member gets one.
    pub fn with(forms: Forms, room: &str, outlets: impl IntoIterator<Item = (Form, O)>) -> Self {
        let config = Config { shards: 1, mailbox: 64 << 20, rooms_per_session: 100 };
        let keep = Keep { size: 1000, ttl: Duration::ZERO };
        let rules = Rules::new([Rule { prefix: "kept:".into(), keep, ..Rule::default() }]);
        let hub = Arc::new(Hub::new(config, rules, forms, Metrics::new(1)));
        let shard = Shard::new(&hub, 0);
        let house = Self {
            members: outlets.into_iter().map(|(form, outlet)| Member::new(form, outlet)).collect(),
            hub,
            shard,
        };
        for (number, member) in house.members.iter().enumerate() {
            let id = format!("member{number}").into();
            assert_eq!(house.shard.open(member, &id, None, UserLimit::None), Entered::In(None));
            house.shard.join(member, room, Since::Now).unwrap();
        }
        house.walk();
        house
    }

    /// Has each member join another room.
    pub fn join(&self, room: &str) {
        for member in &self.members {
            self.shard.join(member, room, Since::Now).unwrap();
        }
        self.walk();
    }

    /// What its members do with their frames.
    pub fn outlets(&self) -> impl Iterator<Item = &O> {
        self.members.iter().map(|member| &member.outlet)
    }

    /// Gives each member, by its number, its filter.
    pub fn subscribe<F: Into<Filter>>(&self, filter: impl Fn(usize) -> F) {
        for (number, member) in self.members.iter().enumerate() {
            self.shard.set_filter(member, filter(number));
        }
    }

    /// Publishes `event` so many times.
    pub fn publish(&self, room: &str, event: &Event, times: usize) {
        for _ in 0..times {
            self.hub.publish(&[room], event).unwrap();
        }
    }

    /// Fans out all that is in the mailbox, in one slice: where the clock would cut it is chance.
    pub fn walk(&self) {
        while self.shard.slice(LONG) {}
    }
}

/// An event whose data are [`PAYLOAD`] bytes of JSON.
pub fn event(hub: &Hub) -> Event {
    event_of(hub, PAYLOAD)
}

/// An event whose data are so many bytes of JSON, eleven at least.
pub fn event_of(hub: &Hub, bytes: usize) -> Event {
    let data = format!(r#"{{"text":"{}"}}"#, "x".repeat(bytes - 11));
    Event::new(hub.types().find(TYPE).unwrap(), data.into(), "bench".into(), Timestamp::now())
}
