//! What the ABI adds to the same publish from inside, and what of it is the check: from rounds that take turns, so that what
//! the machine does besides falls on all alike.

use std::time::{Duration, Instant};

use tidegate_benches::Payload;
use tidegate_benches::stops::{CALL, Crossing};

/// As the gateway's.
#[global_allocator]
static HEAP: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 101;

fn main() {
    // As criterion: a name picks those that have it in theirs; flags are criterion's own.
    let asked = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    if asked.is_some_and(|name| !"crossing".contains(&name)) {
        return;
    }
    for (name, payload) in [("fields", Payload::Fields), ("text", Payload::Text)] {
        let crossing = Crossing::new(payload);
        let [inside, one, many, check] =
            medians([&|| crossing.inside(), &|| crossing.through(1), &|| crossing.through(64), &|| {
                crossing.check()
            }]);
        println!(
            "crossing/{name} ({} bytes): {inside:.0} ns from inside; the ABI adds {:.0} ns one at a time, {:.0} ns in batches \
             of 64; {check:.0} ns of that is the look whether it is JSON",
            crossing.bytes(),
            one - inside,
            many - inside,
        );
    }
}

/// Nanoseconds per event of each, as the median of rounds in turn.
fn medians<const N: usize>(works: [&dyn Fn(); N]) -> [f64; N] {
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
