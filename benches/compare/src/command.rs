//! The command line of `compare`.

use std::fmt::Display;
use std::io;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::bars::{self, BARS, Settings};
use crate::files;
use crate::grid::Grid;
use crate::place::Place;
use crate::results::{Bars, Findings};
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
    /// Measure a bar, and say whether it is met
    Bar(Bar),
    /// Write the results of the last run again, also those of a quick one, and those of the bars
    Tell,
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
    /// One go of half a second, fewer cases, nothing written but the samples: to see that all of it works
    #[arg(long)]
    quick: bool,
}

#[derive(Args)]
#[command(after_help = told())]
struct Bar {
    /// Its number, or `all`; several are measured in turn, also after one that is missed
    #[arg(required = true, value_parser = known)]
    numbers: Vec<Numbers>,
    /// How often it is measured
    #[arg(long, default_value_t = 3)]
    goes: usize,
    /// How long each run is measured
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Bar 3: seconds for which connections come and go
    #[arg(long, default_value_t = 30.0)]
    churn: f64,
    /// Bar 13: seconds for which heartbeats are watched, which come every 25
    #[arg(long, default_value_t = 50.0)]
    idle: f64,
}

/// The bars, a line each.
fn told() -> String {
    let line = |(number, what): &(u8, &str)| format!("  {number:>2}  {what}\n");
    format!("Bars:\n{}", BARS.iter().map(line).collect::<String>())
}

/// The bars that one argument names.
#[derive(Clone)]
struct Numbers(Vec<u8>);

fn known(name: &str) -> Result<Numbers, String> {
    let numbers = BARS.iter().map(|bar| bar.0).filter(|number| name == "all" || name == number.to_string());
    let numbers: Vec<u8> = numbers.collect();
    if numbers.is_empty() { Err("there is no such bar".to_owned()) } else { Ok(Numbers(numbers)) }
}

fn named(name: &str) -> Result<&'static Entrant, String> {
    let names = || ENTRANTS.iter().map(|entrant| entrant.name).collect::<Vec<_>>().join(", ");
    entrant(name).ok_or_else(|| format!("there are: {}", names()))
}

/// Ends with this reason.
fn said(reason: &dyn Display) -> ExitCode {
    eprintln!("compare: {reason}");
    ExitCode::FAILURE
}

impl Command {
    /// Does it.
    pub fn run(self) -> ExitCode {
        files::raise();
        let place = Place::new(&self.server_cores, self.own_core);
        let mut cores = CpuSet::new();
        cores.set(self.own_core);
        if let Err(error) = sched_setaffinity(None, &cores) {
            return said(&format!("core {}: {error}", self.own_core));
        }
        match self.what {
            What::Run(run) => run.run(&place),
            What::Bar(bar) => bar.run(&place),
            What::Tell => {
                let told = Findings::read(&place).and_then(|findings| match findings {
                    Some(findings) => findings.write(&place, true),
                    None => Ok(()),
                });
                match told.and_then(|()| Bars::read(&place)).and_then(|bars| bars.tell(&place)) {
                    Ok(()) => ExitCode::SUCCESS,
                    Err(error) => said(&error),
                }
            }
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
            grid = Grid { goes: 1, seconds: 0.5, connections: vec![100, 1000], windows: vec![1, 16], ..grid };
        }
        let (samples, failed) = grid.measure(place);
        // Other servers may not be had on every machine; without these there is nothing to compare.
        let whole = !failed.iter().any(|(name, _)| ["floor", "tidegate"].contains(&name.as_str()));
        let findings = Findings::new(place, &grid, samples, failed);
        match findings.write(place, !self.quick) {
            Ok(()) if whole => ExitCode::SUCCESS,
            Ok(()) => ExitCode::FAILURE,
            Err(error) => said(&error),
        }
    }
}

impl Bar {
    fn run(self, place: &Place) -> ExitCode {
        let settings = Settings {
            place: place.clone(),
            goes: self.goes,
            seconds: self.seconds,
            churn: self.churn,
            idle: self.idle,
        };
        match self.numbers.iter().flat_map(|numbers| &numbers.0).try_fold(true, |met, &number| {
            println!("bar {number}");
            Ok::<bool, io::Error>(measure(number, &settings)? && met)
        }) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => said(&error),
        }
    }
}

/// Measures a bar, writes what was found, and answers whether it is met.
fn measure(number: u8, settings: &Settings) -> io::Result<bool> {
    let verdict = bars::measure(number, settings);
    let met = verdict.met();
    let mut bars = Bars::read(&settings.place)?;
    bars.put(number, settings, verdict);
    bars.write(&settings.place)?;
    Ok(met)
}
