//! From a plugin: what holding an event against its schema costs, and what the way through the ABI adds to the same
//! publish from inside.

#![allow(clippy::unwrap_used, reason = "a bench that cannot be set up says so by panicking")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidegate::frame::Event;
use tidegate::plugin::{Manifest, Terms, Validate};
use tidegate_benches::{House, Into, Payload, Publisher, ROOM, Sink, event, schema};

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

/// From a plugin's thread into a room that nobody is in, in batches of 64.
fn publish(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("plugin publish");
    group.throughput(Throughput::Elements(CALL));
    let mut bench = |name, validate, payload| {
        let house = House::<Sink>::new(ROOM, []);
        let publisher = Publisher::start(&house.hub, validate);
        group.bench_function(name, |bencher| {
            bencher.iter(|| publisher.publish(CALL as usize, 64, payload, Into::Nobodys));
        });
    };
    for (mode, validate) in MODES {
        bench(mode, validate, Payload::Fields);
    }
    bench("text", Validate::Always, Payload::Text);
    group.finish();
}

/// One way to a member: publish and walk, and what comes of it for the publisher.
struct Way<'a> {
    house: &'a House<Sink>,
    publisher: &'a Publisher,
    payload: Payload,
    same: Event,
}

impl<'a> Way<'a> {
    fn new(house: &'a House<Sink>, publisher: &'a Publisher, payload: Payload) -> Self {
        let (kind, data) = match payload {
            Payload::Fields => ("measured", medium().1.to_string().into()),
            Payload::Text => ("plain", event(&house.hub).data),
        };
        let kind = house.hub.types().find(kind).unwrap();
        Self {
            house,
            publisher,
            payload,
            same: Event { kind, data, source: "publisher".into(), ..event(&house.hub) },
        }
    }

    /// Events of a call from inside.
    fn inside(&self) {
        self.house.publish(ROOM, &self.same, CALL as usize);
        self.house.walk();
    }

    /// Equal ones from the plugin. Their buffers go back before its next call begins, so that they are in its time.
    fn through(&self, at_a_time: usize) {
        self.publisher.publish(CALL as usize, at_a_time, self.payload, Into::Bench);
        self.house.walk();
    }

    /// Of the check alone.
    fn check(&self, terms: &Terms) {
        (0..CALL).for_each(|_| terms.judge(&self.same.kind.name, &self.same.data).unwrap());
    }
}

/// To a member who counts, the same events from inside and from a plugin, one at a time and in batches; then, from rounds
/// that take turns, so that what the machine does besides falls on all alike: what the ABI adds, and what of it is the check.
fn crossing(criterion: &mut Criterion) {
    let house = House::new(ROOM, [Sink::default()]);
    let publisher = Publisher::start(&house.hub, Validate::Off);
    let manifest = json!({ "manifest": 1, "name": "x", "events": [{ "type": "plain" }] });
    let terms = Terms::of(&Manifest::parse(&manifest.to_string()).unwrap(), Validate::Off).unwrap();
    let mut lines = Vec::new();
    for (name, payload) in [("fields", Payload::Fields), ("text", Payload::Text)] {
        let way = Way::new(&house, &publisher, payload);
        let mut group = criterion.benchmark_group(format!("crossing/{name}"));
        group.throughput(Throughput::Elements(CALL));
        group.bench_function("inside", |bencher| bencher.iter(|| way.inside()));
        group.bench_function("one at a time", |bencher| bencher.iter(|| way.through(1)));
        group.bench_function("64 at a time", |bencher| bencher.iter(|| way.through(64)));
        group.finish();
        let [inside, one, many, check] =
            medians([&|| way.inside(), &|| way.through(1), &|| way.through(64), &|| way.check(&terms)]);
        lines.push(format!(
            "{name} ({} bytes): {inside:.0} ns from inside; the ABI adds {:.0} ns one at a time, {:.0} ns in batches of 64; \
             {check:.0} ns of that is the look whether it is JSON",
            way.same.data.len(),
            one - inside,
            many - inside,
        ));
    }
    lines.iter().for_each(|line| println!("crossing/{line}"));
}

/// Nanoseconds per event of each, as the median of rounds in turn.
fn medians<const N: usize>(works: [&dyn Fn(); N]) -> [f64; N] {
    const ROUNDS: usize = 101;
    let mut spent = [[Duration::ZERO; ROUNDS]; N];
    for round in 0..ROUNDS {
        for (work, spent) in works.iter().zip(&mut spent) {
            let begun = Instant::now();
            work();
            spent[round] = begun.elapsed();
        }
    }
    spent.map(|mut spent| {
        spent.sort();
        spent[ROUNDS / 2].as_nanos() as f64 / CALL as f64
    })
}

criterion_group!(benches, check, publish, crossing);
criterion_main!(benches);
