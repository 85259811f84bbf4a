//! Whether the cores are left alone.

use std::fs;
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use crate::place::Place;

/// For how long is looked.
const LOOK: Duration = Duration::from_millis(200);
/// The share of a core that somebody else may take: the kernel counts in hundredths of a second.
const QUIET: f64 = 0.1;

/// The shares of the busiest core that others took before each server was started.
#[derive(Debug, Default)]
pub struct Noise(Mutex<Vec<f64>>);

/// What a core has done since the system was started, in the kernel's ticks.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Ticks {
    busy: u64,
    all: u64,
}

impl Noise {
    /// Looks at the cores of a place while nothing runs there, and says it where they are busy. Where the system does not tell,
    /// nothing is known.
    pub fn listen(&self, place: &Place) {
        let cores = cores(&format!("{},{}", place.server_cores, place.own_core));
        let look = || fs::read_to_string("/proc/stat").unwrap_or_default();
        let before = look();
        sleep(LOOK);
        let after = look();
        let shares = cores.into_iter().filter_map(|core| share(ticks(&before, core)?, ticks(&after, core)?));
        let Some(most) = shares.max_by(f64::total_cmp) else { return };
        if most > QUIET {
            eprintln!("compare: others take {most:.2} of a core that is measured on");
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(most);
    }

    /// What was seen since this was asked last, in words.
    pub fn told(&self) -> String {
        let seen = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let loud = seen.iter().filter(|share| **share > QUIET).count();
        let most = seen.iter().copied().fold(0.0, f64::max);
        match (seen.len(), loud) {
            (0, _) => "whether the cores were idle was not looked at".to_owned(),
            (all, 0) => format!("the cores were idle before each of {all} starts"),
            (all, _) => format!(
                "OTHERS WERE ON THE CORES before {loud} of {all} starts, with {most:.2} of one at most"
            ),
        }
    }
}

/// The numbers in a list as `taskset` takes it, such as `0,2-3`.
fn cores(list: &str) -> Vec<usize> {
    let range = |part: &str| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        Some(from.trim().parse().ok()?..=to.trim().parse().ok()?)
    };
    list.split(',').filter_map(range).flatten().collect()
}

/// The ticks of a core, by `/proc/stat`.
fn ticks(stat: &str, core: usize) -> Option<Ticks> {
    let name = format!("cpu{core} ");
    let line = stat.lines().find_map(|line| line.strip_prefix(&name))?;
    // user nice system idle iowait irq softirq steal; guests are among users
    let columns: Vec<u64> = line.split_whitespace().take(8).map_while(|ticks| ticks.parse().ok()).collect();
    let (all, idle) = (columns.iter().sum::<u64>(), columns.get(3)? + columns.get(4)?);
    Some(Ticks { busy: all - idle, all })
}

fn share(before: Ticks, after: Ticks) -> Option<f64> {
    let all = after.all.checked_sub(before.all).filter(|all| *all > 0)?;
    Some(after.busy.saturating_sub(before.busy) as f64 / all as f64)
}

#[cfg(test)]
mod tests {
    use super::{Ticks, cores, share, ticks};

    #[test]
    fn a_core_is_busy_for_what_it_is_not_idle() {
        let stat = "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 3 40 5 6 7 8 0 0\ncpu10 1 1 1 1 1 1 1 1 1 1\n";
        let before = ticks(stat, 0).unwrap();
        assert_eq!((before, ticks(stat, 1)), (Ticks { busy: 27, all: 72 }, None));
        assert_eq!(share(before, Ticks { busy: 32, all: 92 }), Some(0.25));
        assert_eq!(share(before, before), None);
    }

    #[test]
    fn cores_are_listed_as_taskset_takes_them() {
        assert_eq!(cores("0,2-4,7"), [0, 2, 3, 4, 7]);
    }
}
