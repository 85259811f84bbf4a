//! From a plugin: what holding an event against its schema costs, and the way through the ABI with it.

#![allow(clippy::unwrap_used, reason = "a bench that cannot be set up says so by panicking")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value, json};
use tidegate::plugin::{Manifest, Terms, Validate};
use tidegate_benches::{Publisher, schema};

const MODES: [(&str, Validate); 3] =
    [("off", Validate::Off), ("sample", Validate::Sample), ("always", Validate::Always)];
/// Events of one call to the plugin: what the call itself costs is lost among them.
const CALL: u64 = 4_096;

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
fn check(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("check");
    for (size, (schema, data)) in [("small", small()), ("medium", medium()), ("large", large())] {
        let manifest =
            json!({ "manifest": 1, "name": "x", "events": [{ "type": "measured", "schema": schema }] });
        let manifest = Manifest::parse(&manifest.to_string()).unwrap();
        let data = data.to_string();
        group.throughput(Throughput::Bytes(data.len() as u64));
        for (mode, validate) in MODES {
            let terms = Terms::of(&manifest, validate).unwrap();
            let judge = || terms.judge("measured", data.as_bytes()).unwrap();
            // The first of a sample are all looked at.
            (0..100).for_each(|_| judge());
            group.bench_function(BenchmarkId::new(size, mode), |bencher| bencher.iter(judge));
        }
    }
    group.finish();
}

/// Medium events from a plugin's thread into a room that nobody is in, in batches of 64.
fn publish(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("plugin publish");
    group.throughput(Throughput::Elements(CALL));
    for (mode, validate) in MODES {
        let publisher = Publisher::start(validate);
        group.bench_function(mode, |bencher| {
            bencher.iter(|| publisher.publish(CALL as usize));
        });
    }
    group.finish();
}

criterion_group!(benches, check, publish);
criterion_main!(benches);
