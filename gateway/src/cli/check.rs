//! `tidegate check`: judges a configuration.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use tidegate::app;
use tidegate::config::{self, Finding, Loaded, Severity};

use super::{Settings, UNUSABLE};

/// The options of `check`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(flatten)]
    settings: Settings,
    /// Print the effective settings as TOML, with secrets as ***
    #[arg(long, conflicts_with = "schema")]
    print: bool,
    /// Print the JSON Schema of all settings, for editors
    #[arg(long)]
    schema: bool,
}

const EXAMPLES: &str = "\
Examples:
  tidegate check --config config/tidegate.toml
  tidegate check --config config/immune.toml --set cors.origins='[\"https://app.example.com\"]' --print

Each line of the report says where a setting was given, which one it is, and what is wrong. The plugins are loaded and
judge their own settings; none is started, and nothing is connected to. The exit code is 64 with errors, and 0 without,
whatever is warned of.";

/// Judges the configuration, and prints what is asked for.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let printed = if arguments.schema {
        print(&format!("{:#}", config::schema())).map(|()| ExitCode::SUCCESS)
    } else if arguments.print {
        effective(&arguments.settings)
    } else {
        report(&config::check(&arguments.settings.sources(), app::rehearse))
    };
    // The reader has gone (`| head`): nobody is left to be told.
    printed.unwrap_or(ExitCode::FAILURE)
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", text.trim_end())?;
    out.flush()
}

/// The effective settings; what is wrong or risky goes beside them, to standard error.
fn effective(settings: &Settings) -> io::Result<ExitCode> {
    match config::load(&settings.sources()) {
        Ok(Loaded { config, warnings }) => {
            warnings.iter().for_each(|warning| eprintln!("{warning}"));
            match config::to_toml(&config) {
                Ok(text) => print(&text).map(|()| ExitCode::SUCCESS),
                Err(error) => {
                    eprintln!("error: the settings cannot be written as TOML: {error}");
                    Ok(ExitCode::FAILURE)
                }
            }
        }
        Err(report) => {
            eprintln!("{report}");
            Ok(ExitCode::from(UNUSABLE))
        }
    }
}

fn report(findings: &[Finding]) -> io::Result<ExitCode> {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let warnings = findings.len() - errors;
    let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    let lines: Vec<_> = findings.iter().map(ToString::to_string).collect();
    let summary = match (errors, warnings) {
        (0, 0) => "ok".to_owned(),
        (0, _) => format!("ok, with {}", count(warnings, "warning")),
        _ => format!("{}, {}", count(errors, "error"), count(warnings, "warning")),
    };
    print(&lines.into_iter().chain([summary]).collect::<Vec<_>>().join("\n"))?;
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::from(UNUSABLE) })
}
