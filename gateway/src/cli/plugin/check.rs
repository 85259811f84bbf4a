//! `tidegate plugin check`: a trial run.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Map, Value};
use tidegate::dialect::Rooms;
use tidegate::plugin::trial::{self, Core, Finding};
use tidegate::router::Router;

use super::super::UNUSABLE;

/// The options of `plugin check`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(in super::super) struct Arguments {
    /// The library
    #[arg(value_name = "FILE.so")]
    file: PathBuf,
    /// Its settings: a JSON object
    #[arg(long, value_name = "JSON", default_value = "{}")]
    config: String,
    /// Loads the library in this process
    #[arg(long, hide = true)]
    inside: bool,
}

const EXAMPLES: &str = "\
Examples:
  tidegate plugin check target/debug/libtidegate_echo.so
  tidegate plugin check libtidegate_hello.so --config '{\"greeting\": \"hi\"}'

The library's symbol, ABI, manifest and schemas are judged, and the settings; then it is started against a real
gateway without clients and with an empty store, asked how it is, and stopped. All this happens in a process of its
own. The exit code is 1 with errors, 64 where the settings are no JSON object, and 0 otherwise.";

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let config = match serde_json::from_str::<Map<String, Value>>(&arguments.config) {
        Ok(config) => Value::Object(config),
        Err(error) => {
            eprintln!("error: --config: expected a JSON object: {error}");
            return ExitCode::from(UNUSABLE);
        }
    };
    if arguments.inside {
        return inside(arguments, config);
    }
    super::in_child("check", &arguments.file, &["--config", &arguments.config])
}

fn inside(arguments: &Arguments, config: Value) -> ExitCode {
    let core = Core { routes: Router::is_core, calls: Rooms::reserved().collect() };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let findings = runtime.block_on(trial::run(&arguments.file, config, core));
    for finding in &findings {
        println!("{finding}");
    }
    if findings.iter().any(|finding| matches!(finding, Finding::Error(_))) {
        return ExitCode::FAILURE;
    }
    println!("ok: {}", arguments.file.display());
    ExitCode::SUCCESS
}
