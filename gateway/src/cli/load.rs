//! `tidegate load`: many clients at once, to see what a gateway makes of them.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use http::header::{HeaderName, HeaderValue};
use rustls::{ClientConfig, RootCertStore};
use tidegate::load::{self, Pace, Plan, Report, Spread, Target, Threshold, dialect};

use super::UNUSABLE;
use super::listen::trust::Trust;

mod progress;

use progress::Watcher;

/// What is answered where nobody can be connected (`EX_UNAVAILABLE` of sysexits.h).
const UNREACHABLE: u8 = 69;

/// The options of `load`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Where to connect, such as ws://127.0.0.1:8080/ws, or wss:// for TLS
    url: String,
    /// What is spoken: rooms
    #[arg(long, value_name = "NAME", default_value = "rooms")]
    dialect: String,
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
    /// Event types that subscribers subscribe to, as agent_*,gap; given more than once, they are dealt to them in turn
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
    /// How long is measured, as 10s or 1h
    #[arg(short, long, value_name = "TIME", default_value = "10s")]
    duration: String,
    /// How long events are published before it counts
    #[arg(long, value_name = "TIME", default_value = "1s")]
    warm_up: String,
    /// How long what is on its way at the end is waited for
    #[arg(long, value_name = "TIME", default_value = "10s")]
    drain: String,
    /// New connections a second; 0: as many as are taken
    #[arg(long, value_name = "N", default_value_t = 0.0)]
    ramp: f64,
    /// How long a connection may take until it is in its rooms
    #[arg(long, value_name = "TIME", default_value = "10s")]
    connect_timeout: String,
    /// The share of subscribers that stop reading once they are in their rooms, as 10%
    #[arg(long, value_name = "SHARE", default_value = "0%")]
    slow: String,
    /// Subscribers that leave and come back, a second
    #[arg(long, value_name = "N", default_value_t = 0.0)]
    churn: f64,
    /// The token that each connection shows
    #[arg(long, conflicts_with = "token_file")]
    token: Option<String>,
    /// Tokens, one a line, that connections show in turn
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// A header of each handshake, as 'X-Tenant: blue'; may be given more than once
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    #[command(flatten)]
    trust: Trust,
    /// Threads of the load tester; each is one core's worth
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: u32,
    /// A process of the gateway, to be looked at; without it, who listens at the URL's port on this machine
    #[arg(long = "pid", value_name = "PID")]
    pids: Vec<u32>,
    /// What the run must not be, as 'p99>5ms'; may be given more than once
    #[arg(long = "fail-if", value_name = "EXPRESSION")]
    fail_if: Vec<String>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Write the report as JSON into this file
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Say nothing while it goes on
    #[arg(short, long)]
    quiet: bool,
    /// Go to another machine, too
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
  tidegate load wss://localhost:8443/ws --ca certs/ca.pem --token-file tokens.txt

Each event bears its number and its time, and each byte of it is compared: events that are missing, doubled, torn or out
of order are found. With --rate, latency is counted from the moment when an event should have been sent, so that a gateway
that holds up the publisher does not look quick for it (coordinated omission). With --in-flight no such moment exists, and
it is counted from when the event was sent; the report says which.

Expressions of --fail-if compare with > >= < <= ==. Times: p50 p90 p99 p99.9 max mean connect_p50 connect_p99 connect_max
cpu (of the gateway, per delivery). Numbers: connects_per_s refused closed deliveries deliveries_per_s published_per_s
publish_refused unsent missing doubled torn disordered strayed gaps server_cores generator_cores. A size: memory (of the
gateway, per connection). What was not measured fails.

The exit code is 0, or 1 where an expression holds, 64 where an option is wrong, 69 where nobody can be connected.";

/// Why there is no run.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// An option.
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Load(#[from] load::Error),
    /// The report cannot be given.
    #[error("{place}: {error}")]
    Report { place: String, error: io::Error },
}

impl Failure {
    fn code(&self) -> ExitCode {
        match self {
            Self::Usage(_) | Self::Load(load::Error::Plan(_) | load::Error::Files { .. }) => UNUSABLE.into(),
            Self::Load(load::Error::Nobody { .. }) => UNREACHABLE.into(),
            Self::Load(_) | Self::Report { .. } => ExitCode::FAILURE,
        }
    }
}

/// Runs to the end, and reports.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    match measure(arguments) {
        Ok(report) if report.failed() => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            failure.code()
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
    let plan = plan(arguments)?;
    let mut watcher = Watcher::new(arguments.quiet);
    let report = load::run(plan, &mut |progress| watcher.show(&progress));
    watcher.finish();
    let mut report = report?;
    report.judge(&thresholds);
    give(arguments, &report)?;
    Ok(report)
}

fn usage(option: &str, error: impl ToString) -> Failure {
    Failure::Usage(format!("{option}: {}", error.to_string()))
}

