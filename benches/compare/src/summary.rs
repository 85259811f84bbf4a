//! What samples say together.

use crate::grid::Sample;
use crate::statistics::median;

/// Samples of one server in one case, one of each go.
#[derive(Clone, Debug)]
pub struct Cell<'a> {
    samples: Vec<&'a Sample>,
    all: &'a [Sample],
}

/// The samples of a server with so many connections, and this window or none.
pub fn cell<'a>(
    all: &'a [Sample],
    server: &str,
    connections: usize,
    window: Option<u64>,
) -> Option<Cell<'a>> {
    let fits = |sample: &&Sample| {
        sample.server == server && sample.connections == connections && sample.window == window
    };
    let samples: Vec<_> = all.iter().filter(fits).collect();
    (!samples.is_empty()).then_some(Cell { samples, all })
}

impl Cell<'_> {
    /// The median of a figure.
    pub fn median(&self, figure: impl Fn(&Sample) -> f64) -> f64 {
        median(self.samples.iter().map(|sample| figure(sample))).unwrap_or_default() // a cell is not empty
    }

    /// The samples, in the order of the goes.
    pub fn samples(&self) -> &[&Sample] {
        &self.samples
    }

    /// A figure against that of another server in the same case and go, of each go that has both.
    pub fn against(&self, other: &str, figure: impl Fn(&Sample) -> f64) -> Vec<f64> {
        let ratio = |sample: &&Sample| {
            let fits = |candidate: &&Sample| {
                candidate.server == other
                    && (candidate.go, candidate.connections, candidate.window)
                        == (sample.go, sample.connections, sample.window)
            };
            Some(figure(sample) / figure(self.all.iter().find(fits)?))
        };
        self.samples.iter().filter_map(ratio).collect()
    }

    /// Connections that there were.
    pub fn connected(&self) -> usize {
        self.samples.iter().map(|sample| sample.connected).max().unwrap_or_default()
    }
}

/// Microseconds of the server's processor time for each delivery.
pub fn cost(sample: &Sample) -> f64 {
    sample.measured.cost()
}

#[cfg(test)]
mod tests {
    use super::{cell, cost};
    use crate::grid::Sample;
    use crate::load::{Figures, Measured};

    /// With this cost in microseconds.
    fn sample(server: &str, go: usize, cost: f64) -> Sample {
        let crews = vec![Figures { deliveries: 1_000_000, ..Figures::default() }];
        Sample {
            server: server.to_owned(),
            go,
            connections: 10,
            connected: 10,
            window: Some(1),
            entry: Default::default(),
            measured: Measured { server_cpu: cost, crews, ..Measured::default() },
        }
    }

    #[test]
    fn ratios_are_taken_within_a_go() {
        let all = [(0, 1.0, 2.0), (1, 10.0, 10.0), (2, 5.0, 20.0)];
        let pairs = all.map(|(go, floor, other)| [sample("floor", go, floor), sample("other", go, other)]);
        let samples = pairs.concat();
        let other = cell(&samples, "other", 10, Some(1)).unwrap();
        assert_eq!((other.median(cost), other.against("floor", cost)), (10.0, vec![2.0, 1.0, 4.0]));
        assert!(other.against("nobody", cost).is_empty());
        assert!(
            cell(&samples, "other", 10, None).is_none() && cell(&samples, "other", 11, Some(1)).is_none()
        );
    }
}
