//! `tidegate serve`: starts the gateway.

use std::io::{IsTerminal, stderr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tidegate::app::{self, Launch, SetLevel};
use tidegate::config::model::log;
use tidegate::config::{self, Loaded, Sources};
use tracing_subscriber::{EnvFilter, reload};

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
    let set_level = start_log(&config.log);
    for warning in warnings {
        tracing::warn!("{}: {}: {}", warning.place, warning.key, warning.message);
    }
    app::serve(Launch { config, sources, ready_file: arguments.ready_file, set_level })
}

/// The log goes to standard error, in colour where a person reads it. Answers what sets its level.
fn start_log(config: &log::Config) -> SetLevel {
    let colour = stderr().is_terminal() && super::listen::colour_wanted();
    // An error of writing a line would be told on standard error again, by a macro that panics where it cannot.
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter(&config.level))
        .with_writer(stderr)
        .with_ansi(colour)
        .log_internal_errors(false);
    match config.format {
        log::Format::Text => {
            let log = log.with_filter_reloading();
            let handle = log.reload_handle();
            log.init();
            Box::new(move |level| set(&handle, level))
        }
        log::Format::Json => {
            let log = log.json().flatten_event(true).with_filter_reloading();
            let handle = log.reload_handle();
            log.init();
            Box::new(move |level| set(&handle, level))
        }
    }
}

/// The embedded store tells of every file that it opens; what is configured comes behind and wins.
fn filter(level: &str) -> EnvFilter {
    EnvFilter::builder().parse_lossy(format!("fjall=warn,lsm_tree=warn,{level}"))
}

fn set<S>(handle: &reload::Handle<EnvFilter, S>, level: &str) {
    if let Err(error) = handle.reload(filter(level)) {
        tracing::error!(%error, "the log's level is not set");
    }
}
