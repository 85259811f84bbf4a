//! Each stop of the hot path in instructions, against the last landed counts: what a shared machine cannot say in seconds,
//! it can say in instructions, which are the same each time.

mod callgrind;
mod comparison;
mod landed;

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use tidegate_benches::{Stop, stops};

use callgrind::count;
use comparison::Comparison;
use landed::Landed;

const USAGE: &str = "\
counts            compares each stop's instructions with the last landed ones; fails where a stop has grown by more than 5 %
counts accept     writes the instructions of now into benches/counts.toml: from here on they are the landed ones
counts of STOP    prints the instructions of one round of a stop, as `walk/to 100/16 in flight`
counts rounds STOP  does the rounds that callgrind looks at";

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{USAGE}")]
    Usage,
    #[error("there is no stop {0:?} whose instructions are counted")]
    NoStop(String),
    #[error(transparent)]
    Callgrind(#[from] callgrind::Error),
    #[error(transparent)]
    Landed(#[from] landed::Error),
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        [] => compare(),
        ["accept"] => accept(),
        ["of", stop] => find(stop).and_then(|stop| {
            println!("{}", count(&stop.path(), stop.counted.unwrap_or_default())?);
            Ok(ExitCode::SUCCESS)
        }),
        ["rounds", stop] => find(stop).map(|stop| {
            callgrind::rounds(stop);
            ExitCode::SUCCESS
        }),
        _ => Err(Error::Usage),
    };
    done.unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::from(2)
    })
}

fn counted() -> impl Iterator<Item = Stop> {
    stops::all().into_iter().filter(|stop| stop.counted.is_some())
}

fn find(path: &str) -> Result<Stop, Error> {
    counted().find(|stop| stop.path() == path).ok_or_else(|| Error::NoStop(path.into()))
}

fn compare() -> Result<ExitCode, Error> {
    let landed = Landed::read()?;
    let comparison = Comparison { now: Landed::now(count_all()?)?, landed };
    println!("{comparison}");
    Ok(if comparison.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn accept() -> Result<ExitCode, Error> {
    Landed::now(count_all()?)?.write()?;
    Ok(ExitCode::SUCCESS)
}

/// Counts all stops, as many at a time as there are cores: instructions do not depend on what else runs.
fn count_all() -> Result<Vec<(String, u64)>, Error> {
    let all: Vec<(String, &str)> = counted().filter_map(|stop| Some((stop.path(), stop.counted?))).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut counts = Vec::new();
        while let Some((index, (path, function))) = take(&next, &all) {
            counts.push((index, path.clone(), count(path, function)?));
        }
        Ok::<_, Error>(counts)
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let done: Result<Vec<_>, Error> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or(Err(Error::Usage))).collect()
    });
    let mut counts = done?.concat();
    counts.sort();
    Ok(counts.into_iter().map(|(_, path, count)| (path, count)).collect())
}

fn take<'a, T>(next: &AtomicUsize, all: &'a [T]) -> Option<(usize, &'a T)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    Some((index, all.get(index)?))
}
