//! All servers in turn, in all cases, some goes over.

use serde::{Deserialize, Serialize};

use crate::load::{Measured, Pace, Plan};
use crate::place::Place;
use crate::sample::{Case, Entry, measure};
use crate::servers::Entrant;

/// Who has its kind measured in all cases: the others are measured with all windows at [`USUAL`] connections alone.
const THOROUGH: [&str; 4] = ["floor", "tidegate", "tidegate-2", "uwebsockets"];
/// Connections at which everybody is measured with all windows.
const USUAL: usize = 1000;
/// The window at which everybody is measured with all numbers of connections.
pub const MIDDLE: u64 = 16;

/// What is measured.
#[derive(Clone, Debug)]
pub struct Grid {
    /// In the order in which they take turns.
    pub servers: Vec<&'static Entrant>,
    /// Members of the room.
    pub connections: Vec<usize>,
    /// Events in flight.
    pub windows: Vec<u64>,
    /// Events a second, at which times are taken; 0: they are not.
    pub rate: f64,
    /// Bytes of each event's data.
    pub size: usize,
    /// How often all of it is done.
    pub goes: usize,
    /// How long each run is measured.
    pub seconds: f64,
    /// Whether each server is measured in each case.
    pub everything: bool,
}

/// What was found in one run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sample {
    /// The server's name.
    pub server: String,
    /// The number of the go, from 0.
    pub go: usize,
    /// Connections that were asked for.
    pub connections: usize,
    /// Connections that there were: fewer with a server that takes too long to let them in.
    pub connected: usize,
    /// Events in flight; none where they came at a rate.
    pub window: Option<u64>,
    /// What clients cost as such.
    pub entry: Entry,
    /// What events cost.
    pub measured: Measured,
}

impl Grid {
    /// Whether a server is measured in this case.
    fn takes(&self, entrant: &Entrant, connections: usize, window: Option<u64>) -> bool {
        let usual = connections == USUAL || self.connections.len() == 1;
        match window {
            None => usual,
            Some(window) => {
                let fits = usual || connections <= entrant.most;
                let wanted = usual || window == MIDDLE || THOROUGH.contains(&entrant.name);
                self.everything || (fits && wanted)
            }
        }
    }

    /// All runs in their order: in each case all servers directly after each other, so that they meet the same machine.
    fn runs(&self) -> Vec<(usize, &'static Entrant, usize, Option<u64>)> {
        let windows = self.windows.iter().map(|&window| Some(window));
        let paces: Vec<Option<u64>> = windows.chain((self.rate > 0.0).then_some(None)).collect();
        let mut runs = Vec::new();
        for go in 0..self.goes {
            for &connections in &self.connections {
                for &window in &paces {
                    let takers =
                        self.servers.iter().filter(|entrant| self.takes(entrant, connections, window));
                    runs.extend(takers.map(|&entrant| (go, entrant, connections, window)));
                }
            }
        }
        runs
    }

    /// Measures it all, and tells of each run as it ends. A server that fails twice in a case is left out of the rest, and named
    /// in the second list with the reason.
    pub fn measure(&self, place: &Place) -> (Vec<Sample>, Vec<(String, String)>) {
        let (mut samples, mut failed) = (Vec::new(), Vec::<(String, String)>::new());
        let runs = self.runs();
        for (number, &(go, entrant, connections, window)) in runs.iter().enumerate() {
            if failed.iter().any(|(name, _)| name == entrant.name) {
                continue;
            }
            let connected = connections.min(entrant.most);
            let pace = window.map_or(Pace::Rate(self.rate), Pace::Window);
            let case = Case { connections: connected, pace, size: self.size, plan: Plan::of(self.seconds) };
            let place_in_line = format!("[{}/{}] {:<17}", number + 1, runs.len(), entrant.name);
            let again = |error| {
                eprintln!("{place_in_line} {error}; once more");
                measure(place, entrant, &case)
            };
            match measure(place, entrant, &case).or_else(again) {
                Err(error) => {
                    eprintln!("{place_in_line} {error}");
                    failed.push((entrant.name.to_owned(), error.to_string()));
                }
                Ok((entry, measured)) => {
                    eprintln!("{place_in_line} {}", line(connected, pace, &entry, &measured));
                    let server = entrant.name.to_owned();
                    samples.push(Sample { server, go, connections, connected, window, entry, measured });
                }
            }
        }
        (samples, failed)
    }
}

/// A run in one line.
fn line(connections: usize, pace: Pace, entry: &Entry, measured: &Measured) -> String {
    let pace = match pace {
        Pace::Window(window) => format!("{window:>2} in flight"),
        Pace::Rate(rate) => format!("{rate}/s"),
    };
    let crew = measured.crews.first().cloned().unwrap_or_default();
    let missing = match measured.wrong() {
        0 => String::new(),
        _ => format!(", {} MISSING, {} TWICE", crew.missing, crew.doubled),
    };
    format!(
        "{connections:>5} × {pace}: {:.3} µs a delivery, {:.0}k/s, p99 {:.1} ms, last p99 {:.1} ms; \
         {:.0} bytes and {:.0} µs a connection; load itself {:.2} cores{missing}",
        measured.cost(),
        measured.rate() / 1e3,
        crew.each.p99 / 1e3,
        crew.last.p99 / 1e3,
        entry.memory,
        entry.cpu,
        measured.own_cpu / measured.seconds,
    )
}
