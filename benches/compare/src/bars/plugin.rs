//! From a plugin into the hub: what criterion finds of the stops on the way.

use std::fs;

use serde_json::Value;

use super::programs::{cargo, run, show};
use super::{Figure, Limit, Settings, Verdict};
use crate::place::Place;
use crate::sample::Error;

/// What the ABI may add to an event, in nanoseconds.
const ADDED: f64 = 150.0;
/// Events a second into a room that nobody is in.
const RATE: f64 = 1e6;
/// The stops, as criterion is asked for them.
const STOPS: &str = "^(crossing|plugin publish)/";

/// Nanoseconds per event of a stop that was measured last: the median of criterion's samples.
fn nanoseconds(place: &Place, stop: &str) -> Result<f64, Error> {
    let read = |file: &str| {
        let file = place.made(&format!("criterion/{stop}/new/{file}.json"));
        let text = fs::read(&file).map_err(|error| Error::Other(format!("{}: {error}", file.display())))?;
        serde_json::from_slice::<Value>(&text)
            .map_err(|error| Error::Other(format!("{}: {error}", file.display())))
    };
    let median = read("estimates")?["median"]["point_estimate"].as_f64();
    let events = read("benchmark")?["throughput"]["Elements"].as_f64();
    let unclear = || Error::Other(format!("criterion tells no median per event of {stop}"));
    median.zip(events).map(|(median, events)| median / events).ok_or_else(unclear)
}

/// The same stop in each go.
#[derive(Default)]
struct Goes {
    /// What each [way](WAYS) adds to the same publish from inside.
    added: [Vec<f64>; 4],
    /// Events a second of each [kind](KINDS).
    rates: [Vec<f64>; 4],
}

/// Ways through the ABI: the stop, that of the same publish from inside, and what they are called.
const WAYS: [(&str, &str, &str); 4] = [
    ("fields_one at a time", "fields_inside", "nine fields, one at a time"),
    ("fields_64 at a time", "fields_inside", "nine fields, in batches of 64"),
    ("text_one at a time", "text_inside", "a text of 200 bytes, one at a time"),
    ("text_64 at a time", "text_inside", "a text of 200 bytes, in batches of 64"),
];

/// What a plugin publishes, and how it is held against its schema.
const KINDS: [(&str, &str); 4] = [
    ("text", "a text without a schema"),
    ("off", "nine fields, not held against their schema"),
    ("sample", "nine fields, of which a sample is held against the schema"),
    ("always", "nine fields, each held against the schema"),
];

pub(super) fn publish(settings: &Settings, verdict: &mut Verdict) -> Result<(), Error> {
    let place = &settings.place;
    let (bench, time) =
        (["bench", "-p", "tidegate-benches", "--bench", "seconds"], settings.seconds.to_string());
    let options = ["--", STOPS, "--warm-up-time", "1", "--measurement-time", &time];
    let done =
        |what: &str, place: &Place, more: &[&str]| match run(what, cargo(place, &[&bench, more].concat()))? {
            (status, _) if status.success() => Ok(()),
            (status, _) => Err(Error::Other(format!("{what}: {status}"))),
        };
    done("`cargo bench --no-run`", &place.with_both(), &["--no-run"])?;
    let mut goes = Goes::default();
    for _ in 0..settings.goes {
        place.noise.listen(place);
        done("`cargo bench`", place, &options)?;
        for ((through, inside, _), added) in WAYS.iter().zip(&mut goes.added) {
            let of = |stop: &str| nanoseconds(place, &format!("crossing/{stop}"));
            added.push(of(through)? - of(inside)?);
        }
        for ((kind, _), rates) in KINDS.iter().zip(&mut goes.rates) {
            rates.push(1e9 / nanoseconds(place, &format!("plugin publish/{kind}"))?);
        }
    }
    for ((_, _, what), added) in WAYS.iter().zip(goes.added) {
        let what = format!("the ABI adds to an event, {what}");
        verdict.hold(Figure::new(what, added, Limit::AtMost(ADDED), " ns"));
    }
    for ((_, what), rates) in KINDS.iter().zip(goes.rates) {
        let what = format!("events a second from one thread into a room that nobody is in, {what}");
        verdict.hold(Figure::new(what, rates, Limit::AtLeast(RATE), ""));
    }
    let test = ["test", "-p", "tidegate-benches", "--test", "plugin_copy"];
    let what = "two allocations per event at most, none of its payload copied: `cargo test`";
    show(what, cargo(&place.with_both(), &test), verdict)?;
    Ok(())
}
