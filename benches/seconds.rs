//! Each stop in seconds: `make bench`, or `make bench BENCH=walk` for those with that name.

use std::time::{Duration, Instant};

use criterion::{Bencher, Criterion, criterion_group, criterion_main};
use tidegate_benches::{Round, stops};

/// As the gateway's.
#[global_allocator]
static HEAP: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn all(criterion: &mut Criterion) {
    for stop in stops::all() {
        let mut group = criterion.benchmark_group(stop.group);
        group.throughput(stop.throughput.clone());
        let name = stop.name.clone();
        // Set up when its name was asked for.
        let mut ready = None;
        let mut stop = Some(stop);
        group.bench_function(name, |bencher| {
            let round = ready.get_or_insert_with(|| stop.take().map(tidegate_benches::Stop::ready));
            round.iter_mut().for_each(|round| measure(bencher, round));
        });
        group.finish();
    }
}

/// The clock stands while a round is settled.
fn measure(bencher: &mut Bencher<'_>, round: &mut Round) {
    if !round.settles() {
        return bencher.iter(|| round.work());
    }
    bencher.iter_custom(|rounds| {
        let mut spent = Duration::ZERO;
        for _ in 0..rounds {
            let start = Instant::now();
            round.work();
            spent += start.elapsed();
            round.settle();
        }
        spent
    });
}

criterion_group!(benches, all);
criterion_main!(benches);