fn give(arguments: &Arguments, report: &Report) -> Result<(), Failure> {
    let json = || serde_json::to_string_pretty(report).map_err(io::Error::from);
    if let Some(file) = &arguments.report {
        json()
            .and_then(|text| fs::write(file, text + "\n"))
            .map_err(|error| Failure::Report { place: file.display().to_string(), error })?;
    }
    let text = if arguments.json { json().map(|text| text + "\n") } else { Ok(report.to_string()) };
    match text.and_then(|text| io::stdout().write_all(text.as_bytes())) {
        // The reader has gone (`| head`), which is its way to say that it has enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Report { place: "standard output".into(), error })
        }
        _ => Ok(()),
    }
}

fn plan(arguments: &Arguments) -> Result<Plan, Failure> {
    let dialect = dialect::by_name(&arguments.dialect).ok_or_else(|| {
        let known: Vec<_> = dialect::ALL.iter().map(|dialect| dialect.name()).collect();
        usage(
            "--dialect",
            format!("'{}' is not spoken here; there is {}", arguments.dialect, known.join(", ")),
        )
    })?;
    let target = Target::find(&arguments.url, dialect.path(), arguments.allow_remote)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let time = |option: &str, text: &str| -> Result<Duration, Failure> {
        humantime::parse_duration(text)
            .map_err(|error| usage(option, format!("'{text}' is no time such as 10s or 1h: {error}")))
    };
    let split = |filter: &String| filter.split(',').map(|kind| kind.trim().to_owned()).collect();
    Ok(Plan {
        tls: if target.secure { Some(tls(&arguments.trust)?) } else { None },
        target,
        dialect,
        connections: arguments.connections,
        publishers: arguments.publishers,
        threads: arguments.threads,
        rooms: arguments.rooms,
        joins: arguments.joins,
        spread: spread(&arguments.spread)?,
        room_prefix: arguments.room_prefix.clone(),
        filters: arguments.filters.iter().map(split).collect(),
        event_type: arguments.event_type.clone().unwrap_or_else(|| dialect.event_type().to_owned()),
        payload: arguments.payload,
        pace: pace(arguments),
        ramp: arguments.ramp,
        warm_up: time("--warm-up", &arguments.warm_up)?,
        duration: time("--duration", &arguments.duration)?,
        drain: time("--drain", &arguments.drain)?,
        patience: time("--connect-timeout", &arguments.connect_timeout)?,
        slow: share(&arguments.slow)?,
        churn: arguments.churn,
        tokens: tokens(arguments)?,
        headers: arguments.headers.iter().map(|header| self::header(header)).collect::<Result<_, _>>()?,
        pids: arguments.pids.clone(),
    })
}

fn pace(arguments: &Arguments) -> Pace {
    match (arguments.rate, arguments.in_flight) {
        (Some(rate), _) => Pace::Rate(rate),
        (None, Some(window)) => Pace::InFlight(window),
        (None, None) if arguments.publishers == 0 => Pace::Idle,
        (None, None) => Pace::Rate(100.0),
    }
}

fn spread(text: &str) -> Result<Spread, Failure> {
    match text {
        "even" => Ok(Spread::Even),
        "zipf" => Ok(Spread::Zipf),
        _ => Err(usage("--spread", format!("'{text}' is not known; there are even and zipf"))),
    }
}

fn share(text: &str) -> Result<f64, Failure> {
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => text.parse(),
    };
    share.map_err(|_| usage("--slow", format!("'{text}' is no share such as 10%")))
}

fn tokens(arguments: &Arguments) -> Result<Vec<String>, Failure> {
    let given = match &arguments.token_file {
        None => arguments.token.iter().cloned().collect(),
        Some(file) => {
            let text = fs::read_to_string(file)
                .map_err(|error| usage("--token-file", format!("{}: {error}", file.display())))?;
            let tokens: Vec<String> =
                text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
            if tokens.is_empty() {
                return Err(usage("--token-file", format!("{} holds no token", file.display())));
            }
            tokens
        }
    };
    // Which one is not said: it is a secret.
    match given.iter().all(|token| HeaderValue::from_str(token).is_ok()) {
        true => Ok(given),
        false => Err(Failure::Usage("a token holds characters that no header can".into())),
    }
}

fn header(text: &str) -> Result<(String, String), Failure> {
    let parts = text.split_once(':').map(|(name, value)| (name.trim(), value.trim()));
    let (name, value) = parts
        .filter(|(name, value)| name.parse::<HeaderName>().is_ok() && HeaderValue::from_str(value).is_ok())
        .ok_or_else(|| {
            usage("--header", format!("'{}' is no header such as 'Name: value'", text.escape_debug()))
        })?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Each connection is a client of its own: none goes on with another's TLS session.
fn tls(trust: &Trust) -> Result<Arc<ClientConfig>, Failure> {
    let given = trust.config().map_err(|error| Failure::Usage(error.to_string()))?;
    let mut config = given.unwrap_or_else(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
    });
    config.resumption = rustls::client::Resumption::disabled();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
