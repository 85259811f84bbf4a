//! From a plugin: what holding an event against its schema costs, and what the way through the ABI adds to the same publish
//! from inside.

use std::rc::Rc;

use criterion::Throughput;
use serde_json::{Value, json};
use tidegate::frame::Event;
use tidegate::plugin::{Manifest, Terms, Validate};

use crate::publisher::fields;
use crate::{House, Into, Payload, Publisher, ROOM, Round, Sink, Stop, event, schema};

const MODES: [(&str, Validate); 3] =
    [("off", Validate::Off), ("sample", Validate::Sample), ("always", Validate::Always)];
/// Events of one call to the plugin: what the call itself costs is lost among them.
pub const CALL: usize = 4_096;

/// The plugin's own function, in which its instructions are counted: how long and how often somebody waits for it is chance.
const PUBLISHER: &str = "publish_them";

pub(super) fn stops() -> Vec<Stop> {
    type Case = fn() -> (Value, Value);
    let sizes: [(&str, Case); 3] = [("small", small), ("medium", medium), ("large", large)];
    let checks = sizes.into_iter().flat_map(|(size, case)| {
        MODES.map(|(mode, validate)| check(&format!("{size}/{mode}"), case, validate))
    });
    let mut stops: Vec<Stop> = checks.collect();
    stops.extend(MODES.map(|(mode, validate)| publish(mode, validate, Payload::Fields)));
    stops.push(publish("text", Validate::Always, Payload::Text));
    stops.extend(crossing("fields", Payload::Fields));
    stops.extend(crossing("text", Payload::Text));
    stops
}

/// One number.
fn small() -> (Value, Value) {
    let schema =
        json!({ "type": "object", "required": ["load"], "properties": { "load": { "type": "number" } } });
    (schema, json!({ "load": 0.42 }))
}

/// Some two hundred bytes, as the figures of the other stops are quoted at.
fn medium() -> (Value, Value) {
    (schema(), fields())
}

/// A hundred of them, some twenty kilobytes.
fn large() -> (Value, Value) {
    let (item, data) = medium();
    let list = json!({ "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/agent" } });
    let schema = json!({
        "$defs": { "agent": item }, "type": "object", "required": ["agents"], "properties": { "agents": list }
    });
    (schema, json!({ "agents": vec![data; 100] }))
}

/// What is done for an event before it is taken. That it is JSON is looked at in all cases.
fn check(name: &str, case: fn() -> (Value, Value), validate: Validate) -> Stop {
    let bytes = case().1.to_string().len();
    Stop::new("check", name, Throughput::Bytes(bytes as u64), move || {
        let (schema, data) = case();
        let manifest =
            json!({ "manifest": 1, "name": "x", "events": [{ "type": "measured", "schema": schema }] });
        let manifest = Manifest::parse(&manifest.to_string()).unwrap();
        let data = data.to_string();
        let terms = Terms::of(&manifest, validate).unwrap();
        let judge = move || terms.judge("measured", data.as_bytes()).unwrap();
        // The first of a sample are all looked at.
        (0..100).for_each(|_| judge());
        Round::new(judge)
    })
}

/// From a plugin's thread into a room that nobody is in, in batches of 64.
fn publish(name: &str, validate: Validate, payload: Payload) -> Stop {
    Stop::new("plugin publish", name, Throughput::Elements(CALL as u64), move || {
        let house = House::<Sink>::new(ROOM, []);
        let publisher = Publisher::start(&house.hub, validate);
        Round::new(move || publisher.publish(CALL, 64, payload, Into::Nobodys))
    })
    .counted_in(PUBLISHER)
}

/// What a publish to a member takes, and what the ABI adds to it.
pub struct Crossing {
    house: House<Sink>,
    publisher: Publisher,
    payload: Payload,
    same: Event,
    terms: Terms,
}

impl Crossing {
    /// With events of this kind.
    pub fn new(payload: Payload) -> Self {
        let house = House::new(ROOM, [Sink::default()]);
        let publisher = Publisher::start(&house.hub, Validate::Off);
        let manifest = json!({ "manifest": 1, "name": "x", "events": [{ "type": "plain" }] });
        let terms = Terms::of(&Manifest::parse(&manifest.to_string()).unwrap(), Validate::Off).unwrap();
        let kind = house.hub.types().find(payload.kind()).unwrap();
        let data = payload.data().into();
        let same = Event { kind, data, source: "publisher".into(), ..event(&house.hub) };
        Self { house, publisher, payload, same, terms }
    }

    /// Events of a call from inside, and their walk.
    pub fn inside(&self) {
        self.house.publish(ROOM, &self.same, CALL);
        self.house.walk();
    }

    /// Equal ones from the plugin. Their buffers go back before its next call begins, so that they are in its time.
    pub fn through(&self, at_a_time: usize) {
        self.publisher.publish(CALL, at_a_time, self.payload, Into::Bench);
        self.house.walk();
    }

    /// The check of them alone.
    pub fn check(&self) {
        (0..CALL).for_each(|_| self.terms.judge(&self.same.kind.name, &self.same.data).unwrap());
    }

    /// Bytes of an event's data.
    pub fn bytes(&self) -> usize {
        self.same.data.len()
    }
}

/// To a member who counts: the same events from inside and from a plugin, one at a time and in batches. Their walk is not
/// in it.
fn crossing(name: &str, payload: Payload) -> [Stop; 3] {
    let stop = |way: &str, ready: Box<dyn FnOnce() -> Round>| {
        Stop::new("crossing", format!("{name}/{way}"), Throughput::Elements(CALL as u64), ready)
    };
    let through = |at_a_time| {
        Box::new(move || {
            let crossing = Rc::new(Crossing::new(payload));
            let walked = Rc::clone(&crossing);
            let publish = move || crossing.publisher.publish(CALL, at_a_time, payload, Into::Bench);
            Round::new(publish).settled_by(move || walked.house.walk())
        })
    };
    let inside = move || {
        let house = Rc::new(House::new(ROOM, [Sink::default()]));
        let walked = Rc::clone(&house);
        let event = Event { data: payload.data().into(), source: "publisher".into(), ..event(&house.hub) };
        Round::new(move || house.publish(ROOM, &event, CALL)).settled_by(move || walked.walk())
    };
    [
        stop("inside", Box::new(inside)),
        stop("one at a time", through(1)).counted_in(PUBLISHER),
        stop("64 at a time", through(64)).counted_in(PUBLISHER),
    ]
}
