//! The command line of `compare`.

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::files;
use crate::grid::Grid;
use crate::place::Place;
use crate::servers::{ENTRANTS, Entrant, entrant};

/// Measures the gateway beside other servers: one load, one go, a fresh server for every run
#[derive(Parser)]
#[command(name = "compare")]
pub struct Command {
    /// Cores that servers run on
    #[arg(long, default_value = "0", global = true)]
    server_cores: String,
    /// The core that the load runs on
    #[arg(long, default_value_t = 1, global = true)]
    own_core: usize,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Measure servers in turn
    Run(Run),
}

#[derive(Args)]
struct Run {
    /// Which servers, by name
    #[arg(long, value_delimiter = ',', value_parser = named)]
    servers: Vec<&'static Entrant>,
    /// Members of the room
    #[arg(long, value_delimiter = ',', default_values_t = [100, 1000, 10_000])]
    connections: Vec<usize>,
    /// Events in flight
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64])]
    windows: Vec<u64>,
    /// Events a second, at which times are taken
    #[arg(long, default_value_t = 50.0)]
    rate: f64,
    /// Bytes of each event's data
    #[arg(long, default_value_t = 200)]
    size: usize,
    /// How often all of it is done
    #[arg(long, default_value_t = 3)]
    goes: usize,
    /// How long each run is measured
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Each server in each case, not the slow ones in some
    #[arg(long)]
    everything: bool,
    /// One go of half a second at 100 and 1,000 connections: to see that all of it works
    #[arg(long)]
    quick: bool,
}

fn named(name: &str) -> Result<&'static Entrant, String> {
    let names = || ENTRANTS.iter().map(|entrant| entrant.name).collect::<Vec<_>>().join(", ");
    entrant(name).ok_or_else(|| format!("there are: {}", names()))
}

impl Command {
    /// Does it.
    pub fn run(self) -> ExitCode {
        files::raise();
        let place = Place::new(&self.server_cores, self.own_core);
        let mut cores = CpuSet::new();
        cores.set(self.own_core);
        if let Err(error) = sched_setaffinity(None, &cores) {
            eprintln!("compare: core {}: {error}", self.own_core);
            return ExitCode::FAILURE;
        }
        match self.what {
            What::Run(run) => run.run(&place),
        }
    }
}

impl Run {
    fn run(self, place: &Place) -> ExitCode {
        let mut grid = Grid {
            servers: if self.servers.is_empty() { ENTRANTS.iter().collect() } else { self.servers },
            connections: self.connections,
            windows: self.windows,
            rate: self.rate,
            size: self.size,
            goes: self.goes,
            seconds: self.seconds,
            everything: self.everything,
        };
        if self.quick {
            grid = Grid { goes: 1, seconds: 0.5, connections: vec![100, 1000], ..grid };
        }
        let (samples, failed) = grid.measure(place);
        eprintln!("{} runs, failed: {failed:?}", samples.len());
        ExitCode::SUCCESS
    }
}
