//! Requests in, frames out: the `rooms` dialect.

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tidegate::dialect::{Dialect, Message, Rooms, RoomsFrame};
use tidegate::frame::{Cursor, Encode, Epoch, Forms, Posted, RoomId};
use tidegate_benches::{House, PAYLOAD, Sink, TYPE, event};

fn encode(criterion: &mut Criterion) {
    let house = House::<Sink>::new("room", []);
    let room = RoomId { number: 1, name: "room".into(), class: 0 };
    let cursor = Cursor { epoch: Epoch(1), offset: 1 };
    let posted = Posted::new(event(&house.hub), room, cursor, true, Instant::now());
    let payload = posted.payload();
    let mut out = Vec::with_capacity(1024);
    let mut group = criterion.benchmark_group("encode");
    group.throughput(Throughput::Bytes(PAYLOAD as u64));
    group.bench_function("event", |bencher| {
        bencher.iter(|| {
            out.clear();
            RoomsFrame.encode(black_box(&posted), &payload, &mut out)
        });
    });
    group.finish();
}

fn decode(criterion: &mut Criterion) {
    let dialect = Rooms::new(Forms::default().add(RoomsFrame));
    let text = "x".repeat(PAYLOAD - 11);
    let publish = format!(
        r#"{{"action":"publish","room":"news","id":1,"data":{{"event_type":"{TYPE}","data":{{"text":"{text}"}}}}}}"#
    );
    let requests = [
        ("ping", r#"{"action":"ping","id":1}"#),
        ("join", r#"{"action":"join","room":"agents","id":1}"#),
        (
            "subscribe",
            r#"{"action":"subscribe","data":{"event_types":["agent_created","agent_updated"]},"id":1}"#,
        ),
        ("publish", &publish),
        ("not JSON", r#"{"action":"join","#),
    ];
    let mut group = criterion.benchmark_group("decode");
    for (name, request) in requests {
        let message = Message { payload: request.as_bytes(), text: true };
        group.throughput(Throughput::Bytes(request.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| dialect.decode(black_box(message)).is_ok()));
    }
    group.finish();
}

criterion_group!(benches, encode, decode);
criterion_main!(benches);
