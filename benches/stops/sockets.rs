//! To sockets on loopback: the kernel alone (`floor`), and the hub above it.

use std::time::Instant;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tidegate::dialect::RoomsFrame;
use tidegate::frame::{Cursor, Encode, Epoch, Posted, RoomId};
use tidegate_benches::{House, Loopback, WINDOWS, event, measure};

/// Connections; each takes two open files.
const MEMBERS: usize = 200;

fn fan_out(criterion: &mut Criterion) {
    let house = House::new("room", Loopback::several(MEMBERS));
    let event = event(&house.hub);
    let room = RoomId { number: 1, name: "room".into(), class: 0 };
    let posted =
        Posted::new(event.clone(), room, Cursor { epoch: Epoch(1), offset: 1 }, false, Instant::now());
    let mut frame = Vec::new();
    RoomsFrame.encode(&posted, &posted.payload(), &mut frame);

    let mut buffer = vec![0; 1 << 20];
    let mut drain = || house.outlets().for_each(|outlet| outlet.drain(&mut buffer));
    let mut group = criterion.benchmark_group("sockets");
    for window in WINDOWS {
        group.throughput(Throughput::Elements((MEMBERS * window) as u64));
        let frames = frame.repeat(window);
        let floor = BenchmarkId::new("floor", format!("{window} in flight"));
        group.bench_function(floor, |bencher| {
            measure(bencher, || house.outlets().for_each(|outlet| outlet.send(&frames)), &mut drain);
        });
        let hub = BenchmarkId::new("hub", format!("{window} in flight"));
        let publish = || {
            house.publish("room", &event, window);
            house.walk();
        };
        group.bench_function(hub, |bencher| measure(bencher, publish, &mut drain));
    }
    group.finish();
}

criterion_group!(benches, fan_out);
criterion_main!(benches);
