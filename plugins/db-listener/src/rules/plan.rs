//! Rules as they are for one shape of a table, and the events that they make of its changes.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tidegate_plugin::{Bytes, Event};
use uuid::{Builder, Uuid};

use super::data::Writer;
use super::predicate::Predicate;
use super::row::{self, Place, Resolver};
use super::template::Template;
use super::{On, Rule, Rules};
use crate::change::{Change, Shape};

/// Shapes that are remembered: each change of a table's columns brings a new one.
const MOST: usize = 1000;

/// A rule, resolved for one shape.
#[derive(Debug)]
pub(super) struct Plan {
    number: usize,
    on: Vec<On>,
    when: Option<Predicate<Place>>,
    event: Cow<'static, str>,
    rooms: Vec<Template<Place>>,
    key: Option<Template<Place>>,
    data: Writer,
    goes_on: bool,
    coalesce: Option<Duration>,
}

/// An event that a rule has made.
#[derive(Debug)]
pub struct Made {
    /// Its type.
    pub kind: Cow<'static, str>,
    /// Its rooms; none: everyone.
    pub rooms: Vec<String>,
    /// What it is about; empty: not said.
    pub key: String,
    /// The same each time that it is made of this change.
    pub id: Uuid,
    /// Where the change stands in its source.
    pub origin: String,
    /// When the change was committed, in milliseconds since 1970; 0: not known.
    pub time: i64,
    /// Its data: JSON.
    pub data: Bytes,
    /// Whether all that its data are to have was known.
    pub is_whole: bool,
    /// At most one in this time of those that are alike.
    pub coalesce: Option<(Duration, Alike)>,
}

impl Made {
    /// The event to be published.
    #[must_use]
    pub fn event(&self) -> Event {
        let event = Event::new(self.kind.clone()).key(self.key.clone()).id(self.id.to_string());
        let event = event.origin(self.origin.clone()).time(self.time).raw(self.data.clone());
        let event = self.rooms.iter().cloned().fold(event, Event::room);
        if self.is_whole { event } else { event.tag("incomplete", "true") }
    }

    /// The event as a line of JSON, for people.
    #[must_use]
    pub fn line(&self) -> String {
        let data: Value = serde_json::from_slice(&self.data).unwrap_or_default();
        json!({"event_type": self.kind, "rooms": self.rooms, "key": self.key, "origin": self.origin, "data": data}).to_string()
    }
}

/// What makes events alike: their rule, rooms and key.
pub type Alike = (usize, Vec<String>, String);

impl Plan {
    /// A rule for these columns, and what is missing of them. What is missing is as if the database did not tell it.
    pub(super) fn resolve(rule: &Rule, columns: &[String]) -> (Self, Vec<String>) {
        let mut found = Resolver::new(columns);
        let place = &mut |column: &row::Column| found.place(column);
        let plan = Self {
            number: rule.number,
            on: rule.on.clone(),
            when: rule.when.as_ref().map(|when| when.map(place)),
            event: rule.event.clone(),
            rooms: rule.rooms.iter().map(|room| room.map(place)).collect(),
            key: rule.key.as_ref().map(|key| key.map(place)),
            data: rule.data.resolve(columns, &rule.omit, &mut found),
            goes_on: rule.goes_on,
            coalesce: rule.coalesce,
        };
        for name in &rule.omit {
            found.index(name);
        }
        (plan, found.missing())
    }

    fn holds(&self, change: &Change) -> bool {
        self.on.iter().any(|on| on.holds(change.kind))
            && self.when.as_ref().is_none_or(|when| when.holds(change) == Some(true))
    }

    /// The event of a change that the rule holds for; `None`: the row has no room for it. `origin` is the source's name, before the change's place in it.
    fn make(&self, change: &Change, origin: &str) -> Option<Made> {
        let rooms = self.rooms_of(change)?;
        let mut data = Vec::with_capacity(256);
        let is_whole = self.data.write(change, &mut data);
        let key = self.key.as_ref().and_then(|key| key.fill(|place| row::cell(change, place)));
        let key = key.map(|key| key.text).unwrap_or_default();
        Some(Made {
            kind: self.event.clone(),
            // The time tells it from one at the same place of a database that has taken this one's place.
            id: id_of(&format!("{origin}/{}/{}/{}", change.origin, change.time, self.number)),
            origin: change.origin.clone(),
            time: change.time,
            coalesce: self.coalesce.map(|period| (period, (self.number, rooms.clone(), key.clone()))),
            rooms,
            key,
            data: data.into(),
            is_whole,
        })
    }

    /// The rooms, without those of which something is null or not known; `None`: none is left, though it has rooms.
    fn rooms_of(&self, change: &Change) -> Option<Vec<String>> {
        let fill = |room: &Template<Place>| room.fill(|place| row::cell(change, place));
        let filled = self.rooms.iter().filter_map(fill).filter(|room| !room.has_null);
        let rooms: Vec<_> = filled.map(|room| room.text).collect();
        (self.rooms.is_empty() || !rooms.is_empty()).then_some(rooms)
    }
}

/// The plans for the shapes that were seen.
#[derive(Debug)]
pub struct Plans {
    rules: Rc<Rules>,
    origin: String,
    seen: Vec<(Arc<Shape>, Rc<[Plan]>)>,
}

impl Plans {
    /// Plans for these rules; `origin` begins the ids of their events, and is another for each source.
    #[must_use]
    pub fn new(rules: Rc<Rules>, origin: String) -> Self {
        Self { rules, origin, seen: Vec::new() }
    }

    /// What the rules that hold make of a change, in their order, `None` where what is put into the room's name is null or not known;
    /// what is missing in a shape that was not seen before goes to `missing`.
    pub fn apply(&mut self, change: &Change, out: &mut Vec<Option<Made>>, missing: &mut Vec<String>) {
        let plans = self.of(&change.shape, missing);
        for plan in plans.iter().filter(|plan| plan.holds(change)) {
            out.push(plan.make(change, &self.origin));
            if !plan.goes_on {
                return;
            }
        }
    }

    fn of(&mut self, shape: &Arc<Shape>, missing: &mut Vec<String>) -> Rc<[Plan]> {
        if let Some((_, plans)) = self.seen.iter().rev().find(|(seen, _)| Arc::ptr_eq(seen, shape)) {
            return Rc::clone(plans);
        }
        let rules = self.rules.0.iter().filter(|rule| rule.tables.contains(&shape.table));
        let plans: Rc<[Plan]> = rules
            .map(|rule| {
                let (plan, lacks) = Plan::resolve(rule, &shape.columns);
                missing.extend(lacks.iter().map(|column| {
                    format!("{rule}: table '{}': {}", shape.table, row::absent(column, &shape.columns))
                }));
                plan
            })
            .collect();
        if self.seen.len() == MOST {
            self.seen.remove(0);
        }
        self.seen.push((Arc::clone(shape), Rc::clone(&plans)));
        plans
    }
}

/// The id of an event that has this place. It is made as those are that some wires give each message, whose clients know by it what
/// comes again.
fn id_of(place: &str) -> Uuid {
    let digest: [u8; 32] = Sha256::digest(place).into();
    Builder::from_random_bytes(std::array::from_fn(|at| digest[at])).into_uuid()
}
