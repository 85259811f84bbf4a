//! `tidegate load`: many clients at once, to see what a gateway makes of them.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tidegate::load::{self, Report, Threshold};

use super::UNUSABLE;
use super::listen::trust::Trust;

mod give;
mod plan;
mod progress;

use super::interrupt::{self, INTERRUPTED};
use give::Place;
use progress::Watcher;

/// What is answered where nobody can be connected, or nobody is any more, and the other codes of sysexits.h.
const UNREACHABLE: u8 = 69;
const FAULT: u8 = 70;
const SYSTEM: u8 = 71;
const NOT_WRITTEN: u8 = 74;

/// The options of `load`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Where to connect, such as ws://127.0.0.1:8080/ws, or wss:// for TLS
    url: String,
    /// What subscribers speak: rooms, topics, or socketio (in its namespace /ws); publishers always speak rooms
    #[arg(long, value_name = "NAME", default_value = "rooms")]
    dialect: String,
    /// Path of the endpoint that publishers connect to; without it the URL's, or /ws where subscribers do not speak rooms
    #[arg(long, value_name = "PATH")]
    publish_path: Option<String>,
    /// Subscribers
    #[arg(short = 'n', long, value_name = "N", default_value_t = 100)]
    connections: u32,
    /// Connections that publish, besides the subscribers; 0: the subscribers are held, and nothing is published
    #[arg(long, value_name = "N", default_value_t = 1)]
    publishers: u32,
    /// Rooms that subscribers are dealt to, and that publishers publish into in turn
    #[arg(long, value_name = "N", default_value_t = 1)]
    rooms: u32,
    /// Rooms that each subscriber joins
    #[arg(long, value_name = "N", default_value_t = 1)]
    joins: u32,
    /// How subscribers are spread over rooms: even, or zipf (few large rooms, many small ones)
    #[arg(long, value_name = "HOW", default_value = "even")]
    spread: String,
    /// What the rooms' names begin with; a number follows
    #[arg(long, value_name = "TEXT", default_value = "load:")]
    room_prefix: String,
    /// Event types that subscribers subscribe to, such as agent_*,gap; if given more than once, subscribers take them in turn
    #[arg(long = "filter", value_name = "TYPE[,TYPE]")]
    filters: Vec<String>,
    /// The type of the events that are published; without it, one that every gateway knows
    #[arg(long, value_name = "TYPE")]
    event_type: Option<String>,
    /// Bytes of each event's payload, 44 at least: the mark that it is known by
    #[arg(short, long, value_name = "BYTES", default_value_t = 200)]
    payload: usize,
    /// Events a second over all publishers, whatever becomes of them (open loop); without this and --in-flight, 100
    #[arg(short, long, value_name = "N", conflicts_with = "in_flight")]
    rate: Option<f64>,
    /// Events that are on their way at a time, over all publishers: as fast as the gateway takes them (closed loop)
    #[arg(long, value_name = "N")]
    in_flight: Option<u32>,
    /// How long is measured, such as 10s or 1h; given twice, the last holds
    #[arg(short, long, value_name = "TIME", default_value = "10s", overrides_with = "duration")]
    duration: String,
    /// How long events are published before it counts
    #[arg(long, value_name = "TIME", default_value = "1s")]
    warm_up: String,
    /// How long to wait, at the end, for events that are still on their way
    #[arg(long, value_name = "TIME", default_value = "10s")]
    drain: String,
    /// New connections a second; 0: as many as are taken
    #[arg(long, value_name = "N", default_value_t = 0.0)]
    ramp: f64,
    /// How long a connection may take until it is in its rooms
    #[arg(long, value_name = "TIME", default_value = "10s")]
    connect_timeout: String,
    /// The share of subscribers that stop reading once they are in their rooms, such as 10%
    ///
    /// They stop when they are ready themselves, while others still connect. They answer no pings either: a gateway whose
    /// heartbeat times out before the run ends closes them for that, and not for being slow.
    #[arg(long, value_name = "SHARE", default_value = "0%")]
    slow: String,
    /// Subscribers that leave and come back, a second
    #[arg(long, value_name = "N", default_value_t = 0.0)]
    churn: f64,
    /// The token that each connection shows
    #[arg(long, conflicts_with = "token_file")]
    token: Option<String>,
    /// Tokens, one a line, that connections show in turn; /dev/stdin keeps them out of the list of processes
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// A header of each handshake, such as 'X-Tenant: blue'; may be given more than once
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    #[command(flatten)]
    trust: Trust,
    /// Threads of the load tester; each is one core's worth
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: u32,
    /// A process of the gateway, whose CPU and memory to report; without it, who listens at the URL's address on this machine
    #[arg(long = "pid", value_name = "PID")]
    pids: Vec<u32>,
    /// What the run must not be, such as 'p99>5ms'; may be given more than once
    #[arg(long = "fail-if", value_name = "EXPRESSION")]
    fail_if: Vec<String>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Write the report as JSON into this file, too; it is opened before the run, and written behind it
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
    /// Allow targets that are not loopback
    #[arg(long)]
    allow_remote: bool,
}

