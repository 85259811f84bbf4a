//! `tidegate serve`: starts the gateway.

use std::io::{IsTerminal, stderr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tidegate::config::model::log;
use tidegate::config::{self, Loaded, Sources};
use tracing_subscriber::EnvFilter;

use super::{Settings, UNUSABLE};

/// The options of `serve`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(flatten)]
    settings: Settings,
    /// Listen here instead of at the first listener's address; port 0 takes a free one
    #[arg(short, long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Keep all stores in this directory
    #[arg(short, long, value_name = "DIRECTORY")]
    data: Option<PathBuf>,
    /// Once ready, write the process's id and the addresses that it listens on into this file, as JSON
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  tidegate serve --config config/immune.toml --data /var/lib/tidegate
  tidegate serve --listen 127.0.0.1:0 --ready-file /tmp/ready.json
  tidegate serve --set log.level=debug --set 'room=[{prefix=\"news:\", history={size=100, ttl=\"1h\"}}]'
  TIDEGATE_LIMITS__ROOMS_PER_SESSION=50 tidegate serve

SIGTERM and SIGINT drain: sessions are told to go, then the gateway ends with exit code 0; a second signal ends it at
once. A configuration with errors ends it with exit code 64.";

/// Starts the gateway and serves until it is told to end.
pub(super) fn run(arguments: Arguments) -> ExitCode {
    let sources = Sources { listen: arguments.listen, data: arguments.data, ..arguments.settings.sources() };
    let Loaded { config, warnings } = match config::load(&sources) {
        Ok(loaded) => loaded,
        Err(report) => {
            eprintln!("{report}");
            return ExitCode::from(UNUSABLE);
        }
    };
    start_log(&config.log);
    for warning in warnings {
        tracing::warn!("{}: {}: {}", warning.place, warning.key, warning.message);
    }
    tidegate::app::serve(config, arguments.ready_file)
}

/// The log goes to standard error, in colour where a person reads it.
fn start_log(config: &log::Config) {
    // The embedded store tells of every file that it opens; what is configured comes behind and wins.
    let filter = EnvFilter::builder().parse_lossy(format!("fjall=warn,lsm_tree=warn,{}", config.level));
    let colour = stderr().is_terminal() && super::listen::colour_wanted();
    // An error of writing a line would be told on standard error again, by a macro that panics where it cannot.
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(colour)
        .log_internal_errors(false);
    match config.format {
        log::Format::Text => log.init(),
        log::Format::Json => log.json().flatten_event(true).init(),
    }
}
