//! Publish, walk, filters: the hub in memory, with members that only count.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tidegate_benches::{House, Sink, TYPE, WINDOWS, event, measure};

/// Members of one room on one shard.
const CROWDS: [usize; 3] = [1, 100, 10_000];
/// Members of the room whose members filter.
const FILTERING: usize = 10_000;
/// Filters that they have among them.
const DISTINCT: usize = 100;

fn crowd(members: usize) -> House<Sink> {
    House::new("room", (0..members).map(|_| Sink::default()))
}

/// What a publisher waits for: a place in the room, and a reference in each mailbox. Nobody is walked.
fn publish(criterion: &mut Criterion) {
    let house = crowd(1);
    let event = event(&house.hub);
    let mut group = criterion.benchmark_group("publish");
    group.throughput(Throughput::Elements(1));
    for (name, room) in [("nobody there", "empty"), ("nobody there, kept", "kept:empty")] {
        group.bench_function(name, |bencher| bencher.iter(|| house.publish(room, &event, 1)));
    }
    group.throughput(Throughput::Elements(64));
    group.bench_function("64 to a member", |bencher| {
        measure(bencher, || house.publish("room", &event, 64), || house.walk());
    });
    group.finish();
}

/// A publish and its walk; an element is a delivery.
fn walk(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("walk");
    for members in CROWDS {
        let house = crowd(members);
        let event = event(&house.hub);
        for window in WINDOWS {
            group.throughput(Throughput::Elements((members * window) as u64));
            let id = BenchmarkId::new(format!("to {members}"), format!("{window} in flight"));
            group.bench_function(id, |bencher| {
                bencher.iter(|| {
                    house.publish("room", &event, window);
                    house.walk();
                });
            });
        }
    }
    group.finish();
}

/// The same walk without filters, with a hundred that let the event through, and with a hundred that do not.
fn filters(criterion: &mut Criterion) {
    let other = |number: usize| format!("other_{}_*", number % DISTINCT).into();
    let mut group = criterion.benchmark_group("filters");
    group.throughput(Throughput::Elements(FILTERING as u64));
    let mut measure = |name: &str, house: &House<Sink>| {
        let event = event(&house.hub);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                house.publish("room", &event, 1);
                house.walk();
            });
        });
    };
    let house = crowd(FILTERING);
    measure("none", &house);
    house.subscribe(|number| vec![TYPE.into(), other(number)]);
    measure("100 that let through", &house);
    house.subscribe(|number| vec![other(number)]);
    measure("100 that hold back", &house);
    group.finish();
}

criterion_group!(benches, publish, walk, filters);
criterion_main!(benches);
