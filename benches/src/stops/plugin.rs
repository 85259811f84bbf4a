//! From a plugin: what holding an event against its schema costs, and the way through the ABI with it.

use criterion::Throughput;
use serde_json::{Value, json};
use tidegate::plugin::{Manifest, Terms, Validate};

use crate::{Publisher, Round, Stop, schema};

const MODES: [(&str, Validate); 3] =
    [("off", Validate::Off), ("sample", Validate::Sample), ("always", Validate::Always)];
/// Events of one call to the plugin: what the call itself costs is lost among them.
const CALL: usize = 4_096;

pub(super) fn stops() -> Vec<Stop> {
    type Case = fn() -> (Value, Value);
    let sizes: [(&str, Case); 3] = [("small", small), ("medium", medium), ("large", large)];
    let checks = sizes.into_iter().flat_map(|(size, case)| {
        MODES.map(|(mode, validate)| check(&format!("{size}/{mode}"), case, validate))
    });
    checks.chain(MODES.map(|(mode, validate)| publish(mode, validate))).collect()
}

/// One number.
fn small() -> (Value, Value) {
    let schema =
        json!({ "type": "object", "required": ["load"], "properties": { "load": { "type": "number" } } });
    (schema, json!({ "load": 0.42 }))
}

/// Some two hundred bytes, as the figures of the other stops are quoted at.
fn medium() -> (Value, Value) {
    let data = json!({
        "agent_id": "scout", "status": "active", "health": 0.93, "load": 0.4, "energia": 99.5, "detected": 12,
        "created_at": "2026-01-01T12:00:00.000Z",
        "config": { "area": "north", "mode": "patrol", "tags": ["a", "b"] }
    });
    (schema(), data)
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

/// Medium events from a plugin's thread into a room that nobody is in, in batches of 64.
fn publish(mode: &str, validate: Validate) -> Stop {
    Stop::new("plugin publish", mode, Throughput::Elements(CALL as u64), move || {
        let publisher = Publisher::start(validate);
        Round::new(move || publisher.publish(CALL))
    })
    .counted_in("publish_them") // the plugin's: what it waits for and how long is chance
}