const EXAMPLES: &str = "\
Examples:
  tidegate load ws://127.0.0.1:8080/ws                                       100 subscribers, 100 events a second
  tidegate load ws://127.0.0.1:8080/ws -n 10000 --rate 20 --fail-if 'p99>50ms' --fail-if 'missing>0'
  tidegate load ws://127.0.0.1:8080/ws -n 1000 --in-flight 64                as fast as it goes
  tidegate load ws://127.0.0.1:8080/ws -n 10000 --publishers 0 -d 1m         10000 that only wait
  tidegate load ws://127.0.0.1:8080/ws -n 500 --rooms 50 --slow 10% --churn 20 --json
  tidegate load ws://127.0.0.1:8080/ws/connect --dialect topics --publish-path /ws
  tidegate load wss://localhost:8443/ws --ca certs/ca.pem --token-file tokens.txt

Each event bears its number and its time, and each byte of it is compared: events that are missing, doubled, torn or out
of order are found. With --rate, latency is counted from the moment when an event should have been sent, so that a gateway
that holds up the publisher does not look quick for it (coordinated omission). With --in-flight no such moment exists, and
it is counted from when the event was sent; the report says which.

Expressions of --fail-if compare with > >= < <= == !=. Times: p50 p90 p99 p99.9 max mean connect_p50 connect_p99
connect_max (handshakes) cpu (of the gateway, per delivery) late_p99 late_max (of the load tester itself, in sending).
Numbers: connects_per_s refused closed deliveries deliveries_per_s published_per_s publish_refused unsent missing doubled
torn disordered strayed gaps server_cores generator_cores. A size: memory (the gateway's growth per connection, such as
memory>2KiB). What was not measured fails.

Ctrl-C and SIGTERM end the run early, with its report and \"interrupted\": true; a second one ends it without.

Exit status: 0; 1 where an expression holds; 64 where an option is wrong; 69 where nobody can be connected, or nobody is
at the end; 70 and 71 where the load tester or the system fails; 74 where the report cannot be written; 130 where the run was
interrupted.";

/// Why there is no run.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// An option.
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Load(#[from] load::Error),
    #[error("signals cannot be heard: {0}")]
    Signals(io::Error),
    /// The report cannot be given.
    #[error("{place}: {error}")]
    Report { place: String, error: io::Error },
}

impl Failure {
    fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => UNUSABLE,
            Self::Load(error) => match error {
                load::Error::Plan(_) | load::Error::Files { .. } | load::Error::Tls(_) => UNUSABLE,
                load::Error::Nobody { .. } => UNREACHABLE,
                load::Error::System(_) => SYSTEM,
                load::Error::Figures(_) => FAULT,
            },
            Self::Signals(_) => SYSTEM,
            Self::Report { .. } => NOT_WRITTEN,
        }
    }
}

/// Runs to the end, and reports.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    match measure(arguments) {
        Ok(report) if report.interrupted => INTERRUPTED.into(),
        Ok(report) if report.failed() => ExitCode::FAILURE,
        Ok(report) if report.lost_all() => {
            eprintln!("error: no subscriber was connected any more at the end");
            UNREACHABLE.into()
        }
        Ok(_) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            failure.code().into()
        }
    }
}

fn measure(arguments: &Arguments) -> Result<Report, Failure> {
    let thresholds: Vec<Threshold> = arguments
        .fail_if
        .iter()
        .map(|text| text.parse())
        .collect::<Result<_, _>>()
        .map_err(|error| usage("--fail-if", error))?;
    let plan = plan::plan(arguments)?;
    plan.judge().map_err(load::Error::Plan)?;
    let place = arguments.report.as_deref().map(Place::open).transpose()?;
    let stop = interrupt::hear("the report follows; once more ends it without").map_err(Failure::Signals)?;
    let mut watcher = Watcher::new(arguments.quiet);
    let report = load::run(plan, &mut |progress| watcher.show(&progress), &stop);
    watcher.finish();
    let mut report = report?;
    report.judge(&thresholds);
    // What is read first is said first: a file that cannot be written takes nothing of it.
    give::print(&report, arguments.json)?;
    if let Some(place) = place {
        place.write(&report)?;
    }
    Ok(report)
}

fn usage(option: &str, error: impl ToString) -> Failure {
    Failure::Usage(format!("{option}: {}", error.to_string()))
}
